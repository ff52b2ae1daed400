//! What is kept of a Certificate, and what it and its `CertificateRequest`s say together.

use super::issuance::{IssuanceFacts, Signed, SignedLeaf};
use super::mysql::Wanted;
use super::{Texts, wanted_names};
use crate::api::cert_manager::{Certificate as Object, CertificateSpec};
use crate::api::go_duration::GoDuration;
use crate::core::certificate::Malformed;
use crate::core::digest::Digest;
use crate::core::fleet::{Certificate, Issued, IssuedLeaf, LeafId, Text};
use crate::core::time::Time;

/// What is kept of a Certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificateFacts {
    /// The Secret of one that may sign others.
    pub ca_secret: Option<Text>,
    /// The names that it asks for, one to a line.
    pub names: Text,
    /// A digest of its spec.
    pub spec: Digest,
    /// The dates of what was issued last.
    pub dates: Option<(Time, Time)>,
    /// Which issuance that was.
    pub revision: Option<i64>,
    /// When cert-manager means to renew it.
    pub renewal_time: Option<Time>,
    /// Since when it is being issued.
    pub issuing_since: Option<Time>,
    /// When its last issuance failed, unless one succeeded later or another is under way.
    pub failed_at: Option<Time>,
    /// cert-manager has looked at it.
    pub looked_at: bool,
}

impl CertificateFacts {
    /// Of this object.
    pub fn of(certificate: &Object, texts: &mut Texts) -> Self {
        let (spec, status) = (&certificate.spec, &certificate.status);
        let secret = spec.secret_name.as_ref().filter(|_| spec.is_ca);
        let issuing = certificate.issuing();
        let since = issuing.map(|issuing| issuing.last_transition_time.unwrap_or(Time::MIN));
        Self {
            ca_secret: secret.map(|name| texts.text(name)),
            names: texts.text(&wanted_names(&spec.dns_names, &spec.ip_addresses)),
            spec: digest(spec),
            dates: status.not_before.zip(status.not_after),
            revision: status.revision,
            renewal_time: status.renewal_time,
            issuing_since: since,
            failed_at: failed_at(certificate).filter(|_| issuing.is_none()),
            looked_at: !status.conditions.is_empty(),
        }
    }

    /// The issuance that made what is there now: that of its revision. The second says whether it
    /// is that one, and not only the newest.
    pub fn current<'a>(
        &self,
        issuances: impl Iterator<Item = &'a IssuanceFacts> + Clone,
    ) -> Option<(&'a IssuanceFacts, bool)> {
        let newest = |a: &&IssuanceFacts, b: &&IssuanceFacts| a.order().cmp(&b.order());
        let known = self.revision.is_some();
        let of_revision = issuances
            .clone()
            .filter(|issuance| known && issuance.revision == self.revision)
            .max_by(newest);
        match of_revision {
            Some(issuance) => Some((issuance, true)),
            None => issuances.max_by(newest).map(|issuance| (issuance, false)),
        }
    }

    /// The leaf that is there now, when the current issuance is of that very leaf.
    pub fn current_leaf<'a>(
        &self,
        issuances: impl Iterator<Item = &'a IssuanceFacts> + Clone,
    ) -> Option<(&'a IssuanceFacts, &'a SignedLeaf)> {
        let (issuance, _) = self.current(issuances)?;
        let leaf = issuance.leaf()?;
        let same = self.dates == Some((leaf.id.not_before, leaf.id.not_after));
        same.then_some((issuance, leaf))
    }

    fn issued<'a>(&self, issuances: impl Iterator<Item = &'a IssuanceFacts> + Clone) -> Issued {
        let current = self.current(issuances.clone());
        if let Some((issuance, true)) = current
            && let Signed::Malformed(reason) = issuance.signed
        {
            return Issued::Malformed(reason.as_str().into());
        }
        match self.dates {
            Some((not_before, not_after)) if not_after < not_before => {
                Issued::Malformed(Malformed::DatesReversed.as_str().into())
            }
            Some((not_before, not_after)) => {
                let id = LeafId { not_before, not_after, fingerprint: None };
                Issued::Leaf(issued_leaf(id, self.current_leaf(issuances)))
            }
            // Dates go with the Secret: no revision and no dates, and nobody is at it.
            None if self.looked_at && self.issuing_since.is_none() => Issued::Missing,
            None => Issued::Unknown,
        }
    }
}

impl IssuanceFacts {
    fn order(&self) -> (Option<i64>, Time, Option<Time>) {
        (self.revision, self.created, self.ready_at)
    }
}

