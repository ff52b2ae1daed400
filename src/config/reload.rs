//! Follows the config file: what it says now, and what it last said that was right.
//!
//! The content is looked at every second or so. That is what works for a ConfigMap, where a
//! symlink changes, for editors, which replace the file, and for what writes in place.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{Config, Problems, Warning, read};
use crate::core::digest::Digest;

/// How often to look.
pub const POLL: Duration = Duration::from_secs(1);

/// What is known of the config file.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What holds: the last content that was right; none where none ever was.
    pub config: Option<Arc<Config>>,
    /// What to say about `config`.
    pub warnings: Vec<Warning>,
    /// What is wrong with the file as it is now; none: `config` is what it says.
    pub problems: Option<Problems>,
    /// Of the content of the file as it is now; none: it cannot be read.
    pub hash: Option<Digest>,
    /// Of the content that `config` came from.
    pub config_hash: Option<Digest>,
    /// How many contents were right so far, the one of `config` included.
    pub loaded_generation: u64,
}

impl Loaded {
    /// A config that comes from no file and never changes.
    pub fn fixed(config: Config) -> Arc<Self> {
        Arc::new(Self { config: Some(Arc::new(config)), loaded_generation: 1, ..Self::nothing() })
    }

    const fn nothing() -> Self {
        Self {
            config: None,
            warnings: Vec::new(),
            problems: None,
            hash: None,
            config_hash: None,
            loaded_generation: 0,
        }
    }

    /// What is known once the file was seen like this.
    fn after(&self, file: &str, seen: &Seen) -> Self {
        let mut next = self.clone();
        let content = match seen {
            Ok(content) => content,
            Err(problems) => {
                next.hash = None;
                next.problems = Some(problems.clone());
                return next;
            }
        };
        let hash = Digest::of([content.as_str()]);
        next.hash = Some(hash);
        match Config::parse(content, file) {
            Err(problems) => next.problems = Some(problems),
            // Taken back to what holds already: nothing new was loaded.
            Ok(_) if self.config_hash == Some(hash) => next.problems = None,
            Ok((config, warnings)) => {
                next.config = Some(Arc::new(config));
                next.warnings = warnings;
                next.problems = None;
                next.config_hash = Some(hash);
                next.loaded_generation += 1;
            }
        }
        next
    }
}

/// One look at the file: its content, or why there is none.
type Seen = Result<String, Problems>;

/// A config file that is followed.
#[derive(Debug)]
pub struct ConfigFile {
    path: PathBuf,
    /// What the last published state was made of.
    published: Seen,
    /// What the last look saw.
    last: Seen,
    sender: watch::Sender<Arc<Loaded>>,
}

impl ConfigFile {
    /// Reads the file. It need not be right, nor exist: the receiver then has problems.
    pub async fn open(path: impl Into<PathBuf>) -> (Self, watch::Receiver<Arc<Loaded>>) {
        let path = path.into();
        let seen = look(path.clone()).await;
        let loaded = judge(Loaded::nothing(), &path, &seen).await;
        let (sender, receiver) = watch::channel(Arc::new(loaded));
        (Self { path, published: seen.clone(), last: seen, sender }, receiver)
    }

    /// Looks once; true when something was published.
    ///
    /// A change counts when two looks in a row see the same. A file that is written in place is
    /// empty for a moment, and an empty file is a valid one that means the defaults; a file that is
    /// replaced may be missing for a moment.
    pub async fn poll_once(&mut self) -> bool {
        let seen = look(self.path.clone()).await;
        let settled = seen == self.last;
        self.last = seen;
        if !settled || self.last == self.published {
            return false;
        }
        self.published.clone_from(&self.last);
        let before = Loaded::clone(&self.sender.borrow());
        let loaded = judge(before, &self.path, &self.published).await;
        self.sender.send_replace(Arc::new(loaded));
        true
    }

    /// Looks every `every` until it is cancelled.
    pub async fn run(mut self, every: Duration, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let follow = async {
            loop {
                ticks.tick().await;
                self.poll_once().await;
            }
        };
        stop.run_until_cancelled(follow).await;
    }
}

/// Off the threads of the runtime: many overrides with many windows take a while to check.
async fn judge(before: Loaded, path: &Path, seen: &Seen) -> Loaded {
    let (file, seen, last) = (path.display().to_string(), seen.clone(), before.clone());
    let stopped = Problems::with_file(&file, "cannot be checked: the reader stopped");
    let judged = tokio::task::spawn_blocking(move || before.after(&file, &seen)).await;
    judged.unwrap_or_else(|_| Loaded { problems: Some(stopped), ..last })
}

async fn look(path: PathBuf) -> Seen {
    let name = path.display().to_string();
    let gone = |_| Err(Problems::with_file(&name, "cannot be read: the reader stopped"));
    tokio::task::spawn_blocking(move || read(&path)).await.unwrap_or_else(gone)
}

#[cfg(test)]
mod tests;
