//! A node over the in-memory API.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::ByteString;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::PausedClock;
use crate::core::certificate::{Fingerprint, Leaf};
use crate::core::time::Time;
use crate::embedded::api::{ApiServer, Call, Fault, FaultLayer};

mod clients;
mod ends;
mod lives;
mod renewal;
mod wire;

const NOON: &str = "2026-11-23T12:00:00Z";
const NODE: &str = "here";
const NAMESPACE: &str = "shop";

/// A node that runs over an API server.
struct Scene {
    api: ApiServer,
    clock: Arc<PausedClock>,
    settings: Settings,
    served: Served,
    stop: CancellationToken,
    runner: JoinHandle<()>,
}

/// As simulations have it: nothing listens.
fn silent() -> SimulatedMysqld {
    SimulatedMysqld { listens: false, ..SimulatedMysqld::default() }
}

impl Scene {
    /// With time paused.
    fn new() -> Self {
        Self::with(silent(), |_| Fault::None)
    }

    /// With these servers, and these faults of the API.
    fn with(
        servers: SimulatedMysqld,
        faults: impl Fn(&Call) -> Fault + Send + Sync + 'static,
    ) -> Self {
        let noon: Time = NOON.parse().unwrap();
        let clock = Arc::new(PausedClock::new(noon));
        let api = ApiServer::new(Arc::clone(&clock) as _).unwrap();
        let settings = Settings { runtime: Arc::new(servers), ..Settings::new(NODE) };
        let service = api.service("kubelet");
        let service = tower::ServiceBuilder::new().layer(FaultLayer::new(faults)).service(service);
        let client = kube::Client::new(service, "default");
        let (served, stop, runner) = start(client, &clock, &settings);
        Self { api, clock, settings, served, stop, runner }
    }

    /// The node loses its power and comes back.
    async fn reboot(&mut self) {
        self.runner.abort();
        drop((&mut self.runner).await);
        let client = self.api.client("kubelet", "default");
        (self.served, self.stop, self.runner) = start(client, &self.clock, &self.settings);
    }

    fn seed(&self, object: Value) -> Value {
        self.api.seed(object).unwrap()
    }

    /// Creates a pod as KubeDB's provisioner does, with TLS from the two Secrets.
    fn seed_pod(&self, name: &str) -> Value {
        self.seed(pod(name, true))
    }

    fn seed_secret(&self, name: &str, data: &[(&str, &str)]) {
        self.seed(secret(name, data));
    }

    /// Creates the Secrets of the server's and the client's certificate.
    fn seed_secrets(&self, pair: &Pair) {
        self.seed_secret("db-server-cert", &pair.files());
        self.seed_secret("db-client-cert", &pair.files());
        self.seed_secret("db-auth", &[("username", "root"), ("password", "secret")]);
    }

    /// What cert-manager does to the Secret of the server's certificate when it renews.
    async fn renew(&self, pair: &Pair) {
        let data = secret("db-server-cert", &pair.files())["data"].take();
        let path = format!("/api/v1/namespaces/{NAMESPACE}/secrets/db-server-cert");
        self.patch(&path, &json!({"data": data})).await;
    }

    async fn patch(&self, path: &str, body: &Value) -> Value {
        let request = http::Request::patch(path)
            .header("Content-Type", "application/merge-patch+json")
            .body(serde_json::to_vec(body).unwrap())
            .unwrap();
        self.api.client("somebody", NAMESPACE).request(request).await.unwrap()
    }

    /// Deletes a pod, with the grace period of its own unless another is given.
    async fn delete(&self, name: &str, grace: Option<u32>) {
        let grace = grace.map_or(String::new(), |grace| format!("?gracePeriodSeconds={grace}"));
        let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{name}{grace}");
        let request = http::Request::delete(path).body(Vec::new()).unwrap();
        let _: Value = self.api.client("somebody", NAMESPACE).request(request).await.unwrap();
    }

    fn pod(&self, name: &str) -> Option<Arc<Value>> {
        self.api.get("pods", NAMESPACE, name)
    }

    /// The status of a pod's container.
    fn container(&self, name: &str) -> Value {
        let pod = self.pod(name).unwrap();
        pod["status"]["containerStatuses"][0].clone()
    }

