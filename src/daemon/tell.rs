//! What the daemon says: one log line per change of state, an Event and a count per act. The same
//! words everywhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cluster::client::ApiFailure;
use crate::cluster::events::{EventRecord, Events, Regarding};
use crate::config::Config;
use crate::config::reload::Loaded;
use crate::core::fleet::{Database, Fleet, Key};
use crate::core::looking::not_seen;
use crate::core::plan::{Plan, Verdict};
use crate::core::record::{Attempt, Current, Last, Record};
use crate::core::time::Time;
use crate::core::vocabulary::{Cause, Gate, Outcome, State, WritePoint};
use crate::metrics::acts::Acts;

/// What was said of a database last: its state, what it is due for, and what it waits for.
type Said = (State, Option<Cause>, Option<Gate>);

/// Says what happens.
pub struct Teller {
    events: Events,
    acts: Arc<Acts>,
    said: BTreeMap<Key, Said>,
}

impl Teller {
    /// Nothing has been said yet.
    pub const fn new(events: Events, acts: Arc<Acts>) -> Self {
        Self { events, acts, said: BTreeMap::new() }
    }

    /// One line for each database whose state, cause or first gate has changed. At the first look
    /// that is news only where it differs from what its Rotation already shows.
    pub fn changes(&mut self, fleet: &Fleet, plan: &Plan, now: Time) {
        let mut said = BTreeMap::new();
        for (key, verdict) in &plan.verdicts {
            let now_said = summary(verdict);
            let before = self.said.get(key);
            let known = fleet.databases.get(key).is_some_and(|it| already_shown(it, now_said));
            if before != Some(&now_said) && !(before.is_none() && known) {
                log_change(key, verdict, now);
            }
            said.insert(key.clone(), now_said);
        }
        self.said = said;
    }

    /// Counts a write.
    pub fn wrote(&self, point: WritePoint, result: &str) {
        self.acts.write(point.as_str(), result);
        tracing::debug!(write = point.as_str(), result, "wrote");
    }

    /// A write failed.
    pub fn write_failed(&self, what: &str, point: WritePoint, failure: &ApiFailure) {
        self.acts.write(point.as_str(), "failed");
        tracing::warn!(object = what, write = point.as_str(), "write failed: {failure}");
    }

    /// A record was written.
    pub fn recorded(
        &self,
        key: &Key,
        database: &Database,
        point: WritePoint,
        record: &Record,
        now: Time,
    ) {
        if point == WritePoint::OpenRotation {
            self.opened(key, database, record);
        } else if point == WritePoint::NoteStarted {
            self.started(key, database, record);
        } else if point == WritePoint::EndAttempt {
            self.attempt_ended(key, database, record);
        } else if point == WritePoint::CloseRotation {
            self.closed(key, database, record, now);
        } else {
            tracing::debug!(database = %key, write = point.as_str(), "record written");
        }
    }

    fn opened(&self, key: &Key, database: &Database, record: &Record) {
        let Some(current) = &record.current else {
            return;
        };
        let cause = first_cause(current);
        let note = format!("rotation opened for {}: {}", causes(current), current.request.name);
        tracing::info!(database = %key, cause, request = %current.request.name, "rotation opened");
        self.post(key, database, "RotationOpened", "Open", note, false);
    }

    /// The request was created.
    pub fn created(&self, key: &Key, database: &Database, current: &Current) {
        let (name, attempt) = (&current.request.name, current.attempt);
        let (stage, apply) = (current.request.stage.as_str(), current.request.apply.as_str());
        let cause = first_cause(current);
        tracing::info!(database = %key, cause, stage, apply, attempt, request = %name, "request created");
        let note =
            format!("created MySQLOpsRequest {name} for {}, attempt {attempt}", causes(current));
        self.post(key, database, "RequestCreated", "Create", note, false);
    }

