//! What is known and decided of one database, for people.

use std::cmp::Reverse;

use crate::core::causes::Held;
use crate::core::digest::Digest;
use crate::core::fleet::{Database, Issued, RequestPhase};
use crate::core::gates::{Closed, Situation};
use crate::core::ladder::soonest;
use crate::core::record::RequestRef;
use crate::core::rotation::Next;
use crate::core::time::Time;
use crate::core::vocabulary::{Gate, Stage, State};

/// What is known and decided of one database.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What it is doing.
    pub state: State,
    /// How pressing it is.
    pub stage: Stage,
    /// Why a rotation is due: the first names it.
    pub causes: Vec<Held>,
    /// Why it does not begin now.
    pub gates: Vec<Closed>,
    /// The soonest notAfter of a certificate in use.
    pub expires: Option<Time>,
    /// When the next rotation may begin; none: when something changes.
    pub next: Option<Time>,
    /// How its calendar stands; none where nothing is managed.
    pub window: Option<WindowNow>,
    /// When this verdict may change by itself.
    pub changes: Option<Time>,
}

/// How a database's calendar stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowNow {
    /// A window is open, and nothing is frozen.
    pub open: bool,
    /// When the next one opens; none while one is open, or when none ever does.
    pub opens: Option<Time>,
}

/// Stage, then deadline, then the stable hash.
pub(super) type Order = (Reverse<Stage>, Option<Time>, Digest);

/// What was found of one database, free of what it was found from.
#[derive(Debug)]
pub(super) struct Conclusion {
    pub(super) verdict: Verdict,
    pub(super) next: Next,
    pub(super) request: Option<RequestRef>,
    pub(super) order: Order,
}

impl Conclusion {
    pub(super) fn of(s: &Situation<'_>, gates: Vec<Closed>, next: Next) -> Self {
        let current = s.subject.record.current.as_ref();
        let mut changes = next.changes;
        soonest(&mut changes, s.findings.changes);
        soonest(&mut changes, s.standing.changes);
        for closed in &gates {
            soonest(&mut changes, closed.until);
        }
        if !s.findings.held.is_empty() || current.is_some() {
            soonest(&mut changes, s.hours.changes(s.duration));
        }
        let verdict = Verdict {
            state: state(s, &gates),
            stage: s.standing.stage,
            next: next_start(s, &gates),
            causes: s.findings.held.clone(),
            gates,
            expires: s.standing.expires,
            window: Some(WindowNow { open: s.hours.open(), opens: s.hours.opens() }),
            changes: changes.filter(|at| *at > s.subject.now),
        };
        let order = (Reverse(s.standing.stage), s.standing.expires, s.turn());
        Self { verdict, next, request: current.map(|current| current.request.clone()), order }
    }
}

impl Verdict {
    pub(super) const fn unmanaged() -> Self {
        Self {
            state: State::Unmanaged,
            stage: Stage::Normal,
            causes: Vec::new(),
            gates: Vec::new(),
            expires: None,
            next: None,
            window: None,
            changes: None,
        }
    }
}

fn state(s: &Situation<'_>, gates: &[Closed]) -> State {
    let blocked = |gate| gates.iter().any(|closed| closed.gate == gate);
    let current = s.subject.record.current.as_ref();
    if let Some(running) = current.filter(|current| current.request.uid.is_some()) {
        let request = s.subject.database.requests.get(&running.request.name);
        return match request.map(|request| request.phase) {
            Some(RequestPhase::Successful) => State::Verifying,
            _ => State::Rotating,
        };
    }
    if blocked(Gate::Stuck) || blocked(Gate::Unsatisfiable) {
        State::Stuck
    } else if !gates.is_empty() {
        State::Waiting
    } else if !s.findings.held.is_empty() || current.is_some() {
        State::Rotating
    } else if too_little_known(s.subject.database) {
        State::Unknown
    } else {
        State::Fresh
    }
}

/// One certificate that nobody can see is enough: the others say nothing of it.
fn too_little_known(database: &Database) -> bool {
    let mut certificates = database.certificates.values();
    database.certificates.is_empty()
        || database.malformed.is_some()
        || certificates.any(|certificate| certificate.issued == Issued::Unknown)
}

/// When the next rotation may begin: for one that is due, when the last of its gates opens.
fn next_start(s: &Situation<'_>, gates: &[Closed]) -> Option<Time> {
    let record = s.subject.record;
    if let Some(current) = &record.current
        && current.request.uid.is_some()
    {
        return None;
    }
    if s.findings.held.is_empty() {
        let mut due = s.standing.renew_at;
        soonest(&mut due, s.subject.schedule.next);
        let earliest = record.last_rotated.unwrap_or(Time::MIN) + s.subject.rules.min_interval;
        let due = due?.max(earliest);
        return s.hours.start_after(due, s.duration, Some(s.turn()));
    }
    let mut opens = s.subject.now;
    for closed in gates {
        opens = opens.max(closed.until?);
    }
    s.hours.start_after(opens, s.duration, None)
}
