//! When rotations may run: crontab lines, windows, freezes and schedules, each in its own zone.
//!
//! A crontab line speaks wall time, a [`Zone`] says which moment that is, and everything above them
//! works on [`Time`](crate::core::time::Time) in UTC and whole seconds. The `cron` crate evaluates
//! lines on wall time only and is seen in `cron_line.rs` alone: handed a zone it skips what falls
//! into the spring gap and fires twice in the autumn. Here an opening inside the gap opens at the
//! gap's end, and one inside the fold opens once, at the first pass.
//!
//! Intervals are half-open, `[opens, closes)`. Calendars know the years 1970 to 2100.

mod cron_line;
mod error;
mod field;
mod freeze;
mod interval;
mod schedule;
mod times;
mod window;
mod windows;
mod zone;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use cron_line::CronLine;
pub use error::CalendarError;
pub use field::{Field, FieldFault};
pub use freeze::{Freeze, Freezes};
pub use interval::Interval;
pub use schedule::Schedule;
pub use times::{ClosedBy, RotationTimes, TimesState};
pub use window::{Window, WindowState};
pub use windows::{TooShort, Windows};
pub use zone::Zone;

use super::time::Span;

/// What the times for rotations give up at each end, because clocks may differ by that much.
pub const MARGIN: Span = Span::MINUTE;

/// How far ahead a search for an opening looks: five years.
pub const HORIZON: Span = Span::days(5 * 366);
