//! A real Kubernetes control plane on loopback, and real cert-manager beside it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use kube::{Client, Config};
use serde_json::{Value, json};

use super::api::Cluster;
use super::eventually::patiently;
use super::kubeconfig::{self, Credential};
use super::parts::{self, Missing};
use super::pki::{Authority, Leaf, token_keys};
use super::process::{Process, Scratch};

/// How long the apiserver may take to be ready: this machine may be busy with much else.
const READY: Duration = Duration::from_mins(2);

/// What runs besides etcd and kube-apiserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Nothing: an empty cluster.
    Bare,
    /// kube-controller-manager, the CRDs, cert-manager.
    Whole,
}

/// A running control plane. Dropping it ends it.
pub(crate) struct ControlPlane {
    // First: the programs end before their folder goes.
    apiserver: Mutex<Option<Process>>,
    others: Mutex<Vec<Process>>,
    authority: Authority,
    files: Files,
    port: u16,
    etcd: u16,
    scratch: Scratch,
}

/// The programs.
struct Files {
    apiserver: PathBuf,
    etcd: PathBuf,
    controllers: PathBuf,
    cert_manager: PathBuf,
}

impl Files {
    fn find() -> Result<Self, Missing> {
        Ok(Self {
            apiserver: parts::find("kube-apiserver")?,
            etcd: parts::find("etcd")?,
            controllers: parts::find("kube-controller-manager")?,
            cert_manager: parts::find("cert-manager-controller")?,
        })
    }
}

impl ControlPlane {
    /// Starts one, unless a part of it is missing on this machine.
    pub(crate) async fn start(name: &str, extent: Extent) -> Result<Self, String> {
        let files = Files::find().map_err(|missing| missing.to_string())?;
        let crds = match extent {
            Extent::Bare => Vec::new(),
            Extent::Whole => {
                let mut crds = super::crds::foreign()?;
                crds.push(super::crds::ours());
                crds
            }
        };
        let [port, etcd, peer] = free_ports();
        let plane = Self {
            apiserver: Mutex::default(),
            others: Mutex::default(),
            authority: Authority::new("certrotor-test-ca"),
            files,
            port,
            etcd,
            scratch: Scratch::new(name),
        };
        plane.write_files();
        plane.start_etcd(peer);
        plane.start_apiserver().await;
        if extent == Extent::Whole {
            plane.run("kube-controller-manager", &plane.files.controllers, CONTROLLERS);
            plane.install(crds).await;
            plane.run("cert-manager-controller", &plane.files.cert_manager, CERT_MANAGER);
        }
        Ok(plane)
    }

    /// Installs CRDs and waits until they are served.
    pub(crate) async fn install(&self, crds: Vec<super::crds::Crd>) {
        let admin = self.admin().await;
        let install = crds.into_iter().map(|crd| {
            let admin = admin.clone();
            async move { crd.install(&admin).await }
        });
        join_all(install).await;
    }

    /// The cluster as its administrator sees it.
    pub(crate) async fn admin(&self) -> Cluster {
        Cluster::connect(&self.folder().join("admin.kubeconfig")).await
    }

    /// The folder of its files; tests put their own there.
    pub(crate) fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// Where the apiserver listens.
    pub(crate) fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// A kubeconfig for a token; `server` may be a proxy in between.
    pub(crate) fn kubeconfig(&self, name: &str, token: &str, server: &str) -> PathBuf {
        let authority = self.authority.pair().certificate;
        let text = kubeconfig::text(server, &authority, &Credential::Token(token));
        self.scratch.file(&format!("{name}.kubeconfig"), &text)
    }

    /// Starts kube-apiserver and waits until it is ready.
    pub(crate) async fn start_apiserver(&self) {
        let process = self.spawn("kube-apiserver", &self.files.apiserver, APISERVER);
        *self.apiserver.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
        let client = self.admin().await.client().clone();
        let ready = patiently(READY, async || {
            let request = http::Request::get("/readyz").body(Vec::new()).unwrap();
            let answer = client.request_text(request).await;
            answer.map(drop).map_err(|error| error.to_string())
        });
        if let Err(seen) = ready.await {
            panic!("kube-apiserver is not ready: {seen}\n{}", self.apiserver_tail());
        }
    }

    /// Kills kube-apiserver.
    pub(crate) fn kill_apiserver(&self) {
        let process = self.apiserver.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(process);
    }

    /// Makes etcd forget how everything was before now, as the apiserver lets it every few minutes.
    pub(crate) async fn compact(&self) {
        let url = format!("http://127.0.0.1:{}", self.etcd);
        let etcd = Client::try_from(Config::new(url.parse().unwrap())).unwrap();
        let ask = async |path: &str, question: Value| -> Value {
            let request = http::Request::post(path).body(question.to_string().into_bytes());
            etcd.request(request.unwrap()).await.unwrap()
        };
        let any = ask("/v3/kv/range", json!({"key": "AA=="})).await;
        ask("/v3/kv/compaction", json!({"revision": any["header"]["revision"]})).await;
    }

