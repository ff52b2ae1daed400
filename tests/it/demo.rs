//! `certrotor demo` as people use it: the real binary, in real time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::support::control_plane::free_ports;
use crate::support::effort::Effort;
use crate::support::eventually::eventually;
use crate::support::http;
use crate::support::kubectl::Kubectl;
use crate::support::lab::test_name;
use crate::support::parts::{self, skipped};
use crate::support::process::{Process, Scratch};
use crate::support::time::{minutes, seconds};

const PROGRAM: &str = env!("CARGO_BIN_EXE_certrotor");

/// A demo that runs, with a folder for its temporary files.
struct Demo {
    process: Process,
    temporary: PathBuf,
    port: u16,
    _scratch: Scratch,
}

impl Demo {
    fn start(name: &str, options: &[&str]) -> Self {
        let scratch = Scratch::new(name);
        let temporary = scratch.path().join("tmp");
        fs::create_dir(&temporary).unwrap();
        let [port] = free_ports();
        let listen = format!("127.0.0.1:{port}");
        let args = [&["demo", "--listen", &listen, "--page", "127.0.0.1:0"], options].concat();
        let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
        let variables = [("TMPDIR", temporary.to_string_lossy().into_owned())];
        let log = scratch.path().join("printed");
        let process = Process::start_in(Path::new(PROGRAM), &args, &variables, &log);
        Self { process, temporary, port, _scratch: scratch }
    }

    async fn ready(&self) {
        let what = "the demo to be ready";
        eventually(minutes(1), what, async || match http::get(self.port, "/readyz").await {
            Ok(answer) if answer.status == 200 => Ok(()),
            other => Err(format!("{other:?}\n{}", self.process.tail(20))),
        })
        .await;
    }

    /// Waits until it has ended, and gives its status and what it has printed.
    async fn ended(&self, within: Duration) -> (Option<i32>, String) {
        let status = eventually(within, "the demo to end", async || {
            self.process.ended().ok_or_else(|| self.process.tail(30))
        })
        .await;
        (status.code(), self.process.printed())
    }

    /// Neither a file nor a socket.
    async fn has_left_nothing(&self) {
        let left: Vec<_> = fs::read_dir(&self.temporary).unwrap().map(|it| it.unwrap()).collect();
        assert!(left.is_empty(), "{left:?}");
        assert!(http::get(self.port, "/").await.is_err(), "somebody still listens");
    }
}

fn demo(options: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg("demo").args(options).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn options_that_make_no_sense_end_with_2_and_say_what_would() {
    for (options, says) in [
        (&["--databases", "0"][..], "`0` is too small; allowed: 1 to 24"),
        (&["--databases", "1000"], "`1000` is too large; allowed: 1 to 24"),
        (&["--databases", "many"], "`many` is no whole number; allowed: 1 to 24"),
        (&["--listen", "9440"], "`9440` is no address; allowed: an IP address and a port"),
        (&["--listen", "127.0.0.1:99999"], "is no address; allowed: an IP address and a port"),
        (&["--once", "--timeout", "5"], "`5` lacks a unit; allowed:"),
        (&["--once", "--timeout", "0s"], "`0s` is too short; at least 1s"),
        (&["--speed", "2"], "unexpected argument '--speed' found"),
    ] {
        let output = demo(options);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{options:?}: {told}");
        assert!(told.contains(says), "{options:?}: {told}");
    }
}

#[test]
fn what_cannot_be_had_ends_with_1_and_one_line_that_says_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let scratch = Scratch::new("demo-refused");
    let file = scratch.file("file", "");
    let below = file.join("folder").to_string_lossy().into_owned();
    let settings = scratch.path().join("settings");
    fs::create_dir(&settings).unwrap();
    fs::write(settings.join("certrotor.yaml"), "rotation: {renewbefor: 1%}\n").unwrap();
    let settings = settings.to_string_lossy().into_owned();
    let taken_says = format!("--listen {taken}: address already in use: choose another port");
    for (options, says) in [
        (&["--listen", &taken][..], &*taken_says),
        (&["--dir", &below], "name a folder that you may write to"),
        (
            &["--dir", &settings, "--listen", "127.0.0.1:0", "--page", "127.0.0.1:0"],
            "did you mean `renewBefore`?",
        ),
    ] {
        let output = demo(options);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{options:?}: {told}");
        assert!(told.starts_with("certrotor: ") && told.contains(says), "{options:?}: {told}");
        assert_eq!(told.lines().count(), 1, "{options:?}: {told}");
    }
}

