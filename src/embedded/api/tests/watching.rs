//! Lists and watches.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, WatchEvent, WatchParams};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, ResourceExt as _};
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::server;
use crate::embedded::api::ApiServer;

fn seed(server: &ApiServer, name: &str, color: &str) {
    server
        .seed(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata":
            {"name": name, "namespace": "default", "labels": {"color": color}}}))
        .unwrap();
}

fn maps(server: &ApiServer) -> Api<ConfigMap> {
    Api::namespaced(server.client("me", "default"), "default")
}

async fn paint(api: &Api<ConfigMap>, name: &str, color: &str) {
    let patch = json!({"metadata": {"labels": {"color": color}}});
    api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
}

fn words(event: &WatchEvent<ConfigMap>) -> String {
    match event {
        WatchEvent::Added(object) => format!("+{}", object.name_any()),
        WatchEvent::Modified(object) => format!("~{}", object.name_any()),
        WatchEvent::Deleted(object) => format!("-{}", object.name_any()),
        WatchEvent::Bookmark(mark) => {
            let ends = mark.metadata.annotations.contains_key("k8s.io/initial-events-end");
            if ends { "end of initial events".to_owned() } else { "bookmark".to_owned() }
        }
        WatchEvent::Error(status) => format!("{} {}", status.code, status.reason),
    }
}

/// What a watch tells until it ends, or has been silent for ten seconds.
async fn told(api: &Api<ConfigMap>, params: &WatchParams, version: &str) -> Vec<String> {
    let mut stream = api.watch(params, version).await.unwrap().boxed();
    let mut told = Vec::new();
    while let Ok(Some(event)) = timeout(Duration::from_secs(10), stream.next()).await {
        told.push(words(&event.unwrap()));
    }
    told
}

#[tokio::test(start_paused = true)]
async fn a_list_comes_in_pages_of_one_moment() {
    let server = server();
    for name in ["a", "b", "c", "d", "e"] {
        seed(&server, name, "red");
    }
    let api = maps(&server);
    let first = api.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!(first.metadata.remaining_item_count, Some(3));
    let token = first.metadata.continue_.clone().unwrap();
    seed(&server, "cc", "red");
    api.delete("d", &DeleteParams::default()).await.unwrap();

    let rest = api.list(&ListParams::default().continue_token(&token)).await.unwrap();
    let names: Vec<String> = rest.items.iter().map(ConfigMap::name_any).collect();
    assert_eq!(names, ["c", "d", "e"]);
    assert_eq!(rest.metadata.resource_version, first.metadata.resource_version);

    server.compact();
    let error = api.list(&ListParams::default().continue_token(&token)).await.unwrap_err();
    assert!(matches!(error, kube::Error::Api(status) if status.code == 410));
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_what_enters_and_leaves_its_selector() {
    let server = server();
    seed(&server, "a", "red");
    let api = maps(&server);
    let from = server.revision().to_string();
    paint(&api, "a", "blue").await;
    paint(&api, "a", "blue").await;
    paint(&api, "a", "red").await;
    seed(&server, "b", "blue");
    api.delete("a", &DeleteParams::default()).await.unwrap();

    let all = WatchParams::default().disable_bookmarks();
    assert_eq!(told(&api, &all, &from).await, ["~a", "~a", "+b", "-a"]);
    let blue = all.clone().labels("color=blue");
    assert_eq!(told(&api, &blue, &from).await, ["+a", "-a", "+b"]);
    let b = all.clone().fields("metadata.name=b");
    assert_eq!(told(&api, &b, &from).await, ["+b"]);
    assert_eq!(told(&api, &all, "0").await.last().unwrap(), "+b");

    server.compact();
    assert_eq!(told(&api, &all, &from).await, ["410 Expired"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_and_gives_bookmarks() {
    let server = server();
    seed(&server, "a", "red");
    let api = maps(&server);
    let began = Instant::now();
    let params = WatchParams::default().timeout(150);
    let stream = api.watch(&params, &server.revision().to_string()).await.unwrap();
    let events: Vec<_> = stream.try_collect().await.unwrap();
    assert_eq!(events.iter().map(words).collect::<Vec<_>>(), ["bookmark"; 3]);
    assert_eq!(began.elapsed().as_secs(), 150);

    let initial = WatchParams::default().fields("metadata.name=a").initial_events();
    assert_eq!(told(&api, &initial, "0").await, ["+a", "end of initial events"]);

    let stream = api.watch(&params, &server.revision().to_string()).await.unwrap();
    server.cut_watches();
    assert_eq!(stream.count().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_lagging_watch_tells_changes_later() {
    let server = server();
    let service = server.service("me").with_lag(Duration::from_secs(30));
    let api: Api<ConfigMap> = Api::namespaced(kube::Client::new(service, "default"), "default");
    let from = server.revision().to_string();
    let mut stream = api.watch(&WatchParams::default(), &from).await.unwrap().boxed();
    let began = Instant::now();
    seed(&server, "a", "red");
    tokio::time::advance(Duration::from_secs(10)).await;
    seed(&server, "b", "red");
    assert_eq!(words(&stream.next().await.unwrap().unwrap()), "+a");
    assert_eq!(began.elapsed().as_secs(), 30);
    assert_eq!(words(&stream.next().await.unwrap().unwrap()), "+b");
    assert_eq!(began.elapsed().as_secs(), 40);
}

#[tokio::test(start_paused = true)]
async fn the_watcher_of_kube_survives_lost_history() {
    let server = server();
    seed(&server, "a", "red");
    let mut stream = watcher(maps(&server), watcher::Config::default()).boxed();
    for _ in 0..3 {
        // Init, InitApply, InitDone
        stream.next().await.unwrap().unwrap();
    }
    server.cut_watches();
    seed(&server, "b", "red");
    server.compact();
    let mut events = Vec::new();
    for _ in 0..5 {
        match stream.next().await.unwrap() {
            Ok(Event::InitApply(object) | Event::Apply(object)) => events.push(object.name_any()),
            Ok(Event::Init | Event::InitDone | Event::Delete(_)) => events.push("-".to_owned()),
            Err(error) => events.push(error.to_string()),
        }
    }
    assert_eq!(events[1..], ["-", "a", "b", "-"], "{events:?}");
}
