//! Whether every rotation can be done in time: computed, not hoped for.
//!
//! A simulation of what is to come, earliest deadline first: each database is released when its
//! rotation becomes due and must have been rotated before its first certificate is an emergency.
//! It takes longer than a plan and changes slowly, so the daemon does it now and then.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::rc::Rc;

use super::experience::duration;
use super::fleet::{Database, Fleet, IssuerKey, Key, Text};
use super::hours::{Hours, HoursOf};
use super::ladder::Standing;
use super::policy::{Limits, Policy, RulesOf};
use super::record::{Record, Wishes};
use super::time::{Span, Time};
use super::vocabulary::{Stage, words};

/// Which databases cannot be rotated in time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Feasibility {
    /// Those, and why.
    pub infeasible: BTreeMap<Key, Infeasible>,
}

/// Why a database cannot be rotated in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Infeasible {
    /// By when it should have been.
    pub deadline: Time,
    /// What is missing.
    pub reason: Shortage,
}

words! {
    /// What keeps a rotation from being done in time.
    Shortage {
        /// No window before the deadline is long enough.
        NoWindow = "noWindow",
        /// There are windows, but others need them too: the limits are too low.
        Budget = "budget",
    }
}

/// One rotation to come.
struct Job<'a> {
    key: &'a Key,
    group: usize,
    deadline: Time,
    duration: Span,
    hours: Rc<Hours>,
}

/// Databases that share a namespace and an issuer wait in one queue.
struct Group<'a> {
    namespace: &'a Text,
    issuer: Option<&'a IssuerKey>,
    ready: BTreeSet<(Time, usize)>,
}

/// Simulates all rotations to come under this policy.
pub fn feasibility(fleet: &Fleet, policy: &Policy, now: Time) -> Feasibility {
    let mut simulation = Simulation::new(policy.limits);
    let (mut rules, mut hours) = (RulesOf::new(policy), HoursOf::new(now));
    // The addresses of rules tell calendars apart, so all of them live until the end.
    let mut kept = Vec::new();
    for (key, database) in &fleet.databases {
        if database.tls && database.selected {
            let rules = rules.database(&key.namespace, &database.labels);
            let hours = |own| hours.at(&rules, Stage::Normal, own);
            simulation.add(key, database, &rules, hours, now);
            kept.push(rules);
        }
    }
    simulation.run(now)
}

struct Simulation<'a> {
    limits: Limits,
    jobs: Vec<Job<'a>>,
    groups: Vec<Group<'a>>,
    group_of: BTreeMap<(&'a Text, Option<&'a IssuerKey>), usize>,
    released: BinaryHeap<Reverse<(Time, usize)>>,
    running: BinaryHeap<Reverse<(Time, usize)>>,
    namespaces: BTreeMap<&'a Text, u32>,
    issuers: BTreeMap<&'a IssuerKey, u32>,
    found: Feasibility,
}

