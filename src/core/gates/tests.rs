use super::super::fleet::{Alias, Database, Fleet, Issued, Recommendation, RequestPhase, Topology};
use super::super::plan::plan;
use super::super::policy::{OnCaChange, Policy, Rules};
use super::super::record::{Attempt, Last};
use super::super::sample::{
    self, Db, NOW, at, ca_key, fleet, issuer, policy, request, span, windows,
};
use super::*;
use Gate::*;

/// Due by age; every gate is open.
fn due() -> Db {
    Db::named("prod/orders").lives("-70d..+20d")
}

fn closed_gates(fleet: &Fleet, policy: &Policy, moment: &str) -> Vec<(Gate, Option<Time>)> {
    let plan = plan(fleet, policy, at(moment));
    let gates = plan.verdict("prod/orders").gates.iter();
    gates.map(|closed| (closed.gate, closed.until)).collect()
}

fn gates_of(db: Db) -> Vec<(Gate, Option<Time>)> {
    closed_gates(&fleet([db]), &Policy::default(), "0")
}

fn by_rules(db: Db, change: impl FnOnce(&mut Rules)) -> Vec<(Gate, Option<Time>)> {
    let policy = policy(|_, rules| change(rules));
    closed_gates(&fleet([db]), &policy, "0")
}

#[test]
fn every_gate_is_open_for_a_ready_database_at_any_hour() {
    assert_eq!(gates_of(due()), []);
}

#[test]
fn each_gate_by_itself() {
    let with = |change: fn(&mut Database)| gates_of(due().with(change));
    let never = None;
    assert_eq!(with(|database| database.deleting = true), [(Deleting, never)]);
    assert_eq!(
        with(|database| database.malformed = Some("no spec".into())),
        [(DatabaseMalformed, never)]
    );
    assert_eq!(with(|database| database.halted = true), [(Halted, never)]);
    assert_eq!(with(|database| database.paused = true), [(Paused, never)]);
    assert_eq!(with(|database| database.backup_running = true), [(BackupRunning, never)]);
    assert_eq!(gates_of(due().wishes(|wishes| wishes.suspend = true)), [(Suspended, never)]);
    let active = due().request("restart", request(RequestPhase::Pending));
    assert_eq!(gates_of(active), [(RequestActive, never)]);
    let issuing = due().certificate(&Alias::Client, |certificate| {
        certificate.issuing_since = Some(at("-1m"));
    });
    assert_eq!(gates_of(issuing), [(CertificateIssuing, never)]);
    let failing = due().certificate(&Alias::Client, |certificate| {
        certificate.failed_at = Some(at("-1m"));
    });
    assert_eq!(gates_of(failing), [(CertificateFailing, never)]);
    let disabled = || due().with(|database| database.auto_ops_disabled = true);
    assert_eq!(gates_of(disabled()), [], "it is about KubeDB's own recommendations");
    assert_eq!(
        by_rules(disabled(), |rules| rules.honour_auto_ops_disabled = true),
        [(AutoOpsDisabled, never)]
    );
}

#[test]
fn a_finished_request_closes_nothing() {
    for phase in [
        RequestPhase::Successful,
        RequestPhase::Failed,
        RequestPhase::Denied,
        RequestPhase::Skipped,
    ] {
        assert_eq!(gates_of(due().request("restart", request(phase))), [], "{phase:?}");
    }
    let unknown = due().request("restart", request(RequestPhase::Unknown));
    assert_eq!(gates_of(unknown), [(RequestActive, None)]);
}

