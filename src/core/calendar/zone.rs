//! Time zones: which moment a clock on the wall shows.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};

use super::error::CalendarError;
use crate::core::time::{Span, Time};

const SECOND: Span = Span::seconds(1);

/// A time zone by its IANA name, from the database inside the program.
///
/// What the machine keeps in `/usr/share/zoneinfo` is never read: a window means the same in a
/// container without one. Compares, hashes and prints as its name.
#[derive(Clone)]
pub struct Zone {
    name: Arc<str>,
    rules: TimeZone,
}

impl Zone {
    /// Reads an IANA name in any case. Offsets, POSIX rules and `Local` are refused: none of them
    /// says when a place changes its clocks.
    pub fn parse(name: &str) -> Result<Self, CalendarError> {
        let known = TimeZoneDatabase::bundled().get(name).ok().filter(|zone| !zone.is_unknown());
        let Some(rules) = known else {
            return Err(unknown(name));
        };
        let spelling: Arc<str> = rules.iana_name().unwrap_or(name).into();
        Ok(Self { name: spelling, rules })
    }

    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self { name: "UTC".into(), rules: TimeZone::UTC }
    }

    /// Its IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the clock on the wall shows. In the second pass of an autumn fold it stands still at
    /// the fold's last second, so that it never shows a time twice.
    pub(super) fn wall(&self, at: Time) -> DateTime {
        let offset = self.offset(at);
        let wall = offset.to_datetime(at.timestamp());
        match self.rules.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Fold { before, after } if offset == after => self
                .change_at_or_before(at)
                .map_or(wall, |change| before.to_datetime((change - SECOND).timestamp())),
            AmbiguousOffset::Fold { .. }
            | AmbiguousOffset::Gap { .. }
            | AmbiguousOffset::Unambiguous { .. } => wall,
        }
    }

    /// The first moment at which the clock shows `wall`, or the end of the gap that swallows it.
    pub(super) fn first(&self, wall: DateTime) -> Time {
        match self.rules.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => moment(offset, wall),
            AmbiguousOffset::Fold { before, .. } => moment(before, wall),
            AmbiguousOffset::Gap { before, .. } => {
                let past_the_gap = moment(before, wall);
                self.change_at_or_before(past_the_gap).unwrap_or(past_the_gap)
            }
        }
    }

    /// Whether the clock, not standing still, shows `wall` at this moment.
    pub(super) fn shows(&self, wall: DateTime, at: Time) -> bool {
        self.offset(at).to_datetime(at.timestamp()) == wall
    }

    /// The first moment after `at` at which the offset from UTC changes.
    pub(super) fn change_after(&self, at: Time) -> Option<Time> {
        // Some transitions change the name alone.
        self.rules
            .following(at.timestamp())
            .map(|transition| Time::from(transition.timestamp()))
            .find(|change| self.changes(*change))
    }

    /// The last moment, not after `at`, at which the offset from UTC changed.
    pub(super) fn change_at_or_before(&self, at: Time) -> Option<Time> {
        self.rules
            .preceding((at + SECOND).timestamp())
            .map(|transition| Time::from(transition.timestamp()))
            .find(|change| self.changes(*change))
    }

    fn changes(&self, at: Time) -> bool {
        self.offset(at) != self.offset(at - SECOND)
    }

    fn offset(&self, at: Time) -> Offset {
        self.rules.to_offset(at.timestamp())
    }
}

impl FromStr for Zone {
    type Err = CalendarError;
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::parse(name)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name)
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl PartialOrd for Zone {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Zone {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name.cmp(&other.name)
    }
}

impl Hash for Zone {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// The moment at which a clock of that offset shows `wall`; beyond the ends of time, the end.
fn moment(offset: Offset, wall: DateTime) -> Time {
    let end = if wall.year() < 0 { Time::MIN } else { Time::MAX };
    offset.to_timestamp(wall).map_or(end, Time::from)
}

fn unknown(name: &str) -> CalendarError {
    let database = TimeZoneDatabase::bundled();
    let lower = name.to_ascii_lowercase();
    let nearest = database
        .available()
        .map(|known| (strsim::jaro_winkler(&lower, &known.as_str().to_ascii_lowercase()), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known.as_str().to_owned());
    CalendarError::Zone { name: name.to_owned(), nearest }
}
