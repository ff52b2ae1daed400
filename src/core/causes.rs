//! Why a rotation is due: a list of checks that reads like the policy it is.

use std::collections::BTreeMap;

use super::digest::Digest;
use super::fleet::{Alias, Certificate, Database, Fleet, Issued, IssuedLeaf, Issuer, IssuerKey};
use super::ladder::{Leads, soonest};
use super::policy::{OnCaChange, OnChange, Rules};
use super::record::{OpenedCause, Record, Wishes};
use super::time::Time;
use super::vocabulary::{Cause, Gate};

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
    pub evidence: String,
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

    fn hold(
        &mut self,
        subject: &Subject<'_>,
        (cause, alias): (Cause, &Alias),
        inputs: Digest,
        evidence: String,
    ) {
        let opened = OpenedCause {
            cause,
            alias: alias.clone(),
            inputs,
        };
        let barred = subject.bar(&opened);
        self.held.push(Held {
            opened,
            barred,
            evidence,
        });
    }
}

impl Subject<'_> {
    fn leads(&self, leaf: &super::fleet::LeafId) -> Leads {
        Leads::of(self.rules, self.wishes, leaf.lifetime())
    }

    /// No progress, no loop: the cause's own rotation produced this very leaf, from these inputs.
    fn bar(&self, opened: &OpenedCause) -> Option<Gate> {
        let last = self.record.last.as_ref()?;
        let certificate = self.database.certificates.get(&opened.alias)?;
        let produced = match (certificate.issued_leaf(), last.produced.get(&opened.alias)) {
            (Some(now), Some(then)) => !now.id.differs_from(then),
            (None, None) => true,
            _ => false,
        };
        let repeated = last.outcome != super::vocabulary::Outcome::Moot
            && produced
            && last.causes.contains(opened);
        repeated.then_some(Gate::Unsatisfiable)
    }
}

fn each_certificate<'a>(
    subject: &Subject<'a>,
) -> impl Iterator<Item = (&'a Alias, &'a Certificate)> + use<'a> {
    subject.database.certificates.iter()
}

