//! The rights of the daemon and of the executor: those of `deploy/` as they are shipped, for one
//! namespace at a time.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::api::{CLUSTER_ROLE_BINDING, Cluster, Kind};

/// The namespace that the shipped files speak of.
pub(crate) const SHIPPED_NAMESPACE: &str = "certrotor-system";

/// Whose rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// `certrotor run`
    Daemon,
    /// `certrotor operate`
    Executor,
}

impl Who {
    /// Where its rights are written down.
    fn file(self) -> PathBuf {
        let file = match self {
            Self::Daemon => "deploy/manifests.yaml",
            Self::Executor => "deploy/executor.yaml",
        };
        Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
    }
}

/// The kinds that rights are made of.
const KINDS: [&str; 6] =
    ["ClusterRole", "ClusterRoleBinding", "Namespace", "Role", "RoleBinding", "ServiceAccount"];

/// The objects of the file that give the daemon its rights.
pub(crate) fn shipped() -> Vec<Value> {
    shipped_for(Who::Daemon)
}

/// The same for either.
pub(crate) fn shipped_for(who: Who) -> Vec<Value> {
    let text = std::fs::read_to_string(who.file()).unwrap();
    let mut objects = serde_saphyr::from_multiple::<Value>(&text).unwrap();
    // Roles that are aggregated into others are for people.
    let for_people =
        |object: &Value| object["metadata"]["labels"].to_string().contains("aggregate-to");
    objects
        .retain(|object| KINDS.iter().any(|kind| object["kind"] == *kind) && !for_people(object));
    objects
}

/// The same objects for an installation in another namespace, beside others in the cluster.
fn moved_to(who: Who, namespace: &str) -> Vec<Value> {
    let mut objects = shipped_for(who);
    for object in &mut objects {
        if object["metadata"]["namespace"] == SHIPPED_NAMESPACE {
            object["metadata"]["namespace"] = json!(namespace);
        }
        let subjects = object.get_mut("subjects").and_then(Value::as_array_mut);
        for subject in subjects.into_iter().flatten() {
            subject["namespace"] = json!(namespace);
        }
        if Kind::of_manifest(object) == CLUSTER_ROLE_BINDING {
            let name = object["metadata"]["name"].as_str().unwrap();
            object["metadata"]["name"] = json!(format!("{name}-{namespace}"));
        }
    }
    objects.retain(|object| object["kind"] != "Namespace");
    objects
}

/// Applies the rights for an installation in `namespace`, which must exist.
pub(crate) async fn apply(admin: &Cluster, namespace: &str) {
    apply_for(Who::Daemon, admin, namespace).await;
}

/// The same for either.
pub(crate) async fn apply_for(who: Who, admin: &Cluster, namespace: &str) {
    for object in moved_to(who, namespace) {
        let own = object["metadata"]["namespace"].as_str().unwrap_or_default();
        admin.apply(Kind::of_manifest(&object), own, &object).await;
    }
}

/// The name of the daemon's `ServiceAccount` in the file.
pub(crate) fn account() -> String {
    account_of(Who::Daemon)
}

/// The same for either.
pub(crate) fn account_of(who: Who) -> String {
    let objects = shipped_for(who);
    let account = objects.iter().find(|object| object["kind"] == "ServiceAccount").unwrap();
    account["metadata"]["name"].as_str().unwrap().to_owned()
}

/// A token of the daemon's `ServiceAccount`, as a kubelet would fetch it.
pub(crate) async fn token(admin: &Cluster, namespace: &str) -> String {
    token_for(Who::Daemon, admin, namespace).await
}

/// The same for either.
pub(crate) async fn token_for(who: Who, admin: &Cluster, namespace: &str) -> String {
    let account = account_of(who);
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
    let wanted = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": {"expirationSeconds": 7200}});
    let request = http::Request::post(path)
        .header("content-type", "application/json")
        .body(wanted.to_string().into_bytes())
        .unwrap();
    let answer: Value = admin.client().request(request).await.unwrap();
    answer["status"]["token"].as_str().unwrap().to_owned()
}

/// The rules that some role of the file grants.
pub(crate) fn rules() -> Vec<Value> {
    let objects = shipped();
    let rules = objects.iter().filter_map(|object| object["rules"].as_array().cloned());
    rules.flatten().collect()
}
