//! Server-side apply and `metadata.managedFields`.

use serde_json::{Value, json};

use super::kinds::{MAP, POD, REQUEST, ROTATION, SERVICE, SET, WIDGET, pod};
use super::target::{APPLY, JSON, MERGE, Target, version};

cases! {
    an_apply_creates_and_merges,
    a_field_that_is_no_longer_applied_goes,
    a_field_that_somebody_else_applies_stays,
    a_conflict_names_fields_and_managers,
    force_takes_what_conflicts,
    equal_values_are_managed_together,
    an_apply_that_changes_nothing_makes_no_version,
    an_edit_is_managed_and_conflicts,
    lists_are_merged_as_their_schema_says,
    entries_that_are_no_longer_applied_go,
    entries_keep_the_order_of_who_applies,
    a_pod_is_merged_by_the_keys_of_its_lists,
    the_status_is_applied_apart,
    defaults_belong_to_nobody,
    the_metadata_is_merged_too,
    an_apply_without_a_manager_is_refused,
    an_apply_that_makes_no_sense_is_refused,
    an_apply_may_name_the_version_it_is_for,
    managed_fields_can_be_replaced_and_reset,
    kubectl_takes_over_what_it_has_applied_from_the_clients_side,
    updates_are_noted_by_manager,
    fields_of_built_in_kinds_are_noted,
    scaling_and_applying_share_the_replicas,
}

/// Who manages what, without times: `<manager>/<operation>/<subresource>` to fields.
fn managers(object: &Value) -> Value {
    let mut managers = json!({});
    for entry in object["metadata"]["managedFields"].as_array().into_iter().flatten() {
        let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
        let parts = [text("manager"), text("operation"), text("subresource")];
        managers[parts.join("/").trim_end_matches('/')] = entry["fieldsV1"].clone();
    }
    managers
}

fn map(data: Value) -> Value {
    json!({"metadata": {"name": "a"}, "data": data})
}

fn widget(spec: Value) -> Value {
    json!({"metadata": {"name": "a"}, "spec": spec})
}

/// API concepts: Server-side apply (comparison with other methods).
async fn an_apply_creates_and_merges(target: Target) {
    let made = target.apply(MAP, "a", "one", map(json!({"a": "1"}))).await;
    assert_eq!(made.code, 201, "{made:?}");
    assert_eq!(managers(&made.body), json!({"one/Apply": {"f:data": {"f:a": {}}}}));
    let merged = target.apply(MAP, "a", "two", map(json!({"b": "2"}))).await;
    assert_eq!(merged.code, 200, "{merged:?}");
    assert_eq!(merged.body["data"], json!({"a": "1", "b": "2"}));
    assert_eq!(merged.body["metadata"]["uid"], made.body["metadata"]["uid"]);
    let entry = &merged.body["metadata"]["managedFields"][0];
    assert_eq!(entry["apiVersion"], "v1");
    assert_eq!(entry["fieldsType"], "FieldsV1");
    assert!(entry["time"].is_string(), "{entry}");
    let rotation = json!({"metadata": {"name": "a"}, "spec": {"suspend": true}});
    let made = target.apply(ROTATION, "a", "one", rotation).await;
    assert_eq!(made.code, 201, "{made:?}");
    assert_eq!(managers(&made.body), json!({"one/Apply": {"f:spec": {"f:suspend": {}}}}));
}

/// Server-side apply: Field management (a field that its applier drops).
async fn a_field_that_is_no_longer_applied_goes(target: Target) {
    target.apply(MAP, "a", "one", map(json!({"a": "1", "b": "2"}))).await.fine();
    let less = target.apply(MAP, "a", "one", map(json!({"a": "1"}))).await.fine();
    assert_eq!(less["data"], json!({"a": "1"}));
    let nested = json!({"nested": {"a": "1", "b": "2"}, "choice": "small"});
    target.apply(WIDGET, "a", "one", widget(nested)).await.fine();
    let less = target.apply(WIDGET, "a", "one", widget(json!({"choice": "small"}))).await.fine();
    assert!(less["spec"]["nested"].is_null(), "{less}");
    let nothing = json!({"metadata": {"name": "a"}});
    let less = target.apply(WIDGET, "a", "one", nothing).await.fine();
    assert!(less["spec"]["choice"].is_null(), "{less}");
    assert_eq!(managers(&less), json!({}));
}

