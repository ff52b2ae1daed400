//! Facts about the fleet, read off the last plan at each scrape.
//!
//! There is no gauge to forget: a series ends with its object. Moments that are not known are
//! absent, never zero. Only the leader exports what it knows of the fleet, so that two replicas do
//! not say everything twice; every replica exports itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;

use super::names;
use super::text::Page;
use crate::clock::{Clock, Offset};
use crate::cluster::shared::{Shared, Standing, Watched};
use crate::config::reload::Loaded;
use crate::core::experience::{Breaker, Breakers};
use crate::core::feasibility::Feasibility;
use crate::core::fleet::{Alias, Fleet, IssuedLeaf, IssuerKey};
use crate::core::plan::Plan;
use crate::core::policy::Policy;
use crate::core::slots::SlotTable;
use crate::core::time::Time;
use crate::core::vocabulary::State;
use crate::daemon::View;

/// Where facts come from.
pub struct Source {
    /// What the loop decided last.
    pub view: watch::Receiver<Arc<View>>,
    /// How the watches stand.
    pub shared: Arc<Shared>,
    /// How the config stands.
    pub loaded: watch::Receiver<Arc<Loaded>>,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// The clocks' difference.
    pub offset: Arc<Offset>,
}

/// About what a page of metrics takes for one database with three certificates.
const BYTES_PER_DATABASE: usize = 2_048;

impl Source {
    /// Everything that is known now.
    pub fn page(&self) -> Page {
        let view = Arc::clone(&self.view.borrow());
        let mut page =
            Page::with_capacity(65_536 + view.fleet.databases.len() * BYTES_PER_DATABASE);
        self.process(&mut page, &view);
        if let (Some(plan), Some(policy), true) = (&view.plan, &view.policy, view.fleet.leader) {
            fleet(&mut page, &view, plan, policy, self.clock.now());
        }
        page
    }

    /// What every replica says of itself.
    fn process(&self, page: &mut Page, view: &View) {
        page.family(&names::LEADER).sample(&[], view.fleet.leader);
        page.family(&names::LAST_PLAN).known(&[], view.at);
        page.family(&names::CLOCK_OFFSET).sample(&[], self.offset.get());
        let loaded = self.loaded.borrow();
        page.family(&names::CONFIG_SUCCESSFUL).sample(&[], loaded.problems.is_none());
        drop(loaded);
        page.family(&names::CONFIG_LAST_SUCCESS).known(&[], view.config_loaded);
        let reports = self.shared.reports();
        let mut family = page.family(&names::WATCH_SYNCED);
        for (watched, report) in &reports {
            family.sample(&watch_labels(watched), report.standing == Standing::Synced);
        }
        let mut family = page.family(&names::WATCH_LAST_EVENT);
        for (watched, report) in &reports {
            family.known(&watch_labels(watched), report.last_heard);
        }
    }
}

fn watch_labels(watched: &Watched) -> [&str; 3] {
    [watched.group, watched.resource, watched.scope.as_deref().unwrap_or_default()]
}

/// What the leader says of the fleet.
fn fleet(page: &mut Page, view: &View, plan: &Plan, policy: &Policy, now: Time) {
    certificates(page, &view.fleet, now);
    served(page, &view.fleet);
    verdicts(page, plan);
    last_rotations(page, &view.fleet);
    windows(page, plan);
    if let Some(feasibility) = &view.feasibility {
        feasible(page, plan, feasibility);
    }
    issuers(page, &view.fleet);
    breakers(page, &view.fleet, policy, now);
    limits(page, &view.fleet, plan, policy);
}

fn each_leaf(fleet: &Fleet) -> impl Iterator<Item = ([&str; 3], &IssuedLeaf)> {
    fleet.databases.iter().flat_map(|(key, database)| {
        database.certificates.iter().filter_map(move |(alias, certificate)| {
            let labels = [&*key.namespace, &*key.name, alias.as_str()];
            certificate.issued_leaf().map(|leaf| (labels, leaf))
        })
    })
}

