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
/// policy expects until one has been seen.
pub fn duration(record: &Record, rules: &Rules) -> Span {
    let good = record
        .attempts
        .iter()
        .filter(|attempt| attempt.outcome.closes());
    good.filter_map(|attempt| attempt.duration)
        .max()
        .unwrap_or(rules.expected_duration)
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
        let rotations = fleet
            .databases
            .values()
            .filter_map(|database| database.rotation.as_ref());
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
        let answered = self.operator.newest_good();
        let silent = match self.not_picked_up[..] {
            [newest, _, ..] if answered.is_none_or(|good| good < newest) => Some(newest),
            _ => None,
        };
        let tripped = self.operator.tripped(rule).into_iter().chain(silent).max();
        Breaker::since(tripped, rule, now)
    }

    /// The breaker of one issuer.
    pub fn issuer(&self, issuer: &IssuerKey, rule: &BreakerRule, now: Time) -> Breaker {
        let tripped = self
            .issuers
            .get(issuer)
            .and_then(|newest| newest.tripped(rule));
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

    fn newest_good(&self) -> Option<Time> {
        self.0
            .iter()
            .find(|(_, ending)| *ending == Ending::Good)
            .map(|(at, _)| *at)
    }

    /// The moment of the newest attempt, when too many of these failed and it was not a good one.
    fn tripped(&self, rule: &BreakerRule) -> Option<Time> {
        let (newest, ending) = self.0.first()?;
        let bad = self
            .0
            .iter()
            .filter(|(_, ending)| *ending == Ending::Bad)
            .count();
        (*ending != Ending::Good && bad >= rule.failures as usize).then_some(*newest)
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
