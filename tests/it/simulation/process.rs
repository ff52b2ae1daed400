//! The processes under test: how they are started and killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use certrotor::clock::{Clock, Offset, PausedClock, ServerClock};
use certrotor::cluster::client::{ApiLayer, Calls};
use certrotor::core::time::{Span, Time};
use certrotor::daemon::{self, Daemon, Identity, Parts};
use certrotor::embedded::api::{Call, FaultLayer, Faulty};
use certrotor::executor::{self, Executor};
use certrotor::metrics::acts::Acts;
use kube::Client;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;

use super::plan::Role;
use super::twist::{TwistLayer, Twisted};
use super::world::{OWN, World};
use crate::support::voice::Unspoken;

/// How long one call may take, as in production.
const DEADLINE: Duration = Duration::from_secs(10);

/// A process that is alive, or was.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) role: Role,
    pub(crate) index: usize,
    /// How often it has been started.
    pub(crate) life: usize,
    task: JoinHandle<()>,
}

/// The clock of a host: the cluster's, and how far it is set wrong.
#[derive(Debug)]
pub(crate) struct HostClock {
    pub(crate) cluster: Arc<PausedClock>,
    pub(crate) wrong: AtomicI64,
}

impl Clock for HostClock {
    fn now(&self) -> Time {
        self.cluster.now() + Span::seconds(self.wrong.load(Ordering::Relaxed))
    }
}

impl Process {
    /// Starts one. The next life of a process has another name, as a new pod has.
    pub(crate) fn start(world: &Arc<World>, role: Role, index: usize, life: usize) -> Self {
        let name = match role {
            Role::Daemon => format!("certrotor-{index}-{life}"),
            Role::Executor => format!("executor-{index}-{life}"),
        };
        let task = match role {
            Role::Daemon => tokio::spawn(daemon(world, &name, index)),
            Role::Executor => tokio::spawn(executor(world, index, &name)),
        };
        Self { role, index, life, task }
    }

    /// Kills it, as SIGKILL does.
    pub(crate) fn kill(&self) {
        self.task.abort();
    }

    /// Kills it; whether it had already ended by itself, which it must not.
    pub(crate) async fn end(self) -> bool {
        let ended = self.task.is_finished();
        self.task.abort();
        let cancelled = matches!(self.task.await, Err(error) if error.is_cancelled());
        ended || !cancelled
    }
}

/// The API as this process reaches it.
fn api(world: &Arc<World>, role: Role, index: usize, name: &str) -> Faulty<Twisted> {
    let service = world.server.service(name).with_lag(world.plan.lag);
    let twist = TwistLayer {
        mutant: world.plan.mutant.filter(|_| role == Role::Daemon),
        lease: world.plan.all_lead.then_some(index),
    };
    let (faults, journal) = (Arc::clone(&world.faults), Arc::clone(&world.journal));
    let who = name.to_owned();
    let plan = move |call: &Call| {
        let fault = faults.of_request(role, index, call);
        journal.note(&who, call, &fault);
        fault
    };
    ServiceBuilder::new().layer(FaultLayer::new(plan)).layer(twist).service(service)
}

fn daemon(world: &Arc<World>, name: &str, index: usize) -> impl Future<Output = ()> + use<> {
    let api = api(world, Role::Daemon, index, name);
    let offset = Arc::new(Offset::default());
    let acts = Arc::new(Acts::new(&daemon::vocabulary()).expect("metrics"));
    let local = Arc::clone(&world.hosts[index]) as Arc<dyn Clock>;
    let layer = ApiLayer::new(Arc::clone(&local), Arc::clone(&offset), Arc::clone(&acts) as _);
    let client = Client::new(ServiceBuilder::new().layer(layer).service(api), OWN);
    let right = Arc::new(ServerClock::new(local, Arc::clone(&offset))) as Arc<dyn Clock>;
    let clock = world.plan.mutant.and_then(|mutant| mutant.clock(world.clock.now()));
    let parts = Parts {
        client,
        calls: Calls::new(DEADLINE, Arc::clone(&acts) as _),
        clock: clock.unwrap_or(right),
        offset,
        acts,
        identity: Identity { namespace: OWN.to_owned(), replica: name.to_owned() },
    };
    Daemon::new(parts, world.loaded.subscribe()).run(CancellationToken::new())
}

fn executor(world: &Arc<World>, index: usize, name: &str) -> impl Future<Output = ()> + use<> {
    let client = Client::new(api(world, Role::Executor, index, name), OWN);
    let calls = Calls::new(DEADLINE, Arc::new(()));
    let settings = executor::Settings {
        replica: name.to_owned(),
        loopback: true,
        ..executor::Settings::default()
    };
    let wrong = AtomicI64::new(world.plan.ahead.as_seconds());
    let clock = Arc::new(HostClock { cluster: Arc::clone(&world.clock), wrong });
    let voice = Arc::new(Unspoken(world.served.clone()));
    let executor = Executor::new(client, clock, calls, settings).speaking_with(voice);
    executor.run(CancellationToken::new())
}
