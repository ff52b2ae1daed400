//! The JSON schema of the config file, for editors.

use serde_json::{Map, Value, json};

use super::keys::{Key, Kind, OVERRIDE, children};

/// The schema of a whole file. Strict as the reader is, though it cannot say all that that checks.
pub fn json() -> Value {
    let mut schema = section("");
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
        fields.insert("title".to_owned(), "certrotor".into());
    }
    schema
}

fn section(path: &str) -> Value {
    let properties: Map<_, _> =
        children(path).map(|key| (key.name().to_owned(), value(key, path))).collect();
    let required: Vec<_> =
        children(path).filter(|key| key.default.is_none()).map(Key::name).collect();
    let mut schema = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn value(key: &Key, parent: &str) -> Value {
    let mut schema = match key.kind {
        Kind::Section => section(key.path),
        Kind::Sections { most } => {
            let items = section(&format!("{}[]", key.path));
            json!({"type": "array", "maxItems": most, "items": items})
        }
        Kind::Count { most } => json!({"type": "integer", "minimum": 1, "maximum": most}),
        Kind::Switch => json!({"type": "boolean"}),
        Kind::Word(words) => json!({"enum": words}),
        Kind::Words(words) => json!({"type": "array", "items": {"enum": words}}),
        Kind::Namespaces => json!({"type": "array", "items": {"type": "string"}}),
        Kind::Address
        | Kind::Cron
        | Kind::Date
        | Kind::Duration { .. }
        | Kind::Lead
        | Kind::Name
        | Kind::Selector
        | Kind::Text
        | Kind::Zone => json!({"type": "string"}),
    };
    // An empty section or list is as good as none; one value must be there.
    let may_be_null = matches!(key.kind, Kind::Section | Kind::Sections { .. })
        || matches!(key.kind, Kind::Namespaces | Kind::Words(_));
    if may_be_null {
        schema["type"] = json!([schema["type"].clone(), "null"]);
    }
    schema["description"] = format!("{} Allowed: {}.", key.about, key.kind).into();
    // In an override, what is not set is what holds without it.
    if let Some(default) = key.default.filter(|_| parent != OVERRIDE)
        && let Some(default) = plain(key.kind, default)
    {
        schema["default"] = default;
    }
    schema
}

fn plain(kind: Kind, default: &str) -> Option<Value> {
    match kind {
        Kind::Section if default == "null" => Some(Value::Null),
        Kind::Section => None,
        Kind::Count { .. } | Kind::Switch => serde_json::from_str(default).ok(),
        Kind::Sections { .. } | Kind::Namespaces => Some(json!([])),
        Kind::Words(words) => Some(json!(words)),
        Kind::Address
        | Kind::Cron
        | Kind::Date
        | Kind::Duration { .. }
        | Kind::Lead
        | Kind::Name
        | Kind::Selector
        | Kind::Text
        | Kind::Word(_)
        | Kind::Zone => Some(default.trim_matches('"').into()),
    }
}
