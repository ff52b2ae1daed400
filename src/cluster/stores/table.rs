//! One kind's facts, by namespace and name, with what tells a newer object from an older one.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Bound;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::cluster::facts::uid;
use crate::core::fleet::{Key, Text};

/// How many deleted objects are remembered, so that a late answer to a write of our own does not
/// bring one back.
const BURIED: usize = 256;

/// Which object, and which version of it. The uid is kept as a hash: it is only compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Version {
    uid: u64,
    number: Option<u64>,
}

impl Version {
    pub(super) fn of(metadata: &ObjectMeta) -> Self {
        let mut hasher = DefaultHasher::new();
        uid(metadata).hash(&mut hasher);
        Self { uid: hasher.finish(), number: metadata.resource_version.as_deref().and_then(number) }
    }

    /// Whether both are of one object, and not of two that had the name after each other.
    pub(super) const fn is_same_object(self, other: Self) -> bool {
        self.uid == other.uid
    }

    fn is_newer_than(self, other: Self) -> bool {
        matches!((self.number, other.number), (Some(ours), Some(theirs)) if ours > theirs)
    }
}

/// resourceVersions of one apiserver are numbers that grow.
pub(super) fn number(resource_version: &str) -> Option<u64> {
    resource_version.parse().ok()
}

/// Objects that are gone for good.
#[derive(Debug, Default)]
pub(super) struct Graves(VecDeque<u64>);

impl Graves {
    pub(super) fn hold(&self, version: Version) -> bool {
        self.0.contains(&version.uid)
    }

    pub(super) fn bury(&mut self, version: Version) {
        if !self.hold(version) {
            self.0.truncate(BURIED - 1);
            self.0.push_front(version.uid);
        }
    }
}

#[derive(Debug)]
struct Entry<F> {
    version: Version,
    /// The listing during which it was last seen or changed.
    seen: u32,
    facts: F,
}

/// One kind's facts.
#[derive(Debug)]
pub(in crate::cluster) struct Table<F> {
    entries: BTreeMap<Key, Box<Entry<F>>>,
}

impl<F> Default for Table<F> {
    fn default() -> Self {
        Self { entries: BTreeMap::new() }
    }
}

impl<F> Table<F> {
    pub(in crate::cluster) fn get(&self, key: &Key) -> Option<&F> {
        self.entries.get(key).map(|entry| &entry.facts)
    }

    pub(in crate::cluster) fn iter(&self) -> impl Iterator<Item = (&Key, &F)> {
        self.entries.iter().map(|(key, entry)| (key, &entry.facts))
    }

    /// Whether this version is older than the one that is known. A listing is believed over what
    /// was known before it began, whatever the numbers say: after a restore of etcd they are
    /// smaller.
    pub(super) fn is_stale(&self, key: &Key, version: Version, listing: Option<u32>) -> bool {
        self.entries.get(key).is_some_and(|entry| {
            let before_listing = listing.is_some_and(|listing| entry.seen != listing);
            !before_listing && entry.version.is_newer_than(version)
        })
    }

    /// The version that is known.
    pub(super) fn version(&self, key: &Key) -> Option<Version> {
        self.entries.get(key).map(|entry| entry.version)
    }

    /// Puts facts in.
    pub(super) fn insert(&mut self, key: Key, version: Version, seen: u32, facts: F) {
        let entry = Entry { version, seen, facts };
        self.entries.insert(key, Box::new(entry));
    }

    /// Notes that the same facts are there in another version.
    pub(super) fn touch(&mut self, key: &Key, version: Version, seen: u32) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.version = version;
            entry.seen = seen;
        }
    }

    /// Takes it out.
    pub(super) fn take(&mut self, key: &Key) -> Option<F> {
        self.entries.remove(key).map(|entry| entry.facts)
    }

    /// What is in this namespace (or anywhere) and was not seen during that listing.
    pub(super) fn unseen(&self, namespace: Option<&Text>, listing: u32) -> Vec<Key> {
        let unseen = |(key, entry): (&Key, &Entry<F>)| (entry.seen != listing).then(|| key.clone());
        self.within(namespace).filter_map(unseen).collect()
    }

    /// What is in this namespace (or anywhere) and not newer than that version of the whole.
    pub(super) fn not_newer(&self, namespace: Option<&Text>, than: Option<u64>) -> Vec<Key> {
        let old = |(key, entry): (&Key, &Entry<F>)| {
            let newer =
                matches!((entry.version.number, than), (Some(ours), Some(list)) if ours > list);
            (!newer).then(|| key.clone())
        };
        self.within(namespace).filter_map(old).collect()
    }

    fn within(&self, namespace: Option<&Text>) -> impl Iterator<Item = (&Key, &Entry<F>)> {
        let start = namespace.map_or(Bound::Unbounded, |namespace| {
            Bound::Included(Key { namespace: Text::clone(namespace), name: Text::from("") })
        });
        let here = move |key: &Key| namespace.is_none_or(|namespace| key.namespace == *namespace);
        let range = self.entries.range((start, Bound::Unbounded));
        range.take_while(move |(key, _)| here(key)).map(|(key, entry)| (key, &**entry))
    }
}
