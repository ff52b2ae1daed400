//! What is kept of a MySQL.

use super::{Texts, uid, wanted_names};
use crate::api::meta;
use crate::api::mysql::{self, MySql, TopologyMode};
use crate::core::digest::Digest;
use crate::core::fleet::{Alias, DatabasePhase, IssuerKey, Text, Topology};
use crate::core::sorted::Sorted;
use crate::core::time::Time;

/// What is kept of a MySQL.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct MySqlFacts {
    /// Its uid.
    pub uid: Text,
    /// When it was created.
    pub created: Time,
    /// Its labels.
    pub labels: Sorted<Text, Text>,
    /// How its servers are arranged.
    pub topology: Topology,
    /// How many servers it should have.
    pub replicas: u32,
    /// What its operator says of it.
    pub phase: DatabasePhase,
    /// `spec.halted`.
    pub halted: bool,
    /// Some program works on it.
    pub paused: bool,
    /// It has a deletionTimestamp.
    pub deleting: bool,
    /// `spec.autoOps.disabled`.
    pub auto_ops_disabled: bool,
    /// The certificates that it asks for; none: no TLS.
    pub certificates: Box<[Wanted]>,
}

/// A certificate that a MySQL asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Which one.
    pub alias: Alias,
    /// The name of its Certificate.
    pub certificate: Text,
    /// Who is to sign it.
    pub issuer: IssuerKey,
    /// Names that its entry adds, one to a line.
    pub names: Text,
    /// A digest of its entry.
    pub entry: Digest,
}

impl MySqlFacts {
    /// Of this object.
    pub fn of(mysql: &MySql, texts: &mut Texts) -> Self {
        let metadata = &mysql.metadata;
        let labels = metadata.labels.iter().flatten();
        let labels = labels.map(|(key, value)| (texts.text(key), texts.text(value)));
        Self {
            uid: uid(metadata).into(),
            created: meta::created(metadata).unwrap_or(Time::MIN),
            labels: labels.collect(),
            topology: topology(mysql.mode()),
            replicas: mysql.replicas(),
            phase: phase(mysql.status.phase.as_ref()),
            halted: mysql.spec.halted,
            paused: mysql.is_paused(),
            deleting: meta::is_deleting(metadata),
            auto_ops_disabled: mysql.spec.auto_ops.disabled,
            certificates: wanted(mysql, texts),
        }
    }
}

const fn topology(mode: Option<&TopologyMode>) -> Topology {
    match mode {
        Some(TopologyMode::InnoDbCluster) => Topology::InnoDbCluster,
        Some(TopologyMode::RemoteReplica) => Topology::RemoteReplica,
        Some(TopologyMode::SemiSync) => Topology::SemiSync,
        // A way that is not known may well verify its members: take care of it as of a group.
        Some(TopologyMode::GroupReplication | TopologyMode::Other(_)) => Topology::GroupReplication,
        None => Topology::Standalone,
    }
}

/// `status.phase` as decisions know it.
pub const fn phase(phase: Option<&mysql::DatabasePhase>) -> DatabasePhase {
    match phase {
        Some(mysql::DatabasePhase::Provisioning) => DatabasePhase::Provisioning,
        Some(mysql::DatabasePhase::DataRestoring) => DatabasePhase::DataRestoring,
        Some(mysql::DatabasePhase::Ready) => DatabasePhase::Ready,
        Some(mysql::DatabasePhase::Critical) => DatabasePhase::Critical,
        Some(mysql::DatabasePhase::NotReady) => DatabasePhase::NotReady,
        Some(mysql::DatabasePhase::Halted) => DatabasePhase::Halted,
        Some(mysql::DatabasePhase::Unknown | mysql::DatabasePhase::Other(_)) | None => {
            DatabasePhase::Unknown
        }
    }
}

fn wanted(mysql: &MySql, texts: &mut Texts) -> Box<[Wanted]> {
    let wanted = |alias: &str| {
        let issuer = mysql.issuer(alias)?;
        let entry = mysql.spec.tls.as_ref()?.certificate(alias);
        let (dns, addresses) = match entry {
            Some(entry) => (&entry.dns_names[..], &entry.ip_addresses[..]),
            None => (&[][..], &[][..]),
        };
        // What cannot be written as JSON does not come out of JSON either.
        let written = serde_json::to_string(&entry).unwrap_or_default();
        Some(Wanted {
            alias: match Alias::from(alias) {
                Alias::Other(name) => Alias::Other(texts.text(&name)),
                known @ (Alias::Server | Alias::Client | Alias::MetricsExporter) => known,
            },
            certificate: texts.text(&mysql.certificate_name(alias)),
            issuer: texts.issuer(issuer, mysql.namespace()),
            names: texts.text(&wanted_names(dns, addresses)),
            entry: Digest::of([&*written, &*issuer.to_string()]),
        })
    };
    mysql.aliases().into_iter().filter_map(wanted).collect()
}
