//! Every way of not being a certificate has its word.

use super::forged::*;
use super::*;

fn check(cases: impl IntoIterator<Item = (String, Malformed)>) {
    for (pem, expected) in cases {
        let chain = Chain::from_pem(pem.as_bytes());
        assert_eq!(chain, Err(expected), "{pem:.300}");
        let bundle = CaBundle::from_pem(pem.as_bytes());
        assert_eq!(bundle, Err(expected), "{pem:.300}");
    }
}

#[test]
fn texts_without_a_certificate() {
    let good = issued(&authority("ca")).pem();
    let indented = format!("  {}", good.replace('\n', "\n  "));
    let nothing_inside = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
    check([
        (String::new(), Malformed::Empty),
        (" \r\n\t\n".into(), Malformed::Empty),
        (nothing_inside.into(), Malformed::Empty),
        ("not a certificate".into(), Malformed::NoCertificate),
        (indented, Malformed::NoCertificate),
    ]);
}

#[test]
fn blocks_of_another_type() {
    let good = issued(&authority("ca")).pem();
    let key = KeyPair::generate().unwrap();
    let request = CertificateParams::default().serialize_request(&key);
    let request = request.unwrap().pem().unwrap();
    let key = key.serialize_pem();
    let labelled = |label: &str| good.replace("CERTIFICATE", label);
    let old_request = labelled("NEW CERTIFICATE REQUEST");
    check([
        (key.clone(), Malformed::PrivateKey),
        (labelled("RSA PRIVATE KEY"), Malformed::PrivateKey),
        (labelled("ENCRYPTED PRIVATE KEY"), Malformed::PrivateKey),
        (format!("{good}{key}"), Malformed::PrivateKey),
        (request, Malformed::CertificateRequest),
        (old_request, Malformed::CertificateRequest),
        (labelled("PUBLIC KEY"), Malformed::OtherBlock),
        (labelled("TRUSTED CERTIFICATE"), Malformed::OtherBlock),
    ]);
}

#[test]
fn damaged_blocks() {
    let good = issued(&authority("ca")).pem();
    let body = good.lines().nth(1).unwrap();
    let half = &good[..good.len() / 2];
    let joined = good.repeat(2).replace("-----\n-----", "----------");
    check([
        (good.replace(body, "!!!"), Malformed::BadPem),
        (good.replace(body, &body[1..]), Malformed::BadPem),
        (good.replace(body, "AAAA\u{fffd}"), Malformed::BadPem),
        (good.replace("END CERT", "END OTHER CERT"), Malformed::BadPem),
        (good.replace('\n', "\r"), Malformed::BadPem),
        (good.replace('\n', ""), Malformed::BadPem),
        (joined, Malformed::BadPem),
        ("-----BEGIN CERTIF".into(), Malformed::BadPem),
        ("-----BEGIN CERTIFICATE-----".into(), Malformed::Truncated),
        (half.into(), Malformed::Truncated),
        (format!("{half}\n{good}"), Malformed::Truncated),
        (good.replace(body, ""), Malformed::BadCertificate),
    ]);
}

#[test]
fn texts_beyond_the_caps() {
    let good = issued(&authority("ca")).pem();
    let padded = format!("{good}{}", "#".repeat(MAX_BYTES));
    check([
        (good.repeat(11), Malformed::TooMany),
        (good.repeat(1000), Malformed::TooMany),
        (padded, Malformed::TooLarge),
        ("A".repeat(MAX_BYTES + 1), Malformed::TooLarge),
    ]);
}

#[test]
fn texts_that_are_chains_all_the_same() {
    let good = issued(&authority("ca")).pem();
    let room = MAX_BYTES - good.len();
    for pem in [
        good.replace('\n', "\r\n"),
        good.trim_end().into(),
        good.replace("CERTIFICATE", "X509 CERTIFICATE"),
        format!("# -----BEGIN CERTIFICATE-----\n{good}"),
        format!("{good}trailing garbage"),
        good.repeat(10),
        format!("{good}{}", "#".repeat(room)),
    ] {
        let chain = Chain::from_pem(pem.as_bytes());
        assert!(chain.is_ok(), "{chain:?} {pem:.300}");
    }
    let not_utf8 = [b"caf\xe9\n", good.as_bytes(), b"\xff"].concat();
    assert!(Chain::from_pem(&not_utf8).is_ok());
}

