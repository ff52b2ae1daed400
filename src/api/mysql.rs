//! MySQL of KubeDB: the databases whose certificates are kept fresh.
//!
//! `kubedb.com/v1` and `v1alpha2` write what is read here alike, so one type serves both; its
//! version is that of the `ApiResource` it is watched with.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::discovery::ApiResource;
use serde::Deserialize;
use serde_json::Value;

use super::meta::{self, Condition};
use super::resources::discovered_resource;
use super::tls::{IssuerRef, TlsConfig};
use super::word::open_words;
use super::{names, tolerant};

/// The servers of a group when `spec.replicas` says nothing.
const GROUP_SIZE: u32 = 3;

/// A MySQL database.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct MySql {
    /// Name, uid, labels.
    pub metadata: ObjectMeta,
    /// What it should be.
    #[serde(deserialize_with = "tolerant::value")]
    pub spec: MySqlSpec,
    /// What it is.
    #[serde(deserialize_with = "tolerant::value")]
    pub status: MySqlStatus,
}

discovered_resource!(MySql);

/// What a database should be.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MySqlSpec {
    /// The name of its `MySQLVersion`.
    #[serde(deserialize_with = "tolerant::optional")]
    pub version: Option<String>,
    /// How many servers; see [`MySql::replicas`].
    #[serde(deserialize_with = "tolerant::optional")]
    pub replicas: Option<i32>,
    /// Everything but the volumes is to be removed.
    #[serde(deserialize_with = "tolerant::value")]
    pub halted: bool,
    /// Clients must use TLS.
    #[serde(rename = "requireSSL", deserialize_with = "tolerant::value")]
    pub require_ssl: bool,
    /// What KubeDB may do by itself.
    #[serde(deserialize_with = "tolerant::value")]
    pub auto_ops: AutoOps,
    /// Its certificates; none: no TLS.
    #[serde(deserialize_with = "tolerant::optional")]
    pub tls: Option<TlsConfig>,
    /// How its servers are arranged; none: one server.
    #[serde(deserialize_with = "tolerant::optional")]
    pub topology: Option<Topology>,
    /// It has a metrics exporter, which then mounts its certificate.
    #[serde(rename = "monitor", deserialize_with = "tolerant::presence")]
    pub monitored: bool,
    /// The Secret of its root user.
    #[serde(deserialize_with = "tolerant::value")]
    pub auth_secret: AuthSecret,
    /// Where its data is kept; none: [`StorageType::Durable`].
    #[serde(deserialize_with = "tolerant::optional")]
    pub storage_type: Option<StorageType>,
    /// The claim that each server's volume is made from, as a `PersistentVolumeClaimSpec`.
    #[serde(deserialize_with = "tolerant::optional")]
    pub storage: Option<Value>,
    /// See [`MySql::deletion_policy`]; this is what v1 calls it.
    #[serde(deserialize_with = "tolerant::optional")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// And this is what v1alpha2 calls it.
    #[serde(deserialize_with = "tolerant::optional")]
    pub termination_policy: Option<DeletionPolicy>,
}

/// The Secret of a database's root user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AuthSecret {
    /// Its name; none: `<database>-auth`.
    #[serde(deserialize_with = "tolerant::optional")]
    pub name: Option<String>,
    /// Somebody else makes it, and it stays when the database goes.
    #[serde(deserialize_with = "tolerant::value")]
    pub externally_managed: bool,
}

open_words! {
    /// Where data is kept.
    StorageType {
        /// In a volume that outlives its pod.
        Durable = "Durable",
        /// In the pod.
        Ephemeral = "Ephemeral",
    }
}

open_words! {
    /// What becomes of the rest when a database is deleted.
    DeletionPolicy {
        /// Volumes and Secrets stay.
        Halt = "Halt",
        /// Backups stay.
        Delete = "Delete",
        /// Nothing stays.
        WipeOut = "WipeOut",
        /// It cannot be deleted at all.
        DoNotTerminate = "DoNotTerminate",
    }
}

/// What KubeDB may do by itself.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct AutoOps {
    /// KubeDB makes no recommendations for this database.
    #[serde(deserialize_with = "tolerant::value")]
    pub disabled: bool,
}

open_words! {
    /// How servers are arranged.
    TopologyMode {
        /// MySQL Group Replication.
        GroupReplication = "GroupReplication",
        /// MySQL InnoDBCluster, with routers.
        InnoDbCluster = "InnoDBCluster",
        /// A read replica of a server elsewhere.
        RemoteReplica = "RemoteReplica",
        /// Semi-synchronous replication.
        SemiSync = "SemiSync",
    }
}

/// How servers are arranged.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Topology {
    /// In which way.
    #[serde(deserialize_with = "tolerant::optional")]
    pub mode: Option<TopologyMode>,
    /// More of it, for [`TopologyMode::GroupReplication`].
    #[serde(deserialize_with = "tolerant::value")]
    pub group: Group,
    /// More of it, for [`TopologyMode::InnoDbCluster`].
    #[serde(rename = "innoDBCluster", deserialize_with = "tolerant::value")]
    pub inno_db_cluster: InnoDbCluster,
}

/// A replication group.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Group {
    /// The UUID of the group, where somebody has chosen it.
    #[serde(deserialize_with = "tolerant::optional")]
    pub name: Option<String>,
    /// `Single-Primary` (also when absent) or `Multi-Primary`.
    #[serde(deserialize_with = "tolerant::optional")]
    pub mode: Option<String>,
}

/// An InnoDBCluster.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct InnoDbCluster {
    /// `Single-Primary` (also when absent) or `Multi-Primary`.
    #[serde(deserialize_with = "tolerant::optional")]
    pub mode: Option<String>,
    /// Its routers.
    #[serde(deserialize_with = "tolerant::value")]
    pub router: Router,
}

