//! The executor in the whole embedded cluster: its provisioner, its `StatefulSet` controller, its
//! issuer, and its servers, which present what they loaded when they started.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use certrotor::clock::{Clock, PausedClock};
use certrotor::cluster::client::Calls;
use certrotor::core::certificate::Fingerprint;
use certrotor::core::time::Time;
use certrotor::embedded::api::ApiServer;
use certrotor::embedded::issuer::{self, CertManager};
use certrotor::embedded::pods::{self, PodRunner, Served, SimulatedMysqld};
use certrotor::embedded::provisioner::{self, Provisioner};
use certrotor::embedded::stateful_set::StatefulSets;
use certrotor::executor::{Executor, Settings};
use certrotor::pki::{Algorithm, Entropy};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::leaves::authority;
use super::paused;

const NAMESPACE: &str = "demo";
const NODE: &str = "embedded";

/// Everything there is, on paused time.
struct Cluster {
    server: ApiServer,
    served: Served,
    stop: CancellationToken,
    parts: JoinSet<()>,
}

impl Cluster {
    fn start() -> Self {
        let epoch: Time = "2026-11-23T12:00:00Z".parse().expect("a time");
        let clock: Arc<dyn Clock> = Arc::new(PausedClock::new(epoch));
        let server = ApiServer::new(Arc::clone(&clock)).expect("an API server");
        provisioner::admissions(&server);
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": NAMESPACE}});
        server.seed(namespace).expect("a namespace");
        let client = |user: &str| server.client(user, NAMESPACE);
        let (mut parts, stop) = (JoinSet::new(), CancellationToken::new());

        let settings = issuer::Settings {
            default_algorithm: Algorithm::Ed25519,
            entropy: Entropy::seeded(1),
            ..issuer::Settings::default()
        };
        let part = CertManager::new(client("cert-manager"), Arc::clone(&clock), settings);
        parts.spawn(part.run(stop.clone()));
        let settings = provisioner::Settings::new(NODE);
        let part = Provisioner::new(client("provisioner"), Arc::clone(&clock), settings);
        parts.spawn(part.run(stop.clone()));
        let part = StatefulSets::new(client("stateful-sets"), Arc::clone(&clock));
        parts.spawn(part.run(stop.clone()));
        let silent = SimulatedMysqld { listens: false, ..SimulatedMysqld::default() };
        let settings = pods::Settings { runtime: Arc::new(silent), ..pods::Settings::new(NODE) };
        let part = PodRunner::new(client("kubelet"), Arc::clone(&clock), settings);
        let served = part.served();
        parts.spawn(part.run(stop.clone()));
        let calls = Calls::new(Duration::from_secs(10), Arc::new(()));
        let part = Executor::new(client("executor"), clock, calls, Settings::default());
        parts.spawn(part.run(stop.clone()));
        Self { server, served, stop, parts }
    }

    async fn create(&self, path: &str, object: &Value) {
        let path = format!("{path}/namespaces/{NAMESPACE}/{}", plural(object));
        let request = http::Request::post(path).header("Content-Type", "application/json");
        let body = serde_json::to_vec(object).expect("JSON");
        let request = request.body(body).expect("a request");
        let client = self.server.client("a-person", NAMESPACE);
        let _: Value = client.request(request).await.expect("it is created");
    }

    fn status(&self, resource: &str, name: &str) -> Value {
        let found = self.server.get(resource, NAMESPACE, name);
        found.map_or(Value::Null, |object| object["status"].clone())
    }

    async fn phase(&self, resource: &str, name: &str, wanted: &[&str]) {
        let reached = async {
            while !wanted.iter().any(|phase| self.status(resource, name)["phase"] == **phase) {
                sleep(Duration::from_secs(1)).await;
            }
        };
        let reached = timeout(Duration::from_mins(30), reached).await;
        assert!(reached.is_ok(), "{name} is not {wanted:?}: {:#}", self.status(resource, name));
    }

    /// The leaf that each server of a database presents.
    fn presented(&self, database: &str) -> BTreeMap<String, Option<Fingerprint>> {
        let prefix = format!("{database}-");
        let all = self.served.all().into_iter();
        let its = all.filter(|(pod, _)| pod.name.starts_with(&prefix));
        its.map(|(pod, serving)| (pod.name, serving.presents.and_then(|it| it.leaf()))).collect()
    }

    async fn end(mut self) {
        self.stop.cancel();
        let ended = async { while self.parts.join_next().await.is_some() {} };
        timeout(Duration::from_mins(2), ended).await.expect("every part ends when it is told to");
    }
}

fn plural(object: &Value) -> String {
    let kind = object["kind"].as_str().expect("a kind").to_lowercase();
    format!("{kind}s")
}

fn mysql(name: &str, topology: Option<&str>) -> Value {
    let reference = json!({"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"});
    let mut mysql = json!({"apiVersion": "kubedb.com/v1", "kind": "MySQL",
        "metadata": {"name": name},
        "spec": {"version": "9.1.0", "storageType": "Ephemeral", "requireSSL": true,
            "deletionPolicy": "WipeOut", "tls": {"issuerRef": reference}}});
    if let Some(mode) = topology {
        mysql["spec"]["topology"] = json!({"mode": mode});
    }
    mysql
}

async fn rotates(cluster: &Cluster, name: &str) {
    let mysqls = "mysqls.kubedb.com";
    cluster.phase(mysqls, name, &["Ready"]).await;
    let before = cluster.presented(name);
    sleep(Duration::from_hours(1)).await;
    assert_eq!(cluster.presented(name), before, "nothing changes by itself");
    let request = format!("{name}-rotate");
    cluster
        .create(
            "/apis/ops.kubedb.com/v1alpha1",
            &json!({"apiVersion": "ops.kubedb.com/v1alpha1", "kind": "MySQLOpsRequest",
                "metadata": {"name": request},
                "spec": {"type": "ReconfigureTLS", "databaseRef": {"name": name},
                    "tls": {"rotateCertificates": true}}}),
        )
        .await;
    let requests = "mysqlopsrequests.ops.kubedb.com";
    cluster.phase(requests, &request, &["Successful", "Failed"]).await;
    let status = cluster.status(requests, &request);
    assert_eq!(status["phase"], "Successful", "{status:#}");
    let after = cluster.presented(name);
    assert!(!before.is_empty());
    for pod in before.keys() {
        assert!(after[pod].is_some(), "{pod} serves TLS");
        assert_ne!(after[pod], before[pod], "{pod} serves the new certificate");
    }
    cluster.phase(mysqls, name, &["Ready"]).await;
}

#[test]
fn every_server_of_the_embedded_cluster_serves_its_new_certificate() {
    paused(async {
        let cluster = Cluster::start();
        cluster
            .create(
                "/api/v1",
                &json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ca"},
                    "type": "kubernetes.io/tls", "data": authority()}),
            )
            .await;
        cluster
            .create(
                "/apis/cert-manager.io/v1",
                &json!({"apiVersion": "cert-manager.io/v1", "kind": "Issuer",
                    "metadata": {"name": "ca"}, "spec": {"ca": {"secretName": "ca"}}}),
            )
            .await;
        let topologies = [None, Some("GroupReplication"), Some("SemiSync")];
        for (name, topology) in ["single", "group", "semi"].into_iter().zip(topologies) {
            cluster.create("/apis/kubedb.com/v1", &mysql(name, topology)).await;
        }
        for name in ["single", "group", "semi"] {
            rotates(&cluster, name).await;
        }
        cluster.end().await;
    });
}
