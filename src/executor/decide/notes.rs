//! The conditions of a request: what each says, and what is read back from it.
//!
//! | type | reason | message | when |
//! |---|---|---|---|
//! | `Running` | `Running` | `Controller has started to Progress the MySQLOpsRequest: ns/name` | the phase becomes Progressing |
//! | `ReconfigureTLS` | `CertrotorOperate` | `certrotor operate has started to rotate the certificates of MySQL ns/db`, `… to add TLS to …`, `… to change …`, `… to remove TLS from …` | with it: by this the executor knows the request for its own |
//! | `DatabasePauseSucceeded` | `DatabasePauseSucceeded` | `Successfully paused MySQL database: ns/db for MySQLOpsRequest: name` | the MySQL has the condition `Paused` |
//! | `GetCertificate--<certificate>` | `GetCertificate` | `get certificate; ConditionStatus:True; UID:…; Revision:…; LastFailure:…; Secret:…` | with it: the certificate as it was before; False: it was not there |
//! | `CABundlePublished` | `CABundlePublished` | `Successfully published the old CA and the new one for the clients of MySQL ns/db; new certificates are served from time on` | the ConfigMap `<db>-ca-bundle` holds both; only when the CA changes |
//! | `CABundlePublished` = False | `SameCA` | `The new issuer signs with a CA that is trusted already` | the issuer changes, and the CA does not |
//! | `CABundleTrusted` = False | `RestartPods` | `MySQL pods are restarted to trust the old CA and the new one` | of a group, with an `EvictPod--<pod>` for each server |
//! | `CABundleTrusted` | `CABundleTrusted` | `Successfully put the old CA and the new one where servers and clients trust them` | each Secret holds both, and the servers of a group have started with them |
//! | `IssueCertificatesSucceeded` | `IssueCertificatesSucceeded` | `Successfully added issuing condition to all the certificates` | each Certificate has the condition `Issuing`, or is already new |
//! | `CertificateSynced` | `ReconfigureTLS` | `Successfully synced all certificates` | each Certificate is Ready, of a newer revision, and its Secret holds it |
//! | `UpdateDatabase` | `UpdateDatabase` | `Successfully updated TLS of MySQL database: ns/db` | the MySQL says what the request wants; not of a rotation |
//! | `UpdatePetSets` | `UpdatePetSetsSucceeded` | `Successfully updated MySQL petset` | the template of its pods does; not of a rotation |
//! | `EvictPod--<pod>` = False | `EvictPod` | `evict pod; ConditionStatus:False; PodName:…; PodUID:…` | with it, or with `CertificateSynced` of a rotation: this pod is to be restarted |
//! | `ReloadPods` | `ReloadPodsSucceeded` | `Successfully reloaded MySQL pods for MySQLOpsRequest: ns/name` | every server serves the new leaf without a restart; no pod is evicted then |
//! | `ReloadPods` = False | `ReloadPodsFailed` | `MySQL pods are restarted instead: why` | one does not |
//! | `SwitchPrimary--<pod>` = Unknown | `SwitchPrimary` | `switch primary; ConditionStatus:Unknown; PodName:…; To:…` | it is the turn of the primary of a group: its role is handed over |
//! | `SwitchPrimary--<pod>` | `SwitchPrimary` | `switch primary; ConditionStatus:True; …` | it is the primary no longer |
//! | `SwitchPrimary--<pod>` = False | `SwitchPrimaryFailed` | `switch primary; ConditionStatus:False; …; why` | it still is, and is restarted all the same: the group elects another |
//! | `EvictPod--<pod>` = Unknown | `EvictPod` | `evict pod; ConditionStatus:Unknown; …` | it is the pod's turn |
//! | `EvictPod--<pod>` = True | `EvictPod` | `evict pod; ConditionStatus:True; …` | the pod of that uid is gone |
//! | `IsPodReady--<pod>` = False | `IsPodReady` | `is pod ready; ConditionStatus:False; PodName:…` | it has been restarted to trust another CA, and is again for the new leaf |
//! | `IsPodReady--<pod>` | `IsPodReady` | `is pod ready; ConditionStatus:True; PodName:…` | its successor is Ready, and has a role where others have |
//! | `Restart` | `RestartPodsSucceeded` | `Successfully restarted MySQL pods for MySQLOpsRequest: ns/name` | every pod has been |
//! | `CABundleTrimmed` | `CABundleTrimmed` | `Successfully removed the old CA from what the clients of MySQL ns/db trust` | every server serves the new leaf, and no Secret and no ConfigMap holds the old CA |
//! | `DatabaseReady` | `ReconfigureTLSSucceeded` | `Successfully reconfigured MySQL TLS for MySQLOpsRequest: ns/name` | the MySQL is resumed, and Ready |
//! | `Successful` | `Successful` | `Controller has successfully reconfigured TLS of MySQL ns/db` | the phase becomes Successful |
//! | `Retrying` | what failed | `retrying; Retry:n/max; why` | a step failed or took too long, and may be tried again |
//! | `ReconfigureTLSFailed` | what failed | *why* | it may not; the database is resumed after |
//! | `Failed` | what failed | *why* | the phase becomes Failed; the database is resumed before |
//! | `Denied` | `Denied` | *what to do* | what KubeDB's webhook refuses, and what this executor cannot do |
//! | `Skipped` | `Skipped` | `skipped as ns/name is the most updated MySQLOpsRequest of type ReconfigureTLS at time` | a newer request of the type is queued |
//!
//! *What failed* is `DatabasePauseFailed`, `IssueCertificatesFailed`, `UpdatePetSetsFailed`,
//! `RestartPodsFailed`, `DatabaseNotReady` or `DatabaseResumeFailed`; anything else, and a request that
//! was never started, is `ReconfigureTLSFailed`.
//!
//! Types, reasons and messages are KubeDB's as far as KubeDB has them. Its per-pod conditions have
//! no reason; here they have one, for tools that expect it.

