//! What each check looks for, but for those of the issuer.

use super::{Evidence, Findings, Subject};
use crate::core::digest::Digest;
use crate::core::fleet::{Alias, Certificate, Issued, IssuedLeaf, Text};
use crate::core::ladder::soonest;
use crate::core::vocabulary::Cause;

pub(super) fn each_certificate<'a>(
    subject: &Subject<'a>,
) -> impl Iterator<Item = (&'a Alias, &'a Certificate)> + use<'a> {
    subject.database.certificates.iter()
}

pub(super) fn each_leaf<'a>(
    subject: &Subject<'a>,
) -> impl Iterator<Item = (&'a Alias, &'a Certificate, &'a IssuedLeaf)> + use<'a> {
    each_certificate(subject).filter_map(|(alias, certificate)| {
        certificate.issued_leaf().map(|leaf| (alias, certificate, leaf))
    })
}

pub(super) fn expired(subject: &Subject<'_>, findings: &mut Findings) {
    for (alias, certificate) in each_certificate(subject) {
        let ends = subject.database.leaves_in_use(alias, certificate).map(|leaf| leaf.not_after);
        let Some(not_after) = ends.min() else {
            continue;
        };
        if not_after <= subject.now {
            let evidence =
                Evidence::Ended { certificate: Text::clone(&certificate.name), at: not_after };
            let what = (Cause::Expired, certificate, alias);
            let rests_on = (not_after, certificate.spec_digest);
            findings.hold_since(subject, what, rests_on, evidence);
        } else {
            soonest(&mut findings.changes, Some(not_after));
        }
    }
}

pub(super) fn missing(subject: &Subject<'_>, findings: &mut Findings) {
    for (alias, certificate) in each_certificate(subject) {
        if certificate.issued == Issued::Missing {
            let evidence = Evidence::NeverIssued { certificate: Text::clone(&certificate.name) };
            let inputs = certificate.spec_digest;
            findings.hold(subject, (Cause::Missing, alias), inputs, evidence);
        }
    }
}

pub(super) fn malformed(subject: &Subject<'_>, findings: &mut Findings) {
    for (alias, certificate) in each_certificate(subject) {
        if let Issued::Malformed(reason) = &certificate.issued {
            let evidence = Evidence::Unreadable {
                certificate: Text::clone(&certificate.name),
                reason: Text::clone(reason),
            };
            let inputs = Digest::of([&**reason, &certificate.spec_digest.to_string()]);
            findings.hold(subject, (Cause::Malformed, alias), inputs, evidence);
        }
    }
}

pub(super) fn served_stale(subject: &Subject<'_>, findings: &mut Findings) {
    let servers = subject.database.servers();
    let Some(certificate) = subject.database.certificates.get(&Alias::Server) else {
        return;
    };
    let Some(issued) = certificate.issued_leaf() else {
        return;
    };
    if servers.older == 0 || certificate.issuing_since.is_some() {
        return;
    }
    let evidence = Evidence::ServedOlder {
        older: servers.older,
        of: subject.database.pods.len(),
        issued_at: issued.issued_at,
        on_the_wire: servers.older_on_the_wire > 0,
    };
    // Not the leaf: one that its own rotation issued and nobody serves must not look like news.
    let inputs = certificate.spec_digest;
    let what = (Cause::ServedStale, &Alias::Server);
    findings.hold(subject, what, inputs, evidence);
}

pub(super) fn names_changed(subject: &Subject<'_>, findings: &mut Findings) {
    for (alias, certificate, _) in each_leaf(subject) {
        if certificate.names_lacking.is_empty() {
            continue;
        }
        let names: Vec<&str> = certificate.names_lacking.iter().map(|name| &**name).collect();
        let evidence = Evidence::Lacks {
            certificate: Text::clone(&certificate.name),
            names: certificate.names_lacking.clone(),
        };
        let inputs = Digest::of(names);
        findings.hold(subject, (Cause::NamesChanged, alias), inputs, evidence);
    }
}

pub(super) fn renewal_due(subject: &Subject<'_>, findings: &mut Findings) {
    for (alias, certificate) in each_certificate(subject) {
        let due = subject.database.leaves_in_use(alias, certificate).map(|leaf| {
            let leads = subject.leads(&leaf);
            (leads.renew_at(&leaf), leads, leaf)
        });
        let Some((renew_at, leads, leaf)) = due.min_by_key(|(renew_at, ..)| *renew_at) else {
            continue;
        };
        if subject.now < renew_at {
            soonest(&mut findings.changes, Some(renew_at));
        } else if subject.now < leaf.not_after {
            let evidence = Evidence::Old {
                certificate: Text::clone(&certificate.name),
                not_after: leaf.not_after,
                before: leads.renew,
            };
            let inputs = certificate.spec_digest.and(leads.renew.as_seconds());
            let what = (Cause::RenewalDue, certificate, alias);
            findings.hold_since(subject, what, (renew_at, inputs), evidence);
        }
    }
}

/// Occurrences before this schedule was first seen do not count, nor those that the leaf in use is
/// younger than.
pub(super) fn schedule_due(subject: &Subject<'_>, findings: &mut Findings) {
    let seen = subject.record.schedule.as_ref();
    let Some(seen) = seen.filter(|seen| Some(seen.digest) == subject.schedule.digest) else {
        return;
    };
    soonest(&mut findings.changes, subject.schedule.next);
    let Some(occurrence) = subject.schedule.latest else {
        return;
    };
    let born = each_certificate(subject)
        .flat_map(|(alias, certificate)| subject.database.leaves_in_use(alias, certificate))
        .map(|leaf| leaf.not_before)
        .min();
    let satisfied = seen.satisfied.is_some_and(|satisfied| satisfied >= occurrence)
        || born.is_none_or(|born| born >= occurrence);
    if occurrence > seen.first_seen && !satisfied {
        let evidence = Evidence::Occurrence(occurrence);
        let inputs = Digest(0).and(occurrence.unix());
        findings.hold(subject, (Cause::ScheduleDue, &Alias::Server), inputs, evidence);
    }
}

pub(super) fn requested(subject: &Subject<'_>, findings: &mut Findings) {
    let wish = subject.wishes.requested_at.as_ref();
    if let Some(wish) = wish.filter(|wish| subject.record.handled_request.as_ref() != Some(wish)) {
        let evidence = Evidence::Asked(Text::clone(wish));
        let inputs = Digest::of([&**wish]);
        findings.hold(subject, (Cause::Requested, &Alias::Server), inputs, evidence);
    }
}
