use super::super::fleet::Sighting;
use super::super::sample::{Db, at, leaf};
use super::*;

const EVERY: Span = Span::HOUR;

/// One server, which was started a day ago, after its certificate was issued.
fn db() -> Db {
    let db = Db::named("prod/orders").servers(1).lives("-60d..+30d");
    db.pod(0, |pod| {
        pod.started = Some(at("-1d"));
        pod.address = "10.0.0.7".parse().ok();
    })
}

fn pod(db: &Db) -> &Pod {
    &db.database.pods["orders-0"]
}

fn last(db: &Db, began: &str) -> LastLook {
    let pod = pod(db);
    LastLook {
        began: at(began),
        pod_uid: Text::clone(&pod.uid),
        started: pod.started,
        misses: 0,
        held_against_us: false,
    }
}

fn next(db: &Db, last: Option<&LastLook>) -> Option<Time> {
    next_look(&db.database, pod(db), last, EVERY)
}

/// The same, where the server was seen to present what it should.
fn seen(db: Db, began: &str, life: &str) -> Db {
    db.pod(0, |pod| {
        pod.seen.push(Sighting {
            began: at(began),
            pod_uid: Text::clone(&pod.uid),
            leaf: Some(leaf(life)),
            trusted: None,
        });
    })
}

const ISSUED: &str = "-60d..+30d";
const OTHER: &str = "-90d..+1d";

#[test]
fn servers_that_are_nobodys_business_are_not_looked_at() {
    for (why, change) in [
        ("another's", (|it| it.selected = false) as fn(&mut Database)),
        ("without TLS", |it| it.tls = false),
        ("going", |it| it.deleting = true),
        ("halted", |it| it.halted = true),
    ] {
        assert_eq!(next(&db().with(change), None), None, "{why}");
    }
    assert_eq!(next(&db().pod(0, |pod| pod.started = None), None), None, "not running");
    assert_eq!(next(&db().pod(0, |pod| pod.address = None), None), None, "nowhere");
}

#[test]
fn a_server_that_was_started_anew_is_looked_at_at_once() {
    let db = db();
    assert_eq!(next(&db, None), Some(at("-1d")));
    let restarted = LastLook { started: Some(at("-9d")), ..last(&db, "-1m") };
    assert_eq!(next(&db, Some(&restarted)), Some(at("-1d")), "due since then");
    let starting = db.clone().pod(0, |pod| pod.ready = false);
    assert_eq!(next(&starting, None), Some(at("-1d") + Span::seconds(20)), "it may yet come");
    let another = LastLook { pod_uid: "another".into(), ..last(&db, "-1m") };
    assert_eq!(next(&db, Some(&another)), Some(at("-1d")));
}

#[test]
fn a_server_that_presents_what_it_should_is_looked_at_now_and_then() {
    let db = seen(db(), "-1m", ISSUED);
    let due = next(&db, Some(&last(&db, "-1m"))).unwrap();
    assert!((at("44m")..at("74m")).contains(&due), "{due}: an hour, more or less");
    let spread = |uid: &str| {
        let db = db.clone().pod(0, |pod| {
            pod.uid = uid.into();
            pod.seen.clear();
        });
        next(&db, Some(&last(&db, "-1m"))).unwrap()
    };
    assert_ne!(spread("one"), spread("two"), "each pod has its own pace");
}

#[test]
fn what_has_changed_makes_a_look_due() {
    let renewed = seen(db(), "-10m", ISSUED).server_leaf(|leaf| leaf.issued_at = at("-3m"));
    let renewed = renewed.server_leaf(|issued| issued.id = leaf("-3m..+90d"));
    assert_eq!(next(&renewed, Some(&last(&renewed, "-10m"))), Some(at("-179s")));
    let rotated = seen(db(), "-10m", ISSUED).with(|it| it.last_reconfigured = Some(at("-2m")));
    assert_eq!(next(&rotated, Some(&last(&rotated, "-10m"))), Some(at("-119s")));
}

#[test]
fn what_is_not_as_it_should_be_is_looked_at_twice() {
    let once = seen(db(), "-1m", OTHER);
    assert_eq!(next(&once, Some(&last(&once, "-1m"))), Some(at("-45s")));
    // What it presented before that was right then, and says nothing of the leaf issued since.
    let renewed = seen(seen(db(), "-10m", OTHER), "-1m", OTHER);
    let renewed = renewed.server_leaf(|issued| issued.issued_at = at("-3m"));
    assert_eq!(next(&renewed, Some(&last(&renewed, "-1m"))), Some(at("-45s")));
    let twice = seen(once, "-30s", OTHER);
    let due = next(&twice, Some(&last(&twice, "-30s"))).unwrap();
    assert!(due > at("40m"), "two looks are enough to know: {due}");
}

#[test]
fn a_look_that_comes_to_nothing_is_followed_by_a_pause_that_grows() {
    let db = db();
    let pause = |misses, held_against_us| {
        let last = LastLook { misses, held_against_us, ..last(&db, "0s") };
        next(&db, Some(&last)).unwrap().since(at("0s"))
    };
    let pauses: Vec<String> = (1..=12).map(|misses| pause(misses, false).to_string()).collect();
    let expected = [
        "5s", "10s", "20s", "40s", "1m 20s", "2m 40s", "5m 20s", "10m 40s", "21m 20s", "42m 40s",
        "1h", "1h",
    ];
    assert_eq!(pauses, expected);
    let pauses: Vec<String> = (1..=8).map(|misses| pause(misses, true).to_string()).collect();
    assert_eq!(pauses, ["1m", "4m", "16m", "1h 4m", "4h 16m", "17h 4m", "1d", "1d"]);
    let ever = pause(u32::MAX, true);
    assert_eq!(ever, Span::DAY, "a hundred of them take three months");
}
