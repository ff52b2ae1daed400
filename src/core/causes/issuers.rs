//! Whether what signed is what should sign.

use super::checks::each_leaf;
use super::{Evidence, Findings, Subject};
use crate::core::digest::Digest;
use crate::core::fleet::{Alias, IssuedLeaf, Issuer, Text};
use crate::core::policy::{OnCaChange, OnChange};
use crate::core::vocabulary::{Cause, Gate};

pub(super) fn issuer_changed(subject: &Subject<'_>, findings: &mut Findings) {
    for (alias, certificate, leaf) in each_leaf(subject) {
        let issuer = subject.fleet.issuers.get(&certificate.issuer);
        if let Some(signed_by) = leaf.signed_by.as_ref().filter(|by| **by != certificate.issuer) {
            let evidence = Evidence::SignedByAnother {
                certificate: Text::clone(&certificate.name),
                signed_by: signed_by.clone(),
                asked: certificate.issuer.clone(),
            };
            let inputs = Digest::of([&*certificate.issuer.to_string()]);
            hold_change(subject, findings, alias, inputs, evidence, reports_issuer_change);
        } else if let Some(now) = changed_ca_key(leaf, issuer) {
            let evidence = Evidence::NewCaKey {
                certificate: Text::clone(&certificate.name),
                issuer: certificate.issuer.clone(),
            };
            let inputs = Digest::of([&*now]);
            hold_change(subject, findings, alias, inputs, evidence, reports_ca_change);
        }
    }
    let said = findings.holds(Cause::IssuerChanged, &Alias::Server);
    if !said && subject.database.chain_untrusted() {
        let evidence = Evidence::Untrusted;
        let inputs = Digest::of(["untrusted"]);
        hold_change(subject, findings, &Alias::Server, inputs, evidence, reports_ca_change);
    }
}

fn hold_change(
    subject: &Subject<'_>,
    findings: &mut Findings,
    alias: &Alias,
    inputs: Digest,
    evidence: Evidence,
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
