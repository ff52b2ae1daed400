//! What may be wrong with the Secret of a Certificate: cert-manager's checks, in its order.
//!
//! The first that finds something is why a Certificate is issued, and why it is not ready. The two
//! differ in the last: nearing its end is a reason to issue, having come to it one not to be ready.

use super::matching::{self, listed};
use super::renewal;
use super::secret::{ISSUER_GROUP, ISSUER_KIND, ISSUER_NAME, StoredSecret};
use super::view::View;
use crate::api::cert_manager::CERTIFICATE_NAME;
use crate::api::tls::{ISSUER_GROUP as GROUP, IssuerRef};
use crate::core::certificate::{Chain, Leaf};
use crate::core::time::Time;
use crate::pki::{PrivateKey, Profile, SigningRequest};

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// Why, in a word.
    pub(super) reason: &'static str,
    /// Why, in a sentence.
    pub(super) message: String,
}

type Check = fn(&View) -> Option<Violation>;

/// Those that are the same for issuing and for being ready.
const CHECKS: [Check; 8] = [
    does_not_exist,
    is_missing_data,
    keys_differ,
    issuer_differs,
    belongs_to_another,
    key_differs_from_spec,
    key_differs_from_request,
    request_differs_from_spec,
];

/// Why a Certificate must be issued.
pub(super) fn trigger(view: &View, now: Time) -> Option<Violation> {
    first(view).or_else(|| nears_its_end(view, now))
}

/// Why a Certificate is not ready.
pub(super) fn readiness(view: &View, now: Time) -> Option<Violation> {
    first(view).or_else(|| has_expired(view, now))
}

/// What is in the Secret, if that can be read.
pub(super) fn leaf(view: &View) -> Option<Leaf> {
    read_leaf(view.secret.as_ref()?).ok()
}

fn first(view: &View) -> Option<Violation> {
    CHECKS.iter().find_map(|check| check(view))
}

fn violation(reason: &'static str, message: impl Into<String>) -> Violation {
    Violation { reason, message: message.into() }
}

fn does_not_exist(view: &View) -> Option<Violation> {
    if view.secret.is_some() {
        return None;
    }
    Some(violation("DoesNotExist", "Issuing certificate as Secret does not exist"))
}

fn is_missing_data(view: &View) -> Option<Violation> {
    let secret = view.secret.as_ref()?;
    let missing = if !secret.has_data {
        "any data"
    } else if secret.key.is_empty() {
        "a private key"
    } else if secret.certificate.is_empty() {
        "a certificate"
    } else {
        return None;
    };
    let message = format!("Issuing certificate as Secret does not contain {missing}");
    Some(violation("MissingData", message))
}

fn keys_differ(view: &View) -> Option<Violation> {
    let key = match read_key(view) {
        Ok(key) => key?,
        Err(invalid) => return Some(invalid),
    };
    match read_leaf(view.secret.as_ref()?) {
        Err(invalid) => Some(invalid),
        Ok(leaf) if leaf.spki == key.fingerprint() => None,
        Ok(_) => Some(violation(
            "InvalidKeyPair",
            "Issuing certificate as Secret contains a private key that does not match the \
             certificate",
        )),
    }
}

fn issuer_differs(view: &View) -> Option<Violation> {
    let annotations = &view.secret.as_ref()?.annotations;
    let said = |key: &str| annotations.get(key).map(String::as_str).unwrap_or_default();
    let names = [ISSUER_NAME, ISSUER_KIND, ISSUER_GROUP];
    if !names.iter().any(|key| annotations.contains_key(*key)) {
        return None;
    }
    let or = |text: &str, default: &str| if text.is_empty() { default } else { text }.to_owned();
    let issued_by = IssuerRef {
        group: or(said(ISSUER_GROUP), GROUP),
        kind: or(said(ISSUER_KIND), "Issuer"),
        name: said(ISSUER_NAME).to_owned(),
    };
    if view.certificate.spec.issuer_ref.as_ref() == Some(&issued_by) {
        return None;
    }
    let IssuerRef { group, kind, name } = issued_by;
    let issuer = format!("{kind}.{group}/{name}");
    Some(violation(
        "IncorrectIssuer",
        format!("Issuing certificate as Secret was previously issued by {issuer:?}"),
    ))
}

