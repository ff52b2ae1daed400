use jiff::civil::{self, date};

use super::*;

fn freeze(from: civil::Date, to: civil::Date, name: &str, reason: &str) -> Freeze {
    Freeze::new(from, to, zone(name), reason.to_owned()).unwrap()
}

fn interval(opens: &str, closes: &str) -> Interval {
    Interval { opens: at(opens), closes: Some(at(closes)) }
}

#[test]
fn several_windows_are_open_while_any_of_them_is() {
    let union = windows(&[
        window("0 2 * * *", Span::hours(2), "UTC"),
        window("0 4 * * *", Span::HOUR, "UTC"),
        window("30 5 * * *", Span::hours(1), "Europe/Berlin"),
        window("0 12 * * MON", Span::HOUR, "UTC"),
    ]);
    let night = open("2026-11-23T02:00:00Z", "2026-11-23T05:30:00Z");
    for (moment, expected) in [
        ("2026-11-23T01:59:59Z", closed("2026-11-23T02:00:00Z")),
        ("2026-11-23T02:00:00Z", night),
        ("2026-11-23T04:00:00Z", night),
        ("2026-11-23T05:29:59Z", night),
        ("2026-11-23T05:30:00Z", closed("2026-11-23T12:00:00Z")),
        ("2026-11-24T12:00:00Z", closed("2026-11-25T02:00:00Z")),
    ] {
        assert_eq!(union.state(at(moment)), expected, "{moment}");
    }
    let always = Windows::always();
    assert!(always.is_always());
    let for_ever = WindowState::Open { since: Time::MIN, until: None };
    assert_eq!(always.state(at("2026-11-23T02:00:00Z")), for_ever);
    let too_many = vec![window("@daily", Span::HOUR, "UTC"); 17];
    let error = Windows::new(too_many).unwrap_err().to_string();
    assert_eq!(error, "a list holds at most 16 windows, this one has 17");
}

