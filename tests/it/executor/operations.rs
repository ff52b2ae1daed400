//! Every operation on every topology of the embedded cluster, undisturbed and with an executor that
//! is killed at each of its writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use certrotor::embedded::api::Fault;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::embedded::{CERTIFICATES, Cluster, MYSQLS, REQUESTS, reference};
use super::{moves, nothing_goes_wrong, paused};
use crate::support::effort::{Effort, sized};

const NAME: &str = "shop";
const MODES: [Option<&str>; 5] = [
    None,
    Some("GroupReplication"),
    Some("SemiSync"),
    Some("InnoDBCluster"),
    Some("RemoteReplica"),
];

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Add,
    Remove,
    Issuer,
    ClusterIssuer,
    Certificates,
    Rotate,
    Require,
}

const ALL: [Operation; 7] = [
    Operation::Add,
    Operation::Remove,
    Operation::Issuer,
    Operation::ClusterIssuer,
    Operation::Certificates,
    Operation::Rotate,
    Operation::Require,
];

fn full() -> bool {
    Effort::of_this_run() == Effort::Full
}

impl Operation {
    /// What the database is before.
    fn before(self) -> Value {
        match self {
            Self::Add => json!({}),
            Self::Remove
            | Self::Issuer
            | Self::ClusterIssuer
            | Self::Certificates
            | Self::Rotate
            | Self::Require => json!({"tls": {"issuerRef": reference("Issuer", "ca")}}),
        }
    }

    /// `spec.tls` of the request, as KubeDB's documentation shows it.
    fn tls(self) -> Value {
        let subject = json!({"organizations": ["shop"], "organizationalUnits": ["client"]});
        match self {
            Self::Add => json!({"requireSSL": true, "issuerRef": reference("Issuer", "ca"),
                "certificates": [{"alias": "client", "subject": subject}]}),
            Self::Remove => json!({"remove": true}),
            Self::Issuer => json!({"issuerRef": reference("Issuer", "other")}),
            Self::ClusterIssuer => json!({"issuerRef": reference("ClusterIssuer", "everywhere")}),
            Self::Certificates => json!({"certificates": [{"alias": "server", "subject": subject,
                "dnsNames": ["shop.example"], "emailAddresses": ["dba@example.com"],
                "duration": "240h"}]}),
            Self::Rotate => json!({"rotateCertificates": true}),
            Self::Require => json!({"requireSSL": true}),
        }
    }

    /// How often each pod is made until then: a group is restarted once more to trust another CA.
    fn lives(self, mode: Option<&str>) -> usize {
        let group = matches!(mode, Some("GroupReplication" | "InnoDBCluster"));
        let changes = matches!(self, Self::Issuer | Self::ClusterIssuer);
        if group && changes { 3 } else { 2 }
    }

    /// The database is as it was asked for, whatever happened on the way.
    fn check(self, cluster: &Cluster, told: &str) {
        let mysql = cluster.get(MYSQLS, NAME);
        assert!(!mysql["status"]["conditions"].to_string().contains("Paused"), "{told}: paused");
        let server = cluster.get(CERTIFICATES, "shop-server-cert");
        let signer = &server["spec"]["issuerRef"];
        assert!(cluster.get(CERTIFICATES, "shop-ca-staging").is_null(), "{told}");
        assert!(cluster.get("secrets", "shop-ca-staging").is_null(), "{told}");
        match self {
            Self::Add => {
                assert_eq!(mysql["spec"]["requireSSL"], true, "{told}");
                let client = cluster.get(CERTIFICATES, "shop-client-cert");
                assert_eq!(client["spec"]["subject"]["organizations"], json!(["shop"]), "{told}");
            }
            Self::Remove => {
                assert_eq!(mysql["spec"]["tls"], Value::Null, "{told}");
                assert_eq!(cluster.certificates(NAME), Vec::<String>::new(), "{told}");
                assert!(cluster.get("configmaps", "shop-ca-bundle").is_null(), "{told}");
            }
            Self::Issuer => assert_eq!(signer["name"], "other", "{told}"),
            Self::ClusterIssuer => assert_eq!(signer["kind"], "ClusterIssuer", "{told}"),
            Self::Certificates => {
                let spec = &server["spec"];
                assert_eq!(spec["duration"], "240h", "{told}");
                assert!(spec["dnsNames"].to_string().contains("shop.example"), "{told}");
                assert!(spec["dnsNames"].to_string().contains("*.shop-pods.demo.svc"), "{told}");
            }
            Self::Rotate => {}
            Self::Require => assert_eq!(mysql["spec"]["requireSSL"], true, "{told}"),
        }
    }
}

