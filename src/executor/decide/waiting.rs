//! What a request waits for, as sentences.

use std::fmt;

use super::seen::Pause;
use crate::core::fleet::{DatabasePhase, Text};

/// What a request waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Another request for the database is carried out.
    Running(Text),
    /// Another request for the database comes first.
    Earlier {
        /// Its name.
        name: Text,
        /// Its type.
        kind: Text,
    },
    /// An older request of the same type is about to be skipped.
    ToBeSkipped(Text),
    /// Another executor is at work.
    Rival(Text),
    /// The database is paused.
    Paused(Pause),
    /// `apply: IfReady`, and the database is not; or it was restarted and is not yet.
    NotReady(DatabasePhase),
    /// There are no servers to restart.
    Halted,
    /// A backup or restore runs.
    Backup,
    /// Clients are given the time to read the new CA.
    Clients,
    /// A certificate is being issued.
    Issuing(Text),
    /// A certificate is issued, and not Ready.
    NotIssuedReady(Text),
    /// A certificate is issued, and its Secret is not as it should be.
    Secret {
        /// The certificate.
        certificate: Text,
        /// What is wrong.
        why: String,
    },
    /// The provisioner has not changed the template of the pods yet.
    Template {
        /// There is one to be changed.
        exists: bool,
    },
    /// A pod that was evicted still ends.
    Terminating(Text),
    /// A pod is not Ready, or has no role yet.
    NotBack(Text),
    /// A server was seen to serve another certificate than the one in its Secret.
    ServesOld(Text),
    /// Of a group fewer are online than there should be.
    Members {
        /// How many are.
        online: u32,
        /// How many should be.
        should: u32,
    },
    /// There are fewer servers than there should be.
    Servers {
        /// How many there are.
        are: usize,
        /// How many there should be.
        should: u32,
    },
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running(name) => write!(f, "MySQLOpsRequest {name} is being carried out"),
            Self::Earlier { name, kind } => {
                write!(f, "MySQLOpsRequest {name} of type {kind} is older and comes first")
            }
            Self::ToBeSkipped(name) => {
                write!(f, "the older MySQLOpsRequest {name} is skipped first")
            }
            Self::Rival(rival) => write!(
                f,
                "another executor is at work, {rival}: two would restart the same servers, so this \
                 one begins nothing"
            ),
            Self::Paused(Pause::Foreign) => f.write_str("somebody else has paused the database"),
            Self::Paused(Pause::For { request, .. }) => {
                write!(f, "the database is paused for MySQLOpsRequest {request}")
            }
            Self::NotReady(phase) => write!(f, "the database is {phase:?}, not Ready"),
            Self::Halted => f.write_str("the database is halted"),
            Self::Backup => f.write_str("a backup or restore of the database is running"),
            Self::Clients => f.write_str("clients have the time to read the new CA"),
            Self::Issuing(name) => write!(f, "Certificate {name} is being issued"),
            Self::NotIssuedReady(name) => write!(f, "Certificate {name} is not Ready"),
            Self::Secret { certificate, why } => {
                write!(f, "the Secret of Certificate {certificate} {why}")
            }
            Self::Template { exists: true } => f.write_str(
                "the pod template of the database is not as its spec.tls wants it: KubeDB's \
                 provisioner changes it",
            ),
            Self::Template { exists: false } => {
                f.write_str("the database has neither a PetSet nor a StatefulSet")
            }
            Self::Terminating(pod) => write!(f, "Pod {pod} is ending"),
            Self::NotBack(pod) => write!(f, "Pod {pod} is not Ready"),
            Self::ServesOld(pod) => {
                write!(f, "Pod {pod} serves another certificate than the one that its Secret holds")
            }
            Self::Members { online, should } => {
                write!(f, "{online} of {should} members of the group are online")
            }
            Self::Servers { are, should } => write!(f, "{are} of {should} servers are there"),
        }
    }
}
