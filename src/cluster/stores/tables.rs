//! The facts of every kind, each in its table.

use std::collections::BTreeMap;

use super::links::{Linked, Links};
use super::object::{Kind, Object};
use super::problem::ProblemFacts;
use super::table::{Table, Version};
use crate::cluster::facts::Texts;
use crate::cluster::facts::backup::BackupFacts;
use crate::cluster::facts::certificate::CertificateFacts;
use crate::cluster::facts::issuance::IssuanceFacts;
use crate::cluster::facts::issuer::IssuerFacts;
use crate::cluster::facts::mysql::MySqlFacts;
use crate::cluster::facts::pod::PodFacts;
use crate::cluster::facts::recommendation::RecommendationFacts;
use crate::cluster::facts::request::RequestFacts;
use crate::cluster::record::RotationFacts;
use crate::core::fleet::Key;

/// The facts of every kind.
#[derive(Debug, Default)]
pub(in crate::cluster) struct Tables {
    pub(in crate::cluster) mysqls: Table<MySqlFacts>,
    pub(in crate::cluster) requests: Table<RequestFacts>,
    pub(in crate::cluster) rotations: Table<RotationFacts>,
    pub(in crate::cluster) certificates: Table<CertificateFacts>,
    pub(in crate::cluster) issuances: Table<IssuanceFacts>,
    pub(in crate::cluster) issuers: Table<IssuerFacts>,
    pub(in crate::cluster) cluster_issuers: Table<IssuerFacts>,
    pub(in crate::cluster) pods: Table<PodFacts>,
    pub(in crate::cluster) recommendations: Table<RecommendationFacts>,
    pub(in crate::cluster) backups: BTreeMap<Kind, Table<BackupFacts>>,
    pub(in crate::cluster) problems: BTreeMap<Kind, Table<ProblemFacts>>,
}

/// Does the same with the table of whatever kind it is.
macro_rules! with_table {
    ($tables:expr, $kind:expr, |$table:ident| $body:expr) => {{
        let tables = $tables;
        match $kind {
            Kind::MySql => {
                let $table = &mut tables.mysqls;
                $body
            }
            Kind::OpsRequest => {
                let $table = &mut tables.requests;
                $body
            }
            Kind::Rotation => {
                let $table = &mut tables.rotations;
                $body
            }
            Kind::Certificate => {
                let $table = &mut tables.certificates;
                $body
            }
            Kind::CertificateRequest => {
                let $table = &mut tables.issuances;
                $body
            }
            Kind::Issuer => {
                let $table = &mut tables.issuers;
                $body
            }
            Kind::ClusterIssuer => {
                let $table = &mut tables.cluster_issuers;
                $body
            }
            Kind::Pod => {
                let $table = &mut tables.pods;
                $body
            }
            Kind::Recommendation => {
                let $table = &mut tables.recommendations;
                $body
            }
            Kind::BackupConfiguration(_) | Kind::BackupSession(_) | Kind::RestoreSession(_) => {
                let $table = tables.backups.entry($kind).or_default();
                $body
            }
        }
    }};
}

pub(super) use with_table;

/// Which object, in which version, and how it came to be known.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) kind: Kind,
    pub(super) key: Key,
    pub(super) version: Version,
    /// The number of the listing that is under way, or 0.
    pub(super) seen: u32,
}

impl Tables {
    /// Enters an object. Says whether anything changed.
    pub(super) fn enter(
        &mut self,
        object: &Object,
        arrival: Arrival,
        links: &mut Links,
        texts: &mut Texts,
    ) -> bool {
        match object {
            Object::MySql(it) => put(&mut self.mysqls, links, arrival, MySqlFacts::of(it, texts)),
            Object::OpsRequest(it) => {
                put(&mut self.requests, links, arrival, RequestFacts::of(it, texts))
            }
            Object::Rotation(it) => {
                put(&mut self.rotations, links, arrival, RotationFacts::of(it, texts))
            }
            Object::Certificate(it) => {
                put(&mut self.certificates, links, arrival, CertificateFacts::of(it, texts))
            }
            Object::CertificateRequest(it) => {
                put(&mut self.issuances, links, arrival, IssuanceFacts::of(it, texts))
            }
            Object::Issuer(it) => {
                let facts = IssuerFacts::of(&it.spec, &it.status, texts);
                put(&mut self.issuers, links, arrival, facts)
            }
            Object::ClusterIssuer(it) => {
                let facts = IssuerFacts::of(&it.spec, &it.status, texts);
                put(&mut self.cluster_issuers, links, arrival, facts)
            }
            Object::Pod(it) => put(&mut self.pods, links, arrival, PodFacts::of(it, texts)),
            Object::Recommendation(it) => {
                let facts = RecommendationFacts::of(it, texts);
                put(&mut self.recommendations, links, arrival, facts)
            }
            Object::BackupConfiguration(_, it) => {
                self.backup(links, arrival, BackupFacts::of_configuration(it, texts))
            }
            Object::BackupSession(_, it) => {
                self.backup(links, arrival, BackupFacts::of_backup(it, texts))
            }
            Object::RestoreSession(_, it) => {
                self.backup(links, arrival, BackupFacts::of_restore(it, texts))
            }
        }
    }

    fn backup(&mut self, links: &mut Links, arrival: Arrival, facts: BackupFacts) -> bool {
        let table = self.backups.entry(arrival.kind).or_default();
        put(table, links, arrival, facts)
    }
}

/// Enters facts, unless they are there already. Says whether anything changed.
pub(super) fn put<F: Linked>(
    table: &mut Table<F>,
    links: &mut Links,
    arrival: Arrival,
    facts: F,
) -> bool {
    let Arrival { kind, key, version, seen } = arrival;
    if table.get(&key) == Some(&facts) {
        table.touch(&key, version, seen);
        return false;
    }
    if let Some(old) = table.get(&key) {
        old.link(&key, kind, links, false);
    }
    facts.link(&key, kind, links, true);
    table.insert(key, version, seen, facts);
    true
}
