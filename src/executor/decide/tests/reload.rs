use super::*;
use ExecutorWrite as W;

fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.seen.reloads = true;
    scene
}

/// All that is written when servers reload.
pub(super) fn written() -> Vec<ExecutorWrite> {
    scene().play()
}

#[test]
fn where_leaves_change_alone_servers_reload_and_nothing_restarts() {
    let mut scene = scene();
    let written = scene.play();
    let end = [
        W::NoteSynced,
        W::ReloadTls,
        W::ReloadTls,
        W::ReloadTls,
        W::NoteReloaded,
        W::ResumeDatabase,
    ];
    assert_eq!(written[6..12], end);
    assert!(!written.contains(&W::EvictPod));
    assert_eq!(scene.seen.request.phase, RequestPhase::Successful);
    for name in ["shop-0", "shop-1", "shop-2"] {
        assert_eq!(*scene.pod(name).uid, *format!("{name}-uid"), "nobody was restarted");
    }
}

#[test]
fn a_server_that_keeps_the_old_leaf_is_asked_again_and_then_all_are_restarted() {
    let mut scene = Scene { ..scene() };
    while scene.point() != Some(W::ReloadTls) {
        match scene.next() {
            Step::Write(write) => scene.carry_out(&write),
            step => scene.pass(&step),
        }
    }
    scene.later(Span::minutes(2));
    assert_eq!(scene.point(), Some(W::ReloadTls), "kubelets take their time");
    scene.later(Span::minutes(1));
    assert_eq!(scene.point(), Some(W::NoteReloaded));
    let note = scene.notes().remove(0);
    assert_eq!((note.status, note.reason), (Status::False, "ReloadPodsFailed"));
    assert!(note.message.contains("shop-0 does not serve the new certificate"), "{}", note.message);
    let written = scene.play();
    assert_eq!(written.iter().filter(|it| **it == W::EvictPod).count(), 3);
    assert_eq!(written.last(), Some(&W::Succeed));
}

#[test]
fn a_short_timeout_leaves_time_for_the_restart() {
    let mut scene = Scene { ..scene() };
    scene.seen.request.timeout = Some(Span::MINUTE);
    while scene.point() != Some(W::ReloadTls) {
        match scene.next() {
            Step::Write(write) => scene.carry_out(&write),
            step => scene.pass(&step),
        }
    }
    scene.later(Span::seconds(30));
    assert_eq!(scene.point(), Some(W::NoteReloaded));
}

#[test]
fn a_request_does_not_end_while_a_server_was_seen_to_serve_the_old_leaf() {
    let mut scene = Scene::before(W::ResumeDatabase);
    scene.pod("shop-1").serves = Serving::Old;
    assert_eq!(scene.waits(), Waiting::ServesOld("shop-1".into()));
    scene.seen.request.max_retries = 0;
    scene.later(STEP);
    assert_eq!(scene.play(), [W::NoteFailure, W::ResumeDatabase, W::Fail]);
    assert!(scene.seen.request.progress.0["Failed"].message.contains("serves another certificate"));

    let mut scene = Scene::before(W::ResumeDatabase);
    scene.pod("shop-1").serves = Serving::Unseen;
    assert_eq!(scene.point(), Some(W::ResumeDatabase), "nobody could look");
}