/// Each server was restarted once and presents what it should.
fn served(
    (operation, mode): (Operation, Option<&str>),
    cluster: &Cluster,
    before: &std::collections::BTreeMap<String, Option<certrotor::core::certificate::Fingerprint>>,
    told: &str,
) {
    let after = cluster.presented(NAME);
    assert!(!after.is_empty(), "{told}");
    for (pod, leaf) in &after {
        match operation {
            Operation::Remove => assert!(leaf.is_none(), "{told}: {pod} still has TLS"),
            Operation::Require => assert_eq!(leaf, &before[pod], "{told}: {pod}"),
            Operation::Add
            | Operation::Issuer
            | Operation::ClusterIssuer
            | Operation::Certificates
            | Operation::Rotate => {
                assert!(leaf.is_some(), "{told}: {pod} has no TLS");
                assert_ne!(leaf, &before[pod], "{told}: {pod}");
            }
        }
    }
    for (pod, lives) in cluster.lives(NAME) {
        let router = pod.contains("-router-");
        let expected = if router { 2 } else { operation.lives(mode) };
        assert_eq!(lives, expected, "{told}: {pod} was restarted so often");
    }
}

async fn carried_out(operation: Operation, mode: Option<&str>, version: &str) {
    let told = format!("{operation:?} {mode:?} {version}");
    let cluster = Cluster::start();
    let executor = cluster.executor("one", nothing_goes_wrong);
    cluster.database_in(version, NAME, mode, &operation.before()).await;
    let before = cluster.presented(NAME);
    let status = cluster.ask("request", NAME, &operation.tls()).await;
    assert_eq!(status["phase"], "Successful", "{told}: {status:#}");
    operation.check(&cluster, &told);
    served((operation, mode), &cluster, &before, &told);
    cluster.phase(MYSQLS, NAME, &["Ready"]).await;
    // Nobody undoes it, and nothing restarts again.
    sleep(Duration::from_hours(1)).await;
    operation.check(&cluster, &told);
    served((operation, mode), &cluster, &before, &told);
    executor.abort();
    cluster.end().await;
}

/// Every operation meets every topology and both versions of KubeDB's API, and every topology both
/// versions. The quick run has every second operation once, the full run has all combinations.
fn combinations() -> Vec<(Operation, Option<&'static str>, &'static str)> {
    let mut all = Vec::new();
    for (at, operation) in ALL.into_iter().enumerate() {
        for (place, mode) in MODES.into_iter().enumerate() {
            for (turn, version) in ["v1", "v1alpha2"].into_iter().enumerate() {
                let its_turn = (at + place) % 2 == turn;
                let quick = its_turn && at % 2 == 0 && place == at % MODES.len();
                let wanted = sized(quick, its_turn, true);
                if wanted {
                    all.push((operation, mode, version));
                }
            }
        }
    }
    all
}

#[test]
fn every_operation_is_carried_out_on_every_topology() {
    for (operation, mode, version) in combinations() {
        paused(carried_out(operation, mode, version));
    }
}

/// How many writes an undisturbed run takes.
fn count(operation: Operation, mode: Option<&'static str>) -> usize {
    paused(async move {
        let cluster = Cluster::start();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let executor = cluster.executor("one", move |call| {
            counted.fetch_add(usize::from(moves(call)), Ordering::Relaxed);
            Fault::None
        });
        cluster.database(NAME, mode, &operation.before()).await;
        cluster.ask("request", NAME, &operation.tls()).await;
        executor.abort();
        cluster.end().await;
        count.load(Ordering::Relaxed)
    })
}

