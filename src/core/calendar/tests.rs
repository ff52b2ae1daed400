use jiff::civil::{self, DateTime, date};

use super::*;
use crate::core::time::{Span, Time};

mod rotation_times;

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
    WindowState::Open {
        since: at(since),
        until: Some(at(until)),
    }
}

fn closed(opens: &str) -> WindowState {
    WindowState::Closed {
        opens: Some(at(opens)),
    }
}

/// The next `count` wall times of a line.
fn following(text: &str, from: DateTime, count: usize) -> Vec<String> {
    let line = line(text);
    let next = |wall: &DateTime| line.next_after(*wall);
    let walls = std::iter::successors(line.next_after(from), next).take(count);
    walls
        .map(|wall| wall.strftime("%F %H:%M").to_string())
        .collect()
}

#[test]
fn every_way_to_write_weekdays_means_what_crontab_says() {
    const SUNDAY: civil::Date = date(2026, 11, 1);
    for (text, days) in [
        ("0", "Sun"),
        ("1", "Mon"),
        ("6", "Sat"),
        ("7", "Sun"),
        ("SUN", "Sun"),
        ("sat", "Sat"),
        ("0,7", "Sun"),
        ("1-5", "Mon Tue Wed Thu Fri"),
        ("MON-FRI", "Mon Tue Wed Thu Fri"),
        ("mon-5", "Mon Tue Wed Thu Fri"),
        ("5-7", "Sun Fri Sat"),
        ("FRI-SUN", "Sun Fri Sat"),
        ("6-7", "Sun Sat"),
        ("SAT,SUN", "Sun Sat"),
        ("SAT-SUN", "Sun Sat"),
        ("0-1", "Sun Mon"),
        ("SUN-MON", "Sun Mon"),
        ("SUN-SUN", "Sun"),
        ("7-7", "Sun"),
        ("0-7", "Sun Mon Tue Wed Thu Fri Sat"),
        ("0-6", "Sun Mon Tue Wed Thu Fri Sat"),
        ("1-7", "Sun Mon Tue Wed Thu Fri Sat"),
        ("MON-SUN", "Sun Mon Tue Wed Thu Fri Sat"),
        ("*", "Sun Mon Tue Wed Thu Fri Sat"),
        ("*/2", "Sun Tue Thu Sat"),
        ("*/3", "Sun Wed Sat"),
        ("*/7", "Sun"),
        ("1-7/2", "Sun Mon Wed Fri"),
        ("MON-FRI/2", "Mon Wed Fri"),
        ("3/2", "Wed Fri"),
        ("MON/3", "Mon Thu"),
        ("7/2", "Sun"),
        ("5-7/2,WED", "Sun Wed Fri"),
    ] {
        let line = line(&format!("0 12 * * {text}"));
        let named: Vec<String> = (0..7)
            .map(|day| {
                SUNDAY
                    .saturating_add(jiff::Span::new().days(day))
                    .at(12, 0, 0, 0)
            })
            .filter(|noon| line.latest_at_or_before(*noon) == Some(*noon))
            .map(|noon| noon.strftime("%a").to_string())
            .collect();
        assert_eq!(named.join(" "), days, "{text}");
    }
}

