//! The forecast against what it foretells: `plan` itself, asked at every moment at which it may say
//! something else, in a world where every request is carried out in the expected time.

use std::sync::Arc;

use proptest::prelude::*;

use super::{Planned, forecast};
use crate::core::fleet::{Database, Fleet, Issued, IssuedLeaf, LeafId, RequestPhase, Text};
use crate::core::plan::{Plan, plan};
use crate::core::policy::Policy;
use crate::core::rotation::Write;
use crate::core::sample::{Db, NOW, carry_out, fleet, policy, request, schedule, windows};
use crate::core::time::{Span, Time};
use crate::core::vocabulary::Cause;
use crate::effort::sized;

/// A world in which requests succeed.
struct World {
    fleet: Fleet,
    policy: Policy,
    now: Time,
    began: Vec<(Time, String, Cause)>,
}

impl World {
    fn until(mut self, end: Time) -> Vec<(Time, String, Cause)> {
        while self.now <= end {
            let wake_at = self.settle();
            let ends =
                self.fleet.databases.values().filter_map(|database| self.ends(database)).min();
            let next = ends.into_iter().chain(wake_at).min();
            let Some(next) = next else { break };
            assert!(next > self.now, "{next} is not after {}", self.now);
            self.now = next;
        }
        self.began.retain(|(at, ..)| *at <= end);
        self.began
    }

    /// Everything that is to be done at this moment.
    fn settle(&mut self) -> Option<Time> {
        for _ in 0..200 {
            self.finish();
            let plan = plan(&self.fleet, &self.policy, self.now);
            if plan.steps.is_empty() && plan.slots.is_none() {
                return plan.wake_at;
            }
            self.carry_out(&plan);
        }
        panic!("it does not come to rest at {}", self.now);
    }

    fn carry_out(&mut self, plan: &Plan) {
        carry_out(&mut self.fleet, plan);
        for step in &plan.steps {
            let (key, now) = (step.key.to_string(), self.now);
            match &step.write {
                Write::CreateRequest => {
                    let made = request(RequestPhase::Progressing).made_for(self.fleet.sample(&key));
                    let causes = &made.carried.as_ref().unwrap().causes;
                    self.began.push((now, key.clone(), causes[0].cause));
                    self.fleet.change(&key, |database| {
                        let record = &database.rotation.as_ref().unwrap().record;
                        let name = Text::clone(&record.current.as_ref().unwrap().request.name);
                        let made = made.with(|made| {
                            made.uid = format!("uid of {name}").into();
                            made.created = now;
                            made.started = Some(now);
                        });
                        database.requests.insert(name, made);
                    });
                }
                Write::DeleteRequest { name, .. } => {
                    let name = Text::clone(name);
                    self.fleet.change(&key, |database| {
                        database.requests.remove(&name);
                    });
                }
                Write::CreateRotation | Write::Record { .. } => {}
            }
        }
    }

    fn ends(&self, database: &Database) -> Option<Time> {
        let mut running = database.requests.values().filter(|request| !request.phase.is_terminal());
        Some(running.next()?.started? + self.policy.rules.expected_duration)
    }

    /// Requests whose time has come have brought new certificates and restarted servers.
    fn finish(&mut self) {
        for database in self.fleet.databases.clone().values() {
            if self.ends(database).is_some_and(|ends| ends <= self.now) {
                let key =
                    self.fleet.databases.iter().find(|(_, other)| Arc::ptr_eq(other, database));
                let key = key.unwrap().0.to_string();
                let (now, began) = (self.now, self.now - self.policy.rules.expected_duration);
                self.fleet.change(&key, |database| succeed(database, began, now));
            }
        }
    }
}

fn succeed(database: &mut Database, began: Time, now: Time) {
    for request in database.requests.values_mut().filter(|request| !request.phase.is_terminal()) {
        request.phase = RequestPhase::Successful;
        request.ended = Some(now);
    }
    for certificate in database.certificates.values_mut() {
        let Issued::Leaf(leaf) = &mut certificate.issued else { continue };
        let not_after = began + leaf.id.lifetime();
        let id = LeafId { not_before: began, not_after, fingerprint: None };
        *leaf = IssuedLeaf { id, issued_at: began, ..leaf.clone() };
    }
    for pod in database.pods.values_mut() {
        pod.started = Some(now);
    }
    database.last_reconfigured = Some(now);
}

fn foretold(planned: &[Planned]) -> Vec<(Time, String, Cause)> {
    planned.iter().map(|it| (it.starts, it.key.to_string(), it.cause)).collect()
}

fn sorted(mut began: Vec<(Time, String, Cause)>) -> Vec<(Time, String, Cause)> {
    began.sort();
    began
}

#[derive(Clone, Debug)]
struct Setting {
    ages: Vec<(i64, i64)>,
    open: Option<(u8, i64)>,
    total: u32,
    scheduled: bool,
}

fn settings() -> impl Strategy<Value = Setting> {
    let ages = prop::collection::vec((0i64..60 * 86_400, 0i64..2), 1..6);
    let open = prop::option::of((0u8..24, 1i64..6));
    (ages, open, 1u32..4, any::<bool>()).prop_map(|(ages, open, total, scheduled)| Setting {
        ages,
        open,
        total,
        scheduled,
    })
}

impl Setting {
    fn policy(&self) -> Policy {
        policy(|policy, rules| {
            policy.limits.total = self.total;
            if let Some((hour, hours)) = self.open {
                rules.windows = windows(&format!("0 {hour} * * SAT,WED"), &format!("{hours}h"));
            }
            if self.scheduled {
                rules.schedule = Some(schedule("30 4 1 */2 *"));
            }
        })
    }

    fn fleet(&self) -> Fleet {
        fleet(self.ages.iter().enumerate().map(|(index, (age, namespace))| {
            let life = format!("-{age}s..+{}s", 90 * 86_400 - age);
            Db::named(&format!("ns-{namespace}/db-{index}")).lives(&life)
        }))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        sized(16, 48, 2_000)
    ))]
    /// Which database begins at which second, and why.
    #[test]
    fn what_is_foretold_is_what_happens(setting in settings()) {
        let (fleet, policy) = (setting.fleet(), setting.policy());
        let until = NOW + Span::days(150);
        let foretold = foretold(&forecast(&fleet, &policy, NOW, until).rotations);
        let world = World { fleet, policy, now: NOW, began: Vec::new() };
        prop_assert_eq!(sorted(foretold), sorted(world.until(until)));
    }
}
