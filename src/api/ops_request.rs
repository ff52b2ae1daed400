//! MySQLOpsRequest of KubeDB: how a rotation is asked for, and how far it is.

use std::collections::BTreeMap;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde::{Deserialize, Serialize};

use super::go_duration::GoDuration;
use super::meta::Condition;
use super::resources::{OPS_REQUEST, fixed_resource};
use super::tls::{IssuerRef, TlsCertificate};
use super::tolerant;
use super::word::open_words;
use crate::core::time::Span;

/// A request to do something to a MySQL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MySqlOpsRequest {
    /// `ops.kubedb.com/v1alpha1`; lists leave it out.
    pub api_version: String,
    /// `MySQLOpsRequest`; lists leave it out.
    pub kind: String,
    /// Name, uid, annotations.
    pub metadata: ObjectMeta,
    /// What is asked for; nobody can change it later.
    #[serde(deserialize_with = "tolerant::value")]
    pub spec: OpsRequestSpec,
    /// How far it is.
    #[serde(deserialize_with = "tolerant::optional", skip_serializing_if = "Option::is_none")]
    pub status: Option<OpsRequestStatus>,
}

fixed_resource!(MySqlOpsRequest, OPS_REQUEST, NamespaceResourceScope);

impl Default for MySqlOpsRequest {
    fn default() -> Self {
        Self {
            api_version: format!("{}/{}", OPS_REQUEST.group, OPS_REQUEST.versions[0]),
            kind: OPS_REQUEST.kind.to_owned(),
            metadata: ObjectMeta::default(),
            spec: OpsRequestSpec::default(),
            status: None,
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OpsRequestSpec {
    /// The kind of work.
    #[serde(
        rename = "type",
        deserialize_with = "tolerant::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub type_: Option<OpsRequestType>,
    /// The MySQL, in the namespace of the request.
    #[serde(deserialize_with = "tolerant::value")]
    pub database_ref: DatabaseRef,
    /// The work on TLS.
    #[serde(deserialize_with = "tolerant::optional", skip_serializing_if = "Option::is_none")]
    pub tls: Option<RequestTls>,
    /// When it may start.
    #[serde(deserialize_with = "tolerant::optional", skip_serializing_if = "Option::is_none")]
    pub apply: Option<Apply>,
    /// The limit for each of its steps.
    #[serde(deserialize_with = "tolerant::optional", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<GoDuration>,
    /// How often a step that failed is tried again; 1 when absent.
    #[serde(deserialize_with = "tolerant::optional", skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<i32>,
}

/// The MySQL that a request is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DatabaseRef {
    /// Its name.
    #[serde(deserialize_with = "tolerant::value")]
    pub name: String,
}

/// The work on TLS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RequestTls {
    /// Another issuer.
    #[serde(deserialize_with = "tolerant::optional", skip_serializing_if = "Option::is_none")]
    pub issuer_ref: Option<IssuerRef>,
    /// Other certificates.
    #[serde(deserialize_with = "tolerant::list", skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<TlsCertificate>,
    /// The same certificates, issued anew.
    #[serde(deserialize_with = "tolerant::value", skip_serializing_if = "is_false")]
    pub rotate_certificates: bool,
    /// No TLS any more.
    #[serde(deserialize_with = "tolerant::value", skip_serializing_if = "is_false")]
    pub remove: bool,
    /// Whether clients must use TLS from now on.
    #[serde(
        rename = "requireSSL",
        deserialize_with = "tolerant::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub require_ssl: Option<bool>,
}

impl RequestTls {
    /// What certrotor asks for: to rotate, and nothing else.
    pub fn rotation() -> Self {
        Self { rotate_certificates: true, ..Self::default() }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

open_words! {
    /// The kind of work.
    OpsRequestType {
        /// Certificates and TLS.
        ReconfigureTls = "ReconfigureTLS",
    }
}

open_words! {
    /// When a request may start.
    Apply {
        /// When the database is Ready.
        IfReady = "IfReady",
        /// In any case.
        Always = "Always",
    }
}

open_words! {
    /// How far a request is, in one word. New ones have none.
    OpsRequestPhase {
        /// Queued.
        Pending = "Pending",
        /// Being carried out.
        Progressing = "Progressing",
        /// Ended well.
        Successful = "Successful",
        /// Waiting for a person.
        WaitingForApproval = "WaitingForApproval",
        /// Ended badly.
        Failed = "Failed",
        /// Approved, not started.
        Approved = "Approved",
        /// Refused.
        Denied = "Denied",
        /// Passed over for a newer one of its type.
        Skipped = "Skipped",
    }
}

/// How far a request is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OpsRequestStatus {
    /// In one word: all that may be relied on across releases of KubeDB.
    #[serde(deserialize_with = "tolerant::optional", skip_serializing_if = "Option::is_none")]
    pub phase: Option<OpsRequestPhase>,
    /// Step by step; their types change between releases.
    #[serde(deserialize_with = "tolerant::list", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The generation that this speaks of.
    #[serde(deserialize_with = "tolerant::optional", skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

impl MySqlOpsRequest {
    /// How far it is; none when nobody has looked at it yet.
    pub fn phase(&self) -> Option<&OpsRequestPhase> {
        self.status.as_ref()?.phase.as_ref()
    }

    /// Its conditions, step by step.
    pub fn conditions(&self) -> &[Condition] {
        self.status.as_ref().map_or(&[], |status| &status.conditions)
    }

    /// Whether it is about certificates and TLS.
    pub fn is_reconfigure_tls(&self) -> bool {
        self.spec.type_ == Some(OpsRequestType::ReconfigureTls)
    }

    /// Whether it asks for the same certificates anew, and for nothing else.
    pub fn is_rotation(&self) -> bool {
        self.is_reconfigure_tls() && self.spec.tls == Some(RequestTls::rotation())
    }
}

/// A rotation, to be asked for.
#[derive(Clone, Debug)]
pub struct NewRotationRequest {
    /// The name of the request.
    pub name: String,
    /// The namespace of the database.
    pub namespace: String,
    /// The name of the database.
    pub database: String,
    /// The database again, so that the request goes with it.
    pub owner: OwnerReference,
    /// Labels of the request.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the request.
    pub annotations: BTreeMap<String, String>,
    /// When it may start.
    pub apply: Apply,
    /// The limit for each of its steps.
    pub timeout: Span,
}

impl From<NewRotationRequest> for MySqlOpsRequest {
    /// The object to POST.
    fn from(new: NewRotationRequest) -> Self {
        Self {
            metadata: ObjectMeta {
                name: Some(new.name),
                namespace: Some(new.namespace),
                labels: Some(new.labels),
                annotations: Some(new.annotations),
                owner_references: Some(vec![new.owner]),
                ..ObjectMeta::default()
            },
            spec: OpsRequestSpec {
                type_: Some(OpsRequestType::ReconfigureTls),
                database_ref: DatabaseRef { name: new.database },
                tls: Some(RequestTls::rotation()),
                apply: Some(new.apply),
                timeout: Some(new.timeout.into()),
                max_retries: None,
            },
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests;
