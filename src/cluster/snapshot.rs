//! From facts to the [`Fleet`] that decisions are made on.
//!
//! Only what was touched since the last snapshot is built again; all else is shared with it. The
//! result is the same as if everything were built from scratch, and a property test holds that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::facts::certificate::certificate;
use super::facts::issuance::{IssuanceFacts, SigningCa};
use super::facts::issuer::IssuerFacts;
use super::facts::mysql::MySqlFacts;
use super::facts::recommendation::Progress;
use super::facts::request::Kept;
use super::stores::{Kind, ProblemFacts, Program, Stores, Table, issuer_key};
use crate::core::fleet::{
    Alias, Certificate, Database, DatabasePhase, Fleet, Issuer, IssuerKey, Key, Pod,
    Recommendation, RecommendationProgress, Request, Text, Topology,
};
use crate::core::policy::{Match, Policy};
use crate::core::time::Span;

/// What a snapshot contains besides what the cluster shows.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The id of this installation.
    pub installation: Option<Text>,
    /// Other installations whose Lease is known to be gone.
    pub dead_installations: BTreeSet<Text>,
    /// Whether this process holds the lease.
    pub leader: bool,
    /// How far the apiserver's clock is ahead of ours.
    pub clock_offset: Span,
    /// Whether certrotor's own executor carries out the requests.
    pub own_executor: bool,
    /// The policy: it says which databases are watched.
    pub policy: &'a Policy,
}

/// What the last snapshot was made of.
#[derive(Debug, Default)]
pub(super) struct Built {
    databases: BTreeMap<Key, Arc<Database>>,
    issuers: BTreeMap<IssuerKey, Issuer>,
    /// The databases that are being backed up or restored.
    busy: BTreeSet<Key>,
    watch: Match,
}

impl Stores {
    /// The fleet as it is known now.
    pub fn snapshot(&mut self, context: &Context<'_>) -> Fleet {
        if self.built.watch != context.policy.watch {
            self.built.watch.clone_from(&context.policy.watch);
            self.touch_all();
        }
        self.look_at_backups();
        self.build_databases();
        self.build_issuers();
        self.clean();
        Fleet {
            installation: context.installation.clone(),
            dead_installations: context.dead_installations.clone(),
            leader: context.leader,
            clock_offset: context.clock_offset,
            own_executor: context.own_executor,
            databases: self.built.databases.clone(),
            issuers: self.built.issuers.clone(),
            slots: self.slots.clone(),
        }
    }

    fn look_at_backups(&mut self) {
        if !std::mem::take(&mut self.links.backups) {
            return;
        }
        let busy = self.busy();
        let changed = busy.symmetric_difference(&self.built.busy);
        self.links.databases.extend(changed.cloned());
        self.built.busy = busy;
    }

    /// A session names its configuration, and that names the database; KubeDB waits for both.
    fn busy(&self) -> BTreeSet<Key> {
        let table = |kind| self.tables.backups.get(&kind);
        let mut busy = BTreeSet::new();
        for program in [Program::KubeStash, Program::Stash] {
            let configurations = table(Kind::BackupConfiguration(program));
            let backups = table(Kind::BackupSession(program));
            let restores = table(Kind::RestoreSession(program));
            let sessions = [backups, restores].into_iter().flatten();
            for (key, session) in sessions.flat_map(Table::iter) {
                busy.extend(session.databases.iter().cloned());
                let configuration = session.started_by.as_ref().and_then(|name| {
                    configurations?.get(&Key {
                        namespace: Text::clone(&key.namespace),
                        name: Text::clone(name),
                    })
                });
                let named = configuration.map(|configuration| configuration.databases.iter());
                busy.extend(named.into_iter().flatten().cloned());
            }
        }
        busy
    }

    fn build_databases(&mut self) {
        for key in std::mem::take(&mut self.links.databases) {
            let Some(database) = self.database(&key) else {
                self.built.databases.remove(&key);
                continue;
            };
            match self.built.databases.get(&key) {
                Some(old) if **old == database => {}
                _ => {
                    self.built.databases.insert(key, Arc::new(database));
                }
            }
        }
    }

    fn database(&self, key: &Key) -> Option<Database> {
        let rotation = self.tables.rotations.get(key);
        let malformed = self.malformation(key);
        let mut database = match self.tables.mysqls.get(key) {
            Some(facts) => self.readable(key, facts),
            None => unreadable(self.problem(Kind::MySql, key)?),
        };
        database.malformed = malformed;
        database.selected = self.built.watch.matches(&key.namespace, &database.labels);
        database.rotation = rotation.and_then(|facts| facts.rotation().cloned());
        Some(database)
    }

