//! A Kubernetes API server in memory: one `tower::Service` that kube-rs and kubectl take for real.
//!
//! [`ApiServer`] holds the objects. [`ApiServer::client`] gives a client without any network, which
//! works on paused time; [`ApiServer::service`] gives the service behind it, for layers that inject
//! faults; and [`listen`] serves it to kubectl and everybody else over HTTP.
//!
//! All is deterministic: uids, names and resourceVersions are counted, time comes from a [`Clock`],
//! and every change is one [`Commit`] in a log that tests judge by. The store is locked for the
//! whole of a write, so each is atomic.
//!
//! [`Clock`]: crate::clock::Clock

mod addresses;
mod admission;
mod apply;
mod call;
mod controllers;
mod create;
mod definitions;
mod delete;
mod discovery;
mod eviction;
mod failure;
mod faults;
mod fields;
mod form;
mod kind;
mod labels;
pub mod listen;
mod names;
mod object;
mod openapi;
mod options;
mod pages;
mod patch;
mod protobuf;
mod read;
mod render;
mod reviews;
mod rules;
mod scale;
mod schema;
mod selector;
mod server;
mod service;
mod store;
mod strategic;
mod table;
mod update;
mod watch;
mod work;

pub use admission::Review;
pub use call::{Call, Verb};
pub use failure::{About, Cause, Failure};
pub use faults::{Fault, FaultLayer, Faulty};
pub use server::{ApiServer, Options};
pub use service::ApiService;
pub use store::{Author, Commit, Key};

#[cfg(test)]
mod tests;
