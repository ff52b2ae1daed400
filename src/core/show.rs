//! What `status` shows people. A function of what is known, so that an idle database is never
//! written to: whatever changes by itself with time (a remaining life, a countdown) has no place
//! in it.

use super::certificate::sanitize;
use super::fleet::{Database, Fleet, Text};
use super::gates::Closed;
use super::looking::not_seen;
use super::plan::Verdict;
use super::record::{Record, Shown, ShownCertificate, ShownCondition};
use super::sorted::Sorted;
use super::time::Time;
use super::vocabulary::{Gate, State};

/// A rotation is due.
pub const DUE: &str = "Due";
/// A rotation is under way.
pub const ROTATING: &str = "Rotating";
/// It needs a person.
pub const STUCK: &str = "Stuck";
/// Every type of condition that is ours.
pub const CONDITIONS: [&str; 3] = [DUE, ROTATING, STUCK];

/// Whose a Rotation is, once we have shown what we know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Ours: we watch its database, or follow a rotation of it to its end.
    Ours,
    /// Nobody's, so that another installation may have it: it was ours, and we watch it no longer.
    Nobodys,
}

/// Whether a Rotation is ours to show, and whose it is then; none: it is not. What another
/// installation owns, or may yet come to own, is never written to: two that show their own view of
/// one Rotation would write in turn for ever.
pub fn claim(fleet: &Fleet, database: &Database) -> Option<Claim> {
    let record = &database.rotation.as_ref()?.record;
    let uid = record.database_uid.as_ref();
    let a_former_one = uid.is_some_and(|uid| *uid != database.uid);
    if a_former_one || database.malformed.is_some() || fleet.owned_by_another(record).is_some() {
        return None;
    }
    let ours = record.installation.is_some() && record.installation == fleet.installation;
    if database.selected || (ours && record.current.is_some()) {
        Some(Claim::Ours)
    } else {
        ours.then_some(Claim::Nobodys)
    }
}

/// What to show, given what is shown now.
pub fn shown(database: &Database, verdict: &Verdict, previous: &Shown, now: Time) -> Shown {
    let rotation = database.rotation.as_ref();
    let record = rotation.map(|rotation| &rotation.record);
    let reasons = reasons(verdict, record);
    Shown {
        observed_generation: rotation.and_then(|rotation| rotation.generation),
        state: Some(verdict.state.as_str().into()),
        reason: reasons.first().cloned(),
        message: Some(message(database, verdict).into()),
        certificates: certificates(database),
        expires: verdict.expires,
        next: next(verdict, previous, now),
        last: record.and_then(last),
        conditions: conditions(verdict, record, previous, now),
        others_conditions: previous.others_conditions.clone(),
        reasons,
    }
}

/// Causes first, then gates, each word once.
fn reasons(verdict: &Verdict, record: Option<&Record>) -> Vec<Text> {
    let causes = verdict.causes.iter().map(|held| held.opened.cause.as_str());
    let gates = shown_gates(verdict, record).iter();
    let mut reasons: Vec<Text> = Vec::new();
    for word in causes.chain(gates.map(|closed| closed.gate.as_str())) {
        if !reasons.iter().any(|reason| &**reason == word) {
            reasons.push(word.into());
        }
    }
    reasons
}

/// The gates of a database that is not due come and go with the hour and matter to nobody.
fn shown_gates<'a>(verdict: &'a Verdict, record: Option<&Record>) -> &'a [Closed] {
    let open = record.is_some_and(|record| record.current.is_some());
    if open || !verdict.causes.is_empty() { &verdict.gates } else { &[] }
}

