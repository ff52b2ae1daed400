//! How many rotations may be in flight, and who may go next.

use std::collections::{BTreeMap, BTreeSet};

use super::experience::{Breaker, Breakers};
use super::fleet::{Database, Fleet, IssuerKey, Request, Text};
use super::policy::{Limits, Policy};
use super::record::Record;
use super::slots::SlotTable;
use super::time::Time;
use super::vocabulary::{Gate, Outcome};

/// What is in flight, against the limits.
#[derive(Clone, Debug)]
pub struct Budget {
    limits: Limits,
    total: u32,
    namespaces: BTreeMap<Text, u32>,
    issuers: BTreeMap<IssuerKey, u32>,
    /// A breaker lets one rotation through to try; `true` while one does.
    operator_probe: Option<bool>,
    issuer_probes: BTreeMap<IssuerKey, bool>,
}

impl Budget {
    /// In flight are the slots, and the active requests that a record names: either may have been
    /// lost.
    pub fn of(fleet: &Fleet, policy: &Policy, breakers: &Breakers, now: Time) -> Self {
        let rule = &policy.breaker;
        let probing = |breaker| breaker == Breaker::Probing;
        let issuers = breakers.known_issuers();
        let mut budget = Self {
            limits: policy.limits,
            total: 0,
            namespaces: BTreeMap::new(),
            issuers: BTreeMap::new(),
            operator_probe: probing(breakers.operator(rule, now)).then_some(false),
            issuer_probes: issuers
                .filter(|issuer| probing(breakers.issuer(issuer, rule, now)))
                .map(|issuer| (issuer.clone(), false))
                .collect(),
        };
        let mut counted = BTreeSet::new();
        if let SlotTable::Known { slots, .. } = &fleet.slots {
            for (uid, slot) in slots {
                counted.insert(uid);
                budget.take(&slot.namespace, slot.issuer.as_ref());
            }
        }
        for (key, database) in &fleet.databases {
            if database.has_active_request(fleet) && !counted.contains(&database.uid) {
                budget.count(&key.namespace, database.server_issuer());
            }
        }
        budget
    }

    /// Whether one more fits; if not, the gate that says why.
    pub fn room(&self, namespace: &Text, issuer: Option<&IssuerKey>) -> Result<(), Gate> {
        let in_namespace = self.namespaces.get(namespace).copied().unwrap_or(0);
        let with_issuer = issuer.and_then(|issuer| self.issuers.get(issuer)).copied().unwrap_or(0);
        let probe = issuer.and_then(|issuer| self.issuer_probes.get(issuer));
        if self.operator_probe == Some(true) || probe == Some(&true) {
            Err(Gate::BreakerOpen)
        } else if self.total >= self.limits.total {
            Err(Gate::BudgetTotal)
        } else if in_namespace >= self.limits.per_namespace {
            Err(Gate::BudgetNamespace)
        } else if with_issuer >= self.limits.per_issuer {
            Err(Gate::BudgetIssuer)
        } else {
            Ok(())
        }
    }

    /// Counts one more that holds a slot, or will. Where a breaker is being tried, this is the try;
    /// a request that was given up long ago and still runs is none, or it would block all others.
    pub fn take(&mut self, namespace: &Text, issuer: Option<&IssuerKey>) {
        self.count(namespace, issuer);
        self.operator_probe = self.operator_probe.map(|_| true);
        if let Some(probe) = issuer.and_then(|issuer| self.issuer_probes.get_mut(issuer)) {
            *probe = true;
        }
    }

    fn count(&mut self, namespace: &Text, issuer: Option<&IssuerKey>) {
        self.total += 1;
        *self.namespaces.entry(Text::clone(namespace)).or_default() += 1;
        if let Some(issuer) = issuer {
            *self.issuers.entry(issuer.clone()).or_default() += 1;
        }
    }

    /// How many are in flight.
    pub const fn in_flight(&self) -> u32 {
        self.total
    }
}

impl Database {
    /// Whether a request that its record names is active. One that no record names is not counted:
    /// anybody could forge its label. Nor is one of another installation.
    pub fn has_active_request(&self, fleet: &Fleet) -> bool {
        let Some(rotation) = &self.rotation else {
            return false;
        };
        let counts = |(name, request): (&Text, &Request)| {
            !request.phase.is_terminal() && rotation.record.counts(name, request)
        };
        self.requests.iter().any(counts) && fleet.owned_by_another(&rotation.record).is_none()
    }
}

impl Record {
    /// Whether an active request of that name is one of this record's: the open attempt's, or one
    /// that was given up while it ran. The request of any other ended attempt is gone; of that
    /// name somebody, or a process of ours that was too late, has made another, which counts once
    /// an operator has started it.
    fn counts(&self, name: &Text, request: &Request) -> bool {
        let open = self.current.as_ref();
        if open.is_some_and(|current| current.request.is(name, &request.uid)) {
            return true;
        }
        let ended = self.attempts.iter().find(|one| one.request == *name);
        ended.is_some_and(|attempt| {
            let running = !request.phase.is_unstarted();
            attempt.outcome == Outcome::TimedOut
                || running && attempt.outcome != Outcome::ForeignRequest
        })
    }
}

#[cfg(test)]
mod tests;
