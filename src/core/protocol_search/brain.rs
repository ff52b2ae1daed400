//! What the real plan says in a state of the model: every answer is computed once.

use std::collections::BTreeMap;

use super::interned::Interned;
use super::world::{Db, Facts, Phase, Request, Slots, World};
use crate::core::fleet::{Alias, Carried, Database, DatabasePhase, Fleet, RequestPhase, Text};
use crate::core::plan::plan;
use crate::core::policy::Policy;
use crate::core::record::Record;
use crate::core::rotation::Write;
use crate::core::sample::{self, Db as Sample, NOW, at};
use crate::core::slots::SlotTable;
use crate::core::time::Time;
use crate::core::vocabulary::WritePoint;

/// The two databases, in namespaces of their own.
const NAMES: [&str; 2] = ["a/one", "b/two"];

/// The moments of the model: twice while rotations may start, ten minutes before they may not (a
/// freeze is quicker to evaluate than a crontab line), while they may not, and after.
pub(super) const MOMENTS: [&str; 5] = ["0", "+1h", "+710m", "+18h", "+37h"];
/// At these a request may be created.
pub(super) const IN_THE_WINDOW: [bool; 5] = [true, true, false, false, true];

/// What the plan says of one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Write this record.
    Record { point: WritePoint, record: u16 },
    /// Create the request that the record names.
    Create,
    /// Delete the request of that name.
    Delete { name: u16 },
}

/// What the plan rests on of one database: its record and its facts.
type Seen = (u16, u16);

#[derive(Debug)]
pub(super) struct Brain {
    pub(super) records: Interned<Record>,
    pub(super) names: Interned<Text>,
    pub(super) facts: Interned<Facts>,
    /// For each record the request that its open attempt names.
    named: BTreeMap<u16, Option<u16>>,
    /// What a request carries that is created for this record.
    carried: BTreeMap<u16, Carried>,
    /// Fresh samples: old and rotated, of each database.
    samples: [[Sample; 2]; 2],
    policy: Policy,
    steps: BTreeMap<StepAsked, Option<Act>>,
    changes: BTreeMap<ChangeAsked, (Option<Slots>, [bool; 2])>,
    pub(super) asked: usize,
}

/// Which database, at which moment, on which facts, and what its record names.
type StepAsked = (usize, u8, Seen, Option<Option<u16>>);
/// At which moment, on which facts, and which slots.
type ChangeAsked = (u8, [Seen; 2], Option<Slots>);

impl Default for Brain {
    fn default() -> Self {
        let policy = sample::policy(|policy, rules| {
            policy.limits.total = 1;
            rules.freezes = sample::freeze("2026-06-04", "2026-06-04");
        });
        let only_the_server = |name: &str, life: &str| {
            Sample::named(name).lives(life).with(|database| {
                database.certificates.retain(|alias, _| *alias == Alias::Server);
            })
        };
        let rotated = |name| {
            only_the_server(name, "0..+90d").with(|database| database.last_reconfigured = Some(NOW))
        };
        Self {
            records: Interned::default(),
            names: Interned::default(),
            facts: Interned::default(),
            named: BTreeMap::new(),
            carried: BTreeMap::new(),
            samples: NAMES.map(|name| [only_the_server(name, "-80d..+10d"), rotated(name)]),
            policy,
            steps: BTreeMap::new(),
            changes: BTreeMap::new(),
            asked: 0,
        }
    }
}

pub(super) fn moment(index: u8) -> Time {
    at(MOMENTS[usize::from(index)])
}

impl Brain {
    /// A record that says nothing yet.
    pub(super) fn blank(&mut self, db: usize) -> u16 {
        let rotation = self.samples[db][0].database.rotation.clone();
        self.record(&rotation.unwrap().record)
    }

    fn record(&mut self, record: &Record) -> u16 {
        let number = self.records.number(record, |record| format!("{record:?}"));
        if !self.named.contains_key(&number) {
            let current = record.current.as_ref();
            let name = current.map(|current| self.name(&current.request.name));
            self.named.insert(number, name);
            if current.is_some() {
                let mut database = self.samples[0][0].database.clone();
                database.rotation.as_mut().unwrap().record = record.clone();
                let uid = record.database_uid.clone().unwrap();
                let request = sample::request(RequestPhase::New).made_for(&database);
                let carried = Carried { database_uid: uid, ..request.carried.unwrap() };
                self.carried.insert(number, carried);
            }
        }
        number
    }

