use super::super::fleet::Key;
use super::super::sample::{Db, NOW, at, fleet, issuer, span};
use super::*;

const RULE: BreakerRule = BreakerRule { failures: 3, of: 5, pause: Span::HOUR };

/// Attempts as words, newest first: the first ended an hour ago, each other one an hour earlier.
/// `f`ailed, `v`erified, `u`nverified, `w`ithdrawn, `n`ot picked up.
fn remembering(name: &str, words: &str, issuer_name: &str) -> Db {
    Db::named(name).record(|record| {
        for (hours, word) in words.chars().enumerate() {
            let outcome = match word {
                'f' => Outcome::Failed,
                'v' => Outcome::Verified,
                'u' => Outcome::Unverified,
                'w' => Outcome::Withdrawn,
                'n' => Outcome::NotPickedUp,
                other => panic!("{other}"),
            };
            record.attempts.push(Attempt {
                request: format!("{name}-{hours}").into(),
                outcome,
                ended: at("-1h") - Span::hours(i64::try_from(hours).unwrap()),
                duration: None,
                issuer: Some(issuer("prod", issuer_name)),
            });
        }
    })
}

fn operator(databases: &[(&str, &str)], moment: &str) -> Breaker {
    let databases = databases.iter().map(|(name, words)| remembering(name, words, "ca"));
    let fleet = fleet(databases);
    Breakers::of(&fleet, &RULE).operator(&RULE, at(moment))
}

#[test]
fn the_breaker_opens_when_k_of_the_newest_n_failed_and_the_newest_is_not_verified() {
    let open = Breaker::Open { until: NOW };
    for (words, expected) in [
        ("", Breaker::Closed),
        ("ff", Breaker::Closed),
        ("fff", open),
        ("ffvvf", open),
        ("ffvvvf", Breaker::Closed),
        ("vfff", Breaker::Closed),
        ("ufff", open),
        ("wfff", open),
        ("fuuff", open),
        ("uuufff", Breaker::Closed),
    ] {
        assert_eq!(operator(&[("prod/orders", words)], "-1s"), expected, "{words}");
    }
}

#[test]
fn the_newest_are_those_of_all_databases_together() {
    let three = [("prod/a", "f"), ("prod/b", "f"), ("prod/c", "f")];
    assert_eq!(operator(&three, "-1s"), Breaker::Open { until: NOW });
    let fresh = [("prod/a", "vv"), ("prod/b", "vv"), ("prod/c", "vfff")];
    assert_eq!(operator(&fresh, "-1s"), Breaker::Closed);
}

#[test]
fn after_the_pause_one_may_try() {
    assert_eq!(operator(&[("prod/orders", "fff")], "0"), Breaker::Probing);
}

#[test]
fn two_databases_that_nobody_picked_up_open_the_operators_breaker() {
    let open = Breaker::Open { until: NOW };
    assert_eq!(operator(&[("prod/a", "n")], "-1s"), Breaker::Closed);
    assert_eq!(operator(&[("prod/a", "nnnn")], "-1s"), Breaker::Closed, "one database");
    assert_eq!(operator(&[("prod/a", "n"), ("prod/b", "n")], "-1s"), open);
    assert_eq!(operator(&[("prod/a", "n"), ("prod/b", "fn")], "-1s"), Breaker::Closed);
    let answered = |word: char| {
        let others = [("prod/a", "wn"), ("prod/b", "wn")];
        let mut fleet = fleet(others.map(|(name, words)| remembering(name, &words[1..], "ca")));
        let newer = remembering("prod/c", &word.to_string(), "ca");
        let newer = newer.record(|record| record.attempts[0].ended = at("-30m"));
        fleet.databases.insert(Key::new("prod", "c"), newer.database.into());
        Breakers::of(&fleet, &RULE).operator(&RULE, at("-1s"))
    };
    assert_eq!(answered('v'), Breaker::Closed);
    assert_eq!(answered('u'), Breaker::Closed, "somebody is at work");
    assert_eq!(answered('f'), Breaker::Closed, "if badly");
    assert_eq!(answered('w'), open, "nobody had to do anything");
}

#[test]
fn each_issuer_has_a_breaker_of_its_own() {
    let fleet =
        fleet([remembering("prod/a", "fff", "bad"), remembering("prod/b", "vvvvv", "good")]);
    let breakers = Breakers::of(&fleet, &RULE);
    let of = |name| breakers.issuer(&issuer("prod", name), &RULE, at("-1s"));
    assert_eq!(of("bad"), Breaker::Open { until: NOW });
    assert_eq!(of("good"), Breaker::Closed);
    assert_eq!(of("unheard"), Breaker::Closed);
}

#[test]
fn a_rule_of_nothing_never_opens() {
    for (failures, of) in [(0, 0), (3, 0)] {
        let rule = BreakerRule { failures, of, ..RULE };
        let fleet = fleet([remembering("prod/a", "fffff", "ca")]);
        let breakers = Breakers::of(&fleet, &rule);
        assert_eq!(breakers.operator(&rule, NOW), Breaker::Closed);
    }
    let rule = BreakerRule { failures: 0, ..RULE };
    let fleet = fleet([remembering("prod/a", "w", "ca")]);
    assert_eq!(Breakers::of(&fleet, &rule).operator(&rule, NOW), Breaker::Closed);
}

#[test]
fn a_rotation_takes_as_long_as_the_longest_that_is_remembered() {
    use Outcome::{Failed, Unverified, Verified};
    let rules = Rules::default();
    let taken = |took: &[(Outcome, Option<&str>)], replicas| {
        let mut record = Record::default();
        for (outcome, duration) in took {
            record.push_attempt(Attempt {
                request: "x".into(),
                outcome: *outcome,
                ended: NOW,
                duration: duration.map(span),
                issuer: None,
            });
        }
        duration(&record, &rules, replicas)
    };
    assert_eq!(taken(&[], 3), span("10m"), "the policy's, until one is known");
    assert_eq!(taken(&[(Verified, Some("4m")), (Unverified, Some("7m"))], 3), span("7m"));
    assert_eq!(taken(&[(Verified, Some("4m")), (Failed, Some("50m"))], 3), span("4m"));
    assert_eq!(taken(&[(Verified, None)], 3), span("10m"));
    assert_eq!(taken(&[(Verified, Some("3000d"))], 3), span("80m"), "not longer than it may");
    assert_eq!(taken(&[(Verified, Some("0"))], 3), span("1s"), "nothing takes no time");
    assert_eq!(longest_run(&rules, u32::MAX), span("10m").scaled(4_294_967_300, 1));
}