fn each_leaf<'a>(
    subject: &Subject<'a>,
) -> impl Iterator<Item = (&'a Alias, &'a Certificate, &'a IssuedLeaf)> + use<'a> {
    each_certificate(subject).filter_map(|(alias, certificate)| {
        certificate
            .issued_leaf()
            .map(|leaf| (alias, certificate, leaf))
    })
}

fn expired(subject: &Subject<'_>, findings: &mut Findings) {
    for (alias, certificate) in each_certificate(subject) {
        let ends = subject
            .database
            .leaves_in_use(alias, certificate)
            .map(|leaf| leaf.not_after);
        let Some(not_after) = ends.min() else {
            continue;
        };
        if not_after <= subject.now {
            let evidence = format!("certificate {} ended at {not_after}", certificate.name);
            let inputs = certificate.spec_digest;
            findings.hold(subject, (Cause::Expired, alias), inputs, evidence);
        } else {
            soonest(&mut findings.changes, Some(not_after));
        }
    }
}

fn missing(subject: &Subject<'_>, findings: &mut Findings) {
    for (alias, certificate) in each_certificate(subject) {
        if certificate.issued == Issued::Missing {
            let evidence = format!("certificate {} was never issued", certificate.name);
            let inputs = certificate.spec_digest;
            findings.hold(subject, (Cause::Missing, alias), inputs, evidence);
        }
    }
}

fn malformed(subject: &Subject<'_>, findings: &mut Findings) {
    for (alias, certificate) in each_certificate(subject) {
        if let Issued::Malformed(reason) = &certificate.issued {
            let evidence = format!("certificate {} cannot be read: {reason}", certificate.name);
            let inputs = Digest::of([&**reason, &certificate.spec_digest.to_string()]);
            findings.hold(subject, (Cause::Malformed, alias), inputs, evidence);
        }
    }
}

fn served_stale(subject: &Subject<'_>, findings: &mut Findings) {
    let servers = subject.database.servers();
    if servers.older == 0 {
        return;
    }
    let Some(issued) = subject.database.issued_server_leaf() else {
        return;
    };
    let proof = if servers.older_on_the_wire > 0 {
        "seen on the wire"
    } else {
        "inferred"
    };
    let count = subject.database.pods.len();
    let evidence = format!(
        "{} of {count} servers present an older certificate than the one issued at {} ({proof})",
        servers.older, issued.issued_at
    );
    let inputs = Digest::of([
        &*issued.id.not_before.to_string(),
        &issued.id.not_after.to_string(),
    ]);
    findings.hold(
        subject,
        (Cause::ServedStale, &Alias::Server),
        inputs,
        evidence,
    );
}

fn issuer_changed(subject: &Subject<'_>, findings: &mut Findings) {
    for (alias, certificate, leaf) in each_leaf(subject) {
        let issuer = subject.fleet.issuers.get(&certificate.issuer);
        if let Some(signed_by) = leaf
            .signed_by
            .as_ref()
            .filter(|by| **by != certificate.issuer)
        {
            let evidence = format!(
                "certificate {} was signed by {signed_by}, its database asks for {}",
                certificate.name, certificate.issuer
            );
            let inputs = Digest::of([&*certificate.issuer.to_string()]);
            hold_change(
                subject,
                findings,
                alias,
                inputs,
                evidence,
                reports_issuer_change,
            );
        } else if let Some(now) = changed_ca_key(leaf, issuer) {
            let evidence = format!(
                "the CA of {} has a new key since certificate {} was signed",
                certificate.issuer, certificate.name
            );
            let inputs = Digest::of([&*now]);
            hold_change(
                subject,
                findings,
                alias,
                inputs,
                evidence,
                reports_ca_change,
            );
        }
    }
    if subject.database.chain_untrusted() {
        let evidence = "a server's chain fails the CA published for this database".to_owned();
        let inputs = Digest::of(["untrusted"]);
        hold_change(
            subject,
            findings,
            &Alias::Server,
            inputs,
            evidence,
            reports_ca_change,
        );
    }
}

fn hold_change(
    subject: &Subject<'_>,
    findings: &mut Findings,
    alias: &Alias,
    inputs: Digest,
    evidence: String,
    reported: fn(&Subject<'_>) -> Option<Gate>,
) {
    findings.hold(subject, (Cause::IssuerChanged, alias), inputs, evidence);
    if let (Some(held), Some(gate)) = (findings.held.last_mut(), reported(subject)) {
        held.barred.get_or_insert(gate);
    }
}

fn reports_issuer_change(subject: &Subject<'_>) -> Option<Gate> {
    match subject.rules.on_issuer_change {
        OnChange::Rotate => None,
        OnChange::Report => Some(Gate::IssuerChangeReported),
    }
}

/// A serial restart on a new CA would split a group whose members verify each other.
fn reports_ca_change(subject: &Subject<'_>) -> Option<Gate> {
    let splits = subject.database.topology.verifies_members() && !subject.fleet.own_executor;
    match subject.rules.on_ca_change {
        OnCaChange::Auto if splits => Some(Gate::CaChangeReported),
        OnCaChange::Auto | OnCaChange::Rotate => None,
        OnCaChange::Report => Some(Gate::CaChangeReported),
    }
}

/// Whether any rotation would change the CA of a group that it would split.
pub fn ca_change_would_split(subject: &Subject<'_>) -> bool {
    if !subject.database.topology.verifies_members() || reports_ca_change(subject).is_none() {
        return false;
    }
    each_leaf(subject).any(|(_, certificate, leaf)| {
        changed_ca_key(leaf, subject.fleet.issuers.get(&certificate.issuer)).is_some()
    })
}

/// The issuer's CA key, when it is another than the one that signed. Issuers whose CA cannot be
/// compared (ACME, self-signed, Vault) are compared by reference only.
fn changed_ca_key(leaf: &IssuedLeaf, issuer: Option<&Issuer>) -> Option<String> {
    let issuer = issuer.filter(|issuer| issuer.comparable)?;
    let (then, now) = (leaf.ca_key?, issuer.ca_key?);
    (then != now).then(|| now.to_string())
}

fn names_changed(subject: &Subject<'_>, findings: &mut Findings) {
    for (alias, certificate, _) in each_leaf(subject) {
        if certificate.names_lacking.is_empty() {
            continue;
        }
        let names: Vec<&str> = certificate
            .names_lacking
            .iter()
            .map(|name| &**name)
            .collect();
        let evidence = format!(
            "certificate {} lacks {}",
            certificate.name,
            names.join(", ")
        );
        let inputs = Digest::of(names);
        findings.hold(subject, (Cause::NamesChanged, alias), inputs, evidence);
    }
}

fn renewal_due(subject: &Subject<'_>, findings: &mut Findings) {
    for (alias, certificate) in each_certificate(subject) {
        let due = subject
            .database
            .leaves_in_use(alias, certificate)
            .map(|leaf| {
                let leads = subject.leads(&leaf);
                (leads.renew_at(&leaf), leads, leaf)
            });
        let Some((renew_at, leads, leaf)) = due.min_by_key(|(renew_at, ..)| *renew_at) else {
            continue;
        };
        if subject.now < renew_at {
            soonest(&mut findings.changes, Some(renew_at));
        } else if subject.now < leaf.not_after {
            let evidence = format!(
                "certificate {} ends at {}, less than {} from now",
                certificate.name, leaf.not_after, leads.renew
            );
            let before = leads.renew.as_seconds().to_string();
            let inputs = Digest::of([&*before, &certificate.spec_digest.to_string()]);
            findings.hold(subject, (Cause::RenewalDue, alias), inputs, evidence);
        }
    }
}

/// Occurrences before this schedule was first seen do not count, nor those that the leaf in use is
/// younger than.
fn schedule_due(subject: &Subject<'_>, findings: &mut Findings) {
    let seen = subject.record.schedule.as_ref();
    let Some(seen) = seen.filter(|seen| Some(seen.digest) == subject.schedule.digest) else {
        return;
    };
    soonest(&mut findings.changes, subject.schedule.next);
    let Some(occurrence) = subject.schedule.latest else {
        return;
    };
    let born = each_leaf(subject)
        .map(|(_, _, leaf)| leaf.id.not_before)
        .min();
    let satisfied = seen
        .satisfied
        .is_some_and(|satisfied| satisfied >= occurrence)
        || born.is_none_or(|born| born >= occurrence);
    if occurrence > seen.first_seen && !satisfied {
        let evidence = format!("the schedule's occurrence of {occurrence}");
        let inputs = Digest::of([&*occurrence.to_string()]);
        findings.hold(
            subject,
            (Cause::ScheduleDue, &Alias::Server),
            inputs,
            evidence,
        );
    }
}

fn requested(subject: &Subject<'_>, findings: &mut Findings) {
    let wish = subject.wishes.requested_at.as_ref();
    if let Some(wish) = wish.filter(|wish| subject.record.handled_request.as_ref() != Some(wish)) {
        let evidence = format!("requested at {wish}");
        let inputs = Digest::of([&**wish]);
        findings.hold(
            subject,
            (Cause::Requested, &Alias::Server),
            inputs,
            evidence,
        );
    }
}

/// The issuers of a database's certificates, the server's first.
pub fn issuers(database: &Database) -> Vec<&IssuerKey> {
    let mut issuers: Vec<&IssuerKey> = Vec::with_capacity(1);
    for certificate in database.certificates.values() {
        if !issuers.contains(&&certificate.issuer) {
            issuers.push(&certificate.issuer);
        }
    }
    issuers
}

/// The leaf that each certificate has now.
pub fn issued_leaves(database: &Database) -> BTreeMap<Alias, super::fleet::LeafId> {
    let leaves = database
        .certificates
        .iter()
        .filter_map(|(alias, certificate)| {
            certificate
                .issued_leaf()
                .map(|leaf| (alias.clone(), leaf.id))
        });
    leaves.collect()
}
