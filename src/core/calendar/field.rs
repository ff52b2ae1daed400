//! One field of a crontab line: its text and the numbers that it names.
//!
//! The `cron` crate counts weekdays from 1 and reads much that no crontab does (`5/ 15`, `12*/2`),
//! so it never sees what people wrote, only the lists that [`Values`] renders.

use std::fmt;
use std::ops::RangeInclusive;

use thiserror::Error;

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const SUNDAY_AT_THE_END: u8 = 7;

/// A field of a crontab line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The third: 1 to 31.
    DayOfMonth,
    /// The second: 0 to 23.
    Hour,
    /// The first: 0 to 59.
    Minute,
    /// The fourth: 1 to 12.
    Month,
    /// The fifth: 0 to 7, where both 0 and 7 are Sunday.
    Weekday,
}

impl Field {
    /// The values that `*` stands for.
    pub(super) const fn all(self) -> RangeInclusive<u8> {
        match self {
            Self::DayOfMonth => 1..=31,
            Self::Hour => 0..=23,
            Self::Minute => 0..=59,
            Self::Month => 1..=12,
            Self::Weekday => 0..=6,
        }
    }

    /// What may be written in it.
    pub const fn allowed(self) -> &'static str {
        match self {
            Self::DayOfMonth => "1-31, with ranges a-b, lists a,b and steps */n",
            Self::Hour => "0-23, with ranges a-b, lists a,b and steps */n",
            Self::Minute => "0-59, with ranges a-b, lists a,b and steps */n",
            Self::Month => "1-12 or JAN-DEC, with ranges a-b, lists a,b and steps */n",
            Self::Weekday => {
                "0-7 or SUN-SAT (0 and 7 are Sunday), with ranges a-b, lists a,b and steps */n"
            }
        }
    }

    /// The greatest number that may be written, and the greatest step.
    const fn greatest(self) -> u8 {
        match self {
            Self::Weekday => SUNDAY_AT_THE_END,
            Self::DayOfMonth | Self::Hour | Self::Minute | Self::Month => *self.all().end(),
        }
    }

    /// The three-letter names of its values, the first one for the smallest value.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Month => &MONTHS,
            Self::Weekday => &WEEKDAYS,
            Self::DayOfMonth | Self::Hour | Self::Minute => &[],
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DayOfMonth => "day of month",
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::Month => "month",
            Self::Weekday => "weekday",
        })
    }
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FieldFault {
    /// A range whose end is before its start, such as FRI-MON.
    #[error("the range {range} runs backwards, write {instead}")]
    Backwards {
        /// The range as written.
        range: String,
        /// The two ranges that say the same.
        instead: String,
    },
    /// Nothing before, between or after commas.
    #[error("an item of the list is empty")]
    Empty,
    /// A number that the field does not have.
    #[error("{number} is out of range")]
    OutOfRange {
        /// The number as written.
        number: String,
    },
    /// A step of nothing, or past the end of the field.
    #[error("{step:?} is no step, a step is a number from 1 to {greatest}")]
    Step {
        /// The step as written.
        step: String,
        /// The greatest step that the field can take.
        greatest: u8,
    },
    /// Neither a number nor a name that the field knows.
    #[error("{text:?} is neither a number nor a name that it knows")]
    Unknown {
        /// What was read.
        text: String,
    },
}

/// The numbers that a field names, Sunday as 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values {
    field: Field,
    bits: u64,
    /// Whether the text begins with `*`: what crontab(5) calls an unrestricted day field.
    pub(super) starred: bool,
}

impl Values {
    pub(super) fn parse(field: Field, text: &str) -> Result<Self, FieldFault> {
        let mut bits = 0;
        for item in text.split(',') {
            let (range, step) = parse_item(field, item)?;
            bits |= bits_of(field, range.step_by(usize::from(step)));
        }
        Ok(Self { field, bits, starred: text.starts_with('*') })
    }

    /// Every value that the field has.
    pub(super) fn every(field: Field) -> Self {
        Self { field, bits: bits_of(field, field.all()), starred: true }
    }

    pub(super) fn is_every(self) -> bool {
        self.bits == Self::every(self.field).bits
    }

    /// The values in ascending order.
    pub(super) fn iter(self) -> impl Iterator<Item = u8> {
        self.field.all().filter(move |value| self.bits & (1 << value) != 0)
    }
}

fn bits_of(field: Field, values: impl Iterator<Item = u8>) -> u64 {
    let sunday_as_0 = |value| match field {
        Field::Weekday => value % SUNDAY_AT_THE_END,
        Field::DayOfMonth | Field::Hour | Field::Minute | Field::Month => value,
    };
    values.fold(0, |bits, value| bits | 1 << sunday_as_0(value))
}

/// The range that one item of a list covers, and the step within it.
fn parse_item(field: Field, item: &str) -> Result<(RangeInclusive<u8>, u8), FieldFault> {
    if item.is_empty() {
        return Err(FieldFault::Empty);
    }
    let (values, step) = match item.split_once('/') {
        Some((values, step)) => (values, Some(parse_step(field, step)?)),
        None => (item, None),
    };
    let range = if values == "*" {
        field.all()
    } else if let Some((first, last)) = values.split_once('-') {
        parse_range(field, first, last)?
    } else {
        let first = parse_value(field, values)?;
        // `5/15` goes on to the end of the field, as in a Kubernetes CronJob.
        let last = step.map_or(first, |_| first.max(*field.all().end()));
        first..=last
    };
    Ok((range, step.unwrap_or(1)))
}

fn parse_range(field: Field, first: &str, last: &str) -> Result<RangeInclusive<u8>, FieldFault> {
    let start = parse_value(field, first)?;
    let end = match parse_value(field, last)? {
        // SAT-SUN means what it says; the number 0 is no end of a range in any crontab.
        0 if field == Field::Weekday && start > 0 && last.eq_ignore_ascii_case("SUN") => {
            SUNDAY_AT_THE_END
        }
        end => end,
    };
    if start <= end {
        return Ok(start..=end);
    }
    let (lowest, highest) = (*field.all().start(), *field.all().end());
    let span = |a: u8, b: u8| {
        if a < b { format!("{a}-{b}") } else { a.to_string() }
    };
    let instead = format!("{},{}", span(start, highest), span(lowest, end));
    Err(FieldFault::Backwards { range: format!("{first}-{last}"), instead })
}

fn parse_value(field: Field, text: &str) -> Result<u8, FieldFault> {
    let name = field.names().iter().zip(field.all()).find(|(n, _)| n.eq_ignore_ascii_case(text));
    if let Some((_, value)) = name {
        return Ok(value);
    }
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(FieldFault::Unknown { text: text.to_owned() });
    }
    text.parse()
        .ok()
        .filter(|value| (*field.all().start()..=field.greatest()).contains(value))
        .ok_or_else(|| FieldFault::OutOfRange { number: text.to_owned() })
}

fn parse_step(field: Field, text: &str) -> Result<u8, FieldFault> {
    let greatest = field.greatest();
    Some(text)
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|step| (1..=greatest).contains(step))
        .ok_or_else(|| FieldFault::Step { step: text.to_owned(), greatest })
}
