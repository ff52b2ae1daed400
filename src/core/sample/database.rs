//! One database.

use super::{
    Alias, BTreeMap, Certificate, Current, Database, DatabasePhase, Digest, Fleet, INSTALLATION,
    Issued, IssuedLeaf, Key, NOW, Plan, Pod, Policy, Record, Request, Rotation, Shown, Sighting,
    SlotTable, Span, Text, Topology, Wishes, WritePoint, at, fleet, issued, issuer, key, leaf, uid,
};

/// A database in the making: `Db::named("prod/orders").lives("-80d..+10d")`.
///
/// Unless told otherwise it is a Ready standalone server with three fresh certificates, which it
/// serves, and with a Rotation of ours that says nothing yet.
#[derive(Clone, Debug)]
pub struct Db {
    /// Its namespace and name.
    pub key: Key,
    /// All the rest.
    pub database: Database,
}

impl Db {
    /// A database of that name, `namespace/name`.
    pub fn named(name: &str) -> Self {
        let key = key(name);
        let aliases = [Alias::Server, Alias::Client, Alias::MetricsExporter];
        let certificate = |alias: Alias| {
            let certificate = Certificate {
                name: format!("{}-{alias}-cert", key.name).into(),
                issuer: issuer(&key.namespace, "ca"),
                issued: issued("-10d..+80d"),
                issuing_since: None,
                failed_at: None,
                renewal_time: None,
                names_lacking: Vec::new(),
                spec_digest: Digest(1),
            };
            (alias, certificate)
        };
        let database = Database {
            uid: uid(name),
            created: at("-100d"),
            labels: BTreeMap::new(),
            topology: Topology::Standalone,
            replicas: 1,
            phase: DatabasePhase::Ready,
            malformed: None,
            halted: false,
            paused: false,
            deleting: false,
            auto_ops_disabled: false,
            backup_running: false,
            recommendation: None,
            selected: true,
            tls: true,
            certificates: aliases.map(certificate).into(),
            probed: false,
            pods: BTreeMap::new(),
            requests: BTreeMap::new(),
            last_reconfigured: None,
            rotation: Some(Rotation {
                uid: "rotation".into(),
                resource_version: "1".into(),
                generation: None,
                wishes: Wishes::default(),
                record: Record {
                    installation: Some(INSTALLATION.into()),
                    database_uid: Some(uid(name)),
                    ..Record::default()
                },
                shown: Shown::default(),
            }),
        };
        Self { key, database }.servers(1)
    }

    /// Changed in any way.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Database)) -> Self {
        change(&mut self.database);
        self
    }

    /// With so many servers, all started after the server certificate was issued.
    #[must_use]
    pub fn servers(mut self, replicas: u32) -> Self {
        let issued = self.database.issued_server_leaf();
        let started = issued.map(|leaf| leaf.issued_at + Span::MINUTE);
        let pod = |index: u32| {
            let pod = Pod {
                uid: format!("pod {index}").into(),
                started: started.or(Some(at("-1d"))),
                ready: true,
                address: None,
                node: None,
                seen: Vec::new(),
                missed: None,
            };
            (format!("{}-{index}", self.key.name).into(), pod)
        };
        self.database.replicas = replicas;
        self.database.pods = (0..replicas).map(pod).collect();
        self
    }

    /// Each of its certificates lives from one moment to another; the servers started after.
    #[must_use]
    pub fn lives(mut self, life: &str) -> Self {
        for certificate in self.database.certificates.values_mut() {
            certificate.issued = issued(life);
        }
        let replicas = self.database.replicas;
        self.servers(replicas)
    }

    /// One of its certificates, changed.
    #[must_use]
    pub fn certificate(self, alias: &Alias, change: impl FnOnce(&mut Certificate)) -> Self {
        self.with(|database| {
            change(database.certificates.get_mut(alias).expect("a certificate"));
        })
    }

    /// Its issued server leaf, changed.
    #[must_use]
    pub fn server_leaf(self, change: impl FnOnce(&mut IssuedLeaf)) -> Self {
        self.certificate(&Alias::Server, |certificate| match &mut certificate.issued {
            Issued::Leaf(leaf) => change(leaf),
            Issued::Unknown | Issued::Missing | Issued::Malformed(_) => panic!("no leaf"),
        })
    }

    /// A pod, changed.
    #[must_use]
    pub fn pod(self, index: u32, change: impl FnOnce(&mut Pod)) -> Self {
        let name = format!("{}-{index}", self.key.name);
        self.with(|database| change(database.pods.get_mut(&*name).expect("a pod")))
    }

    /// The wire probe saw a leaf on a server: first look at that moment, another a minute later.
    #[must_use]
    pub fn seen_twice(self, index: u32, began: &str, life: &str) -> Self {
        let look = |pod: &Pod, began| Sighting {
            began,
            pod_uid: Text::clone(&pod.uid),
            leaf: Some(leaf(life)),
            trusted: None,
        };
        self.pod(index, |pod| {
            let looks = [at(began), at(began) + Span::MINUTE].map(|began| look(pod, began));
            pod.seen.extend(looks);
        })
    }

    /// Its record, changed.
    #[must_use]
    pub fn record(self, change: impl FnOnce(&mut Record)) -> Self {
        self.rotation(|rotation| change(&mut rotation.record))
    }

    /// What people wish for it, changed.
    #[must_use]
    pub fn wishes(self, change: impl FnOnce(&mut Wishes)) -> Self {
        self.rotation(|rotation| change(&mut rotation.wishes))
    }

    /// An open rotation, changed.
    #[must_use]
    pub fn current(self, change: impl FnOnce(&mut Current)) -> Self {
        self.record(|record| change(record.current.as_mut().expect("an open rotation")))
    }

    fn rotation(self, change: impl FnOnce(&mut Rotation)) -> Self {
        self.with(|database| change(database.rotation.as_mut().expect("a Rotation")))
    }

    /// A MySQLOpsRequest that names it.
    #[must_use]
    pub fn request(self, name: &str, request: Request) -> Self {
        self.with(|database| {
            database.requests.insert(name.into(), request);
        })
    }

    /// The record that the plan writes for it, alone in its fleet, at [`NOW`]; then the next, as
    /// long as it writes records, up to and without its first act.
    #[must_use]
    pub fn up_to(self, point: WritePoint, policy: &Policy) -> Self {
        let name = self.key.to_string();
        let mut fleet = fleet([self]);
        for _ in 0..20 {
            let plan = super::super::plan::plan(&fleet, policy, NOW);
            if plan.writes(&name) == Some(point) {
                break;
            }
            carry_out(&mut fleet, &plan);
        }
        let plan = super::super::plan::plan(&fleet, policy, NOW);
        assert_eq!(plan.writes(&name), Some(point), "{plan:#?}");
        let key = key(&name);
        let database = fleet.sample(&name).clone();
        Self { key, database }
    }
}

/// Writes what a plan says of records and slots; requests are left to the test.
pub fn carry_out(fleet: &mut Fleet, plan: &Plan) {
    if let Some(change) = &plan.slots {
        fleet.slots =
            SlotTable::Known { resource_version: "1".into(), slots: change.slots.clone() };
    }
    for step in &plan.steps {
        if let crate::core::rotation::Write::Record { record, .. } = &step.write {
            fleet.change(&step.key.to_string(), |database| {
                if let Some(rotation) = &mut database.rotation {
                    rotation.record = (**record).clone();
                }
            });
        }
    }
}
