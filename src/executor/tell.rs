//! What people are told: Events as KubeDB's, and the log.

use super::Hand;
use super::decide::Write;
use super::decide::notes::{Note, Status};
use super::decide::seen::{Request, Seen};
use super::decide::waiting::Waiting;
use super::vocabulary::{ExecutorWrite, RequestEnd};
use crate::api::resources::OPS_REQUEST;
use crate::cluster::events::{EventRecord, Regarding};

const STARTING: &str = "Starting";
const SUCCESSFUL: &str = "Successful";

/// What an Event says.
struct Said {
    reason: &'static str,
    note: String,
    warning: bool,
}

impl Hand {
    /// Before a write.
    pub(super) fn tell_starting(&self, seen: &Seen, write: &Write) {
        let request = &seen.request;
        let database = request.database_path();
        let note = match write {
            Write::Pause => format!("Pausing MySQL database: {database}"),
            Write::Resume => format!("Resuming MySQL database: {database}"),
            Write::Evict { pod, .. } => format!("Restarting Pod: {}/{pod}", request.namespace),
            Write::Update => format!("Updating TLS of MySQL database: {database}"),
            Write::Reload(pod) => format!("Reloading Pod: {}/{pod}", request.namespace),
            Write::SwitchPrimary { to, .. } => {
                format!("Switching primary to Pod: {}/{to}", request.namespace)
            }
            Write::Request { .. }
            | Write::Issue(_)
            | Write::LetGo
            | Write::Create(_)
            | Write::Change(_)
            | Write::Stage
            | Write::Publish
            | Write::Trust(_)
            | Write::Delete(_) => return,
        };
        self.say(request, Said { reason: STARTING, note, warning: false });
    }

    /// After a write.
    pub(super) fn tell_done(&self, seen: &Seen, write: &Write) {
        let request = &seen.request;
        tracing::info!(
            namespace = &*request.namespace,
            request = &*request.name,
            database = &*request.database,
            write = %write.point(),
            "wrote"
        );
        self.metrics.wrote(write.point());
        if let Some(end) = end(write.point()) {
            self.metrics.ended(end);
        }
        match write {
            Write::Request { point, notes, .. } => self.tell_noted(request, *point, notes),
            Write::Resume => {
                let database = request.database_path();
                let note = format!("Successfully resumed MySQL database: {database}");
                self.say(request, Said { reason: SUCCESSFUL, note, warning: false });
            }
            Write::Pause
            | Write::LetGo
            | Write::Create(_)
            | Write::Change(_)
            | Write::Stage
            | Write::Publish
            | Write::Trust(_)
            | Write::Update
            | Write::Delete(_)
            | Write::Issue(_)
            | Write::Reload(_)
            | Write::SwitchPrimary { .. }
            | Write::Evict { .. } => {}
        }
    }

    pub(super) fn tell_noted(&self, request: &Request, point: ExecutorWrite, notes: &[Note]) {
        let Some(first) = notes.first() else { return };
        let note = first.message.clone();
        let said = match point {
            ExecutorWrite::Start => {
                let note = format!("Start processing for MySQLOpsRequest: {}", request.path());
                Said { reason: STARTING, note, warning: false }
            }
            ExecutorWrite::NotePaused
            | ExecutorWrite::NotePublished
            | ExecutorWrite::NoteTrusted
            | ExecutorWrite::NoteTrimmed
            | ExecutorWrite::NoteSynced
            | ExecutorWrite::NoteUpdated
            | ExecutorWrite::NoteTemplate
            | ExecutorWrite::NoteReloaded
            | ExecutorWrite::NoteRestarted
            | ExecutorWrite::NoteDatabaseReady
            | ExecutorWrite::Succeed => Said { reason: SUCCESSFUL, note, warning: false },
            ExecutorWrite::NoteSwitched => {
                let reason = first.reason;
                Said { reason, note, warning: first.status != Status::True }
            }
            ExecutorWrite::Retry => Said { reason: "Retrying", note, warning: true },
            ExecutorWrite::Fail => Said { reason: "Failed", note, warning: true },
            ExecutorWrite::Refuse => Said { reason: "Denied", note, warning: true },
            ExecutorWrite::Skip => Said { reason: "Skipped", note, warning: false },
            ExecutorWrite::Queue
            | ExecutorWrite::PauseDatabase
            | ExecutorWrite::StageAuthority
            | ExecutorWrite::PublishBundle
            | ExecutorWrite::TrustAuthorities
            | ExecutorWrite::NoteTrusting
            | ExecutorWrite::CreateCertificate
            | ExecutorWrite::ChangeCertificate
            | ExecutorWrite::UpdateDatabase
            | ExecutorWrite::LetDatabaseGo
            | ExecutorWrite::ReloadTls
            | ExecutorWrite::DeleteCertificate
            | ExecutorWrite::DeleteSecret
            | ExecutorWrite::DeleteBundle
            | ExecutorWrite::IssueCertificate
            | ExecutorWrite::NoteIssuing
            | ExecutorWrite::NoteSwitching
            | ExecutorWrite::SwitchPrimary
            | ExecutorWrite::NoteEvicting
            | ExecutorWrite::EvictPod
            | ExecutorWrite::NoteEvicted
            | ExecutorWrite::NotePodReady
            | ExecutorWrite::NoteFailure
            | ExecutorWrite::ResumeDatabase
            | ExecutorWrite::ReleaseDatabase => return,
        };
        self.say(request, said);
    }

    /// A queued request waits.
    pub(super) fn tell_waiting(&self, request: &Request, why: &Waiting) {
        let said = Said { reason: "Waiting", note: why.to_string(), warning: false };
        self.say(request, said);
    }

    /// A disruption budget does not allow an eviction.
    pub(super) fn tell_refused(&self, request: &Request, pod: &str) {
        let note = format!(
            "A PodDisruptionBudget does not allow to evict Pod {}/{pod} now",
            request.namespace
        );
        self.say(request, Said { reason: "Waiting", note, warning: false });
    }

    /// The database of a request does not exist.
    pub(super) fn tell_dropped(&self, request: &Request) {
        let note = format!(
            "MySQL {} does not exist or is being deleted: nothing is done for this request, and it \
             may be deleted",
            request.database_path()
        );
        self.say(request, Said { reason: "DatabaseNotFound", note, warning: true });
    }

    fn say(&self, request: &Request, said: Said) {
        let version = OPS_REQUEST.versions.first().copied().unwrap_or_default();
        let regarding = Regarding {
            api_version: format!("{}/{version}", OPS_REQUEST.group),
            kind: OPS_REQUEST.kind.to_owned(),
            namespace: request.namespace.to_string(),
            name: request.name.to_string(),
            uid: request.uid.to_string(),
        };
        let Said { reason, note, warning } = said;
        self.events.post(EventRecord {
            regarding,
            reason,
            action: "ReconfigureTLS",
            note,
            warning,
        });
    }
}

/// The end that a write gives its request.
fn end(point: ExecutorWrite) -> Option<RequestEnd> {
    let ends = [
        (ExecutorWrite::Succeed, RequestEnd::Successful),
        (ExecutorWrite::Fail, RequestEnd::Failed),
        (ExecutorWrite::Refuse, RequestEnd::Denied),
        (ExecutorWrite::Skip, RequestEnd::Skipped),
    ];
    ends.into_iter().find(|(write, _)| *write == point).map(|(_, end)| end)
}
