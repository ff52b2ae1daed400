//! The fleet: a line for each database.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Choice, Sort, Source};
use crate::core::fleet::{Database, Key, LeafId};
use crate::core::ladder::Leads;
use crate::core::plan::{Verdict, rules_of};
use crate::core::policy::{Policy, Rules};
use crate::core::record::{Record, Shown, Wishes};
use crate::core::show::shown;
use crate::core::time::Time;
use crate::core::vocabulary::{Cause, Outcome, Stage, State};
use crate::daemon::View;

/// The fleet, as far as it was asked for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// Who says it, and when.
    #[serde(flatten)]
    pub source: Source,
    /// How many rotations may be in flight.
    pub limits: Limits,
    /// How many are.
    pub in_flight: u32,
    /// How many databases are in each state, in the whole fleet.
    pub states: BTreeMap<State, usize>,
    /// How many databases match what was asked for.
    pub matching: usize,
    /// How many of those come before the first one here.
    pub offset: usize,
    /// Those.
    pub databases: Vec<Line>,
}

/// How many rotations may be in flight.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// In the whole fleet.
    pub total: u32,
    /// In one namespace.
    pub per_namespace: u32,
    /// With one issuer.
    pub per_issuer: u32,
}

/// One database.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub state: State,
    /// How pressing it is.
    pub stage: Stage,
    /// Why a rotation is due, and then why it does not begin now: words of causes and gates.
    pub reasons: Vec<String>,
    /// One sentence.
    pub message: String,
    /// When the first certificate in use ends.
    pub expires: Option<Time>,
    /// When the next rotation may begin; `null`: it is under way, or something must change first.
    pub next: Option<Time>,
    /// The certificate that ends first.
    pub certificate: Option<Life>,
    /// How its rotation windows stand.
    pub window: Option<Window>,
    /// What its servers present, compared with what was issued.
    pub servers: Servers,
    /// Since when its open rotation is open.
    pub opened: Option<Time>,
    /// The newest ended attempts, newest first.
    pub attempts: Vec<Ended>,
    /// Why it cannot be rotated in time, if that is so.
    pub infeasible: Option<Infeasible>,
}

/// The life of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Life {
    /// Its notBefore.
    pub not_before: Time,
    /// Its notAfter.
    pub not_after: Time,
    /// When a rotation becomes due by its age.
    pub due: Time,
    /// When it is an emergency.
    pub emergency: Time,
}

/// How rotation windows stand.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// One is open, and nothing is frozen.
    pub open: bool,
    /// When the next one opens; `null` while one is open, or when none ever does.
    pub opens: Option<Time>,
}

/// What servers present.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Servers {
    /// So many present the issued certificate.
    pub issued: u32,
    /// So many present another one.
    pub other: u32,
    /// Of so many nobody can tell.
    pub unknown: u32,
}

/// An ended attempt.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// When.
    pub ended: Time,
    /// How.
    pub outcome: Outcome,
}

/// Why a database cannot be rotated in time.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Infeasible {
    /// By when it should have been.
    pub deadline: Time,
    /// What is missing.
    pub reason: crate::core::feasibility::Shortage,
}

/// The fleet as far as it was chosen; none before the first decision.
pub fn overview(view: &View, choice: &Choice) -> Option<Overview> {
    let (plan, policy, source) = (view.plan.as_ref()?, view.policy.as_ref()?, Source::of(view)?);
    let mut states: BTreeMap<State, usize> = State::ALL.iter().map(|state| (*state, 0)).collect();
    for verdict in plan.verdicts.values() {
        *states.entry(verdict.state).or_default() += 1;
    }
    let matching = matching(view, choice);
    let limits = policy.limits;
    Some(Overview {
        source,
        limits: Limits {
            total: limits.total,
            per_namespace: limits.per_namespace,
            per_issuer: limits.per_issuer,
        },
        in_flight: plan.in_flight,
        states,
        matching: matching.len(),
        offset: choice.offset.min(matching.len()),
        databases: lines(view, matching.into_iter().skip(choice.offset).take(choice.limit)),
    })
}

/// The lines of these databases.
pub fn lines<'a>(view: &View, keys: impl Iterator<Item = &'a Key>) -> Vec<Line> {
    keys.filter_map(|key| line(view, key)).collect()
}

