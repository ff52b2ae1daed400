//! A cluster in memory on paused time: one database with three servers, whose certificates are two
//! months old, and an executor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use certrotor::clock::{Clock, PausedClock};
use certrotor::cluster::client::Calls;
use certrotor::core::time::{Span, Time};
use certrotor::embedded::api::{ApiServer, Call, Fault, FaultLayer};
use certrotor::executor::{Executor, Settings};
use http::Method;
use kube::Client;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;

use super::leaves::pair;

pub(crate) const NAMESPACE: &str = "demo";
pub(crate) const DATABASE: &str = "shop";
pub(crate) const CERTIFICATES: [&str; 3] =
    ["shop-server-cert", "shop-client-cert", "shop-metrics-exporter-cert"];
pub(crate) const LIFETIME: Span = Span::days(90);

/// What can be asked of the others in the cluster.
#[derive(Default)]
pub(crate) struct Knobs {
    /// How many issuances still fail.
    pub(crate) failures: AtomicUsize,
    /// cert-manager does nothing.
    pub(crate) no_cert_manager: AtomicBool,
    /// No new pod gets ready.
    pub(crate) never_ready: AtomicBool,
}

/// A cluster in memory.
pub(crate) struct World {
    pub(crate) server: ApiServer,
    pub(crate) clock: Arc<PausedClock>,
    pub(crate) knobs: Knobs,
    pub(crate) replicas: usize,
}

impl World {
    pub(crate) fn new(replicas: usize) -> Arc<Self> {
        let epoch: Time = "2026-11-23T12:00:00Z".parse().expect("a time");
        let clock = Arc::new(PausedClock::new(epoch));
        let server = ApiServer::new(Arc::clone(&clock) as _).expect("an API server");
        let world = Self { server, clock, knobs: Knobs::default(), replicas };
        world.seed_database(epoch - Span::days(60));
        Arc::new(world)
    }

    /// The same, and the others at work.
    pub(crate) fn alive(replicas: usize) -> (Arc<Self>, JoinHandle<()>) {
        let world = Self::new(replicas);
        let others = tokio::spawn(Arc::clone(&world).work());
        (world, others)
    }

    pub(crate) fn seed(&self, object: Value) {
        self.server.seed(object).expect("a valid object");
    }

