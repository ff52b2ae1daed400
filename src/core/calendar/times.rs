//! When a database may be rotated: windows, what its owner narrows them to, and freezes.

use std::sync::Arc;

use super::HORIZON;
use super::freeze::Freezes;
use super::interval::Interval;
use super::windows::{Effort, Windows};
use crate::core::time::{Span, Time};

/// The most intervals that one forecast lists.
const MOST_LISTED: usize = 10_000;

/// The union of the configured windows, where it meets the windows that a tenant narrows it to, and
/// without the freezes.
///
/// Every stretch that is left gives up a margin at each end that it really has: what is always open
/// has none. A search ends after five years, or when a list written to be slow has cost enough
/// (about 10 ms); what is found is always right, what is not found may then still come.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RotationTimes {
    windows: Windows,
    narrowed: Option<Windows>,
    freezes: Freezes,
}

/// Whether a rotation may start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimesState {
    /// It may not, until it may.
    Closed {
        /// Why not.
        by: ClosedBy,
        /// The next moment at which it may; nothing where none was found within five years.
        opens: Option<Time>,
    },
    /// It may.
    Open {
        /// Since when; [`Time::MIN`] where it always was.
        since: Time,
        /// Until when; nothing where it stays so.
        until: Option<Time>,
    },
}

/// What keeps a rotation from starting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClosedBy {
    /// A freeze, told first where windows are closed as well: somebody declared it.
    Freeze {
        /// Why it was declared.
        reason: Arc<str>,
    },
    /// Some window of each list would have to be open.
    Window,
}

impl RotationTimes {
    /// What is in `windows`, in `narrowed` if there are any, and in no freeze.
    pub fn new(windows: Windows, narrowed: Option<Windows>, freezes: Freezes) -> Self {
        Self { windows, narrowed, freezes }
    }

    /// No window and no freeze.
    pub fn always() -> Self {
        Self::default()
    }

    /// Whether a rotation may start at that moment, and until when that stays so.
    pub fn state(&self, at: Time, margin: Span) -> TimesState {
        match self.open_interval_at_or_after(at, margin) {
            Some(Interval { opens, closes }) if opens <= at => {
                TimesState::Open { since: opens, until: closes }
            }
            later => {
                TimesState::Closed { by: self.closed_by(at, margin), opens: later.map(|i| i.opens) }
            }
        }
    }

    /// The stretch that holds `at`, or else the first after it, the margin taken off.
    pub fn open_interval_at_or_after(&self, at: Time, margin: Span) -> Option<Interval> {
        let mut effort = Effort::default();
        let mut from = at;
        loop {
            let open = self.windows_at_or_after(from, &mut effort)?;
            let left = self
                .freezes
                .taken_off(open)
                .filter_map(|left| left.shrunk(margin))
                .find(|left| at < left.end());
            if let Some(left) = left {
                return (left.opens.since(at) <= HORIZON).then_some(left);
            }
            from = self.freezes.thawed(open.end());
            if from.since(at) > HORIZON || effort.is_spent() {
                return None;
            }
        }
    }

    /// The stretches that meet `[from, to)`, in order and with their true ends, at most 10,000.
    pub fn intervals(&self, from: Time, to: Time, margin: Span) -> impl Iterator<Item = Interval> {
        let first = self.open_interval_at_or_after(from, margin);
        let next =
            move |interval: &Interval| self.open_interval_at_or_after(interval.closes?, margin);
        std::iter::successors(first, next)
            .take_while(move |interval| interval.opens < to)
            .take(MOST_LISTED)
    }

    fn closed_by(&self, at: Time, margin: Span) -> ClosedBy {
        let around = Interval::until(at - margin, at + margin + Span::seconds(1));
        match self.freezes.meeting(around) {
            Some(freeze) => ClosedBy::Freeze { reason: Arc::clone(freeze.reason()) },
            None => ClosedBy::Window,
        }
    }

    /// Where both lists are open, at `at` or after it, freezes and margins left aside.
    fn windows_at_or_after(&self, at: Time, effort: &mut Effort) -> Option<Interval> {
        let mut from = at;
        loop {
            let configured = self.windows.search(from, effort)?;
            let Some(narrowed) = &self.narrowed else {
                return Some(configured);
            };
            let narrowed = narrowed.search(from, effort)?;
            if let Some(both) = configured.and(narrowed) {
                return Some(both);
            }
            // Before the later of both openings one of them is closed.
            from = configured.opens.max(narrowed.opens);
            if from.since(at) > HORIZON || effort.is_spent() {
                return None;
            }
        }
    }
}
