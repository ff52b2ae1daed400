//! Every state that can be reached, breadth first.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Label, Model, Protocol, Violation};
use super::world::{Pending, Phase, Troubles, World};

#[derive(Debug)]
pub(super) struct Found {
    pub(super) violation: Violation,
    pub(super) trace: Vec<String>,
}

#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) states: usize,
    pub(super) depth: usize,
    pub(super) transitions: usize,
    pub(super) plans: usize,
    pub(super) found: Option<Found>,
}

pub(super) struct Search {
    model: Model,
    stops: u8,
    ids: BTreeMap<World, u32>,
    states: Vec<World>,
    from: Vec<(u32, Label)>,
    /// Whether it is also asked of every world if it ends well.
    to_the_end: bool,
    /// Worlds, decisions forgotten, from which a fair continuation ends well.
    ends_well: BTreeSet<World>,
}

impl Search {
    pub(super) fn new(protocol: Protocol, troubles: Troubles, moments: &'static [u8]) -> Self {
        let mut model = Model::new(protocol, moments);
        let start = model.start(troubles);
        let mut search = Self {
            model,
            stops: troubles.stops,
            ids: BTreeMap::new(),
            states: Vec::new(),
            from: Vec::new(),
            to_the_end: true,
            ends_well: BTreeSet::new(),
        };
        search.visit(start, 0, Label::Start);
        search
    }

    /// Looks for what must never be, and not at how things end: quicker.
    pub(super) const fn for_harm_alone(mut self) -> Self {
        self.to_the_end = false;
        self
    }

    pub(super) fn run(mut self) -> Report {
        let mut report = Report::default();
        report.found = self.explore(&mut report);
        report.states = self.states.len();
        report.plans = self.model.brain.asked;
        report
    }

    fn explore(&mut self, report: &mut Report) -> Option<Found> {
        let (mut next, mut level_ends) = (0, 1);
        while next < self.states.len() {
            let world = self.states[next];
            let id = u32::try_from(next).unwrap();
            let wrong = self.wrong(&world).or_else(|| self.ends_badly(&world));
            if let Some(violation) = wrong {
                return Some(self.found(violation, id, None));
            }
            for step in self.model.moves(&world) {
                report.transitions += 1;
                if let Some(violation) = step.violation {
                    return Some(self.found(violation, id, Some(step.label)));
                }
                self.visit(step.world, id, step.label);
            }
            next += 1;
            if next == level_ends {
                report.depth += 1;
                level_ends = self.states.len();
            }
        }
        None
    }

    fn visit(&mut self, world: World, from: u32, label: Label) {
        let id = u32::try_from(self.states.len()).unwrap();
        let known = *self.ids.entry(world).or_insert(id);
        if known == id {
            self.states.push(world);
            self.from.push((from, label));
        }
    }

    /// What must never be. Each process that was stopped between its last look and its create may
    /// exceed a limit by one.
    fn wrong(&self, world: &World) -> Option<Violation> {
        let stopped = usize::from(self.stops - world.troubles.stops);
        let live = world.dbs.map(|db| self.model.live(db));
        if live.iter().any(|live| *live > 1 + stopped) {
            Some(Violation::TwoOnOneDatabase)
        } else if live.iter().sum::<usize>() > 1 + stopped {
            Some(Violation::TooManyInFlight)
        } else {
            None
        }
    }

    /// From every state, once nothing more goes wrong, one daemon and the operator get done.
    fn ends_badly(&mut self, world: &World) -> Option<Violation> {
        if !self.to_the_end {
            return None;
        }
        let mut world = World { pending: [Pending::Nothing; 2], ..*world };
        let mut path = BTreeSet::new();
        while !self.ends_well.contains(&world) {
            if !path.insert(world) {
                return Some(Violation::Livelock);
            }
            match self.fair(&world) {
                Some(next) => world = next,
                None => match self.unfinished(&world) {
                    None => break,
                    violation => return violation,
                },
            }
        }
        self.ends_well.extend(path);
        None
    }

    /// What happens next when nothing goes wrong: the daemon, then the operator, then time.
    fn fair(&mut self, world: &World) -> Option<World> {
        let model = &mut self.model;
        let records = world.dbs.map(|db| db.record);
        if let Some(slots) = model.slot_change(world, records) {
            let mut decided = *world;
            decided.pending[1] = Pending::Slots { slots };
            return Some(model.committed(&decided, 1));
        }
        for index in 0..2 {
            if let Some(act) = model.act(world, index) {
                let mut moves = Vec::new();
                model.decide(world, 1, index, act, &mut moves);
                let decided = moves.swap_remove(0).world;
                return Some(match decided.pending[1] {
                    Pending::Nothing => decided,
                    Pending::Record { .. }
                    | Pending::Slots { .. }
                    | Pending::Delete { .. }
                    | Pending::Create { .. } => model.committed(&decided, 1),
                });
            }
        }
        let helps =
            |label: Label| matches!(label, Label::PicksUp(_) | Label::Finishes(_, Phase::Done));
        let mut moves = model.surroundings(world).into_iter();
        let helped = moves.find(|step| helps(step.label));
        helped.map(|step| step.world).or_else(|| model.later(world))
    }

    /// At the end of time: closed, or waiting for a reason, and nobody holds what he does not use.
    fn unfinished(&mut self, world: &World) -> Option<Violation> {
        let (_, waits) = self.model.brain.change(world, world.dbs);
        for (index, db) in world.dbs.into_iter().enumerate() {
            let live = self.model.live(db) > 0;
            let held = world.slots.and_then(|slots| slots[index]);
            if held.is_some() && !live {
                return Some(Violation::SlotLeaked);
            }
            let open = self.model.brain.named_by(db.record).is_some();
            let rotated = self.model.brain.facts.value(db.facts).rotated;
            let done = rotated && !open && !live;
            if !done && !waits[index] {
                return Some(Violation::Forgotten);
            }
        }
        None
    }

    fn found(&self, violation: Violation, mut id: u32, last: Option<Label>) -> Found {
        let mut trace: Vec<String> = last.iter().map(|label| format!("{label:?}")).collect();
        while id != 0 {
            let (from, label) = self.from[id as usize];
            trace.push(format!("{label:?}"));
            id = from;
        }
        trace.reverse();
        Found { violation, trace }
    }
}
