//! Which object speaks about which database or issuer, and which of those must be looked at again.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::Kind;
use super::problem::ProblemFacts;
use crate::cluster::facts::backup::BackupFacts;
use crate::cluster::facts::certificate::CertificateFacts;
use crate::cluster::facts::issuance::IssuanceFacts;
use crate::cluster::facts::issuer::IssuerFacts;
use crate::cluster::facts::mysql::MySqlFacts;
use crate::cluster::facts::pod::PodFacts;
use crate::cluster::facts::recommendation::RecommendationFacts;
use crate::cluster::facts::request::RequestFacts;
use crate::cluster::record::RotationFacts;
use crate::core::fleet::{IssuerKey, Key, Text};
use crate::core::time::Time;

/// In one namespace: a name → the names that belong to it.
#[derive(Debug, Default)]
pub(crate) struct Relation(BTreeSet<(Text, Text, Text)>);

impl Relation {
    fn set(&mut self, key: &Key, other: &Text, there: bool) {
        let clone = Text::clone;
        let entry = (clone(&key.namespace), clone(&key.name), clone(other));
        if there {
            self.0.insert(entry);
        } else {
            self.0.remove(&entry);
        }
    }

    /// What belongs to that name, in order.
    pub(crate) fn of<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = Key> + Clone + 'a {
        let start = (Text::clone(&key.namespace), Text::clone(&key.name), Text::from(""));
        let range = self.0.range((Bound::Included(start), Bound::Unbounded));
        range
            .take_while(|(namespace, name, _)| *namespace == key.namespace && *name == key.name)
            .map(|(namespace, _, other)| Key {
                namespace: Text::clone(namespace),
                name: Text::clone(other),
            })
    }
}

/// The issuance that an issuer signed last.
#[derive(Debug)]
struct Newest {
    at: Time,
    issuance: Key,
}

/// Who speaks about whom.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// A Certificate → the databases that want it.
    pub(crate) wanted_by: Relation,
    /// A Certificate → its `CertificateRequest`s.
    pub(crate) issuances: Relation,
    /// A database → its pods.
    pub(crate) pods: Relation,
    /// A database → its requests.
    pub(crate) requests: Relation,
    /// A database → the Recommendations for it.
    pub(crate) recommendations: Relation,
    /// A CA's Secret → the Certificates that are stored in it.
    pub(crate) ca_certificates: Relation,
    /// The name of a CA's Secret → the issuers that sign with it.
    ca_users: BTreeSet<(Text, IssuerKey)>,
    /// A Certificate of a CA → its Secret.
    ca_secrets: BTreeMap<Key, Text>,
    newest: BTreeMap<IssuerKey, Newest>,
    /// Issuers whose newest issuance is gone: the others must be searched for the next.
    pub(crate) bereft: BTreeSet<IssuerKey>,
    /// Databases to build again.
    pub(crate) databases: BTreeSet<Key>,
    /// Issuers to build again.
    pub(crate) issuers: BTreeSet<IssuerKey>,
    /// Something about backups has changed.
    pub(crate) backups: bool,
}

impl Links {
    /// The issuance that an issuer signed last.
    pub(crate) fn newest(&self, issuer: &IssuerKey) -> Option<&Key> {
        self.newest.get(issuer).map(|newest| &newest.issuance)
    }

    /// Considers an issuance for the newest of its issuer.
    pub(crate) fn consider(&mut self, key: &Key, facts: &IssuanceFacts) {
        let Some(issuer) = facts.issuer.as_ref().filter(|_| facts.signing_ca().is_some()) else {
            return;
        };
        let at = facts.ready_at.unwrap_or(facts.created);
        let known = self.newest.get(issuer);
        if known.is_none_or(|known| (known.at, &known.issuance) < (at, key)) {
            let issuance = key.clone();
            self.newest.insert(issuer.clone(), Newest { at, issuance });
            self.issuers.insert(issuer.clone());
        }
    }

    fn wanted_again(&mut self, certificate: &Key) {
        let wanted_by: Vec<Key> = self.wanted_by.of(certificate).collect();
        self.databases.extend(wanted_by);
    }

    /// Every issuer that signs with this Secret, wherever it is: which of them is meant is decided
    /// when they are built.
    fn ca_changed(&mut self, secret: &Text) {
        let start = Bound::Included((
            Text::clone(secret),
            IssuerKey { namespace: None, kind: Text::from(""), name: Text::from("") },
        ));
        let users = self.ca_users.range((start, Bound::Unbounded));
        let users = users.take_while(|(name, _)| name == secret);
        self.issuers.extend(users.map(|(_, issuer)| issuer.clone()));
    }

