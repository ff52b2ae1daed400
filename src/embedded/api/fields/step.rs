//! One step on the way to a field, as `FieldsV1` and refusals write it.

use std::fmt;

use serde_json::{Map, Value};

/// A step from a value to a part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::embedded::api) enum Step {
    /// To a field of an object.
    Field(String),
    /// To the entry of a list that has these key fields: an object as compact JSON.
    Entry(String),
    /// To the entry of a set that is this value: compact JSON.
    Item(String),
}

impl Step {
    pub(super) fn field(name: &str) -> Self {
        Self::Field(name.to_owned())
    }

    pub(super) fn entry(keys: Map<String, Value>) -> Self {
        Self::Entry(Value::Object(keys).to_string())
    }

    pub(super) fn item(value: &Value) -> Self {
        Self::Item(value.to_string())
    }

    /// Reads what [`Self::written`] wrote; none for a kind of step that nobody knows.
    pub(super) fn read(text: &str) -> Result<Option<Self>, String> {
        let Some((kind, rest)) = text.split_once(':') else {
            return Err(format!("missing colon: {text}"));
        };
        let json = || {
            let value: Value = serde_json::from_str(rest).map_err(|error| error.to_string())?;
            Ok::<_, String>(value.to_string())
        };
        Ok(match kind {
            "f" => Some(Self::field(rest)),
            "k" => Some(Self::Entry(json()?)),
            "v" => Some(Self::Item(json()?)),
            _ => None,
        })
    }

    /// The step as a key in `FieldsV1`.
    pub(super) fn written(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Entry(keys) => format!("k:{keys}"),
            Self::Item(value) => format!("v:{value}"),
        }
    }
}

impl fmt::Display for Step {
    /// As in the path of a field: `.name`, `[name="a"]`, `[="a"]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Item(value) => write!(f, "[={value}]"),
            Self::Entry(keys) => {
                let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
                let keys = keys.iter().map(|(name, value)| format!("{name}={value}"));
                write!(f, "[{}]", keys.collect::<Vec<_>>().join(","))
            }
        }
    }
}

/// The steps from an object to a field.
pub(in crate::embedded::api) type Path = Vec<Step>;

/// A path as refusals name it: `.spec.containers[name="mysql"].image`.
pub(in crate::embedded::api) fn words(path: &[Step]) -> String {
    path.iter().map(ToString::to_string).collect()
}
