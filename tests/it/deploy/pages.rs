//! The pages for people who install and run it: their commands work, and their links lead somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::plane::{PLANE, with_plane};
use super::{blocks, files, path, read};
use crate::support::parts;
use crate::support::process::Scratch;

/// Where a command works: on a cluster, on the demo's, where the image is at hand, in a checkout.
/// Those of the last two are not run here: `.ci/run` and the tests of the demo run what they say.
const PLACES: [&str; 4] = ["cluster", "demo", "image", "checkout"];

/// The pages whose commands a test runs, in the order in which a person would.
fn run_by_tests() -> Vec<String> {
    let runbooks = files("docs/runbooks", ".md").into_iter().map(|file| format!("runbooks/{file}"));
    let first = ["install.md", "migrating.md", "security.md", "faq.md"].map(str::to_owned);
    // The last removes it all.
    let pages = first.into_iter().chain(runbooks).chain(["upgrading.md".to_owned()]);
    let pages = pages.map(|page| format!("docs/{page}"));
    std::iter::once("README.md".to_owned()).chain(pages).collect()
}

/// Every page.
fn all() -> Vec<String> {
    let of = |folder: &'static str| {
        files(folder, ".md").into_iter().map(move |file| format!("{folder}/{file}"))
    };
    [".", "docs", "docs/runbooks"].into_iter().flat_map(of).collect()
}

/// A folder with the programs on hand that pages speak of, and the checkout's files.
struct Desk {
    scratch: Scratch,
    kubeconfig: String,
}

impl Desk {
    fn new(kubeconfig: &Path) -> Result<Self, parts::Missing> {
        let scratch = Scratch::new("desk");
        let folder = scratch.path();
        fs::create_dir(folder.join("bin")).unwrap();
        for program in ["kubectl", "helm"] {
            symlink(parts::find(program)?, folder.join("bin").join(program)).unwrap();
        }
        symlink(env!("CARGO_BIN_EXE_certrotor"), folder.join("bin/certrotor")).unwrap();
        for shipped in ["config", "deploy"] {
            symlink(path(shipped), folder.join(shipped)).unwrap();
        }
        Ok(Self { kubeconfig: kubeconfig.to_string_lossy().into_owned(), scratch })
    }

    /// Runs every block of the pages that is meant for this place, each to its end.
    fn run(&self, place: &str) -> usize {
        let mut count = 0;
        for page in run_by_tests() {
            let text = read(&page);
            for (_, block) in blocks(&text, "sh").iter().filter(|(at, _)| *at == place) {
                let said = self.bash(block);
                assert!(said.is_ok(), "{page}:\n{block}\n{}", said.unwrap_err());
                count += 1;
            }
        }
        count
    }

    fn bash(&self, script: &str) -> Result<(), String> {
        let search = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", script])
            .current_dir(self.scratch.path())
            .env("PATH", format!("{}:{search}", self.scratch.path().join("bin").display()))
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", self.scratch.path())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = text(&output.stdout) + &text(&output.stderr);
        if output.status.success() { Ok(()) } else { Err(said) }
    }
}

#[test]
fn every_command_for_a_cluster_works_on_a_real_apiserver() {
    with_plane(async |place| {
        let _turn = PLANE.lock().await;
        let desk = Desk::new(&place.plane.folder().join("admin.kubeconfig")).unwrap();
        assert!(desk.run("cluster") > 20);
    });
}

#[cfg(feature = "demo")]
#[test]
fn every_command_for_a_database_works_on_the_demo() {
    use crate::support::lab::{runtime, test_name};

    runtime().block_on(async {
        let demo = super::live::Demo::start(None).await;
        match Desk::new(&demo.kubeconfig()) {
            Ok(desk) => assert!(desk.run("demo") > 10),
            Err(missing) => parts::skipped(&test_name(), &missing.to_string()),
        }
    });
}

#[test]
fn every_command_says_where_it_works() {
    for page in run_by_tests() {
        for (place, block) in blocks(&read(&page), "sh") {
            let known = PLACES.contains(&place);
            assert!(known, "{page}: {place:?} is no place to run this: {block}");
        }
    }
}

#[test]
fn links_lead_somewhere() {
    for page in all() {
        let text = read(&page);
        let prose: String = text.split("```").step_by(2).collect();
        for link in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("https://") || link.starts_with("http://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let here = path(&page);
            let target =
                if file.is_empty() { here.clone() } else { here.parent().unwrap().join(file) };
            assert!(target.exists(), "{page}: {link} is not there");
            if !anchor.is_empty() {
                let headings = headings(&fs::read_to_string(&target).unwrap());
                assert!(headings.contains(anchor), "{page}: {link}: no such heading: {headings:?}");
            }
        }
    }
}

/// The anchors of a page, as its readers' programs make them.
fn headings(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let kept = line.trim_start_matches('#').trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn the_table_of_rights_is_what_is_granted() {
    use crate::support::rbac;
    use std::collections::BTreeMap;

    let words = |rule: &serde_json::Value, key: &str| -> Vec<String> {
        let words = rule[key].as_array().unwrap().iter();
        words.map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let mut granted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for rule in rbac::rules() {
        for resource in words(&rule, "resources") {
            granted.entry(resource).or_default().extend(words(&rule, "verbs"));
        }
    }
    let page = read("docs/security.md");
    let mut said: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert!(cells[2].len() > 20, "what for? {row}");
        for resource in cells[0].split(", ") {
            let verbs = cells[1].split(", ").map(str::to_owned).collect();
            said.insert(resource.trim_matches('`').to_owned(), verbs);
        }
    }
    assert_eq!(said, granted, "docs/security.md and deploy/manifests.yaml");
}
