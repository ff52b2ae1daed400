//! Peers that do not keep to the protocol, or do not say goodbye.

use std::sync::Arc;

use super::conversations::strangers;
use super::*;

#[test]
fn an_end_before_a_login_counts_and_one_after_it_does_not() {
    let tls = ssl_request(Capabilities::PROTOCOL_41);
    let login = |name: &str, plugin: &str| {
        HandshakeResponse {
            capabilities: Capabilities::PROTOCOL_41
                | Capabilities::SECURE_CONNECTION
                | Capabilities::PLUGIN_AUTH,
            user: name.to_owned(),
            answer: vec![0],
            database: None,
            plugin: plugin.to_owned(),
        }
        .write()
    };
    let [(quiet, _), (logged, _)] = strangers();
    let [root, quiet, logged] = ["root", &quiet, &logged].map(|name| login(name, "bogus"));
    let right = login("nobody", CACHING_SHA2);
    for (payloads, counts, why) in [
        (&[][..], true, "hung up after the greeting"),
        (&[&tls[..]], true, "hung up after TLS"),
        (&[&tls[..], &[1]], true, "COM_QUIT in the place of a login"),
        (&[&tls[..], &[]], true, "nothing in the place of a login"),
        (&[&[1][..]], true, "COM_QUIT at once"),
        (&[&tls[..], &root], true, "hung up at the switch"),
        (&[&tls[..], &quiet], true, "the same of an unknown user"),
        (&[&tls[..], &logged], false, "sha256_password does not count that"),
        (&[&tls[..], &right], false, "denied, or to answer a switch to sha256_password"),
    ] {
        let (server, _) = against_server(policy(), payloads);
        assert_eq!(server.counts_as_connect_error(), counts, "{why}");
    }
}

#[test]
fn what_is_no_login_is_refused_as_a_bad_handshake() {
    let tls = ssl_request(Capabilities::PROTOCOL_41);
    let mut long_request = tls.clone();
    long_request.push(0);
    for (payloads, plain) in [
        (&[&[1][..]][..], false),
        (&[&[][..]], false),
        (&[b"GET / HTTP/1.1"], false),
        (&[&long_request[..]], false),
        (&[&tls[..]], true),
    ] {
        let policy = Policy { offers_tls: !plain, ..policy() };
        let (server, output) = against_server(policy, payloads);
        let error = ErrorPacket::read(&packet(&output).payload).unwrap();
        assert_eq!(error.to_string(), "1043: Bad handshake", "{payloads:?}");
        assert_eq!(server.missing(), 0);
    }
}

#[test]
fn packets_out_of_order_are_refused_as_such() {
    for sent in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x01\x00\x00\x05\x01", b"\xff\xff\xff\x00"] {
        let mut server = Server::new(Arc::new(policy()), 1, "10.0.0.1".to_owned());
        server.take_output();
        server.receive(sent);
        server.next_event().unwrap_err();
        assert!(server.counts_as_connect_error());
        let Packet { sequence, payload } = packet(&server.take_output());
        let error = ErrorPacket::read(&payload).unwrap().to_string();
        assert_eq!((sequence, error.as_str()), (1, "1156: Got packets out of order"));
    }
}

/// What a client makes of these bytes, all at once.
fn against_client(sent: &[u8]) -> Result<Vec<String>, Violation> {
    let mut client = Client::new(Login::Unknown("nobody".to_owned()));
    client.receive(sent);
    let mut words = Vec::new();
    while let Some(event) = client.next_event()? {
        words.push(word(&event));
        if event == ClientEvent::StartTls {
            client.tls_established();
        }
    }
    assert_eq!(client.next_event(), Ok(None));
    Ok(words)
}

fn greeting(offers_tls: bool) -> Vec<u8> {
    let policy = Policy { offers_tls, ..policy() };
    Server::new(Arc::new(policy), 1, String::new()).take_output()
}

#[test]
fn a_client_knows_what_is_no_mysql_server() {
    let mut twice = greeting(true);
    twice.extend(greeting(true));
    for (sent, violation) in [
        (&b"SSH-2.0-OpenSSH_9.2p1\r\n"[..], Violation::NotMySql),
        (b"220 mail.example.org ESMTP\r\n", Violation::NotMySql),
        // The MySQL X protocol.
        (b"\x05\x00\x00\x00\x0b\x08\x05\x1a\x00", Violation::NotMySql),
        // Protocol version 9, and a packet that has a number but should have none.
        (b"\x05\x00\x00\x00\x093.20", Violation::NotMySql),
        (b"\x02\x00\x00\x01\x0a5", Violation::NotMySql),
        (b"\x00\x00\x00\x00", Violation::Truncated),
        (b"\x00\x00\x10\x00\x0a", Violation::TooLong(TooLong { length: 1 << 20, sequence: 0 })),
        (&twice, Violation::BeforeTls),
    ] {
        assert_eq!(against_client(sent), Err(violation));
    }
    assert_eq!(against_client(b"\x02\x00\x00\x00\x0a"), Ok(Vec::new()), "more may come");
}

#[test]
fn an_error_in_the_place_of_a_greeting_is_the_servers_answer() {
    for (code, message) in [
        (ErrorCode::TOO_MANY_CONNECTIONS, "Too many connections"),
        (ErrorCode::HOST_BLOCKED, "Host '10.0.0.1' is blocked"),
        (ErrorCode::HOST_NOT_ALLOWED, "Host '10.0.0.1' is not allowed to connect"),
    ] {
        let sent = Server::refusal(&ErrorPacket::bare(code, message));
        assert_eq!(against_client(&sent), Ok(vec![format!("{code}: {message}")]));
    }
}

#[test]
fn a_login_is_not_answered_without_an_end() {
    let mut sent = greeting(false);
    let mut client = Client::new(Login::Unknown("nobody".to_owned()));
    client.receive(&std::mem::take(&mut sent));
    while client.next_event().unwrap().is_some() {}
    let mut number = 2;
    let violation = loop {
        let mut more = Vec::new();
        write_packet(&mut more, number, &AuthReply::More(b"again".to_vec()).write());
        client.receive(&more);
        match client.next_event() {
            Ok(event) => assert_eq!(event, None),
            Err(violation) => break violation,
        }
        number += 2;
        assert!(number < 99);
    };
    assert_eq!(violation, Violation::Endless);
    // Another number than the one that is due.
    let mut client = Client::new(Login::Unknown("nobody".to_owned()));
    client.receive(&greeting(false));
    while client.next_event().unwrap().is_some() {}
    client.receive(b"\x01\x00\x00\x07\x01");
    let out_of_order = Violation::OutOfOrder { expected: 2, found: 7 };
    assert_eq!(client.next_event(), Err(out_of_order));
}
