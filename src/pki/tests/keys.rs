use super::*;
use crate::pki::{Encoding, KeyProblem, Minted, PrivateKey, Refused};

fn made(algorithm: Algorithm) -> PrivateKey {
    PrivateKey::generate(algorithm, &Entropy::system()).unwrap()
}

fn rsa() -> PrivateKey {
    PrivateKey::from_pem(RSA.as_bytes()).unwrap()
}

#[test]
fn a_key_is_the_same_however_it_is_written() {
    for (key, own_label) in [
        (made(Algorithm::EcdsaP256), "EC PRIVATE KEY"),
        (made(Algorithm::EcdsaP384), "EC PRIVATE KEY"),
        (made(Algorithm::Ed25519), "PRIVATE KEY"),
        (rsa(), "RSA PRIVATE KEY"),
    ] {
        for (encoding, label) in [(Encoding::Pkcs1, own_label), (Encoding::Pkcs8, "PRIVATE KEY")] {
            let pem = key.to_pem(encoding);
            assert!(pem.starts_with(&format!("-----BEGIN {label}-----\n")), "{key:?} {encoding:?}");
            assert!(pem.ends_with(&format!("-----END {label}-----\n")), "{key:?} {encoding:?}");
            let read = PrivateKey::from_pem(pem.as_bytes()).unwrap();
            assert_eq!(read.algorithm(), key.algorithm());
            assert_eq!(read.fingerprint(), key.fingerprint());
            assert_eq!(read.to_pem(Encoding::Pkcs1), key.to_pem(Encoding::Pkcs1));
            assert_eq!(read.to_pem(Encoding::Pkcs8), key.to_pem(Encoding::Pkcs8));
        }
    }
    assert_eq!(rsa().to_pem(Encoding::Pkcs1), RSA);
    assert_eq!(rsa().algorithm(), Algorithm::Rsa { bits: 2048 });
}

#[test]
fn the_parameters_of_a_curve_may_come_first_as_openssl_writes_them() {
    let key = made(Algorithm::EcdsaP256);
    let parameters =
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    let pem = format!("{parameters}{}", key.to_pem(Encoding::Pkcs1));
    assert_eq!(PrivateKey::from_pem(pem.as_bytes()).unwrap().fingerprint(), key.fingerprint());
}

#[test]
fn what_a_certificate_asks_for() {
    for (algorithm, size, expected) in [
        ("ECDSA", None, Ok(Algorithm::EcdsaP256)),
        ("ECDSA", Some(0), Ok(Algorithm::EcdsaP256)),
        ("ECDSA", Some(256), Ok(Algorithm::EcdsaP256)),
        ("ECDSA", Some(384), Ok(Algorithm::EcdsaP384)),
        ("ECDSA", Some(521), Err(Refused::CurveSize(521))),
        ("ECDSA", Some(-1), Err(Refused::CurveSize(-1))),
        ("Ed25519", None, Ok(Algorithm::Ed25519)),
        ("Ed25519", Some(2048), Ok(Algorithm::Ed25519)),
        ("RSA", None, Ok(Algorithm::Rsa { bits: 2048 })),
        ("RSA", Some(4096), Ok(Algorithm::Rsa { bits: 4096 })),
        ("RSA", Some(1024), Err(Refused::ModulusSize(1024))),
        ("RSA", Some(i64::MAX), Err(Refused::ModulusSize(i64::MAX))),
        ("rsa", None, Err(Refused::UnknownAlgorithm("rsa".to_owned()))),
    ] {
        assert_eq!(Algorithm::read(algorithm, size), expected, "{algorithm} {size:?}");
    }
    assert_eq!(Encoding::read(None), Ok(Encoding::Pkcs1));
    assert_eq!(Encoding::read(Some("PKCS8")), Ok(Encoding::Pkcs8));
    assert_eq!(Encoding::read(Some("DER")), Err(Refused::UnknownEncoding("DER".to_owned())));
}

#[test]
fn rsa_keys_are_refused_with_a_reason_and_never_replaced() {
    let refused = PrivateKey::generate(Algorithm::Rsa { bits: 2048 }, &entropy()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "RSA 2048 keys cannot be made here, only used: ask for ECDSA or Ed25519, or keep an \
         existing key with rotationPolicy Never"
    );
}

