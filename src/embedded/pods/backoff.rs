//! How long to wait before something is tried again.

use std::time::Duration;

/// Doubles from a first delay to a longest one.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    last: Option<Duration>,
}

impl Backoff {
    pub(super) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, last: None }
    }

    /// The delay that is due now; the next will be longer.
    pub(super) fn delay(&mut self) -> Duration {
        let doubled = self.last.map(|last| last.saturating_mul(2));
        let delay = doubled.unwrap_or(self.first).min(self.longest);
        self.last = Some(delay);
        delay
    }

    pub(super) fn start_over(&mut self) {
        self.last = None;
    }
}

/// How the kubelet waits before it starts a container again: not at all the first time.
#[derive(Clone, Debug)]
pub(super) struct CrashBackoff {
    backoff: Backoff,
    crashed: bool,
}

impl CrashBackoff {
    pub(super) const fn new(first: Duration, longest: Duration) -> Self {
        Self { backoff: Backoff::new(first, longest), crashed: false }
    }

    /// The delay after a container has run for so long.
    pub(super) fn after(&mut self, ran: Duration) -> Duration {
        if ran >= self.backoff.longest.saturating_mul(2) {
            self.backoff.start_over();
            self.crashed = false;
        }
        let again = std::mem::replace(&mut self.crashed, true);
        if again { self.backoff.delay() } else { Duration::ZERO }
    }
}

/// For watches, without kube's own jitter, which a simulation could not repeat.
impl Iterator for Backoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(self.delay())
    }
}

impl kube::runtime::utils::Backoff for Backoff {
    fn reset(&mut self) {
        self.start_over();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_loop_is_slowed_down_until_a_container_runs_for_long() {
        let seconds = Duration::from_secs;
        let mut crash = CrashBackoff::new(seconds(10), seconds(300));
        let waits: Vec<u64> = (0..8).map(|_| crash.after(seconds(1)).as_secs()).collect();
        assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(crash.after(seconds(599)), seconds(300));
        assert_eq!(crash.after(seconds(600)), seconds(0));
        assert_eq!(crash.after(seconds(1)), seconds(10));
    }
}
