//! What to do next about one request: (what the apiserver holds, the moment) → at most one write.
//!
//! Pure: no clock, no I/O, nothing remembered. How far a request is follows from its conditions
//! ([`notes`]), the Certificates, the pods and the pause of the MySQL, so that a crash before or
//! after any write repeats or continues the same row. The first row that fits is taken.
//!
//! | phase | and | write |
//! |---|---|---|
//! | none, Pending, Approved | it cannot be carried out, ever | `refuse` |
//! | | a newer one of its type is queued | `skip` |
//! | | another runs, an older one of another type is queued, the database is paused, not Ready (unless `apply: Always`) or halted, a backup runs | `queue`, then wait |
//! | | the database has no TLS to rotate or remove, a Certificate or an issuer is missing | `fail` |
//! | | otherwise | `start` |
//! | Progressing | not by this executor | – |
//! | | failing, and the database is paused for it | `resumeDatabase` |
//! | | failing before the MySQL was changed: a Certificate that is not as it was; one that was not there, and its Secret | `changeCertificate`, `deleteCertificate`, `deleteSecret` |
//! | | failing | `fail` |
//! | | its spec was changed | `noteFailure` |
//! | | a step failed or takes longer than `timeout`, and `maxRetries` are left | `retry` |
//! | | the same, and none are left | `noteFailure` |
//! | | not noted as paused, the MySQL is not paused | `pauseDatabase` |
//! | | not noted as paused, the MySQL is | `notePaused` |
//! | | rotate, configure: another CA is about to sign, and no staging Certificate tells which: see [`authorities`] | `stageAuthority`, `issueCertificate` |
//! | | it is known, and not published beside the old one | `publishBundle` |
//! | | it is | `noteBundlePublished`, then wait for clients |
//! | | a Secret of a server or client does not hold both | `trustAuthorities` |
//! | | servers trust each other by what they began with | `noteTrusting`, and the rows of a restart |
//! | | all trust both | `noteTrusted` |
//! | | configure: a Certificate that is not there, or not as it should be | `createCertificate`, `changeCertificate` |
//! | | rotate, configure: a Certificate that is neither new nor being issued | `issueCertificate` |
//! | | all of them new or being issued | `noteIssuing` |
//! | | all of them new, Ready, and in their Secrets; of two CAs one is missing there | `trustAuthorities` |
//! | | none is | `noteSynced` |
//! | | configure, require, remove: the MySQL is not as it should be | `updateDatabase` |
//! | | it is | `noteUpdated` |
//! | | the template of its pods is not, and the database is paused | `letDatabaseGo` |
//! | | it is, and the database is not paused | `pauseDatabase` |
//! | | it is, and the database is | `noteTemplate` |
//! | | rotate: servers may reload, and one does not serve the new leaf | `reloadTls` |
//! | | all do, or one does not for too long | `noteReloaded` |
//! | | a pod's turn has come, and it is the primary of a group: see [`switch`] | `noteSwitching` |
//! | | until it is that no longer, or for a minute | `switchPrimary` |
//! | | it is that no longer, or still after a minute | `noteSwitched` |
//! | | a pod's turn has come: see [`restart`] | `noteEvicting` |
//! | | it is its turn, and it has the uid that was noted | `evictPod` |
//! | | it is its turn, and it is gone or has another uid | `noteEvicted` |
//! | | it is gone, and its successor is ready | `notePodReady` |
//! | | every pod is | `noteRestarted` |
//! | | rotate, configure: the old CA is still in a Secret, in the bundle, or the bundle is not there | `trustAuthorities`, `publishBundle` |
//! | | the staging Certificate is left, or its Secret | `deleteCertificate`, `deleteSecret` |
//! | | there were two CAs | `noteTrimmed` |
//! | | remove: a Certificate is left, its Secret, or the bundle | `deleteCertificate`, `deleteSecret`, `deleteBundle` |
//! | | the database is still paused for it | `resumeDatabase` |
//! | | the database is Ready | `noteDatabaseReady` |
//! | | otherwise | `succeed` |
//! | `WaitingForApproval`, a terminal one, an unknown one | | – |
//!
//! A request whose database does not exist, or is being deleted, is dropped: with KubeDB's webhook
//! nobody could write its status, and there is nothing to do.

use crate::core::fleet::{RequestPhase, Text};
use crate::core::time::{Span, Time};
use crate::executor::vocabulary::ExecutorWrite;

pub mod authorities;
mod configuring;
mod issuing;
pub mod notes;
mod progress;
mod queue;
mod reload;
mod restart;
pub mod seen;
mod stages;
mod switch;
#[cfg(test)]
mod tests;
pub mod waiting;