#[test]
fn windows_too_short_for_a_rotation_are_told_once_joined_with_what_they_touch() {
    let short = window("0 2 * * SAT", Span::minutes(10), "UTC");
    let touching = window("10 2 * * SAT", Span::minutes(10), "UTC");
    let minutes = window("* 3 * * *", Span::MINUTE, "UTC");
    let rare = window("0 2 29 2 *", Span::minutes(11), "UTC");
    let check = |list: &[Window]| {
        let problems = windows(list).check(Span::minutes(10), MARGIN);
        problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let told = |window: &Window, longest| {
        format!("the window {window} can never hold a rotation: open for {longest}, needs 12m")
    };
    assert_eq!(check(&[short.clone(), minutes.clone()]), [told(&short, "10m")]);
    assert_eq!(check(&[short, touching, minutes]), [""; 0]);
    assert_eq!(check(std::slice::from_ref(&rare)), [told(&rare, "11m")]);
    assert_eq!(check(&[]), [""; 0]);
}

#[test]
fn freezes_take_whole_days_the_last_one_included() {
    let holidays = freeze(date(2026, 12, 20), date(2027, 1, 3), "Europe/Berlin", "holidays");
    let expected = interval("2026-12-19T23:00:00Z", "2027-01-03T23:00:00Z");
    assert_eq!(holidays.interval(), expected);
    let spring = freeze(date(2026, 3, 29), date(2026, 3, 29), "Europe/Berlin", "23 hours");
    let expected = interval("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
    assert_eq!(spring.interval(), expected);
    let end = freeze(civil::Date::MIN, civil::Date::MAX, "UTC", "for good").interval();
    assert_eq!(end, Interval { opens: Time::MIN, closes: None });

    let error = Freeze::new(date(2027, 1, 3), date(2026, 12, 20), Zone::utc(), String::new());
    let message = "the freeze ends on 2026-12-20, before it begins on 2027-01-03";
    assert_eq!(error.unwrap_err().to_string(), message);
}

#[test]
fn rotations_start_in_windows_but_not_in_freezes_nor_near_their_ends() {
    let nights = windows(&[window("0 2 * * *", Span::hours(2), "UTC")]);
    let late = windows(&[window("0 3 * * *", Span::hours(4), "UTC")]);
    let frozen = Freezes::new(vec![
        freeze(date(2026, 12, 26), date(2026, 12, 31), "UTC", "inventory"),
        freeze(date(2026, 12, 24), date(2026, 12, 26), "UTC", "holidays"),
    ]);
    let times = RotationTimes::new(nights, Some(late), frozen);
    let shut = |by: ClosedBy, opens| TimesState::Closed { by, opens: Some(at(opens)) };
    let by_freeze = |reason: &str| ClosedBy::Freeze { reason: reason.into() };
    for (moment, expected) in [
        ("2026-12-23T03:00:59Z", shut(ClosedBy::Window, "2026-12-23T03:01:00Z")),
        (
            "2026-12-23T03:01:00Z",
            TimesState::Open {
                since: at("2026-12-23T03:01:00Z"),
                until: Some(at("2026-12-23T03:59:00Z")),
            },
        ),
        ("2026-12-23T03:59:00Z", shut(ClosedBy::Window, "2027-01-01T03:01:00Z")),
        ("2026-12-23T23:58:59Z", shut(ClosedBy::Window, "2027-01-01T03:01:00Z")),
        ("2026-12-23T23:59:00Z", shut(by_freeze("holidays"), "2027-01-01T03:01:00Z")),
        ("2026-12-26T12:00:00Z", shut(by_freeze("holidays"), "2027-01-01T03:01:00Z")),
        ("2026-12-28T12:00:00Z", shut(by_freeze("inventory"), "2027-01-01T03:01:00Z")),
        ("2027-01-01T00:01:00Z", shut(ClosedBy::Window, "2027-01-01T03:01:00Z")),
    ] {
        assert_eq!(times.state(at(moment), MARGIN), expected, "{moment}");
    }
    let listed: Vec<Interval> =
        times.intervals(at("2026-12-22T03:30:00Z"), at("2027-01-02T00:00:00Z"), MARGIN).collect();
    let days = ["2026-12-22", "2026-12-23", "2027-01-01"];
    let expected =
        days.map(|day| interval(&format!("{day}T03:01:00Z"), &format!("{day}T03:59:00Z")));
    assert_eq!(listed, expected);
}

#[test]
fn what_is_always_open_has_no_ends_to_take_a_margin_off() {
    let moment = at("2026-12-23T03:00:00Z");
    let times = RotationTimes::always();
    let for_ever = TimesState::Open { since: Time::MIN, until: None };
    assert_eq!(times.state(moment, MARGIN), for_ever);
    assert_eq!(times.intervals(moment, moment + Span::DAY, MARGIN).count(), 1);

    let holidays = freeze(date(2026, 12, 24), date(2026, 12, 26), "UTC", "holidays");
    let times = RotationTimes::new(Windows::always(), None, Freezes::new(vec![holidays]));
    let until = Some(at("2026-12-23T23:59:00Z"));
    assert_eq!(times.state(moment, MARGIN), TimesState::Open { since: Time::MIN, until });
    let after = times.open_interval_at_or_after(at("2026-12-25T00:00:00Z"), MARGIN);
    assert_eq!(after, Some(Interval { opens: at("2026-12-27T00:01:00Z"), closes: None }));
}

#[test]
fn what_never_opens_says_so_and_takes_no_time() {
    let moment = at("2026-12-23T03:00:00Z");
    let never = TimesState::Closed { by: ClosedBy::Window, opens: None };
    let hours = |text| windows(&[window(text, Span::minutes(10), "Europe/Berlin")]);
    // An owner who asks for hours that the configuration never gives.
    for (configured, narrowed) in [
        ("0 4 * * *", "0 5 * * *"),
        ("0 * * * *", "30 * * * *"),
        ("*/30 * * * *", "15-59/30 * * * *"),
        ("0 2 1 1 *", "0 2 2 1 *"),
    ] {
        let times =
            RotationTimes::new(hours(configured), Some(hours(narrowed)), Freezes::default());
        assert_eq!(times.state(moment, MARGIN), never, "{configured} and {narrowed}");
        assert_eq!(times.intervals(moment, Time::MAX, MARGIN).count(), 0);
    }
    let minutes = windows(&[window("*/2 * * * *", Span::MINUTE, "UTC")]);
    assert_eq!(RotationTimes::new(minutes, None, Freezes::default()).state(moment, MARGIN), never);
    let ever = freeze(date(2026, 1, 1), date(2036, 1, 1), "UTC", "sold");
    let times = RotationTimes::new(hours("0 2 * * *"), None, Freezes::new(vec![ever]));
    let by = ClosedBy::Freeze { reason: "sold".into() };
    assert_eq!(times.state(moment, MARGIN), TimesState::Closed { by, opens: None });
}

#[test]
fn windows_that_take_turns_are_joined_as_far_as_a_search_goes() {
    let turns = windows(&[
        window("*/2 * * * *", Span::MINUTE, "UTC"),
        window("1-59/2 * * * *", Span::MINUTE, "UTC"),
    ]);
    let moment = at("2026-12-23T03:00:00Z");
    let Some(Interval { opens, closes: Some(closes) }) = turns.open_interval_at_or_after(moment)
    else {
        panic!("has ends");
    };
    assert!(moment.since(opens) >= Span::DAY && closes.since(moment) >= Span::DAY);
}
