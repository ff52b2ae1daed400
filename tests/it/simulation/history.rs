//! What happened, read off the commit log and the servers, and off nothing that the processes under
//! test say of themselves.

use std::collections::BTreeMap;

use certrotor::core::certificate::Fingerprint;
use certrotor::core::time::Time;
use certrotor::embedded::api::{Commit, Verb};
use certrotor::embedded::pods::{PodName, Presented, Serving};
use serde_json::Value;

use super::world::World;

/// A request to rotate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) database: String,
    /// The MySQL's uid, when the rotation was opened, and which attempt it is: none for people's.
    pub(crate) attempt: Option<(String, String, String)>,
    pub(crate) created: Time,
    /// The revisions between which it was active.
    pub(crate) active: (u64, Option<u64>),
    pub(crate) started: Option<Time>,
    pub(crate) ended: Option<Time>,
    /// Its last phase.
    pub(crate) phase: String,
}

/// From when to when a server presented a leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spell {
    pub(crate) pod: String,
    /// Its fingerprint; empty without TLS.
    pub(crate) leaf: String,
    pub(crate) not_after: Time,
    pub(crate) from: Time,
    pub(crate) until: Option<Time>,
}

impl Spell {
    pub(crate) fn is_of(&self, database: &str) -> bool {
        self.pod.rsplit_once('-').is_some_and(|(set, _)| set == database)
    }

    pub(crate) fn lasts_at(&self, at: Time) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// Notes what has changed between two looks at the servers.
pub(crate) fn spells_between(
    before: &BTreeMap<PodName, Serving>,
    after: &BTreeMap<PodName, Serving>,
    now: Time,
    spells: &mut Vec<Spell>,
) {
    let same = |pod: &PodName, serving: &Serving| {
        before.get(pod).is_some_and(|old| old.started == serving.started && old.uid == serving.uid)
    };
    let ended = before.keys().filter(|pod| !after.get(pod).is_some_and(|it| same(pod, it)));
    for pod in ended {
        let open = spells.iter_mut().rev().find(|it| it.pod == pod.name && it.until.is_none());
        if let Some(open) = open {
            open.until = Some(now);
        }
    }
    for (pod, serving) in after.iter().filter(|(pod, serving)| !same(pod, serving)) {
        let leaf = serving.presents.as_ref().and_then(Presented::leaf);
        let chain = serving.presents.as_ref().and_then(|presents| presents.chain().ok());
        spells.push(Spell {
            pod: pod.name.clone(),
            leaf: leaf.as_ref().map(Fingerprint::to_string).unwrap_or_default(),
            not_after: chain.map_or(Time::MIN, |chain| chain.leaf.not_after),
            from: now,
            until: None,
        });
    }
}

/// From when to when something held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// Of whom: a database, or an issuer.
    pub(crate) of: String,
    pub(crate) from: Time,
    pub(crate) until: Option<Time>,
}

