//! The cluster: two databases with fifty days old certificates, and everybody who is not under test.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError};

use certrotor::clock::{Clock as _, PausedClock};
use certrotor::config::Config;
use certrotor::config::reload::Loaded;
use certrotor::core::time::Span;
use certrotor::embedded::api::{ApiServer, Call, Fault, FaultLayer};
use certrotor::embedded::issuer::{self, CertManager};
use certrotor::embedded::pods::{self, PodName, PodRunner, Served, Serving, SimulatedMysqld};
use certrotor::embedded::provisioner::{self, Provisioner};
use certrotor::embedded::stateful_set::StatefulSets;
use certrotor::pki::{Algorithm, Entropy};
use kube::Client;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;

use super::faults::{Faults, Journal};
use super::history::{Spell, spells_between};
use super::plan::Plan;
use super::process::HostClock;
use super::scene;

/// What the databases are called, by number: a plan says how many there are.
pub(crate) const DATABASES: [&str; 3] = ["blog", "shop", "wiki"];
pub(crate) const NAMESPACE: &str = "demo";
/// Where certrotor keeps what is its own.
pub(crate) const OWN: &str = "certrotor-system";
/// So long a certificate of ninety days has 44 % left.
const AGE: Span = Span::days(50);

/// A cluster.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) server: ApiServer,
    pub(crate) clock: Arc<PausedClock>,
    /// The clock of each daemon's host.
    pub(crate) hosts: [Arc<HostClock>; 2],
    pub(crate) faults: Arc<Faults>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) loaded: watch::Sender<Arc<Loaded>>,
    pub(crate) served: Served,
    spells: Mutex<Vec<Spell>>,
    /// The revision before which everything was only preparation.
    pub(crate) from: u64,
}

/// Everybody who is not under test.
pub(crate) type Others = JoinSet<()>;

impl World {
    /// A cluster whose databases are due for a rotation, and everybody else at work on it.
    pub(crate) async fn begin(plan: &Plan, scene: &ApiServer) -> (Arc<Self>, Others) {
        let clock = Arc::new(PausedClock::new(scene::birth() + AGE + plan.begins));
        let server = scene.fork(Arc::clone(&clock) as _);
        let journal = Arc::new(Journal::new());
        let (mut others, served) = others(&server, &clock, &journal);
        scene::until_up(&server, &served, &plan.servers).await;
        let host = || Arc::new(HostClock { cluster: Arc::clone(&clock), wrong: AtomicI64::new(0) });
        let world = Arc::new(Self {
            plan: plan.clone(),
            hosts: [host(), host()],
            faults: Arc::new(Faults::of(plan)),
            journal,
            loaded: watch::Sender::new(loaded(plan, plan.promise.config)),
            served,
            spells: Mutex::default(),
            from: server.revision(),
            server,
            clock,
        });
        others.spawn(Arc::clone(&world).see_servers());
        (world, others)
    }

    /// Notes from when to when each server presents which leaf.
    async fn see_servers(self: Arc<Self>) {
        let mut changes = self.served.subscribe();
        let mut before = BTreeMap::new();
        loop {
            let now = changes.borrow_and_update().clone();
            self.note_spells(&before, &now);
            before = now;
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn note_spells(&self, before: &BTreeMap<PodName, Serving>, now: &BTreeMap<PodName, Serving>) {
        let mut spells = self.spells.lock().unwrap_or_else(PoisonError::into_inner);
        spells_between(before, now, self.clock.now(), &mut spells);
    }

    /// From when to when each server has presented which leaf.
    pub(crate) fn spells(&self) -> Vec<Spell> {
        self.spells.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The databases that there are.
    pub(crate) fn databases(&self) -> &'static [&'static str] {
        &DATABASES[..self.plan.servers.len()]
    }

    /// The config file changes.
    pub(crate) fn reconfigure(&self, config: &str) {
        self.loaded.send_replace(loaded(&self.plan, config));
    }

    /// An object of a database.
    pub(crate) fn of(&self, resource: &str, database: &str) -> Value {
        let found = self.server.get(resource, NAMESPACE, database);
        found.map_or(Value::Null, |found| Value::clone(&found))
    }
}

fn loaded(plan: &Plan, config: &str) -> Arc<Loaded> {
    let config = match plan.mutant {
        Some(mutant) => mutant.config(config),
        None => config.to_owned(),
    };
    Loaded::fixed(Config::parse(&config, "sim.yaml").expect("a good config").0)
}

pub(super) fn others(
    server: &ApiServer,
    clock: &Arc<PausedClock>,
    journal: &Arc<Journal>,
) -> (Others, Served) {
    let client = |user: &'static str| {
        let journal = Arc::clone(journal);
        let note = move |call: &Call| {
            journal.note(user, call, &Fault::None);
            Fault::None
        };
        let service = server.service(user);
        Client::new(ServiceBuilder::new().layer(FaultLayer::new(note)).service(service), OWN)
    };
    let clock = || Arc::clone(clock) as _;
    let mut others = JoinSet::new();
    let settings =
        provisioner::Settings { entropy: Entropy::seeded(7), ..provisioner::Settings::new("node") };
    let provisioner = Provisioner::new(client("provisioner"), clock(), settings);
    others.spawn(provisioner.run(CancellationToken::new()));
    let sets = StatefulSets::new(client("stateful-sets"), clock());
    others.spawn(sets.run(CancellationToken::new()));
    let settings = issuer::Settings {
        default_algorithm: Algorithm::Ed25519,
        entropy: Entropy::seeded(7),
        ..issuer::Settings::default()
    };
    let issuer = CertManager::new(client("cert-manager"), clock(), settings);
    others.spawn(issuer.run(CancellationToken::new()));
    let mysqld = SimulatedMysqld { listens: false, ..SimulatedMysqld::default() };
    let settings = pods::Settings { runtime: Arc::new(mysqld), ..pods::Settings::new("node") };
    let pods = PodRunner::new(client("kubelet"), clock(), settings);
    let served = pods.served();
    others.spawn(pods.run(CancellationToken::new()));
    (others, served)
}
