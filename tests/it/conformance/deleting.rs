//! DELETE: preconditions, finalizers, grace periods, collections.

use serde_json::json;

use super::kinds::{MAP, POD, ROTATION, pod};
use super::target::{JSON, MERGE, Target, names, version};

cases! {
    a_deletion_answers_with_what_it_has_done,
    a_deletion_may_have_preconditions,
    an_object_waits_for_its_finalizers,
    no_finalizer_is_added_to_what_is_going,
    what_is_going_can_still_be_changed,
    a_pod_on_a_node_waits_for_its_kubelet,
    a_pod_without_a_node_goes_at_once,
    a_grace_period_can_only_be_shortened,
    a_collection_is_deleted_by_selector,
    options_that_make_no_sense_are_refused,
}

/// API conventions: Response status kind; Verbs on resources (DELETE).
async fn a_deletion_answers_with_what_it_has_done(target: Target) {
    let made = target.create(MAP, json!({"metadata": {"name": "a"}})).await;
    let gone = target.delete(MAP, "a", json!(null)).await.fine();
    assert_eq!((&gone["kind"], &gone["status"]), (&json!("Status"), &json!("Success")));
    assert_eq!(
        gone["details"],
        json!({"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]})
    );
    target.delete(MAP, "a", json!(null)).await.refused(404, "NotFound");
    let made = target.create(ROTATION, json!({"metadata": {"name": "a"}})).await;
    let gone = target.delete(ROTATION, "a", json!({})).await.fine();
    assert_eq!(
        gone["details"],
        json!({"name": "a", "group": "certrotor.dev", "kind": "rotations",
            "uid": made["metadata"]["uid"]})
    );
}

/// API conventions: Concurrency control and consistency (`preconditions`).
async fn a_deletion_may_have_preconditions(target: Target) {
    for kind in [MAP, ROTATION] {
        let made = target.create(kind, json!({"metadata": {"name": "a"}})).await;
        let uid = &made["metadata"]["uid"];
        for wrong in [json!({"uid": "other"}), json!({"uid": uid, "resourceVersion": "1"})] {
            let refused = target.delete(kind, "a", json!({"preconditions": wrong})).await;
            refused.refused(409, "Conflict");
        }
        let right = json!({"uid": uid, "resourceVersion": version(&made)});
        target.delete(kind, "a", json!({"preconditions": right})).await.fine();
        target.get(kind, "a").await.refused(404, "NotFound");
    }
}

/// API conventions: Metadata (`finalizers`, `deletionTimestamp`).
async fn an_object_waits_for_its_finalizers(target: Target) {
    for kind in [MAP, ROTATION] {
        let finalizers = json!(["x.y/one", "x.y/two"]);
        let made =
            target.create(kind, json!({"metadata": {"name": "a", "finalizers": finalizers}})).await;
        let going = target.delete(kind, "a", json!(null)).await.fine();
        assert_eq!(going["kind"], kind.name, "it answers with the object");
        assert!(going["metadata"]["deletionTimestamp"].is_string(), "{going}");
        assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], 0);
        if kind.name == "Rotation" {
            assert_eq!(going["metadata"]["generation"], 2);
        }
        assert_ne!(version(&going), version(&made));
        let again = target.delete(kind, "a", json!(null)).await.fine();
        assert_eq!(again, going);
        let patch = json!([{"op": "remove", "path": "/metadata/finalizers/0"}]);
        let less = target.patch(kind, "a", JSON, patch).await.fine();
        assert_eq!(less["metadata"]["finalizers"], json!(["x.y/two"]));
        let patch = json!({"metadata": {"finalizers": []}});
        let last = target.patch(kind, "a", MERGE, patch).await.fine();
        assert!(last["metadata"]["deletionTimestamp"].is_string(), "{last}");
        target.get(kind, "a").await.refused(404, "NotFound");
        // Its name is free again, for another object.
        let next = target.create(kind, json!({"metadata": {"name": "a"}})).await;
        assert_ne!(next["metadata"]["uid"], made["metadata"]["uid"]);
    }
}

/// API conventions: Metadata (`finalizers` of an object that is being deleted).
async fn no_finalizer_is_added_to_what_is_going(target: Target) {
    target.create(ROTATION, json!({"metadata": {"name": "a", "finalizers": ["x.y/one"]}})).await;
    target.delete(ROTATION, "a", json!(null)).await.fine();
    let patch = json!({"metadata": {"finalizers": ["x.y/one", "x.y/two"]}});
    let refused = target.patch(ROTATION, "a", MERGE, patch).await;
    refused.refused(422, "Invalid");
    assert_eq!(refused.causes()[0], ("FieldValueForbidden", "metadata.finalizers"));
    target.patch(ROTATION, "a", MERGE, json!({"metadata": {"finalizers": null}})).await.fine();
}

