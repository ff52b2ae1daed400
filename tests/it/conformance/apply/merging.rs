//! Server-side apply: how lists, maps, the metadata and the status are merged.

use serde_json::{Value, json};

use super::{managers, widget};
use crate::conformance::kinds::{MAP, POD, ROTATION, WIDGET, pod};
use crate::conformance::target::{MERGE, Target};

cases! {
    lists_are_merged_as_their_schema_says,
    entries_that_are_no_longer_applied_go,
    entries_keep_the_order_of_who_applies,
    a_pod_is_merged_by_the_keys_of_its_lists,
    the_status_is_applied_apart,
    defaults_belong_to_nobody,
    the_metadata_is_merged_too,
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
