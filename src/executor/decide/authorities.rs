//! A change of CA: whoever verifies trusts the new CA before anything is issued from it, and the old
//! one until nothing from it is left.
//!
//! The new CA is learned from a certificate that nobody serves, the *staging* Certificate. Then it is
//! published beside the old one in the ConfigMap that clients read, and clients are given time. Then
//! servers get both. Those of a group trust each other by what they began with, so they are
//! restarted for it, one by one, with the leaves that they have; only after that anything is issued.
//! When no server serves the old leaves any more, the old CA goes.

use super::Write;
use super::configuring::delete;
use super::notes::{ISSUED, Note, PUBLISHED, READY, Status, TRIMMED, TRUSTED};
use super::restart;
use super::seen::{Issued, Leftover};
use super::stages::{Run, Turn};
use super::waiting::Waiting;
use crate::core::fleet::Text;
use crate::core::time::{Span, Time};
use crate::executor::vocabulary::ExecutorWrite;

/// What a change of CA looks at: until everything is issued, and again when all servers have it.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub struct Authorities {
    /// What is issued next comes from another issuer, or from another key of the same one.
    pub changes: bool,
    /// How long clients are given to read the new CA.
    pub overlap: Span,
    /// The servers trust each other by what they began with: a group.
    pub mutual: bool,
    /// The certificate by which the new CA is learned.
    pub staging: Staging,
    /// The new CA is among the old ones.
    pub known: bool,
    /// The ConfigMap holds what it should at this moment.
    pub published: bool,
    /// A Secret whose `ca.crt` is not what it should be at this moment.
    pub untold: Option<Text>,
}

/// The certificate by which a CA is learned.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Staging {
    /// There is none.
    #[default]
    Missing,
    /// What an earlier request has left: what it says may be of an earlier CA.
    Remains(Leftover),
    /// It is there, and says nothing yet.
    Asked {
        /// Its name.
        name: Text,
        /// What it is.
        issued: Issued,
    },
    /// It is issued, and without its CA.
    Silent(Text),
    /// The CA is known.
    Learned,
}

/// Learns the new CA, and publishes it beside the old one.
pub(super) fn learn(run: &Run<'_>) -> Turn {
    let (progress, seen) = (&run.request.progress, &run.seen.authorities);
    if progress.0.contains_key(PUBLISHED) || progress.has(ISSUED) || !seen.changes {
        return Turn::Done;
    }
    match &seen.staging {
        Staging::Missing => Turn::Act(Write::Stage),
        Staging::Remains(leftover) => Turn::Act(Write::Delete(leftover.clone())),
        Staging::Asked { name, issued } if issued.issuing => {
            Turn::Wait(Waiting::Issuing(Text::clone(name)))
        }
        Staging::Asked { name, issued } if run.has_failed(issued) => Turn::Failed(format!(
            "cert-manager did not issue Certificate {}/{name}, by which the new CA is learned: its \
             conditions and events say why",
            run.request.namespace
        )),
        Staging::Asked { name, .. } => Turn::Act(Write::Issue(Text::clone(name))),
        Staging::Silent(name) => {
            let why = "holds no ca.crt: its issuer does not say which CA it signs with".to_owned();
            Turn::Wait(Waiting::Secret { certificate: Text::clone(name), why })
        }
        Staging::Learned if seen.known => {
            Turn::Note(ExecutorWrite::NotePublished, vec![Note::same_authority()])
        }
        Staging::Learned if !seen.published => Turn::Act(Write::Publish),
        Staging::Learned => {
            let note = Note::published(run.request, run.now + seen.overlap);
            Turn::Note(ExecutorWrite::NotePublished, vec![note])
        }
    }
}

/// Gives clients the time to read it.
pub(super) fn overlap(run: &Run<'_>) -> Turn {
    match run.overlap_ends() {
        Some(until) if run.now < until && !run.request.progress.has(ISSUED) => {
            Turn::Until(Waiting::Clients, until)
        }
        Some(_) | None => Turn::Done,
    }
}

/// Has servers trust the old CA and the new one, while both serve and get nothing but old leaves.
pub(super) fn trust(run: &Run<'_>) -> Turn {
    let progress = &run.request.progress;
    if progress.has(ISSUED) || !progress.has(PUBLISHED) || progress.has(TRUSTED) {
        return Turn::Done;
    }
    if let Some(untold) = untold(run) {
        return Turn::Act(Write::Trust(untold));
    }
    if !run.seen.authorities.mutual {
        return Turn::Note(ExecutorWrite::NoteTrusted, vec![Note::trusted(Status::True)]);
    }
    if !progress.0.contains_key(TRUSTED) {
        let notes = std::iter::once(Note::trusted(Status::False)).chain(run.servers_to_restart());
        return Turn::Note(ExecutorWrite::NoteTrusting, notes.collect());
    }
    match restart::look(run) {
        Turn::Note(ExecutorWrite::NoteRestarted, _) => {
            Turn::Note(ExecutorWrite::NoteTrusted, vec![Note::trusted(Status::True)])
        }
        turn @ (Turn::Done
        | Turn::Note(..)
        | Turn::Act(_)
        | Turn::Wait(_)
        | Turn::Until(..)
        | Turn::Failed(_)) => turn,
    }
}

/// The Secret that lacks one of two CAs while there are two. cert-manager writes leaf and CA at once, so
/// that after an issuance each of them does.
pub(super) fn untold(run: &Run<'_>) -> Option<Text> {
    let changes = run.request.progress.has(PUBLISHED);
    run.seen.authorities.untold.as_ref().filter(|_| changes).cloned()
}

/// The old CA goes, and what the new one was learned by. Without a change of CA there is one CA from
/// the beginning, and it is published for those who will need it one day.
pub(super) fn trim(run: &Run<'_>) -> Turn {
    let progress = &run.request.progress;
    if progress.has(READY) {
        return Turn::Done;
    }
    if let Some(untold) = untold(run) {
        return Turn::Act(Write::Trust(untold));
    }
    if !run.seen.authorities.published {
        return Turn::Act(Write::Publish);
    }
    // It may be what a request has left that was deleted.
    if let Some(remains) = delete(run) {
        return Turn::Act(remains);
    }
    if progress.has(PUBLISHED) && !progress.has(TRIMMED) {
        return Turn::Note(ExecutorWrite::NoteTrimmed, vec![Note::trimmed(run.request)]);
    }
    Turn::Done
}

impl Run<'_> {
    /// When clients have had their time to read the new CA.
    pub(super) fn overlap_ends(&self) -> Option<Time> {
        let progress = &self.request.progress;
        let published = progress.0.get(PUBLISHED).filter(|_| progress.has(PUBLISHED))?;
        Some(published.since? + self.seen.authorities.overlap)
    }

    /// Whether an issuance has failed in this step, and not in one that is forgiven.
    fn has_failed(&self, issued: &Issued) -> bool {
        let began = self.request.progress.step_began().unwrap_or(self.request.created);
        issued.last_failure.is_some_and(|failure| failure > began)
    }
}
