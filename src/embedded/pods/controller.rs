//! The runner: which pods are looked at, and when.

use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::{FutureExt as _, Stream, StreamExt as _, stream};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{Action, Error, ReconcileRequest, trigger_self, trigger_with};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{Config, WatchStreamExt as _, applier, watcher};
use kube::{Api, Client, ResourceExt as _};
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::addresses::Subnet;
use super::mounts::{Secrets, secrets};
use super::node::{Node, Staff};
use super::runtime::Runtime;
use super::served::{PodName, Served};
use super::simulated::SimulatedMysqld;
use super::status;
use super::worker::Worker;
use crate::api::meta::is_deleting;
use crate::clock::Clock;
use crate::cluster::client::{ApiFailure, Calls};
use crate::cluster::events::{EventSettings, event_writer};

/// Who writes.
const MANAGER: &str = "kubelet";
/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// When to try again what the apiserver did not do.
const AGAIN: Duration = Duration::from_secs(1);
/// How often to look for servers whose pod is gone.
const TIDY: Duration = Duration::from_mins(1);

/// How a runner is.
#[derive(Clone)]
pub struct Settings {
    /// The node that it is: it runs the pods that name it in `spec.nodeName`.
    pub node: String,
    /// Where the addresses of its pods are from.
    pub subnet: Subnet,
    /// What runs the servers.
    pub runtime: Arc<dyn Runtime>,
    /// How long after a Secret has changed its mounted files follow.
    pub files_follow: Duration,
    /// How long the first container that dies twice waits until it is started again.
    pub crash_first: Duration,
    /// How long one that goes on dying waits.
    pub crash_longest: Duration,
}

impl Settings {
    /// As a kubelet is, with simulated servers as mysqld is.
    pub fn new(node: &str) -> Self {
        Self {
            node: node.to_owned(),
            subnet: Subnet::default(),
            runtime: Arc::new(SimulatedMysqld::default()),
            files_follow: Duration::from_mins(1),
            crash_first: Duration::from_secs(10),
            crash_longest: Duration::from_mins(5),
        }
    }
}

/// Runs the pods of one node.
pub struct PodRunner {
    client: Client,
    clock: Arc<dyn Clock>,
    settings: Settings,
    served: Served,
}

impl PodRunner {
    /// A runner that knows the cluster through this client.
    pub fn new(client: Client, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        Self { client, clock, settings, served: Served::new() }
    }

    /// What each pod's server presents, now and while it runs.
    pub fn served(&self) -> Served {
        self.served.clone()
    }

    /// Runs until `stop`, then stops all servers. Dropping it kills them, as a power cut does.
    pub async fn run(self, stop: CancellationToken) {
        let calls = Calls::new(DEADLINE, Arc::new(()));
        let speaker =
            EventSettings { component: MANAGER.to_owned(), instance: self.settings.node.clone() };
        let (events, writer) = event_writer(
            self.client.clone(),
            speaker,
            Arc::clone(&self.clock),
            calls.clone(),
            Arc::new(()),
        );
        let (sender, changes) = unbounded();
        let secrets = Arc::new(Secrets::default());
        let (pods, queue) = queue(&self.client, &self.settings.node, &secrets, changes);
        let node = Arc::new(Node {
            client: self.client,
            clock: self.clock,
            staff: Staff::new(self.settings.subnet),
            settings: self.settings,
            calls,
            events,
            served: self.served,
            changes: sender,
            secrets,
            pods: pods.clone(),
        });
        let reconcile = |pod, node| reconcile(pod, node).boxed();
        let again = |_, _: &ApiFailure, _| Action::requeue(AGAIN);
        let reconciled =
            applier(reconcile, again, Arc::clone(&node), pods, queue, Config::default());
        let work = reconciled.for_each(|outcome| take_note(outcome, &node));
        let work = async {
            tokio::select! {
                () = work => {}
                () = tidy_up(&node) => {}
                () = stop.cancelled() => {}
            }
        };
        tokio::join!(work, writer.run(stop.clone()));
        node.shut_down().await;
    }
}

/// Looks at a pod when it changes or is no more, when a Secret that it mounts does, and when its
/// server does. A `Controller` would not tell of pods that are no more.
fn queue(
    client: &Client,
    node: &str,
    marks: &Arc<Secrets>,
    changes: UnboundedReceiver<PodName>,
) -> (Store<Pod>, impl Stream<Item = Result<ReconcileRequest<Pod>, watcher::Error>> + use<>) {
    let own = watcher::Config::default().fields(&format!("spec.nodeName={node}"));
    let (pods, writer) = reflector::store();
    let own = watcher(Api::all(client.clone()), own).default_backoff().reflect(writer);
    let own = trigger_self(own.touched_objects(), ());

    let all: Api<PartialObjectMeta<Secret>> = Api::all(client.clone());
    let all = watcher(all, watcher::Config::default()).default_backoff().touched_objects();
    let (marks, known) = (Arc::clone(marks), pods.clone());
    let mounting = trigger_with(all, move |secret| mounted_by(&secret, &known, &marks));

    let changes = changes.map(|pod| {
        let pod = ObjectRef::new(&pod.name).within(&pod.namespace);
        Ok(ReconcileRequest::from(pod))
    });
    (pods, stream::select_all([own.boxed(), mounting.boxed(), changes.boxed()]))
}

