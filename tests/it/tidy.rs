//! The rules that ARCHITECTURE.md states, held for every file: each test is one of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The longest a file may be, unless its first lines say why.
const LONGEST: usize = 400;

/// A source file.
struct Source {
    path: String,
    text: String,
    /// It is a module that exists in tests only, or below one.
    is_test: bool,
}

impl Source {
    /// Its code without comments and without tests, each line with its number.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let tests = self.text.find("#[cfg(test)]\nmod ").unwrap_or(self.text.len());
        let lines = self.text[..tests].lines().enumerate();
        lines.map(|(at, line)| (at + 1, line.split("//").next().unwrap_or(line)))
    }

    fn is_under(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.path.starts_with(folder))
    }
}

/// Every Rust file below these folders.
fn sources(folders: &[&str]) -> Vec<Source> {
    let mut sources = Vec::new();
    for folder in folders {
        walk(&root().join(folder), &mut sources);
    }
    assert!(!sources.is_empty());
    let tests: Vec<String> = sources.iter().flat_map(test_modules).collect();
    for source in &mut sources {
        let stem = source.path.trim_end_matches(".rs");
        let below = |test: &String| stem == test || stem.starts_with(&format!("{test}/"));
        source.is_test = tests.iter().any(below);
    }
    sources
}

/// The files, without `.rs`, of the modules that this one declares for tests only.
fn test_modules(source: &Source) -> Vec<String> {
    let own = source.path.trim_end_matches(".rs");
    let folder = ["mod", "lib", "main"].iter().find_map(|name| own.strip_suffix(name));
    let folder = folder.map_or_else(|| format!("{own}/"), str::to_owned);
    let declared = source.text.split("#[cfg(test)]\nmod ").skip(1);
    let names = declared.filter_map(|rest| rest.lines().next()?.strip_suffix(';'));
    names.map(|name| format!("{folder}{name}")).collect()
}

fn walk(folder: &Path, sources: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            sources.push(Source { path, text, is_test: false });
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Where one of the words stands, by itself, in the code of these files.
fn mentions(sources: &[&Source], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        for (at, line) in source.code() {
            for word in words.iter().filter(|word| has_word(line, word)) {
                found.push(format!("{}:{at}: {word}", source.path));
            }
        }
    }
    found
}

fn has_word(line: &str, word: &str) -> bool {
    let part_of_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        let opens = word.starts_with(char::is_alphanumeric);
        let closes = word.ends_with(char::is_alphanumeric);
        let glued_before = opens && part_of_word(before.chars().next_back());
        let glued_after = closes && part_of_word(after.chars().next());
        !glued_before && !glued_after
    })
}

fn none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

#[test]
fn the_core_is_pure() {
    let core = sources(&["src/core", "src/executor/decide"]);
    let core: Vec<&Source> = core.iter().filter(|source| !source.is_test).collect();
    let impure = [
        "tokio",
        "kube",
        "k8s_openapi",
        "SystemTime",
        "Instant",
        "rand",
        "tracing",
        "HashMap",
        "HashSet",
        "async",
        "std::fs",
        "std::env",
        "TcpStream",
        "UdpSocket",
        "println",
        "eprintln",
    ];
    let rule =
        "src/core and src/executor/decide know no clock, network, chance or order of hashing";
    none(&mentions(&core, &impure), rule);
}

