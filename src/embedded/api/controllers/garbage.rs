//! The garbage collector: what belongs to nobody any more goes.
//!
//! An object belongs to those that `metadata.ownerReferences` names, by uid. It goes when all of
//! them are gone, or when the last one waits for it (`propagationPolicy: Foreground`).

use std::sync::Arc;

use serde_json::{Value, json};

use super::Controllers;
use crate::embedded::api::call::Verb;
use crate::embedded::api::delete::{Deletion, FOREGROUND, ORPHAN, Propagation};
use crate::embedded::api::form;
use crate::embedded::api::object;
use crate::embedded::api::store::{Commit, Key};

/// What has become of an owner.
enum Owner {
    /// It is not there, or another object has its name.
    Absent,
    /// Its kind is not known, or it cannot be an owner: nothing follows from it.
    Unclear,
    Present(Key, Arc<Value>),
}

impl Controllers<'_> {
    pub(super) fn collect_garbage(&mut self, change: &Commit) {
        let Some(after) = &change.after else {
            return self.mourn(change);
        };
        if object::is_deleting(after) {
            self.release(&change.key);
            return;
        }
        let before = change.before.as_ref().map(|before| owners(before));
        if before.as_deref() != Some(owners(after).as_slice()) {
            self.judge(&change.key);
        }
    }

    /// An object is gone: its dependents may go too, and owners may have waited for it.
    fn mourn(&mut self, change: &Commit) {
        let Some(gone) = &change.before else {
            return;
        };
        for dependent in self.dependents_of(object::uid(gone)) {
            self.judge(&dependent);
        }
        for owner in owners(gone) {
            if let Owner::Present(key, _) = self.find_owner(&change.key.namespace, owner) {
                self.release(&key);
            }
        }
    }

    /// Lets an object go that is being deleted, when its dependents no longer hold it back.
    fn release(&mut self, key: &Key) {
        let Some(owner) = self.store.get(key).cloned().filter(|owner| object::is_deleting(owner))
        else {
            return;
        };
        let uid = object::uid(&owner);
        if object::finalizers(&owner).contains(&ORPHAN) {
            for dependent in self.dependents_of(uid) {
                self.change_owners(&dependent, |owners| owners.retain(|owner| owner["uid"] != uid));
            }
            self.drop_finalizer(key, ORPHAN);
        } else if object::finalizers(&owner).contains(&FOREGROUND) {
            for dependent in self.dependents_of(uid) {
                self.judge(&dependent);
            }
            if !self.is_blocked(uid) {
                self.drop_finalizer(key, FOREGROUND);
            }
        }
    }

    /// Whether a dependent says that this owner must wait for it.
    fn is_blocked(&self, uid: &str) -> bool {
        self.dependents_of(uid).iter().filter_map(|key| self.store.get(key)).any(|dependent| {
            owners(dependent)
                .iter()
                .any(|owner| owner["uid"] == uid && owner["blockOwnerDeletion"] == true)
        })
    }

    /// Deletes an object that nobody owns any more, and forgets owners that are gone.
    fn judge(&mut self, key: &Key) {
        let Some(object) = self.store.get(key).cloned() else {
            return;
        };
        if object::is_deleting(&object) {
            return;
        }
        let (mut solid, mut gone, mut waiting) = (0, Vec::new(), 0);
        for owner in owners(&object) {
            let uid = owner["uid"].clone();
            match self.find_owner(&key.namespace, owner) {
                Owner::Unclear => return,
                Owner::Absent => gone.push(uid),
                Owner::Present(_, owner) if waits(&owner) => {
                    waiting += 1;
                    gone.push(uid);
                }
                Owner::Present(..) => solid += 1,
            }
        }
        if gone.is_empty() {
            return;
        }
        if solid > 0 {
            self.change_owners(key, |owners| owners.retain(|owner| !gone.contains(&owner["uid"])));
            return;
        }
        let dependents = self.dependents_of(object::uid(&object));
        let foreground = waiting > 0 && !dependents.is_empty();
        if foreground && dependents.iter().any(|key| self.store.get(key).is_some_and(|o| waits(o)))
        {
            // They would wait for each other.
            self.change_owners(key, |owners| {
                for owner in owners {
                    owner["blockOwnerDeletion"] = json!(false);
                }
            });
        }
        let propagation = foreground.then_some(Propagation::Foreground);
        let deletion = Deletion { propagation, ..Deletion::default() };
        self.work(key, Verb::Delete, "", |work, old| {
            work.admit(Some(&form::present(work.resource, old)), None)?;
            Ok(work.begin_deletion(key, old, &deletion))
        });
    }

    fn find_owner(&self, namespace: &str, owner: &Value) -> Owner {
        let text = |field: &str| owner[field].as_str().unwrap_or_default();
        let Some(resource) = self.store.registry.find_kind(text("apiVersion"), text("kind")) else {
            return Owner::Unclear;
        };
        let namespaced = resource.kind.namespaced;
        if namespaced && namespace.is_empty() {
            return Owner::Unclear;
        }
        let key = Key {
            resource: Arc::clone(&resource.kind.stored_as),
            namespace: if namespaced { namespace.to_owned() } else { String::new() },
            name: text("name").to_owned(),
        };
        match self.store.get(&key) {
            Some(found) if object::uid(found) == text("uid") => {
                Owner::Present(key, Arc::clone(found))
            }
            Some(_) | None => Owner::Absent,
        }
    }

    fn dependents_of(&self, uid: &str) -> Vec<Key> {
        let owned = |object: &Value| owners(object).iter().any(|owner| owner["uid"] == uid);
        let dependents = self.store.all().filter(|(_, object)| owned(object));
        dependents.map(|(key, _)| key.clone()).collect()
    }

    fn change_owners(&mut self, key: &Key, change: impl FnOnce(&mut Vec<Value>)) {
        self.work(key, Verb::Patch, "", |work, old| {
            let mut value = form::present(work.resource, old);
            let owners = value["metadata"]["ownerReferences"].as_array().cloned();
            let mut owners = owners.unwrap_or_default();
            change(&mut owners);
            let owners = (!owners.is_empty()).then(|| json!(owners));
            object::set_meta(&mut value, "ownerReferences", owners);
            work.replace(key, old, value)
        });
    }

    fn drop_finalizer(&mut self, key: &Key, finalizer: &str) {
        self.work(key, Verb::Patch, "", |work, old| {
            let mut value = form::present(work.resource, old);
            let left = object::finalizers(&value).into_iter().filter(|known| *known != finalizer);
            let left: Vec<&str> = left.collect();
            let left = (!left.is_empty()).then(|| json!(left));
            object::set_meta(&mut value, "finalizers", left);
            work.replace(key, old, value)
        });
    }
}

/// Whether an object is being deleted and waits for its dependents.
fn waits(object: &Value) -> bool {
    object::is_deleting(object) && object::finalizers(object).contains(&FOREGROUND)
}

fn owners(object: &Value) -> Vec<&Value> {
    object["metadata"]["ownerReferences"].as_array().into_iter().flatten().collect()
}
