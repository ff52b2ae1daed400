//! The plan: what to do now, why not more, and when to look again.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::budget::Budget;
use super::causes::{Findings, Occurrences, Subject};
use super::experience::{Breakers, duration};
use super::fleet::{Database, Fleet, Key, Text};
use super::gates::{Closed, Situation, closed};
use super::hours::HoursOf;
use super::ladder::Standing;
use super::policy::{Mode, Policy, Rules, RulesOf};
use super::record::{Record, RequestRef, ScheduleSeen, Wishes};
use super::rotation::{Look, Next, SlotWish, Write, next, prunable, unmakable};
use super::slots::{Slot, SlotChange, SlotKeeper};
use super::time::Time;
use super::vocabulary::{Outcome, Stage, State, WritePoint};

mod facing;
#[cfg(test)]
mod installations;
mod verdict;

pub use facing::{facing, facing_each};
pub use verdict::{Verdict, WindowNow};

use facing::Remembered;
use verdict::{Conclusion, Order};

/// What to do, and what is known of every database.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// At most one write for each database, most pressing first.
    pub steps: Vec<Step>,
    /// The change of the slots, if any. It comes before the steps.
    pub slots: Option<SlotChange>,
    /// Every database's verdict.
    pub verdicts: BTreeMap<Key, Verdict>,
    /// When some verdict or step may change by itself; never later than that.
    pub wake_at: Option<Time>,
    /// How many rotations are in flight, those apart that this plan lets begin.
    pub in_flight: u32,
}

/// One write for one database.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The database.
    pub key: Key,
    /// The write.
    pub write: Write,
}

/// Decides. Pure: the same fleet, policy and moment give the same plan.
pub fn plan(fleet: &Fleet, policy: &Policy, now: Time) -> Plan {
    let mut planner = Planner::new(fleet, policy, now);
    let judged = fleet.databases.iter();
    let mut verdicts: BTreeMap<Key, Verdict> =
        judged.map(|(key, database)| (key.clone(), planner.judge(key, database))).collect();
    let in_flight = planner.budget.in_flight();
    planner.share_out(&mut verdicts);
    let wake_at = verdicts.values().filter_map(|verdict| verdict.changes).min();
    Plan {
        steps: planner.steps,
        slots: planner.keeper.change().filter(|_| fleet.leader),
        verdicts,
        wake_at,
        in_flight,
    }
}

/// What the record of a database becomes when its request cannot be made: the apiserver refuses it
/// (`rejected`), or an object of its name is somebody else's (`foreignRequest`).
pub fn after_unmakable(
    fleet: &Fleet,
    policy: &Policy,
    key: &Key,
    outcome: Outcome,
    now: Time,
) -> Option<Write> {
    let database = fleet.databases.get(key)?;
    let mut planner = Planner::new(fleet, policy, now);
    planner.unmakable = Some(outcome);
    planner.judge(key, database);
    planner.steps.pop().map(|step| step.write)
}

#[derive(Debug)]
struct Planner<'a> {
    fleet: &'a Fleet,
    policy: &'a Policy,
    now: Time,
    rules: RulesOf<'a>,
    hours: HoursOf,
    breakers: Breakers,
    budget: Budget,
    keeper: SlotKeeper<'a>,
    candidates: Vec<Candidate<'a>>,
    steps: Vec<Step>,
    /// The request of the one database that is asked about cannot be made.
    unmakable: Option<Outcome>,
}

/// A database that waits for room among those in flight.
#[derive(Debug)]
struct Candidate<'a> {
    key: &'a Key,
    database: &'a Database,
    order: Order,
    /// The write that opens its rotation; none: it is open and wants its slot.
    opens: Option<Write>,
}

impl<'a> Planner<'a> {
    fn new(fleet: &'a Fleet, policy: &'a Policy, now: Time) -> Self {
        let breakers = Breakers::of(fleet, &policy.breaker);
        let budget = Budget::of(fleet, policy, &breakers, now);
        Self {
            fleet,
            policy,
            now,
            rules: RulesOf::new(policy),
            hours: HoursOf::new(now),
            breakers,
            budget,
            keeper: SlotKeeper::new(&fleet.slots),
            candidates: Vec::new(),
            steps: Vec::new(),
            unmakable: None,
        }
    }

