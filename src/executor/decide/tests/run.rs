use super::*;
use ExecutorWrite as W;

const ONE_POD: [ExecutorWrite; 4] = [W::NoteEvicting, W::EvictPod, W::NoteEvicted, W::NotePodReady];

fn undisturbed() -> Vec<ExecutorWrite> {
    let before =
        [W::Start, W::PauseDatabase, W::NotePaused, W::IssueCertificate, W::IssueCertificate];
    let after = [W::NoteRestarted, W::ResumeDatabase, W::NoteDatabaseReady, W::Succeed];
    let middle = [W::NoteIssuing, W::NoteSynced];
    [&before[..], &middle, &ONE_POD, &ONE_POD, &ONE_POD, &after].concat()
}

#[test]
fn an_undisturbed_rotation() {
    let mut scene = Scene::new();
    assert_eq!(scene.play(), undisturbed());
    assert_eq!(scene.seen.request.phase, RequestPhase::Successful);
    assert_eq!(scene.database().pause, None);
    for index in 0..2 {
        assert_eq!(scene.certificate(index).revision, 4, "one new revision each");
    }
    for name in ["shop-0", "shop-1", "shop-2"] {
        assert_eq!(*scene.pod(name).uid, *format!("{name}-uid'"), "each restarted once");
    }
}

#[test]
fn every_write_is_in_the_vocabulary_and_every_word_is_written() {
    let never_here = [W::Queue, W::Skip, W::Refuse, W::Retry, W::NoteFailure, W::Fail];
    let elsewhere = [W::ReleaseDatabase];
    let written = [
        undisturbed(),
        configuring::written(),
        reload::written(),
        switch::written(),
        authorities::written(),
    ];
    let written = written.concat();
    for point in ExecutorWrite::ALL {
        let known =
            written.contains(point) || never_here.contains(point) || elsewhere.contains(point);
        assert!(known, "{point}");
    }
}

#[test]
fn the_conditions_of_a_rotation_are_those_of_the_table() {
    let mut scene = Scene::new();
    scene.play();
    let progress = &scene.seen.request.progress.0;
    let written: Vec<(&str, &str, Status)> =
        progress.iter().map(|(kind, mark)| (&**kind, mark.reason.as_str(), mark.status)).collect();
    let t = Status::True;
    assert_eq!(
        written,
        [
            ("CertificateSynced", "ReconfigureTLS", t),
            ("DatabasePauseSucceeded", "DatabasePauseSucceeded", t),
            ("DatabaseReady", "ReconfigureTLSSucceeded", t),
            ("EvictPod--shop-0", "EvictPod", t),
            ("EvictPod--shop-1", "EvictPod", t),
            ("EvictPod--shop-2", "EvictPod", t),
            ("GetCertificate--shop-client-cert", "GetCertificate", t),
            ("GetCertificate--shop-server-cert", "GetCertificate", t),
            ("IsPodReady--shop-0", "IsPodReady", t),
            ("IsPodReady--shop-1", "IsPodReady", t),
            ("IsPodReady--shop-2", "IsPodReady", t),
            ("IssueCertificatesSucceeded", "IssueCertificatesSucceeded", t),
            ("ReconfigureTLS", "CertrotorOperate", t),
            ("Restart", "RestartPodsSucceeded", t),
            ("Running", "Running", t),
            ("Successful", "Successful", t),
        ]
    );
    let message = |kind: &str| progress[kind].message.as_str();
    assert_eq!(
        message("Running"),
        "Controller has started to Progress the MySQLOpsRequest: demo/rotate"
    );
    assert_eq!(
        message("EvictPod--shop-0"),
        "evict pod; ConditionStatus:True; PodName:shop-0; PodUID:shop-0-uid"
    );
    assert_eq!(
        message("GetCertificate--shop-server-cert"),
        "get certificate; ConditionStatus:True; UID:shop-server-cert-uid; Revision:3; \
         LastFailure:never; Secret:shop-server-cert"
    );
}

#[test]
fn a_certificate_that_cert_manager_renews_by_itself_is_not_asked_for_again() {
    let mut scene = Scene::before(W::IssueCertificate);
    scene.certificate(0).revision = 4;
    let Step::Write(Write::Issue(name)) = scene.next() else { panic!() };
    assert_eq!(&*name, "shop-client-cert");
    scene.certificate(1).issuing = true;
    assert_eq!(scene.point(), Some(W::NoteIssuing), "cert-manager is at it");
}

