//! A test's own place in the shared control plane: a namespace, and what happens in it.

use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

use super::api::{Cluster, NAMESPACE, REQUEST, ROTATION, name};
use super::control_plane::{ControlPlane, Extent};
use super::daemon::said_of;
use super::eventually::patiently;
use super::parts;

/// One control plane for all tests of a run, started by the first that needs it.
static PLANE: OnceCell<Result<ControlPlane, String>> = OnceCell::const_new();

/// A test's place.
pub(crate) struct Lab {
    pub(crate) plane: &'static ControlPlane,
    pub(crate) admin: Cluster,
    /// The test's name as a namespace; each test makes those that it needs from it.
    pub(crate) name: String,
}

/// The runtime of all tests: what they share must outlive each of them.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build().unwrap()
    })
}

/// Runs a test on the shared control plane, or says why it is skipped.
pub(crate) fn on_cluster(run: impl AsyncFnOnce(Lab)) {
    runtime().block_on(async {
        match Lab::open().await {
            Ok(lab) => run(lab).await,
            Err(why) => parts::skipped(&test_name(), &why),
        }
    });
}

/// The name of the test that this thread runs.
pub(crate) fn test_name() -> String {
    std::thread::current().name().unwrap_or("test").to_owned()
}

/// The name of the test that this thread runs, as a namespace.
pub(crate) fn namespace() -> String {
    let test = test_name();
    let name = test.rsplit("::").next().unwrap().replace('_', "-");
    name[..name.len().min(40)].trim_end_matches('-').to_owned()
}

impl Lab {
    /// This test's place, unless a part of the control plane is missing on this machine.
    pub(crate) async fn open() -> Result<Self, String> {
        let plane = PLANE.get_or_init(async || ControlPlane::start("it", Extent::Whole).await);
        let plane = plane.await.as_ref().map_err(Clone::clone)?;
        Ok(Self { plane, admin: plane.admin().await, name: namespace() })
    }

    /// Deletes a namespace and waits until the daemon has seen its databases go.
    pub(crate) async fn gone(&self, namespace: &str) {
        self.admin.delete(NAMESPACE, "", namespace).await;
        self.eventually(namespace, Duration::from_mins(1), "the end of all", async || {
            let left = self.admin.list(ROTATION, namespace).await;
            left.is_empty().then_some(()).ok_or_else(|| format!("{left:?}"))
        })
        .await;
    }

    /// Waits for something; when it does not come, ends the test with all there is to see.
    pub(crate) async fn eventually<T>(
        &self,
        namespace: &str,
        within: Duration,
        what: &str,
        look: impl AsyncFnMut() -> Result<T, String>,
    ) -> T {
        match patiently(within, look).await {
            Ok(found) => found,
            Err(seen) => {
                let scene = scene(&self.admin, namespace).await;
                panic!("waited {within:?} for {what}; last seen: {seen}\n{scene}")
            }
        }
    }
}

/// What stands in a namespace: the Rotations and the requests, for a failed test's output.
pub(crate) async fn scene(admin: &Cluster, namespace: &str) -> String {
    let mut scene = String::new();
    for kind in [ROTATION, REQUEST] {
        for object in admin.list(kind, namespace).await {
            let [spec, status] = ["spec", "status"].map(|part| pretty(&object[part]));
            let title = format!("{kind:?} {}", name(&object));
            let annotations = pretty(&object["metadata"]["annotations"]);
            let shown = format!("--- {title}\n{annotations}\nspec: {spec}\nstatus: {status}\n");
            scene.push_str(&shown);
        }
    }
    scene.push_str("--- what daemons say of it\n");
    scene.push_str(&said_of(namespace));
    scene
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}
