//! Packets as MySQL's documentation shows them, and as MariaDB's describes them.

use super::*;

/// The examples of `Protocol::HandshakeV10`, of a server before and after `CLIENT_PLUGIN_AUTH`.
const OLD_GREETING: &str = "36 00 00 00 0a 35 2e 35 2e 32 2d 6d 32 00 0b 00 00 00 64 76 48 40 49 2d \
    43 4a 00 ff f7 08 02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 2a 34 64 7c 63 5a 77 6b 34 5e \
    5d 3a 00";
const GREETING: &str = "50 00 00 00 0a 35 2e 36 2e 34 2d 6d 37 2d 6c 6f 67 00 56 0a 00 00 52 42 33 \
    76 7a 26 47 72 00 ff ff 08 02 00 0f c0 15 00 00 00 00 00 00 00 00 00 00 2b 79 44 26 2f 5a 5a \
    33 30 35 5a 47 00 6d 79 73 71 6c 5f 6e 61 74 69 76 65 5f 70 61 73 73 77 6f 72 64 00";

#[test]
fn the_greetings_of_the_documentation_are_read_and_written() {
    let Packet { sequence, payload } = packet(&bytes(GREETING));
    let greeting = Greeting::read(&payload).unwrap();
    assert_eq!(sequence, 0);
    assert_eq!(greeting.version, "5.6.4-m7-log");
    assert_eq!(greeting.connection, 2646);
    assert_eq!(greeting.nonce, b"RB3vz&Gr+yD&/ZZ305ZG");
    assert_eq!(greeting.plugin, "mysql_native_password");
    assert_eq!(greeting.capabilities, Capabilities(0xc00f_ffff));
    assert!(greeting.offers_tls());
    assert_eq!((greeting.product(), greeting.own_version()), (Product::MySql, "5.6.4-m7-log"));
    assert_eq!(greeting.write(), payload);

    let greeting = Greeting::read(&packet(&bytes(OLD_GREETING)).payload).unwrap();
    assert_eq!(greeting.version, "5.5.2-m2");
    assert_eq!(greeting.nonce, b"dvH@I-CJ*4d|cZwk4^]:");
    assert_eq!(greeting.plugin, "");
    assert!(!greeting.offers_tls());
}

#[test]
fn mariadb_is_told_apart_by_its_version_and_by_its_capabilities() {
    let mysql = Greeting::read(&packet(&bytes(GREETING)).payload).unwrap();
    let with_mysql = mysql.capabilities;
    let without = with_mysql.with(Capabilities::MYSQL, false);
    for (version, capabilities, product, own) in [
        ("9.7.0", with_mysql, Product::MySql, "9.7.0"),
        ("8.0.36-28", with_mysql, Product::MySql, "8.0.36-28"),
        (
            "5.5.5-10.11.19-MariaDB-0+deb12u1",
            without,
            Product::MariaDb,
            "10.11.19-MariaDB-0+deb12u1",
        ),
        ("11.4.2-mariadb", with_mysql, Product::MariaDb, "11.4.2-mariadb"),
        ("11.4.2", without, Product::MariaDb, "11.4.2"),
        ("5.5.5-m1", with_mysql, Product::MySql, "5.5.5-m1"),
    ] {
        let greeting = Greeting { version: version.to_owned(), capabilities, ..mysql.clone() };
        let greeting = Greeting::read(&greeting.write()).unwrap();
        assert_eq!((greeting.product(), greeting.own_version()), (product, own), "{version}");
    }
}

#[test]
fn errors_have_a_state_or_none() {
    // The example of "ERR_Packet".
    let example =
        "17 00 00 01 ff 48 04 23 48 59 30 30 30 4e 6f 20 74 61 62 6c 65 73 20 75 73 65 64";
    let Packet { sequence, payload } = packet(&bytes(example));
    let error = ErrorPacket::new(ErrorCode(1096), "HY000", "No tables used");
    assert_eq!((sequence, ErrorPacket::read(&payload)), (1, Ok(error.clone())));
    assert_eq!(error.write(), payload);

    for (payload, code, message) in [
        (
            &b"\xff\x10\x04Too many connections"[..],
            ErrorCode::TOO_MANY_CONNECTIONS,
            "Too many connections",
        ),
        (
            b"\xffi\x04Host '10.0.0.1' is blocked",
            ErrorCode::HOST_BLOCKED,
            "Host '10.0.0.1' is blocked",
        ),
        (b"\xffj\x04Host", ErrorCode::HOST_NOT_ALLOWED, "Host"),
        (b"\xff\x0a\x05#12", ErrorCode::OPTION_PREVENTS_STATEMENT, "#12"),
        (b"\xff\x10\x04", ErrorCode::TOO_MANY_CONNECTIONS, ""),
    ] {
        let error = ErrorPacket::bare(code, message);
        assert_eq!(ErrorPacket::read(payload), Ok(error.clone()));
        assert_eq!(error.write(), payload);
    }
    assert_eq!(ErrorPacket::read(b"\xff\x10"), Err(Violation::Truncated));
    assert_eq!(ErrorPacket::read(b"\x00"), Err(Violation::Unexpected(0)));
    let shown = ErrorPacket::bare(ErrorCode::HOST_BLOCKED, "no").to_string();
    assert_eq!(shown, "1129: no");
}

