//! Calendars by example, in tables.

use super::*;
use crate::core::time::{Span, Time};

mod lines;
mod rotation_times;
mod windows;

fn line(text: &str) -> CronLine {
    CronLine::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap()
}

fn window(open: &str, length: Span, name: &str) -> Window {
    Window::new(line(open), length, zone(name)).unwrap()
}

fn windows(windows: &[Window]) -> Windows {
    Windows::new(windows.to_vec()).unwrap()
}

fn at(text: &str) -> Time {
    text.parse().unwrap()
}

fn open(since: &str, until: &str) -> WindowState {
    WindowState::Open { since: at(since), until: Some(at(until)) }
}

fn closed(opens: &str) -> WindowState {
    WindowState::Closed { opens: Some(at(opens)) }
}

/// The rows of a table, its cells between bars; `#` begins a remark.
fn rows<const CELLS: usize>(table: &str) -> impl Iterator<Item = [&str; CELLS]> {
    let rows = table.lines().filter(|row| !row.is_empty() && !row.starts_with('#'));
    rows.map(|row| {
        let cells: Vec<&str> = row.splitn(CELLS, '|').map(str::trim).collect();
        cells.try_into().unwrap()
    })
}

#[test]
fn zones_are_known_by_their_iana_names_alone() {
    for (name, spelling) in [
        ("UTC", "UTC"),
        ("utc", "UTC"),
        ("Etc/UTC", "Etc/UTC"),
        ("Europe/Berlin", "Europe/Berlin"),
        ("america/new_york", "America/New_York"),
    ] {
        assert_eq!(zone(name).to_string(), spelling);
    }
    assert_eq!(Zone::utc(), zone("UTC"));
    for (name, message) in [
        ("Europe/Belrin", "time zone, did you mean Europe/Berlin?; allowed: IANA names such as"),
        ("America/NewYork", "did you mean America/New_York?"),
        ("Berlin", "\"Berlin\" is not a known time zone"),
        ("Local", "\"Local\" is not a known time zone"),
        ("", "\"\" is not a known time zone; allowed: IANA"),
        ("+01:00", "\"+01:00\" is not a known time zone; allowed"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "is not a known time zone"),
        ("Etc/Unknown", "is not a known time zone"),
        ("../Europe/Berlin", "is not a known time zone"),
    ] {
        let error = Zone::parse(name).unwrap_err().to_string();
        assert!(error.contains(message), "{name}: {error}");
    }
}
