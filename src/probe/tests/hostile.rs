//! What else may answer at an address.

use super::*;
use crate::mysql::{ErrorPacket, write_packet};

/// A packet.
fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_packet(&mut out, sequence, payload);
    out
}

/// Says this, and listens no more.
async fn says(what: &'static [u8]) -> Listening {
    listening(move |mut stream| async move {
        drop(stream.write_all(what).await);
        tokio::time::sleep(Duration::from_secs(2)).await;
    })
    .await
}

/// Greets, says this where TLS should begin, and listens no more.
async fn greets_and_says(what: &'static [u8]) -> Listening {
    listening(move |mut stream| async move {
        greet(&mut stream).await;
        drop(stream.write_all(what).await);
        tokio::time::sleep(Duration::from_secs(2)).await;
    })
    .await
}

async fn failure(server: &Listening) -> Failure {
    let look = look(server.address).await;
    assert!(look.took < Duration::from_secs(1), "the deadline holds: {look:?}");
    look.result.unwrap_err().failure
}

#[tokio::test]
async fn what_is_no_mysql_is_told_by_its_first_bytes() {
    for (said, expected) in [
        (&b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"[..], Failure::NotMySql),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", Failure::NotMySql),
        (b"220 mail.example ESMTP\r\n", Failure::NotMySql),
        // A greeting of protocol 9, and one that is cut.
        (b"\x05\0\0\0\x093.23", Failure::NotMySql),
        (b"\x05\0\0\0\x0a9.7\0", Failure::NotMySql),
        // Sixteen megabytes are announced.
        (b"\xff\xff\xff\0\x0a", Failure::TooMuchBeforeTls),
        (b"\x01\x40\0\0\x0a", Failure::TooMuchBeforeTls),
        // Half a header.
        (b"\x4a\0", Failure::Timeout),
        (b"", Failure::Timeout),
    ] {
        assert_eq!(failure(&says(said).await).await, expected, "{}", said.escape_ascii());
    }
}

#[tokio::test]
async fn nobody_there_and_nobody_who_stays() {
    let gone = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    assert_eq!(look(gone).await.result.unwrap_err().failure, Failure::Refused);
    let closes = listening(|stream| async move { drop(stream) }).await;
    assert_eq!(failure(&closes).await, Failure::Closed);
    let closes_later = listening(|mut stream| async move { greet(&mut stream).await }).await;
    assert_eq!(failure(&closes_later).await, Failure::Closed);
}

#[tokio::test]
async fn slow_drips_are_cut_off() {
    let drips = listening(|mut stream| async move {
        // A packet of 16 KiB, a byte at a time: it would take minutes.
        let long = packet(0, &[10; 16 * 1024]);
        for byte in long {
            if stream.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert_eq!(failure(&drips).await, Failure::Timeout);
}

#[tokio::test]
async fn errors_in_the_place_of_a_greeting_have_words_of_their_own() {
    for (code, expected) in [
        (ErrorCode::HOST_BLOCKED, Failure::Blocked),
        (ErrorCode::HOST_NOT_ALLOWED, Failure::NotAllowed),
        (ErrorCode::TOO_MANY_CONNECTIONS, Failure::TooManyConnections),
        (ErrorCode(1053), Failure::ServerError),
    ] {
        let server = listening(move |mut stream| async move {
            let error = ErrorPacket::bare(code, "\u{1b}[31mno");
            stream.write_all(&Server::refusal(&error)).await.unwrap();
        })
        .await;
        let unseen = look(server.address).await.result.unwrap_err();
        assert_eq!(unseen.failure, expected, "{code}");
        assert_eq!(unseen.to_string(), format!("{expected}: {code}: \\u{{1b}}[31mno"));
    }
}

#[tokio::test]
async fn what_is_said_where_tls_begins_does_not_pass_for_it() {
    for (said, expected) in [
        // The alert `protocol_version`, fatal.
        (&b"\x15\x03\x03\0\x02\x02\x46"[..], Failure::TlsAlert),
        (b"\x15\x03\x01\0\x02\x02\x28", Failure::TlsAlert),
        (b"\x07\0\0\x01\0\0\0\x02\0\0\0", Failure::TlsFailed),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Failure::TlsFailed),
        (b"\x16\x03\x03\xff\xff", Failure::TlsFailed),
        (b"", Failure::Timeout),
    ] {
        let found = failure(&greets_and_says(said).await).await;
        assert_eq!(found, expected, "{}", said.escape_ascii());
    }
}

#[tokio::test]
async fn a_certificate_that_is_only_repeated_is_no_evidence() {
    let authority = authority(1);
    let (real, stolen) = (Pair::good(&authority), Pair::good(&super::authority(9)));
    let config = tls(real.chain.clone(), stolen.signing_key());
    let server = serving(config).await;
    let unseen = look(server.address).await.result.unwrap_err();
    assert_eq!(unseen.failure, Failure::BadSignature, "{unseen}");
    assert!(unseen.unproven.is_some(), "what was presented is told all the same");
}

#[tokio::test]
async fn a_weak_key_is_told_and_no_evidence() {
    let weak = CertificateDer::from_pem_slice(include_bytes!("weak.pem")).unwrap();
    let config = tls(vec![weak], Pair::good(&authority(1)).signing_key());
    let server = serving(config).await;
    let unseen = look(server.address).await.result.unwrap_err();
    assert_eq!(unseen.to_string(), "weakKey: a key of RSA 1024 proves nothing");
    assert_eq!(&*unseen.unproven.unwrap().chain.leaf.subject, "CN=weak");
    assert!(!Failure::WeakKey.counts_against_us(), "the look ended with a login all the same");
}

#[tokio::test]
async fn chains_that_cannot_be_read_are_told() {
    let pair = Pair::good(&authority(1));
    let garbage = vec![CertificateDer::from(vec![1, 2, 3])];
    let endless = vec![pair.chain[0].clone(); 11];
    for chain in [garbage, endless] {
        let config = tls(chain, pair.signing_key());
        let server = serving(config).await;
        assert_eq!(failure(&server).await, Failure::Unreadable);
    }
}

#[tokio::test]
async fn what_follows_the_login_takes_nothing_away_from_what_was_seen() {
    let pair = Pair::good(&authority(1));
    let config = honest(&pair);
    let nonsense: [&[u8]; 4] = [b"", b"\x01\0\0\x03\x09", b"\xff\xff\xff\x03", b"HTTP/1.1 400"];
    for answer in nonsense {
        let config = Arc::clone(&config);
        let server = listening(move |mut stream| {
            let config = Arc::clone(&config);
            async move {
                greet(&mut stream).await;
                let mut stream = TlsAcceptor::from(config).accept(stream).await.unwrap();
                let mut login = [0; 512];
                assert!(stream.read(&mut login).await.unwrap() > 40, "there was a login");
                stream.write_all(answer).await.unwrap();
                drop(stream.shutdown().await);
            }
        })
        .await;
        let seen = look(server.address).await.result.unwrap();
        assert_eq!(seen.parting, Parting::Unanswered, "{}", answer.escape_ascii());
        assert!(seen.tls.is_some());
    }
}
