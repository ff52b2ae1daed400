use super::super::fleet::{Fleet, Issued, Topology};
use super::super::plan::plan;
use super::super::policy::{Lead, OnCaChange, OnChange, Policy};
use super::super::record::{Last, ScheduleSeen};
use super::super::sample::{self, Db, NOW, at, ca_key, fleet, issued, issuer, leaf, policy, span};
use super::*;
use Cause::*;

/// What holds for the one database of a fleet at a moment.
fn found(fleet: &Fleet, policy: &Policy, moment: &str) -> Vec<Cause> {
    let plan = plan(fleet, policy, at(moment));
    let verdict = plan.verdicts.values().next().unwrap();
    verdict.cause_words()
}

fn causes(db: Db) -> Vec<Cause> {
    found(&fleet([db]), &Policy::default(), "0")
}

fn barred(fleet: &Fleet, policy: &Policy) -> Vec<(Cause, Option<Gate>)> {
    let plan = plan(fleet, policy, NOW);
    let verdict = plan.verdicts.values().next().unwrap();
    let words = verdict.causes.iter();
    words.map(|held| (held.opened.cause, held.barred)).collect()
}

fn orders() -> Db {
    Db::named("prod/orders")
}

#[test]
fn nothing_is_due_on_a_fresh_database() {
    assert_eq!(causes(orders()), []);
}

#[test]
fn a_database_without_tls_has_no_causes() {
    let without = orders().lives("-80d..+1d").with(|database| database.tls = false);
    let plan = plan(&fleet([without]), &Policy::default(), NOW);
    assert!(plan.verdict("prod/orders").causes.is_empty());
    assert_eq!(plan.steps, []);
}

#[test]
fn renewal_is_due_from_the_second_on_in_which_renew_before_is_left() {
    // 45 % of 100 days.
    let fleet = fleet([orders().lives("-50d..+50d")]);
    let policy = Policy::default();
    for (moment, expected) in [
        ("0", vec![]),
        ("431999s", vec![]),
        ("432000s", vec![RenewalDue; 3]),
        ("4319999s", vec![RenewalDue; 3]),
        ("4320000s", vec![Expired; 3]),
    ] {
        assert_eq!(found(&fleet, &policy, moment), expected, "{moment}");
    }
}

#[test]
fn the_older_of_issued_and_served_decides_when_renewal_is_due() {
    let served = |life: &str| {
        let db = orders().lives("-2d..+88d").pod(0, |pod| pod.started = Some(at("-3d")));
        causes(db.seen_twice(0, "-1h", life))
    };
    assert_eq!(served("-2d..+88d"), []);
    assert_eq!(served("-62d..+28d"), [ServedStale, RenewalDue]);
    assert_eq!(served("-90d..-1s"), [Expired, ServedStale]);
}

#[test]
fn a_look_from_before_a_restart_or_a_request_says_nothing_of_what_is_served_now() {
    let looked = || {
        orders().lives("-2d..+88d").pod(0, |pod| pod.started = Some(at("-3d"))).seen_twice(
            0,
            "-1h",
            "-62d..+28d",
        )
    };
    assert_eq!(causes(looked()), [ServedStale, RenewalDue]);
    let restarted = looked().pod(0, |pod| pod.started = Some(at("-10m")));
    assert_eq!(causes(restarted), []);
    let reconfigured = looked().with(|database| database.last_reconfigured = Some(at("-10m")));
    assert_eq!(causes(reconfigured), []);
    let other_pod = looked().pod(0, |pod| {
        pod.uid = "another".into();
        pod.started = Some(at("-10m"));
    });
    assert_eq!(causes(other_pod), []);
}

#[test]
fn drift_takes_two_looks_that_began_after_the_issuance() {
    let renewed = || orders().lives("-1h..+90d").pod(0, |pod| pod.started = None);
    let cases = [
        ("nobody looked", renewed(), vec![]),
        (
            "twice since",
            renewed().seen_twice(0, "-30m", "-60d..+30d"),
            vec![ServedStale, RenewalDue],
        ),
        ("both before", renewed().seen_twice(0, "-2h", "-60d..+30d"), vec![RenewalDue]),
        (
            "one before, one since",
            renewed().seen_twice(0, "-3600s", "-60d..+30d"),
            vec![RenewalDue],
        ),
        (
            "the newest shows the issued one",
            renewed().seen_twice(0, "-30m", "-60d..+30d").seen_twice(0, "-5m", "-1h..+90d"),
            vec![],
        ),
    ];
    for (name, db, expected) in cases {
        assert_eq!(causes(db), expected, "{name}");
    }
}

