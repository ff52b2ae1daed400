//! What is read out of a certificate.

use super::forged::*;
use super::*;

#[test]
fn the_facts_of_a_usual_certificate() {
    let ca = authority("ca");
    let certificate = issued(&ca);
    let leaf = Leaf::from_der(certificate.der()).unwrap();

    assert_eq!(leaf.fingerprint, Fingerprint::of(certificate.der()));
    assert_eq!(leaf.serial.as_ref(), "0abc");
    assert_eq!(leaf.not_before.to_string(), "2026-01-01T00:00:00Z");
    assert_eq!(leaf.not_after.to_string(), "2026-04-01T00:00:00Z");
    assert_eq!(leaf.subject.as_ref(), "O=kubedb, CN=db");
    assert_eq!(leaf.issuer.as_ref(), "O=kubedb, CN=ca");
    assert_eq!(leaf.key, Key::Ec(Curve::P256));
    assert_eq!((leaf.is_ca, leaf.version, leaf.other_names), (false, 3, 0));
    assert_eq!(
        leaf.names().into_iter().collect::<Vec<_>>(),
        ["*.db-pods.demo.svc", "127.0.0.1", "::1", "db.mysql.demo.svc", "localhost"]
    );
    assert!(Leaf::from_der(ca.der()).unwrap().is_ca);
}

#[test]
fn a_key_has_one_fingerprint_in_all_its_certificates() {
    let key = KeyPair::generate().unwrap();
    let [first, second] = ["first", "second"].map(|name| {
        let mut params = params();
        params.distinguished_name = called(name);
        Leaf::from_der(params.self_signed(&key).unwrap().der()).unwrap()
    });
    assert_eq!(first.spki, second.spki);
    assert_eq!(first.spki, Fingerprint::of(&rcgen::PublicKeyData::subject_public_key_info(&key)));
    assert_ne!(first.fingerprint, second.fingerprint);
}

#[test]
fn a_leaf_is_small() {
    // 30,000 of them take 7.2 MB, and about as much again for their texts.
    assert!(size_of::<Leaf>() <= 240, "{}", size_of::<Leaf>());
    assert!(size_of::<Ca>() <= 168, "{}", size_of::<Ca>());

    let leaf = Leaf::from_der(issued(&authority("ca")).der()).unwrap();
    let names: usize = leaf.dns_names.iter().map(|name| size_of_val(name) + name.len()).sum();
    let addresses = size_of_val(&*leaf.ip_addresses);
    let texts = leaf.serial.len() + leaf.subject.len() + leaf.issuer.len();
    assert!(names + addresses + texts <= 256, "{names} + {addresses} + {texts}");
}

#[test]
fn time_left() {
    let leaf = Forged::default().read().unwrap();
    assert_eq!(leaf.lifetime(), Span::days(90));
    for (now, left) in [
        ("2026-03-31T00:00:00Z", Span::DAY),
        ("2026-04-01T00:00:00Z", Span::ZERO),
        ("2026-04-01T00:00:05Z", Span::seconds(-5)),
        ("2025-12-31T00:00:00Z", Span::days(91)),
    ] {
        assert_eq!(leaf.remaining(now.parse().unwrap()), left, "{now}");
    }
}

#[test]
fn dates_at_every_edge() {
    let long_ago = generalized("00010101000000Z");
    for (not_after, text) in [
        (generalized("99991231235959Z"), "9999-12-30T22:00:00Z"),
        (utc("500101000000Z"), "1950-01-01T00:00:00Z"),
        (utc("491231235959Z"), "2049-12-31T23:59:59Z"),
        (generalized("20500101000000Z"), "2050-01-01T00:00:00Z"),
        (generalized("19491231235959Z"), "1949-12-31T23:59:59Z"),
        (utc("691231235959Z"), "1969-12-31T23:59:59Z"),
        (utc("380119031408Z"), "2038-01-19T03:14:08Z"),
        (utc("280229000000Z"), "2028-02-29T00:00:00Z"),
        (utc("260101000000+0130"), "2025-12-31T22:30:00Z"),
    ] {
        let forged = Forged { not_before: long_ago.clone(), not_after, ..Forged::default() };
        assert_eq!(forged.read().unwrap().not_after.to_string(), text);
    }
}

