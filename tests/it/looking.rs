//! The daemon and what it sees, in the whole embedded cluster on paused time. There are no sockets
//! then: its eyes are told what each server presents, or something else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use certrotor::clock::{Clock, Offset, PausedClock};
use certrotor::cluster::client::Calls;
use certrotor::config::Config;
use certrotor::config::reload::Loaded;
use certrotor::core::time::Time;
use certrotor::daemon::{self, Daemon, Identity, Parts, Probing};
use certrotor::embedded::api::ApiServer;
use certrotor::embedded::issuer::{self, CertManager};
use certrotor::embedded::pods::{self, PodRunner, Served, SimulatedMysqld};
use certrotor::embedded::provisioner::{self, Provisioner};
use certrotor::embedded::stateful_set::StatefulSets;
use certrotor::executor::{Executor, Settings};
use certrotor::metrics::acts::Acts;
use certrotor::mysql::{ErrorCode, Product};
use certrotor::pki::{Algorithm, Entropy};
use certrotor::probe::{
    Eyes, Failure, Look, Manners, Parting, Presented, Seen, Subject, Tls, Unseen, Version,
};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::executor::leaves::authority;
use crate::executor::paused;

const NAMESPACE: &str = "demo";
const DATABASE: &str = "shop";

/// What the eyes are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    /// What each server presents.
    Truth,
    /// Of the first server, what it presented when it was first looked at; of the others the truth.
    FirstStays,
    /// That nothing gets through to any of them.
    Nothing,
}

/// Eyes of that kind.
struct Told {
    served: Served,
    sight: Sight,
    first: Mutex<Option<Presented>>,
    looks: Mutex<BTreeMap<SocketAddr, u32>>,
}

impl Told {
    fn see(&self, address: SocketAddr) -> Result<Seen, Unseen> {
        *self.looks.lock().unwrap().entry(address).or_default() += 1;
        if self.sight == Sight::Nothing {
            return Err(Unseen::new(Failure::Timeout, "a firewall drops it"));
        }
        let all = self.served.all();
        let (pod, serving) = all
            .iter()
            .find(|(_, serving)| SocketAddr::from(serving.address) == address)
            .ok_or_else(|| Unseen::new(Failure::Refused, "nobody listens"))?;
        let presents = serving.presents.as_ref().expect("every server has TLS");
        let mut presented = Presented::from_der(presents.certificates().to_vec()).unwrap();
        if self.sight == Sight::FirstStays && pod.name.ends_with("-0") {
            presented = self.first.lock().unwrap().get_or_insert(presented).clone();
        }
        Ok(Seen {
            product: Product::MySql,
            version: "9.7.0".into(),
            tls: Some(Tls { version: Version::TLS_1_3, presented }),
            parting: Parting::Refused(ErrorCode::ACCESS_DENIED),
        })
    }
}

impl Eyes for Told {
    fn look(&self, subject: Subject) -> Pin<Box<dyn Future<Output = (Look, Manners)> + Send + '_>> {
        let took = Duration::from_millis(5);
        let result = self.see(subject.address);
        Box::pin(async move { (Look { took, result }, subject.manners) })
    }
}

/// Everything there is.
struct Cluster {
    server: ApiServer,
    eyes: Arc<Told>,
    stop: CancellationToken,
    parts: JoinSet<()>,
}

impl Cluster {
    async fn start(sight: Sight) -> Self {
        let epoch: Time = "2026-11-23T12:00:00Z".parse().expect("a time");
        let clock: Arc<dyn Clock> = Arc::new(PausedClock::new(epoch));
        let server = ApiServer::new(Arc::clone(&clock)).expect("an API server");
        provisioner::admissions(&server);
        for namespace in [NAMESPACE, "certrotor-system"] {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": namespace}});
            server.seed(namespace).expect("a namespace");
        }
        let client = |user: &str| server.client(user, NAMESPACE);
        let (mut parts, stop) = (JoinSet::new(), CancellationToken::new());
        let settings = issuer::Settings {
            default_algorithm: Algorithm::Ed25519,
            entropy: Entropy::seeded(1),
            ..issuer::Settings::default()
        };
        let part = CertManager::new(client("cert-manager"), Arc::clone(&clock), settings);
        parts.spawn(part.run(stop.clone()));
        let settings = provisioner::Settings::new("node");
        let part = Provisioner::new(client("provisioner"), Arc::clone(&clock), settings);
        parts.spawn(part.run(stop.clone()));
        parts.spawn(StatefulSets::new(client("sets"), Arc::clone(&clock)).run(stop.clone()));
        let silent = SimulatedMysqld { listens: false, ..SimulatedMysqld::default() };
        let settings = pods::Settings { runtime: Arc::new(silent), ..pods::Settings::new("node") };
        let part = PodRunner::new(client("kubelet"), Arc::clone(&clock), settings);
        let served = part.served();
        parts.spawn(part.run(stop.clone()));
        let calls = Calls::new(Duration::from_secs(10), Arc::new(()));
        let part =
            Executor::new(client("executor"), Arc::clone(&clock), calls, Settings::default());
        parts.spawn(part.run(stop.clone()));
        let eyes =
            Arc::new(Told { served, sight, first: Mutex::default(), looks: Mutex::default() });
        let daemon = daemon(&server, clock, Arc::clone(&eyes));
        parts.spawn(daemon.run(stop.clone()));
        let cluster = Self { server, eyes, stop, parts };
        cluster.populate().await;
        cluster
    }

