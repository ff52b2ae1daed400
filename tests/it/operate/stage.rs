//! A place for the executor as a process: real control plane and cert-manager, KubeDB's provisioner
//! and the kubelet as the embedded cluster has them, and an account with the rights that are shipped.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use certrotor::clock::SystemClock;
use certrotor::cluster::client::{ApiLayer, Target, connect};
use certrotor::embedded::pods::{self, PodRunner, Runtime};
use certrotor::embedded::provisioner::{self, Provisioner};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::actor::issuer;
use crate::support::api::{MYSQL, POD, REQUEST};
use crate::support::control_plane::free_ports;
use crate::support::daemon::{BEYOND_ITS_RIGHTS, assert_no_secrets};
use crate::support::eventually::eventually;
use crate::support::http;
use crate::support::kubectl::Kubectl;
use crate::support::lab::Lab;
use crate::support::metrics::Metrics;
use crate::support::process::Process;
use crate::support::rbac::{self, Who};
use crate::support::time::{minutes, seconds};

/// How long one operation may take.
pub(super) const PATIENCE: Duration = minutes(3);

/// Everybody but the executor.
pub(super) struct Stage<'a> {
    pub(super) lab: &'a Lab,
    pub(super) kubectl: Kubectl,
    actors: JoinSet<()>,
    stop: CancellationToken,
    /// What the executor's token is good for.
    kubeconfig: PathBuf,
    pub(super) own: String,
}

/// `certrotor operate`.
pub(super) struct Executor {
    process: Process,
    port: u16,
}

impl<'a> Stage<'a> {
    pub(super) async fn start(lab: &'a Lab, runtime: Arc<dyn Runtime>, subnet: &str) -> Self {
        lab.admin.create_namespace(&lab.name).await;
        issuer(&lab.admin, &lab.name, "ca").await;
        let kubeconfig = lab.plane.folder().join("admin.kubeconfig");
        let (mut actors, stop) = (JoinSet::new(), CancellationToken::new());
        let clock = || Arc::new(SystemClock);
        let target = Target { kubeconfig: Some(kubeconfig.clone()), context: None };
        let layer = ApiLayer::new(clock(), Arc::default(), Arc::new(()));
        let client = connect(&target, layer).await.expect("a client");
        let settings = provisioner::Settings {
            namespace: Some(lab.name.clone()),
            ..provisioner::Settings::new(&lab.name)
        };
        actors.spawn(Provisioner::new(client.clone(), clock(), settings).run(stop.clone()));
        let settings = pods::Settings {
            subnet: subnet.parse().unwrap(),
            runtime,
            ..pods::Settings::new(&lab.name)
        };
        actors.spawn(PodRunner::new(client, clock(), settings).run(stop.clone()));
        let kubectl = Kubectl::new(lab.plane.folder(), &kubeconfig).expect("kubectl");

        let own = format!("executor-{}", lab.name);
        lab.admin.create_namespace(&own).await;
        rbac::apply_for(Who::Executor, &lab.admin, &own).await;
        let token = rbac::token_for(Who::Executor, &lab.admin, &own).await;
        let kubeconfig = lab.plane.kubeconfig(&own, &token, &lab.plane.server());
        Self { lab, kubectl, actors, stop, kubeconfig, own }
    }

    /// Starts an executor for the namespace of the test.
    pub(super) fn executor(&self, identity: &str, more: &[&str]) -> Executor {
        self.executor_with(identity, more, &json!({"caOverlap": "2s"}))
    }

    /// The same, which never has a server reload.
    pub(super) fn executor_that_restarts(&self, identity: &str, more: &[&str]) -> Executor {
        self.executor_with(identity, more, &json!({"reload": "never"}))
    }

