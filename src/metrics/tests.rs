use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::acts::{Vocabulary, WRITE_RESULTS};
use super::names::{self, Kind};
use super::*;
use crate::cluster::failure::ApiFailure;
use crate::core::time::{Span, Time};
use crate::core::vocabulary::{Cause, Outcome, WritePoint};

fn acts() -> Acts {
    let vocabulary = Vocabulary {
        wakes: vec!["changed", "due"],
        watched: vec!["mysqls"],
        calls: vec![("list", "mysqls"), ("create", "mysqlopsrequests")],
        probes: vec!["seen", "timeout"],
    };
    Acts::new(&vocabulary).unwrap()
}

/// A page with facts of some databases, one of which has a hostile name.
fn page(databases: usize) -> Page {
    let mut page = Page::with_capacity(databases * 400);
    let keys: Vec<String> = (0..databases).map(|number| format!("database-{number}")).collect();
    let keys = || keys.iter().map(String::as_str).chain(["a\"b\\c\nd}"]);
    let mut family = page.family(&names::CERTIFICATE_NOT_AFTER);
    for key in keys() {
        family.sample(&["demo", key, "server"], Time::from_unix(1_800_000_000));
    }
    let mut family = page.family(&names::CERTIFICATE_AGE);
    for key in keys() {
        family.sample(&["demo", key, "server"], Span::days(20));
    }
    page.family(&names::LEADER).sample(&[], true);
    page
}

/// How many series each metric has.
fn series(page: &str) -> BTreeMap<&str, usize> {
    let mut series = BTreeMap::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        *series.entry(line.split(['{', ' ']).next().unwrap()).or_default() += 1;
    }
    series
}

#[test]
fn every_series_that_can_be_named_is_there_at_zero() {
    let page = render(Page::default(), &acts());
    let series = series(&page);
    for (name, expected) in [
        (names::ROTATIONS.name, Cause::ALL.len() * Outcome::ALL.len()),
        (names::WRITES.name, WritePoint::ALL.len() * WRITE_RESULTS.len()),
        (names::API_REQUESTS.name, 2 * 5),
        (names::API_ERRORS.name, 2 * ApiFailure::CLASSES.len()),
        (names::CONFIG_RELOADS.name, 2),
        (names::WATCH_RESTARTS.name, 1),
        (names::WAKES.name, 2),
        (names::EVENTS_DROPPED.name, 1),
        (names::LEADER_TRANSITIONS.name, 1),
        ("certrotor_plan_duration_seconds_count", 1),
    ] {
        assert_eq!(series.get(name), Some(&expected), "{name}");
    }
    let zero = "certrotor_rotations_total{cause=\"ServedStale\",outcome=\"verified\"} 0\n";
    assert!(page.contains(zero));
}

#[test]
fn acts_are_counted_where_they_belong() {
    let acts = acts();
    acts.rotation_ended(Cause::RenewalDue, Outcome::Verified);
    acts.reconfigured(Span::minutes(4));
    acts.life_left(Span::days(30), Span::days(90));
    acts.life_left(Span::seconds(-5), Span::days(90));
    acts.write(WritePoint::CreateRequest.as_str(), "ok");
    acts.config_reloaded(false);
    acts.watch_restarted("mysqls");
    acts.planned(Duration::from_millis(2));
    acts.woken("due");
    acts.leader_changed();
    crate::cluster::meter::ApiMetrics::answered(&acts, "list", "mysqls", "2xx");
    crate::cluster::meter::ApiMetrics::failed(&acts, "list", "timeout");
    crate::cluster::events::EventMetrics::dropped(&acts);
    let page = render(Page::default(), &acts);
    for line in [
        "certrotor_rotations_total{cause=\"RenewalDue\",outcome=\"verified\"} 1",
        "certrotor_reconfigure_duration_seconds_bucket{le=\"180\"} 0",
        "certrotor_reconfigure_duration_seconds_bucket{le=\"300\"} 1",
        "certrotor_remaining_life_at_rotation_seconds_bucket{le=\"0\"} 1",
        "certrotor_remaining_life_at_rotation_seconds_bucket{le=\"2592000\"} 2",
        "certrotor_remaining_life_at_rotation_ratio_bucket{le=\"0.3\"} 1",
        "certrotor_remaining_life_at_rotation_ratio_bucket{le=\"0.35\"} 2",
        "certrotor_writes_total{result=\"ok\",write_point=\"createRequest\"} 1",
        "certrotor_config_reloads_total{result=\"rejected\"} 1",
        "certrotor_watch_restarts_total{resource=\"mysqls\"} 1",
        "certrotor_plan_duration_seconds_bucket{le=\"0.003\"} 1",
        "certrotor_wakes_total{reason=\"due\"} 1",
        "certrotor_leader_transitions_total 1",
        "certrotor_api_requests_total{class=\"2xx\",resource=\"mysqls\",verb=\"list\"} 1",
        "certrotor_api_errors_total{class=\"timeout\",verb=\"list\"} 1",
        "certrotor_events_dropped_total 1",
        concat!("certrotor_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
    ] {
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    }
}

#[test]
fn what_is_exported_is_what_is_declared() {
    let operate = executor::ExecutorActs::new().unwrap().render(true);
    let page = render(page(1), &acts()) + &operate;
    for line in page.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        let row = names::ALL.iter().find(|row| row.name == name);
        assert_eq!(row.map(|row| row.kind.as_str()), Some(kind), "{name}");
    }
    let counted = names::ALL.iter().filter(|row| row.kind != Kind::Gauge);
    for row in counted.filter(|row| row.name.starts_with("certrotor_")) {
        assert!(page.contains(&format!("# TYPE {} ", row.name)), "{} is missing", row.name);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_process_shows_itself() {
    let page = render(Page::default(), &acts());
    for (name, low, high) in [
        ("process_cpu_seconds_total", 0.0, 1e6),
        ("process_resident_memory_bytes", 1e6, 1e12),
        ("process_virtual_memory_bytes", 1e6, 1e15),
        ("process_open_fds", 3.0, 1e5),
        ("process_max_fds", 64.0, 1e19),
        ("process_start_time_seconds", 1.7e9, 1e10),
    ] {
        let line = page.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let value: f64 = line.trim().parse().unwrap();
        assert!((low..=high).contains(&value), "{name} {value}");
    }
}

#[test]
fn promtool_finds_nothing_to_say() {
    let page = render(page(3), &acts());
    let spawned = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = spawned else {
        eprintln!("SKIPPED: promtool check metrics, because promtool is not on PATH");
        return;
    };
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

/// Generous, for a debug build on a busy machine; `benches/goals.rs` holds the real figure.
#[test]
#[expect(clippy::disallowed_methods, reason = "measures the real time that rendering takes")]
fn a_large_fleet_is_rendered_at_once() {
    let began = Instant::now();
    let text = page(50_000).into_string();
    let took = began.elapsed();
    assert_eq!(series(&text).values().sum::<usize>(), 100_003);
    println!("{} bytes in {took:?}", text.len());
    assert!(took < Duration::from_secs(5), "{took:?}");
}
