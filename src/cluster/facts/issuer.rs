//! What is kept of an Issuer or a `ClusterIssuer`.

use super::Texts;
use crate::api::cert_manager::{IssuerSpec, IssuerStatus};
use crate::core::fleet::Text;

/// What is kept of an Issuer or a `ClusterIssuer`.
#[derive(Clone, Debug, PartialEq)]
pub struct IssuerFacts {
    /// What it says of itself.
    pub ready: Option<bool>,
    /// The Secret with the CA that it signs with; none: it signs in another way.
    pub ca_secret: Option<Text>,
}

impl IssuerFacts {
    /// Of either kind of object.
    pub fn of(spec: &IssuerSpec, status: &IssuerStatus, texts: &mut Texts) -> Self {
        let ca_secret = match spec {
            IssuerSpec::Ca { secret_name } => Some(texts.text(secret_name)),
            IssuerSpec::SelfSigned
            | IssuerSpec::Acme
            | IssuerSpec::Vault
            | IssuerSpec::Venafi
            | IssuerSpec::Unknown => None,
        };
        Self { ready: status.ready(), ca_secret }
    }
}
