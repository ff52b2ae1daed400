//! Requests and recommendations: what is asked of a database's operator.

use std::collections::BTreeMap;

use super::{Alias, LeafId, Text};
use crate::core::record::OpenedCause;
use crate::core::time::Time;
use crate::core::vocabulary::Stage;

/// A MySQLOpsRequest.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Its uid.
    pub uid: Text,
    /// Its resourceVersion, for preconditions.
    pub resource_version: Text,
    /// When it was created.
    pub created: Time,
    /// `status.phase`.
    pub phase: RequestPhase,
    /// When it was first Progressing, as its conditions say.
    pub started: Option<Time>,
    /// When it reached a terminal phase, as its conditions say.
    pub ended: Option<Time>,
    /// It has a deletionTimestamp.
    pub deleting: bool,
    /// What it asks for.
    pub content: RequestContent,
    /// What a request of ours carries; none on anybody else's.
    pub carried: Option<Carried>,
    /// What its operator says last, shortened.
    pub message: Text,
}

/// What a MySQLOpsRequest asks for, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestContent {
    /// ReconfigureTLS with `rotateCertificates` and nothing else.
    Rotate,
    /// Any other ReconfigureTLS.
    OtherTls,
    /// Any other type.
    Other,
}

/// The annotations by which a request of ours names its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The installation that made it.
    pub installation: Text,
    /// The uid of the MySQL it was made for.
    pub database_uid: Text,
    /// When its rotation was opened.
    pub opened: Time,
    /// Which attempt it is.
    pub attempt: u32,
    /// How many attempts had failed before it.
    pub failures: u32,
    /// The stage that it was made for.
    pub stage: Stage,
    /// Why the rotation was opened.
    pub causes: Vec<OpenedCause>,
    /// The value of `spec.requestedAt` that the rotation answers.
    pub requested_at: Option<Text>,
    /// The occurrence of the schedule that it answers.
    pub occurrence: Option<Time>,
    /// The leaf that each certificate had then.
    pub baseline: BTreeMap<Alias, LeafId>,
}

/// `status.phase` of a MySQLOpsRequest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequestPhase {
    /// None yet.
    New,
    /// Queued.
    Pending,
    /// Waiting for a person.
    WaitingForApproval,
    /// Approved, not started.
    Approved,
    /// Being carried out.
    Progressing,
    /// Ended well.
    Successful,
    /// Ended badly.
    Failed,
    /// Refused.
    Denied,
    /// Passed over for a newer one.
    Skipped,
    /// A phase that is not known: taken as being carried out.
    Unknown,
}

impl RequestPhase {
    /// Nothing has been done for it yet.
    pub const fn is_unstarted(self) -> bool {
        matches!(self, Self::New | Self::Pending | Self::WaitingForApproval | Self::Approved)
    }

    /// Nothing more will be done for it.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Successful | Self::Failed | Self::Denied | Self::Skipped)
    }
}

/// A Supervisor Recommendation to rotate this database's certificates.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation {
    /// Its name.
    pub name: Text,
    /// How far it is.
    pub progress: RecommendationProgress,
}

/// How far a Recommendation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecommendationProgress {
    /// Approved; it speaks for the database until this moment.
    Approved {
        /// The end of its window and an hour; none when its window is not known.
        until: Option<Time>,
    },
    /// Its request is being carried out.
    InProgress,
}
