//! Random calendars, held against the oracle around every kind of clock change.
//!
//! The ordinary run walks about two months around each of some changes; with
//! `CERTROTOR_TEST=full` whole years, and more than ten thousand lines.

use super::oracle::{Dice, Line, Walk, day_number, stretches};
use super::*;
use crate::core::time::{Span, Time};
use crate::effort::{Effort, sized};

mod combined;
mod every_zone;

/// A zone, and the day on which the walk of the ordinary run begins.
type Place = (&'static str, (i64, u8, u8));

const ZONES_THAT_CHANGE: [Place; 9] = [
    ("Europe/Berlin", (2026, 3, 1)),
    ("Europe/Berlin", (2026, 10, 1)),
    ("America/New_York", (2027, 2, 20)),
    ("America/New_York", (2027, 10, 15)),
    ("Australia/Lord_Howe", (2026, 3, 10)),
    ("Australia/Lord_Howe", (2026, 9, 10)),
    ("Africa/Casablanca", (2026, 2, 1)),
    ("Africa/Casablanca", (2027, 1, 20)),
    ("UTC", (2028, 2, 1)),
];

const ZONES_THAT_CHANGED: [Place; 8] = [
    ("America/Sao_Paulo", (2018, 10, 10)),
    ("America/Sao_Paulo", (2019, 1, 25)),
    ("Asia/Tehran", (2022, 3, 1)),
    ("Asia/Tehran", (2022, 8, 25)),
    ("Pacific/Apia", (2011, 9, 5)),
    ("Pacific/Apia", (2011, 12, 1)),
    ("Europe/Volgograd", (2018, 10, 1)),
    ("Europe/Volgograd", (2020, 12, 1)),
];

#[test]
fn calendars_mean_what_a_walk_through_every_minute_finds_where_clocks_change() {
    agree_everywhere(&ZONES_THAT_CHANGE);
}

#[test]
fn calendars_mean_what_a_walk_through_every_minute_finds_where_clocks_changed_once() {
    agree_everywhere(&ZONES_THAT_CHANGED);
}

fn agree_everywhere(places: &[Place]) {
    let mut lines = 0;
    for (number, (zone, (year, month, day))) in (1..).zip(places) {
        let mut dice = Dice(number);
        if Effort::of_this_run() == Effort::Full {
            // From mid-January, when none of these zones changes; the years around the place's.
            for year in year - 2..=year + 1 {
                let walk = Walk::new(zone, day_number(year, 1, 15), 366);
                lines += agree(&walk, &mut dice, 170);
                println!("{zone} {year}: {lines} lines so far");
            }
        } else {
            let walk = Walk::new(zone, day_number(*year, *month, *day), 62);
            lines += agree(&walk, &mut dice, 20);
        }
    }
    println!("{lines} lines agree with the oracle");
}

/// How many random lines were held against the walk.
fn agree(walk: &Walk, dice: &mut Dice, lines: usize) -> usize {
    for _ in 0..lines {
        let text = dice.line();
        line_agrees(walk, dice, &text);
    }
    lines
}

fn line_agrees(walk: &Walk, dice: &mut Dice, text: &str) {
    let openings = walk.openings(&Line::read(text));
    let line = match CronLine::parse(text) {
        Ok(line) => line,
        Err(CalendarError::NeverFires { .. }) => {
            assert!(openings.is_empty(), "{text} fires in {}", walk.zone);
            return;
        }
        Err(error) => panic!("{text}: {error}"),
    };
    let zone = Zone::parse(&walk.zone).unwrap();
    let moments = moments(walk, dice, &openings);
    let schedule = Schedule::new(line.clone(), zone.clone());
    schedule_agrees(walk, &schedule, &openings, &moments);
    for _ in 0..2 {
        let window = Window::new(line.clone(), any_length(dice), zone.clone()).unwrap();
        window_agrees(walk, &window, &openings, &moments);
    }
}

fn any_length(dice: &mut Dice) -> Span {
    match dice.below(4) {
        0 => Span::minutes(1 + dice.below(59)),
        1 => Span::seconds(60 + dice.below(3_600)),
        2 => Span::hours(1 + dice.below(30)),
        _ => Span::minutes(30 * (1 + dice.below(144))),
    }
}

/// Seconds worth a look: around openings, around changes of the offset, and anywhere.
fn moments(walk: &Walk, dice: &mut Dice, openings: &[i64]) -> Vec<i64> {
    let (start, end) = (walk.start * 60, walk.end * 60);
    let mut moments = Vec::new();
    for _ in 0..6 {
        moments.push(start + dice.below(end - start));
        if let Ok(count @ 1..) = i64::try_from(openings.len()) {
            let opening = openings[usize::try_from(dice.below(count)).unwrap()] * 60;
            moments.extend([opening - 1, opening, opening + 1]);
        }
    }
    for change in &walk.changes {
        moments.extend([change * 60 - 1, change * 60, change * 60 + 1]);
        for reach in [600, 7_200, 90_000] {
            moments.push(change * 60 + dice.below(2 * reach) - reach);
        }
    }
    moments.retain(|moment| (start..end).contains(moment));
    moments
}

fn schedule_agrees(walk: &Walk, schedule: &Schedule, openings: &[i64], moments: &[i64]) {
    for moment in moments {
        let at = Time::from_unix(*moment);
        let later = openings.partition_point(|opening| opening * 60 <= *moment);
        let next = schedule.next_after(at).map_or(i64::MAX, Time::unix);
        match openings.get(later) {
            Some(opening) => assert_eq!(next, opening * 60, "{schedule}: after {at}"),
            None => assert!(next >= walk.end * 60, "{schedule}: after {at}"),
        }
        let latest = schedule.latest_at_or_before(at).map_or(i64::MIN, Time::unix);
        match openings[..later].last() {
            Some(opening) => assert_eq!(latest, opening * 60, "{schedule}: up to {at}"),
            None => assert!(latest < walk.start * 60, "{schedule}: up to {at}"),
        }
    }
}

fn window_agrees(walk: &Walk, window: &Window, openings: &[i64], moments: &[i64]) {
    let (start, end) = (walk.start * 60, walk.end * 60);
    let length = window.length().as_seconds();
    let stretches = stretches(openings, length);
    let edges = stretches.iter().rev().take(20).flat_map(|(opens, closes)| {
        [opens - 1, *opens, closes - 1, *closes].into_iter().filter(|edge| *edge < end)
    });
    for moment in moments.iter().copied().chain(edges) {
        let at = Time::from_unix(moment);
        let said = format!("{window} at {at}");
        let index = stretches.partition_point(|(_, closes)| *closes <= moment);
        let open = stretches.get(index).filter(|(opens, _)| *opens <= moment);
        match (window.state(at), open) {
            (WindowState::Open { since, until }, Some((opens, closes))) => {
                let from_before = *opens - start <= length;
                assert!(since.unix() == *opens || from_before && since.unix() < *opens, "{said}");
                let until = until.map_or(i64::MAX, Time::unix);
                assert!(until == *closes || *closes >= end && until > *closes, "{said}: {until}");
            }
            (WindowState::Closed { opens }, None) => {
                let next = openings.partition_point(|opening| opening * 60 <= moment);
                let expected = openings.get(next).map(|opening| opening * 60);
                let opens = opens.map_or(i64::MAX, Time::unix);
                assert!(expected.map_or(opens >= end, |expected| opens == expected), "{said}");
            }
            (WindowState::Open { since, .. }, None) => {
                assert!(since.unix() < start && moment - start < length, "{said}: is open");
            }
            (WindowState::Closed { .. }, Some(_)) => panic!("{said}: is closed"),
        }
    }
}

#[test]
fn no_text_and_no_moment_makes_a_calendar_panic() {
    const PIECES: [&str; 24] = [
        "*",
        "*/",
        "/",
        "-",
        ",",
        " ",
        "0",
        "7",
        "59",
        "60",
        "31",
        "12",
        "MON",
        "sun",
        "JAN",
        "@",
        "@daily",
        "?",
        "L",
        "#",
        "99999999999",
        "\u{fc}",
        "\n",
        "2 * * ",
    ];
    let mut dice = Dice(7);
    let mut read = 0;
    for _ in 0..if Effort::of_this_run() == Effort::Full { 200_000 } else { 10_000 } {
        let count = dice.below(14);
        let mut text: String = (0..count).map(|_| dice.one_of(&PIECES)).collect();
        if dice.below(2) == 0 {
            text = format!("{}{text}", dice.line());
        }
        if dice.below(20) == 0 {
            assert!(Zone::parse(&text).is_err(), "{text:?} is no zone");
        }
        let Ok(line) = CronLine::parse(&text) else {
            continue;
        };
        read += 1;
        let window = Window::new(line, Span::HOUR, Zone::parse("Europe/Berlin").unwrap()).unwrap();
        for at in [Time::MIN, Time::from_unix(dice.below(5_000_000_000)), Time::MAX] {
            assert!(matches!(
                window.state(at),
                WindowState::Open { .. } | WindowState::Closed { .. }
            ));
        }
    }
    println!("{read} texts were lines");
}
