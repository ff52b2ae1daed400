//! Time as decisions see it: whole seconds, saturating, never read from a clock.
//!
//! Sub-second parts are dropped once, at the edge. A wake-up time and the check that judges it can
//! then never disagree by a fraction, and nothing here can overflow: a certificate that ends in
//! the year 9999 is simply the far end of [`Time`].

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment: whole seconds since 1970-01-01T00:00:00Z, within the years that RFC 3339 can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// The latest moment, 9999-12-30T22:00:00Z.
    pub const MAX: Self = Self(253_402_207_200);
    /// The earliest moment, -9999-01-02T01:59:59Z.
    pub const MIN: Self = Self(-377_705_023_201);

    /// The moment `seconds` after (or before) 1970; out of range is the nearest end.
    pub const fn from_unix(seconds: i64) -> Self {
        if seconds > Self::MAX.0 {
            Self::MAX
        } else if seconds < Self::MIN.0 {
            Self::MIN
        } else {
            Self(seconds)
        }
    }

    /// Whole seconds since 1970.
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is; negative when it is before.
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// The start of the minute this moment is in.
    #[must_use]
    pub const fn floor_minute(self) -> Self {
        Self::from_unix(self.0 - self.0.rem_euclid(60))
    }

    /// The same moment for the zone library.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_second(self.0).unwrap_or(Timestamp::MAX)
    }
}

impl From<Timestamp> for Time {
    fn from(timestamp: Timestamp) -> Self {
        let floor = timestamp.as_second() - i64::from(timestamp.subsec_nanosecond() < 0);
        Self::from_unix(floor)
    }
}

impl Add<Span> for Time {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self::from_unix(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Time {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self::from_unix(self.0.saturating_sub(span.0))
    }
}

impl fmt::Display for Time {
    /// RFC 3339 in UTC: `2026-11-23T22:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp().fmt(f)
    }
}

impl FromStr for Time {
    type Err = jiff::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<Timestamp>().map(Self::from)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A length of time in whole seconds; may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// One minute.
    pub const MINUTE: Self = Self(60);
    /// One hour.
    pub const HOUR: Self = Self(3_600);
    /// Twenty-four hours.
    pub const DAY: Self = Self(86_400);

    /// A span of so many seconds.
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// A span of so many minutes.
    pub const fn minutes(minutes: i64) -> Self {
        Self(minutes.saturating_mul(60))
    }

    /// A span of so many hours.
    pub const fn hours(hours: i64) -> Self {
        Self(hours.saturating_mul(3_600))
    }

    /// A span of so many days of 24 hours.
    pub const fn days(days: i64) -> Self {
        Self(days.saturating_mul(86_400))
    }

    /// Its length in seconds.
    pub const fn as_seconds(self) -> i64 {
        self.0
    }

    /// `self × numerator / denominator`, computed without overflow and rounded down.
    #[must_use]
    pub fn scaled(self, numerator: i64, denominator: i64) -> Self {
        let wide = i128::from(self.0) * i128::from(numerator);
        let scaled = wide.div_euclid(i128::from(denominator));
        Self(i64::try_from(scaled).unwrap_or(if scaled > 0 { i64::MAX } else { i64::MIN }))
    }

    /// Rounded up to whole minutes.
    #[must_use]
    pub const fn ceil_minute(self) -> Self {
        let over = self.0.rem_euclid(60);
        if over == 0 { self } else { Self(self.0.saturating_add(60 - over)) }
    }

    /// The absolute length, for comparing clock offsets.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// For the timer that waits it out; nothing for a negative span.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_secs(u64::try_from(self.0).unwrap_or(0))
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Span {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Span {
    /// The two largest units: `45d`, `3h 20m`, `-5s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
        if self.0 == 0 {
            return f.write_str("0s");
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let mut rest = self.0.unsigned_abs();
        let first = UNITS.iter().position(|(_, size)| rest >= *size).unwrap_or(3);
        for (index, (unit, size)) in UNITS.iter().enumerate().skip(first).take(2) {
            let count = rest / size;
            rest %= size;
            if index == first {
                write!(f, "{count}{unit}")?;
            } else if count > 0 {
                write!(f, " {count}{unit}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_time_saturate() {
        assert_eq!(Time::MAX + Span::DAY, Time::MAX);
        assert_eq!(Time::MIN - Span::DAY, Time::MIN);
        assert_eq!(Time::MAX + Span::seconds(i64::MAX), Time::MAX);
        assert_eq!(Time::from_unix(i64::MIN).to_string(), Time::MIN.to_string());
        assert_eq!(Time::MAX.to_string(), "9999-12-30T22:00:00Z");
        assert_eq!(Span::seconds(i64::MAX).scaled(2, 1), Span::seconds(i64::MAX));
    }

    #[test]
    fn fractions_are_dropped_towards_the_past() {
        for (text, seconds) in [
            ("1970-01-01T00:00:01.9Z", 1),
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:59.5Z", -1),
        ] {
            assert_eq!(text.parse::<Time>().unwrap(), Time::from_unix(seconds), "{text}");
        }
    }

    #[test]
    fn spans_read_as_people_write_them() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (61, "1m 1s"),
            (3_600, "1h"),
            (45 * 86_400 + 7_200 + 60, "45d 2h"),
            (86_400 + 60, "1d"),
            (-5, "-5s"),
        ] {
            assert_eq!(Span::seconds(seconds).to_string(), text);
        }
    }
}