#[test]
fn without_the_wire_a_server_that_started_before_the_issuance_is_stale() {
    let started = |moment: &str| orders().pod(0, |pod| pod.started = Some(at(moment)));
    assert_eq!(causes(started("-11d")), [ServedStale]);
    assert_eq!(causes(started("-10d")), [], "in the same second: nobody can tell");
    assert_eq!(causes(started("-9d")), []);
    let reloaded = started("-11d").with(|database| database.last_reconfigured = Some(at("-9d")));
    assert_eq!(causes(reloaded), []);
    let before = started("-11d").with(|database| database.last_reconfigured = Some(at("-12d")));
    assert_eq!(causes(before), [ServedStale]);
}

#[test]
fn while_a_certificate_is_being_issued_no_server_is_stale() {
    let issuing = orders().pod(0, |pod| pod.started = Some(at("-11d"))).certificate(
        &Alias::Server,
        |certificate| {
            certificate.issuing_since = Some(at("-1m"));
        },
    );
    assert_eq!(causes(issuing), []);
}

#[test]
fn each_cause_by_itself() {
    let changed = |change: fn(&mut Certificate)| orders().certificate(&Alias::Client, change);
    let cases = [
        (Missing, changed(|certificate| certificate.issued = Issued::Missing)),
        (Malformed, changed(|certificate| certificate.issued = Issued::Malformed("no PEM".into()))),
        (
            NamesChanged,
            changed(|certificate| certificate.names_lacking = vec!["db.example".into()]),
        ),
        (IssuerChanged, orders().server_leaf(|leaf| leaf.signed_by = Some(issuer("prod", "old")))),
        (
            IssuerChanged,
            orders().seen_twice(0, "-1h", "-10d..+80d").pod(0, |pod| {
                pod.seen[1].trusted = Some(false);
            }),
        ),
        (Requested, orders().wishes(|wishes| wishes.requested_at = Some("today".into()))),
    ];
    for (cause, db) in cases {
        assert_eq!(causes(db), [cause]);
    }
}

#[test]
fn the_first_that_holds_names_the_rotation() {
    let everything = orders()
        .lives("-50d..+40d")
        .pod(0, |pod| pod.started = Some(at("-51d")))
        .certificate(&Alias::Client, |certificate| certificate.issued = issued("-90d..-1d"))
        .certificate(&Alias::MetricsExporter, |certificate| certificate.issued = Issued::Missing)
        .certificate(&Alias::Server, |certificate| {
            certificate.names_lacking = vec!["db.example".into()];
        })
        .server_leaf(|leaf| leaf.signed_by = Some(issuer("prod", "old")))
        .wishes(|wishes| wishes.requested_at = Some("today".into()))
        .record(|record| record.schedule = Some(quarterly_since("-60d")))
        .with(|database| {
            let broken = Certificate {
                issued: Issued::Malformed("no PEM".into()),
                ..database.certificates[&Alias::Server].clone()
            };
            database.certificates.insert(Alias::Other("extra".into()), broken);
        });
    let policy = policy(|_, rules| rules.schedule = Some(sample::schedule("0 3 1 * *")));
    let words = found(&fleet([everything]), &policy, "0");
    let mut seen = words.clone();
    seen.dedup();
    assert_eq!(seen, Cause::ALL);
}

fn quarterly_since(first_seen: &str) -> ScheduleSeen {
    ScheduleSeen {
        digest: Digest::of([&*sample::schedule("0 3 1 * *").to_string()]),
        first_seen: at(first_seen),
        satisfied: None,
    }
}

