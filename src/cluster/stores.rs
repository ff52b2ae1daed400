//! What is known of the cluster: facts, fed by watches, by uncached reads and by the answers to
//! our own writes, and read as one [`Fleet`](crate::core::fleet::Fleet).
//!
//! Three rules keep it true whatever order these arrive in. What a listing does not show is gone
//! (objects deleted while a watch was down emit no event). An older version never takes the place
//! of a newer one. An object that was deleted does not come back.
//!
//! An object that cannot be read is reported on the database it belongs to and hides no other.

mod links;
mod object;
mod problem;
mod sightings;
mod table;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

pub use object::{Kind, Object, Program};
pub use problem::Problem;

pub use super::snapshot::Context;

pub(in crate::cluster) use links::{Links, issuer_key};
pub(in crate::cluster) use problem::ProblemFacts;
pub(in crate::cluster) use table::Table;
pub(in crate::cluster) use tables::Tables;

use self::links::Linked;
use self::table::{Graves, Version, number};
use self::tables::{Arrival, put, with_table};
use super::facts::{Texts, uid};
use super::snapshot::Built;
use crate::api::meta;
use crate::api::ops_request::MySqlOpsRequest;
use crate::core::certificate::sanitize;
use crate::core::fleet::{Key, Missed, Sighting, Text};
use crate::core::slots::SlotTable;
use crate::core::time::Time;

/// What differs between clusters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where cert-manager looks for the Secrets of `ClusterIssuer`s.
    pub cluster_resource_namespace: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { cluster_resource_namespace: "cert-manager".to_owned() }
    }
}

/// What is known of the cluster.
#[derive(Debug)]
pub struct Stores {
    pub(in crate::cluster) settings: Settings,
    pub(in crate::cluster) tables: Tables,
    pub(in crate::cluster) links: Links,
    pub(in crate::cluster) sightings: BTreeMap<Key, Vec<Sighting>>,
    pub(in crate::cluster) missed: BTreeMap<Key, Missed>,
    pub(in crate::cluster) probed: bool,
    pub(in crate::cluster) slots: SlotTable,
    pub(in crate::cluster) built: Built,
    texts: Texts,
    listings: BTreeMap<(Kind, Option<Text>), Listing>,
    graves: BTreeMap<Kind, Graves>,
    /// The number of the newest listing.
    stamp: u32,
    changed: bool,
}

/// A listing of one kind in one scope.
#[derive(Clone, Copy, Debug)]
struct Listing {
    stamp: u32,
    open: bool,
    /// It has been completed once.
    listed: bool,
}

