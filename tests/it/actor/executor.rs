//! The part of `KubeDB`'s Ops Manager: carrying a request out, well or badly.

use futures::future::join_all;
use serde_json::{Value, json};

use super::ALIASES;
use super::database::{Database, next_second};
use crate::support::api::{CERTIFICATE, MYSQL, REQUEST, condition, name, uid};
use crate::support::eventually::patiently;
use crate::support::lab::scene;
use crate::support::time::{minutes, now, rfc3339, seconds};

impl Database {
    /// Waits until there are this many requests for it, and returns the newest.
    pub(crate) async fn request(&self, count: usize) -> Value {
        let look = patiently(minutes(1), async || {
            let mut requests = self.requests().await;
            if requests.len() == count {
                return Ok(requests.pop().unwrap());
            }
            Err(format!("{} requests: {:?}", requests.len(), requests.iter().map(name)))
        });
        match look.await {
            Ok(request) => request,
            Err(seen) => {
                let scene = scene(&self.admin, &self.namespace).await;
                panic!("waited for request {count} of {}; last seen: {seen}\n{scene}", self.name)
            }
        }
    }

    /// Carries a request out as it should be.
    pub(crate) async fn carry_out(&self, request: &Value) {
        self.start(request).await;
        self.issue_anew().await;
        self.restart().await;
        self.end(request, "Successful").await;
    }

    /// Begins to carry a request out.
    pub(crate) async fn start(&self, request: &Value) {
        let message = "Controller has started to Progress the MySQLOpsRequest";
        let running = condition("Running", message, &rfc3339(now()));
        self.phase(request, "Progressing", running).await;
    }

    /// Ends a request with a phase.
    pub(crate) async fn end(&self, request: &Value, phase: &str) {
        let message = format!("the test's executor says {phase}");
        self.phase(request, phase, condition(phase, &message, &rfc3339(now()))).await;
    }

    /// Gives a request a phase and a condition that goes with it.
    pub(crate) async fn phase(&self, request: &Value, phase: &str, condition: Value) {
        let status = json!({"phase": phase, "observedGeneration": 1});
        let (namespace, name) = (&self.namespace, name(request));
        self.admin.conditions(REQUEST, namespace, name, &[condition], &status).await;
    }

    /// Has cert-manager issue every certificate anew, and waits until it has.
    pub(crate) async fn issue_anew(&self) {
        join_all(ALIASES.iter().map(|alias| self.issue_one_anew(alias))).await;
    }

    /// Has cert-manager issue one certificate anew, as `cmctl renew` and the Ops Manager do.
    pub(crate) async fn issue_one_anew(&self, alias: &str) {
        let name = self.certificate_name(alias);
        let before = self.admin.get(CERTIFICATE, &self.namespace, &name).await;
        let revision = before["status"]["revision"].as_i64().unwrap_or(0);
        let issuing = condition("Issuing", "asked for by the test's executor", &rfc3339(now()));
        let rest = json!({});
        self.admin.conditions(CERTIFICATE, &self.namespace, &name, &[issuing], &rest).await;
        self.certificate_ready(alias, revision + 1).await;
    }

    /// Replaces every Pod, later than the second in which anything was issued.
    pub(crate) async fn restart(&self) {
        next_second().await;
        self.pods(seconds(0)).await;
    }

    /// Pauses it, as the executor or a person does, or lets it go on.
    pub(crate) async fn pause(&self, paused: bool) {
        let status = if paused { "True" } else { "False" };
        let mut paused = condition("Paused", "paused by the test", &rfc3339(now()));
        paused["status"] = json!(status);
        let rest = json!({});
        self.admin.conditions(MYSQL, &self.namespace, &self.name, &[paused], &rest).await;
    }

    /// Deletes a request, as a person does.
    pub(crate) async fn delete(&self, request: &Value) {
        self.admin.delete(REQUEST, &self.namespace, name(request)).await;
    }

    /// Makes a request of somebody else's.
    pub(crate) async fn foreign_request(&self, named: &str, kind: &str) -> Value {
        let mut spec = json!({"type": kind, "databaseRef": {"name": self.name}});
        if kind == "ReconfigureTLS" {
            spec["tls"] = json!({"rotateCertificates": true});
        }
        let request = json!({"metadata": {"name": named}, "spec": spec});
        self.admin.create(REQUEST, &self.namespace, request).await
    }

    /// The uid of its newest Pod of an index.
    pub(crate) async fn pod_uid(&self, index: u32) -> String {
        let pod = format!("{}-{index}", self.name);
        uid(&self.admin.get(crate::support::api::POD, &self.namespace, &pod).await).to_owned()
    }
}