use super::progress::failure_text;
pub use super::progress::{Baseline, Eviction, Mark, Progress, Switch};
use super::seen::{Certificate, Operation, Other, Request};
use crate::core::time::Time;

/// The request is started.
pub const RUNNING: &str = "Running";
/// The request is ours.
pub const OURS: &str = "ReconfigureTLS";
/// The reason by which it is.
pub(super) const OURS_REASON: &str = "CertrotorOperate";
/// The database is paused.
pub const PAUSED: &str = "DatabasePauseSucceeded";
/// Clients can read the old CA and the new one.
pub const PUBLISHED: &str = "CABundlePublished";
/// Servers trust both.
pub const TRUSTED: &str = "CABundleTrusted";
/// The old CA is gone.
pub const TRIMMED: &str = "CABundleTrimmed";
/// Every certificate was asked for.
pub const ISSUED: &str = "IssueCertificatesSucceeded";
/// Every certificate is there.
pub const SYNCED: &str = "CertificateSynced";
/// The MySQL says what the request wants.
pub const UPDATED: &str = "UpdateDatabase";
/// The template of its pods does.
pub const TEMPLATE: &str = "UpdatePetSets";
/// Every server has loaded its certificates anew.
pub const RELOADED: &str = "ReloadPods";
/// Every pod is restarted.
pub const RESTARTED: &str = "Restart";
/// The database is Ready again.
pub const READY: &str = "DatabaseReady";
/// A step is tried again.
pub const RETRYING: &str = "Retrying";
/// The request fails.
pub const FAILING: &str = "ReconfigureTLSFailed";
/// The request has ended well.
pub const SUCCESSFUL: &str = "Successful";
/// The request has failed.
pub const FAILED: &str = "Failed";
/// The request is refused.
pub const DENIED: &str = "Denied";
/// The request is passed over.
pub const SKIPPED: &str = "Skipped";

pub(super) const CERTIFICATE: &str = "GetCertificate";
pub(super) const EVICT: &str = "EvictPod";
pub(super) const POD_READY: &str = "IsPodReady";
pub(super) const SWITCH: &str = "SwitchPrimary";

/// What each step that can take long ends with: from the newest of these the next is timed.
pub(super) const MILESTONES: [&str; 13] = [
    RUNNING, PAUSED, PUBLISHED, TRUSTED, ISSUED, SYNCED, UPDATED, TEMPLATE, RELOADED, RESTARTED,
    TRIMMED, READY, RETRYING,
];

/// `status` of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It is on its way.
    Unknown,
}

impl Status {
    /// The word itself.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// A condition to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its type.
    pub kind: String,
    /// Its status.
    pub status: Status,
    /// Its reason.
    pub reason: &'static str,
    /// Its message.
    pub message: String,
}

