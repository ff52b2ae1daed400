//! What each pod's server presents at the moment: for tests, oracles and the demo's table.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Weak};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use tokio::sync::watch;

use super::runtime::{Presented, Server};
use crate::core::time::Time;

/// Which pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodName {
    /// Its namespace.
    pub namespace: String,
    /// Its name in there.
    pub name: String,
}

impl PodName {
    /// The name of this pod.
    pub fn of(pod: &Pod) -> Self {
        Self { namespace: pod.namespace().unwrap_or_default(), name: pod.name_any() }
    }
}

impl fmt::Display for PodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A server that accepts connections.
#[derive(Clone)]
pub struct Serving {
    /// The uid of its pod.
    pub uid: String,
    /// Where it listens, or would if it did.
    pub address: SocketAddrV4,
    /// When it was started.
    pub started: Time,
    /// What it shows; none without TLS.
    pub presents: Option<Presented>,
    pub(super) server: Weak<dyn Server>,
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { uid, address, started, presents, server: _ } = self;
        write!(f, "{address} of pod {uid}, started {started}, presents {presents:?}")
    }
}

/// Every server of a runner that accepts connections. Clones are the same.
#[derive(Clone, Debug)]
pub struct Served(Arc<watch::Sender<BTreeMap<PodName, Serving>>>);

impl Served {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(BTreeMap::new())))
    }

    /// The server of a pod, if it accepts connections.
    pub fn get(&self, namespace: &str, pod: &str) -> Option<Serving> {
        self.0.borrow().get(&name(namespace, pod)).cloned()
    }

    /// All of them.
    pub fn all(&self) -> BTreeMap<PodName, Serving> {
        self.0.borrow().clone()
    }

    /// To wait for changes.
    pub fn subscribe(&self) -> watch::Receiver<BTreeMap<PodName, Serving>> {
        self.0.subscribe()
    }

    /// Ends the server of a pod as `kill -9` does: its container is started again. False when there
    /// is none.
    pub fn kill(&self, namespace: &str, pod: &str) -> bool {
        let server = self.get(namespace, pod).and_then(|serving| serving.server.upgrade());
        server.is_some_and(|server| {
            server.kill();
            true
        })
    }

    /// What the server at an address answers to a statement, asked without a socket; none when there
    /// is no such server, or it is a process of its own.
    pub fn ask(&self, address: Ipv4Addr, statement: &str) -> Option<Result<String, String>> {
        let found = self.0.borrow().values().find(|it| *it.address.ip() == address).cloned();
        found?.server.upgrade()?.answer(statement)
    }

    pub(super) fn set(&self, pod: &PodName, serving: Option<Serving>) {
        self.0.send_if_modified(|all| match serving {
            Some(new) => {
                let same = all.get(pod).is_some_and(|old| {
                    old.started == new.started && old.uid == new.uid && old.presents == new.presents
                });
                all.insert(pod.clone(), new);
                !same
            }
            None => all.remove(pod).is_some(),
        });
    }

    pub(super) fn clear(&self) {
        self.0.send_modify(BTreeMap::clear);
    }
}

fn name(namespace: &str, name: &str) -> PodName {
    PodName { namespace: namespace.to_owned(), name: name.to_owned() }
}
