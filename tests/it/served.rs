//! What is served, on the real control plane: real cert-manager, real servers, the daemon as a
//! process that looks at them, and the executor that restarts them.

use std::sync::Arc;
use std::time::Duration;

use certrotor::clock::SystemClock;
use certrotor::cluster::client::{ApiLayer, Calls, Target, connect};
use certrotor::core::selector::NamespacePattern;
use certrotor::embedded::pods::{self, PodRunner, Program, RealMysqld};
use certrotor::embedded::provisioner::{self, Provisioner};
use certrotor::executor::{self, Executor};
use kube::Client;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::actor::issuer;
use crate::support::api::{CERTIFICATE, MYSQL, POD, ROTATION};
use crate::support::daemon::{Daemon, Install};
use crate::support::lab::{Lab, on_cluster, test_name};
use crate::support::parts;
use crate::support::process::Scratch;
use crate::support::time::{minutes, now, rfc3339};

/// How long anything may take that restarts a real server.
const PATIENCE: Duration = minutes(3);
const DATABASE: &str = "shop";
const CURRENT: &str = "certrotor_served_certificate_current";

/// All who act in a namespace.
struct Stage<'a> {
    lab: &'a Lab,
    daemon: Daemon,
    actors: JoinSet<()>,
    stop: CancellationToken,
    _scratch: Scratch,
}

impl<'a> Stage<'a> {
    async fn start(lab: &'a Lab, program: Program, subnet: &str) -> Self {
        lab.admin.create_namespace(&lab.name).await;
        issuer(&lab.admin, &lab.name, "ca").await;
        let scratch = Scratch::new("served");
        let servers = RealMysqld::prepare(program, scratch.path()).await;
        let servers = servers.unwrap_or_else(|error| panic!("{error}"));
        let (mut actors, stop) = (JoinSet::new(), CancellationToken::new());
        let clock = || Arc::new(SystemClock);
        let client = client(lab).await;
        let settings = provisioner::Settings {
            namespace: Some(lab.name.clone()),
            ..provisioner::Settings::new(&lab.name)
        };
        actors.spawn(Provisioner::new(client.clone(), clock(), settings).run(stop.clone()));
        let settings = pods::Settings {
            subnet: subnet.parse().unwrap(),
            runtime: Arc::new(servers),
            ..pods::Settings::new(&lab.name)
        };
        actors.spawn(PodRunner::new(client.clone(), clock(), settings).run(stop.clone()));
        let settings = executor::Settings {
            namespaces: vec![NamespacePattern::parse(&lab.name).expect("a name")],
            ..executor::Settings::default()
        };
        let calls = Calls::new(Duration::from_secs(10), Arc::new(()));
        actors.spawn(Executor::new(client, clock(), calls, settings).run(stop.clone()));

        let install =
            Install::new(lab.plane, &format!("daemon-{}", lab.name), &lab.plane.server()).await;
        let settings = json!({
            "watch": {"namespaces": [lab.name]},
            "rotation": {"minInterval": "0s"},
            "probe": {"every": "30s"},
        });
        let daemon = Daemon::start(&install, "one", &settings);
        daemon.ready().await;
        Self { lab, daemon, actors, stop, _scratch: scratch }
    }

    async fn create(&self) {
        let reference = json!({"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"});
        let mysql = json!({"metadata": {"name": DATABASE},
            "spec": {"version": "9.1.0", "storageType": "Ephemeral", "requireSSL": true,
                "deletionPolicy": "WipeOut", "tls": {"issuerRef": reference}}});
        self.lab.admin.create(MYSQL, &self.lab.name, mysql).await;
        self.eventually("the database to be Ready", async || {
            let mysql = self.lab.admin.get(MYSQL, &self.lab.name, DATABASE).await;
            let ready = mysql["status"]["phase"] == "Ready";
            ready.then_some(()).ok_or_else(|| mysql["status"].to_string())
        })
        .await;
    }

