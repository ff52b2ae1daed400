//! A cluster in memory on paused time: two MySQL databases that are due, and an actor that plays
//! KubeDB's operator, cert-manager and the kubelet as far as a rotation needs them.

use std::sync::Arc;
use std::time::Duration;

use certrotor::clock::{Clock, Offset, PausedClock};
use certrotor::cluster::client::Calls;
use certrotor::config::Config;
use certrotor::config::reload::Loaded;
use certrotor::core::time::{Span, Time};
use certrotor::daemon::{self, Daemon, Identity, Parts};
use certrotor::embedded::api::{ApiServer, Call, Fault, FaultLayer};
use certrotor::metrics::acts::Acts;
use kube::Client;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;

/// The databases, by name; all in one namespace.
pub(crate) const DATABASES: [&str; 2] = ["blog", "shop"];
const NAMESPACE: &str = "demo";
const ALIASES: [&str; 3] = ["server", "client", "metrics-exporter"];
const LIFETIME: Span = Span::days(90);

/// A cluster in memory.
pub(crate) struct World {
    pub(crate) server: ApiServer,
    pub(crate) clock: Arc<PausedClock>,
    loaded: watch::Sender<Arc<Loaded>>,
}

impl World {
    /// Every certificate has ten days left of ninety: well past 45 %.
    pub(crate) fn new(config: &str) -> Self {
        let epoch: Time = "2026-11-23T12:00:00Z".parse().expect("a time");
        let clock = Arc::new(PausedClock::new(epoch));
        let server = ApiServer::new(Arc::clone(&clock) as _).expect("an API server");
        let loaded = watch::Sender::new(Loaded::fixed(parse(config)));
        let world = Self { server, clock, loaded };
        world.seed(json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "certrotor-system"}}));
        world.seed(json!({"apiVersion": "cert-manager.io/v1", "kind": "Issuer",
            "metadata": {"name": "ca", "namespace": NAMESPACE},
            "spec": {"ca": {"secretName": "ca"}},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]}}));
        for name in DATABASES {
            world.seed_database(name, epoch - Span::days(80));
        }
        world
    }

    fn seed(&self, scene: Value) {
        self.server.seed(scene).expect("a valid object");
    }

    fn seed_database(&self, name: &str, issued: Time) {
        let issuer = json!({"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"});
        self.seed(json!({"apiVersion": "kubedb.com/v1", "kind": "MySQL",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"version": "9.1.0", "tls": {"issuerRef": issuer}},
            "status": {"phase": "Ready"}}));
        for alias in ALIASES {
            let certificate = format!("{name}-{alias}-cert");
            self.seed(json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate",
                "metadata": {"name": certificate, "namespace": NAMESPACE},
                "spec": {"secretName": certificate,
                    "issuerRef": {"group": "cert-manager.io", "kind": "Issuer", "name": "ca"}},
                "status": certificate_status(issued, 1)}));
        }
        self.seed_pod(name, issued + Span::MINUTE);
    }

    fn seed_pod(&self, name: &str, started: Time) {
        self.seed(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("{name}-0"), "namespace": NAMESPACE, "labels": {
                "app.kubernetes.io/name": "mysqls.kubedb.com",
                "app.kubernetes.io/managed-by": "kubedb.com",
                "app.kubernetes.io/instance": name}},
            "spec": {"containers": [{"name": "mysql", "image": "mysql"}]},
            "status": pod_status(started)}));
    }

    /// Starts a daemon whose requests pass through `plan`. Dropping its handle's task is a crash.
    pub(crate) fn start_daemon(
        &self,
        replica: &str,
        plan: impl Fn(&Call) -> Fault + Send + Sync + 'static,
    ) -> JoinHandle<()> {
        let service = self.server.service(replica);
        let service = ServiceBuilder::new().layer(FaultLayer::new(plan)).service(service);
        let client = Client::new(service, "certrotor-system");
        let acts = Arc::new(Acts::new(&daemon::vocabulary()).expect("metrics"));
        let parts = Parts {
            client,
            calls: Calls::new(Duration::from_secs(10), Arc::clone(&acts) as _),
            clock: Arc::clone(&self.clock) as _,
            offset: Arc::new(Offset::default()),
            acts,
            identity: Identity {
                namespace: "certrotor-system".to_owned(),
                replica: replica.to_owned(),
            },
        };
        let daemon = Daemon::new(parts, self.loaded.subscribe());
        tokio::spawn(daemon.run(CancellationToken::new()))
    }

    /// The config file changes.
    pub(crate) fn reconfigure(&self, config: &str) {
        self.loaded.send_replace(Loaded::fixed(parse(config)));
    }

    /// Plays KubeDB's operator: takes each request up after a while and carries it out.
    pub(crate) async fn operate(self: Arc<Self>, takes: Duration) {
        loop {
            sleep(Duration::from_secs(5)).await;
            for request in self.server.list("mysqlopsrequests.ops.kubedb.com") {
                if request["status"]["phase"].is_null() {
                    self.carry_out(&request, takes).await;
                }
            }
        }
    }

    async fn carry_out(&self, request: &Value, takes: Duration) {
        let name = text(&request["metadata"]["name"]);
        let database = text(&request["spec"]["databaseRef"]["name"]);
        let path =
            format!("/apis/ops.kubedb.com/v1alpha1/namespaces/{NAMESPACE}/mysqlopsrequests/{name}");
        let running = condition("Running", self.clock.now());
        let status = json!({"phase": "Progressing", "conditions": [running]});
        if self.patch_status(&path, &status).await.is_err() {
            return;
        }
        sleep(takes).await;
        let now = self.clock.now();
        for alias in ALIASES {
            let path = format!(
                "/apis/cert-manager.io/v1/namespaces/{NAMESPACE}/certificates/{database}-{alias}-cert"
            );
            let status = certificate_status(now, 2);
            self.patch_status(&path, &status).await.expect("a certificate");
        }
        sleep(Duration::from_secs(10)).await;
        let pod = format!("/api/v1/namespaces/{NAMESPACE}/pods/{database}-0");
        let started = pod_status(self.clock.now());
        self.patch_status(&pod, &started).await.expect("a pod");
        sleep(Duration::from_secs(5)).await;
        let done = condition("Successful", self.clock.now());
        let status = json!({"phase": "Successful", "conditions": [running, done]});
        self.patch_status(&path, &status).await.expect("the request");
    }

    async fn patch_status(&self, path: &str, status: &Value) -> kube::Result<Value> {
        let body = serde_json::to_vec(&json!({"status": status})).expect("JSON");
        let request = http::Request::patch(format!("{path}/status"))
            .header("Content-Type", "application/merge-patch+json")
            .body(body)
            .expect("a request");
        self.server.client("kubedb", NAMESPACE).request(request).await
    }

    /// The status of a database's Rotation.
    pub(crate) fn status(&self, database: &str) -> Value {
        let found = self.server.get("rotations.certrotor.dev", NAMESPACE, database);
        found.map_or(Value::Null, |rotation| rotation["status"].clone())
    }

    /// Every database has closed a rotation and has none open.
    pub(crate) fn all_rotated(&self) -> bool {
        DATABASES.iter().all(|database| {
            let status = self.status(database);
            status["last"]["outcome"] == "verified" && status["current"].is_null()
        })
    }
}

fn parse(config: &str) -> Config {
    Config::parse(config, "sim.yaml").expect("a good config").0
}

fn certificate_status(issued: Time, revision: i64) -> Value {
    json!({"notBefore": issued.to_string(), "notAfter": (issued + LIFETIME).to_string(),
        "revision": revision,
        "conditions": [{"type": "Ready", "status": "True",
            "lastTransitionTime": issued.to_string()}]})
}

fn pod_status(started: Time) -> Value {
    json!({"conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{"name": "mysql", "ready": true, "restartCount": 0,
            "image": "mysql", "imageID": "mysql",
            "state": {"running": {"startedAt": started.to_string()}}}]})
}

fn condition(kind: &str, at: Time) -> Value {
    json!({"type": kind, "status": "True", "lastTransitionTime": at.to_string()})
}

/// A text of an object that has it.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
