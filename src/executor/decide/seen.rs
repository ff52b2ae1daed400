//! What a decision looks at, as plain values: what the apiserver held a moment ago.

use std::cmp::Reverse;
use std::collections::BTreeMap;

pub use super::authorities::{Authorities, Staging};
use super::notes::Progress;
use crate::core::fleet::{DatabasePhase, RequestPhase, Text};
use crate::core::time::{Span, Time};

/// All that a decision about one request looks at.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The request.
    pub request: Request,
    /// The other requests for the same database, until it starts.
    pub others: Vec<Other>,
    /// The database; none: it does not exist or is being deleted.
    pub database: Option<Database>,
    /// Another executor that is at work: nothing is begun beside it.
    pub rival: Option<Text>,
    /// A backup or restore of it runs. Nobody looks once the request has started.
    pub backup_running: bool,
    /// The Certificate of each of its aliases, until `CertificateSynced`. Their Secrets are looked at
    /// from `IssueCertificatesSucceeded` on.
    pub certificates: Vec<Certificate>,
    /// Why it would fail if it began, until it does.
    pub unfit: Option<Unfit>,
    /// The template that its pods are made from, from the moment at which the MySQL is as it should be.
    pub template: Template,
    /// Its pods by name, from `IssueCertificatesSucceeded` until `Restart`.
    pub pods: BTreeMap<Text, Pod>,
    /// Servers may load their certificates anew instead of being restarted: policy and topology
    /// allow it.
    pub reloads: bool,
    /// The primary's role can be handed over: the servers are a group with one primary, and can be
    /// spoken to.
    pub switches: bool,
    /// How many members of the group are online, as one of them says; none while nobody is asked,
    /// or does not answer.
    pub online: Option<u32>,
    /// What the database needs no more: looked at when TLS was removed, or could not be added.
    pub leftovers: Vec<Leftover>,
    /// Who signs, and who is trusted.
    pub authorities: Authorities,
}

/// Why a request that can be read cannot be carried out on this database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// An issuer that it needs does not exist.
    NoSuchIssuer(Text),
    /// Nobody would sign the certificate of an alias that servers need.
    Unsigned(&'static str),
}

/// The template that a database's pods are made from. Its provisioner keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// It was not looked at.
    Unseen,
    /// There is neither a `PetSet` nor a `StatefulSet`.
    Missing,
    /// A pod made from it would have TLS as the MySQL says.
    AsWanted,
    /// It would not.
    Differs,
}

/// Something that a database needs no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// What it is.
    pub kind: LeftoverKind,
    /// Its name.
    pub name: Text,
    /// Its uid.
    pub uid: Text,
    /// Its resourceVersion: it is deleted only as it was seen.
    pub resource_version: Text,
}

/// What a leftover is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftoverKind {
    /// A Certificate.
    Certificate,
    /// The Secret of one.
    Secret,
    /// The ConfigMap with the CAs that clients trust.
    Bundle,
}

/// The request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Its namespace, which is the database's too.
    pub namespace: Text,
    /// Its name.
    pub name: Text,
    /// Its uid.
    pub uid: Text,
    /// Its resourceVersion: every write of its status is a compare-and-swap on it.
    pub resource_version: Text,
    /// The MySQL that it names.
    pub database: Text,
    /// When it was created.
    pub created: Time,
    /// It has a deletionTimestamp.
    pub deleting: bool,
    /// `metadata.generation`: grows when somebody changes the spec.
    pub generation: i64,
    /// The generation that it was started with.
    pub observed_generation: Option<i64>,
    /// `status.phase`.
    pub phase: RequestPhase,
    /// What it asks for, or why that cannot be done.
    pub asks: Result<Operation, Refusal>,
    /// `apply: Always`: whatever state the database is in.
    pub always: bool,
    /// The limit for each of its steps, where it names one.
    pub timeout: Option<Span>,
    /// How often a step that failed is tried again, in all.
    pub max_retries: u32,
    /// How far it is, as its conditions say.
    pub progress: Progress,
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The same certificates, issued anew.
    Rotate,
    /// Another issuer, or other certificates; for a database without TLS: TLS.
    Configure,
    /// Whether clients must use TLS, and nothing else.
    Require,
    /// No TLS any more.
    Remove,
}

/// Why a request is refused before anything was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// KubeDB's webhook refuses it, too.
    #[error("spec.databaseRef.name is empty: name the MySQL in the namespace of the request")]
    NoDatabase,
    /// KubeDB's webhook refuses it, too.
    #[error("spec.tls is missing: say what to do, for instance spec.tls.rotateCertificates: true")]
    NoTls,
    /// KubeDB's webhook refuses it, too.
    #[error(
        "spec.tls.remove and spec.tls.rotateCertificates exclude each other: make a request for \
         one of them"
    )]
    RemoveAndRotate,
    /// The webhook lets it pass.
    #[error(
        "spec.tls.remove and spec.tls.{0} exclude each other: what is removed cannot be configured; \
         make a request for one of them"
    )]
    RemoveAnd(&'static str),
    /// The webhook lets it pass.
    #[error(
        "spec.tls asks for nothing: say what to do, for instance spec.tls.rotateCertificates: true"
    )]
    Nothing,
    /// Nobody mounts such a certificate.
    #[error(
        "spec.tls.certificates has an entry with the alias {0:?}, and no server or client uses such \
         a certificate: name server, client, metrics-exporter or router"
    )]
    Alias(String),
    /// The later of the two would win without a word.
    #[error("spec.tls.certificates has two entries with the alias {0:?}: make them one")]
    AliasTwice(String),
    /// It would keep cert-manager from reading any Certificate.
    #[error(
        "spec.tls.certificates: {field} of {alias} is {text:?}, which is no length of time that Go \
         knows: write for instance 2160h"
    )]
    Duration {
        /// The certificate.
        alias: String,
        /// Which of its fields.
        field: &'static str,
        /// What stands there.
        text: String,
    },
    /// Nobody would sign.
    #[error("spec.tls{0}.issuerRef names nobody: give it a kind and a name")]
    NoIssuer(String),
    /// The CRD takes any text.
    #[error("spec.timeout {0:?} is no length of time: write for instance 10m0s")]
    Timeout(String),
}

