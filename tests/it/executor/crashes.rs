//! An executor that is killed before and after each of its writes on a group of three, and two at
//! once: the rotation ends as if nothing had happened. (One server, faults by chance and replay:
//! `simulation`.)

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use certrotor::core::digest::Digest;
use certrotor::embedded::api::{Call, Fault, Verb};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::world::World;
use super::{ended, moves, nothing_goes_wrong, oracles, paused};
use crate::support::effort::sized;

/// How many seeds of slow calls are tried.
fn seeds() -> u64 {
    sized(2, 6, 120)
}

/// Whether the process dies before the apiserver sees the write, or after it was carried out.
#[derive(Clone, Copy, Debug)]
enum Crash {
    Before,
    After,
}

/// How many writes an undisturbed rotation takes.
fn count_writes() -> usize {
    paused(async move {
        let (world, others) = World::alive(3);
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let executor = world.start_executor("one", move |call| {
            counted.fetch_add(usize::from(moves(call)), Ordering::Relaxed);
            Fault::None
        });
        world.ask_to_rotate("rotate").await;
        ended(&world, "rotate", "counting").await;
        executor.abort();
        others.abort();
        count.load(Ordering::Relaxed)
    })
}

/// Kills the executor at its `nth` write; another starts five seconds later.
fn crash_at(nth: usize, crash: Crash) {
    let told = format!("crash {crash:?} write {nth}");
    paused(async move {
        let (world, others) = World::alive(3);
        let died = Arc::new(Notify::new());
        let (seen, tell) = (AtomicUsize::new(0), Arc::clone(&died));
        let first = world.start_executor("one", move |call| {
            if !moves(call) || seen.fetch_add(1, Ordering::Relaxed) + 1 != nth {
                return Fault::None;
            }
            tell.notify_one();
            match crash {
                Crash::Before => Fault::HangBefore,
                Crash::After => Fault::HangAfter,
            }
        });
        world.ask_to_rotate("rotate").await;
        died.notified().await;
        sleep(Duration::from_secs(1)).await;
        first.abort();
        sleep(Duration::from_secs(5)).await;
        let second = world.start_executor("two", nothing_goes_wrong);
        ended(&world, "rotate", &told).await;
        oracles::rotated(&world, "rotate", &told);
        second.abort();
        others.abort();
    });
}

#[test]
fn a_crash_before_or_after_any_write_loses_nothing_and_repeats_nothing() {
    let writes = count_writes();
    assert_eq!(writes, 25);
    for nth in (1..=writes).step_by(sized(3, 1, 1)) {
        crash_at(nth, Crash::Before);
        crash_at(nth, Crash::After);
    }
}

#[test]
fn an_executor_that_dies_at_every_single_write_gets_there_all_the_same() {
    paused(async {
        let (world, others) = World::alive(3);
        world.ask_to_rotate("rotate").await;
        let over = |phase: &str| phase == "Successful" || phase == "Failed";
        let mut lives = 0;
        while !over(&world.phase("rotate")) {
            lives += 1;
            assert!(lives < 100, "it never ends");
            let died = Arc::new(Notify::new());
            let tell = Arc::clone(&died);
            let executor = world.start_executor("mayfly", move |call| {
                if !moves(call) {
                    return Fault::None;
                }
                tell.notify_one();
                Fault::HangAfter
            });
            died.notified().await;
            sleep(Duration::from_secs(1)).await;
            executor.abort();
        }
        oracles::rotated(&world, "rotate", "mayflies");
        assert_eq!(lives, 25, "one for each write");
        others.abort();
    });
}

#[test]
fn two_executors_at_once_act_as_one() {
    for seed in 1..=seeds() {
        let told = format!("two executors, seed {seed}");
        paused(async move {
            let (world, others) = World::alive(3);
            let one = world.start_executor("one", slow(seed, 1));
            let two = world.start_executor("two", slow(seed, 2));
            world.ask_to_rotate("rotate").await;
            ended(&world, "rotate", &told).await;
            oracles::rotated(&world, "rotate", &told);
            one.abort();
            two.abort();
            others.abort();
        });
    }
}

/// Each call takes up to nine seconds, as chance has it: decisions are old when they are written.
fn slow(seed: u64, who: i64) -> impl Fn(&Call) -> Fault {
    let chance = Chance::new(seed, who);
    move |call| {
        if call.verb == Verb::Watch || chance.below(3) > 0 {
            return Fault::None;
        }
        Fault::Delay(Duration::from_millis(chance.below(9_000)))
    }
}

/// Seeded chance.
struct Chance {
    seed: Digest,
    drawn: AtomicU64,
}

impl Chance {
    fn new(seed: u64, who: i64) -> Self {
        Self { seed: Digest(seed).and(who), drawn: AtomicU64::new(0) }
    }

    fn below(&self, bound: u64) -> u64 {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        let number = self.seed.and(drawn.cast_signed()).below(bound.cast_signed());
        number.cast_unsigned()
    }
}
