//! Whether an object is as it should be.
//!
//! What it should be is JSON with the fields that we decide; `null` is a field that should not be
//! there. Fields that it does not name are the apiserver's defaults or somebody else's.

use serde_json::Value;

/// Whether all that is desired is there.
pub fn agrees(actual: &Value, desired: &Value) -> bool {
    match (actual, desired) {
        (Value::Object(actual), Value::Object(desired)) => desired.iter().all(|(key, desired)| {
            let actual = actual.get(key).unwrap_or(&Value::Null);
            agrees(actual, desired)
        }),
        (Value::Array(actual), Value::Array(desired)) => {
            let mut pairs = actual.iter().zip(desired);
            actual.len() == desired.len() && pairs.all(|(actual, desired)| agrees(actual, desired))
        }
        (actual, Value::Null) => is_nothing(actual),
        (actual, desired) => actual == desired,
    }
}

/// The apiserver writes some fields empty that were left out.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(elements) => elements.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The same without the fields that should not be there: what to create, and what to put into a
/// list, which a merge patch replaces as a whole.
pub fn without_nulls(desired: &Value) -> Value {
    match desired {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| !value.is_null());
            kept.map(|(key, value)| (key.clone(), without_nulls(value))).collect()
        }
        Value::Array(elements) => elements.iter().map(without_nulls).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => desired.clone(),
    }
}

/// The merge patch that makes it so: nulls stay where they take a field away.
pub fn merge_patch(desired: &Value) -> Value {
    match desired {
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), merge_patch(value))).collect()
        }
        Value::Array(_) => without_nulls(desired),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => desired.clone(),
    }
}

/// A list as a desired field: an empty one should not be there.
pub fn list<T: Into<Value>>(elements: impl IntoIterator<Item = T>) -> Value {
    let elements: Vec<Value> = elements.into_iter().map(Into::into).collect();
    if elements.is_empty() { Value::Null } else { Value::Array(elements) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_named_does_not_matter_and_null_means_absent() {
        for (actual, desired, agreed) in [
            (json!({"a": 1, "b": 2}), json!({"a": 1}), true),
            (json!({"a": 1}), json!({"a": 2}), false),
            (json!({"a": 1}), json!({"a": 1, "b": null}), true),
            (json!({"a": 1, "b": 0}), json!({"a": 1, "b": null}), false),
            (json!({"b": []}), json!({"b": null}), true),
            (json!({"b": {}}), json!({"b": null}), true),
            (json!({"c": [{"n": 1, "default": true}]}), json!({"c": [{"n": 1}]}), true),
            (json!({"c": [{"n": 1}, {"n": 2}]}), json!({"c": [{"n": 1}]}), false),
            (
                json!({"c": [{"n": 1, "args": ["x"]}]}),
                json!({"c": [{"n": 1, "args": null}]}),
                false,
            ),
            (json!({}), json!({"v": {}}), false),
            (json!({"v": {"defaulted": 1}}), json!({"v": {}}), true),
        ] {
            assert_eq!(agrees(&actual, &desired), agreed, "{actual} as {desired}");
        }
    }

    #[test]
    fn nulls_are_sent_only_where_they_take_something_away() {
        let desired = json!({"a": null, "b": {"c": null}, "d": [{"e": null, "f": 1, "g": {}}]});
        assert_eq!(without_nulls(&desired), json!({"b": {}, "d": [{"f": 1, "g": {}}]}));
        let patch = json!({"a": null, "b": {"c": null}, "d": [{"f": 1, "g": {}}]});
        assert_eq!(merge_patch(&desired), patch);
    }
}
