//! Reading what a decision needs, uncached.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use k8s_openapi::api::core::v1;
use kube::api::ListParams;

use super::decide::notes::{ISSUED, RESTARTED, SYNCED};
use super::decide::seen::{Certificate, Request, Secret, Seen};
use super::{Hand, facts, found};
use crate::api::cert_manager;
use crate::api::meta::is_deleting;
use crate::api::mysql::MySql;
use crate::api::ops_request::MySqlOpsRequest;
use crate::api::pod::{Pod, selector_of};
use crate::cluster::client::ApiFailure;
use crate::core::fleet::{RequestPhase, Text};

/// A request, as watches know it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'a> {
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
}

impl Hand {
    /// Everything about a request; nothing when it does not exist.
    pub(super) async fn look(&self, key: Key<'_>) -> Result<Option<Seen>, ApiFailure> {
        let requests = self.api::<MySqlOpsRequest>(key.namespace);
        let Some(object) = found(self.calls.run("get", requests.get(key.name)).await)? else {
            return Ok(None);
        };
        let request = facts::request(&object);
        let mut others = Vec::new();
        if request.phase.is_unstarted() {
            let all = self.calls.run("list", requests.list(&ListParams::default())).await?;
            let rivals = all.items.into_iter().filter(|it| {
                it.spec.database_ref == object.spec.database_ref
                    && it.metadata.name != object.metadata.name
            });
            others.extend(rivals.map(|it| facts::other(&it)));
        }
        let mysql = self.mysql(&request).await?;
        let mut seen = Seen {
            request,
            others,
            database: mysql.as_ref().map(facts::database),
            rival: self.rival.borrow().as_deref().map(Text::from),
            backup_running: false,
            certificates: Vec::new(),
            pods: BTreeMap::new(),
        };
        if let Some(mysql) = mysql {
            self.look_at_database(&mut seen, &mysql).await?;
        }
        Ok(Some(seen))
    }

    async fn mysql(&self, request: &Request) -> Result<Option<MySql>, ApiFailure> {
        // A GET without a name would be a list.
        if request.database.is_empty() {
            return Ok(None);
        }
        let api = self.api_with::<MySql>(&request.namespace, &self.mysql);
        let mysql = found(self.calls.run("get", api.get(&request.database)).await)?;
        Ok(mysql.filter(|mysql| !is_deleting(&mysql.metadata)))
    }

    /// Of what belongs to the database, only what the request is about to need.
    async fn look_at_database(&self, seen: &mut Seen, mysql: &MySql) -> Result<(), ApiFailure> {
        let progress = &seen.request.progress;
        let runs = seen.request.phase == RequestPhase::Progressing;
        let issues = !(runs && progress.has(SYNCED));
        let syncs = issues && progress.has(ISSUED);
        let restarts = runs && !issues && !progress.has(RESTARTED);
        let namespace = Text::clone(&seen.request.namespace);
        if issues {
            let aliases = mysql.aliases();
            let certificates =
                aliases.iter().map(|alias| self.certificate(mysql, alias, &namespace, syncs));
            seen.certificates = try_join_all(certificates).await?;
        }
        // After the Secrets: a pod that is made later starts with what they hold.
        if syncs || restarts {
            let pods = self.api::<Pod>(&namespace);
            let params = ListParams::default().labels(&selector_of(mysql.name()));
            let pods = self.calls.run("list", pods.list(&params)).await?.items;
            seen.pods = facts::pods(&pods, mysql.name());
        }
        if !runs {
            seen.backup_running = self.backup_running(&namespace, mysql.name()).await?;
        }
        Ok(())
    }

    async fn certificate(
        &self,
        mysql: &MySql,
        alias: &str,
        namespace: &str,
        with_secret: bool,
    ) -> Result<Certificate, ApiFailure> {
        let name = mysql.certificate_name(alias);
        let api = self.api::<cert_manager::Certificate>(namespace);
        let object = found(self.calls.run("get", api.get(&name)).await)?;
        let secret = if with_secret && object.is_some() {
            let api = self.api::<v1::Secret>(namespace);
            let secret = self.calls.run("get", api.get(&mysql.secret_name(alias))).await;
            facts::secret(found(secret)?.as_ref(), self.clock.now())
        } else {
            Secret::Unseen
        };
        let found = object.map(|object| facts::issued(&object, secret));
        Ok(Certificate { name: name.into(), found })
    }
}
