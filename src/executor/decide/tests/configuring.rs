use super::*;
use ExecutorWrite as W;

const ONE_POD: [ExecutorWrite; 4] = [W::NoteEvicting, W::EvictPod, W::NoteEvicted, W::NotePodReady];
const END: [ExecutorWrite; 4] =
    [W::NoteRestarted, W::ResumeDatabase, W::NoteDatabaseReady, W::Succeed];
const TEMPLATE: [ExecutorWrite; 5] =
    [W::UpdateDatabase, W::NoteUpdated, W::LetDatabaseGo, W::PauseDatabase, W::NoteTemplate];

/// A request about a database that is not as it wants it, and whose template is not.
fn scene(operation: Operation) -> Scene {
    let mut scene = Scene::new();
    scene.seen.request.asks = Ok(operation);
    scene.database().as_wanted = false;
    scene.seen.template = Template::Differs;
    scene
}

/// TLS is added: there is no Certificate yet.
fn adding() -> Scene {
    let mut scene = scene(Operation::Configure);
    scene.database().tls = false;
    for certificate in &mut scene.seen.certificates {
        certificate.found = None;
    }
    scene
}

/// Another issuer: the Certificates are there, and name the old one.
fn changing() -> Scene {
    let mut scene = scene(Operation::Configure);
    scene.seen.template = Template::AsWanted;
    for index in 0..2 {
        scene.certificate(index).as_wanted = false;
    }
    scene
}

pub(super) fn leftovers_named(name: &str) -> Vec<Leftover> {
    let of =
        |kind| Leftover { kind, name: name.into(), uid: "u".into(), resource_version: "4".into() };
    vec![of(LeftoverKind::Secret), of(LeftoverKind::Certificate)]
}

fn leftovers() -> Vec<Leftover> {
    let bundle = Leftover {
        kind: LeftoverKind::Bundle,
        name: "shop-ca-bundle".into(),
        ..leftovers_named("shop-server-cert")[0].clone()
    };
    std::iter::once(bundle).chain(leftovers_named("shop-server-cert")).collect()
}

fn removing() -> Scene {
    let mut scene = scene(Operation::Remove);
    scene.seen.leftovers = leftovers();
    scene
}

/// All that is written by all of them.
pub(super) fn written() -> Vec<ExecutorWrite> {
    [adding(), changing(), removing()].iter_mut().flat_map(Scene::play).collect()
}

#[test]
fn tls_is_issued_before_the_database_asks_for_it_and_mounted_before_anything_restarts() {
    let mut scene = adding();
    let issuing = [
        W::Start,
        W::PauseDatabase,
        W::NotePaused,
        W::CreateCertificate,
        W::CreateCertificate,
        W::IssueCertificate,
        W::IssueCertificate,
        W::NoteIssuing,
        W::NoteSynced,
    ];
    let expected = [&issuing[..], &TEMPLATE, &ONE_POD, &ONE_POD, &ONE_POD, &END].concat();
    assert_eq!(scene.play(), expected);
    let progress = &scene.seen.request.progress;
    assert!(progress.0["ReconfigureTLS"].message.contains("to add TLS to MySQL demo/shop"));
    assert_eq!(progress.0["UpdatePetSets"].reason, "UpdatePetSetsSucceeded");
    assert!(progress.baselines().all(|(_, before)| before.is_new));
}

#[test]
fn another_issuer_changes_the_certificates_and_then_the_database() {
    let mut scene = changing();
    let written = scene.play();
    let before = [W::ChangeCertificate, W::ChangeCertificate, W::IssueCertificate];
    assert_eq!(written[3..6], before);
    let after = [W::NoteSynced, W::UpdateDatabase, W::NoteUpdated, W::NoteTemplate];
    assert_eq!(written[8..12], after, "the template is as it was: nobody is let at the database");
    assert_eq!(scene.seen.request.phase, RequestPhase::Successful);
}

#[test]
fn tls_is_removed_from_the_servers_before_certificates_and_then_secrets_go() {
    let before = [W::Start, W::PauseDatabase, W::NotePaused];
    let gone = [W::NoteRestarted, W::DeleteCertificate, W::DeleteSecret, W::DeleteBundle];
    let pods = [&ONE_POD[..], &ONE_POD, &ONE_POD].concat();
    let expected = [&before[..], &TEMPLATE, &pods, &gone, &END[1..]].concat();
    assert_eq!(removing().play(), expected);
}

#[test]
fn whether_clients_must_use_tls_needs_no_certificate() {
    let mut scene = scene(Operation::Require);
    let before = [W::Start, W::PauseDatabase, W::NotePaused];
    let expected = [&before[..], &TEMPLATE, &ONE_POD, &ONE_POD, &ONE_POD, &END].concat();
    assert_eq!(scene.play(), expected);
}

