//! `certrotor operate` as a process of its own, on the real control plane.

use std::sync::Arc;

use certrotor::embedded::pods::SimulatedMysqld;
use serde_json::json;

use crate::actor::{cluster_issuer, issuer};
use crate::support::api::{
    CERTIFICATE, EVENT, ISSUER, LEASE, MYSQL, POD, REQUEST, SECRET, condition_of, name as name_of,
};
use crate::support::lab::on_cluster;
use crate::support::rbac::Who;
use crate::support::rights::{granted, shown, usable, used};

pub(crate) mod load;
mod real;
mod stage;
pub(crate) mod trusting;

use stage::{Executor, Stage};

const ROTATE: &str = "
apiVersion: ops.kubedb.com/v1alpha1
kind: MySQLOpsRequest
metadata: {name: rotate}
spec:
  type: ReconfigureTLS
  databaseRef: {name: shop}
  tls: {rotateCertificates: true}
";

#[test]
fn the_executor_is_a_process_with_rights_and_a_lease_of_its_own() {
    on_cluster(async |lab| {
        let stage = Stage::start(&lab, Arc::new(SimulatedMysqld::default()), "127.94.3.0/28").await;
        let reference = json!({"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"});
        stage.database("shop", json!({"tls": {"issuerRef": reference}})).await;
        let executor = stage.executor("one", &[]);
        let standby = stage.executor("two", &[]);
        executor.ready().await;
        standby.ready().await;
        stage.apply(ROTATE);
        let status = stage.ended("rotate").await;
        assert_eq!(status["phase"], "Successful", "{status:#}");
        let mysql = lab.admin.get(MYSQL, &lab.name, "shop").await;
        assert!(condition_of(&mysql, "Paused").is_null());

        let own = format!("executor-{}", lab.name);
        let lease = lab.admin.get(LEASE, &own, "certrotor-executor").await;
        let leads = lease["spec"]["holderIdentity"] == "one";
        let (leader, other) = if leads { (executor, standby) } else { (standby, executor) };
        let ended = [("outcome", "successful")];
        let metrics = leader.metrics().await;
        assert_eq!(metrics.sum("certrotor_executor_requests_total", &ended), Some(1.0));
        assert_eq!(metrics.sum("certrotor_leader", &[]), Some(1.0));
        let metrics = other.metrics().await;
        assert_eq!(metrics.sum("certrotor_executor_requests_total", &ended), Some(0.0));
        assert_eq!(metrics.sum("certrotor_leader", &[]), Some(0.0));

        // The other takes over at once when the lease is handed back.
        leader.signal("TERM");
        assert!(leader.ended().await.success());
        stage.apply(&ROTATE.replace("name: rotate}", "name: again}"));
        assert_eq!(stage.ended("again").await["phase"], "Successful");
        drop((leader, other));
        stage.end().await;
    });
}

/// What KubeDB's documentation shows, one after the other on one database.
const DOCUMENTED: [(&str, &str); 7] = [
    (
        "myops-add-tls",
        "tls:
    requireSSL: true
    issuerRef: {name: ca, kind: Issuer, apiGroup: cert-manager.io}
    certificates: [{alias: client, subject: {organizations: [mysql], organizationalUnits: [client]}}]",
    ),
    ("myops-rotate", "tls: {rotateCertificates: true}"),
    (
        "myops-change-issuer",
        "tls: {issuerRef: {name: other, kind: Issuer, apiGroup: cert-manager.io}}",
    ),
    (
        "myops-change-certs",
        "tls: {certificates: [{alias: server, subject: {organizations: [\"kubedb:server\"]}, emailAddresses: [\"info@example.com\"]}]}",
    ),
    (
        "myops-change-to-cluster-issuer",
        "tls: {issuerRef: {name: everywhere, kind: ClusterIssuer, apiGroup: cert-manager.io}}",
    ),
    ("myops-require", "tls: {requireSSL: false}"),
    ("myops-remove", "tls: {remove: true}"),
];

/// One of its issuers never issues, so that what was made for it is taken back.
const WITHOUT_AN_END: &str = "
apiVersion: ops.kubedb.com/v1alpha1
kind: MySQLOpsRequest
metadata: {name: myops-without-an-end}
spec:
  type: ReconfigureTLS
  databaseRef: {name: shop}
  timeout: 20s
  tls:
    issuerRef: {name: never, kind: Issuer, apiGroup: cert-manager.io}
    certificates:
    - {alias: server, issuerRef: {name: ca, kind: Issuer, apiGroup: cert-manager.io}}
";

