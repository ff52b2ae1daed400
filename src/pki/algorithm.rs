//! The kinds of private keys, and how they are written.

use std::fmt;

use super::refused::Refused;

/// The kind and size of a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// ECDSA on NIST P-256.
    EcdsaP256,
    /// ECDSA on NIST P-384.
    EcdsaP384,
    /// `EdDSA` on Curve25519.
    Ed25519,
    /// RSA. Existing keys of 2048 to 4096 bits are used; none is made.
    Rsa {
        /// The length of its modulus.
        bits: u32,
    },
}

impl Algorithm {
    /// What `spec.privateKey.algorithm` and `.size` of a Certificate ask for. A size of 0 is none,
    /// and Ed25519 has but one.
    pub fn read(algorithm: &str, size: Option<i64>) -> Result<Self, Refused> {
        let size = size.filter(|size| *size != 0);
        match (algorithm, size) {
            ("ECDSA", None | Some(256)) => Ok(Self::EcdsaP256),
            ("ECDSA", Some(384)) => Ok(Self::EcdsaP384),
            ("ECDSA", Some(size)) => Err(Refused::CurveSize(size)),
            ("Ed25519", _) => Ok(Self::Ed25519),
            ("RSA", None) => Ok(Self::Rsa { bits: 2048 }),
            ("RSA", Some(size)) => match u32::try_from(size) {
                Ok(bits @ 2048..=8192) => Ok(Self::Rsa { bits }),
                Ok(_) | Err(_) => Err(Refused::ModulusSize(size)),
            },
            (other, _) => Err(Refused::UnknownAlgorithm(other.to_owned())),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EcdsaP256 => f.write_str("ECDSA P-256"),
            Self::EcdsaP384 => f.write_str("ECDSA P-384"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Rsa { bits } => write!(f, "RSA {bits}"),
        }
    }
}

/// How a private key is written, in cert-manager's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// In the way of its kind: PKCS #1 for RSA, SEC 1 for ECDSA, PKCS #8 for Ed25519.
    #[default]
    Pkcs1,
    /// PKCS #8 whatever its kind.
    Pkcs8,
}

impl Encoding {
    /// What `spec.privateKey.encoding` of a Certificate asks for; PKCS1 when it says nothing.
    pub fn read(word: Option<&str>) -> Result<Self, Refused> {
        match word {
            None | Some("PKCS1") => Ok(Self::Pkcs1),
            Some("PKCS8") => Ok(Self::Pkcs8),
            Some(other) => Err(Refused::UnknownEncoding(other.to_owned())),
        }
    }
}
