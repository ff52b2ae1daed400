//! Lists: pages, selectors, metadata alone.

use serde_json::json;

use super::kinds::{LEASE, MAP, POD, ROTATION, WIDGET, pod};
use super::target::{Target, names, version};

cases! {
    a_list_comes_in_pages_of_one_moment,
    a_moment_that_is_forgotten_is_expired,
    lists_are_selected_by_labels,
    lists_are_selected_by_fields,
    a_selector_that_makes_no_sense_is_refused,
    a_list_waits_for_a_version_and_shows_an_exact_one,
    metadata_comes_alone_where_it_is_asked_for,
    lists_say_what_they_are,
}

async fn make(target: &Target, names: &[&str]) {
    for name in names {
        let labels = json!({"name": name, "first": &name[..1]});
        target.create(MAP, json!({"metadata": {"name": name, "labels": labels}})).await;
    }
}

/// API concepts: Retrieving large results sets in chunks.
async fn a_list_comes_in_pages_of_one_moment(target: Target) {
    make(&target, &["a", "b", "c", "d", "e"]).await;
    let first = target.list(MAP, "limit=2").await.fine();
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    let token = first["metadata"]["continue"].as_str().unwrap();
    make(&target, &["cc"]).await;
    target.delete(MAP, "d", json!(null)).await.fine();

    let second = target.list(MAP, &format!("limit=2&continue={token}")).await.fine();
    assert_eq!(names(&second), ["c", "d"]);
    assert_eq!(version(&second), version(&first));
    let token = second["metadata"]["continue"].as_str().unwrap();
    let last = target.list(MAP, &format!("limit=2&continue={token}")).await.fine();
    assert_eq!(names(&last), ["e"]);
    assert!(last["metadata"]["continue"].is_null(), "{last}");
    // How many remain is not told where a selector decides.
    let selected = target.list(MAP, "limit=1&labelSelector=first%3Dc").await.fine();
    assert!(selected["metadata"]["remainingItemCount"].is_null(), "{selected}");
    assert_eq!(names(&target.list(MAP, "").await.fine()), ["a", "b", "c", "cc", "e"]);
}

/// API concepts: 410 Gone responses.
async fn a_moment_that_is_forgotten_is_expired(target: Target) {
    // A kind that is younger than the version: a real server may know older ones by heart.
    target.create(WIDGET, json!({"metadata": {"name": "a"}})).await;
    target.forget_history().await;
    let forgotten = "resourceVersion=1&resourceVersionMatch=Exact";
    target.list(WIDGET, forgotten).await.refused(410, "Expired");
}

/// API conventions: Label, selector, and annotation conventions.
async fn lists_are_selected_by_labels(target: Target) {
    make(&target, &["a1", "a2", "b1", "b2"]).await;
    for (selector, selected) in [
        ("first=a", &["a1", "a2"][..]),
        ("first==a,name!=a1", &["a2"]),
        ("name in (a1,b2)", &["a1", "b2"]),
        ("name notin (a1,b2)", &["a2", "b1"]),
        ("first,!name", &[]),
        ("!nothing,first=b", &["b1", "b2"]),
    ] {
        let query = selector.replace(' ', "%20").replace('=', "%3D").replace('!', "%21");
        let list = target.list(MAP, &format!("labelSelector={query}")).await.fine();
        assert_eq!(names(&list), selected, "{selector}");
    }
}

/// API concepts: Field selectors.
async fn lists_are_selected_by_fields(target: Target) {
    make(&target, &["a", "b"]).await;
    let list = target.list(MAP, "fieldSelector=metadata.name%3Db").await.fine();
    assert_eq!(names(&list), ["b"]);
    let list = target.list(MAP, "fieldSelector=metadata.name%21%3Db").await.fine();
    assert_eq!(names(&list), ["a"]);
    target.create(POD, pod("here", Some("one"))).await;
    target.create(POD, pod("there", Some("two"))).await;
    let list = target.list(POD, "fieldSelector=spec.nodeName%3Dtwo,status.phase%3DPending").await;
    assert_eq!(names(&list.fine()), ["there"]);
    target.create(ROTATION, json!({"metadata": {"name": "db"}})).await;
    let list = target.list(ROTATION, "fieldSelector=metadata.name%3Ddb").await.fine();
    assert_eq!(names(&list), ["db"]);
}

/// API conventions: HTTP status codes (400 `StatusBadRequest`).
async fn a_selector_that_makes_no_sense_is_refused(target: Target) {
    target.list(MAP, "labelSelector=a%20b").await.refused(400, "BadRequest");
    target.list(MAP, "labelSelector=a%20in%20b").await.refused(400, "BadRequest");
    target.list(MAP, "fieldSelector=data.a%3Db").await.refused(400, "BadRequest");
    target.list(MAP, "fieldSelector=metadata.name").await.refused(400, "BadRequest");
    target.list(MAP, "limit=x").await.refused(400, "BadRequest");
    target.list(MAP, "resourceVersion=x").await.refused(400, "BadRequest");
}

/// API concepts: Semantics for get and list (`resourceVersionMatch`).
async fn a_list_waits_for_a_version_and_shows_an_exact_one(target: Target) {
    make(&target, &["a"]).await;
    let before = target.list(MAP, "").await.fine();
    make(&target, &["b"]).await;
    let then = version(&before);
    let exact = format!("resourceVersion={then}&resourceVersionMatch=Exact");
    assert_eq!(names(&target.list(MAP, &exact).await.fine()), ["a"]);
    let fresh = format!("resourceVersion={then}&resourceVersionMatch=NotOlderThan");
    assert_eq!(names(&target.list(MAP, &fresh).await.fine()), ["a", "b"]);
    let reply = target.list(MAP, "resourceVersionMatch=Exact").await;
    reply.refused(422, "Invalid");
    let reply = target.list(MAP, "resourceVersion=0&resourceVersionMatch=Exact").await;
    reply.refused(422, "Invalid");
}

/// API concepts: Metadata-only fetches.
async fn metadata_comes_alone_where_it_is_asked_for(target: Target) {
    target.create(MAP, json!({"metadata": {"name": "a"}, "data": {"k": "v"}})).await;
    let accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let object = target.get_as(MAP, "a", accept).await.fine();
    assert_eq!(object["kind"], "PartialObjectMetadata");
    assert_eq!(object["apiVersion"], "meta.k8s.io/v1");
    assert_eq!(object["metadata"]["name"], "a");
    assert!(object["data"].is_null(), "{object}");
    let accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let list = target.get_as(MAP, "", accept).await.fine();
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert_eq!(names(&list), ["a"]);
    assert!(list["items"][0]["data"].is_null(), "{list}");
}

/// API conventions: Lists are named kinds; List kinds.
async fn lists_say_what_they_are(target: Target) {
    make(&target, &["a"]).await;
    target.create(ROTATION, json!({"metadata": {"name": "db"}})).await;
    let maps = target.list(MAP, "").await.fine();
    assert_eq!(
        (maps["kind"].as_str(), maps["apiVersion"].as_str()),
        (Some("ConfigMapList"), Some("v1"))
    );
    assert!(maps["items"][0]["kind"].is_null(), "items of built-in lists do not repeat it");
    let rotations = target.list(ROTATION, "").await.fine();
    assert_eq!(rotations["kind"], "RotationList");
    assert_eq!(rotations["items"][0]["kind"], "Rotation");
    assert_eq!(target.list(LEASE, "").await.fine()["items"], json!([]));
}
