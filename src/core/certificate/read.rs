//! From DER to facts.
//!
//! Three traps of x509-parser are stepped around: `ASN1Time + Duration` panics near the year 9999,
//! so dates become seconds at once; `RSAPublicKey::key_size` drops a byte that may not be zero, so
//! bits are counted here; and its parsers say `Incomplete` for any inner length that is wrong, so
//! whether the input was cut is judged by the outermost one.

use std::collections::BTreeSet;
use std::net::IpAddr;

use x509_parser::asn1_rs::{Header, Oid, oid};
use x509_parser::certificate::{X509Certificate, X509CertificateParser};
use x509_parser::error::X509Error;
use x509_parser::extensions::{
    AuthorityKeyIdentifier, BasicConstraints, GeneralName, KeyIdentifier, SubjectAlternativeName,
};
use x509_parser::nom::{Err as NomError, Parser};
use x509_parser::objects::oid_registry;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521,
    OID_PKCS1_RSAENCRYPTION, OID_PKCS1_RSASSAPSS, OID_SIG_ED448, OID_SIG_ED25519,
    OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER, OID_X509_EXT_BASIC_CONSTRAINTS,
    OID_X509_EXT_SUBJECT_ALT_NAME, OID_X509_EXT_SUBJECT_KEY_IDENTIFIER,
};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::{ECPoint, RSAPublicKey};
use x509_parser::time::ASN1Time;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

use super::digest::hex;
use super::{
    Curve, Fingerprint, Key, KeyIdDigest, Leaf, Link, MAX_BYTES, MAX_CERTIFICATES, MAX_NAMES,
    Malformed, NameDigest, names, sanitize,
};
use crate::core::time::Time;

/// The facts of each certificate of a chain or a bundle; at least one.
pub(super) fn certificates<D: AsRef<[u8]>>(ders: &[D]) -> Result<Vec<Leaf>, Malformed> {
    if ders.is_empty() {
        return Err(Malformed::Empty);
    }
    if ders.len() > MAX_CERTIFICATES {
        return Err(Malformed::TooMany);
    }
    if ders.iter().map(|der| der.as_ref().len()).sum::<usize>() > MAX_BYTES {
        return Err(Malformed::TooLarge);
    }
    ders.iter().map(|der| certificate(der.as_ref())).collect()
}

/// The facts of one certificate.
pub(super) fn certificate(der: &[u8]) -> Result<Leaf, Malformed> {
    let x509 = parse(der)?;
    let not_before = time(x509.validity.not_before);
    let not_after = time(x509.validity.not_after);
    if not_after < not_before {
        return Err(Malformed::DatesReversed);
    }
    let names = Names::of(&x509)?;
    Ok(Leaf {
        fingerprint: Fingerprint::of(der),
        spki: Fingerprint::of(x509.public_key().raw),
        serial: serial(x509.raw_serial()).into(),
        not_before,
        not_after,
        subject: text(x509.subject()).into(),
        issuer: text(x509.issuer()).into(),
        link: link(&x509)?,
        key: key(x509.public_key()),
        is_ca: extension(&x509, &OID_X509_EXT_BASIC_CONSTRAINTS)?
            .is_some_and(|constraints: BasicConstraints| constraints.ca),
        version: version(&x509)?,
        dns_names: names.dns.into_iter().map(String::into_boxed_str).collect(),
        ip_addresses: names.ip.into_iter().collect(),
        other_names: names.others,
    })
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, Malformed> {
    if der.is_empty() {
        return Err(Malformed::Empty);
    }
    if der.len() > MAX_BYTES {
        return Err(Malformed::TooLarge);
    }
    // Only the extensions that are facts here are opened, each by `extension`.
    let mut parser = X509CertificateParser::new().with_deep_parse_extensions(false);
    match parser.parse(der) {
        Ok(([], x509)) => Ok(x509),
        Ok(_) => Err(Malformed::TrailingBytes),
        Err(_) if is_cut(der) => Err(Malformed::Truncated),
        Err(_) => Err(Malformed::BadCertificate),
    }
}

/// Whether this begins as a certificate does, with a sequence, but has less than its length.
fn is_cut(der: &[u8]) -> bool {
    const SEQUENCE: u8 = 0x30;
    if der.first() != Some(&SEQUENCE) {
        return false;
    }
    match Header::from_der(der) {
        Ok((content, header)) => {
            header.length().definite().is_ok_and(|length| length > content.len())
        }
        Err(NomError::Incomplete(_)) => true,
        Err(_) => false,
    }
}

fn time(time: ASN1Time) -> Time {
    Time::from_unix(time.timestamp())
}

fn version(x509: &X509Certificate<'_>) -> Result<u8, Malformed> {
    match x509.version().0 {
        0 => Ok(1),
        1 => Ok(2),
        2 => Ok(3),
        _ => Err(Malformed::BadCertificate),
    }
}

/// As `openssl x509 -serial` writes it, but in lower case.
fn serial(raw: &[u8]) -> String {
    let negative = raw.first().is_some_and(|byte| byte & 0x80 != 0);
    let magnitude = if negative { negated(raw) } else { raw.to_vec() };
    let zeros = magnitude.iter().take_while(|byte| **byte == 0).count();
    // The last byte stays, so that a zero is `00`.
    let digits = &magnitude[zeros.min(magnitude.len().saturating_sub(1))..];
    let sign = if negative { "-" } else { "" };
    let cut = if digits.len() > MAX_SERIAL_BYTES { "…" } else { "" };
    format!("{sign}{}{cut}", hex(&digits[..digits.len().min(MAX_SERIAL_BYTES)]))
}

/// RFC 5280 allows 20.
const MAX_SERIAL_BYTES: usize = 32;

/// The two's complement.
fn negated(bytes: &[u8]) -> Vec<u8> {
    let mut negated: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
    for byte in negated.iter_mut().rev() {
        let (sum, carry) = byte.overflowing_add(1);
        *byte = sum;
        if !carry {
            break;
        }
    }
    negated
}

fn text(name: &X509Name<'_>) -> String {
    match name.to_string_with_registry(oid_registry()) {
        Ok(text) => sanitize(&text),
        Err(_) => String::from("(not readable as text)"),
    }
}

fn link(x509: &X509Certificate<'_>) -> Result<Link, Malformed> {
    let subject_key: Option<KeyIdentifier<'_>> =
        extension(x509, &OID_X509_EXT_SUBJECT_KEY_IDENTIFIER)?;
    let authority_key: Option<AuthorityKeyIdentifier<'_>> =
        extension(x509, &OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER)?;
    let digest = |id: KeyIdentifier<'_>| KeyIdDigest::of(id.0);
    Ok(Link {
        subject: NameDigest::of(x509.subject().as_raw()),
        issuer: NameDigest::of(x509.issuer().as_raw()),
        subject_key: subject_key.map(digest),
        authority_key: authority_key.and_then(|key| key.key_identifier).map(digest),
    })
}

/// The content of an extension. One that comes twice or cannot be read spoils the certificate, as
/// it does for OpenSSL.
fn extension<'a, T>(x509: &X509Certificate<'a>, oid: &Oid<'_>) -> Result<Option<T>, Malformed>
where
    T: FromDer<'a, X509Error>,
{
    let found = x509.get_extension_unique(oid).or(Err(Malformed::BadCertificate))?;
    match found.map(|extension| T::from_der(extension.value)) {
        None => Ok(None),
        Some(Ok(([], content))) => Ok(Some(content)),
        Some(_) => Err(Malformed::BadCertificate),
    }
}

/// The kind of a public key by itself.
pub(super) fn public_key(der: &[u8]) -> Key {
    SubjectPublicKeyInfo::from_der(der).map_or(Key::Other, |(_, spki)| key(&spki))
}

fn key(spki: &SubjectPublicKeyInfo<'_>) -> Key {
    let algorithm = &spki.algorithm.algorithm;
    if *algorithm == OID_PKCS1_RSAENCRYPTION || *algorithm == OID_PKCS1_RSASSAPSS {
        rsa(&spki.subject_public_key.data)
    } else if *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
        Key::Ec(curve(spki))
    } else if *algorithm == OID_SIG_ED25519 {
        Key::Ed25519
    } else if *algorithm == OID_SIG_ED448 {
        Key::Ed448
    } else {
        Key::Other
    }
}

