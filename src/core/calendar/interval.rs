//! A stretch of time, `[opens, closes)`.

use crate::core::time::{Span, Time};

/// From when until when something holds: at `opens`, and no longer at `closes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    /// Its first moment; [`Time::MIN`] where it has no beginning.
    pub opens: Time,
    /// The first moment after it; nothing where it has no end.
    pub closes: Option<Time>,
}

impl Interval {
    /// All of time.
    pub(super) const ALWAYS: Self = Self { opens: Time::MIN, closes: None };

    /// From `opens` until `end`, where the end of time is no end.
    pub(super) fn until(opens: Time, end: Time) -> Self {
        Self { opens, closes: (end < Time::MAX).then_some(end) }
    }

    /// Whether that moment is in it.
    pub fn contains(&self, at: Time) -> bool {
        self.opens <= at && at < self.end()
    }

    /// When it closes, or the end of time.
    pub(super) fn end(&self) -> Time {
        self.closes.unwrap_or(Time::MAX)
    }

    /// What both have in common.
    pub(super) fn and(self, other: Self) -> Option<Self> {
        let (opens, end) = (self.opens.max(other.opens), self.end().min(other.end()));
        (opens < end).then(|| Self::until(opens, end))
    }

    /// What is left when `margin` is taken off each end that it really has.
    pub(super) fn shrunk(self, margin: Span) -> Option<Self> {
        let opens = if self.opens == Time::MIN { self.opens } else { self.opens + margin };
        let end = self.closes.map_or(Time::MAX, |closes| closes - margin);
        (opens < end).then(|| Self::until(opens, end))
    }
}
