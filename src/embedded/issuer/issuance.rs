//! What comes next in an issuance, from the key to the Secret.

use serde_json::Value;

use super::matching::{self, listed};
use super::names;
use super::secret::Content;
use super::view::View;
use crate::api::cert_manager::CertificateRequest;
use crate::api::meta;
use crate::core::certificate::{Chain, Leaf};
use crate::core::time::Time;
use crate::pki::{Algorithm, Encoding, PrivateKey, Profile, Refused, SigningRequest};

/// The next step of an issuance.
pub(super) enum Next {
    /// It is decided where its key will be.
    NameKey(String),
    /// Its key is made, or taken over from the Secret.
    MakeKey(KeySource),
    /// A key that does not fit is thrown away.
    DropKey,
    /// The issuer is asked.
    Ask {
        /// The request, in PEM.
        request: String,
    },
    /// A request that does not fit, or failed before, is thrown away.
    DropRequest,
    /// An object with the name of the request or of the key must go first.
    InTheWay,
    /// The issuer is waited for.
    Wait,
    /// The Secret is written.
    Store(Box<Content>),
    /// The Secret is written: it is done.
    Done,
    /// It failed.
    Fail {
        /// Why, in a word.
        reason: String,
        /// Why, in a sentence.
        message: String,
    },
}

/// Where the key of an issuance comes from.
pub(super) enum KeySource {
    /// A new one.
    New(Algorithm),
    /// The one in the Secret: `rotationPolicy: Never`.
    Kept,
}

/// What a Certificate may ask for that is not written here. None of it is passed over in silence.
const UNSUPPORTED: [(&str, &str); 7] = [
    ("/literalSubject", "spec.literalSubject"),
    ("/otherNames", "spec.otherNames"),
    ("/nameConstraints", "spec.nameConstraints"),
    ("/keystores", "spec.keystores"),
    ("/additionalOutputFormats", "spec.additionalOutputFormats"),
    ("/signatureAlgorithm", "spec.signatureAlgorithm"),
    ("/renewal/windows", "spec.renewal.windows"),
];

/// What comes next for a Certificate whose condition `Issuing` holds.
pub(super) fn next(view: &View, now: Time) -> Next {
    let wanted = match wanted(view) {
        Ok(wanted) => wanted,
        Err(refusal) => return refusal,
    };
    if view.certificate.status.next_private_key_secret_name.is_none() {
        return Next::NameKey(names::next_key(view.name(), view.uid(), view.next_revision()));
    }
    if view.next_key.is_none() {
        return key_source(view, wanted.algorithm);
    }
    let Some(stored) = view.own_next_key() else {
        return Next::InTheWay;
    };
    let key = match PrivateKey::from_pem(&stored.key) {
        Ok(key) if fits(view, &key) => key,
        Ok(_) | Err(_) => return Next::DropKey,
    };
    let Some(request) = &view.next else {
        let with_usages = view.certificate.spec.encode_usages_in_request.unwrap_or(true);
        return match SigningRequest::make(&wanted.profile, &key, with_usages) {
            Ok(request) => Next::Ask { request },
            Err(refused) => refuse(&refused),
        };
    };
    if !meta::is_owned_by(&request.metadata, view.uid()) {
        return Next::InTheWay;
    }
    if !is_for(request, view, &key) || failed_before(request, view) {
        return Next::DropRequest;
    }
    outcome(request, view, &key, wanted.encoding, now)
}

/// What a Certificate asks for.
struct Wanted {
    profile: Profile,
    algorithm: Algorithm,
    encoding: Encoding,
}

fn wanted(view: &View) -> Result<Wanted, Next> {
    let raw = &view.raw["spec"];
    for (pointer, field) in UNSUPPORTED {
        if raw.pointer(pointer).is_some_and(|value| !is_nothing(value)) {
            return Err(fail("Unsupported", &format!("{field} is not supported by this issuer")));
        }
    }
    let spec = &view.certificate.spec;
    if spec.duration.as_ref().is_some_and(|duration| duration.span().is_none()) {
        return Err(fail("Unsupported", "spec.duration is no duration such as 2160h0m0s"));
    }
    let made = || {
        Ok(Wanted {
            profile: Profile::of_spec(spec)?,
            algorithm: matching::wanted_key(&spec.private_key, view.default_algorithm)?,
            encoding: Encoding::read(spec.private_key.encoding.as_deref())?,
        })
    };
    made().map_err(|refused: Refused| refuse(&refused))
}

fn is_nothing(value: &Value) -> bool {
    value.is_null()
        || value.as_str().is_some_and(str::is_empty)
        || value.as_array().is_some_and(Vec::is_empty)
        || value.as_object().is_some_and(serde_json::Map::is_empty)
}

