//! Lost records, and requests that no record names.

use super::*;

#[test]
fn a_lost_record_is_rebuilt_from_the_request() {
    for (phase, next) in [
        (RequestPhase::New, None),
        (RequestPhase::Progressing, Some(NoteStarted)),
        (RequestPhase::Failed, Some(EndAttempt)),
    ] {
        let mut story = Story::created();
        story.record_mut(|record| record.current.as_mut().unwrap().failures = 2);
        let before = story.record().clone();
        story.request_appears(|request| request.phase = phase);
        story.record_mut(|record| {
            *record = Record {
                installation: record.installation.clone(),
                database_uid: record.database_uid.clone(),
                ..Record::default()
            };
        });
        story.writes([AdoptRequest]);
        assert_eq!(*story.record(), before, "{phase:?}");
        assert_eq!(story.says(), next, "{phase:?}");
    }
}

#[test]
fn a_lost_record_of_a_finished_rotation_is_rebuilt_too() {
    let mut story = Story::started();
    story.later("4m").certificates_are_replaced();
    story.request_ends(RequestPhase::Successful);
    story.record_mut(|record| {
        record.current = None;
    });
    story.later("60d");
    story.writes([AdoptRequest, CloseRotation]);
    story.slots_settle();
    let record = story.record();
    assert_eq!(record.last_rotated, Some(at("4m")), "when it ended, not when that was seen");

    assert_eq!(record.last.as_ref().unwrap().outcome, Outcome::Verified);
    assert_eq!(story.state(), State::Rotating, "and by now it is due again: {:?}", story.gates());
}

#[test]
fn only_what_we_write_is_adopted() {
    let forged = |change: fn(&mut Request)| {
        let mut story = Story::created();
        story.request(change);
        story.record_mut(|record| record.current = None);
        story.says()
    };
    assert_eq!(forged(|_| {}), Some(AdoptRequest));
    assert_eq!(forged(|request| request.carried.as_mut().unwrap().attempt = 2), None);
    assert_eq!(forged(|request| request.carried.as_mut().unwrap().opened = at("1h")), None);
    assert_eq!(forged(|request| request.carried.as_mut().unwrap().installation = "x".into()), None);
    assert_eq!(forged(|request| request.carried.as_mut().unwrap().database_uid = "x".into()), None);
    assert_eq!(forged(|request| request.content = RequestContent::OtherTls), None);
    assert_eq!(forged(|request| request.carried = None), None);
}

#[test]
fn a_stray_is_taken_back_if_unstarted_and_else_adopted() {
    // It was withdrawn, closed, and then made again by a process that had been stopped.
    let stray = |phase, open: bool| {
        let mut story = Story::created();
        let name = Text::clone(&story.current().request.name);
        story.request(|request| request.phase = phase);
        story.record_mut(|record| {
            record.push_attempt(Attempt {
                request: name,
                outcome: Outcome::Withdrawn,
                ended: NOW,
                duration: None,
                issuer: None,
            });
            record.current = None;
        });
        if open {
            let requests = story.fleet.sample(NAME).requests.clone();
            story.change(|database| database.requests.clear());
            story.slots_settle();
            story.later("1m").writes_open();

            story.change(|database| database.requests = requests);
        }
        story
    };
    for open in [false, true] {
        assert_eq!(stray(RequestPhase::Pending, open).says(), Some(WithdrawRequest));
        let mut report = stray(RequestPhase::Pending, open);
        report.policy.mode = Mode::Report;
        assert_eq!(report.says(), None, "report deletes nothing");
    }
    assert_eq!(stray(RequestPhase::Progressing, false).says(), Some(AdoptRequest));
    let waits = stray(RequestPhase::Progressing, true);
    assert_eq!((waits.says(), waits.gates()), (None, vec![Gate::RequestActive]));
    assert_eq!(stray(RequestPhase::Successful, false).says(), None, "it says nothing new");
}
