//! Whether a chain holds against an authority: by signatures, not by names.

use rustls::RootCertStore;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error};

use super::look::Presented;
use crate::core::certificate::{Malformed, ders};
use crate::core::time::Time;

/// The authorities that clients trust: what is published as `ca.crt`.
#[derive(Clone, Debug)]
pub struct Trust {
    authorities: Vec<CertificateDer<'static>>,
    roots: RootCertStore,
}

impl Trust {
    /// Reads `ca.crt`.
    pub fn from_pem(pem: &[u8]) -> Result<Self, Malformed> {
        let authorities: Vec<CertificateDer<'static>> =
            ders(pem)?.into_iter().map(CertificateDer::from).collect();
        let mut roots = RootCertStore::empty();
        let (taken, _) = roots.add_parsable_certificates(authorities.iter().cloned());
        if taken == 0 { Err(Malformed::BadCertificate) } else { Ok(Self { authorities, roots }) }
    }

    /// Whether a presented leaf leads to one of them. Its own dates do not matter here; none: that
    /// cannot be told, because the certificate is of a kind that is not verified any more.
    pub fn holds(&self, presented: &Presented, now: Time) -> Option<bool> {
        let (leaf, others) = presented.ders.split_first()?;
        // A self-signed certificate is its own authority.
        if self.authorities.contains(leaf) {
            return Some(true);
        }
        let facts = &presented.chain.leaf;
        let at = now.max(facts.not_before).min(facts.not_after).unix();
        let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(at.try_into().ok()?));
        let checked = ParsedCertificate::try_from(leaf).and_then(|parsed| {
            let algorithms = ring::default_provider().signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, others, at, algorithms)
        });
        match checked {
            Ok(()) => Some(true),
            Err(Error::InvalidCertificate(
                CertificateError::UnknownIssuer
                | CertificateError::BadSignature
                | CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. },
            )) => Some(false),
            Err(_) => None,
        }
    }
}
