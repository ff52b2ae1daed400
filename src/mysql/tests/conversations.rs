//! A client and a server speak, with nothing but memory between them.

use super::*;
use std::sync::Arc;

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

/// Names for whom this seed draws each method.
pub(super) fn strangers() -> [(String, &'static str); 2] {
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
    // That TLS is required is told to those who are known only.
    let open = Credentials { user: "root".to_owned(), password: String::new() };
    let strict = Policy { offers_tls: false, requires_tls: true, user: Some(open), ..policy() };
    let heard = speak(Login::Unknown("nobody".to_owned()), strict.clone(), 50);
    assert!(heard.client.last().unwrap().starts_with("1045"), "{:?}", heard.client);
    let heard = speak(user("root", ""), strict, 50);
    assert!(heard.client[1].starts_with("3159: Connections using insecure"), "{:?}", heard.client);
}

#[test]
fn the_scramble_is_that_of_other_clients() {
    // Made with PyMySQL 1.2: `_auth.scramble_caching_sha2(b"secret", b"abcdefghijklmnopqrst")`.
    let expected = "c76e2898612a4cf042c77fa8c4702c4c64c0c2c557c53c4d75595aaa6abae809";
    let made = authentication::scramble("secret", b"abcdefghijklmnopqrst");
    assert_eq!(made.to_vec(), bytes(expected));
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
