//! What certrotor remembers of a database, and what it shows of it.
//!
//! Times are texts in RFC 3339, digests are texts in hexadecimal, words are those of
//! `core::vocabulary`. They are judged where they are read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What certrotor remembers and shows. Only certrotor writes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotationStatus {
    /// The generation of the spec that this speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The installation of certrotor that writes this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installation: Option<String>,
    /// The uid of the MySQL that this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_uid: Option<String>,
    /// What the database is doing, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The first of the reasons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why it is in this state: causes of a rotation and gates in its way, each one word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// The same in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The certificates of the database, as they were issued.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = json!(["alias"])
    ))]
    pub certificates: Vec<CertificateFacts>,
    /// When the first of them ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// When the next rotation may begin, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The state once more, for `kubectl wait`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = json!(["type"])
    ))]
    pub conditions: Vec<Condition>,
    /// The rotation that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Current>,
    /// The rotation that was closed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Last>,
    /// How the newest attempt ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_outcome: Option<String>,
    /// When the newest attempt that had been started ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_rotated: Option<String>,
    /// The newest ended attempts, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// The value of `spec.requestedAt` that was acted on last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handled_request: Option<String>,
    /// The schedule that the database was last seen under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
}

/// One certificate of the database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateFacts {
    /// Which one: `server`, `client`, `metrics-exporter`.
    pub alias: String,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
    /// The Secret it is stored in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<String>,
    /// Its serial number, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The SHA-256 of the certificate, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Who signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
}

/// One aspect of the state, as Kubernetes tools expect it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Which aspect.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Why, in one word.
    pub reason: String,
    /// Why, in one sentence; may be empty.
    pub message: String,
    /// Since when.
    pub last_transition_time: String,
    /// The generation of the spec that this speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// An open rotation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Current {
    /// When it was opened.
    pub opened: String,
    /// Why, and what each cause rested on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// The leaf that each certificate had when it was opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baseline: Vec<Leaf>,
    /// Which attempt this is, counted from one.
    pub attempt: i64,
    /// How many attempts failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<i64>,
    /// How many attempts came to nothing without failing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setbacks: Option<i64>,
    /// The stage of the newest failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_stage: Option<String>,
    /// No attempt before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_try: Option<String>,
    /// The MySQLOpsRequest of this attempt.
    pub request: RequestRef,
    /// The value of `spec.requestedAt` that this rotation answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<String>,
    /// The occurrence of the schedule that this rotation answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<String>,
    /// The request is being taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawal: Option<Withdrawal>,
}

/// Why a rotation was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// The cause, in one word.
    pub cause: String,
    /// The certificate that it was seen on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// A digest of what it rested on: while it stays the same, the cause is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<String>,
}

/// One certificate, told from those before and after it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Leaf {
    /// Which certificate of the database.
    pub alias: String,
    /// When it begins.
    pub not_before: String,
    /// When it ends.
    pub not_after: String,
    /// The SHA-256 of the certificate, in hexadecimal, where it has been seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// The MySQLOpsRequest of an attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestRef {
    /// Its name, chosen before it is created.
    pub name: String,
    /// Its uid, once it has been created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// When it was seen created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// When it was seen started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// When it was seen ended, where it does not say itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// How pressing the rotation was when it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Its `spec.apply`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply: Option<String>,
}

/// A request that is being taken back: written here first, then deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Withdrawal {
    /// How the attempt will have ended.
    pub outcome: String,
    /// Why.
    pub reason: String,
}

/// A closed rotation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Last {
    /// When it was opened.
    pub opened: String,
    /// When it was closed.
    pub closed: String,
    /// Why it was opened, and what each cause rested on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// How many attempts it took.
    pub attempt: i64,
    /// How many of them failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<i64>,
    /// How it ended, in one word.
    pub outcome: String,
    /// How it ended, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The MySQLOpsRequest of its last attempt.
    pub request: RequestRef,
    /// The leaf that each certificate had when it was closed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub produced: Vec<Leaf>,
    /// What was left of the oldest certificate's life when its last request started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life_left_seconds: Option<i64>,
    /// How long its last request took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<i64>,
}

/// An ended attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// The name of its MySQLOpsRequest.
    pub request: String,
    /// How it ended, in one word.
    pub outcome: String,
    /// When it was judged.
    pub ended: String,
    /// When its request was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// How long its request took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<i64>,
    /// The issuer of the server certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
}

/// A schedule that has been seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// A digest of its text: another schedule starts afresh.
    pub digest: String,
    /// Since when it holds for this database: earlier occurrences do not count.
    pub first_seen: String,
    /// The occurrence that was satisfied last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub satisfied: Option<String>,
}
