//! PATCH: the JSON patch, the merge patch, the strategic merge patch.

use serde_json::json;

use super::kinds::{MAP, POD, ROTATION, WIDGET, pod};
use super::target::{JSON, MERGE, STRATEGIC, Target, version};

cases! {
    a_json_patch_changes_what_it_names,
    a_json_patch_that_does_not_fit_changes_nothing,
    a_merge_patch_merges_objects_and_replaces_lists,
    a_strategic_patch_merges_lists_by_key,
    a_strategic_patch_deletes_and_replaces,
    custom_kinds_take_no_strategic_patch,
    a_patch_may_name_the_version_it_is_for,
    a_patch_of_what_is_not_there_is_not_found,
    a_body_that_is_no_patch_is_refused,
}

/// API conventions: Verbs on resources (PATCH: JSON patch).
async fn a_json_patch_changes_what_it_names(target: Target) {
    let map =
        json!({"metadata": {"name": "a", "labels": {"x/y": "1"}}, "data": {"a": "1", "b": "2"}});
    target.create(MAP, map).await;
    let patch = json!([
        {"op": "test", "path": "/data/a", "value": "1"},
        {"op": "replace", "path": "/data/a", "value": "3"},
        {"op": "remove", "path": "/data/b"},
        {"op": "add", "path": "/data/c", "value": "4"},
        {"op": "copy", "from": "/data/c", "path": "/data/d"},
        {"op": "move", "from": "/data/c", "path": "/data/e"},
        {"op": "replace", "path": "/metadata/labels/x~1y", "value": "2"},
    ]);
    let patched = target.patch(MAP, "a", JSON, patch).await.fine();
    assert_eq!(patched["data"], json!({"a": "3", "d": "4", "e": "4"}));
    assert_eq!(patched["metadata"]["labels"], json!({"x/y": "2"}));
}

/// API conventions: HTTP status codes (422 `StatusUnprocessableEntity`).
async fn a_json_patch_that_does_not_fit_changes_nothing(target: Target) {
    let made = target.create(MAP, json!({"metadata": {"name": "a"}, "data": {"a": "1"}})).await;
    for patch in [
        json!([{"op": "add", "path": "/data/b", "value": "2"},
            {"op": "test", "path": "/data/a", "value": "2"}]),
        json!([{"op": "remove", "path": "/data/none"}]),
        json!([{"op": "replace", "path": "/none/a", "value": "1"}]),
    ] {
        let refused = target.patch(MAP, "a", JSON, patch).await;
        refused.refused(422, "Invalid");
    }
    assert_eq!(target.read(MAP, "a").await, made);
}

/// API conventions: Verbs on resources (PATCH: merge patch).
async fn a_merge_patch_merges_objects_and_replaces_lists(target: Target) {
    let widget = json!({"metadata": {"name": "a"}, "spec": {"set": ["a", "b"],
        "labels": {"a": "1", "b": "2"}, "nested": {"a": "1"}}});
    target.create(WIDGET, widget).await;
    let patch = json!({"spec": {"set": ["c"], "labels": {"a": null, "c": "3"}, "nested": null}});
    let patched = target.patch(WIDGET, "a", MERGE, patch).await.fine();
    assert_eq!(patched["spec"]["set"], json!(["c"]));
    assert_eq!(patched["spec"]["labels"], json!({"b": "2", "c": "3"}));
    assert!(patched["spec"]["nested"].is_null(), "{patched}");
}

/// API conventions: Strategic merge patch (`patchMergeKey`).
async fn a_strategic_patch_merges_lists_by_key(target: Target) {
    target.create(POD, pod("a", None)).await;
    let patch = json!({"metadata": {"labels": {"b": "2"}},
        "spec": {"containers": [{"name": "mysql", "image": "mysql:9.2"}]}});
    let patched = target.patch(POD, "a", STRATEGIC, patch).await.fine();
    assert_eq!(patched["spec"]["containers"].as_array().unwrap().len(), 1);
    assert_eq!(patched["spec"]["containers"][0]["image"], "mysql:9.2");
    assert_eq!(patched["spec"]["containers"][0]["terminationMessagePath"], "/dev/termination-log");
    assert_eq!(patched["metadata"]["labels"], json!({"app": "db", "b": "2"}));
    let patch = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
    target.patch(POD, "a/status", STRATEGIC, patch).await.fine();
    let patch = json!({"status": {"conditions": [{"type": "Initialized", "status": "True"},
        {"type": "Ready", "status": "True"}]}});
    let patched = target.patch(POD, "a/status", STRATEGIC, patch).await.fine();
    let conditions = patched["status"]["conditions"].as_array().unwrap();
    assert_eq!(conditions.len(), 2, "{patched}");
    assert!(conditions.iter().all(|condition| condition["status"] == "True"), "{patched}");
}

