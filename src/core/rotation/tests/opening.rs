//! From a cause to a request: what is looked at before, and what a slot is worth.

use super::*;

#[test]
fn from_a_cause_to_a_verified_rotation() {
    let mut story = Story::due();
    assert_eq!(story.state(), State::Rotating);
    story.writes([OpenRotation]);
    assert_eq!(story.current().request.uid, None, "named before it exists");
    story.takes_its_slot();
    assert_eq!(story.says(), Some(CreateRequest));
    story.later("2s").request_appears(|_| {});
    story.writes([NoteCreated]);
    assert_eq!((story.says(), story.state()), (None, State::Rotating));
    story.later("1m").request(|request| request.phase = RequestPhase::Progressing);
    story.writes([NoteStarted]);
    assert_eq!(story.says(), None);
    story.later("4m").certificates_are_replaced();
    story.request_ends(RequestPhase::Successful);
    assert!(story.slot_held());
    story.writes([CloseRotation]);
    let record = story.record().clone();
    let last = record.last.unwrap();
    assert_eq!((last.outcome, last.attempt, last.failures), (Outcome::Verified, 1, 0));
    assert_eq!(record.attempts[0].duration, Some(span("4m")));
    assert_eq!(record.last_rotated, Some(story.now));
    let plan = story.plan();
    assert_eq!(plan.slots.as_ref().unwrap().slots.len(), 0, "its slot is freed");
    carry_out(&mut story.fleet, &plan);
    assert_eq!((story.says(), story.plan().slots, story.state()), (None, None, State::Fresh));
}

#[test]
fn a_database_without_a_rotation_gets_one_first() {
    let none = Db::named(NAME).lives("-80d..+10d").with(|database| database.rotation = None);
    assert_eq!(Story::of(none.clone()).says(), Some(CreateRotation));
    let deleting = none.clone().with(|database| database.deleting = true);
    assert_eq!(Story::of(deleting).says(), None);
    let unwatched = none.with(|database| database.selected = false);
    assert_eq!(Story::of(unwatched).says(), None);
}

#[test]
fn the_record_of_a_former_mysql_is_started_anew_and_wishes_stay() {
    let mut story = Story::started();
    story.wish("yesterday");
    story.record_mut(|record| record.handled_request = Some("yesterday".into()));
    story.change(|database| database.uid = "another".into());
    story.writes([ResetRecord]);
    let record = story.record();
    assert_eq!(record.database_uid.as_deref(), Some("another"));
    assert_eq!((&record.current, &record.last), (&None, &None));
    assert_eq!(record.handled_request.as_deref(), Some("yesterday"), "it was asked of the former");
    assert!(!story.slot_held(), "the former one's slot is freed");
}

#[test]
fn a_slot_without_a_request_is_freed_when_a_gate_closes() {
    let mut story = Story::opened();
    assert!(story.slot_held());
    story.change(|database| database.phase = DatabasePhase::Critical);
    assert_eq!(story.says(), None);
    assert_eq!(story.plan().slots.unwrap().slots.len(), 0);
    assert_eq!(story.gates(), [Gate::DatabaseNotReady]);
}

#[test]
fn a_slot_of_another_attempt_is_none() {
    let mut story = Story::opened();
    let name = "orders-rotate-00000000";
    story.fleet.slots = sample::slots([(NAME, name)]);
    assert_eq!(story.says(), None, "it may not create");
    assert_eq!(story.plan().slots.unwrap().slots.len(), 0);
}

#[test]
fn no_slot_is_taken_while_the_table_is_not_known_and_a_missing_one_is_rebuilt() {
    let mut story = Story::opened();
    story.fleet.slots = crate::core::slots::SlotTable::Unknown;
    assert_eq!((story.says(), story.plan().slots), (None, None));
    story.fleet.slots = crate::core::slots::SlotTable::Missing;
    let rebuilt = story.plan().slots.unwrap();
    assert_eq!((rebuilt.expected, rebuilt.slots.len()), (None, 1));
    assert_eq!(story.says(), None, "first the table");
    let mut running = Story::started();
    running.fleet.slots = crate::core::slots::SlotTable::Missing;
    assert_eq!(running.plan().slots.unwrap().slots.len(), 1, "its request exists");
}

#[test]
fn a_held_slot_stays_as_it_was_taken() {
    let mut story = Story::started();
    story.change(|database| {
        for certificate in database.certificates.values_mut() {
            certificate.issuer.name = "other".into();
        }
    });
    assert_eq!(story.plan().slots, None);
}

#[test]
fn who_does_not_lead_writes_nothing() {
    let mut story = Story::opened();
    story.fleet.leader = false;
    let plan = story.plan();
    assert_eq!((plan.steps.len(), plan.slots), (0, None));
}

