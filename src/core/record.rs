//! The record: what one `Rotation` object says, and what certrotor remembers in it.
//!
//! The record is the only memory. Whatever is not written here is computed anew from the cluster
//! on every look, so a restart loses nothing.

use std::collections::BTreeMap;

use super::calendar::Windows;
use super::digest::Digest;
use super::fleet::{Alias, IssuerKey, LeafId, Text};
use super::policy::Lead;
use super::sorted::Sorted;
use super::time::{Span, Time};
use super::vocabulary::{Cause, Outcome, Stage};

/// How many ended attempts a record keeps: enough for the breaker and for learning durations.
pub const ATTEMPTS_KEPT: usize = 10;

/// One Rotation object.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotation {
    /// Its uid.
    pub uid: Text,
    /// Its resourceVersion: every write is a compare-and-swap on it.
    pub resource_version: Text,
    /// Counts the changes of its spec.
    pub generation: Option<i64>,
    /// What people ask for.
    pub wishes: Wishes,
    /// What certrotor remembers.
    pub record: Record,
    /// What `status` shows besides the record, as it stands now.
    pub shown: Shown,
}

/// `spec` of a Rotation: it narrows what the config file says, never widens it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wishes {
    /// Do not rotate. Never yields.
    pub suspend: bool,
    /// Rotate once, through the gates; holds while it differs from [`Record::handled_request`].
    pub requested_at: Option<Text>,
    /// Rotate when less than this is left; not less than the emergency threshold.
    pub renew_before: Option<Lead>,
    /// Windows within the config file's windows.
    pub windows: Option<Windows>,
    /// What of the spec could not be understood: shown, and otherwise as if it were not there.
    pub problems: Vec<Text>,
}

/// The part of `status` that decisions rest on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// The installation that writes this record.
    pub installation: Option<Text>,
    /// The MySQL it is about; another one of the same name starts from an empty record.
    pub database_uid: Option<Text>,
    /// The rotation that is open.
    pub current: Option<Current>,
    /// The rotation that was closed last.
    pub last: Option<Last>,
    /// The newest ended attempts, newest first.
    pub attempts: Vec<Attempt>,
    /// When the newest attempt that had started ended.
    pub last_rotated: Option<Time>,
    /// The value of `spec.requestedAt` that was acted on.
    pub handled_request: Option<Text>,
    /// The schedule that this database was last seen under.
    pub schedule: Option<ScheduleSeen>,
}

/// An open rotation.
#[derive(Clone, Debug, PartialEq)]
pub struct Current {
    /// When it was opened. With `attempt` it names the request.
    pub opened: Time,
    /// Why; causes merge until the attempt's request is created.
    pub causes: Vec<OpenedCause>,
    /// The leaf that each certificate had when it was opened.
    pub baseline: BTreeMap<Alias, LeafId>,
    /// Counts attempts from 1; it only grows.
    pub attempt: u32,
    /// Attempts that failed.
    pub failures: u32,
    /// Attempts that came to nothing without failing; they back off and never exhaust.
    pub setbacks: u32,
    /// The stage of the newest failure: at each higher one, one more attempt is made.
    pub failed_stage: Option<Stage>,
    /// Not before this moment.
    pub next_try: Option<Time>,
    /// The attempt's request: named here before it exists.
    pub request: RequestRef,
    /// The value of `spec.requestedAt` that this rotation answers.
    pub requested_at: Option<Text>,
    /// The occurrence of the schedule that this rotation answers.
    pub occurrence: Option<Time>,
    /// The request is being taken back.
    pub withdrawal: Option<Withdrawal>,
}

/// A cause and what it rested on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenedCause {
    /// The cause.
    pub cause: Cause,
    /// The certificate it was seen on.
    pub alias: Alias,
    /// A digest of its inputs: while it stays the same, the cause is the same.
    pub inputs: Digest,
}

/// The request of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestRef {
    /// Its name.
    pub name: Text,
    /// Its uid, once it has been created.
    pub uid: Option<Text>,
    /// When certrotor saw it created.
    pub created: Option<Time>,
    /// When it was started, as it says, or when certrotor saw it started.
    pub started: Option<Time>,
    /// When certrotor saw it ended; only where it does not say so itself.
    pub ended: Option<Time>,
    /// The stage that it is made for.
    pub stage: Stage,
    /// Its `spec.apply`.
    pub apply: Apply,
}

