//! The real programs that tests run against, and how their absence is told.

use std::env;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A program that is not on this machine, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    program: String,
    why: String,
}

/// The file of a program: from `CERTROTOR_PARTS` or `KUBEBUILDER_ASSETS`. Plain `cargo test` looks
/// nowhere else, so that it is quick; `tests/run` sets the first.
pub(crate) fn find(program: &str) -> Result<PathBuf, Missing> {
    let missing = |why: String| Missing { program: program.to_owned(), why };
    if let Some(folder) = env::var_os("CERTROTOR_PARTS").map(PathBuf::from) {
        let file = folder.join("bin").join(program);
        let why = || reason(&folder, program).unwrap_or_else(|| "CERTROTOR_PARTS lacks it".into());
        return file.exists().then_some(file).ok_or_else(|| missing(why()));
    }
    let assets =
        env::var_os("KUBEBUILDER_ASSETS").map(|folder| PathBuf::from(folder).join(program));
    assets
        .filter(|file| file.exists())
        .ok_or_else(|| missing("CERTROTOR_PARTS is not set (tests/run sets it)".to_owned()))
}

/// Notes that a test has started a program: `tests/run` prints which parts were used.
pub(crate) fn used(program: &str) {
    let Some(file) = env::var_os("CERTROTOR_PARTS_USED") else {
        return;
    };
    let mut file = fs::OpenOptions::new().append(true).create(true).open(file).unwrap();
    // One write: other test processes append to the same file.
    file.write_all(format!("{program}\n").as_bytes()).unwrap();
}

/// Says that a test was skipped. Past libtest, which keeps what passing tests print to itself.
pub(crate) fn skipped(test: &str, why: &str) {
    let line = format!("SKIPPED: {test}, because {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is missing: {}", self.program, self.why)
    }
}

/// What the table of parts says of a missing program.
fn reason(folder: &Path, program: &str) -> Option<String> {
    let table = fs::read_to_string(folder.join("table")).ok()?;
    let mut rows = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let row = rows.find(|row| row.first() == Some(&program))?;
    row.get(3).map(|why| (*why).to_owned())
}

#[test]
fn a_program_that_nobody_has_is_missing() {
    let missing = find("no-such-program").unwrap_err();
    assert!(missing.to_string().starts_with("no-such-program is missing: "), "{missing}");
}
