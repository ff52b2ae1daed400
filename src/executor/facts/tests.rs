use serde_json::{Value, from_value, json};

use super::*;
use crate::pki::{
    Algorithm, Authority, Encoding, Entropy, Issued, Lifetime, Minted, PrivateKey, Profile,
};

fn request_of(spec: &Value, status: &Value) -> Request {
    let mut all = json!({"databaseRef": {"name": "shop"}, "type": "ReconfigureTLS"});
    for (key, value) in spec.as_object().unwrap() {
        all[key] = value.clone();
    }
    let object = json!({"metadata": {"name": "rotate", "namespace": "demo", "uid": "r-1",
        "resourceVersion": "7", "generation": 2, "creationTimestamp": "2026-11-23T12:00:00Z"},
        "spec": all, "status": status});
    request(&from_value(object).unwrap())
}

#[test]
fn what_a_request_asks_for() {
    let issuer = json!({"name": "ca", "kind": "Issuer"});
    for (spec, asks) in [
        (json!({"tls": {"rotateCertificates": true}}), Ok(Operation::Rotate)),
        (json!({}), Err(Refusal::NoTls)),
        (json!({"tls": "yes"}), Err(Refusal::NoTls)),
        (json!({"tls": {}}), Err(Refusal::Nothing)),
        (json!({"tls": {"rotateCertificates": false}}), Err(Refusal::Nothing)),
        (json!({"tls": {"remove": true}}), Ok(Operation::Remove)),
        (json!({"tls": {"remove": true, "requireSSL": false}}), Ok(Operation::Remove)),
        (
            json!({"tls": {"remove": true, "rotateCertificates": true}}),
            Err(Refusal::RemoveAndRotate),
        ),
        (
            json!({"tls": {"remove": true, "issuerRef": issuer}}),
            Err(Refusal::RemoveAnd("issuerRef")),
        ),
        (
            json!({"tls": {"remove": true, "requireSSL": true}}),
            Err(Refusal::RemoveAnd("requireSSL")),
        ),
        (json!({"tls": {"issuerRef": issuer}}), Ok(Operation::Configure)),
        (
            json!({"tls": {"rotateCertificates": true, "issuerRef": issuer}}),
            Ok(Operation::Configure),
        ),
        (
            json!({"tls": {"rotateCertificates": true, "requireSSL": false}}),
            Ok(Operation::Configure),
        ),
        (json!({"tls": {"requireSSL": false}}), Ok(Operation::Require)),
        (json!({"tls": {"certificates": [{"alias": "server"}]}}), Ok(Operation::Configure)),
        (
            json!({"tls": {"certificates": [{"alias": "serve"}]}}),
            Err(Refusal::Alias("serve".to_owned())),
        ),
        (
            json!({"tls": {"certificates": [{"alias": "client"}, {"alias": "client"}]}}),
            Err(Refusal::AliasTwice("client".to_owned())),
        ),
        (
            json!({"tls": {"certificates": [{"alias": "client", "duration": "90d"}]}}),
            Err(Refusal::Duration {
                alias: "client".to_owned(),
                field: "duration",
                text: "90d".to_owned(),
            }),
        ),
        (json!({"tls": {"issuerRef": {"name": ""}}}), Err(Refusal::NoIssuer(String::new()))),
        (json!({"tls": {"rotateCertificates": true}, "databaseRef": {}}), Err(Refusal::NoDatabase)),
    ] {
        assert_eq!(request_of(&spec, &Value::Null).asks, asks, "{spec}");
    }
}

#[test]
fn limits_and_their_defaults() {
    for (spec, timeout, retries) in [
        (json!({}), Some(None), 1),
        (json!({"timeout": "90s", "maxRetries": 3}), Some(Some(Span::seconds(90))), 3),
        (json!({"timeout": "", "maxRetries": 0}), Some(None), 0),
        (json!({"timeout": "90d", "maxRetries": -1}), None, 0),
        (json!({"timeout": "0s"}), None, 1),
        (json!({"timeout": "-5m"}), None, 1),
    ] {
        let mut asked = spec.clone();
        asked["tls"] = json!({"rotateCertificates": true});
        let request = request_of(&asked, &Value::Null);
        assert_eq!(request.max_retries, retries, "{spec}");
        match timeout {
            Some(timeout) => {
                assert_eq!((request.timeout, request.asks), (timeout, Ok(Operation::Rotate)));
            }
            None => assert!(matches!(request.asks, Err(Refusal::Timeout(_))), "{spec}"),
        }
    }
    assert!(request_of(&json!({"apply": "Always"}), &Value::Null).always);
    assert!(!request_of(&json!({"apply": "IfReady"}), &Value::Null).always);
}

#[test]
fn how_far_a_request_is() {
    let status = json!({"phase": "Progressing", "observedGeneration": 1, "conditions": [
        {"type": "Running", "status": "True", "lastTransitionTime": "2026-11-23T12:00:01Z"},
        {"type": "EvictPod--shop-1", "status": "Unknown", "reason": "EvictPod",
            "message": "evict pod; ConditionStatus:Unknown; PodName:shop-1; PodUID:p-1"},
        {"type": "EvictPod--shop-0", "status": "False", "message": "who knows"},
        {"type": "Odd"},
    ]});
    let request = request_of(&json!({}), &status);
    assert_eq!((request.phase, request.generation), (RequestPhase::Progressing, 2));
    assert_eq!(request.observed_generation, Some(1));
    let progress = &request.progress;
    assert!(progress.has("Running") && !progress.has("Odd") && !progress.is_ours());
    assert_eq!(progress.step_began(), "2026-11-23T12:00:01Z".parse().ok());
    let evictions: Vec<_> = progress.evictions().collect();
    assert_eq!(evictions.len(), 1, "one says no uid: {evictions:?}");
    assert_eq!((evictions[0].pod, evictions[0].uid), ("shop-1", "p-1"));
}

