//! What the brain knows about a certificate, and what it says when there is none to know.
//!
//! A certificate is read once, into facts a decision can use; the DER is not kept. Its bytes come
//! from tenants and from the wire, so reading classifies and never panics, every text in the
//! result is safe to log, and every size has a bound. Only `read` and `pem` know x509-parser.
//!
//! Signatures are not checked here. "Signed by" compares names and key identifiers, which is
//! enough to see that an issuer changed; whether a server holds its key is the probe's business.

mod digest;
mod malformed;
mod names;
mod pem;
mod read;
mod sanitize;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

pub use digest::{Fingerprint, KeyIdDigest, NameDigest, NotAFingerprint};
pub use malformed::Malformed;
pub use sanitize::sanitize;

use crate::core::time::{Span, Time};

/// The most that is read as one chain or one bundle: 64 KiB of PEM or of DER.
pub const MAX_BYTES: usize = 64 * 1024;
/// The most certificates in one chain or one bundle.
pub const MAX_CERTIFICATES: usize = 10;
/// The most alternative names that one [`Leaf`] lists.
pub const MAX_NAMES: usize = 256;

/// The DER of each certificate in a PEM text, for those who verify signatures; at least one.
pub fn ders(pem: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
    pem::blocks(pem)
}

/// The facts of one certificate. Share it as `Arc<Leaf>`: a fleet holds 30,000 of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The SHA-256 of its DER: the identity of the certificate.
    pub fingerprint: Fingerprint,
    /// The SHA-256 of its `SubjectPublicKeyInfo`: the identity of the key.
    pub spki: Fingerprint,
    /// Lower-case hex without colons, an even number of digits, `-` in front when negative.
    /// Numbers longer than any that RFC 5280 allows are cut and end in `…`.
    pub serial: Box<str>,
    /// The first moment it is valid.
    pub not_before: Time,
    /// The last moment it is valid; never before `not_before`, but possibly the same.
    pub not_after: Time,
    /// Who it is for, sanitised.
    pub subject: Box<str>,
    /// Who issued it, sanitised.
    pub issuer: Box<str>,
    /// What ties it to its issuer.
    pub link: Link,
    /// The kind and size of its public key.
    pub key: Key,
    /// Whether its basic constraints make it an authority.
    pub is_ca: bool,
    /// The X.509 version, 1 to 3. Clients built on rustls refuse 1 and 2.
    pub version: u8,
    /// Its DNS names: lower case, without a final dot, sorted, each once.
    pub dns_names: Box<[Box<str>]>,
    /// Its IP addresses, sorted, each once.
    pub ip_addresses: Box<[IpAddr]>,
    /// Alternative names not listed above: URIs, addresses of mail, names that no DNS could hold,
    /// and those beyond [`MAX_NAMES`].
    pub other_names: u32,
}

impl Leaf {
    /// Reads one certificate.
    pub fn from_der(der: &[u8]) -> Result<Self, Malformed> {
        read::certificate(der)
    }

    /// From the first to the last moment it is valid; never negative.
    pub fn lifetime(&self) -> Span {
        self.not_after.since(self.not_before)
    }

    /// How long it is still valid; negative once it has expired.
    pub fn remaining(&self, now: Time) -> Span {
        self.not_after.since(now)
    }

    /// Whether `ca` is the issuer it names.
    pub fn signed_by(&self, ca: &Ca) -> bool {
        self.link.issued_by(&ca.link)
    }

    /// Whether a client that connects to `host` finds that name in it, by RFC 6125: a `*` stands
    /// for the whole leftmost label and for nothing else. The common name does not count.
    pub fn covers_dns(&self, host: &str) -> bool {
        names::normalize(host).is_some_and(|host| {
            // A wildcard must not match the digits of an address.
            host.parse::<IpAddr>().is_err()
                && self.dns_names.iter().any(|pattern| names::matches(pattern, &host))
        })
    }

    /// Whether a client that connects to `address` finds it in it.
    pub fn covers_ip(&self, address: IpAddr) -> bool {
        self.ip_addresses.binary_search(&address).is_ok()
    }

    /// Its DNS names and IP addresses as texts, for comparing with what was asked for.
    pub fn names(&self) -> BTreeSet<String> {
        let dns = self.dns_names.iter().map(|name| String::from(&**name));
        dns.chain(self.ip_addresses.iter().map(IpAddr::to_string)).collect()
    }
}

/// What ties a certificate to the one that signed it.
///
/// Names are compared byte by byte as Go and webpki do, so an issuer that re-encodes its own name
/// is another issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its own name.
    pub subject: NameDigest,
    /// The name of its issuer.
    pub issuer: NameDigest,
    /// The identifier of its own key.
    pub subject_key: Option<KeyIdDigest>,
    /// The identifier of its issuer's key.
    pub authority_key: Option<KeyIdDigest>,
}

impl Link {
    /// Whether `ca` has the name, and the key if both tell, of the issuer of this one.
    pub fn issued_by(&self, ca: &Self) -> bool {
        let same_key = match (self.authority_key, ca.subject_key) {
            (Some(wanted), Some(found)) => wanted == found,
            (None, _) | (_, None) => true,
        };
        self.issuer == ca.subject && same_key
    }
}

/// The kind and size of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// On a curve for ECDSA.
    Ec(Curve),
    /// `EdDSA` on Curve25519.
    Ed25519,
    /// `EdDSA` on Curve448.
    Ed448,
    /// Another kind, or one that cannot be read.
    Other,
    /// RSA, restricted to PSS or not.
    Rsa {
        /// The length of its modulus.
        bits: u32,
    },
}