#[tokio::test]
async fn once_ends_well_when_every_database_was_rotated_and_serves_its_new_certificate() {
    if Effort::of_this_run() == Effort::Quick {
        return skipped(&test_name(), "it takes a minute, most of it waiting (tests/run)");
    }
    let demo = Demo::start("demo-once", &["--once", "--mysqld", "simulated"]);
    let (status, printed) = demo.ended(minutes(4)).await;
    assert_eq!(status, Some(0), "{printed}");
    for database in ["web/blog", "shop/catalog", "shop/orders"] {
        for told in [
            "database Ready",
            if database == "shop/catalog" {
                "rotation opened for ServedStale"
            } else {
                "rotation opened for RenewalDue, "
            },
            "certificate issued anew, revision 2",
            "rotation verified after ",
            "every server was seen to serve the new certificate",
        ] {
            let line = format!("  {database}  {told}");
            assert!(printed.contains(&line), "{line:?} is missing in\n{printed}");
        }
    }
    for told in ["orders-0, the primary, is restarted", "orders-1, the standby, is restarted"] {
        assert!(printed.contains(told), "{told:?} is missing in\n{printed}");
    }
    let last = printed.lines().last().unwrap();
    assert!(last.starts_with("every database was rotated and serves its new "), "{printed}");
    demo.has_left_nothing().await;
}

/// One of the two databases has an issuer that renews early: Secret and wire differ until the daemon
/// has seen it.
#[tokio::test]
async fn on_real_servers_drift_is_found_and_healed() {
    let program = match parts::find("mysqld") {
        Ok(program) => program.to_string_lossy().into_owned(),
        Err(missing) => {
            let test = "on_real_servers_drift_is_found_and_healed";
            return skipped(test, &missing.to_string());
        }
    };
    parts::used("mysqld");
    let options = ["--once", "--databases", "2", "--mysqld", &program];
    let demo = Demo::start("demo-real", &options);
    let (status, printed) = demo.ended(minutes(5)).await;
    assert_eq!(status, Some(0), "{printed}");
    for said in [
        "the servers are real: MySQL 9.",
        "shop/catalog  rotation opened for ServedStale",
        "shop/catalog  every server was seen to serve the new certificate",
    ] {
        assert!(printed.contains(said), "{said}\n{printed}");
    }
    demo.has_left_nothing().await;
}

#[tokio::test]
async fn once_that_takes_too_long_ends_with_1_and_says_what_is_missing() {
    let demo = Demo::start(
        "demo-late",
        &["--once", "--timeout", "3s", "--databases", "1", "--mysqld", "simulated"],
    );
    let (status, printed) = demo.ended(minutes(1)).await;
    let last = printed.lines().last().unwrap();
    assert_eq!(status, Some(1), "{printed}");
    assert!(last.contains("not every database was rotated within 3s: web/blog is "), "{printed}");
    demo.has_left_nothing().await;
}

#[tokio::test]
async fn a_signal_ends_it_within_seconds_and_nothing_is_left_but_the_folder_that_was_named() {
    let folder = Scratch::new("demo-dir");
    let kept = folder.path().join("kept");
    let kept = kept.to_string_lossy().into_owned();
    for (signal, options) in [("INT", &[][..]), ("TERM", &["--dir", &kept][..])] {
        let options = [&["--mysqld", "simulated"], options].concat();
        let demo = Demo::start("demo-signal", &options);
        demo.ready().await;
        demo.process.signal(signal);
        let (status, printed) = demo.ended(seconds(10)).await;
        assert_eq!(status, Some(0), "{signal}: {printed}");
        let last = printed.lines().last().unwrap();
        assert!(last.starts_with("stopped after "), "{signal}: {printed}");
        demo.has_left_nothing().await;
    }
    let mut files: Vec<_> =
        fs::read_dir(&kept).unwrap().map(|it| it.unwrap().file_name()).collect();
    files.sort_unstable();
    let requests = ["add-tls", "change-certificates", "change-issuer", "remove-tls", "rotate-tls"];
    let mut expected = vec!["certrotor.yaml".to_owned(), "demo.log".to_owned()];
    expected.extend(requests.map(|name| format!("{name}.yaml")));
    expected.push("kubeconfig".to_owned());
    expected.sort_unstable();
    let files: Vec<_> = files.iter().map(|file| file.to_string_lossy()).collect();
    assert_eq!(files, expected);
    let log = fs::read_to_string(Path::new(&kept).join("demo.log")).unwrap();
    assert!(log.contains("config loaded"), "{log}");
}

