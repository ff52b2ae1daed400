//! A request that is carried out: its stages, one after the other, and what happens when one of
//! them fails or takes too long.

use super::notes::{
    FAILED, FAILING, ISSUE_FAILED, ISSUED, NOT_READY, Note, PAUSE_FAILED, PAUSED, READY,
    RESTART_FAILED, RESUME_FAILED, SYNCED, Status,
};
use super::seen::{Certificate, Database, Issued, Request, Secret, Seen};
use super::waiting::Waiting;
use super::{Step, Write, restart};
use crate::core::fleet::{DatabasePhase, RequestPhase, Text};
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
    /// It has failed.
    Failed(String),
}

/// The same certificates, issued anew.
pub(super) const STAGES_OF_ROTATE: &[Stage] = &[
    Stage { look: pause, failed: PAUSE_FAILED, again: nothing },
    Stage { look: issue, failed: ISSUE_FAILED, again: ask_again },
    Stage { look: sync, failed: ISSUE_FAILED, again: ask_again },
    Stage { look: restart::look, failed: RESTART_FAILED, again: nothing },
    Stage { look: resume, failed: RESUME_FAILED, again: nothing },
    Stage { look: ready, failed: NOT_READY, again: nothing },
];

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
            return self.fail(&failing.reason, &failing.message);
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
            Turn::Act(write) if late => {
                let what = write.point();
                self.setback(stage, &format!("gave up after {timeout}: {what} is refused"))
            }
            Turn::Act(write) => Step::Write(write),
            Turn::Failed(why) => self.setback(stage, &why),
        })
    }

    fn timeout(&self) -> Span {
        self.request.timeout.unwrap_or(self.step_timeout)
    }

    /// When the step under way has taken too long.
    fn deadline(&self) -> Time {
        self.request.progress.step_began().unwrap_or(self.request.created) + self.timeout()
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
    fn fail(&self, reason: &str, message: &str) -> Step {
        if self.database.is_paused_for(self.request) {
            return Step::Write(Write::Resume);
        }
        let known = [PAUSE_FAILED, ISSUE_FAILED, RESTART_FAILED, NOT_READY, RESUME_FAILED];
        let reason = known.into_iter().find(|known| *known == reason).unwrap_or(FAILING);
        let note = Note::new(FAILED, reason, message);
        Step::phase(ExecutorWrite::Fail, RequestPhase::Failed, vec![note])
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
            notes.extend(run.found().map(|(name, issued)| Note::certificate(name, issued, None)));
            Turn::Note(ExecutorWrite::NotePaused, notes)
        }
        Some(pause) => Turn::Wait(Waiting::Paused(pause.clone())),
    }
}

/// Asks cert-manager for each certificate, once.
fn issue(run: &Run<'_>) -> Turn {
    if run.request.progress.has(ISSUED) {
        return Turn::Done;
    }
    if run.seen.certificates.is_empty() {
        return Turn::Failed(format!("MySQL {} has no TLS any more", run.request.database_path()));
    }
    for certificate in &run.seen.certificates {
        match run.state(certificate) {
            State::Gone => return Turn::Failed(run.gone(certificate)),
            State::New(_) | State::Issuing => {}
            State::Failed => return Turn::Failed(run.not_issued(certificate)),
            State::Old(issued) => {
                let name = &certificate.name;
                return if run.request.progress.baseline(name).is_some() {
                    Turn::Act(Write::Issue(Text::clone(name)))
                } else {
                    // An alias that was added since the pause.
                    let note = Note::certificate(name, issued, None);
                    Turn::Note(ExecutorWrite::NotePaused, vec![note])
                };
            }
        }
    }
    Turn::Note(ExecutorWrite::NoteIssuing, vec![Note::issued(Status::True)])
}

/// Waits until all are issued. Nothing restarts before the Secrets are such as a server can start
/// with: mysqld starts without TLS, and without a word, on a bad one.
fn sync(run: &Run<'_>) -> Turn {
    if run.request.progress.has(SYNCED) {
        return Turn::Done;
    }
    for certificate in &run.seen.certificates {
        let name = Text::clone(&certificate.name);
        match run.state(certificate) {
            State::Gone => return Turn::Failed(run.gone(certificate)),
            State::Issuing => return Turn::Wait(Waiting::Issuing(name)),
            State::Old(_) | State::Failed => return Turn::Failed(run.not_issued(certificate)),
            State::New(issued) if !issued.ready => {
                return Turn::Wait(Waiting::NotIssuedReady(name));
            }
            State::New(issued) => {
                if let Some(why) = unusable(issued) {
                    return Turn::Wait(Waiting::Secret { certificate: name, why });
                }
            }
        }
    }
    let pods = run.seen.pods.iter();
    let evictions = pods.map(|(name, pod)| Note::evict(name, &pod.uid, Status::False));
    let notes = std::iter::once(Note::synced()).chain(evictions).collect();
    Turn::Note(ExecutorWrite::NoteSynced, notes)
}

/// Those that are not new are asked for again; their failures until now are forgiven.
fn ask_again(run: &Run<'_>) -> Vec<Note> {
    let progress = &run.request.progress;
    let mut notes = vec![Note::issued(Status::False)];
    notes.extend(run.found().map(|(name, issued)| {
        let before = progress.baseline(name);
        Note::certificate(name, issued, before.as_ref())
    }));
    notes
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

/// How far a certificate is.
enum State<'a> {
    /// It does not exist.
    Gone,
    /// As it was.
    Old(&'a Issued),
    /// As it was, and an issuance has failed since.
    Failed,
    /// cert-manager is at work on it.
    Issuing,
    /// Issued since.
    New(&'a Issued),
}

impl Run<'_> {
    fn found(&self) -> impl Iterator<Item = (&Text, &Issued)> {
        let certificates = self.seen.certificates.iter();
        certificates.filter_map(|it| Some((&it.name, it.found.as_ref()?)))
    }

    fn state<'c>(&self, certificate: &'c Certificate) -> State<'c> {
        let Some(issued) = &certificate.found else {
            return State::Gone;
        };
        let baseline = self.request.progress.baseline(&certificate.name);
        match baseline {
            _ if issued.issuing => State::Issuing,
            Some(baseline) if baseline.is_renewed(issued) => State::New(issued),
            Some(baseline) if baseline.has_failed(issued) => State::Failed,
            Some(_) | None => State::Old(issued),
        }
    }

    fn gone(&self, certificate: &Certificate) -> String {
        let path = self.certificate_path(certificate);
        format!("Certificate {path} does not exist any more")
    }

    fn not_issued(&self, certificate: &Certificate) -> String {
        let path = self.certificate_path(certificate);
        format!("cert-manager did not issue Certificate {path}: its conditions and events say why")
    }

    fn certificate_path(&self, certificate: &Certificate) -> String {
        format!("{}/{}", self.request.namespace, certificate.name)
    }
}

/// What is wrong with the Secret of a certificate that is issued.
fn unusable(issued: &Issued) -> Option<String> {
    match &issued.secret {
        Secret::Unseen | Secret::Missing => Some("does not exist".to_owned()),
        Secret::Unusable(why) => Some(format!("is unusable: {why}")),
        Secret::Holds(life) if issued.life != Some(*life) => {
            Some("does not hold what was issued yet".to_owned())
        }
        Secret::Holds(_) => None,
    }
}
