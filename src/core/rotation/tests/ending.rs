//! How requests end, and what is tried after a bad end.

use super::*;

#[test]
fn each_bad_end_is_an_outcome() {
    let ends = |phase| {
        let mut story = Story::started();
        story.later("4m").request_ends(phase);
        story.writes([EndAttempt]);
        let current = story.current();
        (story.record().attempts[0].outcome, current.failures, current.setbacks)
    };
    assert_eq!(ends(RequestPhase::Failed), (Outcome::Failed, 1, 0));
    assert_eq!(ends(RequestPhase::Denied), (Outcome::Denied, 0, 1));
    assert_eq!(ends(RequestPhase::Skipped), (Outcome::Skipped, 0, 1));
}

#[test]
fn a_request_that_goes_has_vanished_and_counts_once_started() {
    let mut unstarted = Story::created();
    unstarted.request_goes();
    unstarted.writes([EndAttempt]);
    let current = unstarted.current();
    assert_eq!((current.failures, current.setbacks), (0, 1));
    assert_eq!(unstarted.record().last_rotated, None);
    let mut started = Story::started();
    started.request_goes();
    started.writes([EndAttempt]);
    assert_eq!(started.record().attempts[0].outcome, Outcome::Vanished);
    assert_eq!((started.current().failures, started.current().setbacks), (1, 0));
    assert_eq!(started.record().last_rotated, Some(started.now));
}

#[test]
fn another_request_of_the_same_name_is_a_stray() {
    let mut story = Story::created();
    story.request(|request| request.uid = "another".into());
    story.writes([EndAttempt]);
    assert_eq!(story.record().attempts[0].outcome, Outcome::Vanished);
    assert_eq!(story.says(), Some(WithdrawRequest), "made by us, too late");
    let old = story.record().attempts[0].request.clone();
    story.change(|database| {
        database.requests.get_mut(&old).unwrap().carried = None;
    });
    assert_eq!(story.says(), None, "made by somebody: theirs");
    assert!(story.gates().contains(&Gate::RequestActive));
}

#[test]
fn a_request_times_out_by_its_steps() {
    let mut story = Story::started();
    story.change(|database| database.replicas = 3);
    // Ten minutes for each of five steps and three replicas.
    story.later("4799s");
    let plan = story.plan();
    assert_eq!((plan.writes(NAME), plan.wake_at), (None, Some(at("80m"))));
    story.later("1s").writes_end();
    assert_eq!(story.record().attempts[0].outcome, Outcome::TimedOut);
    assert_eq!(story.current().failures, 1);
    assert_eq!(story.gates(), [Gate::RequestActive, Gate::BackingOff], "it still runs");
    assert_eq!(story.plan().slots.unwrap().slots.len(), 0);
    assert_eq!(story.plan().in_flight, 1, "and counts");
}

#[test]
fn a_request_that_was_given_up_may_still_bring_it_about() {
    let mut story = Story::started();
    story.later("2h").writes_end();
    let old = story.record().attempts[0].request.clone();
    story.certificates_are_replaced();
    story.writes([CloseRotation]);
    assert_eq!(story.record().last.as_ref().unwrap().outcome, Outcome::Verified);
    let plan = story.plan();
    assert_eq!((plan.writes(NAME), plan.in_flight), (None, 1), "not adopted for ever and ever");
    story.change(|database| {
        database.requests.get_mut(&old).unwrap().phase = RequestPhase::Successful;
    });
    carry_out(&mut story.fleet, &plan);
    assert_eq!(story.plan().in_flight, 0);
}

#[test]
fn an_operator_with_a_wrong_clock_is_not_followed_for_ever() {
    let mut started = Story::created();
    started.later("1m").request(|request| {
        request.phase = RequestPhase::Progressing;
        request.started = Some(at("3000d"));
    });
    started.writes([NoteStarted]);
    assert_eq!(started.current().request.started, Some(started.now));
    for said in [None, Some(at("3000d"))] {
        let mut ended = Story::started();
        ended.later("4m").request_ends(RequestPhase::Successful);
        ended.request(|request| request.ended = said);
        ended.writes([NoteEnded]);
        assert_eq!(ended.says(), None, "it looks first");
        ended.later("10m").writes_end();
        assert_eq!(ended.record().attempts[0].outcome, Outcome::ServedOld);
    }
}

