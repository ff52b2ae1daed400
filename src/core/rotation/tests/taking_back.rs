//! Requests that nobody has started: taken back, and what becomes of them.

use super::*;

#[test]
fn an_unstarted_request_is_taken_back_for_each_reason() {
    let intends = |change: fn(&mut Story)| {
        let mut story = Story::created();
        change(&mut story);
        match story.write() {
            Some(Write::Record { point: IntendWithdrawal, record }) => {
                record.current.unwrap().withdrawal
            }
            other => panic!("{other:?}"),
        }
    };
    let taken = |outcome, reason| Some(Withdrawal { outcome, reason });
    assert_eq!(
        intends(|story| story.suspend(true)),
        taken(Outcome::Withdrawn, WithdrawalReason::Suspended)
    );
    assert_eq!(
        intends(|story| {
            story.later("15m");
        }),
        taken(Outcome::NotPickedUp, WithdrawalReason::NotPickedUp)
    );
    assert_eq!(
        intends(
            |story| story.policy = policy(|_, rules| rules.windows = windows("0 11 * * *", "70m"))
        ),
        taken(Outcome::Withdrawn, WithdrawalReason::WindowEnding)
    );
    assert_eq!(
        intends(
            |story| story.policy = policy(|_, rules| rules.windows = windows("0 2 * * *", "1h"))
        ),
        taken(Outcome::Withdrawn, WithdrawalReason::WindowEnding),
        "its window is the current policy's"
    );
    assert_eq!(
        intends(|story| {
            story.change(|database| database.tls = false);
        }),
        taken(Outcome::Moot, WithdrawalReason::NoCauseLeft)
    );
    assert_eq!(
        intends(Story::certificates_are_replaced),
        taken(Outcome::Moot, WithdrawalReason::NoCauseLeft)
    );
    assert_eq!(
        intends(|story| {
            story.later("10d").request(|request| request.created = at("10d"));
        }),
        taken(Outcome::Withdrawn, WithdrawalReason::StageChanged)
    );
}

#[test]
fn each_unstarted_phase_is_taken_back_and_no_other() {
    for (phase, expected) in [
        (RequestPhase::New, Some(IntendWithdrawal)),
        (RequestPhase::Pending, Some(IntendWithdrawal)),
        (RequestPhase::WaitingForApproval, Some(IntendWithdrawal)),
        (RequestPhase::Approved, Some(IntendWithdrawal)),
        (RequestPhase::Progressing, Some(NoteStarted)),
        (RequestPhase::Unknown, Some(NoteStarted)),
    ] {
        let mut story = Story::created();
        story.suspend(true);
        story.request(|request| request.phase = phase);
        assert_eq!(story.says(), expected, "{phase:?}");
    }
}

#[test]
fn one_that_may_always_be_applied_is_not_taken_back_for_its_apply() {
    let mut story = Story::created();
    story.record_mut(|record| record.current.as_mut().unwrap().request.apply = Apply::Always);
    assert_eq!(story.says(), None);
}

#[test]
fn a_withdrawal_is_intended_then_done_then_ended() {
    let mut story = Story::created();
    story.suspend(true);
    story.writes([IntendWithdrawal]);
    let name = Text::clone(&story.current().request.name);
    let expected = Write::DeleteRequest {
        point: WithdrawRequest,
        uid: format!("uid of {name}").into(),
        resource_version: "1".into(),
        name,
    };
    assert_eq!(story.write(), Some(expected));
    story.request(|request| request.deleting = true);
    assert_eq!(story.says(), None, "its finalizers are at work");
    assert!(story.slot_held() && story.plan().slots.is_none(), "it still counts");
    story.request_goes();
    story.writes([EndAttempt]);
    let current = story.current();
    assert_eq!((current.attempt, current.failures, current.setbacks), (2, 0, 0));
    assert_eq!((current.withdrawal, current.next_try), (None, None), "nobody's fault");
    assert_eq!(story.gates(), [Gate::Suspended]);
}

#[test]
fn one_that_was_started_meanwhile_is_followed_after_all() {
    let mut story = Story::created();
    story.suspend(true);
    story.writes([IntendWithdrawal]);
    story.request(|request| request.phase = RequestPhase::Progressing);
    story.writes([ForgetWithdrawal, NoteStarted]);
    assert_eq!(story.says(), None);
    let mut ended = Story::created();
    ended.suspend(true);
    ended.writes([IntendWithdrawal]);
    ended.request_ends(RequestPhase::Denied);
    ended.writes([ForgetWithdrawal, EndAttempt]);
    assert_eq!(ended.record().attempts[0].outcome, Outcome::Denied);
}

#[test]
fn not_picked_up_backs_off_and_never_exhausts() {
    let mut story = Story::created();
    let mut pauses = Vec::new();
    for _ in 0..8 {
        story.later("15m");
        story.writes([IntendWithdrawal]);
        story.request_goes();
        story.writes([EndAttempt]);
        let current = story.current();
        assert_eq!(current.failures, 0);
        let pause = current.next_try.unwrap().since(story.now);
        pauses.push(pause.as_seconds() / 60);
        story.now = current.next_try.unwrap();
        story.takes_its_slot_again();
        story.request_appears(|_| {});
        story.writes([NoteCreated]);
    }
    assert_eq!(pauses, [15, 30, 60, 120, 240, 360, 360, 360]);
}
