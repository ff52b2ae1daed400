//! Schemas: unknown fields, defaults, rules, and the words for what is wrong.

use serde_json::{Value, json};

use super::kinds::{CERTIFICATE, MAP, MYSQL, POD, REQUEST, ROTATION, WIDGET};
use super::target::{MERGE, Target};

cases! {
    unknown_fields_are_dropped,
    unknown_fields_are_told_or_refused,
    unknown_fields_stay_where_the_schema_says_so,
    defaults_are_filled_in,
    what_a_schema_forbids_is_refused_in_its_words,
    kinds_are_held_to_their_published_rules,
    the_rules_hold_for_every_way_to_write,
    a_null_is_nothing_unless_it_may_be,
    an_object_is_shown_in_every_version,
}

fn widget(spec: Value) -> Value {
    let mut widget = json!({"metadata": {"name": "a"}});
    widget["spec"] = spec;
    widget
}

/// Custom resources: Field pruning.
async fn unknown_fields_are_dropped(target: Target) {
    let spec = json!({"choice": "small", "unknown": 1, "nested": {"a": "1", "z": 1},
        "byKey": [{"name": "a", "unknown": 1}]});
    let mut object = widget(spec);
    object["strange"] = json!(true);
    object["metadata"]["strange"] = json!("x");
    let made = target.create(WIDGET, object).await;
    assert!(made["spec"]["unknown"].is_null(), "{made}");
    assert!(made["strange"].is_null() && made["metadata"]["strange"].is_null(), "{made}");
    assert_eq!(made["spec"]["nested"], json!({"a": "1"}));
    assert_eq!(made["spec"]["byKey"], json!([{"name": "a", "protocol": "TCP"}]));
    let map = json!({"metadata": {"name": "a"}, "unknown": {"a": 1}});
    assert!(target.create(MAP, map).await["unknown"].is_null());
}

/// API concepts: Field validation.
async fn unknown_fields_are_told_or_refused(target: Target) {
    for (kind, object) in [
        (WIDGET, json!({"metadata": {"name": "a"}, "spec": {"unknown": 1}})),
        (MAP, json!({"metadata": {"name": "a"}, "unknown": 1})),
    ] {
        let refused = target.post(kind, "?fieldValidation=Strict", object.clone()).await;
        refused.refused(400, "BadRequest");
        let message = refused.body["message"].as_str().unwrap();
        assert!(message.contains("strict decoding error: unknown field \""), "{message}");
        let told = target.post(kind, "?fieldValidation=Warn&dryRun=All", object.clone()).await;
        assert_eq!(told.warnings.len(), 1, "{told:?}");
        assert!(told.warnings[0].starts_with("299 - \"unknown field "), "{told:?}");
        let silent = target.post(kind, "?fieldValidation=Ignore", object).await;
        assert_eq!((silent.code, silent.warnings.len()), (201, 0), "{silent:?}");
        let patch = json!({"unknown": 1});
        let told = target.patch(kind, "a", MERGE, patch.clone()).await;
        assert_eq!((told.code, told.warnings.len()), (200, 1), "{told:?}");
        let refused = target.patch(kind, "a?fieldValidation=Strict", MERGE, patch).await;
        refused.refused(422, "Invalid");
    }
}

/// Custom resources: Controlling pruning.
async fn unknown_fields_stay_where_the_schema_says_so(target: Target) {
    let free = json!({"anything": {"goes": [1, {"here": null}]}});
    let made = target.create(WIDGET, widget(json!({"free": free}))).await;
    assert_eq!(made["spec"]["free"], free);
    let template = json!({"spec": {"nodeSelector": {"disk": "ssd"}}});
    let mysql = json!({"metadata": {"name": "db"}, "spec": {"version": "9.1.0",
        "podTemplate": template}});
    let made = target.create(MYSQL, mysql).await;
    assert_eq!(made["spec"]["podTemplate"]["spec"]["nodeSelector"], json!({"disk": "ssd"}));
}

