use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};

use super::*;
use crate::core::certificate::{Chain, Malformed};
use crate::pki::{Encoding, Issued, NotAnAuthority, Refused};

#[test]
fn a_root_signs_what_was_asked_for() {
    for algorithm in MADE {
        let root =
            Authority::root(&Profile::authority("root"), algorithm, days(365), &entropy()).unwrap();
        for wanted in MADE {
            let minted = root.issue(&server(), wanted, days(90), &entropy()).unwrap();
            let leaf = leaf(&minted.issued.certificate);
            assert_eq!((leaf.not_before, leaf.not_after), (NOON, NOON + Span::days(90)));
            assert_eq!(leaf.spki, minted.key.fingerprint());
            assert_eq!(minted.key.algorithm(), wanted);
            assert!(leaf.signed_by(&root.facts().clone().into()) && !leaf.is_ca);
            assert!(leaf.covers_dns("shop-0.shop-pods.prod.svc") && leaf.covers_dns("localhost"));
            assert_eq!(leaf.version, 3);
            // The root is trusted, and not sent.
            assert_eq!(blocks(&minted.issued.certificate), 1);
            assert_eq!(minted.issued.ca, root.to_pem().certificate);
            let said = Profile::of_certificate(minted.issued.certificate.as_bytes()).unwrap();
            assert_eq!(said, server());
        }
    }
}

#[test]
fn serial_numbers_differ_and_are_never_negative() {
    let root = root("root");
    let entropy = entropy();
    let serial = || {
        let minted = root.issue(&server(), Algorithm::EcdsaP256, days(1), &entropy).unwrap();
        leaf(&minted.issued.certificate).serial
    };
    let (one, other) = (serial(), serial());
    assert_ne!(one, other);
    assert_eq!((one.len(), other.len()), (32, 32));
}

#[test]
fn an_intermediate_is_sent_along_and_its_root_is_the_ca() {
    let root = root("root");
    let upper = under(&root, "upper");
    let lower = under(&upper, "lower");
    for (authority, sent) in [(&root, 1), (&upper, 2), (&lower, 3)] {
        let Issued { certificate, ca } =
            authority.issue(&server(), Algorithm::Ed25519, days(1), &entropy()).unwrap().issued;
        assert_eq!(blocks(&certificate), sent);
        assert_eq!(ca, root.to_pem().certificate);
        assert_eq!(authority.to_pem().ca, ca);
    }
}

#[test]
fn a_stored_authority_is_the_same_authority() {
    let root = root("root");
    let lower = under(&under(&root, "upper"), "lower");
    for authority in [&root, &lower] {
        let stored = authority.to_pem();
        for encoding in [Encoding::Pkcs1, Encoding::Pkcs8] {
            let key = authority.key().to_pem(encoding);
            let (certificate, ca) = (stored.certificate.as_bytes(), stored.ca.as_bytes());
            let read = Authority::from_pem(certificate, key.as_bytes(), Some(ca)).unwrap();
            assert_eq!(read.to_pem(), stored);
            assert_eq!(read.facts(), authority.facts());
            let issued = read.issue(&server(), Algorithm::Ed25519, days(1), &entropy()).unwrap();
            assert_eq!(issued.issued.ca, root.to_pem().ca);
        }
    }
    // Without its ca.crt the highest that is there is the CA, and is sent along.
    let (stored, key) = (lower.to_pem(), lower.key().to_pem(Encoding::Pkcs1));
    let read = Authority::from_pem(stored.certificate.as_bytes(), key.as_bytes(), None).unwrap();
    let issued = read.issue(&server(), Algorithm::Ed25519, days(1), &entropy()).unwrap().issued;
    assert_eq!(blocks(&issued.certificate), 3);
    assert!(stored.certificate.ends_with(&issued.ca));
}

#[test]
fn an_rsa_authority_signs_leaves_of_other_kinds() {
    let key = crate::pki::PrivateKey::from_pem(RSA.as_bytes()).unwrap();
    let params = authority_params("rsa");
    let own = params.self_signed(key.pair()).unwrap().pem();
    let authority = Authority::from_pem(own.as_bytes(), RSA.as_bytes(), None).unwrap();
    let minted = authority.issue(&server(), Algorithm::EcdsaP256, days(1), &entropy()).unwrap();
    let pair = crate::pki::Pair {
        certificate: minted.issued.certificate.as_bytes(),
        key: minted.key.to_pem(Encoding::Pkcs1).into_bytes().leak(),
        ca: minted.issued.ca.as_bytes(),
    };
    crate::pki::check(pair, &["localhost"], NOON).unwrap();
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

#[test]
fn a_stored_pair_that_is_no_authority_says_why() {
    let (root, other) = (root("root"), root("other"));
    let pem = |authority: &Authority| authority.to_pem().certificate;
    let key = root.key().to_pem(Encoding::Pkcs1);
    let leaf = root.issue(&server(), Algorithm::EcdsaP256, days(1), &entropy()).unwrap();
    let leaf_key = leaf.key.to_pem(Encoding::Pkcs1);
    for (certificate, key, ca, expected) in [
        (String::new(), &*key, None, NotAnAuthority::Certificate(Malformed::Empty)),
        (pem(&root), "", None, NotAnAuthority::Key(crate::pki::KeyProblem::Empty)),
        (pem(&root), &*leaf_key, None, NotAnAuthority::KeyOfAnother),
        (leaf.issued.certificate, &*leaf_key, None, NotAnAuthority::NotCa),
        (pem(&root), &*key, Some("x".to_owned()), NotAnAuthority::Ca(Malformed::NoCertificate)),
        (pem(&root), &*key, Some(pem(&other)), NotAnAuthority::BrokenChain),
        (pem(&root) + &pem(&other), &*key, None, NotAnAuthority::BrokenChain),
    ] {
        let ca = ca.as_ref().map(String::as_bytes);
        let read = Authority::from_pem(certificate.as_bytes(), key.as_bytes(), ca);
        assert_eq!(read.unwrap_err(), expected);
    }
}

#[test]
fn an_authority_whose_name_would_change_is_refused() {
    // rcgen holds one value of each kind, and takes these two for two kinds.
    let mut params = authority_params("two units");
    params.distinguished_name.push(DnType::OrganizationalUnitName, "one");
    params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 11]), "two");
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    let read = Authority::from_pem(certificate.as_bytes(), key.serialize_pem().as_bytes(), None);
    assert_eq!(read.unwrap_err(), NotAnAuthority::Name);
}

#[test]
fn dates_that_no_certificate_can_have_are_refused() {
    let root = root("root");
    let issue = |not_before, not_after| {
        let lifetime = Lifetime { not_before, not_after };
        root.issue(&server(), Algorithm::Ed25519, lifetime, &entropy())
    };
    for (not_before, not_after) in [(NOON, NOON - Span::seconds(1)), (Time::MIN, NOON)] {
        assert!(matches!(issue(not_before, not_after), Err(Refused::Dates { .. })));
    }
    let chain = issue(NOON, Time::MAX).unwrap().issued.certificate;
    assert_eq!(Chain::from_pem(chain.as_bytes()).unwrap().leaf.not_after, Time::MAX);
    issue(NOON, NOON).unwrap();
}
