//! A load of clients on the server that takes writes, over TLS: each change is counted, each failure
//! kept. A client that is told to write elsewhere leaves, and asks anew whom to connect to.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, OptsBuilder, SslOpts};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Connections that stay, each with a read and a write at a time.
const CLIENTS: u32 = 4;
/// The pause between two of them, and between two new connections.
const PAUSE: Duration = Duration::from_millis(50);

/// Whom to connect to, and as whom.
#[derive(Clone)]
pub(crate) struct Target {
    /// The server that takes writes at the moment.
    pub(crate) whom: Arc<dyn Fn() -> Option<IpAddr> + Send + Sync>,
    pub(crate) user: String,
    pub(crate) password: String,
    /// The CA in PEM, as a client reads it when it connects.
    pub(crate) ca: Vec<u8>,
    pub(crate) host: String,
    /// What is said first on each connection that stays.
    pub(crate) first: &'static [&'static str],
}

/// What makes the table that is written to.
pub(crate) const PREPARE: &[&str] = &[
    "CREATE DATABASE IF NOT EXISTS works",
    "CREATE TABLE IF NOT EXISTS works.counts (id INT PRIMARY KEY, n BIGINT)",
];

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) queries: AtomicU64,
    pub(crate) failed_queries: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) failed_connections: AtomicU64,
    /// The longest time without a write that was carried out.
    longest: Mutex<(Option<Instant>, Duration)>,
    first: Mutex<Option<String>>,
}

/// Clients at work.
pub(crate) struct Load {
    pub(crate) figures: Arc<Figures>,
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Target {
    /// None while nobody takes writes.
    fn options(&self) -> Option<Opts> {
        let ssl = SslOpts::default()
            .with_root_certs(vec![self.ca.clone().into()])
            .with_disable_built_in_roots(true)
            .with_danger_tls_hostname_override(Some(self.host.clone()));
        let options = OptsBuilder::default()
            .ip_or_hostname((self.whom)()?.to_string())
            .tcp_port(3306)
            .user(Some(self.user.clone()))
            .pass(Some(self.password.clone()))
            .prefer_socket(false)
            .ssl_opts(ssl);
        Some(options.into())
    }

    /// A connection that stays.
    pub(crate) async fn connect(&self) -> Option<Conn> {
        let mut connection = Conn::new(self.options()?).await.ok()?;
        for statement in self.first {
            connection.query_drop(*statement).await.ok()?;
        }
        Some(connection)
    }
}

impl Figures {
    fn failed(&self, error: &mysql_async::Error) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| error.to_string());
    }

    fn wrote(&self) {
        let mut longest = self.longest.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let gap = longest.0.map_or(Duration::ZERO, |last| now.duration_since(last));
        *longest = (Some(now), longest.1.max(gap));
    }

    /// The longest time without a write that was carried out, the time until now among them.
    pub(crate) fn write_outage(&self) -> Duration {
        self.wrote();
        self.longest.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// All of it, in words.
    pub(crate) fn told(&self) -> String {
        let [queries, failed, dropped, connections, refused] = [
            &self.queries,
            &self.failed_queries,
            &self.dropped,
            &self.connections,
            &self.failed_connections,
        ]
        .map(Self::get);
        let outage = self.write_outage();
        format!(
            "{failed} of {queries} queries failed, {dropped} connections dropped, {refused} of \
             {connections} new connections failed, longest time without a write {outage:?}"
        )
    }

    /// The first thing that went wrong.
    pub(crate) fn first(&self) -> Option<String> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}

impl Load {
    pub(crate) fn start(target: &Target) -> Self {
        let (figures, stop) = (Arc::new(Figures::default()), CancellationToken::new());
        let mut tasks = JoinSet::new();
        for client in 0..CLIENTS {
            let (target, figures) = (target.clone(), Arc::clone(&figures));
            let stop = stop.clone();
            tasks.spawn(async move {
                while !stop.is_cancelled() {
                    stay(&target, client, &figures, &stop).await;
                }
            });
        }
        let (target, shaken) = (target.clone(), Arc::clone(&figures));
        let ended = stop.clone();
        tasks.spawn(async move {
            while !ended.is_cancelled() {
                come_and_go(&target, &shaken).await;
            }
        });
        Self { figures, tasks, stop }
    }

    pub(crate) async fn end(mut self) -> Arc<Figures> {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.figures
    }
}

/// One connection, until something goes wrong with it. Connecting again is not counted.
async fn stay(target: &Target, client: u32, figures: &Figures, stop: &CancellationToken) {
    let Some(mut connection) = target.connect().await else {
        return tokio::time::sleep(PAUSE).await;
    };
    while !stop.is_cancelled() {
        let read = format!("SELECT n FROM works.counts WHERE id = {client}");
        let write = format!(
            "INSERT INTO works.counts VALUES ({client}, 1) ON DUPLICATE KEY UPDATE n = n + 1"
        );
        for statement in [read, write.clone()] {
            figures.queries.fetch_add(1, Ordering::Relaxed);
            match connection.query_drop(&statement).await {
                Ok(()) if statement == write => figures.wrote(),
                Ok(()) => {}
                Err(error) => {
                    figures.failed(&error);
                    figures.failed_queries.fetch_add(1, Ordering::Relaxed);
                    figures.dropped.fetch_add(u64::from(error.is_fatal()), Ordering::Relaxed);
                    return;
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    drop(connection.disconnect().await);
}

/// A new connection, a query, a goodbye.
async fn come_and_go(target: &Target, figures: &Figures) {
    let Some(options) = target.options() else { return tokio::time::sleep(PAUSE).await };
    figures.connections.fetch_add(1, Ordering::Relaxed);
    let talk = async {
        let mut connection = Conn::new(options).await?;
        connection.query_drop("SELECT 1").await?;
        connection.disconnect().await
    };
    if let Err(error) = talk.await {
        figures.failed(&error);
        figures.failed_connections.fetch_add(1, Ordering::Relaxed);
    }
    tokio::time::sleep(PAUSE).await;
}