    fn started(&self, key: &Key, database: &Database, record: &Record) {
        let Some(current) = &record.current else {
            return;
        };
        let name = &current.request.name;
        tracing::info!(database = %key, cause = first_cause(current), request = %name, "request started");
        let note = format!("MySQLOpsRequest {name} is being carried out");
        self.post(key, database, "RequestStarted", "Follow", note, false);
    }

    /// The apiserver, or a webhook of it, refused the request.
    pub fn rejected(&self, key: &Key, database: &Database, message: &str) {
        tracing::warn!(database = %key, "the apiserver refused the request: {message}");
        let note = format!("the apiserver refused the request: {message}");
        self.post(key, database, "RequestRejected", "Create", note, true);
    }

    /// A request was deleted.
    pub fn deleted(&self, key: &Key, database: &Database, point: WritePoint, name: &str) {
        if point == WritePoint::PruneRequest {
            tracing::debug!(database = %key, request = name, "finished request pruned");
            return;
        }
        tracing::info!(database = %key, request = name, "unstarted request taken back");
        let note = format!("took back the unstarted MySQLOpsRequest {name}");
        self.post(key, database, "RequestWithdrawn", "Withdraw", note, false);
    }

    fn attempt_ended(&self, key: &Key, database: &Database, record: &Record) {
        let before = database.rotation.as_ref().and_then(|it| it.record.current.as_ref());
        let (Some(current), Some(before)) = (&record.current, before) else {
            return;
        };
        let newest = record.attempts.first();
        let outcome = newest.filter(|it| it.request == before.request.name).map(|it| it.outcome);
        let outcome = outcome.unwrap_or(Outcome::ForeignRequest);
        self.count(before, outcome, newest);
        let message = last_message(database, before);
        let again = current.next_try.map(|at| format!("; next try not before {at}"));
        let note = format!(
            "attempt {} ended: {outcome}{message}{}",
            before.attempt,
            again.unwrap_or_default()
        );
        let (cause, name) = (first_cause(before), &before.request.name);
        if outcome == Outcome::Withdrawn {
            tracing::info!(database = %key, cause, outcome = outcome.as_str(), request = %name, "{note}");
        } else {
            tracing::warn!(database = %key, cause, outcome = outcome.as_str(), request = %name, "{note}");
        }
        self.post(key, database, outcome.reason(), "End", note, outcome != Outcome::Withdrawn);
    }

    fn closed(&self, key: &Key, database: &Database, record: &Record, now: Time) {
        let before = database.rotation.as_ref().and_then(|it| it.record.current.as_ref());
        let (Some(last), Some(before)) = (&record.last, before) else {
            return;
        };
        self.count(before, last.outcome, record.attempts.first());
        if let (Some(left), Some(lifetime)) = (last.life_left, lifetime(before)) {
            self.acts.life_left(left, lifetime);
        }
        let (cause, name) = (first_cause(before), &last.request);
        let unseen = not_seen(database).filter(|_| last.outcome == Outcome::Unverified);
        let unseen = unseen.map(|unseen| format!("; could not look at {unseen}"));
        let note = format!(
            "rotation closed: {} after {} ({}){}",
            last.outcome,
            now.since(last.opened),
            causes(before),
            unseen.unwrap_or_default()
        );
        tracing::info!(
            database = %key, cause, outcome = last.outcome.as_str(), request = %name, "{note}"
        );
        self.post(key, database, last.outcome.reason(), "Close", note, is_warning(last));
    }

    /// Closing a record, or ending an attempt of one, is what counts.
    fn count(&self, current: &Current, outcome: Outcome, attempt: Option<&Attempt>) {
        if let Some(cause) = current.causes.iter().map(|opened| opened.cause).min() {
            self.acts.rotation_ended(cause, outcome);
        }
        let took = attempt.filter(|attempt| attempt.request == current.request.name);
        if let Some(took) = took.and_then(|attempt| attempt.duration) {
            self.acts.reconfigured(took);
        }
    }

