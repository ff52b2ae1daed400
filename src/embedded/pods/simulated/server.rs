//! One server: starts, listens, ends.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::connection;
use super::group::Seat;
use super::hosts::Hosts;
use super::log::{Log, Priority};
use super::options::Options;
use super::statements::{self, Answer};
use super::tls::{self, Tls};
use super::{Server, SimulatedMysqld};
use crate::core::digest::Digest;
use crate::embedded::pods::runtime::{Changed, Exit, Order, Part, Presented, ServerState};
use crate::mysql::{Credentials, ErrorCode, ErrorPacket, Policy};

/// How long to wait when a connection cannot be accepted, as when no file descriptor is left.
const BREATH: Duration = Duration::from_millis(100);

/// A server, seen from outside.
struct Mysqld {
    state: watch::Receiver<ServerState>,
    presents: Option<Presented>,
    shared: Arc<Shared>,
    stop: CancellationToken,
    kill: CancellationToken,
    _life: AbortOnDropHandle<()>,
}

/// What all connections of a server share.
pub(super) struct Shared {
    pub(super) settings: SimulatedMysqld,
    pub(super) policy: Arc<Policy>,
    pub(super) tls: Option<Tls>,
    pub(super) log: Arc<Log>,
    pub(super) hosts: Mutex<Hosts>,
    pub(super) seat: Seat,
    connections: AtomicU32,
}

/// Starts one. Its certificate is loaded here, and never again.
pub(super) fn start(settings: SimulatedMysqld, order: Order) -> Arc<dyn Server> {
    let seat = settings.groups.seat(&order);
    let log = Arc::new(Log::new(order.clock));
    let options = Options::read(&order.args);
    let tls = tls::load(&options, &order.files, &log);
    let presents = tls.as_ref().map(|tls| tls.presents.clone());
    let policy = Arc::new(Policy {
        version: settings.version.clone(),
        offers_tls: tls.is_some(),
        requires_tls: options.requires_tls,
        user: order.env.get("MYSQL_ROOT_PASSWORD").map(|password| Credentials {
            user: order.env.get("MYSQL_ROOT_USERNAME").map_or("root", String::as_str).to_owned(),
            password: password.clone(),
        }),
        // Drawn anew at each start.
        seed: Digest::quick(&order.id).0,
    });
    let hosts = Mutex::new(Hosts::new(settings.max_connect_errors));
    let connections = AtomicU32::new(0);
    let shared = Arc::new(Shared { settings, policy, tls, log, hosts, seat, connections });
    let address = SocketAddr::from((order.address, shared.settings.port));
    let (sender, state) = watch::channel(ServerState::Starting);
    let (stop, kill) = (CancellationToken::new(), CancellationToken::new());
    let life = Life {
        shared: Arc::clone(&shared),
        address,
        state: sender,
        changed: order.changed,
        stop: stop.clone(),
    };
    let life = tokio::spawn(live(life, kill.clone()));
    Arc::new(Mysqld { state, presents, shared, stop, kill, _life: AbortOnDropHandle::new(life) })
}

impl Server for Mysqld {
    fn state(&self) -> ServerState {
        *self.state.borrow()
    }

    fn presents(&self) -> Option<Presented> {
        self.presents.clone()
    }

    fn part(&self) -> Option<Part> {
        self.shared.seat.part()
    }

    fn answer(&self, statement: &str) -> Option<Result<String, String>> {
        Some(match statements::come_to(statement, &self.shared) {
            Answer::Value(value) => Ok(value),
            Answer::Done => Ok(String::new()),
            Answer::Refused(error) => Err(error.message),
        })
    }

    fn log_tail(&self) -> Vec<String> {
        self.shared.log.tail()
    }

    fn stop(&self) {
        self.stop.cancel();
    }

    fn kill(&self) {
        self.kill.cancel();
    }

