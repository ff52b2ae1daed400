//! Reading what a decision needs, uncached.

use std::collections::BTreeMap;
use std::net::IpAddr;

use futures::future::try_join_all;
use k8s_openapi::api::core::v1;
use kube::api::ListParams;
use kube::core::{DynamicObject, ObjectMeta};
use serde_json::Value;

use super::authorities::Told;
use super::decide::notes::{
    ISSUED, PAUSED, PUBLISHED, READY, RELOADED, RESTARTED, SYNCED, TEMPLATE, TRUSTED, UPDATED,
};
use super::decide::seen::{
    Authorities, Certificate, Leftover, LeftoverKind, Operation, Request, Secret, Seen, Template,
    Unfit,
};
use super::wanted::{Plan, template_agrees};
use super::{Hand, Servers, facts, fixed, found};
use crate::api::cert_manager::{self, CERTIFICATE_NAME, ClusterIssuer, Issuer};
use crate::api::meta::{self, is_deleting};
use crate::api::mysql::MySql;
use crate::api::names;
use crate::api::ops_request::MySqlOpsRequest;
use crate::api::pod::{Pod, selector_of};
use crate::api::resources::{CERTIFICATE, WORKLOADS};
use crate::api::tls::IssuerRef;
use crate::cluster::client::ApiFailure;
use crate::core::fleet::{RequestPhase, Text};

/// A request, as watches know it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'a> {
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
}

/// What was seen: as decisions see it, and as the apiserver holds what is written back.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) seen: Seen,
    pub(super) plan: Option<Plan>,
    /// The specs of the Certificates that were found, by name.
    pub(super) specs: BTreeMap<Text, Value>,
    /// Where the pods are, as far as they may be spoken to.
    pub(super) addresses: BTreeMap<Text, IpAddr>,
    /// Who should be trusted.
    pub(super) told: Told,
}

impl Looked {
    /// The resourceVersion of a Certificate that is to be issued, as it was decided on.
    pub(super) fn certificate_version(&self, name: &str) -> Option<&str> {
        let staging = self.told.staging.iter().find(|(staging, _)| **staging == *name);
        let mut aliases = self.seen.certificates.iter().filter(|it| *it.name == *name);
        let of_alias = aliases.find_map(|it| Some(&*it.found.as_ref()?.resource_version));
        of_alias.or_else(|| staging.map(|(_, version)| &**version))
    }
}

/// What of a database a decision is about to need.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
struct Needs {
    certificates: bool,
    secrets: bool,
    pods: bool,
    reload: bool,
    verify: bool,
    template: bool,
    leftovers: bool,
}

impl Needs {
    fn of(request: &Request) -> Self {
        let progress = &request.progress;
        let runs = request.phase == RequestPhase::Progressing;
        let fails = progress.failing().is_some();
        let (issues, removes) = match request.asks {
            Ok(Operation::Require | Operation::Remove) => (!(runs && progress.has(PAUSED)), true),
            Ok(Operation::Rotate | Operation::Configure) | Err(_) => {
                (!(runs && progress.has(SYNCED)), false)
            }
        };
        let syncs = issues && progress.has(ISSUED);
        let trusts = issues && runs && progress.has(PUBLISHED) && !progress.has(TRUSTED);
        let updated = runs && progress.has(UPDATED);
        let replaced = progress.has(RESTARTED) || progress.has(RELOADED);
        let verify = runs && !fails && replaced && !progress.has(READY);
        Self {
            verify,
            certificates: issues || fails,
            secrets: syncs,
            pods: syncs || verify || trusts || (runs && !issues && !replaced),
            reload: runs
                && !fails
                && request.asks == Ok(Operation::Rotate)
                && progress.has(SYNCED)
                && !progress.0.contains_key(RELOADED)
                && !progress.has(RESTARTED),
            template: updated && !progress.has(TEMPLATE),
            leftovers: fails || (removes && progress.has(RESTARTED)),
        }
    }
}

impl Hand {
    /// Everything about a request; nothing when it does not exist.
    pub(super) async fn look(&self, key: Key<'_>) -> Result<Option<Looked>, ApiFailure> {
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
        let asked = object.spec.tls.as_ref().filter(|_| request.asks.is_ok());
        let plan = self.mysql(&request).await?.map(|mysql| Plan::new(&mysql, asked));
        let seen = Seen {
            request,
            others,
            database: plan.as_ref().map(facts::database),
            rival: self.rival.borrow().as_deref().map(Text::from),
            backup_running: false,
            certificates: Vec::new(),
            unfit: None,
            template: Template::Unseen,
            pods: BTreeMap::new(),
            reloads: false,
            switches: false,
            online: None,
            leftovers: Vec::new(),
            authorities: Authorities::default(),
        };
        let mut looked = Looked {
            seen,
            plan,
            specs: BTreeMap::new(),
            addresses: BTreeMap::new(),
            told: Told::default(),
        };
        self.look_at_database(&mut looked).await?;
        self.look_at_authorities(&mut looked).await?;
        Ok(Some(looked))
    }

