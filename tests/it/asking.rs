//! `explain` and `plan`: from a daemon that runs, through what people have in their hands.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::control_plane::free_ports;
use crate::support::eventually::eventually;
use crate::support::http;
use crate::support::process::{Process, Scratch};
use crate::support::time::minutes;

const PROGRAM: &str = env!("CARGO_BIN_EXE_certrotor");

/// A demo with its page.
pub(crate) struct Demo {
    pub(crate) page: u16,
    folder: PathBuf,
    _process: Process,
    _scratch: Scratch,
}

/// What a command said.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Demo {
    pub(crate) async fn start(name: &str) -> Self {
        let scratch = Scratch::new(name);
        let folder = scratch.path().join("demo");
        let [listen, page] = free_ports();
        let args = [
            "demo",
            "--mysqld",
            "simulated",
            "--listen",
            &format!("127.0.0.1:{listen}"),
            "--page",
            &format!("127.0.0.1:{page}"),
            "--dir",
            &folder.to_string_lossy(),
        ]
        .map(str::to_owned);
        let process = Process::start(Path::new(PROGRAM), &args, &scratch.path().join("printed"));
        eventually(minutes(1), "three databases with their certificates", async || {
            let answer = http::get(page, "/api/v1/databases").await?;
            let said: Value = serde_json::from_str(&answer.body).unwrap_or_default();
            let all = said["databases"].as_array().cloned().unwrap_or_default();
            let serves = |it: &Value| it["servers"]["issued"].as_u64() > Some(0);
            let known = all.len() == 3 && all.iter().all(serves);
            known.then_some(()).ok_or_else(|| format!("{answer:?}\n{}", process.tail(9)))
        })
        .await;
        Self { page, folder, _process: process, _scratch: scratch }
    }

    fn says(&self, command: &str) -> Said {
        let server = format!("http://127.0.0.1:{}", self.page);
        let folder = self.folder.to_string_lossy().into_owned();
        let words =
            command.split(' ').map(|word| word.replace("@URL", &server).replace("@DIR", &folder));
        let mut certrotor = Command::new(PROGRAM);
        certrotor
            .args(words)
            .env("KUBECONFIG", self.folder.join("kubeconfig"))
            .env("NO_COLOR", "1");
        let output = certrotor.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn out(&self, command: &str) -> String {
        let said = self.says(command);
        assert_eq!(said.code, Some(0), "{command}: {said:?}");
        said.out
    }

    fn err(&self, command: &str) -> String {
        let said = self.says(command);
        assert_eq!((said.code, &*said.out), (Some(1), ""), "{command}: {said:?}");
        said.err
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_is_asked_and_what_cannot_be_is_told_in_one_line() {
    let demo = Demo::start("asking").await;
    what_it_decides_and_plans(&demo);
    what_cannot_be_asked(&demo);
}

fn what_it_decides_and_plans(demo: &Demo) {
    let text = demo.out("explain --server @URL shop/orders");
    for says in [
        "shop/orders\n  State",
        "RenewalDue: What is left",
        "Suspended: `spec.suspend`",
        "orders-0",
    ] {
        assert!(text.contains(says), "{says}: {text}");
    }
    let json: Value =
        serde_json::from_str(&demo.out("explain --server @URL web/blog -o json")).unwrap();
    assert_eq!(
        (json["database"]["name"].as_str(), json["gates"].as_array().unwrap().len()),
        (Some("blog"), 31)
    );

    let table = demo.out("plan --server @URL --until 10m");
    let head = table.lines().next().unwrap();
    assert!(head.starts_with("STARTS") && table.lines().count() > 3, "{table}");
    let only = demo.out("plan --server @URL --until 10m -n web");
    assert!(only.contains("web/blog") && !only.contains("shop/"), "{only}");
    let calendar = demo.out("plan --server @URL --until 10m -o ics");
    assert!(calendar.starts_with("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"), "{calendar}");
    assert!(calendar.contains("SUMMARY:Rotate the certificates of web/blog\r\n"), "{calendar}");
    let yaml = demo.out("plan --server @URL --until 10m -o yaml");
    assert!(yaml.contains("rotations:\n"), "{yaml}");

    // The same config, worked out here from what the cluster says: the same rotations to come.
    let config = demo.folder.join("other.yaml");
    let same =
        demo.says("plan --until 5m --config @DIR/certrotor.yaml --config @DIR/certrotor.yaml");
    assert!(same.out.contains("nothing is different\n"), "{same:?}");
    assert!(same.err.contains("worked out here for"), "{same:?}");
    let settings = std::fs::read_to_string(demo.folder.join("certrotor.yaml")).unwrap();
    std::fs::write(&config, settings.replace("renewBefore: 65%", "renewBefore: 20%")).unwrap();
    let later = demo.says("plan --server @URL --until 5m --config @DIR/other.yaml");
    assert_eq!(later.code, Some(0), "{later:?}");
    assert!(later.out.contains(" later\n") || later.out.contains("\n- "), "{later:?}");
    assert!(later.err.contains("- the daemon at http://127.0.0.1"), "{later:?}");
}

fn what_cannot_be_asked(demo: &Demo) {
    for (command, says) in [
        (
            "explain --server @URL shop/order",
            "no database shop/order is known here; did you mean shop/orders?",
        ),
        ("explain --server @URL orders", "with --server a database is named NAMESPACE/NAME"),
        (
            "explain --server http://127.0.0.1:1 a/b",
            "--server http://127.0.0.1:1/ cannot be reached: ",
        ),
        ("explain --server https://127.0.0.1:1 a/b", "it is spoken to in plain http://HOST:PORT"),
        (
            "plan --server http://127.0.0.1:1",
            "the daemon cannot be asked: --server http://127.0.0.1:1/",
        ),
        // The holder of the demo's Lease is no pod.
        (
            "plan",
            "the leader of certrotor-system.certrotor cannot be asked: no port-forward to pod ",
        ),
        ("plan --config @DIR/nowhere.yaml", "nowhere.yaml: cannot be read"),
        ("plan --config a --config b --config c", "cannot be read"),
    ] {
        let told = demo.err(command);
        assert!(told.contains(says), "{command}: {told}");
        assert_eq!(told.lines().count(), 1, "{command}: {told}");
    }
    let explained = demo.out("explain shop/orders");
    assert!(
        explained.contains("This is what its Rotation says. The daemon, which knows every check"),
        "{explained}"
    );
    assert!(demo.err("explain shop/orders -o json").contains("-o is for what the daemon says"));
    for (command, says) in [
        ("plan --until 500d", "is too long; at most 400d"),
        ("plan --until soon", "is no duration"),
        ("plan -o xml", "possible values: table, json, yaml, ics"),
    ] {
        let said = demo.says(command);
        assert_eq!(said.code, Some(2), "{command}: {said:?}");
        assert!(said.err.contains(says), "{command}: {}", said.err);
    }
}