fn certificates(page: &mut Page, fleet: &Fleet, now: Time) {
    let mut family = page.family(&names::CERTIFICATE_NOT_BEFORE);
    for (labels, leaf) in each_leaf(fleet) {
        family.sample(&labels, leaf.id.not_before);
    }
    let mut family = page.family(&names::CERTIFICATE_NOT_AFTER);
    for (labels, leaf) in each_leaf(fleet) {
        family.sample(&labels, leaf.id.not_after);
    }
    let mut family = page.family(&names::CERTIFICATE_AGE);
    for (labels, leaf) in each_leaf(fleet) {
        family.sample(&labels, now.since(leaf.id.not_before));
    }
    info(page, fleet);
}

fn info(page: &mut Page, fleet: &Fleet) {
    let mut family = page.family(&names::CERTIFICATE_INFO);
    for ([namespace, database, alias], leaf) in each_leaf(fleet) {
        let serial = leaf.serial.as_deref().unwrap_or_default();
        let (kind, name) = match &leaf.signed_by {
            Some(issuer) => (&*issuer.kind, &*issuer.name),
            None => ("", ""),
        };
        family.sample(&[namespace, database, alias, serial, kind, name], 1_u32);
    }
}

/// What each pod was last seen to serve. A look at a pod of another uid is a look at another server.
fn served(page: &mut Page, fleet: &Fleet) {
    let pods = || {
        fleet.databases.iter().flat_map(|(key, database)| {
            let labels = |name| [&*key.namespace, &*key.name, Alias::Server.as_str(), name];
            let pods = database.pods.iter();
            pods.map(move |(name, pod)| (labels(&**name), database, pod))
        })
    };
    let looks = || {
        pods().filter_map(|(labels, database, pod)| {
            let newest = pod.seen.last().filter(|look| look.pod_uid == pod.uid)?;
            Some((labels, database, newest))
        })
    };
    let leaves = || looks().filter_map(|(labels, _, look)| Some((labels, look.leaf?)));
    let mut family = page.family(&names::SERVED_NOT_BEFORE);
    for (labels, leaf) in leaves() {
        family.sample(&labels, leaf.not_before);
    }
    let mut family = page.family(&names::SERVED_NOT_AFTER);
    for (labels, leaf) in leaves() {
        family.sample(&labels, leaf.not_after);
    }
    let mut family = page.family(&names::SERVED_CURRENT);
    for (labels, database, look) in looks() {
        let issued = database.issued_server_leaf();
        family.known(&labels, issued.map(|issued| look.shows(&issued.id)));
    }
    let mut family = page.family(&names::SERVED_TRUSTED);
    for (labels, _, look) in looks() {
        family.known(&labels, look.trusted);
    }
    let mut family = page.family(&names::PROBE_LAST_SEEN);
    for ([namespace, database, _, pod], _, look) in looks() {
        family.sample(&[namespace, database, pod], look.began);
    }
    let mut family = page.family(&names::PROBE_FAILING);
    for ([namespace, database, _, name], _, pod) in pods() {
        if let Some(missed) = &pod.missed {
            family.sample(&[namespace, database, name, &missed.why], 1_u32);
        }
    }
}

fn verdicts(page: &mut Page, plan: &Plan) {
    let mut family = page.family(&names::DATABASE_STATE);
    for (key, verdict) in &plan.verdicts {
        family.sample(&[&key.namespace, &key.name, verdict.state.as_str()], 1_u32);
    }
    let mut family = page.family(&names::DATABASE_STAGE);
    for (key, verdict) in plan.verdicts.iter().filter(|(_, verdict)| !verdict.causes.is_empty()) {
        family.sample(&[&key.namespace, &key.name, verdict.stage.as_str()], 1_u32);
    }
    let mut family = page.family(&names::CAUSE);
    for (key, verdict) in &plan.verdicts {
        for cause in words(verdict.causes.iter().map(|held| held.opened.cause.as_str())) {
            family.sample(&[&key.namespace, &key.name, cause], 1_u32);
        }
    }
    let mut family = page.family(&names::GATE);
    for (key, verdict) in &plan.verdicts {
        for gate in words(verdict.gates.iter().map(|closed| closed.gate.as_str())) {
            family.sample(&[&key.namespace, &key.name, gate], 1_u32);
        }
    }
    let mut family = page.family(&names::NEXT_ROTATION);
    for (key, verdict) in &plan.verdicts {
        family.known(&[&key.namespace, &key.name], verdict.next);
    }
}

