use super::*;

fn mysql(tls: &Value) -> Value {
    json!({"metadata": {"name": "shop", "namespace": "demo"},
        "spec": {"version": "9.1.0", "requireSSL": true, "tls": tls, "theirs": 1}})
}

fn issuer(name: &str) -> Value {
    json!({"apiGroup": "cert-manager.io", "kind": "Issuer", "name": name})
}

fn plan(mysql: &Value, tls: &Value) -> Plan {
    Plan::new(mysql, Some(&serde_json::from_value(tls.clone()).unwrap()))
}

#[test]
fn tls_is_merged_alias_by_alias_and_what_nobody_mentions_stays() {
    let entries = json!([
        {"alias": "server", "secretName": "own", "duration": "24h", "theirs": 2},
        {"alias": "client", "secretName": "shop-client-cert", "theirs": 3},
    ]);
    let shop = mysql(&json!({"issuerRef": issuer("ca"), "certificates": entries}));
    let subject = json!({"organizations": ["shop"]});
    let request = json!({"certificates": [
        {"alias": "server", "subject": subject}, {"alias": "metrics-exporter"}]});
    let change = plan(&shop, &request).change.unwrap();
    assert_eq!(
        change,
        json!({"requireSSL": true, "tls": {"issuerRef": issuer("ca"), "certificates": [
            {"alias": "server", "secretName": "own", "subject": subject},
            {"alias": "client", "secretName": "shop-client-cert", "theirs": 3},
            {"alias": "metrics-exporter"},
        ]}})
    );
}

#[test]
fn a_change_that_was_made_is_made_once() {
    for request in [
        json!({"issuerRef": issuer("new"), "requireSSL": false}),
        json!({"certificates": [{"alias": "server", "duration": "48h"}]}),
        json!({"remove": true}),
        json!({"requireSSL": false}),
    ] {
        let mut shop = mysql(&json!({"issuerRef": issuer("ca"),
            "certificates": [{"alias": "server", "secretName": "own"}]}));
        let change = plan(&shop, &request).change.expect("something changes");
        for (field, value) in change.as_object().unwrap() {
            shop["spec"][field] = value.clone();
        }
        assert_eq!(plan(&shop, &request).change, None, "{request}");
        assert_eq!(shop["spec"]["theirs"], 1);
    }
}

#[test]
fn tls_is_added_where_there_was_none() {
    let change = plan(&mysql(&Value::Null), &json!({"issuerRef": issuer("ca")}));
    assert_eq!(change.change.unwrap()["tls"], json!({"issuerRef": issuer("ca")}));
    assert_eq!(change.wanted.aliases(), ["server", "client", "metrics-exporter"]);
    assert!(change.now.aliases().is_empty());
}

#[test]
fn of_a_certificate_only_what_the_request_changes_is_changed_and_it_can_be_undone() {
    let shop = mysql(&json!({"issuerRef": issuer("ca"), "certificates": [
        {"alias": "server", "dnsNames": ["old.example"], "duration": "24h"}]}));
    let request = json!({"issuerRef": issuer("new"), "certificates": [
        {"alias": "server", "dnsNames": ["new.example"], "emailAddresses": ["dba@example"],
            "subject": {"organizations": ["shop"]}}]});
    let plan = plan(&shop, &request);
    let mut spec = json!({"secretName": "shop-server-cert", "commonName": "theirs",
        "dnsNames": ["*.shop-pods.demo.svc", "old.example"], "duration": "24h",
        "issuerRef": {"group": "cert-manager.io", "kind": "Issuer", "name": "ca"}});
    let before = spec.clone();
    let change = plan.certificate("server", &spec).unwrap();
    assert_eq!(change["dnsNames"], json!(["*.shop-pods.demo.svc", "new.example"]));
    assert_eq!(change["duration"], Value::Null);
    assert_eq!(change["issuerRef"]["name"], "new");
    assert_eq!(change["subject"]["organizations"], json!(["shop"]));
    assert!(change.get("commonName").is_none() && change.get("secretName").is_none());

    let merge = |spec: &mut Value, change: &Value| {
        for (field, value) in change.as_object().unwrap() {
            spec[field] = value.clone();
        }
    };
    merge(&mut spec, &change);
    assert_eq!(plan.certificate("server", &spec), None, "once is enough");
    let back = plan.undone().certificate("server", &spec).unwrap();
    merge(&mut spec, &back);
    assert!(agrees(&spec, &before), "{spec:#}");
    assert_eq!(plan.undone().certificate("server", &before), None);
}

#[test]
fn a_template_agrees_when_pods_made_from_it_have_tls_as_the_database_asks() {
    let volume = |server: &str| {
        let secret = |name: &str| json!({"secret": {"name": name}});
        json!([{"name": "tls-volume",
            "projected": {"sources": [secret(server), secret("shop-client-cert")]}}])
    };
    let workload = |volumes: &Value, args: &[&str]| {
        json!({"spec": {"template": {"spec": {"volumes": volumes,
            "containers": [{"name": "mysql", "args": args}]}}}})
    };
    let read = |value: Value| serde_json::from_value::<MySql>(value).unwrap();
    let with = read(mysql(&json!({"issuerRef": issuer("ca")})));
    let without = read(mysql(&Value::Null));
    let (ours, own) = (volume("shop-server-cert"), volume("own"));
    let required = "--require-secure-transport=ON";
    for (volumes, args, mysql, agrees) in [
        (&ours, &[required][..], &with, true),
        (&ours, &["--require_secure_transport=ON"], &with, true),
        (&ours, &[], &with, false),
        (&own, &[required], &with, false),
        (&Value::Null, &[], &with, false),
        (&Value::Null, &[], &without, true),
        (&ours, &[], &without, false),
    ] {
        let told = format!("{volumes} {args:?}");
        assert_eq!(template_agrees(&workload(volumes, args), mysql), agrees, "{told}");
    }
}
