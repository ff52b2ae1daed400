//! From a request to its outcome: started, taken back, timed out, looked at.

use super::{Look, Next, SlotWish, delete};
use crate::core::experience::longest_run;
use crate::core::fleet::{Request, RequestPhase, Text};
use crate::core::looking::{Looked, look};
use crate::core::record::{Apply, Current, Withdrawal, WithdrawalReason};
use crate::core::time::Time;
use crate::core::vocabulary::{Outcome, WritePoint};

impl Look<'_> {
    pub(super) fn taking_back(&self, current: &Current, withdrawal: Withdrawal) -> Next {
        let found = self.database().requests.get(&current.request.name);
        let found = found.filter(|request| Some(&request.uid) == current.request.uid.as_ref());
        match found {
            None => self.end(current, withdrawal.outcome, None),
            Some(request) if !request.phase.is_unstarted() => {
                let mut record = self.record().clone();
                if let Some(current) = &mut record.current {
                    current.withdrawal = None;
                }
                Next::record(WritePoint::ForgetWithdrawal, record, SlotWish::Hold)
            }
            Some(request) if request.deleting || !self.acts() => Next::wait(SlotWish::Hold),
            Some(request) => {
                let name = &current.request.name;
                let write = delete(WritePoint::WithdrawRequest, name, request);
                Next::write(write, SlotWish::Hold)
            }
        }
    }

    pub(super) fn following(&self, current: &Current, uid: &Text) -> Next {
        let found = self.database().requests.get(&current.request.name);
        let Some(request) = found.filter(|request| request.uid == *uid) else {
            return self.end(current, Outcome::Vanished, None);
        };
        match request.phase {
            RequestPhase::New
            | RequestPhase::Pending
            | RequestPhase::WaitingForApproval
            | RequestPhase::Approved => self.unstarted(current, request),
            RequestPhase::Progressing | RequestPhase::Unknown => self.running(current, request),
            RequestPhase::Successful => self.succeeded(current, request),
            RequestPhase::Failed => self.end(current, Outcome::Failed, Some(request)),
            RequestPhase::Denied => self.end(current, Outcome::Denied, Some(request)),
            RequestPhase::Skipped => self.end(current, Outcome::Skipped, Some(request)),
        }
    }

    fn unstarted(&self, current: &Current, request: &Request) -> Next {
        let wait = Next::wait(SlotWish::Hold);
        if request.deleting || !self.acts() {
            return wait;
        }
        let pick_up_by = request.created + self.situation.subject.rules.pick_up_within;
        let Some(withdrawal) = self.withdrawal(current, pick_up_by) else {
            return wait.until(Some(pick_up_by));
        };
        let mut record = self.record().clone();
        if let Some(current) = &mut record.current {
            current.withdrawal = Some(withdrawal);
        }
        Next::record(WritePoint::IntendWithdrawal, record, SlotWish::Hold)
    }

    fn withdrawal(&self, current: &Current, pick_up_by: Time) -> Option<Withdrawal> {
        let hours = self.situation.hours;
        let window_ends =
            !hours.open() || hours.left().is_some_and(|left| left < self.situation.duration);
        // One that may always be applied need not be replaced by one that may not.
        let other_apply = (current.request.apply, self.apply()) == (Apply::IfReady, Apply::Always);
        let (outcome, reason) = if self.situation.subject.wishes.suspend {
            (Outcome::Withdrawn, WithdrawalReason::Suspended)
        } else if self.settled(current).is_some() {
            (Outcome::Moot, WithdrawalReason::NoCauseLeft)
        } else if other_apply {
            (Outcome::Withdrawn, WithdrawalReason::StageChanged)
        } else if window_ends {
            (Outcome::Withdrawn, WithdrawalReason::WindowEnding)
        } else if pick_up_by <= self.now() {
            (Outcome::NotPickedUp, WithdrawalReason::NotPickedUp)
        } else {
            return None;
        };
        Some(Withdrawal { outcome, reason })
    }

    fn running(&self, current: &Current, request: &Request) -> Next {
        let Some(started) = current.request.started else {
            let mut record = self.record().clone();
            if let Some(current) = &mut record.current {
                current.request.started = Some(self.started(request));
            }
            return Next::record(WritePoint::NoteStarted, record, SlotWish::Hold);
        };
        let deadline =
            started + longest_run(self.situation.subject.rules, self.database().replicas);
        if deadline <= self.now() {
            return self.end(current, Outcome::TimedOut, Some(request));
        }
        Next::wait(SlotWish::Hold).until(Some(deadline))
    }

    /// An operator whose clock is wrong must not make us follow its request for ever.
    fn started(&self, request: &Request) -> Time {
        let said = request.started.unwrap_or(self.now());
        said.max(request.created).min(self.now())
    }

    fn succeeded(&self, current: &Current, request: &Request) -> Next {
        let Some(ended) = ended(current, request, self.now()) else {
            let mut record = self.record().clone();
            if let Some(current) = &mut record.current {
                current.request.ended = Some(self.now());
            }
            return Next::record(WritePoint::NoteEnded, record, SlotWish::Hold)
                .until(request.ended);
        };
        match look(self.database(), current, ended, self.now()) {
            Looked::Ended(outcome) => self.end(current, outcome, Some(request)),
            Looked::Waiting { until } => Next::wait(SlotWish::Hold).until(Some(until)),
        }
    }
}

/// When the request ended: as the record says, else as it says itself if that can be true.
pub(super) fn ended(current: &Current, request: &Request, now: Time) -> Option<Time> {
    let said = request.ended.filter(|ended| *ended <= now);
    current.request.ended.or(said.map(|ended| ended.max(request.created)))
}
