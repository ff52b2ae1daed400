//! The objects, the log of every change to them, and nothing that waits.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::call::Verb;
use super::kind::{Kind, Registry};
use super::object;
use crate::core::time::Time;

/// Where an object is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// `<plural>.<group>`, or the plural alone for the core group.
    pub resource: Arc<str>,
    /// Empty for cluster-scoped objects.
    pub namespace: String,
    /// The object's name.
    pub name: String,
}

/// One change of one object.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The resourceVersion that the change has made; they grow by one from change to change.
    pub revision: u64,
    /// When it was made, on the server's clock.
    pub time: Time,
    /// Who has made it.
    pub by: Author,
    /// The request that has made it.
    pub verb: Verb,
    /// The subresource that the request named; empty for the object itself.
    pub subresource: String,
    /// Which object.
    pub key: Key,
    /// What it was; none when it was created.
    pub before: Option<Arc<Value>>,
    /// What it is; none when it was deleted.
    pub after: Option<Arc<Value>>,
    /// The same moment as `time` on tokio's clock, for watches that lag.
    pub(super) at: Instant,
}

/// Who has made a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Author {
    /// The user that the connection was made as.
    pub user: String,
    /// The field manager, or what the user agent says.
    pub manager: String,
}

impl Commit {
    /// The object, as it is or, when it was deleted, as it last was.
    pub fn object(&self) -> &Value {
        const NOTHING: &Value = &Value::Null;
        let object = self.after.as_ref().or(self.before.as_ref());
        object.map_or(NOTHING, |object| object.as_ref())
    }
}

/// All objects, and how they came to be.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) registry: Registry,
    objects: BTreeMap<Key, Arc<Value>>,
    revision: u64,
    log: VecDeque<Commit>,
    /// How many commits are kept.
    keep: usize,
    /// Up to this revision nothing can be watched or listed any more.
    compacted: u64,
    names_made: u64,
    uids_made: u64,
}

/// How a change is entered in the log.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) time: Time,
    pub(super) by: Author,
    pub(super) verb: Verb,
    pub(super) subresource: String,
}

impl Store {
    /// An empty store that remembers its last `keep` changes.
    pub(super) fn new(keep: usize) -> Self {
        Self {
            registry: Registry::builtin(),
            objects: BTreeMap::new(),
            // A list's resourceVersion is never 0: that would mean "any".
            revision: 1,
            log: VecDeque::new(),
            keep,
            compacted: 0,
            names_made: 0,
            uids_made: 0,
        }
    }

    /// Another store with the same objects, as of now: history begins with it.
    pub(super) fn fork(&self) -> Self {
        Self {
            registry: self.registry.clone(),
            objects: self.objects.clone(),
            log: VecDeque::new(),
            compacted: self.revision,
            ..*self
        }
    }

    /// Writes an object. Its resourceVersion is set, and the object given back as it is stored.
    pub(super) fn put(&mut self, key: &Key, mut value: Value, entry: Entry) -> Arc<Value> {
        self.revision += 1;
        let version = json!(self.revision.to_string());
        object::set_meta(&mut value, "resourceVersion", Some(version));
        let after = Arc::new(value);
        let before = self.objects.insert(key.clone(), Arc::clone(&after));
        self.enter(key, before, Some(Arc::clone(&after)), entry);
        after
    }

    /// Removes an object, and gives back what it was.
    pub(super) fn remove(&mut self, key: &Key, entry: Entry) -> Option<Arc<Value>> {
        let before = self.objects.remove(key)?;
        self.revision += 1;
        self.enter(key, Some(Arc::clone(&before)), None, entry);
        Some(before)
    }

    fn enter(
        &mut self,
        key: &Key,
        before: Option<Arc<Value>>,
        after: Option<Arc<Value>>,
        entry: Entry,
    ) {
        self.log.push_back(Commit {
            revision: self.revision,
            time: entry.time,
            by: entry.by,
            verb: entry.verb,
            subresource: entry.subresource,
            key: key.clone(),
            before,
            after,
            at: Instant::now(),
        });
    }

    /// Forgets what is more than is kept. Not before everybody has acted on it.
    pub(super) fn trim(&mut self) {
        while self.log.len() > self.keep {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.log.pop_front() {
            self.compacted = self.compacted.max(oldest.revision);
        }
    }

    /// Makes every watch and every list that needs history fail with 410. The log stays.
    pub(super) fn compact(&mut self) {
        self.compacted = self.revision;
    }

    /// A uid that no object has had.
    pub(super) fn next_uid(&mut self) -> String {
        self.uids_made += 1;
        format!("00000000-0000-4000-8000-{:012x}", self.uids_made)
    }

    /// Five characters, as `generateName` has them, that have not been given out lately.
    pub(super) fn next_suffix(&mut self) -> String {
        const SIGNS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
        const COUNT: u64 = 27 * 27 * 27 * 27 * 27;
        self.names_made += 1;
        // Walks through all suffixes in an order that does not look like counting.
        let mut rest = (self.names_made * 7_654_321 + 1_234_567) % COUNT;
        let mut suffix = String::new();
        for _ in 0..5 {
            let sign = usize::try_from(rest % 27).unwrap_or(0);
            suffix.push(char::from(SIGNS[sign]));
            rest /= 27;
        }
        suffix
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.objects.get(key)
    }

    /// The newest resourceVersion.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// The resourceVersion up to which the history is gone.
    pub(super) fn compacted(&self) -> u64 {
        self.compacted
    }

    /// Everything that is stored.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Key, &Arc<Value>)> {
        self.objects.iter()
    }

    /// The objects of a kind, in one namespace or, if that is empty, in all; by namespace and name.
    pub(super) fn list(&self, kind: &Kind, namespace: &str) -> Vec<(Key, Arc<Value>)> {
        let start = Key {
            resource: Arc::clone(&kind.stored_as),
            namespace: namespace.to_owned(),
            name: String::new(),
        };
        let range = self.objects.range(start..);
        let range = range.take_while(|(key, _)| {
            key.resource == kind.stored_as && (namespace.is_empty() || key.namespace == namespace)
        });
        range.map(|(key, object)| (key.clone(), Arc::clone(object))).collect()
    }

    /// The same as it was at an earlier revision; none when that is no longer known.
    pub(super) fn list_at(
        &self,
        kind: &Kind,
        namespace: &str,
        revision: u64,
    ) -> Option<Vec<(Key, Arc<Value>)>> {
        if revision < self.compacted {
            return None;
        }
        let mut objects: BTreeMap<Key, Arc<Value>> =
            self.list(kind, namespace).into_iter().collect();
        for commit in self.log.iter().rev() {
            if commit.revision <= revision {
                break;
            }
            let key = &commit.key;
            if key.resource != kind.stored_as
                || !(namespace.is_empty() || key.namespace == namespace)
            {
                continue;
            }
            match &commit.before {
                Some(before) => drop(objects.insert(key.clone(), Arc::clone(before))),
                None => drop(objects.remove(key)),
            }
        }
        Some(objects.into_iter().collect())
    }

    /// The changes after a revision, the oldest first.
    pub(super) fn changes_after(&self, revision: u64) -> impl Iterator<Item = &Commit> {
        let from = self.log.partition_point(|commit| commit.revision <= revision);
        self.log.range(from..)
    }
}
