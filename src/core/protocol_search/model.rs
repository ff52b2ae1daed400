// long: one model, read from top to bottom
//! What can happen next: what daemons do by the protocol, and everybody else.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::brain::{Act, Brain, IN_THE_WINDOW};
use super::interned::Interned;
use super::world::{Db, Facts, Pending, Phase, Request, Slots, Troubles, World};
use crate::core::vocabulary::WritePoint;

/// How daemons write; each rule can be broken to see that the search notices.
#[expect(clippy::struct_excessive_bools, reason = "rules that do not exclude each other")]
#[derive(Clone, Copy, Debug)]
pub(super) struct Protocol {
    /// The record names the request before it is created.
    pub(super) record_first: bool,
    /// Before an act its database is read again, not taken from a cache.
    pub(super) rereads: bool,
    /// Before a create the slots are read again as well.
    pub(super) create_rereads_slots: bool,
    /// Before slots are changed the records are read again whose slots change.
    pub(super) slots_reread_changed: bool,
    /// And those of databases with an active request, and all if there is no table.
    pub(super) slots_reread_active: bool,
    /// The slots are changed only if they are what was read.
    pub(super) slots_by_cas: bool,
}

/// What is wrong with a state or with how it was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    TooManyInFlight,
    TwoOnOneDatabase,
    CreatedOutsideWindow,
    CreatedUnrecorded,
    Livelock,
    SlotLeaked,
    Forgotten,
}

/// What happened, for the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    Start,
    Time,
    Commits(Pending),
    Crash(Pending),
    Decides(&'static str, usize),
    ChangesSlots(Slots),
    Creates(usize),
    PicksUp(usize),
    Finishes(usize, Phase),
    PersonDeletes(usize),
    Trouble,
    LosesSlots,
    LosesRecord,
}

/// One thing that may happen, and whether it breaks a promise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    pub(super) label: Label,
    pub(super) world: World,
    pub(super) violation: Option<Violation>,
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) brain: Brain,
    pub(super) protocol: Protocol,
    /// The moments that there are, by their numbers.
    moments: &'static [u8],
    pasts: Interned<Vec<u16>>,
    slot_changes: BTreeMap<SlotQuestion, Rc<[Slots]>>,
}

/// What the changes of the slots rest on that daemons may want: the moment, of each database its
/// record, its past and its facts, and the slots.
type SlotQuestion = (u8, [[u16; 3]; 2], Option<Slots>);

impl Move {
    const fn to(label: Label, world: World) -> Self {
        Self { label, world, violation: None }
    }
}

impl Model {
    pub(super) fn new(protocol: Protocol, moments: &'static [u8]) -> Self {
        Self {
            brain: Brain::default(),
            protocol,
            moments,
            pasts: Interned::default(),
            slot_changes: BTreeMap::new(),
        }
    }

    pub(super) fn start(&mut self, troubles: Troubles) -> World {
        let dbs = [0, 1].map(|index| {
            let record = self.brain.blank(index);
            Db {
                record,
                past: self.past(&vec![record]),
                facts: self.facts(&Facts::default()),
                held: None,
            }
        });
        World { moment: 0, dbs, slots: Some([None; 2]), pending: [Pending::Nothing; 2], troubles }
    }

    pub(super) fn moves(&mut self, world: &World) -> Vec<Move> {
        let mut moves = self.surroundings(world);
        if let Some(later) = self.later(world) {
            moves.push(Move::to(Label::Time, later));
        }
        for daemon in 0..2 {
            match world.pending[daemon] {
                // The other one is alike.
                Pending::Nothing if daemon == 1 && world.pending[0] == Pending::Nothing => {}
                Pending::Nothing => self.decisions(world, daemon, &mut moves),
                pending @ (Pending::Record { .. }
                | Pending::Slots { .. }
                | Pending::Delete { .. }
                | Pending::Create { .. }) => {
                    let forgets = self.after(world, |_, w| w.pending[daemon] = Pending::Nothing);
                    moves.push(Move::to(Label::Crash(pending), forgets));
                    moves.push(Move::to(Label::Commits(pending), self.committed(world, daemon)));
                }
            }
        }
        moves
    }

