//! Crontab lines, on wall time.
//!
//! The only file that sees the `cron` and `chrono` crates. Their `DateTime<Utc>` stands for the
//! time that a clock on the wall shows; no zone is ever given to them.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeDelta, Timelike};
use cron::Schedule as Evaluator;
use jiff::civil::{self, DateTime, date};

use super::error::CalendarError;
use super::field::{Field, Values};

/// The longest line that is read, in bytes: lists are read one item at a time.
pub(super) const MAX_LENGTH: usize = 256;

/// The words that stand for a line.
pub(super) const WORDS: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// The years that the `cron` crate knows.
const FIRST_YEAR: i16 = 1970;
const LAST_YEAR: i16 = 2100;

/// A crontab line of five fields: minute, hour, day of month, month, weekday.
///
/// Compares, hashes and prints as its text, in which runs of blanks are one space. Where day of
/// month and weekday both do not begin with `*`, a day that either of them names is a day of the
/// line, as crontab(5) has it; otherwise a day has to be named by both.
#[derive(Clone)]
pub struct CronLine(Arc<Parsed>);

struct Parsed {
    text: String,
    /// One, or two where either of day of month and weekday is enough.
    evaluators: Vec<Evaluator>,
    minutes: Values,
    hours: Values,
    every_day: bool,
}

impl CronLine {
    /// Reads a line, or a word such as `@daily`.
    pub fn parse(text: &str) -> Result<Self, CalendarError> {
        if text.len() > MAX_LENGTH {
            return Err(CalendarError::LineTooLong { length: text.len() });
        }
        let text = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        let line = match expand_word(&text)? {
            Some(line) => Self::parse_fields(line, &text),
            None => Self::parse_fields(&text, &text),
        }?;
        if line.next_after(DateTime::MIN).is_none() {
            return Err(CalendarError::NeverFires { line: text });
        }
        Ok(line)
    }

    fn parse_fields(line: &str, text: &str) -> Result<Self, CalendarError> {
        let tokens: Vec<&str> = line.split(' ').filter(|token| !token.is_empty()).collect();
        let &[minutes, hours, days, months, weekdays] = tokens.as_slice() else {
            return Err(CalendarError::FieldCount { found: tokens.len() });
        };
        let minutes = parse_field(Field::Minute, minutes)?;
        let hours = parse_field(Field::Hour, hours)?;
        let days = parse_field(Field::DayOfMonth, days)?;
        let months = parse_field(Field::Month, months)?;
        let weekdays = parse_field(Field::Weekday, weekdays)?;

        let evaluator = |days, weekdays| evaluator(minutes, hours, days, months, weekdays, line);
        let (evaluators, every_day) = if days.starred || weekdays.starred {
            (vec![evaluator(days, weekdays)?], days.is_every() && weekdays.is_every())
        } else {
            let by_day = evaluator(days, Values::every(Field::Weekday))?;
            let by_weekday = evaluator(Values::every(Field::DayOfMonth), weekdays)?;
            (vec![by_day, by_weekday], days.is_every() || weekdays.is_every())
        };
        let every_day = every_day && months.is_every();
        Ok(Self(Arc::new(Parsed { text: text.to_owned(), evaluators, minutes, hours, every_day })))
    }

    /// The line.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The first wall time after `wall` that the line names; none after the year 2100.
    pub fn next_after(&self, wall: DateTime) -> Option<DateTime> {
        let wall = wall.max(date(FIRST_YEAR - 1, 12, 31).at(23, 59, 59, 0));
        let wall = to_chrono(wall)?.and_utc();
        let next = self.0.evaluators.iter().filter_map(|line| line.after(&wall).next()).min();
        from_chrono(next?.naive_utc())
    }

    /// The last wall time that the line names and that is not after `wall`; none before 1970.
    pub fn latest_at_or_before(&self, wall: DateTime) -> Option<DateTime> {
        // Past its last year the crate searches that year with the month and day of `wall`, and
        // takes a year before our era for one far in the future.
        if wall.year() < FIRST_YEAR {
            return None;
        }
        let wall = wall.min(date(LAST_YEAR, 12, 31).at(23, 59, 59, 0));
        let after = to_chrono(wall)?.and_utc() + TimeDelta::seconds(1);
        let latest =
            self.0.evaluators.iter().filter_map(|line| line.after(&after).next_back()).max();
        from_chrono(latest?.naive_utc())
    }

    /// The times that it names on each of its days, in ascending order.
    pub(super) fn times_of_day(&self) -> impl Iterator<Item = civil::Time> {
        let Parsed { minutes, hours, .. } = &*self.0;
        hours.iter().flat_map(|hour| {
            minutes
                .iter()
                .map(move |minute| civil::time(hour.cast_signed(), minute.cast_signed(), 0, 0))
        })
    }

    /// Whether every day is one of its days.
    pub(super) fn is_every_day(&self) -> bool {
        self.0.every_day
    }
}

impl FromStr for CronLine {
    type Err = CalendarError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for CronLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CronLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CronLine({:?})", self.as_str())
    }
}

impl PartialEq for CronLine {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for CronLine {}

impl PartialOrd for CronLine {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CronLine {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for CronLine {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

/// The line that a word stands for; nothing where the text is no word.
fn expand_word(text: &str) -> Result<Option<&'static str>, CalendarError> {
    if !text.starts_with('@') {
        return Ok(None);
    }
    let known = WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
    let (_, line) = known.ok_or_else(|| CalendarError::Word { word: text.to_owned() })?;
    Ok(Some(line))
}

fn parse_field(field: Field, text: &str) -> Result<Values, CalendarError> {
    Values::parse(field, text).map_err(|fault| CalendarError::Field {
        field,
        text: text.to_owned(),
        fault,
    })
}

fn evaluator(
    minutes: Values,
    hours: Values,
    days: Values,
    months: Values,
    weekdays: Values,
    line: &str,
) -> Result<Evaluator, CalendarError> {
    // The crate's weekdays begin with Sunday as 1.
    let weekdays = render(weekdays, 1);
    let [minutes, hours, days, months] = [minutes, hours, days, months].map(|v| render(v, 0));
    // What is rendered is always read; should the crate ever change, the line is refused.
    format!("0 {minutes} {hours} {days} {months} {weekdays}")
        .parse()
        .map_err(|_| CalendarError::NeverFires { line: line.to_owned() })
}

/// The list as the crate reads it, each value moved up by `offset`.
fn render(values: Values, offset: u8) -> String {
    if values.is_every() {
        return "*".to_owned();
    }
    values.iter().map(|value| (value + offset).to_string()).collect::<Vec<_>>().join(",")
}

fn to_chrono(wall: DateTime) -> Option<NaiveDateTime> {
    let day = NaiveDate::from_ymd_opt(
        wall.year().into(),
        wall.month().cast_unsigned().into(),
        wall.day().cast_unsigned().into(),
    )?;
    let [hour, minute, second] =
        [wall.hour(), wall.minute(), wall.second()].map(|part| part.cast_unsigned().into());
    day.and_hms_opt(hour, minute, second)
}

fn from_chrono(wall: NaiveDateTime) -> Option<DateTime> {
    let narrow = |part: u32| i8::try_from(part).ok();
    DateTime::new(
        i16::try_from(wall.year()).ok()?,
        narrow(wall.month())?,
        narrow(wall.day())?,
        narrow(wall.hour())?,
        narrow(wall.minute())?,
        narrow(wall.second())?,
        0,
    )
    .ok()
}