impl Note {
    /// A condition that holds.
    pub fn new(kind: &str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), status: Status::True, reason, message: message.into() }
    }

    /// The request is started.
    pub fn running(request: &Request) -> Self {
        let path = request.path();
        let message = format!("Controller has started to Progress the MySQLOpsRequest: {path}");
        Self::new(RUNNING, RUNNING, message)
    }

    /// The request is ours.
    pub fn ours(request: &Request, operation: Operation, has_tls: bool) -> Self {
        let database = request.database_path();
        let what = match operation {
            Operation::Rotate => "rotate the certificates of",
            Operation::Configure if has_tls => "change the certificates of",
            Operation::Configure => "add TLS to",
            Operation::Require => "change whether clients must use TLS with",
            Operation::Remove => "remove TLS from",
        };
        let message = format!("certrotor operate has started to {what} MySQL {database}");
        Self::new(OURS, OURS_REASON, message)
    }

    /// The database is paused.
    pub fn paused(request: &Request) -> Self {
        let (database, name) = (request.database_path(), &request.name);
        let message =
            format!("Successfully paused MySQL database: {database} for MySQLOpsRequest: {name}");
        Self::new(PAUSED, PAUSED, message)
    }

    /// A certificate as it is before it is asked for, or that there is none. One that is asked for
    /// again, because that failed, keeps the revision it had at first.
    pub fn certificate(certificate: &Certificate, before: Option<&Baseline>) -> Self {
        let Certificate { name, secret, found } = certificate;
        let kept = before.filter(|before| found.as_ref().is_some_and(|now| before.is_of(now)));
        let is_new = before.map_or(found.is_none(), |before| before.is_new);
        let status = if is_new { Status::False } else { Status::True };
        let uid = found.as_ref().map_or("", |found| &*found.uid);
        let revision = found.as_ref().map_or(0, |found| found.revision);
        let revision = kept.map_or(revision, |before| before.revision);
        let failure = failure_text(found.as_ref().and_then(|found| found.last_failure));
        let word = status.as_str();
        let message = format!(
            "get certificate; ConditionStatus:{word}; UID:{uid}; Revision:{revision}; \
             LastFailure:{failure}; Secret:{secret}"
        );
        Self { status, ..Self::new(&format!("{CERTIFICATE}--{name}"), CERTIFICATE, message) }
    }

    /// Clients can read the old CA and the new one.
    pub fn published(request: &Request, served_from: Time) -> Self {
        let database = request.database_path();
        let message = format!(
            "Successfully published the old CA and the new one for the clients of MySQL {database}; \
             new certificates are served from {served_from} on"
        );
        Self::new(PUBLISHED, PUBLISHED, message)
    }

    /// There is nothing to publish: the CA stays the same.
    pub fn same_authority() -> Self {
        let message = "The new issuer signs with a CA that is trusted already";
        Self { status: Status::False, ..Self::new(PUBLISHED, "SameCA", message) }
    }

    /// Servers trust both; False: they are being restarted for it.
    pub fn trusted(status: Status) -> Self {
        match status {
            Status::True => Self::new(
                TRUSTED,
                TRUSTED,
                "Successfully put the old CA and the new one where servers and clients trust them",
            ),
            Status::False | Status::Unknown => {
                let message = "MySQL pods are restarted to trust the old CA and the new one";
                Self { status, ..Self::new(TRUSTED, "RestartPods", message) }
            }
        }
    }

    /// The old CA is gone.
    pub fn trimmed(request: &Request) -> Self {
        let database = request.database_path();
        let message = format!(
            "Successfully removed the old CA from what the clients of MySQL {database} trust"
        );
        Self::new(TRIMMED, TRIMMED, message)
    }

    /// Every certificate was asked for, or has to be once more.
    pub fn issued(status: Status) -> Self {
        let (reason, message) = match status {
            Status::True => {
                (ISSUED, "Successfully added issuing condition to all the certificates")
            }
            Status::False | Status::Unknown => {
                (ISSUE_FAILED, "The certificates are asked for again")
            }
        };
        Self { status, ..Self::new(ISSUED, reason, message) }
    }

    /// Every certificate is there.
    pub fn synced() -> Self {
        Self::new(SYNCED, OURS, "Successfully synced all certificates")
    }

    /// The MySQL says what the request wants.
    pub fn updated(request: &Request) -> Self {
        let database = request.database_path();
        let message = format!("Successfully updated TLS of MySQL database: {database}");
        Self::new(UPDATED, UPDATED, message)
    }

    /// The template of its pods does.
    pub fn template() -> Self {
        Self::new(TEMPLATE, "UpdatePetSetsSucceeded", "Successfully updated MySQL petset")
    }

    /// Every server has loaded its certificates anew.
    pub fn reloaded(request: &Request) -> Self {
        let path = request.path();
        let message = format!("Successfully reloaded MySQL pods for MySQLOpsRequest: {path}");
        Self::new(RELOADED, "ReloadPodsSucceeded", message)
    }

    /// They have not, and are restarted instead.
    pub fn not_reloaded(why: &str) -> Self {
        let message = format!("MySQL pods are restarted instead: {why}");
        Self { status: Status::False, ..Self::new(RELOADED, "ReloadPodsFailed", message) }
    }

    /// How far the eviction of a pod is.
    pub fn evict(pod: &str, uid: &str, status: Status) -> Self {
        let word = status.as_str();
        let message = format!("evict pod; ConditionStatus:{word}; PodName:{pod}; PodUID:{uid}");
        Self { status, ..Self::new(&format!("{EVICT}--{pod}"), EVICT, message) }
    }

    /// How far the hand-over of a primary's role is.
    pub fn switch(pod: &str, to: &str, status: Status) -> Self {
        let word = status.as_str();
        let message = format!("switch primary; ConditionStatus:{word}; PodName:{pod}; To:{to}");
        Self { status, ..Self::new(&format!("{SWITCH}--{pod}"), SWITCH, message) }
    }

    /// It does not come to that.
    pub fn not_switched(pod: &str, to: &str, why: &str) -> Self {
        let said = Self::switch(pod, to, Status::False);
        let message =
            format!("{}; the group elects a primary when Pod {pod} ends: {why}", said.message);
        Self { reason: "SwitchPrimaryFailed", message, ..said }
    }

    /// The successor of a pod is ready.
    pub fn pod_ready(pod: &str) -> Self {
        let message = format!("is pod ready; ConditionStatus:True; PodName:{pod}");
        Self::new(&format!("{POD_READY}--{pod}"), POD_READY, message)
    }

    /// A pod that has been restarted is to be once more.
    pub fn pod_not_ready(pod: &str) -> Self {
        let message = format!("is pod ready; ConditionStatus:False; PodName:{pod}");
        let ready = Self::pod_ready(pod);
        Self { status: Status::False, message, ..ready }
    }

    /// Every pod is restarted.
    pub fn restarted(request: &Request) -> Self {
        let path = request.path();
        let message = format!("Successfully restarted MySQL pods for MySQLOpsRequest: {path}");
        Self::new(RESTARTED, "RestartPodsSucceeded", message)
    }

    /// The database is Ready again.
    pub fn database_ready(request: &Request) -> Self {
        let path = request.path();
        let message = format!("Successfully reconfigured MySQL TLS for MySQLOpsRequest: {path}");
        Self::new(READY, "ReconfigureTLSSucceeded", message)
    }

    /// The request has ended well.
    pub fn successful(request: &Request) -> Self {
        let database = request.database_path();
        let message = format!("Controller has successfully reconfigured TLS of MySQL {database}");
        Self::new(SUCCESSFUL, SUCCESSFUL, message)
    }

    /// A step is tried again.
    pub fn retrying(reason: &'static str, retry: u32, of: u32, why: &str) -> Self {
        Self::new(RETRYING, reason, format!("retrying; Retry:{retry}/{of}; {why}"))
    }

    /// The request is passed over for a newer one.
    pub fn skipped(request: &Request, newer: &Other) -> Self {
        let (namespace, name, kind) = (&request.namespace, &newer.name, &newer.kind);
        let created = newer.created;
        let message = format!(
            "skipped as {namespace}/{name} is the most updated MySQLOpsRequest of type {kind} at \
             {created}"
        );
        Self::new(SKIPPED, SKIPPED, message)
    }
}

/// What failed.
pub(super) const PAUSE_FAILED: &str = "DatabasePauseFailed";
/// What failed.
pub const ISSUE_FAILED: &str = "IssueCertificatesFailed";
/// What failed.
pub(super) const TEMPLATE_FAILED: &str = "UpdatePetSetsFailed";
/// What failed.
pub(super) const RESTART_FAILED: &str = "RestartPodsFailed";
/// What failed.
pub(super) const NOT_READY: &str = "DatabaseNotReady";
/// What failed.
pub(super) const RESUME_FAILED: &str = "DatabaseResumeFailed";
