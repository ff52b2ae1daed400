//! Two installations in one cluster: whose database it is, and who may act on it.

use super::super::fleet::Fleet;
use super::super::sample::{Db, NOW, fleet, policy};
use super::super::vocabulary::{Gate, State, WritePoint};
use super::plan;

fn of_another(db: Db) -> Db {
    db.with(|database| {
        let rotation = database.rotation.as_mut().unwrap();
        rotation.record.installation = Some("there".into());
    })
}

#[test]
fn a_record_of_an_installation_that_was_never_looked_at_is_left_alone() {
    let fleet = fleet([of_another(Db::named("prod/orders").lives("-80d..+10d"))]);
    let plan = plan(&fleet, &policy(|_, _| ()), NOW);
    assert_eq!(plan.verdict("prod/orders").gate_words(), [Gate::OtherInstallation]);
    assert_eq!(plan.writes("prod/orders"), None);
}

#[test]
fn a_record_of_a_dead_installation_is_taken_over() {
    let mut fleet = fleet([of_another(Db::named("prod/orders").lives("-80d..+10d"))]);
    fleet.dead_installations.insert("there".into());
    let plan = plan(&fleet, &policy(|_, _| ()), NOW);
    assert_eq!(plan.writes("prod/orders"), Some(WritePoint::OpenRotation));
}

fn state(fleet: &Fleet) -> State {
    let plan = plan(fleet, &policy(|_, _| ()), NOW);
    plan.verdict("prod/orders").state
}

#[test]
fn an_open_record_of_another_is_not_ours_where_we_watch_nothing() {
    let opened = |db: Db| {
        let mut fleet = fleet([db]);
        let plan = plan(&fleet, &policy(|_, _| ()), NOW);
        let Some(super::Step { write: super::Write::Record { record, .. }, .. }) =
            plan.step("prod/orders")
        else {
            panic!("nothing is opened");
        };
        fleet.change("prod/orders", |database| {
            database.selected = false;
            database.rotation.as_mut().unwrap().record = (**record).clone();
        });
        fleet
    };
    let mut fleet = opened(Db::named("prod/orders").lives("-80d..+10d"));
    assert_eq!(state(&fleet), State::Rotating, "ours is followed to its end");
    fleet.change("prod/orders", |database| {
        database.rotation.as_mut().unwrap().record.installation = Some("there".into());
    });
    fleet.dead_installations.insert("there".into());
    assert_eq!(state(&fleet), State::Unmanaged);
}
