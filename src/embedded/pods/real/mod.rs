//! Real servers, MySQL or MariaDB: a process each, with a data folder of its own that ends with it.
//!
//! A server gets what its container would: its arguments, its password, and its Secrets as files,
//! which follow the Secrets while it goes on presenting what it loaded. It listens at the address of
//! its pod, and keeps its memory small. Servers of a replication group are one, where the program
//! knows groups; any others replicate to nobody: they are as many single ones.

mod data;
mod group;
mod life;
mod mounts;
mod program;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

pub use program::{NotAServer, Program};

use super::runtime::{Order, Runtime, Server};
use group::Groups;

/// Where mysqld listens.
const PORT: u16 = 3306;

/// Real servers of one program.
pub struct RealMysqld {
    program: Program,
    /// Where their data folders are; gone with this.
    folder: TempDir,
    started: AtomicU32,
    /// Their replication groups; none where the program knows no groups.
    groups: Option<Groups>,
}

/// Why no server can be started.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// Its folder cannot be written to.
    #[error("cannot prepare {}: {error}", .folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The program does not make a data folder.
    #[error("{program} makes no data folder ({status}); its last lines:\n{log}")]
    NoData {
        /// The program.
        program: String,
        /// How it ended.
        status: String,
        /// What it said.
        log: String,
    },
}

impl RealMysqld {
    /// Servers of this program. All that they write is in a folder of its own in `place`, whose path
    /// must be short: that of a socket file has 107 characters at most. Takes seconds: a first data
    /// folder is made here, from which all others are copied.
    pub async fn prepare(program: Program, place: &Path) -> Result<Self, NotReady> {
        let folder = tempfile::Builder::new().prefix("mysqld-").rand_bytes(4).tempdir_in(place);
        let folder =
            folder.map_err(|error| NotReady::Folder { folder: place.to_owned(), error })?;
        data::make(&program, &data::template(folder.path())).await?;
        let groups = program.has_plugin(group::PLUGIN).then(Groups::default);
        if groups.is_none() {
            let version = program.version();
            tracing::info!(
                version,
                "it has no Group Replication: the servers of a group are single ones"
            );
        }
        Ok(Self { program, folder, started: AtomicU32::new(0), groups })
    }

    /// What they are: `MySQL 9.7.4`.
    pub fn version(&self) -> &str {
        self.program.version()
    }
}

impl Runtime for RealMysqld {
    fn name(&self) -> &'static str {
        "mysqld"
    }

    fn port(&self) -> u16 {
        PORT
    }

    fn start(&self, order: Order) -> Arc<dyn Server> {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let home = self.folder.path().join(number.to_string());
        let seat = self.groups.as_ref().and_then(|groups| groups.seat(&order));
        let template = data::template(self.folder.path());
        life::start(self.program.clone(), life::Place { template, home, seat }, order)
    }
}
