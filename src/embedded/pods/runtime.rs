//! What runs a container: the seam between the kubelet's part and a server, simulated or real.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;

use futures::channel::mpsc::UnboundedSender;
use rustls::pki_types::CertificateDer;

use super::mounts::Files;
use super::served::PodName;
use crate::clock::Clock;
use crate::core::certificate::{Chain, Fingerprint, Malformed};

/// The option by which a server is told the name of its replication group.
pub const GROUP_NAME: &str = "--loose-group-replication-group-name";

/// What makes servers: the container runtime.
pub trait Runtime: Send + Sync {
    /// How the ids of its containers begin: `simulated`.
    fn name(&self) -> &'static str;
    /// The port that its servers listen on, each at its own address.
    fn port(&self) -> u16;
    /// Begins to start a server. Whether that works is seen by its state.
    fn start(&self, order: Order) -> Arc<dyn Server>;
}

/// A server. Dropping it ends it as [`kill`](Self::kill) does.
pub trait Server: Send + Sync {
    /// How far it is.
    fn state(&self) -> ServerState;
    /// The certificates that it shows to clients; none without TLS, and before it has loaded them.
    fn presents(&self) -> Option<Presented>;
    /// Its part in its replication group; none while it is in no group, or not online there.
    fn part(&self) -> Option<Part>;
    /// What it answers to a statement, where it can be asked without a socket: a value, or an error.
    fn answer(&self, _statement: &str) -> Option<Result<String, String>> {
        None
    }
    /// The last lines of its error log, the oldest first.
    fn log_tail(&self) -> Vec<String>;
    /// Asks it to end, as SIGTERM does.
    fn stop(&self);
    /// Ends it, as SIGKILL does.
    fn kill(&self);
    /// Waits until it has ended.
    fn ended(&self) -> Pin<Box<dyn Future<Output = Exit> + Send + '_>>;
}

/// How far a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerState {
    /// It does not accept connections yet, or is not online in its group.
    Starting,
    /// It does, and is.
    Accepting,
    /// It does no longer.
    Stopping,
    /// It is gone.
    Ended(Exit),
}

/// What a server is in its replication group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It takes writes.
    Primary,
    /// It follows the primary.
    Secondary,
}

impl Part {
    /// As `performance_schema.replication_group_members` calls it.
    pub const fn member_role(self) -> &'static str {
        match self {
            Self::Primary => "PRIMARY",
            Self::Secondary => "SECONDARY",
        }
    }
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code: 0 when it was asked to end, 137 when it was killed.
    pub code: i32,
}

impl Exit {
    /// It did what it was asked.
    pub const CLEAN: Self = Self { code: 0 };
    /// It could not go on.
    pub const FAILED: Self = Self { code: 1 };
    /// By SIGKILL.
    pub const KILLED: Self = Self { code: 137 };
}

/// What a server is to be.
pub struct Order {
    /// The id of its container: another at each start.
    pub id: String,
    /// The command line of the container, without the program.
    pub args: Vec<String>,
    /// Its environment. Holds passwords.
    pub env: BTreeMap<String, String>,
    /// The files of its Secrets. They follow the Secrets while the server runs.
    pub files: Files,
    /// The address of its pod.
    pub address: Ipv4Addr,
    /// For its log.
    pub clock: Arc<dyn Clock>,
    /// To be told of each change of the server's state.
    pub changed: Changed,
}

impl Order {
    /// The name of the replication group that the server is to be in.
    pub fn group(&self) -> Option<&str> {
        let named = |argument: &'_ String| argument.starts_with(GROUP_NAME);
        let argument = self.args.iter().rfind(|argument| named(argument))?;
        argument.strip_prefix(GROUP_NAME)?.strip_prefix('=').filter(|name| !name.is_empty())
    }
}

/// Takes note that the state of a pod's server has changed.
#[derive(Clone, Debug)]
pub struct Changed {
    changes: UnboundedSender<PodName>,
    pod: PodName,
}

impl Changed {
    pub(super) fn new(changes: UnboundedSender<PodName>, pod: PodName) -> Self {
        Self { changes, pod }
    }

    /// Says so.
    pub fn tell(&self) {
        // Nobody listens any longer when the runner is gone.
        drop(self.changes.unbounded_send(self.pod.clone()));
    }
}

/// The certificates that a server shows: its leaf, then the others of its chain.
#[derive(Clone, PartialEq, Eq)]
pub struct Presented(Arc<[CertificateDer<'static>]>);

impl Presented {
    /// Of these, the leaf first.
    pub fn new(certificates: Vec<CertificateDer<'static>>) -> Self {
        Self(certificates.into())
    }

    /// As they are sent.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.0
    }

    /// The fingerprint of the leaf.
    pub fn leaf(&self) -> Option<Fingerprint> {
        self.0.first().map(|leaf| Fingerprint::of(leaf))
    }

    /// What they say.
    pub fn chain(&self) -> Result<Chain, Malformed> {
        Chain::from_der(&self.0)
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Presented").field(&self.leaf()).finish()
    }
}
