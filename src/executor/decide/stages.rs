//! A request that is carried out: its stages, one after the other, and what happens when one of
//! them fails or takes too long.

use super::notes::{
    FAILED, FAILING, ISSUE_FAILED, Mark, NOT_READY, Note, PAUSE_FAILED, PAUSED, READY,
    RESTART_FAILED, RESUME_FAILED, Status, TEMPLATE_FAILED,
};
use super::seen::{Database, Pod, Request, Seen};
use super::waiting::Waiting;
use super::{Step, Write, authorities, configuring, issuing, reload, restart};
use crate::core::fleet::{DatabasePhase, RequestPhase};
use crate::core::time::{Span, Time};
use crate::executor::vocabulary::ExecutorWrite;

/// A part of an operation.
pub(super) struct Stage {
    /// Where it is.
    look: fn(&Run<'_>) -> Turn,
    /// The reason in conditions when it fails.
    failed: &'static str,
    /// What has to be forgotten for it to be tried again.
    again: fn(&Run<'_>) -> Vec<Note>,
}

/// What a stage says.
pub(super) enum Turn {
    /// It is over.
    Done,
    /// Its progress is noted.
    Note(ExecutorWrite, Vec<Note>),
    /// Something is done. It may be refused for a while, by a disruption budget for instance.
    Act(Write),
    /// It waits.
    Wait(Waiting),
    /// It waits for this moment, which is never too late.
    Until(Waiting, Time),
    /// It has failed.
    Failed(String),
}

const PAUSE: Stage = Stage { look: pause, failed: PAUSE_FAILED, again: nothing };
const LEARN: Stage = Stage { look: authorities::learn, failed: ISSUE_FAILED, again: nothing };
const OVERLAP: Stage = Stage { look: authorities::overlap, failed: FAILING, again: nothing };
const TRUST: Stage = Stage { look: authorities::trust, failed: RESTART_FAILED, again: nothing };
const TRIM: Stage = Stage { look: authorities::trim, failed: FAILING, again: nothing };
const PREPARE: Stage = Stage { look: issuing::prepare, failed: ISSUE_FAILED, again: nothing };
const ISSUE: Stage =
    Stage { look: issuing::issue, failed: ISSUE_FAILED, again: issuing::ask_again };
const SYNC: Stage = Stage { look: issuing::sync, failed: ISSUE_FAILED, again: issuing::ask_again };
const UPDATE: Stage = Stage { look: configuring::update, failed: FAILING, again: nothing };
const TEMPLATE: Stage =
    Stage { look: configuring::template, failed: TEMPLATE_FAILED, again: nothing };
const RELOAD: Stage = Stage { look: reload::look, failed: RESTART_FAILED, again: nothing };
const RESTART: Stage = Stage { look: restart::look, failed: RESTART_FAILED, again: nothing };
const VERIFY: Stage = Stage { look: reload::verify, failed: FAILING, again: nothing };
const CLEAN: Stage = Stage { look: configuring::clean, failed: FAILING, again: nothing };
const RESUME: Stage = Stage { look: resume, failed: RESUME_FAILED, again: nothing };
const WAIT: Stage = Stage { look: ready, failed: NOT_READY, again: nothing };

/// The same certificates, issued anew.
pub(super) const ROTATE: &[Stage] =
    &[PAUSE, LEARN, OVERLAP, TRUST, ISSUE, SYNC, RELOAD, RESTART, VERIFY, TRIM, RESUME, WAIT];
/// Another issuer, or other certificates. They are there before the MySQL changes: until then it is
/// as it was.
pub(super) const CONFIGURE: &[Stage] = &[
    PAUSE, LEARN, OVERLAP, TRUST, PREPARE, ISSUE, SYNC, UPDATE, TEMPLATE, RESTART, VERIFY, TRIM,
    RESUME, WAIT,
];
/// Whether clients must use TLS.
pub(super) const REQUIRE: &[Stage] = &[PAUSE, UPDATE, TEMPLATE, RESTART, VERIFY, RESUME, WAIT];
/// No TLS any more. What servers have mounted goes last.
pub(super) const REMOVE: &[Stage] = &[PAUSE, UPDATE, TEMPLATE, RESTART, CLEAN, RESUME, WAIT];

/// A request that is carried out.
pub(super) struct Run<'a> {
    pub(super) seen: &'a Seen,
    pub(super) request: &'a Request,
    pub(super) database: &'a Database,
    pub(super) step_timeout: Span,
    pub(super) now: Time,
}

impl Run<'_> {
    /// Chooses the row.
    pub(super) fn next(&self) -> Step {
        if let Some(failing) = self.request.progress.failing() {
            return self.fail(failing);
        }
        if self
            .request
            .observed_generation
            .is_some_and(|started| started != self.request.generation)
        {
            let why = "the request was changed while it was carried out: make a new one instead";
            return failing(FAILING, why.to_owned());
        }
        let Ok(operation) = &self.request.asks else {
            return failing(FAILING, "the request cannot be read any more".to_owned());
        };
        let mut stages = operation.stages().iter();
        let step = stages.find_map(|stage| self.turn(stage));
        step.unwrap_or_else(|| self.succeed())
    }

