//! `certrotor operate`: the executor as a process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use tokio::signal::unix::SignalKind;
use tokio_util::sync::CancellationToken;

use super::run::{CALL_DEADLINE, replica};
use super::runtime::block_on;
use super::signals::stop_on;
use crate::clock::{Offset, ServerClock, SystemClock};
use crate::cluster::client::{ApiLayer, Calls, Target, connect, install_tls_provider};
use crate::config::{self, Config, IssueWith, Reload};
use crate::executor::{Issuing, Servers, Settings};
use crate::metrics::executor::ExecutorActs;
use crate::operate::{self, Parts};
use crate::telemetry::{self, LogFormat};

#[derive(Debug, Args)]
pub(super) struct Operate {
    /// The config file, of which `executor`, `installation` and `watch.namespaces` count; read once,
    /// at the start [default: every setting at its default]
    #[arg(long, value_name = "FILE", env = "CERTROTOR_CONFIG")]
    config: Option<PathBuf>,
    /// The kubeconfig file [default: in-cluster, or as kubectl finds it]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig file [default: its current one]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The namespace of the executor's own Lease [default: that of its Pod, or of the context]
    #[arg(long, value_name = "NAME", env = "POD_NAMESPACE")]
    namespace: Option<String>,
    /// The name of this replica in the Lease [default: the host's name and the process id]
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    identity: Option<String>,
    /// Where it serves /metrics, /livez and /readyz
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:9442")]
    listen: SocketAddr,
    /// Start although another executor, such as KubeDB's Ops Manager, is at work
    #[arg(long)]
    force: bool,
    /// Speak also to servers on loopback addresses: for a cluster whose pods are processes of this host
    #[arg(long)]
    loopback: bool,
    /// How log lines are written [default: text on a terminal, json otherwise]
    #[arg(long, value_enum)]
    log_format: Option<LogFormat>,
    /// Which log lines are written: a level, or a filter such as `info,certrotor=debug`
    #[arg(long, value_name = "FILTER", env = "CERTROTOR_LOG")]
    log_level: Option<String>,
}

impl Operate {
    pub(super) fn main(self) -> anyhow::Result<ExitCode> {
        telemetry::init(self.log_format, self.log_level.as_deref())?;
        install_tls_provider();
        block_on(self.run())?;
        Ok(ExitCode::SUCCESS)
    }

    async fn run(self) -> anyhow::Result<()> {
        let config = self.config()?;
        let stop = CancellationToken::new();
        let local = Arc::new(SystemClock);
        let offset = Arc::new(Offset::default());
        let acts = Arc::new(ExecutorActs::new()?);
        let layer =
            ApiLayer::new(Arc::clone(&local) as _, Arc::clone(&offset), Arc::clone(&acts) as _);
        let target = Target { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() };
        let client = connect(&target, layer).await?;
        let namespace =
            self.namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
        let settings = Settings {
            namespaces: config.policy.watch.namespaces.clone(),
            yields: !self.force,
            issuing: match config.executor.issue_with {
                IssueWith::CertManager => Issuing::CertManager,
                IssueWith::OwnIssuer => Issuing::Own,
            },
            servers: match config.executor.reload {
                Reload::Auto => Servers::Reloaded,
                Reload::Never => Servers::LookedAt,
            },
            ca_overlap: config.executor.ca_overlap,
            loopback: self.loopback,
            replica: replica(self.identity.clone()),
            ..Settings::default()
        };
        let parts = Parts {
            client,
            calls: Calls::new(CALL_DEADLINE, Arc::clone(&acts) as _),
            clock: Arc::new(ServerClock::new(local, offset)),
            acts,
            installation: format!("{namespace}.{}", config.installation),
            namespace,
            settings,
        };
        let signals = stop_on(&[SignalKind::terminate(), SignalKind::interrupt()], stop.clone())?;
        let result = operate::run(parts, self.listen, stop).await;
        signals.abort();
        result
    }

    fn config(&self) -> anyhow::Result<Config> {
        let Some(path) = &self.config else { return Ok(Config::default()) };
        let name = path.display().to_string();
        let (config, warnings) = Config::parse(&config::read(path)?, &name)?;
        for warning in warnings {
            tracing::warn!(%warning, "config");
        }
        Ok(config)
    }
}
