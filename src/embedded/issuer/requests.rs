//! Requests: each is approved, and signed by the issuer that it names.

use std::sync::Arc;

use futures::StreamExt as _;
use kube::Api;
use kube::runtime::controller::{Action, Controller};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;

use super::certificates::{PRIVATE_KEY_SECRET, typed};
use super::issuers::{self, Signer};
use super::status::Status;
use super::{Context, Trouble, secret};
use crate::api::cert_manager::{CertificateRequest, ClusterIssuer, Issuer, IssuerSpec};
use crate::api::meta;
use crate::api::tls::{ISSUER_GROUP, IssuerRef};
use crate::core::time::{Span, Time};
use crate::embedded::repeatable::{self, SteadyPause};
use crate::pki::{Authority, Issued, Lifetime, PrivateKey, SigningRequest, Usage, self_sign};

/// How long a certificate lives that does not say so.
const LIFETIME: Span = Span::days(90);

/// Approves and signs every request to an issuer of ours.
pub(super) async fn run(context: Arc<Context>) {
    let client = context.access.client();
    let watched = watcher::Config::default();
    let requests = Api::<CertificateRequest>::all(client.clone());
    let controller = Controller::new(requests, watched.clone());
    let (of_issuer, of_cluster_issuer) = (controller.store(), controller.store());
    controller
        .watches(Api::<Issuer>::all(client.clone()), watched.clone(), move |issuer| {
            waiting_for(&of_issuer, &issuer)
        })
        .watches(Api::<ClusterIssuer>::all(client), watched, move |issuer| {
            waiting_for(&of_cluster_issuer, &issuer)
        })
        .with_config(repeatable::config())
        .trigger_backoff(SteadyPause)
        .run(reconcile, |it, trouble, _| trouble.retry(&it.metadata), context)
        .for_each(async |_| {})
        .await;
}

/// The requests that name this issuer and have not been signed, in the order of their names.
fn waiting_for<K: Signer>(
    all: &Store<CertificateRequest>,
    issuer: &K,
) -> Vec<ObjectRef<CertificateRequest>> {
    let (kind, meta) = (K::kind(&()), issuer.meta());
    let mut refs: Vec<_> = all
        .state()
        .iter()
        .filter(|request| {
            let named = request.spec.issuer_ref.as_ref();
            named.is_some_and(|named| {
                named.kind == kind
                    && Some(&named.name) == meta.name.as_ref()
                    && (meta.namespace.is_none() || meta.namespace == request.metadata.namespace)
            }) && !request.is_ready()
        })
        .map(|request| ObjectRef::from_obj(&**request))
        .collect();
    refs.sort_by(|one, other| (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name)));
    refs
}

async fn reconcile(
    request: Arc<CertificateRequest>,
    context: Arc<Context>,
) -> Result<Action, Trouble> {
    let meta = &request.metadata;
    let (namespace, name) = (meta.namespace.as_deref(), meta.name.as_deref());
    let done = context
        .serve(namespace.unwrap_or_default(), name.unwrap_or_default())
        .await
        .inspect_err(|trouble| trouble.log("CertificateRequest", namespace, name));
    done.map(|()| Action::await_change())
}

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    /// For nothing, or for somebody else.
    Not,
    /// To be told that it was denied.
    ToBeDenied,
    /// To be approved.
    ForApproval,
    /// To be signed.
    ForSignature,
}

impl Waits {
    fn of(request: &CertificateRequest) -> Self {
        let conditions = &request.status.conditions;
        let ready = meta::condition(conditions, "Ready").map(|ready| ready.reason.as_str());
        let issuer = request.spec.issuer_ref.as_ref();
        let ours = issuer.is_some_and(|issuer| issuer.group == ISSUER_GROUP);
        let judged = ["Approved", "Denied"].iter().any(|kind| meta::holds(conditions, kind));
        let ended = matches!(ready, Some("Failed" | "Issued"));
        if meta::is_deleting(&request.metadata) {
            Self::Not
        } else if !judged && !ended {
            // Whoever is to sign it: a request to another program's issuer too.
            Self::ForApproval
        } else if !ours {
            Self::Not
        } else if meta::holds(conditions, "Denied") {
            if ready == Some("Denied") { Self::Not } else { Self::ToBeDenied }
        } else if ended || meta::holds(conditions, "InvalidRequest") {
            Self::Not
        } else {
            Self::ForSignature
        }
    }
}

/// What comes of asking the issuer.
enum Answer {
    Issued(Issued),
    Pending(String),
    Failed(String),
}

