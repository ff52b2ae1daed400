//! Windows, narrowed and frozen, minute by minute.

use jiff::civil;

use super::*;

type SideBySide = (&'static [&'static str], (i64, u8, u8));

/// Zones whose walks begin on the same day, so that their minutes can be laid side by side.
const SIDE_BY_SIDE: [SideBySide; 3] = [
    (&["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"], (2026, 9, 20)),
    (&["America/Sao_Paulo", "Europe/Volgograd", "Europe/Berlin"], (2018, 10, 5)),
    (&["Pacific/Apia", "Asia/Tehran", "Africa/Casablanca"], (2011, 11, 20)),
];

/// What opened so long after a walk began may have opened before: in seconds, longer than windows.
const UNSURE: i64 = 2 * 86_400;

#[test]
fn windows_narrowed_and_frozen_leave_what_a_walk_through_every_minute_leaves() {
    let cases = sized(15, 15, 400);
    for (number, (zones, (year, month, day))) in (1..).zip(SIDE_BY_SIDE) {
        let walks: Vec<Walk> =
            zones.iter().map(|zone| Walk::new(zone, day_number(year, month, day), 62)).collect();
        let mut dice = Dice(1_000 + number);
        for _ in 0..cases {
            combination_agrees(&walks, &mut dice, i16::try_from(year).unwrap());
        }
    }
}

fn combination_agrees(walks: &[Walk], dice: &mut Dice, year: i16) {
    let minutes = usize::try_from(walks[0].end - walks[0].start).unwrap();
    let (windows, mut allowed) = any_windows(walks, dice, minutes);
    let (narrowed, inside) = any_windows(walks, dice, minutes);
    let narrowed = (dice.below(3) == 0).then_some(narrowed);
    if narrowed.is_some() {
        allowed.iter_mut().zip(inside).for_each(|(allowed, inside)| *allowed &= inside);
    }
    let (freezes, frozen) = any_freezes(walks, dice, year, minutes);
    allowed.iter_mut().zip(&frozen).for_each(|(allowed, frozen)| *allowed &= !frozen);

    let margin = Span::seconds(60 * dice.below(2));
    let start = walks[0].start * 60;
    let left = runs(&allowed, start, margin.as_seconds());
    let times = RotationTimes::new(windows, narrowed, freezes);
    // What opened before the walk began is not in it: look at its second half only.
    let half = start + i64::try_from(minutes).unwrap() * 30;
    for _ in 0..20 {
        let moment = half + dice.below(i64::try_from(minutes).unwrap() * 30);
        times_agree(&times, margin, &left, &frozen, start, moment);
    }
    let end = walks[0].end * 60;
    let listed = times.intervals(Time::from_unix(half), Time::from_unix(end), margin);
    let listed: Vec<_> = listed.map(|i| (i.opens.unix(), i.closes.map(Time::unix))).collect();
    let expected: Vec<_> = left.iter().filter(|(_, closes)| *closes > half).collect();
    assert_eq!(listed.len(), expected.len(), "{times:?} {listed:?} {expected:?}");
    for ((opens, closes), expected) in listed.iter().zip(expected) {
        assert!(*opens == expected.0 || expected.0 <= start + UNSURE, "{times:?}");
        assert!(*closes == Some(expected.1) || expected.1 >= end - 60, "{times:?}");
    }
}

/// Up to three windows, and for each minute of the walks whether one is open.
fn any_windows(walks: &[Walk], dice: &mut Dice, minutes: usize) -> (Windows, Vec<bool>) {
    let mut windows = Vec::new();
    let mut open = vec![false; minutes];
    for _ in 0..dice.below(4) {
        let walk = dice.one_of(&walks.iter().collect::<Vec<_>>());
        let hour = dice.below(24);
        let line = match dice.below(3) {
            0 => format!("{} {hour} * * *", dice.below(60)),
            1 => format!("0 */{} * * {}", 1 + dice.below(12), dice.below(7)),
            _ => format!("*/20 {hour} * * MON-FRI"),
        };
        let longest = if dice.below(2) == 0 { 90 } else { 1_500 };
        let length = Span::minutes(1 + dice.below(longest));
        let zone = Zone::parse(&walk.zone).unwrap();
        windows.push(Window::new(CronLine::parse(&line).unwrap(), length, zone).unwrap());
        for opening in walk.openings(&Line::read(&line)) {
            let from = usize::try_from(opening - walk.start).unwrap();
            let until = from + usize::try_from(length.as_seconds() / 60).unwrap();
            open[from..until.min(minutes)].fill(true);
        }
    }
    if windows.is_empty() {
        open.fill(true);
    }
    (Windows::new(windows).unwrap(), open)
}

