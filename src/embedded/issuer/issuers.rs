//! Issuers and `ClusterIssuers`: whether they can sign.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{Action, Controller};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::certificates::typed;
use super::secret::StoredSecret;
use super::status::Status;
use super::{Context, Settings, Trouble};
use crate::api::cert_manager::{ClusterIssuer, Issuer, IssuerSpec, IssuerStatus};
use crate::embedded::repeatable::{self, SteadyPause};
use crate::pki::{Authority, NotAnAuthority};

/// What the two kinds have in common.
pub(super) trait Signer:
    Resource<DynamicType = ()> + Clone + Debug + Default + DeserializeOwned + Send + Sync + 'static
{
    /// How it signs.
    fn spec(&self) -> &IssuerSpec;
    /// Whether it can.
    fn status(&self) -> &IssuerStatus;
    /// Where its Secret is.
    fn secret_namespace(&self, settings: &Settings) -> String;
}

impl Signer for Issuer {
    fn spec(&self) -> &IssuerSpec {
        &self.spec
    }

    fn status(&self) -> &IssuerStatus {
        &self.status
    }

    fn secret_namespace(&self, _: &Settings) -> String {
        self.metadata.namespace.clone().unwrap_or_default()
    }
}

impl Signer for ClusterIssuer {
    fn spec(&self) -> &IssuerSpec {
        &self.spec
    }

    fn status(&self) -> &IssuerStatus {
        &self.status
    }

    fn secret_namespace(&self, settings: &Settings) -> String {
        settings.cluster_resource_namespace.clone()
    }
}

/// Keeps the status of every Issuer.
pub(super) async fn run(context: Arc<Context>) {
    let api = Api::all(context.access.client());
    keep::<Issuer>(context, api).await;
}

/// Keeps the status of every `ClusterIssuer`.
pub(super) async fn run_cluster(context: Arc<Context>) {
    let api = Api::all(context.access.client());
    keep::<ClusterIssuer>(context, api).await;
}

async fn keep<K: Signer>(context: Arc<Context>, api: Api<K>)
where
    K::DynamicType: Eq + Hash,
{
    let watched = watcher::Config::default();
    let secrets: Api<PartialObjectMeta<Secret>> = Api::all(context.access.client());
    let controller = Controller::new(api, watched.clone());
    let (all, settings) = (controller.store(), context.settings.clone());
    controller
        .watches(secrets, watched, move |secret| signing_with(&all, &settings, &secret.metadata))
        .with_config(repeatable::config())
        .trigger_backoff(SteadyPause)
        .run(reconcile::<K>, |it, trouble, _| trouble.retry(it.meta()), context)
        .for_each(async |_| {})
        .await;
}

/// The issuers whose key is in this Secret, in the order of their names.
fn signing_with<K: Signer>(
    all: &Store<K>,
    settings: &Settings,
    secret: &ObjectMeta,
) -> Vec<ObjectRef<K>> {
    let name = secret.name.as_deref().unwrap_or_default();
    let namespace = secret.namespace.as_deref().unwrap_or_default();
    let mut refs: Vec<_> = all
        .state()
        .iter()
        .filter(|issuer| {
            matches!(issuer.spec(), IssuerSpec::Ca { secret_name } if secret_name == name)
                && issuer.secret_namespace(settings) == namespace
        })
        .map(|issuer| ObjectRef::from_obj(&**issuer))
        .collect();
    refs.sort_by(|one, other| one.name.cmp(&other.name));
    refs
}

async fn reconcile<K: Signer>(issuer: Arc<K>, context: Arc<Context>) -> Result<Action, Trouble> {
    let meta = issuer.meta();
    let (namespace, name) = (meta.namespace.as_deref(), meta.name.as_deref());
    let done = context
        .judge::<K>(namespace.unwrap_or_default(), name.unwrap_or_default())
        .await
        .inspect_err(|trouble| trouble.log(&K::kind(&()), namespace, name));
    done.map(|()| Action::await_change())
}