    pub(super) fn later(&self, world: &World) -> Option<World> {
        let next = self.moments.iter().find(|moment| **moment > world.moment)?;
        Some(self.after(world, |_, w| w.moment = *next))
    }

    pub(super) fn live(&self, db: Db) -> usize {
        self.brain.facts.value(db.facts).live()
    }

    /// Another state; decisions that the apiserver would refuse now are forgotten.
    pub(super) fn after(&self, world: &World, change: impl FnOnce(&Self, &mut World)) -> World {
        let mut next = *world;
        change(self, &mut next);
        let request = |db: Db, name| self.brain.facts.value(db.facts).request(name);
        for pending in &mut next.pending {
            let stands = match *pending {
                Pending::Nothing | Pending::Create { .. } => true,
                Pending::Record { db, .. } => next.dbs[db].record == world.dbs[db].record,
                Pending::Slots { .. } => next.slots == world.slots || !self.protocol.slots_by_cas,
                Pending::Delete { db, name } => {
                    request(next.dbs[db], name) == request(world.dbs[db], name)
                }
            };
            if !stands {
                *pending = Pending::Nothing;
            }
        }
        // The daemons are alike.
        next.pending.sort_unstable();
        next
    }

    fn past(&mut self, records: &Vec<u16>) -> u16 {
        self.pasts.number(records, |records| format!("{records:?}"))
    }

    fn facts(&mut self, facts: &Facts) -> u16 {
        self.brain.facts.number(facts, |facts| format!("{facts:?}"))
    }

    fn with_facts(
        &mut self,
        world: &World,
        index: usize,
        change: impl FnOnce(&mut Facts),
    ) -> World {
        let mut facts = self.brain.facts.value(world.dbs[index].facts).clone();
        change(&mut facts);
        let number = self.facts(&facts);
        self.after(world, |_, w| w.dbs[index].facts = number)
    }

    fn own(world: &World, index: usize) -> Option<u16> {
        world.slots.and_then(|slots| slots[index])
    }

    /// The write that one database asks for, as somebody sees it who has read it just now.
    pub(super) fn act(&mut self, world: &World, index: usize) -> Option<Act> {
        self.brain.step(index, world, world.dbs[index], Self::own(world, index))
    }

    fn decisions(&mut self, world: &World, daemon: usize, moves: &mut Vec<Move>) {
        for index in 0..2 {
            if let Some(act) = self.act(world, index) {
                self.decide(world, daemon, index, act, moves);
            }
            let db = world.dbs[index];
            let believed = self.brain.step(index, world, db, db.held);
            if !self.protocol.create_rereads_slots && believed == Some(Act::Create) {
                moves.push(self.create(world, index, db.record));
            }
            if !self.protocol.rereads {
                self.decide_from_cache(world, index, moves);
            }
        }
        for slots in self.slot_changes(world).iter().copied() {
            let decided = self.after(world, |_, w| w.pending[daemon] = Pending::Slots { slots });
            moves.push(Move::to(Label::ChangesSlots(slots), decided));
        }
    }

    /// Every change of the slots that a daemon may want, however old its records are.
    fn slot_changes(&mut self, world: &World) -> Rc<[Slots]> {
        let dbs = world.dbs.map(|db| [db.record, db.past, db.facts]);
        let question = (world.moment, dbs, world.slots);
        if let Some(changes) = self.slot_changes.get(&question) {
            return Rc::clone(changes);
        }
        let views = world.dbs.map(|db| self.pasts.value(db.past).clone());
        let mut changes = Vec::new();
        for first in &views[0] {
            for second in &views[1] {
                let change = self.slot_change(world, [*first, *second]);
                changes.extend(change.filter(|slots| !changes.contains(slots)));
            }
        }
        let changes: Rc<[Slots]> = changes.into();
        self.slot_changes.insert(question, Rc::clone(&changes));
        changes
    }

