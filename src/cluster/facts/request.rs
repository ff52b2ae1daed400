//! What is kept of a MySQLOpsRequest, and what a request of ours carries.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Texts, uid};
use crate::api::meta::{self, Condition};
use crate::api::ops_request::{MySqlOpsRequest, OpsRequestPhase};
use crate::core::certificate::{Fingerprint, sanitize};
use crate::core::fleet::{Alias, Carried, LeafId, Request, RequestContent, RequestPhase, Text};
use crate::core::record::{Current, OpenedCause};
use crate::core::time::Time;

/// What is kept of a MySQLOpsRequest.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestFacts {
    /// The MySQL that it names, in its namespace.
    pub database: Text,
    /// What of it is kept.
    pub kept: Kept,
}

/// What of a request is kept: of somebody else's that is over, only what it leaves behind.
#[derive(Clone, Debug, PartialEq)]
pub enum Kept {
    /// All of it.
    Whole(Box<Request>),
    /// Somebody else's ReconfigureTLS that ended Successful, at that moment.
    Reconfigured(Time),
    /// Nothing.
    Nothing,
}

impl RequestFacts {
    /// Of this object.
    pub fn of(object: &MySqlOpsRequest, texts: &mut Texts) -> Self {
        let request = request(object, texts);
        let over = request.phase.is_terminal() && request.carried.is_none();
        Self {
            database: texts.text(&object.spec.database_ref.name),
            kept: match reconfigured(&request) {
                _ if !over => Kept::Whole(Box::new(request)),
                Some(ended) => Kept::Reconfigured(ended),
                None => Kept::Nothing,
            },
        }
    }

    /// When it ended, if it was a ReconfigureTLS that ended Successful.
    pub fn reconfigured(&self) -> Option<Time> {
        match &self.kept {
            Kept::Whole(request) => reconfigured(request),
            Kept::Reconfigured(ended) => Some(*ended),
            Kept::Nothing => None,
        }
    }
}

fn reconfigured(request: &Request) -> Option<Time> {
    let is_tls = match request.content {
        RequestContent::Rotate | RequestContent::OtherTls => true,
        RequestContent::Other => false,
    };
    let successful = is_tls && request.phase == RequestPhase::Successful;
    successful.then(|| request.ended.unwrap_or(request.created))
}

/// All that decisions know of a request.
pub fn request(object: &MySqlOpsRequest, texts: &mut Texts) -> Request {
    let metadata = &object.metadata;
    let phase = phase(object.phase());
    let conditions = object.conditions();
    Request {
        uid: uid(metadata).into(),
        resource_version: metadata.resource_version.as_deref().unwrap_or_default().into(),
        created: meta::created(metadata).unwrap_or(Time::MIN),
        phase,
        started: started(phase, conditions),
        ended: ended(phase, object),
        deleting: meta::is_deleting(metadata),
        content: content(object),
        carried: carried(object, texts),
        message: message(conditions).into(),
    }
}

/// `status.phase` as decisions know it.
pub fn phase(phase: Option<&OpsRequestPhase>) -> RequestPhase {
    match phase {
        None => RequestPhase::New,
        Some(OpsRequestPhase::Pending) => RequestPhase::Pending,
        Some(OpsRequestPhase::Progressing) => RequestPhase::Progressing,
        Some(OpsRequestPhase::Successful) => RequestPhase::Successful,
        Some(OpsRequestPhase::WaitingForApproval) => RequestPhase::WaitingForApproval,
        Some(OpsRequestPhase::Failed) => RequestPhase::Failed,
        Some(OpsRequestPhase::Approved) => RequestPhase::Approved,
        Some(OpsRequestPhase::Denied) => RequestPhase::Denied,
        Some(OpsRequestPhase::Skipped) => RequestPhase::Skipped,
        Some(OpsRequestPhase::Other(_)) => RequestPhase::Unknown,
    }
}

fn content(object: &MySqlOpsRequest) -> RequestContent {
    if object.is_rotation() {
        RequestContent::Rotate
    } else if object.is_reconfigure_tls() {
        RequestContent::OtherTls
    } else {
        RequestContent::Other
    }
}

/// The condition that says that it began has had two names; where neither is there, the first
/// condition of all comes from the operator's first step.
fn started(phase: RequestPhase, conditions: &[Condition]) -> Option<Time> {
    if phase.is_unstarted() {
        return None;
    }
    let says_so =
        |condition: &&Condition| matches!(condition.type_.as_str(), "Running" | "Progressing");
    let time = |condition: &Condition| condition.last_transition_time;
    let said = conditions.iter().filter(says_so).filter_map(time).min();
    said.or_else(|| conditions.iter().filter_map(time).min())
}

/// A request does not say when it ended: the condition named as its phase does, else the newest
/// one, else who wrote its status last.
fn ended(phase: RequestPhase, object: &MySqlOpsRequest) -> Option<Time> {
    let name = match phase {
        RequestPhase::Successful => "Successful",
        RequestPhase::Failed => "Failed",
        RequestPhase::Denied => "Denied",
        RequestPhase::Skipped => "Skipped",
        RequestPhase::New
        | RequestPhase::Pending
        | RequestPhase::WaitingForApproval
        | RequestPhase::Approved
        | RequestPhase::Progressing
        | RequestPhase::Unknown => return None,
    };
    let conditions = object.conditions();
    let time = |condition: &Condition| condition.last_transition_time;
    let named = meta::condition(conditions, name).and_then(time);
    let newest = || conditions.iter().filter_map(time).max();
    named.or_else(newest).or_else(|| status_written(object))
}

