//! Every bug is found: with each mutant at least one plan goes wrong, and without it none.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::mutants::Mutant;
use super::oracles::judge;
use super::plan::{Deed, Happening, Plan};
use super::runner::{report, run_all};
use crate::support::effort::Effort;
use crate::support::lab::test_name;
use crate::support::parts::skipped;

/// Long enough to see that a rotation does not come.
const PATIENCE: Duration = Duration::from_mins(40);

const ALL: [Mutant; 7] = [
    Mutant::GeneratedNames,
    Mutant::CountsNothing,
    Mutant::OldClock,
    Mutant::MonotonicClock,
    Mutant::NoLimit,
    Mutant::NoWindow,
    Mutant::NothingApart,
];

/// The plans in which a bug shows.
fn plans(mutant: Mutant) -> Vec<Plan> {
    match mutant {
        Mutant::GeneratedNames | Mutant::CountsNothing | Mutant::NoLimit => {
            vec![Plan { patience: PATIENCE, ..Plan::two("calm") }]
        }
        Mutant::OldClock | Mutant::MonotonicClock | Mutant::NoWindow => {
            vec![Plan { patience: PATIENCE, ..Plan::evening() }]
        }
        Mutant::NothingApart => vec![Plan {
            happenings: vec![(Duration::from_mins(4), Happening::Deed(Deed::Ask(0)))],
            ..Plan::calm("asked again")
        }],
    }
}

#[test]
fn every_mutant_is_killed() {
    if Effort::of_this_run() == Effort::Quick {
        return skipped(&test_name(), "it is part of the whole run (tests/run)");
    }
    let right = ALL.into_iter().flat_map(plans).map(|plan| (plan.name.clone(), plan));
    let right: BTreeMap<String, Plan> = right.collect();
    let right: Vec<Plan> = right.into_values().collect();
    report("without a mutant", &run_all(&right), |_| None);
    let mut survived = Vec::new();
    for mutant in ALL {
        let plans = plans(mutant).into_iter();
        let plans: Vec<Plan> = plans.map(|plan| Plan { mutant: Some(mutant), ..plan }).collect();
        let found: Vec<_> = run_all(&plans).iter().map(judge).collect();
        let wrong = found.iter().filter(|found| !found.is_empty()).count();
        let saw: BTreeSet<_> = found.iter().flatten().map(|found| found.oracle).collect();
        println!("{mutant:?}: {wrong} of {} plans went wrong: {saw:?}", plans.len());
        if wrong == 0 {
            survived.push(mutant);
        }
    }
    assert!(survived.is_empty(), "nobody notices {survived:?}");
}
