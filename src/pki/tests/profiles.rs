use serde_json::{Value, json};

use super::*;
use crate::api::cert_manager::CertificateSpec;
use crate::pki::{Refused, Usage};

fn spec(spec: Value) -> CertificateSpec {
    serde_json::from_value(spec).unwrap()
}

fn full() -> Value {
    json!({
        "commonName": "shop.prod.svc", "dnsNames": ["b.example", "a.example"],
        "ipAddresses": ["127.0.0.1", "::1"], "uris": ["spiffe://prod/shop"],
        "emailAddresses": ["dba@example.com"],
        "subject": {"organizations": ["mysql"], "countries": ["DE"], "localities": ["Köln"],
            "organizationalUnits": ["client"], "provinces": ["NRW"], "postalCodes": ["50667"],
            "streetAddresses": ["Domkloster 4"], "serialNumber": "7"},
        "usages": ["digital signature", "server auth", "client auth", "ipsec user"],
    })
}

#[test]
fn a_certificate_says_all_that_was_asked_for() {
    let profile = Profile::of_spec(&spec(full())).unwrap();
    let root = root("root");
    let minted = root.issue(&profile, Algorithm::EcdsaP256, days(1), &entropy()).unwrap();
    let said = Profile::of_certificate(minted.issued.certificate.as_bytes()).unwrap();
    assert_eq!(said, profile);
}

#[test]
fn usages_are_cert_managers() {
    let usages = |words: &[&str], is_ca| Usage::read_all(words, is_ca).map(Vec::from_iter);
    for (words, is_ca, expected) in [
        (&[][..], false, vec![Usage::DigitalSignature, Usage::KeyEncipherment]),
        (&[], true, vec![Usage::CertSign, Usage::DigitalSignature, Usage::KeyEncipherment]),
        (&["signing", "digital signature"], false, vec![Usage::DigitalSignature]),
        (&["s/mime", "any"], false, vec![Usage::Any, Usage::EmailProtection]),
        (&["crl sign"], true, vec![Usage::CertSign, Usage::CrlSign]),
    ] {
        assert_eq!(usages(words, is_ca), Ok(expected), "{words:?}");
    }
    let unknown = usages(&["Server Auth"], false).unwrap_err();
    assert_eq!(unknown.to_string(), "no key usage is called \"Server Auth\"");
}

#[test]
fn every_usage_survives_being_written_and_read() {
    let words = [
        "any",
        "cert sign",
        "client auth",
        "code signing",
        "content commitment",
        "crl sign",
        "data encipherment",
        "decipher only",
        "digital signature",
        "email protection",
        "encipher only",
        "ipsec end system",
        "ipsec tunnel",
        "ipsec user",
        "key agreement",
        "key encipherment",
        "microsoft sgc",
        "netscape sgc",
        "ocsp signing",
        "server auth",
        "timestamping",
    ];
    let root = root("root");
    for word in words {
        let profile = Profile { usages: Usage::read_all(&[word], false).unwrap(), ..server() };
        let minted = root.issue(&profile, Algorithm::Ed25519, days(1), &entropy()).unwrap();
        let said = Profile::of_certificate(minted.issued.certificate.as_bytes()).unwrap();
        assert_eq!(said.usages, profile.usages, "{word}");
    }
}

#[test]
fn what_cannot_be_written_is_refused_with_a_reason() {
    let root = root("root");
    for (change, why) in [
        (
            json!({"commonName": null, "dnsNames": [], "ipAddresses": [], "uris": [],
                "emailAddresses": []}),
            "at least one of commonName, dnsNames, ipAddresses, uris and emailAddresses must be set",
        ),
        (
            json!({"subject": {"organizations": ["a", "b"]}}),
            "subject.organizations has 2 values: only one can be written here",
        ),
        (
            json!({"subject": {"countries": ["D\u{202e}E"]}}),
            "countries \"D\\\\u{202e}E\" cannot be written in a certificate: only the letters and \
             digits of a PrintableString are allowed",
        ),
        (
            json!({"dnsNames": ["köln.example"]}),
            "dnsNames \"köln.example\" cannot be written in a certificate: it is not ASCII",
        ),
        (
            json!({"ipAddresses": ["10.0.0"]}),
            "ipAddresses \"10.0.0\" cannot be written in a certificate: it is no IP address",
        ),
        (json!({"usages": ["everything"]}), "no key usage is called \"everything\""),
    ] {
        let mut asked = full();
        json_patch::merge(&mut asked, &change);
        let made = Profile::of_spec(&spec(asked)).and_then(|profile| {
            root.issue(&profile, Algorithm::Ed25519, days(1), &entropy()).map(drop)
        });
        assert_eq!(made.map_err(|refused: Refused| refused.to_string()), Err(why.to_owned()));
    }
}
