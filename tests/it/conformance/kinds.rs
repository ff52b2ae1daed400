//! The kinds that the cases use.

use serde_json::{Value, json};

/// A kind, as URLs and objects name it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) api_version: &'static str,
    pub(crate) name: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) namespaced: bool,
}

const fn kind(api_version: &'static str, name: &'static str, plural: &'static str) -> Kind {
    Kind { api_version, name, plural, namespaced: true }
}

pub(crate) const BUDGET: Kind = kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets");
pub(crate) const CERTIFICATE: Kind = kind("cert-manager.io/v1", "Certificate", "certificates");
pub(crate) const DEFINITION: Kind = Kind {
    namespaced: false,
    ..kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions")
};
pub(crate) const LEASE: Kind = kind("coordination.k8s.io/v1", "Lease", "leases");
pub(crate) const MAP: Kind = kind("v1", "ConfigMap", "configmaps");
pub(crate) const MYSQL: Kind = kind("kubedb.com/v1", "MySQL", "mysqls");
pub(crate) const NAMESPACE: Kind =
    Kind { namespaced: false, ..kind("v1", "Namespace", "namespaces") };
pub(crate) const POD: Kind = kind("v1", "Pod", "pods");
pub(crate) const REQUEST: Kind =
    kind("ops.kubedb.com/v1alpha1", "MySQLOpsRequest", "mysqlopsrequests");
pub(crate) const ROTATION: Kind = kind("certrotor.dev/v1alpha1", "Rotation", "rotations");
pub(crate) const SECRET: Kind = kind("v1", "Secret", "secrets");
pub(crate) const SERVICE: Kind = kind("v1", "Service", "services");
pub(crate) const SET: Kind = kind("apps/v1", "StatefulSet", "statefulsets");
pub(crate) const WIDGET: Kind = kind("conformance.certrotor.dev/v1", "Widget", "widgets");

impl Kind {
    /// The path of its objects in a namespace; an empty one: in all.
    pub(crate) fn path(&self, namespace: &str) -> String {
        let root = if self.api_version.contains('/') { "/apis" } else { "/api" };
        let (api_version, plural) = (self.api_version, self.plural);
        if self.namespaced && !namespace.is_empty() {
            format!("{root}/{api_version}/namespaces/{namespace}/{plural}")
        } else {
            format!("{root}/{api_version}/{plural}")
        }
    }

    /// An object of this kind.
    pub(crate) fn object(&self, mut object: Value) -> Value {
        object["apiVersion"] = json!(self.api_version);
        object["kind"] = json!(self.name);
        object
    }
}

/// A pod on a node that is not there, so that nobody runs it.
pub(crate) fn pod(name: &str, node: Option<&str>) -> Value {
    let mut pod = json!({
        "metadata": {"name": name, "labels": {"app": "db"}},
        "spec": {"containers": [{"name": "mysql", "image": "mysql:9.1"}]},
    });
    if let Some(node) = node {
        pod["spec"]["nodeName"] = json!(node);
    }
    pod
}

/// A schema with everything that a schema can say about a list or a map.
fn widget_spec() -> Value {
    let key = json!({"type": "string"});
    let entries = |more: Value| {
        let mut entry = json!({"type": "object", "required": ["name"], "properties": {
            "name": key, "value": {"type": "string"}, "protocol": {"type": "string", "default": "TCP"},
        }});
        for (field, value) in more.as_object().into_iter().flatten() {
            entry[field] = value.clone();
        }
        entry
    };
    json!({"type": "object", "properties": {
        "atomic": {"type": "array", "items": entries(json!({}))},
        "byKey": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name", "protocol"],
            "items": entries(json!({})),
        },
        "choice": {"type": "string", "enum": ["small", "large"]},
        "count": {"type": "integer", "minimum": 0, "maximum": 9},
        "defaulted": {"type": "object", "default": {}, "properties": {
            "level": {"type": "integer", "default": 3},
        }},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "maybe": {"type": "string", "nullable": true},
        "nested": {"type": "object", "properties": {"a": key, "b": key}},
        "port": {"x-kubernetes-int-or-string": true},
        "replicas": {"type": "integer"},
        "set": {
            "type": "array",
            "x-kubernetes-list-type": "set",
            "items": {"type": "string"},
        },
        "text": {"type": "string", "minLength": 2, "maxLength": 5, "pattern": "^[a-z]*$"},
        "whole": {
            "type": "object",
            "x-kubernetes-map-type": "atomic",
            "properties": {"a": key, "b": key},
        },
    }})
}

fn widget_status() -> Value {
    let key = json!({"type": "string"});
    json!({"type": "object", "properties": {
        "phase": key,
        "replicas": {"type": "integer"},
        "selector": key,
        "conditions": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
            "items": {"type": "object", "required": ["type"], "properties": {
                "type": key, "status": key, "message": key,
            }},
        },
    }})
}

/// The definition of a kind for whatever no other kind has.
pub(crate) fn widgets() -> Value {
    DEFINITION.object(json!({
        "metadata": {"name": "widgets.conformance.certrotor.dev"},
        "spec": {
            "group": "conformance.certrotor.dev",
            "names": {"kind": "Widget", "listKind": "WidgetList", "plural": "widgets", "singular": "widget"},
            "scope": "Namespaced",
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "subresources": {
                    "status": {},
                    "scale": {
                        "specReplicasPath": ".spec.replicas",
                        "statusReplicasPath": ".status.replicas",
                        "labelSelectorPath": ".status.selector",
                    },
                },
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "properties": {"spec": widget_spec(), "status": widget_status()},
                }},
            }],
        },
    }))
}
