// long: the generators of a whole record, and what must hold for each
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::*;
use crate::api::rotation::{
    Condition as WrittenCondition, RotationSpec, RotationStatus, Window as WrittenWindow,
};
use crate::core::calendar::{Freezes, MARGIN, RotationTimes, Windows};
use crate::core::certificate::Fingerprint;
use crate::core::digest::Digest;
use crate::core::fleet::{Alias, IssuerKey, LeafId};
use crate::core::policy::Lead;
use crate::core::record::*;
use crate::core::show::CONDITIONS;
use crate::core::time::{Span, Time};
use crate::core::vocabulary::{Cause, Outcome, Stage};

fn time() -> impl Strategy<Value = Time> {
    prop_oneof![(0_i64..4_000_000_000).prop_map(Time::from_unix), Just(Time::MAX), Just(Time::MIN)]
}

fn text() -> impl Strategy<Value = Text> {
    // Any text that somebody might have put there, the empty one included.
    prop_oneof![Just(String::new()), "[a-zäß\"\\\\/ .0-9-]{1,12}"].prop_map(Text::from)
}

fn one_of<T: Copy + std::fmt::Debug + 'static>(words: &'static [T]) -> impl Strategy<Value = T> {
    select(words)
}

fn alias() -> impl Strategy<Value = Alias> {
    "(server|client|metrics-exporter|[a-z]{1,5})".prop_map(|text| Alias::from(text.as_str()))
}

fn leaf() -> impl Strategy<Value = LeafId> {
    let fingerprint = option::of(any::<[u8; 32]>().prop_map(Fingerprint));
    (time(), time(), fingerprint).prop_map(|(not_before, not_after, fingerprint)| LeafId {
        not_before,
        not_after,
        fingerprint,
    })
}

fn causes() -> impl Strategy<Value = Vec<OpenedCause>> {
    let cause = (one_of(Cause::ALL), alias(), any::<u64>());
    let cause = cause.prop_map(|(cause, alias, inputs)| OpenedCause {
        cause,
        alias,
        inputs: Digest(inputs),
    });
    vec(cause, 0..3)
}

fn request() -> impl Strategy<Value = RequestRef> {
    let words = (one_of(Stage::ALL), one_of(Apply::ALL));
    let times = (option::of(time()), option::of(time()), option::of(time()));
    (text(), option::of(text()), times, words).prop_map(|(name, uid, times, words)| RequestRef {
        name,
        uid,
        created: times.0,
        started: times.1,
        ended: times.2,
        stage: words.0,
        apply: words.1,
    })
}

prop_compose! {
    fn current()(
        opened in time(), causes in causes(), baseline in btree_map(alias(), leaf(), 0..4),
        counts in any::<(u32, u32, u32)>(), failed_stage in option::of(one_of(Stage::ALL)),
        next_try in option::of(time()), request in request(), requested_at in option::of(text()),
        occurrence in option::of(time()),
        withdrawal in option::of((one_of(Outcome::ALL), one_of(WithdrawalReason::ALL))),
    ) -> Current {
        let withdrawal = withdrawal.map(|(outcome, reason)| Withdrawal { outcome, reason });
        let (attempt, failures, setbacks) = counts;
        Current {
            opened, causes, baseline, attempt, failures, setbacks, failed_stage, next_try,
            request, requested_at, occurrence, withdrawal,
        }
    }
}

prop_compose! {
    fn last()(
        times in (time(), time()), causes in causes(), counts in any::<(u32, u32)>(),
        outcome in one_of(Outcome::ALL), request in text(),
        produced in btree_map(alias(), leaf(), 0..4), life_left in option::of(any::<i64>()),
    ) -> Last {
        Last {
            opened: times.0, closed: times.1, causes, attempt: counts.0, failures: counts.1,
            outcome, request, produced, life_left: life_left.map(Span::seconds),
        }
    }
}

