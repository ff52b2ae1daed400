//! A private key: made, read, written, and otherwise silent.

mod envelope;

use std::fmt;

use ::pem::{EncodeConfig, LineEnding, Pem, encode_config};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PublicKeyData as _};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::{self, PemObject as _};
use thiserror::Error;

use super::algorithm::{Algorithm, Encoding};
use super::entropy::Entropy;
use super::refused::Refused;
use crate::core::certificate::{Curve, Fingerprint, Key, MAX_BYTES};

/// A private key. Neither `Debug` nor any error shows it: only [`to_pem`](Self::to_pem) does.
pub struct PrivateKey {
    pair: KeyPair,
    algorithm: Algorithm,
}

/// Why there is no private key. Holds nothing of what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
pub enum KeyProblem {
    /// There is nothing at all.
    #[error("it is empty")]
    Empty,
    /// It is larger than any key.
    #[error("it is larger than 64 KiB, and was not read")]
    TooLarge,
    /// There is no PEM block of a private key.
    #[error("it holds no PEM block of a private key; encrypted keys are not read")]
    NoKey,
    /// A PEM block is there and is damaged, or its content is not the key that its label says.
    #[error("the private key in it is damaged")]
    Damaged,
    /// A key that ring cannot use.
    #[error(
        "the private key in it is of a kind that cannot be used here: P-256, P-384, Ed25519 and \
         RSA of 2048 to 4096 bits can, with the public key in it"
    )]
    Unsupported,
}

impl KeyProblem {
    /// Each of them once.
    pub const ALL: [Self; 5] =
        [Self::Empty, Self::TooLarge, Self::NoKey, Self::Damaged, Self::Unsupported];

    /// The one word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "keyEmpty",
            Self::TooLarge => "keyTooLarge",
            Self::NoKey => "keyMissing",
            Self::Damaged => "keyDamaged",
            Self::Unsupported => "keyUnsupported",
        }
    }
}

impl PrivateKey {
    /// A new key.
    pub fn generate(algorithm: Algorithm, entropy: &Entropy) -> Result<Self, Refused> {
        let pair = match algorithm {
            Algorithm::EcdsaP256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?,
            Algorithm::EcdsaP384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?,
            // ring's own form has a public key in it that OpenSSL does not expect.
            Algorithm::Ed25519 => KeyPair::try_from(envelope::ed25519(&entropy.draw()?))?,
            Algorithm::Rsa { .. } => return Err(Refused::KeyKind(algorithm)),
        };
        Ok(Self { pair, algorithm })
    }

    /// The first private key in a PEM text: PKCS #8, PKCS #1 or SEC 1.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyProblem> {
        if pem.trim_ascii().is_empty() {
            return Err(KeyProblem::Empty);
        }
        if pem.len() > MAX_BYTES {
            return Err(KeyProblem::TooLarge);
        }
        let der = PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
            let nothing = matches!(error, pem::Error::NoItemsFound);
            if nothing { KeyProblem::NoKey } else { KeyProblem::Damaged }
        })?;
        let pkcs8 = envelope::to_pkcs8(&der).ok_or(KeyProblem::Damaged)?;
        // rcgen tells a damaged key and a foreign one by texts only.
        let pair = KeyPair::try_from(pkcs8).or(Err(KeyProblem::Unsupported))?;
        let algorithm = algorithm_of(&pair).ok_or(KeyProblem::Unsupported)?;
        Ok(Self { pair, algorithm })
    }

    /// The key itself, in PEM. It belongs in a Secret and nowhere else.
    pub fn to_pem(&self, encoding: Encoding) -> String {
        let pkcs8 = self.pair.serialized_der();
        let written = envelope::from_pkcs8(pkcs8, self.algorithm, encoding);
        // ring has read this envelope, so it opens.
        let (label, der) = written.unwrap_or_else(|| (envelope::PKCS8, pkcs8.to_vec()));
        block(label, der)
    }

    /// Its kind and size.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The identity of the pair: [`Leaf::spki`](crate::core::certificate::Leaf::spki) of a
    /// certificate for it.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.public_key())
    }

    /// Its public key, as a certificate holds it.
    pub(super) fn public_key(&self) -> Vec<u8> {
        self.pair.subject_public_key_info()
    }

    /// What rcgen signs with.
    pub(super) const fn pair(&self) -> &KeyPair {
        &self.pair
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({}, {})", self.algorithm, self.fingerprint().short())
    }
}

fn algorithm_of(pair: &KeyPair) -> Option<Algorithm> {
    match Key::of_public_key(&pair.subject_public_key_info()) {
        Key::Ec(Curve::P256) => Some(Algorithm::EcdsaP256),
        Key::Ec(Curve::P384) => Some(Algorithm::EcdsaP384),
        Key::Ed25519 => Some(Algorithm::Ed25519),
        Key::Rsa { bits } => Some(Algorithm::Rsa { bits }),
        Key::Ec(_) | Key::Ed448 | Key::Other => None,
    }
}

/// One PEM block, with line feeds as everybody here writes them.
pub(super) fn block(label: &str, der: impl Into<Vec<u8>>) -> String {
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
    encode_config(&Pem::new(label, der), config)
}