/// Kills the executor at its `nth` write, before or after it; another starts five seconds later.
fn crash(operation: Operation, mode: Option<&'static str>, nth: usize, before_it: bool) {
    let told = format!("{operation:?} {mode:?}: crash at write {nth}, before it: {before_it}");
    paused(async move {
        let cluster = Cluster::start();
        cluster.database(NAME, mode, &operation.before()).await;
        let before = cluster.presented(NAME);
        let died = Arc::new(Notify::new());
        let (seen, tell) = (AtomicUsize::new(0), Arc::clone(&died));
        let first = cluster.executor("one", move |call| {
            if !moves(call) || seen.fetch_add(1, Ordering::Relaxed) + 1 != nth {
                return Fault::None;
            }
            tell.notify_one();
            if before_it { Fault::HangBefore } else { Fault::HangAfter }
        });
        cluster.send("request", NAME, &operation.tls()).await;
        died.notified().await;
        sleep(Duration::from_secs(1)).await;
        first.abort();
        sleep(Duration::from_secs(5)).await;
        let second = cluster.executor("two", nothing_goes_wrong);
        let status = cluster.over("request").await;
        assert_eq!(status["phase"], "Successful", "{told}: {status:#}");
        operation.check(&cluster, &told);
        served((operation, mode), &cluster, &before, &told);
        second.abort();
        cluster.end().await;
    });
}

#[test]
fn a_crash_at_any_write_of_any_operation_loses_nothing_and_repeats_nothing() {
    let group = Some("GroupReplication");
    let operations = [
        (Operation::Add, None),
        (Operation::Remove, None),
        (Operation::Issuer, if full() { group } else { None }),
        (Operation::Certificates, None),
        (Operation::Require, None),
    ];
    let some = sized(2, operations.len(), operations.len());
    for (at, (operation, mode)) in operations.into_iter().take(some).enumerate() {
        let writes = count(operation, mode);
        assert!(writes >= 12, "{operation:?}: {writes}");
        for nth in 1..=writes {
            for before_it in [true, false] {
                // In the ordinary run one of them, each time at another place.
                let chosen = nth == (at + 1) * writes / 6 && before_it == (at % 2 == 0);
                if full() || chosen {
                    crash(operation, mode, nth, before_it);
                }
            }
        }
    }
}

#[test]
fn an_issuer_that_does_not_exist_or_cannot_sign_leaves_the_database_as_it_was() {
    paused(async {
        let cluster = Cluster::start();
        let executor = cluster.executor("one", nothing_goes_wrong);
        cluster.database(NAME, None, &Operation::Rotate.before()).await;
        let (before, mysql) = (cluster.presented(NAME), cluster.get(MYSQLS, NAME));
        let tls = json!({"issuerRef": reference("Issuer", "nobody")});
        let status = cluster.ask("nobody", NAME, &tls).await;
        assert_eq!(status["phase"], "Failed");
        let said = status["conditions"].to_string();
        assert!(said.contains("Issuer demo/nobody does not exist: create it"), "{said}");

        // This one exists, and the Secret of its CA does not.
        let broken = json!({"apiVersion": "cert-manager.io/v1", "kind": "Issuer",
            "metadata": {"name": "broken"}, "spec": {"ca": {"secretName": "gone"}}});
        cluster.create("/apis/cert-manager.io/v1", &broken).await;
        let tls = json!({"issuerRef": reference("Issuer", "broken")});
        let status = cluster.ask("broken", NAME, &tls).await;
        assert_eq!(status["phase"], "Failed");
        let said = status["conditions"].to_string();
        assert!(said.contains("The MySQL is as it was"), "{said}");
        sleep(Duration::from_hours(1)).await;
        let server = cluster.get(CERTIFICATES, "shop-server-cert");
        assert_eq!(server["spec"]["issuerRef"]["name"], "ca");
        assert!(server["status"]["conditions"].to_string().contains("\"Ready\""));
        assert_eq!(cluster.presented(NAME), before);
        assert_eq!(cluster.get(MYSQLS, NAME)["spec"], mysql["spec"]);
        assert!(!cluster.get(MYSQLS, NAME)["status"].to_string().contains("Paused"));
        executor.abort();
        cluster.end().await;
    });
}

