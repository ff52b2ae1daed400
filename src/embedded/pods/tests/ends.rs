//! Pods and servers end, on paused time.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_deleted_pod_is_stopped_and_then_gone() {
    let scene = Scene::new();
    scene.seed_secrets(&Authority::new().sign());
    scene.seed_pod("db-0");
    scene.until_ready("db-0").await;
    let revision = scene.api.revision();
    scene.delete("db-0", None).await;
    let took = scene.until("it is gone", |scene| scene.pod("db-0").is_none()).await;
    assert!((6..8).contains(&took.as_secs()), "as long as mysqld takes: {took:?}");
    assert!(scene.served.get(NAMESPACE, "db-0").is_none());

    let commits = scene.api.commits_after(revision);
    let mut phases: Vec<String> = commits
        .iter()
        .filter(|commit| &*commit.key.resource == "pods")
        .filter_map(|commit| commit.after.as_ref())
        .map(|pod| {
            let state = &pod["status"]["containerStatuses"][0]["state"];
            let code = &state["terminated"]["exitCode"];
            let ready = pod["status"]["conditions"][2]["status"].as_str().unwrap();
            format!("{} {ready} {code}", pod["status"]["phase"].as_str().unwrap())
        })
        .collect();
    // The API server notes that no grace is left before it removes the pod.
    phases.dedup();
    assert_eq!(phases, ["Running True null", "Running False null", "Succeeded False 0"]);
    assert!(scene.events().contains(&"Normal Killing: Stopping container mysql".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_longer_than_its_grace_period_is_killed() {
    let slow = SimulatedMysqld { stops_in: Duration::from_secs(57), ..silent() };
    let scene = Scene::with(slow, |_| Fault::None);
    scene.seed_secrets(&Authority::new().sign());
    scene.seed_pod("db-0");
    scene.until_ready("db-0").await;
    scene.delete("db-0", None).await;
    let took = scene.until("it is gone", |scene| scene.pod("db-0").is_none()).await;
    assert!((30..32).contains(&took.as_secs()), "{took:?}");

    // A second delete may shorten it.
    scene.seed_pod("db-0");
    scene.until_ready("db-0").await;
    scene.delete("db-0", None).await;
    sleep(Duration::from_secs(3)).await;
    scene.delete("db-0", Some(10)).await;
    let took = scene.until("it is gone", |scene| scene.pod("db-0").is_none()).await;
    assert!((10..12).contains(&took.as_secs()), "{took:?}");

    // By force it goes at once, and its server with it.
    scene.seed_pod("db-0");
    scene.until_ready("db-0").await;
    scene.delete("db-0", Some(0)).await;
    assert!(scene.pod("db-0").is_none());
    let gone = scene.until("the server ends", |scene| scene.served.all().is_empty()).await;
    assert!(gone < Duration::from_secs(1), "{gone:?}");
}

#[tokio::test(start_paused = true)]
async fn pods_that_never_ran_go_at_once() {
    let scene = Scene::new();
    scene.seed_pod("db-0");
    sleep(Duration::from_secs(5)).await;
    scene.delete("db-0", None).await;
    let took = scene.until("it is gone", |scene| scene.pod("db-0").is_none()).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_runner_that_is_stopped_stops_its_servers() {
    let scene = Scene::new();
    scene.seed_secrets(&Authority::new().sign());
    scene.seed_pod("db-0");
    scene.until_ready("db-0").await;
    let began = Instant::now();
    scene.stop.cancel();
    scene.runner.await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 6);
    assert!(scene.served.all().is_empty());
}
