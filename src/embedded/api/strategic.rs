//! Strategic merge patches, for Kubernetes' own kinds: lists are merged by key where their entries
//! have one.

use serde_json::{Map, Value};

use super::kind::merge_keys;

/// Merges a strategic patch into an object.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    merge_value(target, patch, false);
}

fn merge_value(target: &mut Value, patch: &Value, in_container: bool) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    match patch.get("$patch").and_then(Value::as_str) {
        Some("delete") => {
            *target = Value::Null;
            return;
        }
        Some("replace") => *target = Value::Object(Map::new()),
        _ => {}
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(target) = target.as_object_mut() else {
        return;
    };
    for (field, change) in patch {
        merge_field(target, field, change, in_container);
    }
}

fn merge_field(target: &mut Map<String, Value>, field: &str, change: &Value, in_container: bool) {
    if let Some(list) = field.strip_prefix("$deleteFromPrimitiveList/") {
        let gone = change.as_array().map_or(&[][..], Vec::as_slice);
        if let Some(entries) = target.get_mut(list).and_then(Value::as_array_mut) {
            entries.retain(|entry| !gone.contains(entry));
        }
        return;
    }
    // The order that a client asks for is that of its own entries: they come in it anyway.
    if field.starts_with('$') {
        return;
    }
    if change.is_null() {
        target.remove(field);
        return;
    }
    let slot = target.entry(field).or_insert(Value::Null);
    match (change.as_array(), merge_keys(field, in_container)) {
        (Some(changes), Some(keys)) => {
            let inside = matches!(field, "containers" | "initContainers" | "ephemeralContainers");
            merge_list(slot, changes, keys, in_container || inside);
        }
        _ => merge_value(slot, change, in_container),
    }
    if slot.is_null() {
        target.remove(field);
    }
}

fn merge_list(slot: &mut Value, changes: &[Value], keys: &[&str], in_container: bool) {
    if changes.iter().any(|change| change["$patch"] == "replace") {
        let kept = changes.iter().filter(|change| change.get("$patch").is_none());
        *slot = kept.cloned().collect();
        return;
    }
    if !slot.is_array() {
        *slot = Value::Array(Vec::new());
    }
    let Some(entries) = slot.as_array_mut() else {
        return;
    };
    // The protocol of a port is optional, so the first key decides.
    let key = keys.first();
    for change in changes {
        let found = entries.iter().position(|entry| match key {
            Some(key) => entry.get(*key) == change.get(*key),
            None => entry == change,
        });
        match found {
            Some(at) if change["$patch"] == "delete" => drop(entries.remove(at)),
            Some(at) => merge_value(&mut entries[at], change, in_container),
            None if change["$patch"] == "delete" => {}
            None => entries.push(change.clone()),
        }
    }
}