/// The routers of an InnoDBCluster.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Router {
    /// How many; one when absent.
    #[serde(deserialize_with = "tolerant::optional")]
    pub replicas: Option<i32>,
}

open_words! {
    /// What KubeDB says of a database.
    DatabasePhase {
        /// Being set up.
        Provisioning = "Provisioning",
        /// Being restored.
        DataRestoring = "DataRestoring",
        /// All is well.
        Ready = "Ready",
        /// It accepts connections, but some replicas are not ready.
        Critical = "Critical",
        /// It does not accept connections.
        NotReady = "NotReady",
        /// Switched off.
        Halted = "Halted",
        /// KubeDB itself does not know: its health checks are paused.
        Unknown = "Unknown",
    }
}

/// What a database is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MySqlStatus {
    /// In one word.
    #[serde(deserialize_with = "tolerant::optional")]
    pub phase: Option<DatabasePhase>,
    /// In several.
    #[serde(deserialize_with = "tolerant::list")]
    pub conditions: Vec<Condition>,
    /// The generation that this speaks of.
    #[serde(deserialize_with = "tolerant::optional")]
    pub observed_generation: Option<i64>,
}

impl MySql {
    /// Its name; empty only for an object that no apiserver has seen.
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// Its namespace; empty only for an object that no apiserver has seen.
    pub fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// How its servers are arranged; none: one server.
    pub fn mode(&self) -> Option<&TopologyMode> {
        self.spec.topology.as_ref()?.mode.as_ref()
    }

    /// Whether its servers replicate as a group.
    pub fn is_group(&self) -> bool {
        matches!(self.mode(), Some(TopologyMode::GroupReplication | TopologyMode::InnoDbCluster))
    }

    /// Whether its servers replicate as a group in which one takes writes.
    pub fn is_single_primary_group(&self) -> bool {
        let Some(topology) = &self.spec.topology else { return false };
        let mode = match topology.mode {
            Some(TopologyMode::GroupReplication) => &topology.group.mode,
            Some(TopologyMode::InnoDbCluster) => &topology.inno_db_cluster.mode,
            Some(TopologyMode::RemoteReplica | TopologyMode::SemiSync | TopologyMode::Other(_))
            | None => return false,
        };
        mode.as_deref().is_none_or(|mode| mode == "Single-Primary")
    }

    /// How many servers it should have, with KubeDB's defaults.
    pub fn replicas(&self) -> u32 {
        let default = match self.mode() {
            Some(
                TopologyMode::GroupReplication
                | TopologyMode::InnoDbCluster
                | TopologyMode::SemiSync,
            ) => GROUP_SIZE,
            Some(TopologyMode::RemoteReplica | TopologyMode::Other(_)) | None => 1,
        };
        self.spec.replicas.map_or(default, |replicas| u32::try_from(replicas).unwrap_or(0))
    }

    /// What becomes of the rest when it is deleted, with KubeDB's default.
    pub fn deletion_policy(&self) -> &DeletionPolicy {
        let chosen = self.spec.deletion_policy.as_ref().or(self.spec.termination_policy.as_ref());
        chosen.unwrap_or(&DeletionPolicy::Delete)
    }

    /// The Secret of its root user.
    pub fn auth_secret_name(&self) -> String {
        let named = self.spec.auth_secret.name.clone();
        named.unwrap_or_else(|| names::auth_secret(self.name()))
    }

    /// The name and host name of each server's pod.
    pub fn pods(&self) -> impl Iterator<Item = (String, String)> {
        let (database, namespace) = (self.name(), self.namespace());
        (0..self.replicas())
            .map(move |i| (names::pod(database, i), names::pod_host(database, i, namespace)))
    }

    /// Some program works on it and asks the others to leave it alone.
    pub fn is_paused(&self) -> bool {
        meta::holds(&self.status.conditions, "Paused")
    }

    /// The aliases that it has certificates for: KubeDB's own and those that `spec.tls` adds.
    /// None unless it asks for TLS and names an issuer.
    pub fn aliases(&self) -> Vec<&str> {
        let Some(tls) = &self.spec.tls else {
            return Vec::new();
        };
        let mut aliases = Vec::from(names::DEFAULT_ALIASES);
        for certificate in &tls.certificates {
            let alias = certificate.alias.as_str();
            if !alias.is_empty() && !aliases.contains(&alias) {
                aliases.push(alias);
            }
        }
        aliases.retain(|alias| tls.issuer(alias).is_some());
        aliases
    }

    /// Who is to sign the certificate of an alias.
    pub fn issuer(&self, alias: &str) -> Option<&IssuerRef> {
        self.spec.tls.as_ref()?.issuer(alias)
    }

    /// The Certificate of an alias.
    pub fn certificate_name(&self, alias: &str) -> String {
        names::certificate(self.name(), alias)
    }

    /// The Secret that holds the certificate of an alias.
    pub fn secret_name(&self, alias: &str) -> String {
        let named =
            self.spec.tls.as_ref().and_then(|tls| tls.certificate(alias)?.secret_name.clone());
        named.unwrap_or_else(|| self.certificate_name(alias))
    }

    /// A reference for what is to be collected with this database. It neither controls nor blocks.
    pub fn owner_reference(&self, resource: &ApiResource) -> Option<OwnerReference> {
        Some(OwnerReference {
            api_version: resource.api_version.clone(),
            kind: resource.kind.clone(),
            name: self.metadata.name.clone()?,
            uid: self.metadata.uid.clone()?,
            controller: Some(false),
            block_owner_deletion: None,
        })
    }
}

#[cfg(test)]
mod tests;
