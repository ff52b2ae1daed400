//! From the record to `status`.

use std::collections::BTreeMap;

use crate::api::rotation::{self as api, CertificateFacts, RotationStatus};
use crate::core::fleet::{Alias, IssuerKey, LeafId};
use crate::core::record::{
    Attempt, Current, Last, OpenedCause, Record, RequestRef, ScheduleSeen, Shown,
};
use crate::core::time::Span;

/// The status that holds this record and shows this besides.
pub fn status(record: &Record, shown: &Shown) -> RotationStatus {
    RotationStatus {
        observed_generation: shown.observed_generation,
        installation: string(record.installation.as_ref()),
        database_uid: string(record.database_uid.as_ref()),
        state: string(shown.state.as_ref()),
        reason: string(shown.reason.as_ref()),
        reasons: shown.reasons.iter().map(ToString::to_string).collect(),
        message: string(shown.message.as_ref()),
        certificates: certificates(shown),
        expires: string(shown.expires),
        next: string(shown.next),
        conditions: conditions(shown),
        current: record.current.as_ref().map(current),
        last: record.last.as_ref().map(last),
        last_outcome: string(shown.last.as_ref()),
        last_rotated: string(record.last_rotated),
        attempts: record.attempts.iter().map(attempt).collect(),
        handled_request: string(record.handled_request.as_ref()),
        schedule: record.schedule.as_ref().map(schedule),
    }
}

fn certificates(shown: &Shown) -> Vec<CertificateFacts> {
    let certificates = shown.certificates.iter();
    certificates
        .map(|(alias, certificate)| CertificateFacts {
            alias: alias.to_string(),
            not_after: Some(certificate.not_after.to_string()),
            serial: string(certificate.serial.as_ref()),
            ..CertificateFacts::default()
        })
        .collect()
}

fn conditions(shown: &Shown) -> Vec<api::Condition> {
    let others = shown.others_conditions.iter();
    let others = others.filter_map(|condition| serde_json::from_str(condition).ok());
    let conditions = shown.conditions.iter();
    conditions
        .map(|(type_, condition)| api::Condition {
            type_: type_.to_string(),
            status: if condition.status { "True" } else { "False" }.to_owned(),
            reason: condition.reason.to_string(),
            message: String::new(),
            last_transition_time: condition.since.to_string(),
            observed_generation: None,
        })
        .chain(others)
        .collect()
}

fn current(current: &Current) -> api::Current {
    api::Current {
        opened: current.opened.to_string(),
        causes: current.causes.iter().map(cause).collect(),
        baseline: leaves(&current.baseline),
        attempt: current.attempt.into(),
        failures: count(current.failures),
        setbacks: count(current.setbacks),
        failed_stage: string(current.failed_stage),
        next_try: string(current.next_try),
        request: request(&current.request),
        requested_at: string(current.requested_at.as_ref()),
        occurrence: string(current.occurrence),
        withdrawal: current.withdrawal.map(|withdrawal| api::Withdrawal {
            outcome: withdrawal.outcome.to_string(),
            reason: withdrawal.reason.to_string(),
        }),
    }
}

fn request(request: &RequestRef) -> api::RequestRef {
    api::RequestRef {
        name: request.name.to_string(),
        uid: string(request.uid.as_ref()),
        created: string(request.created),
        started: string(request.started),
        ended: string(request.ended),
        stage: Some(request.stage.to_string()),
        apply: Some(request.apply.to_string()),
    }
}

fn last(last: &Last) -> api::Last {
    api::Last {
        opened: last.opened.to_string(),
        closed: last.closed.to_string(),
        causes: last.causes.iter().map(cause).collect(),
        attempt: last.attempt.into(),
        failures: count(last.failures),
        outcome: last.outcome.to_string(),
        message: None,
        request: api::RequestRef { name: last.request.to_string(), ..api::RequestRef::default() },
        produced: leaves(&last.produced),
        life_left_seconds: last.life_left.map(Span::as_seconds),
        duration_seconds: None,
    }
}

fn attempt(attempt: &Attempt) -> api::Attempt {
    api::Attempt {
        request: attempt.request.to_string(),
        outcome: attempt.outcome.to_string(),
        ended: attempt.ended.to_string(),
        started: None,
        duration_seconds: attempt.duration.map(Span::as_seconds),
        issuer: attempt.issuer.as_ref().map(issuer_text),
    }
}

/// An issuer in one text: `Issuer/demo/ca` or `ClusterIssuer/ca`.
pub fn issuer_text(issuer: &IssuerKey) -> String {
    issuer.to_string()
}

fn schedule(schedule: &ScheduleSeen) -> api::Schedule {
    api::Schedule {
        digest: schedule.digest.to_string(),
        first_seen: schedule.first_seen.to_string(),
        satisfied: string(schedule.satisfied),
    }
}

fn cause(opened: &OpenedCause) -> api::Cause {
    api::Cause {
        cause: opened.cause.to_string(),
        alias: Some(opened.alias.to_string()),
        inputs: Some(opened.inputs.to_string()),
    }
}

fn leaves(leaves: &BTreeMap<Alias, LeafId>) -> Vec<api::Leaf> {
    let leaves = leaves.iter();
    leaves
        .map(|(alias, leaf)| api::Leaf {
            alias: alias.to_string(),
            not_before: leaf.not_before.to_string(),
            not_after: leaf.not_after.to_string(),
            fingerprint: string(leaf.fingerprint),
        })
        .collect()
}

fn string(value: Option<impl ToString>) -> Option<String> {
    value.map(|value| value.to_string())
}

/// Nothing is written for none.
fn count(count: u32) -> Option<i64> {
    (count > 0).then(|| count.into())
}
