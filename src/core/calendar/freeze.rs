//! Freezes: days on which nothing is rotated.

use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;

use super::error::CalendarError;
use super::interval::Interval;
use super::zone::Zone;
use crate::core::time::Time;

/// Whole days without rotations, the first and the last included, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Freeze {
    from: Date,
    to: Date,
    zone: Zone,
    reason: Arc<str>,
}

impl Freeze {
    /// From the start of the day `from` to the end of the day `to`, as clocks in `zone` show them.
    pub fn new(from: Date, to: Date, zone: Zone, reason: String) -> Result<Self, CalendarError> {
        if to < from {
            return Err(CalendarError::FreezeBackwards { from, to });
        }
        Ok(Self { from, to, zone, reason: reason.into() })
    }

    /// Its first day.
    pub fn from(&self) -> Date {
        self.from
    }

    /// Its last day.
    pub fn to(&self) -> Date {
        self.to
    }

    /// The zone whose days they are.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Why, in the words of whoever declared it.
    pub fn reason(&self) -> &Arc<str> {
        &self.reason
    }

    /// The same as moments. A day that begins in a gap begins at the gap's end.
    pub fn interval(&self) -> Interval {
        let start = |day: Date| self.zone.first(day.at(0, 0, 0, 0));
        Interval::until(start(self.from), self.to.tomorrow().map_or(Time::MAX, start))
    }
}

impl fmt::Display for Freeze {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, zone, reason } = self;
        write!(f, "{from} to {to} {zone}: {reason}")
    }
}

/// Any number of freezes, which may overlap.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Freezes {
    /// As moments, in the order in which they begin.
    frozen: Arc<[(Interval, Freeze)]>,
}

impl Freezes {
    /// All of these.
    pub fn new(freezes: Vec<Freeze>) -> Self {
        let mut frozen: Vec<_> = freezes.into_iter().map(|f| (f.interval(), f)).collect();
        frozen.sort();
        Self { frozen: frozen.into() }
    }

    /// Every freeze, in the order in which they begin.
    pub fn iter(&self) -> impl Iterator<Item = &Freeze> {
        self.frozen.iter().map(|(_, freeze)| freeze)
    }

    /// The freeze that holds at that moment; of several the one that began first.
    pub fn at(&self, at: Time) -> Option<&Freeze> {
        self.frozen.iter().find(|(frozen, _)| frozen.contains(at)).map(|(_, freeze)| freeze)
    }

    /// The first freeze that has a moment in common with the interval.
    pub(super) fn meeting(&self, interval: Interval) -> Option<&Freeze> {
        self.frozen
            .iter()
            .find(|(frozen, _)| frozen.and(interval).is_some())
            .map(|(_, freeze)| freeze)
    }

    /// The moment `at`, or where it is frozen the first after it that is not.
    pub(super) fn thawed(&self, at: Time) -> Time {
        self.frozen.iter().fold(
            at,
            |at, (frozen, _)| {
                if frozen.contains(at) { frozen.end() } else { at }
            },
        )
    }

    /// What freezes leave of an interval, in order.
    pub(super) fn taken_off(&self, interval: Interval) -> impl Iterator<Item = Interval> {
        let mut opens = interval.opens;
        let after_the_last = Interval { opens: interval.end(), closes: None };
        self.frozen.iter().map(|(frozen, _)| *frozen).chain([after_the_last]).filter_map(
            move |frozen| {
                let end = frozen.opens.min(interval.end());
                let left = (opens < end).then(|| Interval::until(opens, end));
                opens = opens.max(frozen.end());
                left
            },
        )
    }
}

impl Default for Freezes {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}