/// Server-side apply: Field management (shared fields).
async fn a_field_that_somebody_else_applies_stays(target: Target) {
    target.apply(MAP, "a", "one", map(json!({"a": "1", "b": "2"}))).await.fine();
    target.apply(MAP, "a", "two", map(json!({"b": "2"}))).await.fine();
    let less = target.apply(MAP, "a", "one", map(json!({"a": "1"}))).await.fine();
    assert_eq!(less["data"], json!({"a": "1", "b": "2"}));
    assert_eq!(
        managers(&less),
        json!({"one/Apply": {"f:data": {"f:a": {}}}, "two/Apply": {"f:data": {"f:b": {}}}})
    );
    // What an edit has set stays as well.
    target.patch(MAP, "a?fieldManager=edit", MERGE, json!({"data": {"a": "9"}})).await.fine();
    let less = target.apply(MAP, "a", "one", json!({"metadata": {"name": "a"}})).await.fine();
    assert_eq!(less["data"], json!({"a": "9", "b": "2"}));
}

/// Server-side apply: Conflicts.
async fn a_conflict_names_fields_and_managers(target: Target) {
    target.apply(MAP, "a", "one", map(json!({"a": "1", "b": "2", "c": "3"}))).await.fine();
    let refused = target.apply(MAP, "a", "two", map(json!({"a": "9"}))).await;
    refused.refused(409, "Conflict");
    assert_eq!(refused.causes(), [("FieldManagerConflict", ".data.a")]);
    assert_eq!(
        refused.body["message"],
        "Apply failed with 1 conflict: conflict with \"one\": .data.a"
    );
    let refused = target.apply(MAP, "a", "two", map(json!({"a": "9", "b": "9", "c": "3"}))).await;
    assert_eq!(refused.causes().len(), 2, "an equal value is no conflict: {refused:?}");
    let message = refused.body["message"].as_str().unwrap();
    assert_eq!(
        message,
        "Apply failed with 2 conflicts: conflicts with \"one\":\n- .data.a\n- .data.b"
    );
    assert_eq!(target.read(MAP, "a").await["data"]["a"], "1");
}

/// Server-side apply: Conflicts (overwrite value, become sole manager).
async fn force_takes_what_conflicts(target: Target) {
    target.apply(MAP, "a", "one", map(json!({"a": "1", "b": "2"}))).await.fine();
    let forced = target.apply(MAP, "a?force=true", "two", map(json!({"a": "9"}))).await.fine();
    assert_eq!(forced["data"], json!({"a": "9", "b": "2"}));
    assert_eq!(
        managers(&forced),
        json!({"one/Apply": {"f:data": {"f:b": {}}}, "two/Apply": {"f:data": {"f:a": {}}}})
    );
}

/// Server-side apply: Conflicts (don't overwrite value, become shared manager).
async fn equal_values_are_managed_together(target: Target) {
    target.apply(MAP, "a", "one", map(json!({"a": "1"}))).await.fine();
    let both = target.apply(MAP, "a", "two", map(json!({"a": "1"}))).await.fine();
    let fields = json!({"f:data": {"f:a": {}}});
    assert_eq!(managers(&both), json!({"one/Apply": fields, "two/Apply": fields}));
    // Neither can change it alone now.
    let refused = target.apply(MAP, "a", "one", map(json!({"a": "2"}))).await;
    refused.refused(409, "Conflict");
}

