//! Structural schemas: the `openAPIV3Schema` of a `CustomResourceDefinition`, read once.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

mod prune;
mod validate;

pub(super) use prune::{drop_nulls, fill_defaults, prune};
pub(super) use validate::validate;

/// What a value may be.
#[derive(Clone, Debug, Default)]
pub(super) struct Schema {
    pub(super) form: Form,
    pub(super) nullable: bool,
    pub(super) default: Option<Value>,
    pub(super) allowed: Vec<Value>,
    pub(super) list: ListKind,
    pub(super) atomic_map: bool,
    pub(super) format: String,
}

/// The type of a value, with the rules that only that type has.
#[derive(Clone, Debug, Default)]
pub(super) enum Form {
    /// Anything goes.
    #[default]
    Any,
    Boolean,
    Integer(Range),
    IntegerOrText,
    List {
        items: Box<Schema>,
        least: Option<u64>,
        most: Option<u64>,
    },
    Number(Range),
    Object(Fields),
    Text {
        pattern: Option<Regex>,
        least: Option<u64>,
        most: Option<u64>,
    },
}

/// The smallest and the largest number that is allowed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Range {
    pub(super) least: Option<f64>,
    pub(super) most: Option<f64>,
}

/// What an object may hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    pub(super) known: BTreeMap<String, Schema>,
    pub(super) required: Vec<String>,
    /// What every other field is, when there may be others: the schema of a map.
    pub(super) others: Option<Box<Schema>>,
    /// Unknown fields stay.
    pub(super) preserve: bool,
    /// It is an object of the API with its own `apiVersion`, `kind` and `metadata`.
    pub(super) embedded: bool,
}

/// How server-side apply merges a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum ListKind {
    /// Replaced whole.
    #[default]
    Atomic,
    /// Entries are told apart by these fields.
    Map(Vec<String>),
    /// Entries are told apart by themselves.
    Set,
}

impl Schema {
    /// Reads `openAPIV3Schema`. What it does not know (CEL rules, `oneOf`) it does not hold anyone to.
    pub(super) fn read(schema: &Value) -> Self {
        Self {
            form: form(schema),
            nullable: flag(schema, "nullable"),
            default: schema.get("default").cloned(),
            allowed: list(schema, "enum").to_vec(),
            list: list_kind(schema),
            atomic_map: schema["x-kubernetes-map-type"] == "atomic",
            format: text(schema, "format"),
        }
    }
}

fn form(schema: &Value) -> Form {
    if flag(schema, "x-kubernetes-int-or-string") {
        return Form::IntegerOrText;
    }
    match schema["type"].as_str() {
        Some("array") => Form::List {
            items: Box::new(Schema::read(&schema["items"])),
            least: schema["minItems"].as_u64(),
            most: schema["maxItems"].as_u64(),
        },
        Some("boolean") => Form::Boolean,
        Some("integer") => Form::Integer(range(schema)),
        Some("number") => Form::Number(range(schema)),
        Some("object") => Form::Object(fields(schema)),
        Some("string") => Form::Text {
            pattern: schema["pattern"].as_str().and_then(|p| Regex::new(p).ok()),
            least: schema["minLength"].as_u64(),
            most: schema["maxLength"].as_u64(),
        },
        _ => Form::Any,
    }
}

fn fields(schema: &Value) -> Fields {
    let known = schema["properties"].as_object();
    let known = known.into_iter().flatten();
    let required = list(schema, "required").iter();
    let others = match &schema["additionalProperties"] {
        Value::Object(others) => Some(Box::new(Schema::read(&Value::Object(others.clone())))),
        Value::Bool(true) => Some(Box::default()),
        Value::Bool(false)
        | Value::Null
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_) => None,
    };
    Fields {
        known: known.map(|(name, field)| (name.clone(), Schema::read(field))).collect(),
        required: required.filter_map(|name| name.as_str().map(str::to_owned)).collect(),
        others,
        preserve: flag(schema, "x-kubernetes-preserve-unknown-fields"),
        embedded: flag(schema, "x-kubernetes-embedded-resource"),
    }
}

fn range(schema: &Value) -> Range {
    Range { least: schema["minimum"].as_f64(), most: schema["maximum"].as_f64() }
}

fn list_kind(schema: &Value) -> ListKind {
    match schema["x-kubernetes-list-type"].as_str() {
        Some("map") => {
            let keys = list(schema, "x-kubernetes-list-map-keys").iter();
            ListKind::Map(keys.filter_map(|key| key.as_str().map(str::to_owned)).collect())
        }
        Some("set") => ListKind::Set,
        _ => ListKind::Atomic,
    }
}

fn flag(schema: &Value, name: &str) -> bool {
    schema[name].as_bool().unwrap_or(false)
}

fn list<'a>(schema: &'a Value, name: &str) -> &'a [Value] {
    schema[name].as_array().map_or(&[], Vec::as_slice)
}

fn text(schema: &Value, name: &str) -> String {
    schema[name].as_str().unwrap_or_default().to_owned()
}

/// The path of a field below `path`.
fn below(path: &str, field: &str) -> String {
    match path {
        "" => field.to_owned(),
        path => format!("{path}.{field}"),
    }
}

/// The fields that every object has and that no schema describes.
fn is_common(path: &str, name: &str) -> bool {
    path.is_empty() && matches!(name, "apiVersion" | "kind" | "metadata")
}