    /// What an account has asked of the apiserver so far, as its audit log tells it.
    pub(crate) fn audit(&self, user: &str) -> Vec<Value> {
        let log = std::fs::read_to_string(self.folder().join("audit.log")).unwrap_or_default();
        // The last line may not be whole yet.
        let entries = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        entries.filter(|entry| entry["user"]["username"] == user).collect()
    }

    fn apiserver_tail(&self) -> String {
        let process = self.apiserver.lock().unwrap_or_else(PoisonError::into_inner);
        process.as_ref().map_or_else(|| "(it does not run)".to_owned(), |process| process.tail(30))
    }

    fn start_etcd(&self, peer: u16) {
        let own = [("@PEER@", peer.to_string())];
        self.run_with("etcd", &self.files.etcd, ETCD, &own);
    }

    fn run(&self, name: &str, program: &Path, args: &str) {
        self.run_with(name, program, args, &[]);
    }

    fn run_with(&self, name: &str, program: &Path, args: &str, own: &[(&str, String)]) {
        let args = own.iter().fold(args.to_owned(), |args, (key, value)| args.replace(key, value));
        let process = self.spawn(name, program, &args);
        self.others.lock().unwrap_or_else(PoisonError::into_inner).push(process);
    }

    fn spawn(&self, name: &str, program: &Path, args: &str) -> Process {
        parts::used(name);
        let fill_in = |arg: &str| {
            arg.replace("@DIR@", &self.folder().to_string_lossy())
                .replace("@ETCD@", &self.etcd.to_string())
                .replace("@PORT@", &self.port.to_string())
        };
        let args: Vec<String> = args.split_whitespace().map(fill_in).collect();
        Process::start(program, &args, &self.folder().join(format!("{name}.log")))
    }

    fn write_files(&self) {
        let authority = self.authority.pair();
        self.scratch.file("ca.crt", &authority.certificate);
        let hosts = ["localhost", "kubernetes.default.svc"];
        let pair = self.authority.sign(&Leaf::server("kube-apiserver", &hosts));
        self.scratch.file("apiserver.crt", &pair.certificate);
        self.scratch.file("apiserver.key", &pair.key);
        self.scratch.file("audit.yaml", AUDIT);
        let (private, public) = token_keys();
        self.scratch.file("sa.key", &private);
        self.scratch.file("sa.pub", &public);
        for (file, user, group) in [
            ("admin", "admin", Some("system:masters")),
            ("controllers", "system:kube-controller-manager", None),
        ] {
            let pair = self.authority.sign(&Leaf::user(user, group));
            let credential = Credential::Certificate(&pair);
            let text = kubeconfig::text(&self.server(), &authority.certificate, &credential);
            self.scratch.file(&format!("{file}.kubeconfig"), &text);
        }
    }
}

const ETCD: &str = "--name=t --data-dir=@DIR@/etcd \
    --listen-client-urls=http://127.0.0.1:@ETCD@ --advertise-client-urls=http://127.0.0.1:@ETCD@ \
    --listen-peer-urls=http://127.0.0.1:@PEER@ \
    --initial-advertise-peer-urls=http://127.0.0.1:@PEER@ \
    --initial-cluster=t=http://127.0.0.1:@PEER@ --unsafe-no-fsync --log-level=warn";

/// Without the `ServiceAccount` plugin a Pod need not wait for its namespace's default account.
const APISERVER: &str = "--etcd-servers=http://127.0.0.1:@ETCD@ \
    --bind-address=127.0.0.1 --secure-port=@PORT@ --advertise-address=127.0.0.1 \
    --endpoint-reconciler-type=none --tls-cert-file=@DIR@/apiserver.crt \
    --tls-private-key-file=@DIR@/apiserver.key --client-ca-file=@DIR@/ca.crt \
    --service-account-issuer=https://kubernetes.default.svc \
    --service-account-key-file=@DIR@/sa.pub --service-account-signing-key-file=@DIR@/sa.key \
    --authorization-mode=RBAC --service-cluster-ip-range=10.0.0.0/24 --allow-privileged=true \
    --disable-admission-plugins=ServiceAccount --profiling=false \
    --audit-policy-file=@DIR@/audit.yaml --audit-log-path=@DIR@/audit.log";

/// Who of the accounts has asked for what. Tests act as the administrator, which is of no interest.
const AUDIT: &str = r#"{"apiVersion": "audit.k8s.io/v1", "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "userGroups": ["system:serviceaccounts"]}, {"level": "None"}]}"#;

/// Not `*`: its collector of orphaned Pods would take ours, which name a node that is not there.
const CONTROLLERS: &str = "--kubeconfig=@DIR@/controllers.kubeconfig --secure-port=0 \
    --leader-elect=false --use-service-account-credentials=true \
    --service-account-private-key-file=@DIR@/sa.key --root-ca-file=@DIR@/ca.crt \
    --controllers=statefulset-controller,garbage-collector-controller,namespace-controller,\
serviceaccount-controller,disruption-controller";

const CERT_MANAGER: &str = "--kubeconfig=@DIR@/admin.kubeconfig";

/// Ports that nobody listens on at the moment.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}
