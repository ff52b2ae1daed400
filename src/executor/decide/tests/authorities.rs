use super::configuring::leftovers_named;
use super::*;
use ExecutorWrite as W;

const ONE_POD: [ExecutorWrite; 4] = [W::NoteEvicting, W::EvictPod, W::NoteEvicted, W::NotePodReady];
const LEARNED: [ExecutorWrite; 7] = [
    W::Start,
    W::PauseDatabase,
    W::NotePaused,
    W::StageAuthority,
    W::IssueCertificate,
    W::PublishBundle,
    W::NotePublished,
];
const ISSUED: [ExecutorWrite; 5] =
    [W::IssueCertificate, W::IssueCertificate, W::NoteIssuing, W::TrustAuthorities, W::NoteSynced];
const GONE: [ExecutorWrite; 5] =
    [W::TrustAuthorities, W::PublishBundle, W::DeleteCertificate, W::DeleteSecret, W::NoteTrimmed];
const END: [ExecutorWrite; 3] = [W::ResumeDatabase, W::NoteDatabaseReady, W::Succeed];

/// The CA behind the issuer has another key.
fn changing() -> Scene {
    let mut scene = Scene::new();
    scene.seen.authorities.changes = true;
    scene.seen.authorities.overlap = Span::minutes(2);
    scene
}

fn group() -> Scene {
    let mut scene = changing();
    scene.seen.authorities.mutual = true;
    scene
}

pub(super) fn staging_left() -> Vec<Leftover> {
    leftovers_named(STAGING)
}

/// All that is written by them.
pub(super) fn written() -> Vec<ExecutorWrite> {
    group().play()
}

/// Until before this write.
fn until(mut scene: Scene, point: ExecutorWrite) -> Scene {
    while scene.point() != Some(point) {
        match scene.next() {
            Step::Write(write) => scene.carry_out(&write),
            step => scene.pass(&step),
        }
    }
    scene
}

fn carry_out(scene: &mut Scene) {
    let Step::Write(write) = scene.next() else { panic!("nothing is written: {:?}", scene.next()) };
    scene.carry_out(&write);
}

#[test]
fn both_are_published_before_anything_is_issued_and_the_old_one_goes_last() {
    let trusted = [W::TrustAuthorities, W::NoteTrusted];
    let pods = [&ONE_POD[..], &ONE_POD, &ONE_POD, &[W::NoteRestarted]].concat();
    let expected = [&LEARNED[..], &trusted, &ISSUED, &pods, &GONE, &END].concat();
    let mut scene = changing();
    assert_eq!(scene.play(), expected);
    let progress = &scene.seen.request.progress;
    assert!(progress.0["CABundlePublished"].message.contains("clients of MySQL demo/shop"));
    assert!(progress.has("CABundleTrusted") && progress.has("CABundleTrimmed"));
}

#[test]
fn a_group_is_restarted_to_trust_both_before_a_new_leaf_is_issued() {
    let trusted = [W::TrustAuthorities, W::NoteTrusting];
    let pods = [&ONE_POD[..], &ONE_POD, &ONE_POD].concat();
    let restarted = [W::NoteRestarted];
    let expected =
        [&LEARNED[..], &trusted, &pods, &[W::NoteTrusted], &ISSUED, &pods, &restarted, &GONE, &END]
            .concat();
    let mut scene = group();
    assert_eq!(scene.play(), expected);
    for name in ["shop-0", "shop-1", "shop-2"] {
        assert_eq!(*scene.pod(name).uid, *format!("{name}-uid''"), "restarted twice");
    }
}

#[test]
fn routers_verify_nobody_and_are_not_restarted_to_trust() {
    let mut scene = group();
    scene.seen.pods.insert("shop-router-0".into(), pod("shop-router-0", Role::Router));
    let mut scene = until(scene, W::NoteTrusted);
    assert_eq!(&*scene.pod("shop-router-0").uid, "shop-router-0-uid");
    scene.play();
    assert_eq!(&*scene.pod("shop-router-0").uid, "shop-router-0-uid'", "but for the new leaf");
}

#[test]
fn clients_have_their_time_however_short_a_step_may_be() {
    let mut scene = changing();
    scene.seen.request.timeout = Some(Span::seconds(30));
    let mut scene = until(scene, W::NotePublished);
    carry_out(&mut scene);
    let published = scene.now;
    assert_eq!(scene.waits(), Waiting::Clients);
    scene.later(Span::seconds(119));
    assert_eq!(scene.waits(), Waiting::Clients, "and it is never too late");
    assert!(matches!(scene.next(), Step::Wait { until: Some(at), .. }
        if at == published + Span::minutes(2)));
    scene.later(Span::seconds(1));
    assert_eq!(scene.point(), Some(W::TrustAuthorities));
}

