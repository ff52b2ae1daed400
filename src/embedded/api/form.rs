//! Bringing an object into the form that its kind has: unknown fields, defaults, rules.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use super::call::Params;
use super::failure::{About, Cause, Failure};
use super::fields::{drop_empty, settle_nulls};
use super::kind::{CheckedBy, Resource, fill_builtin_defaults};
use super::names::check_metadata;
use super::object;
use super::rules;
use super::schema::{fill_defaults, prune, validate};

/// What to do about fields that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    Drop,
    Refuse,
    Warn,
}

impl Unknown {
    /// Reads the parameter `fieldValidation`.
    pub(super) fn read(params: &Params) -> Result<Self, Failure> {
        match params.text("fieldValidation") {
            "Ignore" => Ok(Self::Drop),
            "Strict" => Ok(Self::Refuse),
            "" | "Warn" => Ok(Self::Warn),
            other => Err(Failure::bad_request(format!(
                "fieldValidation: Unsupported value: {other:?}: supported values: \"Ignore\", \
                 \"Strict\", \"Warn\""
            ))),
        }
    }
}

/// Checks `apiVersion` and `kind`.
pub(super) fn check_type(resource: &Resource, value: &Value) -> Result<(), Failure> {
    let expected = (resource.api_version(), resource.kind.kind.clone());
    let found = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (found("apiVersion"), found("kind"));
    if !value.is_object() || kind.is_empty() {
        let why = "Object 'Kind' is missing in the body of the request";
        return Err(Failure::bad_request(why));
    }
    if kind != expected.1 && resource.is_custom() {
        let about = About { resource: &kind, ..resource.about(object::name(value)) };
        let why = format!("must be {}", expected.1);
        return Err(Failure::invalid(about, &[Cause::invalid("kind", &json!(kind), &why)]));
    }
    if kind != expected.1 {
        return Err(Failure::bad_request(format!(
            "{kind} in version {:?} cannot be handled as a {}: no kind {kind:?} is registered for \
             version {api_version:?} in scheme \"pkg/runtime/scheme.go:111\"",
            resource.version().name,
            expected.1
        )));
    }
    if api_version != expected.0 {
        return Err(Failure::bad_request(format!(
            "the API version in the data ({api_version}) does not match the expected API version \
             ({})",
            expected.0
        )));
    }
    Ok(())
}

/// Drops what the kind does not know and fills in defaults; says which fields were dropped.
pub(super) fn shape(resource: &Resource, value: &mut Value) -> Result<Vec<String>, Failure> {
    match resource.kind.nature.checked_by {
        CheckedBy::Schema => shape_custom(resource, value),
        CheckedBy::Type { read, .. } => shape_builtin(resource, value, read),
    }
}

fn shape_custom(resource: &Resource, value: &mut Value) -> Result<Vec<String>, Failure> {
    let meta = value["metadata"].take();
    let read = serde_json::from_value::<ObjectMeta>(meta.clone()).and_then(serde_json::to_value);
    let known = read.map_err(|error| malformed(resource, &error))?;
    let mut dropped = Vec::new();
    compare(&meta, &known, "metadata", &mut dropped);
    value["metadata"] = known;
    drop_empty(resource, value)?;

    let schema = &resource.version().schema;
    prune(schema, value, "", &mut dropped);
    fill_defaults(schema, value);
    Ok(dropped)
}

fn shape_builtin(
    resource: &Resource,
    value: &mut Value,
    read: fn(Value) -> Result<Value, serde_json::Error>,
) -> Result<Vec<String>, Failure> {
    settle_nulls(resource, value)?;
    let known = read(value.clone()).map_err(|error| malformed(resource, &error))?;
    let mut dropped = Vec::new();
    compare(value, &known, "", &mut dropped);
    *value = known;
    fill_builtin_defaults(&resource.kind.kind, value);
    // What was filled in may itself want filling in.
    *value = read(value.take()).map_err(|error| malformed(resource, &error))?;
    drop_empty(resource, value)?;
    Ok(dropped)
}

fn malformed(resource: &Resource, error: &serde_json::Error) -> Failure {
    let (kind, version) = (&resource.kind.kind, &resource.version().name);
    Failure::bad_request(format!(
        "{kind} in version {version:?} cannot be handled as a {kind}: {error}"
    ))
}

/// The fields of `given` that are not in `known`.
fn compare(given: &Value, known: &Value, path: &str, dropped: &mut Vec<String>) {
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => {
            for (name, value) in given {
                let at = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                match known.get(name) {
                    Some(known) => compare(value, known, &at, dropped),
                    None if value.is_null() => {}
                    None => dropped.push(at),
                }
            }
        }
        (Value::Array(given), Value::Array(known)) => {
            for (at, (given, known)) in given.iter().zip(known).enumerate() {
                compare(given, known, &format!("{path}[{at}]"), dropped);
            }
        }
        _ => {}
    }
}

