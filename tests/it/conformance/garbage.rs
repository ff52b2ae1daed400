//! Owners and what they own: `ownerReferences`, `propagationPolicy`.

use serde_json::{Value, json};

use super::kinds::{MAP, POD, ROTATION, SECRET, pod};
use super::target::{MERGE, Target};

cases! {
    what_belongs_to_a_deleted_object_goes,
    what_has_another_owner_stays,
    what_belongs_to_nobody_that_is_there_goes,
    an_owner_of_another_uid_is_none,
    an_owner_of_an_unknown_kind_keeps_its_own,
    orphans_stay,
    in_the_foreground_the_owner_goes_last,
    a_chain_goes_in_the_foreground,
    a_chain_goes_in_the_background,
    owners_must_be_named_in_full,
}

fn reference(owner: &Value) -> Value {
    json!({
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
    })
}

fn owned(name: &str, owners: &[&Value]) -> Value {
    let owners: Vec<Value> = owners.iter().map(|owner| reference(owner)).collect();
    json!({"metadata": {"name": name, "ownerReferences": owners}})
}

async fn owner(target: &Target, name: &str) -> Value {
    target.create(ROTATION, json!({"metadata": {"name": name}})).await
}

/// Garbage collection: Cascading deletion (background is the default).
async fn what_belongs_to_a_deleted_object_goes(target: Target) {
    let owner = owner(&target, "owner").await;
    target.create(MAP, owned("a", &[&owner])).await;
    target.create(SECRET, owned("b", &[&owner])).await;
    target.create(MAP, json!({"metadata": {"name": "free"}})).await;
    target.delete(ROTATION, "owner", json!(null)).await.fine();
    target.until_gone(MAP, "a").await;
    target.until_gone(SECRET, "b").await;
    target.read(MAP, "free").await;
    target.get(ROTATION, "owner").await.refused(404, "NotFound");
}

/// Garbage collection: Owners and dependents (several owners).
async fn what_has_another_owner_stays(target: Target) {
    let (one, two) = (owner(&target, "one").await, owner(&target, "two").await);
    target.create(MAP, owned("a", &[&one, &two])).await;
    target.delete(ROTATION, "one", json!({"propagationPolicy": "Background"})).await.fine();
    let left = target
        .until(MAP, "a", "the owner that is gone to be forgotten", |map| {
            map["metadata"]["ownerReferences"].as_array().is_some_and(|all| all.len() == 1)
        })
        .await;
    assert_eq!(left["metadata"]["ownerReferences"][0]["name"], "two");
    target.delete(ROTATION, "two", json!(null)).await.fine();
    target.until_gone(MAP, "a").await;
}

/// Garbage collection: Orphaned dependents (an owner that is not there).
async fn what_belongs_to_nobody_that_is_there_goes(target: Target) {
    let ghost = json!({"apiVersion": "certrotor.dev/v1alpha1", "kind": "Rotation",
        "metadata": {"name": "ghost", "uid": "00000000-1111-2222-3333-444444444444"}});
    target.create(MAP, owned("a", &[&ghost])).await;
    target.until_gone(MAP, "a").await;
    // Whether the reference was there from the start or has come later.
    target.create(MAP, json!({"metadata": {"name": "b"}})).await;
    let patch = json!({"metadata": {"ownerReferences": [reference(&ghost)]}});
    target.patch(MAP, "b", MERGE, patch).await.fine();
    target.until_gone(MAP, "b").await;
}

/// Garbage collection: Owners and dependents (owners are identified by uid).
async fn an_owner_of_another_uid_is_none(target: Target) {
    let first = owner(&target, "owner").await;
    target.delete(ROTATION, "owner", json!(null)).await.fine();
    let second = owner(&target, "owner").await;
    target.create(MAP, owned("a", &[&first])).await;
    target.create(MAP, owned("b", &[&second])).await;
    target.until_gone(MAP, "a").await;
    target.read(MAP, "b").await;
}

/// Garbage collection: Owners and dependents (kinds that cannot be resolved).
async fn an_owner_of_an_unknown_kind_keeps_its_own(target: Target) {
    let strange = json!({"apiVersion": "nobody.knows/v1", "kind": "Strange",
        "metadata": {"name": "x", "uid": "00000000-1111-2222-3333-444444444444"}});
    target.create(MAP, owned("strange", &[&strange])).await;
    let owner = owner(&target, "owner").await;
    target.create(MAP, owned("a", &[&owner])).await;
    target.delete(ROTATION, "owner", json!(null)).await.fine();
    target.until_gone(MAP, "a").await;
    target.read(MAP, "strange").await;
}

