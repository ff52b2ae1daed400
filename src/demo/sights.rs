//! What was seen on the wire: which certificate each server presents.

use std::collections::BTreeMap;

use crate::core::fleet::{Alias, Database, Key, LeafId, Pod, Text};
use crate::core::record::Last;
use crate::core::time::Time;

/// What one server presented when it was looked at last.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sight {
    /// The pod that was looked at: another one of its name presents another certificate.
    pub(super) pod_uid: Text,
    /// When its mysqld was started: it loads the certificate then, and never again.
    pub(super) started: Option<Time>,
    /// The certificate.
    pub(super) leaf: LeafId,
}

impl Sight {
    /// Whether it still says what the server presents.
    pub(super) fn is_of(&self, pod: &Pod) -> bool {
        self.pod_uid == pod.uid && self.started == pod.started
    }
}

/// What was seen of every server, by namespace and pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sights(BTreeMap<(Text, Text), Sight>);

impl Sights {
    /// Notes what a server presents, and gives what it presented before.
    pub(super) fn note(&mut self, key: &Key, pod: &Text, sight: Sight) -> Option<Sight> {
        self.0.insert((Text::clone(&key.namespace), Text::clone(pod)), sight)
    }

    /// What a server presented when it was looked at last.
    pub(super) fn last(&self, key: &Key, pod: &Text) -> Option<&Sight> {
        self.0.get(&(Text::clone(&key.namespace), Text::clone(pod)))
    }

    /// What each of the servers that a database should have presents; none: it is down, or nobody
    /// has looked yet.
    pub(super) fn of(&self, key: &Key, database: &Database) -> Vec<Option<&Sight>> {
        let seen = servers(key, database).map(|name| {
            let pod = database.pods.get(&name).filter(|pod| pod.ready)?;
            self.last(key, &name).filter(|sight| sight.is_of(pod))
        });
        seen.collect()
    }

    /// The certificate that ends first of those that its servers presented last: what clients met.
    pub(super) fn met(&self, key: &Key, database: &Database) -> Option<LeafId> {
        let last = servers(key, database).filter_map(|name| Some(self.last(key, &name)?.leaf));
        last.min_by_key(|leaf| leaf.not_after)
    }

    /// Whether every server presents the certificate that this rotation produced.
    pub(super) fn show_produced(&self, key: &Key, database: &Database, last: &Last) -> bool {
        let Some(produced) = last.produced.get(&Alias::Server) else {
            return false;
        };
        let seen = self.of(key, database);
        !seen.is_empty()
            && seen.iter().all(|sight| sight.is_some_and(|it| !it.leaf.differs_from(produced)))
    }
}

/// The names of the pods that a database should have.
fn servers(key: &Key, database: &Database) -> impl Iterator<Item = Text> {
    (0..database.replicas).map(|ordinal| format!("{}-{ordinal}", key.name).into())
}