#[test]
fn what_does_not_fit_the_database_fails_before_anything_was_done() {
    for (operation, tls, unfit, says) in [
        (Operation::Remove, false, None, "has no TLS, so there is nothing to remove"),
        (Operation::Require, false, None, "has no TLS, so there is nothing to require"),
        (Operation::Rotate, false, None, "has no TLS, so there is nothing to rotate"),
        (
            Operation::Configure,
            true,
            Some(Unfit::NoSuchIssuer("Issuer demo/new".into())),
            "Issuer demo/new does not exist: create it, or name another",
        ),
        (
            Operation::Configure,
            false,
            Some(Unfit::Unsigned("server")),
            "nobody would sign the server certificate of MySQL demo/shop",
        ),
    ] {
        let mut scene = scene(operation);
        scene.database().tls = tls;
        scene.seen.unfit = unfit;
        assert_eq!(scene.point(), Some(W::Fail), "{says}");
        let message = scene.notes()[0].message.clone();
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn what_fails_before_the_database_changed_becomes_what_it_was() {
    let mut scene = Scene { ..changing() };
    while scene.point() != Some(W::NoteSynced) {
        match scene.next() {
            Step::Write(write) => scene.carry_out(&write),
            step => scene.pass(&step),
        }
    }
    scene.seen.request.generation = 2;
    let Step::Write(write) = scene.next() else { panic!() };
    scene.carry_out(&write);
    // From now on what is wanted is what was.
    for index in 0..2 {
        scene.certificate(index).as_wanted = false;
    }
    let undone = [W::ResumeDatabase, W::ChangeCertificate, W::ChangeCertificate, W::Fail];
    assert_eq!(scene.play(), undone);
    let failed = &scene.seen.request.progress.0["Failed"].message;
    assert!(failed.ends_with("The MySQL is as it was"), "{failed}");
}

#[test]
fn what_was_made_for_tls_that_could_not_be_added_goes_again() {
    let mut scene = adding();
    while scene.point() != Some(W::NoteIssuing) {
        let Step::Write(write) = scene.next() else { panic!() };
        scene.carry_out(&write);
    }
    scene.seen.request.generation = 2;
    scene.seen.certificates.clear();
    scene.seen.leftovers = leftovers_named("shop-server-cert");
    let expected =
        [W::NoteFailure, W::ResumeDatabase, W::DeleteCertificate, W::DeleteSecret, W::Fail];
    assert_eq!(scene.play(), expected);
}

#[test]
fn what_cannot_be_undone_in_time_keeps_no_request_for_ever() {
    let mut scene = adding();
    while scene.point() != Some(W::NoteIssuing) {
        let Step::Write(write) = scene.next() else { panic!() };
        scene.carry_out(&write);
    }
    scene.seen.request.generation = 2;
    scene.seen.certificates.clear();
    scene.seen.leftovers = leftovers();
    let Step::Write(write) = scene.next() else { panic!() };
    scene.carry_out(&write);
    scene.later(STEP);
    assert_eq!(scene.play(), [W::ResumeDatabase, W::Fail]);
}

#[test]
fn a_provisioner_that_does_nothing_fails_the_request_and_the_database_is_let_go() {
    let mut scene = removing();
    while scene.point() != Some(W::LetDatabaseGo) {
        let Step::Write(write) = scene.next() else { panic!() };
        scene.carry_out(&write);
    }
    scene.seen.request.max_retries = 0;
    scene.seen.leftovers.clear();
    let Step::Write(write) = scene.next() else { panic!() };
    scene.carry_out(&write);
    assert_eq!(scene.waits(), Waiting::Template { exists: true });
    scene.later(STEP);
    assert_eq!(scene.play(), [W::NoteFailure, W::Fail]);
    let failed = &scene.seen.request.progress.0["Failed"];
    assert_eq!(failed.reason, "UpdatePetSetsFailed");
    assert!(failed.message.contains("keeps what the request wanted"), "{}", failed.message);
    assert_eq!(scene.database().pause, None);
}

#[test]
fn a_pause_of_somebody_else_while_the_provisioner_works_is_waited_for() {
    let mut scene = removing();
    while scene.point() != Some(W::LetDatabaseGo) {
        let Step::Write(write) = scene.next() else { panic!() };
        scene.carry_out(&write);
    }
    let Step::Write(write) = scene.next() else { panic!() };
    scene.carry_out(&write);
    scene.database().pause = Some(Pause::Foreign);
    assert_eq!(scene.waits(), Waiting::Paused(Pause::Foreign));
}

#[test]
fn a_first_issuance_that_failed_is_asked_for_again_and_still_counts_as_new() {
    let mut scene = adding();
    while scene.point() != Some(W::NoteIssuing) {
        let Step::Write(write) = scene.next() else { panic!() };
        scene.carry_out(&write);
    }
    let now = scene.now;
    let issued = scene.certificate(0);
    (issued.issuing, issued.last_failure) = (false, Some(now));
    assert_eq!(scene.point(), Some(W::Retry));
    let Step::Write(write) = scene.next() else { panic!() };
    scene.carry_out(&write);
    assert_eq!(scene.point(), Some(W::IssueCertificate));
    assert!(scene.seen.request.progress.baselines().all(|(_, before)| before.is_new));
}
