//! Discovery: which groups, versions and resources there are.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::call::Params;
use super::failure::Failure;
use super::kind::{Kind, Registry, Version};

/// What every object of a kind can be asked for.
const VERBS: [&str; 8] =
    ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// Answers a request that is about no resource.
pub(super) fn answer(registry: &Registry, path: &str, _params: &Params) -> Result<Value, Failure> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts[..] {
        ["version"] => Ok(version()),
        ["api"] => Ok(json!({"kind": "APIVersions", "versions": ["v1"]})),
        ["apis"] => {
            let groups = groups(registry).into_iter();
            let groups: Vec<Value> =
                groups.map(|(name, versions)| group(&name, &versions)).collect();
            Ok(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
        }
        ["api", "v1"] => resources(registry, "", "v1"),
        ["apis", name] => match groups(registry).get(name) {
            Some(versions) => {
                let mut group = group(name, versions);
                group["kind"] = json!("APIGroup");
                group["apiVersion"] = json!("v1");
                Ok(group)
            }
            None => Err(Failure::no_such_path()),
        },
        ["apis", group, version] => resources(registry, group, version),
        _ => Err(Failure::no_such_path()),
    }
}

fn version() -> Value {
    json!({
        "major": "1",
        "minor": "36",
        "gitVersion": "v1.36.3",
        "gitCommit": "embedded",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "rustc",
        "platform": "linux/amd64",
    })
}

/// The versions of each group but the core one, the preferred first.
fn groups(registry: &Registry) -> BTreeMap<String, Vec<String>> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for kind in registry.kinds().filter(|kind| !kind.group.is_empty()) {
        let versions = groups.entry(kind.group.clone()).or_default();
        for version in &kind.versions {
            if !versions.contains(&version.name) {
                versions.push(version.name.clone());
            }
        }
    }
    groups
}

fn group(name: &str, versions: &[String]) -> Value {
    let entry =
        |version: &String| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    json!({
        "name": name,
        "versions": versions.iter().map(entry).collect::<Vec<_>>(),
        "preferredVersion": versions.first().map(entry),
    })
}

fn resources(registry: &Registry, group: &str, version: &str) -> Result<Value, Failure> {
    let mut resources = Vec::new();
    for kind in registry.kinds().filter(|kind| kind.group == group) {
        if let Some(version) = kind.versions.iter().find(|served| served.name == version) {
            resources.extend(entries(kind, version));
        }
    }
    if resources.is_empty() {
        return Err(Failure::no_such_path());
    }
    let group_version = match group {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    };
    Ok(json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": resources,
    }))
}

fn entries(kind: &Kind, version: &Version) -> Vec<Value> {
    let mut entry = json!({
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": VERBS,
    });
    if !kind.short_names.is_empty() {
        entry["shortNames"] = json!(kind.short_names);
    }
    if !kind.categories.is_empty() {
        entry["categories"] = json!(kind.categories);
    }
    let subresource = |name: &str, kind_name: &str, verbs: &[&str]| {
        json!({
            "name": format!("{}/{name}", kind.plural),
            "singularName": "",
            "namespaced": kind.namespaced,
            "kind": kind_name,
            "verbs": verbs,
        })
    };
    let mut entries = vec![entry];
    if kind.group.is_empty() && kind.plural == "pods" {
        let mut eviction = subresource("eviction", "Eviction", &["create"]);
        eviction["group"] = json!("policy");
        eviction["version"] = json!("v1");
        entries.push(eviction);
    }
    if version.scale.is_some() {
        let mut scale = subresource("scale", "Scale", &["get", "patch", "update"]);
        scale["group"] = json!("autoscaling");
        scale["version"] = json!("v1");
        entries.push(scale);
    }
    if version.has_status {
        entries.push(subresource("status", &kind.kind, &["get", "patch", "update"]));
    }
    entries
}
