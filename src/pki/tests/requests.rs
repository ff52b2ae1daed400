use super::*;
use crate::pki::{PrivateKey, Refused, RequestProblem, SigningRequest, Usage, self_sign};

fn key(algorithm: Algorithm) -> PrivateKey {
    PrivateKey::generate(algorithm, &Entropy::system()).unwrap()
}

#[test]
fn a_request_is_read_as_it_was_made_and_signed_as_it_was_read() {
    let root = root("root");
    let rsa = PrivateKey::from_pem(RSA.as_bytes()).unwrap();
    for key in MADE.map(key).into_iter().chain([rsa]) {
        for with_usages in [true, false] {
            let pem = SigningRequest::make(&server(), &key, with_usages).unwrap();
            let request = SigningRequest::from_pem(pem.as_bytes()).unwrap();
            let silent = Profile { usages: [].into(), ..server() };
            assert_eq!(request.profile, silent);
            assert_eq!(request.usages, with_usages.then(|| server().usages));
            assert_eq!((request.is_ca, request.fingerprint()), (None, key.fingerprint()));

            let usages = server().usages;
            let issued = root.sign(&request, &usages, false, days(30), &entropy()).unwrap();
            let leaf = leaf(&issued.certificate);
            assert_eq!(leaf.spki, key.fingerprint());
            assert_eq!(leaf.lifetime(), Span::days(30));
            let said = Profile::of_certificate(issued.certificate.as_bytes()).unwrap();
            assert_eq!(said, server());
        }
    }
}

#[test]
fn a_request_may_become_an_authority() {
    let root = root("root");
    let key = key(Algorithm::EcdsaP256);
    let profile = Profile::authority("sub");
    let pem = SigningRequest::make(&profile, &key, true).unwrap();
    let request = SigningRequest::from_pem(pem.as_bytes()).unwrap();
    let issued = root.sign(&request, &profile.usages, true, days(30), &entropy()).unwrap();
    let key = key.to_pem(crate::pki::Encoding::Pkcs1);
    let sub = Authority::from_pem(
        issued.certificate.as_bytes(),
        key.as_bytes(),
        Some(issued.ca.as_bytes()),
    )
    .unwrap();
    let minted = sub.issue(&server(), Algorithm::Ed25519, days(1), &entropy()).unwrap();
    assert_eq!(blocks(&minted.issued.certificate), 2);
}

#[test]
fn what_stands_beside_a_request_must_not_contradict_it() {
    let root = root("root");
    let pem = SigningRequest::make(&server(), &key(Algorithm::Ed25519), true).unwrap();
    let request = SigningRequest::from_pem(pem.as_bytes()).unwrap();
    let other = [Usage::CodeSigning].into();
    let refused = root.sign(&request, &other, false, days(1), &entropy()).unwrap_err();
    assert_eq!(refused, Refused::Contradiction("key usage"));
    let refused = Refused::Contradiction("key usage").to_string();
    assert!(refused.starts_with("the request itself asks for another key usage"), "{refused}");
}

#[test]
fn a_self_signed_certificate_is_its_own_ca() {
    let key = key(Algorithm::EcdsaP384);
    let pem = SigningRequest::make(&server(), &key, true).unwrap();
    let request = SigningRequest::from_pem(pem.as_bytes()).unwrap();
    let usages = server().usages;
    let issued = self_sign(&request, &key, &usages, false, days(1), &entropy()).unwrap();
    assert_eq!(issued.certificate, issued.ca);
    let leaf = leaf(&issued.certificate);
    assert_eq!((leaf.link.subject, leaf.spki), (leaf.link.issuer, key.fingerprint()));

    let other = self::key(Algorithm::EcdsaP384);
    let refused = self_sign(&request, &other, &usages, false, days(1), &entropy()).unwrap_err();
    assert_eq!(refused, Refused::OtherKey);
}

#[test]
fn a_request_that_would_lose_something_is_refused() {
    use rcgen::{CertificateParams, CustomExtension, DnType, KeyPair, SanType};
    let made = |change: &dyn Fn(&mut CertificateParams)| {
        let mut params = CertificateParams::new(["a.example".to_owned()]).unwrap();
        change(&mut params);
        let request = params.serialize_request(&KeyPair::generate().unwrap()).unwrap();
        SigningRequest::from_pem(request.pem().unwrap().as_bytes())
    };
    let domain = |params: &mut CertificateParams| {
        params.distinguished_name.push(DnType::CustomDnType(vec![0, 9, 2342]), "com");
    };
    let twice = |params: &mut CertificateParams| {
        let same = DnType::CustomDnType(vec![2, 5, 4, 3]);
        params.distinguished_name.push(same, "another common name");
    };
    let upn = |params: &mut CertificateParams| {
        params.subject_alt_names.push(SanType::OtherName((vec![1, 3, 6], "a".into())));
    };
    let custom = |params: &mut CertificateParams| {
        let null = vec![5, 0];
        params.custom_extensions.push(CustomExtension::from_oid_content(&[1, 3, 6], null));
    };
    assert!(made(&|_| {}).is_ok());
    assert_eq!(made(&domain).unwrap_err(), RequestProblem::Name);
    assert_eq!(made(&twice).unwrap_err(), RequestProblem::Name);
    assert_eq!(made(&upn).unwrap_err(), RequestProblem::Name);
    assert_eq!(made(&custom).unwrap_err(), RequestProblem::Extension);
}

#[test]
fn a_request_that_was_changed_on_its_way_is_refused() {
    let pem = SigningRequest::make(&server(), &key(Algorithm::Ed25519), true).unwrap();
    let mut der = ::pem::parse(&pem).unwrap().into_contents();
    let at = der.windows(4).position(|bytes| bytes == b"shop").unwrap();
    der[at] = b'c';
    let changed = ::pem::encode(&::pem::Pem::new("CERTIFICATE REQUEST", der));
    let read = SigningRequest::from_pem(changed.as_bytes());
    assert_eq!(read.unwrap_err(), RequestProblem::BadSignature);
    assert_eq!(SigningRequest::from_pem(b"").unwrap_err(), RequestProblem::NoRequest);
}