#[test]
fn the_fleet_closes_gates_too() {
    let by_fleet = |change: fn(&mut Fleet)| {
        let mut fleet = fleet([due()]);
        change(&mut fleet);
        closed_gates(&fleet, &Policy::default(), "0")
    };
    assert_eq!(by_fleet(|fleet| fleet.leader = false), [(NotLeader, None)]);
    assert_eq!(by_fleet(|fleet| fleet.clock_offset = span("5m")), []);
    assert_eq!(by_fleet(|fleet| fleet.clock_offset = span("301s")), [(ClockOff, None)]);
    assert_eq!(by_fleet(|fleet| fleet.clock_offset = span("-301s")), [(ClockOff, None)]);
    let not_ready = |ready: Option<bool>| {
        let mut fleet = fleet([due()]);
        let facts = fleet.issuers.get_mut(&issuer("prod", "ca")).unwrap();
        facts.ready = ready;
        closed_gates(&fleet, &Policy::default(), "0")
    };
    assert_eq!(not_ready(Some(false)), [(IssuerNotReady, None)]);
    assert_eq!(not_ready(None), [], "it does not say");
    assert_eq!(by_fleet(|fleet| fleet.issuers.clear()), [(IssuerNotReady, None)]);
    let report = policy(|policy, _| policy.mode = Mode::Report);
    assert_eq!(closed_gates(&fleet([due()]), &report, "0"), [(ReportOnly, None)]);
}

#[test]
fn another_installation_closes_the_gate_while_its_lease_lives() {
    let theirs = || due().record(|record| record.installation = Some("there".into()));
    let mut fleet = fleet([theirs()]);
    let plan = plan(&fleet, &Policy::default(), NOW);
    assert_eq!(plan.verdict("prod/orders").gate_words(), [OtherInstallation]);
    assert_eq!(plan.steps, []);
    fleet.dead_installations.insert("there".into());
    assert_eq!(closed_gates(&fleet, &Policy::default(), "0"), [], "it is gone");
}

#[test]
fn not_ready_yields_from_emergency_on_where_tls_explains_it() {
    let expired = || Db::named("prod/orders").lives("-90d..-1h");
    let young =
        || due().certificate(&Alias::Server, |certificate| certificate.issued = Issued::Missing);
    let phase = |db: Db, phase| gates_of(db.with(|database| database.phase = phase));
    let closed = [(DatabaseNotReady, None)];
    assert_eq!(phase(due(), DatabasePhase::NotReady), closed);
    assert_eq!(phase(young(), DatabasePhase::NotReady), closed, "urgent is not enough");
    let about_to = Db::named("prod/orders").lives("-89d..+1d");
    assert_eq!(phase(about_to, DatabasePhase::NotReady), closed, "age explains nothing yet");
    assert_eq!(phase(expired(), DatabasePhase::NotReady), []);
    assert_eq!(phase(expired(), DatabasePhase::Critical), []);
    assert_eq!(phase(expired(), DatabasePhase::Provisioning), closed);
    assert_eq!(phase(expired(), DatabasePhase::DataRestoring), closed);
    assert_eq!(phase(expired(), DatabasePhase::Unknown), closed);
    assert_eq!(phase(expired(), DatabasePhase::Halted), [(Halted, None), (DatabaseNotReady, None)]);
}

#[test]
fn an_approved_recommendation_speaks_for_the_database_until_its_hour_is_over() {
    let recommended = |life: &str, progress| {
        let db = Db::named("prod/orders").lives(life).with(|database| {
            database.recommendation = Some(Recommendation { name: "rotate-tls".into(), progress });
        });
        gates_of(db)
    };
    let approved = |until: Option<&str>| RecommendationProgress::Approved { until: until.map(at) };
    let normal = "-60d..+30d";
    let until = |text: &str| vec![(RecommendationActive, Some(at(text)))];
    assert_eq!(recommended(normal, approved(Some("1s"))), until("1s"));
    assert_eq!(recommended(normal, approved(Some("0"))), []);
    assert_eq!(recommended(normal, approved(None)), [(RecommendationActive, None)]);
    let in_progress = RecommendationProgress::InProgress;
    assert_eq!(recommended(normal, in_progress), [(RecommendationActive, None)]);
    assert_eq!(recommended("-80d..+10d", in_progress), [], "urgent");
    assert_eq!(recommended("-80d..+10d", approved(None)), [], "urgent");
}

fn ended(outcome: Outcome, when: &str, of: &str) -> Attempt {
    Attempt {
        request: format!("{of}-{when}").into(),
        outcome,
        ended: at(when),
        duration: None,
        issuer: Some(issuer("prod", "ca")),
    }
}

