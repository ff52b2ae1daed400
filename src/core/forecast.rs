//! What will rotate when: the decisions of `plan`, run forward.
//!
//! Each database becomes due, waits for its window, its turn in it and for room, is rotated for as
//! long as it has been known to take, and lives on with certificates of the same length. What
//! stands in the way today and has no end of its own (a suspended Rotation, a halted database) is
//! taken to stay; what comes and goes (a backup, a database that is not Ready) matters only to those
//! that are due now.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use super::fleet::{Fleet, Key};
use super::hours::HoursOf;
use super::plan::facing_each;
use super::policy::{Limits, Policy, Rules};
use super::time::{Span, Time};
use super::vocabulary::{Cause, Gate, Stage};

mod job;

use job::Job;

/// The longest that can be looked ahead.
pub const LONGEST: Span = Span::days(400);
/// So many rotations are enough for everybody; certificates that live minutes would fill a memory.
const MOST: usize = 50_000;

/// What will rotate when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forecast {
    /// Every rotation that begins until then, in the order in which they begin.
    pub rotations: Vec<Planned>,
    /// Databases that are or become due and do not begin until then, and what holds them.
    pub held: BTreeMap<Key, Gate>,
    /// There would be more: only the first so many were looked for.
    pub cut: bool,
}

/// One rotation to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Of which database.
    pub key: Key,
    /// Why.
    pub cause: Cause,
    /// When it is due.
    pub due: Time,
    /// When it begins.
    pub starts: Time,
    /// When it will have ended.
    pub ends: Time,
    /// How pressing it is then.
    pub stage: Stage,
    /// When the first certificate would end without it.
    pub expires: Option<Time>,
}

/// Runs the policy forward from `now` to `until`.
pub fn forecast(fleet: &Fleet, policy: &Policy, now: Time, until: Time) -> Forecast {
    let until = until.min(now + LONGEST);
    let mut run = Run::new(policy.limits, now, until);
    // Rules are shared, and their address tells calendars apart.
    let mut shared: BTreeMap<*const Rules, Arc<Rules>> = BTreeMap::new();
    facing_each((fleet, policy, now), |situation| {
        let rules = situation.subject.rules;
        let rules = shared.entry(rules).or_insert_with(|| Arc::new(rules.clone()));
        run.add(Job::of(situation, Arc::clone(rules)));
    });
    run.run()
}

struct Run {
    limits: Limits,
    now: Time,
    until: Time,
    hours: HoursOf,
    jobs: Vec<Job>,
    /// What happens when: those that end come before those that may begin.
    events: BinaryHeap<Reverse<(Time, Event)>>,
    running: Vec<usize>,
    /// Those that may begin, but for room.
    blocked: BTreeSet<usize>,
    found: Forecast,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Ends(usize),
    MayBegin(usize),
}

impl Run {
    const fn new(limits: Limits, now: Time, until: Time) -> Self {
        Self {
            limits,
            now,
            until,
            hours: HoursOf::new(now),
            jobs: Vec::new(),
            events: BinaryHeap::new(),
            running: Vec::new(),
            blocked: BTreeSet::new(),
            found: Forecast { rotations: Vec::new(), held: BTreeMap::new(), cut: false },
        }
    }

    fn add(&mut self, job: Job) {
        let index = self.jobs.len();
        let under_way = job.under_way_until;
        self.jobs.push(job);
        match under_way {
            Some(ends) => {
                self.running.push(index);
                self.events.push(Reverse((ends, Event::Ends(index))));
            }
            None => self.wait(index, self.now),
        }
    }

    /// Notes when a job may begin, from a moment on.
    fn wait(&mut self, index: usize, from: Time) {
        let job = &self.jobs[index];
        if let Some(gate) = job.held {
            if job.due(from).is_some_and(|(due, _)| due <= self.until) {
                self.found.held.insert(job.key.clone(), gate);
            }
            return;
        }
        let Some((due, _)) = job.due(from) else { return };
        match job.start(&mut self.hours, due.max(from)) {
            Some((starts, _)) if starts <= self.until => {
                self.events.push(Reverse((starts, Event::MayBegin(index))));
            }
            _ if due <= self.until => {
                self.found.held.insert(job.key.clone(), Gate::WindowClosed);
            }
            _ => {}
        }
    }

    fn run(mut self) -> Forecast {
        while let Some(Reverse((at, _))) = self.events.peek().copied() {
            if at > self.until {
                break;
            }
            self.take_events(at);
            self.begin(at);
            if self.found.rotations.len() >= MOST {
                self.found.cut = true;
                break;
            }
        }
        for index in &self.blocked {
            let gate = self.room(*index).err().unwrap_or(Gate::BudgetTotal);
            self.found.held.insert(self.jobs[*index].key.clone(), gate);
        }
        self.found
    }

    fn take_events(&mut self, at: Time) {
        while let Some(Reverse((when, event))) = self.events.peek().copied() {
            if when > at {
                return;
            }
            self.events.pop();
            match event {
                Event::Ends(index) => {
                    self.running.retain(|running| *running != index);
                    self.jobs[index].end(at);
                    self.wait(index, at);
                }
                Event::MayBegin(index) => {
                    self.blocked.insert(index);
                }
            }
        }
    }

    /// Room goes by stage, then by deadline, then by the stable hash, as `plan` shares it out.
    fn begin(&mut self, at: Time) {
        if self.running.len() >= self.limits.total as usize {
            return;
        }
        let mut waiting: Vec<usize> = self.blocked.iter().copied().collect();
        waiting.sort_by_cached_key(|index| self.jobs[*index].order(at));
        for index in waiting {
            if self.room(index).is_err() {
                continue;
            }
            self.blocked.remove(&index);
            match self.jobs[index].start(&mut self.hours, at) {
                Some((starts, stage)) if starts == at => self.start(index, at, stage),
                // Its window has closed meanwhile.
                _ => self.wait(index, at),
            }
        }
    }

    fn start(&mut self, index: usize, at: Time, stage: Stage) {
        let job = &mut self.jobs[index];
        let Some((due, cause)) = job.due_by(at) else { return };
        let ends = at + job.duration;
        self.found.rotations.push(Planned {
            key: job.key.clone(),
            cause,
            due,
            starts: at,
            ends,
            stage,
            expires: job.expires(),
        });
        job.begin(at);
        self.running.push(index);
        self.events.push(Reverse((ends, Event::Ends(index))));
    }

    fn room(&self, index: usize) -> Result<(), Gate> {
        let job = &self.jobs[index];
        let running = || self.running.iter().map(|running| &self.jobs[*running]);
        let within = |count: usize, limit: u32| count < limit as usize;
        let same_namespace = running().filter(|other| other.key.namespace == job.key.namespace);
        let same_issuer =
            running().filter(|other| job.issuer.is_some() && other.issuer == job.issuer);
        if !within(self.running.len(), self.limits.total) {
            Err(Gate::BudgetTotal)
        } else if !within(same_namespace.count(), self.limits.per_namespace) {
            Err(Gate::BudgetNamespace)
        } else if !within(same_issuer.count(), self.limits.per_issuer) {
            Err(Gate::BudgetIssuer)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod tests;
