//! Evictions, `PodDisruptionBudget`s and `scale`.

use serde_json::{Value, json};

use super::kinds::{BUDGET, POD, SET, WIDGET, pod};
use super::target::{MERGE, Reply, Target, version};

cases! {
    an_eviction_deletes_a_pod_gracefully,
    a_budget_says_how_many_may_go,
    a_budget_refuses_the_eviction_that_breaks_it,
    a_pod_that_does_not_run_counts_for_no_budget,
    a_pod_that_is_not_ready_may_go_while_enough_are,
    two_budgets_are_one_too_many,
    an_eviction_may_have_preconditions,
    a_dry_eviction_evicts_nobody,
    a_budget_of_what_is_unavailable_counts_what_is_scaled_to,
    the_scale_of_an_object_is_read_and_written,
}

async fn running(target: &Target, name: &str, ready: bool) {
    target.create(POD, pod(name, Some("nowhere"))).await;
    be_running(target, name, ready).await;
}

async fn be_running(target: &Target, name: &str, ready: bool) {
    let status = if ready { "True" } else { "False" };
    let status = json!({"status": {"phase": "Running",
        "conditions": [{"type": "Ready", "status": status}]}});
    target.patch(POD, &format!("{name}/status"), MERGE, status).await.fine();
}

async fn evict(target: &Target, name: &str, options: Value) -> Reply {
    let mut eviction =
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}});
    if !options.is_null() {
        eviction["deleteOptions"] = options;
    }
    target.post(POD, &format!("{name}/eviction"), eviction).await
}

async fn budget(target: &Target, name: &str, spec: Value) {
    let mut spec = spec;
    spec["selector"] = json!({"matchLabels": {"app": "db"}});
    target.create(BUDGET, json!({"metadata": {"name": name}, "spec": spec})).await;
}

/// Waits until the budget allows so many disruptions, and gives its status back.
async fn allowed(target: &Target, name: &str, healthy: i64, allowed: i64) -> Value {
    let budget = target
        .until(BUDGET, name, &format!("{healthy} healthy, {allowed} allowed"), |budget| {
            let status = &budget["status"];
            status["currentHealthy"] == healthy
                && status["disruptionsAllowed"] == allowed
                && status["observedGeneration"] == budget["metadata"]["generation"]
        })
        .await;
    budget["status"].clone()
}

/// API-initiated eviction: How it works.
async fn an_eviction_deletes_a_pod_gracefully(target: Target) {
    running(&target, "a", true).await;
    let evicted = evict(&target, "a", json!(null)).await;
    assert_eq!(evicted.code, 201, "{evicted:?}");
    assert_eq!(
        (&evicted.body["kind"], &evicted.body["status"]),
        (&json!("Status"), &json!("Success"))
    );
    let going = target.read(POD, "a").await;
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], 30);
    let conditions = going["status"]["conditions"].as_array().unwrap();
    let target_of = conditions.iter().find(|condition| condition["type"] == "DisruptionTarget");
    assert_eq!(target_of.unwrap()["reason"], "EvictionByEvictionAPI");
    assert_eq!(target_of.unwrap()["status"], "True");
    target.delete(POD, "a", json!({"gracePeriodSeconds": 0})).await.fine();
    evict(&target, "a", json!(null)).await.refused(404, "NotFound");
    running(&target, "b", true).await;
    assert_eq!(evict(&target, "b", json!({"gracePeriodSeconds": 0})).await.code, 201);
    target.get(POD, "b").await.refused(404, "NotFound");
    running(&target, "c", true).await;
    let other = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "d"}});
    target.post(POD, "c/eviction", other).await.refused(400, "BadRequest");
}

/// Disruptions: Pod disruption budgets (`status`).
async fn a_budget_says_how_many_may_go(target: Target) {
    budget(&target, "budget", json!({"minAvailable": 2})).await;
    let status = allowed(&target, "budget", 0, 0).await;
    assert_eq!(status["conditions"][0]["reason"], "InsufficientPods");
    for name in ["a", "b", "c"] {
        running(&target, name, true).await;
    }
    let status = allowed(&target, "budget", 3, 1).await;
    assert_eq!((&status["desiredHealthy"], &status["expectedPods"]), (&json!(2), &json!(3)));
    assert_eq!(status["conditions"][0]["type"], "DisruptionAllowed");
    assert_eq!(status["conditions"][0]["status"], "True");
    target.delete(POD, "a", json!(null)).await.fine();
    allowed(&target, "budget", 2, 0).await;
    target.delete(POD, "a", json!({"gracePeriodSeconds": 0})).await.fine();
    let patch = json!({"spec": {"minAvailable": 1}});
    target.patch(BUDGET, "budget", MERGE, patch).await.fine();
    allowed(&target, "budget", 2, 1).await;
}

