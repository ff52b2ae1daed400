//! What of an answer is by chance, and how two answers differ otherwise.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::steps::{FIRST_VERSION, Step, UID, VERSION};
use crate::conformance::target::Reply;

/// What has been seen of one target.
#[derive(Default)]
pub(super) struct Normal {
    /// Each uid and resourceVersion, with the order in which it was first seen.
    seen: BTreeMap<String, usize>,
    /// What each object last was, by path and name.
    objects: BTreeMap<(String, String), Value>,
    first_versions: BTreeMap<(String, String), String>,
}

/// What admission plug-ins of a real server add to a Pod; the embedded one has none.
const BY_PLUGINS: [&str; 3] = ["preemptionPolicy", "priority", "tolerations"];

impl Normal {
    /// The body of a request, with what it says of an object that was seen.
    pub(super) fn fill_in(&self, step: &Step) -> Value {
        let key = (step.kind.path(""), step.name.to_owned());
        let object = self.objects.get(&key);
        let meta =
            |field: &str| object.map_or(Value::Null, |object| object["metadata"][field].clone());
        let mut body = step.body.clone();
        if step.on_top {
            let named = step.kind.object(json!({"metadata": {"name": step.name}}));
            let mut below = object.cloned().unwrap_or(named);
            json_patch::merge(&mut below, &body);
            body = below;
        }
        let first = self.first_versions.get(&key).map_or(json!("1"), |first| json!(first));
        let unknown =
            |value: Value, other: &str| if value.is_null() { json!(other) } else { value };
        replace(&mut body, UID, &unknown(meta("uid"), "none"));
        replace(&mut body, VERSION, &unknown(meta("resourceVersion"), "1"));
        replace(&mut body, FIRST_VERSION, &first);
        body
    }

    /// Notes what an answer says of an object.
    pub(super) fn see(&mut self, step: &Step, reply: &Reply) {
        self.note(&reply.body);
        let dry = step.path("").contains("dryRun=All") || step.body["dryRun"].is_array();
        if reply.body["kind"] != step.kind.name || dry {
            return;
        }
        let Some(name) = reply.body["metadata"]["name"].as_str() else {
            return;
        };
        let key = (step.kind.path(""), name.to_owned());
        if let Some(version) = reply.body["metadata"]["resourceVersion"].as_str() {
            self.first_versions.entry(key.clone()).or_insert_with(|| version.to_owned());
        }
        self.objects.insert(key, reply.body.clone());
    }

    fn note(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                let is_list = fields.contains_key("items");
                for (name, value) in fields {
                    let known = matches!(name.as_str(), "uid" | "resourceVersion");
                    match value.as_str().filter(|_| known) {
                        Some(text) => {
                            let next = self.seen.len();
                            self.seen.entry(text.to_owned()).or_insert(next);
                        }
                        // The version of a list is that of the whole store.
                        None if is_list && name == "metadata" => {}
                        None => self.note(value),
                    }
                }
            }
            Value::Array(entries) => entries.iter().for_each(|entry| self.note(entry)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// An answer without what is by chance.
    pub(super) fn of(&self, reply: &Reply) -> Value {
        let mut body = reply.body.clone();
        if body["items"].is_array() {
            body["metadata"] = json!({});
        }
        self.clean(&mut body);
        settle_order(&mut body);
        json!({"code": reply.code, "body": body, "warnings": reply.warnings})
    }

    fn clean(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|_, value| !value.is_null());
                for (name, value) in fields.iter_mut() {
                    let is_time = name == "time" || name.ends_with("Timestamp");
                    let counts = matches!(name.as_str(), "message" | "resourceVersion" | "uid");
                    match value {
                        Value::String(text) if is_time => "T".clone_into(text),
                        Value::String(text) if counts => *text = self.words(text),
                        Value::Array(entries) if name == "managedFields" => {
                            let order = |entry: &Value| {
                                ["manager", "operation", "subresource", "apiVersion"]
                                    .map(|field| entry[field].to_string())
                            };
                            entries.sort_by_key(order);
                            for entry in entries {
                                self.clean(entry);
                            }
                        }
                        Value::Object(spec) if name == "spec" => {
                            spec.retain(|name, _| !BY_PLUGINS.contains(&name.as_str()));
                            self.clean(value);
                        }
                        Value::Null
                        | Value::Bool(_)
                        | Value::Number(_)
                        | Value::String(_)
                        | Value::Array(_)
                        | Value::Object(_) => self.clean(value),
                    }
                }
            }
            Value::Array(entries) => {
                for entry in entries {
                    self.clean(entry);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// A text with numbers in place of uids and resourceVersions.
    fn words(&self, text: &str) -> String {
        if let Some(number) = self.seen.get(text) {
            return format!("#{number}");
        }
        let mut text = text.to_owned();
        for (seen, number) in &self.seen {
            if seen.len() > 20 {
                text = text.replace(seen.as_str(), &format!("#{number}"));
            } else {
                text = text.replace(&format!("({seen})"), &format!("(#{number})"));
            }
        }
        text
    }
}

/// In which order a real server tells what is wrong is by chance; and some sentences quote the whole
/// object as Go shows it.
fn settle_order(body: &mut Value) {
    if let Some(fields) =
        body.as_object_mut().filter(|fields| fields.get("details") == Some(&json!({})))
    {
        fields.remove("details");
    }
    if let Some(causes) = body.pointer_mut("/details/causes").and_then(Value::as_array_mut) {
        for cause in causes.iter_mut().filter(|cause| cause["field"] == "patch") {
            cause["message"] = json!("…");
        }
        causes.sort_by_key(ToString::to_string);
    }
    let Some(message) = body.get("message").and_then(Value::as_str).map(str::to_owned) else {
        return;
    };
    for quote in [" is invalid: [", "failed to create typed patch object", " is invalid: patch:"] {
        if let Some((head, _)) = message.split_once(quote) {
            body["message"] = json!(format!("{head}{quote}…"));
            return;
        }
    }
}

fn replace(value: &mut Value, what: &str, by: &Value) {
    match value {
        Value::String(text) if text == what => *value = by.clone(),
        Value::Object(fields) => fields.values_mut().for_each(|value| replace(value, what, by)),
        Value::Array(entries) => entries.iter_mut().for_each(|value| replace(value, what, by)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Where two values differ, and what they are there.
pub(super) fn differences(one: &Value, other: &Value) -> Vec<String> {
    let mut differences = Vec::new();
    differ(one, other, "", &mut differences);
    differences
}

fn differ(one: &Value, other: &Value, at: &str, differences: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for name in names {
                let part = |fields: &serde_json::Map<String, Value>| {
                    fields.get(name).cloned().unwrap_or_default()
                };
                differ(&part(one), &part(other), &format!("{at}/{name}"), differences);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (number, (one, other)) in one.iter().zip(other).enumerate() {
                differ(one, other, &format!("{at}/{number}"), differences);
            }
        }
        (one, other) if one != other => {
            differences.push(format!("{at}:\n    embedded {one}\n    real     {other}"));
        }
        _ => {}
    }
}
