//! A person at a terminal, with kubectl and one or two clusters.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::sync::Arc;

use certrotor::clock::SystemClock;
use certrotor::embedded::api::ApiServer;
use certrotor::embedded::api::listen::Listener;
use regex::Regex;
use tokio_util::sync::CancellationToken;

use crate::support::kubectl::{Kubectl, Said};
use crate::support::lab::{self, Lab, runtime};
use crate::support::parts;
use crate::support::process::Scratch;

/// What is needed to try a command out.
pub(crate) struct Desk {
    pub(crate) server: ApiServer,
    /// The namespace that all commands are about, on both servers.
    pub(crate) namespace: String,
    embedded: Kubectl,
    real: Option<Kubectl>,
}

/// Runs a test at a desk of its own, or says why it is skipped.
pub(crate) fn at_desk(test: impl FnOnce(&Desk)) {
    let folder = Scratch::new("kubectl");
    let kubeconfig = folder.path().join("kubeconfig");
    let embedded = match Kubectl::new(folder.path(), &kubeconfig) {
        Ok(kubectl) => kubectl,
        Err(missing) => return parts::skipped(&lab::test_name(), &missing.to_string()),
    };
    let namespace = lab::namespace();
    let server = ApiServer::new(Arc::new(SystemClock)).unwrap();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = runtime().block_on(Listener::bind(server.clone(), any)).unwrap();
    listener.kubeconfig(&namespace).write(&kubeconfig).unwrap();
    let stop = CancellationToken::new();
    let running = runtime().spawn(listener.run(stop.clone()));

    let desk = Desk { server, namespace, embedded, real: real() };
    desk.all(&["create", "namespace", &desk.namespace]);
    test(&desk);
    stop.cancel();
    runtime().block_on(running).unwrap();
}

/// kubectl on the real control plane that all tests share.
fn real() -> Option<Kubectl> {
    let skipped = |why: &str| parts::skipped(&format!("{}: the comparison", lab::test_name()), why);
    match runtime().block_on(Lab::open()) {
        Ok(lab) => {
            let folder = lab.plane.folder();
            Kubectl::new(folder, &folder.join("admin.kubeconfig")).ok()
        }
        Err(why) => {
            skipped(&why);
            None
        }
    }
}

impl Desk {
    /// What a command prints that succeeds without a warning.
    pub(crate) fn out(&self, command: &str) -> String {
        self.out_of(&words(command))
    }

    /// The same for arguments with spaces in them.
    pub(crate) fn out_of(&self, args: &[&str]) -> String {
        good(args, self.both(args, None))
    }

    /// The same with something on standard input.
    pub(crate) fn out_with(&self, command: &str, text: &str) -> String {
        let args = words(command);
        good(&args, self.both(&args, Some(text)))
    }

    /// The same; `@UID@` in the text stands for the uid that an object has there.
    pub(crate) fn out_about(&self, command: &str, object: &str, text: &str) -> String {
        let args = words(command);
        let run = |kubectl: &Kubectl| {
            let get = ["get", object, "-o=jsonpath={.metadata.uid}"];
            let uid = kubectl.run(&self.in_namespace(&get)).out;
            masked(kubectl.run_with(&self.in_namespace(&args), &text.replace("@UID@", &uid)))
        };
        good(&args, self.compare(&args, run(&self.embedded), run))
    }

    /// Everything that a command says, which may fail.
    pub(crate) fn said(&self, command: &str) -> Said {
        self.both(&words(command), None)
    }

    /// The same with something on standard input.
    pub(crate) fn said_with(&self, command: &str, text: &str) -> Said {
        self.both(&words(command), Some(text))
    }

    /// What a command prints on the embedded server alone: the real one has more, or less.
    pub(crate) fn out_here(&self, command: &str) -> String {
        let args = words(command);
        let said = self.embedded.run(&self.in_namespace(&args));
        good(&args, masked(said))
    }

    /// What an editor makes of an object: `script` is one of sed.
    pub(crate) fn edited(&self, command: &str, script: &str) -> Said {
        let args = words(command);
        let run = |kubectl: &Kubectl| {
            let mut command = kubectl.command(&self.in_namespace(&args));
            let editor = format!("sed -i -e '{script}'");
            masked(command.env("KUBE_EDITOR", editor).output().unwrap())
        };
        self.compare(&args, run(&self.embedded), run)
    }

    /// Starts a command that goes on, for a minute at most.
    pub(crate) fn begin(&self, command: &str) -> Going {
        let mut args = words(command);
        // It says on stderr when a watch has begun.
        args.extend(["--request-timeout=60s", "-v=6"]);
        let start = |kubectl: &Kubectl| {
            let mut command = kubectl.command(&self.in_namespace(&args));
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap()
        };
        Going { embedded: start(&self.embedded), real: self.real.as_ref().map(start) }
    }

    /// Runs a command that is only there to make a scene, without a namespace.
    fn all(&self, args: &[&str]) {
        let run = |kubectl: &Kubectl| masked(kubectl.run(args));
        good(args, self.compare(args, run(&self.embedded), run));
    }

