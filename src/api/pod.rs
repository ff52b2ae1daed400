//! Pod, with the little of it that says what a server loaded and when.
//!
//! Kubernetes' own type would parse thirty thousand templates to throw them away.

use std::net::IpAddr;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::meta::{self, Condition};
use super::resources::{POD, fixed_resource};
use super::{names, tolerant};
use crate::core::time::Time;

/// The labels of every pod that KubeDB makes for a MySQL: what to watch.
pub const SELECTOR: &str =
    "app.kubernetes.io/managed-by=kubedb.com,app.kubernetes.io/name=mysqls.kubedb.com";

/// The container that runs mysqld.
const SERVER: &str = "mysql";
/// What the pods of an InnoDBCluster's routers are told by.
const COMPONENT_LABEL: &str = "mysql.kubedb.com/component";
/// What KubeDB tells the primary by, in its present releases and in old ones.
const ROLE_LABELS: [&str; 2] = ["kubedb.com/role", "mysql.kubedb.com/role"];

/// The labels of every pod of one MySQL.
pub fn selector_of(database: &str) -> String {
    format!("{SELECTOR},{}={database}", meta::INSTANCE_LABEL)
}

/// A pod.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// Name, uid, labels.
    pub metadata: ObjectMeta,
    /// What it is.
    #[serde(deserialize_with = "tolerant::value")]
    pub status: PodStatus,
}

fixed_resource!(Pod, POD, NamespaceResourceScope);

/// What a pod is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodStatus {
    /// Its address.
    #[serde(rename = "podIP", deserialize_with = "tolerant::value")]
    pub pod_ip: String,
    /// The address of its node.
    #[serde(rename = "hostIP", deserialize_with = "tolerant::value")]
    pub host_ip: String,
    /// `Ready` and others.
    #[serde(deserialize_with = "tolerant::list")]
    pub conditions: Vec<Condition>,
    /// Its containers.
    #[serde(deserialize_with = "tolerant::list")]
    pub container_statuses: Vec<ContainerStatus>,
}

/// What a container is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ContainerStatus {
    /// Which one.
    #[serde(deserialize_with = "tolerant::value")]
    pub name: String,
    /// Whether it runs.
    #[serde(deserialize_with = "tolerant::value")]
    pub state: ContainerState,
}

/// Whether a container runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ContainerState {
    /// It does.
    #[serde(deserialize_with = "tolerant::optional")]
    pub running: Option<Running>,
}

/// A container that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Running {
    /// Since when.
    #[serde(deserialize_with = "tolerant::optional")]
    pub started_at: Option<Time>,
}

impl Pod {
    /// The MySQL that it is a server of: by its labels, and by its name, which a label forged by
    /// somebody else would not fit.
    pub fn server_of(&self) -> Option<&str> {
        let database = self.database().filter(|_| !self.is_router())?;
        self.is_numbered(database).then_some(database)
    }

    /// The MySQL that it is a router of, likewise.
    pub fn router_of(&self) -> Option<&str> {
        let database = self.database().filter(|_| self.is_router())?;
        self.is_numbered(&names::router(database)).then_some(database)
    }

    /// What KubeDB says of its part among the servers: `primary` or `standby`.
    pub fn role(&self) -> Option<&str> {
        ROLE_LABELS.into_iter().find_map(|key| meta::label(&self.metadata, key))
    }

    fn database(&self) -> Option<&str> {
        let label = |key| meta::label(&self.metadata, key);
        let kubedb = label("app.kubernetes.io/name") == Some("mysqls.kubedb.com")
            && label(meta::MANAGED_BY_LABEL) == Some("kubedb.com");
        label(meta::INSTANCE_LABEL).filter(|_| kubedb)
    }

    fn is_router(&self) -> bool {
        meta::label(&self.metadata, COMPONENT_LABEL) == Some("router")
    }