/// Each word once: a series must not be said twice.
fn words<'a>(words: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    words.collect()
}

fn last_rotations(page: &mut Page, fleet: &Fleet) {
    let mut family = page.family(&names::LAST_ROTATION);
    for (key, database) in &fleet.databases {
        let record = database.rotation.as_ref().map(|rotation| &rotation.record);
        if let Some(last) = record.and_then(|record| record.last.as_ref()) {
            family.sample(&[&key.namespace, &key.name, last.outcome.as_str()], last.closed);
        }
    }
}

fn windows(page: &mut Page, plan: &Plan) {
    let managed = || {
        plan.verdicts.iter().filter_map(|(key, verdict)| {
            verdict.window.map(|window| ([&*key.namespace, &*key.name], window))
        })
    };
    let mut family = page.family(&names::WINDOW_OPEN);
    for (labels, window) in managed() {
        family.sample(&labels, window.open);
    }
    let mut family = page.family(&names::WINDOW_NEXT);
    for (labels, window) in managed() {
        family.known(&labels, window.opens);
    }
}

fn feasible(page: &mut Page, plan: &Plan, feasibility: &Feasibility) {
    let mut family = page.family(&names::FEASIBLE);
    for (key, _) in plan.verdicts.iter().filter(|(_, it)| it.state != State::Unmanaged) {
        let fits = !feasibility.infeasible.contains_key(key);
        family.sample(&[&key.namespace, &key.name], fits);
    }
    let mut family = page.family(&names::INFEASIBLE_FROM);
    for (key, infeasible) in &feasibility.infeasible {
        family.sample(&[&key.namespace, &key.name], infeasible.deadline);
    }
}

fn issuers(page: &mut Page, fleet: &Fleet) {
    let mut family = page.family(&names::ISSUER_CA_NOT_AFTER);
    for (key, issuer) in &fleet.issuers {
        family.known(&issuer_labels(key), issuer.ca_not_after);
    }
    let mut family = page.family(&names::ISSUER_CA_UNKNOWN);
    for (key, issuer) in fleet.issuers.iter().filter(|(_, issuer)| issuer.comparable) {
        family.sample(&issuer_labels(key), issuer.ca_key.is_none());
    }
}

fn issuer_labels(key: &IssuerKey) -> [&str; 3] {
    [key.namespace.as_deref().unwrap_or_default(), &key.kind, &key.name]
}

fn breakers(page: &mut Page, fleet: &Fleet, policy: &Policy, now: Time) {
    let breakers = Breakers::of(fleet, &policy.breaker);
    let open = |breaker| breaker != Breaker::Closed;
    let mut family = page.family(&names::BREAKER_OPEN);
    let operator = breakers.operator(&policy.breaker, now);
    family.sample(&["operator", "", "", ""], open(operator));
    for key in breakers.known_issuers() {
        let [namespace, kind, name] = issuer_labels(key);
        let breaker = breakers.issuer(key, &policy.breaker, now);
        family.sample(&["issuer", namespace, kind, name], open(breaker));
    }
}

fn limits(page: &mut Page, fleet: &Fleet, plan: &Plan, policy: &Policy) {
    page.family(&names::IN_FLIGHT).sample(&[], plan.in_flight);
    let limits = policy.limits;
    let mut family = page.family(&names::BUDGET);
    family.sample(&["total"], limits.total);
    family.sample(&["perNamespace"], limits.per_namespace);
    family.sample(&["perIssuer"], limits.per_issuer);
    let taken = match &fleet.slots {
        SlotTable::Known { slots, .. } => Some(slots.len()),
        SlotTable::Missing => Some(0),
        SlotTable::Unknown => None,
    };
    page.family(&names::SLOTS).known(&[], taken);
}
