//! The listener as kube-rs and bare sockets see it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams, PostParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig as Read};
use kube::{Client, Config, ResourceExt as _};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::SystemClock;

struct Running {
    server: ApiServer,
    kubeconfig: Kubeconfig,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

async fn start() -> Running {
    let server = ApiServer::new(Arc::new(SystemClock)).unwrap();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::bind(server.clone(), any).await.unwrap();
    let kubeconfig = listener.kubeconfig("default");
    let stop = CancellationToken::new();
    let task = tokio::spawn(listener.run(stop.clone()));
    Running { server, kubeconfig, stop, task }
}

async fn config(file: &Path) -> Config {
    let read = Read::read_from(file).unwrap();
    Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await.unwrap()
}

impl Running {
    /// The client that the written file makes.
    async fn config(&self) -> Config {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kubeconfig");
        self.kubeconfig.write(&file).unwrap();
        config(&file).await
    }

    async fn maps(&self) -> Api<ConfigMap> {
        let client = Client::try_from(self.config().await).unwrap();
        Api::namespaced(client, "default")
    }

    async fn end(self) {
        self.stop.cancel();
        timeout(Duration::from_secs(10), self.task).await.expect("it ends").unwrap();
    }
}

fn map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name}})).unwrap()
}

#[tokio::test]
async fn kube_works_over_the_network_and_its_user_is_in_the_log() {
    let running = start().await;
    let maps = running.maps().await;
    let params = PostParams { field_manager: Some("tests".to_owned()), ..PostParams::default() };
    maps.create(&params, &map("a")).await.unwrap();
    assert_eq!(maps.get("a").await.unwrap().name_any(), "a");
    assert_eq!(maps.list(&ListParams::default()).await.unwrap().items.len(), 1);
    let commits = running.server.commits_after(0);
    let by = &commits.last().unwrap().by;
    assert_eq!((by.user.as_str(), by.manager.as_str()), (ADMIN, "tests"));
    running.end().await;
}

#[tokio::test]
async fn many_watches_stream_at_once_and_end_when_it_stops() {
    let running = start().await;
    let maps = running.maps().await;
    let from = running.server.revision().to_string();
    let mut watches = Vec::new();
    for _ in 0..20 {
        let watch = maps.watch(&WatchParams::default(), &from).await.unwrap();
        watches.push(Box::pin(watch));
    }
    maps.create(&PostParams::default(), &map("a")).await.unwrap();
    for watch in &mut watches {
        match watch.try_next().await.unwrap() {
            Some(WatchEvent::Added(object)) => assert_eq!(object.name_any(), "a"),
            other => panic!("{other:?}"),
        }
    }
    running.end().await;
    for mut watch in watches {
        assert!(!matches!(watch.try_next().await, Ok(Some(_))));
    }
}

#[tokio::test]
async fn a_client_without_the_token_is_refused() {
    let running = start().await;
    let mut wrong = running.config().await;
    wrong.auth_info.token = Some("x".to_owned().into());
    let client = Client::try_from(wrong).unwrap();
    assert_eq!(client.apiserver_version().await.unwrap().minor, "36");
    let maps: Api<ConfigMap> = Api::namespaced(client, "default");
    let refused = maps.list(&ListParams::default()).await.unwrap_err();
    assert!(matches!(&refused, kube::Error::Api(status) if status.code == 401), "{refused}");
    let mut doubting = running.config().await;
    doubting.root_cert = None;
    let maps: Api<ConfigMap> = Api::namespaced(Client::try_from(doubting).unwrap(), "default");
    assert!(maps.list(&ListParams::default()).await.is_err());
    running.end().await;
}

#[tokio::test]
async fn the_kubeconfig_is_for_its_owner_only() {
    let running = start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubeconfig");
    std::fs::write(&file, "older, and readable by all").unwrap();
    running.kubeconfig.write(&file).unwrap();
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    assert!(!format!("{:?}", running.kubeconfig).contains(&running.kubeconfig.token));
    running.end().await;
}

#[tokio::test]
async fn a_port_in_use_is_named_with_what_to_do() {
    let running = start().await;
    let taken = running.kubeconfig.server;
    let refused = Listener::bind(running.server.clone(), taken).await.err().unwrap().to_string();
    let expected = format!("API server {taken}: address already in use: choose another port");
    assert!(refused.starts_with(&expected), "{refused}");
    running.end().await;
}

#[tokio::test]
async fn strangers_and_large_bodies_harm_nobody() {
    let running = start().await;
    let mut plain = TcpStream::connect(running.kubeconfig.server).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // A TLS alert, and the end.
    drop(plain.read_to_end(&mut answer).await);
    let silent = TcpStream::connect(running.kubeconfig.server).await.unwrap();

    let maps = running.maps().await;
    let mut large = map("large");
    large.data = Some([("key".to_owned(), "x".repeat(LARGEST))].into());
    // Or it notices that nobody reads on, before it has sent all.
    let refused = maps.create(&PostParams::default(), &large).await.unwrap_err();
    let said = matches!(&refused, kube::Error::Api(status) if status.code == 413);
    assert!(said || matches!(refused, kube::Error::HyperError(_) | kube::Error::Service(_)));
    maps.create(&PostParams::default(), &map("small")).await.unwrap();
    running.end().await;
    drop(silent);
}
