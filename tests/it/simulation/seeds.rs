//! Plans made by chance: each seed is one, and always the same.

use std::time::Duration;

use certrotor::core::digest::Digest;
use certrotor::core::time::Span;

use super::plan::{Chance, Deed, Happening, LATE, Plan, Promise, Role};
use super::runner::{report, run, run_all};
use crate::support::effort::sized;

/// Draws from a seed.
pub(crate) struct Dice {
    seed: Digest,
    drawn: i64,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed: Digest(seed).and(-1), drawn: 0 }
    }

    fn below(&mut self, bound: i64) -> i64 {
        self.drawn += 1;
        self.seed.and(self.drawn).below(bound)
    }

    fn index(&mut self) -> usize {
        usize::from(self.below(2) == 1)
    }

    fn one_in(&mut self, bound: i64) -> bool {
        self.below(bound) == 0
    }
}

/// The plan of a seed.
pub(crate) fn plan(seed: u64) -> Plan {
    let mut dice = Dice::new(seed);
    let daemons = if dice.one_in(3) { 2 } else { 1 };
    let executors = if dice.one_in(4) { 2 } else { 1 };
    let promise = if dice.one_in(3) { Promise::TWO_AT_A_TIME } else { Promise::ONE_AT_A_TIME };
    let lag = if dice.one_in(3) { dice.below(9) } else { 0 };
    let chance = Chance {
        seed,
        one_in: dice.below(30).cast_unsigned() + 6,
        lasts: Duration::from_secs(60 + dice.below(240).cast_unsigned()),
    };
    let servers = if dice.one_in(5) { vec![1, 1] } else { vec![1] };
    // Mostly it is everybody's turn, so that the storm falls on a rotation.
    let begins = if dice.one_in(4) { Span::minutes(dice.below(390)) } else { LATE };
    let all_lead = daemons == 2 && dice.one_in(2);
    let mut happenings = Vec::new();
    for _ in 0..dice.below(6) {
        let at = Duration::from_secs(5 + dice.below(290).cast_unsigned());
        draw(&mut dice, at, [daemons, executors, servers.len()], &mut happenings);
    }
    Plan {
        servers,
        begins,
        daemons,
        executors,
        all_lead,
        promise,
        lag: Duration::from_secs(lag.cast_unsigned()),
        chance: Some(chance),
        happenings,
        ..Plan::calm(&format!("SEED={seed}"))
    }
}

fn draw(
    dice: &mut Dice,
    at: Duration,
    [daemons, executors, databases]: [usize; 3],
    happenings: &mut Vec<(Duration, Happening)>,
) {
    let which = dice.index();
    let database = which % databases;
    let happening = match dice.below(13) {
        0 => Happening::CutWatches,
        1 => Happening::ForgetHistory,
        2 | 3 => Happening::Kill(Role::Daemon, which % daemons),
        4 => Happening::Kill(Role::Executor, which % executors),
        5 => {
            // Far off for a while, and then right again.
            let by = dice.below(1_200) - 600;
            let later = at + Duration::from_secs(60 + dice.below(200).cast_unsigned());
            happenings.push((later, Happening::SetClock(which % daemons, Span::seconds(-by))));
            Happening::SetClock(which % daemons, Span::seconds(by))
        }
        6 => Happening::Sleep(Span::minutes(dice.below(600))),
        7 => Happening::Deed(Deed::Ask(database)),
        8 => {
            let later = at + Duration::from_secs(60 + dice.below(200).cast_unsigned());
            happenings.push((later, Happening::Deed(Deed::Suspend(database, false))));
            Happening::Deed(Deed::Suspend(database, true))
        }
        9 => Happening::Deed(Deed::DeleteRequest(database)),
        10 => Happening::Deed(Deed::RotateByHand(database)),
        11 => Happening::Deed(Deed::LoseSlots),
        _ => Happening::Deed(Deed::LoseRotation(database)),
    };
    happenings.push((at, happening));
}

fn seeds() -> Vec<u64> {
    match std::env::var("SEED") {
        Ok(seed) => vec![seed.parse().expect("SEED is a number")],
        Err(_) => (1..=sized(6, 200, 2_000)).collect(),
    }
}

#[test]
fn whatever_chance_does_nothing_is_lost_and_nothing_repeated() {
    let plans: Vec<Plan> = seeds().into_iter().map(plan).collect();
    report("seeds", &run_all(&plans), |_| None);
}

#[test]
fn a_seed_is_always_the_same_run() {
    for seed in sized(&[3][..], &[3, 5, 8], &[3, 5, 8, 13, 21]) {
        let seed = *seed;
        let [first, second] = [run(&plan(seed)), run(&plan(seed))];
        let differs = first.journal.iter().zip(&second.journal).find(|(one, other)| one != other);
        assert_eq!(differs, None, "SEED={seed}");
        assert_eq!(first.journal.len(), second.journal.len(), "SEED={seed}");
    }
}
