//! From a cause to a request: opening, looking again, merging, creating.

use super::naming::request_name;
use super::{Look, Next, SlotWish, Write};
use crate::core::causes::{Findings, Held};
use crate::core::fleet::{Request, RequestContent, Text};
use crate::core::looking::{Replaced, servers_since};
use crate::core::record::{Current, OpenedCause, Record, RequestRef};
use crate::core::time::{Span, Time};
use crate::core::vocabulary::{Cause, Outcome, WritePoint};

impl Look<'_> {
    pub(super) fn opened(&self) -> Record {
        let subject = &self.situation.subject;
        let opened = self.opening_moment();
        let current = Current {
            opened,
            causes: actionable(self.situation.findings),
            baseline: self.database().issued_leaves(),
            attempt: 1,
            failures: self.failures_so_far(),
            setbacks: 0,
            failed_stage: None,
            next_try: None,
            request: self.request_ref(opened, 1),
            requested_at: subject.wishes.requested_at.clone(),
            occurrence: subject.schedule.latest,
            withdrawal: None,
        };
        Record { current: Some(current), ..self.record().clone() }
    }

    /// Now, but never a moment that has named requests before.
    fn opening_moment(&self) -> Time {
        let last = self.record().last.as_ref();
        last.map_or(self.now(), |last| self.now().max(last.opened + Span::seconds(1)))
    }

    /// Only `verified` and a person start at zero.
    fn failures_so_far(&self) -> u32 {
        let last = self.record().last.as_ref();
        let last = last.filter(|last| last.outcome != Outcome::Verified);
        last.filter(|_| !self.situation.requested()).map_or(0, |last| last.failures)
    }

    pub(super) fn request_ref(&self, opened: Time, attempt: u32) -> RequestRef {
        RequestRef {
            name: request_name(self.situation.key, &self.database().uid, opened, attempt),
            uid: None,
            created: None,
            started: None,
            ended: None,
            stage: self.situation.standing.stage,
            apply: self.apply(),
        }
    }

    pub(super) fn no_request_yet(&self, current: &Current) -> Next {
        let found = self.database().requests.get(&current.request.name);
        if let Some(request) = found {
            return self.found_by_name(current, request);
        }
        let settled = self.settled(current);
        let unwatched = (!self.database().selected).then_some(Outcome::Moot);
        if let Some(outcome) = settled.or(unwatched) {
            return self.end(current, outcome, None);
        }
        let slot = if self.slot_held { SlotWish::Keep } else { SlotWish::None };
        if let Some(record) = self.asked_again(current) {
            return Next::record(WritePoint::MergeCauses, record, slot);
        }
        // A slot without a request is rolled forward while its gates are open, else freed.
        if !self.gates_open() || !self.acts() {
            return Next::wait(SlotWish::None);
        }
        if let Some(record) = self.merged(current) {
            return Next::record(WritePoint::MergeCauses, record, slot);
        }
        if self.slot_held {
            Next::write(Write::CreateRequest, SlotWish::Keep)
        } else {
            Next::wait(SlotWish::Take)
        }
    }

    fn found_by_name(&self, current: &Current, request: &Request) -> Next {
        if !self.is_ours(current, request) {
            return self.end(current, Outcome::ForeignRequest, None);
        }
        let mut record = self.record().clone();
        if let Some(current) = &mut record.current {
            current.request.uid = Some(Text::clone(&request.uid));
            current.request.created = Some(request.created);
        }
        Next::record(WritePoint::NoteCreated, record, SlotWish::Hold)
    }

    /// Key, database and content must agree; timeout, apply and defaults may differ.
    fn is_ours(&self, current: &Current, request: &Request) -> bool {
        request.content == RequestContent::Rotate
            && request.carried.as_ref().is_some_and(|carried| {
                carried.database_uid == self.database().uid
                    && carried.opened == current.opened
                    && carried.attempt == current.attempt
            })
    }

    /// Before every attempt look again: somebody else may have rotated, or removed TLS. What a
    /// rotation by anybody answers, a person's request and a schedule, is no cause that is left.
    pub(super) fn settled(&self, current: &Current) -> Option<Outcome> {
        let database = self.database();
        let held = &self.situation.findings.held;
        let answered =
            |held: &Held| matches!(held.opened.cause, Cause::Requested | Cause::ScheduleDue);
        let done = database.tls
            && held.iter().all(answered)
            && Replaced::of(database, current) == Replaced::Yes
            && servers_since(database, current).all_current();
        if done { Some(Outcome::Verified) } else { held.is_empty().then_some(Outcome::Moot) }
    }

    /// A person who asks again zeroes the failures.
    fn asked_again(&self, current: &Current) -> Option<Record> {
        let wish = self.situation.subject.wishes.requested_at.as_ref()?;
        let handled = self.record().handled_request.as_ref() == Some(wish);
        if handled || current.requested_at.as_ref() == Some(wish) {
            return None;
        }
        let mut record = self.record().clone();
        let current = record.current.as_mut()?;
        current.requested_at = Some(Text::clone(wish));
        current.failures = 0;
        current.setbacks = 0;
        current.failed_stage = None;
        current.next_try = None;
        current.causes = merge(&current.causes, self.situation.findings);
        Some(record)
    }

    /// What the request will be made for: the causes and the stage as they are now.
    fn merged(&self, current: &Current) -> Option<Record> {
        let causes = merge(&current.causes, self.situation.findings);
        let (stage, apply) = (self.situation.standing.stage, self.apply());
        let occurrence = self.situation.subject.schedule.latest;
        let request = &current.request;
        let same = causes == current.causes
            && (stage, apply, occurrence) == (request.stage, request.apply, current.occurrence);
        if same {
            return None;
        }
        let mut record = self.record().clone();
        let current = record.current.as_mut()?;
        current.causes = causes;
        current.occurrence = occurrence;
        current.request.stage = stage;
        current.request.apply = apply;
        Some(record)
    }
}

fn actionable(findings: &Findings) -> Vec<OpenedCause> {
    findings.actionable().map(|held| held.opened.clone()).collect()
}

/// Causes merge: what is known already, and what holds now.
fn merge(known: &[OpenedCause], findings: &Findings) -> Vec<OpenedCause> {
    let mut merged = known.to_vec();
    for opened in actionable(findings) {
        let same =
            |other: &OpenedCause| (other.cause, &other.alias) == (opened.cause, &opened.alias);
        match merged.iter_mut().find(|other| same(other)) {
            Some(other) => *other = opened,
            None => merged.push(opened),
        }
    }
    merged.sort();
    merged
}
