use super::*;

/// A schedule, a moment, and the first moment after it that the schedule names.
const NEXT: &str = "
# The gap of 2026-03-29 in Berlin is 02:00 to 03:00, 01:00Z.
30 2 * * *   | Europe/Berlin       | 2026-03-28T02:00:00Z | 2026-03-29T01:00:00Z
0 3 * * *    | Europe/Berlin       | 2026-03-28T02:00:00Z | 2026-03-29T01:00:00Z
30 2 * * *   | Europe/Berlin       | 2026-03-29T01:00:00Z | 2026-03-30T00:30:00Z
*/10 * * * * | Europe/Berlin       | 2026-03-29T00:50:00Z | 2026-03-29T01:00:00Z
*/10 * * * * | Europe/Berlin       | 2026-03-29T01:00:00Z | 2026-03-29T01:10:00Z
# The fold of 2026-10-25 repeats 02:00 to 03:00: 00:00Z and 01:00Z.
30 2 * * *   | Europe/Berlin       | 2026-10-24T12:00:00Z | 2026-10-25T00:30:00Z
30 2 * * *   | Europe/Berlin       | 2026-10-25T00:30:00Z | 2026-10-26T01:30:00Z
30 2 * * *   | Europe/Berlin       | 2026-10-25T01:10:00Z | 2026-10-26T01:30:00Z
*/10 * * * * | Europe/Berlin       | 2026-10-25T00:50:00Z | 2026-10-25T02:00:00Z
# Half an hour in Lord Howe, on 2026-10-04 at 15:30Z the day before.
15 2 * * *   | Australia/Lord_Howe | 2026-10-03T12:00:00Z | 2026-10-03T15:30:00Z
# Apia had no 30 December 2011.
0 9 * * *    | Pacific/Apia        | 2011-12-29T20:00:00Z | 2011-12-30T10:00:00Z
0 9 * * *    | Pacific/Apia        | 2011-12-30T10:00:00Z | 2011-12-30T19:00:00Z
# Midnight was in the gap where Brazil's summer began.
0 0 * * *    | America/Sao_Paulo   | 2018-11-03T12:00:00Z | 2018-11-04T03:00:00Z
";

#[test]
fn where_clocks_change_each_wall_time_is_named_once() {
    for [text, name, from, expected] in rows(NEXT) {
        let schedule = Schedule::new(line(text), zone(name));
        let (from, expected) = (at(from), at(expected));
        assert_eq!(schedule.next_after(from), Some(expected), "{schedule} after {from}");
        assert_eq!(schedule.latest_at_or_before(expected), Some(expected), "{schedule}");
        let just_before = expected - Span::seconds(1);
        assert!(schedule.latest_at_or_before(just_before).is_some_and(|latest| latest <= from));
    }
}

/// A window, a moment, whether it is open then, and since and until when, or when it opens.
const STATES: &str = "
# Across midnight, in winter.
night    | 2026-11-23T20:59:59Z | closed | 2026-11-23T21:00:00Z | -
night    | 2026-11-23T21:00:00Z | open | 2026-11-23T21:00:00Z | 2026-11-24T01:00:00Z
night    | 2026-11-24T00:59:59Z | open | 2026-11-23T21:00:00Z | 2026-11-24T01:00:00Z
night    | 2026-11-24T01:00:00Z | closed | 2026-11-24T21:00:00Z | -
# Four real hours in the night that has 23, or 25.
night    | 2026-03-29T00:30:00Z | open | 2026-03-28T21:00:00Z | 2026-03-29T01:00:00Z
night    | 2026-10-24T23:59:59Z | open | 2026-10-24T20:00:00Z | 2026-10-25T00:00:00Z
# Whole days join, but for the hour that one of them has more.
day      | 2026-07-01T00:00:00Z | open | 2025-10-26T23:00:00Z | 2026-10-25T22:00:00Z
day      | 2026-10-25T22:00:00Z | closed | 2026-10-25T23:00:00Z | -
day      | 2026-10-25T23:00:00Z | open | 2026-10-25T23:00:00Z | 2027-10-31T22:00:00Z
weekend  | 2026-11-28T05:00:00Z | closed | 2026-11-29T01:00:00Z | -
# Openings that touch are one stretch.
shift    | 2026-11-23T03:17:42Z | open | 2026-11-23T02:00:00Z | 2026-11-23T06:00:00Z
shift    | 2026-11-23T06:00:00Z | closed | 2026-11-24T02:00:00Z | -
# The fold opens once: what is open all year is not in its second pass.
quarters | 2026-10-25T01:17:59Z | open | 2025-10-26T02:00:00Z | 2026-10-25T01:18:00Z
quarters | 2026-10-25T01:18:00Z | closed | 2026-10-25T02:00:00Z | -
friday   | 2026-11-27T22:30:00Z | open | 2026-11-27T22:30:00Z | 2026-11-29T22:30:00Z
";

