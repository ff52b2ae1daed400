//! Keys and certificates for tests: authorities, leaves of any age, service account keys.

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::time::{ago, ahead, days};

/// An authority that signs.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its private key, both PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// What a leaf is for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leaf {
    /// The common name: for Kubernetes, the user.
    pub(crate) name: String,
    /// The organisation: for Kubernetes, the group.
    pub(crate) group: Option<String>,
    /// The names that a server is reached by; 127.0.0.1 comes with them.
    pub(crate) hosts: Vec<String>,
    /// How long ago its life began.
    pub(crate) age: Duration,
    /// How long it lives in all.
    pub(crate) lifetime: Duration,
}

impl Authority {
    /// A new authority with a key of its own, valid for ten years around now.
    pub(crate) fn new(name: &str) -> Self {
        let mut params = params(name, None, ago(days(365)), ahead(days(3650)));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    /// Its certificate and key.
    pub(crate) fn pair(&self) -> Pair {
        Pair { certificate: self.issuer.pem(), key: self.issuer.key().serialize_pem() }
    }

    /// Signs a leaf with a new key.
    pub(crate) fn sign(&self, leaf: &Leaf) -> Pair {
        let begins = ago(leaf.age);
        let ends = begins + leaf.lifetime;
        let mut params = params(&leaf.name, leaf.group.as_deref(), begins, ends);
        params.key_usages =
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if !leaf.hosts.is_empty() {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
            params.subject_alt_names = leaf
                .hosts
                .iter()
                .map(|host| SanType::DnsName(host.as_str().try_into().unwrap()))
                .chain([SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST))])
                .collect();
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Pair { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

impl Leaf {
    /// A client that the apiserver knows by this name, valid for a day.
    pub(crate) fn user(name: &str, group: Option<&str>) -> Self {
        Self {
            name: name.to_owned(),
            group: group.map(str::to_owned),
            hosts: Vec::new(),
            age: Duration::from_mins(10),
            lifetime: days(1),
        }
    }

    /// A server on loopback, valid for a day.
    pub(crate) fn server(name: &str, hosts: &[&str]) -> Self {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        Self { hosts, ..Self::user(name, None) }
    }
}

/// A key pair for signing tokens: the private key and the public key, both PEM.
pub(crate) fn token_keys() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    (key.serialize_pem(), key.public_key_pem())
}

fn params(
    name: &str,
    group: Option<&str>,
    begins: Timestamp,
    ends: Timestamp,
) -> CertificateParams {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    if let Some(group) = group {
        subject.push(DnType::OrganizationName, group);
    }
    let mut params = CertificateParams::default();
    params.distinguished_name = subject;
    // rcgen's own defaults are 1975 and 4096.
    let moment = |at: Timestamp| {
        let seconds = u64::try_from(at.as_second()).unwrap();
        date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
    };
    params.not_before = moment(begins);
    params.not_after = moment(ends);
    params
}
