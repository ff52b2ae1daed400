//! The embedded cluster: what a Kubernetes cluster with KubeDB and cert-manager does, in one process.
//!
//! [`api`] is its API server. [`provisioner`] plays KubeDB's part, [`stateful_set`] the StatefulSet
//! controller's. Nothing in here is in the container image: cargo feature `demo`.

pub mod api;
pub mod provisioner;
pub mod stateful_set;

mod controller;
#[cfg(test)]
mod stand_ins;