    fn decide_from_cache(&mut self, world: &World, index: usize, moves: &mut Vec<Move>) {
        let db = world.dbs[index];
        let nothing = self.facts(&Facts::default());
        for record in self.pasts.value(db.past).clone() {
            let cached = Db { record, facts: nothing, ..db };
            let held = self.brain.named_by(record);
            let act = self.brain.step(index, world, cached, held);
            if act == Some(Act::Create) && db.held == held {
                moves.push(self.create(world, index, record));
            }
        }
    }

    pub(super) fn decide(
        &mut self,
        world: &World,
        daemon: usize,
        index: usize,
        act: Act,
        moves: &mut Vec<Move>,
    ) {
        match act {
            Act::Record { point, record } => {
                let pending = Pending::Record { db: index, record };
                let mut decided = self.after(world, |_, w| w.pending[daemon] = pending);
                if !self.protocol.record_first && point == WritePoint::OpenRotation {
                    decided = self.create(&decided, index, record).world;
                }
                moves.push(Move::to(Label::Decides(point.as_str(), index), decided));
            }
            Act::Delete { name } => {
                let pending = Pending::Delete { db: index, name };
                let decided = self.after(world, |_, w| w.pending[daemon] = pending);
                moves.push(Move::to(Label::Decides("withdrawRequest", index), decided));
            }
            Act::Create => {
                let made_for = world.dbs[index].record;
                moves.push(self.create(world, index, made_for));
                if world.troubles.stops > 0 {
                    let stopped = self.after(world, |_, w| {
                        w.troubles.stops -= 1;
                        w.pending[daemon] = Pending::Create { db: index, made_for };
                    });
                    moves.push(Move::to(Label::Decides("createRequest", index), stopped));
                }
            }
        }
    }

    /// The change of the slots that a daemon with these cached records goes through with.
    pub(super) fn slot_change(&mut self, world: &World, cached: [u16; 2]) -> Option<Slots> {
        let see = |index: usize| Db { record: cached[index], ..world.dbs[index] };
        let mut dbs = [see(0), see(1)];
        let first = self.brain.change(world, dbs).0?;
        let before = world.slots.unwrap_or_default();
        for index in 0..2 {
            let changes = first[index] != before[index] && self.protocol.slots_reread_changed;
            let active = self.live(dbs[index]) > 0 || world.slots.is_none();
            if changes || active && self.protocol.slots_reread_active {
                dbs[index].record = world.dbs[index].record;
            }
        }
        let again = self.brain.change(world, dbs).0?;
        (again == first).then_some(again)
    }

    fn create(&mut self, world: &World, index: usize, record: u16) -> Move {
        let name = self.brain.named_by(record);
        let named = self.brain.named_by(world.dbs[index].record) == name;
        let violation = if !IN_THE_WINDOW[usize::from(world.moment)] {
            Some(Violation::CreatedOutsideWindow)
        } else if !named && self.protocol.record_first {
            Some(Violation::CreatedUnrecorded)
        } else {
            None
        };
        Move { label: Label::Creates(index), world: self.created(world, index, record), violation }
    }

    fn created(&mut self, world: &World, index: usize, made_for: u16) -> World {
        let name = self.brain.named_by(made_for).unwrap();
        let moment = world.moment;
        self.with_facts(world, index, |facts| {
            if facts.request(name).is_some() {
                return; // 409 AlreadyExists
            }
            facts.requests.push(Request {
                name,
                generation: moment,
                phase: Phase::New,
                created: moment,
                started: None,
                ended: None,
                made_for,
            });
        })
    }

