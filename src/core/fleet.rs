//! Everything a decision needs to know, as plain values: the snapshot of the clusters' facts.
//!
//! A [`Fleet`] is built by `cluster/snapshot.rs` from the watched objects and read by `plan`, the
//! metrics, the page and the command line. It is immutable; the next one replaces it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::certificate::Fingerprint;
use super::digest::Digest;
use super::record::{Record, Rotation};
use super::slots::SlotTable;
use super::time::{Span, Time};

mod pod;
mod request;

pub use pod::{Missed, Pod, Sighting};
pub use request::{
    Carried, Recommendation, RecommendationProgress, Request, RequestContent, RequestPhase,
};

/// A short shared text: a name, a uid, a label.
pub type Text = Arc<str>;

/// All databases and all that rotations depend on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fleet {
    /// The id of this installation, as records and requests carry it.
    pub installation: Option<Text>,
    /// Other installations whose Lease is known to be gone. One that was not looked at yet is not
    /// among them: whoever appears in a record lives until the contrary is known.
    pub dead_installations: BTreeSet<Text>,
    /// Whether this process holds the lease.
    pub leader: bool,
    /// How far the apiserver's clock is ahead of ours; `now` already contains it.
    pub clock_offset: Span,
    /// Whether certrotor's own executor carries out the requests.
    pub own_executor: bool,
    /// Every MySQL object in the watched namespaces.
    pub databases: BTreeMap<Key, Arc<Database>>,
    /// Every Issuer and ClusterIssuer.
    pub issuers: BTreeMap<IssuerKey, Issuer>,
    /// The slots that limit how many rotations are in flight.
    pub slots: SlotTable,
}

/// The namespace and name of a MySQL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its namespace.
    pub namespace: Text,
    /// Its name.
    pub name: Text,
}

/// An Issuer or a ClusterIssuer, as seen from one namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssuerKey {
    /// Its namespace; none for a ClusterIssuer.
    pub namespace: Option<Text>,
    /// `Issuer`, `ClusterIssuer` or an external issuer's kind.
    pub kind: Text,
    /// Its name.
    pub name: Text,
}

/// What is known of an issuer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Issuer {
    /// Its Ready condition; none when it says nothing (external issuers).
    pub ready: Option<bool>,
    /// Whether its CA can be compared: a `ca` issuer.
    pub comparable: bool,
    /// The public key of the CA that it signs with now, when that is known.
    pub ca_key: Option<Fingerprint>,
    /// When that CA ends.
    pub ca_not_after: Option<Time>,
}

/// One MySQL.
#[expect(clippy::struct_excessive_bools, reason = "facts that do not exclude each other")]
#[derive(Clone, Debug, PartialEq)]
pub struct Database {
    /// The uid of the MySQL object.
    pub uid: Text,
    /// When it was created.
    pub created: Time,
    /// Its labels, for selectors.
    pub labels: BTreeMap<Text, Text>,
    /// How its servers are arranged.
    pub topology: Topology,
    /// How many servers it should have.
    pub replicas: u32,
    /// What its operator says of it.
    pub phase: DatabasePhase,
    /// Why the object could not be read in full; such a database is only reported.
    pub malformed: Option<Text>,
    /// `spec.halted`.
    pub halted: bool,
    /// The `Paused` condition is true.
    pub paused: bool,
    /// It, or its namespace, is being deleted.
    pub deleting: bool,
    /// `spec.autoOps.disabled`.
    pub auto_ops_disabled: bool,
    /// A backup or restore session of it is running.
    pub backup_running: bool,
    /// A Supervisor Recommendation that speaks for it.
    pub recommendation: Option<Recommendation>,
    /// Whether the policy watches it.
    pub selected: bool,
    /// Whether it asks for TLS with an issuer at all.
    pub tls: bool,
    /// Its certificates, by alias.
    pub certificates: BTreeMap<Alias, Certificate>,
    /// Its server pods, by name.
    pub pods: BTreeMap<Text, Pod>,
    /// Whether the wire probe looks at them. What a server presents is not inferred then unless it
    /// cannot be seen.
    pub probed: bool,
    /// The MySQLOpsRequests that name it, by name: the active ones and the finished ones of ours.
    /// And, whatever it is about, the one that has the name of its record's open attempt.
    pub requests: BTreeMap<Text, Request>,
    /// When the newest ReconfigureTLS of anybody ended Successful.
    pub last_reconfigured: Option<Time>,
    /// Its Rotation, when there is one.
    pub rotation: Option<Rotation>,
}

/// How a database's servers are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topology {
    /// One server.
    Standalone,
    /// MySQL Group Replication.
    GroupReplication,
    /// MySQL InnoDB Cluster.
    InnoDbCluster,
    /// Semi-synchronous replication.
    SemiSync,
    /// A read replica of a server elsewhere.
    RemoteReplica,
}

