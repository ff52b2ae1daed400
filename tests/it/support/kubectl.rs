//! kubectl, as people use it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::parts::{self, Missing};

/// kubectl with a kubeconfig; its cache stays in a folder.
#[derive(Clone, Debug)]
pub(crate) struct Kubectl {
    program: PathBuf,
    folder: PathBuf,
    kubeconfig: PathBuf,
}

/// What kubectl has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: Option<i32>,
}

impl Kubectl {
    /// kubectl, if it is on this machine.
    pub(crate) fn new(folder: &Path, kubeconfig: &Path) -> Result<Self, Missing> {
        let program = parts::find("kubectl")?;
        parts::used("kubectl");
        Ok(Self { program, folder: folder.to_owned(), kubeconfig: kubeconfig.to_owned() })
    }

    /// The command, not yet started.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--cache-dir").arg(self.folder.join("kubectl"));
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(args);
        command.env("HOME", &self.folder).stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Said {
        self.command(args).output().unwrap().into()
    }

    /// Runs it to its end; `text` is its standard input.
    pub(crate) fn run_with(&self, args: &[&str], text: &str) -> Said {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child.wait_with_output().unwrap().into()
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { out: text(&output.stdout), err: text(&output.stderr), code: output.status.code() }
    }
}

/// Runs kubectl once: what it prints, or what is wrong.
pub(crate) fn kubectl(folder: &Path, kubeconfig: &Path, args: &[&str]) -> Result<String, String> {
    let kubectl = Kubectl::new(folder, kubeconfig).map_err(|missing| missing.to_string())?;
    let said = kubectl.run(args);
    if said.code == Some(0) { Ok(said.out) } else { Err(said.err) }
}
