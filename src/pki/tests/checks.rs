use super::*;
use crate::core::certificate::Malformed;
use crate::pki::{Encoding, Flaw, KeyProblem, Minted, Pair, check};

/// A pair as a Secret holds it.
#[derive(Clone)]
struct Stored {
    certificate: String,
    key: String,
    ca: String,
}

impl Stored {
    fn of(minted: &Minted) -> Self {
        Self {
            certificate: minted.issued.certificate.clone(),
            key: minted.key.to_pem(Encoding::Pkcs1),
            ca: minted.issued.ca.clone(),
        }
    }

    fn new(authority: &Authority, lifetime: Lifetime) -> Self {
        let issued = authority.issue(&server(), Algorithm::EcdsaP256, lifetime, &entropy());
        Self::of(&issued.unwrap())
    }

    fn judged(&self, names: &[&str], now: Time) -> Vec<Flaw> {
        let pair = Pair {
            certificate: self.certificate.as_bytes(),
            key: self.key.as_bytes(),
            ca: self.ca.as_bytes(),
        };
        check(pair, names, now).map_or_else(|flaws| flaws.0, |_| Vec::new())
    }
}

#[test]
fn a_good_pair_has_no_flaw() {
    let root = root("root");
    for authority in [&root, &under(&root, "upper"), &under(&under(&root, "upper"), "lower")] {
        let stored = Stored::new(authority, days(90));
        for now in [NOON, NOON + Span::DAY, NOON + Span::days(90)] {
            let names = ["shop.prod.svc", "shop-2.shop-pods.prod.svc", "LOCALHOST."];
            assert_eq!(stored.judged(&names, now), []);
        }
    }
}

#[test]
fn a_bundle_with_the_right_ca_somewhere_in_it_is_good() {
    let (root, other) = (root("root"), root("other"));
    let mut stored = Stored::new(&root, days(9));
    stored.ca = other.to_pem().ca + &stored.ca;
    assert_eq!(stored.judged(&[], NOON), []);
    // A trust store may as well hold the intermediate itself.
    let upper = under(&root, "upper");
    let stored = Stored { ca: upper.to_pem().certificate, ..Stored::new(&upper, days(9)) };
    assert_eq!(stored.judged(&[], NOON), []);
}

#[test]
fn every_flaw_is_told_by_its_word() {
    let (root, other) = (root("root"), root("other"));
    let good = Stored::new(&root, days(90));
    // The same name, another key.
    let imposter = super::root("root");
    let short_root =
        Authority::root(&Profile::authority("r"), Algorithm::EcdsaP256, days(1), &entropy());
    let short_root = Stored::new(&short_root.unwrap(), days(90));
    let another = Stored::new(&root, days(90));
    let damaged = good.key.replace('/', "!");
    for (stored, names, now, word) in [
        (Stored { key: another.key, ..good.clone() }, &[][..], NOON, "keyOfAnother"),
        (Stored { key: String::new(), ..good.clone() }, &[], NOON, "keyEmpty"),
        (Stored { key: good.ca.clone(), ..good.clone() }, &[], NOON, "keyMissing"),
        (Stored { key: damaged[..80].to_owned(), ..good.clone() }, &[], NOON, "keyDamaged"),
        (Stored { certificate: String::new(), ..good.clone() }, &[], NOON, "empty"),
        (Stored { certificate: good.key.clone(), ..good.clone() }, &[], NOON, "privateKey"),
        (Stored { ca: "no PEM".to_owned(), ..good.clone() }, &[], NOON, "noCertificate"),
        (good.clone(), &[], NOON - Span::seconds(1), "notYetValid"),
        (good.clone(), &[], NOON + Span::days(90) + Span::seconds(1), "expired"),
        (Stored { ca: other.to_pem().ca, ..good.clone() }, &[], NOON, "unknownIssuer"),
        (Stored { ca: imposter.to_pem().ca, ..good.clone() }, &[], NOON, "badSignature"),
        (short_root, &[], NOON + Span::days(2), "issuerNotValid"),
        (good.clone(), &["blog.prod.svc"], NOON, "nameMissing"),
        (good.clone(), &["127.0.0.1"], NOON, "nameMissing"),
    ] {
        let flaws = stored.judged(names, now);
        let words: Vec<_> = flaws.iter().map(Flaw::as_str).collect();
        assert_eq!(words, [word], "{flaws:?}");
        let known = Flaw::WORDS.contains(&word)
            || Malformed::ALL.iter().any(|it| it.as_str() == word)
            || KeyProblem::ALL.iter().any(|it| it.as_str() == word);
        assert!(known, "{word}");
    }
}

#[test]
fn a_leaf_that_signs_another_is_found_out() {
    use rcgen::{CertificateParams, Issuer, KeyPair};
    let root = root("root");
    let middle = root.issue(&server(), Algorithm::EcdsaP256, days(9), &entropy()).unwrap();
    let issuer = Issuer::from_ca_cert_pem(&middle.issued.certificate, middle.key.pair()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["a.example".to_owned()]).unwrap();
    params.use_authority_key_identifier_extension = false;
    let certificate = params.signed_by(&key, &issuer).unwrap().pem();
    let stored = Stored {
        certificate: certificate + &middle.issued.certificate,
        key: key.serialize_pem(),
        ca: root.to_pem().ca,
    };
    let flaws = stored.judged(&[], NOON);
    assert_eq!(flaws.iter().map(Flaw::as_str).collect::<Vec<_>>(), ["issuerNotCa"]);
}

#[test]
fn an_intermediate_that_is_missing_breaks_the_chain() {
    let upper = under(&root("root"), "upper");
    let mut stored = Stored::new(&upper, days(9));
    let end = stored.certificate.find("-----END").unwrap();
    stored.certificate.truncate(end + "-----END CERTIFICATE-----\n".len());
    let flaws = stored.judged(&[], NOON);
    assert_eq!(flaws.iter().map(Flaw::as_str).collect::<Vec<_>>(), ["unknownIssuer"]);
}

#[test]
fn a_self_signed_pair_is_good_although_it_is_no_ca() {
    let key = crate::pki::PrivateKey::generate(Algorithm::EcdsaP256, &entropy()).unwrap();
    let request = crate::pki::SigningRequest::make(&server(), &key, true).unwrap();
    let request = crate::pki::SigningRequest::from_pem(request.as_bytes()).unwrap();
    let usages = server().usages;
    let issued = crate::pki::self_sign(&request, &key, &usages, false, days(9), &entropy());
    let stored = Stored::of(&Minted { issued: issued.unwrap(), key });
    assert_eq!(stored.judged(&["localhost"], NOON), []);
}

#[test]
fn all_flaws_are_told_at_once() {
    let stored = Stored { key: String::new(), ..Stored::new(&root("root"), days(9)) };
    let pair =
        Pair { certificate: stored.certificate.as_bytes(), key: b"", ca: stored.ca.as_bytes() };
    let flaws = check(pair, &["blog"], NOON + Span::days(10)).unwrap_err();
    assert_eq!(
        flaws.to_string(),
        "tls.key is unusable: it is empty; the certificate has expired at 2027-01-24T08:00:00Z; \
         the certificate does not cover blog"
    );
}