    fn both(&self, args: &[&str], text: Option<&str>) -> Said {
        let full = self.in_namespace(args);
        let run = |kubectl: &Kubectl| {
            masked(match text {
                Some(text) => kubectl.run_with(&full, text),
                None => kubectl.run(&full),
            })
        };
        self.compare(args, run(&self.embedded), run)
    }

    fn compare(&self, args: &[&str], here: Said, run: impl Fn(&Kubectl) -> Said) -> Said {
        if let Some(real) = &self.real {
            let there = run(real);
            let command = args.join(" ");
            assert!(
                here == there,
                "kubectl {command}\n--- embedded\n{}--- real\n{}",
                show(&here),
                show(&there)
            );
        }
        here
    }

    fn in_namespace<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        let mut args = args.to_vec();
        args.extend(["--namespace", &self.namespace]);
        args
    }
}

/// A command under way, on one server or both.
pub(crate) struct Going {
    embedded: Child,
    real: Option<Child>,
}

impl Going {
    /// What it has said when it ends by itself.
    pub(crate) fn end(self) -> Said {
        let end = |child: Child| {
            let mut said = masked(child.wait_with_output().unwrap());
            said.err = said.err.lines().filter(|line| !is_log(line)).collect();
            said
        };
        let here = end(self.embedded);
        if let Some(real) = self.real {
            assert_eq!(here, end(real), "embedded on the left");
        }
        here
    }

    /// Returns when it has begun to watch.
    pub(crate) fn watches(&mut self) {
        for child in [Some(&mut self.embedded), self.real.as_mut()].into_iter().flatten() {
            let mut stderr = BufReader::with_capacity(1, child.stderr.as_mut().unwrap());
            let mut line = String::new();
            while !line.contains("watch=true") {
                line.clear();
                assert!(stderr.read_line(&mut line).unwrap() > 0, "it ended without a watch");
            }
        }
    }

    /// Its next lines.
    pub(crate) fn lines(&mut self, count: usize) -> String {
        let read = |child: &mut Child| {
            // Read byte by byte: what is buffered would be lost to the next call.
            let stdout = child.stdout.as_mut().unwrap();
            let mut reader = BufReader::with_capacity(1, stdout);
            let mut text = String::new();
            for _ in 0..count {
                assert!(reader.read_line(&mut text).unwrap() > 0, "it ended after {text:?}");
            }
            mask(&text)
        };
        let here = read(&mut self.embedded);
        if let Some(real) = &mut self.real {
            assert_eq!(here, read(real), "embedded on the left");
        }
        here
    }

    /// Ends it.
    pub(crate) fn stop(mut self) {
        for child in [Some(&mut self.embedded), self.real.as_mut()].into_iter().flatten() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

/// A line that kubectl writes for those who look for mistakes in it.
fn is_log(line: &str) -> bool {
    let mut signs = line.chars();
    signs.next() == Some('I') && signs.take(4).all(|sign| sign.is_ascii_digit())
}

fn words(command: &str) -> Vec<&str> {
    command.split_whitespace().collect()
}

fn good(args: &[&str], said: Said) -> String {
    assert!(
        said.code == Some(0) && said.err.is_empty(),
        "kubectl {}\n{}",
        args.join(" "),
        show(&said)
    );
    said.out
}

fn show(said: &Said) -> String {
    let Said { out, err, code } = said;
    format!("{out}{err}(exit {code:?})\n")
}

fn masked(said: impl Into<Said>) -> Said {
    let Said { out, err, code } = said.into();
    Said { out: mask(&out), err: mask(&err), code }
}

/// Takes out what differs from run to run: moments, ages, uids, versions, addresses, and with them
/// how wide columns are.
fn mask(text: &str) -> String {
    let masks = [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "MOMENT"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4}", "MOMENT"),
        (r"(LIVE|MERGED)-\d+", "${1}"),
        (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", "MOMENT"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
        (r#"(resourceVersion"?: |Resource Version: +)"?\d+"?"#, "${1}VERSION"),
        (r"\b\d+(ms|s|m\d+s|m|h\d+m|h)(\s|$)", "AGE${2}"),
        (r"\b10\.(0\.0|96\.\d+)\.\d+", "ADDRESS"),
        (r"https://127\.0\.0\.1:\d+", "SERVER"),
        (r"(\S) {2,}", "${1}  "),
        (r"(?m) +$", ""),
    ];
    masks.iter().fold(text.to_owned(), |text, (pattern, name)| {
        Regex::new(pattern).unwrap().replace_all(&text, *name).into_owned()
    })
}

#[test]
fn masks_hide_what_differs_and_nothing_else() {
    for (text, hidden) in [
        ("db   Ready   10s\n", "db  Ready  AGE\n"),
        ("db   9.1.0   2m3s   x", "db  9.1.0  AGE  x"),
        ("uid: 00000000-0000-4000-8000-00000000001f", "uid: UID"),
        ("resourceVersion: \"12\"", "resourceVersion: VERSION"),
        ("creationTimestamp: \"2026-11-23T12:00:00Z\"", "creationTimestamp: \"MOMENT\""),
        ("port 3306, v1, 3 rows", "port 3306, v1, 3 rows"),
    ] {
        assert_eq!(mask(text), hidden);
    }
}
