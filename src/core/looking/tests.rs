use super::super::fleet::{Issued, Missed, Pod, Text};
use super::super::record::{Apply, RequestRef};
use super::super::sample::{Db, at, issued, leaf};
use super::super::vocabulary::Stage;
use super::*;

/// A rotation opened when all certificates had this leaf.
fn from(baseline: &str) -> Current {
    let aliases = [Alias::Server, Alias::Client, Alias::MetricsExporter];
    Current {
        opened: at("-1h"),
        causes: Vec::new(),
        baseline: aliases.map(|alias| (alias, leaf(baseline))).into(),
        attempt: 1,
        failures: 0,
        setbacks: 0,
        failed_stage: None,
        next_try: None,
        request: RequestRef {
            name: "orders-rotate-1".into(),
            uid: Some("request".into()),
            created: None,
            started: None,
            ended: None,
            stage: Stage::Normal,
            apply: Apply::IfReady,
        },
        requested_at: None,
        occurrence: None,
        withdrawal: None,
    }
}

const OLD: &str = "-60d..+30d";
const NEW: &str = "-30m..+90d";

/// The request ended twenty minutes ago; two servers, both running since long before.
fn rotated() -> Db {
    let started = |db: Db| db.pod(0, |pod| pod.started = None).pod(1, |pod| pod.started = None);
    started(Db::named("prod/orders").servers(2).lives(NEW))
        .with(|database| database.last_reconfigured = Some(at("-20m")))
}

fn looked(db: &Db, moment: &str) -> Looked {
    look(&db.database, &from(OLD), at("-20m"), at(moment))
}

fn at_last(db: &Db) -> (Option<Outcome>, Outcome) {
    let early = match looked(db, "-19m") {
        Looked::Ended(outcome) => Some(outcome),
        Looked::Waiting { until } => {
            assert_eq!(until, at("-10m"));
            None
        }
    };
    let Looked::Ended(outcome) = looked(db, "-10m") else { panic!("still waiting") };
    (early, outcome)
}

#[test]
fn verified_when_every_server_was_seen_to_present_the_new_leaf() {
    let one = rotated().seen_twice(0, "-15m", NEW);
    assert_eq!(at_last(&one), (None, Outcome::Unverified));
    let both = one.seen_twice(1, "-15m", NEW);
    assert_eq!(at_last(&both), (Some(Outcome::Verified), Outcome::Verified));
}

#[test]
fn verified_by_inference_when_every_server_started_after_the_issuance() {
    let restarted = rotated()
        .pod(0, |pod| pod.started = Some(at("-25m")))
        .pod(1, |pod| pod.started = Some(at("-22m")));
    assert_eq!(at_last(&restarted).0, Some(Outcome::Verified));
    let one_missing = restarted.with(|database| database.replicas = 3);
    assert_eq!(at_last(&one_missing), (None, Outcome::Unverified));
}

/// The same, where the probe looks.
fn probed(db: Db) -> Db {
    let address = |pod: &mut Pod| pod.address = "10.0.0.7".parse().ok();
    db.with(|database| database.probed = true).pod(0, address).pod(1, address)
}

#[test]
fn whoever_can_look_does_not_infer() {
    let restarted = probed(rotated())
        .pod(0, |pod| pod.started = Some(at("-25m")))
        .pod(1, |pod| pod.started = Some(at("-22m")));
    assert_eq!(at_last(&restarted), (None, Outcome::Unverified));
    let one = restarted.seen_twice(0, "-15m", NEW);
    assert_eq!(at_last(&one), (None, Outcome::Unverified));
    let both = one.clone().seen_twice(1, "-15m", NEW);
    assert_eq!(at_last(&both).0, Some(Outcome::Verified));
    let other = one.clone().seen_twice(1, "-15m", OLD);
    assert_eq!(at_last(&other).0, Some(Outcome::PartlyServed));
    let nowhere = one.pod(1, |pod| pod.address = None);
    assert_eq!(at_last(&nowhere).0, Some(Outcome::Verified), "a pod that cannot be looked at");
}