impl Context {
    /// Does what a request waits for, one write at a time.
    async fn serve(&self, namespace: &str, name: &str) -> Result<(), Trouble> {
        loop {
            let Some(raw) = self.access.find::<CertificateRequest>(namespace, name).await? else {
                return Ok(());
            };
            let request: CertificateRequest = typed(&raw);
            let now = self.clock.now();
            let mut status = Status::of_request(&raw, now);
            match Waits::of(&request) {
                Waits::Not => return Ok(()),
                Waits::ToBeDenied => {
                    let message = "The CertificateRequest was denied by an approval controller";
                    status.condition("Ready", false, "Denied", message);
                    status.set("failureTime", Some(request.status.failure_time.unwrap_or(now)));
                }
                Waits::ForApproval => {
                    let message = "Certificate request has been approved by cert-manager.io";
                    status.condition("Approved", true, "cert-manager.io", message);
                }
                Waits::ForSignature => match self.answer(namespace, &request, now).await? {
                    Answer::Issued(Issued { certificate, ca }) => {
                        let message = "Certificate fetched from issuer successfully";
                        status.condition("Ready", true, "Issued", message);
                        status.set("certificate", Some(secret::bytes(certificate.as_bytes())));
                        status.set("ca", Some(secret::bytes(ca.as_bytes())));
                    }
                    Answer::Pending(message) => {
                        status.condition("Ready", false, "Pending", &message);
                    }
                    Answer::Failed(message) => {
                        status.condition("Ready", false, "Failed", &message);
                        status.set("failureTime", Some(request.status.failure_time.unwrap_or(now)));
                    }
                },
            }
            let Some(change) = status.patch() else {
                return Ok(());
            };
            self.access.merge_status::<CertificateRequest>(namespace, name, &change).await?;
        }
    }

    async fn answer(
        &self,
        namespace: &str,
        request: &CertificateRequest,
        now: Time,
    ) -> Result<Answer, Trouble> {
        let Some(named) = &request.spec.issuer_ref else {
            return Ok(Answer::Pending("no issuer is named".to_owned()));
        };
        match named.kind.as_str() {
            "Issuer" => self.ask::<Issuer>(namespace, named, namespace, request, now).await,
            "ClusterIssuer" => self.ask::<ClusterIssuer>("", named, namespace, request, now).await,
            other => Ok(Answer::Pending(format!(
                "invalid value {other:?} for issuerRef.kind. Must be empty, \"Issuer\" or \
                 \"ClusterIssuer\""
            ))),
        }
    }

    /// Asks an issuer that lives in `home`.
    async fn ask<K: Signer>(
        &self,
        home: &str,
        named: &IssuerRef,
        namespace: &str,
        request: &CertificateRequest,
        now: Time,
    ) -> Result<Answer, Trouble> {
        let Some(raw) = self.access.find::<K>(home, &named.name).await? else {
            let kind = K::kind(&());
            let resource = kind.to_lowercase();
            return Ok(Answer::Pending(format!(
                "Referenced {kind:?} not found: {resource}.cert-manager.io {:?} not found",
                named.name
            )));
        };
        let issuer: K = typed(&raw);
        if issuer.status().ready() != Some(true) {
            let message = "Referenced issuer does not have a Ready status condition";
            return Ok(Answer::Pending(message.to_owned()));
        }
        let secrets = issuer.secret_namespace(&self.settings);
        let signed = match issuer.spec() {
            IssuerSpec::Ca { secret_name } => {
                let stored = self.access.find_secret(&secrets, secret_name).await?;
                let Some(stored) = stored else {
                    return Ok(Answer::Pending(format!(
                        "Referenced secret {secrets}/{secret_name} not found: secret \
                         {secret_name:?} not found"
                    )));
                };
                match issuers::authority(&stored) {
                    Ok(authority) => self.sign_with(&authority, request, now),
                    Err(problem) => {
                        return Ok(Answer::Pending(format!(
                            "Failed to parse signing CA keypair from secret \
                             {secrets}/{secret_name}: {problem}"
                        )));
                    }
                }
            }
            IssuerSpec::SelfSigned => return self.self_sign(namespace, request, now).await,
            IssuerSpec::Acme | IssuerSpec::Vault | IssuerSpec::Venafi | IssuerSpec::Unknown => {
                return Ok(Answer::Pending("Missing issuer type".to_owned()));
            }
        };
        Ok(signed)
    }

