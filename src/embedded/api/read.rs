//! GET of one object and of lists.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::call::{Call, Params};
use super::failure::{Cause, Failure};
use super::form;
use super::kind::Resource;
use super::selector::Filter;
use super::store::{Key, Store};

/// One object.
pub(super) fn get(store: &Store, resource: &Resource, call: &Call) -> Result<Value, Failure> {
    let key = Key {
        resource: Arc::clone(&resource.kind.stored_as),
        namespace: call.namespace.clone(),
        name: call.name.clone(),
    };
    match store.get(&key) {
        Some(object) => Ok(form::present(resource, object)),
        None => Err(Failure::not_found(resource.about(&call.name))),
    }
}

/// Which list is asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    filter: Filter,
    limit: Option<usize>,
    at: At,
    after: Option<(String, String)>,
}

/// As of when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Exactly(u64),
    Now,
    NotBefore(u64),
}

impl Wanted {
    pub(super) fn read(resource: &Resource, params: &Params) -> Result<Self, Failure> {
        let filter =
            Filter::read(params.text("labelSelector"), params.text("fieldSelector"), resource)?;
        let version = revision(params.text("resourceVersion"))?;
        let (at, after) = match (params.text("continue"), params.text("resourceVersionMatch")) {
            ("", "") => (version.map_or(At::Now, At::NotBefore), None),
            ("", rule) => (rule_at(rule, version, resource)?, None),
            (_, _) if version.is_some_and(|version| version > 0) => {
                let why = "specifying resource version is not allowed when using continue";
                return Err(Failure::bad_request(why));
            }
            (token, _) => {
                let (revision, after) = read_token(token)?;
                (At::Exactly(revision), Some(after))
            }
        };
        // "Any version" comes from a cache, which does not page.
        let limit = match at {
            At::NotBefore(0) => None,
            At::Exactly(_) | At::Now | At::NotBefore(_) => params.number("limit")?,
        };
        Ok(Self {
            filter,
            limit: limit.filter(|limit| *limit > 0).and_then(|limit| usize::try_from(limit).ok()),
            at,
            after,
        })
    }

    /// The revision that the store must have reached.
    pub(super) fn not_before(&self) -> u64 {
        match self.at {
            At::Exactly(revision) | At::NotBefore(revision) => revision,
            At::Now => 0,
        }
    }
}

fn rule_at(rule: &str, version: Option<u64>, resource: &Resource) -> Result<At, Failure> {
    let refuse = |why: &str| {
        let cause = Cause::forbidden("resourceVersionMatch", why);
        Err(Failure::invalid(resource.about_kind(""), &[cause]))
    };
    match (rule, version) {
        (_, None) => refuse("resourceVersionMatch is forbidden unless resourceVersion is provided"),
        ("Exact", Some(0)) => {
            refuse("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"")
        }
        ("Exact", Some(version)) => Ok(At::Exactly(version)),
        ("NotOlderThan", Some(version)) => Ok(At::NotBefore(version)),
        (_, Some(_)) => refuse("supported values: \"Exact\", \"NotOlderThan\""),
    }
}

/// Reads a resourceVersion; none when it is empty.
pub(super) fn revision(text: &str) -> Result<Option<u64>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    let revision = text.parse().map(Some);
    revision.map_err(|_| {
        let why = format!("Invalid value: {text:?}: strconv.ParseUint: invalid syntax");
        Failure::bad_request(format!("resourceVersion: {why}"))
    })
}

/// A list.
pub(super) fn list(
    store: &Store,
    resource: &Resource,
    namespace: &str,
    wanted: &Wanted,
) -> Result<Value, Failure> {
    let (revision, objects) = match wanted.at {
        At::Exactly(revision) => {
            let objects = store.list_at(&resource.kind, namespace, revision);
            (revision, objects.ok_or_else(|| too_old(wanted))?)
        }
        At::Now | At::NotBefore(_) => (store.revision(), store.list(&resource.kind, namespace)),
    };
    let objects = objects.into_iter().filter(|(key, _)| match &wanted.after {
        Some((namespace, name)) => (&key.namespace, &key.name) > (namespace, name),
        None => true,
    });
    let shown = objects.map(|(key, object)| (key, form::present(resource, &object)));
    let mut selected: Vec<(Key, Value)> =
        shown.filter(|(_, object)| wanted.filter.matches(object)).collect();

    let mut meta = Map::new();
    meta.insert("resourceVersion".to_owned(), json!(revision.to_string()));
    if let Some(limit) = wanted.limit.filter(|limit| *limit < selected.len()) {
        let remaining = selected.len() - limit;
        selected.truncate(limit);
        if let Some((last, _)) = selected.last() {
            meta.insert("continue".to_owned(), json!(token(revision, last)));
        }
        if wanted.filter.is_everything() {
            meta.insert("remainingItemCount".to_owned(), json!(remaining));
        }
    }
    let items = selected.into_iter().map(|(_, object)| item(resource, object));
    let items: Vec<Value> = items.collect();
    Ok(json!({
        "kind": format!("{}List", resource.kind.kind),
        "apiVersion": resource.api_version(),
        "metadata": meta,
        "items": items,
    }))
}

/// Kubernetes' own kinds do not repeat in each item of a list what it is.
pub(super) fn item(resource: &Resource, mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut().filter(|_| !resource.is_custom()) {
        fields.remove("apiVersion");
        fields.remove("kind");
    }
    object
}

fn too_old(wanted: &Wanted) -> Failure {
    Failure::expired(match wanted.after {
        Some(_) => {
            "The provided continue parameter is too old to display a consistent list result. You \
             must start a new list without the continue parameter."
        }
        None => "The resourceVersion for the provided list is too old.",
    })
}

/// Where the next page begins. Clients hand it back as it is.
fn token(revision: u64, last: &Key) -> String {
    format!("{revision}/{}/{}", last.namespace, last.name)
}

fn read_token(token: &str) -> Result<(u64, (String, String)), Failure> {
    let mut parts = token.splitn(3, '/');
    let revision = parts.next().and_then(|revision| revision.parse().ok());
    match (revision, parts.next(), parts.next()) {
        (Some(revision), Some(namespace), Some(name)) => {
            Ok((revision, (namespace.to_owned(), name.to_owned())))
        }
        _ => Err(Failure::bad_request("continue key is not valid: it is not one of ours")),
    }
}
