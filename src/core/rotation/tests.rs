// long: a row of the rotation table, a test
use super::super::fleet::{Alias, DatabasePhase, Fleet, Issued, Key, RequestContent, RequestPhase};
use super::super::plan::{after_unmakable, plan};
use super::super::policy::Policy;
use super::super::record::{Attempt, Current, Withdrawal, WithdrawalReason};
use super::super::sample::{
    self, Db, NOW, at, carry_out, fleet, issued, policy, request, span, windows,
};
use super::super::vocabulary::{Cause, Gate, Outcome, Stage, State};
use super::*;
use WritePoint::*;

const NAME: &str = "prod/orders";

/// A rotation that is under way, one database alone, seen at successive moments.
struct Story {
    fleet: Fleet,
    policy: Policy,
    now: Time,
}

impl Story {
    fn of(db: Db) -> Self {
        Self { fleet: fleet([db]), policy: Policy::default(), now: NOW }
    }

    /// Ten days before its end: urgent, so that it does not wait for its turn.
    fn due() -> Self {
        Self::of(Db::named(NAME).lives("-80d..+10d"))
    }

    /// Opened, and its slot taken.
    fn opened() -> Self {
        let mut story = Self::due();
        story.writes([OpenRotation]);
        story.takes_its_slot();
        story
    }

    /// And its request created, and noted.
    fn created() -> Self {
        let mut story = Self::opened();
        assert_eq!(story.says(), Some(CreateRequest));
        story.request_appears(|_| {});
        story.writes([NoteCreated]);
        story
    }

    /// And started.
    fn started() -> Self {
        let mut story = Self::created();
        story.request(|request| {
            request.phase = RequestPhase::Progressing;
            request.started = Some(NOW);
        });
        story.writes([NoteStarted]);
        story
    }

    fn plan(&self) -> super::super::plan::Plan {
        plan(&self.fleet, &self.policy, self.now)
    }

    fn says(&self) -> Option<WritePoint> {
        self.plan().writes(NAME)
    }

    fn write(&self) -> Option<Write> {
        self.plan().step(NAME).map(|step| step.write.clone())
    }

    /// These writes in this order, each carried out.
    fn writes<const N: usize>(&mut self, points: [WritePoint; N]) {
        for point in points {
            let plan = self.plan();
            assert_eq!(plan.writes(NAME), Some(point), "{plan:#?}");
            carry_out(&mut self.fleet, &plan);
        }
    }

    fn takes_its_slot(&mut self) {
        let plan = self.plan();
        assert_eq!((plan.steps.len(), plan.slots.is_some()), (0, true), "{plan:#?}");
        carry_out(&mut self.fleet, &plan);
    }

    fn later(&mut self, span_text: &str) -> &mut Self {
        self.now = self.now + span(span_text);
        self
    }

    fn change(&mut self, change: impl FnOnce(&mut Database)) -> &mut Self {
        self.fleet.change(NAME, change);
        self
    }

    fn record_mut(&mut self, change: impl FnOnce(&mut Record)) {
        self.change(|database| change(&mut database.rotation.as_mut().unwrap().record));
    }

    fn wish(&mut self, value: &str) {
        let value = Text::from(value);
        self.change(|database| {
            database.rotation.as_mut().unwrap().wishes.requested_at = Some(value);
        });
    }

    fn suspend(&mut self, suspend: bool) {
        self.change(|database| database.rotation.as_mut().unwrap().wishes.suspend = suspend);
    }

    fn record(&self) -> &Record {
        &self.fleet.sample(NAME).rotation.as_ref().unwrap().record
    }

    fn current(&self) -> &Current {
        self.record().current.as_ref().unwrap()
    }

    /// The apiserver has made the request that the record names.
    fn request_appears(&mut self, change: impl FnOnce(&mut Request)) {
        let name = Text::clone(&self.current().request.name);
        let created = self.now;
        let made = request(RequestPhase::New).made_for(self.fleet.sample(NAME));
        let mut made = made.with(|made| {
            made.uid = format!("uid of {name}").into();
            made.created = created;
        });
        change(&mut made);
        self.change(|database| {
            database.requests.insert(name, made);
        });
    }

    fn request(&mut self, change: impl FnOnce(&mut Request)) {
        let name = Text::clone(&self.current().request.name);
        self.change(|database| change(database.requests.get_mut(&name).unwrap()));
    }

    fn request_goes(&mut self) {
        let name = Text::clone(&self.current().request.name);
        self.change(|database| {
            database.requests.remove(&name);
        });
    }

    fn request_ends(&mut self, phase: RequestPhase) {
        let now = self.now;
        self.request(|request| {
            request.phase = phase;
            request.ended = Some(now);
        });
    }

