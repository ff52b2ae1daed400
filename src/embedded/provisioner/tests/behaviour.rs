use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::world::{SHOP, World};
use crate::embedded::api::{Commit, Fault};
use crate::embedded::provisioner::{Provisioner, Settings};
use crate::embedded::stand_ins::{delete, eventually, patch};

const CERTIFICATES: [&str; 3] =
    ["shop-client-cert", "shop-metrics-exporter-cert", "shop-server-cert"];

#[tokio::test(start_paused = true)]
async fn a_mysql_becomes_a_database() {
    let world = World::running();
    world.seed(&json!({}));
    world.phase("Ready").await;

    assert_eq!(world.names("certificates.cert-manager.io"), CERTIFICATES);
    let secrets = ["shop-auth", CERTIFICATES[0], CERTIFICATES[1], CERTIFICATES[2]];
    assert_eq!(world.names("secrets"), secrets);
    assert_eq!(world.names("services"), ["shop", "shop-pods", "shop-standby"]);
    assert_eq!(world.names("poddisruptionbudgets.policy"), ["shop"]);
    assert_eq!(world.names("pods"), ["shop-0", "shop-1", "shop-2"]);
    assert_eq!((world.role("primary"), world.role("standby")), ("0".to_owned(), "1 2".to_owned()));
    let pod = world.get("pods", "shop-2");
    assert_eq!(pod["spec"]["nodeName"], "loopback");
    assert_eq!(pod["metadata"]["labels"]["app.kubernetes.io/instance"], "shop");

    // All of it goes when the MySQL does.
    let uid = world.shop()["metadata"]["uid"].clone();
    for resource in [
        "certificates.cert-manager.io",
        "secrets",
        "services",
        "poddisruptionbudgets.policy",
        "statefulsets.apps",
    ] {
        for object in world.server.list(resource) {
            let metadata = &object["metadata"];
            let owner = &metadata["ownerReferences"][0];
            assert_eq!(owner["uid"], uid, "{resource} {}", metadata["name"]);
            assert_eq!((&owner["controller"], &owner["kind"]), (&json!(true), &json!("MySQL")));
            assert_eq!(metadata["labels"]["app.kubernetes.io/managed-by"], "kubedb.com");
        }
    }
    let entries = world.shop()["spec"]["tls"]["certificates"].clone();
    assert_eq!(
        entries[2],
        json!({"alias": "metrics-exporter",
        "secretName": "shop-metrics-exporter-cert"})
    );
}

#[tokio::test(start_paused = true)]
async fn a_database_without_tls_has_no_certificates() {
    let world = World::running();
    world.seed(&json!({"tls": null, "replicas": 1, "topology": null}));
    world.phase("Ready").await;
    assert_eq!(world.names("certificates.cert-manager.io"), Vec::<String>::new());
    assert_eq!(world.names("secrets"), ["shop-auth"]);
    assert_eq!(world.names("services"), ["shop", "shop-pods"]);
    assert_eq!(world.names("poddisruptionbudgets.policy"), Vec::<String>::new());
    assert_eq!(world.role("primary"), "0");
}

#[tokio::test(start_paused = true)]
async fn no_server_starts_before_every_certificate_is_issued() {
    let mut world = World::new();
    world.start(|_| Fault::None);
    world.seed(&json!({}));
    world.phase("Provisioning").await;
    sleep(Duration::from_mins(1)).await;
    assert_eq!(world.names("certificates.cert-manager.io"), CERTIFICATES);
    assert_eq!(world.names("statefulsets.apps"), Vec::<String>::new());
    // Certificates that say they are Ready, but no Secrets.
    for name in CERTIFICATES {
        let ready = json!({"type": "Ready", "status": "True"});
        let path = format!("/apis/cert-manager.io/v1/namespaces/prod/certificates/{name}/status");
        patch(&world.client, &path, &json!({"status": {"conditions": [ready]}})).await.unwrap();
    }
    sleep(Duration::from_mins(1)).await;
    assert_eq!(world.names("statefulsets.apps"), Vec::<String>::new());
    world.start_cert_manager();
    world.phase("Ready").await;
}

#[tokio::test(start_paused = true)]
async fn the_phase_follows_the_pods() {
    let world = World::running();
    world.seed(&json!({}));
    world.phase("Ready").await;
    for (pods, phase) in [(&[1][..], "Critical"), (&[0, 1, 2][..], "NotReady")] {
        for ordinal in pods {
            let not_ready = json!([{"type": "Ready", "status": "False"}]);
            let path = format!("/api/v1/namespaces/prod/pods/shop-{ordinal}/status");
            let status = json!({"status": {"conditions": not_ready}});
            patch(&world.client, &path, &status).await.unwrap();
        }
        world.phase(phase).await;
    }
    for ordinal in 0..3 {
        let path = format!("/api/v1/namespaces/prod/pods/shop-{ordinal}?gracePeriodSeconds=0");
        delete(&world.client, &path).await.unwrap();
    }
    world.phase("Ready").await;
}

