use super::*;
use ExecutorWrite as W;

/// A group whose primary `shop-0` is the last that is not restarted.
fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.seen.switches = true;
    while scene.point() != Some(W::NoteSwitching) {
        match scene.next() {
            Step::Write(write) => scene.carry_out(&write),
            step => scene.pass(&step),
        }
    }
    scene
}

/// The same, and the hand-over is noted.
fn under_way() -> Scene {
    let mut scene = scene();
    let Step::Write(write) = scene.next() else { panic!() };
    scene.carry_out(&write);
    scene
}

/// All that is written when a role is handed over.
pub(super) fn written() -> Vec<ExecutorWrite> {
    let mut scene = Scene::new();
    scene.seen.switches = true;
    scene.play()
}

#[test]
fn the_primary_hands_its_role_over_before_it_is_restarted() {
    let mut scene = scene();
    let note = scene.notes().remove(0);
    assert_eq!((&*note.kind, note.status), ("SwitchPrimary--shop-0", Status::Unknown));
    assert!(note.message.ends_with("PodName:shop-0; To:shop-1"), "{}", note.message);
    let written = scene.play();
    let first = [W::NoteSwitching, W::SwitchPrimary, W::NoteSwitched, W::NoteEvicting, W::EvictPod];
    assert_eq!(written[..5], first);
    assert_eq!(written.last(), Some(&W::Succeed));
    assert_eq!(scene.pod("shop-1").role, Role::Primary);
    assert_eq!(scene.seen.request.progress.0["SwitchPrimary--shop-0"].status, Status::True);
}

#[test]
fn the_role_changes_hands_once() {
    let all = written();
    assert_eq!(all.iter().filter(|it| **it == W::SwitchPrimary).count(), 1);
    assert_eq!(all.iter().filter(|it| **it == W::EvictPod).count(), 3);
}

#[test]
fn who_gets_it_is_noted_and_stays_whoever_looks() {
    let mut scene = under_way();
    scene.pod("shop-2").role = Role::Standby;
    scene.seen.pods.insert("shop-3".into(), pod("shop-3", Role::Standby));
    let Step::Write(Write::SwitchPrimary { from, to }) = scene.next() else { panic!() };
    assert_eq!((&*from, &*to), ("shop-0", "shop-1"));
}

#[test]
fn a_role_that_somebody_else_moved_meanwhile_is_moved_all_the_same() {
    let mut scene = under_way();
    scene.pod("shop-0").role = Role::Standby;
    scene.pod("shop-2").role = Role::Primary;
    assert_eq!(scene.point(), Some(W::NoteSwitched));
    assert_eq!(scene.notes()[0].status, Status::True);
}

#[test]
fn a_role_that_does_not_move_is_waited_for_a_minute_and_then_the_group_elects() {
    let mut scene = under_way();
    scene.later(Span::seconds(58));
    assert_eq!(scene.point(), Some(W::SwitchPrimary));
    scene.later(Span::seconds(2));
    let note = scene.notes().remove(0);
    assert_eq!((note.status, note.reason), (Status::False, "SwitchPrimaryFailed"));
    assert!(note.message.contains("Pod shop-1 has not become it within 1m"), "{}", note.message);
    let written = scene.play();
    assert_eq!(written[..3], [W::NoteSwitched, W::NoteEvicting, W::EvictPod]);
    assert_eq!(written.last(), Some(&W::Succeed));
}

#[test]
fn a_short_timeout_leaves_time_for_the_restart() {
    let mut scene = under_way();
    scene.seen.request.timeout = Some(Span::seconds(40));
    scene.later(Span::seconds(20));
    assert_eq!(scene.notes()[0].status, Status::False);
}

#[test]
fn a_group_that_is_not_whole_is_waited_for() {
    let mut scene = scene();
    scene.pod("shop-2").ready = false;
    assert_eq!(scene.waits(), Waiting::NotBack("shop-2".into()));
    let mut scene = under_way();
    scene.pod("shop-1").ready = false;
    assert_eq!(scene.waits(), Waiting::NotBack("shop-1".into()));
}

#[test]
fn a_member_that_is_ready_and_not_online_is_waited_for_however_long_the_role_takes() {
    for mut scene in [scene(), under_way()] {
        let goes_on = scene.point();
        scene.seen.online = Some(2);
        assert_eq!(scene.waits(), Waiting::Members { online: 2, should: 3 });
        scene.later(Span::minutes(5));
        assert_eq!(scene.waits(), Waiting::Members { online: 2, should: 3 });
        scene.now = scene.now - Span::minutes(5);
        scene.seen.online = Some(3);
        assert_eq!(scene.point(), goes_on);
    }
    let mut scene = scene();
    scene.seen.online = Some(2);
    scene.seen.request.max_retries = 0;
    scene.later(STEP);
    assert_eq!(scene.play(), [W::NoteFailure, W::ResumeDatabase, W::Fail]);
    let said = &scene.seen.request.progress.0["Failed"].message;
    assert!(said.contains("2 of 3 members of the group are online"), "{said}");
}

#[test]
fn nothing_is_handed_over_where_nobody_can_take_it() {
    let mut scene = Scene::new();
    scene.seen.switches = true;
    scene.database().replicas = 1;
    scene.seen.pods.retain(|name, _| &**name == "shop-0");
    assert!(!scene.play().contains(&W::NoteSwitching));
}

#[test]
fn servers_that_are_no_group_or_cannot_be_spoken_to_hand_nothing_over() {
    assert!(!Scene::new().play().contains(&W::NoteSwitching));
}
