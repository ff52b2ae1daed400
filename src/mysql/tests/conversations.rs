//! A client and a server speak, with nothing but memory between them.

use super::*;
use std::sync::Arc;

fn policy() -> Policy {
    Policy {
        version: "9.7.0".to_owned(),
        offers_tls: true,
        requires_tls: false,
        user: Some(Credentials { user: "root".to_owned(), password: "secret".to_owned() }),
        seed: 1,
    }
}

fn user(user: &str, password: &str) -> Login {
    Login::User(Credentials { user: user.to_owned(), password: password.to_owned() })
}

/// What both said happened, each event as one word or two.
struct Heard {
    client: Vec<String>,
    server: Vec<String>,
    counts: bool,
}

/// Lets them speak until neither has anything to say. Each reads what it is missing, `most` bytes at
/// most at a time.
fn speak(login: Login, policy: Policy, most: usize) -> Heard {
    let mut client = Client::new(login);
    let mut server = Server::new(Arc::new(policy), 7, "10.0.0.1".to_owned());
    let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
    let mut heard = Heard { client: Vec::new(), server: Vec::new(), counts: false };
    loop {
        let before = (to_client.len(), to_server.len(), heard.client.len(), heard.server.len());
        while let Some(event) = client.next_event().unwrap() {
            if event == ClientEvent::StartTls {
                // In memory, TLS is there at once on this side; its bytes are not played.
                to_server.extend(client.take_output());
                client.tls_established();
            }
            heard.client.push(word(&event));
        }
        to_server.extend(client.take_output());
        while let Some(event) = server.next_event().unwrap() {
            if event == ServerEvent::StartTls {
                server.tls_established();
            }
            heard.server.push(format!("{event:?}"));
        }
        to_client.extend(server.take_output());
        let read: Vec<u8> =
            to_client.drain(..client.missing().min(most).min(to_client.len())).collect();
        client.receive(&read);
        let sent: Vec<u8> =
            to_server.drain(..server.missing().min(most).min(to_server.len())).collect();
        server.receive(&sent);
        let after = (to_client.len(), to_server.len(), heard.client.len(), heard.server.len());
        if before == after && read.is_empty() && sent.is_empty() {
            heard.counts = server.counts_as_connect_error();
            return heard;
        }
    }
}

fn word(event: &ClientEvent) -> String {
    match event {
        ClientEvent::Greeted(greeting) => format!("greeted by {}", greeting.version),
        ClientEvent::StartTls => "TLS".to_owned(),
        ClientEvent::Switched(plugin) => format!("switched to {plugin}"),
        ClientEvent::Ended(Answer::LoggedIn) => "logged in".to_owned(),
        ClientEvent::Ended(Answer::Refused(error)) => error.to_string(),
    }
}

