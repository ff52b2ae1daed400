//! Made-up fleets for tests and benches, written so that a test reads as a sentence.
//!
//! [`NOW`] is the moment of every sample; times are texts relative to it: `"-50d..+40d"` is a
//! certificate that began fifty days ago and ends in forty. Nothing here is part of the daemon.

#![expect(
    clippy::missing_panics_doc,
    clippy::expect_used,
    reason = "samples are made of literals; one that cannot be read is a bug in a test"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use super::calendar::{CronLine, Freeze, Freezes, Schedule, Window, Windows, Zone};
use super::certificate::Fingerprint;
use super::digest::Digest;
use super::fleet::{
    Alias, Carried, Certificate, Database, DatabasePhase, Fleet, Issued, IssuedLeaf, Issuer,
    IssuerKey, Key, LeafId, Pod, Request, RequestContent, RequestPhase, Sighting, Text, Topology,
};
use super::plan::{Plan, Step, Verdict};
use super::policy::{Policy, Rules};
use super::record::{Current, Record, Rotation, Shown, Wishes};
use super::slots::{Slot, SlotTable};
use super::time::{Span, Time};
use super::vocabulary::{Cause, Gate, WritePoint};

mod crowd;
mod database;
mod request;

pub use crowd::crowd;
pub use database::{Db, carry_out};
pub use request::request;

/// Now, in every sample: 2026-06-03T12:00:00Z, a Wednesday.
pub const NOW: Time = Time::from_unix(1_780_488_000);
/// The installation that samples are about.
pub const INSTALLATION: &str = "here";

/// A length of time: `45d`, `-3h`, `+90m`, `10s`, `0`.
pub fn span(text: &str) -> Span {
    let unsigned = text.trim_start_matches(['+', '-']);
    let digits = unsigned.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    let count: i64 = digits.parse().expect("a whole number");
    let unit = match &unsigned[digits.len()..] {
        "d" => Span::DAY,
        "h" => Span::HOUR,
        "m" => Span::MINUTE,
        "s" | "" => Span::seconds(1),
        unit => panic!("unknown unit {unit:?} in {text:?}"),
    };
    let sign = if text.starts_with('-') { -1 } else { 1 };
    unit.scaled(sign * count, 1)
}

/// A moment relative to [`NOW`]: `at("-3h")`.
pub fn at(text: &str) -> Time {
    NOW + span(text)
}

/// A leaf that lives from one moment to another: `leaf("-50d..+40d")`.
pub fn leaf(life: &str) -> LeafId {
    let (from, to) = life.split_once("..").expect("two moments");
    let (not_before, not_after) = (at(from), at(to));
    let text = format!("{not_before} {not_after}");
    LeafId { not_before, not_after, fingerprint: Some(Fingerprint::of(text.as_bytes())) }
}

/// What was issued: that leaf, by the issuer `ca` of the sample's namespace.
pub fn issued(life: &str) -> Issued {
    let id = leaf(life);
    Issued::Leaf(IssuedLeaf {
        id,
        issued_at: id.not_before,
        serial: None,
        signed_by: None,
        ca_key: None,
        ca: None,
    })
}

/// The issuer of that name in that namespace.
pub fn issuer(namespace: &str, name: &str) -> IssuerKey {
    IssuerKey { namespace: Some(namespace.into()), kind: "Issuer".into(), name: name.into() }
}

/// A CA's key, told from others by its number.
pub fn ca_key(number: u8) -> Fingerprint {
    Fingerprint::of(&[number])
}

/// Windows that open by a crontab line in UTC: `windows("0 2 * * *", "4h")`.
pub fn windows(open: &str, length: &str) -> Windows {
    let line = CronLine::parse(open).expect("a crontab line");
    let window = Window::new(line, span(length), Zone::utc()).expect("a window");
    Windows::new(vec![window]).expect("one window")
}

/// One freeze, from day to day in UTC.
pub fn freeze(from: &str, to: &str) -> Freezes {
    let day = |text: &str| text.parse().expect("a date");
    let freeze = Freeze::new(day(from), day(to), Zone::utc(), "holidays".to_owned());
    Freezes::new(vec![freeze.expect("a freeze")])
}

/// A schedule in UTC: `schedule("0 3 1 */3 *")`.
pub fn schedule(line: &str) -> Schedule {
    Schedule::new(CronLine::parse(line).expect("a crontab line"), Zone::utc())
}

/// The default policy, changed.
pub fn policy(change: impl FnOnce(&mut Policy, &mut Rules)) -> Policy {
    let mut policy = Policy::default();
    let mut rules = (*policy.rules).clone();
    change(&mut policy, &mut rules);
    policy.rules = Arc::new(rules);
    policy
}

/// These databases, seen by a leader; every issuer that they name is Ready, and no slot is taken.
pub fn fleet(databases: impl IntoIterator<Item = Db>) -> Fleet {
    let mut fleet = Fleet {
        installation: Some(INSTALLATION.into()),
        leader: true,
        slots: slots([]),
        ..Fleet::default()
    };
    for db in databases {
        for certificate in db.database.certificates.values() {
            let ready = Issuer { ready: Some(true), ..Issuer::default() };
            fleet.issuers.insert(certificate.issuer.clone(), ready);
        }
        fleet.databases.insert(db.key, Arc::new(db.database));
    }
    fleet
}

/// Slots held by databases: `slots([("prod/orders", "orders-rotate-1")])`.
pub fn slots<'a>(held: impl IntoIterator<Item = (&'a str, &'a str)>) -> SlotTable {
    let slot = |(database, request): (&str, &str)| {
        let key = key(database);
        let slot = Slot {
            issuer: Some(issuer(&key.namespace, "ca")),
            namespace: key.namespace,
            database: key.name,
            request: request.into(),
        };
        (uid(database), slot)
    };
    SlotTable::Known { resource_version: "1".into(), slots: held.into_iter().map(slot).collect() }
}

/// `prod/orders` as a key.
pub fn key(database: &str) -> Key {
    let (namespace, name) = database.split_once('/').expect("namespace/name");
    Key::new(namespace, name)
}

/// The uid of the sample of that name.
pub fn uid(database: &str) -> Text {
    format!("uid of {database}").into()
}

impl Fleet {
    /// A database of this sample, to be changed.
    pub fn change(&mut self, database: &str, change: impl FnOnce(&mut Database)) {
        let found = self.databases.get_mut(&key(database)).expect("a sample");
        change(Arc::make_mut(found));
    }

    /// A database of this sample.
    pub fn sample(&self, database: &str) -> &Database {
        self.databases.get(&key(database)).expect("a sample")
    }
}

impl Plan {
    /// The verdict on one database.
    pub fn verdict(&self, database: &str) -> &Verdict {
        self.verdicts.get(&key(database)).expect("a verdict")
    }

    /// The name of the write for one database, if there is one.
    pub fn writes(&self, database: &str) -> Option<WritePoint> {
        self.step(database).map(|step| step.write.point())
    }

    /// The step of one database, if there is one.
    pub fn step(&self, database: &str) -> Option<&Step> {
        let key = key(database);
        self.steps.iter().find(|step| step.key == key)
    }
}

impl Verdict {
    /// The causes that hold, without what they rest on.
    pub fn cause_words(&self) -> Vec<Cause> {
        self.causes.iter().map(|held| held.opened.cause).collect()
    }

    /// The gates that are closed, without why.
    pub fn gate_words(&self) -> Vec<Gate> {
        self.gates.iter().map(|closed| closed.gate).collect()
    }
}
