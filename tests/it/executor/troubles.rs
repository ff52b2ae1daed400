//! What can go wrong in the cluster: the request says what, and the database is never left paused.

use std::sync::atomic::Ordering;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::world::{CERTIFICATES, DATABASE, NAMESPACE, World};
use super::{ended, nothing_goes_wrong, oracles, paused};

fn message(world: &World, kind: &str) -> String {
    world.condition("rotate", kind)["message"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_disruption_budget_is_waited_out() {
    paused(async {
        let (world, others) = World::alive(3);
        world.budget(3).await;
        let executor = world.start_executor("one", nothing_goes_wrong);
        world.ask_to_rotate("rotate").await;
        sleep(Duration::from_mins(5)).await;
        assert_eq!(world.condition("rotate", "EvictPod--shop-2")["status"], "Unknown");
        world.budget(2).await;
        assert_eq!(ended(&world, "rotate", "budget").await, "Successful");
        oracles::rotated(&world, "rotate", "budget");
        let events = world.events("rotate");
        assert!(events.iter().any(|event| event.contains("PodDisruptionBudget")), "{events:#?}");
        executor.abort();
        others.abort();
    });
}

#[test]
fn a_budget_that_never_allows_it_fails_the_request() {
    paused(async {
        let (world, others) = World::alive(3);
        world.budget(3).await;
        let executor = world.start_executor("one", nothing_goes_wrong);
        world.ask_to_rotate("rotate").await;
        assert_eq!(ended(&world, "rotate", "budget").await, "Failed");
        oracles::left_alone(&world, "rotate", "budget");
        assert_eq!(world.condition("rotate", "Failed")["reason"], "RestartPodsFailed");
        assert_eq!(message(&world, "Failed"), "gave up after 10m: evictPod is refused");
        executor.abort();
        others.abort();
    });
}

#[test]
fn an_issuance_that_fails_once_is_asked_for_again() {
    paused(async {
        let (world, others) = World::alive(3);
        world.knobs.failures.store(1, Ordering::SeqCst);
        let executor = world.start_executor("one", nothing_goes_wrong);
        world.ask_to_rotate("rotate").await;
        assert_eq!(ended(&world, "rotate", "failing issuer").await, "Successful");
        oracles::rotated(&world, "rotate", "failing issuer");
        assert!(message(&world, "Retrying").starts_with("retrying; Retry:1/1; "));
        executor.abort();
        others.abort();
    });
}

#[test]
fn an_issuer_that_cannot_sign_fails_the_request_and_is_not_asked_in_a_loop() {
    paused(async {
        let (world, others) = World::alive(3);
        world.knobs.failures.store(1_000, Ordering::SeqCst);
        let executor = world.start_executor("one", nothing_goes_wrong);
        world.ask_to_rotate("rotate").await;
        assert_eq!(ended(&world, "rotate", "failing issuer").await, "Failed");
        oracles::left_alone(&world, "rotate", "failing issuer");
        assert_eq!(world.condition("rotate", "Failed")["reason"], "IssueCertificatesFailed");
        assert!(message(&world, "Failed").contains("cert-manager did not issue"));
        let asked = 1_000 - world.knobs.failures.load(Ordering::SeqCst);
        assert!(asked <= 2 * CERTIFICATES.len(), "{asked} issuances");
        executor.abort();
        others.abort();
    });
}

#[test]
fn a_cert_manager_that_is_away_fails_the_request_after_its_timeout() {
    paused(async {
        let (world, others) = World::alive(3);
        world.knobs.no_cert_manager.store(true, Ordering::SeqCst);
        let executor = world.start_executor("one", nothing_goes_wrong);
        let spec = json!({"tls": {"rotateCertificates": true}, "timeout": "2m", "maxRetries": 0});
        world.ask("rotate", spec).await;
        let began = tokio::time::Instant::now();
        assert_eq!(ended(&world, "rotate", "no cert-manager").await, "Failed");
        assert!(began.elapsed() < Duration::from_mins(3), "{:?}", began.elapsed());
        oracles::left_alone(&world, "rotate", "no cert-manager");
        assert!(message(&world, "Failed").starts_with("gave up after 2m: Certificate shop-"));
        executor.abort();
        others.abort();
    });
}

#[test]
fn a_pod_that_does_not_come_back_fails_the_request_and_no_other_is_touched() {
    paused(async {
        let (world, others) = World::alive(3);
        world.knobs.never_ready.store(true, Ordering::SeqCst);
        let executor = world.start_executor("one", nothing_goes_wrong);
        world.ask_to_rotate("rotate").await;
        assert_eq!(ended(&world, "rotate", "broken pod").await, "Failed");
        oracles::left_alone(&world, "rotate", "broken pod");
        assert_eq!(message(&world, "Failed"), "gave up after 10m: Pod shop-2 is not Ready");
        executor.abort();
        others.abort();
    });
}

#[test]
fn a_request_that_is_deleted_while_it_runs_leaves_no_pause() {
    paused(async {
        let (world, others) = World::alive(3);
        let executor = world.start_executor("one", nothing_goes_wrong);
        world.ask_to_rotate("rotate").await;
        while !world.is_paused() {
            sleep(Duration::from_secs(1)).await;
        }
        let path =
            format!("/apis/ops.kubedb.com/v1alpha1/namespaces/{NAMESPACE}/mysqlopsrequests/rotate");
        world.call(Method::DELETE, &path, &json!({})).await.unwrap();
        sleep(Duration::from_secs(5)).await;
        assert!(!world.is_paused());
        executor.abort();

        // Nor does one that was deleted while no executor was there.
        let mut paused = world.mysql()["status"]["conditions"].clone();
        paused.as_array_mut().unwrap().push(json!({"type": "Paused", "status": "True",
            "reason": "Paused", "lastTransitionTime": "2026-11-23T12:00:00Z",
            "message": "Paused by certrotor operate for MySQLOpsRequest demo/rotate uid 1"}));
        let path = format!("/apis/kubedb.com/v1/namespaces/{NAMESPACE}/mysqls/{DATABASE}/status");
        world.patch(&path, &json!({"status": {"conditions": paused}})).await;
        let executor = world.start_executor("two", nothing_goes_wrong);
        sleep(Duration::from_secs(5)).await;
        assert!(!world.is_paused());

        // Whom somebody else has paused stays so.
        let foreign = json!([{"type": "Paused", "status": "True", "reason": "Paused",
            "message": "Paused by KubeDB CLI tool", "lastTransitionTime": "2026-11-23T12:00:00Z"}]);
        world.patch(&path, &json!({"status": {"conditions": foreign}})).await;
        sleep(Duration::from_mins(10)).await;
        assert!(world.is_paused());
        executor.abort();
        others.abort();
    });
}

#[test]
fn what_cannot_be_done_is_denied_at_once() {
    paused(async {
        let (world, others) = World::alive(1);
        let executor = world.start_executor("one", nothing_goes_wrong);
        let issuer = json!({"name": "ca", "kind": "Issuer", "apiGroup": "cert-manager.io"});
        let cases: [(Value, &str); 9] = [
            (json!({}), "spec.tls is missing"),
            (json!({"tls": {}}), "asks for nothing"),
            (json!({"tls": {"remove": true, "rotateCertificates": true}}), "exclude each other"),
            (
                json!({"tls": {"remove": true, "issuerRef": issuer}}),
                "remove and spec.tls.issuerRef",
            ),
            (json!({"tls": {"issuerRef": {"name": "", "kind": "Issuer"}}}), "names nobody"),
            (json!({"tls": {"certificates": [{"alias": "serve"}]}}), "name server, client"),
            (
                json!({"tls": {"certificates": [{"alias": "server"}, {"alias": "server"}]}}),
                "two entries",
            ),
            (
                json!({"tls": {"certificates": [{"alias": "server", "duration": "90d"}]}}),
                "write for instance 2160h",
            ),
            (
                json!({"tls": {"rotateCertificates": true}, "timeout": "90d"}),
                "write for instance 10m0s",
            ),
        ];
        for (at, (spec, says)) in cases.into_iter().enumerate() {
            let name = format!("request-{at}");
            world.ask(&name, spec).await;
            assert_eq!(ended(&world, &name, says).await, "Denied");
            let message = world.condition(&name, "Denied")["message"].clone();
            assert!(message.as_str().unwrap().contains(says), "{message}");
        }
        let commits = world.server.commits_after(0);
        oracles::each_restarted(&world, &commits, 0, "denied");
        executor.abort();
        others.abort();
    });
}

#[test]
fn a_request_whose_database_does_not_exist_is_dropped_with_an_event_until_it_does() {
    paused(async {
        let (world, others) = World::alive(1);
        let executor = world.start_executor("one", nothing_goes_wrong);
        let spec = json!({"databaseRef": {"name": "later"}, "tls": {"rotateCertificates": true}});
        world.ask("rotate", spec).await;
        sleep(Duration::from_mins(1)).await;
        assert_eq!(world.request("rotate")["status"], Value::Null);
        let events = world.events("rotate");
        assert_eq!(events.len(), 1, "{events:#?}");
        assert!(events[0].starts_with("DatabaseNotFound: MySQL demo/later does not exist"));

        world.seed(json!({"apiVersion": "kubedb.com/v1", "kind": "MySQL",
            "metadata": {"name": "later", "namespace": NAMESPACE}, "spec": {"version": "9.1.0"},
            "status": {"phase": "Ready"}}));
        assert_eq!(ended(&world, "rotate", "later").await, "Failed");
        assert!(message(&world, "Failed").contains("has no TLS"));
        executor.abort();
        others.abort();
    });
}

#[test]
fn a_database_that_is_not_ready_is_waited_for_unless_the_request_says_always() {
    for apply in ["IfReady", "Always"] {
        paused(async move {
            let (world, others) = World::alive(3);
            let executor = world.start_executor("one", nothing_goes_wrong);
            let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/shop-1/status");
            // Its certificate has ended, so only a restart makes it ready again.
            world.knobs.never_ready.store(true, Ordering::SeqCst);
            let broken = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
            world.patch(&path, &broken).await;
            sleep(Duration::from_secs(5)).await;
            let spec = json!({"tls": {"rotateCertificates": true}, "apply": apply});
            world.ask("rotate", spec).await;
            sleep(Duration::from_mins(1)).await;
            if apply == "IfReady" {
                assert_eq!(world.phase("rotate"), "Pending");
                let events = world.events("rotate");
                assert_eq!(events, ["Waiting: the database is Critical, not Ready"]);
            } else {
                assert_eq!(world.phase("rotate"), "Progressing");
            }
            world.knobs.never_ready.store(false, Ordering::SeqCst);
            assert_eq!(ended(&world, "rotate", apply).await, "Successful");
            executor.abort();
            others.abort();
        });
    }
}

#[test]
fn a_request_that_somebody_else_carries_out_is_left_to_them() {
    paused(async {
        let (world, others) = World::alive(3);
        world.seed(json!({"apiVersion": "ops.kubedb.com/v1alpha1", "kind": "MySQLOpsRequest",
            "metadata": {"name": "theirs", "namespace": NAMESPACE},
            "spec": {"type": "ReconfigureTLS", "databaseRef": {"name": DATABASE},
                "tls": {"rotateCertificates": true}},
            "status": {"phase": "Progressing", "conditions": [{"type": "Running",
                "status": "True", "lastTransitionTime": "2026-11-23T12:00:00Z"}]}}));
        let executor = world.start_executor("one", nothing_goes_wrong);
        world.ask_to_rotate("rotate").await;
        sleep(Duration::from_hours(1)).await;
        assert_eq!(world.phase("theirs"), "Progressing");
        assert_eq!(world.phase("rotate"), "Pending");
        let path = format!(
            "/apis/ops.kubedb.com/v1alpha1/namespaces/{NAMESPACE}/mysqlopsrequests/theirs/status"
        );
        world.patch(&path, &json!({"status": {"phase": "Failed"}})).await;
        assert_eq!(ended(&world, "rotate", "theirs").await, "Successful");
        executor.abort();
        others.abort();
    });
}
