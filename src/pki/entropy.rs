//! Where random bytes come from.

use rustls::crypto::ring;

use super::refused::Refused;

/// A source of random bytes: the operating system's or, in simulations, a seed's.
///
/// From a seed, serial numbers and Ed25519 keys are the same in every run that draws in the same
/// order; ECDSA keys and their signatures never are, because ring takes no bytes from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Entropy {
    source: Source,
}

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    /// Not in the container image, and so never what a real key is made of.
    #[cfg(any(test, feature = "demo"))]
    Seeded(std::sync::Arc<Seeded>),
}

impl Entropy {
    /// The operating system's.
    pub const fn system() -> Self {
        Self { source: Source::System }
    }

    /// A seed's. Clones draw from the same sequence.
    #[cfg(any(test, feature = "demo"))]
    pub fn seeded(seed: u64) -> Self {
        let seeded = Seeded { seed, drawn: std::sync::atomic::AtomicU64::new(0) };
        Self { source: Source::Seeded(std::sync::Arc::new(seeded)) }
    }

    /// Thirty-two random bytes: the seed of an Ed25519 key, or what a password is made of.
    pub fn draw(&self) -> Result<[u8; 32], Refused> {
        match &self.source {
            Source::System => {
                let mut bytes = [0; 32];
                let random = ring::default_provider().secure_random;
                random.fill(&mut bytes).or(Err(Refused::NoEntropy))?;
                Ok(bytes)
            }
            #[cfg(any(test, feature = "demo"))]
            Source::Seeded(seeded) => Ok(seeded.draw()),
        }
    }

    /// A serial number: 126 random bits in 16 bytes. It is never negative, never zero, and always
    /// of the same length.
    pub(super) fn serial(&self) -> Result<[u8; 16], Refused> {
        let random = self.draw()?;
        let mut serial = [0; 16];
        serial.copy_from_slice(&random[..16]);
        serial[0] = (serial[0] & 0x3f) | 0x40;
        Ok(serial)
    }
}

#[cfg(any(test, feature = "demo"))]
#[derive(Debug)]
struct Seeded {
    seed: u64,
    drawn: std::sync::atomic::AtomicU64,
}

#[cfg(any(test, feature = "demo"))]
impl Seeded {
    fn draw(&self) -> [u8; 32] {
        use sha2::{Digest as _, Sha256};
        let drawn = self.drawn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut hash = Sha256::new();
        hash.update(b"certrotor simulation");
        hash.update(self.seed.to_be_bytes());
        hash.update(drawn.to_be_bytes());
        hash.finalize().into()
    }
}
