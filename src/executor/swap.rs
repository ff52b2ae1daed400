//! A compare-and-swap of the conditions of an object.
//!
//! Conditions are one plain list in KubeDB's kinds: whoever writes one writes all. So the object is
//! read again as it is, unknown fields and all, one condition is set or removed, and the list is
//! written back under the resourceVersion that the decision was made on.

use kube::api::{Patch, PatchParams};
use kube::core::DynamicObject;
use kube::discovery::ApiResource;
use serde_json::{Map, Value, json};

use super::{FIELD_MANAGER, Hand};
use crate::cluster::client::ApiFailure;
use crate::core::time::Time;

/// What one write came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// It was carried out.
    Yes,
    /// The cluster has moved on: it is decided anew.
    Overtaken,
    /// It is not allowed now, and will be: a disruption budget.
    Refused,
}

/// An object as it was decided on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    pub(super) resource: &'a ApiResource,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) resource_version: &'a str,
}

/// A condition to be set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Set<'a> {
    pub(super) kind: &'a str,
    pub(super) status: &'a str,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
}

/// The conditions of an object, as they are written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Conditions {
    list: Vec<Value>,
    generation: i64,
}

impl Conditions {
    /// Of an object.
    pub(super) fn of(object: &DynamicObject) -> Self {
        let list = object.data.pointer("/status/conditions").and_then(Value::as_array);
        let generation = object.metadata.generation.unwrap_or_default();
        Self { list: list.cloned().unwrap_or_default(), generation }
    }

    /// Sets a condition. One that says the same already keeps its time.
    pub(super) fn set(&mut self, set: Set<'_>, now: Time) {
        let Set { kind, status, reason, message } = set;
        let says = |condition: &Value, key: &str, value: &str| condition[key] == value;
        let known = self.list.iter_mut().find(|condition| says(condition, "type", kind));
        let condition = json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "observedGeneration": self.generation, "lastTransitionTime": now,
        });
        match known {
            Some(known)
                if says(known, "status", status)
                    && says(known, "reason", reason)
                    && says(known, "message", message) => {}
            Some(known) => *known = condition,
            None => self.list.push(condition),
        }
    }

    /// Takes a condition away.
    pub(super) fn remove(&mut self, kind: &str) {
        self.list.retain(|condition| condition["type"] != kind);
    }
}

impl Hand {
    /// Changes the conditions of an object, and `rest` of its status, if it is still the one that
    /// was decided on.
    pub(super) async fn swap(
        &self,
        target: Target<'_>,
        rest: Map<String, Value>,
        edit: impl FnOnce(&mut Conditions),
    ) -> Result<Done, ApiFailure> {
        let Target { resource, namespace, name, resource_version } = target;
        let api = self.api_with::<DynamicObject>(namespace, resource);
        let Some(object) = super::found(self.calls.run("get", api.get(name)).await)? else {
            return Ok(Done::Overtaken);
        };
        if object.metadata.resource_version.as_deref() != Some(resource_version) {
            return Ok(Done::Overtaken);
        }
        let mut conditions = Conditions::of(&object);
        edit(&mut conditions);
        let mut status = rest;
        status.insert("conditions".to_owned(), Value::Array(conditions.list));
        let patch = Patch::Merge(json!({
            "metadata": {"resourceVersion": resource_version}, "status": status,
        }));
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        match self.calls.run("patch", api.patch_status(name, &params, &patch)).await {
            Ok(_) => Ok(Done::Yes),
            Err(ApiFailure::Conflict | ApiFailure::NotFound) => Ok(Done::Overtaken),
            Err(failure) => Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions() -> Conditions {
        let object: DynamicObject = serde_json::from_value(json!({
            "metadata": {"generation": 3},
            "status": {"conditions": [
                {"type": "Theirs", "status": "True", "severity": "Info", "unknown": [1],
                    "lastTransitionTime": "2026-11-23T12:00:00Z"},
                {"type": "Ours", "status": "False", "reason": "A", "message": "a",
                    "observedGeneration": 1, "lastTransitionTime": "2026-11-23T12:00:00Z"},
            ]},
        }))
        .unwrap();
        Conditions::of(&object)
    }

    fn set(status: &'static str, message: &'static str) -> Set<'static> {
        Set { kind: "Ours", status, reason: "A", message }
    }

    #[test]
    fn what_others_wrote_stays_as_it_is() {
        let now: Time = "2026-11-24T12:00:00Z".parse().unwrap();
        let mut changed = conditions();
        changed.set(set("True", "b"), now);
        changed.set(Set { kind: "New", ..set("True", "c") }, now);
        assert_eq!(changed.list[0], conditions().list[0]);
        assert_eq!(
            changed.list[1],
            json!({"type": "Ours", "status": "True", "reason": "A", "message": "b",
                "observedGeneration": 3, "lastTransitionTime": "2026-11-24T12:00:00Z"})
        );
        assert_eq!(changed.list[2]["type"], "New");
        changed.remove("Ours");
        let kinds: Vec<&Value> = changed.list.iter().map(|it| &it["type"]).collect();
        assert_eq!(kinds, ["Theirs", "New"]);
    }

    #[test]
    fn what_says_the_same_keeps_its_time() {
        let now: Time = "2026-11-24T12:00:00Z".parse().unwrap();
        let mut changed = conditions();
        changed.set(set("False", "a"), now);
        assert_eq!(changed, conditions());
    }

    #[test]
    fn an_object_without_a_status_gets_conditions() {
        let object: DynamicObject = serde_json::from_value(json!({"metadata": {}})).unwrap();
        let mut conditions = Conditions::of(&object);
        conditions.set(set("True", "a"), Time::from_unix(0));
        assert_eq!(conditions.list.len(), 1);
    }
}