    fn touch_issuer(&mut self, issuer: &IssuerKey) {
        self.issuers.insert(issuer.clone());
    }
}

/// Facts that are about a database or an issuer.
pub(crate) trait Linked: PartialEq {
    /// Enters (or takes back) whom they are about, and marks those to be built again.
    fn link(&self, key: &Key, kind: Kind, links: &mut Links, there: bool);
}

impl Linked for MySqlFacts {
    fn link(&self, key: &Key, _: Kind, links: &mut Links, there: bool) {
        for wanted in &self.certificates {
            let certificate = Key {
                namespace: Text::clone(&key.namespace),
                name: Text::clone(&wanted.certificate),
            };
            links.wanted_by.set(&certificate, &key.name, there);
        }
        links.databases.insert(key.clone());
    }
}

impl Linked for RotationFacts {
    fn link(&self, key: &Key, _: Kind, links: &mut Links, _: bool) {
        links.databases.insert(key.clone());
    }
}

impl Linked for RequestFacts {
    fn link(&self, key: &Key, _: Kind, links: &mut Links, there: bool) {
        let database = in_namespace_of(key, &self.database);
        links.requests.set(&database, &key.name, there);
        links.databases.insert(database);
    }
}

impl Linked for CertificateFacts {
    fn link(&self, key: &Key, _: Kind, links: &mut Links, there: bool) {
        links.wanted_again(key);
        if let Some(secret) = &self.ca_secret {
            let place = in_namespace_of(key, secret);
            links.ca_certificates.set(&place, &key.name, there);
            links.ca_changed(secret);
            if there {
                links.ca_secrets.insert(key.clone(), Text::clone(secret));
            } else {
                links.ca_secrets.remove(key);
            }
        }
    }
}

impl Linked for IssuanceFacts {
    fn link(&self, key: &Key, _: Kind, links: &mut Links, there: bool) {
        if let Some(name) = &self.certificate {
            let certificate = in_namespace_of(key, name);
            links.issuances.set(&certificate, &key.name, there);
            links.wanted_again(&certificate);
            if let Some(secret) = links.ca_secrets.get(&certificate).cloned() {
                links.ca_changed(&secret);
            }
        }
        if there {
            links.consider(key, self);
        } else if let Some(issuer) = &self.issuer
            && links.newest(issuer) == Some(key)
        {
            links.newest.remove(issuer);
            links.bereft.insert(issuer.clone());
            links.touch_issuer(issuer);
        }
    }
}

impl Linked for IssuerFacts {
    fn link(&self, key: &Key, kind: Kind, links: &mut Links, there: bool) {
        let issuer = issuer_key(key, kind);
        if let Some(secret) = &self.ca_secret {
            let user = (Text::clone(secret), issuer.clone());
            if there {
                links.ca_users.insert(user);
            } else {
                links.ca_users.remove(&user);
            }
        }
        links.touch_issuer(&issuer);
    }
}

impl Linked for PodFacts {
    fn link(&self, key: &Key, _: Kind, links: &mut Links, there: bool) {
        if let Some(database) = &self.database {
            let database = in_namespace_of(key, database);
            links.pods.set(&database, &key.name, there);
            links.databases.insert(database);
        }
    }
}

impl Linked for RecommendationFacts {
    fn link(&self, key: &Key, _: Kind, links: &mut Links, there: bool) {
        if let Some(database) = &self.database {
            let database = in_namespace_of(key, database);
            links.recommendations.set(&database, &key.name, there);
            links.databases.insert(database);
        }
    }
}

impl Linked for BackupFacts {
    fn link(&self, _: &Key, _: Kind, links: &mut Links, _: bool) {
        links.backups = true;
    }
}

impl Linked for ProblemFacts {
    fn link(&self, key: &Key, kind: Kind, links: &mut Links, _: bool) {
        links.databases.extend(self.database(key, kind));
        links.wanted_again(key);
    }
}

fn in_namespace_of(key: &Key, name: &Text) -> Key {
    Key { namespace: Text::clone(&key.namespace), name: Text::clone(name) }
}

/// The issuer that an Issuer or `ClusterIssuer` object of that key is.
pub(crate) fn issuer_key(key: &Key, kind: Kind) -> IssuerKey {
    let namespaced = kind != Kind::ClusterIssuer;
    IssuerKey {
        namespace: namespaced.then(|| Text::clone(&key.namespace)),
        kind: if namespaced { "Issuer".into() } else { "ClusterIssuer".into() },
        name: Text::clone(&key.name),
    }
}
