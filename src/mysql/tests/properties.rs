//! Whatever comes, nothing panics; what is written is read again.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A stream that begins as a real one does, so that it gets further than noise.
fn nearly_real() -> impl Strategy<Value = Vec<u8>> {
    let packet = (
        any::<u8>(),
        prop_oneof![
            vec(any::<u8>(), 0..64),
            (any::<bool>(), 0..200_usize, any::<u8>()).prop_map(|(tls, at, byte)| {
                let policy = Policy {
                    version: "9.7.0".to_owned(),
                    offers_tls: tls,
                    requires_tls: false,
                    user: None,
                    seed: 0,
                };
                let mut greeting = Server::new(Arc::new(policy), 1, String::new()).take_output();
                let length = greeting.len();
                greeting[at % length] = byte;
                greeting.split_off(4)
            }),
            Just(ssl_request(Capabilities::PROTOCOL_41)),
            Just(AuthReply::More(vec![4]).write()),
            Just(AuthReply::Switch { plugin: SHA256.to_owned(), nonce: vec![1; 20] }.write()),
            vec(any::<u8>(), 28..80).prop_map(|mut login| {
                // CLIENT_PROTOCOL_41 in the capabilities, else it is no login at all.
                login[1] |= 2;
                login
            }),
        ],
    );
    vec((0..8_u8, packet), 0..12).prop_map(|packets| {
        let mut stream = vec![0, 1];
        for (due, (number, payload)) in packets {
            // Mostly in order.
            let number = if number < 200 { due } else { number };
            write_packet(&mut stream, number, &payload);
        }
        stream
    })
}

fn name() -> impl Strategy<Value = String> {
    "[^\\x00]{0,40}"
}

proptest! {
    #[test]
    fn noise_harms_neither_side(input in vec(any::<u8>(), 0..600)) {
        fuzz::payload(&input);
        fuzz::client(&input);
        fuzz::server(&input);
    }

    #[test]
    fn nearly_real_streams_harm_neither_side(mut input in nearly_real(), split: u8, kind in 0..4_u8) {
        input[0] = split;
        fuzz::client(&input);
        input[1] = kind;
        fuzz::server(&input);
    }

    #[test]
    fn greetings_are_read_as_they_were_written(
        version in name(), plugin in name(), connection: u32, character_set: u8, status: u16,
        capabilities: u32, nonce in vec(1..=255_u8, 20),
    ) {
        let capabilities = Capabilities(capabilities)
            .with(Capabilities::SECURE_CONNECTION | Capabilities::PLUGIN_AUTH, true);
        let greeting =
            Greeting { version, connection, capabilities, character_set, status, nonce, plugin };
        prop_assert_eq!(Greeting::read(&greeting.write()), Ok(greeting));
    }

    #[test]
    fn logins_are_read_as_they_were_written(
        user in name(), plugin in name(), database in proptest::option::of("[^\\x00]{1,20}"),
        answer in vec(any::<u8>(), 0..300), capabilities: u32,
    ) {
        let capabilities = Capabilities(capabilities)
            .with(Capabilities::PROTOCOL_41 | Capabilities::PLUGIN_AUTH_LENENC | Capabilities::PLUGIN_AUTH, true)
            .with(Capabilities::CONNECT_WITH_DB, database.is_some());
        let login = HandshakeResponse { capabilities, user, answer, database, plugin };
        prop_assert_eq!(HandshakeResponse::read(&login.write()), Ok(login));
    }

    #[test]
    fn errors_are_read_as_they_were_written(
        code: u16, state in proptest::option::of("[0-9A-Z]{5}"), message in "[^#].{0,80}",
    ) {
        let error = ErrorPacket { code: ErrorCode(code), state, message };
        prop_assert_eq!(ErrorPacket::read(&error.write()), Ok(error));
    }

    #[test]
    fn lengths_are_read_as_they_were_written(length: u64, shift in 0..64_u32) {
        let length = length >> shift;
        let mut out = Vec::new();
        bytes::push_length(&mut out, length);
        let mut reader = bytes::Reader::new(&out);
        prop_assert_eq!(reader.length(), Ok(length));
        prop_assert!(reader.is_empty());
    }
}
