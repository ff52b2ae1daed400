//! The daemon as a process of its own: the real binary, its config file, its pages, its end.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::control_plane::{ControlPlane, free_ports};
use super::eventually::eventually;
use super::http::{self, Answer};
use super::metrics::Metrics;
use super::process::Process;
use super::rbac;
use super::time::{minutes, seconds};

/// What a daemon is started with. Its replicas share it.
pub(crate) struct Install {
    /// The namespace of its Lease and its slots, and its id among installations.
    pub(crate) namespace: String,
    /// What its token is good for, and where the apiserver is.
    pub(crate) kubeconfig: PathBuf,
    folder: PathBuf,
    /// Whether it has the rights that are shipped.
    may_all: bool,
}

/// A running daemon. Dropping it kills it, and fails the test if it has printed a private key or
/// that the shipped rights are too few.
pub(crate) struct Daemon {
    pub(crate) identity: String,
    may_all: bool,
    config: ConfigFolder,
    port: u16,
    process: Mutex<Process>,
    args: Vec<String>,
    log: PathBuf,
}

/// A config file as a mounted ConfigMap holds it: a link through a folder that is swapped whole.
pub(crate) struct ConfigFolder {
    folder: PathBuf,
    version: AtomicU32,
}

impl Install {
    /// Makes the namespace and the rights of a daemon; `server` is where it finds the apiserver.
    pub(crate) async fn new(plane: &ControlPlane, namespace: &str, server: &str) -> Self {
        let admin = plane.admin().await;
        admin.create_namespace(namespace).await;
        rbac::apply(&admin, namespace).await;
        Self { may_all: true, ..Self::without_rights(plane, namespace, server).await }
    }

    /// The same in a namespace that is there, with an account that is there.
    pub(crate) async fn without_rights(
        plane: &ControlPlane,
        namespace: &str,
        server: &str,
    ) -> Self {
        let token = rbac::token(&plane.admin().await, namespace).await;
        Self {
            namespace: namespace.to_owned(),
            kubeconfig: plane.kubeconfig(namespace, &token, server),
            folder: plane.folder().to_owned(),
            may_all: false,
        }
    }
}

impl Daemon {
    /// Starts a replica with these settings; where it serves is filled in.
    pub(crate) fn start(install: &Install, identity: &str, settings: &Value) -> Self {
        let [port] = free_ports();
        Self::start_with_text(install, identity, &with_address(settings, port), port)
    }

    /// Starts a replica with a config file of any content; it serves its metrics on `port`.
    pub(crate) fn start_with_text(
        install: &Install,
        identity: &str,
        text: &str,
        port: u16,
    ) -> Self {
        let name = format!("{}-{identity}", install.namespace);
        let config = ConfigFolder::new(&install.folder.join(format!("{name}-config")));
        config.swap(text);
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let args: Vec<String> = [
            "run",
            "--config",
            &path(&config.file()),
            "--kubeconfig",
            &path(&install.kubeconfig),
            "--namespace",
            &install.namespace,
            "--identity",
            identity,
            "--probe-loopback",
        ]
        .map(str::to_owned)
        .to_vec();
        let log = install.folder.join(format!("{name}.log"));
        let process = Mutex::new(spawn(&args, &log));
        Self {
            identity: identity.to_owned(),
            may_all: install.may_all,
            config,
            port,
            process,
            args,
            log,
        }
    }

    /// Starts it again, after it has ended.
    pub(crate) fn start_again(&self) {
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = spawn(&self.args, &self.log);
    }