#[test]
fn a_switch_names_its_method() {
    // The example of "Protocol::AuthSwitchRequest", and the old one without a name.
    let example = "2c 00 00 02 fe 6d 79 73 71 6c 5f 6e 61 74 69 76 65 5f 70 61 73 73 77 6f 72 64 \
        00 7a 51 67 34 69 36 6f 4e 79 36 3d 72 48 4e 2f 3e 2d 62 29 41 00";
    let payload = packet(&bytes(example)).payload;
    let switch = AuthReply::Switch {
        plugin: "mysql_native_password".to_owned(),
        nonce: b"zQg4i6oNy6=rHN/>-b)A".to_vec(),
    };
    assert_eq!(AuthReply::read(&payload), Ok(switch.clone()));
    assert_eq!(switch.write(), payload);
    let old = AuthReply::Switch { plugin: "mysql_old_password".to_owned(), nonce: Vec::new() };
    assert_eq!(AuthReply::read(&[0xfe]), Ok(old));
    assert_eq!(AuthReply::read(&[1, 4]), Ok(AuthReply::More(vec![4])));
    // The example of "OK_Packet".
    let ok = AuthReply::read(&bytes("00 00 00 02 00 00 00"));
    assert_eq!(ok, Ok(AuthReply::Ok(OkPacket { status: 2 })));
}

#[test]
fn a_request_for_tls_is_the_first_part_of_a_login() {
    let capabilities = Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION;
    let request = ssl_request(capabilities);
    assert_eq!(request.len(), 32);
    assert_eq!(Opening::read(&request), Ok(Opening::SslRequest));
    let login = HandshakeResponse {
        capabilities,
        user: "nobody".to_owned(),
        answer: vec![1, 0, 2],
        database: Some("shop".to_owned()),
        plugin: String::new(),
    };
    let payload = login.write();
    assert_eq!(payload[4..32], request[4..]);
    let read = HandshakeResponse::read(&payload).unwrap();
    assert_eq!((read.answer.as_slice(), read.database.as_deref()), (&[1, 0, 2][..], Some("shop")));
    assert_eq!(Opening::read(&payload), Ok(Opening::Login(read)));
    assert_eq!(Opening::read(b"\x00"), Err(Violation::Truncated));
}

#[test]
fn packets_are_cut_however_they_arrive() {
    let mut stream = Vec::new();
    let next = write_packet(&mut stream, 255, b"one");
    assert_eq!(next, 0);
    write_packet(&mut stream, next, b"");
    write_packet(&mut stream, 1, &[7; MAX_PACKET]);
    for size in [1, 2, 3, 4, 5, 7, 1000, stream.len()] {
        let (mut packets, mut found) = (Packets::default(), Vec::new());
        for part in stream.chunks(size) {
            packets.receive(part);
            while let Some(Packet { sequence, payload }) = packets.next_packet().unwrap() {
                found.push((sequence, payload.len()));
            }
        }
        assert_eq!(found, [(255, 3), (0, 0), (1, MAX_PACKET)], "in parts of {size}");
        assert!(packets.is_empty());
    }
}

#[test]
fn what_is_missing_is_exactly_what_the_packet_still_needs() {
    let mut stream = Vec::new();
    write_packet(&mut stream, 0, b"payload");
    stream.extend(b"TLS");
    let mut packets = Packets::default();
    let mut at = 0;
    while packets.missing() > 0 {
        let part = &stream[at..at + packets.missing().min(3)];
        packets.receive(part);
        at += part.len();
    }
    assert_eq!(packets.next_packet().unwrap().unwrap().payload, b"payload");
    assert_eq!(&stream[at..], b"TLS");
}

#[test]
fn a_header_alone_is_enough_to_refuse_a_long_packet() {
    for (sent, length, sequence) in
        [(&b"SSH-2.0-OpenSSH"[..], 0x48_5353, b'-'), (b"\x01\x40\x00\x00", MAX_PACKET + 1, 0)]
    {
        let mut packets = Packets::default();
        packets.receive(sent);
        let refused = packets.next_packet().unwrap_err();
        assert_eq!(refused, TooLong { length, sequence });
        assert_eq!(packets.missing(), 0);
    }
}

#[test]
fn a_payload_too_long_for_one_packet_is_written_as_two() {
    let mut stream = Vec::new();
    assert_eq!(write_packet(&mut stream, 3, &vec![1; 0xff_ffff]), 5);
    assert_eq!(stream.len(), 0xff_ffff + 8);
    assert_eq!(stream[..4], [0xff, 0xff, 0xff, 3]);
    assert_eq!(stream[stream.len() - 4..], [0, 0, 0, 4]);
}
