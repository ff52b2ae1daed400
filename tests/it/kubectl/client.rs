//! kube-rs over the network, as the written kubeconfig makes it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use certrotor::api::rotation::Rotation;
use certrotor::clock::SystemClock;
use certrotor::embedded::api::ApiServer;
use certrotor::embedded::api::listen::Listener;
use futures::StreamExt as _;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, Config, ResourceExt as _};
use serde_json::json;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::support::process::Scratch;

#[tokio::test]
async fn a_watcher_follows_what_another_client_does() {
    let server = ApiServer::new(Arc::new(SystemClock)).unwrap();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::bind(server, any).await.unwrap();
    let folder = Scratch::new("client");
    let file = folder.path().join("kubeconfig");
    listener.kubeconfig("default").write(&file).unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(listener.run(stop.clone()));

    let client = async || {
        let read = Kubeconfig::read_from(&file).unwrap();
        let options = KubeConfigOptions::default();
        Client::try_from(Config::from_custom_kubeconfig(read, &options).await.unwrap()).unwrap()
    };
    let (watching, writing) = (client().await, client().await);
    assert_eq!(watching.default_namespace(), "default");
    let listed: Api<Rotation> = Api::all(watching);
    let mut events = watcher(listed, watcher::Config::default().streaming_lists()).boxed();
    let mut next = async || {
        let event = timeout(Duration::from_secs(20), events.next()).await;
        match event.expect("an event in time").expect("no end").expect("no error") {
            Event::Init => "init".to_owned(),
            Event::InitApply(object) => format!("had {}", object.name_any()),
            Event::InitDone => "listed".to_owned(),
            Event::Apply(object) => format!("{} {:?}", object.name_any(), object.spec.suspend),
            Event::Delete(object) => format!("{} is gone", object.name_any()),
        }
    };
    assert_eq!(next().await, "init");
    assert_eq!(next().await, "listed");

    let rotations: Api<Rotation> = Api::default_namespaced(writing);
    let rotation = Rotation::new("shop", serde_json::from_value(json!({})).unwrap());
    rotations.create(&PostParams::default(), &rotation).await.unwrap();
    assert_eq!(next().await, "shop None");
    let patch = json!({"spec": {"suspend": true}});
    rotations.patch("shop", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    assert_eq!(next().await, "shop Some(true)");
    rotations.delete("shop", &DeleteParams::default()).await.unwrap();
    assert_eq!(next().await, "shop is gone");

    stop.cancel();
    timeout(Duration::from_secs(10), running).await.expect("it ends").unwrap();
}