#[test]
fn lists_that_are_not_chains() {
    let good = Forged::default().der();
    let large =
        Forged { extensions: vec![extension(99, &vec![0; MAX_BYTES / 2])], ..Forged::default() };
    for (ders, expected) in [
        (vec![], Malformed::Empty),
        (vec![vec![]], Malformed::Empty),
        (vec![good.clone(), vec![]], Malformed::Empty),
        (vec![good.clone(); 11], Malformed::TooMany),
        (vec![large.der(); 2], Malformed::TooLarge),
        (vec![good.clone(), b"garbage".to_vec()], Malformed::BadCertificate),
        (vec![[&*good, b"\n"].concat()], Malformed::TrailingBytes),
    ] {
        assert_eq!(Chain::from_der(&ders), Err(expected));
    }
    assert!(Chain::from_der(&[large.der()]).is_ok());
    assert_eq!(Leaf::from_der(&vec![0x30; MAX_BYTES + 1]), Err(Malformed::TooLarge));
}

#[test]
fn a_cut_is_told_from_damage() {
    let good = issued(&authority("ca")).der().to_vec();
    for length in 1..good.len() {
        assert_eq!(Leaf::from_der(&good[..length]), Err(Malformed::Truncated), "{length}");
    }
    // An inner length that reaches too far is damage: all of it is here.
    let mut damaged = good;
    damaged[6] = 0xff;
    assert_eq!(Leaf::from_der(&damaged), Err(Malformed::BadCertificate));
}

#[test]
fn a_life_that_ends_before_it_begins() {
    let not_after = utc("251231235959Z");
    let forged = Forged { not_after, ..Forged::default() };
    assert_eq!(forged.read(), Err(Malformed::DatesReversed));
}

#[test]
fn dates_that_do_not_exist() {
    for not_after in [
        utc("270231000000Z"),
        utc("271301000000Z"),
        utc("270101250000Z"),
        utc("yesterday!!!Z"),
        utc("270101000000+9999"),
        generalized("20270101000000.9999999999999Z"),
        generalized(""),
        tlv(UTF8, b"270101000000Z"),
        Vec::new(),
    ] {
        let forged = Forged { not_after, ..Forged::default() };
        assert_eq!(forged.read(), Err(Malformed::BadCertificate), "{:?}", forged.not_after);
    }
}

#[test]
fn parts_that_are_missing() {
    let mut no_key = Forged::default();
    no_key.spki.clear();
    let mut no_subject = Forged::default();
    no_subject.subject.clear();
    for forged in [no_key, no_subject] {
        assert_eq!(forged.read(), Err(Malformed::BadCertificate));
    }
}

#[test]
fn extensions_that_spoil_a_certificate() {
    let names = alternative_names(&[(DNS, b"db")]);
    for extensions in [
        vec![names.clone(), names],
        vec![extension(17, &[SEQUENCE, 0x20, DNS])],
        vec![extension(17, b"")],
        vec![extension(19, &[SEQUENCE, 0, 0])],
        vec![extension(14, b"key")],
        vec![extension(35, b"key")],
    ] {
        let forged = Forged { extensions, ..Forged::default() };
        assert_eq!(forged.read(), Err(Malformed::BadCertificate), "{:02x?}", forged.extensions);
    }
}

#[test]
fn every_word_is_its_own_and_every_sentence_says_something() {
    let words: BTreeSet<&str> = Malformed::ALL.iter().map(|reason| reason.as_str()).collect();
    let sentences: BTreeSet<String> = Malformed::ALL.iter().map(Malformed::to_string).collect();
    assert_eq!((words.len(), sentences.len()), (Malformed::ALL.len(), Malformed::ALL.len()));
    assert!(words.iter().all(|word| word.chars().all(|c| c.is_ascii_alphanumeric())));
    assert!(sentences.iter().all(|sentence| sentence.len() > 10 && !sentence.ends_with('.')));
    let limits = [MAX_BYTES.to_string(), MAX_CERTIFICATES.to_string()];
    assert_eq!(limits, ["65536", "10"], "two sentences name them");
}
