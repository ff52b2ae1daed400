//! The whole embedded cluster on paused time: provisioner, `StatefulSet` controller, issuer, servers
//! that present what they loaded when they started, and an executor that can be killed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use certrotor::clock::{Clock, PausedClock, SystemClock};
use certrotor::cluster::client::Calls;
use certrotor::core::certificate::Fingerprint;
use certrotor::core::time::{Span, Time};
use certrotor::embedded::api::{ApiServer, Call, Fault, FaultLayer};
use certrotor::embedded::issuer::{self, CertManager};
use certrotor::embedded::pods::{self, PodRunner, Runtime, Served, SimulatedMysqld};
use certrotor::embedded::provisioner::{self, Provisioner};
use certrotor::embedded::stateful_set::StatefulSets;
use certrotor::executor::{Executor, Issuing, Servers, Settings};
use certrotor::pki::{Algorithm, Entropy};
use kube::Client;
use serde_json::{Value, json};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;

use super::leaves::authority;
use crate::support::voice::Unspoken;

pub(super) const NAMESPACE: &str = "demo";
pub(super) const MYSQLS: &str = "mysqls.kubedb.com";
pub(super) const REQUESTS: &str = "mysqlopsrequests.ops.kubedb.com";
pub(super) const CERTIFICATES: &str = "certificates.cert-manager.io";
const NODE: &str = "embedded";

/// Everything there is but the executor.
pub(super) struct Cluster {
    pub(super) server: ApiServer,
    pub(super) served: Served,
    pub(super) clock: Arc<dyn Clock>,
    stop: CancellationToken,
    parts: JoinSet<()>,
    /// Who issues for executors.
    issuing: Issuing,
}

impl Cluster {
    /// With two issuers, `ca` and `other`, and a cluster issuer `everywhere`.
    pub(super) fn start() -> Self {
        Self::start_with(true)
    }

    /// The same, with or without cert-manager at work.
    pub(super) fn start_with(cert_manager: bool) -> Self {
        let epoch: Time = "2026-11-23T12:00:00Z".parse().expect("a time");
        let silent = SimulatedMysqld { listens: false, ..SimulatedMysqld::default() };
        let node = pods::Settings { runtime: Arc::new(silent), ..pods::Settings::new(NODE) };
        Self::of(Arc::new(PausedClock::new(epoch)), node, cert_manager)
    }

    /// The same on time that passes, with servers that listen at these addresses.
    pub(super) fn listening(servers: Arc<dyn Runtime>, subnet: &str) -> Self {
        let subnet = subnet.parse().expect("a subnet");
        let files_follow = Duration::from_secs(1);
        let node =
            pods::Settings { runtime: servers, subnet, files_follow, ..pods::Settings::new(NODE) };
        Self::of(Arc::new(SystemClock), node, true)
    }

    fn of(clock: Arc<dyn Clock>, node: pods::Settings, cert_manager: bool) -> Self {
        let server = ApiServer::new(Arc::clone(&clock)).expect("an API server");
        provisioner::admissions(&server);
        for namespace in [NAMESPACE, "cert-manager"] {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": namespace}});
            server.seed(namespace).expect("a namespace");
        }
        let client = |user: &str| server.client(user, NAMESPACE);
        let (mut parts, stop) = (JoinSet::new(), CancellationToken::new());
        let settings = issuer::Settings {
            default_algorithm: Algorithm::Ed25519,
            entropy: Entropy::seeded(1),
            ..issuer::Settings::default()
        };
        let part = CertManager::new(client("cert-manager"), Arc::clone(&clock), settings);
        if cert_manager {
            parts.spawn(part.run(stop.clone()));
        }
        let settings = provisioner::Settings::new(NODE);
        let part = Provisioner::new(client("provisioner"), Arc::clone(&clock), settings);
        parts.spawn(part.run(stop.clone()));
        let part = StatefulSets::new(client("stateful-sets"), Arc::clone(&clock));
        parts.spawn(part.run(stop.clone()));
        let part = PodRunner::new(client("kubelet"), Arc::clone(&clock), node);
        let served = part.served();
        parts.spawn(part.run(stop.clone()));
        let issuing = if cert_manager { Issuing::CertManager } else { Issuing::Own };
        let cluster = Self { server, served, clock, stop, parts, issuing };
        for name in ["ca", "other"] {
            cluster.issuer("Issuer", name);
        }
        cluster.issuer("ClusterIssuer", "everywhere");
        cluster
    }