#[test]
fn a_certificate_that_was_made_anew_is_judged_by_itself() {
    let mut scene = Scene::before(W::NoteIssuing);
    let issued = scene.certificate(0);
    (issued.uid, issued.revision, issued.issuing) = ("another".into(), 0, false);
    let Step::Write(Write::Issue(name)) = scene.next() else { panic!() };
    assert_eq!(&*name, "shop-server-cert", "it has the old leaf of the Secret");
    scene.certificate(0).revision = 1;
    assert_eq!(scene.point(), Some(W::NoteIssuing), "it has been issued");
}

#[test]
fn nothing_restarts_before_every_certificate_is_new_and_in_its_secret() {
    type Change = fn(&mut Issued);
    let cases: [(Change, &str); 5] = [
        (|it| it.issuing = true, "Certificate shop-server-cert is being issued"),
        (|it| it.ready = false, "Certificate shop-server-cert is not Ready"),
        (
            |it| it.secret = Secret::Missing,
            "the Secret of Certificate shop-server-cert does not exist",
        ),
        (
            |it| it.secret = Secret::Unusable("its key is another's".to_owned()),
            "the Secret of Certificate shop-server-cert is unusable: its key is another's",
        ),
        (
            |it| it.secret = Secret::Holds(Life { begins: NOON - Span::days(60), ends: NOON }),
            "the Secret of Certificate shop-server-cert does not hold what was issued yet",
        ),
    ];
    for (change, why) in cases {
        let mut scene = Scene::before(W::NoteSynced);
        change(scene.certificate(0));
        assert_eq!(scene.waits().to_string(), why);
    }
}

#[test]
fn an_issuance_that_failed_is_tried_again_once_and_then_fails_the_request() {
    let mut scene = Scene::before(W::NoteIssuing);
    let Step::Write(write) = scene.next() else { panic!() };
    scene.carry_out(&write);
    for (failures, point) in [(1, W::Retry), (2, W::NoteFailure)] {
        let failed = scene.now;
        for index in 0..2 {
            let issued = scene.certificate(index);
            (issued.issuing, issued.last_failure) = (false, Some(failed));
        }
        assert_eq!(scene.point(), Some(point), "failure {failures}");
        assert!(scene.notes()[0].message.contains("cert-manager did not issue"));
        if point == W::Retry {
            for expected in [W::Retry, W::IssueCertificate, W::IssueCertificate, W::NoteIssuing] {
                assert_eq!(scene.point(), Some(expected));
                let Step::Write(write) = scene.next() else { panic!() };
                scene.carry_out(&write);
            }
        }
    }
    assert_eq!(scene.play(), [W::NoteFailure, W::ResumeDatabase, W::Fail]);
    let failed = &scene.seen.request.progress.0["Failed"];
    assert_eq!(failed.reason, "IssueCertificatesFailed");
}

#[test]
fn a_failure_before_all_were_asked_for_asks_nobody_in_a_loop() {
    let mut scene = Scene::before(W::IssueCertificate);
    let Step::Write(write) = scene.next() else { panic!() };
    scene.carry_out(&write);
    let now = scene.now;
    let issued = scene.certificate(0);
    (issued.issuing, issued.last_failure) = (false, Some(now));
    assert_eq!(scene.point(), Some(W::Retry));
    scene.seen.request.max_retries = 0;
    assert_eq!(scene.point(), Some(W::NoteFailure));
}

#[test]
fn what_is_new_already_is_not_asked_for_again_when_another_failed() {
    let mut scene = Scene::before(W::NoteSynced);
    let now = scene.now;
    let issued = scene.certificate(1);
    (issued.revision, issued.last_failure) = (3, Some(now));
    assert_eq!(scene.point(), Some(W::Retry));
    let Step::Write(write) = scene.next() else { panic!() };
    scene.carry_out(&write);
    let Step::Write(Write::Issue(name)) = scene.next() else { panic!() };
    assert_eq!(&*name, "shop-client-cert");
    scene.certificate(1).issuing = true;
    assert_eq!(scene.point(), Some(W::NoteIssuing));
}

