//! Certificates: what `decide` says is done, until there is nothing to do.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{Action, Controller};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::decide::{self, Act, Step};
use super::issuance::KeySource;
use super::view::{self, View};
use super::{Context, Trouble, clock_steps, names, secret};
use crate::api::cert_manager::{
    CERTIFICATE_NAME, CERTIFICATE_REVISION, Certificate, CertificateRequest,
};
use crate::api::go_duration::GoDuration;
use crate::api::meta;
use crate::core::time::Time;
use crate::embedded::repeatable::{self, SteadyPause};
use crate::pki::{Encoding, PrivateKey};

/// On a request: the Secret with the key that it was made with.
pub(super) const PRIVATE_KEY_SECRET: &str = "cert-manager.io/private-key-secret-name";
/// Far more steps than an issuance has.
const MOST_STEPS: usize = 50;

/// What the reconciler needs.
struct Certificates {
    context: Arc<Context>,
    /// All Certificates, for finding out which of them name one Secret.
    all: Store<Certificate>,
}

/// Keeps every Certificate issued.
pub(super) async fn run(context: Arc<Context>) {
    let client = context.access.client();
    let watched = watcher::Config::default();
    let controller = Controller::new(Api::<Certificate>::all(client.clone()), watched.clone());
    let all = controller.store();
    let steps = clock_steps::stream(Arc::clone(&context.clock));
    let certificates = Arc::new(Certificates { context, all: all.clone() });
    let requests: Api<CertificateRequest> = Api::all(client.clone());
    let secrets: Api<PartialObjectMeta<Secret>> = Api::all(client);
    controller
        .owns(requests, watched.clone())
        .watches(secrets, watched, move |secret| stored_in(&all, &secret.metadata))
        .reconcile_all_on(steps)
        .with_config(repeatable::config())
        .trigger_backoff(SteadyPause)
        .run(reconcile, |it, trouble, _| trouble.retry(&it.metadata), certificates)
        .for_each(async |_| {})
        .await;
}

/// The Certificates that name this Secret, in the order of their names.
fn stored_in(all: &Store<Certificate>, secret: &ObjectMeta) -> Vec<ObjectRef<Certificate>> {
    let name = secret.name.as_deref().unwrap_or_default();
    let mut refs: Vec<_> = sharing(all, secret.namespace.as_deref(), name)
        .map(|certificate| ObjectRef::from_obj(&*certificate))
        .collect();
    refs.sort_by(|one, other| one.name.cmp(&other.name));
    refs
}

fn sharing(
    all: &Store<Certificate>,
    namespace: Option<&str>,
    secret: &str,
) -> impl Iterator<Item = Arc<Certificate>> {
    all.state().into_iter().filter(move |certificate| {
        certificate.metadata.namespace.as_deref() == namespace
            && certificate.spec.secret_name.as_deref() == Some(secret)
    })
}

async fn reconcile(
    certificate: Arc<Certificate>,
    certificates: Arc<Certificates>,
) -> Result<Action, Trouble> {
    let meta = &certificate.metadata;
    let (namespace, name) = (meta.namespace.as_deref(), meta.name.as_deref());
    // After a step of the clock all are looked at, in the order of the store's hashes.
    let place = certificates.place(namespace.unwrap_or_default(), name.unwrap_or_default());
    sleep(Duration::from_millis(u64::try_from(place).unwrap_or(0))).await;
    certificates
        .settle(namespace.unwrap_or_default(), name.unwrap_or_default())
        .await
        .inspect_err(|trouble| trouble.log("Certificate", namespace, name))
}

impl Certificates {
    /// Goes on until there is nothing to do, and says when to look again.
    async fn settle(&self, namespace: &str, name: &str) -> Result<Action, Trouble> {
        for _ in 0..MOST_STEPS {
            let Some(view) = self.look(namespace, name).await? else {
                return Ok(Action::await_change());
            };
            let now = self.context.clock.now();
            match decide::next(&view, now) {
                Step::Act(act) => self.act(namespace, &view, act).await?,
                Step::Rest(None) => return Ok(Action::await_change()),
                Step::Rest(Some(until)) => {
                    return Ok(wake(now, until, self.place(namespace, name)));
                }
            }
        }
        Err(Trouble::Restless(MOST_STEPS))
    }