fn issuer() -> impl Strategy<Value = IssuerKey> {
    let name = || "[a-z0-9.-]{1,8}".prop_map(Text::from);
    (option::of(name()), name(), name()).prop_map(|(namespace, kind, name)| IssuerKey {
        namespace,
        kind,
        name,
    })
}

fn attempts() -> impl Strategy<Value = Vec<Attempt>> {
    let duration = option::of((0..i64::MAX).prop_map(Span::seconds));
    let outcome = one_of(Outcome::ALL);
    let attempt = (text(), outcome, time(), duration, option::of(issuer()));
    let attempt = attempt.prop_map(|(request, outcome, ended, duration, issuer)| Attempt {
        request,
        outcome,
        ended,
        duration,
        issuer,
    });
    vec(attempt, 0..4)
}

prop_compose! {
    fn record()(
        ids in (option::of(text()), option::of(text())), current in option::of(current().boxed()),
        last in option::of(last().boxed()), attempts in attempts(), last_rotated in option::of(time()),
        handled_request in option::of(text()),
        schedule in option::of((any::<u64>(), time(), option::of(time()))),
    ) -> Record {
        let schedule = schedule.map(|(digest, first_seen, satisfied)| ScheduleSeen {
            digest: Digest(digest), first_seen, satisfied,
        });
        Record {
            installation: ids.0, database_uid: ids.1, current, last, attempts, last_rotated,
            handled_request, schedule,
        }
    }
}

prop_compose! {
    fn shown()(
        observed_generation in option::of(any::<i64>()),
        words in (option::of(text()), option::of(text()), option::of(text()), option::of(text())),
        reasons in vec(text(), 0..3), times in (option::of(time()), option::of(time())),
        certificates in vec((text(), time(), option::of(text())), 0..3),
        conditions in vec((select(&CONDITIONS[..]), any::<bool>(), text(), time()), 0..3),
        others_conditions in vec(text(), 0..2),
    ) -> Shown {
        let certificates = certificates.into_iter().map(|(alias, not_after, serial)| {
            (alias, ShownCertificate { not_after, serial })
        });
        let conditions = conditions.into_iter().map(|(type_, status, reason, since)| {
            (Text::from(type_), ShownCondition { status, reason, since })
        });
        let others_conditions = others_conditions.iter().map(|word| others_condition(word)).collect();
        Shown {
            observed_generation, state: words.0, reason: words.1, reasons, message: words.2,
            certificates: certificates.collect(), expires: times.0, next: times.1, last: words.3,
            conditions: conditions.collect(), others_conditions,
        }
    }
}

/// A condition of a type that is not ours, as it is kept.
fn others_condition(word: &str) -> Text {
    let condition = WrittenCondition {
        type_: format!("example.org/{word}"),
        status: "Unknown".to_owned(),
        reason: word.to_owned(),
        message: "anything".to_owned(),
        last_transition_time: "whenever".to_owned(),
        observed_generation: Some(3),
    };
    serde_json::to_string(&condition).unwrap().into()
}

