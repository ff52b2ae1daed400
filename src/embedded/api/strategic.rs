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
    let orders = wanted_orders(target, patch, in_container);
    for (field, change) in patch {
        merge_field(target, field, change, in_container);
    }
    for order in orders {
        if let Some(entries) = target.get_mut(order.list).and_then(Value::as_array_mut) {
            order.bring(entries);
        }
    }
}

/// In which order the entries of a list are to be.
struct Order<'a> {
    list: &'a str,
    key: Option<&'static str>,
    /// First of all those that the patch mentions, as it does.
    wanted: Vec<Value>,
    /// The others stand where they stood among them.
    before: Vec<Value>,
}

/// The orders that a patch asks for in so many words: `$setElementOrder/<list>`.
fn wanted_orders<'a>(
    target: &Map<String, Value>,
    patch: &'a Map<String, Value>,
    in_container: bool,
) -> Vec<Order<'a>> {
    let orders = patch.iter().filter_map(|(field, wanted)| {
        let list = field.strip_prefix("$setElementOrder/")?;
        let key = merge_keys(list, in_container)?.first().copied();
        let ids = |entries: Option<&Value>| {
            let entries = entries.and_then(Value::as_array);
            entries.into_iter().flatten().map(|entry| id(entry, key)).collect()
        };
        Some(Order { list, key, wanted: ids(Some(wanted)), before: ids(target.get(list)) })
    });
    orders.collect()
}

/// What tells an entry of a list from the others.
fn id(entry: &Value, key: Option<&str>) -> Value {
    key.map_or_else(|| entry.clone(), |key| entry[key].clone())
}

impl Order<'_> {
    fn bring(&self, entries: &mut Vec<Value>) {
        let place = |order: &[Value], entry: &Value| {
            let id = id(entry, self.key);
            order.iter().position(|known| *known == id)
        };
        let (mut mentioned, others): (Vec<Value>, Vec<Value>) = std::mem::take(entries)
            .into_iter()
            .partition(|entry| place(&self.wanted, entry).is_some());
        mentioned.sort_by_key(|entry| place(&self.wanted, entry));
        let (mut others, mut mentioned) =
            (others.into_iter().peekable(), mentioned.into_iter().peekable());
        loop {
            let next = match (others.peek(), mentioned.peek()) {
                (None, None) => return,
                (Some(_), None) => others.next(),
                (None, Some(_)) => mentioned.next(),
                (Some(other), Some(entry)) => {
                    match (place(&self.before, other), place(&self.before, entry)) {
                        (Some(other), Some(entry)) if other < entry => others.next(),
                        _ => mentioned.next(),
                    }
                }
            };
            entries.extend(next);
        }
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

fn merge_list(slot: &mut Value, changes: &[Value], keys: &[&'static str], in_container: bool) {
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
    let key = keys.first().copied();
    let ids = |entries: &[Value]| entries.iter().map(|entry| id(entry, key)).collect();
    let order = Order { list: "", key, wanted: ids(changes), before: ids(entries) };
    for change in changes {
        let found = entries.iter().position(|entry| id(entry, key) == id(change, key));
        match found {
            Some(at) if change["$patch"] == "delete" => drop(entries.remove(at)),
            Some(at) => merge_value(&mut entries[at], change, in_container),
            None if change["$patch"] == "delete" => {}
            None => {
                let mut entry = Value::Null;
                merge_value(&mut entry, change, in_container);
                entries.push(entry);
            }
        }
    }
    order.bring(entries);
}
