use super::super::sample::{NOW, at, freeze, span, windows};
use super::*;

fn hours(windows: Windows, freezes: Freezes, moment: &str) -> Hours {
    Hours::new(windows, None, freezes, at(moment))
}

/// Eleven to three; now is twelve.
fn noon(moment: &str) -> Hours {
    hours(windows("0 11 * * *", "4h"), Freezes::default(), moment)
}

const TEN: Span = Span::minutes(10);

#[test]
fn a_database_has_the_same_turn_in_every_look_at_a_window() {
    let turn = Some(Digest(u64::MAX / 2));
    // From 11:01 to 14:59 less ten minutes: half-way is 12:55.
    let start = at("55m");
    for moment in ["-1h", "-30m", "0", "3299s"] {
        let admission = noon(moment).admit(TEN, turn);
        let Admission::Later { at, .. } = admission else { panic!("{moment}") };
        assert_eq!(at, Some(start), "{moment}");
    }
    assert_eq!(noon("55m").admit(TEN, turn), Admission::Now);
    assert_eq!(noon("2h").admit(TEN, turn), Admission::Now, "its turn has come");
}

#[test]
fn every_turn_is_in_the_window_and_ends_in_it() {
    let (opens, closes) = (at("-59m"), at("179m"));
    for index in 0..1_000 {
        let turn = Digest::quick(&format!("uid {index}"));
        let start = noon("-2h").start_after(at("-2h"), TEN, Some(turn)).unwrap();
        assert!(opens <= start && start + TEN <= closes, "{start}");
    }
    let last = Some(Digest(u64::MAX));
    assert_eq!(noon("-2h").start_after(at("-2h"), TEN, last), Some(closes - TEN));
    assert_eq!(noon("-2h").start_after(at("-2h"), TEN, Some(Digest(0))), Some(opens));
}

#[test]
fn the_last_moment_to_start_is_a_duration_before_the_window_closes() {
    assert_eq!(noon("169m").admit(TEN, None), Admission::Now);
    let late = noon("10141s").admit(TEN, None);
    assert!(matches!(late, Admission::Later { gate: Gate::WindowTooShort, .. }), "{late:?}");
    assert_eq!(noon("0").changes(TEN), Some(at("10141s")));
    assert_eq!(noon("10141s").changes(TEN), Some(at("179m")), "then it closes");
}

#[test]
fn a_rotation_too_long_for_every_window_never_starts() {
    let day = Span::DAY;
    let never = noon("0").admit(day, None);
    let Admission::Later { gate, at, .. } = never else { panic!() };
    assert_eq!((gate, at), (Gate::WindowTooShort, None));
    assert_eq!(noon("0").start_after(NOW, day, None), None);
}

#[test]
fn what_is_always_open_is_open_for_any_turn() {
    let always = hours(Windows::always(), Freezes::default(), "0");
    assert_eq!(always.admit(span("3000d"), Some(Digest(u64::MAX))), Admission::Now);
    assert_eq!((always.changes(TEN), always.left()), (None, None));
}

#[test]
fn the_reason_changes_where_a_freeze_begins_and_ends() {
    // Closed by the window until tomorrow, but frozen from midnight on.
    let frozen = || freeze("2026-06-04", "2026-06-05");
    let nightly = || windows("0 3 * * *", "1h");
    let now = hours(nightly(), frozen(), "0");
    let Admission::Later { gate, at: opens, .. } = now.admit(TEN, None) else { panic!() };
    assert_eq!((gate, opens), (Gate::WindowClosed, Some(at("226860s"))));
    assert_eq!(now.changes(TEN), Some(at("43140s")), "a minute before midnight");
    let then = hours(nightly(), frozen(), "43140s");
    let Admission::Later { gate, .. } = then.admit(TEN, None) else { panic!() };
    assert_eq!(gate, Gate::Freeze);
    assert_eq!(then.changes(TEN), Some(at("216060s")), "until it thaws");
    let thawed = hours(nightly(), frozen(), "216060s");
    let Admission::Later { gate, .. } = thawed.admit(TEN, None) else { panic!() };
    assert_eq!(gate, Gate::WindowClosed);
}

#[test]
fn where_no_opening_is_in_sight_it_is_searched_for_again() {
    let never = hours(windows("0 11 * * *", "4h"), freeze("2026-01-01", "2080-01-01"), "0");
    let Admission::Later { at: opens, .. } = never.admit(TEN, None) else { panic!() };
    assert_eq!(opens, None);
    assert_eq!(never.changes(TEN), Some(at("1d")));
}