#[test]
fn a_request_of_that_name_is_ours_if_it_says_so() {
    let found = |change: fn(&mut Request)| {
        let mut story = Story::opened();
        story.request_appears(change);
        story.says()
    };
    assert_eq!(found(|_| {}), Some(NoteCreated));
    assert_eq!(found(|request| request.phase = RequestPhase::Successful), Some(NoteCreated));
    assert_eq!(found(|request| request.carried = None), Some(EndAttempt));
    assert_eq!(found(|request| request.content = RequestContent::OtherTls), Some(EndAttempt));
    assert_eq!(found(|request| request.carried.as_mut().unwrap().attempt = 7), Some(EndAttempt));
    assert_eq!(
        found(|request| request.carried.as_mut().unwrap().database_uid = "x".into()),
        Some(EndAttempt)
    );
    assert_eq!(
        found(|request| request.carried.as_mut().unwrap().installation = "former".into()),
        Some(NoteCreated),
        "made before this installation took over"
    );
}

#[test]
fn a_squatted_name_costs_one_attempt_and_blocks_nobody() {
    let mut story = Story::opened();
    let squatted = Text::clone(&story.current().request.name);
    story.request_appears(|request| {
        request.carried = None;
        request.phase = RequestPhase::Failed;
        request.started = Some(NOW);
    });
    story.writes([EndAttempt]);
    let current = story.current();
    assert_eq!((current.attempt, current.failures, current.setbacks), (2, 0, 1));
    assert_ne!(current.request.name, squatted);
    assert_eq!(story.record().attempts[0].outcome, Outcome::ForeignRequest);
    assert_eq!(story.record().last_rotated, None, "nothing of ours ran");
    assert_eq!(story.gates(), [Gate::BackingOff]);
    story.later("15m").takes_its_slot_again();
    assert_eq!(story.says(), Some(CreateRequest));
}

#[test]
fn before_an_attempt_it_looks_again() {
    let mut rotated = Story::opened();
    rotated.later("1m").certificates_are_replaced();
    rotated.writes([CloseRotation]);
    assert_eq!(rotated.record().last.as_ref().unwrap().outcome, Outcome::Verified);
    let closed = |change: fn(&mut Database)| {
        let mut story = Story::opened();
        story.change(change);
        story.writes([CloseRotation]);
        story.record().last.as_ref().unwrap().outcome
    };
    assert_eq!(closed(|database| database.tls = false), Outcome::Moot);
    assert_eq!(closed(|database| database.selected = false), Outcome::Moot);
    let renewed_not_served = |database: &mut Database| {
        for certificate in database.certificates.values_mut() {
            certificate.issued = issued("-1m..+90d");
        }
        database.pods.clear();
    };
    assert_eq!(closed(renewed_not_served), Outcome::Moot, "nothing is known of its servers");
}

#[test]
fn a_cause_that_somebody_elses_rotation_left_is_still_acted_on() {
    let mut story = Story::of(Db::named(NAME).certificate(&Alias::Server, |certificate| {
        certificate.names_lacking = vec!["db.example".into()];
    }));
    story.writes([OpenRotation]);
    story.later("1m").certificates_are_replaced();
    assert_eq!(story.says(), None);
    assert!(story.plan().slots.is_some(), "it goes on");
}

#[test]
fn moot_leaves_a_persons_request_open() {
    let mut story = Story::due();
    story.wish("now");
    story.writes([OpenRotation]);
    story.change(|database| database.tls = false).writes_close();
    assert_eq!(story.record().handled_request, None);
    let mut story = Story::due();
    story.wish("now");
    story.writes([OpenRotation]);
    story.later("1m").certificates_are_replaced();
    story.writes([CloseRotation]);
    assert_eq!(story.record().handled_request.as_deref(), Some("now"), "somebody rotated");
}

#[test]
fn causes_merge_until_the_request_is_created() {
    use Cause::{NamesChanged, RenewalDue};
    let mut story = Story::opened();
    story.change(|database| {
        let client = database.certificates.get_mut(&Alias::Client).unwrap();
        client.names_lacking = vec!["db.example".into()];
    });
    assert_eq!(story.write().unwrap().point(), MergeCauses);
    story.writes([MergeCauses]);
    let causes: Vec<Cause> = story.current().causes.iter().map(|opened| opened.cause).collect();
    assert_eq!(causes, [NamesChanged, RenewalDue, RenewalDue, RenewalDue]);
    assert_eq!(story.says(), Some(CreateRequest));
    story.request_appears(|_| {});
    story.writes([NoteCreated]);
    story.change(|database| {
        let client = database.certificates.get_mut(&Alias::Client).unwrap();
        client.names_lacking = vec!["other.example".into()];
    });
    assert_eq!(story.says(), None, "judged when it has ended");
}

#[test]
fn two_changes_of_the_issuer_do_not_take_turns() {
    let db = Db::named(NAME)
        .lives("-80d..+10d")
        .seen_twice(0, "-1h", "-80d..+10d")
        .pod(0, |pod| pod.seen[1].trusted = Some(false))
        .server_leaf(|leaf| leaf.signed_by = Some(sample::issuer("prod", "old")));
    let mut story = Story::of(db);
    story.writes([OpenRotation]);
    story.takes_its_slot();
    assert_eq!(story.says(), Some(CreateRequest));
}