impl Held {
    pub(crate) fn lasts_at(&self, at: Time) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// When the Rotation of a database said for all to read that it is due, or needs a person.
pub(crate) fn alarms(commits: &[Commit]) -> Vec<Held> {
    held(commits, "rotations.certrotor.dev", |rotation| {
        has_condition(rotation, "Due") || has_condition(rotation, "Stuck")
    })
}

/// When a database was not meant to have TLS.
pub(crate) fn bare(commits: &[Commit]) -> Vec<Held> {
    held(commits, "mysqls.kubedb.com", |mysql| mysql["spec"]["tls"].is_null())
}

/// When an issuer could not sign.
pub(crate) fn outages(commits: &[Commit]) -> Vec<Held> {
    held(commits, "issuers.cert-manager.io", |issuer| !has_condition(issuer, "Ready"))
}

fn held(commits: &[Commit], resource: &str, holds: impl Fn(&Value) -> bool) -> Vec<Held> {
    let mut all: Vec<Held> = Vec::new();
    for commit in commits.iter().filter(|commit| &*commit.key.resource == resource) {
        let now = commit.after.as_deref().is_some_and(&holds);
        let open = all.iter_mut().find(|it| it.of == commit.key.name && it.until.is_none());
        match (open, now) {
            (None, true) => {
                let of = commit.key.name.clone();
                all.push(Held { of, from: commit.time, until: None });
            }
            (Some(open), false) => open.until = Some(commit.time),
            (None, false) | (Some(_), true) => {}
        }
    }
    all
}

/// The requests that a log tells of, in the order in which they were created.
pub(crate) fn requests(commits: &[Commit]) -> Vec<Asked> {
    let mut asked: Vec<Asked> = Vec::new();
    for commit in commits {
        if &*commit.key.resource != "mysqlopsrequests.ops.kubedb.com" {
            continue;
        }
        let object = commit.object();
        if commit.before.is_none() {
            asked.push(begun(commit, object));
        }
        let found = asked.iter_mut().rev().find(|asked| asked.name == commit.key.name);
        let Some(found) = found else { continue };
        let phase = text(&object["status"]["phase"]);
        if phase == "Progressing" {
            found.started.get_or_insert(commit.time);
        }
        if !phase.is_empty() {
            phase.clone_into(&mut found.phase);
        }
        if is_over(object) || commit.after.is_none() {
            found.ended.get_or_insert(commit.time);
            found.active.1.get_or_insert(commit.revision);
        }
    }
    asked
}

fn begun(commit: &Commit, object: &Value) -> Asked {
    let annotation = |name: &str| text(&object["metadata"]["annotations"][name]).to_owned();
    let attempt = [
        annotation("certrotor.dev/database-uid"),
        annotation("certrotor.dev/opened"),
        annotation("certrotor.dev/attempt"),
    ];
    let [uid, opened, number] = attempt;
    Asked {
        name: commit.key.name.clone(),
        database: text(&object["spec"]["databaseRef"]["name"]).to_owned(),
        attempt: commit.by.user.starts_with("certrotor").then_some((uid, opened, number)),
        created: commit.time,
        active: (commit.revision, None),
        started: None,
        ended: None,
        phase: String::new(),
    }
}

/// Whether a request has a terminal phase.
pub(crate) fn is_over(request: &Value) -> bool {
    let phase = text(&request["status"]["phase"]);
    matches!(phase, "Successful" | "Failed" | "Denied" | "Skipped")
}

/// How many objects of each kind were created and deleted.
pub(crate) fn counts(commits: &[Commit]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for commit in commits {
        let done = match (&commit.before, &commit.after) {
            (None, _) => "created",
            (_, None) => "deleted",
            (Some(_), Some(_)) => continue,
        };
        let resource = &*commit.key.resource;
        if resource != "events" && !resource.starts_with("leases") {
            *counts.entry(format!("{resource} {done}")).or_default() += 1;
        }
    }
    counts
}

/// How many writes of the processes under test a log holds, Leases and Events apart.
pub(crate) fn writes_of_ours(commits: &[Commit]) -> Vec<String> {
    let ours = commits.iter().filter(|commit| {
        let by = &commit.by.user;
        let resource = &*commit.key.resource;
        (by.starts_with("certrotor") || by.starts_with("executor"))
            && resource != "events"
            && !resource.starts_with("leases")
    });
    ours.map(told).collect()
}

/// A commit in one line.
pub(crate) fn told(commit: &Commit) -> String {
    let Commit { time, by, verb, subresource, key, .. } = commit;
    let verb: &Verb = verb;
    format!("{time} {} {verb} {}/{} {subresource}", by.user, key.resource, key.name)
}

/// What a run has come to, without what differs from run to run: times, names and uids.
pub(crate) fn end_state(world: &World) -> Vec<String> {
    let mut lines = Vec::new();
    for database in world.databases() {
        let mysql = world.of("mysqls.kubedb.com", database);
        let paused = has_condition(&mysql, "Paused");
        lines.push(format!("mysql {database} {} paused={paused}", text(&mysql["status"]["phase"])));
        let status = &world.of("rotations.certrotor.dev", database)["status"];
        let state = text(&status["state"]);
        let outcome = text(&status["lastOutcome"]);
        let open = !status["current"].is_null();
        lines.push(format!("rotation {database} {state} {outcome} open={open}"));
    }
    for certificate in world.server.list("certificates.cert-manager.io") {
        let name = text(&certificate["metadata"]["name"]);
        lines.push(format!("certificate {name} revision {}", certificate["status"]["revision"]));
    }
    let slots = world.server.get("configmaps", super::world::OWN, "certrotor-slots");
    let held = slots.and_then(|slots| slots["data"].as_object().map(serde_json::Map::len));
    lines.push(format!("slots held {}", held.unwrap_or(0)));
    lines
}

/// Whether an object has a condition of this type that is True.
pub(crate) fn has_condition(object: &Value, kind: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|condition| condition["type"] == kind && condition["status"] == "True")
}

/// A text of an object; empty when it is not there.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
