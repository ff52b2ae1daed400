//! Who may refuse a write besides the API server itself: the seam for webhooks such as KubeDB's.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::call::Call;
use super::failure::Failure;
use super::object;
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
    changes: RefCell<Vec<(Key, Value)>>,
}

impl<'a> Review<'a> {
    pub(super) fn new(
        call: &'a Call,
        before: Option<&'a Value>,
        after: Option<&'a Value>,
        user: &'a str,
        store: &'a Store,
    ) -> Self {
        Self { call, before, after, user, store, changes: RefCell::default() }
    }

    /// Another object; `resource` is `<plural>.<group>`, or the plural alone for the core group.
    pub fn find(&self, resource: &str, namespace: &str, name: &str) -> Option<&'a Value> {
        self.store.get(&key(resource, namespace, name)).map(AsRef::as_ref)
    }

    /// Changes another object together with this write, if nobody refuses it: the side effect of
    /// a webhook. `object` is one that [`find`](Self::find) gave, changed.
    pub fn change(&self, resource: &str, object: Value) {
        let key = key(resource, object::namespace(&object), object::name(&object));
        self.changes.borrow_mut().push((key, object));
    }
}

fn key(resource: &str, namespace: &str, name: &str) -> Key {
    Key { resource: resource.into(), namespace: namespace.to_owned(), name: name.to_owned() }
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

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What else it changes, unless it refuses the write.
    pub(super) fn ask(&self, review: &Review<'_>) -> Result<Vec<(Key, Value)>, Failure> {
        (self.judge)(review).map_err(|why| {
            let name = &self.name;
            let message = format!("admission webhook {name:?} denied the request: {why}");
            Failure::new(403, "Forbidden", message)
        })?;
        Ok(review.changes.take())
    }
}
