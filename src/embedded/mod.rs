//! The embedded cluster: what a Kubernetes cluster with KubeDB and cert-manager does, in one process.
//!
//! [`api`] is its API server, [`issuer`] plays cert-manager's part. Nothing in here is in the
//! container image: cargo feature `demo`.

pub mod api;
pub mod issuer;

mod repeatable;