#[test]
fn min_interval_never_yields() {
    for life in ["-60d..+30d", "-80d..+10d", "-89d..+1d", "-90d..-1d"] {
        let rotated = |when: &str| {
            let db = Db::named("prod/orders").lives(life);
            gates_of(db.record(|record| record.last_rotated = Some(at(when))))
        };
        assert_eq!(rotated("-21599s"), [(RotatedRecently, Some(at("1s")))], "{life}");
        assert_eq!(rotated("-6h"), [], "{life}");
    }
}

#[test]
fn a_rotation_that_turned_out_moot_is_not_opened_again_at_once() {
    let ended = |when: &str, outcome| {
        due().record(|record| {
            record.last = Some(Last {
                opened: at("-1h"),
                closed: at(when),
                causes: Vec::new(),
                attempt: 1,
                failures: 0,
                outcome,
                request: "orders-rotate-1".into(),
                produced: [].into(),
                life_left: None,
            });
        })
    };
    let closed = |when: &str, outcome| gates_of(ended(when, outcome));
    assert_eq!(closed("-1m", Outcome::Moot), [(BackingOff, Some(at("14m")))]);
    assert_eq!(closed("-15m", Outcome::Moot), []);
    assert_eq!(closed("-1m", Outcome::Verified), []);
    let asked =
        ended("-1m", Outcome::Moot).wishes(|wishes| wishes.requested_at = Some("now".into()));
    assert_eq!(gates_of(asked), [], "nobody asks as fast as the loop turns");
}

#[test]
fn windows_and_freezes_say_until_when() {
    let at_hours = |db: Db, open: &str, length: &str| {
        by_rules(db, |rules| rules.windows = windows(open, length))
    };
    let urgent = || Db::named("prod/orders").lives("-80d..+10d");
    assert_eq!(at_hours(urgent(), "0 2 * * *", "4h"), [(WindowClosed, Some(at("50460s")))]);
    assert_eq!(at_hours(urgent(), "0 11 * * *", "4h"), []);
    assert_eq!(
        at_hours(urgent(), "0 11 * * *", "70m"),
        [(WindowTooShort, Some(at("82860s")))],
        "nine minutes of ten are left"
    );
    let frozen = by_rules(urgent(), |rules| {
        rules.freezes = sample::freeze("2026-06-01", "2026-06-05");
    });
    assert_eq!(frozen, [(Freeze, Some(at("216060s")))]);
}

#[test]
fn windows_and_freezes_yield_to_an_emergency_as_far_as_the_policy_says() {
    for (over_windows, over_freezes, expected) in [
        (true, true, vec![]),
        (false, true, vec![WindowClosed]),
        (true, false, vec![Freeze]),
        (false, false, vec![Freeze]),
    ] {
        let found = by_rules(Db::named("prod/orders").lives("-89d..+1d"), |rules| {
            rules.windows = windows("0 2 * * *", "4h");
            rules.freezes = sample::freeze("2026-06-03", "2026-06-03");
            rules.emergency.overrides_windows = over_windows;
            rules.emergency.overrides_freezes = over_freezes;
        });
        let words: Vec<Gate> = found.iter().map(|(gate, _)| *gate).collect();
        assert_eq!(words, expected, "{over_windows} {over_freezes}");
    }
}

#[test]
fn a_tenants_windows_narrow_the_normal_stage_only() {
    let own = |life: &str| {
        let db = Db::named("prod/orders").lives(life).wishes(|wishes| {
            wishes.windows = Some(windows("0 20 * * *", "2h"));
        });
        let found = by_rules(db, |rules| rules.windows = windows("0 6 * * *", "16h"));
        found.iter().map(|(gate, _)| *gate).collect::<Vec<_>>()
    };
    assert_eq!(own("-60d..+30d"), [WindowClosed]);
    assert_eq!(own("-80d..+10d"), [], "urgent: any window of the config file");
}

