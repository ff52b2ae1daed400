//! What all objects have in common: conditions, owners, and the keys that certrotor sets.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde::{Deserialize, Serialize};

use super::tolerant;
use super::word::open_words;
use crate::core::time::Time;

/// The label that says which program made an object.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// Its value on what certrotor makes.
pub const MANAGED_BY: &str = "certrotor";
/// The label by which KubeDB names the database that something belongs to.
pub const INSTANCE_LABEL: &str = "app.kubernetes.io/instance";

/// Label and annotation: the installation that made a request.
pub const INSTALLATION: &str = "certrotor.dev/installation";
/// Annotation: what tells a request of ours from somebody else's of the same name.
pub const ROTATION_KEY: &str = "certrotor.dev/rotation-key";
/// Annotation: the uid of the MySQL that a request was made for.
pub const DATABASE_UID: &str = "certrotor.dev/database-uid";
/// Annotation: when the rotation was opened.
pub const OPENED: &str = "certrotor.dev/opened";
/// Annotation: which attempt of the rotation a request is.
pub const ATTEMPT: &str = "certrotor.dev/attempt";
/// Annotation: how many attempts had failed before.
pub const FAILURES: &str = "certrotor.dev/failures";
/// Annotation: why, as JSON.
pub const CAUSES: &str = "certrotor.dev/causes";
/// Annotation: the leaf that each certificate had when the rotation was opened, as JSON.
pub const BASELINE: &str = "certrotor.dev/baseline";
/// Annotation: the stage that the request was created at.
pub const STAGE: &str = "certrotor.dev/stage";
/// Annotation: the value of `spec.requestedAt` that the rotation answers.
pub const REQUESTED_AT: &str = "certrotor.dev/requested-at";
/// Annotation: the occurrence of the schedule that the rotation answers.
pub const OCCURRENCE: &str = "certrotor.dev/occurrence";

open_words! {
    /// `status` of a condition.
    ConditionStatus {
        /// It holds.
        True = "True",
        /// It does not hold.
        False = "False",
        /// Nobody knows.
        Unknown = "Unknown",
    }
}

/// One condition of an object's status.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Condition {
    /// What it is about.
    #[serde(rename = "type", deserialize_with = "tolerant::value")]
    pub type_: String,
    /// Whether it holds.
    #[serde(deserialize_with = "tolerant::optional", skip_serializing_if = "Option::is_none")]
    pub status: Option<ConditionStatus>,
    /// Why, in a word.
    #[serde(deserialize_with = "tolerant::value", skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Why, in a sentence.
    #[serde(deserialize_with = "tolerant::value", skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Since when.
    #[serde(deserialize_with = "tolerant::optional", skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
    /// The generation of the object that it speaks of.
    #[serde(deserialize_with = "tolerant::optional", skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

impl Condition {
    /// Whether its status is `True`.
    pub fn holds(&self) -> bool {
        self.status == Some(ConditionStatus::True)
    }
}

/// The condition of this type.
pub fn condition<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// Whether the condition of this type is there and holds.
pub fn holds(conditions: &[Condition], type_: &str) -> bool {
    condition(conditions, type_).is_some_and(Condition::holds)
}

/// When the object was created.
pub fn created(metadata: &ObjectMeta) -> Option<Time> {
    metadata.creation_timestamp.as_ref().map(|time| Time::from(time.0))
}

/// Whether the object is being deleted.
pub fn is_deleting(metadata: &ObjectMeta) -> bool {
    metadata.deletion_timestamp.is_some()
}

/// An annotation of the object.
pub fn annotation<'a>(metadata: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

/// A label of the object.
pub fn label<'a>(metadata: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    metadata.labels.as_ref()?.get(key).map(String::as_str)
}

/// The owner that controls the object.
pub fn controller(metadata: &ObjectMeta) -> Option<&OwnerReference> {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    owners.iter().find(|owner| owner.controller == Some(true))
}

/// Whether the object with this uid is among the owners.
pub fn is_owned_by(metadata: &ObjectMeta, uid: &str) -> bool {
    metadata.owner_references.iter().flatten().any(|owner| owner.uid == uid)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions_are_found_by_type() {
        let conditions: Vec<Condition> = serde_json::from_value(json!([
            {"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-23T22:00:00Z",
             "reason": "SomeReplicasNotReady", "message": "one of three", "observedGeneration": 3},
            {"type": "Paused", "status": "True"},
            {"type": "Odd", "status": "perhaps", "lastTransitionTime": "yesterday", "reason": 5,
             "observedGeneration": "x"},
            {},
        ]))
        .unwrap();
        assert!(!holds(&conditions, "Ready"));
        assert!(holds(&conditions, "Paused"));
        assert!(!holds(&conditions, "Absent"));
        let ready = condition(&conditions, "Ready").unwrap();
        assert_eq!(ready.last_transition_time, "2026-11-23T22:00:00Z".parse().ok());
        let odd = condition(&conditions, "Odd").unwrap();
        assert_eq!(odd.status, Some(ConditionStatus::Other("perhaps".to_owned())));
        assert_eq!((odd.last_transition_time, odd.reason.as_str()), (None, ""));
    }

    #[test]
    fn owners_and_keys() {
        let metadata: ObjectMeta = serde_json::from_value(json!({
            "annotations": {ATTEMPT: "2"}, "labels": {INSTALLATION: "a"},
            "creationTimestamp": "2026-11-23T22:00:00Z",
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "A", "name": "a", "uid": "1"},
                {"apiVersion": "v1", "kind": "B", "name": "b", "uid": "2", "controller": true},
            ],
        }))
        .unwrap();
        assert_eq!(controller(&metadata).map(|owner| owner.name.as_str()), Some("b"));
        assert!(is_owned_by(&metadata, "1") && !is_owned_by(&metadata, "3"));
        assert_eq!(annotation(&metadata, ATTEMPT), Some("2"));
        assert_eq!(label(&metadata, INSTALLATION), Some("a"));
        assert_eq!(created(&metadata), "2026-11-23T22:00:00Z".parse().ok());
        assert!(!is_deleting(&metadata));
    }
}
