//! What KubeDB's webhooks refuse, for the embedded API: on a real cluster they are KubeDB's own.

use serde_json::{Value, json};

use crate::api::mysql::{DeletionPolicy, MySql, TopologyMode};
use crate::embedded::api::{ApiServer, Review};

const MYSQLS: &str = "mysqls.kubedb.com";
/// How many servers a replication group may have.
const GROUP_SIZES: std::ops::RangeInclusive<u32> = 3..=9;
/// What a MySQLOpsRequest may ask for.
const TYPES: [&str; 10] = [
    "UpdateVersion",
    "HorizontalScaling",
    "VerticalScaling",
    "VolumeExpansion",
    "Restart",
    "Reconfigure",
    "ReconfigureTLS",
    "RotateAuth",
    "ReplicationModeTransformation",
    "StorageMigration",
];

/// Installs KubeDB's webhooks for MySQL and MySQLOpsRequest.
pub fn admissions(server: &ApiServer) {
    server.admit("mysqlwebhook.validators.kubedb.com", judge_mysql);
    server.admit("mysqlopsrequestwebhook.validators.ops.kubedb.com", judge_request);
}

fn judge_mysql(review: &Review<'_>) -> Result<(), String> {
    let call = review.call;
    if call.group != "kubedb.com" || call.resource != "mysqls" || !call.subresource.is_empty() {
        return Ok(());
    }
    match (review.before, review.after) {
        (Some(before), None) => may_be_deleted(before),
        (before, Some(after)) => {
            may_have_size(&read(after))?;
            before.map_or(Ok(()), |before| may_become(before, after))
        }
        (None, None) => Ok(()),
    }
}

fn may_be_deleted(before: &Value) -> Result<(), String> {
    let mysql = read(before);
    if *mysql.deletion_policy() != DeletionPolicy::DoNotTerminate {
        return Ok(());
    }
    let (namespace, name) = (mysql.namespace(), mysql.name());
    let field = if before["spec"]["deletionPolicy"].is_string() {
        "deletionPolicy"
    } else {
        "terminationPolicy"
    };
    Err(format!("mysql \"{namespace}/{name}\" can't be terminated. To delete, change spec.{field}"))
}

fn may_have_size(mysql: &MySql) -> Result<(), String> {
    let is_group = mysql.mode() == Some(&TopologyMode::GroupReplication);
    let replicas = mysql.replicas();
    if !is_group || GROUP_SIZES.contains(&replicas) {
        return Ok(());
    }
    let (least, most) = (GROUP_SIZES.start(), GROUP_SIZES.end());
    Err(format!("spec.replicas of a replication group is {least} to {most}, not {replicas}"))
}

fn may_become(before: &Value, after: &Value) -> Result<(), String> {
    let storage_type = |object: &Value| read(object).spec.storage_type;
    if storage_type(before) == storage_type(after) {
        return Ok(());
    }
    Err("spec.storageType is immutable".to_owned())
}

/// Deletions are always allowed.
fn judge_request(review: &Review<'_>) -> Result<(), String> {
    let call = review.call;
    if call.group != "ops.kubedb.com" || call.resource != "mysqlopsrequests" {
        return Ok(());
    }
    let Some(after) = review.after else { return Ok(()) };
    let namespace = after["metadata"]["namespace"].as_str().unwrap_or_default();
    let database = after["spec"]["databaseRef"]["name"].as_str().unwrap_or_default();
    // Of an update of the status too: once the MySQL is gone, nobody can end its requests.
    let Some(mysql) = review.find(MYSQLS, namespace, database) else {
        return Err(format!("mysql \"{namespace}/{database}\" not found"));
    };
    if let Some(before) = review.before {
        if before["spec"] != after["spec"] {
            return Err("spec is immutable".to_owned());
        }
        if has_ended(after) && !has_ended(before) {
            resume(review, mysql);
        }
    }
    may_ask(&after["spec"])
}

fn may_ask(spec: &Value) -> Result<(), String> {
    let asked = spec["type"].as_str().unwrap_or_default();
    if !TYPES.contains(&asked) {
        return Err(format!("spec.type {asked:?} is not supported"));
    }
    if asked != "ReconfigureTLS" {
        return Ok(());
    }
    let tls = &spec["tls"];
    if !tls.is_object() {
        return Err("spec.tls is missing, which ReconfigureTLS needs".to_owned());
    }
    if tls["remove"] == true && tls["rotateCertificates"] == true {
        return Err("spec.tls: remove and rotateCertificates exclude each other".to_owned());
    }
    Ok(())
}

/// `Skipped` and `Denied` are ends too, but this webhook does not resume for them.
fn has_ended(request: &Value) -> bool {
    matches!(request["status"]["phase"].as_str(), Some("Successful" | "Failed"))
}

/// Lets the database go on: whoever ends a request need not.
fn resume(review: &Review<'_>, mysql: &Value) {
    let conditions = mysql["status"]["conditions"].as_array();
    let conditions = conditions.map_or(&[][..], Vec::as_slice);
    let left: Vec<&Value> =
        conditions.iter().filter(|condition| condition["type"] != "Paused").collect();
    if left.len() < conditions.len() {
        let mut resumed = mysql.clone();
        resumed["status"]["conditions"] = json!(left);
        review.change(MYSQLS, resumed);
    }
}

fn read(mysql: &Value) -> MySql {
    serde_json::from_value(mysql.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
