//! What is kept of what `KubeStash` and Stash do.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Texts;
use crate::api::backup::{BackupConfiguration, BackupSession, RestoreSession, Target};
use crate::core::fleet::{Key, Text};

/// What is kept of a configuration or of a session, of either program.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BackupFacts {
    /// The MySQL databases that it is about; none for a session that has ended.
    pub databases: Box<[Key]>,
    /// The configuration, in the same namespace, that a session under way was started by.
    pub started_by: Option<Text>,
}

impl BackupFacts {
    /// Of what is backed up, and when.
    pub fn of_configuration(object: &BackupConfiguration, texts: &mut Texts) -> Self {
        Self {
            databases: databases(&object.metadata, &object.spec.target, texts),
            started_by: None,
        }
    }

    /// Of one run of a backup. Once it is under way its status names the database too.
    pub fn of_backup(object: &BackupSession, texts: &mut Texts) -> Self {
        let (spec, status) = (&object.spec, &object.status);
        if !status.is_active() {
            return Self::default();
        }
        let snapshots = status.snapshots.iter();
        let snapshots = snapshots.filter_map(|part| part.app_ref.as_ref());
        let targets = status.targets.iter().chain(snapshots);
        let by_configuration = spec.invoker.kind == "BackupConfiguration";
        Self {
            databases: databases(&object.metadata, targets, texts),
            started_by: by_configuration.then(|| texts.text(&spec.invoker.name)),
        }
    }

    /// Of one run of a restore.
    pub fn of_restore(object: &RestoreSession, texts: &mut Texts) -> Self {
        let target = object.spec.target.as_ref();
        let target = target.filter(|_| object.status.is_active());
        Self { databases: databases(&object.metadata, target, texts), started_by: None }
    }
}

fn databases<'a>(
    metadata: &ObjectMeta,
    targets: impl IntoIterator<Item = &'a Target>,
    texts: &mut Texts,
) -> Box<[Key]> {
    let here = metadata.namespace.as_deref().unwrap_or_default();
    let named = targets.into_iter().filter_map(|target| target.mysql(here));
    named
        .map(|(namespace, name)| Key { namespace: texts.text(&namespace), name: texts.text(&name) })
        .collect()
}
