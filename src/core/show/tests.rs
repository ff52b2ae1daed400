use super::*;
use crate::core::fleet::{Alias, Fleet, Issued, RequestPhase};
use crate::core::plan::plan;
use crate::core::policy::Policy;
use crate::core::record::{Attempt, Last};
use crate::core::sample::{Db, NOW, at, fleet, freeze, policy, request, windows};
use crate::core::time::Span;
use crate::core::vocabulary::{Outcome, WritePoint};

fn show(fleet: &Fleet, policy: &Policy, previous: &Shown, now: Time) -> Shown {
    let plan = plan(fleet, policy, now);
    let database = fleet.sample("prod/orders");
    shown(database, plan.verdict("prod/orders"), previous, now)
}

fn first(db: Db, policy: &Policy) -> Shown {
    show(&fleet([db]), policy, &Shown::default(), NOW)
}

fn orders() -> Db {
    Db::named("prod/orders")
}

fn nightly() -> Policy {
    policy(|_, rules| rules.windows = windows("0 2 * * *", "4h"))
}

fn words(reasons: &[Text]) -> Vec<&str> {
    reasons.iter().map(|reason| &**reason).collect()
}

fn holding(shown: &Shown) -> Vec<&str> {
    let conditions = shown.conditions.iter();
    let holding = conditions.filter(|(_, condition)| condition.status);
    holding.map(|(type_, _)| &**type_).collect()
}

#[test]
fn a_fresh_database_shows_its_certificates_and_nothing_else() {
    let shown = first(orders().lives("-10d..+80d"), &nightly());
    assert_eq!(shown.state.as_deref(), Some("Fresh"));
    assert_eq!(shown.message.as_deref(), Some("nothing is due"));
    assert_eq!(shown.reasons, [] as [Text; 0], "its window is closed: who cares");
    assert_eq!(holding(&shown), [] as [&str; 0]);
    let certificates: Vec<&str> = shown.certificates.keys().map(|alias| &**alias).collect();
    assert_eq!(certificates, ["client", "metrics-exporter", "server"]);
    assert_eq!(shown.expires, Some(at("80d")));
}

#[test]
fn one_that_waits_says_for_what() {
    let due = orders().lives("-80d..+10d");
    let waiting = first(due.wishes(|wishes| wishes.suspend = true), &nightly());
    assert_eq!(waiting.state.as_deref(), Some("Waiting"));
    assert_eq!(words(&waiting.reasons), ["RenewalDue", "Suspended", "WindowClosed"]);
    assert_eq!(waiting.reason.as_deref(), Some("RenewalDue"));
    let message = waiting.message.as_ref().unwrap();
    assert!(message.ends_with("; waits for Suspended"), "{message}");
    assert_eq!(holding(&waiting), ["Due"]);
    let due = waiting.conditions.get(DUE).unwrap();
    assert_eq!((&*due.reason, due.since), ("RenewalDue", NOW));
}

