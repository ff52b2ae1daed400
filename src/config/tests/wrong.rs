//! What is said of wrong files: the whole line, for every kind of mistake.

use super::said;

#[track_caller]
pub(super) fn check(rows: &[(&str, &str)]) {
    for (text, line) in rows {
        assert_eq!(said(text), line.lines().collect::<Vec<_>>(), "of:\n{text}");
    }
}

#[test]
fn keys() {
    check(&[
        ("modee: report", "c:1:1: modee: unknown key, did you mean `mode`?"),
        (
            "rotation: {renew_before: 45%}",
            "c:1:12: rotation.renew_before: unknown key, did you mean `renewBefore`?",
        ),
        (
            "renewBefore: 10d",
            "c:1:1: renewBefore: `renewBefore` does not belong here; it is `rotation.renewBefore`",
        ),
        (
            "zzz: 1",
            "c:1:1: zzz: unknown key; allowed here: mode, installation, watch, rotation, overrides, probe, server, executor",
        ),
        (
            "rotation: {limits: {total: 1, total: 2}}",
            "c:1:31: rotation.limits.total: set twice; first in line 1",
        ),
        ("probe: {}\nmode: report\nprobe: {}", "c:3:1: probe: set twice; first in line 1"),
        (
            "overrides: [{match: {selector: a}, limits: {total: 1}}]",
            "c:1:36: overrides[0].limits: `limits` holds for the whole fleet; it is `rotation.limits`",
        ),
        (
            "overrides: [{match: {selector: a}, timout: 1m}]",
            "c:1:36: overrides[0].timout: unknown key, did you mean `timeout`?",
        ),
        ("<<: {}", "c:1:1: <<: merging sections is not supported; write the settings out"),
        ("? [a]\n: b", "c:1:3: a key must be a name, not a list, a section or nothing"),
        (
            "\"a\\nb\\e[31m\": 1",
            "c:1:1: a\\nb\\u{1b}[31m: unknown key; allowed here: mode, installation, watch, rotation, overrides, probe, server, executor",
        ),
    ]);
}

#[test]
fn shapes() {
    check(&[
        ("just text", "c:1:1: a single value where a section is expected"),
        ("- a", "c:1:1: a list where a section is expected"),
        ("rotation: 5", "c:1:11: rotation: a single value where a section is expected"),
        ("mode: [a]", "c:1:7: mode: a list where one value is expected: `enforce` or `report`"),
        (
            "mode: {a: b}",
            "c:1:7: mode: a section where one value is expected: `enforce` or `report`",
        ),
        ("mode:", "c:1:5: mode: no value; allowed: `enforce` or `report`"),
        ("mode: ~", "c:1:7: mode: no value; allowed: `enforce` or `report`"),
        (
            "watch: {namespaces: prod}",
            "c:1:21: watch.namespaces: a single value where a list of names or patterns, such as `[prod-*]` is expected",
        ),
        (
            "watch: {namespaces: [[a]]}",
            "c:1:22: watch.namespaces[0]: a list where one value is expected: a list of names or patterns, such as `[prod-*]`",
        ),
        (
            "rotation: {windows: {open: a}}",
            "c:1:21: rotation.windows: a section where a list of at most 16 sections is expected",
        ),
        (
            "rotation:\n  windows:\n  -",
            "c:3:4: rotation.windows[0]: `open` is missing: when the window opens\n\
             c:3:4: rotation.windows[0]: `for` is missing: how long it stays open",
        ),
        (
            "rotation: {schedule: '@daily'}",
            "c:1:22: rotation.schedule: a single value where a section is expected",
        ),
        ("rotation: {schedule: {}}", "c:1:22: rotation.schedule: `cron` is missing: when"),
        (
            "overrides: [{timeout: 1m}]",
            "c:1:13: overrides[0]: `match` is missing: for which databases",
        ),
        (
            "overrides: [{match: x, timeout: 1m}]",
            "c:1:21: overrides[0].match: a single value where a section is expected",
        ),
    ]);
    let many = format!("overrides: [{}]", "{match: {selector: a}}, ".repeat(101));
    assert_eq!(said(&many), ["c:1:12: overrides: 101 items are too many; allowed: 100"]);
}

#[test]
fn numbers_words_and_switches() {
    check(&[
        (
            "mode: reprot",
            "c:1:7: mode: `reprot` is not known here, did you mean `report`?; allowed: `enforce`, `report`",
        ),
        (
            "mode: Report",
            "c:1:7: mode: `Report` is not known here, did you mean `report`?; allowed: `enforce`, `report`",
        ),
        ("mode: off", "c:1:7: mode: `off` is not known here; allowed: `enforce`, `report`"),
        (
            "rotation: {onIssuerChange: auto}",
            "c:1:28: rotation.onIssuerChange: `auto` is not known here; allowed: `rotate`, `report`",
        ),
        (
            "rotation: {emergency: {overrides: [windows, limits]}}",
            "c:1:45: rotation.emergency.overrides[1]: `limits` is not known here; allowed: `windows`, `freezes`",
        ),
        (
            "rotation: {limits: {total: 0}}",
            "c:1:28: rotation.limits.total: `0` is too small; allowed: 1 to 10000",
        ),
        (
            "rotation: {limits: {total: -1}}",
            "c:1:28: rotation.limits.total: `-1` is too small; allowed: 1 to 10000",
        ),
        (
            "rotation: {limits: {total: 99999999999}}",
            "c:1:28: rotation.limits.total: `99999999999` is too large; allowed: 1 to 10000",
        ),
        (
            "rotation: {limits: {total: two}}",
            "c:1:28: rotation.limits.total: `two` is no whole number; allowed: 1 to 10000",
        ),
        (
            "rotation: {limits: {total: 1.5}}",
            "c:1:28: rotation.limits.total: `1.5` is no whole number; allowed: 1 to 10000",
        ),
        (
            "rotation: {limits: {total: '1'}}",
            "c:1:28: rotation.limits.total: `1` in quotes is text; allowed: a whole number from 1 to 10000",
        ),
        (
            "rotation: {retry: {attempts: 0}}",
            "c:1:30: rotation.retry.attempts: `0` is too small; allowed: 1 to 100",
        ),
        (
            "probe: {concurrency: 1001}",
            "c:1:22: probe.concurrency: `1001` is too large; allowed: 1 to 1000",
        ),
        (
            "probe: {enabled: yes}",
            "c:1:18: probe.enabled: `yes` is no switch; allowed: `true` or `false`",
        ),
        (
            "probe: {enabled: 'true'}",
            "c:1:18: probe.enabled: `true` in quotes is text; allowed: `true` or `false`",
        ),
        (
            "executor: {issueWith: vault}",
            "c:1:23: executor.issueWith: `vault` is not known here; allowed: `certManager`, `self`",
        ),
    ]);
}

