//! One pod on the node, from its first sight until it is gone: the kubelet's pod worker.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod};
use kube::ResourceExt as _;
use tokio::time::{Instant, timeout};

use super::backoff::{Backoff, CrashBackoff};
use super::environment;
use super::mounts::Mounts;
use super::node::Node;
use super::runtime::{Changed, Exit, Order, Part, Server, ServerState};
use super::served::{PodName, Serving};
use super::status::{self, Conditions};
use crate::api::meta::is_deleting;
use crate::core::certificate::Fingerprint;
use crate::core::time::Time;

/// The container that runs mysqld.
pub(super) const SERVER: &str = "mysql";
/// How the kubelet waits before it tries again to mount volumes or to make a container.
const SETUP: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(122));
/// How much of the log of a server that ended is told.
const LAST_LINES: usize = 8;
/// How long servers get to end when the node is shut down.
const SHUTDOWN: Duration = Duration::from_secs(20);

/// What is done for one pod.
pub(super) struct Worker {
    uid: String,
    pub(super) address: Ipv4Addr,
    port: u16,
    /// When the pod was first seen by a node.
    pub(super) started: Time,
    pub(super) conditions: Conditions,
    mounts: Option<Mounts>,
    setup: Backoff,
    crash: CrashBackoff,
    pub(super) state: State,
    pub(super) restarts: i32,
    /// How the container ended the last time.
    pub(super) last: Option<Ended>,
}

/// The container of the server.
pub(super) enum State {
    /// It waits for something.
    Waiting(Waiting),
    /// It runs.
    Running(Running),
    /// It has ended, and is not started again: the pod is being deleted.
    Ended(Ended),
}

/// Why a container does not run yet.
pub(super) struct Waiting {
    pub(super) reason: &'static str,
    pub(super) message: Option<String>,
    /// When it is started; at once if none.
    until: Option<Instant>,
}

/// A container that runs.
pub(super) struct Running {
    server: Arc<dyn Server>,
    pub(super) id: String,
    pub(super) started: Time,
    since: Instant,
    /// When it is killed; set once it was asked to end.
    deadline: Option<Instant>,
}

/// A container that has ended.
#[derive(Clone)]
pub(super) struct Ended {
    pub(super) id: String,
    pub(super) exit: i32,
    pub(super) reason: &'static str,
    pub(super) started: Option<Time>,
    pub(super) finished: Time,
}

impl Waiting {
    fn creating() -> Self {
        Self { reason: "ContainerCreating", message: None, until: None }
    }
}

impl Running {
    pub(super) fn is_ready(&self) -> bool {
        self.server.state() == ServerState::Accepting
    }

    fn ended(&self, exit: Exit, now: Time) -> Ended {
        let reason = if exit == Exit::CLEAN { "Completed" } else { "Error" };
        let (id, started) = (self.id.clone(), Some(self.started));
        Ended { id, exit: exit.code, reason, started, finished: now }
    }
}

impl Worker {
    /// A worker for a pod that is new to this process. What its status says of a container that
    /// runs was true before the node started anew.
    pub(super) fn new(pod: &Pod, address: Ipv4Addr, node: &Node) -> Self {
        let now = node.clock.now();
        let last = status::last_container(pod, SERVER, now);
        let ended = last.clone().filter(|_| is_deleting(&pod.metadata));
        Self {
            uid: pod.uid().unwrap_or_default(),
            address,
            port: node.settings.runtime.port(),
            started: status::start_time(pod).unwrap_or(now),
            conditions: Conditions::of(pod),
            mounts: None,
            setup: SETUP,
            crash: CrashBackoff::new(node.settings.crash_first, node.settings.crash_longest),
            state: ended.map_or(State::Waiting(Waiting::creating()), State::Ended),
            restarts: status::restarts(pod, SERVER),
            last,
        }
    }

    /// Whether the volumes are there, and with them all containers but the server's.
    pub(super) fn is_mounted(&self) -> bool {
        self.mounts.is_some()
    }