/// Turns the unknown fields into warnings, or into a refusal.
pub(super) fn report_unknown(
    resource: &Resource,
    unknown: Unknown,
    dropped: &[String],
) -> Result<Vec<String>, Failure> {
    let words = dropped.iter().map(|field| format!("unknown field {field:?}"));
    let words: Vec<String> = words.collect();
    match unknown {
        Unknown::Refuse if !words.is_empty() => {
            let (kind, version) = (&resource.kind.kind, &resource.version().name);
            let words = words.join(", ");
            Err(Failure::bad_request(format!(
                "{kind} in version {version:?} cannot be handled as a {kind}: strict decoding \
                 error: {words}"
            )))
        }
        Unknown::Warn => Ok(words),
        Unknown::Drop | Unknown::Refuse => Ok(Vec::new()),
    }
}

/// Holds the finished object to every rule.
pub(super) fn check(resource: &Resource, value: &Value) -> Result<(), Failure> {
    let mut causes = check_metadata(resource, value);
    causes.extend(broken_rules(resource, None, value));
    refuse(resource, value, &causes)
}

/// Which rules of its own kind the object breaks; `old` is what it was.
pub(super) fn broken_rules(resource: &Resource, old: Option<&Value>, value: &Value) -> Vec<Cause> {
    if resource.is_custom() {
        validate(&resource.version().schema, value)
    } else {
        rules::broken(resource, old, value)
    }
}

/// Refuses the object if anything is wrong with it.
pub(super) fn refuse(resource: &Resource, value: &Value, causes: &[Cause]) -> Result<(), Failure> {
    if causes.is_empty() {
        return Ok(());
    }
    let about = resource.about_kind(object::name(value));
    Err(Failure::invalid(about, causes))
}

/// The object as this version of its kind shows it.
pub(super) fn present(resource: &Resource, stored: &Value) -> Value {
    let mut shown = stored.clone();
    match (resource.kind.group.as_str(), resource.kind.plural.as_str()) {
        ("", "events") => add_empty(&mut shown, &EMPTY_EVENT_FIELDS),
        ("events.k8s.io", "events") => {
            rename(&mut shown, &EVENT_FIELDS);
            add_empty(&mut shown, &EMPTY_NEW_EVENT_FIELDS);
        }
        _ => {}
    }
    shown["apiVersion"] = json!(resource.api_version());
    shown["kind"] = json!(resource.kind.kind);
    shown
}

/// The object as it is stored, from the version that was sent.
pub(super) fn store_form(resource: &Resource, mut shown: Value) -> Value {
    if resource.is("events.k8s.io", "events") {
        let back = EVENT_FIELDS.map(|(old, new)| (new, old));
        rename(&mut shown, &back);
        shown["apiVersion"] = json!("v1");
    } else {
        shown["apiVersion"] = json!(resource.kind.storage_version());
    }
    shown
}

/// How the fields of an Event are called in `v1` and in `events.k8s.io/v1`.
const EVENT_FIELDS: [(&str, &str); 7] = [
    ("count", "deprecatedCount"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("involvedObject", "regarding"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
];

/// The fields that an Event shows even when there is nothing in them, as JSON.
const EMPTY_EVENT_FIELDS: [(&str, &str); 7] = [
    ("eventTime", "null"),
    ("firstTimestamp", "null"),
    ("involvedObject", "{}"),
    ("lastTimestamp", "null"),
    ("reportingComponent", r#""""#),
    ("reportingInstance", r#""""#),
    ("source", "{}"),
];
const EMPTY_NEW_EVENT_FIELDS: [(&str, &str); 5] = [
    ("deprecatedFirstTimestamp", "null"),
    ("deprecatedLastTimestamp", "null"),
    ("deprecatedSource", "{}"),
    ("eventTime", "null"),
    ("regarding", "{}"),
];

fn add_empty(value: &mut Value, fields: &[(&str, &str)]) {
    for (field, empty) in fields {
        if value.get(*field).is_none() {
            value[*field] = serde_json::from_str(empty).unwrap_or_default();
        }
    }
}

fn rename(value: &mut Value, names: &[(&str, &str)]) {
    let Some(fields) = value.as_object_mut() else {
        return;
    };
    for (from, to) in names {
        if let Some(value) = fields.remove(*from) {
            fields.insert((*to).to_owned(), value);
        }
    }
}
