//! The daemon: watch → decide → create → follow → report, for ever.
//!
//! The loop runs at its own pace. Whatever can wake it is in [`Wake`]; what it decides is a
//! [`View`], which metrics and readiness read; what it writes goes through `cluster/write.rs`.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use kube::Client;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::resources::{OPS_REQUEST, ROTATION, SOURCES};
use crate::clock::{Clock, Offset};
use crate::cluster::client::Calls;
use crate::cluster::events::{EventSettings, Events, event_writer};
use crate::cluster::lease::{Elector, Leadership, LeaseSettings};
use crate::cluster::shared::Shared;
use crate::cluster::slots;
use crate::cluster::stores::{Settings, Stores};
use crate::cluster::watch::Watcher;
use crate::config::Config;
use crate::config::reload::{ConfigFile, Loaded, POLL};
use crate::core::election::Terms;
use crate::core::policy::Match;
use crate::core::vocabulary::words;
use crate::metrics::acts::{Acts, Vocabulary};
use crate::web::page::{self, Status};
use crate::web::{self, Monitor};

mod health;
mod installations;
mod probing;
mod scopes;
pub mod tell;
mod turn;
mod view;

pub use probing::Probing;
pub use view::View;

use health::Pulse;
use installations::Installations;
use turn::Loop;

words! {
    /// Whatever can wake the loop.
    Wake {
        /// A watch saw something, or a write was answered.
        Changed = "changed",
        /// The moment that the plan named has come.
        Due = "due",
        /// The lease was taken or lost.
        Leadership = "leadership",
        /// The config file changed.
        Config = "config",
        /// Nothing for a minute: clocks may have jumped, watches may be silent.
        Tick = "tick",
        /// The process is asked to end.
        Shutdown = "shutdown",
    }
}

/// What a daemon is made of.
pub struct Parts {
    /// The apiserver.
    pub client: Client,
    /// Deadlines and counts of calls.
    pub calls: Calls,
    /// The moment, by the apiserver's clock.
    pub clock: Arc<dyn Clock>,
    /// How far that is from the local clock.
    pub offset: Arc<Offset>,
    /// What is counted.
    pub acts: Arc<Acts>,
    /// Who this is.
    pub identity: Identity,
}

/// Who this is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The namespace of the Lease and the slots.
    pub namespace: String,
    /// The name of this replica.
    pub replica: String,
}

/// The words that counters are created with, so that every series exists from the start.
pub fn vocabulary() -> Vocabulary {
    let mut watched: Vec<&str> = SOURCES.iter().map(|source| source.plural).collect();
    watched.extend(["configmaps", "pods"]);
    watched.sort_unstable();
    watched.dedup();
    Vocabulary {
        wakes: Wake::ALL.iter().map(|wake| wake.as_str()).collect(),
        calls: vec![
            ("create", OPS_REQUEST.plural),
            ("delete", OPS_REQUEST.plural),
            ("create", ROTATION.plural),
            ("patch", ROTATION.plural),
            ("update", "leases"),
        ],
        watched,
        probes: probing::results(),
    }
}

/// The namespaces that are watched for this; none: all of them.
pub fn watched(watch: &Match) -> Vec<Option<String>> {
    scopes::of(watch)
}

/// Runs the daemon as a process until it is stopped: the config file, the web server, and the
/// daemon between them. An error means that it could not start, or that a part of it ended which
/// should not have.
pub async fn run(
    parts: Parts,
    config: &Path,
    probing: Probing,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let (file, loaded) = ConfigFile::open(config).await;
    let known = loaded.borrow().config.clone();
    let daemon = Daemon::new(parts, loaded).probing(probing);
    let server = known.map_or_else(|| Config::default().server, |config| config.server);
    let metrics = web::bind("server.metrics", server.metrics).await?;
    tracing::info!(address = %server.metrics, "serving /metrics, /livez and /readyz");
    let listeners = Listeners { metrics, page: bind_page(server.page).await };
    daemon.serve(file, listeners, stop).await
}

