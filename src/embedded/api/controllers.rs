//! What the controllers of a cluster do about a change, done in the same moment as the change.
//!
//! The garbage collector, the namespace controller and the disruption controller are part of every
//! cluster, and clients rely on them. Real ones act a little later; here nobody can see the time
//! between, which is one of the orders in which real ones may act.

use std::sync::Arc;

use serde_json::Value;

use super::admission::Admission;
use super::call::{Call, Params, Verb};
use super::failure::Failure;
use super::kind::Resource;
use super::store::{Author, Commit, Key, Store};
use super::work::Work;
use crate::core::time::Time;

mod budgets;
mod garbage;
mod namespaces;

/// Who the controllers are.
const NAME: &str = "kube-controller-manager";
const USER: &str = "system:kube-controller-manager";

/// All controllers, and what they work on.
pub(super) struct Controllers<'a> {
    pub(super) store: &'a mut Store,
    pub(super) admission: &'a [Admission],
    pub(super) now: Time,
}

impl Controllers<'_> {
    /// Acts on every change after a revision, and on the changes that makes, until nothing is left
    /// to do. What is refused stays as it is until something else changes.
    pub(super) fn settle(&mut self, from: u64) {
        let mut seen = from;
        loop {
            let changes: Vec<Commit> = self.store.changes_after(seen).cloned().collect();
            if changes.is_empty() {
                return;
            }
            seen = self.store.revision();
            for change in &changes {
                self.collect_garbage(change);
                self.empty_namespace(change);
                self.keep_budgets(change);
            }
        }
    }

    /// Works on an object as a request would; none when it is not there, or refused.
    fn work<T>(
        &mut self,
        key: &Key,
        verb: Verb,
        subresource: &str,
        act: impl FnOnce(&mut Work<'_>, &Arc<Value>) -> Result<T, Failure>,
    ) -> Option<T> {
        let old = self.store.get(key).cloned()?;
        let resource = self.store.registry.stored_as(&key.resource)?;
        let call = call(&resource, key, verb, subresource);
        let params = Params::default();
        let mut work = Work {
            store: self.store,
            resource: &resource,
            call: &call,
            params: &params,
            author: Author { user: USER.to_owned(), manager: NAME.to_owned() },
            now: self.now,
            dry_run: false,
            admission: self.admission,
            warnings: Vec::new(),
        };
        act(&mut work, &old).ok()
    }

    /// The objects of one of Kubernetes' own kinds in a namespace.
    fn list(&self, group: &str, plural: &str, namespace: &str) -> Vec<(Key, Arc<Value>)> {
        let found = self.store.registry.find(group, "v1", plural);
        found.map_or_else(Vec::new, |found| self.store.list(&found.kind, namespace))
    }
}

fn call(resource: &Resource, key: &Key, verb: Verb, subresource: &str) -> Call {
    Call {
        verb,
        group: resource.kind.group.clone(),
        version: resource.version().name.clone(),
        resource: resource.kind.plural.clone(),
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        subresource: subresource.to_owned(),
    }
}
