//! The fields that packets are made of: "Protocol Basics", "Data types".

use super::violation::Violation;

/// Takes fields off the front of a payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next so many bytes.
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Violation> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Violation::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Violation> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Violation::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// `int<1>`
    pub(super) fn u8(&mut self) -> Result<u8, Violation> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// `int<2>`
    pub(super) fn u16(&mut self) -> Result<u16, Violation> {
        self.array().map(u16::from_le_bytes)
    }

    /// `int<4>`
    pub(super) fn u32(&mut self) -> Result<u32, Violation> {
        self.array().map(u32::from_le_bytes)
    }

    /// `int<lenenc>`
    pub(super) fn length(&mut self) -> Result<u64, Violation> {
        match self.u8()? {
            small @ ..=0xfa => Ok(u64::from(small)),
            0xfc => self.u16().map(u64::from),
            0xfd => {
                let [low, middle, high] = self.array()?;
                Ok(u64::from(u32::from_le_bytes([low, middle, high, 0])))
            }
            0xfe => self.array().map(u64::from_le_bytes),
            // NULL in a row of results, and the first byte of an ERR packet.
            other => Err(Violation::Unexpected(other)),
        }
    }

    /// `string<lenenc>`
    pub(super) fn counted(&mut self) -> Result<&'a [u8], Violation> {
        let length = usize::try_from(self.length()?).or(Err(Violation::Truncated))?;
        self.take(length)
    }

    /// `string<NUL>`
    pub(super) fn until_nul(&mut self) -> Result<&'a [u8], Violation> {
        let end = self.rest.iter().position(|byte| *byte == 0).ok_or(Violation::Truncated)?;
        let text = self.take(end)?;
        self.take(1)?;
        Ok(text)
    }

    /// `string<NUL>` at the end of a packet, where some servers leave the NUL out.
    pub(super) fn until_nul_or_end(&mut self) -> &'a [u8] {
        match self.until_nul() {
            Ok(text) => text,
            Err(_) => self.rest(),
        }
    }
}

/// Text of the other side: foreign, and not always UTF-8.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `int<lenenc>`
#[expect(clippy::cast_possible_truncation, reason = "each arm keeps the bytes that its range has")]
pub(super) fn push_length(out: &mut Vec<u8>, value: u64) {
    match value {
        ..=0xfa => out.push(value as u8),
        0xfb..=0xffff => {
            out.push(0xfc);
            out.extend((value as u16).to_le_bytes());
        }
        0x1_0000..=0xff_ffff => {
            out.push(0xfd);
            out.extend(&value.to_le_bytes()[..3]);
        }
        _ => {
            out.push(0xfe);
            out.extend(value.to_le_bytes());
        }
    }
}

/// `string<lenenc>`
pub(super) fn push_counted(out: &mut Vec<u8>, bytes: &[u8]) {
    push_length(out, bytes.len() as u64);
    out.extend(bytes);
}

/// `string<NUL>`; a NUL within would end it, so nothing after one is written.
pub(super) fn push_until_nul(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(bytes.iter().take_while(|byte| **byte != 0));
    out.push(0);
}
