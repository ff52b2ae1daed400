//! One server: a process, from its data folder to its end.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::watch;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::PORT;
use super::data::{NO_AIO, copy, user};
use super::group::{Outside, Seat};
use super::mounts::Mounted;
use super::program::Program;
use crate::embedded::pods::runtime::{Exit, Order, Part, Presented, Server, ServerState};
use crate::embedded::pods::simulated;
use crate::mysql::Product;

/// How many lines of its log are kept.
const LINES: usize = 64;
/// What it says when it accepts connections.
const READY: &str = "ready for connections";
/// How often the mounted files are looked at.
const FOLLOW: Duration = Duration::from_secs(1);

/// A server, seen from outside.
struct Mysqld {
    state: watch::Receiver<ServerState>,
    part: watch::Receiver<Option<Part>>,
    presents: Option<Presented>,
    log: Arc<Log>,
    stop: CancellationToken,
    kill: CancellationToken,
    _life: AbortOnDropHandle<()>,
}

/// The last lines of its error log.
#[derive(Default)]
struct Log(Mutex<VecDeque<String>>);

/// Where a server lives.
pub(super) struct Place {
    /// The first data folder.
    pub(super) template: PathBuf,
    /// A folder of its own.
    pub(super) home: PathBuf,
    /// Its place in a replication group.
    pub(super) seat: Option<Seat>,
}

/// What a server needs to live.
struct Life {
    program: Program,
    place: Place,
    order: Order,
    state: watch::Sender<ServerState>,
    part: watch::Sender<Option<Part>>,
    /// It accepts connections.
    up: CancellationToken,
    log: Arc<Log>,
    stop: CancellationToken,
    kill: CancellationToken,
}

/// Begins to start one.
pub(super) fn start(program: Program, place: Place, order: Order) -> Arc<dyn Server> {
    let presents = simulated::presents(&order);
    let (sender, state) = watch::channel(ServerState::Starting);
    let (parts, part) = watch::channel(None);
    let (stop, kill) = (CancellationToken::new(), CancellationToken::new());
    let log = Arc::new(Log::default());
    let life = Life {
        program,
        place,
        order,
        state: sender,
        part: parts,
        up: CancellationToken::new(),
        log: Arc::clone(&log),
        stop: stop.clone(),
        kill: kill.clone(),
    };
    let life = tokio::spawn(life.run());
    Arc::new(Mysqld { state, part, presents, log, stop, kill, _life: AbortOnDropHandle::new(life) })
}

impl Server for Mysqld {
    fn state(&self) -> ServerState {
        *self.state.borrow()
    }

    fn presents(&self) -> Option<Presented> {
        self.presents.clone()
    }

    fn part(&self) -> Option<Part> {
        *self.part.borrow()
    }

