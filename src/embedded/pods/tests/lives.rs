//! Pods come, run, die and go, on paused time.

use super::*;
use crate::embedded::api::Failure;

#[tokio::test(start_paused = true)]
async fn a_pod_runs_and_is_ready_when_its_server_accepts() {
    let scene = Scene::new();
    scene.seed_secrets(&Authority::new().sign());
    scene.seed_pod("db-0");
    scene
        .until("it runs", |scene| scene.pod("db-0").unwrap()["status"]["phase"] == "Running")
        .await;
    assert!(!scene.holds("db-0", "Ready"));
    assert_eq!(scene.served.get(NAMESPACE, "db-0").map(|serving| serving.address), None);

    let took = scene.until_ready("db-0").await;
    assert!((4..6).contains(&took.as_secs()), "{took:?}");
    let pod = scene.pod("db-0").unwrap();
    let mut status = pod["status"].clone();
    let id = status["containerStatuses"][0]["containerID"].take();
    assert!(id.as_str().unwrap().starts_with("simulated://"), "{id}");
    let condition = |type_: &str, since: &str| json!({"type": type_, "status": "True", "lastProbeTime": null, "lastTransitionTime": since});
    let ready = "2026-11-23T12:00:05Z";
    let mut expected = json!({
        "phase": "Running",
        "conditions": [
            condition("PodReadyToStartContainers", NOON),
            condition("Initialized", NOON),
            condition("Ready", ready),
            condition("ContainersReady", ready),
            condition("PodScheduled", NOON),
        ],
        "hostIP": "127.0.0.1", "hostIPs": [{"ip": "127.0.0.1"}],
        "podIP": "127.77.0.1", "podIPs": [{"ip": "127.77.0.1"}],
        "startTime": NOON,
        "qosClass": "BestEffort",
        "containerStatuses": [{
            "name": "mysql", "image": "mysql:9.7.0", "imageID": "mysql:9.7.0",
            "containerID": null, "ready": true, "started": true, "restartCount": 0,
            "state": {"running": {"startedAt": NOON}}, "lastState": {},
        }],
    });
    for conditions in [&mut status["conditions"], &mut expected["conditions"]] {
        for condition in conditions.as_array_mut().unwrap() {
            condition.as_object_mut().unwrap().remove("lastProbeTime");
        }
    }
    assert_eq!(status, expected);
    assert_eq!(scene.events(), ["Normal Started: Started container mysql"]);
}

#[tokio::test(start_paused = true)]
async fn a_ready_pod_costs_nothing() {
    let scene = Scene::new();
    scene.seed_secrets(&Authority::new().sign());
    for number in 0..3 {
        scene.seed_pod(&format!("db-{number}"));
        scene.until_ready(&format!("db-{number}")).await;
    }
    sleep(Duration::from_mins(1)).await;
    let writes = scene.api.commits_after(0).len();
    sleep(Duration::from_hours(12)).await;
    assert_eq!(scene.api.commits_after(0).len(), writes);
}