#[test]
fn an_issuer_with_the_same_ca_gives_nobody_anything_to_do() {
    let mut scene = group();
    scene.seen.authorities.known = true;
    scene = until(scene, W::NotePublished);
    assert_eq!(scene.notes()[0].status, Status::False);
    let written = scene.play();
    assert_eq!(written[..2], [W::NotePublished, W::IssueCertificate], "{written:?}");
    assert!(!written.contains(&W::TrustAuthorities) && !written.contains(&W::NoteTrimmed));
    assert_eq!(scene.seen.request.phase, RequestPhase::Successful);
}

#[test]
fn without_a_change_the_ca_is_published_for_the_next_one() {
    let mut scene = Scene::new();
    scene.seen.authorities.published = false;
    let written = scene.play();
    let at = written.iter().position(|it| *it == W::PublishBundle).unwrap();
    assert_eq!(written[at - 1..], [&[W::NoteRestarted, W::PublishBundle], &END[..]].concat());
}

#[test]
fn what_an_earlier_request_has_left_teaches_nothing() {
    let mut scene = until(changing(), W::StageAuthority);
    scene.seen.authorities.staging = Staging::Remains(staging_left()[1].clone());
    assert_eq!(scene.point(), Some(W::DeleteCertificate));
    scene.seen.authorities.staging = Staging::Remains(staging_left()[0].clone());
    assert_eq!(scene.point(), Some(W::DeleteSecret));
}

#[test]
fn a_ca_that_cannot_be_learned_leaves_everything_as_it_was() {
    let mut scene = until(changing(), W::PublishBundle);
    scene.seen.request.max_retries = 0;
    scene.seen.authorities.staging = Staging::Silent(STAGING.into());
    scene.seen.leftovers = staging_left();
    assert!(scene.waits().to_string().contains("does not say which CA it signs with"));
    scene.later(STEP);
    let undone = [W::DeleteCertificate, W::DeleteSecret, W::Fail];
    assert_eq!(scene.play(), [&[W::NoteFailure, W::ResumeDatabase], &undone[..]].concat());
    let failed = &scene.seen.request.progress.0["Failed"].message;
    assert!(!failed.contains("stay published"), "{failed}");
}

#[test]
fn a_staging_certificate_that_fails_is_asked_for_again_as_often_as_the_request_allows() {
    let mut scene = until(changing(), W::IssueCertificate);
    let now = scene.later(Span::seconds(5)).now;
    scene.staging().last_failure = Some(now);
    assert_eq!(scene.point(), Some(W::Retry));
    carry_out(&mut scene);
    assert_eq!(scene.point(), Some(W::IssueCertificate), "its failure until now is forgiven");
    let now = scene.later(Span::seconds(5)).now;
    scene.staging().last_failure = Some(now);
    assert_eq!(scene.point(), Some(W::NoteFailure));
}

#[test]
fn a_change_that_fails_leaves_both_published_and_says_so() {
    let mut scene = until(group(), W::NoteIssuing);
    scene.seen.request.generation = 2;
    scene.seen.leftovers = staging_left();
    let expected =
        [W::NoteFailure, W::ResumeDatabase, W::DeleteCertificate, W::DeleteSecret, W::Fail];
    assert_eq!(scene.play(), expected, "nothing is taken from clients");
    let failed = &scene.seen.request.progress.0["Failed"].message;
    assert!(failed.contains("The old CA and the new one stay published"), "{failed}");
}

#[test]
fn a_ca_that_somebody_takes_away_again_is_put_back_while_there_are_two() {
    for point in [W::NoteTrusted, W::NoteSynced] {
        let mut scene = until(group(), point);
        scene.seen.authorities.untold = Some("shop-client-cert".into());
        assert_eq!(scene.point(), Some(W::TrustAuthorities), "{point}");
        carry_out(&mut scene);
        assert_eq!(scene.point(), Some(point));
    }
}

#[test]
fn the_old_ca_stays_while_a_server_is_seen_to_serve_an_old_leaf() {
    let mut scene = until(changing(), W::NoteRestarted);
    carry_out(&mut scene);
    scene.pod("shop-1").serves = Serving::Old;
    assert_eq!(scene.waits(), Waiting::ServesOld("shop-1".into()));
    scene.pod("shop-1").serves = Serving::New;
    assert_eq!(scene.point(), Some(W::TrustAuthorities));
    assert!(!scene.seen.request.progress.has(TRIMMED));
}

#[test]
fn the_primary_hands_its_role_over_in_both_rounds_and_be_it_the_same_one() {
    let mut scene = group();
    scene.seen.switches = true;
    let mut scene = until(scene, W::NoteSynced);
    assert!(scene.seen.request.progress.has("SwitchPrimary--shop-0"));
    for (name, role) in [("shop-0", Role::Primary), ("shop-1", Role::Standby)] {
        scene.pod(name).role = role;
    }
    let written = scene.play();
    assert_eq!(written.iter().filter(|it| **it == W::SwitchPrimary).count(), 1, "{written:?}");
}
