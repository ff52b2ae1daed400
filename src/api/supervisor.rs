//! Recommendation of `AppsCode`'s Supervisor: what somebody else means to do to a database.

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::resources::{RECOMMENDATION, fixed_resource};
use super::tolerant;
use super::word::open_words;
use crate::core::time::Time;

/// Something that Supervisor will do when it is approved.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Recommendation {
    /// Name and namespace.
    pub metadata: ObjectMeta,
    /// What is to be done.
    #[serde(deserialize_with = "tolerant::value")]
    pub spec: RecommendationSpec,
    /// How far it is.
    #[serde(deserialize_with = "tolerant::value")]
    pub status: RecommendationStatus,
}

fixed_resource!(Recommendation, RECOMMENDATION, NamespaceResourceScope);

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RecommendationSpec {
    /// To what, in the same namespace.
    #[serde(deserialize_with = "tolerant::value")]
    pub target: Target,
    /// The object that Supervisor will create.
    #[serde(deserialize_with = "tolerant::value")]
    pub operation: Operation,
    /// Until when; afterwards Supervisor approves it by itself.
    #[serde(deserialize_with = "tolerant::optional")]
    pub deadline: Option<Time>,
}

/// To what something is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Target {
    /// Its API group.
    #[serde(deserialize_with = "tolerant::value")]
    pub api_group: String,
    /// Its kind.
    #[serde(deserialize_with = "tolerant::value")]
    pub kind: String,
    /// Its name.
    #[serde(deserialize_with = "tolerant::value")]
    pub name: String,
}

/// The object that Supervisor will create.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Operation {
    /// Its kind: `MySQLOpsRequest` for ours.
    #[serde(deserialize_with = "tolerant::value")]
    pub kind: String,
    /// Its spec.
    #[serde(deserialize_with = "tolerant::value")]
    pub spec: OperationSpec,
}

/// The spec of what Supervisor will create.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct OperationSpec {
    /// The kind of work: `ReconfigureTLS` for ours.
    #[serde(rename = "type", deserialize_with = "tolerant::value")]
    pub type_: String,
}

open_words! {
    /// How far a Recommendation is.
    RecommendationPhase {
        /// Something is missing, most often somebody's approval.
        Pending = "Pending",
        /// Rejected.
        Skipped = "Skipped",
        /// Approved, waiting for its window or its turn.
        Waiting = "Waiting",
        /// Being carried out.
        InProgress = "InProgress",
        /// Done.
        Succeeded = "Succeeded",
        /// Failed; Supervisor may try again.
        Failed = "Failed",
    }
}

open_words! {
    /// What people, or a policy, said to it.
    ApprovalStatus {
        /// Nothing yet.
        Pending = "Pending",
        /// Yes.
        Approved = "Approved",
        /// No.
        Rejected = "Rejected",
    }
}

/// How far a Recommendation is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RecommendationStatus {
    /// In one word.
    #[serde(deserialize_with = "tolerant::optional")]
    pub phase: Option<RecommendationPhase>,
    /// What people, or a policy, said to it.
    #[serde(deserialize_with = "tolerant::optional")]
    pub approval_status: Option<ApprovalStatus>,
    /// The database has changed since, so that it will not be done.
    #[serde(deserialize_with = "tolerant::value")]
    pub outdated: bool,
    /// When it may be done.
    #[serde(deserialize_with = "tolerant::value")]
    pub approved_window: ApprovedWindow,
    /// When it was approved or rejected.
    #[serde(deserialize_with = "tolerant::optional")]
    pub review_timestamp: Option<Time>,
    /// What Supervisor created.
    #[serde(deserialize_with = "tolerant::value")]
    pub created_operation_ref: CreatedOperation,
}

/// When something approved may be done.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ApprovedWindow {
    /// `Immediate`, `NextAvailable`, `SpecificDates`; when absent, the window below or the default.
    #[serde(deserialize_with = "tolerant::optional")]
    pub window: Option<String>,
    /// For `SpecificDates`.
    #[serde(deserialize_with = "tolerant::list")]
    pub dates: Vec<DateWindow>,
}

/// A stretch of time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DateWindow {
    /// From when.
    pub start: Time,
    /// Until when.
    pub end: Time,
}