    fn log_tail(&self) -> Vec<String> {
        self.log.tail()
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

impl Log {
    fn write(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn tail(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl Life {
    async fn run(self) {
        let exit = match self.live().await {
            Ok(exit) => exit,
            Err(error) => {
                self.log.write(format!("{}: {error}", self.program.path().display()));
                Exit::FAILED
            }
        };
        // Nobody keeps anything in it; what cannot be removed is in a folder that will be.
        drop(fs::remove_dir_all(&self.place.home));
        self.turn(ServerState::Ended(exit));
    }

    async fn live(&self) -> io::Result<Exit> {
        let data = self.place.home.join("data");
        tokio::select! {
            () = self.kill.cancelled() => return Ok(Exit::KILLED),
            () = self.stop.cancelled() => return Ok(Exit::CLEAN),
            copied = copy(self.place.template.clone(), data.clone()) => copied?,
        }
        let mut mounted = Mounted::write(self.place.home.join("mounts"), self.order.files.clone())?;
        let init = init_file(&self.place, &self.order.env)?;
        let mut command = self.command(&data, init.as_deref(), &mounted);
        let mut child = command.spawn()?;
        let stderr = child.stderr.take();
        let reading = async {
            if let Some(stderr) = stderr {
                self.read(stderr).await;
            }
            std::future::pending::<()>().await;
        };
        let following = async {
            let mut ticks = interval(FOLLOW);
            loop {
                ticks.tick().await;
                if let Err(error) = mounted.follow() {
                    self.log.write(format!("certrotor: its mounted files: {error}"));
                }
            }
        };
        tokio::select! {
            () = reading => Ok(Exit::FAILED),
            () = following => Ok(Exit::FAILED),
            why = self.keep_in_group() => {
                self.log.write(format!("certrotor: {why}"));
                Ok(Exit::FAILED)
            }
            ended = self.wait(&mut child) => ended,
        }
    }

    fn command(&self, data: &Path, init: Option<&Path>, mounted: &Mounted) -> Command {
        let file = |name: &str| self.place.home.join(name).display().to_string();
        let mut command = self.program.command();
        command.arg("--no-defaults").args(user());
        command.arg(format!("--datadir={}", data.display()));
        command.arg(format!("--socket={}", file("socket")));
        command.arg(format!("--pid-file={}", file("pid")));
        command.arg(format!("--bind-address={}", self.order.address));
        command.arg(format!("--port={PORT}"));
        match &self.place.seat {
            Some(seat) => command.args(seat.options()),
            None => command.arg("--skip-log-bin"),
        };
        command.args(["--innodb-buffer-pool-size=8M", "--innodb-log-buffer-size=1M"]);
        command.arg("--performance-schema=OFF");
        command.args(["--max-connections=50", "--table-open-cache=64", "--skip-name-resolve"]);
        command.arg(NO_AIO);
        if self.program.product == Product::MySql {
            command.args(["--mysqlx=OFF", "--innodb-redo-log-capacity=8M"]);
        }
        if let Some(init) = init {
            command.arg(format!("--init-file={}", init.display()));
        }
        // What is no option is the name of a program that the container would start.
        let options = self.order.args.iter().filter(|argument| argument.starts_with("--"));
        command.args(options.map(|argument| mounted.argument(argument)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
    }

    async fn read(&self, stderr: ChildStderr) {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let ready = line.contains(READY);
            self.log.write(line);
            if ready && self.place.seat.is_some() {
                self.up.cancel();
            } else if ready && *self.state.borrow() == ServerState::Starting {
                self.turn(ServerState::Accepting);
            }
        }
    }

    /// Keeps a member of a group in it. Ends with why that cannot be, and in no other case.
    async fn keep_in_group(&self) -> Outside {
        let Some(seat) = &self.place.seat else { return std::future::pending().await };
        self.up.cancelled().await;
        let socket = self.place.home.join("socket");
        match seat.keep(&socket, |part| self.take_part(part)).await {
            Ok(never) => match never {},
            // A server that ends says nothing any more.
            Err(_) if self.is_ending() => std::future::pending().await,
            Err(why) => why,
        }
    }

    /// A member accepts connections when it is online in its group.
    fn take_part(&self, part: Option<Part>) {
        let part = part.filter(|_| !self.is_ending());
        let state = *self.state.borrow();
        let changed = self.part.send_replace(part) != part;
        match (state, part) {
            (ServerState::Starting, Some(_)) => self.turn(ServerState::Accepting),
            (ServerState::Accepting, None) => self.turn(ServerState::Starting),
            _ if changed => self.order.changed.tell(),
            _ => {}
        }
    }

    fn is_ending(&self) -> bool {
        self.stop.is_cancelled() || self.kill.is_cancelled()
    }

    /// Waits for its end, and passes on what it is asked meanwhile.
    async fn wait(&self, child: &mut Child) -> io::Result<Exit> {
        tokio::select! {
            status = child.wait() => return Ok(exit(status?)),
            () = self.stop.cancelled() => {}
            () = self.kill.cancelled() => {}
        }
        if let Some(seat) = &self.place.seat {
            seat.leave();
        }
        self.turn(ServerState::Stopping);
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid.filter(|_| !self.kill.is_cancelled()) {
            // One that has just ended by itself needs no signal.
            kill_process(pid, Signal::TERM).ok();
        }
        tokio::select! {
            status = child.wait() => Ok(exit(status?)),
            () = self.kill.cancelled() => {
                child.kill().await?;
                Ok(Exit::KILLED)
            }
        }
    }

    fn turn(&self, state: ServerState) {
        self.state.send_replace(state);
        self.order.changed.tell();
    }
}

/// As a shell would say it.
fn exit(status: ExitStatus) -> Exit {
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    Exit { code: code.unwrap_or(Exit::FAILED.code) }
}

/// What makes the account of the auth Secret: for every host, with all rights.
fn init_file(place: &Place, env: &BTreeMap<String, String>) -> io::Result<Option<PathBuf>> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    let Some(password) = env.get("MYSQL_ROOT_PASSWORD") else {
        return Ok(None);
    };
    let user = env.get("MYSQL_ROOT_USERNAME").map_or("root", String::as_str);
    let (user, password) = (quoted(user), quoted(password));
    let file = place.home.join("init.sql");
    let mut opened = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file)?;
    if place.seat.is_some() {
        // Each member does the same: nothing that others should copy.
        writeln!(opened, "SET SQL_LOG_BIN = 0;")?;
    }
    for host in ["localhost", "127.0.0.1", "%"] {
        writeln!(opened, "CREATE USER IF NOT EXISTS {user}@'{host}';")?;
        writeln!(opened, "ALTER USER {user}@'{host}' IDENTIFIED BY {password};")?;
        writeln!(opened, "GRANT ALL PRIVILEGES ON *.* TO {user}@'{host}' WITH GRANT OPTION;")?;
    }
    Ok(Some(file))
}

/// A text as SQL writes it, on one line.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("'");
    for character in text.chars() {
        match character {
            '\\' => quoted.push_str("\\\\"),
            '\'' => quoted.push_str("''"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\0' => quoted.push_str("\\0"),
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_quoted() {
        for (text, expected) in [
            ("secret", "'secret'"),
            ("it's", "'it''s'"),
            ("a\\b", "'a\\\\b'"),
            ("a';\nDROP", "'a'';\\nDROP'"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
