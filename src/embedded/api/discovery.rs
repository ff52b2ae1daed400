//! Discovery: which groups, versions and resources there are, all at once or one by one.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::call::Params;
use super::failure::Failure;
use super::kind::{Kind, Registry, Version};
use super::reviews::REVIEWS;

/// What every object of a kind can be asked for.
const VERBS: &[&str] =
    &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// The same in the order that custom kinds list it.
const CUSTOM_VERBS: &[&str] =
    &["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

/// The groups of Kubernetes itself, in the order in which clients look names up in them. Others
/// come after them, by name.
const ORDER: [&str; 8] = [
    "",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "policy",
    "apiextensions.k8s.io",
    "coordination.k8s.io",
];

/// A group and its versions, the preferred one first.
struct Group {
    name: String,
    versions: Vec<String>,
}

/// What a URL may name.
struct Served<'a> {
    plural: &'a str,
    singular: String,
    kind: &'a str,
    short_names: &'a [String],
    categories: &'a [String],
    namespaced: bool,
    verbs: &'static [&'static str],
    subresources: Vec<Subresource<'a>>,
}

/// A part of an object, or something done to it, that has a URL of its own.
struct Subresource<'a> {
    name: &'static str,
    /// Group, version and kind of what is sent and received.
    speaks: (&'a str, &'a str, &'a str),
    verbs: &'static [&'static str],
}

/// Whether the client wants to be told everything at once.
pub(super) fn wants_all(params: &Params) -> bool {
    params.accept.split(',').any(|offer| {
        let has = |wanted: &str| offer.split(';').any(|part| part.trim() == wanted);
        has("application/json")
            && has("as=APIGroupDiscoveryList")
            && has("g=apidiscovery.k8s.io")
            && has("v=v2")
    })
}

/// Everything below `/api` or, if not `core`, below `/apis`.
pub(super) fn all(registry: &Registry, core: bool) -> Value {
    let groups = groups(registry).into_iter().filter(|group| group.name.is_empty() == core);
    let items = groups.map(|group| {
        let versions = group.versions.iter().map(|version| {
            let resources = served(registry, &group.name, version);
            let resources = resources.iter().map(|served| served.entry(&group.name, version));
            json!({
                "version": version,
                "resources": resources.collect::<Vec<_>>(),
                "freshness": "Current",
            })
        });
        let versions: Vec<Value> = versions.collect();
        let meta = if core { json!({}) } else { json!({ "name": group.name }) };
        json!({"metadata": meta, "versions": versions})
    });
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items.collect::<Vec<_>>(),
    })
}

/// One page of the older kind of discovery.
pub(super) fn page(registry: &Registry, path: &[&str]) -> Result<Value, Failure> {
    match *path {
        ["api"] => Ok(json!({"kind": "APIVersions", "versions": ["v1"]})),
        ["apis"] => {
            let groups = groups(registry).into_iter().filter(|group| !group.name.is_empty());
            let groups: Vec<Value> = groups.map(|group| group.summary()).collect();
            Ok(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
        }
        ["api", version] => resources(registry, "", version),
        ["apis", name] => {
            let found = groups(registry).into_iter().find(|group| group.name == name);
            let mut group = found.ok_or_else(Failure::no_such_path)?.summary();
            group["kind"] = json!("APIGroup");
            group["apiVersion"] = json!("v1");
            Ok(group)
        }
        ["apis", group, version] => resources(registry, group, version),
        _ => Err(Failure::no_such_path()),
    }
}

fn resources(registry: &Registry, group: &str, version: &str) -> Result<Value, Failure> {
    let served = served(registry, group, version);
    if served.is_empty() {
        return Err(Failure::no_such_path());
    }
    Ok(json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version(group, version),
        "resources": served.iter().flat_map(Served::plain_entries).collect::<Vec<_>>(),
    }))
}

/// `<group>/<version>`, or the version alone for the core group.
pub(super) fn group_version(group: &str, version: &str) -> String {
    match group {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    }
}

fn groups(registry: &Registry) -> Vec<Group> {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let kinds = registry.kinds().flat_map(|kind| {
        let versions = kind.versions.iter();
        versions.map(|version| (kind.group.as_str(), version.name.as_str()))
    });
    let reviews = REVIEWS.iter().map(|review| (review.group, review.version));
    for (group, version) in kinds.chain(reviews) {
        let known = versions.entry(group.to_owned()).or_default();
        if !known.iter().any(|known| known == version) {
            known.push(version.to_owned());
        }
    }
    let mut groups: Vec<Group> = versions
        .into_iter()
        .map(|(name, mut versions)| {
            versions.sort_by_key(|version| rank(version));
            Group { name, versions }
        })
        .collect();
    let place = |group: &Group| ORDER.iter().position(|known| *known == group.name);
    groups.sort_by_key(|group| place(group).unwrap_or(ORDER.len()));
    groups
}

