//! What is done for one database: read, decide, write, in this order and always all of it.

use std::sync::Arc;
use std::time::Duration;

use kube::runtime::controller::Action;
use serde_json::{Value, json};
use tracing::{debug, info};

use super::cluster::{Cluster, Found, Kind};
use super::database::Database;
use super::ownership::{Ownership, released_by};
use super::problem::Problem;
use super::{Settings, again_after, auth_secret, certificates, network, roles, status, workload};
use crate::api::cert_manager::{CERTIFICATE_NAME, Certificate};
use crate::api::desired::agrees;
use crate::api::meta;
use crate::api::mysql::MySql;
use crate::api::names;
use crate::api::pod::Pod;
use crate::clock::Clock;

/// How often a database is looked at without a cause: a deletion that happened while a watch was
/// being set up again is told by nobody.
const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// What every turn needs.
pub(super) struct Turns {
    pub(super) cluster: Cluster,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: Settings,
}

impl Turns {
    /// Makes a database what it should be, as far as it can be now.
    pub(super) async fn turn(&self, cached: &MySql) -> Result<Action, Problem> {
        let found = self.cluster.database(cached.namespace(), cached.name()).await?;
        let Some(database) = found.filter(|found| !meta::is_deleting(&found.mysql.metadata)) else {
            return Ok(Action::await_change());
        };
        let pods = self.cluster.pods(&database).await?;
        self.label(&database, &pods).await?;
        if !database.mysql.is_paused() {
            self.keep_and_tell(database, &pods).await?;
        }
        Ok(again_after(LOOK_AGAIN, cached))
    }

    async fn label(&self, database: &Database, pods: &[Pod]) -> Result<(), Problem> {
        let namespace = database.namespace();
        for (pod, role) in roles::changes(pods) {
            info!(namespace, pod, role = role.as_str(), "role");
            self.cluster.label_pod(namespace, &pod, roles::ROLE_LABEL, role.as_str()).await?;
        }
        Ok(())
    }

    async fn keep_and_tell(&self, database: Database, pods: &[Pod]) -> Result<(), Problem> {
        let Some(database) = self.with_tls_defaults(database).await? else {
            return Ok(());
        };
        let kept = if database.mysql.spec.halted {
            self.halt(&database).await
        } else {
            self.keep(&database).await
        };
        self.tell(&database, pods, kept.is_ok()).await?;
        kept
    }

    /// Does what KubeDB's mutating webhook does before an object is stored: a real cluster has it.
    async fn with_tls_defaults(&self, database: Database) -> Result<Option<Database>, Problem> {
        match certificates::tls_defaults(&database) {
            Some(change) => self.cluster.change_database(&database, change).await,
            None => Ok(Some(database)),
        }
    }

    async fn keep(&self, database: &Database) -> Result<(), Problem> {
        self.keep_auth_secret(database).await?;
        let issued = self.keep_certificates(database).await?;
        let standby = network::standby_service(database);
        let services = [network::primary_service(database), network::governing_service(database)];
        for service in services.into_iter().chain(standby) {
            self.cluster.ensure(Kind::Service, database, service).await?;
        }
        if let Some(budget) = network::disruption_budget(database) {
            self.cluster.ensure(Kind::PodDisruptionBudget, database, budget).await?;
        }
        self.keep_workload(database, issued).await?;
        // Until then pods that restart mount what an earlier spec wanted.
        if issued { self.remove_surplus(database).await } else { Ok(()) }
    }

    async fn keep_auth_secret(&self, database: &Database) -> Result<(), Problem> {
        let (namespace, name) = (database.namespace(), database.mysql.auth_secret_name());
        let goes_with = auth_secret::goes_with(database);
        let Some(found) = self.cluster.find(Kind::Secret, namespace, &name).await? else {
            if database.mysql.spec.auth_secret.externally_managed {
                debug!(namespace, name, "waiting for whoever manages the root user's Secret");
                return Ok(());
            }
            let mut secret = auth_secret::new(database, &self.settings.entropy)?;
            if goes_with {
                secret["metadata"]["ownerReferences"] = json!([database.owner]);
            }
            return self.cluster.create(Kind::Secret, &secret).await.map(drop);
        };
        if goes_with {
            return self.adopt_secret(found, database).await;
        }
        match released_by(&found.metadata, &database.owner) {
            Ownership::Wrong(owners) => {
                let change = json!({"metadata": {"ownerReferences": owners}});
                self.cluster.change(&found, &change).await.map(drop)
            }
            Ownership::Right | Ownership::Foreign(_) => Ok(()),
        }
    }

    /// Labels and owns a Secret that somebody else has made for the database.
    async fn adopt_secret(&self, found: Found, database: &Database) -> Result<(), Problem> {
        let desired = json!({"metadata": {"labels": database.labels()}});
        self.cluster.amend(found, database, desired).await.map(drop)
    }

