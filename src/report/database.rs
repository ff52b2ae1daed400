//! One database: every check of the decision about it, and what that rests on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Life, Line, Source};
use crate::core::time::Time;
use crate::core::vocabulary::{self, Outcome, Stage};

/// Everything that is known and decided of one database.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Who says it, and when.
    #[serde(flatten)]
    pub source: Source,
    /// The database as the fleet shows it: the verdict.
    pub database: Line,
    /// When this verdict may change by itself.
    pub changes: Option<Time>,
    /// Every check for a cause, in the order in which they are looked for; empty where nothing is
    /// managed.
    pub causes: Vec<Cause>,
    /// Every gate, in the order in which they are looked at. Where nothing is due: what would keep a
    /// rotation from beginning now.
    pub gates: Vec<Gate>,
    /// Its certificates.
    pub certificates: Vec<Certificate>,
    /// Its servers.
    pub servers: Vec<Server>,
    /// The rules that hold for it.
    pub rules: Rules,
    /// What people ask for it (`spec` of its Rotation).
    pub wishes: Option<Wishes>,
    /// The rotation that is open.
    pub current: Option<Current>,
    /// The rotation that was closed last.
    pub last: Option<Last>,
    /// The newest ended attempts, newest first.
    pub attempts: Vec<Attempt>,
}

/// A check for a cause.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// What is looked for.
    pub cause: vocabulary::Cause,
    /// What the word means.
    pub meaning: String,
    /// What to do about it.
    pub advice: String,
    /// Where it holds; empty: it does not.
    pub held: Vec<Hold>,
    /// Where it does not: when it will by itself, if that can be said.
    pub from: Option<Time>,
}

/// A certificate that a cause holds for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// Its alias.
    pub alias: String,
    /// What this rests on, in a sentence.
    pub evidence: String,
    /// The gate that closes this cause for good: it is reported and not acted on.
    pub barred: Option<vocabulary::Gate>,
}

/// A gate.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Gate {
    /// Which.
    pub gate: vocabulary::Gate,
    /// What the word means.
    pub meaning: String,
    /// What to do about it.
    pub advice: String,
    /// Whether it is closed.
    pub closed: bool,
    /// When it may open by itself; `null`: when something changes.
    pub until: Option<Time>,
    /// What it is about: a request, an issuer, a reason.
    pub detail: Option<String>,
}

/// A certificate.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// Its alias: `server`, `client`, `metrics-exporter` or another.
    pub alias: String,
    /// The name of the Certificate object.
    pub name: String,
    /// The issuer that `spec.tls` asks for.
    pub issuer: String,
    /// The life of what was issued last; `null` where that is not known.
    pub life: Option<Life>,
    /// When it was issued.
    pub issued_at: Option<Time>,
    /// Its serial number in hexadecimal, where that is known.
    pub serial: Option<String>,
    /// The SHA-256 of its DER, where that is known.
    pub fingerprint: Option<String>,
    /// What is wrong with it, in a few words.
    pub problem: Option<String>,
    /// Since when cert-manager is issuing it anew.
    pub issuing_since: Option<Time>,
    /// When cert-manager means to renew it itself.
    pub renewal_time: Option<Time>,
}

/// A server pod.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// The pod.
    pub pod: String,
    /// Whether it is Ready.
    pub ready: bool,
    /// When its mysql container started.
    pub started: Option<Time>,
    /// What it presents: `issued`, `other` or `unknown`.
    pub presents: String,
    /// How that is known: `seen` in a TLS handshake or `inferred` from when it started.
    pub proof: Option<String>,
    /// The looks that were had, newest first.
    pub looks: Vec<Look>,
    /// Why the newest look showed nothing, in one word of `docs/probe.md`.
    pub missed: Option<String>,
}

/// A look at a server.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Look {
    /// When it began.
    pub began: Time,
    /// When the presented certificate ends; `null`: it offered no TLS.
    pub not_after: Option<Time>,
    /// The SHA-256 of its DER.
    pub fingerprint: Option<String>,
    /// Whether it is the issued one.
    pub issued: bool,
    /// Whether its chain holds against the CA published for this database, where that is known.
    pub trusted: Option<bool>,
}

/// The rules that hold for a database, as the config file writes them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rules {
    /// `renewBefore`.
    pub renew_before: String,
    /// `emergency.before`.
    pub emergency_before: String,
    /// `windows`; empty: always.
    pub windows: Vec<String>,
    /// `freezes`.
    pub freezes: Vec<String>,
    /// `schedule`.
    pub schedule: Option<String>,
    /// `minInterval`, in seconds.
    pub min_interval_seconds: i64,
    /// How long a rotation takes, learned or expected, in seconds.
    pub duration_seconds: Option<i64>,
}

/// What people ask for a database.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Wishes {
    /// `spec.suspend`.
    pub suspend: bool,
    /// `spec.requestedAt`.
    pub requested_at: Option<String>,
    /// `spec.renewBefore`.
    pub renew_before: Option<String>,
    /// `spec.windows`.
    pub windows: Vec<String>,
    /// What of it could not be understood.
    pub problems: Vec<String>,
}

/// An open rotation.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Current {
    /// When it was opened.
    pub opened: Time,
    /// Why.
    pub causes: Vec<vocabulary::Cause>,
    /// Which attempt this is.
    pub attempt: u32,
    /// How many of those before failed.
    pub failures: u32,
    /// Not before this moment.
    pub next_try: Option<Time>,
    /// The name of the attempt's request.
    pub request: String,
    /// When that was created; `null`: not yet.
    pub created: Option<Time>,
    /// When it was started; `null`: not yet.
    pub started: Option<Time>,
    /// The stage it was made for.
    pub stage: Stage,
    /// What its operator says last.
    pub message: Option<String>,
}

/// A closed rotation.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Last {
    /// When it was opened.
    pub opened: Time,
    /// When it was closed.
    pub closed: Time,
    /// Why it was opened.
    pub causes: Vec<vocabulary::Cause>,
    /// How it ended.
    pub outcome: Outcome,
    /// How many attempts it took.
    pub attempts: u32,
    /// The request of its last attempt.
    pub request: String,
    /// What was left of the oldest certificate's life when that started, in seconds.
    pub life_left_seconds: Option<i64>,
}

/// An ended attempt.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Its request.
    pub request: String,
    /// How it ended.
    pub outcome: Outcome,
    /// When.
    pub ended: Time,
    /// How long the request was being carried out, in seconds.
    pub duration_seconds: Option<i64>,
}
