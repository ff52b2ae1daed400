//! Whether a backup or a restore of a database runs: KubeDB does not start a request beside one.

use std::fmt::Debug;

use kube::api::ListParams;
use kube::discovery::ApiResource;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use super::{Hand, found};
use crate::api::backup::{BackupConfiguration, BackupSession, RestoreSession};
use crate::api::resources::{BACKUP_CONFIGURATIONS, BACKUP_SESSIONS, RESTORE_SESSIONS, Source};
use crate::cluster::client::ApiFailure;
use crate::cluster::facts::Texts;
use crate::cluster::facts::backup::BackupFacts;
use crate::core::fleet::{Key, Text};

impl Hand {
    /// Whether one runs. A program that is not installed runs none.
    pub(super) async fn backup_running(
        &self,
        namespace: &str,
        database: &str,
    ) -> Result<bool, ApiFailure> {
        let it = Key { namespace: namespace.into(), name: database.into() };
        for (program, restores) in RESTORE_SESSIONS.iter().enumerate() {
            let restores = self.all::<RestoreSession>(restores, namespace).await?;
            let mut texts = Texts::default();
            let facts = restores.iter().map(|it| BackupFacts::of_restore(it, &mut texts));
            if facts.flat_map(|facts| facts.databases).any(|key| key == it) {
                return Ok(true);
            }
            if self.backup_runs(program, &it).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn backup_runs(&self, program: usize, it: &Key) -> Result<bool, ApiFailure> {
        let mut texts = Texts::default();
        let sessions = self.all::<BackupSession>(&BACKUP_SESSIONS[program], &it.namespace).await?;
        let mut started_by: Vec<(Text, Text)> = Vec::new();
        for session in &sessions {
            let facts = BackupFacts::of_backup(session, &mut texts);
            if facts.databases.contains(it) {
                return Ok(true);
            }
            let namespace = session.metadata.namespace.as_deref().unwrap_or_default();
            started_by.extend(facts.started_by.map(|name| (namespace.into(), name)));
        }
        if started_by.is_empty() {
            return Ok(false);
        }
        let configurations = &BACKUP_CONFIGURATIONS[program];
        let configurations = self.all::<BackupConfiguration>(configurations, &it.namespace).await?;
        Ok(configurations.iter().any(|configuration| {
            let key = texts.key(&configuration.metadata);
            let runs = started_by.contains(&(key.namespace, key.name));
            runs && BackupFacts::of_configuration(configuration, &mut texts).databases.contains(it)
        }))
    }

    /// All of a kind: they may be in another namespace than the database.
    async fn all<K>(&self, source: &Source, namespace: &str) -> Result<Vec<K>, ApiFailure>
    where
        K: Resource<DynamicType = ApiResource, Scope = kube::core::DynamicResourceScope>
            + Clone
            + DeserializeOwned
            + Debug,
    {
        let resource = source.in_version(source.versions.first().copied().unwrap_or_default());
        let api: Api<K> = if self.everywhere {
            Api::all_with(self.client.clone(), &resource)
        } else {
            self.api_with(namespace, &resource)
        };
        let listed = found(self.calls.run("list", api.list(&ListParams::default())).await)?;
        Ok(listed.map(|list| list.items).unwrap_or_default())
    }
}
