//! Bugs that a daemon is given from outside, so that production code holds none of them: what it
//! sends, what its config file says, and what time it is told, are as if it had the bug itself.

use std::sync::Arc;

use certrotor::clock::{Clock, PausedClock};
use certrotor::core::time::Time;

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// A request's name is drawn anew at each try.
    GeneratedNames,
    /// The window is looked at when a rotation is scheduled, hours before its create.
    OldClock,
    /// Time is told by a clock that stands still while the host sleeps.
    MonotonicClock,
    /// What is in flight is not looked at: nobody holds a slot, and no request is active.
    CountsNothing,
    /// The limits are not those of the config file.
    NoLimit,
    /// The windows are not looked at.
    NoWindow,
    /// Nothing keeps two rotations of a database apart.
    NothingApart,
}

impl Mutant {
    /// The clock of a daemon that has this bug; none: the right one.
    pub(crate) fn clock(self, now: Time) -> Option<Arc<dyn Clock>> {
        match self {
            Self::OldClock => Some(Arc::new(OldClock(now))),
            Self::MonotonicClock => Some(Arc::new(PausedClock::new(now))),
            Self::GeneratedNames
            | Self::CountsNothing
            | Self::NoLimit
            | Self::NoWindow
            | Self::NothingApart => None,
        }
    }

    /// The config file as a daemon understands it that has this bug.
    pub(crate) fn config(self, right: &str) -> String {
        let wrong = |from: &str, to: &str| {
            assert!(right.contains(from), "{right}");
            right.replace(from, to)
        };
        match self {
            Self::NoLimit => wrong(
                "{total: 1, perNamespace: 1, perIssuer: 1}",
                "{total: 9, perNamespace: 9, perIssuer: 9}",
            ),
            Self::NoWindow => wrong("[{open: '0 11 * * *', for: 8h, timezone: UTC}]", "[]"),
            Self::NothingApart => wrong("minInterval: 6h", "minInterval: 1m"),
            Self::GeneratedNames | Self::CountsNothing | Self::OldClock | Self::MonotonicClock => {
                right.to_owned()
            }
        }
    }
}

/// It was read once.
struct OldClock(Time);

impl Clock for OldClock {
    fn now(&self) -> Time {
        self.0
    }
}
