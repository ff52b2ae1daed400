//! Label selectors as objects hold them: `matchLabels` and `matchExpressions`.

use std::sync::Arc;

use serde_json::Value;

use super::object;
use crate::core::selector::Selector;

/// Whether a selector selects an object. No selector selects nothing, an empty one everything, and
/// one that makes no sense nothing.
pub(super) fn select(selector: &Value, object: &Value) -> bool {
    let Some(text) = text(selector) else {
        return false;
    };
    let labels = object::labels(object);
    let labels = labels.map(|(key, value)| (Arc::from(key), Arc::from(value))).collect();
    Selector::parse(&text).is_ok_and(|selector| selector.matches(&labels))
}

/// The selector as `kubectl -l` takes it; none if there is none, or if it makes no sense.
pub(super) fn text(selector: &Value) -> Option<String> {
    let selector = selector.as_object()?;
    let labels = selector.get("matchLabels").and_then(Value::as_object);
    let labels = labels.into_iter().flatten();
    let mut parts: Vec<String> = labels
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    for expression in expressions.into_iter().flatten() {
        parts.push(requirement(expression)?);
    }
    Some(parts.join(","))
}

fn requirement(expression: &Value) -> Option<String> {
    let key = expression["key"].as_str()?;
    let values = expression["values"].as_array().into_iter().flatten();
    let mut values: Vec<&str> = values.filter_map(Value::as_str).collect();
    values.sort_unstable();
    let values = values.join(",");
    Some(match expression["operator"].as_str()? {
        "In" => format!("{key} in ({values})"),
        "NotIn" => format!("{key} notin ({values})"),
        "Exists" => key.to_owned(),
        "DoesNotExist" => format!("!{key}"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_selector_selects_by_labels_and_expressions() {
        let pod = json!({"metadata": {"labels": {"app": "db", "role": "primary"}}});
        for (selector, selected) in [
            (json!(null), false),
            (json!({}), true),
            (json!({"matchLabels": {"app": "db"}}), true),
            (json!({"matchLabels": {"app": "web"}}), false),
            (
                json!({"matchExpressions": [{"key": "role", "operator": "In", "values": ["primary"]}]}),
                true,
            ),
            (
                json!({"matchExpressions": [{"key": "role", "operator": "NotIn", "values": ["primary"]}]}),
                false,
            ),
            (json!({"matchExpressions": [{"key": "role", "operator": "Exists"}]}), true),
            (json!({"matchExpressions": [{"key": "role", "operator": "DoesNotExist"}]}), false),
            (json!({"matchExpressions": [{"key": "role", "operator": "Near"}]}), false),
        ] {
            assert_eq!(select(&selector, &pod), selected, "{selector}");
        }
    }
}
