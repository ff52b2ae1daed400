//! What time it is: the local clock, and how far the apiserver's is ahead of it.
//!
//! This is the only module that reads the wall clock. Everything else is given a [`Clock`], or just
//! the moment; waiting is done on tokio's clock, which tests and simulations can pause.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::core::time::{Span, Time};

/// Somebody who knows what time it is.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Time;
}

/// The clock of this host, read anew each time so that steps and suspends are seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> Time {
        Timestamp::now().into()
    }
}

/// A clock for tests and simulations that moves with tokio's, paused or not.
#[derive(Debug)]
pub struct PausedClock {
    epoch: Time,
    started: Instant,
    skew: AtomicI64,
}

impl PausedClock {
    /// A clock that shows `epoch` now.
    pub fn new(epoch: Time) -> Self {
        Self { epoch, started: Instant::now(), skew: AtomicI64::new(0) }
    }

    /// Steps this clock, as a suspended host or a time daemon does: tokio's timers do not notice.
    pub fn step(&self, by: Span) {
        self.skew.fetch_add(by.as_seconds(), Ordering::Relaxed);
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Time {
        let elapsed = i64::try_from(self.started.elapsed().as_secs()).unwrap_or(i64::MAX);
        self.epoch + Span::seconds(elapsed) + Span::seconds(self.skew.load(Ordering::Relaxed))
    }
}

/// The local clock corrected by what the apiserver says: the `now` of all decisions.
#[derive(Clone)]
pub struct ServerClock {
    local: Arc<dyn Clock>,
    offset: Arc<Offset>,
}

impl ServerClock {
    /// The corrected clock; `offset` goes on being measured by others.
    pub fn new(local: Arc<dyn Clock>, offset: Arc<Offset>) -> Self {
        Self { local, offset }
    }
}

impl Clock for ServerClock {
    fn now(&self) -> Time {
        self.local.now() + self.offset.get()
    }
}

/// How far the apiserver's clock is ahead of the local one, as its last responses say.
///
/// One response may pass through a slow proxy or carry nonsense, so the median of the last
/// [`Offset::SAMPLES`] counts. `Date` has whole seconds: differences below [`Offset::NOISE`] are
/// not a change, so that `now` does not flicker by a second.
#[derive(Debug, Default)]
pub struct Offset {
    published: AtomicI64,
    samples: Mutex<VecDeque<Span>>,
}

impl Offset {
    /// How many responses the median is taken of.
    pub const SAMPLES: usize = 9;
    /// How many responses it takes before any of them is believed.
    pub const ENOUGH: usize = 3;
    /// The smallest change that is one.
    pub const NOISE: Span = Span::seconds(2);
    /// A response that took longer says too little of the moment it was written.
    pub const SLOWEST: Duration = Duration::from_secs(10);

    /// What to add to the local clock.
    pub fn get(&self) -> Span {
        Span::seconds(self.published.load(Ordering::Relaxed))
    }

    /// Takes in a response that said `server`, arrived at `local`, and took `round_trip`.
    pub fn observe(&self, server: Time, local: Time, round_trip: Duration) {
        if round_trip > Self::SLOWEST {
            return;
        }
        let half = i64::try_from(round_trip.as_secs() / 2).unwrap_or(0);
        let sample = server.since(local - Span::seconds(half));

        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() == Self::SAMPLES {
            samples.pop_front();
        }
        samples.push_back(sample);
        if samples.len() < Self::ENOUGH {
            return;
        }
        let median = median(&samples);
        if (median - self.get()).abs() >= Self::NOISE {
            self.published.store(median.as_seconds(), Ordering::Relaxed);
        }
    }
}

fn median(samples: &VecDeque<Span>) -> Span {
    let mut sorted: Vec<Span> = samples.iter().copied().collect();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = Time::from_unix(1_800_000_000);

    fn offset_after(samples: &[i64]) -> i64 {
        let offset = Offset::default();
        for ahead in samples {
            offset.observe(NOON + Span::seconds(*ahead), NOON, Duration::ZERO);
        }
        offset.get().as_seconds()
    }

    #[test]
    fn the_median_of_the_last_responses_counts() {
        for (samples, expected, why) in [
            (&[][..], 0, "nothing is known"),
            (&[500, 500], 0, "two responses are not believed"),
            (&[500, 500, 500], 500, "three are"),
            (&[-7, -7, -7], -7, "the server may be behind"),
            (&[0, 9_999, 0, 0], 0, "one liar does not count"),
            (&[1, 0, 1, 1, -1], 0, "whole seconds flicker"),
            (&[40, 40, 40, 41, 41, 41, 41], 40, "a change below the noise is none"),
            (&[1, 1, 1, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9], 9, "old responses are forgotten"),
        ] {
            assert_eq!(offset_after(samples), expected, "{why}");
        }
    }

    #[test]
    fn half_the_round_trip_is_taken_off_and_slow_responses_are_ignored() {
        let offset = Offset::default();
        for _ in 0..3 {
            offset.observe(NOON, NOON + Span::seconds(3), Duration::from_secs(6));
        }
        assert_eq!(offset.get(), Span::ZERO);

        for _ in 0..9 {
            offset.observe(NOON + Span::HOUR, NOON, Duration::from_secs(11));
        }
        assert_eq!(offset.get(), Span::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_moves_with_tokio_and_by_steps() {
        let clock = Arc::new(PausedClock::new(NOON));
        tokio::time::advance(Duration::from_secs(60 * 86_400)).await;
        assert_eq!(clock.now(), NOON + Span::days(60));

        clock.step(Span::hours(-1));
        assert_eq!(clock.now(), NOON + Span::days(60) - Span::HOUR);
    }

    #[tokio::test(start_paused = true)]
    async fn the_server_clock_is_the_local_one_corrected() {
        let local = Arc::new(PausedClock::new(NOON));
        let offset = Arc::new(Offset::default());
        let clock = ServerClock::new(Arc::<PausedClock>::clone(&local), Arc::clone(&offset));
        assert_eq!(clock.now(), NOON);

        for _ in 0..3 {
            offset.observe(local.now() + Span::HOUR, local.now(), Duration::ZERO);
        }
        assert_eq!(clock.now(), NOON + Span::HOUR);
    }
}
