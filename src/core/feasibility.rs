//! Whether every rotation can be done in time: computed, not hoped for.
//!
//! A simulation of what is to come, earliest deadline first: each database is released when its
//! rotation becomes due and must have been rotated before its first certificate is an emergency.
//! It takes longer than a plan and changes slowly, so the daemon does it now and then.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::rc::Rc;
use std::sync::Arc;

use super::experience::duration;
use super::fleet::{Database, Fleet, IssuerKey, Key, Text};
use super::hours::{Hours, HoursOf, Starts};
use super::ladder::{Standing, soonest};
use super::policy::{Limits, Policy, Rules, RulesOf};
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
    class: usize,
    deadline: Time,
}

/// Rotations that may begin at the same moments, take as long, and need the same room: they wait
/// in one queue, the earliest deadline first.
struct Class {
    namespace: usize,
    issuer: Option<usize>,
    hours: Rc<Hours>,
    duration: Span,
    /// Those that are due.
    ready: BTreeSet<(Time, usize)>,
    /// The moments at which they may begin, now or next; none: never again.
    starts: Option<Starts>,
}

/// What tells classes apart. Calendars are shared, so their address is theirs alone.
type ClassKey = (usize, Option<usize>, *const Hours, Span);

/// Simulates all rotations to come under this policy.
pub fn feasibility(fleet: &Fleet, policy: &Policy, now: Time) -> Feasibility {
    let mut simulation = Simulation::new(policy.limits, now);
    let (mut rules, mut hours) = (RulesOf::new(policy), HoursOf::new(now));
    // The addresses of rules tell calendars apart, so all of them live until the end.
    let mut kept = Vec::new();
    for (key, database) in &fleet.databases {
        if database.tls && database.selected {
            let rules = rules.database(&key.namespace, &database.labels);
            simulation.add(key, database, &rules, &mut hours);
            kept.push(rules);
        }
    }
    simulation.run()
}

struct Simulation<'a> {
    limits: Limits,
    now: Time,
    jobs: Vec<Job<'a>>,
    classes: Vec<Class>,
    class_of: BTreeMap<ClassKey, usize>,
    namespaces: Counts<&'a Text>,
    issuers: Counts<&'a IssuerKey>,
    /// When each becomes due.
    due: BinaryHeap<Reverse<(Time, usize)>>,
    /// When each ends that has begun.
    running: BinaryHeap<Reverse<(Time, usize)>>,
    found: Feasibility,
}

/// How many run of each.
struct Counts<K> {
    index_of: BTreeMap<K, usize>,
    running: Vec<u32>,
}

impl<'a> Simulation<'a> {
    fn new(limits: Limits, now: Time) -> Self {
        Self {
            limits,
            now,
            jobs: Vec::new(),
            classes: Vec::new(),
            class_of: BTreeMap::new(),
            namespaces: Counts::default(),
            issuers: Counts::default(),
            due: BinaryHeap::new(),
            running: BinaryHeap::new(),
            found: Feasibility::default(),
        }
    }

    fn add(
        &mut self,
        key: &'a Key,
        database: &'a Database,
        rules: &Arc<Rules>,
        hours: &mut HoursOf,
    ) {
        let rotation = database.rotation.as_ref();
        let (wishes, record) = (Wishes::default(), Record::default());
        let wishes = rotation.map_or(&wishes, |rotation| &rotation.wishes);
        let record = rotation.map_or(&record, |rotation| &rotation.record);
        let standing = Standing::of(database, rules, wishes, self.now);
        let (Some(due), Some(deadline)) = (standing.renew_at, standing.emergency_at) else {
            return;
        };
        if deadline <= self.now {
            return;
        }
        let hours = hours.at(rules, Stage::Normal, wishes.windows.as_ref());
        let duration = duration(record, rules, database.replicas).ceil_minute();
        let due = due.max(self.now);
        let first = hours.starts(due, duration, None);
        if first.is_none_or(|starts| starts.first + duration > deadline) {
            self.cannot(key, deadline, Shortage::NoWindow);
            return;
        }
        let class = self.class(&key.namespace, database.server_issuer(), hours, duration);
        self.due.push(Reverse((due, self.jobs.len())));
        self.jobs.push(Job { key, class, deadline });
    }

    fn class(
        &mut self,
        namespace: &'a Text,
        issuer: Option<&'a IssuerKey>,
        hours: Rc<Hours>,
        duration: Span,
    ) -> usize {
        let namespace = self.namespaces.index(namespace);
        let issuer = issuer.map(|issuer| self.issuers.index(issuer));
        let key = (namespace, issuer, Rc::as_ptr(&hours), duration);
        let classes = self.classes.len();
        let class = *self.class_of.entry(key).or_insert(classes);
        if class == classes {
            let starts = hours.starts(self.now, duration, None);
            let ready = BTreeSet::new();
            self.classes.push(Class { namespace, issuer, hours, duration, ready, starts });
        }
        class
    }