    /// Whether it is named as a `StatefulSet` of that name names its pods.
    fn is_numbered(&self, workload: &str) -> bool {
        let name = self.metadata.name.as_deref().unwrap_or_default();
        let ordinal = name.strip_prefix(workload).and_then(|rest| rest.strip_prefix('-'));
        ordinal.is_some_and(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// When mysqld was started; none while it does not run.
    pub fn server_started(&self) -> Option<Time> {
        let mut containers = self.status.container_statuses.iter();
        let server = containers.find(|container| container.name == SERVER)?;
        server.state.running.as_ref()?.started_at
    }

    /// Its address, once it has one.
    pub fn address(&self) -> Option<IpAddr> {
        self.status.pod_ip.parse().ok()
    }

    /// The address of its node.
    pub fn node_address(&self) -> Option<IpAddr> {
        self.status.host_ip.parse().ok()
    }

    /// Whether it is Ready.
    pub fn is_ready(&self) -> bool {
        meta::holds(&self.status.conditions, "Ready")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    fn pod(name: &str, labels: &Value, status: &Value) -> Pod {
        let mut all = json!({"app.kubernetes.io/name": "mysqls.kubedb.com",
            "app.kubernetes.io/managed-by": "kubedb.com", "app.kubernetes.io/instance": "shop"});
        for (key, value) in labels.as_object().unwrap() {
            all[key] = value.clone();
        }
        from_value(json!({"metadata": {"name": name, "labels": all}, "status": status})).unwrap()
    }

    #[test]
    fn only_servers_are_servers() {
        for (name, labels, database) in [
            ("shop-0", json!({}), Some("shop")),
            ("shop-12", json!({"mysql.kubedb.com/component": "database"}), Some("shop")),
            ("shop-router-0", json!({"mysql.kubedb.com/component": "router"}), None),
            ("shop-0", json!({"mysql.kubedb.com/component": "router"}), None),
            ("shop-backup-x2x", json!({}), None),
            ("shop-", json!({}), None),
            ("other-0", json!({}), None),
            ("shop-0", json!({"app.kubernetes.io/managed-by": "tenant"}), None),
        ] {
            let pod = pod(name, &labels, &json!({}));
            assert_eq!(pod.server_of(), database, "{name} {labels}");
        }
    }

    #[test]
    fn only_routers_are_routers() {
        let router = json!({"mysql.kubedb.com/component": "router"});
        for (name, labels, database) in [
            ("shop-router-0", &router, Some("shop")),
            ("shop-0", &router, None),
            ("other-router-0", &router, None),
            ("shop-router-0", &json!({}), None),
        ] {
            let pod = pod(name, labels, &json!({}));
            assert_eq!(pod.router_of(), database, "{name} {labels}");
        }
    }

    #[test]
    fn the_role_is_told_by_a_label_of_two_names() {
        for (labels, role) in [
            (json!({"kubedb.com/role": "primary"}), Some("primary")),
            (json!({"mysql.kubedb.com/role": "secondary"}), Some("secondary")),
            (json!({}), None),
        ] {
            assert_eq!(pod("shop-0", &labels, &json!({})).role(), role);
        }
    }

    #[test]
    fn the_start_is_that_of_mysqld() {
        let started = |status| pod("shop-0", &json!({}), &status).server_started();
        let running = json!({"running": {"startedAt": "2026-11-23T22:00:00Z"}});
        let sidecar = json!({"name": "exporter", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}});
        assert_eq!(
            started(json!({"containerStatuses": [sidecar, {"name": "mysql", "state": running}]})),
            "2026-11-23T22:00:00Z".parse().ok()
        );
        for status in [
            json!({"containerStatuses": [sidecar]}),
            json!({"containerStatuses": [{"name": "mysql", "state": {"waiting": {}}}]}),
            json!({"containerStatuses": "none"}),
            json!(null),
        ] {
            assert_eq!(started(status), None);
        }
        let ready = json!({"conditions": [{"type": "Ready", "status": "True"}]});
        assert!(pod("shop-0", &json!({}), &ready).is_ready());
    }

    #[test]
    fn addresses_are_read_or_are_none() {
        for (status, address, node) in [
            (
                json!({"podIP": "10.0.0.7", "hostIP": "192.0.2.1"}),
                Some("10.0.0.7"),
                Some("192.0.2.1"),
            ),
            (json!({"podIP": "fd00::7"}), Some("fd00::7"), None),
            (json!({"podIP": "db.example", "hostIP": 7}), None, None),
            (json!({}), None, None),
        ] {
            let pod = pod("shop-0", &json!({}), &status);
            let parse = |text: Option<&str>| text.map(|text| text.parse().unwrap());
            assert_eq!(
                (pod.address(), pod.node_address()),
                (parse(address), parse(node)),
                "{status}"
            );
        }
    }
}