impl Key {
    /// The kind of a public key by itself, a DER `SubjectPublicKeyInfo`.
    pub fn of_public_key(der: &[u8]) -> Self {
        read::public_key(der)
    }

    /// Whether it is smaller than 112 bits of security ask for: RSA 2048, a curve of 224.
    pub fn is_weak(self) -> bool {
        match self {
            Self::Ec(curve) => curve.is_weak(),
            Self::Ed25519 | Self::Ed448 | Self::Other => false,
            Self::Rsa { bits } => bits < 2048,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ec(curve) => write!(f, "EC {curve}"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Ed448 => f.write_str("Ed448"),
            Self::Other => f.write_str("other"),
            Self::Rsa { bits } => write!(f, "RSA {bits}"),
        }
    }
}

/// The curve of an [`Key::Ec`] key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// A curve without a name here.
    Other {
        /// The size of its field, judged by the length of the point; 0 when that says nothing.
        bits: u32,
    },
    /// NIST P-192, weak.
    P192,
    /// NIST P-224.
    P224,
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
}

impl Curve {
    fn is_weak(self) -> bool {
        match self {
            Self::Other { bits } => (1..224).contains(&bits),
            Self::P192 => true,
            Self::P224 | Self::P256 | Self::P384 | Self::P521 => false,
        }
    }
}

impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other { bits } => write!(f, "other ({bits} bits)"),
            Self::P192 => f.write_str("P-192"),
            Self::P224 => f.write_str("P-224"),
            Self::P256 => f.write_str("P-256"),
            Self::P384 => f.write_str("P-384"),
            Self::P521 => f.write_str("P-521"),
        }
    }
}

/// A certificate and those that came with it: `tls.crt`, or what a server sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The first certificate, the one that a TLS server proves to own.
    pub leaf: Leaf,
    /// The rest, in their order.
    pub others: Box<[Ca]>,
}

impl Chain {
    /// Reads `tls.crt`, or the chain of a `CertificateRequest`.
    pub fn from_pem(pem: &[u8]) -> Result<Self, Malformed> {
        Self::from_der(&pem::blocks(pem)?)
    }

    /// Reads what a server sent, the leaf first.
    pub fn from_der<D: AsRef<[u8]>>(certificates: &[D]) -> Result<Self, Malformed> {
        let mut leaves = read::certificates(certificates)?.into_iter();
        let leaf = leaves.next().ok_or(Malformed::Empty)?;
        Ok(Self { leaf, others: leaves.map(Ca::from).collect() })
    }

    /// Whether the leaf leads to a certificate of `bundle`, directly or through the others.
    pub fn leads_to(&self, bundle: &CaBundle) -> bool {
        let mut reached = vec![&self.leaf.link];
        let mut unused: Vec<&Ca> = self.others.iter().collect();
        // Each certificate is followed once, so a ring of them ends.
        while let Some(link) = reached.pop() {
            if bundle.certificates.iter().any(|ca| link.issued_by(&ca.link)) {
                return true;
            }
            let (issuers, rest) = unused.into_iter().partition(|ca| link.issued_by(&ca.link));
            let issuers: Vec<&Ca> = issuers;
            reached.extend(issuers.iter().map(|ca| &ca.link));
            unused = rest;
        }
        false
    }
}

/// The facts of an authority: less than a [`Leaf`], for nobody connects to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ca {
    /// The SHA-256 of its DER.
    pub fingerprint: Fingerprint,
    /// The SHA-256 of its `SubjectPublicKeyInfo`; a renewed authority usually keeps it.
    pub spki: Fingerprint,
    /// Its name, sanitised.
    pub subject: Box<str>,
    /// The first moment it is valid.
    pub not_before: Time,
    /// The last moment it is valid.
    pub not_after: Time,
    /// What ties it to its own issuer, and others to it.
    pub link: Link,
    /// Whether its basic constraints make it an authority at all.
    pub is_ca: bool,
}

impl From<Leaf> for Ca {
    fn from(certificate: Leaf) -> Self {
        Self {
            fingerprint: certificate.fingerprint,
            spki: certificate.spki,
            subject: certificate.subject,
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            link: certificate.link,
            is_ca: certificate.is_ca,
        }
    }
}

/// The authorities that clients trust: `ca.crt`. One, or several while trust moves on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaBundle {
    /// The certificates in their order, at least one when it was read from PEM.
    pub certificates: Box<[Ca]>,
}

impl CaBundle {
    /// Reads `ca.crt`, or the authority of a `CertificateRequest`.
    pub fn from_pem(pem: &[u8]) -> Result<Self, Malformed> {
        let leaves = read::certificates(&pem::blocks(pem)?)?;
        Ok(Self { certificates: leaves.into_iter().map(Ca::from).collect() })
    }

    /// The keys it trusts. Another set is another trust; another certificate for the same key is
    /// only a renewal.
    pub fn keys(&self) -> BTreeSet<Fingerprint> {
        self.certificates.iter().map(|ca| ca.spki).collect()
    }

    /// The first of its certificates that can have signed `leaf`.
    pub fn issuer_of(&self, leaf: &Leaf) -> Option<&Ca> {
        self.certificates.iter().find(|ca| leaf.signed_by(ca))
    }
}