/// API-initiated eviction: How it works (429).
async fn a_budget_refuses_the_eviction_that_breaks_it(target: Target) {
    budget(&target, "budget", json!({"minAvailable": 1})).await;
    running(&target, "a", true).await;
    running(&target, "b", true).await;
    allowed(&target, "budget", 2, 1).await;
    assert_eq!(evict(&target, "a", json!(null)).await.code, 201);
    allowed(&target, "budget", 1, 0).await;
    let refused = evict(&target, "b", json!(null)).await;
    refused.refused(429, "TooManyRequests");
    assert_eq!(refused.causes(), [("DisruptionBudget", "")]);
    assert_eq!(
        refused.body["message"],
        "Cannot evict pod as it would violate the pod's disruption budget."
    );
    assert_eq!(
        refused.body["details"]["causes"][0]["message"],
        "The disruption budget budget needs 1 healthy pods and has 1 currently"
    );
    assert_eq!(refused.retry_after, None, "when it can be tried again nobody knows");
    // One that is on its way may be evicted again.
    assert_eq!(evict(&target, "a", json!(null)).await.code, 201);
    target.delete(BUDGET, "budget", json!(null)).await.fine();
    assert_eq!(evict(&target, "b", json!(null)).await.code, 201);
}

/// API-initiated eviction: pods that are pending or have ended.
async fn a_pod_that_does_not_run_counts_for_no_budget(target: Target) {
    budget(&target, "budget", json!({"minAvailable": 5})).await;
    target.create(POD, pod("pending", Some("nowhere"))).await;
    running(&target, "ended", true).await;
    let ended = json!({"status": {"phase": "Succeeded"}});
    target.patch(POD, "ended/status", MERGE, ended).await.fine();
    assert_eq!(evict(&target, "pending", json!(null)).await.code, 201);
    assert_eq!(evict(&target, "ended", json!(null)).await.code, 201);
}

/// Disruptions: `unhealthyPodEvictionPolicy`.
async fn a_pod_that_is_not_ready_may_go_while_enough_are(target: Target) {
    budget(&target, "budget", json!({"minAvailable": 1})).await;
    running(&target, "well", true).await;
    running(&target, "ill", false).await;
    allowed(&target, "budget", 1, 0).await;
    evict(&target, "well", json!(null)).await.refused(429, "TooManyRequests");
    assert_eq!(evict(&target, "ill", json!(null)).await.code, 201);
    target.delete(POD, "well", json!({"gracePeriodSeconds": 0})).await.fine();
    running(&target, "worse", false).await;
    allowed(&target, "budget", 0, 0).await;
    evict(&target, "worse", json!(null)).await.refused(429, "TooManyRequests");
    let always = json!({"spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}});
    target.patch(BUDGET, "budget", MERGE, always).await.fine();
    assert_eq!(evict(&target, "worse", json!(null)).await.code, 201);
}

/// API-initiated eviction: How it works (500, more than one budget).
async fn two_budgets_are_one_too_many(target: Target) {
    budget(&target, "one", json!({"minAvailable": 0})).await;
    budget(&target, "two", json!({"minAvailable": 0})).await;
    running(&target, "a", true).await;
    let refused = evict(&target, "a", json!(null)).await;
    assert_eq!((&refused.body["status"], &refused.body["code"]), (&json!("Failure"), &json!(500)));
    assert!(target.read(POD, "a").await["metadata"]["deletionTimestamp"].is_null());
}

/// API conventions: Concurrency control and consistency (`deleteOptions.preconditions`).
async fn an_eviction_may_have_preconditions(target: Target) {
    running(&target, "a", true).await;
    let other = json!({"preconditions": {"uid": "other"}});
    evict(&target, "a", other).await.refused(409, "Conflict");
    let stale = json!({"preconditions": {"resourceVersion": "1"}});
    evict(&target, "a", stale).await.refused(409, "Conflict");
    let pod = target.read(POD, "a").await;
    assert!(pod["metadata"]["deletionTimestamp"].is_null(), "{pod}");
    let right = json!({"preconditions": {"uid": pod["metadata"]["uid"],
        "resourceVersion": version(&pod)}});
    assert_eq!(evict(&target, "a", right).await.code, 201);
}

/// API concepts: Dry-run.
async fn a_dry_eviction_evicts_nobody(target: Target) {
    running(&target, "a", true).await;
    let before = target.read(POD, "a").await;
    assert_eq!(evict(&target, "a", json!({"dryRun": ["All"]})).await.code, 201);
    let eviction =
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "a"}});
    assert_eq!(target.post(POD, "a/eviction?dryRun=All", eviction).await.code, 201);
    assert_eq!(target.read(POD, "a").await, before);
}

