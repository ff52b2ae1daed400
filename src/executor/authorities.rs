//! Who signs, and who is trusted: what a change of CA looks at. What it writes is in [`publishing`](super::publishing).
//!
//! A CA is public, and in the same Secret as a key. Of the Secrets that are read here `ca.crt` is
//! kept, and of the one whose leaf is judged nothing.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::core::ObjectMeta;
use kube::{Resource, ResourceExt as _};

use super::anchors::Anchors;
use super::decide::notes::{ISSUED, PAUSED, PUBLISHED, READY, RELOADED, RESTARTED, SYNCED};
use super::decide::seen::{
    Authorities, Issued, Leftover, LeftoverKind, Operation, Request, Secret as Unread, Staging,
};
use super::look::{Looked, leftover};
use super::own_issuer::NotIssued;
use super::wanted::Plan;
use super::{Hand, facts, found, part};
use crate::api::cert_manager::{CERTIFICATE_NAME, Certificate};
use crate::api::meta;
use crate::api::mysql::MySql;
use crate::api::names;
use crate::cluster::client::ApiFailure;
use crate::core::fleet::{RequestPhase, Text};
use crate::pki::{Flaw, Flaws, Pair, check};

/// The key of a CA in a Secret, and in the bundle.
pub(super) const CA: &str = "ca.crt";

/// What is in whose `ca.crt` should be, and as what the apiserver held it.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) target: Anchors,
    /// The resourceVersion of the ConfigMap, where there is one.
    pub(super) bundle: Option<String>,
    /// The resourceVersions of the Secrets by name.
    pub(super) secrets: BTreeMap<Text, String>,
    /// The certificate by which a new CA is learned, as it was decided on.
    pub(super) staging: Option<(Text, Text)>,
}

/// Where a request is, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Nothing has been issued yet, or not everything.
    Before,
    /// Every server has what was issued.
    After,
    /// It fails.
    Failing,
}

impl Moment {
    pub(super) fn of(request: &Request) -> Option<Self> {
        let progress = &request.progress;
        let issues = matches!(request.asks, Ok(Operation::Rotate | Operation::Configure));
        if request.phase != RequestPhase::Progressing || !issues {
            return None;
        }
        let replaced = progress.has(RESTARTED) || progress.has(RELOADED);
        if progress.failing().is_some() {
            Some(Self::Failing)
        } else if replaced {
            (!progress.has(READY)).then_some(Self::After)
        } else {
            (progress.has(PAUSED) && !progress.has(SYNCED)).then_some(Self::Before)
        }
    }
}

impl Hand {
    pub(super) async fn look_at_authorities(&self, looked: &mut Looked) -> Result<(), ApiFailure> {
        looked.seen.authorities.overlap = self.ca_overlap;
        let (Some(plan), Some(moment)) = (&looked.plan, Moment::of(&looked.seen.request)) else {
            return Ok(());
        };
        let request = &looked.seen.request;
        let staged = request.progress.0.contains_key(PUBLISHED);
        let seen = &mut looked.seen.authorities;
        seen.mutual = is_mutual(&plan.now);
        match moment {
            Moment::Before => {
                if !staged && !request.progress.has(ISSUED) {
                    seen.changes = self.changes(plan, request).await?;
                }
                if seen.changes || request.progress.has(PUBLISHED) {
                    looked.told = self.before(plan, request, seen).await?;
                }
            }
            Moment::After => {
                looked.told = self.after(plan, request, seen).await?;
                looked.seen.leftovers.extend(self.staging_left(plan, request).await?);
            }
            Moment::Failing => {
                looked.seen.leftovers.extend(self.staging_left(plan, request).await?);
            }
        }
        Ok(())
    }

    /// Old, new, and whoever is published already.
    async fn before(
        &self,
        plan: &Plan,
        request: &Request,
        seen: &mut Authorities,
    ) -> Result<Told, ApiFailure> {
        let mut told = Told::default();
        let new = self.learned(plan, request, seen, &mut told).await?;
        let secrets = self.trusting(plan, request).await?;
        let bundle = self.bundle(plan, request).await?;
        let old = of_servers(plan, &secrets);
        let published = bundle.as_ref().map(|it| it.1.clone()).unwrap_or_default();
        seen.known = old.include(&new);
        told.target = old.and(&new).and(&published);
        told.judge(seen, &secrets, bundle);
        Ok(told)
    }

