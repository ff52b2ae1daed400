//! Certificate signing requests.

use std::collections::BTreeSet;

use rustls::pki_types::CertificateSigningRequestDer;
use rustls::pki_types::pem::PemObject as _;
use thiserror::Error;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer as _;

use super::key::PrivateKey;
use super::profile::Profile;
use super::refused::Refused;
use super::usage::Usage;
use super::{read, write};
use crate::core::certificate::{Fingerprint, MAX_BYTES};

/// A request that has been read: well formed, and signed by the key that it names.
#[derive(Clone, Debug, PartialEq)]
pub struct SigningRequest {
    /// The names it asks for. What it says of usages and of being an authority is apart.
    pub profile: Profile,
    /// The usages it asks for, if it says so.
    pub usages: Option<BTreeSet<Usage>>,
    /// Whether it asks to be an authority, if it says so.
    pub is_ca: Option<bool>,
    public_key: Vec<u8>,
}

/// Why there is no request. Holds nothing of what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
pub enum RequestProblem {
    /// There is no PEM block of a request, or too much text to look for one.
    #[error("it holds no PEM block of a certificate signing request")]
    NoRequest,
    /// Its content is no request.
    #[error("it is not a certificate signing request, or one that cannot be read")]
    Damaged,
    /// Whoever made it does not have the key, or it was changed on its way.
    #[error("its signature is not that of the key in it")]
    BadSignature,
    /// It has a name that would be lost.
    #[error("it asks for a name of a kind that cannot be written here")]
    Name,
    /// It has an extension that would be lost.
    #[error("it asks for an extension other than names, usages and plain basic constraints")]
    Extension,
}

impl SigningRequest {
    /// A request for these names by this key, in PEM.
    pub fn make(profile: &Profile, key: &PrivateKey, with_usages: bool) -> Result<String, Refused> {
        write::request(profile, key, with_usages)
    }

    /// Reads the first request in a PEM text, and verifies its signature.
    pub fn from_pem(pem: &[u8]) -> Result<Self, RequestProblem> {
        if pem.len() > MAX_BYTES {
            return Err(RequestProblem::NoRequest);
        }
        let der = CertificateSigningRequestDer::from_pem_slice(pem);
        let der = der.or(Err(RequestProblem::NoRequest))?;
        let (rest, request) =
            X509CertificationRequest::from_der(&der).or(Err(RequestProblem::Damaged))?;
        if !rest.is_empty() {
            return Err(RequestProblem::Damaged);
        }
        request.verify_signature().or(Err(RequestProblem::BadSignature))?;

        let info = &request.certification_request_info;
        let mut said = Profile::default();
        if !read::subject(&info.subject, &mut said) || !read::is_plain(&info.subject) {
            return Err(RequestProblem::Name);
        }
        let (mut has_usages, mut has_constraints) = (false, false);
        for extension in request.requested_extensions().into_iter().flatten() {
            let is_names = matches!(extension, ParsedExtension::SubjectAlternativeName(_));
            has_constraints |= matches!(extension, ParsedExtension::BasicConstraints(_));
            has_usages |= matches!(extension, ParsedExtension::KeyUsage(_));
            has_usages |= matches!(extension, ParsedExtension::ExtendedKeyUsage(_));
            if !read::extension(extension, &mut said) {
                return Err(if is_names {
                    RequestProblem::Name
                } else {
                    RequestProblem::Extension
                });
            }
        }
        let usages = std::mem::take(&mut said.usages);
        let is_ca = std::mem::take(&mut said.is_ca);
        Ok(Self {
            profile: said,
            usages: has_usages.then_some(usages),
            is_ca: has_constraints.then_some(is_ca),
            public_key: info.subject_pki.raw.to_vec(),
        })
    }

    /// The identity of its key: [`PrivateKey::fingerprint`] of the one it was made with.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.public_key)
    }

    /// Its public key, as a certificate holds it.
    pub(super) fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// What it asks for with the usages and the standing that stand beside it, which must be what
    /// it says itself.
    pub(super) fn under(&self, usages: &BTreeSet<Usage>, is_ca: bool) -> Result<Profile, Refused> {
        if self.usages.as_ref().is_some_and(|said| said != usages) {
            return Err(Refused::Contradiction("key usage"));
        }
        if self.is_ca.is_some_and(|said| said != is_ca) {
            return Err(Refused::Contradiction("basic constraint"));
        }
        Ok(Profile { usages: usages.clone(), is_ca, ..self.profile.clone() })
    }
}
