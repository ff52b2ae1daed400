//! certrotor keeps the TLS certificates of MySQL databases under KubeDB fresh, and proves it.

pub mod api;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod core;
#[cfg(feature = "demo")]
pub mod embedded;
