//! `certrotor run`: the daemon as a process.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::SignalKind;
use tokio_util::sync::CancellationToken;

use super::runtime::block_on;
use super::signals::stop_on;
use crate::clock::{Offset, ServerClock, SystemClock};
use crate::cluster::client::{ApiLayer, Calls, Target, connect, install_tls_provider};
use crate::daemon::{self, Identity, Parts, Probing};
use crate::metrics::acts::Acts;
use crate::probe::Prober;
use crate::telemetry::{self, LogFormat};

/// How long one call to the apiserver may take.
pub(super) const CALL_DEADLINE: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(super) struct Run {
    /// The config file; reloaded when its content changes
    #[arg(long, value_name = "FILE", env = "CERTROTOR_CONFIG")]
    config: PathBuf,
    /// The kubeconfig file [default: in-cluster, or as kubectl finds it]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig file [default: its current one]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The namespace of certrotor's own Lease and slots [default: that of its Pod, or of the context]
    #[arg(long, value_name = "NAME", env = "POD_NAMESPACE")]
    namespace: Option<String>,
    /// The name of this replica in the Lease [default: the host's name and the process id]
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    identity: Option<String>,
    /// How log lines are written [default: text on a terminal, json otherwise]
    #[arg(long, value_enum)]
    log_format: Option<LogFormat>,
    /// Which log lines are written: a level, or a filter such as `info,certrotor=debug`
    #[arg(long, value_name = "FILTER", env = "CERTROTOR_LOG")]
    log_level: Option<String>,
    /// Look also at servers on loopback addresses: for a cluster whose pods are processes of this host
    #[arg(long)]
    probe_loopback: bool,
}

impl Run {
    pub(super) fn main(self) -> anyhow::Result<ExitCode> {
        telemetry::init(self.log_format, self.log_level.as_deref())?;
        install_tls_provider();
        block_on(self.run())?;
        Ok(ExitCode::SUCCESS)
    }

    async fn run(self) -> anyhow::Result<()> {
        let stop = CancellationToken::new();
        let local = Arc::new(SystemClock);
        let offset = Arc::new(Offset::default());
        let acts = Arc::new(Acts::new(&daemon::vocabulary())?);
        let layer =
            ApiLayer::new(Arc::clone(&local) as _, Arc::clone(&offset), Arc::clone(&acts) as _);
        let target = Target { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() };
        let client = connect(&target, layer).await?;
        let namespace =
            self.namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
        let parts = Parts {
            calls: Calls::new(CALL_DEADLINE, Arc::clone(&acts) as _),
            clock: Arc::new(ServerClock::new(local, Arc::clone(&offset))),
            client,
            offset,
            acts,
            identity: Identity { namespace, replica: replica(self.identity.clone()) },
        };
        let probing = Probing { eyes: Arc::new(Prober::default()), loopback: self.probe_loopback };
        let signals = stop_on(&[SignalKind::terminate(), SignalKind::interrupt()], stop.clone())?;
        let result = daemon::run(parts, &self.config, probing, stop).await;
        signals.abort();
        result
    }
}

/// The name of a replica: of a pod its own, of any other process the host's and its number.
pub(super) fn replica(identity: Option<String>) -> String {
    let host = || std::env::var("HOSTNAME").unwrap_or_else(|_| "certrotor".to_owned());
    identity.unwrap_or_else(|| format!("{}-{}", host(), std::process::id()))
}
