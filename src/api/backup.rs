//! `KubeStash` and its forerunner Stash: which databases are being backed up or restored.
//!
//! Both arrange it alike under different API groups, so one set of types serves both. A session
//! names its invoker, and a `BackupConfiguration` names the database; once a session is under way its
//! status names the database too. `KubeStash` refers to the MySQL, Stash to the `AppBinding` that
//! KubeDB keeps under the name of the MySQL.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Deserializer};

use super::resources::discovered_resource;
use super::tolerant;
use super::word::open_words;

/// A namespace and a name.
pub type NamespacedName = (String, String);

/// What is backed up, and when.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct BackupConfiguration {
    /// Name and namespace.
    pub metadata: ObjectMeta,
    /// What.
    #[serde(deserialize_with = "tolerant::value")]
    pub spec: TargetSpec,
}

discovered_resource!(BackupConfiguration);

/// One run of a backup.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct BackupSession {
    /// Name and namespace.
    pub metadata: ObjectMeta,
    /// Of what.
    #[serde(deserialize_with = "tolerant::value")]
    pub spec: SessionSpec,
    /// How far it is.
    #[serde(deserialize_with = "tolerant::value")]
    pub status: SessionStatus,
}

discovered_resource!(BackupSession);

/// One run of a restore.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RestoreSession {
    /// Name and namespace.
    pub metadata: ObjectMeta,
    /// Of what.
    #[serde(deserialize_with = "tolerant::value")]
    pub spec: TargetSpec,
    /// How far it is.
    #[serde(deserialize_with = "tolerant::value")]
    pub status: SessionStatus,
}

discovered_resource!(RestoreSession);

/// The spec of what names its target itself.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TargetSpec {
    /// What is backed up or restored.
    #[serde(deserialize_with = "tolerant::optional")]
    pub target: Option<Target>,
}

/// What is backed up or restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `MySQL` for `KubeStash`, `AppBinding` for Stash.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace, where that is not the one of what refers to it.
    pub namespace: Option<String>,
}

impl<'de> Deserialize<'de> for Target {
    /// `KubeStash` writes the reference itself, Stash writes it as `ref` of something larger.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Written {
            #[serde(rename = "ref", deserialize_with = "tolerant::optional")]
            inner: Option<Box<Self>>,
            #[serde(deserialize_with = "tolerant::value")]
            kind: String,
            #[serde(deserialize_with = "tolerant::value")]
            name: String,
            #[serde(deserialize_with = "tolerant::optional")]
            namespace: Option<String>,
        }
        let written = Written::deserialize(deserializer)?;
        let Written { kind, name, namespace, .. } = match written.inner {
            Some(inner) => *inner,
            None => written,
        };
        Ok(Self { kind, name, namespace })
    }
}

impl Target {
    /// The MySQL that is meant by something in `namespace`, if one is.
    pub fn mysql(&self, namespace: &str) -> Option<NamespacedName> {
        let is_mysql = matches!(self.kind.as_str(), "MySQL" | "AppBinding");
        let namespace = self.namespace.as_deref().unwrap_or(namespace);
        is_mysql.then(|| (namespace.to_owned(), self.name.clone()))
    }
}

/// Of what a session is a run.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SessionSpec {
    /// What started it, in the same namespace.
    #[serde(deserialize_with = "tolerant::value")]
    pub invoker: Invoker,
}

/// What started a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Invoker {
    /// `BackupConfiguration` or `BackupBatch`.
    #[serde(deserialize_with = "tolerant::value")]
    pub kind: String,
    /// Its name.
    #[serde(deserialize_with = "tolerant::value")]
    pub name: String,
}

open_words! {
    /// How far a session is, in one word.
    SessionPhase {
        /// About to start.
        Pending = "Pending",
        /// Under way.
        Running = "Running",
    }
}

/// How far a session is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SessionStatus {
    /// In one word; every other one means that it has ended.
    #[serde(deserialize_with = "tolerant::optional")]
    pub phase: Option<SessionPhase>,
    /// What `KubeStash` is backing up.
    #[serde(deserialize_with = "tolerant::list")]
    pub snapshots: Vec<Snapshot>,
    /// What Stash is backing up.
    #[serde(deserialize_with = "tolerant::list")]
    pub targets: Vec<Target>,
}

/// A part of what `KubeStash` is backing up.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Snapshot {
    /// Of what.
    #[serde(deserialize_with = "tolerant::optional")]
    pub app_ref: Option<Target>,
}

impl SessionStatus {
    /// It is under way or about to be: what KubeDB itself waits for.
    pub fn is_active(&self) -> bool {
        matches!(self.phase, Some(SessionPhase::Pending | SessionPhase::Running))
    }
}