use notes::Note;
use seen::{Leftover, LeftoverKind, Operation, Refusal, Seen};
use stages::{Run, Stage};
use waiting::Waiting;

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing, until the request changes.
    Rest,
    /// Nothing: the database does not exist.
    Dropped,
    /// Nothing, until what is waited for has come.
    Wait {
        /// For what.
        why: Waiting,
        /// When waiting ends in any case.
        until: Option<Time>,
    },
    /// This write.
    Write(Write),
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// To the status of the request.
    Request {
        /// Under which name.
        point: ExecutorWrite,
        /// The new phase, where it changes.
        phase: Option<RequestPhase>,
        /// The conditions to set.
        notes: Vec<Note>,
    },
    /// The condition `Paused` of the MySQL.
    Pause,
    /// That condition is taken away.
    Resume,
    /// That condition is taken away for the provisioner's sake; it will be set again.
    LetGo,
    /// The Certificate of this name, as the request wants it.
    Create(Text),
    /// The spec of this Certificate.
    Change(Text),
    /// The Certificate by which a new CA is learned.
    Stage,
    /// The ConfigMap from which clients read whom to trust.
    Publish,
    /// `ca.crt` of this Secret.
    Trust(Text),
    /// `spec.tls` and `spec.requireSSL` of the MySQL.
    Update,
    /// Something that is needed no more goes.
    Delete(Leftover),
    /// The condition `Issuing` of this Certificate.
    Issue(Text),
    /// The server in this pod loads its certificates anew.
    Reload(Text),
    /// The server in a pod becomes the primary, in the place of that in another.
    SwitchPrimary {
        /// Which is it so far.
        from: Text,
        /// Which becomes it.
        to: Text,
    },
    /// The eviction of this pod, if it still has this uid.
    Evict {
        /// Its name.
        pod: Text,
        /// Its uid.
        uid: Text,
    },
}

impl Write {
    /// Its name.
    pub const fn point(&self) -> ExecutorWrite {
        match self {
            Self::Request { point, .. } => *point,
            Self::Pause => ExecutorWrite::PauseDatabase,
            Self::Resume => ExecutorWrite::ResumeDatabase,
            Self::LetGo => ExecutorWrite::LetDatabaseGo,
            Self::Create(_) => ExecutorWrite::CreateCertificate,
            Self::Change(_) => ExecutorWrite::ChangeCertificate,
            Self::Stage => ExecutorWrite::StageAuthority,
            Self::Publish => ExecutorWrite::PublishBundle,
            Self::Trust(_) => ExecutorWrite::TrustAuthorities,
            Self::Update => ExecutorWrite::UpdateDatabase,
            Self::Delete(it) => match it.kind {
                LeftoverKind::Certificate => ExecutorWrite::DeleteCertificate,
                LeftoverKind::Secret => ExecutorWrite::DeleteSecret,
                LeftoverKind::Bundle => ExecutorWrite::DeleteBundle,
            },
            Self::Issue(_) => ExecutorWrite::IssueCertificate,
            Self::Reload(_) => ExecutorWrite::ReloadTls,
            Self::SwitchPrimary { .. } => ExecutorWrite::SwitchPrimary,
            Self::Evict { .. } => ExecutorWrite::EvictPod,
        }
    }
}

impl Step {
    fn note(point: ExecutorWrite, notes: Vec<Note>) -> Self {
        Self::Write(Write::Request { point, phase: None, notes })
    }

    fn phase(point: ExecutorWrite, phase: RequestPhase, notes: Vec<Note>) -> Self {
        Self::Write(Write::Request { point, phase: Some(phase), notes })
    }
}

impl Operation {
    /// What it is made of, in order. A stage that is done stays done.
    const fn stages(self) -> &'static [Stage] {
        match self {
            Self::Rotate => stages::ROTATE,
            Self::Configure => stages::CONFIGURE,
            Self::Require => stages::REQUIRE,
            Self::Remove => stages::REMOVE,
        }
    }
}

/// Chooses the row. A step may take `step_timeout` where the request does not say how long.
pub fn next(seen: &Seen, step_timeout: Span, now: Time) -> Step {
    let request = &seen.request;
    let queued = seen::is_queued(request.phase);
    let running = request.phase == RequestPhase::Progressing && request.progress.is_ours();
    match &seen.database {
        _ if !queued && !running => Step::Rest,
        None if request.database.is_empty() => queue::refused(&Refusal::NoDatabase),
        None => Step::Dropped,
        Some(database) if queued => queue::next(seen, database),
        Some(database) => Run { seen, request, database, step_timeout, now }.next(),
    }
}