/// A certificate of a database: what the MySQL, the Certificate and its issuances say together.
/// `listed` is whether a Certificate that is not known does not exist.
pub fn certificate<'a>(
    wanted: &Wanted,
    facts: Option<&CertificateFacts>,
    issuances: impl Iterator<Item = &'a IssuanceFacts> + Clone,
    listed: bool,
) -> Certificate {
    let Some(facts) = facts else {
        let issued = if listed { Issued::Missing } else { Issued::Unknown };
        return Certificate {
            name: Text::clone(&wanted.certificate),
            issuer: wanted.issuer.clone(),
            issued,
            issuing_since: None,
            failed_at: None,
            renewal_time: None,
            names_lacking: Vec::new(),
            spec_digest: wanted.entry,
        };
    };
    let leaf = facts.current_leaf(issuances.clone());
    let names = leaf.and_then(|(_, leaf)| leaf.names.as_ref());
    Certificate {
        name: Text::clone(&wanted.certificate),
        issuer: wanted.issuer.clone(),
        issued: facts.issued(issuances),
        issuing_since: facts.issuing_since,
        failed_at: facts.failed_at,
        renewal_time: facts.renewal_time,
        names_lacking: names.map_or_else(Vec::new, |names| lacking(wanted, facts, names)),
        spec_digest: Digest::of([&*facts.spec.to_string(), &*wanted.entry.to_string()]),
    }
}

fn issued_leaf(id: LeafId, found: Option<(&IssuanceFacts, &SignedLeaf)>) -> IssuedLeaf {
    let Some((issuance, leaf)) = found else {
        return IssuedLeaf {
            id,
            issued_at: id.not_before,
            serial: None,
            signed_by: None,
            ca_key: None,
            ca: None,
        };
    };
    let ready_at = issuance.ready_at.unwrap_or(id.not_before);
    IssuedLeaf {
        id: leaf.id,
        issued_at: ready_at.max(id.not_before),
        serial: Some(Text::clone(&leaf.serial)),
        signed_by: issuance.issuer.clone(),
        ca_key: leaf.ca.map(|ca| ca.key),
        ca: leaf.published_ca.clone(),
    }
}

/// The names asked for that the leaf has neither literally nor by a wildcard.
fn lacking(wanted: &Wanted, facts: &CertificateFacts, names: &Text) -> Vec<Text> {
    if facts.names == *names && wanted.names.is_empty() {
        return Vec::new();
    }
    let has = |name: &str| {
        names.lines().any(|held| {
            let covers = held.strip_prefix('*').is_some_and(|parent| {
                let label = name.strip_suffix(parent);
                label.is_some_and(|label| !label.is_empty() && !label.contains('.'))
            });
            held == name || covers
        })
    };
    let asked = facts.names.lines().chain(wanted.names.lines());
    let mut lacking: Vec<Text> = asked.filter(|name| !has(name)).map(Text::from).collect();
    lacking.sort_unstable();
    lacking.dedup();
    lacking
}

/// cert-manager forgets a failure when an issuance succeeds; releases before it counted failures
/// may leave the time behind.
fn failed_at(certificate: &Object) -> Option<Time> {
    let status = &certificate.status;
    let attempts = status.failed_issuance_attempts;
    let failed_at = status.last_failure_time?;
    let since = status.not_before.is_none_or(|issued| failed_at >= issued);
    (attempts != Some(0) && (since || attempts.is_some())).then_some(failed_at)
}

fn digest(spec: &CertificateSpec) -> Digest {
    let issuer = spec.issuer_ref.as_ref().map(ToString::to_string);
    let duration = |duration: &Option<GoDuration>| {
        let text = duration.as_ref().map(GoDuration::as_str);
        text.unwrap_or_default().to_owned()
    };
    let percentage = spec.renew_before_percentage.map(|share| share.to_string());
    let parts = [
        spec.secret_name.clone().unwrap_or_default(),
        issuer.unwrap_or_default(),
        spec.common_name.clone().unwrap_or_default(),
        spec.dns_names.join("\n"),
        spec.ip_addresses.join("\n"),
        spec.uris.join("\n"),
        spec.email_addresses.join("\n"),
        duration(&spec.duration),
        duration(&spec.renew_before),
        percentage.unwrap_or_default(),
        spec.renewal.policy.clone().unwrap_or_default(),
        spec.is_ca.to_string(),
        spec.usages.join("\n"),
    ];
    Digest::of(parts.iter().map(String::as_str))
}

#[cfg(test)]
mod tests;