#[tokio::test(start_paused = true)]
async fn when_the_primary_goes_a_standby_takes_over() {
    let world = World::running();
    world.seed(&json!({}));
    world.phase("Ready").await;
    let before = world.server.revision();
    delete(&world.client, "/api/v1/namespaces/prod/pods/shop-0?gracePeriodSeconds=0")
        .await
        .unwrap();
    eventually("another primary", || {
        let roles = (world.role("primary"), world.role("standby"));
        let taken = roles == ("1".to_owned(), "0 2".to_owned());
        if taken { Ok(()) } else { Err(format!("{roles:?}")) }
    })
    .await;
    // Never two at a time.
    let mut primaries = std::collections::BTreeSet::new();
    for commit in world.server.commits_after(0) {
        let is_primary = |pod: &Value| pod["metadata"]["labels"]["kubedb.com/role"] == "primary";
        if *commit.key.resource == *"pods" {
            let name = commit.key.name.clone();
            if commit.after.as_ref().is_some_and(|pod| is_primary(pod)) {
                primaries.insert(name);
            } else {
                primaries.remove(&name);
            }
            assert!(primaries.len() <= 1, "{primaries:?}");
        }
    }
    assert!(!world.written_after(before).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_paused_database_is_left_alone_but_for_its_roles() {
    let world = World::running();
    world.seed(&json!({}));
    world.phase("Ready").await;
    world.pause(true).await;
    let status = world.shop()["status"].clone();
    let before = world.server.revision();
    // An executor at work: another spec, a Service that goes, the primary restarted.
    world.change(&json!({"replicas": 5, "tls": {"issuerRef": {"name": "other"}}})).await;
    delete(&world.client, "/api/v1/namespaces/prod/services/shop").await.unwrap();
    delete(&world.client, "/api/v1/namespaces/prod/pods/shop-0?gracePeriodSeconds=0")
        .await
        .unwrap();
    eventually("the roles to follow", || {
        let roles = (world.role("primary"), world.role("standby"));
        let taken = roles == ("1".to_owned(), "0 2".to_owned());
        if taken { Ok(()) } else { Err(format!("{roles:?}")) }
    })
    .await;
    sleep(Duration::from_hours(1)).await;
    let written = world.written_after(before);
    assert!(written.iter().all(|write| write.starts_with("patch pods ")), "{written:?}");
    assert_eq!(world.shop()["status"], status);

    world.pause(false).await;
    world.phase("Ready").await;
    assert_eq!(world.names("pods").len(), 5);
    assert_eq!(world.names("services"), ["shop", "shop-pods", "shop-standby"]);
    let certificate = world.get("certificates.cert-manager.io", "shop-server-cert");
    assert_eq!(certificate["spec"]["issuerRef"]["name"], "other");
}

#[tokio::test(start_paused = true)]
async fn a_database_at_rest_is_not_written() {
    let world = World::running();
    world.seed(&json!({}));
    world.phase("Ready").await;
    sleep(Duration::from_mins(1)).await;
    world.end_stand_ins();
    let before = world.server.revision();
    sleep(Duration::from_hours(24)).await;
    assert_eq!(world.server.revision(), before);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_removes_or_changes_comes_back() {
    let world = World::running();
    world.seed(&json!({}));
    world.phase("Ready").await;
    let password = world.get("secrets", "shop-auth")["data"]["password"].clone();
    assert!(password.as_str().unwrap().len() > 16);
    let certificates = "/apis/cert-manager.io/v1/namespaces/prod/certificates/shop-server-cert";
    for path in [
        "/api/v1/namespaces/prod/services/shop-standby",
        "/apis/policy/v1/namespaces/prod/poddisruptionbudgets/shop",
        "/api/v1/namespaces/prod/secrets/shop-auth",
        certificates,
    ] {
        delete(&world.client, path).await.unwrap();
    }
    let change = json!({"spec": {"selector": {"kubedb.com/role": "standby"}}});
    patch(&world.client, "/api/v1/namespaces/prod/services/shop", &change).await.unwrap();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(world.names("services").len(), 3);
    assert_eq!(world.names("poddisruptionbudgets.policy").len(), 1);
    assert_eq!(world.names("certificates.cert-manager.io").len(), 3);
    assert_eq!(world.get("services", "shop")["spec"]["selector"]["kubedb.com/role"], "primary");
    assert_ne!(world.get("secrets", "shop-auth")["data"]["password"], password);
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_somebody_else_is_left_to_them() {
    let world = World::running();
    // Of a kind that the garbage collector knows nothing about.
    let owner = json!({"apiVersion": "example.com/v1", "kind": "Gateway", "name": "x", "uid": "u",
        "controller": true});
    let service = json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "shop", "namespace": "prod", "ownerReferences": [owner]},
        "spec": {"ports": [{"port": 80}]}});
    let service = world.server.seed(service).unwrap();
    world.seed(&json!({}));
    eventually("the phase to be told", || {
        let told = world.shop()["status"]["phase"] == "Provisioning";
        told.then_some(()).ok_or_else(|| world.shop().to_string())
    })
    .await;
    sleep(Duration::from_mins(1)).await;
    assert_eq!(*world.get("services", "shop"), service);
    assert_eq!(world.shop()["status"]["observedGeneration"], Value::Null);
    // Once it is gone, all goes its way.
    delete(&world.client, "/api/v1/namespaces/prod/services/shop").await.unwrap();
    world.phase("Ready").await;
}

#[tokio::test(start_paused = true)]
async fn all_goes_with_the_mysql_but_what_its_policy_spares() {
    for (policy, spared) in [("WipeOut", vec![]), ("Delete", vec![]), ("Halt", vec!["shop-auth"])] {
        let world = World::running();
        world.seed(&json!({ "deletionPolicy": policy }));
        world.phase("Ready").await;
        delete(&world.client, SHOP).await.unwrap();
        sleep(Duration::from_mins(1)).await;
        for resource in [
            "certificates.cert-manager.io",
            "services",
            "poddisruptionbudgets.policy",
            "statefulsets.apps",
            "pods",
        ] {
            assert_eq!(world.names(resource), Vec::<String>::new(), "{policy}: {resource}");
        }
        assert_eq!(world.names("secrets"), spared, "{policy}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_provisioner_for_one_namespace_leaves_the_others_alone() {
    let world = World::new();
    world.seed(&json!({}));
    let settings = Settings { namespace: Some("other".to_owned()), ..Settings::new("loopback") };
    let client = world.server.client("provisioner", "");
    let other = Provisioner::new(client, std::sync::Arc::clone(&world.clock) as _, settings);
    let stop = CancellationToken::new();
    let ended = timeout(Duration::from_mins(1), other.run(stop.clone())).await;
    assert!(ended.is_err(), "it runs until it is stopped");
    assert_eq!(world.written_after(0), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_database_that_is_being_deleted_is_left_to_the_garbage_collector() {
    let world = World::running();
    world.seed(&json!({}));
    world.phase("Ready").await;
    let held = json!({"metadata": {"finalizers": ["example.com/hold"]}});
    patch(&world.client, SHOP, &held).await.unwrap();
    delete(&world.client, SHOP).await.unwrap();
    sleep(Duration::from_secs(5)).await;
    let before = world.server.revision();
    delete(&world.client, "/api/v1/namespaces/prod/services/shop-standby").await.unwrap();
    sleep(Duration::from_hours(1)).await;
    assert_eq!(world.written_after(before), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn it_stops_when_it_is_told_to_even_before_it_knows_the_cluster() {
    let world = World::new();
    let stop = CancellationToken::new();
    let client = world.server.client("provisioner", "");
    let settings = Settings::new("loopback");
    let run = Provisioner::new(client, std::sync::Arc::clone(&world.clock) as _, settings)
        .run(stop.clone());
    stop.cancel();
    timeout(Duration::from_secs(5), run).await.unwrap();
}

/// Everything that is written while four databases come into being and an hour after.
fn log_of_a_run() -> Vec<String> {
    // Timers that are due at once come in an order that depends on how long the runtime has been.
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::running();
        for name in ["shop", "blog", "wiki", "mail"] {
            world.seed_as(name, &json!({"replicas": 2, "topology": {"mode": "SemiSync"}}));
        }
        world.phase("Ready").await;
        sleep(Duration::from_hours(1)).await;
        let commits = world.server.commits_after(0).into_iter();
        let tell = |commit: Commit| {
            let (time, by, key) = (commit.time, commit.by.user, commit.key);
            format!("{time} {by} {} {} {}", commit.verb, key.resource, key.name)
        };
        commits.map(tell).collect()
    })
}

/// Not in the same order: what happens within one second is worked off as it comes.
#[test]
fn two_runs_make_the_same_writes() {
    let writes = |log: Vec<String>| {
        let who_did_what = |line: String| line.split_once(' ').map(|(_, rest)| rest.to_owned());
        log.into_iter().filter_map(who_did_what).collect::<std::collections::BTreeSet<String>>()
    };
    let (one, other) = (writes(log_of_a_run()), writes(log_of_a_run()));
    assert!(one.len() > 50, "{one:#?}");
    assert_eq!(one, other);
}
