//! Rotation: our own object, one per database. What people wish is in its spec; what certrotor
//! remembers and shows is in its status.
//!
//! Unlike the objects of others it is read strictly: a record that cannot be read must not look
//! like "no rotation is open", or a second one would be opened. Such an object reaches the daemon
//! as invalid (`DeserializeGuard`), is reported and left alone. So that this stays a theoretical
//! case, every value is a plain text or number: no word or time in it can make it unreadable, and
//! the apiserver holds the types.
//!
//! It is written by merge patches of what has changed, with the resourceVersion that was read.
//! What a newer version of certrotor has added beside our fields is not mentioned and so stays;
//! lists are replaced whole.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{CustomResource, CustomResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

mod status;

pub use status::{
    Attempt, Cause, CertificateFacts, Condition, Current, Last, Leaf, RequestRef, RotationStatus,
    Schedule, Withdrawal,
};

/// What people wish for one database. It narrows what the config file says and never widens it.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "certrotor.dev",
    version = "v1alpha1",
    kind = "Rotation",
    namespaced,
    status = "RotationStatus",
    shortname = "rot",
    category = "certrotor",
    derive = "PartialEq",
    derive = "Default",
    doc = "The rotation of the TLS certificates of the MySQL that has the same name.",
    label("app.kubernetes.io/name", "certrotor"),
    printcolumn = r#"{"name": "State", "type": "string", "jsonPath": ".status.state"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.reason"}"#,
    printcolumn = r#"{"name": "Expires", "type": "string", "jsonPath": ".status.expires",
        "description": "When the first of its certificates ends."}"#,
    printcolumn = r#"{"name": "Next", "type": "string", "jsonPath": ".status.next",
        "description": "When the next rotation may begin."}"#,
    printcolumn = r#"{"name": "Last", "type": "string", "jsonPath": ".status.lastOutcome",
        "description": "How the newest attempt ended."}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name": "Suspended", "type": "boolean", "jsonPath": ".spec.suspend",
        "priority": 1}"#,
    printcolumn = r#"{"name": "Message", "type": "string", "jsonPath": ".status.message",
        "priority": 1}"#
)]
#[schemars(extend("default" = json!({})))]
#[serde(rename_all = "camelCase")]
pub struct RotationSpec {
    /// Do not rotate this database, whatever happens to its certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// Rotate once, as soon as windows and budget allow. Set it to a value that it has not had
    /// before, best the time in RFC 3339. `status.handledRequest` repeats it when that is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub requested_at: Option<String>,
    /// Rotate when less than this is left of a certificate's life: a share of it, such as `45%`,
    /// or a length of time, such as `30d` or `36h`. It cannot be less than the emergency threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 32),
        regex(pattern = r"^([1-9][0-9]?%|[0-9]{1,6}[smhdw]( ?[0-9]{1,6}[smhdw])*)$")
    )]
    pub renew_before: Option<String>,
    /// Rotate only in these windows, and of them only within those of the config file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub windows: Option<Vec<Window>>,
}

/// A stretch of time that comes again and again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// When it opens, as a crontab line: minute, hour, day of month, month, weekday. `@daily` and
    /// the like are understood.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^(@[a-z]+|\S+( +\S+){4})$"))]
    pub open: String,
    /// How long it stays open, such as `4h` or `90m`.
    #[schemars(
        length(min = 2, max = 32),
        regex(pattern = r"^[0-9]{1,6}[smhdw]( ?[0-9]{1,6}[smhdw])*$")
    )]
    pub r#for: String,
    /// The time zone of the crontab line, by its IANA name; UTC when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub timezone: Option<String>,
}

/// The definition to install.
pub fn crd() -> CustomResourceDefinition {
    Rotation::crd()
}

/// The definition as YAML: what `certrotor crds` prints and `deploy/crds/rotations.yaml` holds.
pub fn crds_yaml() -> Result<String, serde_saphyr::ser::Error> {
    serde_saphyr::to_string(&crd())
}

#[cfg(test)]
mod tests;