#[test]
fn on_a_terminal_the_cursor_is_back_at_the_end_and_no_log_line_is_seen() {
    let scratch = Scratch::new("demo-terminal");
    let run = format!(
        "timeout --foreground -s INT 5 {PROGRAM} demo --mysqld simulated --listen 127.0.0.1:0 --page 127.0.0.1:0"
    );
    let mut script = Command::new("script");
    script.args(["-qec", &run, "/dev/null"]).stdin(Stdio::null());
    let Ok(output) = script.env("TMPDIR", scratch.path()).env("TERM", "xterm").output() else {
        return skipped("demo on a terminal", "script (of util-linux) is not on PATH");
    };
    let seen = String::from_utf8_lossy(&output.stdout);
    let at = |sequence: &str| {
        seen.find(sequence).unwrap_or_else(|| panic!("{sequence:?} is missing in {seen:?}"))
    };
    let (hidden, drawn) = (at("\x1b[?25l"), at("\x1b[?2026h"));
    let (back, summary) = (at("\x1b[?25h"), at("stopped after "));
    assert!(hidden < drawn && drawn < back && back < summary, "{seen:?}");
    assert!(seen.contains("or look from another terminal"), "{seen:?}");
    for log in ["INFO", "WARN", "config loaded"] {
        assert!(!seen.contains(log), "{log} in {seen:?}");
    }
}

/// Applies a request of the hint again and again until it was carried out: one that the daemon's own
/// overtakes is skipped.
async fn carried_out(kubectl: &Kubectl, folder: &str, file: &str) {
    let path = format!("{folder}/{file}.yaml");
    let name = format!("myops/blog-{file}");
    eventually(minutes(2), &format!("{file} to be carried out"), async || {
        let phase = kubectl.run(&["get", &name, "-n", "web", "-o=jsonpath={.status.phase}"]).out;
        match &*phase {
            "Successful" => return Ok(()),
            "Failed" | "Denied" => {
                let said = kubectl.run(&["get", &name, "-n", "web", "-o=yaml"]).out;
                panic!("{file}: {said}");
            }
            "Skipped" => drop(kubectl.run(&["delete", &name, "-n", "web"])),
            _ => {}
        }
        let said = kubectl.run(&["apply", "-f", &path]);
        assert_eq!(said.code, Some(0), "{file}: {}", said.err);
        Err(format!("{phase:?}"))
    })
    .await;
}

#[tokio::test]
async fn every_request_of_the_hint_is_carried_out() {
    let scratch = Scratch::new("demo-requests");
    let folder = scratch.path().join("kept").to_string_lossy().into_owned();
    let options = ["--mysqld", "simulated", "--dir", &folder];
    let demo = Demo::start("demo-hint", &options);
    demo.ready().await;
    let kubeconfig = Path::new(&folder).join("kubeconfig");
    let kubectl = match Kubectl::new(scratch.path(), &kubeconfig) {
        Ok(kubectl) => kubectl,
        Err(missing) => return skipped("the requests of the demo", &missing.to_string()),
    };
    let mysql = |path: &str| {
        let path = format!("-o=jsonpath={path}");
        kubectl.run(&["get", "mysql", "blog", "-n", "web", &path]).out
    };
    eventually(minutes(1), "the database to be Ready", async || {
        let phase = mysql("{.status.phase}");
        if phase == "Ready" { Ok(()) } else { Err(phase) }
    })
    .await;
    for file in ["change-issuer", "change-certificates", "rotate-tls", "remove-tls", "add-tls"] {
        carried_out(&kubectl, &folder, file).await;
        let (issuer, tls) = (mysql("{.spec.tls.issuerRef.name}"), mysql("{.spec.tls}"));
        match file {
            "remove-tls" => assert_eq!(tls, ""),
            "add-tls" => assert_eq!(issuer, "web-ca"),
            _ => assert_eq!(issuer, "web-next", "{file}"),
        }
    }
}
