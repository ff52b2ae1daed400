//! The time that is shown, from left to right.

use jiff::ToSpan as _;
use jiff::tz::TimeZone;

use crate::core::time::{Span, Time};

/// About so many marks fit above the lanes.
const MARKS: i64 = 7;

/// From when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) from: Time,
    pub(super) to: Time,
    pub(super) now: Time,
}

/// A mark on the axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) at: Time,
    pub(super) label: String,
}

impl Axis {
    /// A third behind, two thirds ahead.
    pub(super) fn around(now: Time, ahead: Span) -> Self {
        Self { from: now - ahead.scaled(1, 2), to: now + ahead, now }
    }

    /// Where a moment is, in percent of the width; beyond the ends it is the end.
    pub(super) fn place(self, at: Time) -> f64 {
        let whole = self.to.since(self.from).as_seconds().max(1);
        let part = at.since(self.from).as_seconds().clamp(0, whole);
        // Hundredths of a percent: finer than a pixel, and exact in a float.
        let hundredths = Span::seconds(part).scaled(10_000, whole).as_seconds();
        f64::from(i32::try_from(hundredths).unwrap_or(10_000)) / 100.0
    }

    /// Whether a moment is shown.
    pub(super) fn shows(self, at: Time) -> bool {
        self.from <= at && at <= self.to
    }

    /// Round moments, with what to write there.
    pub(super) fn marks(self) -> Vec<Mark> {
        const STEPS: [i64; 15] = [
            10,
            30,
            60,
            300,
            600,
            1_800,
            3_600,
            10_800,
            21_600,
            43_200,
            86_400,
            172_800,
            604_800,
            1_209_600,
            i64::MAX,
        ];
        let whole = self.to.since(self.from).as_seconds();
        let step = STEPS.into_iter().find(|step| whole / step <= MARKS).unwrap_or(i64::MAX);
        if step == i64::MAX {
            return self.months();
        }
        let first = self.from.unix().div_euclid(step) + 1;
        let moments = (first..).map(|count| Time::from_unix(count * step));
        let shown = moments.take_while(|at| *at <= self.to);
        shown.map(|at| Mark { at, label: label(at, step) }).collect()
    }

    /// The first day of every month, or of every second or third one.
    fn months(self) -> Vec<Mark> {
        let months = self.to.since(self.from).as_seconds() / (30 * 86_400);
        let every = usize::try_from(months / MARKS + 1).unwrap_or(1);
        let first = self.from.timestamp().to_zoned(TimeZone::UTC).first_of_month();
        let Ok(first) = first.and_then(|first| first.start_of_day()) else { return Vec::new() };
        let moments = (1i64..).map_while(|count| first.checked_add(count.months()).ok());
        let moments = moments.step_by(every).map(|at| (Time::from(at.timestamp()), at));
        let shown = moments.take_while(|(at, _)| *at <= self.to);
        let label = |at: &jiff::Zoned| {
            let format = if at.month() == 1 { "%b %Y" } else { "%b" };
            at.strftime(format).to_string()
        };
        shown.map(|(at, zoned)| Mark { at, label: label(&zoned) }).collect()
    }
}

fn label(at: Time, step: i64) -> String {
    let zoned = at.timestamp().to_zoned(TimeZone::UTC);
    let midnight = at.unix() % 86_400 == 0;
    let format = match step {
        ..60 => "%H:%M:%S",
        60..86_400 if !midnight => "%H:%M",
        _ => "%-d %b",
    };
    zoned.strftime(format).to_string()
}

/// `2026-06-03 12:00:00 UTC`.
pub(super) fn in_full(at: Time) -> String {
    at.timestamp().to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::sample::NOW;

    fn labels(ahead: Span) -> Vec<String> {
        Axis::around(NOW, ahead).marks().into_iter().map(|mark| mark.label).collect()
    }

    #[test]
    fn marks_are_round_and_few() {
        for (ahead, marks) in [
            (Span::minutes(2), "11:59:30 12:00:00 12:00:30 12:01:00 12:01:30 12:02:00"),
            (Span::HOUR, "12:00 12:30 13:00"),
            (Span::DAY, "06:00,12:00,18:00,4 Jun,06:00,12:00"),
            (Span::days(7), "2 Jun,4 Jun,6 Jun,8 Jun,10 Jun"),
            (Span::days(90), "May Jun Jul Aug Sep"),
            (Span::days(365), "Jan 2026,Apr,Jul,Oct,Jan 2027,Apr"),
        ] {
            let marks: Vec<&str> =
                marks.split(if marks.contains(',') { ',' } else { ' ' }).collect();
            assert_eq!(labels(ahead), marks, "{ahead}");
        }
    }

    #[test]
    fn places_are_percent_of_the_width_and_end_at_its_ends() {
        let axis = Axis::around(NOW, Span::days(90));
        for (at, place) in [
            (NOW, 33.33),
            (NOW + Span::days(90), 100.0),
            (NOW + Span::days(900), 100.0),
            (NOW - Span::days(45), 0.0),
            (Time::MIN, 0.0),
        ] {
            assert!((axis.place(at) - place).abs() < 0.001, "{at}");
        }
    }
}
