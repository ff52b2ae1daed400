//! The certificates: made or changed as the request wants them, issued anew, and looked at before
//! anything restarts.

use super::Write;
use super::authorities::untold;
use super::notes::{ISSUED, Note, SYNCED, Status};
use super::seen::{Certificate, Issued, Operation, Secret};
use super::stages::{Run, Turn};
use super::waiting::Waiting;
use crate::core::fleet::Text;
use crate::executor::vocabulary::ExecutorWrite;

/// Makes the Certificates that are not there, and changes those that are not as they should be.
/// What is in their Secrets stays until something new is issued.
pub(super) fn prepare(run: &Run<'_>) -> Turn {
    if run.request.progress.has(ISSUED) {
        return Turn::Done;
    }
    for certificate in &run.seen.certificates {
        let name = Text::clone(&certificate.name);
        match &certificate.found {
            None => return Turn::Act(Write::Create(name)),
            Some(issued) if !issued.as_wanted => return Turn::Act(Write::Change(name)),
            Some(_) => {}
        }
    }
    Turn::Done
}

/// Asks cert-manager for each certificate, once.
pub(super) fn issue(run: &Run<'_>) -> Turn {
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
            State::Old => {
                let name = &certificate.name;
                return if run.request.progress.baseline(name).is_some() {
                    Turn::Act(Write::Issue(Text::clone(name)))
                } else {
                    // An alias that was added since the pause.
                    let note = Note::certificate(certificate, None);
                    Turn::Note(ExecutorWrite::NotePaused, vec![note])
                };
            }
        }
    }
    Turn::Note(ExecutorWrite::NoteIssuing, vec![Note::issued(Status::True)])
}

/// Waits until all are issued. Nothing restarts before the Secrets are such as a server can start
/// with: mysqld starts without TLS, and without a word, on a bad one.
pub(super) fn sync(run: &Run<'_>) -> Turn {
    if run.request.progress.has(SYNCED) {
        return Turn::Done;
    }
    for certificate in &run.seen.certificates {
        let name = Text::clone(&certificate.name);
        match run.state(certificate) {
            State::Gone => return Turn::Failed(run.gone(certificate)),
            State::Issuing => return Turn::Wait(Waiting::Issuing(name)),
            State::Old | State::Failed => return Turn::Failed(run.not_issued(certificate)),
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
    if let Some(untold) = untold(run) {
        return Turn::Act(Write::Trust(untold));
    }
    let mut notes = vec![Note::synced()];
    // Of the others the template may change first.
    if run.request.asks == Ok(Operation::Rotate) {
        notes.extend(run.to_restart());
    }
    Turn::Note(ExecutorWrite::NoteSynced, notes)
}

/// Those that are not new are asked for again; their failures until now are forgiven.
pub(super) fn ask_again(run: &Run<'_>) -> Vec<Note> {
    let progress = &run.request.progress;
    let mut notes = vec![Note::issued(Status::False)];
    let found = run.seen.certificates.iter().filter(|it| it.found.is_some());
    notes.extend(found.map(|certificate| {
        let before = progress.baseline(&certificate.name);
        Note::certificate(certificate, before.as_ref())
    }));
    notes
}

/// How far a certificate is.
enum State<'a> {
    /// It does not exist.
    Gone,
    /// As it was.
    Old,
    /// As it was, and an issuance has failed since.
    Failed,
    /// cert-manager is at work on it.
    Issuing,
    /// Issued since.
    New(&'a Issued),
}

impl Run<'_> {
    fn state<'c>(&self, certificate: &'c Certificate) -> State<'c> {
        let Some(issued) = &certificate.found else {
            return State::Gone;
        };
        let baseline = self.request.progress.baseline(&certificate.name);
        match baseline {
            _ if issued.issuing => State::Issuing,
            Some(baseline) if baseline.is_renewed(issued) => State::New(issued),
            Some(baseline) if baseline.has_failed(issued) => State::Failed,
            Some(_) | None => State::Old,
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