/// Server-side apply: an apply that changes nothing is no write.
async fn an_apply_that_changes_nothing_makes_no_version(target: Target) {
    let widget = widget(json!({"choice": "small", "byKey": [{"name": "a", "value": "1"}]}));
    let made = target.apply(WIDGET, "a", "one", widget.clone()).await.fine();
    let same = target.apply(WIDGET, "a", "one", widget).await.fine();
    assert_eq!(same, made);
    let mut object = pod("b", None);
    object["spec"]["containers"][0]["ports"] = json!([{"containerPort": 3306}]);
    let made = target.apply(POD, "b", "one", object.clone()).await.fine();
    assert_eq!(target.apply(POD, "b", "one", object).await.fine(), made);
}

/// Server-side apply: Managers (updates are managed too).
async fn an_edit_is_managed_and_conflicts(target: Target) {
    target.apply(MAP, "a", "one", map(json!({"a": "1"}))).await.fine();
    let edit = json!({"data": {"a": "2"}});
    let edited = target.patch(MAP, "a?fieldManager=kubectl-edit", MERGE, edit).await.fine();
    assert_eq!(managers(&edited), json!({"kubectl-edit/Update": {"f:data": {"f:a": {}}}}));
    let refused = target.apply(MAP, "a", "one", map(json!({"a": "1"}))).await;
    refused.refused(409, "Conflict");
    let cause = &refused.body["details"]["causes"][0];
    assert_eq!(cause["message"], "conflict with \"kubectl-edit\" using v1");
}

/// Server-side apply: Merge strategy (`listType`, `mapType`).
async fn lists_are_merged_as_their_schema_says(target: Target) {
    let one = json!({
        "set": ["a", "b"],
        "byKey": [{"name": "a", "value": "1"}],
        "atomic": [{"name": "a"}],
        "whole": {"a": "1"},
        "nested": {"a": "1"},
        "free": {"deep": {"a": [1, 2]}},
    });
    target.apply(WIDGET, "a", "one", widget(one)).await.fine();
    let two = json!({
        "set": ["b", "c"],
        "byKey": [{"name": "b", "value": "2"}, {"name": "a", "protocol": "UDP"}],
        "nested": {"b": "2"},
        "free": {"deep": {"b": null}, "wide": {}},
    });
    let both = target.apply(WIDGET, "a", "two", widget(two)).await.fine();
    let spec = &both["spec"];
    let mut set: Vec<&str> =
        spec["set"].as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect();
    set.sort_unstable();
    assert_eq!(set, ["a", "b", "c"]);
    assert_eq!(spec["byKey"].as_array().unwrap().len(), 3, "{spec}");
    assert_eq!(spec["nested"], json!({"a": "1", "b": "2"}));
    let fields = &managers(&both)["one/Apply"]["f:spec"];
    assert_eq!(
        fields,
        &json!({
            "f:atomic": {},
            "f:byKey": {"k:{\"name\":\"a\",\"protocol\":\"TCP\"}": {".": {}, "f:name": {}, "f:value": {}}},
            "f:free": {"f:deep": {".": {}, "f:a": {}}},
            "f:nested": {"f:a": {}},
            "f:set": {"v:\"a\"": {}, "v:\"b\"": {}},
            "f:whole": {},
        })
    );
    for whole in [json!({"atomic": [{"name": "b"}]}), json!({"whole": {"b": "2"}})] {
        target.apply(WIDGET, "a", "two", widget(whole)).await.refused(409, "Conflict");
    }
    let twice = json!({"set": ["x", "x"]});
    let refused = target.apply(WIDGET, "a", "two", widget(twice)).await;
    assert_eq!(refused.code, 500, "{refused:?}");
    let twice = json!({"byKey": [{"name": "x"}, {"name": "x"}]});
    assert_eq!(target.apply(WIDGET, "a", "two", widget(twice)).await.code, 500);
}