/// Up to two freezes within a year, and for each minute of the walks whether it is frozen.
fn any_freezes(walks: &[Walk], dice: &mut Dice, year: i16, minutes: usize) -> (Freezes, Vec<bool>) {
    let mut freezes = Vec::new();
    let mut frozen = vec![false; minutes];
    for _ in 0..dice.below(3) {
        let walk = dice.one_of(&walks.iter().collect::<Vec<_>>());
        let month = i8::try_from(10 + dice.below(3)).unwrap();
        let from = i8::try_from(1 + dice.below(30)).unwrap();
        let to = i8::try_from(i64::from(from) + dice.below(i64::from(31 - from))).unwrap();
        let day = |day| civil::date(year, month, day);
        let zone = Zone::parse(&walk.zone).unwrap();
        freezes.push(Freeze::new(day(from), day(to), zone, "why".to_owned()).unwrap());
        let [month, from, to] = [month, from, to].map(i8::cast_unsigned);
        let days = walk.on_days((month, from), (month, to));
        frozen.iter_mut().zip(days).for_each(|(frozen, day)| *frozen |= day);
    }
    (Freezes::new(freezes), frozen)
}

/// The stretches of true minutes in unix seconds, the margin taken off; the ends of the walk are
/// no ends.
fn runs(minutes: &[bool], start: i64, margin: i64) -> Vec<(i64, i64)> {
    let mut runs = Vec::new();
    let mut opens = None;
    for (index, open) in (0..).zip(minutes.iter().copied().chain([false])) {
        let moment = start + index * 60;
        match (open, opens) {
            (true, None) => opens = Some(moment),
            (false, Some(since)) => {
                runs.push((since + margin, moment - margin));
                opens = None;
            }
            _ => {}
        }
    }
    runs.retain(|(opens, closes)| opens < closes);
    runs
}

fn times_agree(
    times: &RotationTimes,
    margin: Span,
    left: &[(i64, i64)],
    frozen: &[bool],
    start: i64,
    moment: i64,
) {
    let at = Time::from_unix(moment);
    let end = start + i64::try_from(frozen.len()).unwrap() * 60;
    let said = format!("{times:?} at {at}, margin {margin}");
    let next = left.iter().find(|(_, closes)| moment < *closes);
    match (times.state(at, margin), next) {
        (TimesState::Open { since, until }, Some((opens, closes))) => {
            assert!(*opens <= moment, "{said}: open");
            assert!(since.unix() == *opens || *opens <= start + UNSURE, "{said}: since {since}");
            let until = until.map_or(i64::MAX, Time::unix);
            assert!(until == *closes || *closes >= end - 60, "{said}: until {until}");
        }
        (TimesState::Closed { by, opens }, next) => {
            let opens = opens.map_or(i64::MAX, Time::unix);
            assert!(next.map_or(opens >= end, |next| opens == next.0), "{said}: opens {opens}");
            let index = |moment: i64| usize::try_from((moment - start).div_euclid(60)).unwrap();
            let last = index(moment + margin.as_seconds()).min(frozen.len() - 1);
            let near = &frozen[index(moment - margin.as_seconds())..=last];
            let freeze = near.contains(&true);
            assert_eq!(matches!(by, ClosedBy::Freeze { .. }), freeze, "{said}: {by:?}");
        }
        (state, None) => panic!("{said}: {state:?}"),
    }
}