impl Topology {
    /// Whether its members verify each other's CA, so that a CA changed one by one splits them.
    pub const fn verifies_members(self) -> bool {
        match self {
            Self::GroupReplication | Self::InnoDbCluster => true,
            Self::Standalone | Self::SemiSync | Self::RemoteReplica => false,
        }
    }
}

/// `status.phase` of a MySQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabasePhase {
    /// No phase, or one that is not known.
    Unknown,
    /// Being set up.
    Provisioning,
    /// Being restored.
    DataRestoring,
    /// All is well.
    Ready,
    /// Some replicas are not ready.
    Critical,
    /// It does not accept connections.
    NotReady,
    /// Switched off.
    Halted,
}

/// Which certificate of a database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alias {
    /// What mysqld presents.
    Server,
    /// What clients, replicas and the health check present.
    Client,
    /// What the metrics exporter presents.
    MetricsExporter,
    /// Any other name in `spec.tls.certificates`.
    Other(Text),
}

/// One certificate of a database.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// The name of the Certificate object.
    pub name: Text,
    /// The issuer that `spec.tls` asks for.
    pub issuer: IssuerKey,
    /// What was issued last.
    pub issued: Issued,
    /// Since when cert-manager is issuing it (`Issuing` is true).
    pub issuing_since: Option<Time>,
    /// When cert-manager's last issuance of it failed, unless one succeeded later.
    pub failed_at: Option<Time>,
    /// When cert-manager means to renew it itself.
    pub renewal_time: Option<Time>,
    /// Names that its specification asks for and that the issued leaf lacks.
    pub names_lacking: Vec<Text>,
    /// Changes whenever its specification does: what an unsatisfiable cause waits for.
    pub spec_digest: Digest,
}

/// What is known of the certificate issued last.
#[derive(Clone, Debug, PartialEq)]
pub enum Issued {
    /// No evidence of any: the Certificate is there but says nothing yet, or cannot be seen.
    Unknown,
    /// It was never issued, or the Certificate object is gone.
    Missing,
    /// It cannot be read.
    Malformed(Text),
    /// This one.
    Leaf(IssuedLeaf),
}

/// Facts of an issued leaf.
#[derive(Clone, Debug, PartialEq)]
pub struct IssuedLeaf {
    /// Which one it is.
    pub id: LeafId,
    /// When the issuer handed it out; at least its notBefore.
    pub issued_at: Time,
    /// The serial number in hexadecimal, when its PEM is known.
    pub serial: Option<Text>,
    /// The issuer that signed, as the CertificateRequest names it.
    pub signed_by: Option<IssuerKey>,
    /// The public key of the CA that signed, when it is known.
    pub ca_key: Option<Fingerprint>,
    /// The CA that is published with it, in PEM: what its clients trust.
    pub ca: Option<Text>,
}

/// Tells one leaf from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafId {
    /// Its notBefore.
    pub not_before: Time,
    /// Its notAfter.
    pub not_after: Time,
    /// The SHA-256 of its DER, when its PEM is known.
    pub fingerprint: Option<Fingerprint>,
}

impl LeafId {
    /// Whether these are two different leaves. Fingerprints decide where both are known.
    pub fn differs_from(&self, other: &Self) -> bool {
        match (self.fingerprint, other.fingerprint) {
            (Some(ours), Some(theirs)) => ours != theirs,
            _ => (self.not_before, self.not_after) != (other.not_before, other.not_after),
        }
    }

    /// How long it lives from end to end.
    pub fn lifetime(&self) -> Span {
        self.not_after.since(self.not_before)
    }
}

impl Fleet {
    /// The installation that owns this record, when it is another than ours and not known dead.
    pub fn owned_by_another<'a>(&self, record: &'a Record) -> Option<&'a Text> {
        let owner = record.installation.as_ref()?;
        let other = Some(owner) != self.installation.as_ref();
        (other && !self.dead_installations.contains(owner)).then_some(owner)
    }
}

impl Key {
    /// A key from its parts.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl fmt::Display for IssuerKey {
    /// `Issuer/demo/ca`, `ClusterIssuer/ca`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{}/{namespace}/{}", self.kind, self.name),
            None => write!(f, "{}/{}", self.kind, self.name),
        }
    }
}

impl Alias {
    /// The alias as KubeDB writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::MetricsExporter => "metrics-exporter",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for Alias {
    fn from(text: &str) -> Self {
        match text {
            "server" => Self::Server,
            "client" => Self::Client,
            "metrics-exporter" => Self::MetricsExporter,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
