//! As much of DER as private keys need to be taken from one envelope into another.
//!
//! rcgen and ring know PKCS #8 only; Secrets hold what OpenSSL and Go write.

/// INTEGER.
pub(super) const INTEGER: u8 = 0x02;
/// BIT STRING.
pub(super) const BIT_STRING: u8 = 0x03;
/// OCTET STRING.
pub(super) const OCTET_STRING: u8 = 0x04;
/// NULL.
pub(super) const NULL: u8 = 0x05;
/// OBJECT IDENTIFIER.
pub(super) const OID: u8 = 0x06;
/// SEQUENCE.
pub(super) const SEQUENCE: u8 = 0x30;
/// SET.
pub(super) const SET: u8 = 0x31;

/// The explicit tag `[number]`.
pub(super) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// One value with its tag and its length.
pub(super) fn write(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut der = vec![tag];
    if let Ok(short @ ..=0x7f) = u8::try_from(length) {
        der.push(short);
    } else {
        let bytes = length.to_be_bytes();
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let digits = &bytes[zeros..];
        // At most eight digits: a length is a usize.
        der.push(0x80 | u8::try_from(digits.len()).unwrap_or(0x7f));
        der.extend(digits);
    }
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}

/// What is left to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(der: &'a [u8]) -> Self {
        Self { rest: der }
    }

    /// Whether nothing is left.
    pub(super) const fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    /// The content of the next value, which must have this tag; none when it has another, or is cut.
    pub(super) fn next(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (first, after) = self.rest.split_first()?;
        if *first != tag {
            return None;
        }
        let (length, after) = length(after)?;
        let content = after.get(..length)?;
        self.rest = &after[length..];
        Some(content)
    }

    /// The same for a value that holds others.
    pub(super) fn inside(&mut self, tag: u8) -> Option<Self> {
        self.next(tag).map(Self::new)
    }
}

/// A definite length of at most four digits.
fn length(der: &[u8]) -> Option<(usize, &[u8])> {
    let (first, after) = der.split_first()?;
    if *first < 0x80 {
        return Some((usize::from(*first), after));
    }
    let digits = usize::from(*first & 0x7f);
    if !(1..=4).contains(&digits) {
        return None;
    }
    let (digits, after) = after.split_at_checked(digits)?;
    let length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
    Some((length, after))
}