super::vocabulary::words! {
    /// `spec.apply` of a request.
    Apply {
        /// Only when the database is Ready.
        IfReady = "IfReady",
        /// Whatever the state of the database.
        Always = "Always",
    }
}

/// A request that is being taken back: first written here, then deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// How the attempt will have ended.
    pub outcome: Outcome,
    /// Why.
    pub reason: WithdrawalReason,
}

super::vocabulary::words! {
    /// Why an unstarted request is taken back.
    WithdrawalReason {
        /// What is left of the window is too short for it.
        WindowEnding = "windowEnding",
        /// Its stage now needs another `spec.apply`.
        StageChanged = "stageChanged",
        /// The Rotation was suspended.
        Suspended = "suspended",
        /// Nobody started it in time.
        NotPickedUp = "notPickedUp",
        /// The certificates were replaced meanwhile, or TLS was removed.
        NoCauseLeft = "noCauseLeft",
    }
}

/// A closed rotation.
#[derive(Clone, Debug, PartialEq)]
pub struct Last {
    /// When it was opened.
    pub opened: Time,
    /// When it was closed.
    pub closed: Time,
    /// Why it was opened, and what each cause rested on.
    pub causes: Vec<OpenedCause>,
    /// How many attempts it took.
    pub attempt: u32,
    /// How many of them failed.
    pub failures: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// The request of its last attempt.
    pub request: Text,
    /// The leaf that each certificate had when it was closed.
    pub produced: BTreeMap<Alias, LeafId>,
    /// What was left of the oldest certificate's life when its last request started.
    pub life_left: Option<Span>,
}

/// An ended attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Its request.
    pub request: Text,
    /// How it ended.
    pub outcome: Outcome,
    /// When certrotor judged it.
    pub ended: Time,
    /// How long the request was being carried out, when both ends are known.
    pub duration: Option<Span>,
    /// The issuer of the server certificate at that time.
    pub issuer: Option<IssuerKey>,
}

/// A schedule that has been seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleSeen {
    /// A digest of its text: another schedule starts afresh.
    pub digest: Digest,
    /// Since when it holds for this database: earlier occurrences do not count.
    pub first_seen: Time,
    /// The occurrence that was satisfied last.
    pub satisfied: Option<Time>,
}

/// What `status` shows people besides the record. Compared before it is written: an idle
/// database is never written to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// The generation of the spec that this speaks of.
    pub observed_generation: Option<i64>,
    /// The state in one word.
    pub state: Option<Text>,
    /// The first reason, for the printer column.
    pub reason: Option<Text>,
    /// Every reason, machine-readable.
    pub reasons: Vec<Text>,
    /// One sentence.
    pub message: Option<Text>,
    /// The issued certificates, by alias.
    pub certificates: Sorted<Text, ShownCertificate>,
    /// The soonest notAfter.
    pub expires: Option<Time>,
    /// When the next rotation may begin, to the minute.
    pub next: Option<Time>,
    /// Outcome of the newest attempt.
    pub last: Option<Text>,
    /// The state once more, as Kubernetes tools expect it, by type.
    pub conditions: Sorted<Text, ShownCondition>,
    /// Conditions that somebody else put there, each as JSON: they stay as they are.
    pub others_conditions: Box<[Text]>,
}

/// A certificate as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownCertificate {
    /// When it ends.
    pub not_after: Time,
    /// Its serial number, where it is known.
    pub serial: Option<Text>,
}

/// One aspect of the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownCondition {
    /// Whether it holds.
    pub status: bool,
    /// Why, in one word.
    pub reason: Text,
    /// Since when.
    pub since: Time,
}

impl RequestRef {
    /// Whether this is the request: of that name, and of that uid once one is known.
    pub fn is(&self, name: &str, uid: &Text) -> bool {
        *self.name == *name && self.uid.as_ref().is_none_or(|known| known == uid)
    }
}

impl Record {
    /// Whether any record of this rotation names the request: the open attempt or an ended one.
    pub fn names_request(&self, name: &str) -> bool {
        let current = self.current.as_ref().is_some_and(|current| &*current.request.name == name);
        current || self.attempts.iter().any(|attempt| &*attempt.request == name)
    }

    /// Adds an ended attempt, newest first, and forgets the oldest beyond [`ATTEMPTS_KEPT`].
    pub fn push_attempt(&mut self, attempt: Attempt) {
        self.attempts.insert(0, attempt);
        self.attempts.truncate(ATTEMPTS_KEPT);
    }
}