    fn sign_with(&self, authority: &Authority, request: &CertificateRequest, now: Time) -> Answer {
        let signed = Terms::of(request, now).and_then(|terms| {
            let Terms { asked, usages, lifetime } = terms;
            authority
                .sign(&asked, &usages, request.spec.is_ca, lifetime, &self.settings.entropy)
                .map_err(|refused| format!("Error signing certificate: {refused}"))
        });
        signed.map_or_else(Answer::Failed, Answer::Issued)
    }

    async fn self_sign(
        &self,
        namespace: &str,
        request: &CertificateRequest,
        now: Time,
    ) -> Result<Answer, Trouble> {
        let named = meta::annotation(&request.metadata, PRIVATE_KEY_SECRET);
        let Some(named) = named.filter(|named| !named.is_empty()) else {
            return Ok(Answer::Failed(format!(
                "Annotation {PRIVATE_KEY_SECRET:?} missing or reference empty: secret name missing"
            )));
        };
        let Some(stored) = self.access.find_secret(namespace, named).await? else {
            return Ok(Answer::Pending(format!(
                "Referenced secret {namespace}/{named} not found: secret {named:?} not found"
            )));
        };
        let key = match PrivateKey::from_pem(&stored.key) {
            Ok(key) => key,
            Err(problem) => {
                return Ok(Answer::Pending(format!(
                    "Failed to get key {named:?} referenced in annotation \
                     {PRIVATE_KEY_SECRET:?}: {problem}"
                )));
            }
        };
        let signed = Terms::of(request, now).and_then(|terms| {
            let (is_ca, entropy) = (request.spec.is_ca, &self.settings.entropy);
            self_sign(&terms.asked, &key, &terms.usages, is_ca, terms.lifetime, entropy)
                .map_err(|refused| format!("Error signing certificate: {refused}"))
        });
        Ok(signed.map_or_else(Answer::Failed, Answer::Issued))
    }
}

/// What a request is signed under.
struct Terms {
    asked: SigningRequest,
    usages: std::collections::BTreeSet<Usage>,
    lifetime: Lifetime,
}

impl Terms {
    fn of(request: &CertificateRequest, now: Time) -> Result<Self, String> {
        let wrong = |why: String| format!("Error generating certificate template: {why}");
        let spec = &request.spec;
        let pem = spec.request.as_deref().unwrap_or_default();
        let asked = SigningRequest::from_pem(pem).map_err(|problem| wrong(problem.to_string()))?;
        let usages = Usage::read_all(&spec.usages, spec.is_ca)
            .map_err(|refused| wrong(refused.to_string()))?;
        let duration = match &spec.duration {
            None => LIFETIME,
            Some(said) => said.span().filter(|span| *span > Span::ZERO).ok_or_else(|| {
                wrong("spec.duration is no duration such as 2160h0m0s".to_owned())
            })?,
        };
        Ok(Self { asked, usages, lifetime: Lifetime::of(now, duration) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn what_a_request_waits_for() {
        let condition = |kind: &str, status: &str, reason: &str| json!({"type": kind, "status": status, "reason": reason});
        let approved = condition("Approved", "True", "cert-manager.io");
        for (conditions, waits) in [
            (json!([]), Waits::ForApproval),
            (json!([approved]), Waits::ForSignature),
            (json!([approved, condition("Ready", "False", "Pending")]), Waits::ForSignature),
            (json!([approved, condition("Ready", "True", "Issued")]), Waits::Not),
            (json!([condition("Ready", "True", "Issued")]), Waits::Not),
            (json!([approved, condition("Ready", "False", "Failed")]), Waits::Not),
            (json!([condition("Denied", "True", "policy")]), Waits::ToBeDenied),
            (json!([approved, condition("Denied", "True", "policy")]), Waits::ToBeDenied),
            (
                json!([condition("Denied", "True", "p"), condition("Ready", "False", "Denied")]),
                Waits::Not,
            ),
            (json!([approved, condition("InvalidRequest", "True", "bad")]), Waits::Not),
        ] {
            let request = json!({"spec": {"issuerRef": {"name": "ca"}},
                "status": {"conditions": conditions}});
            assert_eq!(Waits::of(&from_value(request).unwrap()), waits, "{conditions}");
        }
        let mut foreign = json!({"spec": {"issuerRef": {"name": "a", "group": "awspca"}}});
        assert_eq!(Waits::of(&from_value(foreign.clone()).unwrap()), Waits::ForApproval);
        foreign["status"]["conditions"] = json!([approved]);
        assert_eq!(Waits::of(&from_value(foreign).unwrap()), Waits::Not);
    }
}
