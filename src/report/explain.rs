//! Explaining one database: from what is known and decided to what is said.

use super::database::{
    Attempt, Cause, Certificate, Current, Explanation, Gate, Hold, Last, Look, Rules, Server,
    Wishes,
};
use super::{Source, life, line};
use crate::core::calendar::Windows;
use crate::core::certificate::sanitize;
use crate::core::examine::{CauseCheck, Examined, GateCheck, examine};
use crate::core::fleet::{self, Database, Issued, Key};
use crate::core::plan::rules_of;
use crate::core::policy::{Lead, Rules as Policy};
use crate::core::record::{self, Record};
use crate::core::serving::{Proof, Serving};
use crate::core::time::Span;
use crate::core::vocabulary;
use crate::daemon::View;

/// Explains one database; none if it is not known.
pub fn explanation(view: &View, key: &Key) -> Option<Explanation> {
    let (plan, policy, source) = (view.plan.as_ref()?, view.policy.as_ref()?, Source::of(view)?);
    let (database, verdict) = (view.fleet.databases.get(key)?, plan.verdicts.get(key)?);
    let rules = rules_of(policy, key, database);
    let examined = examine((&view.fleet, policy, source.at), plan, key);
    let rotation = database.rotation.as_ref();
    let record = rotation.map(|rotation| &rotation.record);
    let (causes, gates) = examined.as_ref().map(checks).unwrap_or_default();
    Some(Explanation {
        source,
        database: line(view, key)?,
        changes: verdict.changes,
        causes,
        gates,
        certificates: certificates(&rules, database),
        servers: database.pods.iter().map(|(name, pod)| server(database, name, pod)).collect(),
        rules: rules_in_words(&rules, examined.as_ref()),
        wishes: rotation.map(|rotation| wishes(&rotation.wishes)),
        current: record.and_then(|record| current(database, record)),
        last: record.and_then(|record| record.last.as_ref()).map(last),
        attempts: record.into_iter().flat_map(|record| &record.attempts).map(attempt).collect(),
    })
}

fn checks(examined: &Examined) -> (Vec<Cause>, Vec<Gate>) {
    let causes = examined.causes.iter().map(cause).collect();
    (causes, examined.gates.iter().map(gate).collect())
}

fn cause(check: &CauseCheck) -> Cause {
    let held = check.held.iter().map(|held| Hold {
        alias: held.opened.alias.to_string(),
        evidence: sanitize(&held.evidence.to_string()),
        barred: held.barred,
    });
    Cause {
        cause: check.cause,
        meaning: check.cause.meaning().to_owned(),
        advice: check.cause.advice().to_owned(),
        held: held.collect(),
        from: check.from,
    }
}

fn gate(check: &GateCheck) -> Gate {
    let closed = check.closed.as_ref();
    Gate {
        gate: check.gate,
        meaning: check.gate.meaning().to_owned(),
        advice: check.gate.advice().to_owned(),
        closed: closed.is_some(),
        until: closed.and_then(|closed| closed.until),
        detail: closed.and_then(|closed| closed.detail.as_deref()).map(sanitize),
    }
}

fn certificates(rules: &Policy, database: &Database) -> Vec<Certificate> {
    let certificate = |(alias, it): (&fleet::Alias, &fleet::Certificate)| {
        let leaf = it.issued_leaf();
        let problem = match &it.issued {
            Issued::Unknown => Some("nothing is known of it yet".to_owned()),
            Issued::Missing => Some("it was never issued".to_owned()),
            Issued::Malformed(reason) => Some(format!("it cannot be read: {}", sanitize(reason))),
            Issued::Leaf(_) if it.failed_at.is_some() => {
                Some("cert-manager's last issuance of it failed".to_owned())
            }
            Issued::Leaf(_) => None,
        };
        Certificate {
            alias: sanitize(alias.as_str()),
            name: it.name.to_string(),
            issuer: sanitize(&it.issuer.to_string()),
            life: leaf.map(|leaf| life(rules, database, &leaf.id)),
            issued_at: leaf.map(|leaf| leaf.issued_at),
            serial: leaf.and_then(|leaf| leaf.serial.as_deref()).map(sanitize),
            fingerprint: leaf.and_then(|leaf| leaf.id.fingerprint).map(|it| it.to_string()),
            problem,
            issuing_since: it.issuing_since,
            renewal_time: it.renewal_time,
        }
    };
    database.certificates.iter().map(certificate).collect()
}