#[test]
fn failures_exhaust_and_each_higher_stage_gives_one_more() {
    let mut story = Story::of(Db::named(NAME).lives("-60d..+30d"));
    story.writes([OpenRotation]);
    let fails = |story: &mut Story| {
        if let Some(next) = story.current().next_try {
            story.now = story.now.max(next);
        }
        if story.says() == Some(MergeCauses) {
            story.writes([MergeCauses]);
        }
        story.takes_its_slot_again();
        if story.says() == Some(MergeCauses) {
            story.writes([MergeCauses]);
        }
        story.request_appears(|_| {});
        story.writes([NoteCreated]);
        story.request_ends(RequestPhase::Failed);
        story.writes([EndAttempt]);
    };
    for failures in 1..=3 {
        fails(&mut story);
        assert_eq!(story.current().failures, failures);
    }
    // Three failures also open the breaker: it is not what this is about.
    story.policy.breaker.failures = 99;
    assert_eq!((story.gates()[0], story.state()), (Gate::Stuck, State::Stuck));
    story.later("9d");
    for (life_left, stage) in
        [("21d", Stage::Urgent), ("2d", Stage::Emergency), ("-1d", Stage::Expired)]
    {
        story.now = at("30d") - span(life_left);
        assert_eq!(story.gates(), [], "{stage}");
        fails(&mut story);
        assert_eq!(story.current().failed_stage, Some(stage));
        story.later("6h");
        assert_eq!(story.gates(), [Gate::Stuck], "{stage}");
    }
    story.later("400d");
    assert_eq!(story.gates(), [Gate::Stuck], "a person is asked");
    assert_eq!(story.says(), Some(PruneRequest), "there have been six");
}

#[test]
fn a_person_who_asks_again_zeroes_the_failures() {
    let mut story = Story::opened();
    story.record_mut(|record| {
        let current = record.current.as_mut().unwrap();
        current.failures = 3;
        current.failed_stage = Some(Stage::Urgent);
        current.next_try = Some(at("1d"));
    });
    assert_eq!(story.gates(), [Gate::Stuck, Gate::BackingOff]);
    story.wish("please");
    story.writes([MergeCauses]);
    assert_eq!(story.current().failures, 0);
    assert_eq!(story.says(), Some(CreateRequest));
    story.suspend(true);
    assert_eq!(story.says(), None, "asked once, merged once");
}

#[test]
fn failures_are_remembered_until_verified() {
    let closed_as = |outcome, wish: Option<&str>| {
        let mut story = Story::due();
        story.record_mut(|record| {
            record.last = Some(crate::core::record::Last {
                opened: at("-30d"),
                closed: at("-29d"),
                causes: Vec::new(),
                attempt: 3,
                failures: 2,
                outcome,
                request: "orders-rotate-1".into(),
                produced: [].into(),
                life_left: None,
            });
        });
        if let Some(wish) = wish {
            story.wish(wish);
        }
        story.writes([OpenRotation]);
        story.current().failures
    };
    assert_eq!(closed_as(Outcome::Verified, None), 0);
    assert_eq!(closed_as(Outcome::Moot, None), 2);
    assert_eq!(closed_as(Outcome::Unverified, None), 2);
    assert_eq!(closed_as(Outcome::Moot, Some("please")), 0);
}

#[test]
fn a_refusal_by_the_apiserver_backs_off() {
    let mut story = Story::opened();
    let key = Key::new("prod", "orders");
    let Some(Write::Record { point, record }) =
        after_unmakable(&story.fleet, &story.policy, &key, Outcome::Rejected, story.now)
    else {
        panic!()
    };
    assert_eq!(point, EndAttempt);
    assert_eq!(record.attempts[0].outcome, Outcome::Rejected);
    let current = record.current.as_ref().unwrap();
    assert_eq!((current.attempt, current.setbacks, current.next_try), (2, 1, Some(at("15m"))));
    story.record_mut(|kept| *kept = *record.clone());
    assert_eq!(story.gates(), [Gate::BackingOff]);
}
