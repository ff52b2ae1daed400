use super::*;
use crate::executor::decide::seen::Refusal;

const OURS: &str = "ReconfigureTLS";

#[test]
fn a_request_that_nothing_stands_in_the_way_of_starts() {
    let mut scene = Scene::new();
    for phase in [RequestPhase::New, RequestPhase::Pending, RequestPhase::Approved] {
        scene.seen.request.phase = phase;
        assert_eq!(scene.point(), Some(ExecutorWrite::Start), "{phase:?}");
    }
    let kinds: Vec<String> = scene.notes().into_iter().map(|note| note.kind).collect();
    assert_eq!(kinds, ["Running", "ReconfigureTLS"]);
}

#[test]
fn other_phases_are_left_alone() {
    let mut scene = Scene::new();
    for phase in [
        RequestPhase::WaitingForApproval,
        RequestPhase::Successful,
        RequestPhase::Failed,
        RequestPhase::Denied,
        RequestPhase::Skipped,
        RequestPhase::Unknown,
        // Somebody else carries it out: it has no condition of ours.
        RequestPhase::Progressing,
    ] {
        scene.seen.request.phase = phase;
        assert_eq!(scene.next(), Step::Rest, "{phase:?}");
    }
    let mut scene = Scene::new();
    scene.seen.request.deleting = true;
    assert_eq!(scene.next(), Step::Rest, "it is being deleted");
}

#[test]
fn what_cannot_be_carried_out_is_denied_with_what_to_do() {
    for (refusal, says) in [
        (Refusal::NoTls, "spec.tls is missing"),
        (Refusal::RemoveAndRotate, "exclude each other"),
        (Refusal::Nothing, "asks for nothing"),
        (Refusal::RemoveAnd("issuerRef"), "remove and spec.tls.issuerRef exclude each other"),
        (Refusal::Alias("serve".to_owned()), "name server, client, metrics-exporter or router"),
        (Refusal::Timeout("90d".to_owned()), "\"90d\" is no length of time"),
    ] {
        let mut scene = Scene::new();
        scene.seen.request.asks = Err(refusal);
        assert_eq!(scene.point(), Some(ExecutorWrite::Refuse));
        let note = scene.notes().remove(0);
        assert_eq!(note.kind, "Denied");
        assert!(note.message.contains(says), "{}", note.message);
    }
}

#[test]
fn a_request_whose_database_is_gone_is_dropped() {
    let mut scene = Scene::new();
    scene.seen.database = None;
    assert_eq!(scene.next(), Step::Dropped);
    let mut scene = Scene::before(ExecutorWrite::NoteSynced);
    scene.seen.database = None;
    assert_eq!(scene.next(), Step::Dropped, "while it runs, too");

    let mut scene = Scene::new();
    scene.seen.database = None;
    scene.seen.request.database = "".into();
    assert_eq!(scene.point(), Some(ExecutorWrite::Refuse), "it names none at all");
}

#[test]
fn of_the_queued_requests_of_the_type_the_newest_survives() {
    for (phase, seconds, name, skipped, why) in [
        (RequestPhase::New, 1, "b", true, "a newer one is queued"),
        (RequestPhase::Pending, 1, "b", true, "a newer one is queued"),
        (RequestPhase::New, 0, "a", true, "of one second, the first in the alphabet is the newest"),
        (RequestPhase::New, 0, "z", false, "of one second, the last in the alphabet is the oldest"),
        (RequestPhase::New, -1, "b", false, "the other is older"),
        (RequestPhase::Progressing, 1, "b", false, "one that runs skips nobody"),
        (RequestPhase::Successful, 1, "b", false, "nor does one that is over"),
        (RequestPhase::WaitingForApproval, 1, "b", false, "nor one that waits for a person"),
    ] {
        let mut scene = Scene::new();
        scene.other(name, OURS, phase, seconds);
        assert_eq!(scene.point() == Some(ExecutorWrite::Skip), skipped, "{why}");
    }
    let mut scene = Scene::new();
    scene.other("b", OURS, RequestPhase::New, 1).acceptable = false;
    assert_eq!(scene.point(), Some(ExecutorWrite::Start), "one that is refused skips nobody");

    let mut scene = Scene::new();
    scene.other("b", OURS, RequestPhase::New, 60);
    assert_eq!(
        scene.notes()[0].message,
        "skipped as demo/b is the most updated MySQLOpsRequest of type ReconfigureTLS at \
         2026-11-24T12:01:00Z"
    );
}

#[test]
fn the_newest_starts_only_after_the_others_are_skipped() {
    let mut scene = Scene::new();
    scene.seen.request.phase = RequestPhase::Pending;
    scene.other("older", OURS, RequestPhase::Pending, -1);
    assert_eq!(scene.waits(), Waiting::ToBeSkipped("older".into()));
    scene.seen.others[0].phase = RequestPhase::Skipped;
    assert_eq!(scene.point(), Some(ExecutorWrite::Start));
}

