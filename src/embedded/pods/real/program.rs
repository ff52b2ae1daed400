//! The program of a server: which one it is, and where it is found.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::core::certificate::sanitize;
use crate::mysql::Product;

/// A program that is a server.
#[derive(Clone, Debug)]
pub struct Program {
    pub(super) path: PathBuf,
    pub(super) product: Product,
    version: String,
}

/// Why a program is none.
#[derive(Debug, thiserror::Error)]
pub enum NotAServer {
    /// It cannot be started.
    #[error("cannot start {}: {error}", .path.display())]
    NotStarted {
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It says that it is something else.
    #[error("{} is neither mysqld nor mariadbd: its --version says {said:?}", .path.display())]
    SomethingElse {
        /// Where it is.
        path: PathBuf,
        /// What it says.
        said: String,
    },
}

impl Program {
    /// The server at this path. It is asked for its version.
    pub fn at(path: &Path) -> Result<Self, NotAServer> {
        let asked = Command::new(path).arg("--version").output();
        let answer =
            asked.map_err(|error| NotAServer::NotStarted { path: path.to_owned(), error })?;
        let said = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        let number = said.split_whitespace().skip_while(|word| *word != "Ver").nth(1);
        let named = |name: &str| said.contains(name);
        let product = match number {
            Some(_) if named("MariaDB") => Product::MariaDb,
            Some(_) if named("mysqld") || named("MySQL") => Product::MySql,
            Some(_) | None => {
                let said = sanitize(&said);
                return Err(NotAServer::SomethingElse { path: path.to_owned(), said });
            }
        };
        let number = sanitize(number.unwrap_or_default());
        let version = match product {
            Product::MySql => format!("MySQL {number}"),
            Product::MariaDb => format!("MariaDB {}", number.replace("-MariaDB", "")),
        };
        Ok(Self { path: path.to_owned(), product, version })
    }

    /// The first server that this machine has: of the parts that `tests/run` obtained, then on PATH
    /// and where Debian has them. MySQL comes before MariaDB.
    pub fn find() -> Option<Self> {
        let folders = folders();
        ["mysqld", "mariadbd"].into_iter().find_map(|name| {
            let mut files = folders.iter().map(|folder| folder.join(name));
            files.find_map(|file| file.is_file().then(|| Self::at(&file).ok()).flatten())
        })
    }

    /// What starts it so that it ends with this process, however that ends: by `setpriv` of
    /// util-linux where there is one. Elsewhere it outlives a `kill -9`.
    pub(super) fn command(&self) -> tokio::process::Command {
        let path = env::var_os("PATH").unwrap_or_default();
        let mut found = env::split_paths(&path).map(|folder| folder.join("setpriv"));
        let Some(leash) = found.find(|file| file.is_file()) else {
            return tokio::process::Command::new(&self.path);
        };
        let mut command = tokio::process::Command::new(leash);
        command.args(["--pdeathsig", "KILL", "--"]).arg(&self.path);
        command
    }

    /// Whether this file is in its folder of plugins.
    pub(super) fn has_plugin(&self, file: &str) -> bool {
        if self.product == Product::MariaDb {
            return false;
        }
        let asked =
            Command::new(&self.path).args(["--no-defaults", "--verbose", "--help"]).output();
        let Ok(answer) = asked else { return false };
        let said = String::from_utf8_lossy(&answer.stdout);
        let folder = said.lines().find_map(|line| line.strip_prefix("plugin-dir "));
        folder.is_some_and(|folder| Path::new(folder.trim()).join(file).is_file())
    }

    /// What it is: `MySQL 9.7.4`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn folders() -> Vec<PathBuf> {
    let given = env::var_os("CERTROTOR_PARTS").map(|folder| PathBuf::from(folder).join("bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::split_paths(&path).collect::<Vec<_>>();
    let debian = ["/usr/sbin", "/usr/libexec"].map(PathBuf::from);
    given.into_iter().chain(parts()).chain(path).chain(debian).collect()
}

/// The folders of programs that `tests/run` made in its cache, newest first.
fn parts() -> Vec<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
    let entries = cache.and_then(|cache| cache.join("certrotor/parts").read_dir().ok());
    let views = entries.into_iter().flatten().flatten().filter_map(|entry| {
        let is_view = entry.file_name().to_string_lossy().starts_with("view-");
        let made = entry.metadata().ok()?.modified().ok()?;
        is_view.then(|| (made, entry.path().join("bin")))
    });
    let mut views: Vec<_> = views.collect();
    views.sort();
    views.into_iter().rev().map(|(_, folder)| folder).collect()
}
