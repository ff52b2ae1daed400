//! `certrotor operate`: the executor as a process of its own, which leads or stands by.
//!
//! One at a time works, by a Lease of its own; that only saves work, for two act as one. When the
//! lease is lost the work is put down after the write under way, and the next leader goes on.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use kube::Client;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::cluster::client::Calls;
use crate::cluster::lease::{Elector, Leadership, LeaseSettings};
use crate::core::election::Terms;
use crate::executor::{Executor, FIELD_MANAGER, Settings};
use crate::metrics::executor::ExecutorActs;
use crate::web::{self, Health, Monitor};

/// The name of the executor's Lease.
pub const LEASE: &str = FIELD_MANAGER;

/// What the process is made of.
pub struct Parts {
    /// The apiserver.
    pub client: Client,
    /// Deadlines and counts of calls.
    pub calls: Calls,
    /// The moment, by the apiserver's clock.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub acts: Arc<ExecutorActs>,
    /// The namespace of the Lease.
    pub namespace: String,
    /// The installation, as the Lease names it.
    pub installation: String,
    /// How the executor works. `replica` is the identity in the Lease, and `yields` says whether
    /// another executor is minded.
    pub settings: Settings,
}

/// Runs until it is stopped. An error means that it could not start, or that a part of it ended
/// which should not have.
pub async fn run(parts: Parts, listen: SocketAddr, stop: CancellationToken) -> anyhow::Result<()> {
    if parts.settings.yields {
        refuse_beside_another(&parts).await?;
    }
    let listener = web::bind("--listen", listen).await?;
    tracing::info!(address = %listen, "serving /metrics, /livez and /readyz");
    let (elector, leadership) = elector(&parts);
    let release = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let releasing = release.clone();
    tasks.spawn(async move {
        elector.run(releasing).await;
        "election"
    });
    let (monitor, stopped) = (monitor(&parts, leadership.clone()), stop.child_token());
    tasks.spawn(async move {
        drop(web::serve(listener, monitor, stopped).await);
        "web server"
    });
    let work = work(&parts, leadership, &stop);
    let ended = tokio::select! {
        () = work => Ok(()),
        Some(ended) = tasks.join_next() => match ended {
            // Both end when they are asked to, and so does the work.
            Ok(_) if stop.is_cancelled() => Ok(()),
            Ok(name) => Err(anyhow::anyhow!("the {name} ended by itself")),
            Err(error) => Err(error).context("a part of the executor panicked"),
        },
    };
    // The lease is handed back last, when nothing writes any more.
    stop.cancel();
    release.cancel();
    while tasks.join_next().await.is_some() {}
    ended
}

/// Two executors would restart the same servers. One that holds a request of its own goes on with
/// it: nobody else would resume that database.
async fn refuse_beside_another(parts: &Parts) -> anyhow::Result<()> {
    let executor = executor(parts);
    let seen = "cannot see whether another executor is at work";
    let Some(rival) = executor.rival().await.context(seen)? else { return Ok(()) };
    if executor.holds_something().await.context(seen)? {
        tracing::warn!(rival, "another executor is at work: only what is under way is finished");
        return Ok(());
    }
    bail!(
        "another executor is at work: {rival}. Two would restart the same servers. Stop that one, \
         or do not run this one: certrotor's daemon needs no executor of its own beside it. \
         --force starts all the same"
    )
}

fn executor(parts: &Parts) -> Executor {
    let (client, clock) = (parts.client.clone(), Arc::clone(&parts.clock));
    let executor = Executor::new(client, clock, parts.calls.clone(), parts.settings.clone());
    executor.counting(Arc::clone(&parts.acts) as _)
}

fn elector(parts: &Parts) -> (Elector, watch::Receiver<Leadership>) {
    let settings = LeaseSettings {
        namespace: parts.namespace.clone(),
        name: LEASE.to_owned(),
        identity: parts.settings.replica.clone(),
        installation: parts.installation.clone(),
        terms: Terms::default(),
    };
    let clock = Arc::clone(&parts.clock);
    Elector::new(parts.client.clone(), settings, clock, parts.calls.clone())
}

/// Works whenever this process leads, until it is stopped.
async fn work(
    parts: &Parts,
    mut leadership: watch::Receiver<Leadership>,
    stop: &CancellationToken,
) {
    loop {
        let leading = async { leadership.wait_for(|it| it.leader).await.is_ok() };
        if stop.run_until_cancelled(leading).await != Some(true) {
            return;
        }
        parts.acts.leader_changed();
        let lead = stop.child_token();
        let mut lost = leadership.clone();
        let watching = async {
            // An election that has ended leads nobody.
            drop(lost.wait_for(|it| !it.leader).await);
            lead.cancel();
        };
        let working = async {
            executor(parts).run(lead.clone()).await;
            lead.cancel();
        };
        tokio::join!(working, lead.run_until_cancelled(watching));
        if stop.is_cancelled() {
            return;
        }
        tracing::warn!("the lease is lost: another executor goes on");
    }
}

/// Metrics and health of the process.
fn monitor(parts: &Parts, leadership: watch::Receiver<Leadership>) -> Monitor {
    let (acts, leads) = (Arc::clone(&parts.acts), leadership.clone());
    let metrics = move || acts.render(leads.borrow().leads_now());
    Monitor { health: Arc::new(Elected(leadership)), metrics: Arc::new(metrics) }
}

/// Ready: the apiserver has told who holds the Lease. Alive: every call has a deadline, and a part
/// that ends takes the process with it, so whoever answers works.
struct Elected(watch::Receiver<Leadership>);

impl Health for Elected {
    fn live(&self) -> Result<(), String> {
        match self.0.has_changed() {
            Ok(_) => Ok(()),
            Err(_) => Err("the election has ended".to_owned()),
        }
    }

    fn ready(&self) -> Result<(), Vec<String>> {
        if self.0.borrow().holder.is_some() {
            return Ok(());
        }
        Err(vec![format!("leases: nobody is known to hold the Lease {LEASE} yet")])
    }
}
