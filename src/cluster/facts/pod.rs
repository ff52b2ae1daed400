//! What is kept of a pod.

use std::net::IpAddr;

use super::{Texts, uid};
use crate::api::pod::Pod;
use crate::core::fleet::Text;
use crate::core::time::Time;

/// What is kept of a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct PodFacts {
    /// The MySQL that it is a server of; none: it is no server.
    pub database: Option<Text>,
    /// Its uid.
    pub uid: Text,
    /// When mysqld was started.
    pub started: Option<Time>,
    /// Whether it is Ready.
    pub ready: bool,
    /// Its address.
    pub address: Option<IpAddr>,
    /// The address of its node.
    pub node: Option<IpAddr>,
}

impl PodFacts {
    /// Of this object.
    pub fn of(pod: &Pod, texts: &mut Texts) -> Self {
        Self {
            database: pod.server_of().map(|database| texts.text(database)),
            uid: uid(&pod.metadata).into(),
            started: pod.server_started(),
            ready: pod.is_ready(),
            address: pod.address(),
            node: pod.node_address(),
        }
    }
}