#[test]
fn of_several_types_the_oldest_goes_first() {
    let earlier = |scene: &mut Scene| {
        scene.seen.request.phase = RequestPhase::Pending;
        match scene.next() {
            Step::Wait { why: Waiting::Earlier { name, .. }, .. } => Some(name.to_string()),
            Step::Write(_) => None,
            step => panic!("{step:?}"),
        }
    };
    let mut scene = Scene::new();
    scene.other("restart", "Restart", RequestPhase::New, -1);
    assert_eq!(earlier(&mut scene).as_deref(), Some("restart"));

    let mut scene = Scene::new();
    scene.other("restart", "Restart", RequestPhase::New, 1);
    assert_eq!(earlier(&mut scene), None, "it is newer");

    let mut scene = Scene::new();
    scene.other("old", "Restart", RequestPhase::New, -1);
    scene.other("new", "Restart", RequestPhase::New, 1);
    assert_eq!(earlier(&mut scene), None, "the older Restart will be skipped");

    let mut scene = Scene::new();
    scene.other("old", "Reconfigure", RequestPhase::New, -1);
    scene.other("new", "Reconfigure", RequestPhase::New, 1);
    assert_eq!(earlier(&mut scene).as_deref(), Some("old"), "no Reconfigure is ever skipped");
}

#[test]
fn one_request_at_a_time_runs_on_a_database() {
    for (kind, phase) in [
        (OURS, RequestPhase::Progressing),
        ("Restart", RequestPhase::Progressing),
        ("Restart", RequestPhase::Unknown),
    ] {
        let mut scene = Scene::new();
        scene.seen.request.phase = RequestPhase::Pending;
        scene.other("other", kind, phase, 5);
        assert_eq!(scene.waits(), Waiting::Running("other".into()), "{kind} {phase:?}");
    }
}

#[test]
fn what_of_the_database_stands_in_the_way() {
    type Change = fn(&mut Scene);
    let cases: [(Change, Option<&str>); 8] = [
        (
            |scene| scene.database().phase = DatabasePhase::Critical,
            Some("the database is Critical, not Ready"),
        ),
        (
            |scene| {
                scene.database().phase = DatabasePhase::NotReady;
                scene.seen.request.always = true;
            },
            None,
        ),
        (|scene| scene.database().halted = true, Some("the database is halted")),
        (
            |scene| {
                scene.database().halted = true;
                scene.seen.request.always = true;
            },
            Some("the database is halted"),
        ),
        (
            |scene| scene.database().pause = Some(Pause::Foreign),
            Some("somebody else has paused the database"),
        ),
        (
            |scene| {
                let (request, uid) = ("gone".into(), "r-0".into());
                scene.database().pause = Some(Pause::For { request, uid });
            },
            Some("the database is paused for MySQLOpsRequest gone"),
        ),
        (
            |scene| scene.seen.backup_running = true,
            Some("a backup or restore of the database is running"),
        ),
        (|_| {}, None),
    ];
    for (change, why) in cases {
        let mut scene = Scene::new();
        scene.seen.request.phase = RequestPhase::Pending;
        change(&mut scene);
        let waits = match scene.next() {
            Step::Wait { why, .. } => Some(why.to_string()),
            _ => None,
        };
        assert_eq!(waits.as_deref(), why);
    }
}

#[test]
fn a_request_that_waits_is_pending() {
    let mut scene = Scene::new();
    scene.seen.backup_running = true;
    assert_eq!(scene.point(), Some(ExecutorWrite::Queue));
    let Step::Write(write) = scene.next() else { panic!() };
    scene.carry_out(&write);
    assert_eq!(scene.seen.request.phase, RequestPhase::Pending);
    assert_eq!(scene.waits(), Waiting::Backup);
}

#[test]
fn a_database_that_cannot_be_rotated_fails_the_request_before_it_is_paused() {
    let mut scene = Scene::new();
    scene.database().tls = false;
    assert_eq!(scene.point(), Some(ExecutorWrite::Fail));
    assert!(scene.notes()[0].message.contains("MySQL demo/shop has no TLS"));

    let mut scene = Scene::new();
    scene.seen.certificates[1].found = None;
    assert_eq!(scene.point(), Some(ExecutorWrite::Fail));
    assert!(scene.notes()[0].message.contains("Certificate demo/shop-client-cert does not exist"));

    // TLS may be what the request before it adds.
    let mut scene = Scene::new();
    scene.seen.request.phase = RequestPhase::Pending;
    scene.seen.certificates.clear();
    scene.other("add-tls", OURS, RequestPhase::Progressing, -5);
    assert_eq!(scene.waits(), Waiting::Running("add-tls".into()));
}
