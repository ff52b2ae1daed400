use super::*;
use ExecutorWrite as W;

/// Whose turn it is next.
fn turn(scene: &Scene) -> Option<String> {
    match scene.next() {
        Step::Write(Write::Request { point: W::NoteEvicting, notes, .. }) => {
            notes[0].kind.strip_prefix("EvictPod--").map(str::to_owned)
        }
        _ => None,
    }
}

/// The order in which pods are evicted.
fn order(scene: &mut Scene) -> Vec<String> {
    let mut evicted = Vec::new();
    for _ in 0..200 {
        match scene.next() {
            Step::Rest => break,
            Step::Write(write) => {
                if let Write::Evict { pod, .. } = &write {
                    evicted.push(pod.to_string());
                }
                scene.carry_out(&write);
            }
            step => scene.pass(&step),
        }
    }
    evicted
}

#[test]
fn standbys_go_first_and_the_primary_last_then_routers() {
    let mut scene = Scene::new();
    assert_eq!(order(&mut scene), ["shop-2", "shop-1", "shop-0"]);

    let mut scene = Scene::new();
    scene.pod("shop-0").role = Role::Standby;
    scene.pod("shop-2").role = Role::Primary;
    scene.seen.pods.insert("shop-router-0".into(), pod("shop-router-0", Role::Router));
    assert_eq!(order(&mut scene), ["shop-1", "shop-0", "shop-2", "shop-router-0"]);
}

#[test]
fn a_primary_that_moves_while_standbys_restart_is_still_the_last() {
    let mut scene = Scene::before(W::NoteEvicting);
    assert_eq!(turn(&scene).as_deref(), Some("shop-2"));
    scene.pod("shop-0").role = Role::Standby;
    scene.pod("shop-1").role = Role::Primary;
    assert_eq!(order(&mut scene), ["shop-2", "shop-0", "shop-1"]);
}

#[test]
fn an_unready_standby_goes_before_a_ready_one_and_nobody_beside_it() {
    let mut scene = Scene::before(W::NoteEvicting);
    scene.pod("shop-1").ready = false;
    assert_eq!(turn(&scene).as_deref(), Some("shop-1"));
    scene.pod("shop-2").ready = false;
    assert_eq!(scene.waits(), Waiting::NotBack("shop-1".into()), "two are not ready");
    scene.seen.request.always = true;
    assert_eq!(turn(&scene).as_deref(), Some("shop-2"), "it may be what they need");
}

#[test]
fn nobody_is_evicted_while_servers_are_missing() {
    let mut scene = Scene::before(W::NoteEvicting);
    scene.database().replicas = 4;
    assert_eq!(scene.waits(), Waiting::Servers { are: 3, should: 4 });
    scene.seen.request.always = true;
    assert!(turn(&scene).is_some());
}

#[test]
fn a_pod_is_back_when_it_is_ready_and_has_a_role_again() {
    let mut scene = Scene::before(W::NotePodReady);
    scene.pod("shop-2").role = Role::Unknown;
    assert_eq!(scene.waits(), Waiting::NotBack("shop-2".into()), "it has not joined the others");
    for name in ["shop-0", "shop-1"] {
        scene.pod(name).role = Role::Unknown;
    }
    assert_eq!(scene.point(), Some(W::NotePodReady), "nobody is told a role here");
    scene.pod("shop-2").ready = false;
    assert_eq!(scene.waits(), Waiting::NotBack("shop-2".into()));
    scene.seen.pods = no_pods();
    assert_eq!(scene.waits(), Waiting::NotBack("shop-2".into()));
}

#[test]
fn a_pod_that_somebody_else_restarts_is_not_restarted_again() {
    let mut scene = Scene::before(W::NoteEvicting);
    for name in ["shop-1", "shop-2"] {
        scene.replace(name, true);
    }
    assert_eq!(order(&mut scene), ["shop-0"]);
}

#[test]
fn a_pod_that_is_gone_before_it_is_evicted_is_noted_as_evicted() {
    let mut scene = Scene::before(W::EvictPod);
    scene.replace("shop-2", true);
    assert_eq!(scene.point(), Some(W::NoteEvicted));
}

#[test]
fn a_pod_that_came_after_the_certificates_is_not_restarted() {
    let mut scene = Scene::before(W::NoteEvicting);
    scene.seen.pods.insert("shop-3".into(), pod("shop-3", Role::Standby));
    assert_eq!(order(&mut scene), ["shop-2", "shop-1", "shop-0"]);
}

#[test]
fn a_pod_that_is_scaled_away_is_not_waited_for() {
    let mut scene = Scene::before(W::NoteEvicting);
    scene.database().replicas = 2;
    scene.seen.pods.remove("shop-2");
    assert_eq!(order(&mut scene), ["shop-1", "shop-0"]);
}

#[test]
fn two_that_look_at_different_primaries_evict_the_same_pod() {
    let mut scene = Scene::before(W::EvictPod);
    // The turn is noted: whoever looks now sees it, whatever the roles say.
    scene.pod("shop-0").role = Role::Standby;
    scene.pod("shop-2").role = Role::Primary;
    let Step::Write(Write::Evict { pod, uid }) = scene.next() else { panic!() };
    assert_eq!((&*pod, &*uid), ("shop-2", "shop-2-uid"));
}

#[test]
fn a_standalone_server() {
    let mut scene = Scene::new();
    scene.database().replicas = 1;
    scene.seen.pods.retain(|name, _| &**name == "shop-0");
    scene.pod("shop-0").role = Role::Unknown;
    assert_eq!(order(&mut scene), ["shop-0"]);
}

#[test]
fn nothing_is_called_restarted_while_servers_are_missing() {
    let mut scene = Scene::before(W::NoteSynced);
    scene.seen.pods = no_pods();
    let Step::Write(write) = scene.next() else { panic!() };
    scene.carry_out(&write);
    assert_eq!(scene.waits(), Waiting::Servers { are: 0, should: 3 });
}
