//! The runner: which pods are looked at, and when.

use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc::unbounded;
use futures::{Stream, StreamExt as _, stream};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{self, ObjectRef};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt as _};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::addresses::Subnet;
use super::backoff::Backoff;
use super::mounts::{Secrets, secrets};
use super::node::{Node, Staff};
use super::queue::work_off;
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
/// When to try again what no address was free for.
const NO_ADDRESS: Duration = Duration::from_secs(60);
/// How long to wait before a watch that failed is begun anew.
const WATCH: Backoff = Backoff::new(Duration::from_millis(800), Duration::from_secs(30));

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
            files_follow: Duration::from_secs(60),
            crash_first: Duration::from_secs(10),
            crash_longest: Duration::from_secs(5 * 60),
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
        let (events, writer_of_events) = event_writer(
            self.client.clone(),
            speaker,
            Arc::clone(&self.clock),
            calls.clone(),
            Arc::new(()),
        );
        let (changes, told) = unbounded();
        let (pods, writer) = reflector::store();
        let node = Arc::new(Node {
            client: self.client,
            clock: self.clock,
            staff: Staff::new(self.settings.subnet),
            settings: self.settings,
            calls,
            events,
            served: self.served,
            changes,
            secrets: Secrets::default(),
            pods,
        });
        let asked = stream::select_all([
            of_pods(&node, writer).boxed(),
            of_secrets(&node).boxed(),
            told.boxed(),
        ]);
        let work = work_off(asked, |pod| look(pod, Arc::clone(&node)));
        let work = stop.run_until_cancelled(work);
        tokio::join!(work, writer_of_events.run(stop.clone()));
        node.shut_down().await;
    }
}

/// Asks for each pod of the node that changes or is no more.
fn of_pods(node: &Arc<Node>, writer: Writer<Pod>) -> impl Stream<Item = PodName> + use<> {
    let own = watcher::Config::default().fields(&format!("spec.nodeName={}", node.settings.node));
    let events = watcher(Api::all(node.client.clone()), own).backoff(WATCH).reflect(writer);
    let node = Arc::clone(node);
    events.filter_map(ready_events).flat_map(move |event| {
        stream::iter(match event {
            Event::Apply(pod) | Event::Delete(pod) => vec![PodName::of(&pod)],
            // A watch that begins anew does not tell what is no more.
            Event::InitDone => node.all(),
            Event::Init | Event::InitApply(_) => Vec::new(),
        })
    })
}

/// Asks for the pods that mount a Secret when that changes.
fn of_secrets(node: &Arc<Node>) -> impl Stream<Item = PodName> + use<> {
    let all: Api<PartialObjectMeta<Secret>> = Api::all(node.client.clone());
    let events = watcher(all, watcher::Config::default()).backoff(WATCH);
    let node = Arc::clone(node);
    events.filter_map(ready_events).flat_map(move |event| {
        stream::iter(match event {
            Event::Apply(secret) | Event::InitApply(secret) | Event::Delete(secret) => {
                mounted_by(&secret, &node)
            }
            Event::Init | Event::InitDone => Vec::new(),
        })
    })
}

/// The event of a watch; one that fails is tried again by itself.
async fn ready_events<K>(event: Result<Event<K>, watcher::Error>) -> Option<Event<K>> {
    event.inspect_err(|error| debug!(%error, "a watch has failed")).ok()
}

/// The pods that mount a Secret; its version is noted if there are any.
fn mounted_by(secret: &PartialObjectMeta<Secret>, node: &Node) -> Vec<PodName> {
    let (name, namespace) = (secret.name_any(), secret.namespace().unwrap_or_default());
    let all = node.pods.state();
    let mounting = all.iter().filter(|pod| {
        pod.namespace().as_deref() == Some(&namespace) && secrets(pod).contains(name.as_str())
    });
    let mut mounting: Vec<PodName> = mounting.map(|pod| PodName::of(pod)).collect();
    mounting.sort();
    if !mounting.is_empty() {
        node.secrets.note(&namespace, &name, secret.resource_version().unwrap_or_default());
    }
    mounting
}

/// Looks at a pod, and says when to look again if nothing happens before.
async fn look(name: PodName, node: Arc<Node>) -> Option<Duration> {
    let Some(pod) = node.pods.get(&ObjectRef::new(&name.name).within(&name.namespace)) else {
        node.dismiss(&name).await;
        return None;
    };
    match reconcile(&pod, &node).await {
        Ok(again) => again,
        Err(failure) => {
            debug!(%failure, pod = %name, "the apiserver did not take what became of a pod");
            Some(AGAIN)
        }
    }
}

/// Makes a pod what it should be, and says what it is.
async fn reconcile(pod: &Pod, node: &Node) -> Result<Option<Duration>, ApiFailure> {
    let Some(worker) = node.worker(pod).await else {
        let why = "Failed to create pod sandbox: no address is free".to_owned();
        node.tell(pod, "FailedCreatePodSandBox", true, why);
        return Ok(Some(NO_ADDRESS));
    };
    let mut worker = worker.lock().await;
    let again = worker.sync(pod, node).await;
    node.served.set(&PodName::of(pod), worker.serving());
    if report(pod, &mut worker, node).await? == Told::Nobody {
        worker.kill().await;
        node.served.set(&PodName::of(pod), None);
        return Ok(None);
    }
    if is_deleting(&pod.metadata) && worker.is_gone() {
        remove(pod, node).await?;
    }
    Ok(again.map(|again| again.saturating_duration_since(Instant::now())))
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