    fn ended(&self) -> Pin<Box<dyn Future<Output = Exit> + Send + '_>> {
        Box::pin(async {
            let mut state = self.state.clone();
            let ended = state.wait_for(|state| matches!(state, ServerState::Ended(_))).await;
            match ended.as_deref() {
                Ok(ServerState::Ended(exit)) => *exit,
                Ok(ServerState::Starting | ServerState::Accepting | ServerState::Stopping)
                | Err(_) => Exit::KILLED,
            }
        })
    }
}

/// What a server needs to live.
struct Life {
    shared: Arc<Shared>,
    address: SocketAddr,
    state: watch::Sender<ServerState>,
    changed: Changed,
    stop: CancellationToken,
}

async fn live(life: Life, kill: CancellationToken) {
    let exit = tokio::select! {
        () = kill.cancelled() => Exit::KILLED,
        exit = life.run() => exit,
    };
    life.shared.seat.leave();
    life.turn(ServerState::Ended(exit));
}

impl Life {
    async fn run(&self) -> Exit {
        let Shared { settings, log, .. } = &*self.shared;
        let up = self.stop.run_until_cancelled(sleep(settings.starts_in)).await;
        if up.is_none() {
            return Exit::CLEAN;
        }
        let listener = match self.listen().await {
            Ok(listener) => listener,
            Err(error) => {
                self.lament(&error);
                return Exit::FAILED;
            }
        };
        let text = format!(
            "mysqld: ready for connections. Version: '{}'  port: {}",
            settings.version, settings.port
        );
        log.write(Priority::System, "MY-010931", &text);
        self.shared.seat.join();
        self.turn(ServerState::Accepting);
        match listener {
            Some(listener) => drop(self.stop.run_until_cancelled(self.accept(listener)).await),
            None => self.stop.cancelled().await,
        }
        let text = "Received SHUTDOWN from user <via user signal>.";
        log.write(Priority::System, "MY-013172", text);
        self.shared.seat.leave();
        self.turn(ServerState::Stopping);
        sleep(settings.stops_in).await;
        Exit::CLEAN
    }

    fn turn(&self, state: ServerState) {
        self.state.send_replace(state);
        self.changed.tell();
    }

    async fn listen(&self) -> io::Result<Option<TcpListener>> {
        if self.shared.settings.listens {
            TcpListener::bind(self.address).await.map(Some)
        } else {
            Ok(None)
        }
    }

    /// Why it cannot listen, as mysqld says it.
    fn lament(&self, error: &io::Error) {
        let (log, port) = (&self.shared.log, self.address.port());
        let text = format!("Can't start server: Bind on TCP/IP port: {error}");
        log.write(Priority::Error, "MY-010262", &text);
        let text = format!("Do you already have another mysqld server running on port: {port} ?");
        log.write(Priority::Error, "MY-010257", &text);
        log.write(Priority::Error, "MY-010119", "Aborting");
    }

    async fn accept(&self, listener: TcpListener) {
        let mut clients = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.admit(stream, peer, &mut clients),
                    Err(_) => sleep(BREATH).await,
                },
                // Ended ones are forgotten.
                Some(_) = clients.join_next() => {}
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr, clients: &mut JoinSet<()>) {
        let shared = &self.shared;
        // mysqld lets one more in, who could be an administrator.
        if clients.len() > shared.settings.max_connections {
            let error = ErrorPacket::bare(ErrorCode::TOO_MANY_CONNECTIONS, "Too many connections");
            return connection::refuse(&stream, &error);
        }
        if shared.hosts().is_blocked(peer.ip()) {
            let message = format!(
                "Host '{}' is blocked because of many connection errors; unblock with \
                 'mysqladmin flush-hosts'",
                peer.ip()
            );
            return connection::refuse(
                &stream,
                &ErrorPacket::bare(ErrorCode::HOST_BLOCKED, message),
            );
        }
        let number = shared.connections.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        clients.spawn(connection::serve(stream, peer.ip(), number, Arc::clone(shared)));
    }
}

impl Shared {
    pub(super) fn hosts(&self) -> std::sync::MutexGuard<'_, Hosts> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