/// Server-side apply: Merge strategy (entries are managed one by one).
async fn entries_that_are_no_longer_applied_go(target: Target) {
    let entry = |name: &str| json!({"name": name, "value": "1"});
    let one = json!({"byKey": [entry("a"), entry("b")], "set": ["a", "b"]});
    target.apply(WIDGET, "a", "one", widget(one)).await.fine();
    let two = json!({"byKey": [entry("b"), entry("c")], "set": ["b", "c"]});
    target.apply(WIDGET, "a", "two", widget(two)).await.fine();
    let less = target.apply(WIDGET, "a", "one", widget(json!({"choice": "small"}))).await.fine();
    let names = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|entry| entry["name"].to_string()).collect()
    };
    assert_eq!(names(&less["spec"]["byKey"]), ["\"b\"", "\"c\""]);
    assert_eq!(less["spec"]["set"], json!(["b", "c"]));
    // A part of an entry goes, and the entry stays.
    let part = json!({"byKey": [{"name": "c"}]});
    let less = target.apply(WIDGET, "a", "two", widget(part)).await.fine();
    assert_eq!(less["spec"]["byKey"], json!([{"name": "c", "protocol": "TCP"}]));
    assert!(less["spec"]["set"].is_null(), "{less}");
}

/// Server-side apply: Merge strategy (the order of merged lists).
async fn entries_keep_the_order_of_who_applies(target: Target) {
    for (name, first, second, merged) in [
        ("a", &["a", "b", "c"][..], &["x", "b"][..], &["a", "x", "b", "c"][..]),
        ("b", &["a", "b", "c"], &["c", "a"], &["b", "c", "a"]),
        ("c", &["a", "c"], &["b", "a", "d", "c"], &["b", "a", "d", "c"]),
        ("d", &["a", "b", "c", "d"], &["d", "x", "a"], &["b", "c", "d", "x", "a"]),
    ] {
        let widget = |set: &[&str]| json!({"metadata": {"name": name}, "spec": {"set": set}});
        target.apply(WIDGET, name, "one", widget(first)).await.fine();
        let both = target.apply(WIDGET, name, "two", widget(second)).await.fine();
        assert_eq!(both["spec"]["set"], json!(merged), "{name}");
    }
}

/// Server-side apply: Merge strategy (built-in kinds).
async fn a_pod_is_merged_by_the_keys_of_its_lists(target: Target) {
    let mut one = pod("a", None);
    one["spec"]["containers"][0]["env"] = json!([{"name": "A", "value": "1"}]);
    one["spec"]["volumes"] = json!([{"name": "data", "emptyDir": {}}]);
    let made = target.apply(POD, "a", "one", one).await.fine();
    let fields = &managers(&made)["one/Apply"]["f:spec"];
    assert_eq!(
        fields,
        &json!({
            "f:containers": {"k:{\"name\":\"mysql\"}": {
                ".": {}, "f:image": {}, "f:name": {},
                "f:env": {"k:{\"name\":\"A\"}": {".": {}, "f:name": {}, "f:value": {}}},
            }},
            "f:volumes": {"k:{\"name\":\"data\"}": {".": {}, "f:emptyDir": {}, "f:name": {}}},
        })
    );
    let two = json!({"metadata": {"name": "a", "labels": {"b": "2"}},
        "spec": {"containers": [{"name": "mysql", "image": "mysql:9.2"}]}});
    target.apply(POD, "a", "two", two.clone()).await.refused(409, "Conflict");
    let forced = target.apply(POD, "a?force=true", "two", two).await.fine();
    assert_eq!(forced["spec"]["containers"].as_array().unwrap().len(), 1);
    assert_eq!(forced["spec"]["containers"][0]["image"], "mysql:9.2");
    assert_eq!(forced["spec"]["containers"][0]["env"], json!([{"name": "A", "value": "1"}]));
    assert_eq!(forced["metadata"]["labels"], json!({"app": "db", "b": "2"}));
}

