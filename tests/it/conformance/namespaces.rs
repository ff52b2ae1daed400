//! Namespaces: what they hold goes with them.

use serde_json::json;

use super::kinds::{MAP, NAMESPACE, POD, ROTATION, pod};
use super::target::{MERGE, Target};

cases! {
    a_deleted_namespace_is_emptied_first,
    nothing_is_created_in_a_namespace_that_goes,
    a_namespace_has_its_name_as_a_label,
}

/// API conventions: Namespaces; Namespaces: deletion.
async fn a_deleted_namespace_is_emptied_first(target: Target) {
    target.create(MAP, json!({"metadata": {"name": "a"}})).await;
    target.create(POD, pod("b", Some("nowhere"))).await;
    let held = json!({"metadata": {"name": "held", "finalizers": ["x.y/hold"]}});
    target.create(ROTATION, held).await;
    let name = target.namespace.clone();
    let going = target.delete(NAMESPACE, &name, json!(null)).await.fine();
    assert_eq!(going["status"]["phase"], "Terminating");
    assert!(going["metadata"]["deletionTimestamp"].is_string());
    target
        .until(POD, "b", "the pod to be going", |pod| {
            pod["metadata"]["deletionTimestamp"].is_string()
        })
        .await;
    // The rest goes when no pod may need it any more.
    target.read(MAP, "a").await;
    target.delete(POD, "b", json!({"gracePeriodSeconds": 0})).await.fine();
    target.until_gone(MAP, "a").await;
    target
        .until(ROTATION, "held", "the rotation to be going", |rotation| {
            rotation["metadata"]["deletionTimestamp"].is_string()
        })
        .await;
    assert_eq!(target.read(NAMESPACE, &name).await["status"]["phase"], "Terminating");
    target.patch(ROTATION, "held", MERGE, json!({"metadata": {"finalizers": null}})).await.fine();
    target.until_gone(NAMESPACE, &name).await;
}

/// API conventions: Namespaces (creation while it is being deleted).
async fn nothing_is_created_in_a_namespace_that_goes(target: Target) {
    let held = json!({"metadata": {"name": "held", "finalizers": ["x.y/hold"]}});
    target.create(ROTATION, held).await;
    let name = target.namespace.clone();
    target.delete(NAMESPACE, &name, json!(null)).await.fine();
    let refused = target.post(MAP, "", json!({"metadata": {"name": "a"}})).await;
    refused.refused(403, "Forbidden");
    assert_eq!(refused.causes(), [("NamespaceTerminating", "metadata.namespace")]);
    target.patch(ROTATION, "held", MERGE, json!({"metadata": {"finalizers": null}})).await.fine();
    target.until_gone(NAMESPACE, &name).await;
}

/// Namespaces: automatic labelling.
async fn a_namespace_has_its_name_as_a_label(target: Target) {
    let namespace = target.read(NAMESPACE, &target.namespace).await;
    let labels = &namespace["metadata"]["labels"];
    assert_eq!(labels["kubernetes.io/metadata.name"], json!(target.namespace));
    assert_eq!(namespace["spec"]["finalizers"], json!(["kubernetes"]));
    assert_eq!(namespace["status"]["phase"], "Active");
}