/// API conventions: Metadata (`deletionTimestamp`).
async fn what_is_going_can_still_be_changed(target: Target) {
    target.create(ROTATION, json!({"metadata": {"name": "a", "finalizers": ["x.y/one"]}})).await;
    let going = target.delete(ROTATION, "a", json!(null)).await.fine();
    let patch = json!({"metadata": {"deletionTimestamp": null}, "spec": {"suspend": true}});
    let changed = target.patch(ROTATION, "a", MERGE, patch).await.fine();
    assert_eq!(changed["metadata"]["deletionTimestamp"], going["metadata"]["deletionTimestamp"]);
    assert_eq!(changed["metadata"]["generation"], 3);
    target
        .post(ROTATION, "", json!({"metadata": {"name": "a"}}))
        .await
        .refused(409, "AlreadyExists");
    target.patch(ROTATION, "a", MERGE, json!({"metadata": {"finalizers": null}})).await.fine();
}

/// API conventions: Metadata (`deletionGracePeriodSeconds`); Pods: Termination.
async fn a_pod_on_a_node_waits_for_its_kubelet(target: Target) {
    target.create(POD, pod("a", Some("nowhere"))).await;
    let going = target.delete(POD, "a", json!(null)).await.fine();
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], 30);
    assert_eq!(going["metadata"]["generation"], 2);
    assert_eq!(target.delete(POD, "a", json!(null)).await.fine(), going);
    assert_eq!(target.read(POD, "a").await, going);
    let query = format!("resourceVersion={}", version(&going));
    let gone = target.delete(POD, "a", json!({"gracePeriodSeconds": 0})).await.fine();
    assert_eq!(gone["metadata"]["name"], "a", "a deleted Pod is shown");
    target.get(POD, "a").await.refused(404, "NotFound");
    let told = target.watch(POD, &query, 2).await;
    let told: Vec<&str> = told.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(told, ["MODIFIED", "DELETED"]);
    target.create(POD, pod("b", Some("nowhere"))).await;
    let going = target.delete(POD, "b?gracePeriodSeconds=5", json!(null)).await.fine();
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], 5);
    target.delete(POD, "b", json!({"gracePeriodSeconds": 0})).await.fine();
}

/// Pods: Termination (a pod that no kubelet has).
async fn a_pod_without_a_node_goes_at_once(target: Target) {
    target.create(POD, pod("a", None)).await;
    let gone = target.delete(POD, "a", json!(null)).await.fine();
    assert_eq!(gone["metadata"]["deletionGracePeriodSeconds"], 0);
    target.get(POD, "a").await.refused(404, "NotFound");
    // So does one that has ended.
    target.create(POD, pod("b", Some("nowhere"))).await;
    target.patch(POD, "b/status", MERGE, json!({"status": {"phase": "Failed"}})).await.fine();
    target.delete(POD, "b", json!(null)).await.fine();
    target.get(POD, "b").await.refused(404, "NotFound");
}

/// Pods: Termination (deleting again).
async fn a_grace_period_can_only_be_shortened(target: Target) {
    target.create(POD, pod("a", Some("nowhere"))).await;
    let grace = |seconds: u32| json!({"gracePeriodSeconds": seconds});
    let first = target.delete(POD, "a", grace(20)).await.fine();
    assert_eq!(first["metadata"]["deletionGracePeriodSeconds"], 20);
    assert_eq!(target.delete(POD, "a", grace(25)).await.fine(), first);
    let shorter = target.delete(POD, "a", grace(10)).await.fine();
    assert_eq!(shorter["metadata"]["deletionGracePeriodSeconds"], 10);
    assert_eq!(shorter["metadata"]["generation"], 2);
    target.delete(POD, "a", grace(0)).await.fine();
    target.get(POD, "a").await.refused(404, "NotFound");
}

/// API conventions: Verbs on resources (DELETE of a collection).
async fn a_collection_is_deleted_by_selector(target: Target) {
    for name in ["a", "b", "c"] {
        let color = if name == "c" { "blue" } else { "red" };
        let labels = json!({"color": color});
        target.create(MAP, json!({"metadata": {"name": name, "labels": labels}})).await;
    }
    let gone = target.delete(MAP, "?labelSelector=color%3Dred", json!(null)).await.fine();
    assert_eq!(gone["kind"], "ConfigMapList");
    assert_eq!(names(&gone), ["a", "b"]);
    assert_eq!(names(&target.list(MAP, "").await.fine()), ["c"]);
    target.delete(MAP, "?fieldSelector=metadata.name%3Dx", json!(null)).await.fine();
    assert_eq!(names(&target.list(MAP, "").await.fine()), ["c"]);
    target.delete(MAP, "", json!({})).await.fine();
    assert_eq!(names(&target.list(MAP, "").await.fine()), [""; 0]);
}

/// API conventions: HTTP status codes (422 `StatusUnprocessableEntity`).
async fn options_that_make_no_sense_are_refused(target: Target) {
    target.create(MAP, json!({"metadata": {"name": "a"}})).await;
    for (options, field) in [
        (json!({"propagationPolicy": "Sideways"}), "propagationPolicy"),
        (json!({"dryRun": ["Some"]}), "dryRun"),
        (json!({"propagationPolicy": "Orphan", "orphanDependents": true}), "propagationPolicy"),
    ] {
        let refused = target.delete(MAP, "a", options).await;
        refused.refused(422, "Invalid");
        assert_eq!(refused.causes()[0].1, field);
        assert_eq!(refused.body["details"]["kind"], "DeleteOptions");
    }
    target.read(MAP, "a").await;
}