fn status_written(object: &MySqlOpsRequest) -> Option<Time> {
    let fields = object.metadata.managed_fields.iter().flatten();
    let status = fields.filter(|entry| entry.subresource.as_deref() == Some("status"));
    let times = status.filter_map(|entry| entry.time.as_ref());
    times.map(|time| Time::from(time.0)).max()
}

fn message(conditions: &[Condition]) -> String {
    let told = conditions.iter().filter(|condition| !condition.message.is_empty());
    let newest = told.max_by_key(|condition| condition.last_transition_time);
    newest.map_or_else(String::new, |condition| sanitize(&condition.message))
}

/// A cause as the annotation holds it.
#[derive(Serialize, Deserialize)]
struct WrittenCause {
    cause: String,
    alias: String,
    inputs: String,
}

/// A leaf as the annotation holds it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenLeaf {
    not_before: Time,
    not_after: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Fingerprint>,
}

/// What a request of ours carries of its record. Anything in it that cannot be read, and it
/// counts as somebody else's: to rebuild half a record would be worse.
fn carried(object: &MySqlOpsRequest, texts: &mut Texts) -> Option<Carried> {
    let annotation = |key| meta::annotation(&object.metadata, key);
    let causes: Vec<WrittenCause> = serde_json::from_str(annotation(meta::CAUSES)?).ok()?;
    let causes = causes.into_iter().map(|cause| {
        Some(OpenedCause {
            cause: cause.cause.parse().ok()?,
            alias: Alias::from(cause.alias.as_str()),
            inputs: cause.inputs.parse().ok()?,
        })
    });
    let baseline: BTreeMap<String, WrittenLeaf> =
        serde_json::from_str(annotation(meta::BASELINE)?).ok()?;
    let baseline = baseline.into_iter().map(|(alias, leaf)| {
        let id = LeafId {
            not_before: leaf.not_before,
            not_after: leaf.not_after,
            fingerprint: leaf.fingerprint,
        };
        (Alias::from(alias.as_str()), id)
    });
    Some(Carried {
        installation: texts.text(annotation(meta::INSTALLATION)?),
        database_uid: annotation(meta::DATABASE_UID)?.into(),
        opened: annotation(meta::OPENED)?.parse().ok()?,
        attempt: annotation(meta::ATTEMPT)?.parse().ok()?,
        failures: annotation(meta::FAILURES)?.parse().ok()?,
        stage: annotation(meta::STAGE)?.parse().ok()?,
        requested_at: annotation(meta::REQUESTED_AT).map(Text::from),
        occurrence: annotation(meta::OCCURRENCE).map(str::parse).transpose().ok()?,
        causes: causes.collect::<Option<_>>()?,
        baseline: baseline.collect(),
    })
}

/// The annotations that a request for this attempt carries.
pub fn annotations(
    installation: &str,
    database_uid: &str,
    current: &Current,
) -> BTreeMap<String, String> {
    let causes = current.causes.iter().map(|opened| WrittenCause {
        cause: opened.cause.to_string(),
        alias: opened.alias.to_string(),
        inputs: opened.inputs.to_string(),
    });
    let causes: Vec<WrittenCause> = causes.collect();
    let baseline = current.baseline.iter().map(|(alias, leaf)| {
        let leaf = WrittenLeaf {
            not_before: leaf.not_before,
            not_after: leaf.not_after,
            fingerprint: leaf.fingerprint,
        };
        (alias.as_str(), leaf)
    });
    let baseline: BTreeMap<&str, WrittenLeaf> = baseline.collect();
    let optional = [
        (meta::REQUESTED_AT, current.requested_at.as_ref().map(ToString::to_string)),
        (meta::OCCURRENCE, current.occurrence.map(|occurrence| occurrence.to_string())),
    ];
    let optional = optional.into_iter().filter_map(|(key, value)| Some((key, value?)));
    [
        (meta::INSTALLATION, installation.to_owned()),
        (meta::DATABASE_UID, database_uid.to_owned()),
        (meta::OPENED, current.opened.to_string()),
        (meta::ATTEMPT, current.attempt.to_string()),
        (meta::FAILURES, current.failures.to_string()),
        // Texts and numbers only: writing them cannot fail.
        (meta::CAUSES, serde_json::to_string(&causes).unwrap_or_default()),
        (meta::BASELINE, serde_json::to_string(&baseline).unwrap_or_default()),
        (meta::STAGE, current.request.stage.to_string()),
    ]
    .into_iter()
    .chain(optional)
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

/// The labels that a request of ours carries.
pub fn labels(installation: &str, database: &str) -> BTreeMap<String, String> {
    /// What Kubernetes allows; the annotation holds the whole id in any case.
    const LONGEST: usize = 63;
    let labels = [
        (meta::MANAGED_BY_LABEL, meta::MANAGED_BY),
        (meta::INSTANCE_LABEL, database),
        (meta::INSTALLATION, installation),
    ];
    let fits = labels.into_iter().filter(|(_, value)| value.len() <= LONGEST);
    fits.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests;
