//! The controller over the API in memory, with a stand-in kubelet.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::StatefulSets;
use crate::clock::PausedClock;
use crate::embedded::api::{ApiServer, Call, Fault, FaultLayer, Verb};
use crate::embedded::stand_ins::{self, Kubelet, delete, eventually, patch};

const SET: &str = "/apis/apps/v1/namespaces/prod/statefulsets/shop";

struct World {
    server: ApiServer,
    clock: Arc<PausedClock>,
    actors: JoinSet<()>,
    kubelet: AbortHandle,
}

impl World {
    /// With a kubelet, but no controller yet.
    fn new() -> Self {
        let (server, clock) = stand_ins::server();
        let mut actors = JoinSet::new();
        let kubelet = Kubelet { server: server.clone(), clock: Arc::clone(&clock) };
        let kubelet = actors.spawn(kubelet.run());
        Self { server, clock, actors, kubelet }
    }

    fn running() -> Self {
        let mut world = Self::new();
        let client = world.server.client("controller", "");
        let controller = StatefulSets::new(client, Arc::clone(&world.clock) as _);
        world.actors.spawn(controller.run(CancellationToken::new()));
        world
    }

    fn seed(&self, spec: &Value) {
        let mut set = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"name": "shop", "namespace": "prod"},
            "spec": {
                "serviceName": "shop-pods", "replicas": 3,
                "selector": {"matchLabels": {"db": "shop"}},
                "updateStrategy": {"type": "OnDelete"},
                "template": {
                    "metadata": {"labels": {"db": "shop"}},
                    "spec": {"nodeName": "loopback",
                        "containers": [{"name": "mysql", "image": "mysql:9"}]},
                },
            },
        });
        for (field, value) in spec.as_object().unwrap() {
            set["spec"][field] = value.clone();
        }
        self.server.seed(set).unwrap();
    }

    async fn change(&self, spec: &Value) {
        patch(&self.server.client("me", ""), SET, &json!({ "spec": spec })).await.unwrap();
    }

    async fn delete_pod(&self, name: &str) {
        let path = format!("/api/v1/namespaces/prod/pods/{name}?gracePeriodSeconds=0");
        delete(&self.server.client("me", ""), &path).await.unwrap();
    }

    fn status(&self) -> Value {
        self.server.get("statefulsets.apps", "prod", "shop").unwrap()["status"].clone()
    }

    fn pod(&self, name: &str) -> Option<Arc<Value>> {
        self.server.get("pods", "prod", name)
    }

    fn uid(&self, name: &str) -> String {
        self.pod(name).unwrap()["metadata"]["uid"].as_str().unwrap().to_owned()
    }

    /// Waits until there are so many pods, all Ready and as the set wants them, and it says so.
    async fn settled(&self, replicas: usize) {
        eventually("the set to be settled", || {
            let status = self.status();
            let set = self.server.get("statefulsets.apps", "prod", "shop").unwrap();
            let settled = status["replicas"] == replicas
                && status["readyReplicas"] == replicas
                && status["observedGeneration"] == set["metadata"]["generation"];
            if settled { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
    }

    /// What happened to pods, in order: `+0 *0 ~0 -0` for made, Ready, told to go, gone.
    fn story(&self, since: u64) -> String {
        let mut told = Vec::new();
        for commit in self.server.commits_after(since) {
            if *commit.key.resource != *"pods" {
                continue;
            }
            let is_ready = |object: &Option<Arc<Value>>| {
                let status =
                    |object: &Arc<Value>| object["status"]["conditions"][0]["status"] == "True";
                object.as_ref().is_some_and(status)
            };
            let is_leaving = |object: &Option<Arc<Value>>| {
                let leaving =
                    |object: &Arc<Value>| object["metadata"]["deletionTimestamp"].is_string();
                object.as_ref().is_some_and(leaving)
            };
            let sign = match (&commit.before, &commit.after) {
                (None, Some(_)) => "+",
                (Some(_), None) => "-",
                (before, after) if !is_ready(before) && is_ready(after) => "*",
                (before, after) if !is_leaving(before) && is_leaving(after) => "~",
                _ => continue,
            };
            told.push(format!("{sign}{}", commit.key.name.trim_start_matches("shop-")));
        }
        told.join(" ")
    }
}

#[tokio::test(start_paused = true)]
async fn pods_come_one_after_the_other_with_name_place_and_revision() {
    let world = World::running();
    world.seed(&json!({}));
    world.settled(3).await;
    assert_eq!(world.story(0), "+0 *0 +1 *1 +2 *2");
    let pod = world.pod("shop-2").unwrap();
    let revision = world.status()["updateRevision"].clone();
    let labels = &pod["metadata"]["labels"];
    assert_eq!(labels["statefulset.kubernetes.io/pod-name"], "shop-2");
    assert_eq!(labels["apps.kubernetes.io/pod-index"], "2");
    assert_eq!(labels["controller-revision-hash"], revision);
    let set = world.server.get("statefulsets.apps", "prod", "shop").unwrap();
    assert_eq!(pod["metadata"]["ownerReferences"][0]["uid"], set["metadata"]["uid"]);
    let status = world.status();
    assert_eq!(status["currentRevision"], revision);
    assert_eq!((&status["currentReplicas"], &status["updatedReplicas"]), (&json!(3), &json!(3)));
}

#[tokio::test(start_paused = true)]
async fn in_parallel_pods_come_and_go_at_once() {
    let world = World::running();
    world.seed(&json!({"podManagementPolicy": "Parallel"}));
    world.settled(3).await;
    assert_eq!(world.story(0), "+0 +1 +2 *0 *1 *2");
    let before = world.server.revision();
    world.change(&json!({"replicas": 1})).await;
    world.settled(1).await;
    assert_eq!(world.story(before), "~2 ~1 -1 -2");
}

#[tokio::test(start_paused = true)]
async fn scaling_down_goes_from_the_end_and_up_in_order() {
    let world = World::running();
    world.seed(&json!({}));
    world.settled(3).await;
    let before = world.server.revision();
    world.change(&json!({"replicas": 1})).await;
    world.settled(1).await;
    world.change(&json!({"replicas": 2})).await;
    world.settled(2).await;
    assert_eq!(world.story(before), "~2 -2 ~1 -1 +1 *1");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_pod_is_replaced_under_its_name() {
    let world = World::running();
    world.seed(&json!({}));
    world.settled(3).await;
    let before = world.uid("shop-1");
    world.delete_pod("shop-1").await;
    sleep(Duration::from_millis(500)).await;
    world.settled(3).await;
    assert_ne!(world.uid("shop-1"), before);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_has_ended_is_replaced() {
    let world = World::running();
    world.seed(&json!({}));
    world.settled(3).await;
    let before = world.uid("shop-0");
    let kubelet = Kubelet { server: world.server.clone(), clock: Arc::clone(&world.clock) };
    kubelet.tell(&world.pod("shop-0").unwrap(), "Failed", false).await;
    sleep(Duration::from_millis(500)).await;
    world.settled(3).await;
    assert_ne!(world.uid("shop-0"), before);
}

#[tokio::test(start_paused = true)]
async fn with_on_delete_a_new_template_waits_for_somebody_to_delete_the_pod() {
    let world = World::running();
    world.seed(&json!({}));
    world.settled(3).await;
    let first = world.status()["updateRevision"].clone();
    let template = json!({"spec": {"containers": [{"name": "mysql", "image": "mysql:10"}]}});
    let before = world.server.revision();
    world.change(&json!({ "template": template })).await;
    world.settled(3).await;
    sleep(Duration::from_hours(1)).await;
    assert_eq!(world.story(before), "");
    world.delete_pod("shop-2").await;
    sleep(Duration::from_millis(500)).await;
    world.settled(3).await;
    assert_eq!(world.story(before), "~2 -2 +2 *2");
    let pod = world.pod("shop-2").unwrap();
    assert_eq!(pod["spec"]["containers"][0]["image"], "mysql:10");
    let status = world.status();
    assert_ne!(status["updateRevision"], first);
    assert_eq!(pod["metadata"]["labels"]["controller-revision-hash"], status["updateRevision"]);
    assert_eq!(status["currentRevision"], first);
    assert_eq!((&status["currentReplicas"], &status["updatedReplicas"]), (&json!(2), &json!(1)));
}

#[tokio::test(start_paused = true)]
async fn a_rolling_update_replaces_all_from_the_end() {
    let world = World::running();
    world.seed(&json!({"updateStrategy": {"type": "RollingUpdate"}}));
    world.settled(3).await;
    let before = world.server.revision();
    let template = json!({"spec": {"containers": [{"name": "mysql", "image": "mysql:10"}]}});
    world.change(&json!({ "template": template })).await;
    eventually("the update to be complete", || {
        let status = world.status();
        let complete = status["observedGeneration"] == 2
            && status["currentRevision"] == status["updateRevision"]
            && status["updatedReplicas"] == 3;
        if complete { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    assert_eq!(world.story(before), "~2 -2 +2 *2 ~1 -1 +1 *1 ~0 -0 +0 *0");
}

#[tokio::test(start_paused = true)]
async fn with_min_ready_seconds_each_waits_until_the_one_before_has_stood() {
    let world = World::running();
    world.seed(&json!({"minReadySeconds": 60, "replicas": 2}));
    world.settled(1).await;
    sleep(Duration::from_secs(50)).await;
    assert_eq!(world.story(0), "+0 *0");
    assert_eq!(world.status()["availableReplicas"], 0);
    world.settled(2).await;
    assert_eq!(world.story(0), "+0 *0 +1 *1");
}

#[tokio::test(start_paused = true)]
async fn an_orphan_of_its_name_is_adopted_and_one_with_another_label_is_let_go() {
    let world = World::running();
    world
        .server
        .seed(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "shop-1", "namespace": "prod", "labels": {"db": "shop"}},
            "spec": {"containers": [{"name": "mysql", "image": "mysql:9"}]}}))
        .unwrap();
    let orphan = world.uid("shop-1");
    world.seed(&json!({}));
    world.settled(3).await;
    assert_eq!(world.uid("shop-1"), orphan);
    let owner = world.pod("shop-1").unwrap()["metadata"]["ownerReferences"][0].clone();
    assert_eq!((&owner["kind"], &owner["controller"]), (&json!("StatefulSet"), &json!(true)));

    let client = world.server.client("me", "");
    let path = "/api/v1/namespaces/prod/pods/shop-1";
    patch(&client, path, &json!({"metadata": {"labels": {"db": "other"}}})).await.unwrap();
    eventually("the pod to be let go", || {
        let owners = world.pod("shop-1").unwrap()["metadata"]["ownerReferences"].clone();
        let free = owners.as_array().is_none_or(Vec::is_empty);
        if free { Ok(()) } else { Err(owners.to_string()) }
    })
    .await;
    // Its name is taken, so nothing can be made in its place until somebody moves it away.
    world.delete_pod("shop-1").await;
    world.settled(3).await;
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_no_watch_told_of_is_found_out() {
    let world = World::running();
    world.seed(&json!({"replicas": 1}));
    world.settled(1).await;
    // The watches end, history is forgotten, and the pod goes before they are back.
    world.server.cut_watches();
    world.delete_pod("shop-0").await;
    world.server.compact();
    eventually("the pod to be back", || world.pod("shop-0").map(drop).ok_or(String::new())).await;
}

#[tokio::test(start_paused = true)]
async fn a_set_at_rest_is_not_written() {
    let world = World::running();
    world.seed(&json!({}));
    world.settled(3).await;
    sleep(Duration::from_mins(1)).await;
    // It has nothing to do either, but looks often.
    world.kubelet.abort();
    let before = world.server.revision();
    sleep(Duration::from_hours(24)).await;
    assert_eq!(world.server.revision(), before);
}

#[tokio::test(start_paused = true)]
async fn it_stops_when_it_is_told_to_at_work_or_before_it_has_begun() {
    let world = World::new();
    world.seed(&json!({}));
    for at_work in [false, true] {
        let stop = CancellationToken::new();
        let client = world.server.client("controller", "");
        let controller = StatefulSets::new(client, Arc::clone(&world.clock) as _);
        let mut run = std::pin::pin!(controller.run(stop.clone()));
        if at_work {
            let ended = timeout(Duration::from_mins(1), run.as_mut()).await;
            assert!(ended.is_err(), "it runs until it is stopped");
        }
        stop.cancel();
        timeout(Duration::from_secs(6), run).await.unwrap();
    }
    assert_eq!(world.story(0), "+0 *0 +1 *1 +2 *2");
}

/// Runs a set up to two pods and down to one while the controller dies at its `nth` write, and
/// says how many writes there were.
async fn crash_at(nth: usize, fault: Fault) -> usize {
    let mut world = World::new();
    let writes = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let died = Arc::new(tokio::sync::Notify::new());
    let start = |world: &World, nth: usize| {
        let (writes, died, fault) = (Arc::clone(&writes), Arc::clone(&died), fault.clone());
        let layer = FaultLayer::new(move |call: &Call| {
            if !matches!(call.verb, Verb::Create | Verb::Patch | Verb::Delete) {
                return Fault::None;
            }
            let written = writes.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            if written == nth {
                died.notify_one();
                return fault.clone();
            }
            Fault::None
        });
        let service = tower::ServiceBuilder::new().layer(layer).service(world.server.service("c"));
        StatefulSets::new(kube::Client::new(service, ""), Arc::clone(&world.clock) as _)
            .run(CancellationToken::new())
    };
    let first = world.actors.spawn(start(&world, nth));
    world.seed(&json!({"replicas": 2}));
    let scene = async {
        world.settled(2).await;
        world.change(&json!({"replicas": 1})).await;
        world.settled(1).await;
    };
    let scene = async {
        tokio::select! {
            () = scene => None,
            () = died.notified() => Some(()),
        }
    };
    if scene.await.is_some() {
        sleep(Duration::from_secs(1)).await;
        first.abort();
        let second = start(&world, usize::MAX);
        world.actors.spawn(second);
        if world.server.get("statefulsets.apps", "prod", "shop").unwrap()["spec"]["replicas"] == 2 {
            world.settled(2).await;
            world.change(&json!({"replicas": 1})).await;
        }
        world.settled(1).await;
    }
    let story = world.story(0);
    assert_eq!(story, "+0 *0 +1 *1 ~1 -1", "{fault:?} at write {nth}");
    writes.load(std::sync::atomic::Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_write_changes_nothing_of_the_story() {
    let writes = crash_at(usize::MAX, Fault::None).await;
    assert!(writes > 4, "{writes}");
    for nth in 1..=writes {
        crash_at(nth, Fault::HangBefore).await;
        crash_at(nth, Fault::HangAfter).await;
    }
}
