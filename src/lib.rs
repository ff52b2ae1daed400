//! certrotor keeps the TLS certificates of MySQL databases under KubeDB fresh, and proves it.

pub mod api;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod core;
pub mod daemon;
#[cfg(feature = "demo")]
pub mod demo;
#[cfg(feature = "demo")]
pub mod embedded;
pub mod executor;
pub mod metrics;
pub mod mysql;
pub mod operate;
pub mod pki;
pub mod probe;
pub mod report;
pub mod telemetry;
pub mod web;

#[cfg(test)]
#[path = "../tests/it/support/effort.rs"]
mod effort;
