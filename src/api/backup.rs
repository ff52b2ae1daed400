//! `KubeStash` and its forerunner Stash: which databases are being backed up or restored.
//!
//! Both arrange it alike under different API groups, so one set of types serves both. A session
//! names its invoker, and a `BackupConfiguration` names the database; once a session is under way its
//! status names the database too. `KubeStash` refers to the MySQL, Stash to the `AppBinding` that
//! KubeDB keeps under the name of the MySQL.

use std::collections::BTreeSet;

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
        let Written {
            kind,
            name,
            namespace,
            ..
        } = match written.inner {
            Some(inner) => *inner,
            None => written,
        };
        Ok(Self {
            kind,
            name,
            namespace,
        })
    }
}

impl Target {
    /// The MySQL that is meant by something in `namespace`, if one is.
    fn mysql(&self, namespace: &str) -> Option<NamespacedName> {
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
        matches!(
            self.phase,
            Some(SessionPhase::Pending | SessionPhase::Running)
        )
    }
}

/// The MySQL databases that are being backed up or restored, of one of the two programs.
pub fn busy<'a>(
    configurations: impl IntoIterator<Item = &'a BackupConfiguration>,
    backups: impl IntoIterator<Item = &'a BackupSession>,
    restores: impl IntoIterator<Item = &'a RestoreSession>,
) -> BTreeSet<NamespacedName> {
    let mut busy = BTreeSet::new();
    let mut invoked = BTreeSet::new();
    for session in backups
        .into_iter()
        .filter(|session| session.status.is_active())
    {
        let namespace = namespace_of(&session.metadata);
        let snapshots = session
            .status
            .snapshots
            .iter()
            .filter_map(|part| part.app_ref.as_ref());
        let targets = session.status.targets.iter().chain(snapshots);
        busy.extend(targets.filter_map(|target| target.mysql(namespace)));
        if session.spec.invoker.kind == "BackupConfiguration" {
            invoked.insert((namespace, session.spec.invoker.name.as_str()));
        }
    }
    for configuration in configurations {
        let namespace = namespace_of(&configuration.metadata);
        let name = configuration.metadata.name.as_deref().unwrap_or_default();
        if invoked.contains(&(namespace, name)) {
            busy.extend(
                configuration
                    .spec
                    .target
                    .as_ref()
                    .and_then(|it| it.mysql(namespace)),
            );
        }
    }
    for session in restores
        .into_iter()
        .filter(|session| session.status.is_active())
    {
        let namespace = namespace_of(&session.metadata);
        busy.extend(
            session
                .spec
                .target
                .as_ref()
                .and_then(|target| target.mysql(namespace)),
        );
    }
    busy
}

fn namespace_of(metadata: &ObjectMeta) -> &str {
    metadata.namespace.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    fn configuration(target: &Value) -> BackupConfiguration {
        let metadata = json!({"name": "nightly", "namespace": "prod"});
        from_value(json!({"metadata": metadata, "spec": {"target": target}})).unwrap()
    }

    fn backup(invoker: &str, status: &Value) -> BackupSession {
        let invoker = json!({"apiGroup": "g", "kind": "BackupConfiguration", "name": invoker});
        let metadata = json!({"name": "nightly-1", "namespace": "prod"});
        from_value(json!({"metadata": metadata, "spec": {"invoker": invoker}, "status": status}))
            .unwrap()
    }

    fn restore(target: &Value, phase: &str) -> RestoreSession {
        let metadata = json!({"name": "restore", "namespace": "prod"});
        let status = json!({"phase": phase});
        from_value(json!({"metadata": metadata, "spec": {"target": target}, "status": status}))
            .unwrap()
    }

    fn kubestash() -> Value {
        json!({"apiGroup": "kubedb.com", "kind": "MySQL", "name": "shop"})
    }

    fn stash() -> Value {
        json!({"alias": "a", "ref": {"apiVersion": "appcatalog.appscode.com/v1alpha1",
            "kind": "AppBinding", "name": "shop"}})
    }

    fn names(busy: &BTreeSet<NamespacedName>) -> Vec<String> {
        busy.iter()
            .map(|(namespace, name)| format!("{namespace}/{name}"))
            .collect()
    }

    #[test]
    fn a_session_leads_to_its_database() {
        for target in [kubestash(), stash()] {
            let configurations = [configuration(&target)];
            for (session, expected) in [
                (
                    backup("nightly", &json!({"phase": "Running"})),
                    &["prod/shop"][..],
                ),
                (
                    backup("nightly", &json!({"phase": "Pending"})),
                    &["prod/shop"],
                ),
                (backup("nightly", &json!({"phase": "Succeeded"})), &[]),
                (backup("nightly", &json!({"phase": "Invalid"})), &[]),
                (backup("nightly", &json!({})), &[]),
                (backup("weekly", &json!({"phase": "Running"})), &[]),
            ] {
                assert_eq!(names(&busy(&configurations, [&session], [])), expected);
            }
        }
    }

    #[test]
    fn the_status_names_the_database_where_no_configuration_does() {
        let elsewhere = json!({"kind": "MySQL", "name": "shop", "namespace": "other"});
        for status in [
            json!({"phase": "Running", "snapshots": [{"appRef": elsewhere}, {}, 1]}),
            json!({"phase": "Running", "targets": [{"ref": elsewhere}, {"ref": {"kind": "PVC"}}]}),
        ] {
            assert_eq!(
                names(&busy([], [&backup("batch", &status)], [])),
                ["other/shop"]
            );
        }
    }

    #[test]
    fn a_restore_names_its_database() {
        for target in [kubestash(), stash()] {
            assert_eq!(
                names(&busy([], [], [&restore(&target, "Running")])),
                ["prod/shop"]
            );
            assert!(busy([], [], [&restore(&target, "Failed")]).is_empty());
        }
        for target in [
            json!(null),
            json!("shop"),
            json!({"kind": "Postgres", "name": "shop"}),
        ] {
            assert!(busy([], [], [&restore(&target, "Running")]).is_empty());
        }
    }
}