fn message(database: &Database, verdict: &Verdict) -> String {
    let rotation = database.rotation.as_ref();
    let mut message = match verdict.causes.first() {
        Some(held) => held.evidence.to_string(),
        None => idle(verdict.state).to_owned(),
    };
    let gates = shown_gates(verdict, rotation.map(|rotation| &rotation.record));
    if let Some(closed) = gates.first() {
        message.push_str("; waits for ");
        message.push_str(closed.gate.as_str());
        // The clock's offset is another one at every look.
        if let Some(detail) = closed.detail.as_ref().filter(|_| closed.gate != Gate::ClockOff) {
            message.push_str(" (");
            message.push_str(detail);
            message.push(')');
        }
    }
    if let Some(unseen) = not_seen(database).filter(|_| verdict.state == State::Verifying) {
        message.push_str("; could not look at ");
        message.push_str(&unseen);
    }
    for problem in rotation.iter().flat_map(|it| &it.wishes.problems) {
        message.push_str("; ");
        message.push_str(problem);
    }
    sanitize(&message)
}

const fn idle(state: State) -> &'static str {
    match state {
        State::Unmanaged => "it has no TLS, or certrotor is not asked to watch it",
        State::Unknown => "too little is known of its certificates",
        State::Fresh => "nothing is due",
        State::Waiting => "waits",
        State::Rotating => "a rotation is under way",
        State::Verifying => "the request succeeded; looking at what is served",
        State::Stuck => "it needs a person",
    }
}

fn certificates(database: &Database) -> Sorted<Text, ShownCertificate> {
    let leaves = database.certificates.iter();
    leaves
        .filter_map(|(alias, certificate)| {
            let leaf = certificate.issued_leaf()?;
            let shown =
                ShownCertificate { not_after: leaf.id.not_after, serial: leaf.serial.clone() };
            Some((alias.as_str().into(), shown))
        })
        .collect()
}

/// To the minute. Once it has come it stays as it was first shown: "now" is another minute at
/// every look.
fn next(verdict: &Verdict, previous: &Shown, now: Time) -> Option<Time> {
    if matches!(verdict.state, State::Rotating | State::Verifying) {
        return None;
    }
    let next = verdict.next?.floor_minute();
    let come = |at: &Time| *at <= now;
    match previous.next.filter(come) {
        Some(shown) if come(&next) => Some(shown),
        _ => Some(next),
    }
}

/// How the newest attempt ended, or the rotation that was closed without one.
fn last(record: &Record) -> Option<Text> {
    let attempt = record.attempts.first();
    let attempt = attempt.map(|attempt| (attempt.ended, attempt.outcome));
    let closed = record.last.as_ref();
    let closed = closed.map(|last| (last.closed, last.outcome));
    let newest = match (attempt, closed) {
        (Some(attempt), Some(closed)) if attempt.0 > closed.0 => Some(attempt),
        (attempt, closed) => closed.or(attempt),
    };
    newest.map(|(_, outcome)| outcome.as_str().into())
}

fn conditions(
    verdict: &Verdict,
    record: Option<&Record>,
    previous: &Shown,
    now: Time,
) -> Sorted<Text, ShownCondition> {
    let cause = verdict.causes.first().map(|held| held.opened.cause.as_str());
    let open = record.and_then(|record| record.current.as_ref());
    let opened = open.and_then(|current| current.causes.first());
    let opened = opened.map_or("NothingOpen", |opened| opened.cause.as_str());
    let stuck = verdict.state == State::Stuck;
    let needs = |closed: &&Closed| matches!(closed.gate, Gate::Stuck | Gate::Unsatisfiable);
    let gate = verdict.gates.iter().find(needs);
    let gate = gate.map_or("NeedsNobody", |closed| closed.gate.as_str());
    [
        (DUE, cause.is_some(), cause.unwrap_or("NothingDue")),
        (ROTATING, open.is_some(), opened),
        (STUCK, stuck, gate),
    ]
    .into_iter()
    .map(|(type_, status, reason)| {
        let unchanged = previous.conditions.get(type_);
        let unchanged = unchanged.filter(|condition| condition.status == status);
        let condition = ShownCondition {
            status,
            reason: reason.into(),
            since: unchanged.map_or(now, |condition| condition.since),
        };
        (type_.into(), condition)
    })
    .collect()
}

#[cfg(test)]
mod tests;
