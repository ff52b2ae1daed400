use serde_json::{Value, from_value, json};

use super::*;
use crate::api::mysql::MySql;
use crate::api::supervisor;
use crate::cluster::facts::mysql::{MySqlFacts, Wanted};
use crate::cluster::facts::recommendation::{Progress, RecommendationFacts};
use crate::core::fleet::{Alias, DatabasePhase, Topology};

#[test]
fn texts_are_kept_once_and_forgotten_when_nobody_holds_them() {
    let mut texts = Texts::default();
    let kept = texts.text("kept");
    assert!(Arc::ptr_eq(&kept, &texts.text("kept")));
    for number in 0..10_000 {
        texts.text(&number.to_string());
    }
    assert!(texts.known.len() <= 1024, "{}", texts.known.len());
    assert!(Arc::ptr_eq(&kept, &texts.text("kept")));
}

#[test]
fn issuers_of_other_groups_are_others() {
    let mut texts = Texts::default();
    let mut key = |reference: Value| {
        let reference: IssuerRef = from_value(reference).unwrap();
        texts.issuer(&reference, "prod").to_string()
    };
    for (reference, expected) in [
        (json!({"kind": "Issuer", "name": "ca"}), "Issuer/prod/ca"),
        (json!({"name": "ca"}), "Issuer/prod/ca"),
        (json!({"kind": "ClusterIssuer", "name": "ca"}), "ClusterIssuer/ca"),
        (json!({"group": "step.sm", "kind": "Issuer", "name": "ca"}), "Issuer.step.sm/prod/ca"),
    ] {
        assert_eq!(key(reference.clone()), expected, "{reference}");
    }
}

#[test]
fn names_are_compared_in_one_form() {
    let strings = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    let dns = strings(&["Shop.Prod.svc.", "localhost", "localhost", ""]);
    let addresses = strings(&["::0001", "127.0.0.1", "not one"]);
    assert_eq!(wanted_names(&dns, &addresses), "127.0.0.1\n::1\nlocalhost\nnot one\nshop.prod.svc");
}

fn mysql(spec: &Value, status: &Value) -> MySqlFacts {
    let object: MySql = from_value(json!({
        "metadata": {"name": "shop", "namespace": "prod", "uid": "u-1", "labels": {"tier": "gold"},
            "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": spec, "status": status,
    }))
    .unwrap();
    MySqlFacts::of(&object, &mut Texts::default())
}

fn with_entry(entry: &Value) -> MySqlFacts {
    let issuer = json!({"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"});
    mysql(&json!({"tls": {"issuerRef": issuer, "certificates": [entry]}}), &json!(null))
}

#[test]
fn a_database_asks_for_its_certificates() {
    let own = json!({"kind": "ClusterIssuer", "name": "shared"});
    let facts = with_entry(&json!({"alias": "router", "issuerRef": own, "dnsNames": ["Shop"]}));
    let wanted: Vec<_> = facts.certificates.iter().collect();
    let described = wanted.iter().map(|wanted| {
        let Wanted { alias, certificate, issuer, names, .. } = wanted;
        format!("{alias} {certificate} {issuer} {names}")
    });
    assert_eq!(
        described.collect::<Vec<_>>(),
        [
            "server shop-server-cert Issuer/prod/ca ",
            "client shop-client-cert Issuer/prod/ca ",
            "metrics-exporter shop-metrics-exporter-cert Issuer/prod/ca ",
            "router shop-router-cert ClusterIssuer/shared shop",
        ]
    );
    assert_eq!(wanted[3].alias, Alias::Other("router".into()));
    assert_eq!(&*facts.labels.get("tier").unwrap().clone(), "gold");
    assert!(mysql(&json!({}), &json!({})).certificates.is_empty());
}

#[test]
fn the_digest_of_an_entry_changes_with_it() {
    let digest = |entry: Value| with_entry(&entry).certificates[0].entry;
    let plain = digest(json!({"alias": "server"}));
    assert_eq!(plain, digest(json!({"alias": "server"})));
    for entry in [
        json!({"alias": "server", "duration": "2160h"}),
        json!({"alias": "server", "dnsNames": ["shop"]}),
        json!({"alias": "server", "issuerRef": {"kind": "Issuer", "name": "other"}}),
        json!({"alias": "server", "subject": {"organizations": ["a"]}}),
    ] {
        assert_ne!(plain, digest(entry.clone()), "{entry}");
    }
    assert_eq!(plain, with_entry(&json!({"alias": "server", "unknown": 1})).certificates[0].entry);
}

#[test]
fn words_of_tomorrow_are_taken_care_of() {
    let facts = mysql(
        &json!({"topology": {"mode": "Galaxy"}, "halted": true, "autoOps": {"disabled": true}}),
        &json!({"phase": "Sleepy", "conditions": [{"type": "Paused", "status": "True"}]}),
    );
    assert_eq!(facts.topology, Topology::GroupReplication);
    assert_eq!(facts.phase, DatabasePhase::Unknown);
    assert!(facts.halted && facts.paused && facts.auto_ops_disabled && !facts.deleting);
}

#[test]
fn what_a_recommendation_speaks_for() {
    let progress = |status: &Value| {
        let object: supervisor::Recommendation = from_value(json!({
            "metadata": {"name": "r", "namespace": "prod"}, "status": status,
            "spec": {"target": {"apiGroup": "kubedb.com", "kind": "MySQL", "name": "shop"},
                "operation": {"kind": "MySQLOpsRequest", "spec": {"type": "ReconfigureTLS"}}},
        }))
        .unwrap();
        let facts = RecommendationFacts::of(&object, &mut Texts::default());
        assert_eq!(facts.database.as_deref(), Some("shop"));
        facts.progress
    };
    let dates = json!([{"start": "2026-11-21T01:00:00Z", "end": "2026-11-21T03:00:00Z"},
        {"start": "2026-11-20T01:00:00Z", "end": "2026-11-20T03:00:00Z"}]);
    let approved = |window: Value, phase: &str| {
        json!({"approvalStatus": "Approved", "phase": phase, "approvedWindow": window,
            "reviewTimestamp": "2026-11-20T10:00:00Z"})
    };
    let at = |text: &str| text.parse().ok();
    for (status, expected) in [
        (json!({}), Progress::Idle),
        (json!({"phase": "Pending", "approvalStatus": "Pending"}), Progress::Idle),
        (json!({"phase": "Skipped", "approvalStatus": "Rejected"}), Progress::Idle),
        (approved(json!({}), "Succeeded"), Progress::Idle),
        (approved(json!({}), "Waiting"), Progress::Approved(None)),
        (approved(json!({"window": "NextAvailable"}), "Waiting"), Progress::Approved(None)),
        (
            approved(json!({"window": "Immediate"}), "Pending"),
            Progress::Approved(at("2026-11-20T11:00:00Z")),
        ),
        (
            approved(json!({"window": "SpecificDates", "dates": dates}), "Waiting"),
            Progress::Approved(at("2026-11-21T04:00:00Z")),
        ),
        (
            json!({"approvalStatus": "Approved", "phase": "Waiting", "outdated": true}),
            Progress::Idle,
        ),
        (
            json!({"phase": "InProgress", "createdOperationRef": {"name": "x"}}),
            Progress::InProgress(Some("x".into())),
        ),
        (json!({"phase": "InProgress"}), Progress::InProgress(None)),
    ] {
        assert_eq!(progress(&status), expected, "{status}");
    }
}