#[test]
fn lines_name_the_times_that_crontab_says() {
    let from = date(2026, 11, 23).at(21, 30, 0, 0);
    for (text, expected) in [
        ("30 21 * * *", ["2026-11-24 21:30", "2026-11-25 21:30"]),
        ("0 2 * * SAT,SUN", ["2026-11-28 02:00", "2026-11-29 02:00"]),
        ("*/20 22 * * *", ["2026-11-23 22:00", "2026-11-23 22:20"]),
        ("5/25 22 * * *", ["2026-11-23 22:05", "2026-11-23 22:30"]),
        (
            "10-20/5,40 22 * * *",
            ["2026-11-23 22:10", "2026-11-23 22:15"],
        ),
        ("0 3 1 */3 *", ["2027-01-01 03:00", "2027-04-01 03:00"]),
        ("0 3 1 jan,Jul *", ["2027-01-01 03:00", "2027-07-01 03:00"]),
        ("0 0 29 2 *", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 0 31 * *", ["2026-12-31 00:00", "2027-01-31 00:00"]),
        ("0 0 13 * FRI", ["2026-11-27 00:00", "2026-12-04 00:00"]),
        ("0 0 1 12 TUE", ["2026-12-01 00:00", "2026-12-08 00:00"]),
        // A day field that begins with `*` restricts nothing by itself: both have to name the day.
        ("0 0 */2 * FRI", ["2026-11-27 00:00", "2026-12-11 00:00"]),
        ("0 0 13 * */5", ["2026-12-13 00:00", "2027-06-13 00:00"]),
        // One that does not, does, even where it names every day.
        ("0 0 1-31 * FRI", ["2026-11-24 00:00", "2026-11-25 00:00"]),
        ("@hourly", ["2026-11-23 22:00", "2026-11-23 23:00"]),
        ("@daily", ["2026-11-24 00:00", "2026-11-25 00:00"]),
        ("@midnight", ["2026-11-24 00:00", "2026-11-25 00:00"]),
        ("@Weekly", ["2026-11-29 00:00", "2026-12-06 00:00"]),
        ("@monthly", ["2026-12-01 00:00", "2027-01-01 00:00"]),
        ("@yearly", ["2027-01-01 00:00", "2028-01-01 00:00"]),
        ("@annually", ["2027-01-01 00:00", "2028-01-01 00:00"]),
    ] {
        assert_eq!(following(text, from, 2), expected, "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_explained() {
    let long = "0,".repeat(200);
    for (text, message) in [
        ("", "this one has 0"),
        (
            "0 2 * *",
            "a crontab line has 5 fields (minute hour day-of-month month weekday), this",
        ),
        ("0 0 2 * * *", "this one has 6"),
        ("TZ=UTC 0 2 * * *", "this one has 6"),
        (
            "60 2 * * *",
            "minute \"60\": 60 is out of range; allowed: 0-59, with ranges",
        ),
        (
            "0 24 * * *",
            "hour \"24\": 24 is out of range; allowed: 0-23",
        ),
        (
            "0 2 0 * *",
            "day of month \"0\": 0 is out of range; allowed: 1-31",
        ),
        (
            "0 2 * 13 *",
            "month \"13\": 13 is out of range; allowed: 1-12 or JAN-DEC",
        ),
        (
            "0 2 * * 8",
            "weekday \"8\": 8 is out of range; allowed: 0-7 or SUN-SAT (0 and 7",
        ),
        ("0 2 * * 999999999999", "999999999999 is out of range"),
        (
            "0 2 * * FRI-MON",
            "the range FRI-MON runs backwards, write 5-6,0-1;",
        ),
        (
            "0 22-2 * * *",
            "hour \"22-2\": the range 22-2 runs backwards, write 22-23,0-2;",
        ),
        ("0 2 * * 5-0", "the range 5-0 runs backwards, write 5-6,0;"),
        (
            "0 2 * nov-feb *",
            "the range nov-feb runs backwards, write 11-12,1-2;",
        ),
        (
            "*/0 2 * * *",
            "\"0\" is no step, a step is a number from 1 to 59;",
        ),
        (
            "*/60 2 * * *",
            "\"60\" is no step, a step is a number from 1 to 59;",
        ),
        (
            "0 */24 * * *",
            "\"24\" is no step, a step is a number from 1 to 23;",
        ),
        ("0/ 2 * * *", "\"\" is no step"),
        (
            "1,,2 2 * * *",
            "minute \"1,,2\": an item of the list is empty;",
        ),
        ("1, 3 * * *", "an item of the list is empty"),
        (
            "0 2 ? * *",
            "day of month \"?\": \"?\" is neither a number nor a name that it knows;",
        ),
        ("0 2 L * *", "\"L\" is neither a number nor a name"),
        ("0 2 * * MON#1", "\"MON#1\" is neither"),
        ("0 2 * * Montag", "\"Montag\" is neither"),
        ("0 2 * * -5", "\"\" is neither"),
        ("0 2 JAN * *", "day of month \"JAN\""),
        ("+1 2 * * *", "\"+1\" is neither"),
        ("** 2 * * *", "\"**\" is neither"),
        ("12*/2 2 * * *", "\"12*\" is neither"),
        ("0 2 \u{661} * *", "is neither"),
        (
            "@dayly",
            "\"@dayly\" is not a known word; allowed: @hourly @daily @midnight @weekly",
        ),
        ("@reboot", "or five fields"),
        (
            "0 0 30 2 *",
            "\"0 0 30 2 *\" can never fire: no month that it allows has such a day",
        ),
        ("0 0 31 2,4,6,9,11 *", "can never fire"),
        ("0 0 31 JUN *", "can never fire"),
        (
            &long,
            "a crontab line has at most 256 characters, this one has 400",
        ),
    ] {
        let error = CronLine::parse(text).unwrap_err().to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn a_line_is_its_text() {
    let written = line(" 0  2\t* * SAT,SUN\n");
    assert_eq!(written.to_string(), "0 2 * * SAT,SUN");
    assert_eq!(written, line("0 2 * * SAT,SUN"));
    assert_ne!(written, line("0 2 * * 6,0"));
    let schedule = Schedule::new(line("@monthly"), zone("europe/berlin"));
    assert_eq!(schedule.to_string(), "@monthly Europe/Berlin");
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
        (
            "Europe/Belrin",
            "time zone, did you mean Europe/Berlin?; allowed: IANA names such as",
        ),
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

#[test]
fn where_clocks_change_each_wall_time_is_named_once() {
    for (text, name, from, expected) in [
        // The gap of 2026-03-29 in Berlin is 02:00 to 03:00, 01:00Z.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T02:00:00Z",
            "2026-03-29T01:00:00Z",
        ),
        (
            "0 3 * * *",
            "Europe/Berlin",
            "2026-03-28T02:00:00Z",
            "2026-03-29T01:00:00Z",
        ),
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-29T01:00:00Z",
            "2026-03-30T00:30:00Z",
        ),
        (
            "*/10 * * * *",
            "Europe/Berlin",
            "2026-03-29T00:50:00Z",
            "2026-03-29T01:00:00Z",
        ),
        (
            "*/10 * * * *",
            "Europe/Berlin",
            "2026-03-29T01:00:00Z",
            "2026-03-29T01:10:00Z",
        ),
        // The fold of 2026-10-25 repeats 02:00 to 03:00: 00:00Z and 01:00Z.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00:00Z",
            "2026-10-25T00:30:00Z",
        ),
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-25T00:30:00Z",
            "2026-10-26T01:30:00Z",
        ),
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-25T01:10:00Z",
            "2026-10-26T01:30:00Z",
        ),
        (
            "*/10 * * * *",
            "Europe/Berlin",
            "2026-10-25T00:50:00Z",
            "2026-10-25T02:00:00Z",
        ),
        // Half an hour in Lord Howe, on 2026-10-04 at 15:30Z the day before.
        (
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-03T12:00:00Z",
            "2026-10-03T15:30:00Z",
        ),
        // Apia had no 30 December 2011.
        (
            "0 9 * * *",
            "Pacific/Apia",
            "2011-12-29T20:00:00Z",
            "2011-12-30T10:00:00Z",
        ),
        (
            "0 9 * * *",
            "Pacific/Apia",
            "2011-12-30T10:00:00Z",
            "2011-12-30T19:00:00Z",
        ),
        // Midnight was in the gap where Brazil's summer began.
        (
            "0 0 * * *",
            "America/Sao_Paulo",
            "2018-11-03T12:00:00Z",
            "2018-11-04T03:00:00Z",
        ),
    ] {
        let schedule = Schedule::new(line(text), zone(name));
        let (from, expected) = (at(from), at(expected));
        assert_eq!(
            schedule.next_after(from),
            Some(expected),
            "{schedule} after {from}"
        );
        assert_eq!(
            schedule.latest_at_or_before(expected),
            Some(expected),
            "{schedule}"
        );
        let just_before = expected - Span::seconds(1);
        assert!(
            schedule
                .latest_at_or_before(just_before)
                .is_some_and(|latest| latest <= from)
        );
    }
}

#[test]
fn windows_open_and_close_as_people_expect() {
    let night = window("0 22 * * *", Span::hours(4), "Europe/Berlin");
    let day = window("0 0 * * *", Span::hours(24), "Europe/Berlin");
    let weekend = window("0 2 * * SAT,SUN", Span::hours(4), "Europe/Berlin");
    let shift = window("* 2-5 * * *", Span::MINUTE, "UTC");
    let quarters = window("*/24 * * * *", Span::minutes(30), "Europe/Berlin");
    let friday = window("30 17 * * FRI", Span::days(2), "America/New_York");
    let last_fold = "2025-10-26T02:00:00Z";
    for (window, moment, expected) in [
        // Across midnight, in winter.
        (
            &night,
            "2026-11-23T20:59:59Z",
            closed("2026-11-23T21:00:00Z"),
        ),
        (
            &night,
            "2026-11-23T21:00:00Z",
            open("2026-11-23T21:00:00Z", "2026-11-24T01:00:00Z"),
        ),
        (
            &night,
            "2026-11-24T00:59:59Z",
            open("2026-11-23T21:00:00Z", "2026-11-24T01:00:00Z"),
        ),
        (
            &night,
            "2026-11-24T01:00:00Z",
            closed("2026-11-24T21:00:00Z"),
        ),
        // Four real hours in the night that has 23, or 25.
        (
            &night,
            "2026-03-29T00:30:00Z",
            open("2026-03-28T21:00:00Z", "2026-03-29T01:00:00Z"),
        ),
        (
            &night,
            "2026-10-24T23:59:59Z",
            open("2026-10-24T20:00:00Z", "2026-10-25T00:00:00Z"),
        ),
        // Whole days join, but for the hour that one of them has more.
        (
            &day,
            "2026-07-01T00:00:00Z",
            open("2025-10-26T23:00:00Z", "2026-10-25T22:00:00Z"),
        ),
        (&day, "2026-10-25T22:00:00Z", closed("2026-10-25T23:00:00Z")),
        (
            &day,
            "2026-10-25T23:00:00Z",
            open("2026-10-25T23:00:00Z", "2027-10-31T22:00:00Z"),
        ),
        (
            &weekend,
            "2026-11-28T05:00:00Z",
            closed("2026-11-29T01:00:00Z"),
        ),
        // Openings that touch are one stretch.
        (
            &shift,
            "2026-11-23T03:17:42Z",
            open("2026-11-23T02:00:00Z", "2026-11-23T06:00:00Z"),
        ),
        (
            &shift,
            "2026-11-23T06:00:00Z",
            closed("2026-11-24T02:00:00Z"),
        ),
        // The fold opens once: what is open all year is not in its second pass.
        (
            &quarters,
            "2026-10-25T01:17:59Z",
            open(last_fold, "2026-10-25T01:18:00Z"),
        ),
        (
            &quarters,
            "2026-10-25T01:18:00Z",
            closed("2026-10-25T02:00:00Z"),
        ),
        (
            &friday,
            "2026-11-27T22:30:00Z",
            open("2026-11-27T22:30:00Z", "2026-11-29T22:30:00Z"),
        ),
    ] {
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
        let for_ever = WindowState::Open {
            since: Time::MIN,
            until: None,
        };
        assert_eq!(window.state(moment), for_ever, "{window}");
    }
}

#[test]
fn a_window_is_open_for_a_minute_to_a_year() {
    for (length, message) in [
        (
            Span::ZERO,
            "a window is open for 1m to 366d, this one for 0s",
        ),
        (Span::seconds(59), "this one for 59s"),
        (Span::seconds(-3_600), "this one for -1h"),
        (Span::days(366) + Span::seconds(1), "this one for 366d"),
    ] {
        let error = Window::new(line("@daily"), length, Zone::utc())
            .unwrap_err()
            .to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn calendars_know_the_years_1970_to_2100() {
    let schedule = Schedule::new(line("0 12 1 3 *"), Zone::utc());
    for (moment, latest, next) in [
        (Time::MIN, None, Some("1970-03-01T12:00:00Z")),
        (
            at("1960-06-01T00:00:00Z"),
            None,
            Some("1970-03-01T12:00:00Z"),
        ),
        (
            at("2100-03-01T12:00:00Z"),
            Some("2100-03-01T12:00:00Z"),
            None,
        ),
        (
            at("2150-01-01T00:00:00Z"),
            Some("2100-03-01T12:00:00Z"),
            None,
        ),
        (Time::MAX, Some("2100-03-01T12:00:00Z"), None),
    ] {
        assert_eq!(
            schedule.latest_at_or_before(moment),
            latest.map(at),
            "{moment}"
        );
        assert_eq!(schedule.next_after(moment), next.map(at), "{moment}");
    }
}
