//! kubectl, as people use it.

use std::path::Path;
use std::process::{Command, Stdio};

use super::parts;

/// kubectl with a kubeconfig; its cache stays in `folder`.
pub(crate) fn kubectl(folder: &Path, kubeconfig: &Path, args: &[&str]) -> Result<String, String> {
    let program = parts::find("kubectl").map_err(|missing| missing.to_string())?;
    parts::used("kubectl");
    let mut command = Command::new(program);
    command.arg("--cache-dir").arg(folder.join("kubectl"));
    command.arg("--kubeconfig").arg(kubeconfig).args(args);
    let output = command.env("HOME", folder).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}