    fn judge(&mut self, key: &'a Key, database: &'a Database) -> Verdict {
        let conclusion = self.facing(key, database, |planner, situation, stale| {
            let current = situation.subject.record.current.as_ref();
            // Gates are about beginning: a request that exists has passed them.
            let begun = current.is_some_and(|current| current.request.uid.is_some());
            let due = current.is_some() || !situation.findings.held.is_empty();
            let gates = if due && !begun { closed(situation) } else { Vec::new() };
            let next = planner.choose(situation, &gates, stale);
            Conclusion::of(situation, gates, next)
        });
        match conclusion {
            Some(conclusion) => self.conclude(key, database, conclusion),
            None => Verdict::unmanaged(),
        }
    }

    /// What a database is in, and whether what its Rotation remembers is about another MySQL; none
    /// if nothing is managed there.
    fn facing<T>(
        &mut self,
        key: &'a Key,
        database: &'a Database,
        then: impl FnOnce(&Self, &Situation<'_>, bool) -> T,
    ) -> Option<T> {
        static NO_WISHES: Wishes = Wishes {
            suspend: false,
            requested_at: None,
            renew_before: None,
            windows: None,
            problems: Vec::new(),
        };
        let rotation = database.rotation.as_ref();
        let record = Remembered::of(database);
        // An attempt of ours is followed to its end even where nobody is watched any more.
        let ours = record.get().installation.as_ref();
        let ours = ours.is_none_or(|owner| Some(owner) == self.fleet.installation.as_ref());
        let followed = record.get().current.is_some() && ours;
        let watched = database.tls && database.selected;
        if !(followed || watched) {
            return None;
        }
        let rules = self.rules.database(&key.namespace, &database.labels);
        let wishes = rotation.map_or(&NO_WISHES, |rotation| &rotation.wishes);
        let schedule = self.hours.occurrences(&rules);
        let subject = Subject {
            fleet: self.fleet,
            database,
            rules: &rules,
            wishes,
            record: record.get(),
            schedule,
            now: self.now,
        };
        let findings = Findings::of(&subject);
        let mut standing = Standing::of(database, &rules, wishes, self.now);
        if findings.held.is_empty() {
            standing.stage = Stage::Normal;
        }
        let hours = self.hours.at(&rules, standing.stage, wishes.windows.as_ref());
        let situation = Situation {
            subject,
            key,
            findings: &findings,
            standing,
            mode: self.policy.mode,
            hours: &hours,
            breakers: &self.breakers,
            breaker: &self.policy.breaker,
            duration: duration(subject.record, &rules, database.replicas),
        };
        Some(then(self, &situation, record.is_stale()))
    }

    /// The write: housekeeping of the record first, then the table.
    fn choose(&self, situation: &Situation<'_>, gates: &[Closed], stale: bool) -> Next {
        let database = situation.subject.database;
        let Some(rotation) = &database.rotation else {
            let creates = !database.deleting && database.malformed.is_none();
            return Next {
                write: creates.then_some(Write::CreateRotation),
                ..Next::wait(SlotWish::None)
            };
        };
        if database.deleting {
            let active = database.has_active_request(self.fleet);
            return Next::wait(if active { SlotWish::Hold } else { SlotWish::None });
        }
        if stale {
            return Next::record(
                WritePoint::ResetRecord,
                emptied(&rotation.record),
                SlotWish::None,
            );
        }
        let current = rotation.record.current.as_ref();
        let slot_held =
            current.is_some_and(|current| self.keeper.holds(&database.uid, &current.request.name));
        let look = Look { situation, gates, slot_held };
        if let Some(outcome) = self.unmakable {
            return unmakable(&look, outcome).unwrap_or(Next::wait(SlotWish::None));
        }
        let next = next(&look);
        if next.write.is_some() {
            return next;
        }
        let write = look
            .stray_to_take_back()
            .or_else(|| note_schedule(&rotation.record, situation.subject.schedule, self.now))
            .or_else(|| self.prunable(database));
        Next { write, ..next }
    }

    fn prunable(&self, database: &Database) -> Option<Write> {
        let acts = self.policy.mode == Mode::Enforce;
        acts.then(|| prunable(database, self.fleet.installation.as_ref()))?
    }

    fn conclude(
        &mut self,
        key: &'a Key,
        database: &'a Database,
        conclusion: Conclusion,
    ) -> Verdict {
        let Conclusion { verdict, next, request, order } = conclusion;
        let record = database.rotation.as_ref().map(|rotation| &rotation.record);
        let anothers = record.and_then(|record| self.fleet.owned_by_another(record));
        if !self.fleet.leader || anothers.is_some() {
            return verdict;
        }
        if let Some(request) = &request {
            self.keep_slot(key, database, request, next.slot);
        }
        if let Some(write) = next.write {
            let write = self.signed(write, &database.uid);
            if next.opens {
                self.candidates.push(Candidate { key, database, order, opens: Some(write) });
            } else {
                self.steps.push(Step { key: key.clone(), write });
            }
        } else if next.slot == SlotWish::Take {
            self.candidates.push(Candidate { key, database, order, opens: None });
        }
        verdict
    }

    /// Every record says whose it is.
    fn signed(&self, write: Write, uid: &Text) -> Write {
        match write {
            Write::Record { point, mut record } => {
                record.installation.clone_from(&self.fleet.installation);
                record.database_uid = Some(Text::clone(uid));
                Write::Record { point, record }
            }
            Write::CreateRotation | Write::CreateRequest | Write::DeleteRequest { .. } => write,
        }
    }

    fn keep_slot(&mut self, key: &Key, database: &Database, request: &RequestRef, wish: SlotWish) {
        let held = self.keeper.holds(&database.uid, &request.name);
        let keeps = match wish {
            SlotWish::Hold => request.uid.is_some() || held,
            SlotWish::Keep => held,
            SlotWish::Take | SlotWish::None => false,
        };
        if keeps {
            self.keeper.want(&database.uid, slot(key, database, &request.name));
        }
    }

    /// Room goes by stage, then by deadline, then by the stable hash.
    fn share_out(&mut self, verdicts: &mut BTreeMap<Key, Verdict>) {
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.sort_by_key(|candidate| (candidate.order, candidate.key));
        for candidate in candidates {
            let issuer = candidate.database.server_issuer();
            match self.budget.room(&candidate.key.namespace, issuer) {
                Ok(()) => {
                    self.budget.take(&candidate.key.namespace, issuer);
                    self.admit(candidate);
                }
                Err(gate) => {
                    if let Some(verdict) = verdicts.get_mut(candidate.key) {
                        verdict.gates.push(Closed { gate, until: None, detail: None });
                        verdict.state = State::Waiting;
                    }
                }
            }
        }
    }

    fn admit(&mut self, candidate: Candidate<'a>) {
        if let Some(write) = candidate.opens {
            self.steps.push(Step { key: candidate.key.clone(), write });
            return;
        }
        let rotation = candidate.database.rotation.as_ref();
        if let Some(current) = rotation.and_then(|rotation| rotation.record.current.as_ref()) {
            let slot = slot(candidate.key, candidate.database, &current.request.name);
            self.keeper.want(&candidate.database.uid, slot);
        }
    }
}

fn slot(key: &Key, database: &Database, request: &Text) -> Slot {
    Slot {
        namespace: Text::clone(&key.namespace),
        database: Text::clone(&key.name),
        issuer: database.server_issuer().cloned(),
        request: Text::clone(request),
    }
}

/// A new start for another MySQL of the same name. What a person asked for was asked of the former
/// one; it is not asked again.
fn emptied(former: &Record) -> Record {
    Record { handled_request: former.handled_request.clone(), ..Record::default() }
}

/// A schedule counts from when it is first seen.
fn note_schedule(record: &Record, schedule: Occurrences, now: Time) -> Option<Write> {
    let seen = record.schedule.as_ref().map(|seen| seen.digest);
    if seen == schedule.digest {
        return None;
    }
    let schedule =
        schedule.digest.map(|digest| ScheduleSeen { digest, first_seen: now, satisfied: None });
    let record = Box::new(Record { schedule, ..record.clone() });
    Some(Write::Record { point: WritePoint::NoteSchedule, record })
}

/// The rules that hold for one database.
pub fn rules_of(policy: &Policy, key: &Key, database: &Database) -> Arc<Rules> {
    RulesOf::new(policy).database(&key.namespace, &database.labels)
}
