//! Carrying a write out.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::Eviction;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, ObjectMeta, Preconditions};
use kube::api::PostParams;
use kube::core::Status;
use serde_json::{Map, json};

use super::decide::Write;
use super::decide::notes::Note;
use super::decide::seen::{Request, Seen};
use super::facts::{self, PAUSED};
use super::look::Looked;
use super::swap::{Conditions, Done, Set, Target};
use super::{FIELD_MANAGER, Hand, Issuing, fixed};
use crate::api::resources::{CERTIFICATE, OPS_REQUEST};
use crate::cluster::client::ApiFailure;
use crate::core::fleet::RequestPhase;

/// The condition by which cert-manager is asked for a new certificate.
const ISSUING: &str = "Issuing";

impl Hand {
    /// Carries a write out, if what it was decided on still holds.
    pub(super) async fn act(&self, looked: &Looked, write: &Write) -> Result<Done, ApiFailure> {
        let seen = &looked.seen;
        match write {
            Write::Request { phase, notes, .. } => self.note(&seen.request, *phase, notes).await,
            Write::Pause => self.pause(seen).await,
            Write::Resume | Write::LetGo => self.resume(seen).await,
            Write::Create(certificate) => self.create(looked, certificate).await,
            Write::Change(certificate) => self.change(looked, certificate).await,
            Write::Stage => self.stage(looked).await,
            Write::Publish => self.publish(looked).await,
            Write::Trust(secret) => self.trust(looked, secret).await,
            Write::Update => self.update(looked).await,
            Write::Delete(leftover) => self.delete(&seen.request, leftover).await,
            Write::Reload(pod) => self.reload(looked, pod).await,
            Write::SwitchPrimary { from, to } => self.switch_primary(looked, from, to).await,
            Write::Issue(certificate) if self.issuing == Issuing::Own => {
                self.issue_itself(looked, certificate).await
            }
            Write::Issue(certificate) => self.issue(looked, certificate).await,
            Write::Evict { pod, uid } => self.evict(&seen.request, pod, uid).await,
        }
    }

    pub(super) async fn note(
        &self,
        request: &Request,
        phase: Option<RequestPhase>,
        notes: &[Note],
    ) -> Result<Done, ApiFailure> {
        let resource = fixed(&OPS_REQUEST);
        let target = Target {
            resource: &resource,
            namespace: &request.namespace,
            name: &request.name,
            resource_version: &request.resource_version,
        };
        let mut rest = Map::new();
        if let Some(phase) = phase {
            rest.insert("phase".to_owned(), json!(facts::phase_word(phase)));
        }
        if phase.is_some_and(|phase| phase != RequestPhase::Pending) {
            rest.insert("observedGeneration".to_owned(), json!(request.generation));
        }
        let now = self.clock.now();
        let edit = |conditions: &mut Conditions| {
            for Note { kind, status, reason, message } in notes {
                conditions.set(Set { kind, status: status.as_str(), reason, message }, now);
            }
        };
        self.swap(target, rest, edit).await
    }

    async fn pause(&self, seen: &Seen) -> Result<Done, ApiFailure> {
        let Some(target) = self.database(seen) else { return Ok(Done::Overtaken) };
        let message = facts::pause_message(&seen.request);
        let set = Set { kind: PAUSED, status: "True", reason: PAUSED, message: &message };
        let now = self.clock.now();
        self.swap(target, Map::new(), |conditions| conditions.set(set, now)).await
    }

    async fn resume(&self, seen: &Seen) -> Result<Done, ApiFailure> {
        let Some(target) = self.database(seen) else { return Ok(Done::Overtaken) };
        self.unpause(target).await
    }

    /// Takes the pause away from a MySQL.
    pub(super) async fn unpause(&self, target: Target<'_>) -> Result<Done, ApiFailure> {
        self.swap(target, Map::new(), |conditions| conditions.remove(PAUSED)).await
    }

    pub(super) fn database<'a>(&'a self, seen: &'a Seen) -> Option<Target<'a>> {
        Some(Target {
            resource: &self.mysql,
            namespace: &seen.request.namespace,
            name: &seen.request.database,
            resource_version: &seen.database.as_ref()?.resource_version,
        })
    }

    /// As `cmctl renew` does it.
    async fn issue(&self, looked: &Looked, certificate: &str) -> Result<Done, ApiFailure> {
        let seen = &looked.seen;
        let Some(resource_version) = looked.certificate_version(certificate) else {
            return Ok(Done::Overtaken);
        };
        let resource = fixed(&CERTIFICATE);
        let target = Target {
            resource: &resource,
            namespace: &seen.request.namespace,
            name: certificate,
            resource_version,
        };
        let message = format!("Asked for by MySQLOpsRequest {}", seen.request.path());
        let reason = "ReconfigureTLS";
        let set = Set { kind: ISSUING, status: "True", reason, message: &message };
        let now = self.clock.now();
        self.swap(target, Map::new(), |conditions| conditions.set(set, now)).await
    }

    /// Evicts a pod, if it still has that uid.
    ///
    /// kube's own `evict` names the field `delete_options`, which an apiserver does not know: the
    /// precondition would be lost without a word.
    async fn evict(&self, request: &Request, pod: &str, uid: &str) -> Result<Done, ApiFailure> {
        let namespace = &*request.namespace;
        let eviction = Eviction {
            metadata: ObjectMeta {
                name: Some(pod.to_owned()),
                namespace: Some(namespace.to_owned()),
                ..ObjectMeta::default()
            },
            delete_options: Some(DeleteOptions {
                preconditions: Some(Preconditions {
                    uid: Some(uid.to_owned()),
                    resource_version: None,
                }),
                ..DeleteOptions::default()
            }),
        };
        let params =
            PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        let api = self.api::<Pod>(namespace);
        let call = api.create_subresource::<_, Status>("eviction", pod, &params, &eviction);
        match self.calls.run("create", call).await {
            Ok(_) => Ok(Done::Yes),
            Err(ApiFailure::Conflict | ApiFailure::NotFound) => Ok(Done::Overtaken),
            Err(ApiFailure::DisruptionBudget(why)) => {
                tracing::info!(namespace, pod, why, "an eviction has to wait");
                Ok(Done::Refused)
            }
            Err(failure) => Err(failure),
        }
    }
}
