//! A process dies before and after each of its writes.

use std::time::Duration;

use super::oracles::{Violation, differences};
use certrotor::core::time::Span;

use super::plan::{Crash, Deed, Happening, Moment, Plan, Promise, Role};
use super::runner::{Run, report, run, run_all};
use crate::support::effort::{Effort, sized};

/// From then on every certificate is an emergency, and the request's stage another.
const EMERGENCY: &str = "rotation:\n  limits: {total: 1, perNamespace: 1, perIssuer: 1}\n  \
                         windows: [{open: '0 11 * * *', for: 8h, timezone: UTC}]\n  \
                         minInterval: 6h\n  emergency: {before: 15d}\n";

pub(super) fn crashes(calm: &Run, who: Role, moments: &[Moment]) -> Vec<Plan> {
    let writes = calm.writes[who as usize];
    let names = &calm.named[who as usize];
    let each = (1..=writes).flat_map(|nth| moments.iter().map(move |moment| (nth, *moment)));
    let plans = each.map(|(nth, moment)| Plan {
        name: format!(
            "{}: {who:?} dies {moment:?} write {nth}, {}",
            calm.plan.name,
            // Where one was tried in vain, those after it are called as the one before.
            names.get(nth - 1).map_or("the last", String::as_str)
        ),
        named: false,
        crashes: [&calm.plan.crashes[..], &[Crash { who, nth, moment, then: None }]].concat(),
        ..calm.plan.clone()
    });
    plans.collect()
}

pub(super) const BOTH: &[Moment] = &[Moment::Before, Moment::After];

/// Every write of a role against a run in which nobody dies, before and after; a few in the quick run.
fn every_write(plan: &Plan, who: Role) {
    let calm = run(&Plan { named: true, ..plan.clone() });
    report(&plan.name, std::slice::from_ref(&calm), |_| None);
    let (writes, names) = (calm.writes[who as usize], &calm.named[who as usize]);
    assert!(writes > 8, "a run of {writes} writes rotates nothing");
    assert_eq!(names.len(), writes, "a calm run in which a write failed: {names:?}");
    let plans = crashes(&calm, who, BOTH).into_iter().step_by(sized(5, 1, 1));
    let runs = run_all(&plans.collect::<Vec<_>>());
    report(&format!("{}, every write of the {who:?}", plan.name), &runs, |run| {
        differences(run, &calm)
    });
}

#[test]
fn a_daemon_that_dies_at_any_write_loses_nothing_and_repeats_nothing() {
    every_write(&Plan::calm("one daemon"), Role::Daemon);
}

#[test]
fn an_executor_that_dies_at_any_write_loses_nothing_and_repeats_nothing() {
    every_write(&Plan::calm("one executor"), Role::Executor);
}

#[test]
fn with_a_second_daemon_alive_nothing_is_lost_and_nothing_repeated() {
    let plan = Plan { daemons: 2, executors: 2, ..Plan::two("two of each") };
    if Effort::of_this_run() == Effort::Full {
        every_write(&plan, Role::Daemon);
        every_write(&plan, Role::Executor);
    }
    let calm = run(&Plan { named: true, ..plan.clone() });
    let crashes = crashes(&calm, Role::Daemon, &[Moment::After]);
    let few: Vec<Plan> = crashes.into_iter().step_by(sized(24, 4, 4)).collect();
    report("two of each, some writes", &run_all(&few), |_| None);
}

#[test]
fn daemons_that_all_believe_they_lead_exceed_nothing() {
    let plan = |promise, lag| Plan {
        daemons: 2,
        all_lead: true,
        promise,
        lag,
        ..Plan::two("two leaders")
    };
    let lags: &[u64] = sized(&[1], &[0, 1, 7], &[0, 1, 2, 7, 20]);
    let plans: Vec<Plan> = [Promise::ONE_AT_A_TIME, Promise::TWO_AT_A_TIME]
        .into_iter()
        .flat_map(|promise| lags.iter().map(move |lag| plan(promise, Duration::from_secs(*lag))))
        .collect();
    report("two leaders", &run_all(&plans), |_| None);
}

#[test]
fn a_config_that_changes_between_a_write_and_its_reply_repeats_nothing() {
    let calm = run(&Plan { named: true, ..Plan::calm("config") });
    let mut plans = crashes(&calm, Role::Daemon, &[Moment::After]);
    for plan in &mut plans {
        plan.name += ", and everything is an emergency";
        for crash in &mut plan.crashes {
            crash.then = Some(EMERGENCY);
        }
    }
    let plans: Vec<Plan> = plans.into_iter().step_by(sized(9, 3, 1)).collect();
    report("a config that changes", &run_all(&plans), |_| None);
}

#[test]
fn a_group_of_three_is_rotated_as_a_single_server_is() {
    let plan = Plan { servers: vec![3], ..Plan::calm("a group") };
    if Effort::of_this_run() == Effort::Full {
        every_write(&plan, Role::Daemon);
        every_write(&plan, Role::Executor);
    }
    report("a group", &run_all(&[plan]), |_| None);
}

#[test]
fn a_fleet_at_rest_is_left_alone_for_a_day() {
    let quiet = sized(Duration::from_mins(20), Duration::from_hours(1), Duration::from_hours(24));
    let plan = Plan { quiet, ..Plan::calm("at rest") };
    report("at rest", &run_all(&[plan]), asks_too_much);
}

/// Seven kinds need not be there, and are not: each is asked for once a minute.
fn asks_too_much(run: &Run) -> Option<Violation> {
    let asks = |line: &&String| line.contains("certrotor-") && line.ends_with("discovery");
    let (asked, minutes) = (run.journal.iter().filter(asks).count(), run.lasted.as_secs() / 60);
    let most = 50 + 7 * usize::try_from(minutes).unwrap_or(usize::MAX);
    let saw = format!("{asked} times in {minutes} minutes");
    (asked > most).then_some(Violation { oracle: "discovery", saw })
}

#[test]
fn nobody_waits_for_ever_for_an_answer_that_does_not_come() {
    let silent = |daemons| Plan {
        silent: true,
        daemons,
        patience: Duration::from_mins(20),
        ..Plan::calm(&format!("silence for {daemons}"))
    };
    report("silence", &run_all(&[silent(1), silent(2)]), |_| None);
}

/// Nothing can be signed from a few weeks before the end of the certificates until after it.
#[test]
fn what_an_issuer_that_cannot_sign_lets_expire_is_said_in_time_and_made_good() {
    let at = Duration::from_secs;
    let plan = Plan {
        begins: Span::ZERO,
        happenings: vec![
            (at(1), Happening::Deed(Deed::BreakIssuer)),
            (at(90), Happening::Sleep(Span::days(36))),
            (at(300), Happening::Sleep(Span::days(5))),
            (at(500), Happening::Deed(Deed::MendIssuer)),
        ],
        ..Plan::calm("an outage")
    };
    let runs = run_all(&[plan]);
    let expired =
        |run: &Run| run.spells.iter().any(|it| it.until.is_some_and(|at| at > it.not_after));
    assert!(runs.iter().all(expired), "nothing expired");
    report("an outage", &runs, |_| None);
}

#[test]
fn a_window_that_closes_is_waited_for() {
    report("the window closes", &run_all(&[Plan::evening()]), |_| None);
}
