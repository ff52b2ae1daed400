//! Who signs.

use std::collections::BTreeSet;

use rcgen::{Issuer, KeyPair, PublicKeyData, SubjectPublicKeyInfo};
use rustls::pki_types::CertificateDer;
use thiserror::Error;

use super::algorithm::Algorithm;
use super::entropy::Entropy;
use super::key::{KeyProblem, PrivateKey, block};
use super::profile::Profile;
use super::refused::Refused;
use super::request::SigningRequest;
use super::usage::Usage;
use super::{read, write};
use crate::core::certificate::{Leaf, Malformed, ders};
use crate::core::time::{Span, Time};

/// From when to when a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// The first moment.
    pub not_before: Time,
    /// The last.
    pub not_after: Time,
}

impl Lifetime {
    /// So long from now on.
    pub fn of(now: Time, duration: Span) -> Self {
        Self { not_before: now, not_after: now + duration }
    }
}

/// A certificate as it is handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The leaf and what leads from it to the top, without a self-signed top, in PEM: `tls.crt`.
    pub certificate: String,
    /// The top, in PEM: `ca.crt`.
    pub ca: String,
}

/// A certificate, and the key that was made for it.
#[derive(Debug)]
pub struct Minted {
    /// The certificate.
    pub issued: Issued,
    /// Its key.
    pub key: PrivateKey,
}

/// An authority that signs.
#[derive(Debug)]
pub struct Authority {
    key: PrivateKey,
    facts: Leaf,
    /// Its certificate, in DER.
    own: Vec<u8>,
    /// Those that lead from it to the top, in DER.
    above: Vec<Vec<u8>>,
}

/// Why a stored pair is no authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotAnAuthority {
    /// Its certificate cannot be read.
    #[error("its certificate is unusable: {0}")]
    Certificate(Malformed),
    /// Its key cannot be read.
    #[error("its private key is unusable: {0}")]
    Key(KeyProblem),
    /// The certificate that is to come with it cannot be read.
    #[error("the certificate of its own authority is unusable: {0}")]
    Ca(Malformed),
    /// The key is not that of the certificate.
    #[error("its private key does not belong to its certificate")]
    KeyOfAnother,
    /// The certificate is a leaf.
    #[error("certificate is not a CA")]
    NotCa,
    /// Its name would not be the same in what it signs.
    #[error("its name has several values of one kind, which cannot be written here")]
    Name,
    /// The certificates do not lead from one to the next.
    #[error("certificate chain is malformed or broken")]
    BrokenChain,
}

impl Authority {
    /// A new root.
    pub fn root(
        profile: &Profile,
        algorithm: Algorithm,
        lifetime: Lifetime,
        entropy: &Entropy,
    ) -> Result<Self, Refused> {
        let key = PrivateKey::generate(algorithm, entropy)?;
        let der = sign_with_own_key(&key, profile, lifetime, entropy)?;
        Self::assemble(key, der, Vec::new())
    }

    /// A new authority under this one.
    pub fn intermediate(
        &self,
        profile: &Profile,
        algorithm: Algorithm,
        lifetime: Lifetime,
        entropy: &Entropy,
    ) -> Result<Self, Refused> {
        let key = PrivateKey::generate(algorithm, entropy)?;
        let der = self.certify(key.pair(), profile, lifetime, entropy)?;
        Self::assemble(key, der, self.lineage().map(<[u8]>::to_vec).collect())
    }

    /// A stored one: `tls.crt` and `tls.key` of a CA Secret, and its `ca.crt` if it has one.
    pub fn from_pem(
        certificate: &[u8],
        key: &[u8],
        ca: Option<&[u8]>,
    ) -> Result<Self, NotAnAuthority> {
        let mut certificates = ders(certificate).map_err(NotAnAuthority::Certificate)?.into_iter();
        let own = certificates.next().ok_or(NotAnAuthority::Certificate(Malformed::Empty))?;
        // Of a bundle the first counts, as for cert-manager.
        let ca = ca.map(ders).transpose().map_err(NotAnAuthority::Ca)?;
        let others = certificates.chain(ca.into_iter().flatten().take(1)).collect();
        let key = PrivateKey::from_pem(key).map_err(NotAnAuthority::Key)?;
        let facts = Leaf::from_der(&own).map_err(NotAnAuthority::Certificate)?;
        if !facts.is_ca {
            return Err(NotAnAuthority::NotCa);
        }
        if facts.spki != key.fingerprint() {
            return Err(NotAnAuthority::KeyOfAnother);
        }
        if !read::parse(&own).is_some_and(|x509| read::is_plain(x509.subject())) {
            return Err(NotAnAuthority::Name);
        }
        let above = in_order(&own, others).ok_or(NotAnAuthority::BrokenChain)?;
        Ok(Self { key, facts, own, above })
    }

    /// Makes a key and signs a certificate for it.
    pub fn issue(
        &self,
        profile: &Profile,
        algorithm: Algorithm,
        lifetime: Lifetime,
        entropy: &Entropy,
    ) -> Result<Minted, Refused> {
        let key = PrivateKey::generate(algorithm, entropy)?;
        let der = self.certify(key.pair(), profile, lifetime, entropy)?;
        Ok(Minted { issued: self.bundle(&der), key })
    }