    fn holds(&self, name: &str, condition: &str) -> bool {
        self.pod(name).is_some_and(|pod| {
            let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let of_type = conditions.iter().find(|one| one["type"] == condition);
            of_type.is_some_and(|one| one["status"] == "True")
        })
    }

    /// Waits until it is so, and says how long that took.
    async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) -> Duration {
        let began = Instant::now();
        while !is_so(self) {
            assert!(began.elapsed() < Duration::from_mins(10), "waited in vain until {what}");
            sleep(Duration::from_millis(50)).await;
        }
        began.elapsed()
    }

    async fn until_ready(&self, name: &str) -> Duration {
        self.until("the pod is Ready", |scene| scene.holds(name, "Ready")).await
    }

    /// The leaf that a pod's server presents.
    fn leaf(&self, name: &str) -> Option<Fingerprint> {
        self.served.get(NAMESPACE, name)?.presents?.leaf()
    }

    /// The texts of the Events of a pod, each with its reason.
    fn events(&self) -> Vec<String> {
        let events = self.api.list("events");
        let text = |event: &Value, field: &str| event[field].as_str().unwrap_or("").to_owned();
        let said = |event: &Arc<Value>| {
            format!("{} {}: {}", text(event, "type"), text(event, "reason"), text(event, "message"))
        };
        events.iter().map(said).collect()
    }
}

fn start(
    client: kube::Client,
    clock: &Arc<PausedClock>,
    settings: &Settings,
) -> (Served, CancellationToken, JoinHandle<()>) {
    let runner = PodRunner::new(client, Arc::clone(clock) as _, settings.clone());
    let (served, stop) = (runner.served(), CancellationToken::new());
    let runner = tokio::spawn(runner.run(stop.clone()));
    (served, stop, runner)
}

fn secret(name: &str, data: &[(&str, &str)]) -> Value {
    let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
    let data: BTreeMap<&str, ByteString> =
        data.iter().map(|(key, text)| (*key, bytes(text))).collect();
    json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE}, "data": data})
}

fn pod(name: &str, tls: bool) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod",
    "metadata": {"name": name, "namespace": NAMESPACE},
    "spec": {
        "nodeName": NODE,
        "terminationGracePeriodSeconds": 30,
        "containers": [{
            "name": "mysql",
            "image": "mysql:9.7.0",
            "ports": [{"name": "db", "containerPort": 3306}],
            "env": [
                {"name": "MYSQL_ROOT_USERNAME",
                    "valueFrom": {"secretKeyRef": {"name": "db-auth", "key": "username"}}},
                {"name": "MYSQL_ROOT_PASSWORD",
                    "valueFrom": {"secretKeyRef": {"name": "db-auth", "key": "password"}}},
            ],
        }],
    }});
    if tls {
        let item = |key: &str, path: &str| json!({"key": key, "path": path});
        let spec = &mut pod["spec"];
        spec["containers"][0]["args"] = json!([
            "--ssl-capath=/etc/mysql/certs",
            "--ssl-ca=/etc/mysql/certs/ca.crt",
            "--ssl-cert=/etc/mysql/certs/server.crt",
            "--ssl-key=/etc/mysql/certs/server.key",
        ]);
        spec["containers"][0]["volumeMounts"] =
            json!([{"name": "tls-volume", "mountPath": "/etc/mysql/certs"}]);
        spec["volumes"] = json!([{"name": "tls-volume", "projected": {"sources": [
            {"secret": {"name": "db-server-cert", "items": [
                item("ca.crt", "ca.crt"), item("tls.crt", "server.crt"), item("tls.key", "server.key")]}},
            {"secret": {"name": "db-client-cert", "items": [
                item("tls.crt", "client.crt"), item("tls.key", "client.key")]}},
        ]}}]);
    }
    pod
}

/// Signs leaves.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
struct Pair {
    ca: String,
    certificate: String,
    key: String,
    leaf: Fingerprint,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "ca");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn sign(&self) -> Pair {
        self.sign_until(4096)
    }

    /// A leaf that ends when this year begins.
    fn sign_until(&self, year: i32) -> Pair {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::DnsName("db".try_into().unwrap())];
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Pair {
            ca: self.0.pem(),
            leaf: Leaf::from_der(certificate.der()).unwrap().fingerprint,
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

impl Pair {
    fn files(&self) -> [(&'static str, &str); 3] {
        [("ca.crt", &self.ca), ("tls.crt", &self.certificate), ("tls.key", &self.key)]
    }
}
