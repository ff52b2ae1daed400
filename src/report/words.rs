//! Words of the vocabulary in JSON: a text that is one of a list.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::core::feasibility::Shortage;
use crate::core::policy::Mode;
use crate::core::vocabulary::{Cause, Gate, Outcome, Stage, State};

macro_rules! in_json {
    ($($words:ident)+) => { $(
        impl Serialize for $words {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $words {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = String::deserialize(deserializer)?;
                word.parse().map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $words {
            fn schema_name() -> Cow<'static, str> {
                concat!(stringify!($words), "Word").into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let words: Vec<&str> = Self::ALL.iter().map(|word| word.as_str()).collect();
                json_schema!({"type": "string", "enum": words})
            }
        }
    )+ };
}

in_json!(State Stage Cause Gate Outcome Mode Shortage);