/// Another request for the same database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// Its name.
    pub name: Text,
    /// `spec.type`.
    pub kind: Text,
    /// When it was created.
    pub created: Time,
    /// `status.phase`.
    pub phase: RequestPhase,
    /// It can be carried out: it has no deletionTimestamp, and this executor does not refuse it.
    pub acceptable: bool,
}

/// The database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Its resourceVersion: pausing and resuming are compare-and-swaps on it.
    pub resource_version: Text,
    /// What its operator says of it.
    pub phase: DatabasePhase,
    /// `spec.halted`.
    pub halted: bool,
    /// How many servers it should have.
    pub replicas: u32,
    /// It asks for TLS.
    pub tls: bool,
    /// Its `spec.tls` and `spec.requireSSL` are as the request wants them.
    pub as_wanted: bool,
    /// Who asks others to leave it alone, if anybody does.
    pub pause: Option<Pause>,
}

/// Who paused a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pause {
    /// The executor, for the request with this name and uid.
    For {
        /// Its name.
        request: Text,
        /// Its uid.
        uid: Text,
    },
    /// Somebody else.
    Foreign,
}

/// The Certificate of an alias.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// Its name.
    pub name: Text,
    /// The Secret that it is stored in.
    pub secret: Text,
    /// What it is; none: it does not exist.
    pub found: Option<Issued>,
}

/// What a Certificate is.
#[derive(Clone, Debug, PartialEq)]
pub struct Issued {
    /// Its uid.
    pub uid: Text,
    /// Its resourceVersion: asking for a new one is a compare-and-swap on it.
    pub resource_version: Text,
    /// Its spec is as the request wants it; of one that fails, as it was.
    pub as_wanted: bool,
    /// Which issuance it is; 0 before the first.
    pub revision: i64,
    /// cert-manager says that what is issued is as its spec wants it now.
    pub ready: bool,
    /// It is being issued, or asked for.
    pub issuing: bool,
    /// When an issuance failed last.
    pub last_failure: Option<Time>,
    /// When what is issued begins and ends.
    pub life: Option<Life>,
    /// What its Secret holds.
    pub secret: Secret,
}

/// From the first to the last moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// notBefore
    pub begins: Time,
    /// notAfter
    pub ends: Time,
}

/// What the Secret of a certificate holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// It was not looked at.
    Unseen,
    /// It does not exist.
    Missing,
    /// A server would not start with it, or would start without TLS.
    Unusable(String),
    /// A leaf that leads to the authority beside it.
    Holds(Life),
}

/// A pod of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its uid.
    pub uid: Text,
    /// What it does.
    pub role: Role,
    /// It is Ready.
    pub ready: bool,
    /// It has a deletionTimestamp.
    pub deleting: bool,
    /// What its server serves, where that is looked at.
    pub serves: Serving,
}

/// What a server was seen to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    /// Nobody has looked, or nothing was to be seen.
    Unseen,
    /// Another certificate than the one in the Secret, or none.
    Old,
    /// The certificate in the Secret.
    New,
}

/// What a pod does. In this order they are restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A server of which nobody says that it is the primary.
    Unknown,
    /// A server that follows the primary.
    Standby,
    /// A server that takes writes.
    Primary,
    /// It leads clients to servers.
    Router,
}

impl Seen {
    /// The pods that run a server.
    pub fn servers(&self) -> impl Iterator<Item = (&Text, &Pod)> {
        self.pods.iter().filter(|(_, pod)| pod.role != Role::Router)
    }
}

impl Request {
    /// `<namespace>/<name>`
    pub fn path(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// `<namespace>/<name>` of the database.
    pub fn database_path(&self) -> String {
        format!("{}/{}", self.namespace, self.database)
    }

    /// KubeDB's order of requests: the newest is the greatest, and of two that were created in the
    /// same second the one whose name comes first in the alphabet.
    pub fn age(&self) -> (Time, Reverse<&str>) {
        (self.created, Reverse(&self.name))
    }
}

impl Other {
    /// The same order.
    pub fn age(&self) -> (Time, Reverse<&str>) {
        (self.created, Reverse(&self.name))
    }

    /// It is queued: nobody has started it, and it waits for no person.
    pub fn is_queued(&self) -> bool {
        is_queued(self.phase) && self.acceptable
    }

    /// Somebody carries it out.
    pub fn is_running(&self) -> bool {
        matches!(self.phase, RequestPhase::Progressing | RequestPhase::Unknown)
    }
}

/// Nobody has started it, and it waits for no person.
pub(super) const fn is_queued(phase: RequestPhase) -> bool {
    matches!(phase, RequestPhase::New | RequestPhase::Pending | RequestPhase::Approved)
}

impl Database {
    /// It is paused for this request.
    pub fn is_paused_for(&self, request: &Request) -> bool {
        matches!(&self.pause, Some(Pause::For { uid, .. }) if *uid == request.uid)
    }
}
