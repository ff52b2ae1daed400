//! The checks one by one, and their order.

use super::*;
use crate::api::cert_manager::{Certificate, CertificateRequest};
use crate::embedded::issuer::checks::{self, Violation};
use crate::embedded::issuer::names;
use crate::embedded::issuer::secret::StoredSecret;
use crate::embedded::issuer::view::{View, owner_of_secret};
use crate::pki::SigningRequest;

fn noon() -> Time {
    NOON.parse().unwrap()
}

/// A Certificate as it is a while after it was issued.
fn settled() -> View {
    let entropy = Entropy::seeded(3);
    let raw = json!({"metadata": {"name": "web", "namespace": "prod", "uid": "u", "generation": 1},
        "spec": {"secretName": "web", "dnsNames": ["web"], "issuerRef": {"name": "ca"}},
        "status": {"revision": 1}});
    let certificate: Certificate = serde_json::from_value(raw.clone()).unwrap();
    let root = Authority::root(
        &Profile::authority("root"),
        Algorithm::Ed25519,
        Lifetime::of(noon(), Span::days(365)),
        &entropy,
    )
    .unwrap();
    let profile = Profile::of_spec(&certificate.spec).unwrap();
    let key = PrivateKey::generate(Algorithm::Ed25519, &entropy).unwrap();
    let pem = SigningRequest::make(&profile, &key, true).unwrap();
    let asked = SigningRequest::from_pem(pem.as_bytes()).unwrap();
    let lifetime = Lifetime::of(noon(), Span::days(90));
    let issued = root.sign(&asked, &profile.usages, false, lifetime, &entropy).unwrap();
    let mut current = CertificateRequest::default();
    current.spec.request = Some(pem.into_bytes());
    current.spec.issuer_ref = certificate.spec.issuer_ref.clone();
    let secret = StoredSecret {
        has_data: true,
        certificate: issued.certificate.into_bytes(),
        key: key.to_pem(Encoding::Pkcs1).into_bytes(),
        ca: issued.ca.into_bytes(),
        annotations: [("cert-manager.io/issuer-name".to_owned(), "ca".to_owned())].into(),
        ..StoredSecret::default()
    };
    View {
        certificate,
        raw,
        rival: None,
        secret: Some(secret),
        current: Some(current),
        next: None,
        next_key: None,
        has_old_requests: false,
        default_algorithm: Algorithm::Ed25519,
    }
}

/// One thing that goes wrong.
type Damage = fn(&mut View);

fn secret(view: &mut View) -> &mut StoredSecret {
    view.secret.as_mut().unwrap()
}

/// The checks in their order, each with what makes it find something.
const DAMAGES: [(Damage, &str, &str); 8] = [
    (|view| view.secret = None, "DoesNotExist", "Issuing certificate as Secret does not exist"),
    (
        |view| secret(view).key.clear(),
        "MissingData",
        "Issuing certificate as Secret does not contain a private key",
    ),
    (
        |view| secret(view).key = include_bytes!("../../../pki/tests/rsa.pem").to_vec(),
        "InvalidKeyPair",
        "Issuing certificate as Secret contains a private key that does not match the certificate",
    ),
    (
        |view| {
            let kind = ("cert-manager.io/issuer-kind".to_owned(), "ClusterIssuer".to_owned());
            secret(view).annotations.extend([kind]);
        },
        "IncorrectIssuer",
        "Issuing certificate as Secret was previously issued by \"ClusterIssuer.cert-manager.io/ca\"",
    ),
    (
        |view| {
            let name = ("cert-manager.io/certificate-name".to_owned(), "blog".to_owned());
            secret(view).annotations.extend([name]);
        },
        "IncorrectCertificate",
        "Secret was issued for \"blog\". If this message is not transient, you might have two \
         conflicting Certificates pointing to the same secret.",
    ),
    (
        |view| view.certificate.spec.private_key.algorithm = Some("ECDSA".to_owned()),
        "SecretMismatch",
        "Existing private key is not up to date for spec: [spec.privateKey.algorithm]",
    ),
    (
        |view| {
            let key = PrivateKey::generate(Algorithm::Ed25519, &Entropy::seeded(9)).unwrap();
            let pem = SigningRequest::make(&Profile::server("web", &["web"]), &key, true).unwrap();
            view.current.as_mut().unwrap().spec.request = Some(pem.into_bytes());
        },
        "SecretMismatch",
        "Secret contains a private key that does not match the current CertificateRequest",
    ),
    (
        |view| {
            let spec = &mut view.certificate.spec;
            spec.dns_names.push("other".to_owned());
            spec.is_ca = true;
            spec.usages = vec!["server auth".to_owned()];
        },
        "RequestChanged",
        "Fields on existing CertificateRequest resource not up to date: [spec.dnsNames spec.isCA \
         spec.usages]",
    ),
];