#[test]
fn the_core_knows_nobody() {
    let core = sources(&["src/core"]);
    let core: Vec<&Source> = core.iter().collect();
    let others: Vec<String> = fs::read_dir(root().join("src"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|module| !["core", "lib", "main"].contains(&module.as_str()))
        .map(|module| format!("crate::{module}"))
        .collect();
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    none(&mentions(&core, &others), "dependencies point to src/core, not from it");
}

#[test]
fn files_are_short() {
    let sources = sources(&["src", "tests", "benches"]);
    let long = sources.iter().filter(|source| {
        let excused = source.text.lines().take(5).any(|line| line.starts_with("// long:"));
        source.text.lines().count() > LONGEST && !excused
    });
    let long: Vec<String> =
        long.map(|source| format!("{}: {}", source.path, source.text.lines().count())).collect();
    none(&long, "files have at most 400 lines, or begin with `// long: why`");
}

#[test]
fn only_the_clock_reads_the_wall_clock() {
    let sources = sources(&["src"]);
    let others: Vec<&Source> =
        sources.iter().filter(|source| source.path != "src/clock.rs").collect();
    let reads = ["Timestamp::now", "Zoned::now", "SystemTime::now", "Utc::now", "Local::now"];
    none(&mentions(&others, &reads), "only src/clock.rs reads the wall clock");
}

#[test]
fn the_daemon_writes_in_few_places() {
    let sources = sources(&["src"]);
    let places = [
        "src/cluster/write",
        "src/cluster/lease",
        "src/cluster/events",
        "src/executor",
        "src/embedded",
        "src/cli",
    ];
    let others: Vec<&Source> =
        sources.iter().filter(|source| !source.is_under(&places) && !source.is_test).collect();
    // Every write of kube's Api takes one of these.
    let writes = ["PostParams", "PatchParams", "DeleteParams", "EvictParams"];
    none(&mentions(&others, &writes), "the daemon writes in cluster/{write,lease,events} only");
}

#[test]
fn the_executor_stands_alone() {
    let sources = sources(&["src/executor"]);
    let sources: Vec<&Source> = sources.iter().collect();
    let others = ["cli", "config", "daemon", "embedded", "metrics", "web"];
    let others = others.map(|module| format!("crate::{module}"));
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    none(&mentions(&sources, &others), "the executor knows the API, and no part of the daemon");
}

#[test]
fn crontab_lines_are_read_in_one_place() {
    let sources = sources(&["src"]);
    let others: Vec<&Source> = sources
        .iter()
        .filter(|source| source.path != "src/core/calendar/cron_line.rs" && !source.is_test)
        .collect();
    none(&mentions(&others, &["cron::", "chrono"]), "cron and chrono stay in cron_line.rs");
}

#[test]
fn private_keys_are_made_and_kept_in_one_place() {
    let sources = sources(&["src"]);
    let others: Vec<&Source> = sources
        .iter()
        .filter(|source| !source.is_under(&["src/pki", "src/embedded", "src/executor"]))
        // It names the label of a private key to say that one was given for a certificate.
        .filter(|source| source.path != "src/core/certificate/pem.rs")
        .filter(|source| !source.is_test)
        .collect();
    let keys = ["KeyPair", "PRIVATE KEY", "tls.key", "PrivateKeyDer", "rcgen", "SigningKey"];
    none(&mentions(&others, &keys), "private keys exist in src/pki only");
}

#[test]
fn there_is_one_tls_stack() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    for package in ["aws-lc-rs", "aws-lc-sys", "openssl", "openssl-sys", "native-tls"] {
        assert!(!lock.contains(&format!("name = \"{package}\"")), "Cargo.lock holds {package}");
    }
    let sources = lock.lines().filter(|line| line.starts_with("source = "));
    let index = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    let strange: Vec<&str> = sources.filter(|line| *line != index).collect();
    assert!(strange.is_empty(), "packages come from crates.io only: {strange:?}");
}

#[test]
fn nothing_committed_names_the_machine_it_was_made_on() {
    let Ok(listed) = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output()
    else {
        return crate::support::parts::skipped("tidy: committed files", "git is not on PATH");
    };
    if !listed.status.success() {
        return crate::support::parts::skipped("tidy: committed files", "this is no git checkout");
    }
    let listed = String::from_utf8(listed.stdout).unwrap();
    // Not written out, or this file would be found.
    let folders = ["work", "root"].map(|folder| format!("/{folder}/"));
    let mut found = Vec::new();
    for file in listed.split('\0').filter(|file| !file.is_empty()) {
        let Ok(text) = fs::read_to_string(root().join(file)) else {
            continue;
        };
        for (at, line) in text.lines().enumerate() {
            if folders.iter().any(|folder| line.contains(folder.as_str())) {
                found.push(format!("{file}:{}: {}", at + 1, line.trim()));
            }
        }
    }
    none(&found, "committed files name no folder of one machine");
}

#[test]
fn words_are_found_by_themselves() {
    for (line, word, found) in [
        ("use rand::random;", "rand", true),
        ("let brand = operand;", "rand", false),
        ("kube::Client", "kube", true),
        ("kubedb", "kube", false),
        ("use cron::Schedule", "cron::", true),
    ] {
        assert_eq!(has_word(line, word), found, "{word} in {line}");
    }
}
