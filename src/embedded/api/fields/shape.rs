//! Into which fields a value is divided: whatever the schema does not divide is managed whole.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::step::Step;
use crate::embedded::api::failure::Failure;
use crate::embedded::api::kind::Resource;
use crate::embedded::api::schema::{Form, ListKind, Schema};

/// The shapes of Kubernetes' own kinds.
const BUILTIN: &str = include_str!("builtin.yaml");

/// What is known of a value that is divided into fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape<'a> {
    schema: Option<&'a Schema>,
    /// Who says what the fields are that the schema does not mention.
    rest: Rest,
    /// The whole object: its metadata has a shape of its own.
    is_root: bool,
}

/// What the fields are that a schema does not mention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// Any key of a map: it is there because somebody put it there.
    Keys,
    /// The fields of a type that is not written out.
    Typed,
}

/// How a value is divided.
pub(super) enum Division<'v> {
    /// It is one field.
    Whole,
    /// Each of its fields is managed apart.
    Fields(&'v Map<String, Value>),
    /// Each of its entries is.
    Entries(&'v [Value]),
}

impl Division<'_> {
    /// Whether there is anything in it that is managed apart.
    pub(super) fn has_parts(&self) -> bool {
        match self {
            Self::Whole => false,
            Self::Fields(fields) => !fields.is_empty(),
            Self::Entries(entries) => !entries.is_empty(),
        }
    }
}

impl<'a> Shape<'a> {
    /// The shape of the objects of a kind.
    pub(super) fn of(resource: &'a Resource) -> Result<Self, Failure> {
        if resource.is_custom() {
            let schema = Some(&resource.version().schema);
            return Ok(Self { schema, rest: Rest::Keys, is_root: true });
        }
        let schema = builtin()?.kinds.get(&resource.kind.kind).map(|kind| &kind.schema);
        Ok(Self { schema, rest: Rest::Typed, is_root: true })
    }