    fn executor_with(&self, identity: &str, more: &[&str], settings: &Value) -> Executor {
        let [port] = free_ports();
        let folder = self.lab.plane.folder();
        let config = folder.join(format!("{}-{identity}.yaml", self.lab.name));
        let settings = json!({"watch": {"namespaces": [self.lab.name]}, "executor": settings});
        std::fs::write(&config, settings.to_string()).unwrap();
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let listen = format!("127.0.0.1:{port}");
        let (config, kubeconfig) = (path(&config), path(&self.kubeconfig));
        let args = [
            "operate",
            "--config",
            &config,
            "--kubeconfig",
            &kubeconfig,
            "--namespace",
            &self.own,
            "--identity",
            identity,
            "--listen",
            &listen,
        ];
        let args: Vec<String> = args.iter().chain(more).map(|arg| (*arg).to_owned()).collect();
        let variables = ["KUBECONFIG", "POD_NAME", "POD_NAMESPACE", "HOME", "CERTROTOR_CONFIG"];
        let mut variables: Vec<_> =
            variables.iter().map(|name| (*name, "/nonexistent".to_owned())).collect();
        variables.push(("RUST_LOG", "info,certrotor=debug".to_owned()));
        let log = folder.join(format!("{}-{identity}.log", self.own));
        let program = Path::new(env!("CARGO_BIN_EXE_certrotor"));
        Executor { process: Process::start_in(program, &args, &variables, &log), port }
    }

    /// Creates a database and waits until it is Ready.
    pub(super) async fn database(&self, name: &str, spec: Value) {
        let mut whole = json!({"version": "9.1.0", "storageType": "Ephemeral",
            "deletionPolicy": "WipeOut"});
        for (key, value) in spec.as_object().unwrap() {
            whole[key] = value.clone();
        }
        let mysql = json!({"metadata": {"name": name}, "spec": whole});
        self.lab.admin.create(MYSQL, &self.lab.name, mysql).await;
        self.phase_of(MYSQL, name, "Ready").await;
    }

    /// Sends a request as a person does: `kubectl apply` of a file.
    pub(super) fn apply(&self, yaml: &str) {
        let said = self.kubectl.run_with(&["apply", "-n", &self.lab.name, "-f", "-"], yaml);
        assert_eq!(said.code, Some(0), "{}", said.err);
    }

    /// The uid of a pod.
    pub(super) async fn uid(&self, pod: &str) -> String {
        crate::support::api::uid(&self.lab.admin.get(POD, &self.lab.name, pod).await).to_owned()
    }

    /// Waits until a request is over, and returns its status.
    pub(super) async fn ended(&self, request: &str) -> Value {
        self.eventually(&format!("{request} to end"), async || {
            let request = self.lab.admin.get(REQUEST, &self.lab.name, request).await;
            let status = request["status"].clone();
            let phase = status["phase"].as_str().unwrap_or_default();
            let over = matches!(phase, "Successful" | "Failed" | "Denied" | "Skipped");
            if over { Ok(status) } else { Err(status.to_string()) }
        })
        .await
    }

    pub(super) async fn phase_of(&self, kind: crate::support::api::Kind, name: &str, wanted: &str) {
        self.eventually(&format!("{name} to be {wanted}"), async || {
            let object = self.lab.admin.get(kind, &self.lab.name, name).await;
            let reached = object["status"]["phase"] == wanted;
            reached.then_some(()).ok_or_else(|| object["status"].to_string())
        })
        .await;
    }

    pub(super) async fn eventually<T>(
        &self,
        what: &str,
        look: impl AsyncFnMut() -> Result<T, String>,
    ) -> T {
        self.lab.eventually(&self.lab.name, PATIENCE, what, look).await
    }

    pub(super) async fn end(mut self) {
        self.stop.cancel();
        let ended = async { while self.actors.join_next().await.is_some() {} };
        timeout(Duration::from_mins(1), ended).await.expect("all have stopped");
    }
}

impl Executor {
    /// Waits until it says that it is ready.
    pub(super) async fn ready(&self) {
        eventually(minutes(1), "the executor to be ready", async || {
            let answer = http::get(self.port, "/readyz").await?;
            (answer.status == 200).then_some(()).ok_or_else(|| self.process.tail(20))
        })
        .await;
    }

    pub(super) async fn metrics(&self) -> Metrics {
        let page = eventually(seconds(20), "the metrics page", async || {
            http::get(self.port, "/metrics").await
        });
        Metrics::parse(&page.await.body)
    }

    /// Its status, once it has ended.
    pub(super) async fn ended(&self) -> ExitStatus {
        eventually(minutes(1), "the executor to end", async || {
            self.process.ended().ok_or_else(|| self.process.tail(20))
        })
        .await
    }

    pub(super) fn signal(&self, signal: &str) {
        self.process.signal(signal);
    }

    pub(super) fn printed(&self) -> String {
        self.process.tail(usize::MAX)
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let printed = self.printed();
            assert_no_secrets(&printed);
            assert!(!printed.contains(BEYOND_ITS_RIGHTS), "{printed}");
        }
    }
}
