//! Every check of a decision about one database, in its order, with what it rests on: what
//! `explain` shows.

use super::causes::Held;
use super::fleet::{Fleet, Key};
use super::gates::{Closed, ORDER, Situation, closed};
use super::plan::{Plan, facing};
use super::policy::Policy;
use super::time::{Span, Time};
use super::vocabulary::{Cause, Gate};

/// Every check of one database.
#[derive(Clone, Debug, PartialEq)]
pub struct Examined {
    /// Why a rotation could be due, in the order in which it is looked for.
    pub causes: Vec<CauseCheck>,
    /// What could keep it from beginning, in the order in which it is looked at. Where nothing is
    /// due, this is what would keep a rotation from beginning now.
    pub gates: Vec<GateCheck>,
    /// How long a rotation of it takes.
    pub duration: Span,
    /// When a rotation becomes due by age.
    pub renew_at: Option<Time>,
    /// When its first certificate is an emergency.
    pub emergency_at: Option<Time>,
}

/// One check for a cause.
#[derive(Clone, Debug, PartialEq)]
pub struct CauseCheck {
    /// What it looks for.
    pub cause: Cause,
    /// Where it holds; nowhere: it does not.
    pub held: Vec<Held>,
    /// Where it does not hold: when it will by itself.
    pub from: Option<Time>,
}

/// One gate.
#[derive(Clone, Debug, PartialEq)]
pub struct GateCheck {
    /// Which.
    pub gate: Gate,
    /// How it is closed; none: it is open.
    pub closed: Option<Closed>,
}

/// Looks at everything that `plan` looked at for this database; none if nothing is managed there.
pub fn examine(
    (fleet, policy, now): (&Fleet, &Policy, Time),
    plan: &Plan,
    key: &Key,
) -> Option<Examined> {
    let decided = plan.verdicts.get(key).map(|verdict| &*verdict.gates).unwrap_or_default();
    facing((fleet, policy, now), key, |situation| Examined {
        causes: Cause::ALL.iter().map(|cause| cause_check(situation, *cause)).collect(),
        gates: gate_checks(&closed(situation), decided),
        duration: situation.duration,
        renew_at: situation.standing.renew_at,
        emergency_at: situation.standing.emergency_at,
    })
}

fn cause_check(situation: &Situation<'_>, cause: Cause) -> CauseCheck {
    let held = situation.findings.held.iter().filter(|held| held.opened.cause == cause);
    let held: Vec<Held> = held.cloned().collect();
    let from = match cause {
        Cause::Expired => situation.standing.expires,
        Cause::RenewalDue => situation.standing.renew_at,
        Cause::ScheduleDue => situation.subject.schedule.next,
        Cause::Missing
        | Cause::Malformed
        | Cause::ServedStale
        | Cause::IssuerChanged
        | Cause::NamesChanged
        | Cause::Requested => None,
    };
    let to_come = from.filter(|from| held.is_empty() && *from > situation.subject.now);
    CauseCheck { cause, held, from: to_come }
}

/// The budget is a matter of the whole fleet: whether it is full for this one only the plan says.
fn gate_checks(looked: &[Closed], decided: &[Closed]) -> Vec<GateCheck> {
    let check = |gate: &Gate| {
        let closed = looked.iter().chain(decided).find(|closed| closed.gate == *gate);
        GateCheck { gate: *gate, closed: closed.cloned() }
    };
    ORDER.iter().map(check).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::core::plan::plan;
    use crate::core::sample::{Db, NOW, at, crowd, fleet, policy, windows};

    #[test]
    fn every_cause_and_every_gate_is_looked_at_once() {
        let causes: BTreeSet<Cause> = Cause::ALL.iter().copied().collect();
        let gates: BTreeSet<Gate> = ORDER.iter().copied().collect();
        assert_eq!(causes.len(), Cause::ALL.len());
        assert_eq!(gates, Gate::ALL.iter().copied().collect());
    }

    #[test]
    fn what_is_not_due_says_when_it_will_be_and_what_would_be_in_its_way() {
        let fleet = fleet([Db::named("prod/orders")
            .lives("-10d..+80d")
            .wishes(|wishes| wishes.suspend = true)]);
        let policy = policy(|_, rules| rules.windows = windows("0 2 * * *", "4h"));
        let plan = plan(&fleet, &policy, NOW);
        let key = crate::core::sample::key("prod/orders");
        let examined = examine((&fleet, &policy, NOW), &plan, &key).unwrap();
        let due = examined.causes.iter().find(|check| check.cause == Cause::RenewalDue).unwrap();
        assert_eq!((due.held.len(), due.from), (0, Some(at("+80d") - Span::hours(972))));
        let shut = examined.gates.iter().filter(|check| check.closed.is_some());
        let shut: Vec<Gate> = shut.map(|check| check.gate).collect();
        assert_eq!(shut, [Gate::Suspended, Gate::WindowClosed]);
        let stranger = crate::core::sample::key("prod/nobody");
        assert_eq!(examine((&fleet, &policy, NOW), &plan, &stranger), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// What is shown is what was decided: the same causes and the same gates, in the order in
        /// which they are said to be looked at.
        #[test]
        fn the_checks_are_those_of_the_plan(hours in 0i64..24 * 90, open in 0u8..24) {
            let fleet = crowd(40);
            let policy = policy(|_, rules| {
                rules.windows = windows(&format!("0 {open} * * *"), "3h");
            });
            let now = NOW + Span::hours(hours);
            let plan = plan(&fleet, &policy, now);
            for (key, verdict) in &plan.verdicts {
                let examined = examine((&fleet, &policy, now), &plan, key).unwrap();
                let held: Vec<&Held> = examined.causes.iter().flat_map(|check| &check.held).collect();
                prop_assert_eq!(&held, &verdict.causes.iter().collect::<Vec<_>>());
                if !verdict.causes.is_empty() {
                    let shut = examined.gates.iter().filter_map(|check| check.closed.clone());
                    prop_assert_eq!(shut.collect::<Vec<_>>(), verdict.gates.clone());
                }
            }
        }
    }
}