    /// Every certificate is issued anew and every server restarted.
    fn certificates_are_replaced(&mut self) {
        let moment = self.now;
        let offset = moment.since(NOW).as_seconds();
        let life = format!("{offset}s..+90d");
        self.change(|database| {
            for certificate in database.certificates.values_mut() {
                certificate.issued = issued(&life);
            }
            for pod in database.pods.values_mut() {
                pod.started = Some(moment + Span::seconds(1));
            }
        });
    }

    fn state(&self) -> State {
        self.plan().verdict(NAME).state
    }

    fn gates(&self) -> Vec<Gate> {
        self.plan().verdict(NAME).gate_words()
    }

    fn slot_held(&self) -> bool {
        match &self.fleet.slots {
            super::super::slots::SlotTable::Known { slots, .. } => !slots.is_empty(),
            super::super::slots::SlotTable::Unknown | super::super::slots::SlotTable::Missing => {
                false
            }
        }
    }
}

use super::super::time::Span;

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
    story.fleet.slots = super::super::slots::SlotTable::Unknown;
    assert_eq!((story.says(), story.plan().slots), (None, None));
    story.fleet.slots = super::super::slots::SlotTable::Missing;
    let rebuilt = story.plan().slots.unwrap();
    assert_eq!((rebuilt.expected, rebuilt.slots.len()), (None, 1));
    assert_eq!(story.says(), None, "first the table");
    let mut running = Story::started();
    running.fleet.slots = super::super::slots::SlotTable::Missing;
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

impl Story {
    /// Frees the slot of the former attempt, then takes one for this.
    fn takes_its_slot_again(&mut self) {
        self.slots_settle();
        self.slots_settle();
        assert!(self.slot_held() && self.plan().slots.is_none());
    }

