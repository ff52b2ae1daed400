//! What ended attempts teach: how long a rotation takes, and when to stop because they fail.
//!
//! Nothing here is stored: both are derived from the attempts that the records keep.

use std::collections::BTreeMap;

use super::fleet::{Fleet, IssuerKey};
use super::policy::{BreakerRule, Rules};
use super::record::{Attempt, Record};
use super::time::{Span, Time};
use super::vocabulary::Outcome;

/// How long a rotation of this database takes: the longest that the record remembers, or what the
/// policy expects until one has been seen. Never longer than a request may run: times that an
/// operator got wrong must not close every window.
pub fn duration(record: &Record, rules: &Rules, replicas: u32) -> Span {
    let good = record.attempts.iter().filter(|attempt| attempt.outcome.closes());
    let longest = good.filter_map(|attempt| attempt.duration).max();
    longest
        .map_or(rules.expected_duration, |longest| longest.min(longest_run(rules, replicas)))
        .max(Span::seconds(1))
}

/// How long a request may be carried out. `KubeDB` applies `spec.timeout` to each step: five of
/// its own and one for each replica.
pub fn longest_run(rules: &Rules, replicas: u32) -> Span {
    rules.timeout.scaled(5 + i64::from(replicas), 1)
}

/// Whether rotations go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaker {
    /// They do.
    Closed,
    /// They do not, until then.
    Open {
        /// When one is let through to try.
        until: Time,
    },
    /// One may try; its success closes the breaker.
    Probing,
}

/// The breakers: one for the operator, one for each issuer.
#[derive(Clone, Debug, Default)]
pub struct Breakers {
    operator: Newest,
    issuers: BTreeMap<IssuerKey, Newest>,
    /// When the newest attempt of a database was not picked up, for the two newest such.
    not_picked_up: Vec<Time>,
    /// When the newest attempt that an operator had picked up ended.
    picked_up: Option<Time>,
}

/// The newest attempts that share something, newest first.
#[derive(Clone, Debug, Default)]
struct Newest(Vec<(Time, Ending)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Good,
    Bad,
    Neither,
}

impl Breakers {
    /// From every record of the fleet.
    pub fn of(fleet: &Fleet, rule: &BreakerRule) -> Self {
        let mut breakers = Self::default();
        let rotations = fleet.databases.values().filter_map(|database| database.rotation.as_ref());
        for rotation in rotations {
            breakers.learn(&rotation.record, rule);
        }
        breakers.not_picked_up.sort_unstable_by(|a, b| b.cmp(a));
        breakers
    }

    fn learn(&mut self, record: &Record, rule: &BreakerRule) {
        if let Some(newest) = record.attempts.first()
            && newest.outcome == Outcome::NotPickedUp
        {
            self.not_picked_up.push(newest.ended);
        }
        let picked_up = record.attempts.iter().find(|one| was_picked_up(one.outcome));
        self.picked_up = self.picked_up.max(picked_up.map(|attempt| attempt.ended));
        for attempt in record.attempts.iter().take(rule.of as usize) {
            let ending = (attempt.ended, Ending::of(attempt));
            self.operator.insert(ending, rule);
            if let Some(issuer) = &attempt.issuer {
                match self.issuers.get_mut(issuer) {
                    Some(newest) => newest.insert(ending, rule),
                    None => {
                        self.issuers.insert(issuer.clone(), Newest(vec![ending]));
                    }
                }
            }
        }
    }

    /// The operator's breaker.
    pub fn operator(&self, rule: &BreakerRule, now: Time) -> Breaker {
        let silent = match self.not_picked_up[..] {
            [newest, _, ..] if self.picked_up.is_none_or(|at| at < newest) => Some(newest),
            _ => None,
        };
        let tripped = self.operator.tripped(rule).into_iter().chain(silent).max();
        Breaker::since(tripped, rule, now)
    }

    /// The breaker of one issuer.
    pub fn issuer(&self, issuer: &IssuerKey, rule: &BreakerRule, now: Time) -> Breaker {
        let tripped = self.issuers.get(issuer).and_then(|newest| newest.tripped(rule));
        Breaker::since(tripped, rule, now)
    }

    /// The issuers that attempts are known of.
    pub fn known_issuers(&self) -> impl Iterator<Item = &IssuerKey> {
        self.issuers.keys()
    }
}

impl Breaker {
    fn since(tripped: Option<Time>, rule: &BreakerRule, now: Time) -> Self {
        match tripped.map(|tripped| tripped + rule.pause) {
            None => Self::Closed,
            Some(until) if now < until => Self::Open { until },
            Some(_) => Self::Probing,
        }
    }
}

impl Newest {
    fn insert(&mut self, ending: (Time, Ending), rule: &BreakerRule) {
        let limit = rule.of as usize;
        if self.0.len() >= limit && self.0.last().is_some_and(|oldest| oldest.0 >= ending.0) {
            return;
        }
        let place = self.0.partition_point(|other| other.0 > ending.0);
        self.0.insert(place, ending);
        self.0.truncate(limit);
    }

    /// The moment of the newest attempt, when too many of these failed and it was not a good one.
    fn tripped(&self, rule: &BreakerRule) -> Option<Time> {
        let (newest, ending) = self.0.first()?;
        let bad = self.0.iter().filter(|(_, ending)| *ending == Ending::Bad).count();
        let many = rule.failures.max(1) as usize;
        (*ending != Ending::Good && bad >= many).then_some(*newest)
    }
}

/// Whether somebody carried the request out, well or badly.
const fn was_picked_up(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Verified
        | Outcome::Unverified
        | Outcome::ServedOld
        | Outcome::PartlyServed
        | Outcome::Failed
        | Outcome::TimedOut => true,
        Outcome::Denied
        | Outcome::Skipped
        | Outcome::Rejected
        | Outcome::Vanished
        | Outcome::Withdrawn
        | Outcome::NotPickedUp
        | Outcome::ForeignRequest
        | Outcome::Moot => false,
    }
}

impl Ending {
    fn of(attempt: &Attempt) -> Self {
        match attempt.outcome {
            Outcome::Verified => Self::Good,
            Outcome::Failed
            | Outcome::ServedOld
            | Outcome::PartlyServed
            | Outcome::TimedOut
            | Outcome::Rejected
            | Outcome::Denied => Self::Bad,
            Outcome::Unverified
            | Outcome::Skipped
            | Outcome::Vanished
            | Outcome::Withdrawn
            | Outcome::NotPickedUp
            | Outcome::ForeignRequest
            | Outcome::Moot => Self::Neither,
        }
    }
}

#[cfg(test)]
mod tests;