/// API conventions: Strategic merge patch (`$patch`, `$deleteFromPrimitiveList`).
async fn a_strategic_patch_deletes_and_replaces(target: Target) {
    let mut object = pod("a", None);
    object["metadata"]["finalizers"] = json!(["a.b/c", "a.b/d"]);
    object["metadata"]["annotations"] = json!({"a": "1", "b": "2"});
    target.create(POD, object).await;
    let patch = json!({"metadata": {
        "$deleteFromPrimitiveList/finalizers": ["a.b/c"],
        "annotations": {"$patch": "replace", "c": "3"},
    }});
    let patched = target.patch(POD, "a", STRATEGIC, patch).await.fine();
    assert_eq!(patched["metadata"]["finalizers"], json!(["a.b/d"]));
    assert_eq!(patched["metadata"]["annotations"], json!({"c": "3"}));
    let patch = json!({"metadata": {"annotations": null, "finalizers": ["a.b/e"]}});
    let patched = target.patch(POD, "a", STRATEGIC, patch).await.fine();
    assert!(patched["metadata"]["annotations"].is_null(), "{patched}");
    let finalizers = patched["metadata"]["finalizers"].as_array().unwrap();
    assert!(finalizers.contains(&json!("a.b/d")) && finalizers.contains(&json!("a.b/e")));
    let gone = json!({"metadata": {"finalizers": null}});
    target.patch(POD, "a", STRATEGIC, gone).await.fine();
}

/// API conventions: HTTP status codes (415 `StatusUnsupportedMediaType`).
async fn custom_kinds_take_no_strategic_patch(target: Target) {
    target.create(ROTATION, json!({"metadata": {"name": "a"}})).await;
    let patch = json!({"spec": {"suspend": true}});
    let refused = target.patch(ROTATION, "a", STRATEGIC, patch.clone()).await;
    refused.refused(415, "UnsupportedMediaType");
    let refused = target.patch(MAP, "a", "application/json", patch).await;
    refused.refused(415, "UnsupportedMediaType");
}

/// API conventions: Concurrency control and consistency (`resourceVersion` in a patch).
async fn a_patch_may_name_the_version_it_is_for(target: Target) {
    for kind in [MAP, ROTATION] {
        let made = target.create(kind, json!({"metadata": {"name": "a"}})).await;
        let patch = |version: &str, value: &str| json!({"metadata": {"resourceVersion": version, "labels": {"a": value}}});
        let patched = target.patch(kind, "a", MERGE, patch(version(&made), "1")).await.fine();
        assert_eq!(patched["metadata"]["labels"]["a"], "1");
        let stale = target.patch(kind, "a", MERGE, patch(version(&made), "2")).await;
        stale.refused(409, "Conflict");
        let other = json!({"metadata": {"uid": "other", "labels": {"a": "3"}}});
        target.patch(kind, "a", MERGE, other).await.refused(422, "Invalid");
    }
}

/// API conventions: HTTP status codes (404 `StatusNotFound`).
async fn a_patch_of_what_is_not_there_is_not_found(target: Target) {
    target.patch(MAP, "a", MERGE, json!({"data": {}})).await.refused(404, "NotFound");
    target.patch(MAP, "a", JSON, json!([])).await.refused(404, "NotFound");
    target.patch(POD, "a", STRATEGIC, json!({})).await.refused(404, "NotFound");
    target.patch(ROTATION, "a/status", MERGE, json!({})).await.refused(404, "NotFound");
}

/// API conventions: HTTP status codes (400 `StatusBadRequest`).
async fn a_body_that_is_no_patch_is_refused(target: Target) {
    target.create(MAP, json!({"metadata": {"name": "a"}})).await;
    target.patch(MAP, "a", JSON, json!({"data": {}})).await.refused(400, "BadRequest");
    target
        .patch(MAP, "a", JSON, json!([{"op": "none", "path": "/a"}]))
        .await
        .refused(422, "Invalid");
    target.patch(MAP, "a", MERGE, json!([1])).await.refused(400, "BadRequest");
    target.patch(MAP, "a?force=true", MERGE, json!({})).await.refused(422, "Invalid");
}