/// API conventions: Spec and status; Server-side apply of `/status`.
async fn the_status_is_applied_apart(target: Target) {
    target.apply(WIDGET, "a/status", "one", widget(json!({}))).await.refused(404, "NotFound");
    let both = json!({"metadata": {"name": "a"}, "spec": {"choice": "small"},
        "status": {"phase": "Ready"}});
    let made = target.apply(WIDGET, "a", "one", both.clone()).await.fine();
    assert!(made["status"].is_null(), "{made}");
    let status = target.apply(WIDGET, "a/status", "two", both).await.fine();
    assert_eq!(status["status"]["phase"], "Ready");
    assert_eq!(
        managers(&status),
        json!({
            "one/Apply": {"f:spec": {"f:choice": {}}},
            "two/Apply/status": {"f:status": {"f:phase": {}}},
        })
    );
    let condition = |of: &str| {
        json!({"metadata": {"name": "a"},
            "status": {"conditions": [{"type": of, "status": "True"}]}})
    };
    target.apply(WIDGET, "a/status", "three", condition("A")).await.fine();
    let status = target.apply(WIDGET, "a/status", "four", condition("B")).await.fine();
    assert_eq!(status["status"]["conditions"].as_array().unwrap().len(), 2, "{status}");
    assert_eq!(status["metadata"]["generation"], 1);
    let refused = target
        .apply(
            WIDGET,
            "a/status",
            "one",
            json!({"metadata": {"name": "a"}, "status": {"phase": "Bad"}}),
        )
        .await;
    refused.refused(409, "Conflict");
    let message = refused.body["details"]["causes"][0]["message"].as_str().unwrap();
    assert_eq!(message, "conflict with \"two\" with subresource \"status\"");
    target.create(POD, pod("a", Some("nowhere"))).await;
    let running = json!({"metadata": {"name": "a"}, "status": {"phase": "Running",
        "conditions": [{"type": "Ready", "status": "True"}]}});
    let status = target.apply(POD, "a/status", "kubelet", running).await.fine();
    assert_eq!(status["status"]["phase"], "Running");
}

/// Server-side apply: Field management (defaulted fields).
async fn defaults_belong_to_nobody(target: Target) {
    let made = target.apply(WIDGET, "a", "one", widget(json!({"choice": "small"}))).await.fine();
    assert_eq!(made["spec"]["defaulted"]["level"], 3);
    assert_eq!(managers(&made), json!({"one/Apply": {"f:spec": {"f:choice": {}}}}));
    let other = widget(json!({"defaulted": {"level": 4}}));
    assert_eq!(
        target.apply(WIDGET, "a", "two", other).await.fine()["spec"]["defaulted"]["level"],
        4
    );
    let less = target.apply(WIDGET, "a", "two", widget(json!({}))).await.fine();
    assert_eq!(less["spec"]["defaulted"]["level"], 3, "it is what it is by default again");
}

/// Server-side apply: labels, annotations, finalizers and owners are merged.
async fn the_metadata_is_merged_too(target: Target) {
    let owner = target.create(MAP, json!({"metadata": {"name": "owner"}})).await;
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner",
        "uid": owner["metadata"]["uid"]});
    let one = json!({"metadata": {"name": "a", "labels": {"a": "1"}, "finalizers": ["x.y/a"],
        "ownerReferences": [owner]}});
    target.apply(ROTATION, "a", "one", one).await.fine();
    let two = json!({"metadata": {"name": "a", "labels": {"b": "2"}, "finalizers": ["x.y/b"],
        "annotations": {"c": "3"}}});
    let both = target.apply(ROTATION, "a", "two", two).await.fine();
    assert_eq!(both["metadata"]["labels"], json!({"a": "1", "b": "2"}));
    assert_eq!(both["metadata"]["finalizers"].as_array().unwrap().len(), 2, "{both}");
    let uid = owner["uid"].as_str().unwrap();
    assert_eq!(
        managers(&both)["one/Apply"],
        json!({"f:metadata": {
            "f:finalizers": {"v:\"x.y/a\"": {}},
            "f:labels": {"f:a": {}},
            "f:ownerReferences": {format!("k:{{\"uid\":\"{uid}\"}}"): {}},
        }})
    );
    let nothing = json!({"metadata": {"name": "a"}});
    let less = target.apply(ROTATION, "a", "one", nothing).await.fine();
    assert_eq!(less["metadata"]["labels"], json!({"b": "2"}));
    assert_eq!(less["metadata"]["finalizers"], json!(["x.y/b"]));
    assert!(less["metadata"]["ownerReferences"].is_null(), "{less}");
    let gone = json!({"metadata": {"finalizers": null}});
    target.patch(ROTATION, "a", MERGE, gone).await.fine();
}