impl Stores {
    /// Of a cluster of which nothing is known yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            tables: Tables::default(),
            links: Links::default(),
            sightings: BTreeMap::new(),
            missed: BTreeMap::new(),
            probed: false,
            slots: SlotTable::default(),
            built: Built::default(),
            texts: Texts::default(),
            listings: BTreeMap::new(),
            graves: BTreeMap::new(),
            stamp: 0,
            changed: true,
        }
    }

    /// A listing begins: of one namespace, or of all. It must be a consistent one (kube's default,
    /// `ListSemantic::MostRecent`), because it is believed over all that was known before.
    pub fn begin(&mut self, kind: Kind, scope: Option<&str>) {
        self.stamp += 1;
        let scope = scope.map(|namespace| self.texts.text(namespace));
        let listing = self.listings.entry((kind, scope)).or_insert(Listing {
            stamp: 0,
            open: true,
            listed: false,
        });
        listing.stamp = self.stamp;
        listing.open = true;
    }

    /// A listing shows this object.
    #[expect(clippy::needless_pass_by_value, reason = "only its facts stay")]
    pub fn seen(&mut self, object: Object) {
        self.store(&object, true);
    }

    /// A listing is complete: what it did not show is gone.
    pub fn end(&mut self, kind: Kind, scope: Option<&str>) {
        let scope = scope.map(|namespace| self.texts.text(namespace));
        let Some(listing) = self.listings.get_mut(&(kind, scope.clone())) else {
            return;
        };
        let first = !std::mem::replace(&mut listing.listed, true);
        listing.open = false;
        let stamp = listing.stamp;
        let unseen =
            with_table!(&mut self.tables, kind, |table| table.unseen(scope.as_ref(), stamp));
        for key in unseen {
            self.remove(kind, &key, None);
        }
        let problems = self.tables.problems.entry(kind).or_default();
        for key in problems.unseen(scope.as_ref(), stamp) {
            self.solve(kind, &key);
        }
        if first {
            // A Certificate that is not there is missing only now.
            self.touch_all();
        }
        self.changed = true;
    }

    /// This is what an object is now: by a watch, an uncached read, or the answer to a write. Says
    /// whether it was news.
    #[expect(clippy::needless_pass_by_value, reason = "only its facts stay")]
    pub fn apply(&mut self, object: Object) -> bool {
        self.store(&object, false)
    }

    /// An object was deleted. One that was made anew under its name meanwhile stays.
    pub fn deleted(&mut self, kind: Kind, metadata: &ObjectMeta) {
        let key = self.texts.key(metadata);
        self.remove(kind, &key, Some(Version::of(metadata)));
    }

    /// The apiserver has answered that there is no such object.
    pub fn gone(&mut self, kind: Kind, namespace: &str, name: &str) {
        let key = Key::new(namespace, name);
        self.remove(kind, &key, None);
    }

    /// An object is there and cannot be read.
    pub fn malformed(&mut self, kind: Kind, metadata: &ObjectMeta, error: &str) {
        let arrival = self.arrival(kind, metadata);
        if !self.admits(&arrival, true) {
            return;
        }
        let facts = ProblemFacts {
            error: sanitize(error).into(),
            instance: meta::label(metadata, meta::INSTANCE_LABEL).map(|it| self.texts.text(it)),
            uid: uid(metadata).into(),
            created: meta::created(metadata).unwrap_or(Time::MIN),
        };
        self.take(kind, &arrival.key);
        let table = self.tables.problems.entry(kind).or_default();
        put(table, &mut self.links, arrival, facts);
        self.changed = true;
    }

    /// An uncached listing of requests, right before a decision that rests on it. What it does not
    /// show is gone, unless it is newer than the listing.
    pub fn refresh_requests(
        &mut self,
        namespace: Option<&str>,
        list: Vec<MySqlOpsRequest>,
        list_resource_version: &str,
    ) {
        let scope = namespace.map(|namespace| self.texts.text(namespace));
        let mut listed = BTreeSet::new();
        for object in list {
            listed.insert(self.texts.key(&object.metadata));
            self.store(&object.into(), false);
        }
        let than = number(list_resource_version);
        for key in self.tables.requests.not_newer(scope.as_ref(), than) {
            if !listed.contains(&key) {
                self.remove(Kind::OpsRequest, &key, None);
            }
        }
    }

    /// The slots are these.
    pub fn set_slots(&mut self, slots: SlotTable) {
        self.changed |= self.slots != slots;
        self.slots = slots;
    }

    /// Whether a listing of this kind in this scope has been completed.
    pub fn is_listed(&self, kind: Kind, scope: Option<&str>) -> bool {
        let listed = |scope: Option<Text>| {
            let listing = self.listings.get(&(kind, scope));
            listing.is_some_and(|listing| listing.listed)
        };
        listed(None) || scope.is_some_and(|namespace| listed(Some(namespace.into())))
    }

    /// The objects that cannot be read, ours whose content cannot be understood among them.
    pub fn problems(&self) -> impl Iterator<Item = Problem> {
        let problem = |kind, key: &Key, error: &Text| Problem {
            kind,
            namespace: Text::clone(&key.namespace),
            name: Text::clone(&key.name),
            error: Text::clone(error),
        };
        let unreadable = self.tables.rotations.iter();
        let unreadable = unreadable.filter_map(move |(key, facts)| {
            facts.unreadable().map(|error| problem(Kind::Rotation, key, error))
        });
        let problems = self.tables.problems.iter();
        problems
            .flat_map(move |(kind, table)| {
                table.iter().map(move |(key, facts)| problem(*kind, key, &facts.error))
            })
            .chain(unreadable)
    }

    /// Whether anything has changed since the last snapshot.
    pub const fn is_dirty(&self) -> bool {
        self.changed
    }

    pub(in crate::cluster) fn clean(&mut self) {
        self.changed = false;
    }

    fn arrival(&mut self, kind: Kind, metadata: &ObjectMeta) -> Arrival {
        let key = self.texts.key(metadata);
        let open = |scope: Option<Text>| {
            let listing = self.listings.get(&(kind, scope));
            listing.filter(|listing| listing.open)
        };
        let listing = open(Some(Text::clone(&key.namespace))).or_else(|| open(None));
        Arrival {
            kind,
            version: Version::of(metadata),
            seen: listing.map_or(0, |listing| listing.stamp),
            key,
        }
    }

    /// Whether this is news: neither older than what is known, nor of an object that is gone. What
    /// it takes the place of is gone.
    fn admits(&mut self, arrival: &Arrival, listed: bool) -> bool {
        let Arrival { kind, ref key, version, seen } = *arrival;
        let listing = (listed && seen != 0).then_some(seen);
        let problems = self.tables.problems.entry(kind).or_default();
        let stale_problem = problems.is_stale(key, version, listing);
        let stale =
            with_table!(&mut self.tables, kind, |table| table.is_stale(key, version, listing));
        let known = self.known(kind, key);
        let graves = self.graves.entry(kind).or_default();
        if stale || stale_problem || graves.hold(version) {
            return false;
        }
        if let Some(other) = known.filter(|known| !known.is_same_object(version)) {
            graves.bury(other);
        }
        true
    }

    fn known(&mut self, kind: Kind, key: &Key) -> Option<Version> {
        let known = with_table!(&mut self.tables, kind, |table| table.version(key));
        known.or_else(|| self.tables.problems.get(&kind)?.version(key))
    }

    fn store(&mut self, object: &Object, listed: bool) -> bool {
        let arrival = self.arrival(object.kind(), object.metadata());
        if !self.admits(&arrival, listed) {
            return false;
        }
        self.solve(arrival.kind, &arrival.key);
        let (links, texts) = (&mut self.links, &mut self.texts);
        self.changed |= self.tables.enter(object, arrival, links, texts);
        true
    }

    fn remove(&mut self, kind: Kind, key: &Key, version: Option<Version>) {
        let known = self.known(kind, key);
        if let Some(gone) = version.or(known) {
            self.graves.entry(kind).or_default().bury(gone);
        }
        let other = |known: Version| version.is_some_and(|gone| !gone.is_same_object(known));
        if known.is_none_or(other) {
            return;
        }
        self.take(kind, key);
        self.solve(kind, key);
        if kind == Kind::Pod {
            self.sightings.remove(key);
            self.missed.remove(key);
        }
        self.changed = true;
    }

    fn take(&mut self, kind: Kind, key: &Key) {
        let links = &mut self.links;
        with_table!(&mut self.tables, kind, |table| {
            if let Some(old) = table.take(key) {
                old.link(key, kind, links, false);
            }
        });
    }

    fn solve(&mut self, kind: Kind, key: &Key) {
        let table = self.tables.problems.entry(kind).or_default();
        if let Some(old) = table.take(key) {
            old.link(key, kind, &mut self.links, false);
            self.changed = true;
        }
    }

    /// Every database is to be built again.
    pub(in crate::cluster) fn touch_all(&mut self) {
        let keys = self.tables.mysqls.iter().map(|(key, _)| key.clone());
        self.links.databases.extend(keys);
    }
}