    /// Somebody has cert-manager renew the server's certificate, and restarts nothing.
    async fn renew(&self) {
        let name = format!("{DATABASE}-server-cert");
        let issuing = json!({"type": "Issuing", "status": "True", "reason": "Test",
            "message": "renewed by hand", "lastTransitionTime": rfc3339(now())});
        let admin = &self.lab.admin;
        admin.conditions(CERTIFICATE, &self.lab.name, &name, &[issuing], &Value::Null).await;
    }

    async fn served_current(&self, wanted: f64) {
        let labels = [("namespace", &*self.lab.name), ("database", DATABASE), ("pod", "shop-0")];
        self.eventually(&format!("{CURRENT} to be {wanted}"), async || {
            let metrics = self.daemon.metrics().await;
            match metrics.sum(CURRENT, &labels) {
                Some(value) if (value - wanted).abs() < 0.5 => Ok(()),
                other => Err(format!("{other:?}\n{}", self.daemon.tail(10))),
            }
        })
        .await;
    }

    async fn eventually<T>(&self, what: &str, look: impl AsyncFnMut() -> Result<T, String>) -> T {
        self.lab.eventually(&self.lab.name, PATIENCE, what, look).await
    }

    async fn end(mut self) {
        self.stop.cancel();
        let ended = async { while self.actors.join_next().await.is_some() {} };
        timeout(Duration::from_mins(1), ended).await.expect("all have stopped");
    }
}

async fn client(lab: &Lab) -> Client {
    let kubeconfig = lab.plane.folder().join("admin.kubeconfig");
    let target = Target { kubeconfig: Some(kubeconfig), context: None };
    let layer = ApiLayer::new(Arc::new(SystemClock), Arc::default(), Arc::new(()));
    connect(&target, layer).await.expect("a client")
}

/// The closed rotation, once there is one.
async fn closed(stage: &Stage<'_>) -> Value {
    stage
        .eventually("the rotation to be closed", async || {
            let found = stage.lab.admin.find(ROTATION, &stage.lab.name, DATABASE).await;
            let status = found.map(|rotation| rotation["status"].clone()).unwrap_or_default();
            let closed = status["current"].is_null() && !status["last"].is_null();
            closed.then(|| status["last"].clone()).ok_or_else(|| status.to_string())
        })
        .await
}

fn drift_is_seen_on_the_wire_and_healed(program: &'static str, subnet: &str) {
    let program = parts::find(program).map(|path| {
        parts::used(program);
        Program::at(&path).unwrap()
    });
    let program = match program {
        Ok(program) => program,
        Err(missing) => return parts::skipped(&test_name(), &missing.to_string()),
    };
    on_cluster(async |lab| {
        let stage = Stage::start(&lab, program, subnet).await;
        stage.create().await;
        stage.served_current(1.0).await;
        let before = lab.admin.get(POD, &lab.name, "shop-0").await["metadata"]["uid"].clone();

        stage.renew().await;
        stage.served_current(0.0).await;
        let last = closed(&stage).await;
        assert_eq!(last["outcome"], "verified", "{last:#}");
        assert!(last["causes"].to_string().contains("ServedStale"), "{last:#}");
        stage.served_current(1.0).await;
        let after = lab.admin.get(POD, &lab.name, "shop-0").await["metadata"]["uid"].clone();
        assert_ne!(before, after, "the server was restarted");
        let labels = [("namespace", &*lab.name), ("database", DATABASE), ("pod", "shop-0")];
        let trusted = "certrotor_served_certificate_trusted";
        assert_eq!(stage.daemon.metrics().await.sum(trusted, &labels), Some(1.0));
        stage.end().await;
    });
}

#[test]
fn drift_of_a_real_mysql_is_seen_and_healed() {
    drift_is_seen_on_the_wire_and_healed("mysqld", "127.94.1.0/28");
}

#[test]
fn drift_of_a_real_mariadb_is_seen_and_healed() {
    drift_is_seen_on_the_wire_and_healed("mariadbd", "127.94.2.0/28");
}
