//! Whom to trust, written down: the staging Certificate, the bundle of clients, and `ca.crt` of Secrets.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::core::DynamicObject;
use serde_json::json;

use super::authorities::{CA, Moment};
use super::look::Looked;
use super::objects::{as_us, created};
use super::swap::Done;
use super::{Hand, fixed};
use crate::api::desired::without_nulls;
use crate::api::resources::{CERTIFICATE, OPS_REQUEST};
use crate::api::{names, wanted};
use crate::cluster::client::ApiFailure;

/// On the bundle while it holds two CAs: the request that changes one for the other.
const CHANGED_BY: &str = "certrotor.dev/ca-changed-by";
/// On the bundle while it holds two CAs: from when on certificates of the new one are served.
const SERVED_FROM: &str = "certrotor.dev/new-ca-served-from";
/// The issuance that is learned from is over by then.
const STAGING_LIFE: &str = "1h0m0s";

impl Hand {
    /// Makes the Certificate by which a new CA is learned. Nobody mounts it, so it needs no names; it
    /// goes with the request.
    pub(super) async fn stage(&self, looked: &Looked) -> Result<Done, ApiFailure> {
        let request = &looked.seen.request;
        let Some(plan) = &looked.plan else { return Ok(Done::Overtaken) };
        let Some(issuer) = plan.wanted.issuer("server") else { return Ok(Done::Overtaken) };
        let name = names::ca_staging(plan.now.name());
        let labels = wanted::labels(&plan.now);
        let version = OPS_REQUEST.versions.first().copied().unwrap_or_default();
        let owner = json!({"apiVersion": format!("{}/{version}", OPS_REQUEST.group),
            "kind": OPS_REQUEST.kind, "name": *request.name, "uid": *request.uid});
        let certificate = json!({
            "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
            "metadata": {"name": name, "labels": labels, "ownerReferences": [owner]},
            "spec": {
                "secretName": name, "commonName": name, "duration": STAGING_LIFE,
                "secretTemplate": {"labels": labels},
                "usages": ["digital signature", "client auth"],
                "privateKey": {"algorithm": "ECDSA", "size": 256},
                "issuerRef": {"group": issuer.group, "kind": issuer.kind, "name": issuer.name},
            },
        });
        let Ok(certificate) = serde_json::from_value::<DynamicObject>(certificate) else {
            return Ok(Done::Overtaken);
        };
        let api = self.api_with::<DynamicObject>(&request.namespace, &fixed(&CERTIFICATE));
        created(self.calls.run("create", api.create(&as_us(), &certificate)).await)
    }

    /// Publishes whom clients are to trust.
    pub(super) async fn publish(&self, looked: &Looked) -> Result<Done, ApiFailure> {
        let (Some(plan), told) = (&looked.plan, &looked.told) else { return Ok(Done::Overtaken) };
        let (seen, request) = (&looked.seen.authorities, &looked.seen.request);
        if told.target.is_empty() {
            return Ok(Done::Overtaken);
        }
        let name = names::ca_bundle(plan.now.name());
        let changes = seen.changes || Moment::of(request) == Some(Moment::Before);
        let by = changes.then(|| request.path());
        let from = changes.then(|| self.clock.now() + seen.overlap);
        let owner = plan.now.owner_reference(&self.mysql);
        let mut bundle = json!({
            "metadata": {"name": name, "labels": wanted::labels(&plan.now),
                "annotations": {CHANGED_BY: by, SERVED_FROM: from},
                "ownerReferences": owner.into_iter().collect::<Vec<_>>()},
            "data": {CA: told.target.to_pem()},
        });
        let api = self.api::<ConfigMap>(&request.namespace);
        let Some(version) = &told.bundle else {
            let bundle = without_nulls(&bundle);
            let Ok(bundle) = serde_json::from_value::<ConfigMap>(bundle) else {
                return Ok(Done::Overtaken);
            };
            return created(self.calls.run("create", api.create(&as_us(), &bundle)).await);
        };
        bundle["metadata"]["resourceVersion"] = json!(version);
        self.merge(&api, &name, &bundle).await
    }

    /// Puts whom servers and clients are to trust into the Secret of a certificate.
    pub(super) async fn trust(&self, looked: &Looked, name: &str) -> Result<Done, ApiFailure> {
        let told = &looked.told;
        let Some(version) = told.secrets.get(name).filter(|_| !told.target.is_empty()) else {
            return Ok(Done::Overtaken);
        };
        let pem = ByteString(told.target.to_pem().into_bytes());
        let change = json!({"metadata": {"resourceVersion": version}, "data": {CA: pem}});
        let api = self.api::<Secret>(&looked.seen.request.namespace);
        self.merge(&api, name, &change).await
    }
}
