//! `OpenAPI` v3: one document for each group and version, for `kubectl explain` and `kubectl apply`.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::discovery::group_version;
use super::failure::Failure;
use super::kind::{CheckedBy, Kind, Version};
use super::pages::{GIT_VERSION, digest};
use super::store::{Key, Store};

mod paths;

/// The document of a group and version.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) content: Value,
    /// What the index calls this state of it.
    pub(super) hash: String,
}

/// Where the documents are.
pub(super) fn index(store: &Store) -> Value {
    let mut paths = Map::new();
    for (group, version) in group_versions(store) {
        let path = path_of(&group, &version);
        let hash = hash(store, &group, &version);
        let url = json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash={hash}")});
        paths.insert(path, url);
    }
    json!({ "paths": paths })
}

/// The document at a path below `/openapi/v3`.
pub(super) fn document(store: &Store, path: &[&str]) -> Result<Document, Failure> {
    let (group, version) = match *path {
        ["api", version] => ("", version),
        ["apis", group, version] => (group, version),
        _ => return Err(Failure::no_such_path()),
    };
    let mut found = kinds(store, group, version).peekable();
    if found.peek().is_none() {
        return Err(Failure::no_such_path());
    }
    let mut generator = SchemaSettings::openapi3().into_generator();
    generator.subschema_for::<ObjectMeta>();
    let mut own = Map::new();
    let mut paths = Map::new();
    for (kind, version) in found {
        if let CheckedBy::Type { describe, .. } = kind.nature.checked_by {
            describe(&mut generator);
        } else {
            let schema = custom_schema(store, kind, version);
            own.insert(schema_name(kind, version), schema);
        }
        paths.extend(paths::of(kind, version));
    }
    let mut schemas = generator.take_definitions(true);
    for (kind, version) in kinds(store, group, version) {
        if let Some(schema) = schemas.get_mut(&schema_name(kind, version)) {
            mark(schema, kind, version);
            // Nobody has to write it down; only the Rust type always has it.
            if let Some(required) = schema["required"].as_array_mut() {
                required.retain(|field| field != "metadata");
            }
        }
    }
    schemas.extend(own);
    let content = json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": GIT_VERSION},
        "paths": paths,
        "components": {"schemas": schemas},
    });
    Ok(Document { content, hash: hash(store, group, version) })
}

/// The same for the same content: built-in kinds change with the program only.
fn hash(store: &Store, group: &str, version: &str) -> String {
    let mut text = env!("CARGO_PKG_VERSION").to_owned();
    for (kind, version) in kinds(store, group, version) {
        text.push_str(&kind.plural);
        if kind.is_custom() {
            text.push_str(&custom_schema(store, kind, version).to_string());
        }
    }
    digest(text.as_bytes())
}

fn group_versions(store: &Store) -> BTreeSet<(String, String)> {
    let kinds = store.registry.kinds();
    let versions = kinds.flat_map(|kind| {
        let versions = kind.versions.iter();
        versions.map(|version| (kind.group.clone(), version.name.clone()))
    });
    versions.collect()
}

fn kinds<'a>(
    store: &'a Store,
    group: &'a str,
    version: &'a str,
) -> impl Iterator<Item = (&'a Kind, &'a Version)> {
    let kinds = store.registry.kinds().filter(move |kind| kind.group == group);
    kinds.filter_map(move |kind| {
        let found = kind.versions.iter().find(|served| served.name == version)?;
        Some((kind.as_ref(), found))
    })
}

fn path_of(group: &str, version: &str) -> String {
    let prefix = if group.is_empty() { "api" } else { "apis" };
    format!("{prefix}/{}", group_version(group, version))
}

/// What a kind is called among the schemas.
fn schema_name(kind: &Kind, version: &Version) -> String {
    let (version, name) = (&version.name, &kind.kind);
    if kind.is_custom() {
        let group = kind.group.split('.').rev().collect::<Vec<_>>().join(".");
        return format!("{group}.{version}.{name}");
    }
    match kind.group.as_str() {
        "" => format!("io.k8s.api.core.{version}.{name}"),
        "apiextensions.k8s.io" => {
            format!("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.{version}.{name}")
        }
        group => {
            let first = group.split('.').next().unwrap_or(group);
            format!("io.k8s.api.{first}.{version}.{name}")
        }
    }
}

/// The schema in a kind's definition, and what every object has besides.
fn custom_schema(store: &Store, kind: &Kind, version: &Version) -> Value {
    let key = Key {
        resource: "customresourcedefinitions.apiextensions.k8s.io".into(),
        namespace: String::new(),
        name: kind.stored_as.to_string(),
    };
    let versions = store.get(&key).and_then(|definition| definition["spec"]["versions"].as_array());
    let found =
        versions.into_iter().flatten().find(|served| served["name"] == version.name.as_str());
    let mut schema = match found.map(|served| &served["schema"]["openAPIV3Schema"]) {
        Some(schema) if schema.is_object() => schema.clone(),
        _ => json!({"type": "object"}),
    };
    for (field, described) in [
        ("apiVersion", json!({"type": "string", "description": API_VERSION})),
        ("kind", json!({"type": "string", "description": KIND})),
        (
            "metadata",
            json!({
                "allOf": [{"$ref": format!("#/components/schemas/{OBJECT_META}")}],
                "description": METADATA,
            }),
        ),
    ] {
        schema["properties"][field] = described;
    }
    mark(&mut schema, kind, version);
    schema
}

/// Says which kind a schema is of.
fn mark(schema: &mut Value, kind: &Kind, version: &Version) {
    schema["x-kubernetes-group-version-kind"] = json!([gvk(kind, version)]);
}

fn gvk(kind: &Kind, version: &Version) -> Value {
    json!({"group": kind.group, "version": version.name, "kind": kind.kind})
}

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

// The words of every real server.
const API_VERSION: &str = "APIVersion defines the versioned schema of this representation of an \
    object. Servers should convert recognized schemas to the latest internal value, and may reject \
    unrecognized values. More info: https://git.k8s.io/community/contributors/devel/\
    sig-architecture/api-conventions.md#resources";
const KIND: &str = "Kind is a string value representing the REST resource this object represents. \
    Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In \
    CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/\
    api-conventions.md#types-kinds";
const METADATA: &str = "Standard object's metadata. More info: https://git.k8s.io/community/\
    contributors/devel/sig-architecture/api-conventions.md#metadata";
