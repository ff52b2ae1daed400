//! Why a database cannot be made what it should be now.

use crate::api::wanted::NoDuration;
use crate::cluster::failure::ApiFailure;
use crate::pki::Refused;

/// Why a turn ended before its end. The next one tries again.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The apiserver did not do what it was asked.
    #[error("{call} {kind} {name}: {failure}")]
    Api {
        /// What was asked.
        call: &'static str,
        /// Of which kind.
        kind: String,
        /// Of which object, or of all those in a namespace.
        name: String,
        /// What came of it.
        failure: ApiFailure,
    },
    /// An object has the name of one of ours, and somebody else controls it.
    #[error("the {kind} {name} belongs to {owner}; delete it or rename the database")]
    Foreign {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
        /// Kind and name of who controls it.
        owner: String,
    },
    /// It would keep cert-manager from reading any Certificate.
    #[error(transparent)]
    Duration(#[from] NoDuration),
    /// There is no password to be had.
    #[error(transparent)]
    Password(#[from] Refused),
}
