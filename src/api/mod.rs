//! The Kubernetes objects that certrotor reads and writes, typed.
//!
//! Objects of others hold only the fields that are read, and none of them can be written back as a
//! whole: a PUT would drop the rest. The exceptions are [`ops_request::MySqlOpsRequest`], which is
//! created, and our own [`rotation::Rotation`].
//!
//! Every field of others is read with tolerance: one that has another type than expected is as if
//! it were absent, and an unknown word is kept as `Other`, so that one odd object can never hide the
//! others. Our own `Rotation` is the exception, on purpose: see there.

mod tolerant;
mod word;

pub mod backup;
pub mod cert_manager;
pub mod desired;
pub mod go_duration;
pub mod meta;
pub mod mysql;
pub mod names;
pub mod ops_request;
pub mod pod;
pub mod resources;
pub mod rotation;
pub mod supervisor;
pub mod tls;
pub mod wanted;
