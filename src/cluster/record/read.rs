//! From `status` to the record.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use super::Unreadable;
use crate::api::rotation::{self as api, RotationStatus};
use crate::cluster::facts::Texts;
use crate::core::certificate::sanitize;
use crate::core::fleet::{Alias, IssuerKey, LeafId, Text};
use crate::core::record::{
    Attempt, Current, Last, OpenedCause, Record, RequestRef, ScheduleSeen, Shown, ShownCertificate,
    ShownCondition, Withdrawal,
};
use crate::core::show::CONDITIONS;
use crate::core::time::{Span, Time};

type Read<T> = Result<T, Unreadable>;

/// The record, and what is shown besides.
pub fn read(status: &RotationStatus, texts: &mut Texts) -> Read<(Record, Shown)> {
    let record = Record {
        installation: text(status.installation.as_ref(), texts),
        database_uid: status.database_uid.as_deref().map(Text::from),
        current: status.current.as_ref().map(current).transpose()?,
        last: status.last.as_ref().map(last).transpose()?,
        attempts: each(&status.attempts, |attempt| self::attempt(attempt, texts))?,
        last_rotated: time("lastRotated", status.last_rotated.as_ref())?,
        handled_request: status.handled_request.as_deref().map(Text::from),
        schedule: status.schedule.as_ref().map(schedule).transpose()?,
    };
    Ok((record, shown(status, texts)?))
}

fn shown(status: &RotationStatus, texts: &mut Texts) -> Read<Shown> {
    let certificates = each(&status.certificates, |facts| {
        let Some(not_after) = time("certificates", facts.not_after.as_ref())? else {
            return Ok(None);
        };
        let shown = ShownCertificate { not_after, serial: facts.serial.as_deref().map(Text::from) };
        Ok(Some((texts.text(&facts.alias), shown)))
    })?;
    let (ours, others): (Vec<_>, Vec<_>) = status
        .conditions
        .iter()
        .partition(|condition| CONDITIONS.contains(&condition.type_.as_str()));
    let conditions = each(&ours, |condition| {
        let shown = ShownCondition {
            status: condition.status == "True",
            reason: texts.text(&condition.reason),
            since: parse("conditions", &condition.last_transition_time)?,
        };
        Ok((texts.text(&condition.type_), shown))
    })?;
    Ok(Shown {
        observed_generation: status.observed_generation,
        state: text(status.state.as_ref(), texts),
        reason: text(status.reason.as_ref(), texts),
        reasons: status.reasons.iter().map(|reason| texts.text(reason)).collect(),
        message: text(status.message.as_ref(), texts),
        certificates: certificates.into_iter().flatten().collect(),
        expires: time("expires", status.expires.as_ref())?,
        next: time("next", status.next.as_ref())?,
        last: text(status.last_outcome.as_ref(), texts),
        conditions: conditions.into_iter().collect(),
        // Texts and a number: writing them cannot fail.
        others_conditions: others
            .into_iter()
            .filter_map(|condition| Some(serde_json::to_string(condition).ok()?.into()))
            .collect(),
    })
}

fn current(written: &api::Current) -> Read<Current> {
    let request = &written.request;
    Ok(Current {
        opened: parse("current.opened", &written.opened)?,
        causes: each(&written.causes, |cause| self::cause("current.causes", cause))?,
        baseline: leaves("current.baseline", &written.baseline)?,
        attempt: count("current.attempt", written.attempt)?,
        failures: count("current.failures", written.failures.unwrap_or(0))?,
        setbacks: count("current.setbacks", written.setbacks.unwrap_or(0))?,
        failed_stage: optional("current.failedStage", written.failed_stage.as_ref())?,
        next_try: time("current.nextTry", written.next_try.as_ref())?,
        request: RequestRef {
            name: request.name.as_str().into(),
            uid: request.uid.as_deref().map(Text::from),
            created: time("current.request.created", request.created.as_ref())?,
            started: time("current.request.started", request.started.as_ref())?,
            ended: time("current.request.ended", request.ended.as_ref())?,
            stage: required("current.request.stage", request.stage.as_ref())?,
            apply: required("current.request.apply", request.apply.as_ref())?,
        },
        requested_at: written.requested_at.as_deref().map(Text::from),
        occurrence: time("current.occurrence", written.occurrence.as_ref())?,
        withdrawal: written.withdrawal.as_ref().map(withdrawal).transpose()?,
    })
}

fn withdrawal(written: &api::Withdrawal) -> Read<Withdrawal> {
    Ok(Withdrawal {
        outcome: parse("current.withdrawal.outcome", &written.outcome)?,
        reason: parse("current.withdrawal.reason", &written.reason)?,
    })
}

