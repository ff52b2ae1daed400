//! A crontab line in a zone: the moments that it names.

use std::fmt;

use jiff::civil::DateTime;

use super::cron_line::CronLine;
use super::zone::Zone;
use crate::core::time::Time;

/// A crontab line in a time zone. Prints as both, the same text for the same schedule: what is
/// hashed to notice a changed one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Schedule {
    cron: CronLine,
    zone: Zone,
}

/// A moment that a schedule names, and the wall time for which it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Occurrence {
    /// The moment: the first at which the clock shows `wall`, or the end of the gap around it.
    pub(super) at: Time,
    /// The wall time that the line names.
    pub(super) wall: DateTime,
}

impl Schedule {
    /// That line in that zone.
    pub fn new(cron: CronLine, zone: Zone) -> Self {
        Self { cron, zone }
    }

    /// The line.
    pub fn cron(&self) -> &CronLine {
        &self.cron
    }

    /// The zone whose clocks it goes by.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The last moment that it names and that is not after `at`; none before 1970.
    pub fn latest_at_or_before(&self, at: Time) -> Option<Time> {
        self.latest(at).map(|occurrence| occurrence.at)
    }

    /// The first moment after `at` that it names; none after the year 2100.
    pub fn next_after(&self, at: Time) -> Option<Time> {
        self.next(at).map(|occurrence| occurrence.at)
    }

    pub(super) fn latest(&self, at: Time) -> Option<Occurrence> {
        let wall = self.cron.latest_at_or_before(self.zone.wall(at))?;
        Some(Occurrence { at: self.zone.first(wall), wall })
    }

    pub(super) fn next(&self, at: Time) -> Option<Occurrence> {
        let mut wall = self.zone.wall(at);
        loop {
            wall = self.cron.next_after(wall)?;
            let moment = self.zone.first(wall);
            // Holds at once, since the wall clock never shows a time twice. Whatever a zone's rules
            // may do, what comes next is never in the past.
            if moment > at {
                return Some(Occurrence { at: moment, wall });
            }
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.cron, self.zone)
    }
}
