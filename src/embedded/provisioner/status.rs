//! The conditions of a database, and its phase, as KubeDB derives one from the others.
//!
//! KubeDB asks mysqld; here the kubelet's word for each pod, its condition `Ready`, is taken.

use serde_json::{Value, json};

use super::database::Database;
use super::roles::serves;
use crate::api::meta::{Condition, ConditionStatus, condition, holds};
use crate::api::mysql::DatabasePhase;
use crate::api::pod::Pod;
use crate::core::time::Time;

/// The status of a database: `conditions`, `phase`, `observedGeneration`. Fields that are not
/// ours are not in it.
///
/// `kept` says whether all that belongs to the database is as its spec wants it; only then has the
/// spec been observed.
pub(super) fn status(database: &Database, pods: &[Pod], kept: bool, now: Time) -> Value {
    let old = &database.raw["status"];
    let generation = json!(database.mysql.metadata.generation);
    let observed = if kept { &generation } else { &old["observedGeneration"] };
    let conditions = conditions(database, pods, now);
    json!({
        "phase": phase(&read(&conditions)),
        "conditions": conditions,
        "observedGeneration": observed,
    })
}

fn read(conditions: &[Value]) -> Vec<Condition> {
    let read = |value: &Value| serde_json::from_value(value.clone()).ok();
    conditions.iter().filter_map(read).collect()
}

/// What is to be said of a database.
struct Says<'a> {
    type_: &'a str,
    holds: bool,
    reason: &'a str,
    message: String,
    generation: Option<i64>,
}

fn conditions(database: &Database, pods: &[Pod], now: Time) -> Vec<Value> {
    let old = database.raw["status"]["conditions"].as_array();
    let mut conditions = old.cloned().unwrap_or_default();
    let name = format!("{}/{}", database.namespace(), database.name());
    let mut say = |says: Says<'_>| set(&mut conditions, &says, now);
    say(Says {
        type_: "ProvisioningStarted",
        holds: true,
        reason: "DatabaseProvisioningStartedSuccessfully",
        message: format!("The KubeDB operator has started the provisioning of MySQL: {name}"),
        generation: None,
    });
    if database.mysql.spec.halted {
        say(Says {
            type_: "Halted",
            holds: true,
            reason: "DatabaseHaltedSuccessfully",
            message: format!("The MySQL: {name} is halted."),
            generation: None,
        });
        return conditions;
    }
    let all = says_of_pods(database, pods, &name).map(|says| {
        let holds = says.holds;
        say(says);
        holds
    });
    if all == [true; 3] {
        say(Says {
            type_: "Provisioned",
            holds: true,
            reason: "DatabaseSuccessfullyProvisioned",
            message: format!("The MySQL: {name} is successfully provisioned."),
            generation: database.mysql.metadata.generation,
        });
    }
    conditions.retain(|condition| condition["type"] != "Halted");
    conditions
}

/// Its replicas, whether one of them accepts connections, and whether the whole is well.
fn says_of_pods<'a>(database: &Database, pods: &[Pod], name: &str) -> [Says<'a>; 3] {
    let ready = pods.iter().filter(|pod| serves(pod)).count();
    let wanted = database.mysql.replicas();
    let complete = u32::try_from(ready).is_ok_and(|ready| ready >= wanted);
    let accepts = ready > 0;
    let says = |type_, holds, (yes, no): (&'a str, &'a str), (good, bad): (&str, &str)| Says {
        type_,
        holds,
        reason: if holds { yes } else { no },
        message: if holds { good } else { bad }.replace("{}", name),
        generation: None,
    };
    [
        says(
            "ReplicaReady",
            complete,
            ("AllReplicasReady", "SomeReplicasNotReady"),
            ("All desired replicas are ready.", "Some replicas are not ready."),
        ),
        says(
            "AcceptingConnection",
            accepts,
            ("DatabaseAcceptingConnectionRequest", "DatabaseNotAcceptingConnectionRequest"),
            (
                "The MySQL: {} is accepting client requests.",
                "The MySQL: {} is not accepting client requests.",
            ),
        ),
        says(
            "Ready",
            complete && accepts,
            ("ReadinessCheckSucceeded", "ReadinessCheckFailed"),
            ("The MySQL: {} is ready.", "The MySQL: {} is not ready."),
        ),
    ]
}

/// Sets a condition, and its time unless nothing of it changes.
fn set(conditions: &mut Vec<Value>, says: &Says<'_>, now: Time) {
    let status = if says.holds { ConditionStatus::True } else { ConditionStatus::False };
    let at = conditions.iter().position(|condition| condition["type"] == says.type_);
    let said = at.map_or(&Value::Null, |at| &conditions[at]);
    let same = said["status"] == status.as_str()
        && said["reason"] == says.reason
        && said["message"] == says.message;
    if same {
        return;
    }
    let mut condition = json!({
        "type": says.type_,
        "status": status,
        "reason": says.reason,
        "message": says.message,
        "lastTransitionTime": now,
    });
    if let Some(generation) = says.generation {
        condition["observedGeneration"] = json!(generation);
    }
    match at {
        Some(at) => conditions[at] = condition,
        None => conditions.push(condition),
    }
}

/// A database in one word; none before anything is known of it.
///
/// KubeDB's `PhaseFromCondition`: the first that applies. Replicas and connections count only once
/// the database has been provisioned; `Paused` never does.
pub(super) fn phase(conditions: &[Condition]) -> Option<DatabasePhase> {
    let is = |type_| holds(conditions, type_);
    let is_not = |type_| {
        let status = condition(conditions, type_).and_then(|condition| condition.status.clone());
        status == Some(ConditionStatus::False)
    };
    if is("HealthCheckPaused") {
        return Some(DatabasePhase::Unknown);
    }
    if is("Halted") {
        return Some(DatabasePhase::Halted);
    }
    if let Some(phase) = phase_of_restore(conditions) {
        return Some(phase);
    }
    if is("Provisioned") {
        if is_not("AcceptingConnection") {
            return Some(DatabasePhase::NotReady);
        }
        if is_not("ReplicaReady") || is_not("Ready") {
            return Some(DatabasePhase::Critical);
        }
        if is("Ready") {
            return Some(DatabasePhase::Ready);
        }
    }
    is("ProvisioningStarted").then_some(DatabasePhase::Provisioning)
}

/// A restore under way, or one that failed; none when one has ended well or there is none.
fn phase_of_restore(conditions: &[Condition]) -> Option<DatabasePhase> {
    let started = condition(conditions, "DataRestoreStarted").filter(|started| started.holds())?;
    let Some(restored) = condition(conditions, "DataRestored") else {
        return Some(DatabasePhase::DataRestoring);
    };
    if started.last_transition_time > restored.last_transition_time {
        return Some(DatabasePhase::DataRestoring);
    }
    (!restored.holds()).then_some(DatabasePhase::NotReady)
}

#[cfg(test)]
mod tests;