#[test]
fn tls_that_cannot_be_added_leaves_nothing_behind() {
    paused(async {
        let cluster = Cluster::start();
        let executor = cluster.executor("one", nothing_goes_wrong);
        cluster.database(NAME, None, &json!({})).await;
        let broken = json!({"apiVersion": "cert-manager.io/v1", "kind": "Issuer",
            "metadata": {"name": "broken"}, "spec": {"ca": {"secretName": "gone"}}});
        cluster.create("/apis/cert-manager.io/v1", &broken).await;
        let tls = json!({"issuerRef": reference("Issuer", "broken")});
        let status = cluster.ask("broken", NAME, &tls).await;
        assert_eq!(status["phase"], "Failed", "{status:#}");
        assert_eq!(cluster.certificates(NAME), Vec::<String>::new());
        assert_eq!(cluster.get(MYSQLS, NAME)["spec"]["tls"], Value::Null);
        assert_eq!(cluster.lives(NAME)["shop-0"], 1, "nothing restarted");
        // With an issuer that works it can be added at once.
        let status = cluster.ask("again", NAME, &Operation::Add.tls()).await;
        assert_eq!(status["phase"], "Successful", "{status:#}");
        Operation::Add.check(&cluster, "again");
        executor.abort();
        cluster.end().await;
    });
}

#[test]
fn a_request_that_is_deleted_at_any_moment_leaves_no_pause() {
    paused(async {
        let cluster = Cluster::start();
        let executor = cluster.executor("one", nothing_goes_wrong);
        cluster.database(NAME, None, &Operation::Remove.before()).await;
        for (at, after) in [2, 5, 9, 14].into_iter().enumerate() {
            let name = format!("request-{at}");
            cluster.send(&name, NAME, &json!({"requireSSL": at % 2 == 0})).await;
            sleep(Duration::from_secs(after)).await;
            let path =
                format!("/apis/ops.kubedb.com/v1alpha1/namespaces/demo/mysqlopsrequests/{name}");
            let request = http::Request::delete(path).body(Vec::new()).expect("a request");
            let client = cluster.server.client("a-person", "demo");
            let _: Value = client.request(request).await.expect("it is deleted");
            assert!(cluster.get(REQUESTS, &name).is_null());
            sleep(Duration::from_mins(3)).await;
            let mysql = cluster.get(MYSQLS, NAME);
            assert!(!mysql["status"].to_string().contains("Paused"), "after {after} s: {mysql:#}");
            cluster.phase(MYSQLS, NAME, &["Ready"]).await;
        }
        executor.abort();
        cluster.end().await;
    });
}

#[test]
fn without_cert_manager_the_executor_issues_from_the_secrets_of_issuers() {
    paused(async {
        let cluster = Cluster::start_with(false);
        let executor = cluster.executor("one", nothing_goes_wrong);
        cluster.database(NAME, None, &json!({})).await;
        let mut before = cluster.presented(NAME);
        for (at, operation) in
            [Operation::Add, Operation::Rotate, Operation::Issuer, Operation::ClusterIssuer]
                .into_iter()
                .enumerate()
        {
            let told = format!("{operation:?} by itself");
            let status = cluster.ask(&format!("request-{at}"), NAME, &operation.tls()).await;
            assert_eq!(status["phase"], "Successful", "{told}: {status:#}");
            operation.check(&cluster, &told);
            let after = cluster.presented(NAME);
            assert!(after["shop-0"].is_some() && after["shop-0"] != before["shop-0"], "{told}");
            before = after;
        }
        let tls = json!({"issuerRef": reference("Issuer", "broken")});
        let broken = json!({"apiVersion": "cert-manager.io/v1", "kind": "Issuer",
            "metadata": {"name": "broken"}, "spec": {"ca": {"secretName": "gone"}}});
        cluster.create("/apis/cert-manager.io/v1", &broken).await;
        let status = cluster.ask("broken", NAME, &tls).await;
        assert_eq!(status["phase"], "Failed");
        let said = status["conditions"].to_string();
        assert!(said.contains("Secret demo/gone of the CA does not exist"), "{said}");
        assert!(!said.contains("PRIVATE"), "{said}");
        assert_eq!(cluster.presented(NAME), before);
        executor.abort();
        cluster.end().await;
    });
}
