//! Child processes that never outlive the tests, however those end.
//!
//! Each runs under a small shell that holds one end of a pipe. When the test process ends — by
//! itself, by a panic, by `kill -9` — the pipe closes and the shell kills its program. (The signal
//! that Linux sends on a parent's death would fire when the *thread* that spawned it ends.)

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};

/// Runs `$@` with its output in the file `$1`, says its pid, ends with its status; kills it when
/// standard input ends.
const SUPERVISOR: &str = r#"
log=$1; shift
exec 3<&0
"$@" >>"$log" 2>&1 </dev/null 3<&- &
child=$!
echo "$child"
{ read -r _ <&3; kill -9 "$child"; } >/dev/null 2>&1 &
reader=$!
exec 1>&-
wait "$child"
code=$?
kill "$reader" 2>/dev/null
exit "$code"
"#;

/// Removes the folder `$1` once standard input has ended.
const JANITOR: &str = r#"read -r _; for _ in 1 2 3 4 5; do sleep 1; rm -rf -- "$1" && exit; done"#;

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    pid: u32,
    log: PathBuf,
    supervisor: Mutex<Child>,
    /// Closing it kills the program.
    leash: Mutex<Option<ChildStdin>>,
}

impl Process {
    /// Starts a program; what it prints is appended to `log`.
    pub(crate) fn start(program: &Path, args: &[String], log: &Path) -> Self {
        Self::start_in(program, args, &[], log)
    }

    /// Starts a program with variables of its own.
    pub(crate) fn start_in(
        program: &Path,
        args: &[String],
        variables: &[(&str, String)],
        log: &Path,
    ) -> Self {
        let name = program.file_name().unwrap().to_string_lossy().into_owned();
        let mut command = Command::new("sh");
        command.args(["-c", SUPERVISOR, "sh"]).arg(log).arg(program).args(args);
        command.envs(variables.iter().cloned());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut supervisor = command.spawn().unwrap();
        let mut first = String::new();
        let stdout = supervisor.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut first).unwrap();
        let pid = first.trim().parse().unwrap_or_else(|_| panic!("{name}: no pid: {first:?}"));
        let leash = Mutex::new(supervisor.stdin.take());
        Self { name, pid, log: log.to_owned(), supervisor: Mutex::new(supervisor), leash }
    }

    /// Its status, once it has ended.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).try_wait().unwrap()
    }

    /// Sends it a signal, such as `TERM` or `KILL`.
    pub(crate) fn signal(&self, signal: &str) {
        if self.ended().is_none() {
            let pid = self.pid.to_string();
            let mut kill = Command::new("kill");
            kill.args(["-s", signal, &pid]).stderr(Stdio::null());
            // It may have ended by itself meanwhile.
            drop(kill.status());
        }
    }

    /// Kills it, and returns when it is gone.
    pub(crate) fn kill(&self) {
        self.signal("KILL");
        drop(self.leash.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).wait().unwrap();
    }

    /// All that it has printed.
    pub(crate) fn printed(&self) -> String {
        fs::read(&self.log).map_or_else(
            |error| format!("(no log of {}: {error})", self.name),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    /// The last lines that it has printed.
    pub(crate) fn tail(&self, lines: usize) -> String {
        let printed = self.printed();
        let all: Vec<&str> = printed.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A folder that is gone soon after the tests have ended, however they end.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    _leash: ChildStdin,
}

impl Scratch {
    /// A new folder. `CERTROTOR_KEEP=1` in the environment keeps it, for its logs.
    pub(crate) fn new(name: &str) -> Self {
        let path = tempfile::Builder::new().prefix(&format!("certrotor-{name}-")).tempdir();
        let path = path.unwrap().keep();
        let script = if std::env::var_os("CERTROTOR_KEEP").is_some() { "true" } else { JANITOR };
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(&path);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let leash = command.spawn().unwrap().stdin.take().unwrap();
        Self { path, _leash: leash }
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file into it and says where it is.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path.join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

#[test]
fn a_program_ends_with_its_supervisor() {
    let scratch = Scratch::new("process");
    let log = scratch.path().join("log");
    let args = ["-c".to_owned(), "echo began; exec sleep 600".to_owned()];
    let process = Process::start(Path::new("/bin/sh"), &args, &log);
    let alive = || Path::new(&format!("/proc/{}", process.pid)).exists();
    while process.printed() != "began\n" {
        assert!(alive() && process.ended().is_none());
        std::thread::yield_now();
    }

    drop(process.leash.lock().unwrap().take());
    let status = process.supervisor.lock().unwrap().wait().unwrap();
    assert_eq!(status.code(), Some(128 + 9));
    assert!(!alive());
}