#[test]
fn rcgen_writes_the_far_future_and_we_read_it() {
    let mut params = params();
    params.not_before = date_time_ymd(1950, 1, 1);
    params.not_after = date_time_ymd(9999, 12, 31);
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let leaf = Leaf::from_der(certificate.der()).unwrap();
    assert_eq!(leaf.not_after, Time::MAX);
    assert_eq!(leaf.not_after + Span::DAY, Time::MAX);
    assert_eq!(leaf.not_before.to_string(), "1950-01-01T00:00:00Z");
}

#[test]
fn one_second_is_a_life() {
    let forged = Forged { not_after: utc("260101000000Z"), ..Forged::default() };
    assert_eq!(forged.read().unwrap().lifetime(), Span::ZERO);
}

#[test]
fn serials_of_every_kind() {
    let longest = "ff".repeat(32);
    for (serial, text) in [
        (vec![0], "00"),
        (vec![0, 0x80], "80"),
        (vec![0, 0, 0x0a, 0xbc], "0abc"),
        (vec![0xff], "-01"),
        (vec![0x80], "-80"),
        (vec![0xff, 0x00], "-0100"),
        (vec![], ""),
        ([vec![0], vec![0xff; 32]].concat(), longest.as_str()),
        ([vec![0], vec![0xff; 5000]].concat(), format!("{longest}…").as_str()),
    ] {
        let forged = Forged { serial: serial.clone(), ..Forged::default() };
        assert_eq!(forged.read().unwrap().serial.as_ref(), text, "{serial:02x?}");
    }
}

#[test]
fn keys_and_their_strength() {
    let rsa_oid = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    let pss_oid = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
    let ec_oid = [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    let rsa = |first: u8, bytes: usize| {
        let modulus = [vec![0, first], vec![0xff; bytes - 1]].concat();
        let modulus = if first < 0x80 { &modulus[1..] } else { &modulus[..] };
        tlv(SEQUENCE, &[tlv(2, modulus), tlv(2, &[1, 0, 1])].concat())
    };
    let point = |bytes: usize| [vec![4], vec![7; bytes * 2]].concat();
    let nist = |arc: u8| tlv(OID, &[0x2b, 0x81, 4, 0, arc]);
    let prime = |arc: u8| tlv(OID, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, arc]);
    for (spki, text, weak) in [
        (spki(&rsa_oid, &[5, 0], &rsa(0x80, 256)), "RSA 2048", false),
        (spki(&rsa_oid, &[5, 0], &rsa(0x40, 256)), "RSA 2047", true),
        (spki(&rsa_oid, &[5, 0], &rsa(0x80, 128)), "RSA 1024", true),
        (spki(&pss_oid, &[], &rsa(0x80, 512)), "RSA 4096", false),
        (spki(&rsa_oid, &[5, 0], b"no key"), "other", false),
        (spki(&ec_oid, &prime(1), &point(24)), "EC P-192", true),
        (spki(&ec_oid, &nist(33), &point(28)), "EC P-224", false),
        (spki(&ec_oid, &prime(7), &point(32)), "EC P-256", false),
        (spki(&ec_oid, &nist(34), &point(48)), "EC P-384", false),
        (spki(&ec_oid, &nist(35), &point(66)), "EC P-521", false),
        (spki(&ec_oid, &nist(10), &point(32)), "EC other (256 bits)", false),
        (spki(&ec_oid, &nist(8), &point(20)), "EC other (160 bits)", true),
        (spki(&ec_oid, &[], b""), "EC other (0 bits)", false),
        (spki(&[0x2b, 0x65, 0x70], &[], &[7; 32]), "Ed25519", false),
        (spki(&[0x2b, 0x65, 0x71], &[], &[7; 57]), "Ed448", false),
        (spki(&[0x2a, 3], &[], b"new"), "other", false),
    ] {
        let leaf = Forged { spki, ..Forged::default() }.read().unwrap();
        assert_eq!((leaf.key.to_string().as_str(), leaf.key.is_weak()), (text, weak));
    }
}