    async fn populate(&self) {
        let reference = json!({"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"});
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ca"},
            "type": "kubernetes.io/tls", "data": authority("the CA of a test")});
        let issuer = json!({"apiVersion": "cert-manager.io/v1", "kind": "Issuer",
            "metadata": {"name": "ca"}, "spec": {"ca": {"secretName": "ca"}}});
        let mysql = json!({"apiVersion": "kubedb.com/v1", "kind": "MySQL",
            "metadata": {"name": DATABASE},
            "spec": {"version": "9.1.0", "storageType": "Ephemeral", "requireSSL": true,
                "topology": {"mode": "SemiSync"}, "replicas": 3,
                "deletionPolicy": "WipeOut", "tls": {"issuerRef": reference}}});
        for (path, object) in [
            ("/api/v1/namespaces/demo/secrets", secret),
            ("/apis/cert-manager.io/v1/namespaces/demo/issuers", issuer),
            ("/apis/kubedb.com/v1/namespaces/demo/mysqls", mysql),
        ] {
            self.send(http::Request::post(path), "application/json", &object).await;
        }
        self.until("the database is Ready", || {
            self.get("mysqls.kubedb.com")["status"]["phase"] == "Ready"
        })
        .await;
        // Each server is looked at, and the Rotation is there.
        sleep(Duration::from_mins(2)).await;
    }

    async fn send(&self, request: http::request::Builder, kind: &str, body: &Value) {
        let body = serde_json::to_vec(body).expect("JSON");
        let request = request.header("Content-Type", kind).body(body).expect("a request");
        let client = self.server.client("a-person", NAMESPACE);
        let _: Value = client.request(request).await.expect("it is done");
    }

    /// A person asks for a rotation.
    async fn ask(&self) {
        let path = "/apis/certrotor.dev/v1alpha1/namespaces/demo/rotations/shop";
        let wish = json!({"spec": {"requestedAt": "1"}});
        self.send(http::Request::patch(path), "application/merge-patch+json", &wish).await;
    }

    fn get(&self, resource: &str) -> Value {
        let found = self.server.get(resource, NAMESPACE, DATABASE);
        found.map_or(Value::Null, |object| (*object).clone())
    }

    fn rotation(&self) -> Value {
        self.get("rotations.certrotor.dev")["status"].clone()
    }

    async fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let waiting = async {
            while !holds() {
                sleep(Duration::from_secs(1)).await;
            }
        };
        let held = timeout(Duration::from_hours(2), waiting).await;
        assert!(held.is_ok(), "{what}: {:#}", self.rotation());
    }

    /// Everything that is said of the Rotation.
    fn said(&self) -> String {
        let events = self.server.list("events");
        let notes = events.iter().map(ToString::to_string);
        notes.filter(|event| event.contains("\"Rotation\"")).collect::<Vec<_>>().join("\n")
    }

    fn requests(&self) -> usize {
        self.server.list("mysqlopsrequests.ops.kubedb.com").len()
    }

    async fn end(mut self) {
        self.stop.cancel();
        let ended = async { while self.parts.join_next().await.is_some() {} };
        timeout(Duration::from_mins(2), ended).await.expect("every part ends when it is told to");
    }
}

fn daemon(server: &ApiServer, clock: Arc<dyn Clock>, eyes: Arc<Told>) -> Daemon {
    let acts = Arc::new(Acts::new(&daemon::vocabulary()).expect("metrics"));
    let parts = Parts {
        client: server.client("certrotor", "certrotor-system"),
        calls: Calls::new(Duration::from_secs(10), Arc::clone(&acts) as _),
        clock,
        offset: Arc::new(Offset::default()),
        acts,
        identity: Identity { namespace: "certrotor-system".into(), replica: "one".into() },
    };
    let config = "rotation: {minInterval: 0s, retry: {backoff: {from: 1h, to: 1h}}}";
    let (config, _) = Config::parse(config, "test").expect("a config");
    let (_, loaded) = watch::channel(Loaded::fixed(config));
    Daemon::new(parts, loaded).probing(Probing { eyes, loopback: true })
}

#[test]
fn done_is_seen_on_every_server() {
    paused(async {
        let cluster = Cluster::start(Sight::Truth).await;
        cluster.ask().await;
        cluster.until("it is verified", || cluster.rotation()["lastOutcome"] == "verified").await;
        sleep(Duration::from_mins(100)).await;
        assert_eq!(cluster.requests(), 1);
        // Once an hour, and some more around the rotation; other addresses are of former pods.
        let looks: Vec<u32> = cluster.eyes.looks.lock().unwrap().values().copied().collect();
        assert_eq!(looks.len(), 6, "{looks:?}");
        assert!(looks[3..].iter().all(|looks| (2..=8).contains(looks)), "{looks:?}");
        cluster.end().await;
    });
}

#[test]
fn a_replica_that_serves_the_old_leaf_is_an_alarm() {
    paused(async {
        let cluster = Cluster::start(Sight::FirstStays).await;
        cluster.ask().await;
        let partly = || cluster.rotation()["attempts"][0]["outcome"] == "partlyServed";
        cluster.until("it is partly served", partly).await;
        assert!(cluster.said().contains("attempt 1 ended: partlyServed"), "{}", cluster.said());
        cluster.end().await;
    });
}

#[test]
fn where_no_look_gets_through_the_outcome_says_so_and_nothing_loops() {
    paused(async {
        let cluster = Cluster::start(Sight::Nothing).await;
        cluster.ask().await;
        cluster.until("it is closed", || cluster.rotation()["lastOutcome"] == "unverified").await;
        let why = "could not look at shop-0 (timeout), shop-1 (timeout), shop-2 (timeout)";
        assert!(cluster.said().contains(why), "{}", cluster.said());
        sleep(Duration::from_mins(30)).await;
        assert_eq!(cluster.requests(), 1, "{:#}", cluster.rotation());
        cluster.end().await;
    });
}
