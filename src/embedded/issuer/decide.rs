//! What to do next for one Certificate: a pure function of what the apiserver knows and the time.

use serde_json::Value;

use super::checks::{self, Violation};
use super::issuance::{self, KeySource, Next};
use super::renewal;
use super::secret::Content;
use super::status::Status;
use super::view::View;
use crate::api::meta;
use crate::core::time::{Span, Time};

/// How long to wait for a Secret that another Certificate owns.
const RIVAL: Span = Span::minutes(3);

/// What to do next.
pub(super) enum Step {
    /// One thing, and then to look again.
    Act(Act),
    /// Nothing, until something changes or that time has come.
    Rest(Option<Time>),
}

/// One thing to do: at most one write, but where several are thrown away.
pub(super) enum Act {
    /// The status changes: a merge patch that is good for this version only.
    Status(Value),
    /// The key of an issuance is put into its Secret.
    MakeKey(KeySource),
    /// The key of an issuance is thrown away.
    DropKey,
    /// The issuer is asked.
    Ask {
        /// The request, in PEM.
        request: String,
    },
    /// A request that does not fit is thrown away.
    DropRequest,
    /// Requests beyond `revisionHistoryLimit` are thrown away.
    DropOldRequests,
    /// The Secret is written.
    Store(Box<Content>),
    /// Nothing: something must go first, and nobody tells when it has.
    InTheWay,
}

/// What to do next.
pub(super) fn next(view: &View, now: Time) -> Step {
    if meta::is_deleting(&view.certificate.metadata) {
        return Step::Rest(None);
    }
    let step = if view.issuing().is_some() { issue(view, now) } else { keep(view, now) };
    let rests = matches!(step, Step::Rest(_));
    if rests && view.has_old_requests && view.certificate.is_ready() {
        return Step::Act(Act::DropOldRequests);
    }
    step
}

/// It is being issued.
fn issue(view: &View, now: Time) -> Step {
    let mut status = status(view, now);
    let step = match issuance::next(view, now) {
        Next::NameKey(name) => {
            status.set("nextPrivateKeySecretName", Some(name));
            Step::Rest(None)
        }
        Next::Fail { reason, message } => {
            fail(&mut status, view, now, &reason, &message);
            Step::Rest(None)
        }
        Next::Done => {
            // One write: whoever sees the new revision sees the new dates too.
            status = self::status(&view.issued(), now);
            status.set("revision", Some(view.next_revision()));
            status.set("lastFailureTime", None::<Time>);
            status.set("failedIssuanceAttempts", None::<i64>);
            status.remove_condition("Issuing");
            Step::Rest(None)
        }
        Next::MakeKey(source) => Step::Act(Act::MakeKey(source)),
        Next::DropKey => Step::Act(Act::DropKey),
        Next::Ask { request } => Step::Act(Act::Ask { request }),
        Next::DropRequest => Step::Act(Act::DropRequest),
        Next::InTheWay => Step::Act(Act::InTheWay),
        Next::Store(content) => Step::Act(Act::Store(content)),
        Next::Wait => Step::Rest(None),
    };
    status.patch().map_or(step, |change| Step::Act(Act::Status(change)))
}

fn fail(status: &mut Status, view: &View, now: Time, reason: &str, message: &str) {
    let failures = view.certificate.status.failed_issuance_attempts.unwrap_or(0);
    status.set("lastFailureTime", Some(now));
    status.set("failedIssuanceAttempts", Some(failures.saturating_add(1)));
    status.condition("Issuing", false, reason, message);
}

/// It is not being issued: perhaps it must be.
fn keep(view: &View, now: Time) -> Step {
    if view.own_next_key().is_some() {
        return Step::Act(Act::DropKey);
    }
    let mut status = status(view, now);
    status.set("nextPrivateKeySecretName", None::<String>);
    let step = if view.rival.is_some() {
        Step::Rest(Some(now + RIVAL))
    } else if let Some(until) = renewal::pause(view, now) {
        mend(view).unwrap_or_else(|| Step::Rest(earliest(Some(until), ends(view, now))))
    } else if let Some(Violation { reason, message }) = checks::trigger(view, now) {
        status.condition("Issuing", true, reason, &message);
        Step::Rest(None)
    } else {
        let due = checks::leaf(view);
        let due = due.and_then(|leaf| renewal::time(&leaf, &view.certificate.spec));
        mend(view).unwrap_or_else(|| Step::Rest(earliest(due, ends(view, now))))
    };
    status.patch().map_or(step, |change| Step::Act(Act::Status(change)))
}

fn mend(view: &View) -> Option<Step> {
    let content = Content::mended(&view.certificate, view.secret.as_ref()?)?;
    Some(Step::Act(Act::Store(Box::new(content))))
}

/// The first moment at which it has expired, if that is still to come.
fn ends(view: &View, now: Time) -> Option<Time> {
    let over = checks::leaf(view)?.not_after + Span::seconds(1);
    (now < over).then_some(over)
}

fn earliest(one: Option<Time>, other: Option<Time>) -> Option<Time> {
    one.into_iter().chain(other).min()
}

/// The status with all that follows from the Secret.
fn status(view: &View, now: Time) -> Status {
    let mut status = Status::of(&view.raw, now);
    if let Some(Violation { reason, message }) = checks::readiness(view, now) {
        status.condition("Ready", false, reason, &message);
    } else {
        let message = "Certificate is up to date and has not expired";
        status.condition("Ready", true, "Ready", message);
    }
    let leaf = checks::leaf(view);
    let renewal = leaf.as_ref().and_then(|leaf| renewal::time(leaf, &view.certificate.spec));
    status.set("notBefore", leaf.as_ref().map(|leaf| leaf.not_before));
    status.set("notAfter", leaf.as_ref().map(|leaf| leaf.not_after));
    status.set("renewalTime", renewal);
    status
}