fn last(written: &api::Last) -> Read<Last> {
    Ok(Last {
        opened: parse("last.opened", &written.opened)?,
        closed: parse("last.closed", &written.closed)?,
        causes: each(&written.causes, |cause| self::cause("last.causes", cause))?,
        attempt: count("last.attempt", written.attempt)?,
        failures: count("last.failures", written.failures.unwrap_or(0))?,
        outcome: parse("last.outcome", &written.outcome)?,
        request: written.request.name.as_str().into(),
        produced: leaves("last.produced", &written.produced)?,
        life_left: written.life_left_seconds.map(Span::seconds),
    })
}

fn attempt(written: &api::Attempt, texts: &mut Texts) -> Read<Attempt> {
    let issuer = |written: &String| match issuer(written) {
        Some(issuer) => Ok(texts.issuer_key(&issuer)),
        None => Err(wrong("attempts", written, "it is not an issuer")),
    };
    Ok(Attempt {
        request: written.request.as_str().into(),
        outcome: parse("attempts", &written.outcome)?,
        ended: parse("attempts", &written.ended)?,
        duration: duration("attempts", written.duration_seconds)?,
        issuer: written.issuer.as_ref().map(issuer).transpose()?,
    })
}

fn schedule(written: &api::Schedule) -> Read<ScheduleSeen> {
    Ok(ScheduleSeen {
        digest: parse("schedule.digest", &written.digest)?,
        first_seen: parse("schedule.firstSeen", &written.first_seen)?,
        satisfied: time("schedule.satisfied", written.satisfied.as_ref())?,
    })
}

fn cause(field: &'static str, written: &api::Cause) -> Read<OpenedCause> {
    Ok(OpenedCause {
        cause: parse(field, &written.cause)?,
        alias: Alias::from(present(field, written.alias.as_ref())?.as_str()),
        inputs: required(field, written.inputs.as_ref())?,
    })
}

fn leaves(field: &'static str, written: &[api::Leaf]) -> Read<BTreeMap<Alias, LeafId>> {
    let leaves = each(written, |leaf| {
        let id = LeafId {
            not_before: parse(field, &leaf.not_before)?,
            not_after: parse(field, &leaf.not_after)?,
            fingerprint: optional(field, leaf.fingerprint.as_ref())?,
        };
        Ok((Alias::from(leaf.alias.as_str()), id))
    })?;
    Ok(leaves.into_iter().collect())
}

/// An issuer as `issuer_text` writes it; none when this is no issuer.
pub fn issuer(written: &str) -> Option<IssuerKey> {
    let parts: Vec<&str> = written.split('/').collect();
    let (namespace, kind, name) = match parts[..] {
        [kind, name] => (None, kind, name),
        [kind, namespace, name] => (Some(namespace), kind, name),
        _ => return None,
    };
    Some(IssuerKey { namespace: namespace.map(Text::from), kind: kind.into(), name: name.into() })
}

fn text(written: Option<&String>, texts: &mut Texts) -> Option<Text> {
    written.map(|text| texts.text(text))
}

fn each<A, T>(written: &[A], read: impl FnMut(&A) -> Read<T>) -> Read<Vec<T>> {
    written.iter().map(read).collect()
}

fn parse<T: FromStr<Err: Display>>(field: &'static str, written: &str) -> Read<T> {
    written.parse().map_err(|error| wrong(field, written, &error))
}

fn optional<T: FromStr<Err: Display>>(
    field: &'static str,
    written: Option<&String>,
) -> Read<Option<T>> {
    written.map(|text| parse(field, text)).transpose()
}

fn required<T: FromStr<Err: Display>>(field: &'static str, written: Option<&String>) -> Read<T> {
    parse(field, present(field, written)?)
}

fn present<T>(field: &'static str, written: Option<T>) -> Read<T> {
    written.ok_or_else(|| Unreadable { field, problem: "something in it is missing".to_owned() })
}

fn time(field: &'static str, written: Option<&String>) -> Read<Option<Time>> {
    optional(field, written)
}

fn count(field: &'static str, written: i64) -> Read<u32> {
    u32::try_from(written).map_err(|error| wrong(field, &written.to_string(), error))
}

fn duration(field: &'static str, seconds: Option<i64>) -> Read<Option<Span>> {
    let negative = seconds.filter(|seconds| *seconds < 0);
    match negative {
        Some(seconds) => Err(wrong(field, &seconds.to_string(), "it is negative")),
        None => Ok(seconds.map(Span::seconds)),
    }
}

fn wrong(field: &'static str, written: &str, error: impl Display) -> Unreadable {
    Unreadable { field, problem: sanitize(&format!("{written:?}: {error}")) }
}
