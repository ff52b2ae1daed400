//! Hostile input for both sides, as functions of bytes: property tests call them, and a fuzzer can.
//! Each panics only when a promise of this module is broken.

use std::sync::Arc;

use super::authentication::Credentials;
use super::client::{Client, ClientEvent, Login};
use super::command::Command;
use super::greeting::Greeting;
use super::login::{HandshakeResponse, Opening};
use super::packet::MAX_PACKET;
use super::reply::{AuthReply, ErrorPacket, OkPacket};
use super::rows::Rows;
use super::server::{Policy, Server, ServerEvent};

/// The most that either side may say in one conversation with hostile input of one byte: what is
/// said for each byte received is bounded as well.
const MOST_OUTPUT: usize = 4 * 1024;

/// Reads a payload as each of the packets that there are, and again what is written of it.
///
/// # Panics
/// When something is not read as it was written.
pub fn payload(input: &[u8]) {
    if let Ok(greeting) = Greeting::read(input) {
        // Only a nonce of the usual length can be written as it was.
        let again = Greeting::read(&greeting.write()).map(|again| again.version);
        assert_eq!(again, Ok(greeting.version), "a greeting is read as it was written");
    }
    if let Ok(login) = HandshakeResponse::read(input) {
        let again = HandshakeResponse::read(&login.write());
        assert!(again.is_ok_and(|again| again.user == login.user), "so is a login");
    }
    if let Ok(error) = ErrorPacket::read(input) {
        let again = ErrorPacket::read(&error.write()).map(|again| again.code);
        assert_eq!(again, Ok(error.code), "so is an error");
    }
    if let Ok(reply) = AuthReply::read(input) {
        assert!(AuthReply::read(&reply.write()).is_ok(), "so is an answer to a login");
    }
    if let Ok(command) = Command::read(input) {
        let again = Command::read(&command.write());
        assert_eq!(again, Ok(command), "so is a command");
    }
    drop((Opening::read(input), OkPacket::read(input)));
}

/// Lets a client hear `input`. Its first byte says how the rest is split on the way.
///
/// # Panics
/// When the client asks, says or does more than it may.
pub fn client(input: &[u8]) {
    let Some((split, input)) = input.split_first() else {
        return;
    };
    let mut client = Client::new(Login::Unknown("nobody".to_owned()));
    let mut said = 0;
    for part in input.chunks(usize::from(*split) + 1) {
        client.receive(part);
        let mut events = 0;
        loop {
            let event = client.next_event();
            said += client.take_output().len();
            match event {
                Ok(Some(ClientEvent::StartTls)) => client.tls_established(),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => {
                    assert_eq!(client.next_event(), Ok(None), "a violation is the end");
                    assert_eq!(client.missing(), 0, "nothing more is read then");
                    return;
                }
            }
            events += 1;
            assert!(events <= part.len() + 4, "events come from bytes");
        }
        assert!(client.missing() <= MAX_PACKET + 4, "no more than a packet is asked for");
        assert!(said <= MOST_OUTPUT, "a client says little");
    }
}

/// Lets a server hear `input`. Its first byte says how the rest is split, its second how the server
/// is.
///
/// # Panics
/// When the server asks, says or does more than it may.
pub fn server(input: &[u8]) {
    let [split, kind, input @ ..] = input else {
        return;
    };
    let policy = Policy {
        version: "9.7.0".to_owned(),
        offers_tls: kind & 1 != 0,
        requires_tls: kind & 2 != 0,
        // An empty password is known to whoever tries none.
        user: Some(Credentials { user: "root".to_owned(), password: String::new() }),
        seed: 0,
    };
    let mut server = Server::new(Arc::new(policy), 1, "localhost".to_owned());
    for part in input.chunks(usize::from(*split) + 1) {
        server.receive(part);
        let mut events = 0;
        loop {
            match server.next_event() {
                Ok(Some(ServerEvent::StartTls)) => server.tls_established(),
                Ok(Some(ServerEvent::Query(statement))) => {
                    server.answer(&Rows { columns: vec![(statement, "1".to_owned())] });
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => {
                    assert_eq!(server.next_event(), Ok(None), "a violation is the end");
                    assert_eq!(server.missing(), 0, "nothing more is read then");
                    return;
                }
            }
            let said = server.take_output().len();
            assert!(said <= MOST_OUTPUT + 4 * MAX_PACKET, "a server says little at a time");
            events += 1;
            assert!(events <= part.len() + 4, "events come from bytes");
        }
        assert!(server.missing() <= MAX_PACKET + 4, "no more than a packet is asked for");
    }
}