    /// How a value of this shape is divided.
    pub(super) fn divide<'v>(&self, value: &'v Value) -> Division<'v> {
        let atomic = self.schema.is_some_and(|schema| schema.atomic_map);
        match value {
            Value::Object(fields) if !atomic => Division::Fields(fields),
            Value::Array(entries) if self.list().is_some() => Division::Entries(entries),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => Division::Whole,
        }
    }

    /// The same for a value that may be absent.
    pub(super) fn divide_if_there<'v>(&self, value: Option<&'v Value>) -> Division<'v> {
        value.map_or(Division::Whole, |value| self.divide(value))
    }

    /// How the entries of a list are told apart; none for a list that is one field.
    fn list(&self) -> Option<&'a ListKind> {
        self.schema.map(|schema| &schema.list).filter(|list| **list != ListKind::Atomic)
    }

    /// The shape of a field, and whether it is a field of a type rather than a key of a map.
    pub(super) fn field(&self, name: &str) -> (Self, bool) {
        if self.is_root && matches!(name, "apiVersion" | "kind") {
            return (Self { schema: None, rest: self.rest, is_root: false }, true);
        }
        if self.is_root && name == "metadata" {
            let schema = builtin().ok().map(|builtin| &builtin.metadata);
            return (Self { schema, rest: Rest::Typed, is_root: false }, true);
        }
        let below = |schema| Self { schema, rest: self.rest, is_root: false };
        match self.schema.map(|schema| &schema.form) {
            Some(Form::Object(fields)) => match fields.known.get(name) {
                Some(schema) => (below(Some(schema)), true),
                None => match &fields.others {
                    Some(others) => (below(Some(others)), false),
                    None => (below(None), self.rest == Rest::Typed),
                },
            },
            Some(
                Form::Any
                | Form::Boolean
                | Form::Integer(_)
                | Form::IntegerOrText
                | Form::List { .. }
                | Form::Number(_)
                | Form::Text { .. },
            )
            | None => (below(None), self.rest == Rest::Typed),
        }
    }

    /// Whether it is a map, whose keys nobody knows beforehand.
    fn is_map(&self) -> bool {
        match self.schema.map(|schema| &schema.form) {
            Some(Form::Object(fields)) => fields.others.is_some(),
            Some(_) | None => false,
        }
    }

    /// The shape of the entries of a list.
    pub(super) fn entry(&self) -> Self {
        let schema = match self.schema.map(|schema| &schema.form) {
            Some(Form::List { items, .. }) => Some(items.as_ref()),
            Some(_) | None => None,
        };
        Self { schema, rest: self.rest, is_root: false }
    }

    /// The shape of what a step leads to, and whether that is a field of a type.
    pub(super) fn below(&self, step: &Step) -> (Self, bool) {
        match step {
            Step::Field(name) => self.field(name),
            Step::Entry(_) | Step::Item(_) => (self.entry(), false),
        }
    }

    /// The step to an entry of a list.
    pub(super) fn step_to(&self, entry: &Value) -> Step {
        let Some(ListKind::Map(keys)) = self.list() else {
            return Step::item(entry);
        };
        let shape = self.entry();
        let keys = keys.iter().filter_map(|key| {
            let given = entry.get(key).cloned();
            let default = || shape.field(key).0.schema?.default.clone();
            Some((key.clone(), given.or_else(default)?))
        });
        Step::entry(keys.collect())
    }

    /// What is wrong with a value, if it is not of the type that it should be.
    pub(super) fn mistyped(&self, value: &Value) -> Option<String> {
        let schema = self.schema.filter(|_| !value.is_null())?;
        let got = || format!("got &{{{}}}", in_go(value));
        match (&schema.form, value) {
            (Form::Any | Form::IntegerOrText, _)
            | (Form::Boolean, Value::Bool(_))
            | (Form::Integer(_) | Form::Number(_), Value::Number(_))
            | (Form::Text { .. }, Value::String(_))
            | (Form::List { .. }, Value::Array(_))
            | (Form::Object(_), Value::Object(_)) => None,
            (Form::Boolean, _) => Some(format!("expected boolean, {}", got())),
            (Form::Integer(_) | Form::Number(_), _) => {
                Some(format!("expected numeric (int or float), got {}", type_in_go(value)))
            }
            (Form::Text { .. }, Value::Bool(_) | Value::Number(_))
                if !matches!(schema.format.as_str(), "" | "byte") =>
            {
                None
            }
            (Form::Text { .. }, _) => Some(format!(
                "expected string, got &value.valueUnstructured{{Value:{}}}",
                in_go(value)
            )),
            (Form::List { .. }, _) => Some(format!("expected list, {}", got())),
            (Form::Object(_), _) => Some(format!("expected map, {}", got())),
        }
    }

    /// What is wrong with an entry of a list, if it cannot be told from others.
    pub(super) fn misfit(&self, entry: &Value) -> Option<String> {
        match self.list() {
            Some(ListKind::Map(_)) if !entry.is_object() => {
                Some("associative list with keys may not have non-map elements".to_owned())
            }
            Some(ListKind::Map(keys)) if self.step_to(entry) == Step::entry(Map::new()) => {
                let keys: Vec<String> = keys.iter().map(|key| format!("{key:?}")).collect();
                Some(format!(
                    "associative list with keys has an element that omits all key fields [{}] \
                     (and doesn't have default values for any key fields)",
                    keys.join(" ")
                ))
            }
            Some(ListKind::Set) if entry.is_object() => {
                Some("associative list without keys has an element that's a map type".to_owned())
            }
            Some(_) | None => None,
        }
    }
}

