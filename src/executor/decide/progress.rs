//! How far a request is, as its conditions say.

use std::collections::BTreeMap;

use super::notes::{
    CERTIFICATE, EVICT, FAILING, MILESTONES, OURS, OURS_REASON, POD_READY, RETRYING, SWITCH, Status,
};
use super::seen::Issued;
use crate::core::fleet::Text;
use crate::core::time::Time;

/// A condition that was written before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its status.
    pub status: Status,
    /// Its reason.
    pub reason: String,
    /// Its message.
    pub message: String,
    /// Since when.
    pub since: Option<Time>,
}

/// The conditions of a request, by type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress(pub BTreeMap<Text, Mark>);

/// A certificate as it was before it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// It was not there.
    pub is_new: bool,
    /// The Secret that it is stored in; empty when nobody has written it down.
    pub secret: Text,
    uid: Text,
    pub(super) revision: i64,
    last_failure: String,
}

/// A pod that is to be restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Eviction<'a> {
    /// Its name.
    pub pod: &'a str,
    /// Its uid before the restart.
    pub uid: &'a str,
    /// How far it is: False to do, Unknown its turn, True gone.
    pub status: Status,
    /// Its successor is ready.
    pub done: bool,
}

/// The hand-over of a primary's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch<'a> {
    /// The pod that gets it.
    pub to: &'a str,
    /// How far it is: Unknown on its way, True done, False it does not come to that.
    pub status: Status,
    /// Since when.
    pub since: Option<Time>,
}

impl Progress {
    /// Whether this holds.
    pub fn has(&self, kind: &str) -> bool {
        self.0.get(kind).is_some_and(|mark| mark.status == Status::True)
    }

    /// Whether this executor started the request.
    pub fn is_ours(&self) -> bool {
        self.0.get(OURS).is_some_and(|mark| mark.reason == OURS_REASON)
    }

    /// When the step under way began: when the one before it ended.
    pub fn step_began(&self) -> Option<Time> {
        let of_pod = |kind: &str| [POD_READY, SWITCH].iter().any(|it| suffix(kind, it).is_some());
        let milestone = |kind: &str| MILESTONES.contains(&kind) || of_pod(kind);
        let reached = self.0.iter().filter(|(kind, _)| milestone(kind));
        reached.filter_map(|(_, mark)| mark.since).max()
    }

    /// The certificate as it was before it was asked for.
    pub fn baseline(&self, certificate: &str) -> Option<Baseline> {
        let mark = self.0.get(format!("{CERTIFICATE}--{certificate}").as_str())?;
        Some(Baseline {
            is_new: mark.status == Status::False,
            secret: detail(&mark.message, "Secret").unwrap_or_default().into(),
            uid: detail(&mark.message, "UID")?.into(),
            revision: detail(&mark.message, "Revision")?.parse().ok()?,
            last_failure: detail(&mark.message, "LastFailure")?.to_owned(),
        })
    }

    /// The certificates as they were, by name.
    pub fn baselines(&self) -> impl Iterator<Item = (&str, Baseline)> {
        let names = self.0.keys().filter_map(|kind| suffix(kind, CERTIFICATE));
        names.filter_map(|name| Some((name, self.baseline(name)?)))
    }

    /// The pods that are to be restarted, by name.
    pub fn evictions(&self) -> impl Iterator<Item = Eviction<'_>> {
        self.0.iter().filter_map(|(kind, mark)| {
            let pod = suffix(kind, EVICT)?;
            let uid = detail(&mark.message, "PodUID")?;
            let done = self.has(&format!("{POD_READY}--{pod}"));
            Some(Eviction { pod, uid, status: mark.status, done })
        })
    }

    /// The hand-over of the role of this pod; one from before it was to be restarted is over.
    pub fn switch(&self, pod: &str) -> Option<Switch<'_>> {
        let mark = self.0.get(format!("{SWITCH}--{pod}").as_str())?;
        let todo = self.0.get(format!("{EVICT}--{pod}").as_str());
        if todo.is_some_and(|todo| todo.status == Status::False && mark.since < todo.since) {
            return None;
        }
        let to = detail(&mark.message, "To").unwrap_or_default();
        Some(Switch { to, status: mark.status, since: mark.since })
    }

    /// How often a step was tried again.
    pub fn retries(&self) -> u32 {
        let mark = self.0.get(RETRYING);
        let count = mark.and_then(|mark| detail(&mark.message, "Retry")?.split('/').next());
        count.and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    /// Why the request fails, once that is decided: reason and message.
    pub fn failing(&self) -> Option<&Mark> {
        self.0.get(FAILING).filter(|mark| mark.status == Status::True)
    }
}

impl Baseline {
    /// Whether the certificate has been issued since.
    pub fn is_renewed(&self, now: &Issued) -> bool {
        now.revision > if self.is_of(now) { self.revision } else { 0 }
    }

    /// Whether an issuance has failed since.
    pub fn has_failed(&self, now: &Issued) -> bool {
        (self.is_of(now) || self.is_new) && self.last_failure != failure_text(now.last_failure)
    }

    pub(super) fn is_of(&self, now: &Issued) -> bool {
        self.uid == now.uid
    }
}

pub(super) fn failure_text(failure: Option<Time>) -> String {
    failure.map_or_else(|| "never".to_owned(), |at| at.to_string())
}

/// What follows `<prefix>--`.
fn suffix<'a>(kind: &'a str, prefix: &str) -> Option<&'a str> {
    kind.strip_prefix(prefix)?.strip_prefix("--")
}

/// The value of `Key:value` in a message of several, separated by `; `.
fn detail<'a>(message: &'a str, key: &str) -> Option<&'a str> {
    message.split("; ").find_map(|part| part.strip_prefix(key)?.strip_prefix(':'))
}
