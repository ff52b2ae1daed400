//! Data folders: the first is made by the program, all others are copies of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tokio::process::Command;
use tokio::task::spawn_blocking;

use super::NotReady;
use super::program::Program;
use crate::mysql::Product;

/// Holds the identity of a server, of which no two may have the same.
const IDENTITY: &str = "auto.cnf";
/// A host has only so many requests of that kind in all, and a few servers use them up.
pub(super) const NO_AIO: &str = "--innodb-use-native-aio=OFF";
/// How much of what a program said is told.
const LINES: usize = 12;

/// Where the first data folder is.
pub(super) fn template(folder: &Path) -> PathBuf {
    folder.join("template")
}

/// Makes the first data folder.
pub(super) async fn make(program: &Program, data: &Path) -> Result<(), NotReady> {
    let wrong = |error| NotReady::Folder { folder: data.to_owned(), error };
    fs::create_dir(data).map_err(wrong)?;
    let mut command = maker(program, data);
    let made = command.stdin(Stdio::null()).kill_on_drop(true).output().await.map_err(wrong)?;
    if !made.status.success() {
        return Err(NotReady::NoData {
            program: program.path.display().to_string(),
            status: made.status.to_string(),
            log: last_lines(&made),
        });
    }
    match fs::remove_file(data.join(IDENTITY)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(wrong(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn maker(program: &Program, data: &Path) -> Command {
    let mut command = match program.product {
        Product::MySql => {
            let mut command = Command::new(&program.path);
            command.args(["--no-defaults", "--initialize-insecure"]);
            command.arg("--innodb-redo-log-capacity=8M");
            command
        }
        Product::MariaDb => {
            // It stands beside the server, or is found as any program.
            let beside = program.path.with_file_name("mariadb-install-db");
            let install = if beside.exists() { beside } else { "mariadb-install-db".into() };
            let mut command = Command::new(install);
            command.args(["--no-defaults", "--innodb-log-file-size=8M"]);
            command
        }
    };
    command.arg(format!("--datadir={}", data.display()));
    command.args(user()).arg(NO_AIO);
    command
}

/// mysqld does not run as root unless it is told to.
pub(super) fn user() -> Option<&'static str> {
    rustix::process::geteuid().is_root().then_some("--user=root")
}

fn last_lines(output: &Output) -> String {
    let text = [&*output.stdout, &*output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// Copies the first data folder.
pub(super) async fn copy(template: PathBuf, data: PathBuf) -> io::Result<()> {
    spawn_blocking(move || copy_folder(&template, &data)).await.map_err(io::Error::other)?
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
