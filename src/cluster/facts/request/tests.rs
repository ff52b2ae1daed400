use serde_json::{Value, from_value, json};

use super::*;
use crate::core::digest::Digest;
use crate::core::record::{Apply, RequestRef};
use crate::core::vocabulary::{Cause, Stage};

const OPENED: &str = "2026-11-23T22:00:00Z";

fn at(text: &str) -> Time {
    text.parse().unwrap()
}

fn object(annotations: &Value, spec: &Value, status: &Value) -> MySqlOpsRequest {
    from_value(json!({
        "metadata": {"name": "r", "namespace": "prod", "uid": "u-r", "resourceVersion": "12",
            "creationTimestamp": "2026-11-23T22:00:05Z", "annotations": annotations,
            "managedFields": [
                {"manager": "a", "operation": "Update", "subresource": "status", "time": "2026-11-23T22:30:00Z"},
                {"manager": "b", "operation": "Update", "time": "2026-11-23T23:30:00Z"},
            ]},
        "spec": spec, "status": status,
    }))
    .unwrap()
}

fn rotate() -> Value {
    json!({"type": "ReconfigureTLS", "databaseRef": {"name": "shop"}, "apply": "IfReady",
        "tls": {"rotateCertificates": true}})
}

fn of(object: &MySqlOpsRequest) -> Request {
    request(object, &mut Texts::default())
}

fn current() -> Current {
    let leaf = LeafId {
        not_before: at("2026-10-01T00:00:00Z"),
        not_after: at("2026-12-30T00:00:00Z"),
        fingerprint: Some(Fingerprint([7; 32])),
    };
    let bare = LeafId { fingerprint: None, ..leaf };
    Current {
        opened: at(OPENED),
        causes: vec![OpenedCause {
            cause: Cause::RenewalDue,
            alias: Alias::Server,
            inputs: Digest(0xaa),
        }],
        baseline: [(Alias::Server, leaf), (Alias::Other("odd \"one\"".into()), bare)].into(),
        attempt: 2,
        failures: 1,
        setbacks: 0,
        failed_stage: None,
        next_try: None,
        request: RequestRef {
            name: "shop-rotate-0a1b2c3d".into(),
            uid: None,
            created: None,
            started: None,
            ended: None,
            stage: Stage::Urgent,
            apply: Apply::IfReady,
        },
        requested_at: Some("tonight".into()),
        occurrence: Some(at(OPENED)),
        withdrawal: None,
    }
}

#[test]
fn what_a_request_carries_is_what_its_record_said() {
    let current = current();
    let annotations = annotations("blue", "u-shop", &current);
    let carried = of(&object(&json!(annotations), &rotate(), &json!(null))).carried;
    assert_eq!(
        carried,
        Some(Carried {
            installation: "blue".into(),
            database_uid: "u-shop".into(),
            opened: current.opened,
            attempt: 2,
            failures: 1,
            stage: Stage::Urgent,
            requested_at: current.requested_at,
            occurrence: current.occurrence,
            causes: current.causes,
            baseline: current.baseline,
        })
    );
    assert_eq!(annotations[meta::STAGE], "urgent");
    let labels = labels("blue", "shop");
    assert_eq!(labels[meta::MANAGED_BY_LABEL], "certrotor");
    assert_eq!(labels[meta::INSTANCE_LABEL], "shop");
}

