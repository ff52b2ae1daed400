//! Judging a pair before anything is restarted for it: mysqld starts without TLS on a bad one.

use std::fmt;
use std::net::IpAddr;

use thiserror::Error;
use x509_parser::certificate::X509Certificate;

use super::key::{KeyProblem, PrivateKey};
use super::read;
use crate::core::certificate::{Leaf, MAX_CERTIFICATES, Malformed, ders, sanitize};
use crate::core::time::Time;

/// What a Secret holds, as it holds it.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    /// `tls.crt`.
    pub certificate: &'a [u8],
    /// `tls.key`.
    pub key: &'a [u8],
    /// `ca.crt`.
    pub ca: &'a [u8],
}

/// Something that is wrong with a pair. The sentences hold nothing of the key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Flaw {
    /// `tls.crt` cannot be read.
    #[error("tls.crt is unusable: {0}")]
    Certificate(Malformed),
    /// `tls.key` cannot be read.
    #[error("tls.key is unusable: {0}")]
    Key(KeyProblem),
    /// `ca.crt` cannot be read.
    #[error("ca.crt is unusable: {0}")]
    Ca(Malformed),
    /// The key is not that of the certificate.
    #[error("tls.key is not the key of the certificate in tls.crt")]
    KeyOfAnother,
    /// It is not valid yet.
    #[error("the certificate is not valid before {0}; compare the clocks")]
    NotYetValid(Time),
    /// It is not valid any more.
    #[error("the certificate has expired at {0}")]
    Expired(Time),
    /// Nobody in `ca.crt` or in the rest of `tls.crt` has the name of its issuer.
    #[error("the chain ends at {0}, which no certificate in ca.crt has issued")]
    UnknownIssuer(String),
    /// Somebody has the name, and not the key.
    #[error("the signature on {0} is not that of the issuer it names")]
    BadSignature(String),
    /// Who signed may not.
    #[error("{0} has signed in the chain, and is no CA")]
    IssuerNotCa(String),
    /// Who signed is not valid now.
    #[error("the CA {0} is not valid now")]
    IssuerNotValid(String),
    /// A name that it is used by is not in it.
    #[error("the certificate does not cover {0}")]
    NameMissing(String),
}

impl Flaw {
    /// Every word that [`as_str`](Self::as_str) can be, those of an unusable part apart: they are
    /// [`Malformed::as_str`] and [`KeyProblem::as_str`].
    pub const WORDS: [&'static str; 8] = [
        "keyOfAnother",
        "notYetValid",
        "expired",
        "unknownIssuer",
        "badSignature",
        "issuerNotCa",
        "issuerNotValid",
        "nameMissing",
    ];

    /// The one word for it in conditions, logs and metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Certificate(malformed) | Self::Ca(malformed) => malformed.as_str(),
            Self::Key(problem) => problem.as_str(),
            Self::KeyOfAnother => "keyOfAnother",
            Self::NotYetValid(_) => "notYetValid",
            Self::Expired(_) => "expired",
            Self::UnknownIssuer(_) => "unknownIssuer",
            Self::BadSignature(_) => "badSignature",
            Self::IssuerNotCa(_) => "issuerNotCa",
            Self::IssuerNotValid(_) => "issuerNotValid",
            Self::NameMissing(_) => "nameMissing",
        }
    }
}

/// Everything that is wrong with a pair, the worst first; at least one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaws(pub Vec<Flaw>);

impl fmt::Display for Flaws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, flaw) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{flaw}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Flaws {}

/// Whether a server may be started on this pair, and clients that trust its `ca.crt` and know it by
/// these host names and addresses will accept it. Says what is in it, or all that is wrong.
pub fn check(pair: Pair<'_>, names: &[&str], now: Time) -> Result<Leaf, Flaws> {
    let key = PrivateKey::from_pem(pair.key).map_err(Flaw::Key);
    let chain = read_all(pair.certificate).map_err(Flaw::Certificate);
    let bundle = read_all(pair.ca).map_err(Flaw::Ca);

    let mut flaws = Vec::new();
    if let (Ok(key), Ok((leaf, _))) = (&key, &chain)
        && leaf.spki != key.fingerprint()
    {
        flaws.push(Flaw::KeyOfAnother);
    }
    if let Ok((leaf, _)) = &chain {
        flaws.extend(dates(leaf, now));
    }
    if let (Ok((_, chain)), Ok((_, bundle))) = (&chain, &bundle) {
        flaws.extend(lead(chain, bundle, now).err());
    }
    if let Ok((leaf, _)) = &chain {
        flaws.extend(names.iter().filter(|name| !covers(leaf, name)).map(|name| missing(name)));
    }
    match (key, chain, bundle) {
        (Ok(_), Ok((leaf, _)), Ok(_)) if flaws.is_empty() => Ok(leaf),
        (key, chain, bundle) => {
            let unusable = [key.err(), chain.err(), bundle.err()].into_iter().flatten();
            Err(Flaws(unusable.chain(flaws).collect()))
        }
    }
}