#[tokio::test(start_paused = true)]
async fn every_pod_has_an_address_of_its_own_and_no_other_node_is_touched() {
    let scene = Scene::new();
    scene.seed_secrets(&Authority::new().sign());
    let mut foreign = pod("far-0", true);
    foreign["spec"]["nodeName"] = json!("there");
    scene.seed(foreign);
    for number in 0..5 {
        scene.seed_pod(&format!("db-{number}"));
    }
    for number in 0..5 {
        scene.until_ready(&format!("db-{number}")).await;
    }
    let all = scene.served.all();
    let addresses: std::collections::BTreeSet<_> =
        all.values().map(|serving| serving.address).collect();
    assert_eq!((all.len(), addresses.len()), (5, 5));
    for (name, serving) in &all {
        let pod = scene.pod(&name.name).unwrap();
        assert_eq!(pod["status"]["podIP"], serving.address.ip().to_string());
        assert_eq!(pod["metadata"]["uid"], serving.uid);
    }
    assert_eq!(scene.pod("far-0").unwrap()["status"]["podIP"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_pod_whose_secret_is_missing_waits_for_it_and_says_so() {
    let scene = Scene::new();
    let pair = Authority::new().sign();
    scene.seed_secret("db-server-cert", &pair.files());
    scene.seed_secret("db-auth", &[("username", "root"), ("password", "secret")]);
    scene.seed_pod("db-0");
    sleep(Duration::from_mins(5)).await;
    let pod = scene.pod("db-0").unwrap();
    assert_eq!(pod["status"]["phase"], "Pending");
    assert_eq!(scene.container("db-0")["state"]["waiting"]["reason"], "ContainerCreating");
    let ready = &pod["status"]["conditions"][2];
    assert_eq!(ready["message"], "containers with unready status: [mysql]");
    let failed = "Warning FailedMount: MountVolume.SetUp failed for volume \"tls-volume\" : secret \
                  \"db-client-cert\" not found";
    assert_eq!(scene.events(), [failed]);

    // A Secret without the key that the volume asks for is not enough.
    scene.seed_secret("db-client-cert", &[("tls.crt", &pair.certificate)]);
    sleep(Duration::from_mins(5)).await;
    let failed = "Warning FailedMount: MountVolume.SetUp failed for volume \"tls-volume\" : \
                  references non-existent secret key: tls.key";
    assert!(scene.events().contains(&failed.to_owned()), "{:?}", scene.events());
    let path = format!("/api/v1/namespaces/{NAMESPACE}/secrets/db-client-cert");
    let data = secret("db-client-cert", &pair.files())["data"].take();
    scene.patch(&path, &json!({"data": data})).await;
    // The watch of Secrets does not leave it to the next try.
    assert!(scene.until_ready("db-0").await < Duration::from_secs(6));
    let pod = scene.pod("db-0").unwrap();
    assert_eq!(pod["status"]["conditions"][2].get("message"), None);
}

#[tokio::test(start_paused = true)]
async fn a_container_whose_environment_is_missing_waits_for_it() {
    let scene = Scene::new();
    let pair = Authority::new().sign();
    scene.seed_secret("db-server-cert", &pair.files());
    scene.seed_secret("db-client-cert", &pair.files());
    scene.seed_pod("db-0");
    sleep(Duration::from_mins(1)).await;
    let waiting = scene.container("db-0")["state"]["waiting"].clone();
    assert_eq!(waiting["reason"], "CreateContainerConfigError");
    assert_eq!(waiting["message"], "secret \"db-auth\" not found");
    assert_eq!(scene.events(), ["Warning Failed: Error: secret \"db-auth\" not found"]);
    scene.seed_secret("db-auth", &[("username", "root"), ("password", "secret")]);
    scene.until_ready("db-0").await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_dies_is_started_again_slower_each_time() {
    let scene = Scene::new();
    scene.seed_secrets(&Authority::new().sign());
    scene.seed_pod("db-0");
    scene.until_ready("db-0").await;
    for (restarts, wait) in [(1, 0), (2, 10), (3, 20), (4, 40)] {
        assert!(scene.served.kill(NAMESPACE, "db-0"));
        scene.until("it is not ready", |scene| !scene.holds("db-0", "Ready")).await;
        if wait > 0 {
            let waiting = scene.container("db-0")["state"]["waiting"].clone();
            assert_eq!(waiting["reason"], "CrashLoopBackOff");
            let message = waiting["message"].as_str().unwrap();
            assert!(message.starts_with(&format!("back-off {wait}s restarting")), "{message}");
        }
        let took = scene.until_ready("db-0").await.as_secs();
        assert!((wait + 4..wait + 6).contains(&took), "restart {restarts} after {took}");
        let container = scene.container("db-0");
        assert_eq!(container["restartCount"], restarts);
        assert_eq!(container["lastState"]["terminated"]["exitCode"], 137);
    }
    sleep(Duration::from_mins(11)).await;
    assert!(scene.served.kill(NAMESPACE, "db-0"));
    scene.until("it is not ready", |scene| !scene.holds("db-0", "Ready")).await;
    assert!(scene.until_ready("db-0").await < Duration::from_secs(6), "it had run for long");
    assert!(!scene.served.kill(NAMESPACE, "db-9"));
}

#[tokio::test(start_paused = true)]
async fn after_a_reboot_of_the_node_its_pods_run_again_at_their_addresses() {
    let mut scene = Scene::new();
    scene.seed_secrets(&Authority::new().sign());
    scene.seed_pod("db-0");
    scene.until_ready("db-0").await;
    scene.seed_pod("db-1");
    scene.until_ready("db-1").await;
    let served = scene.served.clone();
    let before = served.get(NAMESPACE, "db-1").unwrap();
    scene.reboot().await;
    assert!(served.all().is_empty(), "a node without power serves nothing");
    scene.seed_pod("db-2");
    scene.until("it is seen that nothing runs", |scene| !scene.holds("db-1", "Ready")).await;
    for name in ["db-0", "db-1", "db-2"] {
        scene.until_ready(name).await;
    }
    let after = scene.served.get(NAMESPACE, "db-1").unwrap();
    assert_eq!(after.address, before.address);
    let container = scene.container("db-1");
    assert_eq!(container["restartCount"], 1);
    assert_eq!(container["lastState"]["terminated"]["reason"], "Unknown");
    assert_eq!(scene.container("db-2")["restartCount"], 0);
    let third = scene.served.get(NAMESPACE, "db-2").unwrap();
    assert!(scene.served.all().values().filter(|one| one.address == third.address).count() == 1);

    // A pod that is deleted while its node has no power is gone when it is back.
    scene.runner.abort();
    scene.delete("db-0", None).await;
    scene.reboot().await;
    let took = scene.until("it is gone", |scene| scene.pod("db-0").is_none()).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_takes_the_name_of_another_gets_a_server_of_its_own() {
    let scene = Scene::new();
    scene.seed_secrets(&Authority::new().sign());
    for _ in 0..3 {
        scene.seed_pod("db-0");
        scene.until_ready("db-0").await;
        let uid = scene.pod("db-0").unwrap()["metadata"]["uid"].clone();
        assert_eq!(scene.served.get(NAMESPACE, "db-0").unwrap().uid, uid);
        scene.delete("db-0", Some(0)).await;
    }
    let addresses = scene.api.commits_after(0);
    let addresses: std::collections::BTreeSet<String> = addresses
        .iter()
        .filter_map(|commit| commit.after.as_ref()?["status"]["podIP"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(addresses.len(), 3, "{addresses:?}");
}

#[tokio::test(start_paused = true)]
async fn whatever_the_api_does_the_pods_come_and_go() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let calls = AtomicUsize::new(0);
    let scene = Scene::with(silent(), move |_| match calls.fetch_add(1, Ordering::Relaxed) % 7 {
        0 => Fault::Refuse(Failure::new(503, "ServiceUnavailable", "not now")),
        1 => Fault::LoseReply,
        2 => Fault::LoseRequest,
        _ => Fault::None,
    });
    scene.seed_secrets(&Authority::new().sign());
    for name in ["db-0", "db-1", "db-2"] {
        scene.seed_pod(name);
    }
    for name in ["db-0", "db-1", "db-2"] {
        scene.until_ready(name).await;
        scene.delete(name, None).await;
        scene.until("it is gone", |scene| scene.pod(name).is_none()).await;
    }
    scene.stop.cancel();
    scene.runner.await.unwrap();
    assert!(scene.served.all().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_others_write_into_a_status_stays() {
    let scene = Scene::new();
    scene.seed_secrets(&Authority::new().sign());
    scene.seed_pod("db-0");
    let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/db-0/status");
    scene
        .until("it runs", |scene| scene.pod("db-0").unwrap()["status"]["phase"] == "Running")
        .await;
    let mut conditions = scene.pod("db-0").unwrap()["status"]["conditions"].clone();
    let foreign = json!({"type": "DisruptionTarget", "status": "True"});
    conditions.as_array_mut().unwrap().insert(0, foreign);
    scene.patch(&path, &json!({"status": {"conditions": conditions}})).await;
    scene.until_ready("db-0").await;
    assert!(scene.holds("db-0", "DisruptionTarget"));
    // And what somebody gets wrong is put right.
    scene.patch(&path, &json!({"status": {"phase": "Failed"}})).await;
    scene
        .until("the phase is right", |scene| {
            scene.pod("db-0").unwrap()["status"]["phase"] == "Running"
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn other_containers_run_beside_the_server_or_without_one() {
    let scene = Scene::new();
    scene.seed_secrets(&Authority::new().sign());
    let exporter = json!({"name": "exporter", "image": "exporter:1"});
    let mut both = pod("db-0", true);
    both["spec"]["containers"].as_array_mut().unwrap().push(exporter.clone());
    let mut alone = pod("router-0", false);
    alone["spec"]["containers"] = json!([exporter]);
    scene.seed(both);
    scene.seed(alone);
    assert!(scene.until_ready("router-0").await < Duration::from_secs(1));
    let pod = scene.pod("db-0").unwrap();
    let told = pod["status"]["containerStatuses"].as_array().unwrap();
    let told: Vec<String> =
        told.iter().map(|one| format!("{} {}", one["name"], one["ready"])).collect();
    assert_eq!(told, ["\"exporter\" true", "\"mysql\" false"]);
    scene.until_ready("db-0").await;
    assert_eq!(scene.served.all().len(), 1);
    for name in ["db-0", "router-0"] {
        scene.delete(name, None).await;
        scene.until("it is gone", |scene| scene.pod(name).is_none()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_happens_again_in_the_same_order() {
    async fn history(pairs: &[Pair]) -> Vec<String> {
        let scene = Scene::new();
        scene.seed_secrets(&pairs[0]);
        for number in 0..4 {
            scene.seed_pod(&format!("db-{number}"));
        }
        scene.until_ready("db-3").await;
        scene.renew(&pairs[1]).await;
        scene.served.kill(NAMESPACE, "db-2");
        scene.delete("db-1", None).await;
        scene.until("it is gone", |scene| scene.pod("db-1").is_none()).await;
        scene.seed_pod("db-1");
        scene.until_ready("db-1").await;
        let commits = scene.api.commits_after(0);
        let said = commits.iter().map(|commit| {
            let changed = commit.after.as_deref().map(|after| after["status"].to_string());
            format!("{} {:?} {:?} {changed:?}", commit.time, commit.verb, commit.key)
        });
        said.collect()
    }
    let authority = Authority::new();
    let pairs = [authority.sign(), authority.sign()];
    let (first, second) = (history(&pairs).await, history(&pairs).await);
    let difference = first.iter().zip(&second).find(|(one, other)| one != other);
    assert_eq!(difference, None);
    assert!(first.len() > 30, "{}", first.len());
}
