//! The unmodified daemon on paused time over the API in memory, killed before and after each of
//! its writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use certrotor::embedded::api::{Call, Fault, Verb};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

mod oracles;
mod world;

use world::World;

const LIMIT_ONE: &str = "rotation: {limits: {total: 1, perNamespace: 1, perIssuer: 1}}";
/// Long enough for two rotations after a crash, with everything that waits in them.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Whether the process dies before the apiserver sees the write, or after it was carried out.
#[derive(Clone, Copy, Debug)]
enum Crash {
    Before,
    After,
}

const fn writes(call: &Call) -> bool {
    matches!(call.verb, Verb::Create | Verb::Update | Verb::Patch | Verb::Delete)
}

/// Leases and Events are written at the clock's pace; they are no part of a rotation.
fn moves(call: &Call) -> bool {
    writes(call) && call.resource != "leases" && call.resource != "events"
}

fn paused(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(test);
}

async fn until_rotated(world: &World, told: &str) {
    let rotated = async {
        while !world.all_rotated() {
            sleep(Duration::from_secs(1)).await;
        }
    };
    let states = || world::DATABASES.map(|database| world.status(database).to_string());
    assert!(timeout(PATIENCE, rotated).await.is_ok(), "{told}: not rotated: {:#?}", states());
}

/// How many writes an undisturbed run takes.
fn count_writes() -> usize {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    paused(async move {
        let world = Arc::new(World::new(LIMIT_ONE));
        let operator = tokio::spawn(Arc::clone(&world).operate(Duration::from_secs(30)));
        let daemon = world.start_daemon("one", move |call| {
            counted.fetch_add(usize::from(moves(call)), Ordering::Relaxed);
            Fault::None
        });
        until_rotated(&world, "undisturbed").await;
        oracles::check(&world.server, 1, "undisturbed");
        let before = counted_writes(&world);
        sleep(Duration::from_secs(86_400)).await;
        assert_eq!(counted_writes(&world), before, "a fleet at rest is written to");
        daemon.abort();
        operator.abort();
    });
    count.load(Ordering::Relaxed)
}

/// Commits of rotations, requests and slots.
fn counted_writes(world: &World) -> usize {
    let commits = world.server.commits_after(0);
    let ours = |resource: &str| {
        resource.starts_with("rotations")
            || resource.starts_with("mysqlopsrequests")
            || resource.starts_with("configmaps")
    };
    commits.iter().filter(|commit| ours(&commit.key.resource)).count()
}

/// Kills the daemon at its `nth` write; another starts ten seconds later.
fn crash_at(nth: usize, crash: Crash, change: Option<&'static str>) {
    let told = format!("crash {crash:?} write {nth}, then {}", change.unwrap_or("as before"));
    paused(async move {
        let world = Arc::new(World::new(LIMIT_ONE));
        let operator = tokio::spawn(Arc::clone(&world).operate(Duration::from_secs(30)));
        let died = Arc::new(Notify::new());
        let (seen, tell) = (AtomicUsize::new(0), Arc::clone(&died));
        let first = world.start_daemon("one", move |call| {
            if !moves(call) || seen.fetch_add(1, Ordering::Relaxed) + 1 != nth {
                return Fault::None;
            }
            tell.notify_one();
            match crash {
                Crash::Before => Fault::HangBefore,
                Crash::After => Fault::HangAfter,
            }
        });
        died.notified().await;
        sleep(Duration::from_secs(1)).await;
        first.abort();
        if let Some(config) = change {
            world.reconfigure(config);
        }
        sleep(Duration::from_secs(10)).await;
        let second = world.start_daemon("two", |_| Fault::None);
        until_rotated(&world, &told).await;
        oracles::check(&world.server, 1, &told);
        second.abort();
        operator.abort();
    });
}

/// Every so many writes in the ordinary run; each of them in the full one (`CERTROTOR_TEST_FULL=1`).
fn some(writes: std::ops::RangeInclusive<usize>, every: usize) -> impl Iterator<Item = usize> {
    let full = std::env::var("CERTROTOR_TEST_FULL").is_ok_and(|value| value == "1");
    let (first, step) = if full { (1, 1) } else { (*writes.start(), every) };
    (first..=*writes.end()).step_by(step)
}

#[test]
fn a_crash_before_or_after_any_write_loses_nothing_and_repeats_nothing() {
    let writes = count_writes();
    assert!(writes > 15, "a run of {writes} writes does not rotate two databases");
    for nth in some(1..=writes, 6) {
        crash_at(nth, Crash::Before, None);
    }
    for nth in some(4..=writes, 6) {
        crash_at(nth, Crash::After, None);
    }
}

#[test]
fn a_config_that_changes_between_a_write_and_its_reply_repeats_nothing() {
    // From then on every certificate is an emergency, and the request's stage another.
    let emergency = "rotation: {limits: {total: 1, perNamespace: 1, perIssuer: 1}, \
                     emergency: {before: 14d}}";
    for nth in some(2..=count_writes(), 6) {
        crash_at(nth, Crash::After, Some(emergency));
    }
}

#[test]
fn two_daemons_that_both_start_at_once_act_as_one() {
    paused(async {
        let world = Arc::new(World::new(LIMIT_ONE));
        let operator = tokio::spawn(Arc::clone(&world).operate(Duration::from_secs(30)));
        let one = world.start_daemon("one", |_| Fault::None);
        let two = world.start_daemon("two", |_| Fault::None);
        until_rotated(&world, "two daemons").await;
        oracles::check(&world.server, 1, "two daemons");
        one.abort();
        two.abort();
        operator.abort();
    });
}