    /// Signs a request, under the usages and the standing that were written beside it.
    pub fn sign(
        &self,
        request: &SigningRequest,
        usages: &BTreeSet<Usage>,
        is_ca: bool,
        lifetime: Lifetime,
        entropy: &Entropy,
    ) -> Result<Issued, Refused> {
        let profile = request.under(usages, is_ca)?;
        let public_key = SubjectPublicKeyInfo::from_der(request.public_key())?;
        let der = self.certify(&public_key, &profile, lifetime, entropy)?;
        Ok(self.bundle(&der))
    }

    /// What is known of it.
    pub const fn facts(&self) -> &Leaf {
        &self.facts
    }

    /// Its private key, for the Secret that it is kept in.
    pub const fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// Its certificate as it is kept in a Secret: with those that lead to the top.
    pub fn to_pem(&self) -> Issued {
        let above = self.above.iter().map(Vec::as_slice).filter(|der| !is_self_signed(der));
        let chain = std::iter::once(&*self.own).chain(above);
        Issued { certificate: chain.map(certificate_block).collect(), ca: self.top() }
    }

    fn assemble(key: PrivateKey, own: Vec<u8>, above: Vec<Vec<u8>>) -> Result<Self, Refused> {
        let facts = Leaf::from_der(&own).or(Err(Refused::Lossy("the certificate")))?;
        Ok(Self { key, facts, own, above })
    }

    fn certify(
        &self,
        public_key: &impl PublicKeyData,
        profile: &Profile,
        lifetime: Lifetime,
        entropy: &Entropy,
    ) -> Result<Vec<u8>, Refused> {
        let mut params = write::certificate(profile, lifetime, entropy)?;
        // Without an identifier of its own to refer to, rcgen would make one up.
        params.use_authority_key_identifier_extension = self.facts.link.subject_key.is_some();
        let own = CertificateDer::from(&*self.own);
        let issuer: Issuer<'_, &KeyPair> = Issuer::from_ca_cert_der(&own, self.key.pair())?;
        let der = params.signed_by(public_key, &issuer)?.der().to_vec();
        let written = Leaf::from_der(&der).or(Err(Refused::Lossy("the certificate")))?;
        if written.link.issuer == self.facts.link.subject {
            Ok(der)
        } else {
            Err(Refused::Lossy("the name of the authority"))
        }
    }

    fn bundle(&self, leaf: &[u8]) -> Issued {
        let above = self.lineage().filter(|der| !is_self_signed(der));
        let chain = std::iter::once(leaf).chain(above);
        Issued { certificate: chain.map(certificate_block).collect(), ca: self.top() }
    }

    /// Itself and those above it.
    fn lineage(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(&*self.own).chain(self.above.iter().map(Vec::as_slice))
    }

    fn top(&self) -> String {
        certificate_block(self.above.last().unwrap_or(&self.own))
    }
}

/// Signs a request with the very key that it was made with.
pub fn self_sign(
    request: &SigningRequest,
    key: &PrivateKey,
    usages: &BTreeSet<Usage>,
    is_ca: bool,
    lifetime: Lifetime,
    entropy: &Entropy,
) -> Result<Issued, Refused> {
    if request.fingerprint() != key.fingerprint() {
        return Err(Refused::OtherKey);
    }
    let profile = request.under(usages, is_ca)?;
    let pem = certificate_block(&sign_with_own_key(key, &profile, lifetime, entropy)?);
    Ok(Issued { certificate: pem.clone(), ca: pem })
}

fn sign_with_own_key(
    key: &PrivateKey,
    profile: &Profile,
    lifetime: Lifetime,
    entropy: &Entropy,
) -> Result<Vec<u8>, Refused> {
    let params = write::certificate(profile, lifetime, entropy)?;
    Ok(params.self_signed(key.pair())?.der().to_vec())
}

fn certificate_block(der: &[u8]) -> String {
    block("CERTIFICATE", der)
}

fn is_self_signed(der: &[u8]) -> bool {
    is_signed_by(der, der)
}

fn is_signed_by(der: &[u8], issuer: &[u8]) -> bool {
    let (Some(x509), Some(issuer)) = (read::parse(der), read::parse(issuer)) else {
        return false;
    };
    x509.issuer().as_raw() == issuer.subject().as_raw()
        && x509.verify_signature(Some(issuer.public_key())).is_ok()
}

/// These certificates in the order that leads from `own` to the top, each once; none when one of
/// them is not on that way.
fn in_order(own: &[u8], mut unused: Vec<Vec<u8>>) -> Option<Vec<Vec<u8>>> {
    let mut above: Vec<Vec<u8>> = Vec::new();
    loop {
        let last = above.last().map_or(own, Vec::as_slice).to_vec();
        unused.retain(|der| *der != last);
        if unused.is_empty() {
            return Some(above);
        }
        let issuer = unused.iter().position(|der| is_signed_by(&last, der))?;
        above.push(unused.swap_remove(issuer));
    }
}