/// Disruptions: Pod disruption budgets (`maxUnavailable`, percentages).
async fn a_budget_of_what_is_unavailable_counts_what_is_scaled_to(target: Target) {
    let template = json!({"metadata": {"labels": {"app": "db"}},
        "spec": {"containers": [{"name": "mysql", "image": "mysql:9.1"}]}});
    let set = json!({"metadata": {"name": "set"}, "spec": {"replicas": 3, "serviceName": "set",
        "podManagementPolicy": "Parallel", "updateStrategy": {"type": "OnDelete"},
        "selector": {"matchLabels": {"app": "db"}}, "template": template}});
    let set = target.create(SET, set).await;
    for name in ["set-0", "set-1", "set-2"] {
        let mut pod = pod(name, None);
        pod["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "StatefulSet",
            "name": "set", "uid": set["metadata"]["uid"], "controller": true,
            "blockOwnerDeletion": true}]);
        // The controller of StatefulSets may have been first.
        let made = target.post(POD, "", pod).await;
        assert!(matches!(made.code, 201 | 409), "{made:?}");
        be_running(&target, name, true).await;
    }
    budget(&target, "budget", json!({"maxUnavailable": 1})).await;
    let status = allowed(&target, "budget", 3, 1).await;
    assert_eq!((&status["desiredHealthy"], &status["expectedPods"]), (&json!(2), &json!(3)));
    target.delete(BUDGET, "budget", json!(null)).await.fine();
    budget(&target, "percent", json!({"minAvailable": "34%"})).await;
    let status = allowed(&target, "percent", 3, 1).await;
    assert_eq!(status["desiredHealthy"], 2, "rounded up");
}

/// API conventions: the `scale` subresource.
async fn the_scale_of_an_object_is_read_and_written(target: Target) {
    let widget = json!({"metadata": {"name": "a"}, "spec": {"replicas": 3}});
    let widget = target.create(WIDGET, widget).await;
    let status = json!({"status": {"replicas": 2, "selector": "a=b"}});
    target.patch(WIDGET, "a/status", MERGE, status).await.fine();
    let scale = target.get(WIDGET, "a/scale").await.fine();
    assert_eq!((&scale["kind"], &scale["apiVersion"]), (&json!("Scale"), &json!("autoscaling/v1")));
    assert_eq!(scale["metadata"]["uid"], widget["metadata"]["uid"]);
    assert_eq!(scale["spec"], json!({"replicas": 3}));
    assert_eq!(scale["status"], json!({"replicas": 2, "selector": "a=b"}));
    let mut put = scale.clone();
    put["spec"]["replicas"] = json!(4);
    let put_back = target.put(WIDGET, "a/scale", &put).await.fine();
    assert_eq!(put_back["spec"]["replicas"], 4);
    let scaled = target.read(WIDGET, "a").await;
    assert_eq!(scaled["spec"]["replicas"], 4);
    assert_eq!(scaled["metadata"]["generation"], 2);
    target.put(WIDGET, "a/scale", &put).await.refused(409, "Conflict");
    let negative = json!({"spec": {"replicas": -1}});
    target.patch(WIDGET, "a/scale", MERGE, negative).await.refused(422, "Invalid");
    target.get(POD, "a/scale").await.refused(404, "NotFound");
    target.get(SET, "a/scale").await.refused(404, "NotFound");
}
