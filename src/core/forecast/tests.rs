use super::*;
use crate::core::fleet::RequestPhase;
use crate::core::record::{Current, RequestRef};
use crate::core::sample::{Db, NOW, at, crowd, fleet, freeze, policy, windows};

fn begins(db: Db, change: impl FnOnce(&mut Policy, &mut Rules), until: &str) -> Vec<(Time, Cause)> {
    let found = forecast(&fleet([db]), &policy(change), NOW, at(until));
    found.rotations.iter().map(|planned| (planned.starts, planned.cause)).collect()
}

fn held(db: Db) -> Option<Gate> {
    let found = forecast(&fleet([db]), &Policy::default(), NOW, at("+90d"));
    assert_eq!(found.rotations, []);
    found.held.values().next().copied()
}

fn due() -> Db {
    Db::named("prod/orders").lives("-70d..+20d")
}

#[test]
fn a_database_is_rotated_when_it_is_due_and_again_when_its_new_certificate_is() {
    // 90 days, of which 45 % are left when it is due: every 49 days and a half.
    let fresh = Db::named("prod/orders").lives("0..+90d");
    let found = begins(fresh, |_, _| {}, "+100d");
    let every = Span::days(90).scaled(55, 100);
    let starts = [NOW + every, NOW + every + every];
    assert_eq!(found, starts.map(|at| (at, Cause::RenewalDue)));
}

#[test]
fn it_waits_for_its_window_and_for_the_end_of_a_freeze() {
    let found = begins(due(), |_, rules| rules.windows = windows("0 2 * * *", "4h"), "+2d");
    assert!(matches!(found[..], [(starts, _)] if starts > at("+14h") && starts < at("+18h")));
    let frozen =
        begins(due(), |_, rules| rules.freezes = freeze("2026-06-03", "2026-06-05"), "+9d");
    assert!(matches!(frozen[..], [(starts, _)] if starts >= at("+60h")), "{frozen:?}");
}

#[test]
fn what_has_no_end_of_its_own_holds_it() {
    let suspended = due().wishes(|wishes| wishes.suspend = true);
    assert_eq!(held(suspended), Some(Gate::Suspended));
    assert_eq!(held(due().with(|database| database.halted = true)), Some(Gate::Halted));
    let active = due().request("restart", crate::core::sample::request(RequestPhase::Pending));
    assert_eq!(held(active), Some(Gate::RequestActive));
    let fresh = Db::named("prod/orders").lives("-1d..+800d").wishes(|wishes| wishes.suspend = true);
    assert_eq!(held(fresh), None, "nothing is held that is not due by then");
}

#[test]
fn one_that_is_under_way_takes_its_room_until_it_ends() {
    let under_way = |db: Db| {
        db.record(|record| {
            record.current = Some(Current {
                opened: at("-5m"),
                causes: vec![],
                baseline: BTreeMap::new(),
                attempt: 1,
                failures: 0,
                setbacks: 0,
                failed_stage: None,
                next_try: None,
                request: RequestRef {
                    name: "orders-rotate-1".into(),
                    uid: Some("1".into()),
                    created: Some(at("-5m")),
                    started: Some(at("-4m")),
                    ended: None,
                    stage: Stage::Normal,
                    apply: crate::core::record::Apply::IfReady,
                },
                requested_at: None,
                occurrence: None,
                withdrawal: None,
            });
        })
    };
    let other = Db::named("prod/users").lives("-80d..+10d");
    let fleet = fleet([under_way(due()), other]);
    let found = forecast(&fleet, &Policy::default(), NOW, at("+1d"));
    // Ten minutes from its start, and one in a namespace at a time.
    assert_eq!(found.rotations[0].starts, at("+6m"));
    assert_eq!(&*found.rotations[0].key.name, "users");
}

#[test]
fn those_for_whom_there_is_no_room_are_held_by_the_limit() {
    let many = (0..4).map(|index| Db::named(&format!("ns-{index}/db")).lives("-80d..+10d"));
    let policy = policy(|policy, _| policy.limits.total = 1);
    let found = forecast(&fleet(many), &policy, NOW, at("+15m"));
    assert_eq!(found.rotations.len(), 2);
    assert_eq!(found.held.values().collect::<Vec<_>>(), [&Gate::BudgetTotal, &Gate::BudgetTotal]);
}

#[test]
fn a_large_fleet_is_foretold_whole_and_never_beyond_its_limits() {
    let policy = policy(|_, rules| rules.windows = windows("0 2 * * *", "4h"));
    let found = forecast(&crowd(200), &policy, NOW, at("+90d"));
    assert!(found.held.is_empty() && !found.cut, "{found:?}");
    assert!(found.rotations.len() >= 200);
    for one in &found.rotations {
        let same_time = found.rotations.iter();
        let same_time =
            same_time.filter(|other| other.starts <= one.starts && one.starts < other.ends);
        assert!(same_time.count() <= 2, "{one:?}");
    }
}
