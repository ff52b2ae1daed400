//! Alive: the loop goes round. Ready: the stores are current and the config is good.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::cluster::shared::Shared;
use crate::config::Problems;
use crate::config::reload::Loaded;
use crate::web::Health;

/// The loop goes round at least once a minute, and a turn may wait for some calls that time out.
const LONGEST_TURN: Duration = Duration::from_secs(300);

/// When the loop last went round.
#[derive(Debug)]
pub(super) struct Pulse(Mutex<Instant>);

impl Default for Pulse {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Pulse {
    pub(super) fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn age(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

pub(super) struct Checks {
    pub(super) pulse: Arc<Pulse>,
    pub(super) shared: Arc<Shared>,
    pub(super) loaded: watch::Receiver<Arc<Loaded>>,
}

impl Health for Checks {
    fn live(&self) -> Result<(), String> {
        let age = self.pulse.age();
        if age < LONGEST_TURN {
            return Ok(());
        }
        Err(format!("the loop has not gone round for {} seconds", age.as_secs()))
    }

    fn ready(&self) -> Result<(), Vec<String>> {
        let loaded = self.loaded.borrow();
        let mut missing = Vec::new();
        if loaded.config.is_none() {
            missing.push("config: there is no good config yet".to_owned());
            missing
                .extend(loaded.problems.iter().flat_map(Problems::iter).map(ToString::to_string));
        } else {
            missing = self.shared.not_synced();
        }
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    }
}