/// Where a daemon is served.
pub struct Listeners {
    /// Metrics and health.
    pub metrics: TcpListener,
    /// The status page.
    pub page: Option<TcpListener>,
}

/// Certificates must be rotated whether or not anybody can look at a page.
async fn bind_page(address: SocketAddr) -> Option<TcpListener> {
    match web::bind("server.page", address).await {
        Ok(listener) => {
            tracing::info!(%address, "serving the status page and /api/v1");
            if !address.ip().is_loopback() {
                tracing::warn!(%address, "whoever reaches server.page sees every tenant");
            }
            Some(listener)
        }
        Err(error) => {
            tracing::error!("{error}; there is no status page until the next start");
            None
        }
    }
}

/// A part of the daemon and its name.
async fn named(name: &'static str, part: impl Future<Output = ()>) -> &'static str {
    part.await;
    name
}

/// Nothing is spawned that is not awaited: a part that ends before it is asked to ends all.
async fn supervise(
    mut tasks: JoinSet<&'static str>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let mut result = Ok(());
    while let Some(ended) = tasks.join_next().await {
        let early = !stop.is_cancelled();
        let name = ended.context("a part of the daemon panicked")?;
        if early {
            result = Err(anyhow::anyhow!("the {name} part ended by itself"));
            stop.cancel();
        }
    }
    result
}

/// The daemon without a process around it. It waits for a good config, and then works.
pub struct Daemon {
    parts: Parts,
    loaded: watch::Receiver<Arc<Loaded>>,
    shared: Arc<Shared>,
    pulse: Arc<Pulse>,
    view: watch::Sender<Arc<View>>,
    /// None: nobody looks, whatever the config says.
    probing: Option<Probing>,
}

impl Daemon {
    /// One that goes by this config, which may change.
    pub fn new(parts: Parts, loaded: watch::Receiver<Arc<Loaded>>) -> Self {
        tell::config(&loaded.borrow(), &parts.acts);
        let clock = Arc::clone(&parts.clock);
        let stores = Stores::new(Settings::default());
        let shared = Arc::new(Shared::new(stores, clock, Arc::clone(&parts.acts)));
        let view = watch::Sender::new(Arc::new(View::default()));
        let pulse = Arc::new(Pulse::default());
        Self { parts, loaded, shared, pulse, view, probing: None }
    }

    /// One that looks at what the servers serve, as the config says.
    #[must_use]
    pub fn probing(self, probing: Probing) -> Self {
        Self { probing: Some(probing), ..self }
    }

    /// What a web server shows of it.
    pub fn monitor(&self) -> Monitor {
        let health = health::Checks {
            pulse: Arc::clone(&self.pulse),
            shared: Arc::clone(&self.shared),
            loaded: self.loaded.clone(),
        };
        let facts = crate::metrics::facts::Source {
            view: self.view.subscribe(),
            shared: Arc::clone(&self.shared),
            loaded: self.loaded.clone(),
            clock: Arc::clone(&self.parts.clock),
            offset: Arc::clone(&self.parts.offset),
        };
        let acts = Arc::clone(&self.parts.acts);
        let render = move || crate::metrics::render(facts.page(), &acts);
        Monitor { health: Arc::new(health), metrics: Arc::new(render) }
    }

    /// What its status page is made from.
    pub fn status(&self) -> Status {
        Status {
            views: self.view.subscribe(),
            clock: Arc::clone(&self.parts.clock),
            forecasts: Arc::default(),
        }
    }

    /// What it decides, turn by turn.
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        self.view.subscribe()
    }

    /// Works until it is stopped, follows the file of its config, and serves its pages.
    pub async fn serve(
        self,
        config: ConfigFile,
        listeners: Listeners,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let mut tasks = JoinSet::new();
        tasks.spawn(named("config", config.run(POLL, stop.child_token())));
        let serving = web::serve(listeners.metrics, self.monitor(), stop.child_token());
        tasks.spawn(named("web", async move { drop(serving.await) }));
        if let Some(listener) = listeners.page {
            let serving = page::serve(listener, self.status(), stop.child_token());
            tasks.spawn(named("page", async move { drop(serving.await) }));
        }
        tasks.spawn(named("daemon", self.run(stop.clone())));
        supervise(tasks, &stop).await
    }

    /// Works until it is stopped.
    pub async fn run(self, stop: CancellationToken) {
        let Some(config) = self.first_good_config(&stop).await else { return };
        let mut tasks = JoinSet::new();
        let (events, elector, leadership, installations) = self.start(&config, &mut tasks, &stop);
        let work =
            Loop { daemon: self, config, events, leadership, installations, stop: stop.clone() };
        Box::pin(work.run(&mut tasks)).await;
        // The lease is released last, when nothing writes any more.
        elector.cancel();
        while tasks.join_next().await.is_some() {}
    }

    /// A bad config at the start: alive, not ready, no writes, until it is mended.
    async fn first_good_config(&self, stop: &CancellationToken) -> Option<Arc<Config>> {
        let mut loaded = self.loaded.clone();
        let good = async {
            loop {
                self.pulse.beat();
                if let Some(config) = loaded.borrow_and_update().config.clone() {
                    return config;
                }
                let patience = Duration::from_secs(30);
                if let Ok(changed) = tokio::time::timeout(patience, loaded.changed()).await {
                    changed.ok();
                    tell::config(&loaded.borrow(), &self.parts.acts);
                }
            }
        };
        stop.run_until_cancelled(good).await
    }

    fn start(
        &self,
        config: &Config,
        tasks: &mut JoinSet<&'static str>,
        stop: &CancellationToken,
    ) -> (Events, CancellationToken, watch::Receiver<Leadership>, Installations) {
        let Parts { client, calls, clock, acts, identity, .. } = &self.parts;
        let installation = installations::id(&identity.namespace, &config.installation);
        let settings = LeaseSettings {
            namespace: identity.namespace.clone(),
            name: config.installation.to_string(),
            identity: identity.replica.clone(),
            installation: installation.to_string(),
            terms: Terms::default(),
        };
        let release = CancellationToken::new();
        let (elector, leadership) =
            Elector::new(client.clone(), settings, Arc::clone(clock), calls.clone());
        tasks.spawn(named("elector", elector.run(release.clone())));
        let settings =
            EventSettings { component: "certrotor".to_owned(), instance: identity.replica.clone() };
        let metrics = Arc::clone(acts) as _;
        let (events, writer) =
            event_writer(client.clone(), settings, Arc::clone(clock), calls.clone(), metrics);
        tasks.spawn(named("events", writer.run(stop.child_token())));
        let watcher = Watcher::new(client, calls.clone(), Arc::clone(&self.shared));
        let scopes = scopes::of(&config.policy.watch);
        tasks.spawn(named("watches", watcher.run(scopes, stop.child_token())));
        let (shared, slots_client) = (Arc::clone(&self.shared), calls.impatient(client));
        let place = (identity.namespace.clone(), slots_name(config));
        let stopped = stop.child_token();
        tasks.spawn(named("slots", async move {
            slots::watch(&shared, &slots_client, (&place.0, &place.1), stopped).await;
        }));
        if let Some(probing) = self.probing.clone() {
            // Known before the first plan: whoever can look does not guess.
            self.shared.with_stores(|stores| stores.set_probed(config.probe.enabled));
            let prober = probing::Prober {
                probing,
                shared: Arc::clone(&self.shared),
                views: self.view.subscribe(),
                loaded: self.loaded.clone(),
                clock: Arc::clone(clock),
                acts: Arc::clone(acts),
            };
            tasks.spawn(named("probe", prober.run(stop.child_token())));
        }
        let installations = Installations::new(client.clone(), calls.clone(), installation);
        (events, release, leadership, installations)
    }
}

/// The ConfigMap that holds the slots of an installation.
fn slots_name(config: &Config) -> String {
    format!("{}-slots", config.installation)
}
