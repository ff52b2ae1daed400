//! The provisioner over the API in memory, with a stand-in kubelet and a stand-in cert-manager.

mod behaviour;
mod crashes;
mod spec_changes;
mod world;
