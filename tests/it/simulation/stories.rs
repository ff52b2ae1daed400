//! What leads a daemon and an executor to each of their writes, and what comes of it when one of them
//! dies there.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;

use certrotor::core::time::Span;
use certrotor::core::vocabulary::WritePoint;
use certrotor::executor::vocabulary::ExecutorWrite;

use super::crashes::{BOTH, crashes};
use super::plan::{Crash, Deed, Happening, Moment, Plan, Promise, Role};
use super::runner::{Run, is_replay, report, run_all};
use crate::support::effort::Effort;
use crate::support::lab::test_name;
use crate::support::parts::skipped;

/// A calm rotation opens at once, and closes after twelve seconds.
fn stories() -> Vec<Plan> {
    let at = Duration::from_secs;
    let deed = |second, deed| (at(second), Happening::Deed(deed));
    let dies = |second, role| (at(second), Happening::Kill(role, 0));
    let story = |name: &str, happenings: Vec<(Duration, Happening)>| Plan {
        happenings,
        named: true,
        ..Plan::calm(name)
    };
    let asks = vec![deed(2, Deed::Ask(0)), deed(2, Deed::Ask(1))];
    vec![
        story("nothing happens", Vec::new()),
        Plan { servers: vec![1, 1], ..story("two are asked for", asks) },
        story("its Rotation is deleted", vec![deed(2, Deed::LoseRotation(0))]),
        story(
            "held before the executor comes",
            vec![
                deed(0, Deed::WriteRotation(0)),
                deed(0, Deed::Suspend(0, true)),
                dies(2, Role::Executor),
                deed(4, Deed::Suspend(0, false)),
                deed(6, Deed::Suspend(0, true)),
                deed(10, Deed::Ask(0)),
                deed(20, Deed::Suspend(0, false)),
            ],
        ),
        story(
            "another database of its name",
            vec![deed(0, Deed::WriteRotation(0)), deed(30, Deed::MakeAnew(0))],
        ),
        story("old requests come back", vec![deed(0, Deed::Restore(0))]),
        story(
            "rotated by hand, twice",
            vec![deed(2, Deed::RotateByHand(0)), deed(4, Deed::RotateByHand(0))],
        ),
        Plan { servers: vec![3], ..story("a primary that hands its role over", Vec::new()) },
        Plan { promise: Promise::ON_SCHEDULE, ..story("a schedule", Vec::new()) },
        story("other certificates", vec![deed(20, Deed::ChangeCertificates(0))]),
        Plan {
            servers: vec![3],
            ..story("another issuer", vec![deed(100, Deed::ChangeIssuer(0))])
        },
        story(
            "TLS goes and comes back",
            vec![
                deed(20, Deed::RemoveTls(0)),
                // In vain: what was made for it goes again.
                deed(90, Deed::BreakIssuer),
                deed(90, Deed::AddTls(0)),
                deed(2_500, Deed::MendIssuer),
                deed(2_510, Deed::AddTls(0)),
            ],
        ),
        story("asked for nothing", vec![deed(0, Deed::AskNonsense(0))]),
        story(
            "an issuer that cannot sign",
            vec![
                deed(0, Deed::BreakIssuer),
                deed(0, Deed::RotateByHand(0)),
                deed(3_600, Deed::MendIssuer),
            ],
        ),
        story("its request is deleted at work", vec![deed(2, Deed::DeleteRequest(0))]),
        Plan { ahead: Span::seconds(40), ..story("an executor of tomorrow", Vec::new()) },
    ]
}

/// The daemon dies between the intent to take a request back and doing so; by the time there is
/// another, an executor has started it.
fn started_meanwhile(run: &Run) -> Option<Plan> {
    let place = run.named[Role::Daemon as usize].iter().position(|it| it == "intendWithdrawal")?;
    let crash = Crash { who: Role::Daemon, nth: place + 1, moment: Moment::After, then: None };
    let name = format!("{}, who is faster", run.plan.name);
    Some(Plan { name, crashes: vec![crash], ..run.plan.clone() })
}

/// Those that are no part of a rotation; what is said to servers, of which the apiserver hears nothing;
/// and one that needs a server which loads its certificates anew, so that `operate::real` has it.
const BESIDE: [&str; 5] = ["holdLease", "postEvent", "reloadTls", "switchPrimary", "noteReloaded"];

/// All stories as they go when nobody dies; none in the quick run.
fn told() -> Option<&'static [Run]> {
    static TOLD: OnceLock<Vec<Run>> = OnceLock::new();
    if Effort::of_this_run() == Effort::Quick {
        skipped(&test_name(), "it is part of the whole run (tests/run)");
        return None;
    }
    let told = TOLD.get_or_init(|| {
        let mut runs = run_all(&stories());
        runs.extend(run_all(&runs.iter().filter_map(started_meanwhile).collect::<Vec<_>>()));
        report("stories", &runs, |_| None);
        runs
    });
    Some(told)
}

#[test]
fn every_write_is_reached() {
    let Some(told) = told().filter(|_| !is_replay()) else { return };
    let missing = |role: Role, all: Vec<&'static str>| -> Vec<&str> {
        let named = told.iter().flat_map(|run| &run.named[role as usize]);
        let reached: BTreeSet<&str> = named.map(String::as_str).collect();
        all.into_iter().filter(|it| !reached.contains(it) && !BESIDE.contains(it)).collect()
    };
    let all = WritePoint::ALL.iter().map(|point| point.as_str()).collect();
    assert_eq!(missing(Role::Daemon, all), [""; 0], "of the daemon");
    let all = ExecutorWrite::ALL.iter().map(|point| point.as_str()).collect();
    assert_eq!(missing(Role::Executor, all), [""; 0], "of the executor");
}

#[test]
fn whoever_dies_at_any_of_them_loses_nothing_and_repeats_nothing() {
    let Some(told) = told() else { return };
    // What is written in a calm rotation has its own tests; of the others, each once but in the full run.
    let mut seen = told[0].named.clone().map(BTreeSet::from_iter);
    let mut plans = Vec::new();
    for run in told {
        for who in [Role::Daemon, Role::Executor] {
            let names = &run.named[who as usize];
            let mut is_new = |nth: usize| {
                names.get(nth - 1).is_some_and(|name| seen[who as usize].insert(name.clone()))
            };
            let nths: BTreeSet<usize> = (1..=run.writes[who as usize])
                .filter(|nth| is_new(*nth) || Effort::of_this_run() == Effort::Full)
                .collect();
            let all = crashes(run, who, BOTH).into_iter();
            plans.extend(
                all.filter(|plan| {
                    plan.crashes.last().is_some_and(|crash| nths.contains(&crash.nth))
                }),
            );
        }
    }
    report("stories in which somebody dies", &run_all(&plans), |_| None);
}
