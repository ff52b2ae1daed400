//! What surrounds a rotation: report mode, selectors, pruning, schedules, names.

use super::*;

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