    fn seed_database(&self, issued: Time) {
        let reference = json!({"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"});
        let mut spec = json!({"version": "9.1.0", "replicas": self.replicas,
            "tls": {"issuerRef": reference}});
        if self.replicas > 1 {
            spec["topology"] = json!({"mode": "GroupReplication"});
        }
        // Somebody else's condition, with a field that the executor does not know.
        let foreign = json!({"type": "Provisioned", "status": "True", "severity": "Info",
            "reason": "DatabaseSuccessfullyProvisioned", "message": "as it should be",
            "lastTransitionTime": issued.to_string()});
        self.seed(json!({"apiVersion": "kubedb.com/v1", "kind": "MySQL",
            "metadata": {"name": DATABASE, "namespace": NAMESPACE}, "spec": spec,
            "status": {"phase": "Ready", "conditions": [foreign]}}));
        for certificate in CERTIFICATES {
            let data = pair(issued, issued + LIFETIME);
            self.seed(json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
                "metadata": {"name": certificate, "namespace": NAMESPACE},
                "data": data}));
            let owner = json!({"apiVersion": "kubedb.com/v1", "kind": "MySQL", "name": DATABASE,
                "uid": self.mysql()["metadata"]["uid"], "controller": true});
            self.seed(json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate",
                "metadata": {"name": certificate, "namespace": NAMESPACE,
                    "ownerReferences": [owner]},
                "spec": {"secretName": certificate,
                    "issuerRef": {"group": "cert-manager.io", "kind": "Issuer", "name": "ca"}},
                "status": {"revision": 1, "notBefore": issued.to_string(),
                    "notAfter": (issued + LIFETIME).to_string(),
                    "conditions": [{"type": "Ready", "status": "True",
                        "lastTransitionTime": issued.to_string()}]}}));
        }
        for ordinal in 0..self.replicas {
            let role = if ordinal == 0 { "primary" } else { "standby" };
            let mut pod = Self::pod_template(ordinal);
            pod["metadata"]["labels"]["kubedb.com/role"] = json!(role);
            pod["status"] = running();
            self.seed(pod);
        }
        if self.replicas > 1 {
            let labels = json!({"app.kubernetes.io/instance": DATABASE});
            self.seed(json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
                "metadata": {"name": DATABASE, "namespace": NAMESPACE},
                "spec": {"minAvailable": self.replicas - 1,
                    "selector": {"matchLabels": labels}}}));
        }
    }

    /// Changes how many servers the disruption budget asks for.
    pub(crate) async fn budget(&self, min_available: usize) {
        let path =
            format!("/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets/{DATABASE}");
        self.patch(&path, &json!({"spec": {"minAvailable": min_available}})).await;
    }

    pub(crate) fn pod_template(ordinal: usize) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("{DATABASE}-{ordinal}"), "namespace": NAMESPACE,
                "labels": {"app.kubernetes.io/name": "mysqls.kubedb.com",
                    "app.kubernetes.io/managed-by": "kubedb.com",
                    "app.kubernetes.io/instance": DATABASE}},
            "spec": {"nodeName": "node", "containers": [{"name": "mysql", "image": "mysql"}]}})
    }

    /// Starts an executor whose calls pass through `plan`. Aborting its task is a crash.
    pub(crate) fn start_executor(
        &self,
        name: &str,
        plan: impl Fn(&Call) -> Fault + Send + Sync + 'static,
    ) -> JoinHandle<()> {
        let service = self.server.service(name);
        let service = ServiceBuilder::new().layer(FaultLayer::new(plan)).service(service);
        let client = Client::new(service, NAMESPACE);
        let calls = Calls::new(Duration::from_secs(10), Arc::new(()));
        let settings = Settings { replica: name.to_owned(), ..Settings::default() };
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let executor = Executor::new(client, clock, calls, settings);
        tokio::spawn(executor.run(CancellationToken::new()))
    }

    /// Creates a request.
    pub(crate) async fn ask(&self, name: &str, spec: Value) {
        let mut all = json!({"type": "ReconfigureTLS", "databaseRef": {"name": DATABASE}});
        for (key, value) in spec.as_object().expect("an object") {
            all[key] = value.clone();
        }
        let path = format!("/apis/ops.kubedb.com/v1alpha1/namespaces/{NAMESPACE}/mysqlopsrequests");
        let body = json!({"apiVersion": "ops.kubedb.com/v1alpha1", "kind": "MySQLOpsRequest",
            "metadata": {"name": name}, "spec": all});
        self.call(Method::POST, &path, &body).await.expect("a request is created");
    }

    /// Creates a request to rotate.
    pub(crate) async fn ask_to_rotate(&self, name: &str) {
        self.ask(name, json!({"tls": {"rotateCertificates": true}})).await;
    }

    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> kube::Result<Value> {
        let content = if method == Method::PATCH {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        let request = http::Request::builder().method(method).uri(path);
        let request = request.header("Content-Type", content);
        let body = serde_json::to_vec(body).expect("JSON");
        let request = request.body(body).expect("a request");
        self.server.client("others", NAMESPACE).request(request).await
    }

    pub(crate) fn request(&self, name: &str) -> Value {
        let found = self.server.get("mysqlopsrequests.ops.kubedb.com", NAMESPACE, name);
        found.map_or(Value::Null, |found| Value::clone(&found))
    }

    pub(crate) fn phase(&self, request: &str) -> String {
        self.request(request)["status"]["phase"].as_str().unwrap_or_default().to_owned()
    }

    /// The condition of a request that is of this type.
    pub(crate) fn condition(&self, request: &str, kind: &str) -> Value {
        let request = self.request(request);
        let conditions = request["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let found = conditions.into_iter().find(|condition| condition["type"] == kind);
        found.unwrap_or(Value::Null)
    }

    pub(crate) fn mysql(&self) -> Value {
        let found = self.server.get("mysqls.kubedb.com", NAMESPACE, DATABASE);
        found.map_or(Value::Null, |found| Value::clone(&found))
    }

    pub(crate) fn is_paused(&self) -> bool {
        is_paused(&self.mysql())
    }

    /// What was said about a request, as `<reason>: <message>`.
    pub(crate) fn events(&self, request: &str) -> Vec<String> {
        let events = self.server.list("events");
        let about = events.iter().filter(|event| event["involvedObject"]["name"] == request);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        about
            .map(|event| format!("{}: {}", text(&event["reason"]), text(&event["message"])))
            .collect()
    }
}

/// The status of a pod whose server is ready.
pub(crate) fn running() -> Value {
    json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})
}

pub(crate) fn is_paused(mysql: &Value) -> bool {
    let conditions = mysql["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| condition["type"] == "Paused")
}