#[test]
fn what_the_documentation_shows_is_carried_out_with_real_cert_manager() {
    on_cluster(async |lab| {
        let stage = Stage::start(&lab, Arc::new(SimulatedMysqld::default()), "127.94.5.0/28").await;
        issuer(&lab.admin, &lab.name, "other").await;
        cluster_issuer(&lab.admin, "everywhere").await;
        stage.database("shop", json!({})).await;
        let never = json!({"metadata": {"name": "never"}, "spec": {"ca": {"secretName": "never"}}});
        lab.admin.create(ISSUER, &lab.name, never).await;
        let mut executor = stage.executor("one", &[]);
        executor.ready().await;
        let mut uids = vec![stage.uid("shop-0").await];
        stage.apply(WITHOUT_AN_END);
        stage.phase_of(REQUEST, "myops-without-an-end", "Progressing").await;
        for (name, tls) in DOCUMENTED {
            stage.apply(&format!(
                "apiVersion: ops.kubedb.com/v1alpha1\nkind: MySQLOpsRequest\nmetadata: {{name: \
                 {name}}}\nspec:\n  type: ReconfigureTLS\n  databaseRef: {{name: shop}}\n  {tls}\n"
            ));
            if name == "myops-add-tls" {
                executor = told_again(&stage, executor).await;
            }
            let status = stage.ended(name).await;
            assert_eq!(status["phase"], "Successful", "{name}: {status:#}");
            let uid = stage.uid("shop-0").await;
            assert!(!uids.contains(&uid), "{name}: the server was restarted");
            uids.push(uid);
            let mysql = lab.admin.get(MYSQL, &lab.name, "shop").await;
            assert!(condition_of(&mysql, "Paused").is_null(), "{name}");
            let server = lab.admin.find(CERTIFICATE, &lab.name, "shop-server-cert").await;
            let server = server.unwrap_or_default();
            let signer = &server["spec"]["issuerRef"]["name"];
            match name {
                "myops-add-tls" | "myops-rotate" => assert_eq!(signer, "ca"),
                "myops-remove" => assert!(server.is_null() && mysql["spec"]["tls"].is_null()),
                "myops-change-issuer" | "myops-change-certs" => assert_eq!(signer, "other"),
                _ => assert_eq!(signer, "everywhere", "{name}"),
            }
            if name == "myops-change-certs" {
                assert_eq!(server["spec"]["emailAddresses"][0], "info@example.com");
            }
        }
        assert_eq!(stage.ended("myops-without-an-end").await["phase"], "Failed");
        let granted = granted(Who::Executor);
        let usable = usable(&granted, &lab).await;
        let used = used(Who::Executor, &lab, &stage.own);
        assert_eq!(shown(usable.difference(&used)), "", "granted and not used");
        assert_eq!(shown(used.difference(&granted)), "", "used and not granted");
        let left = lab.admin.list(SECRET, &lab.name).await;
        let left: Vec<&str> = left.iter().map(name_of).filter(|it| it.ends_with("-cert")).collect();
        assert_eq!(left, Vec::<&str>::new());
        drop(executor);
        stage.end().await;
    });
}

/// Another executor takes over while a request waits, and says so once more.
async fn told_again(stage: &Stage<'_>, executor: Executor) -> Executor {
    stage
        .eventually("an Event that a request waits", async || {
            let events = stage.lab.admin.list(EVENT, &stage.lab.name).await;
            let waits = events.iter().any(|event| event["reason"] == "Waiting");
            waits.then_some(()).ok_or_else(|| format!("{events:?}"))
        })
        .await;
    executor.signal("TERM");
    assert!(executor.ended().await.success());
    stage.executor("two", &[])
}

#[test]
fn beside_an_ops_manager_it_refuses_to_start() {
    on_cluster(async |lab| {
        let stage = Stage::start(&lab, Arc::new(SimulatedMysqld::default()), "127.94.4.0/28").await;
        let labels = json!({"app.kubernetes.io/name": "kubedb-ops-manager"});
        let pod = json!({"metadata": {"name": "kubedb-ops-manager-0", "labels": labels},
            "spec": {"nodeName": "elsewhere",
                "containers": [{"name": "operator", "image": "ops-manager"}]}});
        lab.admin.create(POD, &lab.name, pod).await;
        let executor = stage.executor("one", &[]);
        assert_eq!(executor.ended().await.code(), Some(1));
        let printed = executor.printed();
        let pod = format!("Pod {}/kubedb-ops-manager-0", lab.name);
        assert!(printed.contains(&pod) && printed.contains("--force"), "{printed}");
        let forced = stage.executor("two", &["--force"]);
        forced.ready().await;
        drop((executor, forced));
        stage.end().await;
    });
}