    /// Whether nothing runs of a pod that is being deleted.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.state, State::Waiting(_) | State::Ended(_))
    }

    /// What the server is in its group.
    pub(super) fn part(&self) -> Option<Part> {
        match &self.state {
            State::Running(running) if running.is_ready() => running.server.part(),
            State::Waiting(_) | State::Running(_) | State::Ended(_) => None,
        }
    }

    /// What clients find at the address of the pod.
    pub(super) fn serving(&self) -> Option<Serving> {
        let State::Running(running) = &self.state else {
            return None;
        };
        running.is_ready().then(|| Serving {
            uid: self.uid.clone(),
            address: SocketAddrV4::new(self.address, self.port),
            started: running.started,
            presents: running.server.presents(),
            server: Arc::downgrade(&running.server),
        })
    }

    /// Does what is due for the pod, and says when to look again if nothing happens before.
    pub(super) async fn sync(&mut self, pod: &Pod, node: &Node) -> Option<Instant> {
        self.note_end(pod, node);
        if is_deleting(&pod.metadata) {
            return self.terminate(pod, node);
        }
        if self.mounts.is_none()
            && let Err(retry) = self.mount(pod, node).await
        {
            return Some(retry);
        }
        let refresh = self.refresh(pod, node).await;
        let start = self.start(pod, node).await;
        [refresh, start].into_iter().flatten().min()
    }

    /// Kills the server, and waits for its end.
    pub(super) async fn kill(&mut self) {
        if let State::Running(running) = &self.state {
            running.server.kill();
            running.server.ended().await;
        }
    }

    /// Stops the server, and waits for its end.
    pub(super) async fn stop(&mut self) {
        if let State::Running(running) = &self.state {
            running.server.stop();
            if timeout(SHUTDOWN, running.server.ended()).await.is_err() {
                self.kill().await;
            }
        }
    }

    /// Takes note of a server that has ended.
    fn note_end(&mut self, pod: &Pod, node: &Node) {
        let State::Running(running) = &self.state else {
            return;
        };
        let ServerState::Ended(exit) = running.server.state() else {
            return;
        };
        let ended = running.ended(exit, node.clock.now());
        if is_deleting(&pod.metadata) {
            self.state = State::Ended(ended);
            return;
        }
        let log = running.server.log_tail();
        let last = log[log.len().saturating_sub(LAST_LINES)..].join("\n");
        tracing::warn!(
            pod = %PodName::of(pod), code = exit.code,
            "a server has ended by itself; its last lines:\n{last}"
        );
        let wait = self.crash.after(running.since.elapsed());
        self.last = Some(ended);
        self.back_off(wait, pod, node);
    }

    /// Lets the container wait so long before it is started again.
    fn back_off(&mut self, wait: Duration, pod: &Pod, node: &Node) {
        let PodName { namespace, name } = PodName::of(pod);
        if !wait.is_zero() {
            let text = format!("Back-off restarting failed container {SERVER} in pod {name}");
            node.tell(pod, "BackOff", true, text);
        }
        let (seconds, uid) = (wait.as_secs(), &self.uid);
        self.state = State::Waiting(Waiting {
            reason: "CrashLoopBackOff",
            message: Some(format!(
                "back-off {seconds}s restarting failed container={SERVER} \
                 pod={name}_{namespace}({uid})"
            )),
            until: Some(Instant::now() + wait),
        });
    }

    /// Ends the server of a pod that is being deleted, within its grace period.
    fn terminate(&mut self, pod: &Pod, node: &Node) -> Option<Instant> {
        let State::Running(running) = &mut self.state else {
            return None;
        };
        let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
        let grace = Duration::from_secs(u64::try_from(grace).unwrap_or(0));
        let latest = Instant::now() + grace;
        if running.deadline.is_none() {
            node.tell(pod, "Killing", false, format!("Stopping container {SERVER}"));
            running.server.stop();
        }
        let deadline = *running.deadline.insert(running.deadline.unwrap_or(latest).min(latest));
        if deadline <= Instant::now() {
            running.server.kill();
            return None;
        }
        Some(deadline)
    }

    async fn mount(&mut self, pod: &Pod, node: &Node) -> Result<(), Instant> {
        match Mounts::mount(pod, SERVER, node).await {
            Ok(mounts) => {
                self.mounts = Some(mounts);
                self.setup.start_over();
                Ok(())
            }
            Err(failure) => {
                node.tell(pod, "FailedMount", true, failure.to_string());
                self.state = State::Waiting(Waiting::creating());
                Err(Instant::now() + self.setup.delay())
            }
        }
    }

    /// Lets the mounted files follow their Secrets, late as the kubelet does.
    async fn refresh(&mut self, pod: &Pod, node: &Node) -> Option<Instant> {
        let mounts = self.mounts.as_mut()?;
        let namespace = pod.namespace().unwrap_or_default();
        let due = node.secrets.newer(&namespace, &mounts.versions)? + node.settings.files_follow;
        if due > Instant::now() {
            return Some(due);
        }
        let failure = mounts.refresh(pod, SERVER, node).await.err()?;
        node.tell(pod, "FailedMount", true, failure.to_string());
        Some(Instant::now() + self.setup.delay())
    }

    /// Starts the container if it is time.
    async fn start(&mut self, pod: &Pod, node: &Node) -> Option<Instant> {
        let State::Waiting(waiting) = &self.state else {
            return None;
        };
        if let Some(until) = waiting.until.filter(|until| *until > Instant::now()) {
            return Some(until);
        }
        let container = server_container(pod)?;
        let namespace = pod.namespace().unwrap_or_default();
        let env = match environment::read(container, &namespace, node).await {
            Ok(env) => env,
            Err(why) => {
                node.tell(pod, "Failed", true, format!("Error: {why}"));
                self.state = State::Waiting(Waiting {
                    reason: "CreateContainerConfigError",
                    message: Some(why),
                    until: None,
                });
                return Some(Instant::now() + self.setup.delay());
            }
        };
        self.setup.start_over();
        self.restarts = self.restarts.saturating_add(i32::from(self.last.is_some()));
        let id = self.container_id(node);
        let command = container.command.iter().flatten();
        let order = Order {
            id: id.clone(),
            args: command.chain(container.args.iter().flatten()).cloned().collect(),
            env,
            files: self.mounts.as_ref().map(|mounts| mounts.files.clone()).unwrap_or_default(),
            address: self.address,
            clock: Arc::clone(&node.clock),
            changed: Changed::new(node.changes.clone(), PodName::of(pod)),
        };
        let server = node.settings.runtime.start(order);
        let (started, since) = (node.clock.now(), Instant::now());
        self.state = State::Running(Running { server, id, started, since, deadline: None });
        node.tell(pod, "Started", false, format!("Started container {SERVER}"));
        None
    }

    /// As a runtime makes them, but the same in each run of a simulation.
    fn container_id(&self, node: &Node) -> String {
        let what = format!("{} {SERVER} {}", self.uid, self.restarts);
        format!("{}://{}", node.settings.runtime.name(), Fingerprint::of(what.as_bytes()))
    }
}

/// The container of the server in the pod's spec.
pub(super) fn server_container(pod: &Pod) -> Option<&Container> {
    let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    containers.iter().find(|container| container.name == SERVER)
}