    fn name(&mut self, name: &Text) -> u16 {
        self.names.number(name, ToString::to_string)
    }

    /// The name of the request that a record's open attempt is about.
    pub(super) fn named_by(&self, record: u16) -> Option<u16> {
        self.named[&record]
    }

    /// The write for one database, if it were alone. Of the slots only its own matters to it.
    pub(super) fn step(
        &mut self,
        index: usize,
        world: &World,
        db: Db,
        own: Option<u16>,
    ) -> Option<Act> {
        let question = (index, world.moment, db.seen(), world.slots.map(|_| own));
        if let Some(act) = self.steps.get(&question) {
            return *act;
        }
        let mut slots: Slots = [None; 2];
        slots[index] = own;
        let fleet = self.fleet(&[(index, db)], world.slots.map(|_| slots));
        let plan = plan(&fleet, &self.policy, moment(world.moment));
        self.asked += 1;
        let write = plan.step(NAMES[index]).map(|step| &step.write);
        let act = write.and_then(|write| self.act(write));
        self.steps.insert(question, act);
        act
    }

    fn act(&mut self, write: &Write) -> Option<Act> {
        match write {
            Write::Record { point, record } => {
                Some(Act::Record { point: *point, record: self.record(record) })
            }
            Write::CreateRequest => Some(Act::Create),
            Write::DeleteRequest { name, .. } => Some(Act::Delete { name: self.name(name) }),
            Write::CreateRotation => None,
        }
    }

    /// The change of the slots that a daemon wants that sees this, and for which databases a gate
    /// is closed.
    pub(super) fn change(&mut self, world: &World, dbs: [Db; 2]) -> (Option<Slots>, [bool; 2]) {
        let question = (world.moment, dbs.map(Db::seen), world.slots);
        if let Some(change) = self.changes.get(&question) {
            return *change;
        }
        let fleet = self.fleet(&[(0, dbs[0]), (1, dbs[1])], world.slots);
        let plan = plan(&fleet, &self.policy, moment(world.moment));
        self.asked += 1;
        let change = plan.slots.as_ref().map(|change| {
            let held = |name: &str| change.slots.get(&sample::uid(name));
            NAMES.map(|name| held(name).map(|slot| self.name(&slot.request)))
        });
        let waits = NAMES.map(|name| !plan.verdict(name).gates.is_empty());
        self.changes.insert(question, (change, waits));
        (change, waits)
    }

    fn fleet(&self, dbs: &[(usize, Db)], slots: Option<Slots>) -> Fleet {
        let samples = dbs.iter().map(|(index, db)| self.sample(*index, *db));
        let mut fleet = sample::fleet(samples);
        fleet.slots = SlotTable::Missing;
        if let Some(slots) = slots {
            let held = NAMES.iter().zip(slots);
            let held = held.filter_map(|(name, held)| Some((*name, &**self.names.value(held?))));
            fleet.slots = sample::slots(held);
        }
        fleet
    }

    fn sample(&self, index: usize, db: Db) -> Sample {
        let facts = self.facts.value(db.facts);
        let mut sample = self.samples[index][usize::from(facts.rotated)].clone();
        let database: &mut Database = &mut sample.database;
        if facts.in_trouble {
            database.phase = DatabasePhase::Critical;
        }
        let rotation = database.rotation.as_mut().unwrap();
        rotation.record = self.records.value(db.record).clone();
        for request in &facts.requests {
            let name = Text::clone(self.names.value(request.name));
            database.requests.insert(name, self.request(request));
        }
        sample
    }

    fn request(&self, request: &Request) -> crate::core::fleet::Request {
        let phase = match request.phase {
            Phase::New => RequestPhase::Pending,
            Phase::Running => RequestPhase::Progressing,
            Phase::Done => RequestPhase::Successful,
            Phase::Failed => RequestPhase::Failed,
            Phase::Skipped => RequestPhase::Skipped,
        };
        sample::request(phase).with(|made| {
            made.carried = self.carried.get(&request.made_for).cloned();
            made.uid = format!("{}/{}", request.name, request.generation).into();
            made.created = moment(request.created);
            made.started = request.started.map(moment);
            made.ended = request.ended.map(moment);
        })
    }
}