    fn post(
        &self,
        key: &Key,
        database: &Database,
        reason: &'static str,
        action: &'static str,
        note: String,
        warning: bool,
    ) {
        let Some(rotation) = &database.rotation else {
            return;
        };
        let regarding = Regarding {
            api_version: "certrotor.dev/v1alpha1".to_owned(),
            kind: "Rotation".to_owned(),
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
            uid: rotation.uid.to_string(),
        };
        self.events.post(EventRecord { regarding, reason, action, note, warning });
    }
}

/// How the config stands.
pub(super) fn config(loaded: &Loaded, acts: &Acts) {
    if let Some(problems) = &loaded.problems {
        acts.config_reloaded(false);
        let kept = if loaded.config.is_some() {
            "the last good one holds"
        } else {
            "nothing is written until it is mended"
        };
        for problem in problems.iter() {
            tracing::error!("{problem}");
        }
        tracing::error!("config rejected: {kept}");
        return;
    }
    acts.config_reloaded(true);
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    tracing::info!(generation = loaded.loaded_generation, "config loaded");
}

/// A config that was rejected, or that holds again, on the Lease: there is no better object.
pub(super) fn config_event(loaded: &Loaded, events: &Events, namespace: &str, config: &Config) {
    let regarding = Regarding {
        api_version: "coordination.k8s.io/v1".to_owned(),
        kind: "Lease".to_owned(),
        namespace: namespace.to_owned(),
        name: config.installation.to_string(),
        uid: String::new(),
    };
    let (reason, note, warning) = match &loaded.problems {
        Some(problems) => ("ConfigRejected", problems.to_string(), true),
        None => ("ConfigLoaded", "the config file was loaded".to_owned(), false),
    };
    events.post(EventRecord { regarding, reason, action: "Reload", note, warning });
}

/// While a rotation is under way its record says why: certificates change under it.
fn summary(verdict: &Verdict) -> Said {
    if matches!(verdict.state, State::Rotating | State::Verifying) {
        return (verdict.state, None, None);
    }
    let cause = verdict.causes.first().map(|held| held.opened.cause);
    (verdict.state, cause, verdict.gates.first().map(|closed| closed.gate))
}

/// What the Rotation shows survives a restart of the daemon.
fn already_shown(database: &Database, said: Said) -> bool {
    let Some(rotation) = &database.rotation else {
        return said.0 == State::Unmanaged;
    };
    let (state, cause, gate) = said;
    let reason = cause.map(Cause::as_str).or(gate.map(Gate::as_str));
    rotation.shown.state.as_deref() == Some(state.as_str())
        && rotation.shown.reasons.first().map(|first| &**first) == reason
}

fn log_change(key: &Key, verdict: &Verdict, now: Time) {
    let (state, stage) = (verdict.state.as_str(), verdict.stage.as_str());
    let first = verdict.causes.first();
    let cause = first.map(|held| held.opened.cause.as_str());
    let evidence = first.map(|held| held.evidence.to_string());
    let gate = verdict.gates.first().map(|closed| closed.gate.as_str());
    let starts_in = verdict.next.map(|next| next.since(now).to_string());

    tracing::info!(database = %key, state, cause, gate, stage, starts_in, evidence, "state changed");
}

fn first_cause(current: &Current) -> &'static str {
    current.causes.iter().map(|opened| opened.cause).min().map_or("", Cause::as_str)
}

fn causes(current: &Current) -> String {
    let mut words: Vec<&str> = current.causes.iter().map(|it| it.cause.as_str()).collect();
    words.dedup();
    words.join(", ")
}

fn lifetime(current: &Current) -> Option<crate::core::time::Span> {
    let oldest = current.baseline.values().min_by_key(|leaf| leaf.not_after)?;
    Some(oldest.lifetime())
}

fn last_message(database: &Database, current: &Current) -> String {
    let request = database.requests.get(&current.request.name);
    let message = request.map(|request| &*request.message).filter(|message| !message.is_empty());
    message.map(|message| format!(" ({message})")).unwrap_or_default()
}

const fn is_warning(last: &Last) -> bool {
    !matches!(last.outcome, Outcome::Verified | Outcome::Moot)
}
