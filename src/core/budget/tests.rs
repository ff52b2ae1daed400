use super::super::fleet::RequestPhase;
use super::super::plan::plan;
use super::super::record::Attempt;
use super::super::sample::{self, Db, NOW, at, fleet, policy, request};
use super::super::vocabulary::WritePoint;
use super::*;

fn limits(total: u32, per_namespace: u32, per_issuer: u32) -> Policy {
    policy(|policy, _| {
        policy.limits = Limits { total, per_namespace, per_issuer };
    })
}

fn due(name: &str) -> Db {
    Db::named(name).lives("-80d..+10d")
}

/// How many of these databases a plan lets open a rotation, and why not more.
fn opens(fleet: &Fleet, policy: &Policy) -> (usize, BTreeSet<Gate>) {
    let plan = plan(fleet, policy, NOW);
    let gates = plan.verdicts.values().flat_map(super::super::plan::Verdict::gate_words);
    (plan.steps.len(), gates.collect())
}

#[test]
fn no_limit_is_exceeded() {
    let names = ["a/1", "a/2", "a/3", "b/1", "b/2", "c/1"];
    for (policy, expected, gate) in [
        (limits(2, 9, 9), 2, Gate::BudgetTotal),
        (limits(9, 1, 9), 3, Gate::BudgetNamespace),
        (limits(9, 9, 2), 5, Gate::BudgetIssuer),
        (limits(0, 9, 9), 0, Gate::BudgetTotal),
        (limits(9, 0, 9), 0, Gate::BudgetNamespace),
        (limits(9, 9, 0), 0, Gate::BudgetIssuer),
    ] {
        assert_eq!(opens(&fleet(names.map(due)), &policy), (expected, [gate].into()));
    }
}

#[test]
fn a_cluster_issuer_is_one_issuer_for_all_namespaces() {
    let shared = |name: &str| {
        due(name).with(|database| {
            for certificate in database.certificates.values_mut() {
                certificate.issuer.kind = "ClusterIssuer".into();
                certificate.issuer.namespace = None;
            }
        })
    };
    let fleet = fleet(["a/1", "b/1", "c/1"].map(shared));
    assert_eq!(opens(&fleet, &limits(9, 9, 2)), (2, [Gate::BudgetIssuer].into()));
}

#[test]
fn room_goes_by_stage_then_by_deadline() {
    let fleet = fleet([
        Db::named("a/normal").lives("-60d..+30d"),
        Db::named("a/expired").lives("-90d..-1d"),
        Db::named("a/urgent").lives("-80d..+10d"),
        Db::named("a/sooner").lives("-81d..+9d"),
        Db::named("a/emergency").lives("-89d..+1d"),
    ]);
    let mut policy = limits(1, 9, 9);
    let order = ["expired", "emergency", "sooner", "urgent", "normal"];
    for (room, name) in (1..).zip(order) {
        policy.limits.total = room;
        let plan = plan(&fleet, &policy, NOW);
        let last = plan.steps.last().map(|step| step.key.to_string());
        assert_eq!(last, Some(format!("a/{name}")));
    }
}

/// A database whose record is open and whose request was created.
fn running(name: &str) -> Db {
    let policy = Policy::default();
    let mut db = due(name).up_to(WritePoint::OpenRotation, &policy);
    let plan = plan(&fleet([db.clone()]), &policy, NOW);
    let mut opened = fleet([db]);
    sample::carry_out(&mut opened, &plan);
    db = Db { key: sample::key(name), database: opened.sample(name).clone() };
    let made = request(RequestPhase::Progressing).made_for(&db.database);
    let rotation = db.database.rotation.clone().unwrap();
    let current = rotation.record.current.unwrap();
    db.current(|current| current.request.uid = Some(Text::clone(&made.uid)))
        .request(&current.request.name, made)
}

#[test]
fn in_flight_are_slots_and_active_requests_that_a_record_names() {
    let in_flight = |fleet: &Fleet| plan(fleet, &Policy::default(), NOW).in_flight;
    let mut fleet = fleet([running("a/1"), due("b/1")]);
    assert_eq!(in_flight(&fleet), 1, "its slot was lost");
    let request = |fleet: &Fleet| {
        let requests = &fleet.sample("a/1").requests;
        requests.keys().next().unwrap().to_string()
    };
    let name = request(&fleet);
    fleet.slots = sample::slots([("a/1", name.as_str())]);
    assert_eq!(in_flight(&fleet), 1, "counted once");
    fleet.slots = sample::slots([("a/1", name.as_str()), ("x/gone", "x")]);
    assert_eq!(in_flight(&fleet), 2, "until it is freed");
    fleet.change("a/1", |database| {
        for request in database.requests.values_mut() {
            request.deleting = true;
        }
    });
    assert_eq!(in_flight(&fleet), 2, "it still exists");
}

#[test]
fn a_request_that_no_record_names_counts_against_no_limit() {
    // A tenant may write any label and any annotation.
    let forged = due("a/1").request("orders-rotate-12345678", {
        let forged = running("a/1");
        forged.database.requests.values().next().unwrap().clone()
    });
    let plan = plan(&fleet([forged, due("b/1")]), &limits(1, 1, 1), NOW);
    assert_eq!(plan.in_flight, 0);
    assert_eq!(plan.writes("b/1"), Some(WritePoint::OpenRotation));
    assert_eq!(plan.verdict("a/1").gate_words(), [Gate::RequestActive]);
}

#[test]
fn nor_does_one_that_has_taken_an_ended_attempts_name_until_it_runs() {
    let ended = |outcome, phase| {
        let db = due("a/1").request("a-rotate-1", request(phase)).record(|record| {
            record.attempts.push(Attempt {
                request: "a-rotate-1".into(),
                outcome,
                ended: at("-1h"),
                duration: None,
                issuer: None,
            });
        });
        plan(&fleet([db]), &Policy::default(), NOW).in_flight
    };
    assert_eq!(ended(Outcome::Withdrawn, RequestPhase::Pending), 0);
    assert_eq!(ended(Outcome::Withdrawn, RequestPhase::Progressing), 1);
    assert_eq!(ended(Outcome::ForeignRequest, RequestPhase::Progressing), 0);
    assert_eq!(ended(Outcome::TimedOut, RequestPhase::Progressing), 1);
    assert_eq!(ended(Outcome::TimedOut, RequestPhase::Failed), 0);
}

#[test]
fn what_another_installation_does_is_not_counted() {
    let mut fleet = fleet([running("a/1"), due("b/1")]);
    fleet.change("a/1", |database| {
        let rotation = database.rotation.as_mut().unwrap();
        rotation.record.installation = Some("there".into());
    });
    let plan = plan(&fleet, &limits(1, 1, 1), NOW);
    assert_eq!(plan.writes("b/1"), Some(WritePoint::OpenRotation));
    assert_eq!((plan.slots, plan.in_flight), (None, 0));
}

#[test]
fn a_tried_breaker_lets_one_through_at_a_time() {
    let failed = |name: &str| {
        due(name).record(|record| {
            record.attempts = vec![Attempt {
                request: format!("{name}-1").into(),
                outcome: Outcome::Failed,
                ended: at("-2h"),
                duration: None,
                issuer: None,
            }];
        })
    };
    let fleet = fleet(["a/1", "b/1", "c/1", "d/1"].map(failed));
    let (opened, gates) = opens(&fleet, &limits(9, 9, 9));
    assert_eq!((opened, gates), (1, [Gate::BreakerOpen].into()));
}