/// What Supervisor created.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CreatedOperation {
    /// Its name; empty when nothing has been created.
    #[serde(deserialize_with = "tolerant::value")]
    pub name: String,
}

impl Recommendation {
    /// The MySQL that it means to do something about TLS to.
    pub fn tls_of_mysql(&self) -> Option<&str> {
        let Target { api_group, kind, name } = &self.spec.target;
        let Operation { kind: operation, spec } = &self.spec.operation;
        let is_ours = api_group == "kubedb.com" && kind == "MySQL";
        let is_tls = operation == "MySQLOpsRequest" && spec.type_ == "ReconfigureTLS";
        (is_ours && is_tls && !name.is_empty()).then_some(name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    fn recommendation(spec: Value, status: Value) -> Recommendation {
        let metadata = json!({"name": "shop-x-mysql-x-rotate-tls-abc123", "namespace": "prod"});
        let mut object = json!({"metadata": metadata});
        object["spec"] = spec;
        object["status"] = status;
        from_value(object).unwrap()
    }

    fn rotate_tls() -> Value {
        json!({
            "target": {"apiGroup": "kubedb.com", "kind": "MySQL", "name": "shop"},
            "operation": {"apiVersion": "ops.kubedb.com/v1alpha1", "kind": "MySQLOpsRequest",
                "metadata": {"name": "rotate-tls", "namespace": "prod"},
                "spec": {"databaseRef": {"name": "shop"}, "type": "ReconfigureTLS",
                    "tls": {"rotateCertificates": true}}},
            "recommender": {"name": "kubedb-ops-manager"},
            "deadline": "2026-11-23T22:00:00Z", "backoffLimit": 10,
            "rules": {"success": "a", "inProgress": "b", "failed": "c"},
        })
    }

    #[test]
    fn one_that_is_approved_for_a_date() {
        let dates = json!([
            {"start": "2026-11-21T01:00:00Z", "end": "2026-11-21T03:00:00Z"},
            {"start": "tonight", "end": "tomorrow"},
        ]);
        let approved = recommendation(
            rotate_tls(),
            json!({
                "phase": "Waiting", "approvalStatus": "Approved", "outdated": false,
                "approvedWindow": {"window": "SpecificDates", "dates": dates},
                "reviewTimestamp": "2026-11-20T10:00:00Z", "createdOperationRef": {"name": ""},
            }),
        );
        assert_eq!(approved.tls_of_mysql(), Some("shop"));
        assert_eq!(approved.spec.deadline, "2026-11-23T22:00:00Z".parse().ok());
        let status = approved.status;
        assert_eq!(status.phase, Some(RecommendationPhase::Waiting));
        assert_eq!(status.approval_status, Some(ApprovalStatus::Approved));
        assert_eq!(status.approved_window.dates.len(), 1);
        assert_eq!(Some(status.approved_window.dates[0].end), "2026-11-21T03:00:00Z".parse().ok());
        assert_eq!(status.review_timestamp, "2026-11-20T10:00:00Z".parse().ok());
    }

    #[test]
    fn only_tls_of_a_mysql_is_ours() {
        for (pointer, other) in [
            ("/target/kind", json!("Postgres")),
            ("/target/apiGroup", json!("apps")),
            ("/target/name", json!("")),
            ("/operation/kind", json!("PostgresOpsRequest")),
            ("/operation/spec/type", json!("RotateAuth")),
            ("/operation/spec", json!("text")),
            ("/operation", json!([])),
        ] {
            let mut spec = rotate_tls();
            *spec.pointer_mut(pointer).unwrap() = other;
            assert_eq!(recommendation(spec, json!({})).tls_of_mysql(), None, "{pointer}");
        }
    }

    #[test]
    fn no_field_can_make_the_object_unreadable() {
        for (spec, status) in [
            (json!(null), json!(null)),
            (json!([]), json!({"phase": 1, "outdated": "no", "approvedWindow": "now"})),
            (json!({"target": 1, "deadline": "later"}), json!({"approvedWindow": {"dates": 3}})),
        ] {
            let odd = recommendation(spec, status);
            assert_eq!(odd.tls_of_mysql(), None);
            assert_eq!(odd.status, RecommendationStatus::default());
        }
    }
}
