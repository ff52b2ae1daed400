//! `certrotor operate` as a process of its own, on the real control plane.

use std::sync::Arc;

use certrotor::embedded::pods::SimulatedMysqld;
use serde_json::json;

use crate::support::api::{LEASE, MYSQL, POD, condition_of};
use crate::support::lab::on_cluster;

mod stage;

use stage::Stage;

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
