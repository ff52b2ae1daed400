//! What the tests stand on: real programs, objects as JSON, and patience.

pub(crate) mod api;
pub(crate) mod control_plane;
pub(crate) mod crds;
pub(crate) mod daemon;
pub(crate) mod effort;
pub(crate) mod eventually;
pub(crate) mod http;
pub(crate) mod kubeconfig;
pub(crate) mod kubectl;
pub(crate) mod lab;
pub(crate) mod metrics;
pub(crate) mod parts;
pub(crate) mod pki;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod rbac;
pub(crate) mod rights;
pub(crate) mod time;
pub(crate) mod voice;
