//! Every kind that is watched, as one type.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::api::backup::{BackupConfiguration, BackupSession, RestoreSession};
use crate::api::cert_manager::{Certificate, CertificateRequest, ClusterIssuer, Issuer};
use crate::api::mysql::MySql;
use crate::api::ops_request::MySqlOpsRequest;
use crate::api::pod::Pod;
use crate::api::rotation::Rotation;
use crate::api::supervisor::Recommendation;

/// One of the two backup programs; they use the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Program {
    /// `KubeStash`.
    KubeStash,
    /// Its forerunner.
    Stash,
}

/// A kind that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// KubeDB's MySQL.
    MySql,
    /// KubeDB's MySQLOpsRequest.
    OpsRequest,
    /// Our own Rotation.
    Rotation,
    /// cert-manager's Certificate.
    Certificate,
    /// cert-manager's `CertificateRequest`.
    CertificateRequest,
    /// cert-manager's Issuer.
    Issuer,
    /// cert-manager's `ClusterIssuer`.
    ClusterIssuer,
    /// Pod.
    Pod,
    /// Supervisor's Recommendation.
    Recommendation,
    /// What is backed up.
    BackupConfiguration(Program),
    /// One run of a backup.
    BackupSession(Program),
    /// One run of a restore.
    RestoreSession(Program),
}

/// An object that is watched.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives from the watch to the facts, one at a time"
)]
#[derive(Clone, Debug)]
pub enum Object {
    /// KubeDB's MySQL.
    MySql(MySql),
    /// KubeDB's MySQLOpsRequest.
    OpsRequest(MySqlOpsRequest),
    /// Our own Rotation.
    Rotation(Rotation),
    /// cert-manager's Certificate.
    Certificate(Certificate),
    /// cert-manager's `CertificateRequest`.
    CertificateRequest(CertificateRequest),
    /// cert-manager's Issuer.
    Issuer(Issuer),
    /// cert-manager's `ClusterIssuer`.
    ClusterIssuer(ClusterIssuer),
    /// Pod.
    Pod(Pod),
    /// Supervisor's Recommendation.
    Recommendation(Recommendation),
    /// What is backed up.
    BackupConfiguration(Program, BackupConfiguration),
    /// One run of a backup.
    BackupSession(Program, BackupSession),
    /// One run of a restore.
    RestoreSession(Program, RestoreSession),
}

impl Object {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::MySql(_) => Kind::MySql,
            Self::OpsRequest(_) => Kind::OpsRequest,
            Self::Rotation(_) => Kind::Rotation,
            Self::Certificate(_) => Kind::Certificate,
            Self::CertificateRequest(_) => Kind::CertificateRequest,
            Self::Issuer(_) => Kind::Issuer,
            Self::ClusterIssuer(_) => Kind::ClusterIssuer,
            Self::Pod(_) => Kind::Pod,
            Self::Recommendation(_) => Kind::Recommendation,
            Self::BackupConfiguration(program, _) => Kind::BackupConfiguration(*program),
            Self::BackupSession(program, _) => Kind::BackupSession(*program),
            Self::RestoreSession(program, _) => Kind::RestoreSession(*program),
        }
    }

    /// Its name, namespace, uid and version.
    pub const fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::MySql(object) => &object.metadata,
            Self::OpsRequest(object) => &object.metadata,
            Self::Rotation(object) => &object.metadata,
            Self::Certificate(object) => &object.metadata,
            Self::CertificateRequest(object) => &object.metadata,
            Self::Issuer(object) => &object.metadata,
            Self::ClusterIssuer(object) => &object.metadata,
            Self::Pod(object) => &object.metadata,
            Self::Recommendation(object) => &object.metadata,
            Self::BackupConfiguration(_, object) => &object.metadata,
            Self::BackupSession(_, object) => &object.metadata,
            Self::RestoreSession(_, object) => &object.metadata,
        }
    }
}

/// An object of a kind that there is one of.
macro_rules! from {
    ($( $type:ident => $variant:ident, )+) => {
        $(
            impl From<$type> for Object {
                fn from(object: $type) -> Self {
                    Self::$variant(object)
                }
            }
        )+
    };
}

from! {
    MySql => MySql,
    MySqlOpsRequest => OpsRequest,
    Rotation => Rotation,
    Certificate => Certificate,
    CertificateRequest => CertificateRequest,
    Issuer => Issuer,
    ClusterIssuer => ClusterIssuer,
    Pod => Pod,
    Recommendation => Recommendation,
}

/// An object of a kind that both backup programs have.
macro_rules! from_program {
    ($( $type:ident => $variant:ident, )+) => {
        $(
            impl From<(Program, $type)> for Object {
                fn from((program, object): (Program, $type)) -> Self {
                    Self::$variant(program, object)
                }
            }
        )+
    };
}

from_program! {
    BackupConfiguration => BackupConfiguration,
    BackupSession => BackupSession,
    RestoreSession => RestoreSession,
}