/// RFC 7386, as the apiserver does it.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let members = target.as_object_mut().unwrap();
    for (name, change) in patch {
        if change.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

fn read_back(status: &Value) -> Result<(Record, Shown), Unreadable> {
    let status: RotationStatus = serde_json::from_value(status.clone()).unwrap();
    read(&status, &mut Texts::default())
}

proptest! {
    #[test]
    fn a_record_survives_the_api(record in record().boxed(), shown in shown().boxed()) {
        let written = serde_json::to_value(status(&record, &shown)).unwrap();
        prop_assert_eq!(read_back(&written), Ok((record, shown)));
    }

    #[test]
    fn a_patch_makes_the_new_of_the_old(
        old in (record().boxed(), shown().boxed()), new in (record().boxed(), shown().boxed()),
        same in any::<bool>(),
    ) {
        let new = if same { old.clone() } else { new };
        let mut object = json!({"status": serde_json::to_value(status(&old.0, &old.1)).unwrap()});
        object["status"]["addedByANewerVersion"] = json!({"a": 1});
        let patch = status_patch((&old.0, &old.1), (&new.0, &new.1), "7");
        prop_assert_eq!(patch.is_none(), old == new);
        if let Some(patch) = patch {
            prop_assert_eq!(&patch["metadata"], &json!({"resourceVersion": "7"}));
            merge(&mut object, &patch);
        }
        prop_assert_eq!(read_back(&object["status"]), Ok(new));
        prop_assert_eq!(&object["status"]["addedByANewerVersion"], &json!({"a": 1}));
    }
}

#[test]
fn a_patch_holds_only_what_changed() {
    let mut record = Record {
        installation: Some("a".into()),
        handled_request: Some("x".into()),
        ..Record::default()
    };
    let old = (record.clone(), Shown::default());
    record.handled_request = None;
    record.last_rotated = Some(Time::from_unix(0));
    let shown = Shown { state: Some("Fresh".into()), ..Shown::default() };
    assert_eq!(
        status_patch((&old.0, &old.1), (&record, &shown), "12"),
        Some(json!({
            "metadata": {"resourceVersion": "12"},
            "status": {"handledRequest": null, "lastRotated": "1970-01-01T00:00:00Z",
                "state": "Fresh"},
        }))
    );
}

fn open() -> Value {
    json!({"current": {
        "opened": "2026-11-23T22:00:00Z", "attempt": 1,
        "causes": [{"cause": "RenewalDue", "alias": "server", "inputs": "00000000000000aa"}],
        "request": {"name": "shop-rotate-0a1b2c3d", "stage": "normal", "apply": "IfReady"},
    }})
}

#[test]
fn a_record_in_somebodys_hands_is_unreadable_as_a_whole() {
    assert!(read_back(&open()).is_ok());
    for (pointer, value, said) in [
        ("/current/opened", json!("yesterday"), "status.current.opened: \"yesterday\""),
        ("/current/attempt", json!(-1), "status.current.attempt: \"-1\""),
        ("/current/attempt", json!(4_294_967_296_i64), "status.current.attempt"),
        ("/current/causes/0/cause", json!("Boredom"), "status.current.causes: \"Boredom\""),
        ("/current/causes/0/inputs", json!("zz"), "status.current.causes: \"zz\""),
        (
            "/current/causes/0/alias",
            json!(null),
            "status.current.causes: something in it is missing",
        ),
        ("/current/request/stage", json!("calm"), "status.current.request.stage: \"calm\""),
        ("/current/request/apply", json!(null), "status.current.request.apply: something"),
        (
            "/current/withdrawal",
            json!({"outcome": "withdrawn", "reason": "mood"}),
            "withdrawal.reason",
        ),
        ("/current/failures", json!(-3), "status.current.failures"),
        ("/current/nextTry", json!("\u{1b}[31msoon"), "\\u{1b}[31msoon"),
        ("/lastRotated", json!("0"), "status.lastRotated: \"0\""),
        (
            "/attempts",
            json!([{"request": "a", "outcome": "verfied", "ended": "2026-11-23T22:00:00Z"}]),
            "verfied",
        ),
        (
            "/attempts",
            json!([{"request": "a", "outcome": "verified", "ended": "2026-11-23T22:00:00Z",
            "durationSeconds": -5}]),
            "it is negative",
        ),
        (
            "/attempts",
            json!([{"request": "a", "outcome": "verified", "ended": "2026-11-23T22:00:00Z",
            "issuer": "a/b/c/d"}]),
            "it is not an issuer",
        ),
        (
            "/schedule",
            json!({"digest": "-", "firstSeen": "2026-11-23T22:00:00Z"}),
            "schedule.digest",
        ),
    ] {
        let mut status = open();
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        status.pointer_mut(parent).unwrap()[member] = value;
        let error = read_back(&status).unwrap_err().to_string();
        assert!(error.contains(said), "{pointer}: {error}");
        assert!(!error.contains('\u{1b}'), "{error:?}");
    }
}

fn spec(renew_before: &str, windows: &[(&str, &str, Option<&str>)]) -> RotationSpec {
    let windows = windows.iter().map(|(open, length, timezone)| WrittenWindow {
        open: (*open).to_owned(),
        r#for: (*length).to_owned(),
        timezone: timezone.map(str::to_owned),
    });
    RotationSpec {
        suspend: None,
        requested_at: None,
        renew_before: Some(renew_before.to_owned()),
        windows: Some(windows.collect()),
    }
}

#[test]
fn leads_as_people_write_them() {
    for (written, lead) in [
        ("45%", Some(Lead::Percent(45))),
        ("99%", Some(Lead::Percent(99))),
        ("30d", Some(Lead::Length(Span::days(30)))),
        ("1w 2d", Some(Lead::Length(Span::days(9)))),
        ("1h30m", Some(Lead::Length(Span::minutes(90)))),
        ("999999w", Some(Lead::Length(Span::days(6_999_993)))),
        ("0%", None),
        ("100%", None),
        ("-1%", None),
        ("0d", None),
        ("30", None),
        ("30 d", None),
        ("1d  1h", None),
        ("d", None),
        ("1000000d", None),
        ("9223372036854775808d", None),
        ("30M", None),
        ("", None),
    ] {
        let wishes = wishes(&spec(written, &[]));
        assert_eq!(wishes.renew_before, lead, "{written:?}");
        assert_eq!(wishes.problems.len(), usize::from(lead.is_none()), "{written:?}");
        assert_eq!(wishes.windows, None, "an empty list asks for nothing");
    }
}

#[test]
fn a_bad_window_narrows() {
    let good = ("0 2 * * SAT", "4h", Some("Europe/Berlin"));
    let daily = ("@daily", "90m", None);
    let all = wishes(&spec("45%", &[good, daily]));
    assert_eq!(all.windows.map(|windows| windows.as_slice().len()), Some(2));
    assert!(all.problems.is_empty());

    let bad = [
        ("0 2 * *", "4h", None),
        ("0 2 30 2 *", "4h", None),
        ("0 2 * * *", "4 hours", None),
        ("0 2 * * *", "1s", None),
        ("0 2 * * *", "4h", Some("Mars/Phobos")),
    ];
    for bad in bad {
        let some = wishes(&spec("45%", &[bad, daily]));
        assert_eq!(some.problems.len(), 1, "{bad:?}");
        assert!(some.problems[0].starts_with("spec.windows[0] is left out: "));
        assert_eq!(some.windows.map(|windows| windows.as_slice().len()), Some(1));
    }
    let many = wishes(&spec("45%", &[daily; 17]));
    assert_eq!(many.problems.len(), 1);
    for nothing_left in [wishes(&spec("45%", &bad)), many] {
        let windows = nothing_left.windows.unwrap();
        let times = RotationTimes::new(Windows::default(), Some(windows), Freezes::default());
        assert_eq!(times.open_interval_at_or_after(Time::from_unix(0), MARGIN), None);
    }
}

#[test]
fn a_rotation_that_cannot_be_understood_says_why() {
    let object = |status: &Value| {
        serde_json::from_value::<rotation::Rotation>(json!({
            "apiVersion": "certrotor.dev/v1alpha1", "kind": "Rotation",
            "metadata": {"name": "shop", "namespace": "prod", "uid": "u", "resourceVersion": "9",
                "generation": 3},
            "spec": {"suspend": true}, "status": status,
        }))
        .unwrap()
    };
    let good = RotationFacts::of(&object(&open()), &mut Texts::default());
    let good = good.rotation().unwrap();
    assert_eq!((&*good.resource_version, good.generation), ("9", Some(3)));
    assert!(good.wishes.suspend && good.record.current.is_some());
    let bad = object(&json!({"lastRotated": "never"}));
    let bad = RotationFacts::of(&bad, &mut Texts::default());
    assert!(bad.rotation().is_none());
    assert!(bad.unreadable().unwrap().starts_with("status.lastRotated: "));
}
