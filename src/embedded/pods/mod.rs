//! The kubelet's part: runs the pods of one node, each a MySQL server of its own.
//!
//! [`PodRunner`] takes the pods whose `spec.nodeName` is its node, gives each an address, mounts its
//! Secrets, starts a [`Server`] for the container `mysql`, tells in the pod's status what became of
//! it, starts it again when it dies, and stops it when the pod is deleted. It knows the cluster only
//! through its client. Progress is not remembered: when a runner is started again its servers are
//! gone, as after the reboot of a node, and it starts them again.
//!
//! A server loads its certificate once, when it starts. The mounted files follow their Secret, and
//! the server goes on presenting what it has loaded: that is the problem which certrotor is about.
//! [`Served`] tells what each presents.

mod addresses;
mod backoff;
mod environment;
mod mounts;
mod node;
mod queue;
mod real;
mod runner;
mod runtime;
mod served;
mod simulated;
mod status;
mod worker;

pub use addresses::{NotASubnet, Subnet};
pub use mounts::Files;
pub use real::{NotAServer, NotReady, Program, RealMysqld};
pub use runner::{PodRunner, Settings};
pub use runtime::{
    Changed, Exit, GROUP_NAME, Order, Part, Presented, Runtime, Server, ServerState,
};
pub use served::{PodName, Served, Serving};
pub use simulated::{Groups, SimulatedMysqld};
pub use status::PRIMARY_CONDITION;

#[cfg(test)]
mod tests;
