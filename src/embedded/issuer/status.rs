//! A status that is being changed: what differs in the end is one merge patch.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::core::time::Time;

/// The status of an object, as it is and as it is to become. Fields that nobody here knows stay.
#[derive(Clone, Debug)]
pub(super) struct Status {
    before: Map<String, Value>,
    after: Map<String, Value>,
    conditions: Vec<Value>,
    resource_version: Value,
    /// Conditions of requests say nothing of generations.
    generation: Option<Value>,
    now: Time,
}

impl Status {
    /// That of a Certificate or an issuer.
    pub(super) fn of(object: &Value, now: Time) -> Self {
        let generation = Some(object["metadata"]["generation"].clone());
        Self { generation, ..Self::of_request(object, now) }
    }

    /// That of a `CertificateRequest`.
    pub(super) fn of_request(object: &Value, now: Time) -> Self {
        let before = object["status"].as_object().cloned().unwrap_or_default();
        Self {
            after: before.clone(),
            conditions: object["status"]["conditions"].as_array().cloned().unwrap_or_default(),
            before,
            resource_version: object["metadata"]["resourceVersion"].clone(),
            generation: None,
            now,
        }
    }

    /// Sets a field, or removes it.
    pub(super) fn set(&mut self, field: &str, value: Option<impl Serialize>) {
        match value.and_then(|value| serde_json::to_value(value).ok()) {
            Some(value) => drop(self.after.insert(field.to_owned(), value)),
            None => drop(self.after.remove(field)),
        }
    }

    /// Sets a condition. The time of its transition stays when it holds, or not, as before.
    pub(super) fn condition(&mut self, kind: &str, holds: bool, reason: &str, message: &str) {
        let status = if holds { "True" } else { "False" };
        let mut new = json!({"type": kind, "status": status, "reason": reason,
            "lastTransitionTime": self.now});
        if !message.is_empty() {
            new["message"] = json!(message);
        }
        if let Some(generation) = &self.generation {
            new["observedGeneration"] = generation.clone();
        }
        match self.conditions.iter_mut().find(|old| old["type"] == kind) {
            Some(old) => {
                if old["status"] == status && old["lastTransitionTime"].is_string() {
                    new["lastTransitionTime"] = old["lastTransitionTime"].clone();
                }
                *old = new;
            }
            None => self.conditions.push(new),
        }
    }

    /// Removes a condition.
    pub(super) fn remove_condition(&mut self, kind: &str) {
        self.conditions.retain(|condition| condition["type"] != kind);
    }

    /// The patch, good for this version of the object only; none when nothing changes.
    pub(super) fn patch(mut self) -> Option<Value> {
        if !(self.conditions.is_empty() && self.before.get("conditions").is_none()) {
            self.after.insert("conditions".to_owned(), Value::Array(self.conditions));
        }
        let changed = self.after.iter().filter(|(field, new)| self.before.get(*field) != Some(new));
        let mut status: Map<String, Value> =
            changed.map(|(field, new)| (field.clone(), new.clone())).collect();
        let gone = self.before.keys().filter(|field| !self.after.contains_key(*field));
        status.extend(gone.map(|field| (field.clone(), Value::Null)));
        if status.is_empty() {
            return None;
        }
        let metadata = json!({"resourceVersion": self.resource_version});
        Some(json!({"metadata": metadata, "status": status}))
    }
}
