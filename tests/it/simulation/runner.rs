//! Carries plans out: each on paused time in a thread of its own, as many at once as there are
//! processors. What fails says how it is replayed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use certrotor::core::time::Time;
use tokio::runtime::Runtime;

use super::heard::Heard;
use super::history::{Asked, Held, Spell};
use super::oracles::{self, Violation};
use super::plan::Plan;
use super::scene;
use super::stage::Stage;

/// How much of a journal is shown of a run that went wrong.
const TAIL: usize = 60;

/// What came of a plan.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) plan: Plan,
    pub(crate) requests: Vec<Asked>,
    pub(crate) spells: Vec<Spell>,
    /// When databases were said to be due or stuck.
    pub(crate) alarms: Vec<Held>,
    /// When databases were not meant to have TLS.
    pub(crate) bare: Vec<Held>,
    /// When issuers could not sign.
    pub(crate) outages: Vec<Held>,
    pub(crate) end_state: Vec<String>,
    pub(crate) counts: BTreeMap<String, usize>,
    /// What is not as it should be in the end.
    pub(crate) unsettled: Vec<String>,
    /// What was written when there was nothing to write.
    pub(crate) restless: Vec<String>,
    /// Panics, and what was logged as an error.
    pub(crate) errors: Vec<String>,
    /// When it ended, on the cluster's clock.
    pub(crate) ended: Time,
    /// How long it took on paused time.
    pub(crate) lasted: Duration,
    /// How many writes that move something daemons and executors tried.
    pub(crate) writes: [usize; 2],
    /// The names of those that were done, if the plan asks for them.
    pub(crate) named: [Vec<String>; 2],
    pub(crate) journal: Vec<String>,
}

impl Run {
    /// What a person needs to understand what went wrong, and to see it again.
    pub(crate) fn told(&self, violations: &[Violation]) -> String {
        let saw: Vec<String> = violations.iter().map(ToString::to_string).collect();
        let from = if is_replay() { 0 } else { self.journal.len().saturating_sub(TAIL) };
        format!(
            "{}\nto replay: {} cargo test --test it simulation -- --nocapture\nthe oracles saw:\n  \
             {}\n{:#?}\n{:#?}\nthe last requests:\n{}",
            self.plan.name,
            self.plan.replay(),
            saw.join("\n  "),
            self.plan,
            self.requests,
            self.journal[from..].join("\n")
        )
    }
}

/// Whether one plan is being replayed: then it is told whole.
pub(crate) fn is_replay() -> bool {
    ["SEED", "PLAN"].iter().any(|name| std::env::var_os(name).is_some())
}

/// A runtime on paused time.
pub(crate) fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("a runtime")
}

/// Carries out one plan.
pub(crate) fn run(plan: &Plan) -> Run {
    let scene = scene::booted(&plan.servers);
    let heard = Heard::default();
    let guard = heard.listen(plan.named);
    // kube draws the length of its pauses.
    fastrand::seed(plan.chance.map_or(0, |chance| chance.seed));
    let mut run = runtime().block_on(Stage::play(plan, &scene));
    drop(guard);
    let heard = heard.take();
    run.errors.extend(heard.errors);
    run.named = heard.writes;
    run
}

/// Carries out plans; their runs are in the same order. With `PLAN=…` only those of that name.
pub(crate) fn run_all(plans: &[Plan]) -> Vec<Run> {
    let chosen = std::env::var("PLAN").unwrap_or_default();
    let plans: Vec<&Plan> = plans.iter().filter(|plan| plan.name.contains(&chosen)).collect();
    let next = AtomicUsize::new(0);
    let runs: Vec<Mutex<Option<Run>>> = plans.iter().map(|_| Mutex::new(None)).collect();
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers.min(plans.len()) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(plan) = plans.get(index) else { return };
                    let run = run(plan);
                    *runs[index].lock().unwrap_or_else(PoisonError::into_inner) = Some(run);
                }
            });
        }
    });
    let runs = runs.into_iter().map(|run| run.into_inner().ok().flatten());
    runs.map(|run| run.expect("every plan was carried out")).collect()
}

/// Fails with what went wrong, and prints the figures if nothing did. `also` is asked besides the oracles.
pub(crate) fn report<I>(what: &str, runs: &[Run], also: impl Fn(&Run) -> I)
where
    I: IntoIterator<Item = Violation>,
{
    let mut wrong = Vec::new();
    for run in runs {
        let mut violations = oracles::judge(run);
        violations.extend(also(run));
        if !violations.is_empty() {
            wrong.push(run.told(&violations));
        } else if is_replay() {
            println!("{}", run.told(&[]));
        }
    }
    let requests: usize = runs.iter().map(|run| run.journal.len()).sum();
    let minutes: u64 = runs.iter().map(|run| run.lasted.as_secs() / 60).sum();
    let rotations: usize = runs.iter().map(|run| run.requests.len()).sum();
    println!(
        "{what}: {} plans, {rotations} requests to rotate, {requests} API requests, {minutes} \
         simulated minutes, {} plans went wrong",
        runs.len(),
        wrong.len()
    );
    let shown = &wrong[..wrong.len().min(3)];
    assert!(
        wrong.is_empty(),
        "{} of {} went wrong\n{}",
        wrong.len(),
        runs.len(),
        shown.join("\n\n")
    );
}