    /// The MySQL as the apiserver holds it, with the fields that no type of ours knows.
    async fn mysql(&self, request: &Request) -> Result<Option<Value>, ApiFailure> {
        // A GET without a name would be a list.
        if request.database.is_empty() {
            return Ok(None);
        }
        let api = self.api_with::<DynamicObject>(&request.namespace, &self.mysql);
        let mysql = found(self.calls.run("get", api.get(&request.database)).await)?;
        let mysql = mysql.filter(|mysql| !is_deleting(&mysql.metadata));
        Ok(mysql.map(|mysql| serde_json::to_value(mysql).unwrap_or_default()))
    }

    /// Of what belongs to the database, only what the request is about to need.
    async fn look_at_database(&self, looked: &mut Looked) -> Result<(), ApiFailure> {
        let Some(plan) = &looked.plan else { return Ok(()) };
        let seen = &mut looked.seen;
        let needs = Needs::of(&seen.request);
        let namespace = Text::clone(&seen.request.namespace);
        if needs.certificates {
            // Of a request that fails they are to be what they were.
            let fails = seen.request.progress.failing().is_some();
            let plan = if fails { plan.undone() } else { plan.clone() };
            let aliases = plan.wanted.aliases();
            let certificates =
                aliases.iter().map(|alias| self.certificate(&plan, alias, &namespace, needs));
            for (certificate, spec) in try_join_all(certificates).await? {
                looked.specs.insert(Text::clone(&certificate.name), spec);
                seen.certificates.push(certificate);
            }
        }
        // After the Secrets: a pod that is made later starts with what they hold.
        if needs.pods {
            let pods = self.api::<Pod>(&namespace);
            let params = ListParams::default().labels(&selector_of(plan.now.name()));
            let pods = self.calls.run("list", pods.list(&params)).await?.items;
            seen.pods = facts::pods(&pods, plan.now.name());
            let named = pods.iter().filter_map(|pod| {
                Some((Text::from(pod.metadata.name.as_deref()?), self.address(pod)?))
            });
            looked.addresses = named.collect();
        }
        let reloads = needs.reload && self.servers == Servers::Reloaded && is_reloadable(&plan.now);
        if reloads || (needs.verify && self.servers != Servers::LeftAlone) {
            let known = self.look_at_servers(seen, &plan.now, &looked.addresses).await?;
            seen.reloads = reloads && known;
        }
        // Nobody speaks to servers without TLS.
        seen.switches = self.voice.is_some()
            && plan.now.is_single_primary_group()
            && !plan.now.aliases().is_empty();
        seen.online = self.online(seen, &plan.now, &looked.addresses).await?;
        if needs.template {
            seen.template = self.template(&plan.now, &namespace).await?;
        }
        if needs.leftovers {
            seen.leftovers = self.leftovers(&seen.request, &plan.now).await?;
        }
        if seen.request.phase != RequestPhase::Progressing {
            seen.unfit = self.unfit(&seen.request, plan).await?;
            seen.backup_running = self.backup_running(&namespace, plan.now.name()).await?;
        }
        Ok(())
    }

    async fn certificate(
        &self,
        plan: &Plan,
        alias: &str,
        namespace: &str,
        needs: Needs,
    ) -> Result<(Certificate, Value), ApiFailure> {
        let (name, stored) = (plan.wanted.certificate_name(alias), plan.wanted.secret_name(alias));
        let api = self.api_with::<DynamicObject>(namespace, &fixed(&CERTIFICATE));
        let object = found(self.calls.run("get", api.get(&name)).await)?;
        let raw = serde_json::to_value(object).unwrap_or_default();
        let spec = raw["spec"].clone();
        let object: Option<cert_manager::Certificate> =
            serde_json::from_value(raw).unwrap_or_default();
        let secret = match &object {
            Some(object) if needs.secrets => {
                let api = self.api::<v1::Secret>(namespace);
                let secret = found(self.calls.run("get", api.get(&stored)).await)?;
                facts::secret(secret.as_ref(), &facts::names(object), self.clock.now())
            }
            Some(_) | None => Secret::Unseen,
        };
        let as_wanted = plan.certificate(alias, &spec).is_none();
        let found = object.map(|object| facts::issued(&object, as_wanted, secret));
        Ok((Certificate { name: name.into(), secret: stored.into(), found }, spec))
    }

    /// What the servers serve that have got a new leaf, or are about to; whether all of them can be
    /// spoken to. Whom nobody can speak to is restarted.
    async fn look_at_servers(
        &self,
        seen: &mut Seen,
        mysql: &MySql,
        addresses: &BTreeMap<Text, IpAddr>,
    ) -> Result<bool, ApiFailure> {
        let Some(access) = self.access(mysql).await? else { return Ok(false) };
        for (name, pod) in &mut seen.pods {
            if let Some(address) = addresses.get(name) {
                pod.serves = self.serving(*address, access.leaf).await;
            }
        }
        Ok(seen.servers().all(|(name, _)| addresses.contains_key(name)))
    }