#[test]
fn an_occurrence_of_the_schedule_counts_from_its_first_sight_until_it_is_satisfied() {
    // The newest occurrence is 2026-06-01T03:00:00Z, 2 d 9 h ago.
    let policy = policy(|_, rules| rules.schedule = Some(sample::schedule("0 3 1 * *")));
    let occurrence = at("-57h");
    let on = |change: fn(&mut ScheduleSeen)| {
        let db = orders().record(|record| {
            let mut seen = quarterly_since("-60d");
            change(&mut seen);
            record.schedule = Some(seen);
        });
        found(&fleet([db]), &policy, "0")
    };
    assert_eq!(on(|_| {}), [ScheduleDue]);
    assert_eq!(on(|seen| seen.first_seen = at("-57h")), [], "it was there already");
    assert_eq!(on(|seen| seen.first_seen = at("-205201s")), [ScheduleDue]);
    assert_eq!(on(|seen| seen.satisfied = Some(at("-57h"))), []);
    assert_eq!(on(|seen| seen.satisfied = Some(at("-58h"))), [ScheduleDue]);
    assert_eq!(on(|seen| seen.digest = Digest(7)), [], "that was another schedule");
    let younger = orders().lives("-57h..+80d").record(|record| {
        record.schedule = Some(quarterly_since("-60d"));
    });
    assert_eq!(found(&fleet([younger]), &policy, "0"), [], "issued at {occurrence}");
    let unseen = found(&fleet([orders()]), &policy, "0");
    assert_eq!(unseen, [], "it counts once it is noted");
}

#[test]
fn a_request_holds_until_its_literal_value_is_handled() {
    let asked = |wish: &str, handled: Option<&str>| {
        causes(
            orders()
                .wishes(|wishes| wishes.requested_at = Some(wish.into()))
                .record(|record| record.handled_request = handled.map(Into::into)),
        )
    };
    assert_eq!(asked("2026-06-03", None), [Requested]);
    assert_eq!(asked("2026-06-03", Some("2026-06-02")), [Requested]);
    assert_eq!(asked("2026-06-03", Some("2026-06-03")), []);
}

#[test]
fn a_ca_is_compared_where_it_can_be() {
    let signed = || orders().server_leaf(|leaf| leaf.ca_key = Some(ca_key(1)));
    let with_ca = |comparable, key| {
        let mut fleet = fleet([signed()]);
        let facts = fleet.issuers.get_mut(&issuer("prod", "ca")).unwrap();
        facts.comparable = comparable;
        facts.ca_key = key;
        found(&fleet, &Policy::default(), "0")
    };
    assert_eq!(with_ca(true, Some(ca_key(1))), []);
    assert_eq!(with_ca(true, Some(ca_key(2))), [IssuerChanged]);
    assert_eq!(with_ca(true, None), [], "caUnknown");
    assert_eq!(with_ca(false, Some(ca_key(2))), [], "ACME changes its CA as it likes");
}

#[test]
fn a_ca_change_is_reported_on_a_group_and_rotated_elsewhere() {
    let report = Some(Gate::CaChangeReported);
    for (topology, own_executor, on_ca_change, expected) in [
        (Topology::Standalone, false, OnCaChange::Auto, None),
        (Topology::SemiSync, false, OnCaChange::Auto, None),
        (Topology::GroupReplication, false, OnCaChange::Auto, report),
        (Topology::InnoDbCluster, false, OnCaChange::Auto, report),
        (Topology::GroupReplication, true, OnCaChange::Auto, None),
        (Topology::GroupReplication, false, OnCaChange::Rotate, None),
        (Topology::Standalone, false, OnCaChange::Report, report),
    ] {
        let db = orders()
            .server_leaf(|leaf| leaf.ca_key = Some(ca_key(1)))
            .with(|database| database.topology = topology);
        let mut fleet = fleet([db]);
        fleet.own_executor = own_executor;
        let facts = fleet.issuers.get_mut(&issuer("prod", "ca")).unwrap();
        facts.comparable = true;
        facts.ca_key = Some(ca_key(2));
        let policy = policy(|_, rules| rules.on_ca_change = on_ca_change);
        assert_eq!(barred(&fleet, &policy), [(IssuerChanged, expected)], "{topology:?}");
    }
}

#[test]
fn an_issuer_change_is_reported_where_the_policy_says_so() {
    let fleet = fleet([orders().server_leaf(|leaf| leaf.signed_by = Some(issuer("prod", "old")))]);
    assert_eq!(barred(&fleet, &Policy::default()), [(IssuerChanged, None)]);
    let policy = policy(|_, rules| rules.on_issuer_change = OnChange::Report);
    let report = Some(Gate::IssuerChangeReported);
    assert_eq!(barred(&fleet, &policy), [(IssuerChanged, report)]);
}

