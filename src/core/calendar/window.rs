//! One window: a schedule of openings, and for how long each stays open.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use jiff::civil::{self, DateTime};

use super::cron_line::CronLine;
use super::error::CalendarError;
use super::interval::Interval;
use super::schedule::{Occurrence, Schedule};
use super::zone::Zone;
use crate::core::time::{Span, Time};

/// The shortest that a window may be open.
pub(super) const SHORTEST: Span = Span::MINUTE;
/// The longest that a window may be open: a leap year.
pub(super) const LONGEST: Span = Span::days(366);
/// What stays open for longer than this counts as open for ever, in that direction.
pub(super) const FOR_EVER: Span = Span::days(400);

const SECOND: Span = Span::seconds(1);

/// Openings named by a crontab line in a zone, each of the same length in real time.
///
/// An opening during the spring gap opens at the gap's end, one during the autumn fold opens once,
/// at the first pass. Openings that touch or overlap make one stretch.
#[derive(Clone)]
pub struct Window {
    openings: Schedule,
    length: Span,
    pattern: Arc<DayPattern>,
}

/// Whether a window, or a union of windows, is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowState {
    /// Closed, until it opens.
    Closed {
        /// When it next opens; nothing where it never does.
        opens: Option<Time>,
    },
    /// Open.
    Open {
        /// When it opened; [`Time::MIN`] where it always was open.
        since: Time,
        /// When it closes; nothing where it stays open.
        until: Option<Time>,
    },
}

impl Window {
    /// A window that opens by that line in that zone and closes `length` later: 1 minute to 366
    /// days, in real time whatever the clocks do meanwhile.
    pub fn new(open: CronLine, length: Span, zone: Zone) -> Result<Self, CalendarError> {
        if !(SHORTEST..=LONGEST).contains(&length) {
            return Err(CalendarError::WindowLength { length });
        }
        let pattern = Arc::new(DayPattern::new(&open, length));
        Ok(Self { openings: Schedule::new(open, zone), length, pattern })
    }

    /// The line that opens it.
    pub fn open(&self) -> &CronLine {
        self.openings.cron()
    }

    /// For how long each opening stays open, in real time.
    pub fn length(&self) -> Span {
        self.length
    }

    /// The zone whose clocks the line goes by.
    pub fn zone(&self) -> &Zone {
        self.openings.zone()
    }

    /// Whether it is open at that moment, and until when that stays so.
    pub fn state(&self, at: Time) -> WindowState {
        match (self.start(at), self.end(at)) {
            (Some(since), Some(end)) => {
                WindowState::Open { since, until: Interval::until(since, end).closes }
            }
            _ => WindowState::Closed { opens: self.next_opening(at) },
        }
    }

    /// The first opening after `at`.
    pub(super) fn next_opening(&self, at: Time) -> Option<Time> {
        self.openings.next_after(at)
    }

    /// When the stretch that holds `at` closes, or the end of time; nothing where it is closed.
    pub(super) fn end(&self, at: Time) -> Option<Time> {
        let mut opening = self.opening(at)?;
        loop {
            let Some(last) = self.last_of_calm(opening) else {
                return Some(Time::MAX);
            };
            opening = last;
            let end = opening.at + self.length;
            if end.since(at) > FOR_EVER {
                return Some(Time::MAX);
            }
            let next = self.openings.latest(end)?;
            if next.at <= opening.at {
                return Some(end);
            }
            opening = next;
        }
    }

    /// When the stretch that holds `at` opened, or the beginning of time; nothing where it is
    /// closed.
    pub(super) fn start(&self, at: Time) -> Option<Time> {
        let mut opening = self.opening(at)?;
        loop {
            let Some(first) = self.first_of_calm(opening) else {
                return Some(Time::MIN);
            };
            if at.since(first.at) > FOR_EVER {
                return Some(Time::MIN);
            }
            match self.openings.latest(first.at - SECOND) {
                // The first condition holds by itself; without it a fault elsewhere would hang.
                Some(before) if before.at < first.at && first.at <= before.at + self.length => {
                    opening = before;
                }
                _ => return Some(first.at),
            }
        }
    }

    /// The latest opening, if what it opened is still open.
    fn opening(&self, at: Time) -> Option<Occurrence> {
        self.openings.latest(at).filter(|opening| at < opening.at + self.length)
    }

    /// The last of the openings that join this one before the offset changes: one leap in place of
    /// up to 1,440 steps. Nothing where they never end.
    fn last_of_calm(&self, opening: Occurrence) -> Option<Occurrence> {
        if !self.zone().shows(opening.wall, opening.at) {
            return Some(opening);
        }
        let change = self.zone().change_after(opening.at);
        if let Some((_, wall)) = self.pattern.joined(opening.wall) {
            let at = self.zone().first(wall);
            if change.is_none_or(|change| at < change) {
                return Some(Occurrence { at, wall });
            }
        }
        change.map(|change| self.openings.latest(change - SECOND).unwrap_or(opening))
    }

    /// The first of the openings that join this one since the offset changed.
    fn first_of_calm(&self, opening: Occurrence) -> Option<Occurrence> {
        if !self.zone().shows(opening.wall, opening.at) {
            return Some(opening);
        }
        let change = self.zone().change_at_or_before(opening.at);
        if let Some((wall, _)) = self.pattern.joined(opening.wall) {
            let at = self.zone().first(wall);
            if change.is_none_or(|change| change <= at) {
                return Some(Occurrence { at, wall });
            }
        }
        change.map(|change| self.openings.next(change - SECOND).unwrap_or(opening))
    }

    fn key(&self) -> (&Schedule, Span) {
        (&self.openings, self.length)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} for {} in {}", self.open().as_str(), self.length, self.zone())
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Window({self})")
    }
}

impl PartialEq for Window {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Window {}

impl PartialOrd for Window {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Window {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Hash for Window {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// How the openings of one day join while no clock is changed.
struct DayPattern {
    /// The first and the last opening of each stretch.
    stretches: Vec<(civil::Time, civil::Time)>,
    /// Whether the whole day is one stretch that joins the next day's.
    endless: bool,
}

impl DayPattern {
    fn new(open: &CronLine, length: Span) -> Self {
        let mut stretches: Vec<(civil::Time, civil::Time)> = Vec::new();
        for time in open.times_of_day() {
            match stretches.last_mut() {
                Some((_, last)) if between(*last, time) <= length => *last = time,
                _ => stretches.push((time, time)),
            }
        }
        let endless = match stretches.as_slice() {
            [(first, last)] => open.is_every_day() && Span::DAY - between(*first, *last) <= length,
            _ => false,
        };
        Self { stretches, endless }
    }

    /// The first and the last opening of the stretch that this opening is in; nothing where it has
    /// no ends.
    fn joined(&self, opening: DateTime) -> Option<(DateTime, DateTime)> {
        if self.endless {
            return None;
        }
        let (day, time) = (opening.date(), opening.time());
        let mut stretches = self.stretches.iter().copied();
        let (first, last) = stretches
            .find(|(first, last)| (*first..=*last).contains(&time))
            .unwrap_or((time, time));
        Some((day.to_datetime(first), day.to_datetime(last)))
    }
}

fn between(earlier: civil::Time, later: civil::Time) -> Span {
    Span::seconds(earlier.duration_until(later).as_secs())
}
