use super::*;

/// Something of MySQL prod/shop.
fn its(kind: Kind, name: &str, annotations: &Value, spec: &Value, status: &Value) -> Object {
    let labels = json!({"app.kubernetes.io/name": "mysqls.kubedb.com",
        "app.kubernetes.io/instance": "shop", "app.kubernetes.io/managed-by": "kubedb.com"});
    let metadata = json!({"namespace": "prod", "name": name, "uid": name, "resourceVersion": "7",
        "labels": labels, "annotations": annotations, "creationTimestamp": "2026-01-01T00:00:00Z"});
    typed(kind, json!({"metadata": metadata, "spec": spec, "status": status}))
}

fn certificate(name: &str, issuer: &str) -> Object {
    let spec = json!({"secretName": name, "issuerRef": {"kind": "Issuer", "name": issuer}});
    let status = json!({"notBefore": "2026-01-01T00:00:00Z", "notAfter": "2026-01-01T01:00:00Z",
        "revision": 1, "conditions": [{"type": "Ready", "status": "True"}]});
    its(Kind::Certificate, name, &json!({}), &spec, &status)
}

#[test]
fn the_certificate_by_which_a_ca_is_learned_is_none_of_its_databases() {
    let (mut stores, policy) = (Stores::new(Settings::default()), Policy::default());
    list_all(&mut stores, &BTreeMap::new());
    let tls = json!({"issuerRef": {"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"}});
    let spec = json!({"replicas": 1, "tls": tls});
    let (none, ready) = (json!({}), json!({"phase": "Ready"}));
    assert!(stores.apply(its(Kind::MySql, "shop", &none, &spec, &ready)));
    assert!(stores.apply(certificate("shop-server-cert", "ca")));
    let before = look(&mut stores, &policy);

    // It is about to end, from another issuer, and labelled as all that is the database's.
    assert!(stores.apply(certificate("shop-ca-staging", "other")));
    let (leaf, ca) = &pems()[0];
    let annotations = json!({"cert-manager.io/certificate-name": "shop-ca-staging",
        "cert-manager.io/certificate-revision": "1"});
    let spec = json!({"issuerRef": {"kind": "Issuer", "name": "other"}});
    let signed = json!({"certificate": bytes(leaf), "ca": bytes(ca),
        "conditions": [{"type": "Ready", "status": "True"}]});
    let request = its(Kind::CertificateRequest, "shop-ca-staging-1", &annotations, &spec, &signed);
    assert!(stores.apply(request));
    assert_eq!(look(&mut stores, &policy), before);

    // It would be seen if it were one.
    assert!(stores.apply(certificate("shop-client-cert", "other")));
    assert_ne!(look(&mut stores, &policy), before);
}