    fn issuer(&self, kind: &str, name: &str) {
        let namespace = if kind == "Issuer" { NAMESPACE } else { "cert-manager" };
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"name": name, "namespace": namespace}, "data": authority(name)});
        self.server.seed(secret).expect("a Secret");
        let mut issuer = json!({"apiVersion": "cert-manager.io/v1", "kind": kind,
            "metadata": {"name": name}, "spec": {"ca": {"secretName": name}}});
        if kind == "Issuer" {
            issuer["metadata"]["namespace"] = json!(NAMESPACE);
        }
        self.server.seed(issuer).expect("an issuer");
    }

    /// An executor whose calls pass through `plan`. Aborting its task is a crash.
    pub(super) fn executor(
        &self,
        name: &str,
        plan: impl Fn(&Call) -> Fault + Send + Sync + 'static,
    ) -> JoinHandle<()> {
        let service = self.server.service(name);
        let service = ServiceBuilder::new().layer(FaultLayer::new(plan)).service(service);
        let calls = Calls::new(Duration::from_secs(10), Arc::new(()));
        let issuing = self.issuing;
        let settings =
            Settings { replica: name.to_owned(), issuing, loopback: true, ..Settings::default() };
        let client = Client::new(service, NAMESPACE);
        let executor = Executor::new(client, Arc::clone(&self.clock), calls, settings);
        let executor = executor.speaking_with(Arc::new(Unspoken(self.served.clone())));
        tokio::spawn(executor.run(self.stop.child_token()))
    }

    /// One in full production: it looks at servers, and hands over by SQL or leaves it to elections.
    pub(super) fn executor_of_real(&self, hands_over: bool) -> JoinHandle<()> {
        let calls = Calls::new(Duration::from_secs(10), Arc::new(()));
        let servers = if hands_over { Servers::LookedAt } else { Servers::LeftAlone };
        let ca_overlap = Span::seconds(2);
        let settings = Settings { loopback: true, servers, ca_overlap, ..Settings::default() };
        let client = self.server.client("executor", NAMESPACE);
        let executor = Executor::new(client, Arc::clone(&self.clock), calls, settings);
        tokio::spawn(executor.run(self.stop.child_token()))
    }

    /// A database, Ready.
    pub(super) async fn database(&self, name: &str, mode: Option<&str>, spec: &Value) {
        self.database_in("v1", name, mode, spec).await;
    }

    /// The same, written in a version of KubeDB's API.
    pub(super) async fn database_in(
        &self,
        version: &str,
        name: &str,
        mode: Option<&str>,
        spec: &Value,
    ) {
        let version = format!("kubedb.com/{version}");
        let mut mysql = json!({"apiVersion": version, "kind": "MySQL",
            "metadata": {"name": name},
            "spec": {"version": "9.1.0", "storageType": "Ephemeral", "deletionPolicy": "WipeOut"}});
        if let Some(mode) = mode {
            mysql["spec"]["topology"] = json!({"mode": mode});
        }
        for (key, value) in spec.as_object().expect("an object") {
            mysql["spec"][key] = value.clone();
        }
        self.create(&format!("/apis/{version}"), &mysql).await;
        self.phase(MYSQLS, name, &["Ready"]).await;
    }

    /// Asks for something, and waits for the end.
    pub(super) async fn ask(&self, request: &str, database: &str, tls: &Value) -> Value {
        self.send(request, database, tls).await;
        self.over(request).await
    }

    pub(super) async fn send(&self, request: &str, database: &str, tls: &Value) {
        let object = json!({"apiVersion": "ops.kubedb.com/v1alpha1", "kind": "MySQLOpsRequest",
            "metadata": {"name": request},
            "spec": {"type": "ReconfigureTLS", "databaseRef": {"name": database}, "tls": tls}});
        self.create("/apis/ops.kubedb.com/v1alpha1", &object).await;
    }

    pub(super) async fn over(&self, request: &str) -> Value {
        self.phase(REQUESTS, request, &["Successful", "Failed", "Denied", "Skipped"]).await;
        self.get(REQUESTS, request)["status"].clone()
    }

    pub(super) async fn create(&self, path: &str, object: &Value) {
        let kind = object["kind"].as_str().expect("a kind").to_lowercase();
        let path = format!("{path}/namespaces/{NAMESPACE}/{kind}s");
        let request = http::Request::post(path).header("Content-Type", "application/json");
        let body = serde_json::to_vec(object).expect("JSON");
        let request = request.body(body).expect("a request");
        let client = self.server.client("a-person", NAMESPACE);
        let _: Value = client.request(request).await.expect("it is created");
    }

    pub(super) fn get(&self, resource: &str, name: &str) -> Value {
        let found = self.server.get(resource, NAMESPACE, name);
        found.map_or(Value::Null, |object| Value::clone(&object))
    }

    /// Changes an object as a person does.
    pub(super) async fn patch(&self, path: &str, change: &Value) {
        let request = http::Request::patch(path);
        let request = request.header("Content-Type", "application/merge-patch+json");
        let request = request.body(serde_json::to_vec(change).expect("JSON")).expect("a request");
        let client = self.server.client("a-person", NAMESPACE);
        let _: Value = client.request(request).await.expect("it is changed");
    }

    /// Deletes an object as a person does.
    pub(super) async fn delete(&self, path: &str) {
        let request = http::Request::delete(path).body(Vec::new()).expect("a request");
        let client = self.server.client("a-person", NAMESPACE);
        let _: Value = client.request(request).await.expect("it is deleted");
    }

    pub(super) async fn phase(&self, resource: &str, name: &str, wanted: &[&str]) {
        let reached = async {
            let phase = || self.get(resource, name)["status"]["phase"].clone();
            while !wanted.iter().any(|wanted| phase() == **wanted) {
                sleep(Duration::from_secs(1)).await;
            }
        };
        let reached = timeout(Duration::from_hours(2), reached).await;
        assert!(reached.is_ok(), "{name} is not {wanted:?}: {:#}", self.get(resource, name));
    }

    /// The leaf that each server of a database presents, if any.
    pub(super) fn presented(&self, database: &str) -> BTreeMap<String, Option<Fingerprint>> {
        let prefix = format!("{database}-");
        let all = self.served.all().into_iter();
        let its = all.filter(|(pod, _)| pod.name.starts_with(&prefix));
        its.map(|(pod, serving)| (pod.name, serving.presents.and_then(|it| it.leaf()))).collect()
    }

    /// How often each pod of a database was made.
    pub(super) fn lives(&self, database: &str) -> BTreeMap<String, usize> {
        let mut uids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for commit in self.server.commits_after(0) {
            let instance = &commit.object()["metadata"]["labels"]["app.kubernetes.io/instance"];
            if &*commit.key.resource == "pods" && *instance == database {
                let uid = commit.object()["metadata"]["uid"].to_string();
                uids.entry(commit.key.name.clone()).or_default().insert(uid);
            }
        }
        uids.into_iter().map(|(pod, uids)| (pod, uids.len())).collect()
    }

    /// Certificates and Secrets of certificates.
    pub(super) fn certificates(&self, database: &str) -> Vec<String> {
        let prefix = format!("{database}-");
        let all = [CERTIFICATES, "secrets"].into_iter().flat_map(|kind| self.server.list(kind));
        let names = all.map(|it| it["metadata"]["name"].as_str().unwrap_or_default().to_owned());
        names.filter(|name| name.starts_with(&prefix) && name.ends_with("-cert")).collect()
    }

    pub(super) async fn end(mut self) {
        self.stop.cancel();
        let ended = async { while self.parts.join_next().await.is_some() {} };
        timeout(Duration::from_mins(2), ended).await.expect("every part ends when it is told to");
    }
}

/// A reference to an issuer, as KubeDB writes it.
pub(super) fn reference(kind: &str, name: &str) -> Value {
    json!({"apiGroup": "cert-manager.io", "kind": kind, "name": name})
}
