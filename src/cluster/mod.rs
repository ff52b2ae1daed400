//! The Kubernetes edge: everything that speaks to the apiserver.
//!
//! Everything here takes a [`kube::Client`], so that an in-memory service on paused time can stand
//! in for the apiserver. Every call has a deadline, and none is repeated by the client itself.

pub mod failure;
pub mod client;
pub mod meter;