/// The causes that hold for this database have been the causes of a rotation that produced what
/// is issued now.
fn rotated_for_what_holds(db: Db, change: impl FnOnce(&mut Last)) -> Vec<Option<Gate>> {
    let mut fleet = fleet([db]);
    let plan = plan(&fleet, &Policy::default(), NOW);
    let held = plan.verdict("prod/orders").causes.iter();
    let mut last = Last {
        opened: at("-2h"),
        closed: at("-1h"),
        causes: held.map(|held| held.opened.clone()).collect(),
        attempt: 1,
        failures: 0,
        outcome: Outcome::Verified,
        request: "orders-rotate-1".into(),
        produced: fleet.sample("prod/orders").issued_leaves(),
        life_left: None,
    };
    change(&mut last);
    fleet.change("prod/orders", |database| {
        database.rotation.as_mut().unwrap().record.last = Some(last);
    });
    let barred = barred(&fleet, &Policy::default());
    barred.into_iter().map(|(_, gate)| gate).collect()
}

#[test]
fn a_cause_that_its_own_rotation_left_is_unsatisfiable() {
    let stuck = Some(Gate::Unsatisfiable);
    let lacks = || {
        orders().certificate(&Alias::Server, |certificate| {
            certificate.names_lacking = vec!["db.example".into()];
        })
    };
    assert_eq!(rotated_for_what_holds(lacks(), |_| {}), [stuck]);
    let moot = |last: &mut Last| last.outcome = Outcome::Moot;
    assert_eq!(rotated_for_what_holds(lacks(), moot), [None], "nothing was rotated");
    let other_leaf = |last: &mut Last| {
        last.produced.insert(Alias::Server, leaf("-9d..+80d"));
    };
    assert_eq!(rotated_for_what_holds(lacks(), other_leaf), [None]);
    let other_inputs = |last: &mut Last| last.causes[0].inputs = Digest(7);
    assert_eq!(rotated_for_what_holds(lacks(), other_inputs), [None]);
    let never_served = orders().pod(0, |pod| pod.started = Some(at("-11d")));
    assert_eq!(rotated_for_what_holds(never_served, |_| {}), [stuck]);
    let still_missing = orders().certificate(&Alias::Client, |certificate| {
        certificate.issued = Issued::Missing;
    });
    assert_eq!(rotated_for_what_holds(still_missing, |_| {}), [stuck]);
}

#[test]
fn growing_old_is_no_lack_of_progress() {
    // Every certificate that a rotation for its age produced is some day due for its age.
    let old = orders().lives("-50d..+40d");
    assert_eq!(rotated_for_what_holds(old, |_| {}), [None; 3]);
    let ended = orders().lives("-90d..-1d");
    assert_eq!(rotated_for_what_holds(ended, |_| {}), [None; 3]);
}

#[test]
fn an_issuer_that_hands_out_old_certificates_is_asked_once() {
    let stuck = Some(Gate::Unsatisfiable);
    let handed_out = |life: &str| {
        let mut db = orders().lives(life);
        for certificate in db.database.certificates.values_mut() {
            if let Issued::Leaf(leaf) = &mut certificate.issued {
                leaf.issued_at = at("-1h");
            }
        }
        db.servers(1)
    };
    assert_eq!(rotated_for_what_holds(handed_out("-80d..+10d"), |_| {}), [stuck; 3]);
    assert_eq!(rotated_for_what_holds(handed_out("-90d..-2h"), |_| {}), [stuck; 3]);
}

#[test]
fn a_wish_moves_renewal_within_its_clamps() {
    let policy = Policy::default();
    let wished = |length: &str| {
        let length = span(length);
        fleet([orders().lives("-45d..+45d").wishes(|wishes| {
            wishes.renew_before = Some(Lead::Length(length));
        })])
    };
    assert_eq!(found(&wished("46d"), &policy, "0"), [RenewalDue; 3]);
    assert_eq!(found(&wished("44d"), &policy, "0"), []);
    assert_eq!(
        found(&wished("1h"), &policy, "+42d"),
        [RenewalDue; 3],
        "emergencyBefore is its floor"
    );
}
