//! The end of an attempt, and of a rotation.

use super::following::ended;
use super::{Look, Next, SlotWish};
use crate::core::fleet::{Request, RequestPhase, Text};
use crate::core::looking::Replaced;
use crate::core::record::{Attempt, Current, Last, Record, WithdrawalReason};
use crate::core::time::{Span, Time};
use crate::core::vocabulary::{Outcome, WritePoint};

impl Look<'_> {
    /// Ends the attempt: closes the rotation, or names the next attempt.
    pub(super) fn end(
        &self,
        current: &Current,
        outcome: Outcome,
        request: Option<&Request>,
    ) -> Next {
        let ending = Ending::of(self, current, outcome, request);
        let (point, record) = if outcome.closes() {
            (WritePoint::CloseRotation, self.closed(current, &ending))
        } else {
            (WritePoint::EndAttempt, self.bumped(current, &ending))
        };
        // A request that still runs keeps its slot's place by being counted as active.
        Next::record(point, record, SlotWish::Hold)
    }

    /// The attempt as the record remembers it; nothing when no request was ever made.
    fn remember(&self, current: &Current, ending: &Ending) -> Record {
        let mut record = self.record().clone();
        let refused = matches!(ending.outcome, Outcome::Rejected | Outcome::ForeignRequest);
        if current.request.uid.is_some() || refused {
            record.push_attempt(Attempt {
                request: Text::clone(&current.request.name),
                outcome: ending.outcome,
                ended: self.now(),
                duration: ending.duration,
                issuer: self.database().server_issuer().cloned(),
            });
        }
        if ending.started.is_some() {
            record.last_rotated = Some(ending.ended);
        }
        record
    }

    fn closed(&self, current: &Current, ending: &Ending) -> Record {
        let mut record = self.remember(current, ending);
        record.current = None;
        let rotated = ending.outcome != Outcome::Moot
            || Replaced::of(self.database(), current) == Replaced::Yes;
        if rotated {
            answer(&mut record, current);
        }
        let oldest = current.baseline.values().map(|leaf| leaf.not_after).min();
        record.last = Some(Last {
            opened: current.opened,
            closed: self.now(),
            causes: current.causes.clone(),
            attempt: current.attempt,
            failures: current.failures,
            outcome: ending.outcome,
            request: Text::clone(&current.request.name),
            produced: self.database().issued_leaves(),
            life_left: oldest.map(|end| end.since(ending.started.unwrap_or(current.opened))),
        });
        record
    }

    fn bumped(&self, current: &Current, ending: &Ending) -> Record {
        let mut record = self.remember(current, ending);
        let attempt = current.attempt.saturating_add(1);
        let counts = ending.outcome.counts_as_failure(ending.started.is_some());
        let blameless = blameless(current, ending);
        let failures = current.failures.saturating_add(u32::from(counts));
        let setback = !counts && !blameless;
        let setbacks = current.setbacks.saturating_add(u32::from(setback));
        let tries = failures.max(setbacks);
        record.current = Some(Current {
            attempt,
            failures,
            setbacks,
            failed_stage: if counts { Some(current.request.stage) } else { current.failed_stage },
            next_try: (!blameless).then(|| self.next_try(tries)),
            request: self.request_ref(current.opened, attempt),
            withdrawal: None,
            ..current.clone()
        });
        record
    }

    /// The pause doubles with each attempt.
    fn next_try(&self, tries: u32) -> Time {
        let retry = &self.situation.subject.rules.retry;
        let doublings = tries.saturating_sub(1).min(30);
        let pause = retry.backoff_from.scaled(1 << doublings, 1);
        self.now() + pause.min(retry.backoff_to)
    }
}

/// What a rotation answers besides its causes: a person's request, and the schedule.
fn answer(record: &mut Record, current: &Current) {
    if current.requested_at.is_some() {
        record.handled_request.clone_from(&current.requested_at);
    }
    if let (Some(schedule), Some(occurrence)) = (&mut record.schedule, current.occurrence) {
        schedule.satisfied = schedule.satisfied.max(Some(occurrence));
    }
}

/// An attempt that was taken back for the hour's, the stage's or a person's sake was nobody's
/// fault, and waits for its gates only.
fn blameless(current: &Current, ending: &Ending) -> bool {
    let withdrawn = current.withdrawal.filter(|_| ending.outcome == Outcome::Withdrawn);
    withdrawn.is_some_and(|withdrawal| match withdrawal.reason {
        WithdrawalReason::WindowEnding
        | WithdrawalReason::StageChanged
        | WithdrawalReason::Suspended
        | WithdrawalReason::NoCauseLeft => true,
        WithdrawalReason::NotPickedUp => false,
    })
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug)]
struct Ending {
    outcome: Outcome,
    started: Option<Time>,
    ended: Time,
    duration: Option<Span>,
}

impl Ending {
    fn of(look: &Look<'_>, current: &Current, outcome: Outcome, request: Option<&Request>) -> Self {
        let phase = request.map(|request| request.phase);
        let ran = matches!(phase, Some(RequestPhase::Successful | RequestPhase::Failed));
        let started = current
            .request
            .started
            .or_else(|| request?.started)
            .or_else(|| request.filter(|_| ran).map(|request| request.created));
        let ended = request.and_then(|request| ended(current, request, look.now()));
        let duration = match (started, ended) {
            (Some(started), Some(ended)) if ended >= started => Some(ended.since(started)),
            _ => None,
        };
        Self { outcome, started, ended: ended.unwrap_or(look.now()), duration }
    }
}

/// What the record becomes when the request that it names cannot be made: the apiserver refuses
/// it, or somebody else's object has the name.
pub fn unmakable(look: &Look<'_>, outcome: Outcome) -> Option<Next> {
    let current = look.record().current.as_ref()?;
    let unmade = current.request.uid.is_none() && current.withdrawal.is_none();
    unmade.then(|| look.end(current, outcome, None))
}