    fn readable(&self, key: &Key, facts: &MySqlFacts) -> Database {
        let requests = || {
            let keys = self.links.requests.of(key);
            keys.filter_map(|key| Some((self.tables.requests.get(&key)?, key.name)))
        };
        let whole = requests().filter_map(|(request, name)| match &request.kept {
            Kept::Whole(request) => Some((name, (**request).clone())),
            Kept::Reconfigured(_) | Kept::Nothing => None,
        });
        let whole: BTreeMap<Text, Request> = whole.collect();
        let labels = facts.labels.iter();
        let labels = labels.map(|(key, value)| (Text::clone(key), Text::clone(value)));
        Database {
            uid: Text::clone(&facts.uid),
            created: facts.created,
            labels: labels.collect(),
            topology: facts.topology,
            replicas: facts.replicas,
            phase: facts.phase,
            malformed: None,
            halted: facts.halted,
            paused: facts.paused,
            deleting: facts.deleting,
            auto_ops_disabled: facts.auto_ops_disabled,
            backup_running: self.built.busy.contains(key),
            recommendation: self.recommendation(key, &whole),
            selected: false,
            tls: !facts.certificates.is_empty(),
            certificates: self.certificates(key, facts),
            pods: self.pods(key),
            probed: self.probed,
            requests: whole,
            last_reconfigured: requests().filter_map(|(request, _)| request.reconfigured()).max(),
            rotation: None,
        }
    }

    fn certificates(&self, key: &Key, facts: &MySqlFacts) -> BTreeMap<Alias, Certificate> {
        let listed = self.is_listed(Kind::Certificate, Some(&key.namespace));
        let certificates = facts.certificates.iter().map(|wanted| {
            let place = Key {
                namespace: Text::clone(&key.namespace),
                name: Text::clone(&wanted.certificate),
            };
            let facts = self.tables.certificates.get(&place);
            // One that is there and cannot be read is not missing.
            let listed = listed && self.problem(Kind::Certificate, &place).is_none();
            let issuances = self.issuances(&place);
            let built = certificate(wanted, facts, issuances, listed);
            (wanted.alias.clone(), built)
        });
        certificates.collect()
    }

