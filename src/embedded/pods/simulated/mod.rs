//! A mysqld as far as a client sees one that only looks at certificates: it greets, does TLS, judges
//! logins, blocks hosts that hang up too often, answers `SELECT 1`, and is in a replication group.
//! Figures and behaviour are those of MySQL 9.7, measured.

mod connection;
mod group;
mod hosts;
mod log;
mod options;
mod server;
mod statements;
mod tls;

use std::sync::Arc;
use std::time::Duration;

pub use group::Groups;

use super::runtime::{Order, Presented, Runtime, Server};

/// Simulated servers, and how they are.
#[derive(Clone, Debug)]
pub struct SimulatedMysqld {
    /// The port they listen on, each at the address of its pod.
    pub port: u16,
    /// Whether they listen at all. Where time is paused they do not: what they would present is
    /// known all the same.
    pub listens: bool,
    /// The version they say they are.
    pub version: String,
    /// How long they take to accept connections.
    pub starts_in: Duration,
    /// How long they take to end when asked to.
    pub stops_in: Duration,
    /// `max_connections`
    pub max_connections: usize,
    /// `max_connect_errors`
    pub max_connect_errors: u32,
    /// `connect_timeout`: how long a client may take to log in.
    pub connect_timeout: Duration,
    /// `wait_timeout`: how long a client that is logged in may be silent.
    pub wait_timeout: Duration,
    /// Their replication groups.
    pub groups: Groups,
}

impl Default for SimulatedMysqld {
    fn default() -> Self {
        Self {
            port: 3306,
            listens: true,
            version: "9.7.0".to_owned(),
            starts_in: Duration::from_secs(5),
            stops_in: Duration::from_secs(6),
            max_connections: 151,
            max_connect_errors: 100,
            connect_timeout: Duration::from_secs(10),
            wait_timeout: Duration::from_secs(8 * 60 * 60),
            groups: Groups::default(),
        }
    }
}

impl Runtime for SimulatedMysqld {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn port(&self) -> u16 {
        self.port
    }

    fn start(&self, order: Order) -> Arc<dyn Server> {
        server::start(self.clone(), order)
    }
}

/// What any mysqld presents that is started like this: nothing, where the pair is no good.
pub(super) fn presents(order: &Order) -> Option<Presented> {
    let silent = log::Log::new(Arc::clone(&order.clock));
    let options = options::Options::read(&order.args);
    Some(tls::load(&options, &order.files, &silent)?.presents)
}
