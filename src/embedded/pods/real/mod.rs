//! Real servers, MySQL or MariaDB: a process each, with a data folder of its own that ends with it.
//!
//! A server gets what its container would: its arguments, its password, and its Secrets as files,
//! which follow the Secrets while it goes on presenting what it loaded. It listens at the address of
//! its pod, keeps its memory small, and replicates to nobody: databases of several servers are as
//! many single ones.

mod data;
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

/// Where mysqld listens.
const PORT: u16 = 3306;

/// Real servers of one program.
pub struct RealMysqld {
    program: Program,
    /// Where their data folders are; gone with this.
    folder: TempDir,
    started: AtomicU32,
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
        Ok(Self { program, folder, started: AtomicU32::new(0) })
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
        life::start(self.program.clone(), data::template(self.folder.path()), home, order)
    }
}
