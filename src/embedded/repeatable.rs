//! What makes kube's controllers do the same in every run of a simulation with the same seed.
//!
//! kube 5.0 keeps objects that are due but cannot be worked on yet in a hashed set, whose order is
//! drawn anew in every process: at the start, before all are listed, and whenever one is due while
//! it is being worked on. With a debounce everything waits in a queue until its time instead, and
//! on paused time that comes only when nobody has anything left to do. Objects that are due again at the
//! same moment come in the order in which their turns ended, which is drawn too; so they are put
//! [apart](apart). And kube's pauses after a broken watch are drawn by chance; [`SteadyPause`] is not.

use std::time::Duration;

use kube::runtime::controller::Config;
use kube::runtime::utils::Backoff;
use sha2::{Digest as _, Sha256};

/// How long a change is waited with, in case another follows.
const DEBOUNCE: Duration = Duration::from_millis(10);
/// The furthest that objects are put apart.
const FURTHEST: u64 = 500;

/// How a controller runs.
pub(super) fn config() -> Config {
    Config::default().debounce(DEBOUNCE)
}

/// A fraction of a second that is an object's own.
pub(super) fn apart(namespace: &str, name: &str) -> Duration {
    let hash = Sha256::digest(format!("{namespace}/{name}"));
    let number = hash.iter().take(4).fold(0, |number, byte| number << 8 | u64::from(*byte));
    Duration::from_millis(number % FURTHEST)
}

/// A broken watch is set up again after a second, each time.
#[derive(Debug)]
pub(super) struct SteadyPause;

impl Iterator for SteadyPause {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(Duration::from_secs(1))
    }
}

impl Backoff for SteadyPause {
    fn reset(&mut self) {}
}
