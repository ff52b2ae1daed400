//! Who else acts in the tests of this folder: a kubelet and a cert-manager that do the least that
//! the actor under test can tell from the real ones. They look once a second.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::api::ApiServer;
use crate::clock::{Clock, PausedClock};
use crate::core::time::Time;
use crate::effort::sized;

/// When every test begins.
pub(crate) const NOON: &str = "2026-11-23T12:00:00Z";
const OFTEN: Duration = Duration::from_secs(1);
/// Long enough for whatever should come to pass at all.
const PATIENCE: Duration = Duration::from_mins(10);

/// A server on paused time, and its clock.
pub(crate) fn server() -> (ApiServer, Arc<PausedClock>) {
    let noon: Time = NOON.parse().unwrap();
    let clock = Arc::new(PausedClock::new(noon));
    (ApiServer::new(Arc::clone(&clock) as _).unwrap(), clock)
}

/// Which of so many writes a process dies at.
pub(crate) fn some_of(writes: usize) -> impl Iterator<Item = usize> {
    (1..=writes).step_by(sized(4, 2, 1))
}

/// Waits until `look` is content, or fails with what it saw last.
pub(crate) async fn eventually<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let mut seen = String::new();
    let found = timeout(PATIENCE, async {
        loop {
            match look() {
                Ok(found) => return found,
                Err(now) => seen = now,
            }
            sleep(OFTEN).await;
        }
    });
    let found = found.await.ok();
    found.unwrap_or_else(|| panic!("waited {PATIENCE:?} for {what}; last seen: {seen}"))
}

/// Merges a change into an object by its path below `/api` or `/apis`.
pub(crate) async fn patch(client: &Client, path: &str, change: &Value) -> kube::Result<Value> {
    let request = http::Request::patch(path)
        .header("Content-Type", "application/merge-patch+json")
        .body(serde_json::to_vec(change).unwrap())
        .unwrap();
    client.request(request).await
}

/// Deletes an object by its path.
pub(crate) async fn delete(client: &Client, path: &str) -> kube::Result<Value> {
    client.request(http::Request::delete(path).body(Vec::new()).unwrap()).await
}

/// Starts and ends pods.
#[derive(Clone)]
pub(crate) struct Kubelet {
    pub(crate) server: ApiServer,
    pub(crate) clock: Arc<PausedClock>,
}

impl Kubelet {
    /// Pods are Ready a second or two after they were made, and gone as soon after their deletion.
    pub(crate) async fn run(self) {
        loop {
            sleep(OFTEN).await;
            for pod in self.server.list("pods") {
                if pod["metadata"]["deletionTimestamp"].is_string() {
                    self.end(&pod).await;
                } else if pod["status"]["phase"] == "Pending" {
                    self.tell(&pod, "Running", true).await;
                }
            }
        }
    }

    /// Says of a pod which phase it is in and whether it is Ready.
    pub(crate) async fn tell(&self, pod: &Value, phase: &str, ready: bool) {
        let ready = if ready { "True" } else { "False" };
        let ready = json!({"type": "Ready", "status": ready,
            "lastTransitionTime": self.clock.now().to_string()});
        let status = json!({"status": {"phase": phase, "conditions": [ready]}});
        let path = format!("{}/status", path(pod));
        // It may have gone meanwhile.
        drop(patch(&self.server.client("kubelet", ""), &path, &status).await);
    }

    async fn end(&self, pod: &Value) {
        let path = format!("{}?gracePeriodSeconds=0", path(pod));
        drop(delete(&self.server.client("kubelet", ""), &path).await);
    }
}

fn path(pod: &Value) -> String {
    let text = |field: &str| pod["metadata"][field].as_str().unwrap().to_owned();
    format!("/api/v1/namespaces/{}/pods/{}", text("namespace"), text("name"))
}

/// Issues whatever a Certificate asks for.
#[derive(Clone)]
pub(crate) struct CertManager {
    pub(crate) server: ApiServer,
    pub(crate) clock: Arc<PausedClock>,
}

impl CertManager {
    pub(crate) async fn run(self) {
        loop {
            sleep(OFTEN).await;
            for certificate in self.server.list("certificates.cert-manager.io") {
                self.issue(&certificate).await;
            }
        }
    }

    async fn issue(&self, certificate: &Value) {
        let meta = &certificate["metadata"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (namespace, name) = (text(&meta["namespace"]), text(&meta["name"]));
        let secret = text(&certificate["spec"]["secretName"]);
        if self.server.get("secrets", &namespace, &secret).is_none() {
            let annotations = json!({"cert-manager.io/certificate-name": name});
            let secret = json!({"apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": secret, "namespace": namespace, "annotations": annotations},
                "type": "kubernetes.io/tls",
                "stringData": {"ca.crt": "ca", "tls.crt": "crt", "tls.key": "key"}});
            self.server.seed(secret).unwrap();
        }
        if certificate["status"]["conditions"][0]["observedGeneration"] == meta["generation"] {
            return;
        }
        let ready = json!({"type": "Ready", "status": "True",
            "observedGeneration": meta["generation"],
            "lastTransitionTime": self.clock.now().to_string()});
        let status = json!({"status": {"conditions": [ready], "revision": 1}});
        let path =
            format!("/apis/cert-manager.io/v1/namespaces/{namespace}/certificates/{name}/status");
        drop(patch(&self.server.client("cert-manager", ""), &path, &status).await);
    }
}