impl Context {
    async fn judge<K: Signer>(&self, namespace: &str, name: &str) -> Result<(), Trouble> {
        let Some(raw) = self.access.find::<K>(namespace, name).await? else {
            return Ok(());
        };
        let issuer: K = typed(&raw);
        if crate::api::meta::is_deleting(issuer.meta()) {
            return Ok(());
        }
        let secrets = issuer.secret_namespace(&self.settings);
        let stored = match issuer.spec() {
            IssuerSpec::Ca { secret_name } => {
                self.access.find_secret(&secrets, secret_name).await?
            }
            IssuerSpec::SelfSigned
            | IssuerSpec::Acme
            | IssuerSpec::Vault
            | IssuerSpec::Venafi
            | IssuerSpec::Unknown => None,
        };
        let Verdict { holds, reason, message } =
            verdict(&raw["spec"], issuer.spec(), stored.as_ref());
        let mut status = Status::of(&raw, self.clock.now());
        status.condition("Ready", holds, reason, &message);
        if let Some(change) = status.patch() {
            tracing::info!(kind = %K::kind(&()), namespace, name, ready = holds, reason, why = message);
            self.access.merge_status::<K>(namespace, name, &change).await?;
        }
        Ok(())
    }
}

/// What the condition `Ready` of an issuer says.
struct Verdict {
    holds: bool,
    reason: &'static str,
    message: String,
}

fn verdict(raw: &Value, spec: &IssuerSpec, stored: Option<&StoredSecret>) -> Verdict {
    let not = |reason, message: String| Verdict { holds: false, reason, message };
    let unsupported = |what: &str| {
        not(
            "ErrInitIssuer",
            format!("Error initializing issuer: {what} not supported here; ca and selfSigned are"),
        )
    };
    let extras = [
        "/ca/crlDistributionPoints",
        "/ca/ocspServers",
        "/ca/issuingCertificateURLs",
        "/selfSigned/crlDistributionPoints",
    ];
    let extra = extras.into_iter().find(|pointer| {
        raw.pointer(pointer).and_then(Value::as_array).is_some_and(|list| !list.is_empty())
    });
    if let Some(extra) = extra {
        return unsupported(&format!("spec{} is", extra.replace('/', ".")));
    }
    match spec {
        IssuerSpec::SelfSigned => {
            Verdict { holds: true, reason: "IsReady", message: String::new() }
        }
        IssuerSpec::Ca { secret_name } => {
            let problem = |why: &str| format!("Error getting keypair for CA issuer: {why}");
            let Some(stored) = stored else {
                let why = format!("secret {secret_name:?} not found");
                return not("ErrGetKeyPair", problem(&why));
            };
            match authority(stored) {
                Ok(_) => Verdict {
                    holds: true,
                    reason: "KeyPairVerified",
                    message: "Signing CA verified".to_owned(),
                },
                Err(why @ (NotAnAuthority::NotCa | NotAnAuthority::KeyOfAnother)) => {
                    not("ErrInvalidKeyPair", problem(&why.to_string()))
                }
                Err(why) => not("ErrGetKeyPair", problem(&why.to_string())),
            }
        }
        IssuerSpec::Acme => unsupported("ACME issuers are"),
        IssuerSpec::Vault => unsupported("Vault issuers are"),
        IssuerSpec::Venafi => unsupported("Venafi issuers are"),
        IssuerSpec::Unknown => unsupported("issuers of this kind are"),
    }
}

/// The authority in a CA Secret.
pub(super) fn authority(stored: &StoredSecret) -> Result<Authority, NotAnAuthority> {
    let ca = (!stored.ca.is_empty()).then_some(&*stored.ca);
    Authority::from_pem(&stored.certificate, &stored.key, ca)
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn kinds_that_cannot_sign_here_say_so() {
        for (spec, holds, reason, message) in [
            (json!({"selfSigned": {}}), true, "IsReady", ""),
            (
                json!({"acme": {"server": "https://a"}}),
                false,
                "ErrInitIssuer",
                "Error initializing issuer: ACME issuers are not supported here; ca and selfSigned are",
            ),
            (
                json!({"ca": {"secretName": "root", "ocspServers": ["http://a"]}}),
                false,
                "ErrInitIssuer",
                "Error initializing issuer: spec.ca.ocspServers is not supported here; ca and \
                 selfSigned are",
            ),
            (
                json!({"ca": {"secretName": "root"}}),
                false,
                "ErrGetKeyPair",
                "Error getting keypair for CA issuer: secret \"root\" not found",
            ),
        ] {
            let read: IssuerSpec = from_value(spec.clone()).unwrap();
            let verdict = verdict(&spec, &read, None);
            let said = (verdict.holds, verdict.reason, verdict.message.as_str());
            assert_eq!(said, (holds, reason, message));
        }
    }
}