    pub(super) fn committed(&mut self, world: &World, daemon: usize) -> World {
        let pending = world.pending[daemon];
        let mut idle = *world;
        idle.pending[daemon] = Pending::Nothing;
        match pending {
            Pending::Nothing => idle,
            Pending::Create { db, made_for } => self.created(&idle, db, made_for),
            Pending::Delete { db, name } => self.with_facts(&idle, db, |facts| {
                facts.requests.retain(|request| request.name != name);
            }),
            Pending::Record { db, record } => {
                let mut past = self.pasts.value(idle.dbs[db].past).clone();
                if let Err(place) = past.binary_search(&record) {
                    past.insert(place, record);
                }
                let past = self.past(&past);
                self.after(&idle, |_, w| {
                    w.dbs[db].record = record;
                    w.dbs[db].past = past;
                })
            }
            Pending::Slots { slots } => self.after(&idle, |_, w| {
                w.slots = Some(slots);
                for (db, held) in w.dbs.iter_mut().zip(slots) {
                    db.held = held.or(db.held);
                }
            }),
        }
    }

    /// The operator, and what goes wrong.
    pub(super) fn surroundings(&mut self, world: &World) -> Vec<Move> {
        let mut moves = Vec::new();
        for index in 0..2 {
            self.requests(world, index, &mut moves);
        }
        let facts = self.brain.facts.value(world.dbs[0].facts);
        if facts.in_trouble || world.troubles.unready > 0 {
            let begins = !facts.in_trouble;
            let mut toggled = self.with_facts(world, 0, |facts| facts.in_trouble = begins);
            toggled.troubles.unready -= u8::from(begins);
            moves.push(Move::to(Label::Trouble, toggled));
        }
        if world.slots.is_some() && world.troubles.lost_slots > 0 {
            let lost = self.after(world, |_, w| {
                w.troubles.lost_slots -= 1;
                w.slots = None;
            });
            moves.push(Move::to(Label::LosesSlots, lost));
        }
        let blank = self.brain.blank(0);
        if world.dbs[0].record != blank && world.troubles.lost_records > 0 {
            let lost = self.after(world, |_, w| {
                w.troubles.lost_records -= 1;
                w.dbs[0].record = blank;
            });
            moves.push(Move::to(Label::LosesRecord, lost));
        }
        moves
    }

    fn requests(&mut self, world: &World, index: usize, moves: &mut Vec<Move>) {
        let requests = self.brain.facts.value(world.dbs[index].facts).requests.clone();
        let running = requests.iter().any(|request| request.phase == Phase::Running);
        let may_fail = world.troubles.failures > 0;
        for (place, request) in requests.iter().enumerate() {
            let becomes: &[(Phase, bool)] = match request.phase {
                Phase::New => &[(Phase::Running, !running), (Phase::Skipped, may_fail)],
                Phase::Running => &[(Phase::Done, true), (Phase::Failed, may_fail)],
                Phase::Done | Phase::Failed | Phase::Skipped => continue,
            };
            for (phase, _) in becomes.iter().filter(|(_, may)| *may) {
                moves.push(self.becomes(world, index, place, *phase));
            }
            if world.troubles.deletions > 0 {
                let mut deleted = self.with_facts(world, index, |facts| {
                    facts.requests.remove(place);
                });
                deleted.troubles.deletions -= 1;
                moves.push(Move::to(Label::PersonDeletes(index), deleted));
            }
        }
    }

    fn becomes(&mut self, world: &World, index: usize, place: usize, phase: Phase) -> Move {
        let moment = world.moment;
        let mut next = self.with_facts(world, index, |facts| {
            facts.rotated |= phase == Phase::Done;
            let request = &mut facts.requests[place];
            request.phase = phase;
            if phase == Phase::Running {
                request.started = Some(moment);
            } else {
                request.ended = Some(moment);
            }
        });
        match phase {
            Phase::Failed | Phase::Skipped => next.troubles.failures -= 1,
            Phase::New | Phase::Running | Phase::Done => {}
        }
        let label = match phase {
            Phase::Running => Label::PicksUp(index),
            Phase::New | Phase::Done | Phase::Failed | Phase::Skipped => {
                Label::Finishes(index, phase)
            }
        };
        Move::to(label, next)
    }
}
