//! A rotation that nothing disturbs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use certrotor::embedded::api::Fault;
use serde_json::json;
use tokio::time::sleep;

use super::world::{CERTIFICATES, World};
use super::{ended, moves, nothing_goes_wrong, oracles, paused};

#[test]
fn a_group_of_three_gets_new_certificates() {
    paused(async {
        let (world, others) = World::alive(3);
        let executor = world.start_executor("one", nothing_goes_wrong);
        world.ask_to_rotate("rotate").await;
        assert_eq!(ended(&world, "rotate", "undisturbed").await, "Successful");
        oracles::rotated(&world, "rotate", "undisturbed");

        let request = world.request("rotate");
        let conditions = request["status"]["conditions"].as_array().unwrap().clone();
        let kinds: Vec<&str> = conditions.iter().map(|it| it["type"].as_str().unwrap()).collect();
        let certificates = CERTIFICATES.map(|name| format!("GetCertificate--{name}"));
        let mut expected = vec!["Running", "ReconfigureTLS", "DatabasePauseSucceeded"];
        expected.extend(certificates.iter().map(String::as_str));
        expected.extend([
            "IssueCertificatesSucceeded",
            "CertificateSynced",
            "EvictPod--shop-0",
            "EvictPod--shop-1",
            "EvictPod--shop-2",
            "IsPodReady--shop-2",
            "IsPodReady--shop-1",
            "IsPodReady--shop-0",
            "Restart",
            "DatabaseReady",
            "Successful",
        ]);
        assert_eq!(kinds, expected);
        assert!(conditions.iter().all(|it| it["status"] == "True"), "{conditions:#?}");
        assert_eq!(request["status"]["observedGeneration"], json!(1));

        sleep(Duration::from_secs(5)).await;
        let events = world.events("rotate");
        for expected in [
            "Starting: Start processing for MySQLOpsRequest: demo/rotate",
            "Starting: Pausing MySQL database: demo/shop",
            "Successful: Successfully paused MySQL database: demo/shop for MySQLOpsRequest: rotate",
            "Successful: Successfully synced all certificates",
            "Starting: Restarting Pod: demo/shop-0",
            "Successful: Successfully restarted MySQL pods for MySQLOpsRequest: demo/rotate",
            "Successful: Successfully reconfigured MySQL TLS for MySQLOpsRequest: demo/rotate",
            "Starting: Resuming MySQL database: demo/shop",
            "Successful: Successfully resumed MySQL database: demo/shop",
            "Successful: Controller has successfully reconfigured TLS of MySQL demo/shop",
        ] {
            assert!(events.iter().any(|event| event == expected), "{expected}: {events:#?}");
        }
        executor.abort();
        others.abort();
    });
}

#[test]
fn a_standalone_server_gets_new_certificates() {
    paused(async {
        let (world, others) = World::alive(1);
        let executor = world.start_executor("one", nothing_goes_wrong);
        world.ask_to_rotate("rotate").await;
        ended(&world, "rotate", "standalone").await;
        oracles::rotated(&world, "rotate", "standalone");
        executor.abort();
        others.abort();
    });
}

#[test]
fn one_request_after_the_other() {
    paused(async {
        let (world, others) = World::alive(3);
        let executor = world.start_executor("one", nothing_goes_wrong);
        world.ask_to_rotate("first").await;
        sleep(Duration::from_secs(10)).await;
        assert_eq!(world.phase("first"), "Progressing");
        world.ask_to_rotate("second").await;
        sleep(Duration::from_secs(2)).await;
        assert_eq!(world.phase("second"), "Pending");
        world.ask_to_rotate("third").await;
        assert_eq!(ended(&world, "second", "queue").await, "Skipped");
        assert_eq!(
            world.condition("second", "Skipped")["message"].as_str().unwrap().split(" at ").next(),
            Some(
                "skipped as demo/third is the most updated MySQLOpsRequest of type ReconfigureTLS"
            )
        );
        assert_eq!(ended(&world, "first", "queue").await, "Successful");
        assert_eq!(ended(&world, "third", "queue").await, "Successful");
        let commits = world.server.commits_after(0);
        oracles::each_restarted(&world, &commits, 2, "queue");
        assert!(!world.is_paused());
        executor.abort();
        others.abort();
    });
}

#[test]
fn an_executor_at_rest_writes_nothing() {
    paused(async {
        let (world, others) = World::alive(3);
        let writes = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&writes);
        let executor = world.start_executor("one", move |call| {
            counted.fetch_add(usize::from(moves(call)), Ordering::Relaxed);
            Fault::None
        });
        world.ask_to_rotate("rotate").await;
        ended(&world, "rotate", "at rest").await;
        // Three pods, three certificates, one bundle: nothing is written twice.
        assert_eq!(writes.load(Ordering::Relaxed), 25);
        sleep(Duration::from_hours(6)).await;
        assert_eq!(writes.load(Ordering::Relaxed), 25);
        executor.abort();
        others.abort();
    });
}
