//! What the calendars say at one moment, computed once for all databases that share them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::calendar::{ClosedBy, Freezes, Interval, MARGIN, RotationTimes, TimesState, Windows};
use super::causes::Occurrences;
use super::digest::Digest;
use super::ladder::soonest;
use super::policy::Rules;
use super::time::{Span, Time};
use super::vocabulary::{Gate, Stage};

/// How many openings of one calendar are remembered; beyond, each is searched for.
const OPENINGS_KEPT: usize = 4_096;
/// When to search again where no opening was found.
const SEARCH_AGAIN: Span = Span::DAY;

/// One calendar at one moment.
#[derive(Clone, Debug)]
pub struct Hours {
    times: RotationTimes,
    state: TimesState,
    now: Time,
    /// When a freeze begins or ends to be the reason.
    reason_changes: Option<Time>,
    /// The openings from `now` on, as far as anybody asked: many databases ask for the same.
    ahead: RefCell<Vec<Interval>>,
}

/// Whether a rotation may start now, as far as the hour is concerned.
#[derive(Clone, Debug, PartialEq)]
pub enum Admission {
    /// It may.
    Now,
    /// Not before then (none: never within the calendar's horizon).
    Later {
        /// Why not.
        gate: Gate,
        /// When it may.
        at: Option<Time>,
        /// The reason of the freeze.
        detail: Option<Arc<str>>,
    },
}

/// Moments at which a rotation may start: from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Starts {
    /// The first.
    pub first: Time,
    /// The last; none: no end.
    pub last: Option<Time>,
}

impl Hours {
    fn new(windows: Windows, own: Option<Windows>, freezes: Freezes, now: Time) -> Self {
        let reason_changes = freeze_edges(&freezes).filter(|at| *at > now).min();
        let times = RotationTimes::new(windows, own, freezes);
        let state = times.state(now, MARGIN);
        Self { times, state, now, reason_changes, ahead: RefCell::default() }
    }

    /// What is left of the window that is open now; none: no end. Zero when none is open.
    pub fn left(&self) -> Option<Span> {
        match &self.state {
            TimesState::Open { until, .. } => until.map(|until| until.since(self.now)),
            TimesState::Closed { .. } => Some(Span::ZERO),
        }
    }

    /// Whether a window is open now.
    pub const fn open(&self) -> bool {
        matches!(self.state, TimesState::Open { .. })
    }

    /// When the next window opens; none while one is open, or when none ever does.
    pub const fn opens(&self) -> Option<Time> {
        match &self.state {
            TimesState::Open { .. } => None,
            TimesState::Closed { opens, .. } => *opens,
        }
    }

    /// When what is said here of a rotation that takes `duration` may change by itself.
    pub fn changes(&self, duration: Span) -> Option<Time> {
        match &self.state {
            TimesState::Open { until, .. } => {
                let last_start = (*until)? - duration;
                Some(last_start + Span::seconds(1))
                    .filter(|too_late| *too_late > self.now)
                    .or(*until)
            }
            TimesState::Closed { opens, .. } => {
                // None was found as far as a search goes; one may come into its reach.
                let mut changes = Some(opens.unwrap_or(self.now + SEARCH_AGAIN));
                soonest(&mut changes, self.reason_changes);
                changes
            }
        }
    }

    /// Whether a rotation that takes `duration` may start now. `turn` spreads databases over a
    /// window, so that not all of them start when it opens.
    pub fn admit(&self, duration: Span, turn: Option<Digest>) -> Admission {
        match &self.state {
            TimesState::Closed { by, .. } => {
                let (gate, detail) = match by {
                    ClosedBy::Freeze { reason } => (Gate::Freeze, Some(Arc::clone(reason))),
                    ClosedBy::Window => (Gate::WindowClosed, None),
                };
                let at = self.first_start(self.now, duration, turn);
                Admission::Later { gate, at, detail }
            }
            TimesState::Open { since, until } => {
                let open = Interval { opens: *since, closes: *until };
                match start_within(&open, duration, turn) {
                    Some(start) if start > self.now => {
                        Admission::Later { gate: Gate::Spread, at: Some(start), detail: None }
                    }
                    Some(_) if fits(&open, self.now, duration) => Admission::Now,
                    _ => {
                        let at = until.and_then(|end| self.first_start(end, duration, turn));
                        Admission::Later { gate: Gate::WindowTooShort, at, detail: None }
                    }
                }
            }
        }
    }

    /// When a rotation that becomes due at `due` may start.
    pub fn start_after(&self, due: Time, duration: Span, turn: Option<Digest>) -> Option<Time> {
        let due = due.max(self.now);
        if due == self.now && self.admit(duration, turn) == Admission::Now {
            return Some(due);
        }
        self.first_start(due, duration, turn)
    }

    fn first_start(&self, from: Time, duration: Span, turn: Option<Digest>) -> Option<Time> {
        self.starts(from, duration, turn).map(|starts| starts.first)
    }