    fn issuances<'a>(
        &'a self,
        certificate: &'a Key,
    ) -> impl Iterator<Item = &'a IssuanceFacts> + Clone {
        let keys = self.links.issuances.of(certificate);
        keys.filter_map(|key| self.tables.issuances.get(&key))
    }

    fn pods(&self, key: &Key) -> BTreeMap<Text, Pod> {
        let pods = self.links.pods.of(key).filter_map(|place| {
            let facts = self.tables.pods.get(&place)?;
            let seen = self.sightings.get(&place).into_iter().flatten();
            let seen = seen.filter(|sighting| sighting.pod_uid == facts.uid);
            let pod = Pod {
                uid: Text::clone(&facts.uid),
                started: facts.started,
                ready: facts.ready,
                address: facts.address,
                node: facts.node,
                seen: seen.cloned().collect(),
                missed: self.missed.get(&place).filter(|it| it.pod_uid == facts.uid).cloned(),
            };
            Some((place.name, pod))
        });
        pods.collect()
    }

    /// One that is being carried out before one that is approved, and of these the one that
    /// speaks longest.
    fn recommendation(
        &self,
        key: &Key,
        requests: &BTreeMap<Text, Request>,
    ) -> Option<Recommendation> {
        let places = self.links.recommendations.of(key);
        let speaking = places.filter_map(|place| {
            let facts = self.tables.recommendations.get(&place)?;
            let progress = match &facts.progress {
                Progress::Idle => return None,
                Progress::Approved(until) => RecommendationProgress::Approved { until: *until },
                Progress::InProgress(request) => {
                    let active = |name: &Text| {
                        let request = requests.get(name);
                        request.is_some_and(|request| !request.phase.is_terminal())
                    };
                    if !request.as_ref().is_none_or(active) {
                        return None;
                    }
                    RecommendationProgress::InProgress
                }
            };
            Some(Recommendation { name: place.name, progress })
        });
        let lasting = |recommendation: &Recommendation| match recommendation.progress {
            RecommendationProgress::InProgress => (2, None),
            RecommendationProgress::Approved { until: None } => (1, None),
            RecommendationProgress::Approved { until } => (0, until),
        };
        speaking.max_by_key(lasting)
    }

    fn problem(&self, kind: Kind, key: &Key) -> Option<&ProblemFacts> {
        self.tables.problems.get(&kind)?.get(key)
    }

    /// Why not all that belongs to a database could be read: a request that is not understood may
    /// be an active one, a Rotation may hold an open record.
    fn malformation(&self, key: &Key) -> Option<Text> {
        let said = |what: &str, error: &Text| Text::from(format!("{what}: {error}"));
        let mysql = self.problem(Kind::MySql, key);
        let mysql = mysql.map(|problem| said("MySQL", &problem.error));
        let rotation = self.problem(Kind::Rotation, key).map(|problem| &problem.error);
        let unreadable = || self.tables.rotations.get(key)?.unreadable();
        let rotation = rotation.or_else(unreadable);
        let requests = self.tables.problems.get(&Kind::OpsRequest);
        let request = || {
            let mut problems = requests?.iter();
            let of_this = problems.find(|(place, problem)| {
                problem.database(place, Kind::OpsRequest).as_ref() == Some(key)
            });
            of_this.map(|(_, problem)| said("MySQLOpsRequest", &problem.error))
        };
        mysql.or_else(|| rotation.map(|error| said("Rotation", error))).or_else(request)
    }

    fn build_issuers(&mut self) {
        let bereft = std::mem::take(&mut self.links.bereft);
        if !bereft.is_empty() {
            for (key, facts) in self.tables.issuances.iter() {
                if facts.issuer.as_ref().is_some_and(|issuer| bereft.contains(issuer)) {
                    self.links.consider(key, facts);
                }
            }
        }
        for key in std::mem::take(&mut self.links.issuers) {
            match self.issuer(&key) {
                Some(issuer) => self.built.issuers.insert(key, issuer),
                None => self.built.issuers.remove(&key),
            };
        }
    }

    fn issuer(&self, key: &IssuerKey) -> Option<Issuer> {
        let (table, kind) = match &key.namespace {
            Some(_) => (&self.tables.issuers, Kind::Issuer),
            None => (&self.tables.cluster_issuers, Kind::ClusterIssuer),
        };
        let place = Key {
            namespace: key.namespace.clone().unwrap_or_else(|| Text::from("")),
            name: Text::clone(&key.name),
        };
        let facts = table.get(&place).filter(|_| issuer_key(&place, kind) == *key)?;
        let ca = self.ca(key, facts);
        Some(Issuer {
            ready: facts.ready,
            comparable: facts.ca_secret.is_some(),
            ca_key: ca.map(|ca| ca.key),
            ca_not_after: ca.map(|ca| ca.not_after),
        })
    }

    /// The CA that an issuer signs with now: what cert-manager put into its Secret, else what
    /// signed the newest certificate it issued.
    fn ca(&self, key: &IssuerKey, facts: &IssuerFacts) -> Option<SigningCa> {
        let secret = facts.ca_secret.as_ref()?;
        let signed = || {
            let newest = self.links.newest(key)?;
            self.tables.issuances.get(newest)?.signing_ca()
        };
        self.stored_ca(key, secret).or_else(signed)
    }

    /// The CA in a Secret, by the Certificate that is stored there. Only where cert-manager itself
    /// reads that Secret: of a tenant's of the same name nothing must follow for others.
    fn stored_ca(&self, key: &IssuerKey, secret: &Text) -> Option<SigningCa> {
        let cluster: &str = &self.settings.cluster_resource_namespace;
        let namespace = key.namespace.as_deref().unwrap_or(cluster);
        let place = Key { namespace: namespace.into(), name: Text::clone(secret) };
        let mut certificates = self.links.ca_certificates.of(&place);
        let certificate = certificates.next()?;
        // Two Certificates that fight for one Secret: nobody knows whose is in it.
        if certificates.next().is_some() {
            return None;
        }
        let facts = self.tables.certificates.get(&certificate)?;
        let (_, leaf) = facts.current_leaf(self.issuances(&certificate))?;
        Some(SigningCa { key: leaf.own_key?, not_after: leaf.id.not_after })
    }
}

/// A database of which only the name is known.
fn unreadable(problem: &ProblemFacts) -> Database {
    Database {
        uid: Text::clone(&problem.uid),
        created: problem.created,
        labels: BTreeMap::new(),
        topology: Topology::Standalone,
        replicas: 0,
        phase: DatabasePhase::Unknown,
        malformed: None,
        halted: false,
        paused: false,
        deleting: false,
        auto_ops_disabled: false,
        backup_running: false,
        recommendation: None,
        selected: false,
        tls: false,
        certificates: BTreeMap::new(),
        pods: BTreeMap::new(),
        probed: false,
        requests: BTreeMap::new(),
        last_reconfigured: None,
        rotation: None,
    }
}

#[cfg(test)]
mod tests;
