//! The Secrets of a pod as files of its container, as the kubelet keeps them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::core::v1::{KeyToPath, Pod, PodSpec, Secret, Volume};
use kube::{Api, ResourceExt as _};
use tokio::time::Instant;

use super::node::Node;
use crate::cluster::failure::ApiFailure;

/// The files of a container, by absolute path. Clones are the same files: they follow their Secrets
/// all at once. Some are private keys, so none is ever shown.
#[derive(Clone, Default)]
pub struct Files(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl Files {
    /// These files, which follow nothing.
    pub fn new(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self(Arc::new(Mutex::new(files)))
    }

    /// What is in a file now.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    /// All of them as they are now.
    pub(super) fn all(&self) -> BTreeMap<String, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn replace(&self, files: BTreeMap<String, Vec<u8>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = files;
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(files.keys()).finish()
    }
}

/// Why the volumes of a pod cannot be mounted, as the kubelet says it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("MountVolume.SetUp failed for volume \"{volume}\" : {why}")]
pub(super) struct MountFailure {
    volume: String,
    why: String,
}

/// A Secret that a volume shows.
struct Source<'a> {
    volume: &'a str,
    secret: &'a str,
    optional: bool,
    /// Which keys become which files; all of them if none is named.
    items: &'a [KeyToPath],
}

/// The volumes of a pod, mounted.
pub(super) struct Mounts {
    pub(super) files: Files,
    /// The versions of the Secrets that the files are from; empty for one that is not there.
    pub(super) versions: BTreeMap<String, String>,
}

impl Mounts {
    /// Reads the Secrets of all volumes, and makes the files that the container `name` sees.
    pub(super) async fn mount(pod: &Pod, name: &str, node: &Node) -> Result<Self, MountFailure> {
        let mut mounts = Self { files: Files::default(), versions: BTreeMap::new() };
        mounts.refresh(pod, name, node).await?;
        Ok(mounts)
    }

    /// The same again; the files stay as they are unless all of it works.
    pub(super) async fn refresh(
        &mut self,
        pod: &Pod,
        name: &str,
        node: &Node,
    ) -> Result<(), MountFailure> {
        let Some(spec) = &pod.spec else {
            return Ok(());
        };
        let api: Api<Secret> = node.api(&pod.namespace().unwrap_or_default());
        let mut read: BTreeMap<&str, Option<Secret>> = BTreeMap::new();
        let mut files = BTreeMap::new();
        for source in sources(spec) {
            let failure = |why: String| MountFailure { volume: source.volume.to_owned(), why };
            if !read.contains_key(source.secret) {
                let found = node.calls.run("get", api.get(source.secret)).await;
                let found = match found {
                    Err(ApiFailure::NotFound) => None,
                    found => Some(found.map_err(|error| failure(error.to_string()))?),
                };
                read.insert(source.secret, found);
            }
            match read.get(source.secret).and_then(Option::as_ref) {
                Some(secret) => {
                    let paths = mount_paths(spec, name, source.volume);
                    show(&source, secret, &paths, &mut files).map_err(failure)?;
                }
                None if source.optional => {}
                None => return Err(failure(format!("secret \"{}\" not found", source.secret))),
            }
        }
        let version = |secret: Option<Secret>| secret.and_then(|secret| secret.resource_version());
        self.versions = read
            .into_iter()
            .map(|(name, secret)| (name.to_owned(), version(secret).unwrap_or_default()))
            .collect();
        self.files.replace(files);
        Ok(())
    }
}

/// The names of the Secrets that a pod's volumes show.
pub(super) fn secrets(pod: &Pod) -> BTreeSet<&str> {
    let spec = pod.spec.as_ref();
    spec.map(|spec| sources(spec).map(|source| source.secret).collect()).unwrap_or_default()
}

fn sources(spec: &PodSpec) -> impl Iterator<Item = Source<'_>> {
    spec.volumes.iter().flatten().flat_map(|volume| {
        let projected = volume.projected.iter().flat_map(|projected| {
            let secrets = projected.sources.iter().flatten().filter_map(|one| one.secret.as_ref());
            secrets.map(|secret| {
                let name = Some(secret.name.as_str());
                source(volume, name, secret.optional, secret.items.as_deref())
            })
        });
        let plain = volume.secret.iter().map(|secret| {
            let name = secret.secret_name.as_deref();
            source(volume, name, secret.optional, secret.items.as_deref())
        });
        projected.chain(plain)
    })
}

fn source<'a>(
    volume: &'a Volume,
    secret: Option<&'a str>,
    optional: Option<bool>,
    items: Option<&'a [KeyToPath]>,
) -> Source<'a> {
    Source {
        volume: &volume.name,
        secret: secret.unwrap_or_default(),
        optional: optional == Some(true),
        items: items.unwrap_or_default(),
    }
}

/// Where the container sees a volume.
fn mount_paths<'a>(spec: &'a PodSpec, container: &str, volume: &str) -> Vec<&'a str> {
    let containers = spec.containers.iter().filter(|one| one.name == container);
    let mounts = containers.flat_map(|container| container.volume_mounts.iter().flatten());
    mounts.filter(|mount| mount.name == volume).map(|mount| mount.mount_path.as_str()).collect()
}

/// Puts the files of a Secret below each of these paths.
fn show(
    source: &Source<'_>,
    secret: &Secret,
    paths: &[&str],
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), String> {
    let data = secret.data.iter().flatten();
    let mut shown: Vec<(&str, &[u8])> = Vec::new();
    if source.items.is_empty() {
        shown.extend(data.map(|(key, value)| (key.as_str(), value.0.as_slice())));
    } else {
        for item in source.items {
            match secret.data.as_ref().and_then(|data| data.get(&item.key)) {
                Some(value) => shown.push((&item.path, &value.0)),
                None if source.optional => {}
                None => return Err(format!("references non-existent secret key: {}", item.key)),
            }
        }
    }
    for path in paths {
        for (file, content) in &shown {
            files.insert(format!("{}/{file}", path.trim_end_matches('/')), content.to_vec());
        }
    }
    Ok(())
}

/// Which version each mounted Secret has, and since when: what a watch of their metadata tells.
#[derive(Debug, Default)]
pub(super) struct Secrets(Mutex<BTreeMap<(String, String), (String, Instant)>>);

impl Secrets {
    /// A Secret has this version now.
    pub(super) fn note(&self, namespace: &str, name: &str, version: String) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (namespace.to_owned(), name.to_owned());
        if all.get(&key).is_none_or(|(known, _)| *known != version) {
            all.insert(key, (version, Instant::now()));
        }
    }

    /// Since when one of these Secrets has another version than this.
    pub(super) fn newer(
        &self,
        namespace: &str,
        versions: &BTreeMap<String, String>,
    ) -> Option<Instant> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newer = versions.iter().filter_map(|(name, mounted)| {
            let (version, since) = all.get(&(namespace.to_owned(), name.clone()))?;
            (version != mounted).then_some(*since)
        });
        newer.min()
    }
}
