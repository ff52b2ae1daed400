//! Namespaces that are deleted are emptied, and go when they are empty.

use serde_json::json;

use super::Controllers;
use crate::embedded::api::call::Verb;
use crate::embedded::api::delete::Deletion;
use crate::embedded::api::form;
use crate::embedded::api::object;
use crate::embedded::api::store::{Commit, Key};

impl Controllers<'_> {
    pub(super) fn empty_namespace(&mut self, change: &Commit) {
        let is_namespace = &*change.key.resource == "namespaces";
        let name = match &change.after {
            Some(_) if is_namespace => &change.key.name,
            None if !change.key.namespace.is_empty() => &change.key.namespace,
            Some(_) | None => return,
        };
        let key =
            Key { resource: "namespaces".into(), namespace: String::new(), name: name.clone() };
        if !self.store.get(&key).is_some_and(|namespace| object::is_deleting(namespace)) {
            return;
        }
        // Pods first: as long as they run they may need the rest.
        let (pods, rest): (Vec<Key>, Vec<Key>) =
            self.content_of(name).into_iter().partition(|key| &*key.resource == "pods");
        for content in if pods.is_empty() { rest } else { pods } {
            self.work(&content, Verb::Delete, "", |work, old| {
                if object::is_deleting(old) {
                    return Ok(());
                }
                work.admit(Some(&form::present(work.resource, old)), None)?;
                work.begin_deletion(&content, old, &Deletion::default());
                Ok(())
            });
        }
        if self.content_of(name).is_empty() {
            self.work(&key, Verb::Update, "finalize", |work, old| {
                let mut namespace = form::present(work.resource, old);
                namespace["spec"]["finalizers"] = json!([]);
                work.replace(&key, old, namespace)
            });
        }
    }

    fn content_of(&self, namespace: &str) -> Vec<Key> {
        let keys = self.store.all().map(|(key, _)| key);
        keys.filter(|key| key.namespace == namespace).cloned().collect()
    }
}
