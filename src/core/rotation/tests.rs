//! The rotation table, a row a test; and the story of one rotation that they are told with.

use super::super::fleet::{Alias, DatabasePhase, Fleet, Issued, Key, RequestContent, RequestPhase};
use super::super::plan::{after_unmakable, plan};
use super::super::policy::Policy;
use super::super::record::{Attempt, Current, Withdrawal, WithdrawalReason};
use super::super::sample::{
    self, Db, NOW, at, carry_out, fleet, issued, policy, request, span, windows,
};
use super::super::time::Span;
use super::super::vocabulary::{Cause, Gate, Outcome, Stage, State};
use super::*;
use WritePoint::*;

mod beside;
mod ending;
mod opening;
mod strays;
mod taking_back;

const NAME: &str = "prod/orders";

/// A rotation that is under way, one database alone, seen at successive moments.
struct Story {
    fleet: Fleet,
    policy: Policy,
    now: Time,
}

impl Story {
    fn of(db: Db) -> Self {
        Self { fleet: fleet([db]), policy: Policy::default(), now: NOW }
    }

    /// Ten days before its end: urgent, so that it does not wait for its turn.
    fn due() -> Self {
        Self::of(Db::named(NAME).lives("-80d..+10d"))
    }

    /// Opened, and its slot taken.
    fn opened() -> Self {
        let mut story = Self::due();
        story.writes([OpenRotation]);
        story.takes_its_slot();
        story
    }

    /// And its request created, and noted.
    fn created() -> Self {
        let mut story = Self::opened();
        assert_eq!(story.says(), Some(CreateRequest));
        story.request_appears(|_| {});
        story.writes([NoteCreated]);
        story
    }

    /// And started.
    fn started() -> Self {
        let mut story = Self::created();
        story.request(|request| {
            request.phase = RequestPhase::Progressing;
            request.started = Some(NOW);
        });
        story.writes([NoteStarted]);
        story
    }

    fn plan(&self) -> super::super::plan::Plan {
        plan(&self.fleet, &self.policy, self.now)
    }

    fn says(&self) -> Option<WritePoint> {
        self.plan().writes(NAME)
    }

    fn write(&self) -> Option<Write> {
        self.plan().step(NAME).map(|step| step.write.clone())
    }

    /// These writes in this order, each carried out.
    fn writes<const N: usize>(&mut self, points: [WritePoint; N]) {
        for point in points {
            let plan = self.plan();
            assert_eq!(plan.writes(NAME), Some(point), "{plan:#?}");
            carry_out(&mut self.fleet, &plan);
        }
    }

    fn takes_its_slot(&mut self) {
        let plan = self.plan();
        assert_eq!((plan.steps.len(), plan.slots.is_some()), (0, true), "{plan:#?}");
        carry_out(&mut self.fleet, &plan);
    }

    fn later(&mut self, span_text: &str) -> &mut Self {
        self.now = self.now + span(span_text);
        self
    }

    fn change(&mut self, change: impl FnOnce(&mut Database)) -> &mut Self {
        self.fleet.change(NAME, change);
        self
    }

    fn record_mut(&mut self, change: impl FnOnce(&mut Record)) {
        self.change(|database| change(&mut database.rotation.as_mut().unwrap().record));
    }

    fn wish(&mut self, value: &str) {
        let value = Text::from(value);
        self.change(|database| {
            database.rotation.as_mut().unwrap().wishes.requested_at = Some(value);
        });
    }

    fn suspend(&mut self, suspend: bool) {
        self.change(|database| database.rotation.as_mut().unwrap().wishes.suspend = suspend);
    }

    fn record(&self) -> &Record {
        &self.fleet.sample(NAME).rotation.as_ref().unwrap().record
    }

    fn current(&self) -> &Current {
        self.record().current.as_ref().unwrap()
    }

    /// The apiserver has made the request that the record names.
    fn request_appears(&mut self, change: impl FnOnce(&mut Request)) {
        let name = Text::clone(&self.current().request.name);
        let created = self.now;
        let made = request(RequestPhase::New).made_for(self.fleet.sample(NAME));
        let mut made = made.with(|made| {
            made.uid = format!("uid of {name}").into();
            made.created = created;
        });
        change(&mut made);
        self.change(|database| {
            database.requests.insert(name, made);
        });
    }

    fn request(&mut self, change: impl FnOnce(&mut Request)) {
        let name = Text::clone(&self.current().request.name);
        self.change(|database| change(database.requests.get_mut(&name).unwrap()));
    }

    fn request_goes(&mut self) {
        let name = Text::clone(&self.current().request.name);
        self.change(|database| {
            database.requests.remove(&name);
        });
    }

    fn request_ends(&mut self, phase: RequestPhase) {
        let now = self.now;
        self.request(|request| {
            request.phase = phase;
            request.ended = Some(now);
        });
    }

    /// Every certificate is issued anew and every server restarted.
    fn certificates_are_replaced(&mut self) {
        let moment = self.now;
        let offset = moment.since(NOW).as_seconds();
        let life = format!("{offset}s..+90d");
        self.change(|database| {
            for certificate in database.certificates.values_mut() {
                certificate.issued = issued(&life);
            }
            for pod in database.pods.values_mut() {
                pod.started = Some(moment + Span::seconds(1));
            }
        });
    }

    /// Frees the slot of the former attempt, then takes one for this.
    fn takes_its_slot_again(&mut self) {
        self.slots_settle();
        self.slots_settle();
        assert!(self.slot_held() && self.plan().slots.is_none());
    }

    fn slots_settle(&mut self) {
        let plan = super::super::plan::Plan { steps: Vec::new(), ..self.plan() };
        carry_out(&mut self.fleet, &plan);
    }

    fn writes_end(&mut self) {
        self.writes([EndAttempt]);
    }

    fn writes_open(&mut self) {
        self.writes([OpenRotation]);
    }

    fn writes_close(&mut self) {
        self.writes([CloseRotation]);
    }

    fn state(&self) -> State {
        self.plan().verdict(NAME).state
    }

    fn gates(&self) -> Vec<Gate> {
        self.plan().verdict(NAME).gate_words()
    }

    fn slot_held(&self) -> bool {
        match &self.fleet.slots {
            super::super::slots::SlotTable::Known { slots, .. } => !slots.is_empty(),
            super::super::slots::SlotTable::Unknown | super::super::slots::SlotTable::Missing => {
                false
            }
        }
    }
}
