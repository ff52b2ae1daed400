//! Issuing without cert-manager: from the CA in the Secret of an Issuer.
//!
//! What cert-manager's controllers would leave is left: the pair in its Secret, and the Certificate's
//! status. Keys pass through here on their way from Secret to Secret; no error and no line of the log
//! holds anything of them.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Map, Value, json};

use super::decide::notes::{FAILING, ISSUE_FAILED, Note};
use super::look::Looked;
use super::swap::{Conditions, Done, Set, Target};
use super::{FIELD_MANAGER, Hand, fixed, found, part};
use crate::api::cert_manager::{
    CERTIFICATE_NAME, Certificate, CertificateSpec, ClusterIssuer, Issuer, IssuerSpec,
};
use crate::api::go_duration::GoDuration;
use crate::api::resources::CERTIFICATE;
use crate::api::tls::{ISSUER_GROUP, IssuerRef};
use crate::cluster::client::ApiFailure;
use crate::core::time::{Span, Time};
use crate::pki::{
    Algorithm, Authority, Encoding, Entropy, Issued, KeyProblem, Lifetime, NotAnAuthority,
    PrivateKey, Profile, Refused, RequestProblem, SigningRequest, Usage,
};

/// Where a `ClusterIssuer` has its Secrets, unless cert-manager is told otherwise.
const CLUSTER_RESOURCES: &str = "cert-manager";
/// How long a certificate lives that does not say.
const LIFE: Span = Span::days(90);

