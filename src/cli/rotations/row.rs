//! One line of the table of `certrotor status`.

use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::Value;

use crate::core::certificate::sanitize;
use crate::core::time::Time;
use crate::core::vocabulary::State;

/// Nothing to show.
pub(super) const NONE: &str = "–";

/// The columns, all of them.
pub(super) const COLUMNS: [&str; 8] =
    ["NAMESPACE", "NAME", "STATE", "REASON", "EXPIRES", "NEXT", "LAST", "MESSAGE"];

/// What a Rotation shows, a cell for each of [`COLUMNS`].
pub(super) fn cells(rotation: &DynamicObject, now: Time) -> [String; 8] {
    let says = |path: &str| word(rotation, path).unwrap_or_else(|| NONE.to_owned());
    [
        rotation.namespace().unwrap_or_default(),
        rotation.name_any(),
        says("/status/state"),
        reasons(rotation),
        moment(rotation, "/status/expires", now),
        next(rotation, now),
        says("/status/lastOutcome"),
        says("/status/message"),
    ]
}

/// A text of it, fit for a terminal.
pub(super) fn word(rotation: &DynamicObject, path: &str) -> Option<String> {
    rotation.data.pointer(path).and_then(Value::as_str).map(sanitize)
}

/// The first cause, and the first gate in its way.
fn reasons(rotation: &DynamicObject) -> String {
    let reasons = rotation.data.pointer("/status/reasons").and_then(Value::as_array);
    let words: Vec<&str> = reasons.into_iter().flatten().filter_map(Value::as_str).collect();
    let gate = words.iter().skip(1).find(|word| super::words::is_gate(word));
    let shown: Vec<String> =
        words.first().into_iter().chain(gate).map(|word| sanitize(word)).collect();
    if shown.is_empty() { NONE.to_owned() } else { shown.join(",") }
}

/// It is shown to the minute, and stays when it has come.
fn next(rotation: &DynamicObject, now: Time) -> String {
    let come = |at: Time| at <= now;
    match word(rotation, "/status/next").map(|text| text.parse()) {
        Some(Ok(at)) if come(at) => "now".to_owned(),
        _ => moment(rotation, "/status/next", now),
    }
}

/// How far away a moment is: `23d 4h`, `now`, `2h ago`.
fn moment(rotation: &DynamicObject, path: &str, now: Time) -> String {
    let Some(text) = word(rotation, path) else { return NONE.to_owned() };
    text.parse().map_or(text, |at| away(at, now))
}

/// See [`moment`].
pub(super) fn away(at: Time, now: Time) -> String {
    let left = at.since(now);
    match left.as_seconds() {
        0 => "now".to_owned(),
        1.. => left.to_string(),
        _ => format!("{} ago", now.since(at)),
    }
}

/// The lines of a table. `hidden` columns are left out.
pub(super) struct Table {
    widths: [usize; 8],
    hidden: Vec<usize>,
}

impl Table {
    pub(super) fn new(rows: &[[String; 8]], everywhere: bool, wide: bool) -> Self {
        let mut widths = COLUMNS.map(str::len);
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut hidden = Vec::new();
        if !everywhere {
            hidden.push(0);
        }
        if !wide {
            hidden.push(COLUMNS.len() - 1);
        }
        Self { widths, hidden }
    }

    pub(super) fn heading(&self) -> String {
        self.line(&COLUMNS.map(ToOwned::to_owned), |_, cell| cell)
    }

    /// One row, its state in colour; whoever prints it takes the colour out where none is wanted.
    pub(super) fn row(&self, cells: &[String; 8]) -> String {
        self.line(cells, |column, cell| {
            let state = COLUMNS[column] == "STATE";
            let style = if state { colour(cell.trim_end()) } else { anstyle::Style::new() };
            format!("{style}{cell}{style:#}")
        })
    }

    fn line(&self, cells: &[String; 8], paint: impl Fn(usize, String) -> String) -> String {
        let shown = (0..cells.len()).filter(|column| !self.hidden.contains(column));
        let last = shown.clone().next_back();
        let padded = shown.map(|column| {
            let width = if Some(column) == last { 0 } else { self.widths[column] };
            paint(column, format!("{:width$}", cells[column]))
        });
        padded.collect::<Vec<_>>().join("   ")
    }
}

fn colour(state: &str) -> anstyle::Style {
    use anstyle::AnsiColor::{Cyan, Green, Red, Yellow};
    let known = State::ALL.iter().find(|known| known.as_str() == state);
    let colour = match known {
        Some(State::Fresh) => Green,
        Some(State::Waiting) => Yellow,
        Some(State::Rotating | State::Verifying) => Cyan,
        Some(State::Stuck) => Red,
        Some(State::Unmanaged | State::Unknown) | None => return anstyle::Style::new(),
    };
    colour.on_default()
}