#[test]
fn what_others_say_stays_as_it_is() {
    let theirs: Box<[Text]> = [r#"{"type":"example.org/Audited"}"#.into()].into();
    let before = Shown { others_conditions: theirs.clone(), ..Shown::default() };
    let now = show(&fleet([orders().lives("-80d..+10d")]), &nightly(), &before, NOW);
    assert_eq!(now.others_conditions, theirs);
}

#[test]
fn one_that_waits_for_its_window_says_when_it_opens_and_a_freeze_says_why() {
    let due = || orders().lives("-80d..+10d");
    let waiting = first(due(), &nightly());
    assert_eq!(words(&waiting.reasons), ["RenewalDue", "WindowClosed"]);
    assert!(waiting.next.is_some_and(|next| next > NOW), "{:?}", waiting.next);
    let frozen = policy(|_, rules| rules.freezes = freeze("2026-01-01", "2026-12-31"));
    let message = first(due(), &frozen).message.unwrap();
    assert!(message.ends_with("; waits for Freeze (holidays)"), "{message}");
}

#[test]
fn problems_of_the_spec_are_told() {
    let bad = orders().wishes(|wishes| wishes.problems = vec!["spec.windows[0] is\nbad".into()]);
    let shown = first(bad, &nightly());
    assert_eq!(shown.message.as_deref(), Some("nothing is due; spec.windows[0] is\\nbad"));
}

#[test]
fn an_open_rotation_shows_why_it_was_opened() {
    let policy = policy(|_, _| {});
    let open = orders().lives("-80d..+10d").up_to(WritePoint::CreateRequest, &policy);
    let current = open.database.rotation.as_ref().unwrap().record.current.clone();
    let name = current.unwrap().request.name;
    let running = open
        .current(|current| {
            current.request.uid = Some("u".into());
            current.request.started = Some(NOW);
        })
        .request(
            &name,
            request(RequestPhase::Progressing).with(|request| request.uid = "u".into()),
        );
    let shown = first(running, &policy);
    assert_eq!(shown.state.as_deref(), Some("Rotating"));
    assert_eq!(holding(&shown), ["Due", "Rotating"]);
    let rotating = shown.conditions.get(ROTATING).unwrap();
    assert_eq!(&*rotating.reason, "RenewalDue");
    assert_eq!(shown.next, None, "it is under way");
}

#[test]
fn a_condition_keeps_its_time_until_it_changes() {
    let policy = nightly();
    let due = fleet([orders().lives("-80d..+10d")]);
    let before = show(&due, &policy, &Shown::default(), NOW);
    let after = show(&due, &policy, &before, at("1m"));
    assert_eq!(before, after);
    let fresh = fleet([orders().lives("-10d..+80d")]);
    let renewed = show(&fresh, &policy, &before, at("2m"));
    let since = |type_| renewed.conditions.get(type_).unwrap().since;
    assert_eq!((since(DUE), since(STUCK)), (at("2m"), NOW));
}

#[test]
fn the_last_outcome_is_that_of_the_newest_ending() {
    let attempt = |outcome, ended| Attempt {
        request: "r".into(),
        outcome,
        ended: at(ended),
        duration: None,
        issuer: None,
    };
    let closed = |outcome, closed| Last {
        opened: at("-9h"),
        closed: at(closed),
        causes: Vec::new(),
        attempt: 1,
        failures: 0,
        outcome,
        request: "r".into(),
        produced: [].into(),
        life_left: None,
    };
    for (attempts, last, expected) in [
        (vec![], None, None),
        (vec![attempt(Outcome::Failed, "-2h")], None, Some("failed")),
        (
            vec![attempt(Outcome::Verified, "-2h")],
            Some(closed(Outcome::Verified, "-2h")),
            Some("verified"),
        ),
        (
            vec![attempt(Outcome::Failed, "-1h")],
            Some(closed(Outcome::Verified, "-2h")),
            Some("failed"),
        ),
        (vec![attempt(Outcome::Failed, "-2h")], Some(closed(Outcome::Moot, "-1h")), Some("moot")),
    ] {
        let db = orders().record(|record| {
            record.attempts = attempts;
            record.last = last;
        });
        assert_eq!(first(db, &nightly()).last.as_deref(), expected);
    }
}

/// Whatever a person would call a change: the state, the causes and the gates.
fn news(verdict: &Verdict) -> (State, Vec<&'static str>) {
    let causes = verdict.causes.iter().map(|held| held.opened.cause.as_str());
    let gates = verdict.gates.iter().map(|closed| closed.gate.as_str());
    let due = !verdict.causes.is_empty();
    (verdict.state, causes.chain(gates.filter(|_| due)).collect())
}

#[test]
fn time_alone_writes_nothing() {
    let budget_full = policy(|policy, _| policy.limits.total = 0);
    let weekly = policy(|_, rules| rules.windows = windows("0 2 * * SAT", "4h"));
    let due = || orders().lives("-80d..+10d");
    let missing = orders().certificate(&Alias::Server, |it| it.issued = Issued::Missing);
    for (name, db, policy) in [
        ("fresh", orders().lives("-10d..+80d"), nightly()),
        ("waits for its window", due(), weekly),
        ("waits for room in an open window", due(), budget_full.clone()),
        ("expired, no room", orders().lives("-90d..-1d"), budget_full),
        ("suspended", due().wishes(|wishes| wishes.suspend = true), nightly()),
        ("missing", missing, nightly()),
    ] {
        let mut fleet = fleet([db]);
        let mut previous = Shown::default();
        let mut known = None;
        let mut writes = 0;
        for step in 0..220 {
            // Two days, in steps that meet every second of a minute.
            let now = NOW + Span::seconds(797 * step);
            fleet.clock_offset = Span::seconds(step % 7);
            let plan = plan(&fleet, &policy, now);
            let verdict = plan.verdict("prod/orders");
            let shown = shown(fleet.sample("prod/orders"), verdict, &previous, now);
            // What comes next is another moment once the one before has passed.
            let passed = previous.next.is_some_and(|next| next <= now) && shown.next > Some(now);
            if known == Some(news(verdict)) && !passed {
                assert_eq!(shown, previous, "{name}, {now}");
            }
            writes += u32::from(shown != previous);
            known = Some(news(verdict));
            previous = shown;
        }
        assert!(writes <= 9, "{name}: {writes}");
    }
}

#[test]
fn a_rotation_is_claimed_by_whoever_watches_and_let_go_by_whoever_does_no_longer() {
    const US: &str = crate::core::sample::INSTALLATION;
    let claims = |owner: Option<&str>, selected: bool, open: bool, gone: bool| {
        let due = || orders().lives("-80d..+10d");
        let opened = || due().up_to(WritePoint::CreateRequest, &policy(|_, _| ()));
        let db = if open { opened() } else { orders() };
        let mut fleet = fleet([db]);
        fleet.change("prod/orders", |database| {
            database.selected = selected;
            database.rotation.as_mut().unwrap().record.installation = owner.map(Into::into);
        });
        if gone {
            fleet.dead_installations.insert("there".into());
        }
        claim(&fleet, fleet.sample("prod/orders"))
    };
    let ours = Some(Claim::Ours);
    for (case, claimed, expected) in [
        ("nobody's, and watched", claims(None, true, false, false), ours),
        ("nobody's, and not watched", claims(None, false, false, false), None),
        ("ours", claims(Some(US), true, false, false), ours),
        ("ours, and watched no more", claims(Some(US), false, false, false), Some(Claim::Nobodys)),
        ("ours, watched no more, and open", claims(Some(US), false, true, false), ours),
        ("another's", claims(Some("there"), true, false, false), None),
        ("another's, and not watched", claims(Some("there"), false, false, false), None),
        ("a dead one's, and watched", claims(Some("there"), true, false, true), ours),
        ("a dead one's, and not watched", claims(Some("there"), false, false, true), None),
    ] {
        assert_eq!(claimed, expected, "{case}");
    }
}

#[test]
fn a_rotation_of_a_former_database_is_not_shown_before_it_is_reset() {
    let former = orders().with(|database| {
        database.rotation.as_mut().unwrap().record.database_uid = Some("former".into());
    });
    let fleet = fleet([former]);
    assert_eq!(claim(&fleet, fleet.sample("prod/orders")), None);
}