/// Sorts versions as Kubernetes prefers them: `v2`, `v1`, `v1beta2`, `v1beta1`, `v1alpha1`.
fn rank(version: &str) -> (u8, i64, i64, String) {
    let number = |text: &str| text.parse::<i64>().unwrap_or(0);
    let rest = version.strip_prefix('v').unwrap_or(version);
    let (stage, major, minor) = if let Some((major, minor)) = rest.split_once("alpha") {
        (2, number(major), number(minor))
    } else if let Some((major, minor)) = rest.split_once("beta") {
        (1, number(major), number(minor))
    } else {
        (0, number(rest), 0)
    };
    (stage, -major, -minor, version.to_owned())
}

impl Group {
    fn summary(&self) -> Value {
        let name = &self.name;
        let entry = |version: &String| json!({"groupVersion": format!("{name}/{version}"), "version": version});
        json!({
            "name": name,
            "versions": self.versions.iter().map(entry).collect::<Vec<_>>(),
            "preferredVersion": self.versions.first().map(entry),
        })
    }
}

fn served<'a>(registry: &'a Registry, group: &'a str, version: &'a str) -> Vec<Served<'a>> {
    let kinds = registry.kinds().filter(|kind| kind.group == group).filter_map(|kind| {
        let found = kind.versions.iter().find(|served| served.name == version)?;
        Some(Served::kind(kind, found))
    });
    let reviews =
        REVIEWS.iter().filter(|review| (review.group, review.version) == (group, version));
    let reviews = reviews.map(|review| Served {
        plural: review.plural,
        singular: review.kind.to_lowercase(),
        kind: review.kind,
        short_names: &[],
        categories: &[],
        namespaced: false,
        verbs: &["create"],
        subresources: Vec::new(),
    });
    kinds.chain(reviews).collect()
}

impl<'a> Served<'a> {
    fn kind(kind: &'a Kind, version: &'a Version) -> Self {
        Self {
            plural: &kind.plural,
            singular: kind.singular.clone(),
            kind: &kind.kind,
            short_names: &kind.short_names,
            categories: &kind.categories,
            namespaced: kind.namespaced,
            verbs: if kind.is_custom() { CUSTOM_VERBS } else { VERBS },
            subresources: subresources(kind, version),
        }
    }

    /// The entry of a page that tells all at once.
    fn entry(&self, group: &str, version: &str) -> Value {
        let mut entry = json!({
            "resource": self.plural,
            "responseKind": {"group": group, "version": version, "kind": self.kind},
            "scope": if self.namespaced { "Namespaced" } else { "Cluster" },
            "singularResource": self.singular,
            "verbs": self.verbs,
        });
        self.add_names(&mut entry);
        let subresources = self.subresources.iter().map(|part| {
            let (group, version, kind) = part.speaks;
            json!({
                "subresource": part.name,
                "responseKind": {"group": group, "version": version, "kind": kind},
                "verbs": part.verbs,
            })
        });
        let subresources: Vec<Value> = subresources.collect();
        if !subresources.is_empty() {
            entry["subresources"] = json!(subresources);
        }
        entry
    }

    /// The entries of a page about one group and version.
    fn plain_entries(&self) -> Vec<Value> {
        let mut entry = json!({
            "name": self.plural,
            "singularName": self.singular,
            "namespaced": self.namespaced,
            "kind": self.kind,
            "verbs": self.verbs,
        });
        self.add_names(&mut entry);
        let parts = self.subresources.iter().map(|part| {
            let (group, version, kind) = part.speaks;
            let mut entry = json!({
                "name": format!("{}/{}", self.plural, part.name),
                "singularName": "",
                "namespaced": self.namespaced,
                "kind": kind,
                "verbs": part.verbs,
            });
            if kind != self.kind {
                entry["group"] = json!(group);
                entry["version"] = json!(version);
            }
            entry
        });
        std::iter::once(entry).chain(parts).collect()
    }

    fn add_names(&self, entry: &mut Value) {
        if !self.short_names.is_empty() {
            entry["shortNames"] = json!(self.short_names);
        }
        if !self.categories.is_empty() {
            entry["categories"] = json!(self.categories);
        }
    }
}

fn subresources<'a>(kind: &'a Kind, version: &'a Version) -> Vec<Subresource<'a>> {
    let mut parts = Vec::new();
    if kind.group.is_empty() && kind.plural == "pods" {
        let speaks = ("policy", "v1", "Eviction");
        parts.push(Subresource { name: "eviction", speaks, verbs: &["create"] });
    }
    if version.scale.is_some() {
        let speaks = ("autoscaling", "v1", "Scale");
        parts.push(Subresource { name: "scale", speaks, verbs: &["get", "patch", "update"] });
    }
    if version.has_status {
        let speaks = (kind.group.as_str(), version.name.as_str(), kind.kind.as_str());
        parts.push(Subresource { name: "status", speaks, verbs: &["get", "patch", "update"] });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_version_comes_first() {
        let mut versions = ["v1alpha1", "v1beta1", "v10", "v1", "v1beta2", "v2alpha1", "v2"];
        versions.sort_by_key(|version| rank(version));
        assert_eq!(versions, ["v10", "v2", "v1", "v1beta2", "v1beta1", "v2alpha1", "v1alpha1"]);
    }
}
