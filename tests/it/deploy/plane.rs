//! An apiserver on which nothing is installed, for the chart and for the pages about it.

use serde_json::json;
use tokio::sync::{Mutex, OnceCell};

use super::helm::Helm;
use crate::support::api::{Cluster, NAMESPACE};
use crate::support::control_plane::{ControlPlane, Extent};
use crate::support::crds;
use crate::support::kubectl::Kubectl;
use crate::support::lab::{runtime, test_name};
use crate::support::parts;

/// Whoever installs the chart holds it: its `ClusterRoles` and its CRD are there once in a cluster.
pub(super) static PLANE: Mutex<()> = Mutex::const_new(());

/// Started by the first that needs it.
static SHARED: OnceCell<Result<ControlPlane, String>> = OnceCell::const_new();

/// An apiserver, and what works on it.
pub(super) struct Place {
    pub(super) plane: &'static ControlPlane,
    pub(super) admin: Cluster,
    pub(super) kubectl: Kubectl,
    pub(super) helm: Helm,
}

/// Runs a test that needs it, or says why it is skipped.
pub(super) fn with_plane(run: impl AsyncFnOnce(Place)) {
    runtime().block_on(async {
        match Place::open().await {
            Ok(place) => run(place).await,
            Err(why) => parts::skipped(&test_name(), &why),
        }
    });
}

impl Place {
    async fn open() -> Result<Self, String> {
        let helm = Helm::find().map_err(|missing| missing.to_string())?;
        let plane = SHARED.get_or_init(start).await.as_ref().map_err(Clone::clone)?;
        let folder = plane.folder();
        let kubectl = Kubectl::new(folder, &folder.join("admin.kubeconfig"));
        let kubectl = kubectl.map_err(|missing| missing.to_string())?;
        Ok(Self { plane, admin: plane.admin().await, kubectl, helm })
    }

    /// Makes a namespace that holds pods to the Pod Security Standard *restricted*.
    pub(super) async fn namespace(&self, name: &str) {
        let labels = ["enforce", "warn"].map(|how| format!("pod-security.kubernetes.io/{how}"));
        let labels = json!({&labels[0]: "restricted", &labels[1]: "restricted"});
        let object = json!({"metadata": {"name": name, "labels": labels}});
        self.admin.create(NAMESPACE, "", object).await;
    }
}

async fn start() -> Result<ControlPlane, String> {
    let foreign = crds::foreign()?;
    let plane = ControlPlane::start("deploy", Extent::Bare).await?;
    plane.install(foreign).await;
    Ok(plane)
}