/// Custom resources: Defaulting.
async fn defaults_are_filled_in(target: Target) {
    let made = target.create(WIDGET, widget(json!({"byKey": [{"name": "a"}]}))).await;
    assert_eq!(made["spec"]["defaulted"], json!({"level": 3}));
    assert_eq!(made["spec"]["byKey"][0]["protocol"], "TCP");
    let patch = json!({"spec": {"defaulted": null}});
    let patched = target.patch(WIDGET, "a", MERGE, patch).await.fine();
    assert_eq!(patched["spec"]["defaulted"], json!({"level": 3}));
    let mysql = json!({"metadata": {"name": "db"}, "spec": {"version": "9.1.0"}});
    let made = target.create(MYSQL, mysql).await;
    assert_eq!(made["spec"]["healthChecker"]["periodSeconds"], 10);
}

/// What a widget may not be, and how it is said: spec, reason, field, message.
#[expect(clippy::too_many_lines, reason = "a table")]
fn forbidden() -> [(Value, &'static str, &'static str, &'static str); 12] {
    [
        (
            json!({"choice": "huge"}),
            "FieldValueNotSupported",
            "spec.choice",
            "Unsupported value: \"huge\": supported values: \"small\", \"large\"",
        ),
        (
            json!({"byKey": [{"value": "1"}]}),
            "FieldValueRequired",
            "spec.byKey[0].name",
            "Required value",
        ),
        (
            json!({"count": "many"}),
            "FieldValueTypeInvalid",
            "spec.count",
            "Invalid value: \"string\": spec.count in body must be of type integer: \"string\"",
        ),
        (
            json!({"count": -1}),
            "FieldValueInvalid",
            "spec.count",
            "Invalid value: -1: spec.count in body should be greater than or equal to 0",
        ),
        (
            json!({"count": 10}),
            "FieldValueInvalid",
            "spec.count",
            "Invalid value: 10: spec.count in body should be less than or equal to 9",
        ),
        (
            json!({"text": "ABC"}),
            "FieldValueInvalid",
            "spec.text",
            "Invalid value: \"ABC\": spec.text in body should match '^[a-z]*$'",
        ),
        (
            json!({"text": "a"}),
            "FieldValueInvalid",
            "spec.text",
            "Invalid value: \"a\": spec.text in body should be at least 2 chars long",
        ),
        (
            json!({"text": "abcdef"}),
            "FieldValueTooLong",
            "spec.text",
            "Too long: may not be more than 5 bytes",
        ),
        (
            json!({"set": ["a", "a"]}),
            "FieldValueDuplicate",
            "spec.set[1]",
            "Duplicate value: \"a\"",
        ),
        (
            json!({"byKey": [{"name": "a"}, {"name": "a"}]}),
            "FieldValueDuplicate",
            "spec.byKey[1]",
            "Duplicate value: {\"name\":\"a\",\"protocol\":\"TCP\"}",
        ),
        (
            json!({"nested": []}),
            "FieldValueTypeInvalid",
            "spec.nested",
            "Invalid value: \"array\": spec.nested in body must be of type object: \"array\"",
        ),
        (
            json!({"port": true}),
            "FieldValueTypeInvalid",
            "spec.port",
            "Invalid value: \"boolean\": spec.port in body must be of type integer,string: \"boolean\"",
        ),
    ]
}

/// Custom resources: Validation.
async fn what_a_schema_forbids_is_refused_in_its_words(target: Target) {
    for (spec, reason, field, message) in forbidden() {
        let refused = target.post(WIDGET, "", widget(spec.clone())).await;
        refused.refused(422, "Invalid");
        let cause = json!({"reason": reason, "message": message, "field": field});
        assert_eq!(refused.body["details"]["causes"][0], cause, "{spec}");
    }
    target.create(WIDGET, widget(json!({"port": "http", "count": 9, "text": "abcde"}))).await;
}

/// Custom resources: Validation (of the kinds that certrotor works on).
async fn kinds_are_held_to_their_published_rules(target: Target) {
    for (kind, spec, field) in [
        (MYSQL, json!({}), "spec.version"),
        (MYSQL, json!({"version": "9", "deletionPolicy": "Never"}), "spec.deletionPolicy"),
        (
            MYSQL,
            json!({"version": "9", "tls": {"issuerRef": {"name": "ca"}}}),
            "spec.tls.issuerRef.kind",
        ),
        (REQUEST, json!({"type": "Restart"}), "spec.databaseRef"),
        (REQUEST, json!({"type": "Dance", "databaseRef": {"name": "db"}}), "spec.type"),
        (CERTIFICATE, json!({"secretName": "a"}), "spec.issuerRef"),
        (ROTATION, json!({"suspend": "yes"}), "spec.suspend"),
    ] {
        let object = json!({"metadata": {"name": "a"}, "spec": spec});
        let refused = target.post(kind, "", object).await;
        refused.refused(422, "Invalid");
        let fields: Vec<&str> = refused.causes().into_iter().map(|(_, field)| field).collect();
        assert!(fields.contains(&field), "{field}: {refused:?}");
        assert_eq!(refused.body["details"]["kind"], kind.name);
    }
}

/// API conventions: HTTP status codes (422 `StatusUnprocessableEntity`).
async fn the_rules_hold_for_every_way_to_write(target: Target) {
    let mut made = target.create(WIDGET, widget(json!({"choice": "small"}))).await;
    let wrong = json!({"spec": {"choice": "huge"}});
    target.patch(WIDGET, "a", MERGE, wrong.clone()).await.refused(422, "Invalid");
    made["spec"] = wrong["spec"].clone();
    target.put(WIDGET, "a", &made).await.refused(422, "Invalid");
    let applied = target.apply(WIDGET, "a?force=true", "me", widget(wrong["spec"].clone())).await;
    applied.refused(422, "Invalid");
    let status = json!({"status": {"replicas": "many"}});
    target.patch(WIDGET, "a/status", MERGE, status).await.refused(422, "Invalid");
    let pod = json!({"metadata": {"name": "a"}, "spec": {"containers": "none"}});
    target.post(POD, "", pod).await.refused(400, "BadRequest");
}

/// Custom resources: Defaulting and nullable.
async fn a_null_is_nothing_unless_it_may_be(target: Target) {
    let made = target.create(WIDGET, widget(json!({"maybe": null, "defaulted": null}))).await;
    assert_eq!(made["spec"].get("maybe"), Some(&Value::Null));
    assert_eq!(made["spec"]["defaulted"], json!({"level": 3}));
    let refused =
        target.post(WIDGET, "", json!({"metadata": {"name": "b"}, "spec": {"choice": null}})).await;
    assert_eq!(refused.code, 201, "{refused:?}");
    assert!(refused.body["spec"].get("choice").is_none(), "{refused:?}");
    let map = json!({"metadata": {"name": "a", "labels": null}, "data": {"a": "1", "b": null}});
    let made = target.create(MAP, map).await;
    assert!(made["metadata"].get("labels").is_none(), "{made}");
}

/// Custom resources: Versions.
async fn an_object_is_shown_in_every_version(target: Target) {
    let mysql = json!({"metadata": {"name": "db"}, "spec": {"version": "9.1.0"}});
    let made = target.create(MYSQL, mysql).await;
    let old = super::kinds::Kind { api_version: "kubedb.com/v1alpha2", ..MYSQL };
    let shown = target.read(old, "db").await;
    assert_eq!(shown["apiVersion"], "kubedb.com/v1alpha2");
    assert_eq!(shown["metadata"]["uid"], made["metadata"]["uid"]);
    assert_eq!(shown["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
    let patch = json!({"metadata": {"labels": {"a": "b"}}});
    target.patch(old, "db", MERGE, patch).await.fine();
    let made = target.read(MYSQL, "db").await;
    assert_eq!(made["apiVersion"], "kubedb.com/v1");
    assert_eq!(made["metadata"]["labels"]["a"], "b");
}
