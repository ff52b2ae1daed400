//! `metadata.managedFields`: who is noted for what, and taking over.

use serde_json::{Value, json};

use super::{managers, map, widget};
use crate::conformance::kinds::{MAP, POD, REQUEST, ROTATION, SERVICE, SET, WIDGET, pod};
use crate::conformance::target::{JSON, MERGE, Target, version};

cases! {
    managed_fields_can_be_replaced_and_reset,
    kubectl_takes_over_what_it_has_applied_from_the_clients_side,
    updates_are_noted_by_manager,
    fields_of_built_in_kinds_are_noted,
    scaling_and_applying_share_the_replicas,
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
