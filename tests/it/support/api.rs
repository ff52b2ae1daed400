//! Objects of the cluster as plain JSON: what tests read and write, with no types of our own.
//!
//! The daemon's types are under test; a test that read with them would share their faults.

use std::path::Path;
use std::time::Duration;

use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch,
    PatchParams, PostParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};

use super::eventually::eventually;

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    group: &'static str,
    version: &'static str,
    name: &'static str,
    plural: &'static str,
}

const fn kind(
    group: &'static str,
    version: &'static str,
    name: &'static str,
    plural: &'static str,
) -> Kind {
    Kind { group, version, name, plural }
}

pub(crate) const BUDGET: Kind = kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets");
pub(crate) const CERTIFICATE: Kind = kind("cert-manager.io", "v1", "Certificate", "certificates");
pub(crate) const CERTIFICATE_REQUEST: Kind =
    kind("cert-manager.io", "v1", "CertificateRequest", "certificaterequests");
pub(crate) const CLUSTER_ROLE: Kind =
    kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles");
pub(crate) const CLUSTER_ROLE_BINDING: Kind =
    kind("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings");
pub(crate) const CONFIG_MAP: Kind = kind("", "v1", "ConfigMap", "configmaps");
pub(crate) const CRD: Kind =
    kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions");
pub(crate) const CLUSTER_ISSUER: Kind =
    kind("cert-manager.io", "v1", "ClusterIssuer", "clusterissuers");
pub(crate) const EVENT: Kind = kind("events.k8s.io", "v1", "Event", "events");
pub(crate) const ISSUER: Kind = kind("cert-manager.io", "v1", "Issuer", "issuers");
pub(crate) const LEASE: Kind = kind("coordination.k8s.io", "v1", "Lease", "leases");
pub(crate) const MYSQL: Kind = kind("kubedb.com", "v1", "MySQL", "mysqls");
pub(crate) const NAMESPACE: Kind = kind("", "v1", "Namespace", "namespaces");
pub(crate) const POD: Kind = kind("", "v1", "Pod", "pods");
pub(crate) const POLICY: Kind = kind(
    "admissionregistration.k8s.io",
    "v1",
    "ValidatingAdmissionPolicy",
    "validatingadmissionpolicies",
);
pub(crate) const POLICY_BINDING: Kind = kind(
    "admissionregistration.k8s.io",
    "v1",
    "ValidatingAdmissionPolicyBinding",
    "validatingadmissionpolicybindings",
);
pub(crate) const REQUEST: Kind =
    kind("ops.kubedb.com", "v1alpha1", "MySQLOpsRequest", "mysqlopsrequests");
pub(crate) const ROLE: Kind = kind("rbac.authorization.k8s.io", "v1", "Role", "roles");
pub(crate) const ROLE_BINDING: Kind =
    kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings");
pub(crate) const ROTATION: Kind = kind("certrotor.dev", "v1alpha1", "Rotation", "rotations");
pub(crate) const SECRET: Kind = kind("", "v1", "Secret", "secrets");
pub(crate) const SERVICE_ACCOUNT: Kind = kind("", "v1", "ServiceAccount", "serviceaccounts");

/// The kinds that manifests may hold.
const IN_MANIFESTS: [Kind; 8] = [
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CRD,
    NAMESPACE,
    ROLE,
    ROLE_BINDING,
    SERVICE_ACCOUNT,
    CONFIG_MAP,
];

impl Kind {
    fn resource(self) -> ApiResource {
        let kind = GroupVersionKind::gvk(self.group, self.version, self.name);
        ApiResource::from_gvk_with_plural(&kind, self.plural)
    }

    /// The kind of an object in a manifest.
    pub(crate) fn of_manifest(object: &Value) -> Self {
        let known = IN_MANIFESTS.iter().find(|kind| object["kind"] == kind.name);
        *known.unwrap_or_else(|| panic!("a manifest holds a {}", object["kind"]))
    }

    /// Its API version, as manifests and owner references name it.
    pub(crate) fn api_version(self) -> String {
        self.resource().api_version
    }
}

/// The cluster, as one user sees it. Calls that fail end the test.
#[derive(Clone)]
pub(crate) struct Cluster {
    client: Client,
}

impl Cluster {
    /// With the user and the server of a kubeconfig file.
    pub(crate) async fn connect(kubeconfig: &Path) -> Self {
        let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
        let options = KubeConfigOptions::default();
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
        config.connect_timeout = Some(Duration::from_secs(5));
        config.read_timeout = Some(Duration::from_secs(60));
        Self { client: Client::try_from(config).unwrap() }
    }

    /// The client itself.
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    fn api(&self, kind: Kind, namespace: &str) -> Api<DynamicObject> {
        let resource = kind.resource();
        if namespace.is_empty() {
            Api::all_with(self.client.clone(), &resource)
        } else {
            Api::namespaced_with(self.client.clone(), namespace, &resource)
        }
    }

    /// An object, if it is there. An empty namespace is for what has none.
    pub(crate) async fn find(&self, kind: Kind, namespace: &str, name: &str) -> Option<Value> {
        let found = self.api(kind, namespace).get_opt(name).await;
        found.unwrap_or_else(|error| panic!("get {} {name}: {error}", kind.plural)).map(plain)
    }

    /// An object that must be there.
    pub(crate) async fn get(&self, kind: Kind, namespace: &str, name: &str) -> Value {
        let found = self.find(kind, namespace, name).await;
        found.unwrap_or_else(|| panic!("{} {namespace}/{name} is not there", kind.plural))
    }

    /// All objects of a kind in a namespace; an empty one: in all.
    pub(crate) async fn list(&self, kind: Kind, namespace: &str) -> Vec<Value> {
        let list = self.api(kind, namespace).list(&ListParams::default()).await;
        let list = list.unwrap_or_else(|error| panic!("list {}: {error}", kind.plural));
        list.items.into_iter().map(plain).collect()
    }