/// The facts of the first certificate, and the DER of all.
fn read_all(pem: &[u8]) -> Result<(Leaf, Vec<Vec<u8>>), Malformed> {
    let ders = ders(pem)?;
    let leaves = ders.iter().map(|der| Leaf::from_der(der)).collect::<Result<Vec<_>, _>>()?;
    let first = leaves.into_iter().next().ok_or(Malformed::Empty)?;
    Ok((first, ders))
}

fn dates(leaf: &Leaf, now: Time) -> Option<Flaw> {
    if now < leaf.not_before {
        Some(Flaw::NotYetValid(leaf.not_before))
    } else if now > leaf.not_after {
        Some(Flaw::Expired(leaf.not_after))
    } else {
        None
    }
}

fn covers(leaf: &Leaf, name: &str) -> bool {
    name.parse::<IpAddr>().map_or_else(|_| leaf.covers_dns(name), |ip| leaf.covers_ip(ip))
}

fn missing(name: &str) -> Flaw {
    Flaw::NameMissing(sanitize(name))
}

/// Follows signatures from the first certificate to one of the bundle.
fn lead(chain: &[Vec<u8>], bundle: &[Vec<u8>], now: Time) -> Result<(), Flaw> {
    // Those that do not parse here did not parse before either.
    let chain: Vec<_> = chain.iter().filter_map(|der| read::parse(der)).collect();
    let bundle: Vec<_> = bundle.iter().filter_map(|der| read::parse(der)).collect();
    let Some((first, others)) = chain.split_first() else {
        return Err(Flaw::Certificate(Malformed::Empty));
    };
    let mut current = first;
    for _ in 0..=MAX_CERTIFICATES {
        if let Some(anchor) = issuer_of(current, &bundle)? {
            // A self-signed leaf is its own anchor, and need not be a CA.
            return if std::ptr::eq(current, first) && same(anchor, first) {
                Ok(())
            } else {
                may_sign(anchor, now)
            };
        }
        let Some(issuer) = issuer_of(current, others)? else {
            return Err(Flaw::UnknownIssuer(name(current)));
        };
        may_sign(issuer, now)?;
        current = issuer;
    }
    Err(Flaw::UnknownIssuer(name(current)))
}

/// Who of these has signed it; an error when only those of its issuer's name are there, and none
/// of them has.
fn issuer_of<'a, 'b>(
    x509: &X509Certificate<'_>,
    candidates: &'b [X509Certificate<'a>],
) -> Result<Option<&'b X509Certificate<'a>>, Flaw> {
    let named = |it: &&X509Certificate<'_>| it.subject().as_raw() == x509.issuer().as_raw();
    let signed = |it: &&'b X509Certificate<'a>| {
        named(it) && x509.verify_signature(Some(it.public_key())).is_ok()
    };
    match candidates.iter().find(signed) {
        Some(issuer) => Ok(Some(issuer)),
        None if candidates.iter().any(|it| named(&it)) => Err(Flaw::BadSignature(name(x509))),
        None => Ok(None),
    }
}

fn may_sign(issuer: &X509Certificate<'_>, now: Time) -> Result<(), Flaw> {
    if !issuer.is_ca() {
        return Err(Flaw::IssuerNotCa(name(issuer)));
    }
    let validity = issuer.validity();
    let (begins, ends) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    if (begins..=ends).contains(&now.unix()) {
        Ok(())
    } else {
        Err(Flaw::IssuerNotValid(name(issuer)))
    }
}

fn same(one: &X509Certificate<'_>, other: &X509Certificate<'_>) -> bool {
    one.as_raw() == other.as_raw()
}

fn name(x509: &X509Certificate<'_>) -> String {
    sanitize(&x509.subject().to_string())
}