#[test]
fn each_check_finds_its_own_and_nothing_is_wrong_with_what_was_just_issued() {
    assert_eq!(checks::trigger(&settled(), noon()), None);
    assert_eq!(checks::readiness(&settled(), noon()), None);
    for (damage, reason, message) in DAMAGES {
        let mut view = settled();
        damage(&mut view);
        let expected = Some(Violation { reason, message: message.to_owned() });
        assert_eq!(checks::trigger(&view, noon()), expected);
        assert_eq!(checks::readiness(&view, noon()), expected);
    }
}

#[test]
fn of_two_things_that_are_wrong_the_earlier_in_the_order_is_told() {
    for (first, (damage, reason, message)) in DAMAGES.into_iter().enumerate() {
        for (later, ..) in &DAMAGES[first + 1..] {
            let mut view = settled();
            later(&mut view);
            damage(&mut view);
            let found = checks::trigger(&view, noon()).unwrap();
            // A key of another kind is found as such by whoever looks at the pair.
            let same = found.reason == reason && found.message == message;
            assert!(same, "{reason} was to come before {found:?}");
        }
    }
}

#[test]
fn renewal_begins_at_its_second_and_expiry_after_its_own() {
    let view = settled();
    let (due, end) = (noon() + Span::days(60), noon() + Span::days(90));
    assert_eq!(checks::trigger(&view, due - Span::seconds(1)), None);
    let renewing = checks::trigger(&view, due).unwrap();
    assert_eq!(renewing.reason, "Renewing");
    let message = "Renewing certificate as renewal was scheduled at 2027-01-22 12:00:00 +0000 UTC";
    assert_eq!(renewing.message, message);
    assert_eq!(checks::readiness(&view, end), None);
    let expired = checks::readiness(&view, end + Span::seconds(1)).unwrap();
    assert_eq!(expired.reason, "Expired");
    assert_eq!(expired.message, "Certificate expired on Sun, 21 Feb 2027 12:00:00 UTC");
}

#[test]
fn without_its_request_names_may_have_moved() {
    let mut view = settled();
    view.current = None;
    view.certificate.spec.common_name = Some("web".to_owned());
    view.certificate.spec.dns_names.clear();
    assert_eq!(checks::trigger(&view, noon()), None, "the host name serves as the common name");
    view.certificate.spec.ip_addresses.push("::1".to_owned());
    let found = checks::trigger(&view, noon()).unwrap();
    let message = "Issuing certificate as Existing issued Secret is not up to date for spec: \
        [spec.ipAddresses]";
    assert_eq!((found.reason, found.message.as_str()), ("SecretMismatch", message));
}

#[test]
fn rsa_as_cert_manager_makes_it_is_left_alone_where_nothing_is_asked_for() {
    use crate::embedded::issuer::matching::key;
    let rsa = Algorithm::Rsa { bits: 2048 };
    let spec = |spec| serde_json::from_value(spec).unwrap();
    let default = Algorithm::EcdsaP256;
    assert_eq!(key(rsa, &spec(json!({})), default), [""; 0]);
    assert_eq!(key(default, &spec(json!({})), default), [""; 0]);
    assert_eq!(key(Algorithm::EcdsaP384, &spec(json!({})), default), ["spec.privateKey.size"]);
    assert_eq!(key(rsa, &spec(json!({"size": 4096})), default), ["spec.privateKey.size"]);
    let ecdsa = spec(json!({"algorithm": "ECDSA"}));
    assert_eq!(key(rsa, &ecdsa, default), ["spec.privateKey.algorithm"]);
    let unknown = spec(json!({"algorithm": "DSA"}));
    assert_eq!(key(rsa, &unknown, default), ["spec.privateKey.algorithm"]);
}

#[test]
fn the_owner_of_a_shared_secret() {
    let certificate = |name: &str, created: &str| -> Certificate {
        let meta = json!({"name": name, "creationTimestamp": created});
        serde_json::from_value(json!({"metadata": meta})).unwrap()
    };
    let all = [
        certificate("c", "2026-11-23T12:00:00Z"),
        certificate("b", "2026-11-23T12:00:00Z"),
        certificate("a", "2026-11-23T12:00:01Z"),
    ];
    for (named, owner) in [(None, "b"), (Some("a"), "a"), (Some("gone"), "b")] {
        assert_eq!(owner_of_secret(all.iter(), named), Some(owner));
    }
    assert_eq!(owner_of_secret([].iter(), None), None);
}

#[test]
fn names_are_cert_managers() {
    assert_eq!(names::request("web", 7), "web-7");
    // As the real one names it: 168 characters, the hash, the revision.
    let long = "a".repeat(234);
    let name = names::request(&long, 1);
    assert_eq!(name.len(), 168 + 1 + 64 + 2);
    let dotted = format!("{}.{}", "a".repeat(167), "b".repeat(80));
    assert!(names::request(&dotted, 1).starts_with(&format!("{}-", "a".repeat(167))));

    let key = names::next_key(&"n".repeat(100), "u", 1);
    assert_eq!(key.len(), 63);
    assert_ne!(names::next_key("web", "u", 1), names::next_key("web", "u", 2));
    assert_eq!(names::next_key("web", "u", 1), names::next_key("web", "u", 1));
}