#[test]
fn names_and_addresses() {
    check(&[
        (
            "installation: My_Install",
            "c:1:15: installation: `My_Install` is no name; allowed: 1 to 63 of a-z, 0-9 and `-`, no `-` at either end",
        ),
        (
            "watch: {namespaces: [ok, Prod]}",
            "c:1:26: watch.namespaces[1]: \"Prod\" is no namespace; allowed: 1 to 63 of a-z, 0-9, `-` and `*` (any characters), \
             no `-` at either end",
        ),
        (
            "watch: {selector: a b}",
            "c:1:19: watch.selector: \"b\" where `=`, `!=`, `in`, `notin` or a comma is expected; such as `a=b`, `a!=b`, \
             `a in (x,y)`, `!a`",
        ),
        (
            "overrides: [{match: {}, timeout: 1m}]",
            "c:1:21: overrides[0].match: matches every database; name namespaces or a selector, or write these settings \
             under `rotation`",
        ),
        (
            "overrides: [{match: {namespaces: [], selector: ''}, timeout: 1m}]",
            "c:1:21: overrides[0].match: matches every database; name namespaces or a selector, or write these settings \
             under `rotation`",
        ),
        (
            "server: {metrics: localhost:9440}",
            "c:1:19: server.metrics: `localhost:9440` is no address; allowed: an IP address and a port, such as `127.0.0.1:9441`",
        ),
        (
            "server: {page: ':9441'}",
            "c:1:16: server.page: `:9441` is no address; allowed: an IP address and a port, such as `0.0.0.0:9440`",
        ),
        (
            "server: {page: 127.0.0.1:9440}",
            "c:1:16: server.page: metrics (0.0.0.0:9440) and page (127.0.0.1:9440) cannot listen on the same port",
        ),
        (
            "server: {metrics: 127.0.0.1:9441}",
            "c:1:19: server.metrics: metrics (127.0.0.1:9441) and page (127.0.0.1:9441) cannot listen on the same port",
        ),
    ]);
    assert!(said("server: {metrics: 127.0.0.1:0, page: 127.0.0.1:0}")[0].contains("warning"));
    assert!(said("server: {metrics: 127.0.0.1:5, page: 127.0.0.2:5}")[0].contains("warning"));
}

#[test]
fn syntax() {
    check(&[
        ("a: [", "c:1:4: no valid YAML: unclosed bracket '['"),
        (
            "probe: {}\nmode: b: c",
            "c:2:8: no valid YAML: mapping values are not allowed in this context",
        ),
        ("mode: \"unclosed", "c:1:7: no valid YAML: unclosed quote"),
        (
            "mode: report\n---\nmode: enforce",
            "c:2:1: a second document begins; one file holds one document",
        ),
        ("mode: *b", "c:1:7: no valid YAML: while parsing node, found unknown anchor"),
        ("a: &a [*a]", "c:1:8: this alias stands inside of what it repeats"),
        ("mode: !secret report", "c:1:15: the tag `!secret` is not known here"),
    ]);
}

#[test]
fn everything_at_once_in_the_order_of_the_file() {
    let text = "\
mode: reprot
rotation:
  windows:
    - open: 0 2 * * SAT
      for: 4
    - {open: 61 2 * * SAT, for: 1h, zone: UTC}
  renewBefore: 0%
  limits: {total: 0}
server: {page: 0.0.0.0:9440}
probes: {}
";
    check(&[(
        text,
        "\
c:1:7: mode: `reprot` is not known here, did you mean `report`?; allowed: `enforce`, `report`
c:5:12: rotation.windows[0].for: `4` lacks a unit; allowed: w, d, h, m and s, largest first, such as `1h30m`
c:6:14: rotation.windows[1].open: minute \"61\": 61 is out of range; allowed: 0-59, with ranges a-b, lists a,b and steps */n
c:6:37: rotation.windows[1].zone: unknown key, did you mean `timezone`?
c:7:16: rotation.renewBefore: `0%` is no share of a lifetime; allowed: `1%` to `99%`
c:8:19: rotation.limits.total: `0` is too small; allowed: 1 to 10000
c:9:16: server.page: metrics (0.0.0.0:9440) and page (0.0.0.0:9440) cannot listen on the same port
c:10:1: probes: unknown key, did you mean `probe`?",
    )]);
}