/// Server-side apply: Managers (`fieldManager` is required).
async fn an_apply_without_a_manager_is_refused(target: Target) {
    let object = MAP.object(map(json!({"a": "1"})));
    let refused = target.patch(MAP, "a", APPLY, object).await;
    refused.refused(422, "Invalid");
    assert_eq!(refused.causes(), [("FieldValueRequired", "fieldManager")]);
    assert_eq!(
        refused.body["message"],
        "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for \
         apply patch"
    );
}

/// Server-side apply: what an applied object may hold.
async fn an_apply_that_makes_no_sense_is_refused(target: Target) {
    let managed = json!({"metadata": {"name": "a", "managedFields": []}, "data": {}});
    let refused = target.apply(MAP, "a", "one", managed).await;
    refused.refused(400, "BadRequest");
    assert_eq!(refused.body["message"], "metadata.managedFields must be nil");
    let other = json!({"metadata": {"name": "b"}});
    target.apply(MAP, "a", "one", other).await.refused(400, "BadRequest");
    target.apply(MAP, "a", "one", json!({"metadata": {}})).await.refused(400, "BadRequest");
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}});
    let refused = target.patch(MAP, "a?fieldManager=one", APPLY, secret).await;
    refused.refused(400, "BadRequest");
    let unknown = target.apply(WIDGET, "a", "one", widget(json!({"unknown": 1}))).await;
    assert_eq!(unknown.code, 500, "{unknown:?}");
    let message = unknown.body["message"].as_str().unwrap();
    assert!(message.ends_with(".spec.unknown: field not declared in schema"), "{message}");
    let invalid = target.apply(WIDGET, "a", "one", widget(json!({"choice": "huge"}))).await;
    invalid.refused(422, "Invalid");
    let wrong = target.apply(WIDGET, "a", "one", widget(json!({"count": "many"}))).await;
    assert!(matches!(wrong.code, 422 | 500), "{wrong:?}");
    target.get(WIDGET, "a").await.refused(404, "NotFound");
}

/// API conventions: Concurrency control and consistency; Server-side apply.
async fn an_apply_may_name_the_version_it_is_for(target: Target) {
    let made = target.apply(MAP, "a", "one", map(json!({"a": "1"}))).await.fine();
    let mut next = map(json!({"a": "2"}));
    next["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"].clone();
    let applied = target.apply(MAP, "a", "one", next.clone()).await.fine();
    assert_ne!(version(&applied), version(&made));
    next["data"]["a"] = json!("3");
    target.apply(MAP, "a", "one", next.clone()).await.refused(409, "Conflict");
    next["metadata"] = json!({"name": "a", "uid": "another"});
    target.apply(MAP, "a", "one", next.clone()).await.refused(422, "Invalid");
    next["metadata"] = json!({"name": "new", "uid": "another"});
    target.apply(MAP, "new", "one", next).await.refused(409, "Conflict");
}

/// Server-side apply: Clearing `managedFields`.
async fn managed_fields_can_be_replaced_and_reset(target: Target) {
    target.apply(MAP, "a", "one", map(json!({"a": "1"}))).await.fine();
    let entries = json!([{"manager": "other", "operation": "Update", "apiVersion": "v1",
        "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:a": {}}}}]);
    let patch = json!([{"op": "replace", "path": "/metadata/managedFields", "value": entries}]);
    let replaced = target.patch(MAP, "a", JSON, patch).await.fine();
    assert_eq!(replaced["metadata"]["managedFields"], entries);
    let patch = json!([{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}]);
    let reset = target.patch(MAP, "a", JSON, patch).await.fine();
    assert_eq!(managers(&reset), json!({}));
    // Nobody is noted until the next apply; then for what was there before.
    let edited = target.patch(MAP, "a", MERGE, json!({"data": {"b": "2"}})).await.fine();
    assert_eq!(managers(&edited), json!({}));
    let applied = target.apply(MAP, "a", "one", map(json!({"a": "1"}))).await.fine();
    assert_eq!(
        managers(&applied),
        json!({
            "before-first-apply/Update": {"f:data": {".": {}, "f:a": {}, "f:b": {}}},
            "one/Apply": {"f:data": {"f:a": {}}},
        })
    );
    // An object that is sent without it keeps it.
    let mut put = applied.clone();
    put["metadata"].as_object_mut().unwrap().remove("managedFields");
    assert_eq!(target.put(MAP, "a", &put).await.fine(), applied);
}

