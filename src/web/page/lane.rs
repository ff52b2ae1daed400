//! A database's lane: the life of its certificate, its windows, and its rotations.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};

use super::axis::{Axis, in_full};
use crate::core::calendar::{Interval, MARGIN, RotationTimes};
use crate::core::fleet::{Database, Key};
use crate::core::plan::rules_of;
use crate::core::policy::Policy;
use crate::core::time::Time;
use crate::core::vocabulary::{Outcome, State};
use crate::report::{Life, Line, Rotation};

/// The calendars of a page: each is drawn once, and every lane that has it refers to it.
#[derive(Default)]
pub(super) struct Calendars(BTreeMap<RotationTimes, usize>);

/// One lane.
pub(super) struct Lane<'a> {
    pub(super) line: &'a Line,
    pub(super) planned: &'a [&'a Rotation],
    pub(super) calendar: Option<usize>,
    pub(super) freezes: Vec<Interval>,
}

impl Calendars {
    /// The number of a database's calendar; none: it is always open.
    pub(super) fn of(&mut self, policy: &Policy, key: &Key, database: &Database) -> Option<usize> {
        let rules = rules_of(policy, key, database);
        let own = database.rotation.as_ref().and_then(|it| it.wishes.windows.clone());
        let times = RotationTimes::new(rules.windows.clone(), own, rules.freezes.clone());
        let always = RotationTimes::always();
        let next = self.0.len();
        (times != always).then(|| *self.0.entry(times).or_insert(next))
    }

    /// What the lanes refer to: a path of all openings for each calendar, and the marks.
    pub(super) fn definitions(&self, axis: Axis) -> Markup {
        html! {
            svg.definitions aria-hidden="true" width="0" height="0" {
                defs {
                    @for (times, number) in &self.0 {
                        path id=(format!("calendar-{number}")) d=(openings(times, axis)) {}
                    }
                    pattern id="frozen" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                        rect.frozen-stripe width="2" height="6" {}
                    }
                    g id="grid" { @for mark in axis.marks() { (upright("mark", axis, mark.at)) } }
                    path id="planned" d="M0 5.5 4.5 10 0 14.5 -4.5 10Z" {}
                    path id="good" d="M-3.2 10.2 -1 12.6 3.6 7.4" {}
                    path id="bad" d="M-3 7 3 13M3 7-3 13" {}
                }
            }
        }
    }
}

/// In thousandths of the width, so that one path fits lanes of any width.
fn openings(times: &RotationTimes, axis: Axis) -> String {
    let mut path = String::new();
    for open in times.intervals(axis.from, axis.to, MARGIN) {
        let from = axis.place(open.opens) * 100.0;
        let to = axis.place(open.closes.unwrap_or(Time::MAX)) * 100.0;
        // Never thinner than can be seen; writing to a String cannot fail.
        let width = (to - from).max(12.0);
        write!(path, "M{from:.0} 0h{width:.0}v1h-{width:.0}z").ok();
    }
    path
}

/// The frozen days of a database.
pub(super) fn freezes(
    policy: &Policy,
    key: &Key,
    database: &Database,
    axis: Axis,
) -> Vec<Interval> {
    let rules = rules_of(policy, key, database);
    let frozen = rules.freezes.iter().map(crate::core::calendar::Freeze::interval);
    frozen.filter(|it| it.opens < axis.to && it.closes.is_none_or(|end| end > axis.from)).collect()
}

/// How far from the word "now" a label must keep, in percent of a narrow lane.
fn room(label: &str) -> f64 {
    f64::from(u8::try_from(label.chars().count()).unwrap_or(u8::MAX)).mul_add(0.9, 2.0)
}

/// The marks above the lanes.
pub(super) fn scale(axis: Axis) -> Markup {
    html! {
        svg.scale width="100%" height="20" aria-hidden="true" {
            @for mark in axis.marks() {
                @let place = axis.place(mark.at);
                @if (2.0..=95.0).contains(&place) && (place - axis.place(axis.now)).abs() > room(&mark.label) {
                    text x=(format!("{place}%")) y="13" { (mark.label) }
                }
            }
            text.now x=(format!("{}%", axis.place(axis.now))) y="13" { "now" }
        }
    }
}

