//! Objects as JSON: the parts that all of them have.

use serde_json::{Map, Value, json};

use crate::core::time::Time;

/// `metadata.name`; empty when there is none.
pub(super) fn name(object: &Value) -> &str {
    meta_text(object, "name")
}

/// `metadata.namespace`; empty when there is none.
pub(super) fn namespace(object: &Value) -> &str {
    meta_text(object, "namespace")
}

/// `metadata.uid`.
pub(super) fn uid(object: &Value) -> &str {
    meta_text(object, "uid")
}

/// `metadata.resourceVersion`.
pub(super) fn resource_version(object: &Value) -> &str {
    meta_text(object, "resourceVersion")
}

/// A text in `metadata`; empty when there is none.
pub(super) fn meta_text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

/// Whether the object waits for its finalizers or its grace period.
pub(super) fn is_deleting(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

/// `metadata.finalizers`.
pub(super) fn finalizers(object: &Value) -> Vec<&str> {
    let finalizers = object["metadata"]["finalizers"].as_array();
    finalizers.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// `metadata.labels`.
pub(super) fn labels(object: &Value) -> impl Iterator<Item = (&str, &str)> {
    let labels = object["metadata"]["labels"].as_object();
    let labels = labels.into_iter().flatten();
    labels.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

/// `metadata`, made if it is not there.
pub(super) fn meta_mut(object: &mut Value) -> &mut Map<String, Value> {
    part_mut(object, "metadata")
}

/// A part of an object, made if it is not there; whatever else stood there is replaced.
pub(super) fn part_mut<'a>(object: &'a mut Value, part: &str) -> &'a mut Map<String, Value> {
    if !object.is_object() {
        *object = json!({});
    }
    let part = &mut object[part];
    if !part.is_object() {
        *part = json!({});
    }
    match part {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            unreachable!("it was just made an object")
        }
    }
}

/// Sets a field of `metadata`, or removes it when there is no value.
pub(super) fn set_meta(object: &mut Value, field: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(meta_mut(object).insert(field.to_owned(), value)),
        None => drop(meta_mut(object).remove(field)),
    }
}

/// Makes a field of `to` what it is in `from`, absence included.
pub(super) fn copy_field(from: &Value, to: &mut Value, field: &str) {
    let Some(to) = to.as_object_mut() else {
        return;
    };
    match from.get(field) {
        Some(value) => drop(to.insert(field.to_owned(), value.clone())),
        None => drop(to.remove(field)),
    }
}

/// A moment as `metadata` writes it.
pub(super) fn timestamp(time: Time) -> Value {
    json!(time.to_string())
}

/// Whether two objects differ in nothing but the resourceVersion and when fields were last managed.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    let (Some(one), Some(other)) = (one.as_object(), other.as_object()) else {
        return one == other;
    };
    one.len() == other.len()
        && one.iter().all(|(field, value)| match other.get(field) {
            Some(other) if field == "metadata" => same_meta(value, other),
            Some(other) => value == other,
            None => false,
        })
}

fn same_meta(one: &Value, other: &Value) -> bool {
    let relevant = |meta: &Value| {
        let mut meta = meta.clone();
        if let Some(meta) = meta.as_object_mut() {
            meta.remove("resourceVersion");
        }
        let managers = meta.get_mut("managedFields").and_then(Value::as_array_mut);
        for manager in managers.into_iter().flatten() {
            if let Some(manager) = manager.as_object_mut() {
                manager.remove("time");
            }
        }
        meta
    };
    relevant(one) == relevant(other)
}
