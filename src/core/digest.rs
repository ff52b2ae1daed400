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
        let first = bytes.first_chunk().copied().unwrap_or_default();
        Self(u64::from_be_bytes(first))
    }

    /// Of this digest and a number: a thousand times as quick, and no shield against anybody who
    /// looks for two that are the same.
    #[must_use]
    pub const fn and(self, number: i64) -> Self {
        let mixed = (self.0 ^ number.cast_unsigned()).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self(mixed ^ (mixed >> 31))
    }

    /// Of a text that nobody chooses, such as a uid: quick, and as evenly spread.
    pub fn quick(text: &str) -> Self {
        let step =
            |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        let hash = text.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, step);
        Self(hash).and(0)
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
    fn nor_do_the_quick_ones() {
        assert_eq!(Digest(1).and(2).to_string(), "1d0b14e4db018fed");
        let uid = "6f2a5b0e-6c1d-4a55-9a53-0d7e3f1c2b4a";
        assert_eq!(Digest::quick(uid).to_string(), "3f1b199be7d4b96f");
    }

    #[test]
    fn quick_ones_are_evenly_spread() {
        let mut hours = [0_u32; 24];
        for index in 0..24_000 {
            let uid = format!("6f2a5b0e-6c1d-4a55-9a53-{index:012x}");
            let hour = Digest::quick(&uid).below(24);
            hours[usize::try_from(hour).unwrap()] += 1;
        }
        assert!(hours.iter().all(|count| (850..1_150).contains(count)), "{hours:?}");
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