/// Server-side apply: Upgrading from client-side apply to server-side apply.
async fn kubectl_takes_over_what_it_has_applied_from_the_clients_side(target: Target) {
    let annotation = "kubectl.kubernetes.io/last-applied-configuration";
    let applied = |value: &str| {
        let object = MAP.object(map(json!({"a": value})));
        let mut with = object.clone();
        with["metadata"]["annotations"] = json!({annotation: format!("{object}\n")});
        with
    };
    let query = "?fieldManager=kubectl-client-side-apply&fieldValidation=Strict";
    target.post(MAP, query, applied("1")).await.fine();
    // 1: what kubectl itself has applied is no conflict for it, and the annotation follows.
    let mut object = map(json!({"a": "2"}));
    let refused = target.apply(MAP, "a", "somebody", object.clone()).await;
    refused.refused(409, "Conflict");
    let first = target.apply(MAP, "a", "kubectl", object.clone()).await.fine();
    assert_eq!(first["data"]["a"], "2");
    let kept = first["metadata"]["annotations"][annotation].as_str().unwrap();
    let kept: Value = serde_json::from_str(kept).unwrap();
    assert_eq!(kept["data"]["a"], "2");
    // 2: the annotation is taken over by a manager of its own.
    let mut with = json!({"metadata": {"name": "a", "annotations": {}}});
    with["metadata"]["annotations"] = first["metadata"]["annotations"].clone();
    let second = target.apply(MAP, "a", "kubectl-last-applied", with).await.fine();
    // 3: the manager of the client's side is handed over by a patch of managedFields.
    let entries = second["metadata"]["managedFields"].as_array().unwrap();
    let left = entries.iter().filter(|entry| entry["manager"] != "kubectl-client-side-apply");
    let left: Vec<&Value> = left.collect();
    let patch = json!([
        {"op": "replace", "path": "/metadata/managedFields", "value": left},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version(&second)},
    ]);
    let third = target.patch(MAP, "a", JSON, patch.clone()).await.fine();
    assert!(managers(&third)["kubectl-client-side-apply/Update"].is_null(), "{third}");
    target.patch(MAP, "a", JSON, patch).await.refused(409, "Conflict");
    // 4: and from here on what kubectl no longer applies goes.
    object["data"] = json!({"b": "3"});
    let fourth = target.apply(MAP, "a", "kubectl", object).await.fine();
    assert_eq!(fourth["data"], json!({"b": "3"}));
}

/// Server-side apply: Managers.
async fn updates_are_noted_by_manager(target: Target) {
    let made =
        target.post(MAP, "?fieldManager=maker", map(json!({"a": "1", "b": "2"}))).await.fine();
    assert_eq!(
        managers(&made),
        json!({"maker/Update": {"f:data": {".": {}, "f:a": {}, "f:b": {}}}})
    );
    // Without a name it is the program's.
    let edited = target.patch(MAP, "a", MERGE, json!({"data": {"b": "3"}})).await.fine();
    assert_eq!(
        managers(&edited),
        json!({
            "conformance/Update": {"f:data": {"f:b": {}}},
            "maker/Update": {"f:data": {".": {}, "f:a": {}}},
        })
    );
    let edited =
        target.patch(MAP, "a?fieldManager=c", MERGE, json!({"data": {"b": null}})).await.fine();
    assert_eq!(managers(&edited), json!({"maker/Update": {"f:data": {".": {}, "f:a": {}}}}));
    let rotation =
        json!({"metadata": {"name": "a", "labels": {"a": "1"}}, "spec": {"suspend": true}});
    let made = target.post(ROTATION, "?fieldManager=maker", rotation).await.fine();
    let status = json!({"status": {"state": "Idle"}});
    let written =
        target.patch(ROTATION, "a/status?fieldManager=daemon", MERGE, status).await.fine();
    assert_eq!(
        managers(&written),
        json!({
            "maker/Update": {
                "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
                "f:spec": {".": {}, "f:suspend": {}},
            },
            "daemon/Update/status": {"f:status": {".": {}, "f:state": {}}},
        })
    );
    assert_eq!(written["metadata"]["generation"], made["metadata"]["generation"]);
}

