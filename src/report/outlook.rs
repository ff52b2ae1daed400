//! The forecast.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Source;
use crate::core::forecast::{Forecast, LONGEST, forecast};
use crate::core::time::{Span, Time};
use crate::core::vocabulary::{Cause, Gate, Stage};
use crate::daemon::View;

/// What will rotate when, if nothing changes but time.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outlook {
    /// Who says it, and when.
    #[serde(flatten)]
    pub source: Source,
    /// How far it looks.
    pub until: Time,
    /// The rotations, in the order in which they begin.
    pub rotations: Vec<Rotation>,
    /// The databases that are or become due and do not begin until then.
    pub held: Vec<Held>,
    /// There would be more.
    pub cut: bool,
}

/// One rotation to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rotation {
    /// The namespace of its database.
    pub namespace: String,
    /// The name of its database.
    pub name: String,
    /// Why.
    pub cause: Cause,
    /// When it is due.
    pub due: Time,
    /// When it begins.
    pub starts: Time,
    /// When it will have ended.
    pub ends: Time,
    /// How pressing it is then.
    pub stage: Stage,
    /// When the first certificate would end without it.
    pub expires: Option<Time>,
}

/// A database that is not rotated until then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What holds it.
    pub gate: Gate,
}

/// Looks so far ahead; none before the first decision.
pub fn outlook(view: &View, ahead: Span) -> Option<Outlook> {
    let (policy, source) = (view.policy.as_ref()?, Source::of(view)?);
    let until = source.at + ahead.min(LONGEST);
    let found = forecast(&view.fleet, policy, source.at, until);
    Some(outlook_of(source, until, &found))
}

/// A forecast as an answer.
pub fn outlook_of(source: Source, until: Time, found: &Forecast) -> Outlook {
    let rotations = found.rotations.iter().map(|planned| Rotation {
        namespace: planned.key.namespace.to_string(),
        name: planned.key.name.to_string(),
        cause: planned.cause,
        due: planned.due,
        starts: planned.starts,
        ends: planned.ends,
        stage: planned.stage,
        expires: planned.expires,
    });
    let held = found.held.iter().map(|(key, gate)| Held {
        namespace: key.namespace.to_string(),
        name: key.name.to_string(),
        gate: *gate,
    });
    Outlook { source, until, rotations: rotations.collect(), held: held.collect(), cut: found.cut }
}
