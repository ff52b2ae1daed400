//! Framing: three bytes of length, one that counts, then the payload ("MySQL Packets").

use thiserror::Error;

use super::violation::Violation;

/// The longest payload that is taken. A greeting has about 80 bytes and a login hardly more; what
/// is said before TLS could come from anybody.
pub const MAX_PACKET: usize = 16 * 1024;
/// A payload of this length goes on in the next packet.
const FULL: usize = 0xff_ffff;
const HEADER: usize = 4;

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Counts within one exchange, from 0, and wraps.
    pub sequence: u8,
    /// What is in it.
    pub payload: Vec<u8>,
}

/// The header of a packet that is longer than any that makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a packet of {length} bytes, where at most {MAX_PACKET} make sense")]
pub struct TooLong {
    /// The length in it.
    pub length: usize,
    /// The number in it.
    pub sequence: u8,
}

/// Cuts what arrives into packets, however it was split and joined on the way.
#[derive(Debug, Default)]
pub struct Packets {
    received: Vec<u8>,
}

impl Packets {
    /// Takes in what has arrived.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.received.extend(bytes);
    }

    /// The next packet that is complete.
    pub fn next_packet(&mut self) -> Result<Option<Packet>, TooLong> {
        let Some((length, sequence)) = self.header() else {
            return Ok(None);
        };
        if length > MAX_PACKET {
            return Err(TooLong { length, sequence });
        }
        if self.received.len() < HEADER + length {
            return Ok(None);
        }
        let rest = self.received.split_off(HEADER + length);
        let payload = std::mem::replace(&mut self.received, rest).split_off(HEADER);
        Ok(Some(Packet { sequence, payload }))
    }

    /// How many bytes the header, or the packet that it begins, still lacks; 0 when a packet (or
    /// the header of one that is too long) is there.
    pub fn missing(&self) -> usize {
        let whole = match self.header() {
            None => HEADER,
            Some((length, _)) if length > MAX_PACKET => HEADER,
            Some((length, _)) => HEADER + length,
        };
        whole.saturating_sub(self.received.len())
    }

    /// Whether nothing is left over.
    pub fn is_empty(&self) -> bool {
        self.received.is_empty()
    }

    fn header(&self) -> Option<(usize, u8)> {
        let [low, middle, high, sequence] = *self.received.first_chunk()?;
        let length = u32::from_le_bytes([low, middle, high, 0]);
        Some((length as usize, sequence))
    }
}

/// Appends a payload as one packet, or as several where it is too long for one, and returns the
/// number of the packet that follows.
pub fn write_packet(out: &mut Vec<u8>, mut sequence: u8, payload: &[u8]) -> u8 {
    let mut rest = payload;
    loop {
        let (part, others) = rest.split_at(rest.len().min(FULL));
        out.extend(&u32::try_from(part.len()).unwrap_or(0).to_le_bytes()[..3]);
        out.push(sequence);
        out.extend(part);
        sequence = sequence.wrapping_add(1);
        if part.len() < FULL {
            return sequence;
        }
        rest = others;
    }
}

/// What both sides of a conversation keep: what has arrived, what is to be sent, and the number of
/// the packet that is due.
#[derive(Debug, Default)]
pub(super) struct Wire {
    packets: Packets,
    output: Vec<u8>,
    sequence: u8,
}

impl Wire {
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.packets.receive(bytes);
    }

    pub(super) fn missing(&self) -> usize {
        self.packets.missing()
    }

    /// Whether all that was received has been read.
    pub(super) fn is_drained(&self) -> bool {
        self.packets.is_empty()
    }

    pub(super) fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// The next packet, whatever its number; the one after it is due then.
    pub(super) fn any_packet(&mut self) -> Result<Option<Packet>, TooLong> {
        let packet = self.packets.next_packet()?;
        if let Some(packet) = &packet {
            self.sequence = packet.sequence.wrapping_add(1);
        }
        Ok(packet)
    }

    /// The payload of the next packet, which has the number that is due.
    pub(super) fn next_payload(&mut self) -> Result<Option<Vec<u8>>, Violation> {
        let expected = self.sequence;
        let next = self.any_packet().map_err(|too_long| match too_long.sequence {
            found if found != expected => Violation::OutOfOrder { expected, found },
            _ => Violation::TooLong(too_long),
        });
        let Some(Packet { sequence: found, payload }) = next? else {
            return Ok(None);
        };
        // A server that ends a conversation may not have counted.
        if found != expected && payload.first() != Some(&0xff) {
            return Err(Violation::OutOfOrder { expected, found });
        }
        Ok(Some(payload))
    }

    pub(super) fn send(&mut self, payload: &[u8]) {
        self.sequence = write_packet(&mut self.output, self.sequence, payload);
    }

    /// A new exchange begins: its first packet is number 0.
    pub(super) fn begin(&mut self) {
        self.sequence = 0;
    }

    /// The number that is due is not known any longer: mysqld goes on with 1.
    pub(super) fn lose_count(&mut self) {
        self.sequence = 1;
    }
}