fn server(database: &Database, name: &str, pod: &fleet::Pod) -> Server {
    let (presents, proof) = match database.presents(pod) {
        Serving::Current(proof) => ("issued", Some(proof)),
        Serving::Older(proof) => ("other", Some(proof)),
        Serving::Unknown => ("unknown", None),
    };
    let issued = database.issued_server_leaf();
    let look = |seen: &fleet::Sighting| Look {
        began: seen.began,
        not_after: seen.leaf.map(|leaf| leaf.not_after),
        fingerprint: seen.leaf.and_then(|leaf| leaf.fingerprint).map(|it| it.to_string()),
        issued: issued.is_some_and(|issued| seen.shows(&issued.id)),
        trusted: seen.trusted,
    };
    Server {
        pod: name.to_owned(),
        ready: pod.ready,
        started: pod.started,
        presents: presents.to_owned(),
        proof: proof.map(|proof| match proof {
            Proof::Wire => "seen".to_owned(),
            Proof::Inferred => "inferred".to_owned(),
        }),
        looks: pod.seen.iter().rev().map(look).collect(),
        missed: pod.missed.as_ref().map(|missed| sanitize(&missed.why)),
    }
}

fn lead(lead: Lead) -> String {
    match lead {
        Lead::Percent(percent) => format!("{percent}%"),
        Lead::Length(span) => span.to_string(),
    }
}

fn rules_in_words(rules: &Policy, examined: Option<&Examined>) -> Rules {
    Rules {
        renew_before: lead(rules.renew_before),
        emergency_before: lead(rules.emergency.before),
        windows: rules.windows.as_slice().iter().map(ToString::to_string).collect(),
        freezes: rules.freezes.iter().map(|freeze| sanitize(&freeze.to_string())).collect(),
        schedule: rules.schedule.as_ref().map(ToString::to_string),
        min_interval_seconds: rules.min_interval.as_seconds(),
        duration_seconds: examined.map(|examined| examined.duration.as_seconds()),
    }
}

fn wishes(wishes: &record::Wishes) -> Wishes {
    let windows = wishes.windows.iter().flat_map(Windows::as_slice);
    Wishes {
        suspend: wishes.suspend,
        requested_at: wishes.requested_at.as_deref().map(sanitize),
        renew_before: wishes.renew_before.map(lead),
        windows: windows.map(ToString::to_string).collect(),
        problems: wishes.problems.iter().map(|problem| sanitize(problem)).collect(),
    }
}

fn causes(opened: &[record::OpenedCause]) -> Vec<vocabulary::Cause> {
    let mut causes: Vec<vocabulary::Cause> = opened.iter().map(|it| it.cause).collect();
    causes.dedup();
    causes
}

fn current(database: &Database, record: &Record) -> Option<Current> {
    let current = record.current.as_ref()?;
    let request = database.requests.get(&current.request.name);
    let message = request.map(|request| sanitize(&request.message));
    Some(Current {
        opened: current.opened,
        causes: causes(&current.causes),
        attempt: current.attempt,
        failures: current.failures,
        next_try: current.next_try,
        request: current.request.name.to_string(),
        created: current.request.created,
        started: current.request.started,
        stage: current.request.stage,
        message: message.filter(|message| !message.is_empty()),
    })
}

fn last(last: &record::Last) -> Last {
    Last {
        opened: last.opened,
        closed: last.closed,
        causes: causes(&last.causes),
        outcome: last.outcome,
        attempts: last.attempt,
        request: last.request.to_string(),
        life_left_seconds: last.life_left.map(Span::as_seconds),
    }
}

fn attempt(attempt: &record::Attempt) -> Attempt {
    Attempt {
        request: attempt.request.to_string(),
        outcome: attempt.outcome,
        ended: attempt.ended,
        duration_seconds: attempt.duration.map(Span::as_seconds),
    }
}