    /// Reads all that is known of a Certificate now.
    async fn look(&self, namespace: &str, name: &str) -> Result<Option<View>, Trouble> {
        let access = &self.context.access;
        let Some(raw) = access.find::<Certificate>(namespace, name).await? else {
            return Ok(None);
        };
        let certificate: Certificate = typed(&raw);
        let uid = certificate.metadata.uid.as_deref().unwrap_or_default();
        let stored = self.find_secret(namespace, certificate.spec.secret_name.as_deref()).await?;
        let status = &certificate.status;
        let next_key =
            self.find_secret(namespace, status.next_private_key_secret_name.as_deref()).await?;
        let current = match status.revision {
            Some(revision) => self.find_request(namespace, name, revision).await?,
            None => None,
        };
        let next_revision = view::next_revision(&certificate);
        let next = self.find_request(namespace, name, next_revision).await?;
        let kept = next_revision - i64::from(next.is_none()) - view::history_limit(&certificate);
        let has_old_requests =
            kept > 0 && self.find_request(namespace, name, kept).await?.is_some();
        Ok(Some(View {
            rival: self.rival(namespace, &certificate, stored.as_ref()),
            secret: stored,
            current: current.filter(|request| meta::is_owned_by(&request.metadata, uid)),
            next,
            next_key,
            has_old_requests,
            default_algorithm: self.context.settings.default_algorithm,
            certificate,
            raw,
        }))
    }

    async fn find_secret(
        &self,
        namespace: &str,
        name: Option<&str>,
    ) -> Result<Option<secret::StoredSecret>, Trouble> {
        match name {
            Some(name) => Ok(self.context.access.find_secret(namespace, name).await?),
            None => Ok(None),
        }
    }

    async fn find_request(
        &self,
        namespace: &str,
        certificate: &str,
        revision: i64,
    ) -> Result<Option<CertificateRequest>, Trouble> {
        let name = names::request(certificate, revision);
        let found = self.context.access.find::<CertificateRequest>(namespace, &name).await?;
        Ok(found.as_ref().map(typed))
    }

    /// The Certificate that owns the Secret of this one, if that is another.
    fn rival(
        &self,
        namespace: &str,
        certificate: &Certificate,
        secret: Option<&secret::StoredSecret>,
    ) -> Option<String> {
        let name = certificate.metadata.name.as_deref()?;
        let stored_in = certificate.spec.secret_name.as_deref()?;
        let rivals: Vec<_> = sharing(&self.all, Some(namespace), stored_in).collect();
        let others = rivals.iter().filter(|rival| rival.metadata.uid != certificate.metadata.uid);
        let all = others.map(|rival| &**rival).chain([certificate]);
        let named = secret.and_then(|secret| secret.annotations.get(CERTIFICATE_NAME));
        let owner = view::owner_of_secret(all, named.map(String::as_str))?;
        (owner != name).then(|| owner.to_owned())
    }

    /// Where a Certificate stands among all of them, by name.
    fn place(&self, namespace: &str, name: &str) -> usize {
        let before = |it: &Arc<Certificate>| {
            let meta = &it.metadata;
            (meta.namespace.as_deref(), meta.name.as_deref()) < (Some(namespace), Some(name))
        };
        self.all.state().iter().filter(|it| before(it)).count()
    }

    /// Does one thing.
    async fn act(&self, namespace: &str, view: &View, act: Act) -> Result<(), Trouble> {
        let (access, name) = (&self.context.access, view.name());
        match act {
            Act::Status(change) => {
                say(namespace, view, &change);
                access.merge_status::<Certificate>(namespace, name, &change).await?;
            }
            Act::MakeKey(source) => self.make_key(namespace, view, &source).await?,
            Act::DropKey => {
                if let Some((name, secret)) = next_key_name(view).zip(view.own_next_key()) {
                    access.delete::<Secret>(namespace, name, &secret.uid).await?;
                }
            }
            Act::Ask { request } => {
                let request = ask(view, &request);
                access.create::<CertificateRequest>(namespace, request).await?;
            }
            Act::DropRequest => {
                if let Some(uid) = view.next.as_ref().and_then(|it| it.metadata.uid.as_deref()) {
                    let name = view.next_request_name();
                    access.delete::<CertificateRequest>(namespace, &name, uid).await?;
                }
            }
            Act::DropOldRequests => self.drop_old_requests(namespace, view).await?,
            Act::Store(content) => {
                let name = view.secret_name();
                let secret = content.secret(name, view.secret.as_ref());
                access.apply::<Secret>(namespace, name, &secret).await?;
            }
            Act::InTheWay => return Err(Trouble::InTheWay),
        }
        Ok(())
    }