/// Server-side apply: Managers (the fields of built-in kinds, defaults included).
async fn fields_of_built_in_kinds_are_noted(target: Target) {
    let made = target.post(POD, "?fieldManager=maker", pod("a", None)).await.fine();
    assert_eq!(
        managers(&made)["maker/Update"],
        json!({
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
            "f:spec": {
                "f:containers": {"k:{\"name\":\"mysql\"}": {
                    ".": {}, "f:image": {}, "f:imagePullPolicy": {}, "f:name": {}, "f:resources": {},
                    "f:terminationMessagePath": {}, "f:terminationMessagePolicy": {},
                }},
                "f:dnsPolicy": {}, "f:enableServiceLinks": {}, "f:restartPolicy": {},
                "f:schedulerName": {}, "f:securityContext": {}, "f:terminationGracePeriodSeconds": {},
            },
        })
    );
    let service = json!({"metadata": {"name": "a"}, "spec": {"clusterIP": "None",
        "selector": {"a": "b"}, "ports": [{"name": "db", "port": 3306}]}});
    let made = target.post(SERVICE, "?fieldManager=maker", service).await.fine();
    assert_eq!(
        managers(&made)["maker/Update"],
        json!({"f:spec": {
            "f:clusterIP": {}, "f:internalTrafficPolicy": {},
            "f:ports": {".": {}, "k:{\"port\":3306,\"protocol\":\"TCP\"}": {
                ".": {}, "f:name": {}, "f:port": {}, "f:protocol": {}, "f:targetPort": {},
            }},
            "f:selector": {}, "f:sessionAffinity": {}, "f:type": {},
        }})
    );
    let request = json!({"metadata": {"name": "a"}, "spec": {"type": "Restart",
        "databaseRef": {"name": "db"}}});
    let made = target.post(REQUEST, "?fieldManager=maker", request).await.fine();
    assert_eq!(managers(&made)["maker/Update"]["f:spec"]["f:databaseRef"], json!({}));
}

/// Server-side apply: Transferring ownership (the `scale` subresource).
async fn scaling_and_applying_share_the_replicas(target: Target) {
    let set = |replicas: Value| {
        json!({"metadata": {"name": "a"}, "spec": {"replicas": replicas, "serviceName": "a",
        "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]}}}})
    };
    target.apply(SET, "a", "one", set(json!(0))).await.fine();
    let patch = json!({"spec": {"replicas": 0}});
    let scale = target.patch(SET, "a/scale?fieldManager=scaler", MERGE, patch).await.fine();
    assert_eq!(scale["kind"], "Scale");
    assert_eq!(scale["apiVersion"], "autoscaling/v1");
    assert_eq!(scale["status"]["selector"], "a=b");
    target.create(WIDGET, widget(json!({"replicas": 1}))).await;
    let patch = json!({"spec": {"replicas": 2}});
    let scale = target.patch(WIDGET, "a/scale?fieldManager=scaler", MERGE, patch).await.fine();
    assert_eq!(scale["spec"]["replicas"], 2);
    let scaled = target.read(WIDGET, "a").await;
    assert_eq!(scaled["spec"]["replicas"], 2);
    assert_eq!(managers(&scaled)["scaler/Update/scale"], json!({"f:spec": {"f:replicas": {}}}));
    let refused = target.apply(WIDGET, "a", "two", widget(json!({"replicas": 5}))).await;
    refused.refused(409, "Conflict");
}
