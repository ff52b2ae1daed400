//! The edge to Kubernetes: what is known of the cluster, and what is written to it.

pub mod facts;
pub mod record;
pub mod snapshot;
pub mod stores;
