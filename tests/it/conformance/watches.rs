//! Watches: resuming, selectors, bookmarks, lost history.

use serde_json::{Value, json};

use super::kinds::{MAP, ROTATION, WIDGET};
use super::target::{MERGE, Target, version};

cases! {
    a_watch_tells_every_change_after_a_version,
    a_watch_from_nowhere_begins_with_what_is_there,
    a_watch_tells_what_enters_and_leaves_its_selector,
    a_watch_of_one_object_tells_of_no_other,
    bookmarks_come_when_they_are_allowed,
    initial_events_end_with_a_marked_bookmark,
    a_watch_from_forgotten_history_is_expired,
    a_watch_ends_when_its_time_is_over,
    deletions_carry_the_version_of_the_deletion,
}

async fn paint(target: &Target, name: &str, color: &str) -> Value {
    let patch = json!({"metadata": {"labels": {"color": color}}});
    target.patch(MAP, name, MERGE, patch).await.fine()
}

async fn make(target: &Target, name: &str, color: &str) -> Value {
    target.create(MAP, json!({"metadata": {"name": name, "labels": {"color": color}}})).await
}

fn words(events: &[Value]) -> Vec<String> {
    let word = |event: &Value| {
        let name = event["object"]["metadata"]["name"].as_str().unwrap_or_default();
        format!("{} {name}", event["type"].as_str().unwrap())
    };
    events.iter().map(word).collect()
}

/// API concepts: Efficient detection of changes.
async fn a_watch_tells_every_change_after_a_version(target: Target) {
    make(&target, "old", "red").await;
    let list = target.list(MAP, "").await.fine();
    make(&target, "a", "red").await;
    paint(&target, "a", "blue").await;
    paint(&target, "a", "blue").await;
    let last = paint(&target, "a", "red").await;
    target.delete(MAP, "a", json!(null)).await.fine();
    let query = format!("resourceVersion={}", version(&list));
    let events = target.watch(MAP, &query, 5).await;
    assert_eq!(words(&events), ["ADDED a", "MODIFIED a", "MODIFIED a", "DELETED a"]);
    assert_eq!(events[2]["object"], last);
    let query = format!("resourceVersion={}", version(&events[1]["object"]));
    let resumed = target.watch(MAP, &query, 2).await;
    assert_eq!(words(&resumed), ["MODIFIED a", "DELETED a"]);
}

/// API concepts: Semantics for watch ("Get State and Start at Any").
async fn a_watch_from_nowhere_begins_with_what_is_there(target: Target) {
    make(&target, "a", "red").await;
    make(&target, "b", "red").await;
    for query in ["", "resourceVersion=0"] {
        let told = target.watch(MAP, query, 3).await;
        let mut told = words(&told);
        told.sort();
        assert_eq!(told, ["ADDED a", "ADDED b"], "{query:?}");
    }
}

/// API conventions: Label, selector, and annotation conventions (watches with selectors).
async fn a_watch_tells_what_enters_and_leaves_its_selector(target: Target) {
    make(&target, "a", "red").await;
    let from = target.list(MAP, "").await.fine();
    paint(&target, "a", "blue").await;
    paint(&target, "a", "red").await;
    make(&target, "b", "blue").await;
    target.delete(MAP, "b", json!(null)).await.fine();
    let query = format!("resourceVersion={}&labelSelector=color%3Dblue", version(&from));
    let told = target.watch(MAP, &query, 5).await;
    assert_eq!(words(&told), ["ADDED a", "DELETED a", "ADDED b", "DELETED b"]);
    // What leaves is told as it was while it was selected.
    assert_eq!(told[1]["object"]["metadata"]["labels"]["color"], "blue");
}

/// API concepts: Field selectors (of watches).
async fn a_watch_of_one_object_tells_of_no_other(target: Target) {
    let from = target.list(MAP, "").await.fine();
    make(&target, "a", "red").await;
    make(&target, "b", "red").await;
    let query = format!("resourceVersion={}&fieldSelector=metadata.name%3Db", version(&from));
    assert_eq!(words(&target.watch(MAP, &query, 2).await), ["ADDED b"]);
}

/// API concepts: Watch bookmarks.
async fn bookmarks_come_when_they_are_allowed(target: Target) {
    let made = make(&target, "a", "red").await;
    let from = version(&made);
    let query = format!("resourceVersion={from}&timeoutSeconds=3");
    assert_eq!(words(&target.watch(MAP, &query, 1).await), [""; 0]);
    let told = target.watch(MAP, &format!("{query}&allowWatchBookmarks=true"), 1).await;
    // A real server that is busy, or has no news, may send none in so short a time; ours does.
    if told.is_empty() && target.is_real() {
        return;
    }
    assert_eq!(words(&told), ["BOOKMARK "]);
    let mark = &told[0]["object"];
    assert_eq!(mark["kind"], "ConfigMap");
    let number = |text: &str| text.parse::<u64>().unwrap();
    assert!(number(version(mark)) >= number(from), "{mark}");
}

/// API concepts: Streaming lists.
async fn initial_events_end_with_a_marked_bookmark(target: Target) {
    make(&target, "a", "red").await;
    let query = "sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan";
    let told = target.watch(MAP, query, 2).await;
    assert_eq!(words(&told), ["ADDED a", "BOOKMARK "]);
    let annotations = &told[1]["object"]["metadata"]["annotations"];
    assert_eq!(annotations["k8s.io/initial-events-end"], "true");
    let lonely = target.list(MAP, "watch=true&sendInitialEvents=true").await;
    lonely.refused(422, "Invalid");
}

/// API concepts: 410 Gone responses (of watches: an event of type `ERROR`).
async fn a_watch_from_forgotten_history_is_expired(target: Target) {
    // A kind that is younger than the version: a real server may know older ones by heart.
    target.create(WIDGET, json!({"metadata": {"name": "a"}})).await;
    target.forget_history().await;
    let told = target.watch(WIDGET, "resourceVersion=1", 1).await;
    assert_eq!(told[0]["type"], "ERROR");
    let status = &told[0]["object"];
    assert_eq!((&status["code"], &status["reason"]), (&json!(410), &json!("Expired")));
    assert_eq!(status["kind"], "Status");
}

/// API concepts: `timeoutSeconds`.
async fn a_watch_ends_when_its_time_is_over(target: Target) {
    let made = make(&target, "a", "red").await;
    let began = tokio::time::Instant::now();
    let query = format!("resourceVersion={}&timeoutSeconds=2", version(&made));
    assert_eq!(words(&target.watch(MAP, &query, 1).await), [""; 0]);
    let lasted = began.elapsed().as_secs_f64();
    assert!((1.5..4.5).contains(&lasted), "{lasted}");
}

/// API concepts: Efficient detection of changes (`resourceVersion` of a deletion).
async fn deletions_carry_the_version_of_the_deletion(target: Target) {
    let made = target.create(ROTATION, json!({"metadata": {"name": "db"}})).await;
    target.delete(ROTATION, "db", json!(null)).await.fine();
    let query = format!("resourceVersion={}", version(&made));
    let told = target.watch(ROTATION, &query, 1).await;
    assert_eq!(words(&told), ["DELETED db"]);
    let number = |object: &Value| version(object).parse::<u64>().unwrap();
    assert!(number(&told[0]["object"]) > number(&made));
}
