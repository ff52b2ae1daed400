//! Bytes that somebody else wrote: any of them, in any place.

use proptest::prelude::*;

use super::*;
use crate::pki::{Encoding, Pair, PrivateKey, SigningRequest, check};

/// Everything that reads PEM, on these bytes. None of it may panic.
fn read_everything(pem: &[u8]) {
    drop(PrivateKey::from_pem(pem));
    drop(SigningRequest::from_pem(pem));
    drop(Profile::of_certificate(pem));
    drop(Authority::from_pem(pem, pem, Some(pem)));
    drop(check(Pair { certificate: pem, key: pem, ca: pem }, &["a"], NOON));
}

/// One of each thing that is read: label and DER.
fn samples() -> Vec<(String, Vec<u8>)> {
    let root = root("root");
    let minted = root.issue(&server(), Algorithm::EcdsaP256, days(1), &entropy()).unwrap();
    let ed25519 = PrivateKey::generate(Algorithm::Ed25519, &entropy()).unwrap();
    let texts = [
        minted.key.to_pem(Encoding::Pkcs1),
        minted.key.to_pem(Encoding::Pkcs8),
        ed25519.to_pem(Encoding::Pkcs8),
        SigningRequest::make(&server(), &ed25519, true).unwrap(),
        root.to_pem().certificate,
    ];
    let parsed = texts.iter().map(|text| ::pem::parse(text).unwrap());
    parsed.map(|pem| (pem.tag().to_owned(), pem.into_contents())).collect()
}

fn encode(label: &str, der: &[u8]) -> Vec<u8> {
    ::pem::encode(&::pem::Pem::new(label, der)).into_bytes()
}

#[test]
fn no_changed_byte_panics() {
    let root = root("root");
    let key = root.key().to_pem(Encoding::Pkcs1);
    for (label, der) in samples() {
        for at in 0..der.len() {
            for value in [0x00, 0x30, 0x7f, 0x80, 0xff, der[at] ^ 1] {
                let mut changed = der.clone();
                changed[at] = value;
                let pem = encode(&label, &changed);
                if label == "CERTIFICATE" {
                    // As far as signing with it, if it still looks like an authority.
                    if let Ok(authority) = Authority::from_pem(&pem, key.as_bytes(), None) {
                        drop(authority.issue(&server(), Algorithm::Ed25519, days(1), &entropy()));
                    }
                }
                drop(PrivateKey::from_pem(&pem));
                drop(SigningRequest::from_pem(&pem));
                drop(Profile::of_certificate(&pem));
            }
        }
    }
}

#[test]
fn nothing_cut_short_panics() {
    for (label, der) in samples() {
        for end in 0..der.len() {
            read_everything(&encode(&label, &der[..end]));
        }
        let pem = encode(&label, &der);
        for end in 0..pem.len() {
            read_everything(&pem[..end]);
        }
    }
}

#[test]
fn a_name_that_is_read_in_part_only_is_refused() {
    let root = root("x");
    let key = root.key().to_pem(Encoding::Pkcs1);
    let der = ::pem::parse(root.to_pem().certificate).unwrap().into_contents();
    // A common name, x; and of the same length: a part without a name, then another name.
    let name = b"\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01x";
    let odd = b"\x31\x00\x31\x08\x30\x06\x06\x01\x2a\x0c\x01x";
    let at = der.windows(name.len()).rposition(|bytes| bytes == name).unwrap();
    let mut changed = der.clone();
    changed[at..at + odd.len()].copy_from_slice(odd);
    let pem = encode("CERTIFICATE", &changed);
    read_everything(&pem);
    let read = Authority::from_pem(&pem, key.as_bytes(), None);
    assert_eq!(read.unwrap_err(), crate::pki::NotAnAuthority::Name);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512), label in 0_usize..6) {
        let labels = [
            "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "CERTIFICATE", "CERTIFICATE REQUEST",
            "X509 CRL",
        ];
        read_everything(&bytes);
        read_everything(&encode(labels[label], &bytes));
    }
}
