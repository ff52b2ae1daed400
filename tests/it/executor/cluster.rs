//! The others in the cluster: cert-manager, the `StatefulSet` controller, the kubelet, and KubeDB's
//! provisioner and coordinator, as far as a rotation needs them. Each looks around once a second.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use certrotor::clock::Clock as _;
use certrotor::core::time::{Span, Time};
use http::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::leaves::pair;
use super::world::{CERTIFICATES, DATABASE, LIFETIME, NAMESPACE, World, running};

/// How long each of them takes.
const ISSUING: Span = Span::seconds(3);
const ENDING: Span = Span::seconds(4);
const STARTING: Span = Span::seconds(6);

impl World {
    /// They work.
    pub(crate) async fn work(self: Arc<Self>) {
        loop {
            sleep(Duration::from_secs(1)).await;
            for certificate in CERTIFICATES {
                self.issue(certificate).await;
            }
            for ordinal in 0..self.replicas {
                self.keep_pod(ordinal).await;
            }
            self.tell_roles().await;
            self.tell_phase().await;
        }
    }

    /// cert-manager: the Secret first, then revision and `Issuing` in one, the rest a second later.
    async fn issue(&self, name: &str) {
        if self.knobs.no_cert_manager.load(Ordering::SeqCst) {
            return;
        }
        let Some(object) = self.server.get("certificates.cert-manager.io", NAMESPACE, name) else {
            return;
        };
        let secret = self.server.get("secrets", NAMESPACE, name).expect("its Secret");
        let path =
            format!("/apis/cert-manager.io/v1/namespaces/{NAMESPACE}/certificates/{name}/status");
        let born = secret["metadata"]["annotations"]["test/begins"].as_str();
        if let Some(born) = born.filter(|born| object["status"]["notBefore"] != **born) {
            let begins: Time = born.parse().expect("a time");
            let life = json!({"notBefore": born, "notAfter": (begins + LIFETIME).to_string()});
            self.patch(&path, &json!({"status": life})).await;
            return;
        }
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let issuing =
            conditions.iter().find(|it| it["type"] == "Issuing" && it["status"] == "True");
        let Some(issuing) = issuing else { return };
        let now = self.clock.now();
        if now.since(since(&issuing["lastTransitionTime"])) < ISSUING {
            return;
        }
        let mut rest: Vec<Value> =
            conditions.iter().filter(|it| it["type"] != "Issuing").cloned().collect();
        let less = |left: usize| left.checked_sub(1);
        if self.knobs.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
            rest.push(json!({"type": "Issuing", "status": "False", "reason": "Failed",
                "lastTransitionTime": now.to_string()}));
            let status = json!({"conditions": rest, "lastFailureTime": now.to_string()});
            self.patch(&path, &json!({"status": status})).await;
            return;
        }
        let annotations = json!({"test/begins": now.to_string()});
        let secret = json!({"metadata": {"annotations": annotations},
            "data": pair(now, now + LIFETIME)});
        self.patch(&format!("/api/v1/namespaces/{NAMESPACE}/secrets/{name}"), &secret).await;
        let revision = object["status"]["revision"].as_i64().unwrap_or(0) + 1;
        let status = json!({"revision": revision, "conditions": rest, "lastFailureTime": null});
        self.patch(&path, &json!({"status": status})).await;
    }

    /// The `StatefulSet` controller and the kubelet.
    async fn keep_pod(&self, ordinal: usize) {
        let name = format!("{DATABASE}-{ordinal}");
        let path = format!("/api/v1/namespaces/{NAMESPACE}/pods");
        let now = self.clock.now();
        let Some(pod) = self.server.get("pods", NAMESPACE, &name) else {
            let pod = Self::pod_template(ordinal);
            drop(self.call(Method::POST, &path, &pod).await);
            return;
        };
        let metadata = &pod["metadata"];
        if let Some(deadline) = metadata["deletionTimestamp"].as_str() {
            let grace = metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0);
            let asked = deadline.parse::<Time>().expect("a time") - Span::seconds(grace);
            if now.since(asked) >= ENDING {
                let body = json!({"gracePeriodSeconds": 0});
                drop(self.call(Method::DELETE, &format!("{path}/{name}"), &body).await);
            }
            return;
        }
        let age = now.since(since(&metadata["creationTimestamp"]));
        if !is_ready(&pod) && age >= STARTING && !self.knobs.never_ready.load(Ordering::SeqCst) {
            self.patch(&format!("{path}/{name}/status"), &json!({"status": running()})).await;
        }
    }

    /// KubeDB's coordinator: one Ready pod is the primary, a Ready standby if that one goes.
    async fn tell_roles(&self) {
        let pods = self.server.list("pods");
        let role = |pod: &Value| pod["metadata"]["labels"]["kubedb.com/role"].clone();
        let alive = |pod: &&Arc<Value>| is_ready(pod) && !is_ending(pod);
        let primary = pods.iter().filter(alive).find(|pod| role(pod) == "primary");
        let primary = primary.or_else(|| pods.iter().find(alive));
        let primary = primary.map(|pod| pod["metadata"]["name"].clone());
        for pod in pods.iter().filter(alive) {
            let name = &pod["metadata"]["name"];
            let should = if Some(name) == primary.as_ref() { "primary" } else { "standby" };
            if role(pod) != should {
                let path = format!(
                    "/api/v1/namespaces/{NAMESPACE}/pods/{}",
                    name.as_str().expect("a name")
                );
                let labels = json!({"metadata": {"labels": {"kubedb.com/role": should}}});
                self.patch(&path, &labels).await;
            }
        }
    }

    /// KubeDB's health check, which goes on while the database is paused.
    async fn tell_phase(&self) {
        let pods = self.server.list("pods");
        let ready = pods.iter().filter(|pod| is_ready(pod) && !is_ending(pod)).count();
        let phase = match ready {
            0 => "NotReady",
            ready if ready < self.replicas => "Critical",
            _ => "Ready",
        };
        if self.mysql()["status"]["phase"] != phase && !self.mysql().is_null() {
            let path =
                format!("/apis/kubedb.com/v1/namespaces/{NAMESPACE}/mysqls/{DATABASE}/status");
            self.patch(&path, &json!({"status": {"phase": phase}})).await;
        }
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) {
        self.call(Method::PATCH, path, body).await.expect("a patch");
    }
}

fn since(time: &Value) -> Time {
    time.as_str().expect("a time").parse().expect("a time")
}

pub(crate) fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|it| it["type"] == "Ready" && it["status"] == "True")
}

pub(crate) fn is_ending(pod: &Value) -> bool {
    pod["metadata"]["deletionTimestamp"].is_string()
}