/// A value as the API server, which is written in Go, shows it.
fn in_go(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(entries) => {
            let entries: Vec<String> = entries.iter().map(in_go).collect();
            format!("[{}]", entries.join(" "))
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{name}:{}", in_go(value)));
            format!("map[{}]", fields.collect::<Vec<_>>().join(" "))
        }
        Value::Null => "<nil>".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn type_in_go(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// Reads nulls as the Go types of Kubernetes' own kinds do: a field is absent, the value of a key in
/// a map is empty.
pub(in crate::embedded::api) fn settle_nulls(
    resource: &Resource,
    value: &mut Value,
) -> Result<(), Failure> {
    settle_nulls_in(Shape::of(resource)?, value);
    Ok(())
}

fn settle_nulls_in(shape: Shape<'_>, value: &mut Value) {
    let is_map = shape.is_map();
    match value {
        Value::Object(fields) => fields.retain(|name, value| {
            if value.is_null() && is_map {
                *value = json!("");
            }
            settle_nulls_in(shape.field(name).0, value);
            !value.is_null()
        }),
        Value::Array(entries) => {
            for entry in entries {
                settle_nulls_in(shape.entry(), entry);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Drops maps and lists that hold nothing, as the Go types of Kubernetes do when they are written:
/// everywhere in a built-in kind, and in the metadata of every other.
pub(in crate::embedded::api) fn drop_empty(
    resource: &Resource,
    value: &mut Value,
) -> Result<(), Failure> {
    let shape = Shape::of(resource)?;
    if resource.is_custom() {
        if let Some(meta) = value.get_mut("metadata") {
            drop_empty_in(shape.field("metadata").0, meta);
        }
    } else {
        drop_empty_in(shape, value);
    }
    Ok(())
}

fn drop_empty_in(shape: Shape<'_>, value: &mut Value) {
    match value {
        Value::Object(fields) => fields.retain(|name, value| {
            let shape = shape.field(name).0;
            let is_empty = match value {
                // To send an empty list means something there.
                Value::Array(_) if name == "managedFields" => return true,
                Value::Array(entries) => entries.is_empty(),
                Value::Object(fields) => fields.is_empty() && shape.is_map(),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
            };
            drop_empty_in(shape, value);
            !is_empty
        }),
        Value::Array(entries) => {
            for entry in entries {
                drop_empty_in(shape.entry(), entry);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// An object of this kind before anybody has set anything.
pub(super) fn empty_object(resource: &Resource) -> Result<Value, Failure> {
    let mut empty = json!({});
    if !resource.is_custom() {
        let kinds = &builtin()?.kinds;
        empty = kinds.get(&resource.kind.kind).map_or(empty, |kind| kind.empty.clone());
        empty["metadata"] = json!({});
    }
    empty["apiVersion"] = json!(resource.api_version());
    empty["kind"] = json!(resource.kind.kind);
    Ok(empty)
}

/// What is known of the shapes of Kubernetes' own kinds.
struct Builtin {
    metadata: Schema,
    kinds: BTreeMap<String, BuiltinKind>,
}

struct BuiltinKind {
    schema: Schema,
    empty: Value,
}

fn builtin() -> Result<&'static Builtin, Failure> {
    static READ: OnceLock<Result<Builtin, Failure>> = OnceLock::new();
    READ.get_or_init(read_builtin).as_ref().map_err(Clone::clone)
}

fn read_builtin() -> Result<Builtin, Failure> {
    let read: Value = serde_saphyr::from_str(BUILTIN).map_err(|error| {
        Failure::new(500, "InternalError", format!("the shapes of built-in kinds: {error}"))
    })?;
    let kinds = read["kinds"].as_object().into_iter().flatten();
    let kinds = kinds.map(|(name, kind)| {
        let schema = json!({"type": "object", "properties": kind["fields"]});
        let empty = if kind["empty"].is_object() { kind["empty"].clone() } else { json!({}) };
        (name.clone(), BuiltinKind { schema: Schema::read(&schema), empty })
    });
    Ok(Builtin { metadata: Schema::read(&read["metadata"]), kinds: kinds.collect() })
}