fn rsa(key: &[u8]) -> Key {
    let Ok((_, key)) = RSAPublicKey::from_der(key) else {
        return Key::Other;
    };
    let zeros = key.modulus.iter().take_while(|byte| **byte == 0).count();
    let modulus = &key.modulus[zeros..];
    let unused = modulus.first().map_or(0, |byte| byte.leading_zeros());
    Key::Rsa { bits: bits(modulus.len()) - unused }
}

fn curve(spki: &SubjectPublicKeyInfo<'_>) -> Curve {
    let named = spki.algorithm.parameters().and_then(|parameters| parameters.as_oid().ok());
    let known = CURVES.into_iter().find(|(oid, _)| named.as_ref() == Some(oid));
    known.map_or_else(
        || Curve::Other { bits: point_bits(&spki.subject_public_key.data) },
        |(_, curve)| curve,
    )
}

fn point_bits(point: &[u8]) -> u32 {
    u32::try_from(ECPoint::from(point).key_size()).unwrap_or(u32::MAX)
}

fn bits(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX).saturating_mul(8)
}

const CURVES: [(Oid<'static>, Curve); 5] = [
    (oid!(1.2.840.10045.3.1.1), Curve::P192),
    (oid!(1.3.132.0.33), Curve::P224),
    (OID_EC_P256, Curve::P256),
    (OID_NIST_EC_P384, Curve::P384),
    (OID_NIST_EC_P521, Curve::P521),
];

/// The alternative names, sorted and counted.
#[derive(Default)]
struct Names {
    dns: BTreeSet<String>,
    ip: BTreeSet<IpAddr>,
    others: u32,
}

impl Names {
    fn of(x509: &X509Certificate<'_>) -> Result<Self, Malformed> {
        let mut names = Self::default();
        let alternatives: Option<SubjectAlternativeName<'_>> =
            extension(x509, &OID_X509_EXT_SUBJECT_ALT_NAME)?;
        for name in alternatives.iter().flat_map(|names| &names.general_names) {
            names.add(name);
        }
        Ok(names)
    }

    fn add(&mut self, name: &GeneralName<'_>) {
        let dns = if let GeneralName::DNSName(name) = name { names::normalize(name) } else { None };
        let ip = if let GeneralName::IPAddress(bytes) = name { address(bytes) } else { None };
        let room = self.dns.len() + self.ip.len() < MAX_NAMES;
        match (dns, ip) {
            (Some(dns), _) if room => drop(self.dns.insert(dns)),
            (_, Some(ip)) if room => drop(self.ip.insert(ip)),
            _ => self.others = self.others.saturating_add(1),
        }
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}