    fn slots_settle(&mut self) {
        let plan = super::super::plan::Plan { steps: Vec::new(), ..self.plan() };
        carry_out(&mut self.fleet, &plan);
    }
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

impl Story {
    fn writes_close(&mut self) {
        self.writes([CloseRotation]);
    }
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

impl Story {
    fn writes_end(&mut self) {
        self.writes([EndAttempt]);
    }
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
            record.last = Some(super::super::record::Last {
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

impl Story {
    fn writes_open(&mut self) {
        self.writes([OpenRotation]);
    }
}

#[test]
fn report_follows_what_is_open_and_creates_and_deletes_nothing() {
    let mut opened = Story::opened();
    opened.policy.mode = Mode::Report;
    assert_eq!((opened.says(), opened.gates()), (None, vec![Gate::ReportOnly]));
    assert_eq!(opened.plan().slots.unwrap().slots.len(), 0, "its slot is freed");
    let mut created = Story::created();
    created.policy.mode = Mode::Report;
    created.suspend(true);
    assert_eq!(created.says(), None);
    let mut running = Story::started();
    running.policy.mode = Mode::Report;
    running.later("4m").certificates_are_replaced();
    running.request_ends(RequestPhase::Successful);
    assert_eq!(running.says(), Some(CloseRotation));
}

#[test]
fn what_the_selector_no_longer_names_is_followed_to_its_end() {
    let mut created = Story::created();
    created.change(|database| database.selected = false);
    assert_eq!(created.says(), None);
    created.request(|request| request.phase = RequestPhase::Progressing);
    created.writes([NoteStarted]);
    created.request_ends(RequestPhase::Failed);
    created.writes([EndAttempt, CloseRotation]);
    assert_eq!((created.says(), created.state()), (None, State::Unmanaged));
}

#[test]
fn suspend_holds_back_what_has_not_started_and_nothing_else() {
    let mut due = Story::due();
    due.suspend(true);
    assert_eq!((due.says(), due.gates()), (None, vec![Gate::Suspended]));
    let mut running = Story::started();
    running.suspend(true);
    assert_eq!((running.says(), running.state()), (None, State::Rotating));
}

#[test]
fn the_last_five_finished_requests_are_kept() {
    let finished = |count: u32| {
        let mut story = Story::of(Db::named(NAME));
        for index in 0..count {
            let made =
                Story::created().fleet.sample(NAME).requests.values().next().unwrap().clone();
            let made = made.with(|made| {
                made.created = at("-1d") + Span::seconds(i64::from(index));
                made.phase = RequestPhase::Successful;
            });
            story.record_mut(|record| {
                record.last_rotated = Some(at("-1d"));
                record.push_attempt(Attempt {
                    request: format!("orders-rotate-{index}").into(),
                    outcome: Outcome::Verified,
                    ended: at("-1d"),
                    duration: None,
                    issuer: None,
                });
            });
            story.change(|database| {
                database.requests.insert(format!("orders-rotate-{index}").into(), made);
            });
        }
        story
    };
    assert_eq!(finished(5).says(), None);
    let six = finished(6);
    let Some(Write::DeleteRequest { point, name, .. }) = six.write() else { panic!() };
    assert_eq!((point, &*name), (PruneRequest, "orders-rotate-0"));
    let mut report = finished(6);
    report.policy.mode = Mode::Report;
    assert_eq!(report.says(), None);
    let mut theirs = finished(6);
    theirs.change(|database| {
        for request in database.requests.values_mut() {
            request.carried.as_mut().unwrap().installation = "there".into();
        }
    });
    assert_eq!(theirs.says(), None);
}

#[test]
fn a_schedule_is_noted_when_it_is_first_seen() {
    let mut story = Story::of(Db::named(NAME));
    story.policy = policy(|_, rules| rules.schedule = Some(sample::schedule("0 3 1 * *")));
    story.writes([NoteSchedule]);
    assert_eq!(story.record().schedule.as_ref().unwrap().first_seen, NOW);
    assert_eq!(story.says(), None);
    // 2026-07-01T03:00:00Z.
    let occurrence = at("27d") + span("15h");
    assert_eq!(story.plan().wake_at.map(|at| at <= occurrence), Some(true));
    story.now = occurrence;
    story.writes([OpenRotation]);
    assert_eq!(story.current().occurrence, Some(occurrence));
    story.later("1m").certificates_are_replaced();
    story.writes([CloseRotation]);
    let satisfied = story.record().schedule.as_ref().unwrap().satisfied;
    assert_eq!((satisfied, story.state()), (Some(occurrence), State::Fresh));
}

#[test]
fn a_rotation_that_fails_for_its_apply_is_made_anew_in_the_emergency() {
    let mut story = Story::of(Db::named(NAME).lives("-90d..-1h"));
    story.change(|database| database.phase = DatabasePhase::NotReady);
    story.writes([OpenRotation]);
    let request = &story.current().request;
    assert_eq!((request.stage, request.apply), (Stage::Expired, Apply::Always));
}

#[test]
fn an_unreadable_database_is_only_reported() {
    let mut story = Story::due();
    story.change(|database| database.malformed = Some("spec.tls is no object".into()));
    assert_eq!((story.says(), story.gates()), (None, vec![Gate::DatabaseMalformed]));
    let mut fresh = Story::of(Db::named(NAME));
    fresh.change(|database| database.malformed = Some("spec.tls is no object".into()));
    assert_eq!((fresh.says(), fresh.state()), (None, State::Unknown));
}

#[test]
fn a_certificate_that_nobody_can_see_makes_a_database_unknown() {
    let story = Story::of(Db::named(NAME).certificate(&Alias::Server, |certificate| {
        certificate.issued = Issued::Unknown;
    }));
    assert_eq!((story.says(), story.state()), (None, State::Unknown));
}

#[test]
fn two_rotations_never_share_a_name() {
    let mut story = Story::opened();
    let first = Text::clone(&story.current().request.name);
    story.change(|database| database.tls = false).writes_close();
    story.change(|database| database.tls = true);
    story.policy = policy(|_, rules| rules.retry.backoff_from = Span::ZERO);
    story.slots_settle();
    story.writes([OpenRotation]);

    assert_ne!(story.current().request.name, first, "in the same second");
}

#[test]
fn names_are_names() {
    let name = |database: &str, uid: &str, opened, attempt| {
        request_name(&Key::new("prod", database), uid, opened, attempt)
    };
    assert_eq!(&name("orders", "u", NOW, 1)[..14], "orders-rotate-");
    let long = name(&"x".repeat(253), "u", NOW, 1);
    assert_eq!(long.len(), 63);
    let cut_at_a_dash = name(&format!("{}-{}", "x".repeat(46), "y".repeat(60)), "u", NOW, 1);
    assert_eq!(&cut_at_a_dash[..54], format!("{}-rotate-", "x".repeat(46)));
    assert_eq!(cut_at_a_dash.len(), 62);
    let base = name("orders", "u", NOW, 1);
    for other in [
        name("orders", "v", NOW, 1),
        name("orders", "u", NOW + Span::seconds(1), 1),
        name("orders", "u", NOW, 2),
    ] {
        assert_ne!(base, other);
    }
}

proptest::proptest! {
    #[test]
    fn every_name_is_a_dns_label(
        database in "[a-z0-9]([-a-z0-9.]{0,250}[a-z0-9])?",
        opened: i64,
        attempt: u32,
    ) {
        let key = Key::new("prod", &database);
        let name = request_name(&key, "uid", Time::from_unix(opened), attempt);
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        proptest::prop_assert!(name.len() <= 63 && name.chars().all(inner), "{name}");
        proptest::prop_assert!(!name.contains("--rotate") && !name.contains(".-rotate"), "{name}");
        proptest::prop_assert!(name.starts_with(|c: char| c.is_ascii_alphanumeric()), "{name}");
    }

    #[test]
    fn any_text_at_all_makes_some_name(database: String, uid: String) {
        let name = request_name(&Key::new("prod", &database), &uid, NOW, 1);
        proptest::prop_assert!(name.len() <= 63);
    }
}
