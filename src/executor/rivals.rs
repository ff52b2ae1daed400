//! Another executor at work: two would restart the same servers.
//!
//! KubeDB's Ops Manager is known by its pods, and by what it has written: its field manager on the
//! status of a request that is not over. Another `certrotor operate` is no rival: the two share a
//! Lease, and act as one if they do not.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{ExecutorMetrics, FIELD_MANAGER, scopes};
use crate::api::meta::is_deleting;
use crate::api::ops_request::MySqlOpsRequest;
use crate::clock::Clock;
use crate::cluster::client::{ApiFailure, Calls};
use crate::cluster::facts::request::phase;
use crate::core::selector::NamespacePattern;
use crate::core::time::{Span, Time};

/// By this label the pods of KubeDB's Ops Manager are known.
const OPS_MANAGER: &str = "app.kubernetes.io/name=kubedb-ops-manager";
/// How old a write may be that tells of somebody at work.
const RECENTLY: Span = Span::minutes(10);
/// How often to look.
const EVERY: Duration = Duration::from_secs(60);

/// Looks for other executors.
#[derive(Clone)]
pub(super) struct Rivals {
    pub(super) client: kube::Client,
    pub(super) calls: Calls,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) namespaces: Vec<NamespacePattern>,
    pub(super) metrics: Arc<dyn ExecutorMetrics>,
}

impl Rivals {
    /// Looks now and then until it is stopped. What cannot be seen is no reason to begin something.
    pub(super) async fn run(self, found: watch::Sender<Option<String>>, stop: CancellationToken) {
        let look = async {
            loop {
                match self.look().await {
                    Ok(rival) => self.publish(&found, rival),
                    Err(failure) => {
                        tracing::warn!(%failure, "cannot see whether another executor is at work");
                    }
                }
                sleep(EVERY).await;
            }
        };
        stop.run_until_cancelled(look).await;
    }

    fn publish(&self, found: &watch::Sender<Option<String>>, rival: Option<String>) {
        self.metrics.rival(rival.is_some());
        found.send_if_modified(|known| {
            let changed = *known != rival;
            match &rival {
                Some(rival) if changed => {
                    tracing::warn!(rival, "another executor is at work: nothing new is begun");
                }
                None if changed => tracing::info!("no other executor is at work any more"),
                Some(_) | None => {}
            }
            *known = rival;
            changed
        });
    }

    /// Who else is at work, in words.
    pub(super) async fn look(&self) -> Result<Option<String>, ApiFailure> {
        if let Some(pod) = self.ops_manager().await? {
            return Ok(Some(pod));
        }
        let now = self.clock.now();
        for scope in scopes(&self.namespaces) {
            let requests: Api<MySqlOpsRequest> = self.api(scope.as_deref());
            let all = self.calls.run("list", requests.list(&ListParams::default())).await?;
            if let Some(rival) = all.items.iter().find_map(|request| writer(request, now)) {
                return Ok(Some(rival));
            }
        }
        Ok(None)
    }

    /// A pod of KubeDB's Ops Manager. Whoever may see some namespaces alone looks in those.
    async fn ops_manager(&self) -> Result<Option<String>, ApiFailure> {
        let params = ListParams::default().labels(OPS_MANAGER);
        for scope in scopes(&self.namespaces) {
            let pods: Api<Pod> = self.api(scope.as_deref());
            let pods = self.calls.run("list", pods.list(&params)).await?;
            if let Some(pod) = pods.items.iter().find(|pod| is_at_work(pod)) {
                let (namespace, name) = (&pod.metadata.namespace, &pod.metadata.name);
                let text = |part: &Option<String>| part.clone().unwrap_or_default();
                let (namespace, name) = (text(namespace), text(name));
                return Ok(Some(format!("KubeDB's Ops Manager (Pod {namespace}/{name})")));
            }
        }
        Ok(None)
    }

    fn api<K>(&self, namespace: Option<&str>) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    {
        match namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }
}

fn is_at_work(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    !is_deleting(&pod.metadata) && !matches!(phase, Some("Succeeded" | "Failed"))
}

/// The Ops Manager that has written the status of a request not long ago.
fn writer(request: &MySqlOpsRequest, now: Time) -> Option<String> {
    if phase(request.phase()).is_terminal() {
        return None;
    }
    let mut writers = request.metadata.managed_fields.iter().flatten();
    let writer = writers.find(|entry| {
        let manager = entry.manager.as_deref().unwrap_or_default();
        let recent = entry
            .time
            .as_ref()
            .is_some_and(|time| now.since(Time::from_unix(time.0.as_second())) < RECENTLY);
        entry.subresource.as_deref() == Some("status") && is_ops_manager(manager) && recent
    })?;
    let metadata = &request.metadata;
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    let (namespace, name) = (text(&metadata.namespace), text(&metadata.name));
    let manager = text(&writer.manager);
    Some(format!("{manager}, which has written MySQLOpsRequest {namespace}/{name}"))
}

/// A Go program's field manager is the name of its binary.
fn is_ops_manager(manager: &str) -> bool {
    manager != FIELD_MANAGER && (manager.contains("ops-manager") || manager.starts_with("kubedb"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: &str = "2026-11-24T12:00:00Z";

    fn request(phase: &str, entry: &Value) -> MySqlOpsRequest {
        serde_json::from_value(json!({
            "metadata": {"namespace": "demo", "name": "rotate", "managedFields": [entry]},
            "spec": {"type": "ReconfigureTLS", "databaseRef": {"name": "shop"}},
            "status": {"phase": phase},
        }))
        .unwrap()
    }

    fn entry(manager: &str, subresource: &str, time: &str) -> Value {
        json!({"manager": manager, "operation": "Update", "subresource": subresource,
            "time": time, "fieldsType": "FieldsV1", "fieldsV1": {}})
    }

    #[test]
    fn who_has_written_a_request_that_is_not_over_is_at_work() {
        let now = NOW.parse().unwrap();
        for (phase, manager, subresource, time, found) in [
            ("Progressing", "kubedb-ops-manager", "status", "2026-11-24T11:55:00Z", true),
            ("Pending", "ops-manager", "status", "2026-11-24T11:59:59Z", true),
            ("Progressing", "kubedb-ops-manager", "status", "2026-11-24T11:49:00Z", false),
            ("Successful", "kubedb-ops-manager", "status", "2026-11-24T11:55:00Z", false),
            ("Progressing", "kubedb-ops-manager", "", "2026-11-24T11:55:00Z", false),
            ("Progressing", FIELD_MANAGER, "status", "2026-11-24T11:55:00Z", false),
            ("Progressing", "kubectl-patch", "status", "2026-11-24T11:55:00Z", false),
        ] {
            let request = request(phase, &entry(manager, subresource, time));
            let told = format!("{phase} {manager} {subresource} {time}");
            assert_eq!(writer(&request, now).is_some(), found, "{told}");
        }
    }
}
