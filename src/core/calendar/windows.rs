//! Several windows: open while any of them is.

use std::fmt;
use std::sync::Arc;

use super::HORIZON;
use super::error::CalendarError;
use super::interval::Interval;
use super::window::{FOR_EVER, Window, WindowState};
use crate::core::time::{Span, Time};

/// The most windows that one list may hold.
pub(super) const MOST: usize = 16;

const SECOND: Span = Span::seconds(1);

/// The union of a list of windows: those that touch or overlap make one stretch. Without any it is
/// always open.
///
/// A stretch of more than 400 days has no end. Where windows take turns, up to 4,096 of their
/// openings divided by the number of windows are joined on each side of a moment: a stretch may be
/// longer than it is told, never shorter.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Windows(Arc<[Window]>);

impl Windows {
    /// The union of at most 16 windows.
    pub fn new(windows: Vec<Window>) -> Result<Self, CalendarError> {
        if windows.len() > MOST {
            return Err(CalendarError::TooManyWindows { found: windows.len() });
        }
        Ok(Self(windows.into()))
    }

    /// No window, and therefore always open.
    pub fn always() -> Self {
        Self::default()
    }

    /// Whether there is no window.
    pub fn is_always(&self) -> bool {
        self.0.is_empty()
    }

    /// The windows, in the order given.
    pub fn as_slice(&self) -> &[Window] {
        &self.0
    }

    /// Whether any window is open at that moment, and until when that stays so.
    pub fn state(&self, at: Time) -> WindowState {
        match self.open_interval_at_or_after(at) {
            Some(Interval { opens, closes }) if opens <= at => {
                WindowState::Open { since: opens, until: closes }
            }
            later => WindowState::Closed { opens: later.map(|interval| interval.opens) },
        }
    }

    /// The stretch that holds `at`, or else the first after it; nothing where none opens within
    /// five years.
    pub fn open_interval_at_or_after(&self, at: Time) -> Option<Interval> {
        self.search(at, &mut Effort::default())
    }

    /// The windows that can never hold a rotation of the expected duration, `margin` taken off
    /// each end of the stretch that they are part of.
    pub fn check(&self, expected: Span, margin: Span) -> Vec<TooShort> {
        let needed = expected + margin + margin;
        self.0
            .iter()
            .map(|window| TooShort {
                window: window.clone(),
                longest: self.longest(window, needed),
                needed,
            })
            .filter(|problem| problem.longest < needed)
            .collect()
    }

    /// The longest of the first stretches since the leap year 2024 of which the window is part, or
    /// the first that is long enough.
    fn longest(&self, window: &Window, needed: Span) -> Span {
        const START_OF_2024: Time = Time::from_unix(1_704_067_200);
        const STRETCHES: usize = 16;
        let stretch = |from| self.open_interval_at_or_after(window.next_opening(from)?);
        let stretches = std::iter::successors(stretch(START_OF_2024), |last| stretch(last.closes?));
        let mut longest = Span::ZERO;
        for stretch in stretches.take(STRETCHES) {
            longest = longest.max(stretch.end().since(stretch.opens));
            if longest >= needed {
                break;
            }
        }
        longest
    }

    pub(super) fn search(&self, at: Time, effort: &mut Effort) -> Option<Interval> {
        if self.is_always() {
            return Some(Interval::ALWAYS);
        }
        effort.spend(self.0.len());
        if let (Some(start), Some(end)) = (self.start(at, effort), self.end(at, effort)) {
            return Some(Interval::until(start, end));
        }
        let opens = self.0.iter().filter_map(|window| window.next_opening(at)).min()?;
        if opens.since(at) > HORIZON {
            return None;
        }
        let end = self.end(opens, effort)?;
        Some(Interval::until(opens, end))
    }

    /// When the stretch that holds `at` closes; nothing where all are closed.
    fn end(&self, at: Time, effort: &mut Effort) -> Option<Time> {
        let latest_end = |at| self.0.iter().filter_map(|window| window.end(at)).max();
        let mut end = latest_end(at)?;
        for _ in 0..self.joins() {
            if end.since(at) > FOR_EVER {
                return Some(Time::MAX);
            }
            effort.spend(self.0.len());
            let Some(later) = latest_end(end) else { break };
            end = later;
        }
        Some(end)
    }

    /// When the stretch that holds `at` opened; nothing where all are closed.
    fn start(&self, at: Time, effort: &mut Effort) -> Option<Time> {
        let earliest_start = |at| self.0.iter().filter_map(|window| window.start(at)).min();
        let mut start = earliest_start(at)?;
        for _ in 0..self.joins() {
            if at.since(start) > FOR_EVER {
                return Some(Time::MIN);
            }
            effort.spend(self.0.len());
            // What closes at the start was open a second before.
            let Some(earlier) = earliest_start(start - SECOND) else {
                break;
            };
            start = earlier;
        }
        Some(start)
    }

    /// How many stretches of single windows are joined before the rest of a union is left out.
    fn joins(&self) -> usize {
        Effort::LOOKS / self.0.len().max(1)
    }
}

/// A window that can never hold a rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooShort {
    /// The window.
    pub window: Window,
    /// The longest stretch of which it is part.
    pub longest: Span,
    /// What a rotation would need: its expected duration and a margin at each end.
    pub needed: Span,
}

impl fmt::Display for TooShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { window, longest, needed } = self;
        write!(
            f,
            "the window {window} can never hold a rotation: open for {longest}, needs {needed}"
        )
    }
}

/// What one search has cost. A limit keeps a list that someone wrote to be slow, such as two
/// windows that take turns every minute, from stopping the planner for everybody else.
#[derive(Default)]
pub(super) struct Effort(usize);

impl Effort {
    /// So many looks at single windows, a few microseconds each, are enough.
    const LOOKS: usize = 4_096;

    /// Counts looks.
    pub(super) fn spend(&mut self, looks: usize) {
        self.0 += looks;
    }

    /// Whether it was enough.
    pub(super) fn is_spent(&self) -> bool {
        self.0 > Self::LOOKS
    }
}