/// The pods that mount a Secret; its version is noted if there are any.
fn mounted_by(
    secret: &PartialObjectMeta<Secret>,
    pods: &Store<Pod>,
    marks: &Secrets,
) -> Vec<ObjectRef<Pod>> {
    let (name, namespace) = (secret.name_any(), secret.namespace().unwrap_or_default());
    let all = pods.state();
    let mounting = all.iter().filter(|pod| {
        pod.namespace().as_deref() == Some(&namespace) && secrets(pod).contains(name.as_str())
    });
    let mounting: Vec<ObjectRef<Pod>> = mounting.map(|pod| ObjectRef::from_obj(&**pod)).collect();
    if !mounting.is_empty() {
        marks.note(&namespace, &name, secret.resource_version().unwrap_or_default());
    }
    mounting
}

async fn tidy_up(node: &Node) {
    if node.pods.wait_until_ready().await.is_err() {
        return std::future::pending().await;
    }
    let mut ticks = interval(TIDY);
    loop {
        ticks.tick().await;
        node.tidy_up().await;
    }
}

async fn take_note(
    outcome: Result<(ObjectRef<Pod>, Action), Error<ApiFailure, watcher::Error>>,
    node: &Node,
) {
    match outcome {
        Ok(_) => {}
        Err(Error::ObjectNotFound(gone)) => {
            let namespace = gone.namespace.clone().unwrap_or_default();
            node.dismiss(&PodName { namespace, name: gone.name.clone() }).await;
        }
        Err(Error::ReconcilerFailed(failure, pod)) => {
            debug!(%failure, %pod, "the apiserver did not take the status of a pod");
        }
        Err(Error::QueueError(error)) => warn!(%error, "cannot watch pods or Secrets"),
        Err(Error::RunnerError(error)) => warn!(%error, "the controller of pods has stopped"),
    }
}

/// Makes a pod what it should be, says what it is, and when to look again.
async fn reconcile(pod: Arc<Pod>, node: Arc<Node>) -> Result<Action, ApiFailure> {
    let Some(worker) = node.worker(&pod).await else {
        let why = "Failed to create pod sandbox: no address is free".to_owned();
        node.tell(&pod, "FailedCreatePodSandBox", true, why);
        return Ok(Action::requeue(TIDY));
    };
    let mut worker = worker.lock().await;
    let again = worker.sync(&pod, &node).await;
    node.served.set(&PodName::of(&pod), worker.serving());
    if report(&pod, &mut worker, &node).await? == Told::Nobody {
        worker.kill().await;
        node.served.set(&PodName::of(&pod), None);
        return Ok(Action::await_change());
    }
    if is_deleting(&pod.metadata) && worker.is_gone() {
        remove(&pod, &node).await?;
    }
    let wait = again.map(|again| again.saturating_duration_since(Instant::now()));
    Ok(wait.map_or(Action::await_change(), Action::requeue))
}

/// Who took note of a status.
#[derive(PartialEq, Eq)]
enum Told {
    /// The pod has it.
    Pod,
    /// The pod is no more, though the watch has not told yet; another may have its name.
    Nobody,
}

/// Writes the status of a pod unless it says the same already.
async fn report(pod: &Pod, worker: &mut Worker, node: &Node) -> Result<Told, ApiFailure> {
    let status = status::of(pod, worker, node.clock.now());
    if pod.status.as_ref().is_some_and(|old| status::says(old, &status)) {
        return Ok(Told::Pod);
    }
    let patch = Patch::Strategic(status::patch(pod, &status));
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    let api: Api<Pod> = node.api(&pod.namespace().unwrap_or_default());
    let name = pod.name_any();
    match node.calls.run("patch", api.patch_status(&name, &params, &patch)).await {
        Ok(_) => Ok(Told::Pod),
        Err(ApiFailure::NotFound | ApiFailure::Conflict) => Ok(Told::Nobody),
        Err(failure) => Err(failure),
    }
}

/// Removes a pod whose containers have ended.
async fn remove(pod: &Pod, node: &Node) -> Result<(), ApiFailure> {
    let preconditions = Some(Preconditions { uid: pod.uid(), resource_version: None });
    let params =
        DeleteParams { grace_period_seconds: Some(0), preconditions, ..DeleteParams::default() };
    let api: Api<Pod> = node.api(&pod.namespace().unwrap_or_default());
    match node.calls.run("delete", api.delete(&pod.name_any(), &params)).await {
        Ok(_) | Err(ApiFailure::NotFound | ApiFailure::Conflict) => Ok(()),
        Err(failure) => Err(failure),
    }
}