/// Names for whom this seed draws each method.
fn strangers() -> [(String, &'static str); 2] {
    [CACHING_SHA2, SHA256].map(|wanted| {
        let names = (0..64).map(|number| format!("nobody{number}"));
        let found = names.into_iter().find(|name| {
            let heard = speak(Login::Unknown(name.clone()), policy(), 99);
            heard.server.iter().any(|event| event.contains(wanted))
        });
        (found.unwrap(), wanted)
    })
}

#[test]
fn an_unknown_user_is_denied_after_a_switch_if_the_method_drawn_for_them_is_another() {
    let [(quiet, _), (logged, _)] = strangers();
    for (name, switch) in [(quiet, None), (logged, Some("switched to sha256_password"))] {
        for most in [1, 3, 4096] {
            let heard = speak(Login::Unknown(name.clone()), policy(), most);
            let denied =
                format!("1045: Access denied for user '{name}'@'10.0.0.1' (using password: NO)");
            let expected = [Some("greeted by 9.7.0"), Some("TLS"), switch, Some(&denied)];
            let expected: Vec<&str> = expected.into_iter().flatten().collect();
            assert_eq!(heard.client, expected);
            assert!(!heard.counts, "{name} was denied, which does not count");
        }
    }
}

#[test]
fn a_known_user_logs_in_with_the_right_password_only() {
    for (login, last) in [
        (user("root", "secret"), "logged in"),
        (
            user("root", "wrong"),
            "1045: Access denied for user 'root'@'10.0.0.1' (using password: YES)",
        ),
        (user("root", ""), "1045: Access denied for user 'root'@'10.0.0.1' (using password: NO)"),
        (
            Login::Unknown("root".to_owned()),
            "1045: Access denied for user 'root'@'10.0.0.1' (using password: NO)",
        ),
        (user("", "secret"), "1045: Access denied for user ''@'10.0.0.1' (using password: YES)"),
    ] {
        let heard = speak(login, policy(), 50);
        assert_eq!(heard.client.last().unwrap(), last);
        assert!(!heard.counts);
    }
    let heard = speak(user("root", "secret"), policy(), 50);
    assert_eq!(heard.server.last().unwrap(), "Ended", "the client says goodbye");
    let open = Policy {
        user: Some(Credentials { user: "root".to_owned(), password: String::new() }),
        ..policy()
    };
    assert_eq!(speak(user("root", ""), open, 50).client.last().unwrap(), "logged in");
}

#[test]
fn a_server_that_cannot_tell_by_the_answer_asks_for_the_password() {
    let login = HandshakeResponse {
        capabilities: Capabilities::PROTOCOL_41
            | Capabilities::SECURE_CONNECTION
            | Capabilities::PLUGIN_AUTH,
        user: "root".to_owned(),
        answer: vec![9; 32],
        database: None,
        plugin: CACHING_SHA2.to_owned(),
    };
    let (login, tls) = (login.write(), ssl_request(Capabilities::PROTOCOL_41));
    for (password, first) in
        [(&b"secret\0"[..], 0), (b"secret2\0", 0xff), (b"\0", 0xff), (b"", 0xff)]
    {
        let (server, output) = against_server(policy(), &[&tls, &login]);
        assert_eq!(packet(&output).payload, [1, 4]);
        assert!(!server.counts_as_connect_error());
        let (mut server, mut sent) = (server, Vec::new());
        write_packet(&mut sent, 4, password);
        server.receive(&sent);
        while server.next_event().unwrap().is_some() {}
        assert_eq!(packet(&server.take_output()).payload[0], first, "{password:?}");
    }
}

#[test]
fn a_password_is_not_sent_without_tls() {
    let plain = Policy { offers_tls: false, ..policy() };
    let heard = speak(user("root", "secret"), plain, 50);
    assert_eq!(heard.client[0], "greeted by 9.7.0");
    assert!(heard.client[1].ends_with("(using password: NO)"), "{:?}", heard.client);
    let strict = Policy { offers_tls: false, requires_tls: true, ..policy() };
    let heard = speak(Login::Unknown("nobody".to_owned()), strict, 50);
    assert!(heard.client[1].starts_with("3159: Connections using insecure"), "{:?}", heard.client);
}

#[test]
fn the_scramble_is_that_of_other_clients() {
    // Made with PyMySQL 1.2: `_auth.scramble_caching_sha2(b"secret", b"abcdefghijklmnopqrst")`.
    let expected = "c76e2898612a4cf042c77fa8c4702c4c64c0c2c557c53c4d75595aaa6abae809";
    let made = authentication::scramble("secret", b"abcdefghijklmnopqrst");
    assert_eq!(made.to_vec(), bytes(expected));
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
        (&[b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"], false),
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

#[test]
fn commands_are_answered_one_at_a_time() {
    let open = Policy {
        offers_tls: false,
        user: Some(Credentials { user: "root".to_owned(), password: String::new() }),
        ..policy()
    };
    let mut server = Server::new(Arc::new(open), 1, "localhost".to_owned());
    let mut client = Client::new(user("root", ""));
    client.receive(&server.take_output());
    while client.next_event().unwrap().is_some() {}
    server.receive(&client.take_output());
    let mut sent = Vec::new();
    for command in [
        Command::Ping,
        Command::Query("SELECT 1".to_owned()),
        Command::ResetConnection,
        Command::InitDb,
        Command::Other(0x15),
        Command::Quit,
    ] {
        write_packet(&mut sent, 0, &command.write());
    }
    server.receive(&sent);
    let mut heard = Vec::new();
    while let Some(event) = server.next_event().unwrap() {
        if let ServerEvent::Query(_) = event {
            server.answer(&Rows { columns: vec![("1".to_owned(), "1".to_owned())] });
        }
        heard.push(event);
    }
    let query = ServerEvent::Query("SELECT 1".to_owned());
    assert_eq!(
        heard,
        [
            ServerEvent::Authenticating { plugin: CACHING_SHA2 },
            ServerEvent::LoggedIn,
            query,
            ServerEvent::Ended
        ]
    );
    let mut packets = Packets::default();
    packets.receive(&server.take_output());
    let mut firsts = Vec::new();
    while let Some(Packet { sequence, payload }) = packets.next_packet().unwrap() {
        firsts.push((sequence, payload[0]));
    }
    // The login, PING, the result (count, column, EOF, row, EOF), two more, 1047.
    let result = [(1, 1), (2, 3), (3, 0xfe), (4, 1), (5, 0xfe)];
    let expected = [&[(2, 0), (1, 0)][..], &result, &[(1, 0), (1, 0), (1, 0xff)]].concat();
    assert_eq!(firsts, expected);
}

#[test]
fn nothing_that_is_shown_for_debugging_is_a_password() {
    let login = user("root", "secret");
    let response = HandshakeResponse {
        capabilities: Capabilities::PROTOCOL_41,
        user: "root".to_owned(),
        answer: b"secret".to_vec(),
        database: None,
        plugin: String::new(),
    };
    let shown = format!("{login:?} {response:?} {:?} {:?}", policy(), Client::new(login.clone()));
    assert!(!shown.contains("secret"), "{shown}");
    assert!(!shown.contains("115, 101"), "{shown}");
}
