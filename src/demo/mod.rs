//! `certrotor demo`: the whole system in one process, with nothing installed, and what it does as
//! a picture. The cluster is the embedded one; the daemon and the executor are the real ones.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::core::time::Span;

mod eyes;
pub mod folder;
mod once;
mod parts;
mod picture;
mod requests;
mod scene;
mod screen;
mod servers;
mod show;
mod sights;
mod story;
mod system;
mod words;

pub use scene::{MOST, USUAL};
pub use servers::Mysqld;

use folder::Folder;

/// What can be chosen.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many databases, 1 to [`MOST`].
    pub databases: usize,
    /// Where the daemon serves its metrics.
    pub listen: SocketAddr,
    /// Where it serves its status page.
    pub page: SocketAddr,
    /// Which servers there are.
    pub mysqld: Mysqld,
    /// Ends by itself once every database was rotated; fails if that takes longer.
    pub once: Option<Span>,
}

/// Runs the demo until it is stopped, or until all of `--once` was seen. Gives what there is to say
/// at the end.
pub async fn run(
    options: Options,
    folder: &Folder,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> anyhow::Result<String> {
    let parts = system::start(&options, folder, clock, stop).await?;
    Ok(parts.finish().await?.summary)
}
