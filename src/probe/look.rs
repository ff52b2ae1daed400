//! What one look showed.

use std::fmt;
use std::time::Duration;

use rustls::ProtocolVersion;
use rustls::pki_types::CertificateDer;

use super::failure::Unseen;
use crate::core::certificate::{Chain, Malformed};
use crate::core::fleet::LeafId;
use crate::mysql::{ErrorCode, Product};

/// One look at a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// How long it took.
    pub took: Duration,
    /// What was seen, or why nothing was.
    pub result: Result<Seen, Unseen>,
}

/// A server, as it showed itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Whose server it says it is.
    pub product: Product,
    /// The version that it says it has, sanitised.
    pub version: Box<str>,
    /// What it presented; none: it offers no TLS.
    pub tls: Option<Tls>,
    /// How the look ended.
    pub parting: Parting,
}

/// TLS as it was agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Its version, `TLSv1.3`.
    pub version: Version,
    /// What was presented, by one who holds its key.
    pub presented: Presented,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(pub(super) ProtocolVersion);

impl Version {
    /// The newest.
    pub const TLS_1_3: Self = Self(ProtocolVersion::TLSv1_3);
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{:?}", self.0);
        f.write_str(&name.replace('_', "."))
    }
}

/// The certificates that a server presented.
#[derive(Clone, PartialEq, Eq)]
pub struct Presented {
    /// What they say.
    pub chain: Chain,
    /// As they were sent, for those who check signatures.
    pub(super) ders: Vec<CertificateDer<'static>>,
}

impl Presented {
    /// What was sent, the leaf first.
    pub fn from_der(ders: Vec<CertificateDer<'static>>) -> Result<Self, Malformed> {
        Ok(Self { chain: Chain::from_der(&ders)?, ders })
    }

    /// Which leaf it is.
    pub fn leaf(&self) -> LeafId {
        let leaf = &self.chain.leaf;
        LeafId {
            not_before: leaf.not_before,
            not_after: leaf.not_after,
            fingerprint: Some(leaf.fingerprint),
        }
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Presented").field(&self.chain.leaf.fingerprint).finish()
    }
}

/// How a look ended, once there was a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parting {
    /// The login was refused, as it should be.
    Refused(ErrorCode),
    /// The login was accepted: by the account of `probe.login`, or by one for everybody.
    LoggedIn,
    /// There was no answer in time, or none that makes sense. The login was sent, and the server
    /// does not hold that against us.
    Unanswered,
}
