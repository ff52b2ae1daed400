//! The embedded cluster: what a Kubernetes cluster with KubeDB and cert-manager does, in one process.
//!
//! [`api`] is its API server. [`issuer`] plays cert-manager, [`provisioner`] KubeDB,
//! [`stateful_set`] the `StatefulSet` controller, and [`pods`] the kubelet and the servers that it
//! runs. Nothing in here is in the container image: cargo feature `demo`.

pub mod api;
pub mod issuer;
pub mod pods;
pub mod provisioner;
pub mod stateful_set;

mod controller;
mod repeatable;
#[cfg(test)]
mod stand_ins;
