//! Who may refuse a write besides the API server itself: the seam for webhooks such as KubeDB's.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::call::Call;
use super::failure::Failure;
use super::store::{Key, Store};

/// A write that is about to happen.
pub struct Review<'a> {
    /// The request.
    pub call: &'a Call,
    /// What the object is; none when it is created.
    pub before: Option<&'a Value>,
    /// What it shall be; none when it is deleted.
    pub after: Option<&'a Value>,
    /// Who asks for it.
    pub user: &'a str,
    store: &'a Store,
}

impl<'a> Review<'a> {
    pub(super) fn new(
        call: &'a Call,
        before: Option<&'a Value>,
        after: Option<&'a Value>,
        user: &'a str,
        store: &'a Store,
    ) -> Self {
        Self { call, before, after, user, store }
    }

    /// Another object; `resource` is `<plural>.<group>`, or the plural alone for the core group.
    pub fn find(&self, resource: &str, namespace: &str, name: &str) -> Option<&'a Value> {
        let key = Key {
            resource: resource.into(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        self.store.get(&key).map(AsRef::as_ref)
    }
}

impl fmt::Debug for Review<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}", self.call, self.user)
    }
}

type Judge = dyn Fn(&Review<'_>) -> Result<(), String> + Send + Sync;

/// A validating webhook.
#[derive(Clone)]
pub(super) struct Admission {
    name: String,
    judge: Arc<Judge>,
}

impl Admission {
    pub(super) fn new(
        name: &str,
        judge: impl Fn(&Review<'_>) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.to_owned(), judge: Arc::new(judge) }
    }

    pub(super) fn ask(&self, review: &Review<'_>) -> Result<(), Failure> {
        (self.judge)(review).map_err(|why| {
            let name = &self.name;
            let message = format!("admission webhook {name:?} denied the request: {why}");
            Failure::new(403, "Forbidden", message)
        })
    }
}