#[test]
fn a_step_that_takes_too_long_is_tried_again_and_then_given_up() {
    for (limit, own) in [(STEP, None), (Span::MINUTE, Some(Span::MINUTE))] {
        let mut scene = Scene::before(W::NoteSynced);
        scene.seen.request.timeout = own;
        scene.certificate(0).ready = false;
        let Step::Wait { until: Some(until), .. } = scene.next() else { panic!() };
        scene.now = until - Span::seconds(1);
        assert!(matches!(scene.next(), Step::Wait { .. }), "not yet");
        scene.now = until;
        assert_eq!(scene.point(), Some(W::Retry));
        let message = scene.notes()[0].message.clone();
        let why = format!("gave up after {limit}: Certificate shop-server-cert is not Ready");
        assert_eq!(message, format!("retrying; Retry:1/1; {why}"));
        let Step::Write(write) = scene.next() else { panic!() };
        scene.carry_out(&write);
        assert_eq!(scene.point(), Some(W::NoteIssuing), "the others are new");
        scene.later(limit);
        scene.seen.request.progress.0.remove("IssueCertificatesSucceeded");
        assert_eq!(scene.point(), Some(W::NoteIssuing));
        let Step::Write(write) = scene.next() else { panic!() };
        scene.carry_out(&write);
        scene.later(limit);
        assert_eq!(scene.play(), [W::NoteFailure, W::ResumeDatabase, W::Fail]);
        assert_eq!(scene.seen.request.progress.0["Failed"].message, why);
    }
}

#[test]
fn a_write_that_is_refused_for_too_long_is_given_up_like_any_wait() {
    for point in [W::PauseDatabase, W::IssueCertificate, W::EvictPod] {
        let mut scene = Scene::before(point);
        scene.seen.request.max_retries = 0;
        scene.later(STEP);
        assert_eq!(scene.point(), Some(W::NoteFailure), "{point}");
        let message = scene.notes()[0].message.clone();
        assert_eq!(message, format!("gave up after 10m: {point} is refused"));
    }
}

#[test]
fn what_fails_is_resumed_before_it_is_failed() {
    for point in [W::NotePaused, W::IssueCertificate, W::NoteSynced, W::EvictPod, W::NotePodReady] {
        let mut scene = Scene::before(point);
        scene.seen.request.generation = 2;
        assert_eq!(scene.play(), [W::NoteFailure, W::ResumeDatabase, W::Fail], "{point}");
        let failed = &scene.seen.request.progress.0["Failed"];
        assert_eq!(failed.reason, "ReconfigureTLSFailed");
        assert!(failed.message.contains("was changed while it was carried out"));
        assert_eq!(scene.database().pause, None);
    }
    let mut scene = Scene::before(W::PauseDatabase);
    scene.seen.request.generation = 2;
    assert_eq!(scene.play(), [W::NoteFailure, W::Fail], "it was never paused");
}

#[test]
fn a_failing_request_goes_on_resuming_however_long_that_takes() {
    let mut scene = Scene::before(W::NoteSynced);
    scene.seen.request.generation = 2;
    let Step::Write(write) = scene.next() else { panic!() };
    scene.carry_out(&write);
    scene.later(Span::DAY);
    assert_eq!(scene.point(), Some(W::ResumeDatabase));
}

#[test]
fn a_pause_of_somebody_else_is_waited_for_and_never_ended() {
    let mut scene = Scene::before(W::PauseDatabase);
    scene.database().pause = Some(Pause::Foreign);
    assert_eq!(scene.waits(), Waiting::Paused(Pause::Foreign));
    scene.seen.request.max_retries = 0;
    scene.later(STEP);
    assert_eq!(scene.play(), [W::NoteFailure, W::Fail]);
    assert_eq!(scene.database().pause, Some(Pause::Foreign));
}

#[test]
fn a_person_who_resumes_the_database_meanwhile_means_it() {
    let mut scene = Scene::before(W::NoteSynced);
    scene.database().pause = None;
    let written = scene.play();
    assert!(!written.contains(&W::PauseDatabase) && !written.contains(&W::ResumeDatabase));
    assert_eq!(written.last(), Some(&W::Succeed));
}

#[test]
fn it_ends_only_when_the_database_is_ready_again() {
    let mut scene = Scene::before(W::NoteDatabaseReady);
    scene.database().phase = DatabasePhase::Critical;
    assert_eq!(scene.waits(), Waiting::NotReady(DatabasePhase::Critical));
    scene.seen.request.max_retries = 0;
    scene.later(STEP);
    assert_eq!(scene.play(), [W::NoteFailure, W::Fail], "it is resumed already");
    assert_eq!(scene.seen.request.progress.0["Failed"].reason, "DatabaseNotReady");
}

#[test]
fn an_outage_of_the_executor_counts_only_where_something_is_still_missing() {
    let mut scene = Scene::before(W::NotePodReady);
    scene.later(Span::DAY);
    assert_eq!(scene.point(), Some(W::NotePodReady));
}
