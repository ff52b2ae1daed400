//! A database as a turn sees it, and what all that belongs to it has in common.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::discovery::ApiResource;
use serde_json::{Map, Value, json};

use crate::api::mysql::MySql;
use crate::api::wanted;

/// A MySQL, typed and as it is.
#[derive(Clone, Debug)]
pub(super) struct Database {
    pub(super) mysql: MySql,
    /// The whole of it: what is written back keeps what the type does not know.
    pub(super) raw: Value,
    /// The reference of what it owns.
    pub(super) owner: OwnerReference,
}

impl Database {
    /// None for an object without name or uid, which no apiserver gives out.
    pub(super) fn read(raw: Value, resource: &ApiResource) -> Option<Self> {
        let mysql: MySql = serde_json::from_value(raw.clone()).ok()?;
        let owner = OwnerReference {
            controller: Some(true),
            block_owner_deletion: Some(true),
            ..mysql.owner_reference(resource)?
        };
        Some(Self { mysql, raw, owner })
    }

    pub(super) fn name(&self) -> &str {
        self.mysql.name()
    }

    pub(super) fn namespace(&self) -> &str {
        self.mysql.namespace()
    }

    /// The labels that its pods are found by.
    pub(super) fn selector(&self) -> Map<String, Value> {
        wanted::selector(&self.mysql)
    }

    /// The same as a list request wants it.
    pub(super) fn selector_text(&self) -> String {
        let labels = self.selector();
        let labels = labels.iter().filter_map(|(key, value)| Some((key, value.as_str()?)));
        labels.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
    }

    /// The labels of all that belongs to it.
    pub(super) fn labels(&self) -> Map<String, Value> {
        wanted::labels(&self.mysql)
    }

    /// The `metadata` of something that belongs to it, but for the owner.
    pub(super) fn metadata(&self, name: &str) -> Value {
        json!({"name": name, "namespace": self.namespace(), "labels": self.labels()})
    }

    /// Whether its servers can be given certificates: both that each of them mounts are wanted.
    pub(super) fn has_tls(&self) -> bool {
        ["server", "client"].iter().all(|alias| self.mysql.issuer(alias).is_some())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::api::resources::MYSQL;

    /// A database in the namespace `prod`.
    pub(in crate::embedded::provisioner) fn database(name: &str, spec: Value) -> Database {
        let mut raw = json!({
            "apiVersion": "kubedb.com/v1", "kind": "MySQL",
            "metadata": {"name": name, "namespace": "prod", "uid": "u-1", "generation": 1},
        });
        raw["spec"] = spec;
        Database::read(raw, &MYSQL.in_version("v1")).unwrap()
    }

    #[test]
    fn labels_are_kubedbs() {
        let shop = database("shop", json!({}));
        assert_eq!(
            shop.selector_text(),
            "app.kubernetes.io/instance=shop,app.kubernetes.io/managed-by=kubedb.com,\
             app.kubernetes.io/name=mysqls.kubedb.com"
        );
        assert_eq!(shop.labels()["app.kubernetes.io/component"], "database");
        let group = database("shop", json!({"topology": {"mode": "InnoDBCluster"}}));
        assert_eq!(group.selector()["mysql.kubedb.com/component"], "database");
    }

    #[test]
    fn what_it_owns_says_so() {
        let owner = database("shop", json!({})).owner;
        assert_eq!((owner.api_version.as_str(), owner.kind.as_str()), ("kubedb.com/v1", "MySQL"));
        assert_eq!((owner.controller, owner.block_owner_deletion), (Some(true), Some(true)));
    }
}