/// Garbage collection: Orphan dependents.
async fn orphans_stay(target: Target) {
    let owner = owner(&target, "owner").await;
    target.create(MAP, owned("a", &[&owner])).await;
    target.delete(ROTATION, "owner", json!({"propagationPolicy": "Orphan"})).await.fine();
    target.until_gone(ROTATION, "owner").await;
    let orphan = target.read(MAP, "a").await;
    assert!(orphan["metadata"]["ownerReferences"].is_null(), "{orphan}");
}

/// Garbage collection: Foreground cascading deletion (`blockOwnerDeletion`).
async fn in_the_foreground_the_owner_goes_last(target: Target) {
    let owner = owner(&target, "owner").await;
    let mut blocking = owned("a", &[&owner]);
    blocking["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] = json!(true);
    blocking["metadata"]["finalizers"] = json!(["x.y/hold"]);
    target.create(MAP, blocking).await;
    target.create(MAP, owned("b", &[&owner])).await;
    let going = target.delete(ROTATION, "owner", json!({"propagationPolicy": "Foreground"})).await;
    let going = going.fine();
    assert_eq!(going["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    assert!(going["metadata"]["deletionTimestamp"].is_string());
    target.until_gone(MAP, "b").await;
    target
        .until(MAP, "a", "the dependent to be deleted", |map| {
            map["metadata"]["deletionTimestamp"].is_string()
        })
        .await;
    target.read(ROTATION, "owner").await;
    target.patch(MAP, "a", MERGE, json!({"metadata": {"finalizers": null}})).await.fine();
    target.until_gone(ROTATION, "owner").await;
}

/// Garbage collection: Foreground cascading deletion (dependents of dependents).
async fn a_chain_goes_in_the_foreground(target: Target) {
    let top = owner(&target, "top").await;
    let mut middle = owned("middle", &[&top]);
    middle["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] = json!(true);
    let middle = target.create(MAP, middle).await;
    let mut bottom = owned("bottom", &[&middle]);
    bottom["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] = json!(true);
    bottom["metadata"]["finalizers"] = json!(["x.y/hold"]);
    target.create(MAP, bottom).await;
    target.delete(ROTATION, "top", json!({"propagationPolicy": "Foreground"})).await.fine();
    let middle = target
        .until(MAP, "bottom", "the chain to be going", |map| {
            map["metadata"]["deletionTimestamp"].is_string()
        })
        .await;
    drop(middle);
    let middle = target.read(MAP, "middle").await;
    assert_eq!(middle["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    target.read(ROTATION, "top").await;
    target.patch(MAP, "bottom", MERGE, json!({"metadata": {"finalizers": null}})).await.fine();
    target.until_gone(ROTATION, "top").await;
    target.get(MAP, "middle").await.refused(404, "NotFound");
}

/// Garbage collection: Background cascading deletion (pods go as gracefully as ever).
async fn a_chain_goes_in_the_background(target: Target) {
    let top = owner(&target, "top").await;
    let middle = target.create(MAP, owned("middle", &[&top])).await;
    let mut bottom = pod("bottom", Some("nowhere"));
    bottom["metadata"]["ownerReferences"] = json!([reference(&middle)]);
    target.create(POD, bottom).await;
    target.delete(ROTATION, "top?propagationPolicy=Background", json!(null)).await.fine();
    target.until_gone(MAP, "middle").await;
    let going = target
        .until(POD, "bottom", "the pod to be going", |pod| {
            pod["metadata"]["deletionTimestamp"].is_string()
        })
        .await;
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], 30);
    target.delete(POD, "bottom", json!({"gracePeriodSeconds": 0})).await.fine();
}

/// API conventions: Metadata (`ownerReferences`).
async fn owners_must_be_named_in_full(target: Target) {
    let mut map = owned(
        "a",
        &[&json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "x", "uid": "u"}})],
    );
    map["metadata"]["ownerReferences"][0]["uid"] = json!("");
    let refused = target.post(MAP, "", map.clone()).await;
    refused.refused(422, "Invalid");
    assert_eq!(refused.causes(), [("FieldValueInvalid", "metadata.ownerReferences.uid")]);
    let one = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "u", "controller": true});
    let mut two = one.clone();
    two["uid"] = json!("v");
    map["metadata"]["ownerReferences"] = json!([one, two]);
    target.post(MAP, "", map).await.refused(422, "Invalid");
}