/// Why nothing was issued.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotIssued {
    /// Asking again may help.
    #[error(transparent)]
    Api(#[from] ApiFailure),
    /// There is nobody to sign.
    #[error(
        "{0} does not exist or is no CA issuer: with issueWith self only those with spec.ca sign"
    )]
    NoCa(String),
    /// The Secret of the CA is not there.
    #[error("Secret {0} of the CA does not exist")]
    NoSecret(String),
    /// It holds no authority.
    #[error("the CA in Secret {0} cannot sign: {1}")]
    NotAnAuthority(String, NotAnAuthority),
    /// The CA ends before anything that it signs now could be used.
    #[error("the CA in Secret {0} ends at {1}")]
    Ended(String, Time),
    /// What the Certificate asks for cannot be made.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// The key that is there already cannot be used.
    #[error("its private key is unusable: {0}")]
    Key(#[from] KeyProblem),
    /// Not from what was just made.
    #[error("{0}")]
    Request(#[from] RequestProblem),
}

/// A pair as it goes into a Secret. It has no `Debug`: it holds a key.
struct Pair {
    issued: Issued,
    key: String,
    lifetime: Lifetime,
}

impl Hand {
    /// Issues a Certificate as cert-manager would. What fails for good fails the request.
    pub(super) async fn issue_itself(
        &self,
        looked: &Looked,
        name: &str,
    ) -> Result<Done, ApiFailure> {
        match self.issue_from_ca(looked, name).await {
            Ok(done) => Ok(done),
            Err(NotIssued::Api(failure)) => Err(failure),
            Err(why) => {
                let request = &looked.seen.request;
                let why = format!("Certificate {}/{name}: {why}", request.namespace);
                let note = Note::new(FAILING, ISSUE_FAILED, why);
                self.note(request, None, &[note]).await
            }
        }
    }

    async fn issue_from_ca(&self, looked: &Looked, name: &str) -> Result<Done, NotIssued> {
        let request = &looked.seen.request;
        let Some(decided) = looked.certificate_version(name) else {
            return Ok(Done::Overtaken);
        };
        let api = self.api::<Certificate>(&request.namespace);
        let Some(certificate) = found(self.calls.run("get", api.get(name)).await)? else {
            return Ok(Done::Overtaken);
        };
        if certificate.metadata.resource_version.as_deref() != Some(decided) {
            return Ok(Done::Overtaken);
        }
        let (authority, place) = self.authority(&certificate.spec, &request.namespace).await?;
        let stored = certificate.spec.secret_name.as_deref().unwrap_or(name);
        let secrets = self.api::<Secret>(&request.namespace);
        let before = found(self.calls.run("get", secrets.get(stored)).await)?;
        let now = self.clock.now();
        let pair = pair(&certificate.spec, &authority, &place, before.as_ref(), now)?;
        let secret = secret(name, stored, &certificate.spec, &pair);
        if self.store(&secrets, stored, before.as_ref(), &secret).await? == Done::Overtaken {
            return Ok(Done::Overtaken);
        }
        let resource = fixed(&CERTIFICATE);
        let target = Target {
            resource: &resource,
            namespace: &request.namespace,
            name,
            resource_version: decided,
        };
        Ok(self.swap(target, status(&certificate, pair.lifetime), |it| ready(it, now)).await?)
    }

    /// The CA of an issuer, and where it is.
    async fn authority(
        &self,
        spec: &CertificateSpec,
        namespace: &str,
    ) -> Result<(Authority, String), NotIssued> {
        let Some(issuer) = &spec.issuer_ref else {
            return Err(NotIssued::NoCa("nobody".to_owned()));
        };
        let (secret, place) = self.ca_secret(issuer, namespace).await?;
        let part = |key| part(&secret, key);
        let (certificate, key) = (part("tls.crt"), part("tls.key"));
        let ca = Some(part("ca.crt")).filter(|ca| !ca.is_empty());
        match Authority::from_pem(certificate, key, ca) {
            Ok(authority) => Ok((authority, place)),
            Err(why) => Err(NotIssued::NotAnAuthority(place, why)),
        }
    }

    /// The Secret of the CA of an issuer, and where it is.
    pub(super) async fn ca_secret(
        &self,
        issuer: &IssuerRef,
        namespace: &str,
    ) -> Result<(Secret, String), NotIssued> {
        if issuer.group != ISSUER_GROUP {
            return Err(NotIssued::NoCa(issuer.to_string()));
        }
        let (signs, namespace) = if issuer.is_namespaced() {
            let api = self.api::<Issuer>(namespace);
            let found = found(self.calls.run("get", api.get(&issuer.name)).await)?;
            (found.map(|issuer| issuer.spec), namespace)
        } else {
            let api = Api::<ClusterIssuer>::all(self.client.clone());
            let found = found(self.calls.run("get", api.get(&issuer.name)).await)?;
            (found.map(|issuer| issuer.spec), CLUSTER_RESOURCES)
        };
        let Some(IssuerSpec::Ca { secret_name }) = signs else {
            return Err(NotIssued::NoCa(issuer.to_string()));
        };
        let place = format!("{namespace}/{secret_name}");
        let api = self.api::<Secret>(namespace);
        let secret = found(self.calls.run("get", api.get(&secret_name)).await)?;
        let secret = secret.ok_or_else(|| NotIssued::NoSecret(place.clone()))?;
        Ok((secret, place))
    }

    /// Over the Secret that was read, or as a new one.
    async fn store(
        &self,
        api: &Api<Secret>,
        name: &str,
        before: Option<&Secret>,
        secret: &Value,
    ) -> Result<Done, ApiFailure> {
        let manager = Some(FIELD_MANAGER.to_owned());
        let answer = if let Some(before) = before {
            let mut patch = secret.clone();
            patch["metadata"]["resourceVersion"] = json!(before.metadata.resource_version);
            let params = PatchParams { field_manager: manager, ..PatchParams::default() };
            self.calls.run("patch", api.patch(name, &params, &Patch::Merge(patch))).await
        } else {
            let Ok(secret) = serde_json::from_value::<Secret>(secret.clone()) else {
                return Ok(Done::Overtaken);
            };
            let params = PostParams { field_manager: manager, ..PostParams::default() };
            self.calls.run("create", api.create(&params, &secret)).await
        };
        match answer {
            Ok(_) => Ok(Done::Yes),
            Err(ApiFailure::AlreadyExists | ApiFailure::Conflict | ApiFailure::NotFound) => {
                Ok(Done::Overtaken)
            }
            Err(failure) => Err(failure),
        }
    }
}

/// A key, and a certificate for it.
fn pair(
    spec: &CertificateSpec,
    authority: &Authority,
    place: &str,
    before: Option<&Secret>,
    now: Time,
) -> Result<Pair, NotIssued> {
    let ends = authority.facts().not_after;
    if ends <= now {
        return Err(NotIssued::Ended(place.to_owned(), ends));
    }
    let entropy = Entropy::system();
    let key = key(spec, before, &entropy)?;
    let profile = Profile::of_spec(spec)?;
    let duration = spec.duration.as_ref().and_then(GoDuration::span).unwrap_or(LIFE);
    let lifetime = Lifetime { not_before: now, not_after: (now + duration).min(ends) };
    let request = SigningRequest::make(&profile, &key, true)?;
    let request = SigningRequest::from_pem(request.as_bytes())?;
    let usages = Usage::read_all(&spec.usages, false)?;
    let issued = authority.sign(&request, &usages, false, lifetime, &entropy)?;
    let encoding = Encoding::read(spec.private_key.encoding.as_deref())?;
    Ok(Pair { issued, key: key.to_pem(encoding), lifetime })
}

/// A new key of the kind that the Certificate asks for. RSA keys cannot be made here: where one is
/// asked for, or nothing, one that is there stays; without one it is ECDSA, if nothing was asked for.
fn key(
    spec: &CertificateSpec,
    before: Option<&Secret>,
    entropy: &Entropy,
) -> Result<PrivateKey, NotIssued> {
    let asked = &spec.private_key;
    let kept = before.and_then(|secret| PrivateKey::from_pem(part(secret, "tls.key")).ok());
    let kept = kept.filter(|key| matches!(key.algorithm(), Algorithm::Rsa { .. }));
    let algorithm = match &asked.algorithm {
        None if kept.is_some() => Algorithm::Rsa { bits: 2048 },
        None => Algorithm::EcdsaP256,
        Some(algorithm) => Algorithm::read(algorithm, asked.size)?,
    };
    match (algorithm, kept) {
        (Algorithm::Rsa { .. }, Some(kept)) => Ok(kept),
        (algorithm, _) => Ok(PrivateKey::generate(algorithm, entropy)?),
    }
}

/// The Secret as cert-manager would leave it.
fn secret(certificate: &str, name: &str, spec: &CertificateSpec, pair: &Pair) -> Value {
    let nobody = IssuerRef { group: String::new(), kind: String::new(), name: String::new() };
    let IssuerRef { group, kind, name: issuer } = spec.issuer_ref.as_ref().unwrap_or(&nobody);
    let bytes = |text: &str| json!(ByteString(text.as_bytes().to_vec()));
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": name, "annotations": {
            CERTIFICATE_NAME: certificate,
            "cert-manager.io/issuer-name": issuer,
            "cert-manager.io/issuer-kind": kind,
            "cert-manager.io/issuer-group": group,
        }},
        "data": {
            "tls.crt": bytes(&pair.issued.certificate),
            "tls.key": bytes(&pair.key),
            "ca.crt": bytes(&pair.issued.ca),
        },
    })
}

fn status(certificate: &Certificate, lifetime: Lifetime) -> Map<String, Value> {
    let status = json!({
        "revision": certificate.status.revision.unwrap_or(0) + 1,
        "notBefore": lifetime.not_before,
        "notAfter": lifetime.not_after,
        "lastFailureTime": null,
    });
    status.as_object().cloned().unwrap_or_default()
}

fn ready(conditions: &mut Conditions, now: Time) {
    let message = "Certificate is up to date and has not expired";
    let set = Set { kind: "Ready", status: "True", reason: "Ready", message };
    conditions.remove("Issuing");
    // So that its observedGeneration is that of now.
    conditions.remove("Ready");
    conditions.set(set, now);
}