fn key_source(view: &View, algorithm: Algorithm) -> Next {
    let policy = view.certificate.spec.private_key.rotation_policy.as_deref().unwrap_or("Always");
    match (policy, view.key()) {
        ("Never", Some(Ok(key))) if fits(view, &key) => Next::MakeKey(KeySource::Kept),
        ("Never", Some(Ok(key))) => {
            let spec = &view.certificate.spec.private_key;
            let fields = matching::key(key.algorithm(), spec, view.default_algorithm);
            let message = format!(
                "the private key in Secret {:?} does not match the Certificate ({}) and may not be \
                 replaced: set spec.privateKey.rotationPolicy to Always, or delete the Secret",
                view.secret_name(),
                listed(&fields)
            );
            fail("CannotRegenerateKey", &message)
        }
        ("Never" | "Always", _) if matches!(algorithm, Algorithm::Rsa { .. }) => {
            refuse(&Refused::KeyKind(algorithm))
        }
        // A Secret without a key that could be kept gets a new one.
        ("Never" | "Always", _) => Next::MakeKey(KeySource::New(algorithm)),
        (other, _) => {
            fail("Unsupported", &format!("no private key rotation policy is called {other:?}"))
        }
    }
}

fn fits(view: &View, key: &PrivateKey) -> bool {
    let spec = &view.certificate.spec.private_key;
    matching::key(key.algorithm(), spec, view.default_algorithm).is_empty()
}

/// Whether a request is for what the Certificate asks for now, and for this key.
fn is_for(request: &CertificateRequest, view: &View, key: &PrivateKey) -> bool {
    let matches = matching::request(request, &view.certificate.spec);
    matches.is_ok_and(|fields| fields.is_empty())
        && asked_key(request).is_some_and(|asked| asked.fingerprint() == key.fingerprint())
}

fn asked_key(request: &CertificateRequest) -> Option<SigningRequest> {
    SigningRequest::from_pem(request.spec.request.as_deref()?).ok()
}

/// Whether a request failed in an earlier issuance of the same revision.
fn failed_before(request: &CertificateRequest, view: &View) -> bool {
    let ready = meta::condition(&request.status.conditions, "Ready");
    let began = view.issuing().and_then(|issuing| issuing.last_transition_time);
    ready.is_some_and(|ready| !ready.holds() && ready.reason == "Failed")
        && request.status.failure_time.is_some_and(|failed| Some(failed) < began)
}

/// What came of a request that fits.
fn outcome(
    request: &CertificateRequest,
    view: &View,
    key: &PrivateKey,
    encoding: Encoding,
    now: Time,
) -> Next {
    let conditions = &request.status.conditions;
    for refused in ["Denied", "InvalidRequest"] {
        if let Some(condition) = meta::condition(conditions, refused).filter(|it| it.holds()) {
            return fail(&condition.reason, &condition.message);
        }
    }
    match meta::condition(conditions, "Ready") {
        Some(ready) if ready.reason == "Failed" => fail(&ready.reason, &ready.message),
        Some(ready) if ready.reason == "Issued" => {
            let certificate = request.status.certificate.as_deref().unwrap_or_default();
            if let Err(message) = accept(certificate, key, now) {
                return fail("InvalidCertificate", &message);
            }
            let ca = request.status.ca.as_deref().unwrap_or_default();
            let content = Content::new(view, certificate, ca, key.to_pem(encoding));
            if view.secret.as_ref().is_some_and(|secret| content.is_in(secret)) {
                Next::Done
            } else {
                Next::Store(Box::new(content))
            }
        }
        Some(_) | None => Next::Wait,
    }
}

/// Whether what the issuer returned may be stored. It may not, where the next look would find the
/// same wrong and ask again, without end (cert-manager#8380, #7741).
fn accept(certificate: &[u8], key: &PrivateKey, now: Time) -> Result<Leaf, String> {
    let chain = Chain::from_pem(certificate).map_err(|malformed| {
        format!("Issuer returned an invalid certificate: failed to decode: {malformed}")
    })?;
    if chain.leaf.spki != key.fingerprint() {
        return Err(
            "Issuer returned a certificate with a public key that does not match the CSR. \
             This usually indicates a misconfigured issuer."
                .to_owned(),
        );
    }
    if now > chain.leaf.not_after {
        let end = chain.leaf.not_after;
        return Err(format!(
            "Issuer returned an already expired certificate (notAfter: {end}). This usually \
             indicates an expired CA certificate in the issuer."
        ));
    }
    Ok(chain.leaf)
}

fn refuse(refused: &Refused) -> Next {
    fail("Refused", &refused.to_string())
}

fn fail(reason: &str, why: &str) -> Next {
    let message =
        format!("The certificate request has failed to complete and will be retried: {why}");
    Next::Fail { reason: reason.to_owned(), message }
}
