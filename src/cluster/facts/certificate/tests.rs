use k8s_openapi::ByteString;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use serde_json::{Value, from_value, json};

use super::*;
use crate::api::cert_manager::CertificateRequest;
use crate::api::mysql::MySql;
use crate::cluster::facts::mysql::MySqlFacts;
use crate::core::certificate::{CaBundle, Chain};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2036, 1, 1);
    params
}

fn authority(name: &str) -> Authority {
    CertifiedIssuer::self_signed(authority_params(name), KeyPair::generate().unwrap()).unwrap()
}

/// From 2026-01-01 to 2026-04-01.
fn leaf(authority: &Authority, names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2026, 4, 1);
    let key = KeyPair::generate().unwrap();
    params.signed_by(&key, authority).unwrap().pem()
}

fn issuance(name: &str, revision: &str, pem: Option<&str>, ca: Option<&str>) -> IssuanceFacts {
    let bytes = |pem: &str| serde_json::to_value(ByteString(pem.as_bytes().to_vec())).unwrap();
    let object: CertificateRequest = from_value(json!({
        "metadata": {"name": name, "namespace": "prod", "creationTimestamp": "2026-01-01T00:00:01Z",
            "annotations": {"cert-manager.io/certificate-name": "shop-server-cert",
                "cert-manager.io/certificate-revision": revision}},
        "spec": {"issuerRef": {"group": "cert-manager.io", "kind": "Issuer", "name": "ca"}},
        "status": {"certificate": pem.map(bytes), "ca": ca.map(bytes), "conditions": [
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:07Z"}]},
    }))
    .unwrap();
    IssuanceFacts::of(&object, &mut Texts::default())
}

fn issued_status() -> Value {
    json!({"notBefore": "2026-01-01T00:00:00Z", "notAfter": "2026-04-01T00:00:00Z", "revision": 1,
        "renewalTime": "2026-03-01T00:00:00Z",
        "conditions": [{"type": "Ready", "status": "True"}]})
}

fn facts(spec: &Value, status: &Value) -> CertificateFacts {
    let object: Object = from_value(json!({
        "metadata": {"name": "shop-server-cert", "namespace": "prod"},
        "spec": spec, "status": status,
    }))
    .unwrap();
    CertificateFacts::of(&object, &mut Texts::default())
}

fn wanted(entry: &Value) -> Wanted {
    let issuer = json!({"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"});
    let mysql: MySql = from_value(json!({
        "metadata": {"name": "shop", "namespace": "prod"},
        "spec": {"tls": {"issuerRef": issuer, "certificates": [entry]}},
    }))
    .unwrap();
    let facts = MySqlFacts::of(&mysql, &mut Texts::default());
    facts.certificates[0].clone()
}

fn built(facts: &CertificateFacts, issuances: &[IssuanceFacts]) -> Certificate {
    certificate(&wanted(&json!({})), Some(facts), issuances.iter(), true)
}

fn at(text: &str) -> Option<Time> {
    text.parse().ok()
}

#[test]
fn a_leaf_with_all_that_is_known_of_it() {
    let ca = authority("ca");
    let pem = leaf(&ca, &["shop.prod.svc"]);
    let found = built(
        &facts(&json!({"dnsNames": ["shop.prod.svc"]}), &issued_status()),
        &[
            issuance("old", "0", Some(&leaf(&ca, &[])), None),
            issuance("now", "1", Some(&pem), Some(&ca.pem())),
            issuance("next", "2", None, None),
        ],
    );
    let Issued::Leaf(known) = &found.issued else {
        panic!("{:?}", found.issued);
    };
    let chain = Chain::from_pem(pem.as_bytes()).unwrap();
    let bundle = CaBundle::from_pem(ca.pem().as_bytes()).unwrap();
    assert_eq!(known.id.fingerprint, Some(chain.leaf.fingerprint));
    assert_eq!(known.serial.as_deref(), Some(&*chain.leaf.serial));
    assert_eq!(known.ca_key, Some(bundle.certificates[0].spki));
    assert_eq!(Some(known.issued_at), at("2026-01-01T00:00:07Z"));
    let signed_by = known.signed_by.as_ref().map(ToString::to_string);
    assert_eq!(signed_by.as_deref(), Some("Issuer/prod/ca"));
    assert_eq!(found.renewal_time, at("2026-03-01T00:00:00Z"));
    assert!(found.names_lacking.is_empty());
}

#[test]
fn what_was_issued_is_unknown_missing_malformed_or_a_leaf() {
    let ca = authority("ca");
    let good = issuance("now", "1", Some(&leaf(&ca, &[])), None);
    let broken = issuance("now", "1", Some("no certificate"), None);
    let newer = issuance("next", "2", Some(&leaf(&ca, &[])), None);
    let unsigned = issuance("now", "1", None, None);
    let condition = |type_: &str, status: &str| json!({"type": type_, "status": status, "lastTransitionTime": "2026-01-02T00:00:00Z"});
    let not_ready = condition("Ready", "False");
    let mut later = issued_status();
    later["notAfter"] = json!("2026-05-01T00:00:00Z");
    let mut reversed = issued_status();
    reversed["notAfter"] = json!("2025-01-01T00:00:00Z");
    for (name, status, issuances, expected) in [
        ("all is well", issued_status(), vec![&good, &newer], "fingerprint"),
        ("the issuance is gone", issued_status(), vec![], "dates"),
        ("only another one is left", issued_status(), vec![&unsigned], "dates"),
        ("the issuance is of another leaf", later, vec![&good], "dates"),
        ("it cannot be read", issued_status(), vec![&broken], "noCertificate"),
        ("dates reversed", reversed, vec![&good], "datesReversed"),
        ("nobody looked", json!({}), vec![], "unknown"),
        ("never issued", json!({"conditions": [not_ready]}), vec![&unsigned], "missing"),
        (
            "being issued",
            json!({"conditions": [not_ready, condition("Issuing", "True")]}),
            vec![&unsigned],
            "unknown",
        ),
        (
            "a broken one, not known to be the current one",
            json!({"conditions": [not_ready]}),
            vec![&broken],
            "missing",
        ),
    ] {
        let found = certificate(
            &wanted(&json!({})),
            Some(&facts(&json!({}), &status)),
            issuances.into_iter(),
            true,
        );
        let described = match &found.issued {
            Issued::Unknown => "unknown",
            Issued::Missing => "missing",
            Issued::Malformed(reason) => reason,
            Issued::Leaf(leaf) if leaf.id.fingerprint.is_some() => "fingerprint",
            Issued::Leaf(_) => "dates",
        };
        assert_eq!(described, expected, "{name}");
    }
    let absent = |listed| certificate(&wanted(&json!({})), None, [].into_iter(), listed).issued;
    assert_eq!((absent(true), absent(false)), (Issued::Missing, Issued::Unknown));
}

#[test]
fn a_failure_counts_until_another_try() {
    let failing = |more: Value| {
        let mut status = issued_status();
        status["lastFailureTime"] = json!("2026-02-01T00:00:00Z");
        for (key, value) in more.as_object().unwrap() {
            status[key] = value.clone();
        }
        let facts = facts(&json!({}), &status);
        (facts.failed_at, facts.issuing_since)
    };
    let failed = at("2026-02-01T00:00:00Z");
    let issuing = json!([{"type": "Issuing", "status": "True",
        "lastTransitionTime": "2026-02-02T00:00:00Z"}]);
    for (more, expected) in [
        (json!({"failedIssuanceAttempts": 2}), (failed, None)),
        (json!({}), (failed, None)),
        (json!({"failedIssuanceAttempts": 0}), (None, None)),
        (json!({"notBefore": "2026-03-01T00:00:00Z"}), (None, None)),
        (
            json!({"failedIssuanceAttempts": 2, "conditions": issuing}),
            (None, at("2026-02-02T00:00:00Z")),
        ),
    ] {
        assert_eq!(failing(more.clone()), expected, "{more}");
    }
}

#[test]
fn names_that_the_leaf_lacks() {
    let ca = authority("ca");
    let names = ["*.shop-pods.prod.svc", "localhost", "127.0.0.1", "shop"];
    let issuances = [issuance("now", "1", Some(&leaf(&ca, &names)), None)];
    let lacking = |spec: Value, entry: Value| {
        let facts = facts(&spec, &issued_status());
        let found = certificate(&wanted(&entry), Some(&facts), issuances.iter(), true);
        found.names_lacking.join(" ")
    };
    for (spec, entry, expected) in [
        (json!({}), json!({}), ""),
        (json!({"dnsNames": ["SHOP.", "localhost"], "ipAddresses": ["127.0.0.1"]}), json!({}), ""),
        (json!({"dnsNames": ["shop-0.shop-pods.prod.svc"]}), json!({}), ""),
        (json!({"dnsNames": ["a.b.shop-pods.prod.svc"]}), json!({}), "a.b.shop-pods.prod.svc"),
        (json!({"dnsNames": [".shop-pods.prod.svc"]}), json!({}), ".shop-pods.prod.svc"),
        (json!({"dnsNames": ["new"], "ipAddresses": ["10.0.0.1"]}), json!({}), "10.0.0.1 new"),
        (
            json!({"dnsNames": ["new"]}),
            json!({"alias": "server", "dnsNames": ["new", "shop", "newer"]}),
            "new newer",
        ),
    ] {
        assert_eq!(lacking(spec.clone(), entry.clone()), expected, "{spec} {entry}");
    }
}

#[test]
fn names_that_cannot_be_compared_are_not() {
    let ca = authority("ca");
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![rcgen::SanType::URI("spiffe://shop".try_into().unwrap())];
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2026, 4, 1);
    let pem = params.signed_by(&KeyPair::generate().unwrap(), &ca).unwrap().pem();
    let facts = facts(&json!({"dnsNames": ["shop"]}), &issued_status());
    let found = built(&facts, &[issuance("now", "1", Some(&pem), None)]);
    assert!(found.names_lacking.is_empty());
}

#[test]
fn an_intermediate_signs_and_not_the_root_above_it() {
    let root = authority("root");
    let key = KeyPair::generate().unwrap();
    let intermediate =
        CertifiedIssuer::signed_by(authority_params("intermediate"), key, &root).unwrap();
    let pem = leaf(&intermediate, &[]);
    let chain = format!("{pem}{}", intermediate.pem());
    let key_of = |pem: &str| CaBundle::from_pem(pem.as_bytes()).unwrap().certificates[0].spki;
    for (name, chain, ca, expected) in [
        ("in the chain", &chain, root.pem(), Some(key_of(&intermediate.pem()))),
        ("published itself", &pem, intermediate.pem(), Some(key_of(&intermediate.pem()))),
        ("only the root is published", &pem, root.pem(), None),
        ("what is published cannot be read", &pem, "-".to_owned(), None),
    ] {
        let issuance = issuance("now", "1", Some(chain), Some(&ca));
        assert_eq!(issuance.signing_ca().map(|ca| ca.key), expected, "{name}");
    }
}

#[test]
fn the_digest_changes_with_either_spec() {
    let digest = |spec: Value, entry: Value| {
        let facts = facts(&spec, &issued_status());
        certificate(&wanted(&entry), Some(&facts), [].into_iter(), true).spec_digest
    };
    let plain = digest(json!({}), json!({}));
    for (spec, entry) in [
        (json!({"duration": "1h"}), json!({})),
        (json!({"usages": ["any"]}), json!({})),
        (json!({"issuerRef": {"name": "x"}}), json!({})),
        (json!({"commonName": "a"}), json!({})),
        (json!({"dnsNames": ["a"]}), json!({})),
        (json!({}), json!({"alias": "server", "duration": "1h"})),
    ] {
        assert_ne!(digest(spec.clone(), entry.clone()), plain, "{spec} {entry}");
    }
}
