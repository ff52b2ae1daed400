//! A request that nobody has started: whether it can be carried out, and whether it may begin.
//!
//! KubeDB's rules. Of the queued requests of one type for one database the newest survives and the
//! others are skipped; of the survivors of all types the oldest goes first; and nothing begins
//! while another is carried out. Requests of other types belong to somebody else: they are never
//! written, only waited for.
//!
//! The newest begins only after the others *are* skipped. Two executors that decide at the same
//! moment on different lists can then not both begin: one of the two writes is refused.

use std::collections::BTreeMap;

use super::Step;
use super::notes::{DENIED, FAILED, FAILING, Note};
use super::seen::{Database, Operation, Other, Refusal, Request, Seen, Unfit};
use super::waiting::Waiting;
use crate::core::fleet::{DatabasePhase, RequestPhase};
use crate::executor::vocabulary::ExecutorWrite;

/// The type of the requests that are ours.
const OUR_TYPE: &str = "ReconfigureTLS";
/// The type of which none is skipped.
const NEVER_SKIPPED: &str = "Reconfigure";

/// Chooses the row.
pub(super) fn next(seen: &Seen, database: &Database) -> Step {
    let request = &seen.request;
    if request.deleting {
        return Step::Rest;
    }
    if let Some(rival) = &seen.rival {
        return Step::Wait { why: Waiting::Rival(rival.clone()), until: None };
    }
    let operation = match &request.asks {
        Ok(operation) => *operation,
        Err(refusal) => return refused(refusal),
    };
    if let Some(newer) = newer(seen) {
        let note = Note::skipped(request, newer);
        return Step::phase(ExecutorWrite::Skip, RequestPhase::Skipped, vec![note]);
    }
    if let Some(why) = behind(seen) {
        return wait(request, why);
    }
    if let Some(why) = unfit(seen, operation, database.tls) {
        let note = Note::new(FAILED, FAILING, why);
        return Step::phase(ExecutorWrite::Fail, RequestPhase::Failed, vec![note]);
    }
    if let Some(why) = held(seen, database) {
        return wait(request, why);
    }
    let ours = Note::ours(request, operation, database.tls);
    let notes = vec![Note::running(request), ours];
    Step::phase(ExecutorWrite::Start, RequestPhase::Progressing, notes)
}

/// What the webhook would have refused is `Denied`, and so is what this executor cannot do: left
/// alone it would wait for ever without a word and stand in the way of the next request.
pub(super) fn refused(refusal: &Refusal) -> Step {
    let note = Note::new(DENIED, DENIED, refusal.to_string());
    Step::phase(ExecutorWrite::Refuse, RequestPhase::Denied, vec![note])
}

/// A request that waits says so: it is `Pending`.
fn wait(request: &Request, why: Waiting) -> Step {
    if request.phase == RequestPhase::New {
        Step::phase(ExecutorWrite::Queue, RequestPhase::Pending, Vec::new())
    } else {
        Step::Wait { why, until: None }
    }
}

/// The newest queued request of the type, if that is another one.
fn newer(seen: &Seen) -> Option<&Other> {
    let newest = of_our_type(seen).max_by_key(|other| other.age())?;
    (newest.age() > seen.request.age()).then_some(newest)
}

/// Who comes before the request.
fn behind(seen: &Seen) -> Option<Waiting> {
    if let Some(running) = seen.others.iter().find(|other| other.is_running()) {
        return Some(Waiting::Running(running.name.clone()));
    }
    if let Some(older) = of_our_type(seen).next() {
        return Some(Waiting::ToBeSkipped(older.name.clone()));
    }
    let oldest = survivors(seen).into_iter().min_by_key(|other| other.age())?;
    let earlier = oldest.age() < seen.request.age();
    earlier.then(|| Waiting::Earlier { name: oldest.name.clone(), kind: oldest.kind.clone() })
}

/// What of the database stands in the way.
fn held(seen: &Seen, database: &Database) -> Option<Waiting> {
    if let Some(pause) = &database.pause {
        return Some(Waiting::Paused(pause.clone()));
    }
    if database.halted {
        return Some(Waiting::Halted);
    }
    if !seen.request.always && database.phase != DatabasePhase::Ready {
        return Some(Waiting::NotReady(database.phase));
    }
    seen.backup_running.then_some(Waiting::Backup)
}

/// Why it would fail if it began.
fn unfit(seen: &Seen, operation: Operation, has_tls: bool) -> Option<String> {
    let database = seen.request.database_path();
    let lacks = |to_do: &str| {
        format!(
            "MySQL {database} has no TLS, so there is nothing to {to_do}: add it first, by a request \
             with spec.tls.issuerRef or in the MySQL"
        )
    };
    match (operation, has_tls) {
        (Operation::Rotate, false) => return Some(lacks("rotate")),
        (Operation::Remove, false) => return Some(lacks("remove")),
        (Operation::Require, false) => return Some(lacks("require")),
        (Operation::Rotate, true) => return missing(seen),
        (Operation::Configure, _) | (Operation::Require | Operation::Remove, true) => {}
    }
    Some(match seen.unfit.as_ref()? {
        Unfit::NoSuchIssuer(issuer) => format!(
            "{issuer} does not exist: create it, or name another in spec.tls. MySQL {database} was \
             not touched"
        ),
        Unfit::Unsigned(alias) => format!(
            "nobody would sign the {alias} certificate of MySQL {database}, which its servers need: \
             name an issuer in spec.tls.issuerRef. MySQL {database} was not touched"
        ),
    })
}

/// A Certificate to be rotated that does not exist.
fn missing(seen: &Seen) -> Option<String> {
    let missing = seen.certificates.iter().find(|certificate| certificate.found.is_none())?;
    let (namespace, name) = (&seen.request.namespace, &missing.name);
    Some(format!(
        "Certificate {namespace}/{name} does not exist: KubeDB's provisioner makes it; look why it \
         has not"
    ))
}

fn of_our_type(seen: &Seen) -> impl Iterator<Item = &Other> {
    seen.others.iter().filter(|other| other.is_queued() && &*other.kind == OUR_TYPE)
}

/// The queued requests of other types that will not be skipped.
fn survivors(seen: &Seen) -> Vec<&Other> {
    let foreign = seen.others.iter().filter(|other| other.is_queued() && &*other.kind != OUR_TYPE);
    let (mut all, skippable): (Vec<&Other>, Vec<&Other>) =
        foreign.partition(|other| &*other.kind == NEVER_SKIPPED);
    let mut newest: BTreeMap<&str, &Other> = BTreeMap::new();
    for other in skippable {
        let known = newest.entry(&other.kind).or_insert(other);
        if other.age() > known.age() {
            *known = other;
        }
    }
    all.extend(newest.into_values());
    all
}