#[test]
fn half_a_record_is_somebody_elses() {
    for (key, value) in [
        (meta::INSTALLATION, None),
        (meta::DATABASE_UID, None),
        (meta::OPENED, Some("now")),
        (meta::ATTEMPT, Some("-1")),
        (meta::CAUSES, Some("{}")),
        (meta::CAUSES, Some(r#"[{"cause": "Boredom", "alias": "server", "inputs": "aa"}]"#)),
        (meta::BASELINE, Some(r#"{"server": {"notBefore": 1}}"#)),
        (meta::BASELINE, None),
    ] {
        let mut annotations = annotations("blue", "u-shop", &current());
        match value {
            Some(value) => annotations.insert(key.to_owned(), value.to_owned()),
            None => annotations.remove(key),
        };
        let request = of(&object(&json!(annotations), &rotate(), &json!(null)));
        assert_eq!(request.carried, None, "{key}");
    }
}

#[test]
fn when_a_request_began_and_ended() {
    let condition = |type_: &str, minute: u32| {
        json!({"type": type_, "status": "True", "message": format!("{type_} said"),
            "lastTransitionTime": format!("2026-11-23T22:{minute:02}:00Z")})
    };
    let minute = |minute: u32| Some(at(&format!("2026-11-23T22:{minute:02}:00Z")));
    let modern = [condition("Running", 2), condition("EvictPod", 3), condition("Successful", 9)];
    let of_2022 = [condition("CertificateSynced", 3), condition("Progressing", 2)];
    for (name, phase, conditions, started, ended, message) in [
        ("new", "", &[][..], None, None, ""),
        ("queued", "Pending", &[], None, None, ""),
        ("running", "Progressing", &modern[..2], minute(2), None, "EvictPod said"),
        ("of 2022", "Progressing", &of_2022, minute(2), None, "CertificateSynced said"),
        ("odd names", "Progressing", &modern[1..2], minute(3), None, "EvictPod said"),
        ("done", "Successful", &modern, minute(2), minute(9), "Successful said"),
        (
            "failed, without saying so",
            "Failed",
            &modern[..2],
            minute(2),
            minute(3),
            "EvictPod said",
        ),
        ("denied, without any", "Denied", &[], None, minute(30), ""),
        ("a word of tomorrow", "Resting", &modern[..1], minute(2), None, "Running said"),
    ] {
        let status = json!({"phase": phase, "conditions": conditions});
        let request = of(&object(&json!({}), &rotate(), &status));
        assert_eq!((request.started, request.ended), (started, ended), "{name}");
        assert_eq!(&*request.message, message, "{name}");
    }
}

#[test]
fn of_others_that_are_over_only_their_end_is_kept() {
    let mut texts = Texts::default();
    let mut facts = |annotations: &Value, spec: &Value, phase: &str| {
        RequestFacts::of(&object(annotations, spec, &json!({"phase": phase})), &mut texts)
    };
    let ours = json!(annotations("blue", "u-shop", &current()));
    let theirs = json!({});
    let add = json!({"type": "ReconfigureTLS", "databaseRef": {"name": "shop"},
        "tls": {"issuerRef": {"kind": "Issuer", "name": "ca"}}});
    let restart = json!({"type": "Restart", "databaseRef": {"name": "shop"}});
    let written = at("2026-11-23T22:30:00Z");
    for (annotations, spec, phase, whole, reconfigured) in [
        (&ours, &rotate(), "Successful", true, Some(written)),
        (&ours, &rotate(), "Failed", true, None),
        (&theirs, &rotate(), "Successful", false, Some(written)),
        (&theirs, &add, "Successful", false, Some(written)),
        (&theirs, &rotate(), "Skipped", false, None),
        (&theirs, &restart, "Successful", false, None),
        (&theirs, &restart, "Progressing", true, None),
        (&theirs, &restart, "", true, None),
    ] {
        let facts = facts(annotations, spec, phase);
        assert_eq!(&*facts.database, "shop");
        assert_eq!(matches!(facts.kept, Kept::Whole(_)), whole, "{spec} {phase}");
        assert_eq!(facts.reconfigured(), reconfigured, "{spec} {phase}");
    }
}

#[test]
fn a_message_cannot_flood_or_forge_a_log() {
    let message = format!("{}\nlevel=ERROR", "x".repeat(10_000));
    let status = json!({"phase": "Failed", "conditions": [{"type": "Failed", "status": "True",
        "message": message, "lastTransitionTime": "2026-11-23T22:00:00Z"}]});
    let request = of(&object(&json!({}), &rotate(), &status));
    assert_eq!(request.message.chars().count(), 256);
    assert!(!request.message.contains('\n'));
}
