//! The node: all that its pods share, and which worker has which pod.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::mpsc::UnboundedSender;
use futures::future::join_all;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::reflector::Store;
use kube::{Api, Client, Resource, ResourceExt as _};

use super::addresses::{Addresses, Subnet};
use super::mounts::Secrets;
use super::runner::Settings;
use super::served::{PodName, Served};
use super::worker::Worker;
use crate::clock::Clock;
use crate::cluster::client::Calls;
use crate::cluster::events::{EventRecord, Events, Regarding};

/// What the pods of a node share.
pub(super) struct Node {
    pub(super) client: Client,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: Settings,
    pub(super) calls: Calls,
    pub(super) events: Events,
    pub(super) served: Served,
    /// To be told of each pod whose server has changed.
    pub(super) changes: UnboundedSender<PodName>,
    pub(super) secrets: Secrets,
    /// The pods of this node as they are watched.
    pub(super) pods: Store<Pod>,
    pub(super) staff: Staff,
}

/// The workers of a node, and the addresses of their pods.
pub(super) struct Staff {
    addresses: Mutex<Addresses>,
    workers: Mutex<BTreeMap<PodName, Employed>>,
}

/// The worker of a pod.
#[derive(Clone)]
struct Employed {
    uid: String,
    address: Ipv4Addr,
    worker: Arc<tokio::sync::Mutex<Worker>>,
}

impl Staff {
    pub(super) fn new(subnet: Subnet) -> Self {
        Self { addresses: Mutex::new(Addresses::new(subnet)), workers: Mutex::default() }
    }
}

impl Node {
    pub(super) fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Says something about a pod that people see in `kubectl describe`.
    pub(super) fn tell(&self, pod: &Pod, reason: &'static str, warning: bool, note: String) {
        let PodName { namespace, name } = PodName::of(pod);
        let uid = pod.uid().unwrap_or_default();
        let regarding = Regarding {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace,
            name,
            uid,
        };
        self.events.post(EventRecord { regarding, reason, action: reason, note, warning });
    }

    /// The worker of this pod; a new one if it has none. None when there is no address for it.
    pub(super) async fn worker(&self, pod: &Pod) -> Option<Arc<tokio::sync::Mutex<Worker>>> {
        let (name, uid) = (PodName::of(pod), pod.uid().unwrap_or_default());
        let employed = self.workers().get(&name).cloned();
        match employed {
            Some(employed) if employed.uid == uid => return Some(employed.worker),
            // Another pod of the same name was there before.
            Some(_) => self.dismiss(&name).await,
            None => {}
        }
        let mut workers = self.workers();
        let used: BTreeSet<Ipv4Addr> = workers.values().map(|other| other.address).collect();
        let address = self.address(pod, used)?;
        let worker = Arc::new(tokio::sync::Mutex::new(Worker::new(pod, address, self)));
        workers.insert(name, Employed { uid, address, worker: Arc::clone(&worker) });
        Some(worker)
    }

    /// The address that the pod has already, or one that none has.
    fn address(&self, pod: &Pod, mut used: BTreeSet<Ipv4Addr>) -> Option<Ipv4Addr> {
        if let Some(own) = address(pod).filter(|own| !used.contains(own)) {
            return Some(own);
        }
        used.extend(self.pods.state().iter().filter_map(|other| address(other)));
        self.staff.addresses.lock().unwrap_or_else(PoisonError::into_inner).next(&used)
    }

    /// Ends the server of a pod that is no more, at once.
    pub(super) async fn dismiss(&self, name: &PodName) {
        let employed = self.workers().remove(name);
        if let Some(employed) = employed {
            employed.worker.lock().await.kill().await;
            self.served.set(name, None);
        }
    }

    /// All pods that are here, or were.
    pub(super) fn all(&self) -> Vec<PodName> {
        let mut all: BTreeSet<PodName> = self.workers().keys().cloned().collect();
        all.extend(self.pods.state().iter().map(|pod| PodName::of(pod)));
        all.into_iter().collect()
    }

    /// Stops all servers, and waits until they have ended.
    pub(super) async fn shut_down(&self) {
        let all = std::mem::take(&mut *self.workers());
        let stops = all.values().map(async |employed| employed.worker.lock().await.stop().await);
        join_all(stops).await;
        self.served.clear();
    }

    fn workers(&self) -> MutexGuard<'_, BTreeMap<PodName, Employed>> {
        self.staff.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A runner that is dropped serves nothing any longer.
impl Drop for Node {
    fn drop(&mut self) {
        self.served.clear();
    }
}

/// The address in the status of a pod.
fn address(pod: &Pod) -> Option<Ipv4Addr> {
    pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()
}
