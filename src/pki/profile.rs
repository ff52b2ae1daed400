//! What a certificate says: its names and what its key is for.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::read;
use super::refused::Refused;
use super::usage::Usage;
use crate::api::cert_manager::CertificateSpec;
use crate::api::tls::Subject;
use crate::core::certificate::Malformed;

/// What a certificate says, its dates and its key apart. Lists are in the order of who wrote them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// The common name.
    pub common_name: Option<String>,
    /// The rest of the subject.
    pub subject: Subject,
    /// Host names.
    pub dns_names: Vec<String>,
    /// Addresses.
    pub ip_addresses: Vec<IpAddr>,
    /// URIs.
    pub uris: Vec<String>,
    /// Mail addresses.
    pub email_addresses: Vec<String>,
    /// What its key is for.
    pub usages: BTreeSet<Usage>,
    /// It may sign others.
    pub is_ca: bool,
}

impl Profile {
    /// What a Certificate asks for.
    pub fn of_spec(spec: &CertificateSpec) -> Result<Self, Refused> {
        let address = |text: &String| {
            text.parse().map_err(|_| Refused::Text {
                place: "ipAddresses",
                text: text.clone(),
                why: "it is no IP address",
            })
        };
        let profile = Self {
            common_name: spec.common_name.clone(),
            subject: spec.subject.clone(),
            dns_names: spec.dns_names.clone(),
            ip_addresses: spec.ip_addresses.iter().map(address).collect::<Result<_, _>>()?,
            uris: spec.uris.clone(),
            email_addresses: spec.email_addresses.clone(),
            usages: Usage::read_all(&spec.usages, spec.is_ca)?,
            is_ca: spec.is_ca,
        };
        if profile.is_nameless() { Err(Refused::Nameless) } else { Ok(profile) }
    }

    /// What the first certificate of a PEM text says, as far as there is a place for it here.
    pub fn of_certificate(pem: &[u8]) -> Result<Self, Malformed> {
        read::certificate(pem)
    }

    /// An authority with this common name.
    pub fn authority(common_name: &str) -> Self {
        Self {
            common_name: Some(common_name.to_owned()),
            usages: [Usage::CertSign, Usage::CrlSign, Usage::DigitalSignature].into(),
            is_ca: true,
            ..Self::default()
        }
    }

    /// A server with this common name, under these host names.
    pub fn server(common_name: &str, dns_names: &[&str]) -> Self {
        Self {
            common_name: Some(common_name.to_owned()),
            dns_names: dns_names.iter().map(|name| (*name).to_owned()).collect(),
            usages: [
                Usage::ClientAuth,
                Usage::DigitalSignature,
                Usage::KeyEncipherment,
                Usage::ServerAuth,
            ]
            .into(),
            ..Self::default()
        }
    }

    fn is_nameless(&self) -> bool {
        self.common_name.is_none()
            && self.dns_names.is_empty()
            && self.ip_addresses.is_empty()
            && self.uris.is_empty()
            && self.email_addresses.is_empty()
    }
}