#[test]
fn windows_open_and_close_as_people_expect() {
    let windows = [
        ("night", window("0 22 * * *", Span::hours(4), "Europe/Berlin")),
        ("day", window("0 0 * * *", Span::hours(24), "Europe/Berlin")),
        ("weekend", window("0 2 * * SAT,SUN", Span::hours(4), "Europe/Berlin")),
        ("shift", window("* 2-5 * * *", Span::MINUTE, "UTC")),
        ("quarters", window("*/24 * * * *", Span::minutes(30), "Europe/Berlin")),
        ("friday", window("30 17 * * FRI", Span::days(2), "America/New_York")),
    ];
    for [name, moment, state, first, second] in rows(STATES) {
        let (_, window) = windows.iter().find(|(known, _)| *known == name).unwrap();
        let expected = if state == "open" { open(first, second) } else { closed(first) };
        assert_eq!(window.state(at(moment)), expected, "{window} at {moment}");
    }
}

#[test]
fn a_window_that_never_closes_has_no_end() {
    let moment = at("2026-11-23T12:00:00Z");
    for (open, length, name) in [
        ("* * * * *", Span::MINUTE, "UTC"),
        ("*/15 * * * *", Span::hours(2), "Europe/Berlin"),
        ("@daily", Span::hours(25), "Australia/Lord_Howe"),
        ("@yearly", Span::days(366), "Asia/Tehran"),
    ] {
        let window = window(open, length, name);
        let for_ever = WindowState::Open { since: Time::MIN, until: None };
        assert_eq!(window.state(moment), for_ever, "{window}");
    }
}

#[test]
fn a_window_is_open_for_a_minute_to_a_year() {
    for (length, message) in [
        (Span::ZERO, "a window is open for 1m to 366d, this one for 0s"),
        (Span::seconds(59), "this one for 59s"),
        (Span::seconds(-3_600), "this one for -1h"),
        (Span::days(366) + Span::seconds(1), "this one for 366d"),
    ] {
        let error = Window::new(line("@daily"), length, Zone::utc()).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn calendars_know_the_years_1970_to_2100() {
    let schedule = Schedule::new(line("0 12 1 3 *"), Zone::utc());
    for (moment, latest, next) in [
        (Time::MIN, None, Some("1970-03-01T12:00:00Z")),
        (at("1960-06-01T00:00:00Z"), None, Some("1970-03-01T12:00:00Z")),
        (at("2100-03-01T12:00:00Z"), Some("2100-03-01T12:00:00Z"), None),
        (at("2150-01-01T00:00:00Z"), Some("2100-03-01T12:00:00Z"), None),
        (Time::MAX, Some("2100-03-01T12:00:00Z"), None),
    ] {
        assert_eq!(schedule.latest_at_or_before(moment), latest.map(at), "{moment}");
        assert_eq!(schedule.next_after(moment), next.map(at), "{moment}");
    }
}
