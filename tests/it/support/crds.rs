//! The definitions of KubeDB's, cert-manager's and the Supervisor's objects, and of our own.

use std::env;
use std::fs;
use std::path::PathBuf;

use super::api::{CRD, Cluster};

/// A definition to install.
pub(crate) struct Crd {
    /// Its name: `<plural>.<group>`.
    pub(crate) name: String,
    manifest: String,
}

impl Crd {
    /// Creates it and waits until its objects are served.
    pub(crate) async fn install(&self, admin: &Cluster) {
        match admin.post_yaml(CRD, self.manifest.clone()).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_already_exists() => {}
            Err(error) => panic!("create the CRD {}: {error}", self.name),
        }
        admin.established(&self.name).await;
    }
}

/// Everybody else's, from the folder of `CERTROTOR_CRDS` or the one beside the checkout.
pub(crate) fn foreign() -> Result<Vec<Crd>, String> {
    let Some(folder) = folder() else {
        return Err("the CRDs of KubeDB and cert-manager are missing: CERTROTOR_CRDS is not set \
            and ../shared/crds is not there"
            .to_owned());
    };
    let mut crds = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            // <group>_<plural>.yaml
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            let (group, plural) = stem.split_once('_').unwrap();
            let manifest = fs::read_to_string(&path).unwrap();
            crds.push(Crd { name: format!("{plural}.{group}"), manifest });
        }
    }
    // The largest first, so that it is not the last to be ready.
    crds.sort_by_key(|crd| std::cmp::Reverse(crd.manifest.len()));
    Ok(crds)
}

/// Our own, as the binary prints it.
pub(crate) fn ours() -> Crd {
    let binary = env!("CARGO_BIN_EXE_certrotor");
    let output = std::process::Command::new(binary).arg("crds").output().unwrap();
    assert!(output.status.success(), "certrotor crds: {output:?}");
    let manifest = String::from_utf8(output.stdout).unwrap();
    Crd { name: "rotations.certrotor.dev".to_owned(), manifest }
}

fn folder() -> Option<PathBuf> {
    let own = env::var_os("CERTROTOR_CRDS").map(PathBuf::from);
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let beside = ["tests/crds", "../shared/crds", "../../shared/crds"].map(|path| root.join(path));
    own.into_iter().chain(beside).find(|folder| folder.is_dir())
}
