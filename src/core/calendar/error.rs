//! Why a calendar could not be read.

use jiff::civil::Date;
use thiserror::Error;

use super::cron_line::{MAX_LENGTH, WORDS};
use super::field::{Field, FieldFault};
use super::window::{LONGEST, SHORTEST};
use super::windows::MOST;
use crate::core::time::Span;

/// What is wrong with a calendar, said to the person who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CalendarError {
    /// One of the five fields of a crontab line.
    #[error("{field} {text:?}: {fault}; allowed: {}", .field.allowed())]
    Field {
        /// Which field.
        field: Field,
        /// The field as written.
        text: String,
        /// What is wrong with it.
        fault: FieldFault,
    },
    /// A crontab line with more or fewer than five fields.
    #[error(
        "a crontab line has 5 fields (minute hour day-of-month month weekday), this one has {found}"
    )]
    FieldCount {
        /// How many it has.
        found: usize,
    },
    /// A freeze that ends before it begins.
    #[error("the freeze ends on {to}, before it begins on {from}")]
    FreezeBackwards {
        /// Its first day.
        from: Date,
        /// Its last day.
        to: Date,
    },
    /// A crontab line that no sane person wrote.
    #[error("a crontab line has at most {MAX_LENGTH} characters, this one has {length}")]
    LineTooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// A crontab line whose days do not exist, such as 30 February.
    #[error("{line:?} can never fire: no month that it allows has such a day")]
    NeverFires {
        /// The line.
        line: String,
    },
    /// More windows in one list than any search should have to walk.
    #[error("a list holds at most {MOST} windows, this one has {found}")]
    TooManyWindows {
        /// How many it has.
        found: usize,
    },
    /// A crontab word that is not known.
    #[error("{word:?} is not a known word; allowed: {} or five fields", WORDS.map(|(word, _)| word).join(" "))]
    Word {
        /// The word as written.
        word: String,
    },
    /// A window that is empty, too short or too long.
    #[error("a window is open for {SHORTEST} to {LONGEST}, this one for {length}")]
    WindowLength {
        /// The length asked for.
        length: Span,
    },
    /// A time zone that is not in the bundled database.
    #[error(
        "{name:?} is not a known time zone{}; allowed: IANA names such as Europe/Berlin or UTC",
        .nearest.as_ref().map(|nearest| format!(", did you mean {nearest}?")).unwrap_or_default()
    )]
    Zone {
        /// The name as written.
        name: String,
        /// The known name that looks most like it.
        nearest: Option<String>,
    },
}
