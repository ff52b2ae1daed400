//! `certrotor demo`: the whole system in one process.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::SignalKind;
use tokio_util::sync::CancellationToken;

use super::runtime::block_on;
use super::signals::stop_on;
use crate::clock::SystemClock;
use crate::cluster::client::install_tls_provider;
use crate::config::values;
use crate::core::time::Span;
use crate::demo::folder::Folder;
use crate::demo::{self, MOST, Mysqld, Options, USUAL};
use crate::telemetry;

/// The longest that anybody waits for `--once`.
const LONGEST: Span = Span::DAY;

/// What asks a demo to end; the last when its terminal is closed.
const ENDING: [SignalKind; 3] =
    [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// How many MySQL databases there are
    #[arg(long, value_name = "N", default_value_t = USUAL, value_parser = databases)]
    databases: usize,
    /// Which MySQL servers: `auto` takes a mysqld or mariadbd that this machine has and simulates them
    /// if it has none, `simulated` always does, and a path names the program
    #[arg(long, value_name = "auto|simulated|PATH", default_value = "auto")]
    mysqld: String,
    /// Where /metrics, /livez and /readyz are served; port 0: any that is free
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:9440")]
    #[arg(value_parser = values::address)]
    listen: SocketAddr,
    /// Where the status page is served; port 0: any that is free
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:9441")]
    #[arg(value_parser = values::address)]
    page: SocketAddr,
    /// Where the kubeconfig, the config and the log are kept [default: a private folder, which is
    /// removed at the end, and no log]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// End with status 0 once every database was rotated and serves its new certificate, and with 1
    /// and the reason otherwise
    #[arg(long)]
    once: bool,
    /// How long --once waits for that
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    timeout: Span,
}

impl Demo {
    pub(super) fn main(self) -> anyhow::Result<ExitCode> {
        let folder = match &self.dir {
            Some(dir) => Folder::kept(dir)?,
            None => Folder::private()?,
        };
        if folder.is_kept() {
            telemetry::init_file(folder.log()?)?;
        }
        // A panic would tear the picture. It is logged here, and told at the end.
        std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
        install_tls_provider();
        let summary = block_on(self.run(&folder))?;
        writeln!(io::stdout(), "{summary}").context("cannot write to standard output")?;
        Ok(ExitCode::SUCCESS)
    }

    async fn run(&self, folder: &Folder) -> anyhow::Result<String> {
        let stop = CancellationToken::new();
        let signals = stop_on(&ENDING, stop.clone())?;
        let options = Options {
            databases: self.databases,
            listen: self.listen,
            page: self.page,
            mysqld: Mysqld::from(&*self.mysqld),
            once: self.once.then_some(self.timeout),
        };
        let result = demo::run(options, folder, Arc::new(SystemClock), stop).await;
        signals.abort();
        result
    }
}

fn databases(text: &str) -> Result<usize, String> {
    let most = u32::try_from(MOST).unwrap_or(u32::MAX);
    let count = values::count(text, most)?;
    usize::try_from(count).map_err(|error| error.to_string())
}

fn duration(text: &str) -> Result<Span, String> {
    values::duration(text, Span::seconds(1), LONGEST)
}
