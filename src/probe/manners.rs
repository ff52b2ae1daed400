//! How a look takes leave of one server without a trace, as far as that can be without an account.
//!
//! Measured on MySQL 9.7 and MariaDB 10.11 (docs/probe.md):
//!
//! - Whoever hangs up before a login counts as a connect error, and after `max_connect_errors` of
//!   them the server blocks the host. A login that is refused never counts, so a look ends with one,
//!   under a name that nobody has.
//! - mysqld draws for each unknown name, at random and until it restarts, by which method it would
//!   authenticate it. With `sha256_password` each login writes a line about that method into the error
//!   log; with `caching_sha2_password` none does. The server tells which it is, so a name that turns
//!   out to be loud is not used again.
//! - The plugin `connection_control` delays whoever has failed a few times in a row, longer each time.
//!   It counts by name, so a name that was delayed is not used again, nor the names after it as often.

use std::time::Duration;

use crate::core::digest::Digest;
use crate::mysql::SHA256;

/// An answer that takes longer was delayed on purpose: `connection_control` waits a second at least,
/// unless it is set to wait less.
const DELAYED: Duration = Duration::from_millis(900);

/// How to take leave of one server, as it was started last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manners {
    seed: Digest,
    /// How many names were given up.
    given_up: u64,
    /// How often the present name was used.
    uses: u32,
    /// How often a name may be used before the server delays it, once that is known.
    most_uses: Option<u32>,
}

impl Manners {
    /// For a server of which nothing is known yet; `seed` tells it from others.
    pub fn new(seed: &str) -> Self {
        Self { seed: Digest::quick(seed), given_up: 0, uses: 0, most_uses: None }
    }

    /// The name to log in under.
    pub fn user(&self) -> String {
        let Digest(number) = self.seed.and(i64::try_from(self.given_up).unwrap_or(i64::MAX));
        format!("certrotor-{number:016x}")
    }

    /// The login was answered: which method the server switched to, if it did, and how long that took.
    pub fn note(&mut self, method: Option<&str>, waited: Duration) {
        self.uses += 1;
        let delayed = waited >= DELAYED;
        if delayed {
            let before = self.uses.saturating_sub(1).max(1);
            self.most_uses = Some(self.most_uses.map_or(before, |most| most.min(before)));
        }
        let used_up = self.most_uses.is_some_and(|most| self.uses >= most);
        if delayed || used_up || method == Some(SHA256) {
            self.given_up += 1;
            self.uses = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_millis(3);
    const SLOW: Duration = Duration::from_millis(1_003);

    #[test]
    fn a_quiet_name_is_kept() {
        let mut manners = Manners::new("pod");
        let first = manners.user();
        for _ in 0..500 {
            manners.note(None, QUICK);
        }
        assert_eq!(manners.user(), first);
        assert!(first.len() <= 32, "MySQL takes no longer names: {first}");
    }

    #[test]
    fn a_loud_name_is_given_up() {
        let mut manners = Manners::new("pod");
        let first = manners.user();
        manners.note(Some(SHA256), QUICK);
        assert_ne!(manners.user(), first);
        assert_ne!(Manners::new("other pod").user(), first, "each server has names of its own");
    }

    #[test]
    fn one_delay_is_enough_to_know_how_often_a_name_may_be_used() {
        let mut manners = Manners::new("pod");
        for _ in 0..3 {
            manners.note(None, QUICK);
        }
        let delayed = manners.user();
        manners.note(None, SLOW);
        for _ in 0..20 {
            let name = manners.user();
            assert_ne!(name, delayed);
            for used in 0..3 {
                assert_eq!(manners.user(), name, "used {used} times");
                manners.note(None, QUICK);
            }
            assert_ne!(manners.user(), name);
        }
    }

    #[test]
    fn a_server_that_is_always_slow_gets_another_name_each_time() {
        let mut manners = Manners::new("pod");
        for _ in 0..5 {
            let name = manners.user();
            manners.note(None, SLOW);
            assert_ne!(manners.user(), name);
        }
    }
}