impl<'a> Simulation<'a> {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            jobs: Vec::new(),
            groups: Vec::new(),
            group_of: BTreeMap::new(),
            released: BinaryHeap::new(),
            running: BinaryHeap::new(),
            namespaces: BTreeMap::new(),
            issuers: BTreeMap::new(),
            found: Feasibility::default(),
        }
    }

    fn add<'w>(
        &mut self,
        key: &'a Key,
        database: &'a Database,
        rules: &super::policy::Rules,
        hours: impl FnOnce(Option<&'w super::calendar::Windows>) -> Rc<Hours>,
        now: Time,
    ) where
        'a: 'w,
    {
        let rotation = database.rotation.as_ref();
        let (wishes, record) = (Wishes::default(), Record::default());
        let wishes = rotation.map_or(&wishes, |rotation| &rotation.wishes);
        let record = rotation.map_or(&record, |rotation| &rotation.record);
        let standing = Standing::of(database, rules, wishes, now);
        let (Some(due), Some(deadline)) = (standing.renew_at, standing.emergency_at) else {
            return;
        };
        if deadline <= now {
            return;
        }
        let issuer = database.server_issuer();
        let groups = self.groups.len();
        let group = *self.group_of.entry((&key.namespace, issuer)).or_insert(groups);
        if group == groups {
            let namespace = &key.namespace;
            self.groups.push(Group { namespace, issuer, ready: BTreeSet::new() });
        }
        let duration = duration(record, rules, database.replicas);
        let own = rotation.and_then(|rotation| rotation.wishes.windows.as_ref());
        self.jobs.push(Job { key, group, deadline, duration, hours: hours(own) });
        self.release(self.jobs.len() - 1, due.max(now), Shortage::NoWindow);
    }

    /// The job may start in the first window from then on; too late is infeasible.
    fn release(&mut self, index: usize, from: Time, otherwise: Shortage) {
        let job = &self.jobs[index];
        let start = job.hours.start_after(from, job.duration, None);
        if let Some(start) = start.filter(|start| *start + job.duration <= job.deadline) {
            self.released.push(Reverse((start, index)));
        } else {
            let infeasible = Infeasible { deadline: job.deadline, reason: otherwise };
            self.found.infeasible.insert(job.key.clone(), infeasible);
        }
    }

    fn run(mut self, now: Time) -> Feasibility {
        let mut at = now;
        loop {
            while self.running.peek().is_some_and(|Reverse((end, _))| *end <= at) {
                self.finish();
            }
            while self.released.peek().is_some_and(|Reverse((start, _))| *start <= at) {
                if let Some(Reverse((_, index))) = self.released.pop() {
                    let job = &self.jobs[index];
                    self.groups[job.group].ready.insert((job.deadline, index));
                }
            }
            while self.start_one(at) {}
            let ends = self.running.peek().map(|Reverse((end, _))| *end);
            let starts = self.released.peek().map(|Reverse((start, _))| *start);
            match ends.into_iter().chain(starts).min() {
                Some(next) => at = next,
                None => return self.found,
            }
        }
    }

    /// Starts the job with the earliest deadline for which there is room.
    fn start_one(&mut self, at: Time) -> bool {
        if self.running.len() >= self.limits.total as usize {
            return false;
        }
        let open = self.groups.iter().filter(|group| self.has_room(group));
        let Some((_, index)) = open.filter_map(|group| group.ready.first()).min().copied() else {
            return false;
        };
        let (group, deadline, duration) =
            (self.jobs[index].group, self.jobs[index].deadline, self.jobs[index].duration);
        self.groups[group].ready.remove(&(deadline, index));
        // It may have waited so long that its window is over.
        let start = self.jobs[index].hours.start_after(at, duration, None);
        if start == Some(at) && at + duration <= deadline {
            self.occupy(group);
            self.running.push(Reverse((at + duration, index)));
        } else {
            self.release(index, at, Shortage::Budget);
        }
        true
    }

    fn has_room(&self, group: &Group<'_>) -> bool {
        let in_namespace = self.namespaces.get(group.namespace).copied().unwrap_or(0);
        let with_issuer = group.issuer.and_then(|issuer| self.issuers.get(issuer)).copied();
        in_namespace < self.limits.per_namespace
            && with_issuer.unwrap_or(0) < self.limits.per_issuer
    }

    fn occupy(&mut self, group: usize) {
        let group = &self.groups[group];
        *self.namespaces.entry(group.namespace).or_default() += 1;
        if let Some(issuer) = group.issuer {
            *self.issuers.entry(issuer).or_default() += 1;
        }
    }

    fn finish(&mut self) {
        let Some(Reverse((_, index))) = self.running.pop() else { return };
        let group = &self.groups[self.jobs[index].group];
        if let Some(count) = self.namespaces.get_mut(group.namespace) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = group.issuer.and_then(|issuer| self.issuers.get_mut(issuer)) {
            *count = count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::calendar::{CronLine, Window, Windows, Zone};
    use crate::core::policy::Rules;
    use crate::core::sample::{Db, NOW, fleet};

    fn policy(open: Option<&str>, limits: Limits) -> Policy {
        let windows = open.map_or_else(Windows::default, |open| {
            let line = CronLine::parse(open).unwrap();
            Windows::new(vec![Window::new(line, Span::HOUR, Zone::utc()).unwrap()]).unwrap()
        });
        let rules = Rules { windows, expected_duration: Span::minutes(10), ..Rules::default() };
        Policy { rules: Arc::new(rules), limits, ..Policy::default() }
    }

    const TWO: Limits = Limits { total: 2, per_namespace: 2, per_issuer: 2 };
    const ONE: Limits = Limits { total: 1, per_namespace: 1, per_issuer: 1 };

    fn reasons(count: usize, life: &str, policy: &Policy) -> Vec<Shortage> {
        let names: Vec<String> = (0..count).map(|index| format!("prod/db-{index}")).collect();
        let fleet = fleet(names.iter().map(|name| Db::named(name).lives(life)));
        let found = feasibility(&fleet, policy, NOW);
        found.infeasible.values().map(|infeasible| infeasible.reason).collect()
    }

    #[test]
    fn what_fits_and_what_does_not() {
        use Shortage::{Budget, NoWindow};
        let daily = Some("0 2 * * *");
        let in_january = Some("0 2 1 1 *");
        for (name, count, life, policy, expected) in [
            ("always open", 3, "-80d..+10d", policy(None, ONE), vec![]),
            ("a window every night", 3, "-80d..+10d", policy(daily, ONE), vec![]),
            (
                "no window before the deadline",
                1,
                "-80d..+10d",
                policy(in_january, ONE),
                vec![NoWindow],
            ),
            ("one night holds five, one at a time", 5, "-86d..+4d", policy(daily, ONE), vec![]),
            ("the sixth does not fit", 6, "-86d..+4d", policy(daily, ONE), vec![Budget]),
            ("two at a time hold ten", 10, "-86d..+4d", policy(daily, TWO), vec![]),
            ("the eleventh does not fit", 11, "-86d..+4d", policy(daily, TWO), vec![Budget]),
            (
                "an emergency is not a matter of windows",
                1,
                "-88d..+2d",
                policy(in_january, ONE),
                vec![],
            ),
        ] {
            assert_eq!(reasons(count, life, &policy), expected, "{name}");
        }
    }
}