fn belongs_to_another(view: &View) -> Option<Violation> {
    let named = view.secret.as_ref()?.annotations.get(CERTIFICATE_NAME)?;
    if named == view.name() {
        return None;
    }
    Some(violation(
        "IncorrectCertificate",
        format!(
            "Secret was issued for {named:?}. If this message is not transient, you might have two \
             conflicting Certificates pointing to the same secret."
        ),
    ))
}

fn key_differs_from_spec(view: &View) -> Option<Violation> {
    let key = read_key(view).ok()??;
    let spec = &view.certificate.spec.private_key;
    let fields = matching::key(key.algorithm(), spec, view.default_algorithm);
    if fields.is_empty() {
        return None;
    }
    let fields = listed(&fields);
    Some(violation(
        "SecretMismatch",
        format!("Existing private key is not up to date for spec: {fields}"),
    ))
}

fn key_differs_from_request(view: &View) -> Option<Violation> {
    let key = read_key(view).ok()??;
    let pem = view.current.as_ref()?.spec.request.as_deref().unwrap_or_default();
    match SigningRequest::from_pem(pem) {
        Err(problem) => Some(violation(
            "InvalidCertificateRequest",
            format!("Failed to decode current CertificateRequest: {problem}"),
        )),
        Ok(request) if request.fingerprint() == key.fingerprint() => None,
        Ok(_) => Some(violation(
            "SecretMismatch",
            "Secret contains a private key that does not match the current CertificateRequest",
        )),
    }
}

fn request_differs_from_spec(view: &View) -> Option<Violation> {
    let spec = &view.certificate.spec;
    if let Some(request) = &view.current {
        // One that cannot be read is no reason: what was issued may be in order.
        let fields = matching::request(request, spec).ok().filter(|fields| !fields.is_empty())?;
        let fields = listed(&fields);
        let message =
            format!("Fields on existing CertificateRequest resource not up to date: {fields}");
        return Some(violation("RequestChanged", message));
    }
    let said = Profile::of_certificate(&view.secret.as_ref()?.certificate).ok()?;
    let fields = matching::certificate(&said, spec);
    if fields.is_empty() {
        return None;
    }
    let fields = listed(&fields);
    Some(violation(
        "SecretMismatch",
        format!(
            "Issuing certificate as Existing issued Secret is not up to date for spec: {fields}"
        ),
    ))
}

fn nears_its_end(view: &View, now: Time) -> Option<Violation> {
    let due = renewal::time(&leaf(view)?, &view.certificate.spec)?;
    if now < due {
        return None;
    }
    let scheduled = view.certificate.status.renewal_time.unwrap_or(due);
    let scheduled = scheduled.timestamp().strftime("%Y-%m-%d %H:%M:%S +0000 UTC");
    Some(violation(
        "Renewing",
        format!("Renewing certificate as renewal was scheduled at {scheduled}"),
    ))
}

fn has_expired(view: &View, now: Time) -> Option<Violation> {
    let end = leaf(view)?.not_after;
    if now <= end {
        return None;
    }
    let end = end.timestamp().strftime("%a, %d %b %Y %H:%M:%S UTC");
    Some(violation("Expired", format!("Certificate expired on {end}")))
}

/// The key in the Secret; none when there is no Secret.
fn read_key(view: &View) -> Result<Option<PrivateKey>, Violation> {
    view.key().transpose().map_err(|problem| Violation {
        reason: "InvalidKeyPair",
        message: format!(
            "Issuing certificate as Secret contains invalid private key data: {problem}"
        ),
    })
}

fn read_leaf(secret: &StoredSecret) -> Result<Leaf, Violation> {
    let chain = Chain::from_pem(&secret.certificate);
    chain.map(|chain| chain.leaf).map_err(|malformed| Violation {
        reason: "InvalidCertificate",
        message: format!(
            "Issuing certificate as Secret contains an invalid certificate: {malformed}"
        ),
    })
}
