//! Input made to do harm.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::forged::*;
use super::*;

const HARMFUL: [char; 12] = [
    '\0', '\n', '\r', '\u{1b}', '\u{7f}', '\u{9b}', '\u{200b}', '\u{202a}', '\u{202e}', '\u{2028}',
    '\u{2066}', '\u{2069}',
];

#[test]
fn harmful_characters_become_visible() {
    for (text, safe) in [
        ("O=kubedb, CN=db", "O=kubedb, CN=db"),
        ("CN=b\u{fc}ro \u{6771}\u{4eac}", "CN=b\u{fc}ro \u{6771}\u{4eac}"),
        ("a\nlevel=ERROR", "a\\nlevel=ERROR"),
        ("a\r\tb", "a\\r\\tb"),
        ("\u{1b}[2J", "\\u{1b}[2J"),
        ("\u{9b}2J", "\\u{9b}2J"),
        ("evil\u{202e}fdp.exe", "evil\\u{202e}fdp.exe"),
        ("\u{2066}a\u{2069}", "\\u{2066}a\\u{2069}"),
        ("a\u{200b}b", "a\\u{200b}b"),
        ("\u{feff}", "\\u{feff}"),
        ("\0", "\\u{0}"),
        ("a\\nb \"{<&", "a\\nb \"{<&"),
    ] {
        assert_eq!(sanitize(text), safe);
    }
}

#[test]
fn long_texts_are_cut() {
    let exact = "\u{fc}".repeat(256);
    assert_eq!(sanitize(&exact), exact);
    assert_eq!(sanitize(&"\u{fc}".repeat(257)), format!("{}…", "\u{fc}".repeat(255)));
    // An escape is kept whole or not at all.
    assert_eq!(sanitize(&format!("{}\u{202e}", "a".repeat(250))), format!("{}…", "a".repeat(250)));
    assert_eq!(sanitize(&"\n".repeat(60_000)), format!("{}…", "\\n".repeat(127)));
}

#[test]
fn names_cannot_speak_to_a_terminal() {
    for harmful in HARMFUL {
        let text = format!("db{harmful}x");
        let leaf = Forged { subject: name(UTF8, text.as_bytes()), ..Forged::default() };
        let subject = leaf.read().unwrap().subject;
        assert!(!subject.contains(harmful) && subject.starts_with("CN=db\\"), "{subject}");
    }
}

#[test]
fn names_that_are_no_text_or_too_much_of_it() {
    let long = vec![b'a'; 60_000];
    let long_shown = format!("CN={}…", "a".repeat(252));
    for (subject, shown) in [
        (name(UTF8, b"\xff\xfe"), "(not readable as text)"),
        (name(UTF8, &long), long_shown.as_str()),
        (name(UTF8, b""), "CN="),
        // A BMPString, which is UTF-16.
        (name(0x1e, b"\0d\0b"), "CN=db"),
        (name(0x1e, b"\0d\xd8\0"), "(not readable as text)"),
        (tlv(SEQUENCE, &[]), ""),
    ] {
        let leaf = Forged { subject, ..Forged::default() }.read().unwrap();
        assert_eq!(leaf.subject.as_ref(), shown);
    }
}

/// Every byte of a real certificate in turn, replaced by those that mean something in DER.
#[test]
fn no_substituted_byte_panics() {
    const BYTES: [u8; 6] = [0, 0x18, 0x30, 0x7f, 0x84, 0xff];
    let good = issued(&authority("ca")).der().to_vec();
    let whole = Leaf::from_der(&good).unwrap();
    for position in 0..good.len() {
        let flips = (0..8).map(|bit| good[position] ^ (1 << bit));
        for byte in BYTES.into_iter().chain(flips) {
            let mut changed = good.clone();
            changed[position] = byte;
            if let Ok(leaf) = Leaf::from_der(&changed) {
                check(&leaf);
                assert_eq!(leaf == whole, changed == good);
            }
        }
    }
}

/// What holds for any leaf, however strange its certificate.
fn check(leaf: &Leaf) {
    assert!(leaf.lifetime() >= Span::ZERO);
    assert!((Time::MIN..=Time::MAX).contains(&(leaf.not_after + Span::seconds(i64::MAX))));
    assert!(leaf.remaining(Time::MIN) >= leaf.lifetime());
    assert!((1..=3).contains(&leaf.version));
    assert!(leaf.serial.chars().count() <= 66);
    assert!(leaf.dns_names.len() + leaf.ip_addresses.len() <= MAX_NAMES);
    for text in [&leaf.subject, &leaf.issuer] {
        assert!(text.chars().count() <= 256);
        assert!(!text.contains(HARMFUL), "{text:?}");
    }
    for name in &leaf.dns_names {
        assert!(name.is_ascii() && !name.contains(HARMFUL), "{name:?}");
        assert!(leaf.covers_dns(name) || name.parse::<IpAddr>().is_ok(), "{name}");
    }
    assert!(leaf.ip_addresses.iter().all(|address| leaf.covers_ip(*address)));
}

fn check_pem(pem: &[u8]) {
    if let Ok(chain) = Chain::from_pem(pem) {
        check(&chain.leaf);
        assert!(chain.others.len() < MAX_CERTIFICATES);
    }
}

thread_local! {
    static GOOD: rcgen::Certificate = issued(&authority("ca"));
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(128)
    })]

    #[test]
    fn any_bytes_are_classified(bytes in vec(any::<u8>(), 0..2000)) {
        check_pem(&bytes);
        if let Ok(leaf) = Leaf::from_der(&bytes) {
            check(&leaf);
        }
        let pem = [b"-----BEGIN CERTIFICATE-----\n", &*bytes, b"\n-----END CERTIFICATE-----"];
        check_pem(&pem.concat());
    }

    #[test]
    fn any_names_are_harmless(
        subject in vec(any::<u8>(), 0..600),
        names in vec((0x80..=0x88_u8, vec(any::<u8>(), 0..40)), 0..20),
    ) {
        let names: Vec<(u8, &[u8])> = names.iter().map(|(tag, name)| (*tag, &**name)).collect();
        let forged = Forged {
            subject: name(UTF8, &subject),
            extensions: vec![alternative_names(&names)],
            ..Forged::default()
        };
        if let Ok(leaf) = forged.read() {
            check(&leaf);
        }
    }

    #[test]
    fn changed_bytes_are_classified(changes in vec(any::<(Index, u8)>(), 1..8)) {
        let mut der = GOOD.with(|good| good.der().to_vec());
        for (index, byte) in changes {
            let position = index.index(der.len());
            der[position] = byte;
        }
        if let Ok(leaf) = Leaf::from_der(&der) {
            check(&leaf);
        }
    }

    #[test]
    fn insertions_into_pem_are_classified(
        inserted in vec(
            (any::<Index>(), "(?s).{0,9}|-----|\n|-----BEGIN CERTIFICATE-----\n"),
            1..4,
        ),
    ) {
        let mut pem = GOOD.with(rcgen::Certificate::pem).into_bytes();
        for (index, text) in inserted {
            let position = index.index(pem.len());
            pem.splice(position..position, text.bytes());
        }
        check_pem(&pem);
    }

    #[test]
    fn sanitized_text_stays_as_it_is(text in "(?s).{0,300}") {
        let safe = sanitize(&text);
        prop_assert!(safe.chars().count() <= 256);
        prop_assert!(!safe.contains(HARMFUL));
        prop_assert_eq!(sanitize(&safe), safe);
    }
}
