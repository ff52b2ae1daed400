//! What must hold whatever happens, read off the API's commit log and off nothing else.

use std::collections::{BTreeMap, BTreeSet};

use certrotor::embedded::api::Commit;
use serde_json::Value;

use super::cluster::{is_ending, is_ready};
use super::world::{CERTIFICATES, World, is_paused};

/// After a request that ended Successful: every pod was restarted exactly once, after the last
/// certificate had been issued, never two at a time, the primary last; every certificate has one
/// new revision; nobody else's condition was lost; and the database was resumed before the end.
pub(crate) fn rotated(world: &World, request: &str, told: &str) {
    let commits = world.server.commits_after(0);
    assert_eq!(world.phase(request), "Successful", "{told}: {:#}", world.request(request));
    ended_unpaused(&commits, request, told);
    each_restarted(world, &commits, 1, told);
    never_two_away(world, &commits, told);
    for certificate in CERTIFICATES {
        let revisions = revisions(&commits, certificate);
        assert_eq!(revisions, BTreeSet::from([1, 2]), "{told}: revisions of {certificate}");
    }
    foreign_condition(world, told);
}

/// After a request that ended badly.
pub(crate) fn left_alone(world: &World, request: &str, told: &str) {
    let commits = world.server.commits_after(0);
    ended_unpaused(&commits, request, told);
    never_two_away(world, &commits, told);
    foreign_condition(world, told);
}

/// When the phase became terminal the database was not paused, and nothing was written to the
/// request afterwards.
fn ended_unpaused(commits: &[Commit], request: &str, told: &str) {
    let (mut paused, mut over) = (false, false);
    for commit in commits {
        match &*commit.key.resource {
            "mysqls.kubedb.com" => {
                paused = commit.after.as_deref().is_some_and(is_paused);
                assert!(!(over && paused), "{told}: paused after the end");
            }
            "mysqlopsrequests.ops.kubedb.com" if commit.key.name == request => {
                let phase = commit.object()["status"]["phase"].as_str().unwrap_or_default();
                assert!(!over, "{told}: written after its end: {:#}", commit.object());
                over = matches!(phase, "Successful" | "Failed" | "Denied" | "Skipped");
                assert!(!(over && paused), "{told}: {phase} while the database is paused");
            }
            _ => {}
        }
    }
}

/// Each pod was replaced this often; the last issuance came before, and primaries went last.
pub(crate) fn each_restarted(world: &World, commits: &[Commit], times: usize, told: &str) {
    let mut uids: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut issued = 0;
    for commit in commits {
        let object = commit.object();
        match &*commit.key.resource {
            "secrets" => issued = commit.revision,
            "pods" => {
                let uid = text(&object["metadata"]["uid"]).to_owned();
                uids.entry(&commit.key.name).or_default().insert(uid);
                let evicted = is_ending(object) && !commit.before.as_deref().is_some_and(is_ending);
                let primary = object["metadata"]["labels"]["kubedb.com/role"] == "primary";
                if evicted && primary {
                    let restarted = uids.values().filter(|uids| uids.len() > 1).count();
                    assert!(restarted + 1 >= world.replicas, "{told}: the primary went first");
                }
                let evicted_early = evicted && issued > commit.revision;
                assert!(!evicted_early, "{told}: evicted before everything was issued");
            }
            _ => {}
        }
    }
    assert_eq!(uids.len(), world.replicas, "{told}");
    for (pod, uids) in uids {
        assert_eq!(uids.len(), times + 1, "{told}: uids of {pod}: {uids:?}");
    }
}

/// At no moment two pods are away or not ready.
fn never_two_away(world: &World, commits: &[Commit], told: &str) {
    let mut ready: BTreeSet<&str> = BTreeSet::new();
    let mut complete = false;
    for commit in commits.iter().filter(|commit| &*commit.key.resource == "pods") {
        let is = commit.after.as_deref().is_some_and(|pod| is_ready(pod) && !is_ending(pod));
        if is {
            ready.insert(&commit.key.name);
        } else {
            ready.remove(commit.key.name.as_str());
        }
        complete |= ready.len() == world.replicas;
        let enough = !complete || ready.len() + 1 >= world.replicas;
        assert!(enough, "{told}: only {ready:?} are ready at {}", commit.time);
    }
}

/// Every revision that a Certificate has had.
pub(crate) fn revisions(commits: &[Commit], certificate: &str) -> BTreeSet<i64> {
    let its = commits.iter().filter(|commit| {
        &*commit.key.resource == "certificates.cert-manager.io" && commit.key.name == certificate
    });
    its.filter_map(|commit| commit.object()["status"]["revision"].as_i64()).collect()
}

/// The conditions of others are as they were, field by field.
fn foreign_condition(world: &World, told: &str) {
    let mysql = world.mysql();
    let conditions = mysql["status"]["conditions"].as_array().cloned().unwrap_or_default();
    assert_eq!(conditions.len(), 1, "{told}: {conditions:?}");
    assert_eq!(conditions[0]["type"], "Provisioned", "{told}");
    assert_eq!(conditions[0]["severity"], "Info", "{told}");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
