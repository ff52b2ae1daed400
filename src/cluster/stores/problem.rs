//! Objects that could not be read.

use super::Kind;
use crate::core::fleet::{Key, Text};
use crate::core::time::Time;

/// An object that could not be read, as it is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; empty for what has none.
    pub namespace: Text,
    /// Its name.
    pub name: Text,
    /// Why it could not be read, sanitised.
    pub error: Text,
}

/// What is kept of an object that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProblemFacts {
    pub(crate) error: Text,
    /// The database that its labels name.
    pub(crate) instance: Option<Text>,
    pub(crate) uid: Text,
    pub(crate) created: Time,
}

impl ProblemFacts {
    /// The database that it is a problem of.
    pub(crate) fn database(&self, key: &Key, kind: Kind) -> Option<Key> {
        let name = match kind {
            Kind::MySql | Kind::Rotation => &key.name,
            Kind::OpsRequest
            | Kind::Certificate
            | Kind::CertificateRequest
            | Kind::Issuer
            | Kind::ClusterIssuer
            | Kind::Pod
            | Kind::Recommendation
            | Kind::BackupConfiguration(_)
            | Kind::BackupSession(_)
            | Kind::RestoreSession(_) => self.instance.as_ref()?,
        };
        Some(Key { namespace: Text::clone(&key.namespace), name: Text::clone(name) })
    }
}