/// Those that match, in order.
fn matching<'a>(view: &'a View, choice: &Choice) -> Vec<&'a Key> {
    let Some(plan) = &view.plan else { return Vec::new() };
    let text = choice.text.to_lowercase();
    let mut found: Vec<(&Key, &Verdict)> = plan
        .verdicts
        .iter()
        .filter(|(key, verdict)| {
            choice.state.is_none_or(|state| state == verdict.state)
                && choice.namespace.as_deref().is_none_or(|namespace| namespace == &*key.namespace)
                && (text.is_empty() || key.to_string().contains(&text))
        })
        .collect();
    let far = |at: Option<Time>| at.unwrap_or(Time::MAX);
    match choice.sort {
        Sort::Name => {}
        Sort::Expires => found.sort_by_key(|(_, verdict)| far(verdict.expires)),
        Sort::Next => found.sort_by_key(|(_, verdict)| far(verdict.next)),
        Sort::Urgency => found.sort_by_key(|(_, verdict)| {
            (
                Reverse(verdict.state == State::Stuck),
                Reverse(verdict.stage),
                rank(verdict.state),
                far(verdict.next),
                far(verdict.expires),
            )
        }),
    }
    found.into_iter().map(|(key, _)| key).collect()
}

/// What needs somebody comes first.
pub const fn rank(state: State) -> u8 {
    match state {
        State::Stuck => 0,
        State::Rotating | State::Verifying => 1,
        State::Waiting => 2,
        State::Unknown => 3,
        State::Fresh => 4,
        State::Unmanaged => 5,
    }
}

/// One database; none if it is not known.
pub fn line(view: &View, key: &Key) -> Option<Line> {
    static NOTHING: Record = Record {
        installation: None,
        database_uid: None,
        current: None,
        last: None,
        attempts: Vec::new(),
        last_rotated: None,
        handled_request: None,
        schedule: None,
    };
    let (plan, policy, at) = (view.plan.as_ref()?, view.policy.as_ref()?, view.at?);
    let (database, verdict) = (view.fleet.databases.get(key)?, plan.verdicts.get(key)?);
    let record = database.rotation.as_ref().map_or(&NOTHING, |rotation| &rotation.record);
    let shown = shown(database, verdict, &Shown::default(), at);
    let infeasible = view.feasibility.as_ref().and_then(|it| it.infeasible.get(key));
    let servers = database.servers();
    Some(Line {
        namespace: key.namespace.to_string(),
        name: key.name.to_string(),
        state: verdict.state,
        stage: verdict.stage,
        reasons: shown.reasons.iter().map(ToString::to_string).collect(),
        message: shown.message.as_deref().unwrap_or_default().to_owned(),
        expires: verdict.expires,
        next: verdict.next,
        certificate: first_to_end(policy, key, database),
        window: verdict.window.map(|window| Window { open: window.open, opens: window.opens }),
        servers: Servers {
            issued: servers.current,
            other: servers.older,
            unknown: servers.unknown,
        },
        opened: record.current.as_ref().map(|current| current.opened),
        attempts: record
            .attempts
            .iter()
            .map(|attempt| Ended { ended: attempt.ended, outcome: attempt.outcome })
            .collect(),
        infeasible: infeasible.map(|it| Infeasible { deadline: it.deadline, reason: it.reason }),
    })
}

fn first_to_end(policy: &Policy, key: &Key, database: &Database) -> Option<Life> {
    let certificates = database.certificates.iter();
    let leaves = certificates.flat_map(|(alias, it)| database.leaves_in_use(alias, it));
    let first = leaves.min_by_key(|leaf| leaf.not_after)?;
    Some(life(&rules_of(policy, key, database), database, &first))
}

/// The life of one leaf, and its rungs under these rules.
pub fn life(rules: &Rules, database: &Database, leaf: &LeafId) -> Life {
    let nobody = Wishes::default();
    let wishes = database.rotation.as_ref().map_or(&nobody, |rotation| &rotation.wishes);
    let leads = Leads::of(rules, wishes, leaf.lifetime());
    Life {
        not_before: leaf.not_before,
        not_after: leaf.not_after,
        due: leads.renew_at(leaf),
        emergency: leaf.not_after - leads.emergency,
    }
}

impl Line {
    /// The first cause, if a rotation is due.
    pub fn cause(&self) -> Option<&str> {
        let first = self.reasons.first()?;
        first.parse::<Cause>().is_ok().then_some(first)
    }

    /// The first gate in its way.
    pub fn gate(&self) -> Option<&str> {
        let gate = |word: &&String| word.parse::<crate::core::vocabulary::Gate>().is_ok();
        self.reasons.iter().find(gate).map(String::as_str)
    }
}
