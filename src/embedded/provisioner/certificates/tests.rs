use serde_json::{Value, json};

use super::*;
use crate::embedded::provisioner::database::tests::database;

fn with_tls(name: &str, certificates: &Value) -> Database {
    let issuer = json!({"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"});
    database(name, json!({"tls": {"issuerRef": issuer, "certificates": certificates}}))
}

fn wanted(database: &Database, alias: &str) -> Value {
    certificate(database, alias, &[]).unwrap().unwrap()
}

#[test]
fn the_server_is_good_for_every_host_that_kubedb_reaches_it_by() {
    let shop = with_tls("shop", &json!([]));
    let found = certificate(&shop, "server", &["10.1.2.3".parse().unwrap()]).unwrap().unwrap();
    assert_eq!(found["metadata"]["name"], "shop-server-cert");
    assert_eq!(found["metadata"]["labels"]["app.kubernetes.io/instance"], "shop");
    let spec = &found["spec"];
    assert_eq!(spec["secretName"], "shop-server-cert");
    assert_eq!(spec["commonName"], "shop.prod.svc");
    let hosts = json!([
        "*.shop-pods.prod.svc",
        "*.shop-pods.prod.svc.cluster.local",
        "*.shop.prod.svc",
        "localhost",
        "shop",
        "shop.prod.svc"
    ]);
    assert_eq!(spec["dnsNames"], hosts);
    assert_eq!(spec["ipAddresses"], json!(["10.1.2.3", "127.0.0.1"]));
    let usages = json!(["digital signature", "key encipherment", "server auth", "client auth"]);
    assert_eq!(spec["usages"], usages);
    let issuer = json!({"group": "cert-manager.io", "kind": "Issuer", "name": "ca"});
    assert_eq!(spec["issuerRef"], issuer);
    for left_out in ["duration", "renewBefore", "subject", "privateKey", "uris", "emailAddresses"] {
        assert_eq!(spec[left_out], Value::Null, "{left_out}");
    }
}

#[test]
fn clients_are_root_and_no_hosts() {
    for alias in ["client", "metrics-exporter"] {
        let spec = wanted(&with_tls("shop", &json!([])), alias)["spec"].take();
        assert_eq!(spec["commonName"], "root");
        assert_eq!(spec["dnsNames"], Value::Null);
        assert_eq!(spec["ipAddresses"], Value::Null);
        assert_eq!(spec["usages"], json!(["digital signature", "key encipherment", "client auth"]));
    }
}

#[test]
fn a_certificate_is_what_its_entry_says() {
    let shop = with_tls(
        "shop",
        &json!([
            {"alias": "server", "secretName": "own", "duration": "2160h", "renewBefore": "5m0s",
             "dnsNames": ["db.example.com", "localhost"], "ipAddresses": ["192.0.2.1"],
             "uris": ["spiffe://x"], "emailAddresses": ["dba@example.com"],
             "subject": {"organizations": ["kubedb:server"]}, "privateKey": {"encoding": "PKCS8"},
             "issuerRef": {"apiGroup": "cert-manager.io", "kind": "ClusterIssuer", "name": "other"}},
        ]),
    );
    let spec = wanted(&shop, "server")["spec"].take();
    assert_eq!(spec["secretName"], "own");
    assert_eq!(spec["duration"], "2160h");
    assert_eq!(spec["renewBefore"], "5m0s");
    assert_eq!(spec["ipAddresses"], json!(["127.0.0.1", "192.0.2.1"]));
    assert_eq!(spec["uris"], json!(["spiffe://x"]));
    assert_eq!(spec["emailAddresses"], json!(["dba@example.com"]));
    assert_eq!(spec["subject"]["organizations"], json!(["kubedb:server"]));
    assert_eq!(spec["subject"]["countries"], Value::Null);
    assert_eq!(spec["privateKey"], json!({"encoding": "PKCS8"}));
    assert_eq!(spec["issuerRef"]["name"], "other");
    let hosts = spec["dnsNames"].as_array().unwrap();
    assert_eq!(hosts.len(), 7, "localhost is there once: {hosts:?}");
    assert_eq!(wanted(&shop, "client")["spec"]["issuerRef"]["name"], "ca");
}

#[test]
fn long_names_are_cut_and_a_common_name_that_does_not_fit_is_left_out() {
    let long = "x".repeat(63);
    let server = wanted(&with_tls(&long, &json!([])), "server");
    assert_eq!(server["metadata"]["name"], format!("{}-server-cert", "x".repeat(51)));
    assert_eq!(server["spec"]["commonName"], Value::Null);
    let pods = format!("*.{}-pods.prod.svc", "x".repeat(58));
    assert!(server["spec"]["dnsNames"].as_array().unwrap().contains(&json!(pods)));

    let fits = "x".repeat(64 - ".prod.svc".len());
    let server = wanted(&with_tls(&fits, &json!([])), "server");
    assert_eq!(server["spec"]["commonName"], format!("{fits}.prod.svc"));
}

#[test]
fn a_duration_that_cert_manager_could_not_read_is_not_passed_on() {
    let shop = with_tls("shop", &json!([{"alias": "client", "duration": "90d"}]));
    let problem = certificate(&shop, "client", &[]).unwrap_err().to_string();
    assert!(problem.contains(r#"duration of client is "90d""#), "{problem}");
    certificate(&shop, "server", &[]).unwrap();
}

#[test]
fn nobody_signs_without_an_issuer() {
    for spec in [json!({}), json!({"tls": {}}), json!({"tls": {"certificates": []}})] {
        let shop = database("shop", spec);
        assert!(certificate(&shop, "server", &[]).unwrap().is_none());
        assert!(!shop.has_tls());
        assert_eq!(tls_defaults(&shop), None);
    }
}

#[test]
fn every_default_alias_gets_an_entry_and_entries_keep_what_we_do_not_know() {
    let shop = with_tls(
        "shop",
        &json!([{"alias": "router", "x": 1}, {"alias": "client", "secretName": "own", "y": 2}]),
    );
    let change = tls_defaults(&shop).unwrap();
    let entries = json!([
        {"alias": "router", "x": 1},
        {"alias": "client", "secretName": "own", "y": 2},
        {"alias": "server", "secretName": "shop-server-cert"},
        {"alias": "metrics-exporter", "secretName": "shop-metrics-exporter-cert"},
    ]);
    assert_eq!(change, json!({"spec": {"tls": {"certificates": entries}}}));
    assert_eq!(tls_defaults(&with_tls("shop", &entries)), None, "once is enough");
}
