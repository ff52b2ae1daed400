use serde_json::{Value, from_value, json, to_value};

use super::*;
use crate::api::meta;

fn request(spec: Value, status: Value) -> MySqlOpsRequest {
    let mut object = json!({
        "metadata": {"name": "r", "namespace": "prod", "uid": "u-2", "resourceVersion": "7",
            "annotations": {meta::ATTEMPT: "1"}},
    });
    object["spec"] = spec;
    object["status"] = status;
    from_value(object).unwrap()
}

#[test]
fn what_is_posted() {
    let request = MySqlOpsRequest::from(NewRotationRequest {
        name: "shop-rotate-0badcafe".into(),
        namespace: "prod".into(),
        database: "shop".into(),
        owner: OwnerReference {
            api_version: "kubedb.com/v1".into(),
            kind: "MySQL".into(),
            name: "shop".into(),
            uid: "u-1".into(),
            controller: Some(false),
            block_owner_deletion: None,
        },
        labels: [(meta::MANAGED_BY_LABEL.to_owned(), meta::MANAGED_BY.to_owned())].into(),
        annotations: [(meta::ATTEMPT.to_owned(), "1".to_owned())].into(),
        apply: Apply::IfReady,
        timeout: Span::minutes(10),
    });
    assert!(request.is_rotation());
    let posted = to_value(&request).unwrap();
    assert_eq!(
        posted,
        json!({
            "apiVersion": "ops.kubedb.com/v1alpha1", "kind": "MySQLOpsRequest",
            "metadata": {
                "name": "shop-rotate-0badcafe", "namespace": "prod",
                "labels": {"app.kubernetes.io/managed-by": "certrotor"},
                "annotations": {"certrotor.dev/attempt": "1"},
                "ownerReferences": [{"apiVersion": "kubedb.com/v1", "kind": "MySQL",
                    "name": "shop", "uid": "u-1", "controller": false}],
            },
            "spec": {
                "type": "ReconfigureTLS", "databaseRef": {"name": "shop"},
                "tls": {"rotateCertificates": true}, "apply": "IfReady", "timeout": "10m0s",
            },
        }),
    );
    assert_eq!(from_value::<MySqlOpsRequest>(posted).unwrap(), request);
}

#[test]
fn phases_known_and_unknown() {
    for (status, phase) in [
        (json!({"phase": "Progressing"}), Some(OpsRequestPhase::Progressing)),
        (json!({"phase": "Retrying"}), Some(OpsRequestPhase::Other("Retrying".into()))),
        (json!({"phase": ""}), None),
        (json!({"phase": {}}), None),
        (json!({}), None),
        (json!(null), None),
        (json!("done"), None),
    ] {
        assert_eq!(request(json!({}), status.clone()).phase(), phase.as_ref(), "{status}");
    }
}

#[test]
fn a_rotation_asks_for_nothing_else() {
    let issuer = json!({"kind": "Issuer", "name": "ca"});
    for (type_, tls, rotation) in [
        ("ReconfigureTLS", json!({"rotateCertificates": true}), true),
        ("ReconfigureTLS", json!({"rotateCertificates": true, "remove": false}), true),
        ("ReconfigureTLS", json!({"rotateCertificates": true, "remove": true}), false),
        ("ReconfigureTLS", json!({"rotateCertificates": true, "requireSSL": false}), false),
        ("ReconfigureTLS", json!({"rotateCertificates": true, "issuerRef": issuer}), false),
        (
            "ReconfigureTLS",
            json!({"rotateCertificates": true, "certificates": [{"alias": "client"}]}),
            false,
        ),
        (
            "ReconfigureTLS",
            json!({"rotateCertificates": true, "issuerRef": {"kind": "Issuer", "name": ""}}),
            false,
        ),
        ("ReconfigureTLS", json!({"rotateCertificates": "true"}), false),
        ("ReconfigureTLS", json!({}), false),
        ("ReconfigureTLS", json!(null), false),
        ("Restart", json!({"rotateCertificates": true}), false),
        ("Defragment", json!({"rotateCertificates": true}), false),
    ] {
        let request = request(json!({"type": type_, "tls": tls}), json!({}));
        assert_eq!(request.is_rotation(), rotation, "{type_} {tls}");
        assert_eq!(request.is_reconfigure_tls(), type_ == "ReconfigureTLS");
    }
}

#[test]
fn a_request_as_kubedb_leaves_it() {
    let request = request(
        json!({
            "apply": "IfReady", "databaseRef": {"name": "shop"}, "maxRetries": 1,
            "timeout": "ten minutes", "tls": {"rotateCertificates": true}, "type": "ReconfigureTLS",
        }),
        json!({
            "phase": "Successful", "observedGeneration": 1, "pausedBackups": [{"name": "b"}],
            "conditions": [
                {"type": "Running", "status": "True", "reason": "Running", "observedGeneration": 1,
                 "lastTransitionTime": "2026-11-23T22:00:00Z", "message": "started"},
                {"type": "EvictPod--shop-0", "status": "True",
                 "lastTransitionTime": "2026-11-23T22:01:00Z"},
                {"type": "Successful", "status": "True", "reason": "Successful",
                 "lastTransitionTime": "2026-11-23T22:02:00Z"},
            ],
        }),
    );
    assert!(request.is_rotation());
    assert_eq!(request.spec.database_ref.name, "shop");
    assert_eq!(request.spec.apply, Some(Apply::IfReady));
    assert_eq!(request.spec.timeout.as_ref().unwrap().span(), None);
    assert_eq!(request.conditions().len(), 3);
    let ended = meta::condition(request.conditions(), "Successful").unwrap();
    assert_eq!(ended.last_transition_time, "2026-11-23T22:02:00Z".parse().ok());
}

#[test]
fn no_field_can_make_the_object_unreadable() {
    for spec in [json!(null), json!(3), json!({"databaseRef": "shop", "tls": "on", "apply": 1})] {
        let request = request(spec, json!({"conditions": {}}));
        assert_eq!(request.spec, OpsRequestSpec::default());
        assert!(request.conditions().is_empty());
        assert_eq!(request.metadata.uid.as_deref(), Some("u-2"));
    }
}