impl Lane<'_> {
    pub(super) fn draw(&self, axis: Axis) -> Markup {
        let first = self.planned.first().map_or(Time::MAX, |next| next.starts);
        // One that is being rotated is given up already.
        let under_way = matches!(self.line.state, State::Rotating | State::Verifying);
        let replaced = if under_way { axis.now } else { first.max(axis.now) };
        html! {
            svg.lane width="100%" height="28" role="img" aria-label=(self.in_words(axis)) {
                @for frozen in &self.freezes {
                    (stretch("frozen", axis, (frozen.opens, frozen.closes.unwrap_or(Time::MAX)), (0, 28)))
                }
                use href="#grid" {}
                @if let Some(number) = self.calendar {
                    svg.windows x="0" y="22" width="100%" height="4" viewBox="0 0 10000 1" preserveAspectRatio="none" {
                        use href=(format!("#calendar-{number}")) {}
                    }
                }
                @if let Some(life) = &self.line.certificate { (bar(axis, life, replaced)) }
                @if under_way { (stretch("next-life", axis, (axis.now, first), (8, 4))) }
                @for (index, rotation) in self.planned.iter().enumerate() {
                    @let until = self.planned.get(index + 1).map_or(axis.to, |next| next.starts);
                    @if rotation.starts < axis.to {
                        (stretch("next-life", axis, (rotation.starts, until), (8, 4)))
                    }
                }
                (upright("now", axis, axis.now))
                @for attempt in self.line.attempts.iter().filter(|it| axis.shows(it.ended)) {
                    @let good = matches!(attempt.outcome, Outcome::Verified | Outcome::Unverified);
                    @let (class, mark) = if good { ("good", "#good") } else { ("bad", "#bad") };
                    use class=(class) href=(mark) x=(percent(axis, attempt.ended)) {
                        title { (attempt.outcome) " " (in_full(attempt.ended)) }
                    }
                }
                @for rotation in self.planned.iter().filter(|it| axis.shows(it.starts)) {
                    use.planned href="#planned" x=(percent(axis, rotation.starts)) {
                        title { "planned: " (rotation.cause) " " (in_full(rotation.starts)) }
                    }
                }
            }
        }
    }

    fn in_words(&self, axis: Axis) -> String {
        let mut words = Vec::new();
        match &self.line.certificate {
            Some(life) => {
                words.push(format!(
                    "certificate from {} to {}",
                    in_full(life.not_before),
                    in_full(life.not_after)
                ));
                words.push(format!("due {}", in_full(life.due)));
            }
            None => words.push("no certificate is known".to_owned()),
        }
        let past = self.line.attempts.iter().find(|it| axis.shows(it.ended));
        words.extend(past.map(|it| format!("last {} {}", it.outcome, in_full(it.ended))));
        words.extend(self.planned.first().map(|it| format!("planned {}", in_full(it.starts))));
        words.join(", ")
    }
}

/// From its beginning to when it is due, to the emergency, to its end. What has passed is paler, and
/// what is given up for the next one paler still.
fn bar(axis: Axis, life: &Life, replaced: Time) -> Markup {
    let rungs = [
        ("fresh", life.not_before, life.due),
        ("due", life.due, life.emergency),
        ("emergency", life.emergency, life.not_after),
    ];
    let parts = [
        (" past", Time::MIN, axis.now),
        ("", axis.now, replaced),
        (" given-up", replaced, Time::MAX),
    ];
    html! {
        @for (class, from, to) in rungs {
            @for (part, begins, ends) in parts {
                (stretch(&format!("{class}{part}"), axis, (from.max(begins), to.min(ends)), (6, 8)))
            }
        }
    }
}

fn percent(axis: Axis, at: Time) -> String {
    format!("{}%", axis.place(at))
}

fn stretch(class: &str, axis: Axis, (from, to): (Time, Time), (y, height): (u8, u8)) -> Markup {
    let (left, right) = (axis.place(from), axis.place(to));
    if to <= from || right <= left {
        return PreEscaped(String::new());
    }
    html! {
        rect class=(class) x=(format!("{left}%")) y=(y) width=(format!("{:.2}%", right - left)) height=(height) {}
    }
}

fn upright(class: &str, axis: Axis, at: Time) -> Markup {
    let place = percent(axis, at);
    html! { line class=(class) x1=(place) x2=(place) y1="0" y2="28" {} }
}
