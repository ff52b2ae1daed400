use super::*;

mod conversations;
mod packets;
mod properties;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// The only packet in these bytes.
fn packet(bytes: &[u8]) -> Packet {
    let mut packets = Packets::default();
    packets.receive(bytes);
    let packet = packets.next_packet().unwrap().unwrap();
    assert!(packets.is_empty());
    packet
}
