//! The Kubernetes edge: everything that speaks to the apiserver.
//!
//! Everything here takes a [`kube::Client`], so that an in-memory service on paused time can stand
//! in for the apiserver. Every call has a deadline, and none is repeated by the client itself.
//!
//! Reading: `watch` → `stores` → `snapshot`. Writing: `write`, `lease`, `events`, and nothing else.

pub mod client;
pub mod events;
pub mod facts;
pub mod failure;
pub mod lease;
mod listening;
pub mod meter;
pub mod record;
mod reread;
pub mod shared;
pub mod slots;
pub mod snapshot;
pub mod stores;
pub mod watch;
pub mod write;