#[test]
fn a_normal_rotation_waits_for_its_turn_and_a_requested_one_does_not() {
    let rules = |rules: &mut Rules| rules.windows = windows("0 11 * * *", "10h");
    let late = |uid: &String| Digest::quick(uid).below(10) == 9;
    let uid = (0..1_000).map(|index| format!("uid {index}")).find(late).unwrap();
    let normal = || {
        let db = Db::named("prod/orders").lives("-60d..+30d");
        db.with(|database| database.uid = uid.as_str().into())
            .record(|record| record.database_uid = None)
    };
    let found = by_rules(normal(), rules);
    assert_eq!(found[0].0, Spread);
    let asked = normal().wishes(|wishes| wishes.requested_at = Some("now".into()));
    assert_eq!(by_rules(asked, rules), []);
}

#[test]
fn whatever_the_cause_a_group_is_not_split_by_a_new_ca_before_it_is_an_emergency() {
    let group = |life: &str, on_ca_change| {
        let db = Db::named("prod/orders")
            .lives(life)
            .server_leaf(|leaf| leaf.ca_key = Some(ca_key(1)))
            .with(|database| database.topology = Topology::GroupReplication);
        let mut fleet = fleet([db]);
        let facts = fleet.issuers.get_mut(&issuer("prod", "ca")).unwrap();
        facts.comparable = true;
        facts.ca_key = Some(ca_key(2));
        let policy = policy(|_, rules| rules.on_ca_change = on_ca_change);
        closed_gates(&fleet, &policy, "0")
    };
    let reported = [(CaChangeReported, None)];
    assert_eq!(group("-70d..+20d", OnCaChange::Auto), reported);
    assert_eq!(group("-10d..+80d", OnCaChange::Auto), reported, "said once");
    assert_eq!(group("-70d..+20d", OnCaChange::Rotate), []);
    assert_eq!(group("-89d..+1d", OnCaChange::Auto), []);
}

/// Three of five attempts failed, the newest an hour and a minute ago.
fn with_breaker(newest: Outcome) -> Db {
    due().record(|record| {
        let failed = |when: &str| ended(Outcome::Failed, when, "x");
        record.attempts =
            vec![ended(newest, "-50m", "orders"), failed("-2d"), failed("-3d"), failed("-4d")];
    })
}

#[test]
fn an_open_breaker_says_when_it_lets_one_try() {
    let open = [(BreakerOpen, Some(at("10m")))];
    assert_eq!(gates_of(with_breaker(Outcome::Failed)), open);
    assert_eq!(gates_of(with_breaker(Outcome::Withdrawn)), open);
    assert_eq!(gates_of(with_breaker(Outcome::Verified)), []);
    let fleet = fleet([with_breaker(Outcome::Failed)]);
    assert_eq!(closed_gates(&fleet, &Policy::default(), "10m"), []);
}

#[test]
fn gates_come_in_their_order() {
    let all = due()
        .with(|database| {
            database.deleting = true;
            database.malformed = Some("no spec".into());
            database.halted = true;
            database.paused = true;
            database.backup_running = true;
            database.phase = DatabasePhase::NotReady;
            database.auto_ops_disabled = true;
        })
        .wishes(|wishes| wishes.suspend = true)
        .request("restart", request(RequestPhase::Pending))
        .certificate(&Alias::Client, |certificate| {
            certificate.issuing_since = Some(at("-1m"));
            certificate.failed_at = Some(at("-1m"));
        });
    let policy = policy(|policy, rules| {
        policy.mode = Mode::Report;
        rules.windows = windows("0 2 * * *", "4h");
        rules.honour_auto_ops_disabled = true;
    });
    let mut fleet = fleet([all]);
    fleet.leader = false;
    fleet.clock_offset = span("1h");
    fleet.issuers.clear();
    let found = closed_gates(&fleet, &policy, "0");
    let words: Vec<Gate> = found.iter().map(|(gate, _)| *gate).collect();
    assert_eq!(
        words,
        [
            Deleting,
            DatabaseMalformed,
            Suspended,
            Halted,
            ReportOnly,
            NotLeader,
            AutoOpsDisabled,
            Paused,
            ClockOff,
            RequestActive,
            BackupRunning,
            DatabaseNotReady,
            IssuerNotReady,
            CertificateIssuing,
            CertificateFailing,
            WindowClosed,
        ]
    );
}