    /// Keeps a Certificate for each alias, and says whether all of them are issued.
    async fn keep_certificates(&self, database: &Database) -> Result<bool, Problem> {
        let mut issued = true;
        for alias in database.mysql.aliases() {
            let addresses = &self.settings.addresses;
            let desired = certificates::certificate(database, alias, addresses)?;
            let Some(desired) = desired else { continue };
            let found = self.cluster.ensure(Kind::Certificate, database, desired).await?;
            let secret = database.mysql.secret_name(alias);
            let secret = self.cluster.find(Kind::Secret, database.namespace(), &secret).await?;
            issued &= secret.is_some() && is_issued(&found);
            if let Some(secret) = secret {
                self.adopt_secret(secret, database).await?;
            }
        }
        Ok(issued)
    }

    /// Servers start with certificates or not at all: until all are issued there is no
    /// `StatefulSet`, and one that is there keeps its template.
    async fn keep_workload(&self, database: &Database, issued: bool) -> Result<(), Problem> {
        let (namespace, name) = (database.namespace(), database.name());
        let found = self.cluster.find(Kind::StatefulSet, namespace, name).await?;
        let desired = workload::stateful_set(database, &self.settings.node);
        match found {
            Some(found) if issued => {
                let desired = workload::changeable(desired);
                self.cluster.amend(found, database, desired).await.map(drop)
            }
            Some(found) => {
                let desired = workload::scale(database);
                self.cluster.amend(found, database, desired).await.map(drop)
            }
            None if issued => {
                self.cluster.ensure(Kind::StatefulSet, database, desired).await.map(drop)
            }
            None => {
                debug!(namespace, name, "waiting for its certificates");
                Ok(())
            }
        }
    }

    /// Removes what an earlier spec wanted: Certificates, their Secrets, what only a database of
    /// several servers has.
    async fn remove_surplus(&self, database: &Database) -> Result<(), Problem> {
        let mysql = &database.mysql;
        let aliases = mysql.aliases();
        let wanted: Vec<String> =
            aliases.iter().map(|alias| mysql.certificate_name(alias)).collect();
        for found in self.cluster.belonging_to(Kind::Certificate, database).await? {
            if !wanted.iter().any(|wanted| wanted == found.name()) {
                self.remove(&found, database).await?;
            }
        }
        let wanted: Vec<String> = aliases.iter().map(|alias| mysql.secret_name(alias)).collect();
        for found in self.cluster.belonging_to(Kind::Secret, database).await? {
            let holds_certificate = meta::annotation(&found.metadata, CERTIFICATE_NAME).is_some();
            if holds_certificate && !wanted.iter().any(|wanted| wanted == found.name()) {
                self.remove(&found, database).await?;
            }
        }
        if mysql.replicas() <= 1 {
            let standby = names::standby_service(database.name());
            self.remove_named(Kind::Service, &standby, database).await?;
            self.remove_named(Kind::PodDisruptionBudget, database.name(), database).await?;
        }
        Ok(())
    }

    /// Removes all but Secrets and Certificates.
    async fn halt(&self, database: &Database) -> Result<(), Problem> {
        let name = database.name();
        let (standby, pods) = (names::standby_service(name), names::governing_service(name));
        for (kind, name) in [
            (Kind::StatefulSet, name),
            (Kind::PodDisruptionBudget, name),
            (Kind::Service, name),
            (Kind::Service, standby.as_str()),
            (Kind::Service, pods.as_str()),
        ] {
            self.remove_named(kind, name, database).await?;
        }
        Ok(())
    }

    async fn remove_named(
        &self,
        kind: Kind,
        name: &str,
        database: &Database,
    ) -> Result<(), Problem> {
        match self.cluster.find(kind, database.namespace(), name).await? {
            Some(found) => self.remove(&found, database).await,
            None => Ok(()),
        }
    }

    async fn remove(&self, found: &Found, database: &Database) -> Result<(), Problem> {
        if !found.is_kept_by(&database.owner) {
            return Ok(());
        }
        info!(namespace = database.namespace(), name = found.name(), "no longer wanted");
        self.cluster.delete(found).await
    }

    async fn tell(&self, database: &Database, pods: &[Pod], kept: bool) -> Result<(), Problem> {
        let status = status::status(database, pods, kept, self.clock.now());
        if agrees(&database.raw["status"], &status) {
            return Ok(());
        }
        if database.raw["status"]["phase"] != status["phase"] {
            let (namespace, name) = (database.namespace(), database.name());
            info!(namespace, name, phase = status["phase"].as_str(), "phase");
        }
        self.cluster.change_status(database, status).await
    }
}

/// Whether what a Certificate asks for now has been issued: its condition may speak of what it
/// asked for before.
fn is_issued(found: &Found) -> bool {
    let certificate: Certificate = read(&found.value);
    let ready = meta::condition(&certificate.status.conditions, "Ready");
    let observed = ready.and_then(|ready| ready.observed_generation);
    certificate.is_ready() && (observed.is_none() || observed >= found.metadata.generation)
}

fn read<T: serde::de::DeserializeOwned + Default>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_default()
}