#[test]
fn a_pause_names_its_request() {
    let mysql = |message: &str, status: &str| {
        let paused = json!({"type": "Paused", "status": status, "message": message});
        let object = json!({"status": {"conditions": [paused]}});
        pause(&from_value(object).unwrap())
    };
    let request = request_of(&json!({}), &Value::Null);
    let ours = pause_message(&request);
    let expected = Pause::For { request: "rotate".into(), uid: "r-1".into() };
    assert_eq!(mysql(&ours, "True"), Some(expected));
    assert_eq!(mysql(&ours, "False"), None);
    assert_eq!(mysql("Paused by KubeDB CLI tool", "True"), Some(Pause::Foreign));
    assert_eq!(
        mysql("Paused by certrotor operate for MySQLOpsRequest ", "True"),
        Some(Pause::Foreign)
    );
}

#[test]
fn servers_and_routers_of_the_database_and_nothing_else() {
    let pod = |name: &str, instance: &str, more: Value| -> pod::Pod {
        let mut labels = json!({"app.kubernetes.io/name": "mysqls.kubedb.com",
            "app.kubernetes.io/managed-by": "kubedb.com",
            "app.kubernetes.io/instance": instance});
        for (key, value) in more.as_object().unwrap() {
            labels[key] = value.clone();
        }
        let metadata = json!({"name": name, "uid": name, "labels": labels});
        from_value(json!({"metadata": metadata})).unwrap()
    };
    let role = |role: &str| json!({"kubedb.com/role": role});
    let all = [
        pod("shop-0", "shop", role("primary")),
        pod("shop-1", "shop", role("standby")),
        pod("shop-2", "shop", json!({})),
        pod("shop-router-0", "shop", json!({"mysql.kubedb.com/component": "router"})),
        pod("shop-backup-x7f", "shop", json!({})),
        pod("blog-0", "blog", role("primary")),
    ];
    let roles: Vec<(String, Role)> =
        pods(&all, "shop").into_iter().map(|(name, pod)| (name.to_string(), pod.role)).collect();
    let expected = [
        ("shop-0", Role::Primary),
        ("shop-1", Role::Standby),
        ("shop-2", Role::Unknown),
        ("shop-router-0", Role::Router),
    ];
    assert_eq!(roles, expected.map(|(name, role)| (name.to_owned(), role)));
}

#[test]
fn a_secret_is_good_when_a_server_can_start_with_it() {
    let now: Time = "2026-11-23T12:00:00Z".parse().unwrap();
    let entropy = Entropy::seeded(1);
    let lifetime = Lifetime::of(now, Span::days(90));
    let mint = |name: &str| {
        let profile = Profile::authority(name);
        let ca = Authority::root(&profile, Algorithm::Ed25519, lifetime, &entropy).unwrap();
        let profile = Profile::server("shop", &["shop.demo.svc"]);
        ca.issue(&profile, Algorithm::Ed25519, lifetime, &entropy).unwrap()
    };
    let Minted { issued: Issued { certificate: leaf, ca }, key } = mint("ca");
    let other = mint("other").issued.ca;
    let stranger = PrivateKey::generate(Algorithm::Ed25519, &entropy).unwrap();
    let of = |certificate: &str, key: &PrivateKey, ca: &str| {
        let data = [
            ("tls.crt", certificate.to_owned()),
            ("tls.key", key.to_pem(Encoding::Pkcs8)),
            ("ca.crt", ca.to_owned()),
        ];
        let data = data.map(|(name, pem)| (name.to_owned(), k8s_openapi::ByteString(pem.into())));
        k8s_openapi::api::core::v1::Secret { data: Some(data.into()), ..Default::default() }
    };
    let life = Life { begins: lifetime.not_before, ends: lifetime.not_after };
    for (object, expected) in [
        (Some(of(&leaf, &key, &ca)), Ok(life)),
        (None, Err("Missing")),
        (Some(k8s_openapi::api::core::v1::Secret::default()), Err("tls.crt is unusable")),
        (Some(of(&leaf, &stranger, &ca)), Err("tls.key is not the key")),
        (Some(of(&leaf, &key, &other)), Err("no certificate in ca.crt has issued")),
    ] {
        match (secret(object.as_ref(), &[], now), expected) {
            (Secret::Holds(found), Ok(life)) => assert_eq!(found, life),
            (Secret::Missing, Err("Missing")) => {}
            (Secret::Unusable(why), Err(says)) => assert!(why.contains(says), "{why}"),
            (found, expected) => panic!("{found:?}, not {expected:?}"),
        }
    }
    let late = secret(Some(&of(&leaf, &key, &ca)), &[], now + Span::days(91));
    assert!(matches!(late, Secret::Unusable(why) if why.contains("expired")));
    let names = ["shop.demo.svc", "any.shop-pods.demo.svc"].map(str::to_owned);
    assert_eq!(secret(Some(&of(&leaf, &key, &ca)), &names[..1], now), Secret::Holds(life));
    let lacks = secret(Some(&of(&leaf, &key, &ca)), &names, now);
    assert!(matches!(lacks, Secret::Unusable(why) if why.contains("does not cover")));
}