    /// Those who sign what is served now, and nobody else.
    async fn after(
        &self,
        plan: &Plan,
        request: &Request,
        seen: &mut Authorities,
    ) -> Result<Told, ApiFailure> {
        let mut told = Told::default();
        let changed = request.progress.has(PUBLISHED);
        let new = if changed {
            self.learned(plan, request, seen, &mut told).await?
        } else {
            Anchors::default()
        };
        let secrets = self.trusting(plan, request).await?;
        let bundle = self.bundle(plan, request).await?;
        told.target = if new.is_empty() { of_servers(plan, &secrets) } else { new };
        told.judge(seen, &secrets, bundle);
        Ok(told)
    }

    /// Whether what is issued next comes from another CA than what is served.
    async fn changes(&self, plan: &Plan, request: &Request) -> Result<bool, ApiFailure> {
        let Some(now) = plan.now.issuer("server") else { return Ok(false) };
        let Some(wanted) = plan.wanted.issuer("server") else { return Ok(false) };
        if now != wanted {
            return Ok(true);
        }
        let authority = match self.ca_secret(wanted, &request.namespace).await {
            Ok((authority, _)) => authority,
            Err(NotIssued::Api(failure)) if !matches!(failure, ApiFailure::Forbidden(_)) => {
                return Err(failure);
            }
            // No CA that could be looked at: what comes of it is seen when it is there.
            Err(_) => return Ok(false),
        };
        let api = self.api::<Secret>(&request.namespace);
        let stored = plan.now.secret_name("server");
        let pair = found(self.calls.run("get", api.get(&stored)).await)?;
        let Some(pair) = pair else { return Ok(false) };
        Ok(is_of_another(&pair, &authority, self))
    }

    /// What the staging Certificate of this request has taught.
    async fn learned(
        &self,
        plan: &Plan,
        request: &Request,
        seen: &mut Authorities,
        told: &mut Told,
    ) -> Result<Anchors, ApiFailure> {
        let name = Text::from(names::ca_staging(plan.now.name()));
        let api = self.api::<Certificate>(&request.namespace);
        let certificate = found(self.calls.run("get", api.get(&name)).await)?;
        let api = self.api::<Secret>(&request.namespace);
        let secret = found(self.calls.run("get", api.get(&name)).await)?;
        let remains = |kind, metadata: &ObjectMeta| Staging::Remains(leftover(kind, metadata));
        let Some(certificate) = certificate else {
            if let Some(secret) = secret.filter(|it| is_staging(it, &name)) {
                seen.staging = remains(LeftoverKind::Secret, &secret.metadata);
            }
            return Ok(Anchors::default());
        };
        if !is_of(&certificate, request) {
            seen.staging = remains(LeftoverKind::Certificate, &certificate.metadata);
            return Ok(Anchors::default());
        }
        let issued: Issued = facts::issued(&certificate, true, Unread::Unseen);
        told.staging = Some((Text::clone(&name), Text::clone(&issued.resource_version)));
        if issued.issuing || !issued.ready || issued.revision == 0 {
            seen.staging = Staging::Asked { name, issued };
            return Ok(Anchors::default());
        }
        let anchors = secret.as_ref().map(anchors_of).unwrap_or_default();
        seen.staging = if anchors.is_empty() { Staging::Silent(name) } else { Staging::Learned };
        Ok(anchors)
    }

    /// The Secrets whose `ca.crt` says whom servers and clients trust: those of the same issuer as the
    /// servers'.
    async fn trusting(&self, plan: &Plan, request: &Request) -> Result<Vec<Trusts>, ApiFailure> {
        let issuer = plan.wanted.issuer("server");
        let api = self.api::<Secret>(&request.namespace);
        let mut secrets = Vec::new();
        for alias in plan.now.aliases() {
            if plan.wanted.issuer(alias) != issuer {
                continue;
            }
            let name = plan.now.secret_name(alias);
            if let Some(secret) = found(self.calls.run("get", api.get(&name)).await)? {
                secrets.push(Trusts {
                    name: name.into(),
                    resource_version: secret.resource_version().unwrap_or_default(),
                    holds: anchors_of(&secret),
                });
            }
        }
        Ok(secrets)
    }

