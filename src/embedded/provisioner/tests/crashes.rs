//! The provisioner is killed at each of its writes; another one makes it good.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::world::World;
use crate::embedded::api::{Call, Fault, Verb};
use crate::embedded::stand_ins::{delete, eventually, some_of};

const fn writes(call: &Call) -> bool {
    matches!(call.verb, Verb::Create | Verb::Patch | Verb::Delete)
}

/// A database comes into being, loses its primary, and then its TLS.
async fn scene(world: &World) {
    world.phase("Ready").await;
    if world.shop()["spec"]["tls"].is_object() {
        let primary = "/api/v1/namespaces/prod/pods/shop-0?gracePeriodSeconds=0";
        delete(&world.client, primary).await.unwrap();
        sleep(Duration::from_secs(10)).await;
        world.phase("Ready").await;
        world.change(&json!({"tls": null})).await;
    }
    eventually("the certificates to be gone", || {
        let left = world.names("certificates.cert-manager.io");
        let secrets = world.names("secrets");
        let gone = left.is_empty() && secrets.len() == 1;
        if gone { Ok(()) } else { Err(format!("{left:?} {secrets:?}")) }
    })
    .await;
    world.phase("Ready").await;
    sleep(Duration::from_secs(30)).await;
}

/// All objects, without what differs from run to run: uids, versions, times, the addresses of
/// Services, and who is the primary, which depends on when it was asked.
fn outcome(world: &World) -> BTreeMap<String, Value> {
    let kinds = ["secrets", "services", "poddisruptionbudgets.policy", "statefulsets.apps", "pods"];
    let mut outcome = BTreeMap::new();
    for kind in kinds.into_iter().chain(["mysqls.kubedb.com"]) {
        for object in world.server.list(kind) {
            let mut object = Value::clone(&object);
            let name = format!("{kind} {}", object["metadata"]["name"]);
            let metadata = object["metadata"].take();
            object["labels"] = metadata["labels"].clone();
            if let Some(labels) = object["labels"].as_object_mut() {
                labels.remove("kubedb.com/role");
            }
            if kind == "pods" || kind == "secrets" {
                object["status"] = Value::Null;
                object["data"] = Value::Null;
            }
            if let Some(spec) = object["spec"].as_object_mut().filter(|_| kind == "services") {
                spec.retain(|field, _| field != "clusterIP" && field != "clusterIPs");
            }
            let conditions = object["status"]["conditions"].as_array_mut();
            for condition in conditions.into_iter().flatten() {
                condition["lastTransitionTime"] = Value::Null;
                condition["observedGeneration"] = Value::Null;
            }
            outcome.insert(name, object);
        }
    }
    outcome
}

/// Plays the scene while the provisioner dies at its `nth` write; how it ended, and how many
/// writes there were.
async fn play(nth: usize, fault: Fault) -> (BTreeMap<String, Value>, usize) {
    let mut world = World::new();
    world.start_cert_manager();
    let (count, died) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (seen, tell) = (Arc::clone(&count), Arc::clone(&died));
    let told = format!("{fault:?} at write {nth}");
    let first = world.start(move |call| {
        if !writes(call) || seen.fetch_add(1, Ordering::Relaxed) + 1 != nth {
            return Fault::None;
        }
        tell.notify_one();
        fault.clone()
    });
    world.seed(&json!({"replicas": 2, "topology": {"mode": "SemiSync"}}));
    let crashed = tokio::select! {
        () = scene(&world) => false,
        () = died.notified() => true,
    };
    if crashed {
        sleep(Duration::from_secs(1)).await;
        first.abort();
        sleep(Duration::from_secs(5)).await;
        world.start(|_| Fault::None);
        scene(&world).await;
    }
    let passwords = world
        .server
        .commits_after(0)
        .into_iter()
        .filter(|commit| commit.key.name == "shop-auth" && commit.after.is_some());
    let passwords: Vec<Value> =
        passwords.map(|commit| commit.object()["data"]["password"].clone()).collect();
    assert!(passwords.windows(2).all(|pair| pair[0] == pair[1]), "{told}: another password");
    let primaries = world.role("primary");
    assert_eq!(primaries.split(' ').count(), 1, "{told}: {primaries}");
    assert!(!primaries.is_empty(), "{told}: no primary");
    (outcome(&world), count.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_write_changes_nothing_of_the_outcome() {
    let (undisturbed, writes) = play(usize::MAX, Fault::None).await;
    assert!(writes > 20, "a run of {writes} writes does not provision a database");
    // A crash before a write leaves what one after the write before it leaves.
    let crashes = some_of(writes).map(|nth| (nth, Fault::HangAfter));
    for (nth, fault) in [(1, Fault::HangBefore)].into_iter().chain(crashes) {
        let (outcome, _) = play(nth, fault.clone()).await;
        for (name, object) in &undisturbed {
            assert_eq!(outcome.get(name), Some(object), "{fault:?} at write {nth}: {name}");
        }
        assert_eq!(outcome.len(), undisturbed.len(), "{fault:?} at write {nth}");
    }
}

#[tokio::test(start_paused = true)]
async fn lost_requests_lost_replies_and_refusals_are_tried_again() {
    for fault in [Fault::LoseRequest, Fault::LoseReply, Fault::Twice] {
        let mut world = World::new();
        world.start_cert_manager();
        let count = AtomicUsize::new(0);
        world.start(move |call| {
            let unlucky = count.fetch_add(usize::from(writes(call)), Ordering::Relaxed) % 3 == 1;
            if unlucky && writes(call) { fault.clone() } else { Fault::None }
        });
        world.seed(&json!({}));
        scene(&world).await;
    }
}