    /// What a stage comes to; nothing when it is over.
    fn turn(&self, stage: &Stage) -> Option<Step> {
        let deadline = self.deadline();
        let late = self.now >= deadline;
        let timeout = self.timeout();
        Some(match (stage.look)(self) {
            Turn::Done => return None,
            Turn::Note(point, notes) => Step::note(point, notes),
            Turn::Wait(why) if late => {
                self.setback(stage, &format!("gave up after {timeout}: {why}"))
            }
            Turn::Wait(why) => Step::Wait { why, until: Some(deadline) },
            Turn::Until(why, at) => Step::Wait { why, until: Some(at) },
            Turn::Act(write) if late => {
                let what = write.point();
                self.setback(stage, &format!("gave up after {timeout}: {what} is refused"))
            }
            Turn::Act(write) => Step::Write(write),
            Turn::Failed(why) => self.setback(stage, &why),
        })
    }

    pub(super) fn timeout(&self) -> Span {
        self.request.timeout.unwrap_or(self.step_timeout)
    }

    /// When the step under way has taken too long.
    fn deadline(&self) -> Time {
        let began = self.request.progress.step_began().unwrap_or(self.request.created);
        // Clients are given their time whatever a step may take.
        began.max(self.overlap_ends().unwrap_or(began)) + self.timeout()
    }

    /// A step failed: it is tried again, as long as that is allowed.
    fn setback(&self, stage: &Stage, why: &str) -> Step {
        let retry = self.request.progress.retries().saturating_add(1);
        let of = self.request.max_retries;
        if retry > of {
            return failing(stage.failed, why.to_owned());
        }
        let mut notes = vec![Note::retrying(stage.failed, retry, of, why)];
        notes.extend((stage.again)(self));
        Step::note(ExecutorWrite::Retry, notes)
    }

    /// The database first, the phase last.
    fn fail(&self, failing: &Mark) -> Step {
        if self.database.is_paused_for(self.request) {
            return Step::Write(Write::Resume);
        }
        // What cannot be undone in this time must not keep the request for ever.
        let late = failing.since.is_none_or(|since| self.now >= since + self.timeout());
        if let Some(undo) = configuring::undo(self).filter(|_| !late) {
            return Step::Write(undo);
        }
        let known =
            [PAUSE_FAILED, ISSUE_FAILED, TEMPLATE_FAILED, RESTART_FAILED, NOT_READY, RESUME_FAILED];
        let reason = known.into_iter().find(|known| *known == failing.reason).unwrap_or(FAILING);
        let note = Note::new(FAILED, reason, configuring::outcome(self, &failing.message));
        Step::phase(ExecutorWrite::Fail, RequestPhase::Failed, vec![note])
    }

    /// The pods as they are, which are to be restarted.
    pub(super) fn to_restart(&self) -> impl Iterator<Item = Note> {
        self.seen.pods.iter().flat_map(|(name, pod)| self.evictions_of(name, pod))
    }

    /// The servers as they are, without the routers.
    pub(super) fn servers_to_restart(&self) -> impl Iterator<Item = Note> {
        self.seen.servers().flat_map(|(name, pod)| self.evictions_of(name, pod))
    }

    /// That it was restarted before, to trust another CA, is forgotten.
    fn evictions_of(&self, name: &str, pod: &Pod) -> impl Iterator<Item = Note> + use<> {
        let again = Note::pod_not_ready(name);
        let again = self.request.progress.has(&again.kind).then_some(again);
        std::iter::once(Note::evict(name, &pod.uid, Status::False)).chain(again)
    }

    fn succeed(&self) -> Step {
        let note = Note::successful(self.request);
        Step::phase(ExecutorWrite::Succeed, RequestPhase::Successful, vec![note])
    }
}

/// Noted before the database is resumed, so that a crash between does not begin anything anew.
fn failing(reason: &'static str, why: String) -> Step {
    Step::note(ExecutorWrite::NoteFailure, vec![Note::new(FAILING, reason, why)])
}

fn nothing(_: &Run<'_>) -> Vec<Note> {
    Vec::new()
}

/// Once noted, it is not looked at again: a person who resumes the database means it.
fn pause(run: &Run<'_>) -> Turn {
    if run.request.progress.has(PAUSED) {
        return Turn::Done;
    }
    match &run.database.pause {
        None => Turn::Act(Write::Pause),
        Some(_) if run.database.is_paused_for(run.request) => {
            let mut notes = vec![Note::paused(run.request)];
            let certificates = run.seen.certificates.iter();
            notes.extend(certificates.map(|certificate| Note::certificate(certificate, None)));
            Turn::Note(ExecutorWrite::NotePaused, notes)
        }
        Some(pause) => Turn::Wait(Waiting::Paused(pause.clone())),
    }
}

/// After the pause: a provisioner may leave the status of a paused database as it is.
fn ready(run: &Run<'_>) -> Turn {
    if run.request.progress.has(READY) {
        Turn::Done
    } else if run.database.phase == DatabasePhase::Ready {
        let note = Note::database_ready(run.request);
        Turn::Note(ExecutorWrite::NoteDatabaseReady, vec![note])
    } else {
        Turn::Wait(Waiting::NotReady(run.database.phase))
    }
}

fn resume(run: &Run<'_>) -> Turn {
    if run.database.is_paused_for(run.request) { Turn::Act(Write::Resume) } else { Turn::Done }
}
