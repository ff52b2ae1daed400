use std::sync::Arc;

use super::*;

mod conversations;
mod packets;
mod peers;
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

fn policy() -> Policy {
    Policy {
        version: "9.7.0".to_owned(),
        offers_tls: true,
        requires_tls: false,
        user: Some(Credentials { user: "root".to_owned(), password: "secret".to_owned() }),
        seed: 1,
    }
}

/// An event of a client in a word or two.
fn word(event: &ClientEvent) -> String {
    match event {
        ClientEvent::Greeted(greeting) => format!("greeted by {}", greeting.version),
        ClientEvent::StartTls => "TLS".to_owned(),
        ClientEvent::Switched(plugin) => format!("switched to {plugin}"),
        ClientEvent::Ended(Answer::LoggedIn) => "logged in".to_owned(),
        ClientEvent::Ended(Answer::Refused(error)) => error.to_string(),
    }
}

/// Sends these payloads as packets 1, 2, … to a server and returns what it answers at last.
fn against_server(policy: Policy, payloads: &[&[u8]]) -> (Server, Vec<u8>) {
    let mut server = Server::new(Arc::new(policy), 1, "10.0.0.1".to_owned());
    server.take_output();
    for (number, payload) in (1..).zip(payloads) {
        let mut packet = Vec::new();
        write_packet(&mut packet, number, payload);
        server.receive(&packet);
        while let Ok(Some(event)) = server.next_event() {
            if event == ServerEvent::StartTls {
                server.tls_established();
            }
        }
    }
    let output = server.take_output();
    (server, output)
}
