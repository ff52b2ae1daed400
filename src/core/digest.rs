//! Stable digests: the same inputs give the same number on every machine and in every release.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// 64 bits of a SHA-256, written as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub u64);

impl Digest {
    /// Of these parts; their boundaries count.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let bytes: [u8; 32] = hash.finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = bytes;
        Self(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    /// A number from 0 up to but not including `bound`, evenly spread; 0 for an empty range.
    pub fn below(self, bound: i64) -> i64 {
        if bound <= 0 {
            return 0;
        }
        let product = u128::from(self.0) * u128::from(bound.unsigned_abs());
        i64::try_from(product >> 64).unwrap_or(0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Digest {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_never_changes_between_releases() {
        // Records in people's clusters hold these numbers.
        assert_eq!(Digest::of(["a", "b"]).to_string(), "3c9d591045bc8876");
    }

    #[test]
    fn boundaries_between_parts_count() {
        assert_ne!(Digest::of(["ab", "c"]), Digest::of(["a", "bc"]));
    }

    #[test]
    fn a_number_below_a_bound_is_below_it() {
        assert_eq!(Digest(u64::MAX).below(10), 9);
        assert_eq!(Digest(0).below(10), 0);
        assert_eq!(Digest(u64::MAX).below(0), 0);
    }
}
