//! Writes to the spec of things, and their end: Certificates, the MySQL, what is left over.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::DynamicObject;
use serde_json::{Value, json};

use super::decide::seen::{Leftover, LeftoverKind, Request};
use super::look::Looked;
use super::swap::{Done, Target};
use super::{FIELD_MANAGER, Hand, fixed};
use crate::api::cert_manager::Certificate;
use crate::api::desired::without_nulls;
use crate::api::resources::CERTIFICATE;
use crate::api::wanted;
use crate::cluster::client::ApiFailure;

impl Hand {
    /// Makes the Certificate of this name, as KubeDB's provisioner would.
    pub(super) async fn create(&self, looked: &Looked, name: &str) -> Result<Done, ApiFailure> {
        let Some(plan) = &looked.plan else { return Ok(Done::Overtaken) };
        let mysql = &plan.wanted;
        let aliases = mysql.aliases();
        let Some(alias) = aliases.into_iter().find(|it| mysql.certificate_name(it) == name) else {
            return Ok(Done::Overtaken);
        };
        // Lengths of time that cannot be read were refused before.
        let Ok(Some(certificate)) = wanted::certificate(mysql, alias, &[]) else {
            return Ok(Done::Overtaken);
        };
        let mut certificate = without_nulls(&certificate);
        certificate["apiVersion"] = json!("cert-manager.io/v1");
        certificate["kind"] = json!("Certificate");
        if let Some(mut owner) = mysql.owner_reference(&self.mysql) {
            owner.controller = Some(true);
            certificate["metadata"]["ownerReferences"] = json!([owner]);
        }
        let Ok(certificate) = serde_json::from_value::<DynamicObject>(certificate) else {
            return Ok(Done::Overtaken);
        };
        let namespace = &looked.seen.request.namespace;
        let api = self.api_with::<DynamicObject>(namespace, &fixed(&CERTIFICATE));
        created(self.calls.run("create", api.create(&as_us(), &certificate)).await)
    }

    /// Changes what the request changes of the Certificate of this name, or puts it back.
    pub(super) async fn change(&self, looked: &Looked, name: &str) -> Result<Done, ApiFailure> {
        let (Some(plan), Some(spec)) = (&looked.plan, looked.specs.get(name)) else {
            return Ok(Done::Overtaken);
        };
        let request = &looked.seen.request;
        let fails = request.progress.failing().is_some();
        let plan = if fails { plan.undone() } else { plan.clone() };
        let mut aliases = plan.wanted.aliases().into_iter();
        let alias = aliases.find(|it| plan.wanted.certificate_name(it) == name);
        let change = alias.and_then(|alias| plan.certificate(alias, spec));
        let mut certificates = looked.seen.certificates.iter().filter(|it| &*it.name == name);
        let found = certificates.find_map(|it| it.found.as_ref());
        let (Some(change), Some(found)) = (change, found) else { return Ok(Done::Overtaken) };
        let resource = fixed(&CERTIFICATE);
        let target = Target {
            resource: &resource,
            namespace: &request.namespace,
            name,
            resource_version: &found.resource_version,
        };
        self.patch_spec(target, &change).await
    }

    /// Changes TLS of the MySQL.
    pub(super) async fn update(&self, looked: &Looked) -> Result<Done, ApiFailure> {
        let change = looked.plan.as_ref().and_then(|plan| plan.change.as_ref());
        let (Some(change), Some(target)) = (change, self.database(&looked.seen)) else {
            return Ok(Done::Overtaken);
        };
        self.patch_spec(target, change).await
    }

    async fn patch_spec(&self, target: Target<'_>, spec: &Value) -> Result<Done, ApiFailure> {
        let Target { resource, namespace, name, resource_version } = target;
        let api = self.api_with::<DynamicObject>(namespace, resource);
        let change = json!({"metadata": {"resourceVersion": resource_version}, "spec": spec});
        self.merge(&api, name, &change).await
    }

    /// Changes what is still as it was seen: the change names the resourceVersion.
    pub(super) async fn merge<K>(
        &self,
        api: &kube::Api<K>,
        name: &str,
        change: &Value,
    ) -> Result<Done, ApiFailure>
    where
        K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
    {
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        match self.calls.run("patch", api.patch(name, &params, &Patch::Merge(change))).await {
            Ok(_) => Ok(Done::Yes),
            Err(ApiFailure::Conflict | ApiFailure::NotFound) => Ok(Done::Overtaken),
            Err(failure) => Err(failure),
        }
    }

    /// Deletes what is needed no more, if it is still what was seen.
    pub(super) async fn delete(
        &self,
        request: &Request,
        leftover: &Leftover,
    ) -> Result<Done, ApiFailure> {
        let Leftover { kind, name, uid, resource_version } = leftover;
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(uid.to_string()),
                resource_version: Some(resource_version.to_string()),
            }),
            ..DeleteParams::background()
        };
        let deleted = match kind {
            LeftoverKind::Certificate => {
                let api = self.api::<Certificate>(&request.namespace);
                self.calls.run("delete", api.delete(name, &params)).await.map(drop)
            }
            LeftoverKind::Secret => {
                let api = self.api::<Secret>(&request.namespace);
                self.calls.run("delete", api.delete(name, &params)).await.map(drop)
            }
            LeftoverKind::Bundle => {
                let api = self.api::<ConfigMap>(&request.namespace);
                self.calls.run("delete", api.delete(name, &params)).await.map(drop)
            }
        };
        match deleted {
            Ok(()) => Ok(Done::Yes),
            Err(ApiFailure::Conflict | ApiFailure::NotFound) => Ok(Done::Overtaken),
            Err(failure) => Err(failure),
        }
    }
}

/// A create, in our name.
pub(super) fn as_us() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }
}

/// What became of a create; what is there already is looked at again.
pub(super) fn created<K>(answer: Result<K, ApiFailure>) -> Result<Done, ApiFailure> {
    match answer {
        Ok(_) => Ok(Done::Yes),
        Err(ApiFailure::AlreadyExists) => Ok(Done::Overtaken),
        Err(failure) => Err(failure),
    }
}