    async fn bundle(
        &self,
        plan: &Plan,
        request: &Request,
    ) -> Result<Option<(String, Anchors)>, ApiFailure> {
        let api = self.api::<ConfigMap>(&request.namespace);
        let name = names::ca_bundle(plan.now.name());
        let bundle = found(self.calls.run("get", api.get(&name)).await)?;
        Ok(bundle.map(|bundle| {
            let pem = bundle.data.as_ref().and_then(|data| data.get(CA));
            let holds = Anchors::from_pem(pem.map_or(&[], |pem| pem.as_bytes()));
            (bundle.resource_version().unwrap_or_default(), holds)
        }))
    }

    /// The staging Certificate and its Secret.
    async fn staging_left(
        &self,
        plan: &Plan,
        request: &Request,
    ) -> Result<Vec<Leftover>, ApiFailure> {
        let name = names::ca_staging(plan.now.name());
        let api = self.api::<Certificate>(&request.namespace);
        let certificate = found(self.calls.run("get", api.get(&name)).await)?;
        let certificate = certificate.filter(|it| is_of(it, request));
        let api = self.api::<Secret>(&request.namespace);
        let secret = found(self.calls.run("get", api.get(&name)).await)?;
        let secret = secret.filter(|it| is_staging(it, &name));
        let certificate = certificate.map(|it| leftover(LeftoverKind::Certificate, &it.metadata));
        let secret = secret.map(|it| leftover(LeftoverKind::Secret, &it.metadata));
        Ok(certificate.into_iter().chain(secret).collect())
    }
}

/// A Secret, and the CAs in it.
struct Trusts {
    name: Text,
    resource_version: String,
    holds: Anchors,
}

/// Those in the servers' Secret.
fn of_servers(plan: &Plan, secrets: &[Trusts]) -> Anchors {
    let server = secrets.iter().find(|it| *it.name == *plan.now.secret_name("server"));
    server.map(|it| it.holds.clone()).unwrap_or_default()
}

impl Told {
    /// What is not as it should be.
    fn judge(
        &mut self,
        seen: &mut Authorities,
        secrets: &[Trusts],
        bundle: Option<(String, Anchors)>,
    ) {
        let untold = secrets.iter().find(|it| !it.holds.are(&self.target));
        seen.untold = untold.map(|it| Text::clone(&it.name));
        // Nobody is nobody to publish.
        seen.published = self.target.is_empty()
            || bundle.as_ref().is_some_and(|(_, holds)| holds.are(&self.target));
        self.bundle = bundle.map(|(version, _)| version);
        let versions =
            secrets.iter().map(|it| (Text::clone(&it.name), it.resource_version.clone()));
        self.secrets = versions.collect();
    }
}

/// The servers verify each other: each keeps for its group the CAs that it began with.
fn is_mutual(mysql: &MySql) -> bool {
    mysql.is_group() && mysql.replicas() > 1
}

/// Whether a leaf was signed by somebody else than whoever has this certificate of a CA.
fn is_of_another(pair: &Secret, authority: &Secret, hand: &Hand) -> bool {
    let parts = Pair {
        certificate: part(pair, "tls.crt"),
        key: part(pair, "tls.key"),
        ca: part(authority, "tls.crt"),
    };
    let Err(Flaws(flaws)) = check(parts, &[], hand.clock.now()) else { return false };
    flaws.iter().any(|flaw| matches!(flaw, Flaw::UnknownIssuer(_) | Flaw::BadSignature(_)))
}

/// Whether it was made for this request.
fn is_of(certificate: &Certificate, request: &Request) -> bool {
    certificate.meta().owner_references.iter().flatten().any(|owner| owner.uid == *request.uid)
}

/// Whether it is the Secret of a staging Certificate, and not somebody's own.
fn is_staging(secret: &Secret, name: &str) -> bool {
    meta::annotation(&secret.metadata, CERTIFICATE_NAME) == Some(name)
}

fn anchors_of(secret: &Secret) -> Anchors {
    Anchors::from_pem(part(secret, CA))
}
