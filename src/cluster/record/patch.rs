//! The write: a merge patch of what has changed, so that what somebody else put into the status
//! stays there.

use serde_json::{Map, Value, json};

use super::status;
use crate::core::record::{Record, Shown};

/// The body of the PATCH (of type merge, on `status`) that makes `new` out of `old`: a
/// compare-and-swap on that resourceVersion. None when nothing has changed.
pub fn status_patch(
    old: (&Record, &Shown),
    new: (&Record, &Shown),
    resource_version: &str,
) -> Option<Value> {
    if old == new {
        return None;
    }
    let written = |(record, shown)| serde_json::to_value(status(record, shown));
    // Texts and numbers only: writing them cannot fail.
    let (old, new) = (written(old).ok()?, written(new).ok()?);
    let changed = difference(&old, &new)?;
    Some(json!({
        "metadata": {"resourceVersion": resource_version},
        "status": changed,
    }))
}

/// The merge patch from one value to another; objects member by member, all else as a whole.
fn difference(old: &Value, new: &Value) -> Option<Value> {
    let (Value::Object(before), Value::Object(after)) = (old, new) else {
        return (old != new).then(|| new.clone());
    };
    let mut changed: Map<String, Value> = after
        .iter()
        .filter_map(|(name, value)| {
            let change = match before.get(name) {
                Some(old) => difference(old, value)?,
                None => value.clone(),
            };
            Some((name.clone(), change))
        })
        .collect();
    let removed = before.keys().filter(|name| !after.contains_key(*name));
    changed.extend(removed.map(|name| (name.clone(), Value::Null)));
    (!changed.is_empty()).then_some(Value::Object(changed))
}