#[test]
fn a_server_without_tls_is_not_served_the_new_leaf() {
    let without = |looks: &mut Pod| looks.seen.iter_mut().for_each(|look| look.leaf = None);
    let one = probed(rotated()).seen_twice(0, "-15m", NEW).pod(0, without);
    let partly = one.clone().seen_twice(1, "-15m", NEW);
    assert_eq!(at_last(&partly).0, Some(Outcome::PartlyServed));
    let neither = one.seen_twice(1, "-15m", NEW).pod(1, without);
    assert_eq!(at_last(&neither).0, Some(Outcome::ServedOld));
}

#[test]
fn why_nobody_could_look_is_told() {
    let blind = probed(rotated()).pod(1, |pod| {
        pod.missed = Some(Missed { pod_uid: Text::clone(&pod.uid), why: "timeout".into() });
    });
    assert_eq!(at_last(&blind), (None, Outcome::Unverified));
    assert_eq!(not_seen(&blind.database).as_deref(), Some("orders-1 (timeout)"));
    assert_eq!(not_seen(&rotated().database), None);
}

#[test]
fn served_old_and_partly_served_are_seen_at_once_where_everybody_is_seen() {
    let old = rotated().seen_twice(0, "-15m", OLD);
    assert_eq!(at_last(&old), (None, Outcome::ServedOld), "the other may be new");
    let both = old.clone().seen_twice(1, "-15m", OLD);
    assert_eq!(at_last(&both).0, Some(Outcome::ServedOld));
    let partly = old.seen_twice(1, "-15m", NEW);
    assert_eq!(at_last(&partly).0, Some(Outcome::PartlyServed));
}

#[test]
fn unverified_when_nobody_could_look() {
    assert_eq!(at_last(&rotated()), (None, Outcome::Unverified));
    let none = rotated().with(|database| {
        database.replicas = 0;
        database.pods.clear();
    });
    assert_eq!(at_last(&none), (None, Outcome::Unverified));
}

#[test]
fn a_look_from_before_the_end_of_the_request_proves_nothing() {
    let early = rotated().seen_twice(0, "-25m", NEW).seen_twice(1, "-25m", NEW);
    assert_eq!(at_last(&early), (None, Outcome::Unverified));
}

#[test]
fn the_leaf_issued_at_the_requests_end_will_do_when_another_was_issued_since() {
    let renewed = rotated()
        .seen_twice(0, "-15m", NEW)
        .seen_twice(1, "-15m", NEW)
        .certificate(&Alias::Server, |certificate| certificate.issued = issued("-12m..+90d"));
    assert_eq!(at_last(&renewed).0, Some(Outcome::Verified));
}

#[test]
fn what_was_not_replaced_is_served_old_once_the_watches_had_their_time() {
    let kept =
        rotated().certificate(&Alias::Client, |certificate| certificate.issued = issued(OLD));
    assert_eq!(Replaced::of(&kept.database, &from(OLD)), Replaced::No);
    assert_eq!(at_last(&kept), (None, Outcome::ServedOld));
    let missing =
        rotated().certificate(&Alias::Client, |certificate| certificate.issued = Issued::Missing);
    assert_eq!(at_last(&missing), (None, Outcome::ServedOld));
}

#[test]
fn what_nobody_can_see_contradicts_nothing() {
    let unknown = rotated()
        .seen_twice(0, "-15m", NEW)
        .seen_twice(1, "-15m", NEW)
        .certificate(&Alias::Client, |certificate| certificate.issued = Issued::Unknown);
    assert_eq!(Replaced::of(&unknown.database, &from(OLD)), Replaced::Unknown);
    assert_eq!(at_last(&unknown), (None, Outcome::Unverified));
}
