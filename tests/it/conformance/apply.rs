//! Server-side apply: creating, merging, conflicts, refusals.

use serde_json::{Value, json};

use super::kinds::{MAP, POD, ROTATION, WIDGET, pod};
use super::target::{APPLY, MERGE, Target, version};

mod managed;
mod merging;

cases! {
    an_apply_creates_and_merges,
    a_field_that_is_no_longer_applied_goes,
    a_field_that_somebody_else_applies_stays,
    a_conflict_names_fields_and_managers,
    force_takes_what_conflicts,
    equal_values_are_managed_together,
    an_apply_that_changes_nothing_makes_no_version,
    an_edit_is_managed_and_conflicts,
    an_apply_without_a_manager_is_refused,
    an_apply_that_makes_no_sense_is_refused,
    an_apply_may_name_the_version_it_is_for,
}

/// Who manages what, without times: `<manager>/<operation>/<subresource>` to fields.
pub(super) fn managers(object: &Value) -> Value {
    let mut managers = json!({});
    for entry in object["metadata"]["managedFields"].as_array().into_iter().flatten() {
        let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
        let parts = [text("manager"), text("operation"), text("subresource")];
        managers[parts.join("/").trim_end_matches('/')] = entry["fieldsV1"].clone();
    }
    managers
}

pub(super) fn map(data: Value) -> Value {
    let mut map = json!({"metadata": {"name": "a"}});
    map["data"] = data;
    map
}

pub(super) fn widget(spec: Value) -> Value {
    let mut widget = json!({"metadata": {"name": "a"}});
    widget["spec"] = spec;
    widget
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