    /// Kills it as `kill -9` does, and returns when it is gone.
    pub(crate) fn kill(&self) {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).kill();
    }

    /// Sends it SIGTERM.
    pub(crate) fn terminate(&self) {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).signal("TERM");
    }

    /// Its status, if it has ended.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).ended()
    }

    /// Changes its config file, in the way of a kubelet.
    pub(crate) fn configure(&self, settings: &Value) {
        self.config.swap(&with_address(settings, self.port));
    }

    /// Changes its config file to any text.
    pub(crate) fn configure_with_text(&self, text: &str) {
        self.config.swap(text);
    }

    /// All that it has printed, in all its lives.
    pub(crate) fn printed(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The last lines that it has printed.
    pub(crate) fn tail(&self, lines: usize) -> String {
        let printed = self.printed();
        let all: Vec<&str> = printed.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// One of its pages.
    pub(crate) async fn page(&self, path: &str) -> Result<Answer, String> {
        http::get(self.port, path).await
    }

    /// Where its status page is, as it has said last.
    pub(crate) async fn page_address(&self) -> String {
        eventually(seconds(20), "the address of the status page", async || {
            let printed = self.printed();
            let lines = printed.lines().rev().filter_map(|line| serde_json::from_str(line).ok());
            let said = |line: &Value| line["message"] == "serving the status page and /api/v1";
            let address = lines.into_iter().find(said).map(|line| line["address"].clone());
            address.as_ref().and_then(Value::as_str).map(str::to_owned).ok_or(printed)
        })
        .await
    }

    /// Its metrics now.
    pub(crate) async fn metrics(&self) -> Metrics {
        let what = "the metrics page";
        let page = eventually(seconds(20), what, async || self.page("/metrics").await).await;
        assert_eq!(page.status, 200, "{}", page.body);
        Metrics::parse(&page.body)
    }

    /// The value of a metric, once it satisfies `wanted`.
    pub(crate) async fn metric(
        &self,
        name: &str,
        labels: &[(&str, &str)],
        wanted: impl Fn(f64) -> bool,
    ) -> f64 {
        let what = format!("the metric {name} {labels:?}");
        eventually(seconds(30), &what, async || {
            let metrics = self.metrics().await;
            match metrics.sum(name, labels) {
                Some(value) if wanted(value) => Ok(value),
                other => Err(format!("{other:?} of {:?}", metrics.all(name, &[]))),
            }
        })
        .await
    }

    /// Waits until it says that it is ready.
    pub(crate) async fn ready(&self) {
        self.answers("/readyz", |answer| answer.status == 200).await;
    }

    /// Waits until a page answers as wanted; ends the test if the daemon ends.
    pub(crate) async fn answers(&self, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
        let what = format!("{path} of {}", self.identity);
        let answer = super::eventually::patiently(minutes(1), async || {
            assert_eq!(self.ended(), None, "the daemon has ended:\n{}", self.tail(30));
            let answer = self.page(path).await?;
            if wanted(&answer) { Ok(answer) } else { Err(format!("{answer:?}")) }
        });
        match answer.await {
            Ok(answer) => answer,
            Err(seen) => panic!("waited for {what}; last seen: {seen}\n{}", self.tail(30)),
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
        if !std::thread::panicking() {
            let printed = self.printed();
            assert_no_secrets(&printed);
            assert!(!self.may_all || !printed.contains(BEYOND_ITS_RIGHTS), "{printed}");
        }
    }
}

/// How the apiserver's own authorisation refuses a call.
pub(crate) const BEYOND_ITS_RIGHTS: &str = "is forbidden: User ";

/// Nothing that a daemon prints holds a private key or a token.
pub(crate) fn assert_no_secrets(printed: &str) {
    for secret in ["PRIVATE KEY", "tls.key", "eyJhbGciOi"] {
        let line = printed.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "the daemon has printed {secret}");
    }
}

impl ConfigFolder {
    fn new(folder: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        let link = folder.join("certrotor.yaml");
        if !link.is_symlink() {
            symlink("..data/certrotor.yaml", link).unwrap();
        }
        Self { folder: folder.to_owned(), version: AtomicU32::new(0) }
    }

    /// Where the daemon finds the file.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("certrotor.yaml")
    }

    /// Changes the content in the way of a kubelet: a new folder, and one link moved over another.
    pub(crate) fn swap(&self, text: &str) {
        let version = self.version.fetch_add(1, Ordering::Relaxed);
        let new = format!("..{version}");
        fs::create_dir_all(self.folder.join(&new)).unwrap();
        fs::write(self.folder.join(&new).join("certrotor.yaml"), text).unwrap();
        let moving = self.folder.join("..data_tmp");
        symlink(&new, &moving).unwrap();
        fs::rename(moving, self.folder.join("..data")).unwrap();
    }
}

/// A config file with these settings, for a daemon that serves its metrics on `port`.
pub(crate) fn with_address(settings: &Value, port: u16) -> String {
    let mut settings = settings.clone();
    // The pods of the actor are no servers.
    if settings["probe"].is_null() {
        settings["probe"] = json!({"enabled": false});
    }
    settings["server"] = json!({"metrics": format!("127.0.0.1:{port}"), "page": "127.0.0.1:0"});
    settings.to_string()
}

/// The logs of all daemons of this run.
static LOGS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// The last lines in which any daemon says something of a namespace, or that something is wrong.
pub(crate) fn said_of(namespace: &str) -> String {
    const LINES: usize = 40;
    let logs = LOGS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let texts: Vec<String> =
        logs.iter().map(|log| fs::read_to_string(log).unwrap_or_default()).collect();
    let about = |line: &&str| {
        ["WARN", "ERROR", "panicked", namespace].iter().any(|word| line.contains(word))
    };
    let lines: Vec<&str> = texts.iter().flat_map(|text| text.lines()).filter(about).collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

fn spawn(args: &[String], log: &Path) -> Process {
    let mut logs = LOGS.lock().unwrap_or_else(PoisonError::into_inner);
    if !logs.iter().any(|known| known == log) {
        logs.push(log.to_owned());
    }
    drop(logs);
    let program = Path::new(env!("CARGO_BIN_EXE_certrotor"));
    // Nothing of the machine's own: no cluster but the one of the kubeconfig, no identity.
    let variables = ["KUBECONFIG", "POD_NAME", "POD_NAMESPACE", "HOME", "CERTROTOR_CONFIG"];
    let mut variables: Vec<_> =
        variables.iter().map(|name| (*name, "/nonexistent".to_owned())).collect();
    variables.push(("RUST_LOG", "info,certrotor=debug".to_owned()));
    variables.push(("RUST_BACKTRACE", "1".to_owned()));
    Process::start_in(program, args, &variables, log)
}
