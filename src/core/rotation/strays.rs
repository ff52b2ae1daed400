//! Requests of ours that the record does not name.
//!
//! Either the record was lost, and they say what it should, or a process that was stopped between
//! its last look and its create went on too late.

use super::naming::request_name;
use super::{Look, Next, SlotWish, Write, delete};
use crate::core::fleet::{Carried, Request, RequestContent, Text};
use crate::core::record::{Current, Record, RequestRef};
use crate::core::vocabulary::{Outcome, WritePoint};

impl Look<'_> {
    /// The record is rebuilt from the newest request where it is blank, and from one that an
    /// operator has started already where nothing is open.
    pub(super) fn adoption(&self) -> Option<Next> {
        let record = self.record();
        let blank = record.last.is_none() && record.attempts.is_empty();
        let requests = self.database().requests.iter();
        let strays = requests
            .filter(|(_, request)| {
                let running = !request.phase.is_terminal() && !request.phase.is_unstarted();
                blank || running
            })
            .filter_map(|(name, request)| Some((name, request, self.stray(name, request)?)));
        let newest = strays.max_by_key(|(.., carried)| (carried.opened, carried.attempt));
        newest.map(|(name, request, carried)| self.adopted(name, request, carried))
    }

    /// One that nobody has started is taken back, whatever else is open.
    pub fn stray_to_take_back(&self) -> Option<Write> {
        if !self.acts() {
            return None;
        }
        let requests = self.database().requests.iter();
        let mut unstarted =
            requests.filter(|(_, request)| request.phase.is_unstarted() && !request.deleting);
        let (name, request) =
            unstarted.find(|(name, request)| self.stray(name, request).is_some())?;
        Some(delete(WritePoint::WithdrawRequest, name, request))
    }

    /// What a stray of ours carries. Its annotations must be such as we write: whoever may create
    /// requests can forge them, but gains nothing that a true one would not give.
    fn stray<'r>(&self, name: &Text, request: &'r Request) -> Option<&'r Carried> {
        let carried = request.carried.as_ref()?;
        let database = self.database();
        let fleet = self.situation.subject.fleet;
        let ours = Some(&carried.installation) == fleet.installation.as_ref()
            && carried.database_uid == database.uid
            && carried.opened <= self.now()
            && request.content == RequestContent::Rotate;
        let known = self.record().knows(name, request);
        let named_so =
            |key| request_name(key, &database.uid, carried.opened, carried.attempt) == *name;
        (ours && !known && named_so(self.situation.key)).then_some(carried)
    }

    fn adopted(&self, name: &Text, request: &Request, carried: &Carried) -> Next {
        let current = Current {
            opened: carried.opened,
            causes: carried.causes.clone(),
            baseline: carried.baseline.clone(),
            attempt: carried.attempt,
            failures: carried.failures,
            setbacks: 0,
            failed_stage: None,
            next_try: None,
            request: RequestRef {
                name: Text::clone(name),
                uid: Some(Text::clone(&request.uid)),
                created: Some(request.created),
                started: None,
                ended: None,
                stage: carried.stage,
                apply: self.apply(),
            },
            requested_at: carried.requested_at.clone(),
            occurrence: carried.occurrence,
            withdrawal: None,
        };
        let record = Record { current: Some(current), ..self.record().clone() };
        Next::record(WritePoint::AdoptRequest, record, SlotWish::Hold)
    }
}

impl Record {
    /// Whether the record accounts for this request. An attempt that ended because its request was
    /// gone, or never made, does not account for another one of that name.
    fn knows(&self, name: &Text, request: &Request) -> bool {
        let open = self.current.as_ref();
        if open.is_some_and(|current| current.request.is(name, &request.uid)) {
            return true;
        }
        let ended = self.attempts.iter().find(|one| one.request == *name);
        ended.is_some_and(|attempt| match attempt.outcome {
            Outcome::Verified
            | Outcome::Unverified
            | Outcome::ServedOld
            | Outcome::PartlyServed
            | Outcome::Failed
            | Outcome::Denied
            | Outcome::Skipped
            | Outcome::TimedOut
            | Outcome::ForeignRequest => true,
            Outcome::Rejected
            | Outcome::Vanished
            | Outcome::Withdrawn
            | Outcome::NotPickedUp
            | Outcome::Moot => false,
        })
    }
}
