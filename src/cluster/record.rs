//! Rotation objects: between what the API holds and what decisions rest on.
//!
//! Reading is strict. A record that is misread could look as if no rotation were open, so whatever
//! is not understood in somebody's status makes the whole object unreadable: it is reported and
//! left alone. A spec is read with tolerance: what is wrong in it is shown, and never widens what
//! the config file allows.

mod patch;
mod read;
mod wishes;
mod write;

use thiserror::Error;

pub use patch::status_patch;
pub use read::{issuer, read};
pub use wishes::wishes;
pub use write::{issuer_text, status};

use super::facts::{Texts, uid};
use crate::api::rotation;
use crate::core::fleet::Text;
use crate::core::record::Rotation;

/// Why a status cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("status.{field}: {problem}")]
pub struct Unreadable {
    field: &'static str,
    problem: String,
}

/// What is kept of a Rotation.
#[derive(Clone, Debug, PartialEq)]
pub struct RotationFacts(Result<Box<Rotation>, Text>);

impl RotationFacts {
    /// Of this object.
    pub fn of(object: &rotation::Rotation, texts: &mut Texts) -> Self {
        let read = rotation(object, texts);
        Self(read.map(Box::new).map_err(|error| error.to_string().into()))
    }

    /// The Rotation, when it could be understood.
    pub fn rotation(&self) -> Option<&Rotation> {
        self.0.as_deref().ok()
    }

    /// Why it could not.
    pub fn unreadable(&self) -> Option<&Text> {
        self.0.as_ref().err()
    }
}

/// All that is known of one Rotation.
pub fn rotation(object: &rotation::Rotation, texts: &mut Texts) -> Result<Rotation, Unreadable> {
    let metadata = &object.metadata;
    let (record, shown) = match &object.status {
        Some(status) => read(status, texts)?,
        None => Default::default(),
    };
    let version = metadata.resource_version.as_deref().unwrap_or_default();
    Ok(Rotation {
        uid: uid(metadata).into(),
        resource_version: version.into(),
        generation: metadata.generation,
        wishes: wishes(&object.spec),
        record,
        shown,
    })
}

#[cfg(test)]
mod tests;