#[test]
fn what_is_no_key_says_so() {
    let certificate = root("a").to_pem().certificate;
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let empty = "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n";
    let cut = &RSA[..RSA.len() / 2];
    let mislabelled = RSA.replace("RSA PRIVATE", "EC PRIVATE");
    let huge = " ".repeat(65 * 1024) + RSA;
    for (pem, problem) in [
        ("", KeyProblem::Empty),
        (" \n\t", KeyProblem::Empty),
        ("hunter2", KeyProblem::NoKey),
        (&*certificate, KeyProblem::NoKey),
        (encrypted, KeyProblem::NoKey),
        (empty, KeyProblem::Damaged),
        (cut, KeyProblem::Damaged),
        (&*mislabelled, KeyProblem::Damaged),
        (&*huge, KeyProblem::TooLarge),
    ] {
        assert_eq!(PrivateKey::from_pem(pem.as_bytes()).unwrap_err(), problem, "{pem:.40}");
    }
    let mut words: Vec<_> = KeyProblem::ALL.iter().map(|problem| problem.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), KeyProblem::ALL.len());
}

/// Every form that the secret part of a key could be printed in.
fn forms(key: &PrivateKey) -> Vec<String> {
    let pem = key.to_pem(Encoding::Pkcs8);
    let der = ::pem::parse(&pem).unwrap().into_contents();
    let secret = match key.algorithm() {
        Algorithm::Ed25519 => 16_usize..48,
        Algorithm::EcdsaP256 => 36..68,
        Algorithm::EcdsaP384 => 35..83,
        // Behind the modulus, which is public.
        Algorithm::Rsa { .. } => 320..1_200,
    };
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let base64 = &body[(secret.start * 4).div_ceil(3)..secret.end * 4 / 3];
    let mut forms: Vec<String> =
        base64.as_bytes().chunks_exact(16).map(|it| String::from_utf8_lossy(it).into()).collect();
    for bytes in der[secret].chunks_exact(8) {
        forms.push(format!("{bytes:?}").trim_matches(['[', ']']).to_owned());
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        forms.push(hex.concat());
        forms.push(hex.concat().to_uppercase());
    }
    forms
}

#[test]
fn keys_are_never_shown() {
    let authority = root("ca");
    let Minted { issued, key } =
        authority.issue(&server(), Algorithm::EcdsaP384, days(1), &entropy()).unwrap();
    let ed25519 = made(Algorithm::Ed25519);
    for key in [authority.key(), &key, &ed25519, &rsa()] {
        let pem = key.to_pem(Encoding::Pkcs8);
        let minted =
            Minted { issued: issued.clone(), key: PrivateKey::from_pem(pem.as_bytes()).unwrap() };
        let damaged = pem.replacen('\n', "\n!", 1);
        let problem = PrivateKey::from_pem(damaged.as_bytes()).unwrap_err();
        let not_ca = Authority::from_pem(issued.certificate.as_bytes(), pem.as_bytes(), None);
        let not_ca = not_ca.unwrap_err();
        // Somebody mixes the two up.
        let mixed_up = Authority::from_pem(pem.as_bytes(), pem.as_bytes(), None).unwrap_err();
        let pair = crate::pki::Pair {
            certificate: pem.as_bytes(),
            key: damaged.as_bytes(),
            ca: pem.as_bytes(),
        };
        let flaws = crate::pki::check(pair, &[], NOON).unwrap_err();
        let request = crate::pki::SigningRequest::from_pem(pem.as_bytes()).unwrap_err();
        let shown = format!(
            "{key:?} {key:#?} {minted:?} {minted:#?} {authority:#?} {problem} {problem:?} {not_ca} \
             {not_ca:?} {mixed_up} {mixed_up:?} {flaws} {flaws:?} {request} {request:?}"
        );
        for form in forms(key) {
            assert!(!shown.contains(&form), "{:?} shows a part of itself", key.algorithm());
        }
        assert!(!shown.contains("PRIVATE KEY"), "{shown}");
    }
}

#[test]
fn a_seed_gives_the_same_serials_and_ed25519_keys_and_no_two_draws_are_equal() {
    let draw = |seed| {
        let entropy = Entropy::seeded(seed);
        let authority =
            Authority::root(&Profile::authority("ca"), Algorithm::Ed25519, days(9), &entropy)
                .unwrap();
        let minted = authority.issue(&server(), Algorithm::Ed25519, days(1), &entropy).unwrap();
        (authority.to_pem(), minted.issued, minted.key.to_pem(Encoding::Pkcs8))
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));

    let system = Entropy::system();
    let mut serials: Vec<_> = (0..64).map(|_| system.serial().unwrap()).collect();
    assert!(serials.iter().all(|serial| (0x40..0x80).contains(&serial[0])));
    serials.sort_unstable();
    serials.dedup();
    assert_eq!(serials.len(), 64);
}
