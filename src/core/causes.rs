//! Why a rotation is due: a list of checks that reads like the policy it is.

use super::digest::Digest;
use super::fleet::{Alias, Certificate, Database, Fleet, LeafId};
use super::ladder::Leads;
use super::policy::Rules;
use super::record::{OpenedCause, Record, Wishes};
use super::time::Time;
use super::vocabulary::{Cause, Gate, Outcome};

mod checks;
mod evidence;
mod issuers;

pub use evidence::Evidence;
pub use issuers::ca_change_would_split;

use checks::{
    expired, malformed, missing, names_changed, renewal_due, requested, schedule_due, served_stale,
};
use issuers::issuer_changed;

/// The first that holds names the rotation. All that hold are recorded.
const CHECKS: [fn(&Subject<'_>, &mut Findings); 9] = [
    expired,
    missing,
    malformed,
    served_stale,
    issuer_changed,
    names_changed,
    renewal_due,
    schedule_due,
    requested,
];

/// What the checks look at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The fleet, for issuers.
    pub fleet: &'a Fleet,
    /// The database.
    pub database: &'a Database,
    /// What holds for it.
    pub rules: &'a Rules,
    /// What people ask for it.
    pub wishes: &'a Wishes,
    /// What is remembered of it.
    pub record: &'a Record,
    /// The newest occurrence of its schedule up to now, and the one after.
    pub schedule: Occurrences,
    /// Now.
    pub now: Time,
}

/// Where `now` stands in a schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occurrences {
    /// The digest of the schedule's text.
    pub digest: Option<Digest>,
    /// The newest occurrence that is not after now.
    pub latest: Option<Time>,
    /// The first one after now.
    pub next: Option<Time>,
}

/// A cause that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// What, where, and what it rests on.
    pub opened: OpenedCause,
    /// A gate that closes it for good, whatever the hour: it is reported and not acted on.
    pub barred: Option<Gate>,
    /// One sentence for people.
    pub evidence: Evidence,
}

/// What the checks found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// Every cause that holds, the one that names the rotation first.
    pub held: Vec<Held>,
    /// The next moment at which a check may find otherwise, all else equal.
    pub changes: Option<Time>,
}

impl Findings {
    /// Runs every check in order.
    pub fn of(subject: &Subject<'_>) -> Self {
        let mut findings = Self::default();
        if subject.database.tls {
            for check in CHECKS {
                check(subject, &mut findings);
            }
        }
        findings
    }

    /// The causes that may be acted on.
    pub fn actionable(&self) -> impl Iterator<Item = &Held> {
        self.held.iter().filter(|held| held.barred.is_none())
    }

    /// A cause that something shows now.
    fn hold(
        &mut self,
        subject: &Subject<'_>,
        (cause, alias): (Cause, &Alias),
        inputs: Digest,
        evidence: Evidence,
    ) {
        let opened = OpenedCause { cause, alias: alias.clone(), inputs };
        let barred = subject.unsatisfiable(&opened);
        self.held.push(Held { opened, barred, evidence });
    }

    /// A cause that time has brought about: it says nothing against the rotation that produced
    /// the leaf unless it held when that leaf was issued.
    fn hold_since(
        &mut self,
        subject: &Subject<'_>,
        (cause, certificate, alias): (Cause, &Certificate, &Alias),
        (since, inputs): (Time, Digest),
        evidence: Evidence,
    ) {
        self.hold(subject, (cause, alias), inputs, evidence);
        let grown = certificate.issued_leaf().is_some_and(|leaf| leaf.issued_at < since);
        if grown && let Some(held) = self.held.last_mut() {
            held.barred = None;
        }
    }

    fn holds(&self, cause: Cause, alias: &Alias) -> bool {
        let same = |held: &Held| (held.opened.cause, &held.opened.alias) == (cause, alias);
        self.held.iter().any(same)
    }
}

impl Subject<'_> {
    fn leads(&self, leaf: &LeafId) -> Leads {
        Leads::of(self.rules, self.wishes, leaf.lifetime())
    }

    /// No progress, no loop: the cause's own rotation produced this very leaf, from these inputs.
    fn unsatisfiable(&self, opened: &OpenedCause) -> Option<Gate> {
        let last = self.record.last.as_ref()?;
        let certificate = self.database.certificates.get(&opened.alias)?;
        let produced = match (certificate.issued_leaf(), last.produced.get(&opened.alias)) {
            (Some(now), Some(then)) => !now.id.differs_from(then),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        let repeated = last.outcome != Outcome::Moot && produced && last.causes.contains(opened);
        repeated.then_some(Gate::Unsatisfiable)
    }
}

#[cfg(test)]
mod tests;