    /// Whether pods that are made now have TLS as the MySQL asks.
    async fn template(&self, mysql: &MySql, namespace: &str) -> Result<Template, ApiFailure> {
        for workload in &WORKLOADS {
            let api = self.api_with::<DynamicObject>(namespace, &fixed(workload));
            let Some(found) = found(self.calls.run("get", api.get(mysql.name())).await)? else {
                continue;
            };
            let agrees = template_agrees(&serde_json::to_value(found).unwrap_or_default(), mysql);
            return Ok(if agrees { Template::AsWanted } else { Template::Differs });
        }
        Ok(Template::Missing)
    }

    /// Of the Certificates that the request knows of, those that the MySQL asks for no more, and their
    /// Secrets. Of a request that fails only what it has made itself.
    async fn leftovers(
        &self,
        request: &Request,
        mysql: &MySql,
    ) -> Result<Vec<Leftover>, ApiFailure> {
        let aliases = mysql.aliases();
        let wanted: Vec<String> =
            aliases.iter().map(|alias| mysql.certificate_name(alias)).collect();
        let fails = request.progress.failing().is_some();
        let mut leftovers = Vec::new();
        for (name, before) in request.progress.baselines() {
            if wanted.iter().any(|wanted| wanted == name) || (fails && !before.is_new) {
                continue;
            }
            let certificates = self.api::<cert_manager::Certificate>(&request.namespace);
            let certificate = certificates.get_metadata(name);
            if let Some(it) = found(self.calls.run("get", certificate).await)?
                && meta::controller(&it.metadata).map(|owner| &owner.uid)
                    == mysql.metadata.uid.as_ref()
            {
                leftovers.push(leftover(LeftoverKind::Certificate, &it.metadata));
            }
            let secrets = self.api::<v1::Secret>(&request.namespace);
            let secret = secrets.get_metadata(&before.secret);
            if !before.secret.is_empty()
                && let Some(it) = found(self.calls.run("get", secret).await)?
                && meta::annotation(&it.metadata, CERTIFICATE_NAME) == Some(name)
            {
                leftovers.push(leftover(LeftoverKind::Secret, &it.metadata));
            }
        }
        if !fails && wanted.is_empty() {
            let bundles = self.api::<v1::ConfigMap>(&request.namespace);
            let name = names::ca_bundle(mysql.name());
            let bundle = found(self.calls.run("get", bundles.get_metadata(&name)).await)?;
            leftovers.extend(bundle.map(|it| leftover(LeftoverKind::Bundle, &it.metadata)));
        }
        Ok(leftovers)
    }

    /// Why the request cannot be carried out on this database.
    async fn unfit(&self, request: &Request, plan: &Plan) -> Result<Option<Unfit>, ApiFailure> {
        if request.asks != Ok(Operation::Configure) {
            return Ok(None);
        }
        let mut needed = ["server", "client"].into_iter();
        if let Some(alias) = needed.find(|alias| plan.wanted.issuer(alias).is_none()) {
            return Ok(Some(Unfit::Unsigned(alias)));
        }
        for issuer in plan.issuers() {
            if !self.exists(issuer, &request.namespace).await? {
                let place = if issuer.is_namespaced() { &*request.namespace } else { "" };
                let slash = if place.is_empty() { "" } else { "/" };
                let IssuerRef { kind, name, .. } = issuer;
                let text = format!("{kind} {place}{slash}{name}");
                return Ok(Some(Unfit::NoSuchIssuer(text.into())));
            }
        }
        Ok(None)
    }

    async fn exists(&self, issuer: &IssuerRef, namespace: &str) -> Result<bool, ApiFailure> {
        if issuer.is_namespaced() {
            let api = self.api::<Issuer>(namespace);
            let issuer = self.calls.run("get", api.get_metadata(&issuer.name)).await;
            return Ok(found(issuer)?.is_some());
        }
        let api = kube::Api::<ClusterIssuer>::all(self.client.clone());
        let issuer = self.calls.run("get", api.get_metadata(&issuer.name)).await;
        Ok(found(issuer)?.is_some())
    }
}

/// A group's own connections keep the certificates that they began with: its members are restarted.
fn is_reloadable(mysql: &MySql) -> bool {
    !mysql.is_group()
}

pub(super) fn leftover(kind: LeftoverKind, metadata: &ObjectMeta) -> Leftover {
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().into();
    Leftover {
        kind,
        name: text(&metadata.name),
        uid: text(&metadata.uid),
        resource_version: text(&metadata.resource_version),
    }
}
