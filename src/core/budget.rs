//! How many rotations may be in flight, and who may go next.

use std::collections::{BTreeMap, BTreeSet};

use super::experience::{Breaker, Breakers};
use super::fleet::{Alias, Database, Fleet, IssuerKey, Text};
use super::policy::{Limits, Policy};
use super::slots::SlotTable;
use super::time::Time;
use super::vocabulary::Gate;

/// What is in flight, against the limits.
#[derive(Clone, Debug)]
pub struct Budget {
    limits: Limits,
    total: u32,
    namespaces: BTreeMap<Text, u32>,
    issuers: BTreeMap<IssuerKey, u32>,
    /// A breaker lets one rotation through to try.
    operator_probing: bool,
    issuers_probing: BTreeSet<IssuerKey>,
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
            operator_probing: probing(breakers.operator(rule, now)),
            issuers_probing: issuers
                .filter(|issuer| probing(breakers.issuer(issuer, rule, now)))
                .cloned()
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
            if database.has_active_request() && !counted.contains(&database.uid) {
                budget.take(&key.namespace, database.server_issuer());
            }
        }
        budget
    }

    /// Whether one more fits; if not, the gate that says why.
    pub fn room(&self, namespace: &Text, issuer: Option<&IssuerKey>) -> Result<(), Gate> {
        let in_namespace = self.namespaces.get(namespace).copied().unwrap_or(0);
        let with_issuer = issuer
            .and_then(|issuer| self.issuers.get(issuer))
            .copied()
            .unwrap_or(0);
        let issuer_probing = issuer.is_some_and(|issuer| self.issuers_probing.contains(issuer));
        if self.operator_probing && self.total > 0 || issuer_probing && with_issuer > 0 {
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

    /// Counts one more.
    pub fn take(&mut self, namespace: &Text, issuer: Option<&IssuerKey>) {
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
    /// The issuer that its server certificate asks for.
    pub fn server_issuer(&self) -> Option<&IssuerKey> {
        self.certificates
            .get(&Alias::Server)
            .map(|certificate| &certificate.issuer)
    }

    /// Whether a request that its record names is active. One that no record names is not counted:
    /// anybody could forge its label.
    pub fn has_active_request(&self) -> bool {
        let Some(rotation) = &self.rotation else {
            return false;
        };
        let mut requests = self.requests.iter();
        requests.any(|(name, request)| {
            !request.phase.is_terminal() && rotation.record.names_request(name)
        })
    }
}
