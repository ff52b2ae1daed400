//! Why something cannot be made.

use thiserror::Error;

use super::algorithm::Algorithm;
use crate::core::certificate::sanitize;

/// Why a key, a request or a certificate cannot be made as it was asked for.
///
/// The sentences say what to do, and are safe to log: they hold no key, and names are sanitised.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// There is no way to make a key of this kind.
    #[error(
        "{0} keys cannot be made here, only used: ask for ECDSA or Ed25519, or keep an existing \
         key with rotationPolicy Never"
    )]
    KeyKind(Algorithm),
    /// ECDSA of another size.
    #[error("ECDSA keys have 256 or 384 bits here, not {0}")]
    CurveSize(i64),
    /// RSA of another size.
    #[error("RSA keys have 2048 to 8192 bits, not {0}")]
    ModulusSize(i64),
    /// No kind of key is called so.
    #[error("no kind of private key is called {}: it is RSA, ECDSA or Ed25519", quoted(.0))]
    UnknownAlgorithm(String),
    /// No way of writing keys is called so.
    #[error("no encoding of private keys is called {}: it is PKCS1 or PKCS8", quoted(.0))]
    UnknownEncoding(String),
    /// No usage is called so.
    #[error("no key usage is called {}", quoted(.0))]
    UnknownUsage(String),
    /// It would name nobody.
    #[error(
        "at least one of commonName, dnsNames, ipAddresses, uris and emailAddresses must be set"
    )]
    Nameless,
    /// A part of the subject has two values.
    #[error("subject.{0} has {1} values: only one can be written here")]
    ManyValues(&'static str, usize),
    /// A text has characters that its place in a certificate does not allow.
    #[error("{place} {} cannot be written in a certificate: {why}", quoted(.text))]
    Text {
        /// The field, as a Certificate names it.
        place: &'static str,
        /// What it says.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It would begin or end at a moment that certificates cannot tell, or end before it begins.
    #[error("it would be valid from {not_before} to {not_after}, which is no time to be valid")]
    Dates {
        /// The first moment.
        not_before: String,
        /// The last.
        not_after: String,
    },
    /// What was written is not what was meant.
    #[error("{0} cannot be written as it is: it has parts that would be lost")]
    Lossy(&'static str),
    /// A request says another thing of itself than what stands beside it.
    #[error("the request itself asks for another {0} than what was written beside it")]
    Contradiction(&'static str),
    /// A request was made with another key than the one that is to sign it.
    #[error("the request was made with another key")]
    OtherKey,
    /// The operating system gives no random bytes.
    #[error("there are no random bytes to be had")]
    NoEntropy,
    /// rcgen or ring refused. Their texts say nothing of the key.
    #[error("it cannot be signed: {0}")]
    Signing(String),
}

impl From<rcgen::Error> for Refused {
    fn from(error: rcgen::Error) -> Self {
        Self::Signing(sanitize(&error.to_string()))
    }
}

fn quoted(text: &str) -> String {
    format!("{:?}", sanitize(text))
}