    /// The moments from `from` on at which a rotation that takes `duration` may start, within one
    /// opening.
    pub fn starts(&self, from: Time, duration: Span, turn: Option<Digest>) -> Option<Starts> {
        /// Windows too short for this rotation are stepped over, but not for ever.
        const TRIES: usize = 64;
        let mut from = from;
        for _ in 0..TRIES {
            let open = self.opening(from)?;
            let start = start_within(&open, duration, turn);
            if let Some(start) =
                start.map(|start| start.max(from)).filter(|start| fits(&open, *start, duration))
            {
                return Some(Starts { first: start, last: open.closes.map(|end| end - duration) });
            }
            from = open.closes?;
        }
        None
    }

    /// The opening that holds `from`, else the first one after it.
    fn opening(&self, from: Time) -> Option<Interval> {
        let mut ahead = self.ahead.borrow_mut();
        while ahead.len() < OPENINGS_KEPT {
            let searched = ahead.last().map_or(Some(self.now), |last| last.closes);
            match searched.filter(|searched| *searched <= from) {
                Some(searched) => {
                    ahead.push(self.times.open_interval_at_or_after(searched, MARGIN)?);
                }
                None => break,
            }
        }
        let place = ahead.partition_point(|open| open.closes.is_some_and(|end| end <= from));
        let known = ahead.get(place).copied();
        known.or_else(|| self.times.open_interval_at_or_after(from, MARGIN))
    }
}

/// When a freeze begins and ends to keep windows closed, the margin before and after it included.
fn freeze_edges(freezes: &Freezes) -> impl Iterator<Item = Time> {
    freezes.iter().flat_map(|freeze| {
        let frozen = freeze.interval();
        let thawed = frozen.closes.map(|end| end + MARGIN);
        [Some(frozen.opens - MARGIN), thawed].into_iter().flatten()
    })
}

fn fits(open: &Interval, start: Time, duration: Span) -> bool {
    open.closes.is_none_or(|closes| closes.since(start) >= duration)
}

/// Where in an interval a database's turn begins; none when the interval is too short for it.
fn start_within(open: &Interval, duration: Span, turn: Option<Digest>) -> Option<Time> {
    let Some(closes) = open.closes else {
        return Some(open.opens);
    };
    let slack = closes.since(open.opens) - duration;
    if slack < Span::ZERO {
        return None;
    }
    let bounded = open.opens > Time::MIN;
    let offset = turn.filter(|_| bounded).map_or(0, |turn| turn.below(slack.as_seconds() + 1));
    Some(open.opens + Span::seconds(offset))
}

/// Computes each calendar once for the `now` of a plan.
#[derive(Debug)]
pub struct HoursOf {
    now: Time,
    hours: BTreeMap<HoursKey, Rc<Hours>>,
    occurrences: BTreeMap<usize, Occurrences>,
}

/// Rules are shared, so their address tells them apart for as long as the plan holds them.
type HoursKey = (usize, Yielding, Option<Windows>);

/// What of a calendar still holds at a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Yielding {
    windows: bool,
    freezes: bool,
}

impl HoursOf {
    /// For one plan.
    pub const fn new(now: Time) -> Self {
        Self { now, hours: BTreeMap::new(), occurrences: BTreeMap::new() }
    }

    /// The hours that hold for a database at a stage. A tenant's own windows narrow only the
    /// normal stage; windows and freezes yield to an emergency as far as the policy says.
    pub fn at(&mut self, rules: &Arc<Rules>, stage: Stage, own: Option<&Windows>) -> Rc<Hours> {
        let emergency = stage >= Stage::Emergency;
        let yielding = Yielding {
            windows: emergency && rules.emergency.overrides_windows,
            freezes: emergency && rules.emergency.overrides_freezes,
        };
        let own = own.filter(|_| stage == Stage::Normal);
        let key = (Arc::as_ptr(rules) as usize, yielding, own.cloned());
        let now = self.now;
        let compute = || {
            let windows = if yielding.windows { Windows::always() } else { rules.windows.clone() };
            let freezes = if yielding.freezes { Freezes::default() } else { rules.freezes.clone() };
            Rc::new(Hours::new(windows, own.cloned(), freezes, now))
        };
        Rc::clone(self.hours.entry(key).or_insert_with(compute))
    }

    /// Where `now` stands in the schedule of these rules.
    pub fn occurrences(&mut self, rules: &Arc<Rules>) -> Occurrences {
        let Some(schedule) = &rules.schedule else {
            return Occurrences::default();
        };
        let now = self.now;
        *self.occurrences.entry(Arc::as_ptr(rules) as usize).or_insert_with(|| Occurrences {
            digest: Some(Digest::of([&*schedule.to_string()])),
            latest: schedule.latest_at_or_before(now),
            next: schedule.next_after(now),
        })
    }
}

#[cfg(test)]
mod tests;