#[test]
fn old_versions_are_read_and_unknown_ones_are_not() {
    for (version, read) in [
        (Vec::new(), Ok(1)),
        (version(0), Ok(1)),
        (version(1), Ok(2)),
        (version(2), Ok(3)),
        (version(3), Err(Malformed::BadCertificate)),
    ] {
        let forged = Forged { version, ..Forged::default() };
        assert_eq!(forged.read().map(|leaf| leaf.version), read);
    }
}

#[test]
fn names_that_clients_find() {
    let leaf = Leaf::from_der(issued(&authority("ca")).der()).unwrap();
    for (host, covered) in [
        ("db.mysql.demo.svc", true),
        ("DB.mysql.demo.svc.", true),
        ("db-0.db-pods.demo.svc", true),
        ("*.db-pods.demo.svc", true),
        ("db-0.db-1.db-pods.demo.svc", false),
        (".db-pods.demo.svc", false),
        ("db-pods.demo.svc", false),
        ("db.mysql.demo", false),
        ("localhost", true),
        ("db", false),
        ("127.0.0.1", false),
        ("", false),
        (".", false),
        ("db.mysql.demo.svc\n", false),
    ] {
        assert_eq!(leaf.covers_dns(host), covered, "{host:?}");
    }
    for (address, covered) in [("127.0.0.1", true), ("::1", true), ("127.0.0.2", false)] {
        assert_eq!(leaf.covers_ip(address.parse().unwrap()), covered, "{address}");
    }
}

#[test]
fn wildcards_stand_for_one_whole_label() {
    for (pattern, host, covered) in [
        ("*.demo.svc", "db.demo.svc", true),
        ("*.svc", "demo.svc", false),
        ("*", "localhost", false),
        ("d*.demo.svc", "db.demo.svc", false),
        ("db.*.svc", "db.demo.svc", false),
        ("*.*.svc", "db.demo.svc", false),
        ("*.0.0.1", "127.0.0.1", false),
    ] {
        let extensions = vec![alternative_names(&[(DNS, pattern.as_bytes())])];
        let leaf = Forged { extensions, ..Forged::default() }.read().unwrap();
        assert_eq!(leaf.covers_dns(host), covered, "{pattern} {host}");
    }
}

#[test]
fn names_nobody_can_look_up_are_counted() {
    let long = "a".repeat(254);
    let extensions = vec![alternative_names(&[
        (DNS, b"DB.demo.svc."),
        (DNS, b"db.demo.svc"),
        (DNS, b"evil\n.demo.svc"),
        (DNS, "b\u{fc}ro.demo.svc".as_bytes()),
        (DNS, b"\xff\xfe"),
        (DNS, b""),
        (DNS, long.as_bytes()),
        (URI, b"spiffe://demo/db"),
        (IP, &[10, 0, 0, 1]),
        (IP, &[10, 0, 0]),
    ])];
    let leaf = Forged { extensions, ..Forged::default() }.read().unwrap();
    assert_eq!(leaf.names(), BTreeSet::from(["10.0.0.1".into(), "db.demo.svc".into()]));
    assert_eq!(leaf.other_names, 7);
}

#[test]
fn names_beyond_the_cap_are_counted() {
    let names: Vec<String> = (0..1000).map(|n| format!("db-{n}.demo.svc")).collect();
    let names: Vec<(u8, &[u8])> = names.iter().map(|name| (DNS, name.as_bytes())).collect();
    let forged = Forged { extensions: vec![alternative_names(&names)], ..Forged::default() };
    let leaf = forged.read().unwrap();
    assert_eq!((leaf.dns_names.len(), leaf.other_names), (MAX_NAMES, 744));
}

#[test]
fn fingerprints_as_texts() {
    let fingerprint = Fingerprint::of(b"");
    let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(fingerprint.to_string(), text);
    assert_eq!(fingerprint.short(), "e3b0c44298fc1c14");
    assert_eq!(text.parse(), Ok(fingerprint));
    assert_eq!(serde_json::to_string(&fingerprint).unwrap(), format!("\"{text}\""));
    assert_eq!(serde_json::from_str::<Fingerprint>(&format!("\"{text}\"")).unwrap(), fingerprint);
    for wrong in ["", "e3", &text[1..], &format!("{text}0"), &text.to_uppercase(), &"g".repeat(64)]
    {
        assert_eq!(wrong.parse::<Fingerprint>(), Err(NotAFingerprint), "{wrong}");
    }
}
