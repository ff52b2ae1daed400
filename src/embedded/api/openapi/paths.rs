//! What can be done at which path, as far as clients look: kubectl finds a kind by it, and learns
//! that patches may be validated.

use serde_json::{Map, Value, json};

use super::{gvk, path_of};
use crate::embedded::api::kind::{Kind, Version};

/// The paths of a kind.
pub(super) fn of(kind: &Kind, version: &Version) -> Map<String, Value> {
    let root = format!("/{}", path_of(&kind.group, &version.name));
    let plural = &kind.plural;
    let collection = if kind.namespaced {
        format!("{root}/namespaces/{{namespace}}/{plural}")
    } else {
        format!("{root}/{plural}")
    };
    let operation = |action: &str, done: &str| operation(kind, version, action, done);
    let mut paths = Map::new();
    if kind.namespaced {
        let everywhere = json!({"get": operation("list", "list")});
        paths.insert(format!("{root}/{plural}"), everywhere);
    }
    let object = json!({
        "get": operation("get", "read"),
        "put": operation("put", "replace"),
        "patch": patch(operation("patch", "partially update")),
        "delete": operation("delete", "delete"),
    });
    if version.has_status {
        let status = json!({
            "get": operation("get", "read status of"),
            "put": operation("put", "replace status of"),
            "patch": patch(operation("patch", "partially update status of")),
        });
        paths.insert(format!("{collection}/{{name}}/status"), status);
    }
    paths.insert(format!("{collection}/{{name}}"), object);
    let all = json!({
        "get": operation("list", "list or watch"),
        "post": operation("post", "create"),
        "delete": operation("deletecollection", "delete collection of"),
    });
    paths.insert(collection, all);
    paths
}

fn operation(kind: &Kind, version: &Version, action: &str, done: &str) -> Value {
    json!({
        "description": format!("{done} {}", kind.kind),
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": gvk(kind, version),
        "responses": {"200": {"description": "OK"}, "401": {"description": "Unauthorized"}},
    })
}

/// Strategic merge patches are left out: whoever finds them here looks for merge keys in the
/// schemas, and kubectl knows those of Kubernetes' own kinds by itself.
fn patch(mut operation: Value) -> Value {
    let parameters = ["dryRun", "fieldManager", "fieldValidation", "force", "pretty"];
    let parameters = parameters.map(|name| {
        let form = if name == "force" { "boolean" } else { "string" };
        json!({"name": name, "in": "query", "schema": {"type": form, "uniqueItems": true}})
    });
    let content = [
        "application/apply-patch+yaml",
        "application/json-patch+json",
        "application/merge-patch+json",
    ];
    let content = content.map(|kind| (kind.to_owned(), json!({"schema": {"type": "object"}})));
    operation["parameters"] = json!(parameters);
    operation["requestBody"] = json!({"content": Map::from_iter(content), "required": true});
    operation
}
