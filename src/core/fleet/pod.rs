//! A server pod, and what was seen of it.

use std::net::IpAddr;

use super::{LeafId, Text};
use crate::core::time::Time;

/// One server pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    /// Its uid.
    pub uid: Text,
    /// When its mysql container started; none while it is not running.
    pub started: Option<Time>,
    /// Whether it is Ready.
    pub ready: bool,
    /// Its address, once it has one.
    pub address: Option<IpAddr>,
    /// The address of its node.
    pub node: Option<IpAddr>,
    /// What the wire probe saw, newest last; empty where nobody looked.
    pub seen: Vec<Sighting>,
    /// The newest look, if it showed nothing.
    pub missed: Option<Missed>,
}

/// What one look at a server's TLS handshake showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// When the look began.
    pub began: Time,
    /// The uid of the pod that was looked at.
    pub pod_uid: Text,
    /// The leaf it presented; none: it offers no TLS.
    pub leaf: Option<LeafId>,
    /// Whether its chain holds against the CA that is published for this database.
    pub trusted: Option<bool>,
}

/// A look that showed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The uid of the pod that was looked at.
    pub pod_uid: Text,
    /// Why, in one word of the probe.
    pub why: Text,
}

impl Sighting {
    /// Whether it showed this leaf.
    pub fn shows(&self, leaf: &LeafId) -> bool {
        self.leaf.is_some_and(|seen| !seen.differs_from(leaf))
    }
}
