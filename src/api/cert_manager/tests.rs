use serde_json::{from_value, json};

use super::*;
use crate::core::time::Span;

#[test]
fn a_certificate_as_cert_manager_leaves_it() {
    let certificate: Certificate = from_value(json!({
        "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
        "metadata": {
            "name": "shop-server-cert", "namespace": "prod", "uid": "c-1",
            "ownerReferences": [{"apiVersion": "kubedb.com/v1", "kind": "MySQL", "name": "shop",
                "uid": "u-1", "controller": true, "blockOwnerDeletion": true}],
        },
        "spec": {
            "commonName": "shop.prod.svc", "dnsNames": ["*.shop-pods.prod.svc", "localhost"],
            "ipAddresses": ["127.0.0.1"], "secretName": "shop-server-cert",
            "issuerRef": {"group": "cert-manager.io", "kind": "Issuer", "name": "ca"},
            "duration": "2160h0m0s", "renewBeforePercentage": 33, "isCA": false,
            "usages": ["server auth", "client auth"], "renewal": {"policy": "Disabled"},
        },
        "status": {
            "conditions": [
                {"type": "Ready", "status": "True", "reason": "Ready", "observedGeneration": 1,
                 "lastTransitionTime": "2026-09-01T00:00:00Z"},
                {"type": "Issuing", "status": "True", "reason": "Rotate",
                 "lastTransitionTime": "2026-11-23T22:00:00Z"},
            ],
            "notBefore": "2026-09-01T00:00:00Z", "notAfter": "2026-11-30T00:00:00Z",
            "renewalTime": "2026-10-31T00:00:00Z", "revision": 3,
            "lastFailureTime": "2026-11-22T00:00:00Z", "failedIssuanceAttempts": 2,
        },
    }))
    .unwrap();
    let status = &certificate.status;
    assert!(certificate.is_ready());
    let issuing = certificate.issuing().unwrap();
    assert_eq!(issuing.last_transition_time, "2026-11-23T22:00:00Z".parse().ok());
    assert_eq!(status.not_after.unwrap().since(status.not_before.unwrap()), Span::days(90));
    assert_eq!((status.revision, status.failed_issuance_attempts), (Some(3), Some(2)));
    assert_eq!(status.last_failure_time, "2026-11-22T00:00:00Z".parse().ok());
    let spec = &certificate.spec;
    assert_eq!(spec.issuer_ref.as_ref().unwrap().to_string(), "Issuer/ca");
    assert_eq!(spec.duration.as_ref().unwrap().span(), Some(Span::days(90)));
    assert_eq!(spec.renew_before_percentage, Some(33));
    assert_eq!(spec.renewal.policy.as_deref(), Some("Disabled"));
    assert_eq!(meta::controller(&certificate.metadata).unwrap().uid, "u-1");
}

#[test]
fn a_certificate_that_was_never_issued() {
    for status in
        [json!({}), json!(null), json!("none"), json!({"notAfter": "soon", "revision": "1"})]
    {
        let certificate: Certificate = from_value(json!({
            "metadata": {"name": "a"}, "spec": {"duration": "90d", "issuerRef": "ca", "isCA": "no"},
            "status": status,
        }))
        .unwrap();
        assert!(!certificate.is_ready());
        assert_eq!(certificate.issuing(), None);
        assert_eq!(certificate.status, CertificateStatus::default());
        assert_eq!(certificate.spec.issuer_ref, None);
        assert_eq!(certificate.spec.duration.unwrap().as_str(), "90d");
    }
}

#[test]
fn the_evidence_in_a_certificate_request() {
    let request: CertificateRequest = from_value(json!({
        "metadata": {"name": "shop-server-cert-3", "annotations": {
            "cert-manager.io/certificate-name": "shop-server-cert",
            "cert-manager.io/certificate-revision": "3"}},
        "spec": {"issuerRef": {"name": "ca"}, "usages": ["server auth"], "request": "LS0t"},
        "status": {"certificate": "LS0tLS1CRUdJTg==", "ca": "*not base64*",
            "conditions": [{"type": "Ready", "status": "True", "reason": "Issued"}]},
    }))
    .unwrap();
    assert_eq!(request.certificate_name(), Some("shop-server-cert"));
    assert_eq!(request.revision(), Some(3));
    assert!(request.is_ready());
    assert_eq!(request.status.certificate.as_deref(), Some(&b"-----BEGIN"[..]));
    assert_eq!(request.status.ca.as_deref(), Some(&b"*not base64*"[..]));

    let odd: CertificateRequest = from_value(json!({
        "metadata": {"annotations": {"cert-manager.io/certificate-revision": "third"}},
        "status": {"certificate": "", "ca": 7},
    }))
    .unwrap();
    assert_eq!((odd.certificate_name(), odd.revision(), odd.is_ready()), (None, None, false));
    assert_eq!(odd.status, CertificateRequestStatus::default());
}

#[test]
fn how_an_issuer_signs() {
    let ca = IssuerSpec::Ca { secret_name: "root".to_owned() };
    for (spec, expected) in [
        (json!({"ca": {"secretName": "root"}}), ca),
        (json!({"selfSigned": {}}), IssuerSpec::SelfSigned),
        (json!({"acme": {"server": "https://a"}}), IssuerSpec::Acme),
        (json!({"vault": {"path": "p"}, "acme": null}), IssuerSpec::Vault),
        (json!({"venafi": {"zone": "z"}}), IssuerSpec::Venafi),
        (json!({"quantum": {}}), IssuerSpec::Unknown),
        (json!({"ca": {}}), IssuerSpec::Unknown),
        (json!("ca"), IssuerSpec::Unknown),
        (json!(null), IssuerSpec::Unknown),
    ] {
        let issuer: Issuer = from_value(json!({"metadata": {}, "spec": spec})).unwrap();
        assert_eq!(issuer.spec, expected, "{spec}");
        let cluster: ClusterIssuer = from_value(json!({"metadata": {}, "spec": spec})).unwrap();
        assert_eq!(cluster.spec, expected);
    }
}

#[test]
fn what_an_issuer_says_of_itself() {
    for (conditions, ready) in [
        (json!([{"type": "Ready", "status": "True"}]), Some(true)),
        (json!([{"type": "Ready", "status": "False", "reason": "SecretMissing"}]), Some(false)),
        (json!([{"type": "Ready", "status": "Unknown"}]), Some(false)),
        (json!([]), None),
        (json!(null), None),
    ] {
        let issuer: Issuer = from_value(json!({"status": {"conditions": conditions}})).unwrap();
        assert_eq!(issuer.status.ready(), ready, "{conditions}");
    }
}
