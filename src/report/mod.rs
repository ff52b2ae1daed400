//! What certrotor says of its fleet to people and programs: plain values made from a [`View`]. The
//! JSON at `/api/v1`, the status page and the command line show the same ones.
//!
//! Moments are RFC 3339 in UTC to the second, lengths of time are whole seconds, and what is not
//! known is `null` or left out. Words are those of `docs/vocabulary.md`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::core::time::Time;
use crate::daemon::View;

mod choice;
mod database;
mod explain;
mod outlook;
mod overview;
mod words;

pub use choice::{Choice, Sort};
pub use database::{
    Attempt, Cause, Certificate, Current, Explanation, Gate, Hold, Last, Look, Rules, Server,
    Wishes,
};
pub use explain::explanation;
pub use outlook::{Held, Outlook, Rotation, outlook, outlook_of};
pub use overview::{
    Ended, Infeasible, Life, Limits, Line, Overview, Servers, Window, life, line, lines, overview,
    rank,
};

use crate::core::policy::Mode;

/// Who says it, and when.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// The moment of what is said: that of the last decision, by the apiserver's clock.
    pub at: Time,
    /// Whether this replica holds the lease. A follower says what it knows and does nothing.
    pub leader: bool,
    /// The installation.
    pub installation: Option<String>,
    /// Whether it acts or only reports.
    pub mode: Mode,
}

impl Source {
    /// Who says this; none before the first decision.
    pub fn of(view: &View) -> Option<Self> {
        Some(Self {
            at: view.at?,
            leader: view.fleet.leader,
            installation: view.fleet.installation.as_ref().map(ToString::to_string),
            mode: view.policy.as_ref()?.mode,
        })
    }
}

/// The JSON schema of everything at `/api/v1`: a definition for each kind of answer.
pub fn schema() -> serde_json::Value {
    let mut generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
    let answers = [
        ("/api/v1/databases", generator.subschema_for::<Overview>()),
        ("/api/v1/databases/{namespace}/{name}", generator.subschema_for::<Explanation>()),
        ("/api/v1/plan", generator.subschema_for::<Outlook>()),
    ];
    let definitions = generator.take_definitions(true);
    serde_json::json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "certrotor /api/v1",
        "description": "Each answer is one of these; the property's name is its path.",
        "type": "object",
        "properties": answers.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "$defs": definitions,
    })
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

#[cfg(test)]
mod tests;