    fn cannot(&mut self, key: &Key, deadline: Time, reason: Shortage) {
        self.found.infeasible.insert(key.clone(), Infeasible { deadline, reason });
    }

    fn run(mut self) -> Feasibility {
        let mut at = self.now;
        loop {
            while self.running.peek().is_some_and(|Reverse((end, _))| *end <= at) {
                self.finish();
            }
            while self.due.peek().is_some_and(|Reverse((due, _))| *due <= at) {
                if let Some(Reverse((_, index))) = self.due.pop() {
                    let Job { class, deadline, .. } = self.jobs[index];
                    self.classes[class].ready.insert((deadline, index));
                }
            }
            while self.start_one(at) {}
            match self.next_event(at) {
                Some(next) => at = next,
                None => return self.found,
            }
        }
    }

    /// Starts the job with the earliest deadline for which there is room, or gives it up when its
    /// time is over.
    fn start_one(&mut self, at: Time) -> bool {
        if self.running.len() >= self.limits.total as usize {
            return false;
        }
        for class in self.classes.iter_mut().filter(|class| !class.ready.is_empty()) {
            class.look_again(at);
        }
        let open = self.classes.iter().filter(|class| self.has_room(class));
        let waiting = open.filter_map(|class| Some((class.waiting(at)?, class.duration)));
        let Some(((deadline, index), duration)) = waiting.min() else {
            return false;
        };
        let class = self.jobs[index].class;
        self.classes[class].ready.remove(&(deadline, index));
        if at + duration <= deadline {
            self.count(class, 1);
            self.running.push(Reverse((at + duration, index)));
        } else {
            self.cannot(self.jobs[index].key, deadline, Shortage::Budget);
        }
        true
    }

    fn has_room(&self, class: &Class) -> bool {
        let with_issuer = class.issuer.map_or(0, |issuer| self.issuers.running[issuer]);
        self.namespaces.running[class.namespace] < self.limits.per_namespace
            && with_issuer < self.limits.per_issuer
    }

    fn count(&mut self, class: usize, change: i32) {
        let class = &self.classes[class];
        let running = &mut self.namespaces.running[class.namespace];
        *running = running.saturating_add_signed(change);
        if let Some(issuer) = class.issuer {
            let running = &mut self.issuers.running[issuer];
            *running = running.saturating_add_signed(change);
        }
    }

    fn finish(&mut self) {
        if let Some(Reverse((_, index))) = self.running.pop() {
            self.count(self.jobs[index].class, -1);
        }
    }

    /// When something ends, becomes due, or a calendar opens for those that wait. Those for which
    /// none ever does are given up.
    fn next_event(&mut self, at: Time) -> Option<Time> {
        let mut next = self.running.peek().map(|Reverse((end, _))| *end);
        soonest(&mut next, self.due.peek().map(|Reverse((due, _))| *due));
        let mut given_up = Vec::new();
        for class in self.classes.iter_mut().filter(|class| !class.ready.is_empty()) {
            class.look_again(at);
            match class.starts {
                Some(starts) => soonest(&mut next, Some(starts.first).filter(|first| *first > at)),
                None => given_up.append(&mut class.ready.iter().copied().collect()),
            }
            if class.starts.is_none() {
                class.ready.clear();
            }
        }
        for (deadline, index) in given_up {
            self.cannot(self.jobs[index].key, deadline, Shortage::Budget);
        }
        next
    }
}

impl Class {
    /// Its calendar may have closed since it was looked at last.
    fn look_again(&mut self, at: Time) {
        if self.starts.is_some_and(|starts| starts.last.is_some_and(|last| last < at)) {
            self.starts = self.hours.starts(at, self.duration, None);
        }
    }

    /// The one with the earliest deadline, if it may begin now.
    fn waiting(&self, at: Time) -> Option<(Time, usize)> {
        let open = self.starts.is_some_and(|starts| starts.first <= at);
        self.ready.first().copied().filter(|_| open)
    }
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self { index_of: BTreeMap::new(), running: Vec::new() }
    }
}

impl<K: Ord> Counts<K> {
    fn index(&mut self, key: K) -> usize {
        let new = self.running.len();
        let index = *self.index_of.entry(key).or_insert(new);
        if index == new {
            self.running.push(0);
        }
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::calendar::{CronLine, Window, Windows, Zone};
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