    /// Creates an object; `apiVersion` and `kind` are filled in.
    pub(crate) async fn create(&self, kind: Kind, namespace: &str, object: Value) -> Value {
        let created = self.try_create(kind, namespace, object, false).await;
        created.unwrap_or_else(|error| panic!("create {}: {error}", kind.plural))
    }

    /// Creates an object, or only asks whether it could be created.
    pub(crate) async fn try_create(
        &self,
        kind: Kind,
        namespace: &str,
        mut object: Value,
        dry_run: bool,
    ) -> kube::Result<Value> {
        object["apiVersion"] = json!(kind.api_version());
        object["kind"] = json!(kind.name);
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        let params = PostParams { dry_run, ..PostParams::default() };
        self.api(kind, namespace).create(&params, &object).await.map(plain)
    }

    /// Applies an object from the server's side, by force.
    pub(crate) async fn apply(&self, kind: Kind, namespace: &str, object: &Value) -> Value {
        let name = object["metadata"]["name"].as_str().unwrap();
        let params = PatchParams::apply("certrotor-tests").force();
        let applied = self.api(kind, namespace).patch(name, &params, &Patch::Apply(object)).await;
        plain(applied.unwrap_or_else(|error| panic!("apply {} {name}: {error}", kind.plural)))
    }

    /// Merges a change into an object.
    pub(crate) async fn patch(&self, kind: Kind, namespace: &str, name: &str, change: &Value) {
        let params = PatchParams::default();
        let patched = self.api(kind, namespace).patch(name, &params, &Patch::Merge(change)).await;
        patched.unwrap_or_else(|error| panic!("patch {} {name}: {error}", kind.plural));
    }

    /// Merges a change into the status of an object: `change` is what stands under `status`.
    pub(crate) async fn status(&self, kind: Kind, namespace: &str, name: &str, change: &Value) {
        let (params, change) = (PatchParams::default(), json!({ "status": change }));
        let api = self.api(kind, namespace);
        let patched = api.patch_status(name, &params, &Patch::Merge(&change)).await;
        patched.unwrap_or_else(|error| panic!("patch status of {} {name}: {error}", kind.plural));
    }

    /// Adds conditions to the status of an object, replacing those of the same type.
    pub(crate) async fn conditions(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        new: &[Value],
        rest: &Value,
    ) {
        let api = self.api(kind, namespace);
        loop {
            let object = self.get(kind, namespace, name).await;
            let mut status = json!({"conditions": merged(&object["status"]["conditions"], new)});
            for (key, value) in rest.as_object().into_iter().flatten() {
                status[key] = value.clone();
            }
            let version = &object["metadata"]["resourceVersion"];
            let change = json!({"metadata": {"resourceVersion": version}, "status": status});
            let params = PatchParams::default();
            match api.patch_status(name, &params, &Patch::Merge(&change)).await {
                Ok(_) => return,
                Err(kube::Error::Api(status)) if status.is_conflict() => {}
                Err(error) => panic!("patch status of {} {name}: {error}", kind.plural),
            }
        }
    }

    /// Deletes an object at once; one that is gone already is fine.
    pub(crate) async fn delete(&self, kind: Kind, namespace: &str, name: &str) {
        let params = DeleteParams::default().grace_period(0);
        match self.api(kind, namespace).delete(name, &params).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(error) => panic!("delete {} {name}: {error}", kind.plural),
        }
    }

    /// Creates a namespace and waits until objects can be created in it.
    pub(crate) async fn create_namespace(&self, name: &str) {
        self.create(NAMESPACE, "", json!({"metadata": {"name": name}})).await;
    }

    /// Posts a manifest as it stands: YAML that we need not parse.
    pub(crate) async fn post_yaml(&self, kind: Kind, manifest: String) -> kube::Result<String> {
        let url = kube::core::Request::new(<DynamicObject as kube::Resource>::url_path(
            &kind.resource(),
            None,
        ));
        let mut request = url.create(&PostParams::default(), manifest.into_bytes()).unwrap();
        request.headers_mut().insert("content-type", "application/yaml".parse().unwrap());
        self.client.request_text(request).await
    }

    /// Waits until the apiserver serves what a CRD defines.
    pub(crate) async fn established(&self, crd: &str) {
        let what = format!("the CRD {crd} to be established");
        eventually(Duration::from_mins(1), &what, async || {
            let object = self.get(CRD, "", crd).await;
            holds(&object, "Established").then_some(()).ok_or_else(|| object["status"].to_string())
        })
        .await;
    }
}

fn plain(object: DynamicObject) -> Value {
    serde_json::to_value(object).unwrap()
}

/// Whether a condition of an object is true.
pub(crate) fn holds(object: &Value, condition: &str) -> bool {
    condition_of(object, condition)["status"] == "True"
}

/// A condition of an object; null when it has none of that type.
pub(crate) fn condition_of<'a>(object: &'a Value, condition: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions.find(|each| each["type"] == condition).unwrap_or(&Value::Null)
}

/// The uid of an object.
pub(crate) fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap()
}

/// The name of an object.
pub(crate) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

/// A condition that holds since `since`.
pub(crate) fn condition(kind: &str, message: &str, since: &str) -> Value {
    json!({"type": kind, "status": "True", "reason": kind, "message": message,
        "lastTransitionTime": since, "observedGeneration": 1})
}

fn merged(old: &Value, new: &[Value]) -> Vec<Value> {
    let old = old.as_array().into_iter().flatten();
    let kept = old.filter(|old| new.iter().all(|new| new["type"] != old["type"]));
    kept.chain(new).cloned().collect()
}
