//! What a right file means. What is said of wrong ones stands in `tests/wrong.rs`.

use super::*;
use crate::core::calendar::{CronLine, Schedule, Window, Zone};
use crate::core::policy::{
    BreakerRule, Emergency, Lead, Limits, Mode, OnCaChange, OnChange, Retry, Rules, RulesOf,
};
use crate::core::selector::Selector;
use std::collections::BTreeMap;

mod documents;
mod hostile;
mod wrong;
mod wrong_times;

fn parse(text: &str) -> Config {
    match Config::parse(text, "c.yaml") {
        Ok((config, _)) => config,
        Err(problems) => panic!("{problems}\n--- in:\n{text}"),
    }
}

/// What is said about a text: its problems or else its warnings.
fn said(text: &str) -> Vec<String> {
    match Config::parse(text, "c") {
        Ok((_, warnings)) => warnings.iter().map(ToString::to_string).collect(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

fn window(open: &str, hours: i64, zone: &str) -> Window {
    let (open, zone) = (CronLine::parse(open).unwrap(), Zone::parse(zone).unwrap());
    Window::new(open, Span::hours(hours), zone).unwrap()
}

const EVERYTHING: &str = r#"
mode: report
installation: blue
watch: {namespaces: ["prod-*", staging], selector: "tier in (gold,silver),!legacy"}
rotation:
  renewBefore: 30d
  emergency: {before: 1%, overrides: [freezes]}
  windows:
    - {open: "0 2 * * SAT,SUN", for: 4h, timezone: Europe/Berlin}
    - open: "@weekly"
      for: 1h 30m
  freezes: [{from: 2026-12-20, to: 2027-01-03, timezone: Europe/Berlin, reason: holidays}]
  schedule: {cron: "0 3 1 */3 *"}
  onIssuerChange: report
  onCaChange: rotate
  expectedDuration: 20m
  minInterval: 0s
  pickUpWithin: 5m
  timeout: 1h
  limits: {total: 20, perNamespace: 5, perIssuer: 10}
  retry: {attempts: 5, backoff: {from: 1m, to: 2h}}
  breaker: {failures: 2, of: 4, pause: 2h}
  honourAutoOpsDisabled: true
overrides:
  - match: {namespaces: [prod-eu]}
    renewBefore: 60d
    schedule: null
    windows: []
    retry: {backoff: {to: 4h}}
  - match: {selector: tier=gold}
    renewBefore: 50%
    emergency: {overrides: []}
probe: {enabled: false, every: 10m, concurrency: 5}
server: {metrics: "[::]:1000", page: 10.0.0.1:1001}
executor: {issueWith: self, reload: never, caOverlap: 90s}
"#;

#[test]
fn every_setting_reaches_its_place() {
    let config = parse(EVERYTHING);
    assert_eq!(&*config.installation, "blue");
    assert_eq!(
        config.probe,
        Probe { enabled: false, every: Span::minutes(10), concurrency: 5, login: None }
    );
    assert_eq!(config.server.metrics.to_string(), "[::]:1000");
    assert_eq!(config.server.page.to_string(), "10.0.0.1:1001");
    let executor = Executor {
        issue_with: IssueWith::OwnIssuer,
        reload: Reload::Never,
        ca_overlap: Span::seconds(90),
    };
    assert_eq!(config.executor, executor);

    let policy = &config.policy;
    assert_eq!(policy.mode, Mode::Report);
    let namespaces: Vec<_> = policy.watch.namespaces.iter().map(ToString::to_string).collect();
    assert_eq!(namespaces, ["prod-*", "staging"]);
    assert_eq!(policy.watch.selector, Selector::parse("tier in (gold,silver),!legacy").unwrap());
    assert_eq!(policy.limits, Limits { total: 20, per_namespace: 5, per_issuer: 10 });
    assert_eq!(policy.breaker, BreakerRule { failures: 2, of: 4, pause: Span::hours(2) });
}

#[test]
fn every_setting_of_a_rotation_reaches_its_place() {
    let config = parse(EVERYTHING);
    let rules = &config.policy.rules;
    assert_eq!(rules.renew_before, Lead::Length(Span::days(30)));
    let before = Lead::Percent(1);
    let emergency = Emergency { before, overrides_windows: false, overrides_freezes: true };
    assert_eq!(rules.emergency, emergency);
    let [first, second] = rules.windows.as_slice() else { panic!("two windows") };
    assert_eq!(*first, window("0 2 * * SAT,SUN", 4, "Europe/Berlin"));
    assert_eq!((second.length(), second.zone()), (Span::minutes(90), &Zone::utc()));
    let freeze = rules.freezes.iter().next().unwrap();
    assert_eq!(
        (freeze.from().to_string(), freeze.to().to_string()),
        ("2026-12-20".into(), "2027-01-03".into())
    );
    assert_eq!((freeze.zone().name(), &**freeze.reason()), ("Europe/Berlin", "holidays"));
    let schedule = Schedule::new(CronLine::parse("0 3 1 */3 *").unwrap(), Zone::utc());
    assert_eq!(rules.schedule, Some(schedule));
    assert_eq!(
        (rules.on_issuer_change, rules.on_ca_change),
        (OnChange::Report, OnCaChange::Rotate)
    );
    assert_eq!(rules.expected_duration, Span::minutes(20));
    assert_eq!(rules.min_interval, Span::ZERO);
    assert_eq!(rules.pick_up_within, Span::minutes(5));
    assert_eq!(rules.timeout, Span::HOUR);
    let (backoff_from, backoff_to) = (Span::MINUTE, Span::hours(2));
    assert_eq!(rules.retry, Retry { attempts: 5, backoff_from, backoff_to });
    assert!(rules.honour_auto_ops_disabled);
}

#[test]
fn overrides_set_what_they_name_and_the_later_wins() {
    let config = parse(EVERYTHING);
    let mut rules_of = RulesOf::new(&config.policy);
    let gold = BTreeMap::from([(Arc::from("tier"), Arc::from("gold"))]);
    let both = rules_of.database("prod-eu", &gold);
    assert_eq!(both.renew_before, Lead::Percent(50));
    assert_eq!(both.schedule, None);
    assert!(both.windows.is_always());
    assert_eq!((both.retry.backoff_from, both.retry.backoff_to), (Span::MINUTE, Span::hours(4)));
    assert_eq!(both.retry.attempts, 5);
    assert!(!both.emergency.overrides_windows && !both.emergency.overrides_freezes);
    assert_eq!(both.emergency.before, Lead::Percent(1));
    let neither = rules_of.database("staging", &BTreeMap::new());
    assert_eq!(neither, config.policy.rules);
}

#[test]
fn nothing_means_the_defaults() {
    let nothing =
        ["", "\n", "# only a comment\n", "---\n", "---\n...\n", "{}", "null", "~", "\u{feff}"];
    for text in nothing {
        assert_eq!(parse(text), Config::default(), "{text:?}");
    }
    // Sections and lists of which everything is commented out.
    let hollow = "watch:\nrotation:\n  windows:\n  # - {}\n  limits:\noverrides:\nprobe: {}\n";
    assert_eq!(parse(hollow), Config::default());
}

#[test]
fn the_mark_of_some_editors_is_no_column() {
    assert_eq!(said("\u{feff}mode: x"), said("mode: x"));
    assert_eq!(
        said("mode: report\r\nprobe: 1\r\n"),
        ["c:2:8: probe: a single value where a section is expected"]
    );
}

#[test]
fn anchors_repeat_what_they_name() {
    let text = "overrides:\n- match: &m {namespaces: [a]}\n  timeout: &t 7m\n- {match: *m, pickUpWithin: *t}\n";
    let config = parse(text);
    let [first, second] = config.policy.overrides.as_slice() else { panic!("two overrides") };
    assert_eq!(first.matches, second.matches);
    assert_eq!(second.rules.pick_up_within, Some(Span::minutes(7)));
}

#[test]
fn durations_read_as_people_write_them() {
    for (text, seconds) in [
        ("72h", 259_200),
        ("45d", 3_888_000),
        ("1h30m", 5_400),
        ("1h 30m", 5_400),
        ("1w2d3h4m5s", 788_645),
        ("90s", 90),
        ("'90s'", 90),
        ("007m", 420),
        ("0h1s", 1),
    ] {
        let config = parse(&format!("rotation: {{minInterval: {text}}}"));
        assert_eq!(config.policy.rules.min_interval, Span::seconds(seconds), "{text}");
    }
    for span in [1, 59, 61, 3_600, 3_661, 90_000].map(Span::seconds) {
        let read = values::duration(&span.to_string(), Span::ZERO, keys::LONGEST).unwrap();
        assert_eq!(read.to_string(), span.to_string());
    }
}

#[test]
fn some_settings_need_a_restart() {
    let config = parse(EVERYTHING);
    let all = ["installation", "server.metrics", "server.page"];
    assert_eq!(config.needs_restart(&Config::default()), all);
    let mut next = config.clone();
    next.policy = Arc::default();
    next.probe = Config::default().probe;
    assert!(config.needs_restart(&next).is_empty());
}

#[test]
fn warnings_name_what_may_not_be_meant() {
    const OPEN: &str =
        "c:1:11: warning: rotation.windows: no window: rotations may start at any time";
    for (text, warnings) in [
        ("rotation: {timeout: 5m}", &[OPEN][..]),
        (
            "rotation: {windows: []}",
            &["c:1:21: warning: rotation.windows: no window: rotations may start at any time"],
        ),
        (
            "rotation: {renewBefore: 70%}",
            &[
                OPEN,
                "c:1:25: warning: rotation.renewBefore: 70% is more than two thirds of the lifetime, which are used",
            ],
        ),
        (
            "rotation: {emergency: {before: 30d}, renewBefore: 20d}",
            &[
                OPEN,
                "c:1:51: warning: rotation.renewBefore: renewBefore (20d) is no longer than emergency.before (30d): \
                where the latter is used in full, every rotation is an emergency",
            ],
        ),
        (
            "rotation:\n  windows:\n  - {open: '0 2 * * SAT', for: 4h}\n  - {open: '0 4 * * *', for: 4h}\n  - {open: '0 10 * * *', for: 1h}",
            &[
                "c:4:5: warning: rotation.windows[1]: opens while windows[0] is open; together they are one",
            ],
        ),
        (
            "rotation:\n  windows:\n  - {open: '0 2 * * *', for: 4h}\n  - {open: '0 2 * * *', for: 4h}",
            &[
                "c:3:5: warning: rotation.windows[0]: opens while windows[1] is open; together they are one",
                "c:4:5: warning: rotation.windows[1]: opens while windows[0] is open; together they are one",
            ],
        ),
        (
            "rotation:\n  windows: [{open: '0 * * * *', for: 1h}]",
            &["c:2:12: warning: rotation.windows: these windows never close"],
        ),
        // Windows of Saturday that touch do not overlap.
        ("rotation:\n  windows: [{open: '0 2 * * 6', for: 2h}, {open: '0 4 * * 6', for: 2h}]", &[]),
        (
            "rotation: {windows: [{open: '0 2 * * 6', for: 2h}]}\noverrides: [{match: {selector: a}}]",
            &[
                "c:2:21: warning: overrides[0].match: nothing is set beside it, so this override changes nothing",
            ],
        ),
    ] {
        assert_eq!(said(text), warnings, "{text}");
    }
}

#[test]
fn rules_of_no_config_are_the_defaults() {
    assert_eq!(*Config::default().policy.rules, Rules::default());
}
