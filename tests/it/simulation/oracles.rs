//! What must hold whatever happens, read off the API's commit log and off nothing else.

use std::collections::{BTreeMap, BTreeSet};

use certrotor::embedded::api::{ApiServer, Verb};

use super::world::{DATABASES, text};

/// No request is created twice for one attempt, never more than `limit` are active at once, and
/// exactly one request of each database succeeded.
pub(crate) fn check(server: &ApiServer, limit: usize, told: &str) {
    let mut attempts = BTreeSet::new();
    let mut active = BTreeSet::new();
    let mut successes: BTreeMap<String, usize> = BTreeMap::new();
    for commit in server.commits_after(0) {
        if *commit.key.resource != *"mysqlopsrequests.ops.kubedb.com" {
            continue;
        }
        let name = commit.key.name.clone();
        let object = commit.object();
        if commit.verb == Verb::Create {
            let key = text(&object["metadata"]["annotations"]["certrotor.dev/opened"]);
            let attempt = text(&object["metadata"]["annotations"]["certrotor.dev/attempt"]);
            let database = text(&object["spec"]["databaseRef"]["name"]);
            let first = attempts.insert((database.to_owned(), key.to_owned(), attempt.to_owned()));
            assert!(first, "{told}: attempt {attempt} of {database} was created twice");
            active.insert(name.clone());
        }
        let phase = object["status"]["phase"].as_str().unwrap_or_default().to_owned();
        let ended = matches!(&*phase, "Successful" | "Failed" | "Denied" | "Skipped");
        if commit.after.is_none() || ended {
            active.remove(&name);
        }
        if phase == "Successful" && commit.after.is_some() {
            let database = text(&object["spec"]["databaseRef"]["name"]);
            *successes.entry(database.to_owned()).or_default() += 1;
        }
        assert!(active.len() <= limit, "{told}: {} active at once: {active:?}", active.len());
    }
    for database in DATABASES {
        let count = successes.get(database).copied().unwrap_or_default();
        assert_eq!(count, 1, "{told}: {database} was rotated {count} times");
    }
}
