//! What is said of wrong durations and calendars.

use super::said;
use super::wrong::check;

#[test]
fn durations_and_shares() {
    const UNITS: &str = "allowed: w, d, h, m and s, largest first, such as `1h30m`";
    for (value, message) in [
        ("0%", "`0%` is no share of a lifetime; allowed: `1%` to `99%`".to_owned()),
        ("100%", "`100%` is no share of a lifetime; allowed: `1%` to `99%`".to_owned()),
        ("4.5%", "`4.5%` is no share of a lifetime; allowed: `1%` to `99%`".to_owned()),
        ("45", format!("`45` lacks `%` or a unit; {UNITS}")),
        ("-3d", "`-3d` is negative".to_owned()),
        ("3 months", format!("`months` in `3 months` is no unit; {UNITS}")),
        ("1y", format!("`y` in `1y` is no unit; {UNITS}")),
        ("1M", format!("`M` in `1M` is no unit; {UNITS}")),
        ("30m1h", format!("`h` in `30m1h` is out of place; {UNITS}")),
        ("1h1h", format!("`h` in `1h1h` is out of place; {UNITS}")),
        ("soon", format!("`soon` is no duration; {UNITS}")),
        ("''", format!("`` is no duration; {UNITS}")),
        ("30s", "`30s` is too short; at least 1m".to_owned()),
        ("4000d", "`4000d` is too long; at most 3650d".to_owned()),
        ("99999999999999999999w", "`99999999999999999999w` is too long; at most 3650d".to_owned()),
    ] {
        let said = said(&format!("rotation: {{renewBefore: {value}}}"));
        assert_eq!(said, [format!("c:1:25: rotation.renewBefore: {message}")]);
    }
    check(&[
        ("probe: {every: 0s}", "c:1:16: probe.every: `0s` is too short; at least 1s"),
        (
            "rotation: {timeout: 5}",
            "c:1:21: rotation.timeout: `5` lacks a unit; allowed: w, d, h, m and s, largest first, such as `1h30m`",
        ),
        (
            "rotation: {retry: {backoff: {from: 2h, to: 1h}}}",
            "c:1:36: rotation.retry.backoff.from: from (2h) is longer than to (1h)",
        ),
        (
            "rotation: {retry: {backoff: {to: 1m}}}",
            "c:1:34: rotation.retry.backoff.to: from (15m) is longer than to (1m)",
        ),
        (
            "overrides: [{match: {selector: a}, retry: {backoff: {from: 7h}}}]",
            "c:1:60: overrides[0].retry.backoff.from: from (7h) is longer than to (6h)",
        ),
        (
            "rotation: {breaker: {failures: 6}}",
            "c:1:32: rotation.breaker.failures: 6 failures of 5 attempts cannot be",
        ),
        (
            "rotation: {breaker: {of: 2}}",
            "c:1:26: rotation.breaker.of: 3 failures of 2 attempts cannot be",
        ),
    ]);
}

#[test]
fn calendars() {
    check(&[
        (
            "rotation:\n  windows: [{open: 0 2 * *, for: 4h}]",
            "c:2:20: rotation.windows[0].open: a crontab line has 5 fields (minute hour day-of-month month weekday), this one has 4",
        ),
        (
            "rotation:\n  windows: [{open: '0 2 30 2 *', for: 4h}]",
            "c:2:20: rotation.windows[0].open: \"0 2 30 2 *\" can never fire: no month that it allows has such a day",
        ),
        (
            "rotation:\n  windows: [{open: '0 2 * * SAT', for: 0s}]",
            "c:2:40: rotation.windows[0].for: `0s` is too short; at least 1m",
        ),
        (
            "rotation:\n  windows: [{open: '0 2 * * SAT', for: 367d}]",
            "c:2:40: rotation.windows[0].for: `367d` is too long; at most 366d",
        ),
        (
            "rotation:\n  windows: [{open: '0 2 * * SAT', for: 4h, timezone: Europe/Berln}]",
            "c:2:54: rotation.windows[0].timezone: \"Europe/Berln\" is not a known time zone, did you mean Europe/Berlin?; \
             allowed: IANA names such as Europe/Berlin or UTC",
        ),
        (
            "rotation:\n  windows: [{open: '0 2 * * SAT', for: 11m}]",
            "c:2:13: rotation.windows[0]: the window \"0 2 * * SAT\" for 11m in UTC can never hold a rotation: open for 11m, \
             needs 12m (10m and 1m at each end)",
        ),
        (
            "rotation: {windows: [{open: '0 2 * * SAT', for: 1h}]}\noverrides: [{match: {selector: a}, expectedDuration: 2h}]",
            "c:2:54: overrides[0].expectedDuration: the window \"0 2 * * SAT\" for 1h in UTC can never hold a rotation: open for 1h, \
             needs 2h 2m (2h and 1m at each end)",
        ),
        (
            "rotation:\n  freezes: [{from: 2026-12-20, to: 2026-12-19}]",
            "c:2:36: rotation.freezes[0].to: the freeze ends on 2026-12-19, before it begins on 2026-12-20",
        ),
        (
            "rotation:\n  freezes: [{from: 20.12.2026, to: 2026-02-30}]",
            "c:2:20: rotation.freezes[0].from: `20.12.2026` is no day; allowed: a day such as `2026-12-20`\n\
             c:2:36: rotation.freezes[0].to: `2026-02-30` is no day; allowed: a day such as `2026-12-20`",
        ),
        (
            "rotation:\n  freezes: [{from: 2026-12-20, to: 2026-12-20, reason: \"a\\nb\"}]",
            "c:2:56: rotation.freezes[0].reason: `a\\nb` has more than one line or a control character",
        ),
        (
            "rotation: {schedule: {cron: '@dayly'}}",
            "c:1:29: rotation.schedule.cron: \"@dayly\" is not a known word; allowed: @hourly @daily @midnight @weekly @monthly \
             @yearly @annually or five fields",
        ),
    ]);
    let long = format!(
        "rotation:\n  freezes: [{{from: 2026-12-20, to: 2026-12-20, reason: {}}}]",
        "x".repeat(201)
    );
    assert_eq!(
        said(&long),
        ["c:2:56: rotation.freezes[0].reason: 201 characters are too many; allowed: 200"]
    );
    let many = format!("rotation: {{windows: [{}]}}", "{open: '@daily', for: 1h},".repeat(17));
    assert_eq!(said(&many), ["c:1:21: rotation.windows: 17 items are too many; allowed: 16"]);
}