    async fn make_key(
        &self,
        namespace: &str,
        view: &View,
        source: &KeySource,
    ) -> Result<(), Trouble> {
        let key = match source {
            KeySource::New(algorithm) => {
                PrivateKey::generate(*algorithm, &self.context.settings.entropy)?
            }
            KeySource::Kept => match view.key() {
                Some(Ok(key)) => key,
                // It was there when it was decided to keep it.
                Some(Err(_)) | None => return Ok(()),
            },
        };
        let name = next_key_name(view).unwrap_or_default();
        let secret = secret::next_key(&view.certificate, name, &key.to_pem(Encoding::Pkcs8));
        Ok(self.context.access.create::<Secret>(namespace, secret).await?)
    }

    /// Deletes requests beyond the limit, the oldest first, so that the newest of them goes on
    /// saying that there are some.
    async fn drop_old_requests(&self, namespace: &str, view: &View) -> Result<(), Trouble> {
        let access = &self.context.access;
        let all: Vec<CertificateRequest> = access.list(namespace).await?;
        let ours = all.iter().filter(|it| meta::is_owned_by(&it.metadata, view.uid()));
        let mut ours: Vec<_> = ours.filter_map(|it| Some((it.revision()?, &it.metadata))).collect();
        ours.sort_unstable_by_key(|(revision, _)| *revision);
        let limit = usize::try_from(view::history_limit(&view.certificate)).unwrap_or(usize::MAX);
        let surplus = ours.len().saturating_sub(limit);
        for (_, meta) in ours.into_iter().take(surplus) {
            let (name, uid) = (meta.name.as_deref(), meta.uid.as_deref());
            let (name, uid) = (name.unwrap_or_default(), uid.unwrap_or_default());
            access.delete::<CertificateRequest>(namespace, name, uid).await?;
        }
        Ok(())
    }
}

fn next_key_name(view: &View) -> Option<&str> {
    view.certificate.status.next_private_key_secret_name.as_deref()
}

/// The request for the next revision.
fn ask(view: &View, pem: &str) -> Value {
    let meta = &view.certificate.metadata;
    let mut annotations = secret::passed_on(meta.annotations.as_ref());
    let own = [
        (CERTIFICATE_NAME, view.name().to_owned()),
        (CERTIFICATE_REVISION, view.next_revision().to_string()),
        (PRIVATE_KEY_SECRET, next_key_name(view).unwrap_or_default().to_owned()),
    ];
    annotations.extend(own.map(|(key, value)| (key.to_owned(), json!(value))));
    let asked = &view.raw["spec"];
    let mut spec = json!({
        "issuerRef": asked["issuerRef"],
        "request": secret::bytes(pem.as_bytes()),
    });
    if view.certificate.spec.is_ca {
        spec["isCA"] = json!(true);
    }
    if !asked["usages"].is_null() {
        spec["usages"] = asked["usages"].clone();
    }
    let duration = view.certificate.spec.duration.as_ref().and_then(GoDuration::span);
    if let Some(duration) = duration {
        // As Go writes it, whoever wrote it before.
        spec["duration"] = json!(GoDuration::from(duration));
    }
    let mut metadata = json!({
        "name": view.next_request_name(),
        "annotations": annotations,
        "ownerReferences": [names::owner(&view.certificate)],
    });
    if let Some(labels) = &meta.labels {
        metadata["labels"] = json!(labels);
    }
    json!({"metadata": metadata, "spec": spec})
}

/// When to look again. Whole seconds on both sides: at that time the clock shows `until`. Those that
/// are due at the same time come one after the other, a millisecond apart.
fn wake(now: Time, until: Time, place: usize) -> Action {
    let apart = u64::try_from(place % 500).unwrap_or(0);
    let wait = until.since(now).to_std().max(Duration::from_secs(1));
    Action::requeue(wait + Duration::from_millis(apart))
}

/// One line for each change of state.
fn say(namespace: &str, view: &View, change: &Value) {
    let name = view.name();
    let revision = &change["status"]["revision"];
    if revision.is_i64() {
        tracing::info!(namespace, certificate = name, %revision, "issued");
        return;
    }
    let conditions = change["status"]["conditions"].as_array();
    let issuing = conditions.and_then(|all| all.iter().find(|it| it["type"] == "Issuing"));
    if let Some(issuing) = issuing {
        let text = |field: &str| issuing[field].as_str().unwrap_or_default();
        let (status, reason, why) = (text("status"), text("reason"), text("message"));
        tracing::info!(namespace, certificate = name, issuing = status, reason, why);
    }
}

/// The typed form, which reads whatever there is.
pub(super) fn typed<K: serde::de::DeserializeOwned + Default>(raw: &Value) -> K {
    serde_json::from_value(raw.clone()).unwrap_or_default()
}
