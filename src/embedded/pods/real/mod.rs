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

pub use program::{NotAServer, Program};

use super::runtime::{Order, Runtime, Server};

/// Where mysqld listens.
const PORT: u16 = 3306;

/// Real servers of one program.
pub struct RealMysqld {
    program: Program,
    /// Where their data folders are.
    folder: PathBuf,
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
    /// Servers of this program, with all that they write below `folder`, whose path must be short:
    /// a socket file has 107 characters at most. Takes seconds: a first data folder is made here,
    /// from which all others are copied.
    pub async fn prepare(program: Program, folder: &Path) -> Result<Self, NotReady> {
        data::make(&program, &data::template(folder)).await?;
        Ok(Self { program, folder: folder.to_owned(), started: AtomicU32::new(0) })
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
        let home = self.folder.join(number.to_string());
        life::start(self.program.clone(), data::template(&self.folder), home, order)
    }
}
