//! Watches: they keep the stores current and wake the loop, and do nothing else.
//!
//! A kind that is not served or may not be read is said so, retried, and holds back readiness; it
//! never ends the process. Optional kinds that are not served count as watched and empty.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use kube::core::DeserializeGuard;
use kube::core::error_boundary::InvalidObject;
use kube::discovery::ApiResource;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::client::{ApiFailure, Calls};
use super::listening::listening;
use super::shared::{Shared, Standing, Watched};
use super::stores::{Kind, Object, Program};
use crate::api::backup::{BackupConfiguration, BackupSession, RestoreSession};
use crate::api::cert_manager::{Certificate, CertificateRequest, ClusterIssuer, Issuer};
use crate::api::mysql::MySql;
use crate::api::ops_request::MySqlOpsRequest;
use crate::api::pod::{self, Pod};
use crate::api::resources::{self, Source};
use crate::api::rotation::Rotation;
use crate::api::supervisor::Recommendation;

/// How long until a kind that is not served, or may not be read, is asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// The same for one that need not be there: most clusters never have all of these.
const ASK_AGAIN_OPTIONAL: Duration = Duration::from_secs(60);

/// What every watch needs.
#[derive(Clone)]
pub struct Watcher {
    client: Client,
    calls: Calls,
    shared: Arc<Shared>,
}

/// One watch: a kind in one namespace, or in all of them.
struct Watch {
    watcher: Watcher,
    kind: Kind,
    source: Source,
    scope: Option<String>,
    labels: Option<&'static str>,
}

impl Watcher {
    /// Watches through `client` into `shared`. No answer is waited for longer than `calls` are.
    pub fn new(client: &Client, calls: Calls, shared: Arc<Shared>) -> Self {
        Self { client: calls.impatient(client), calls, shared }
    }

    /// Watches every kind in every scope until it is stopped.
    pub async fn run(self, scopes: Vec<Option<String>>, stop: CancellationToken) {
        let watches = scopes.iter().map(|scope| self.watch_scope(scope.as_ref()));
        let cluster = self.watch(Kind::ClusterIssuer, resources::CLUSTER_ISSUER, None);
        let everything = futures::future::join(
            futures::future::join_all(watches),
            cluster.run::<ClusterIssuer>(),
        );
        stop.run_until_cancelled(everything).await;
    }

    async fn watch_scope(&self, scope: Option<&String>) {
        let watch = |kind, source| self.watch(kind, source, scope);
        let backups = [Program::KubeStash, Program::Stash].into_iter().enumerate();
        let backups = backups.map(|(index, program)| async move {
            let configurations = resources::BACKUP_CONFIGURATIONS[index];
            let sessions = resources::BACKUP_SESSIONS[index];
            let restores = resources::RESTORE_SESSIONS[index];
            tokio::join!(
                watch(Kind::BackupConfiguration(program), configurations)
                    .run::<BackupConfiguration>(),
                watch(Kind::BackupSession(program), sessions).run::<BackupSession>(),
                watch(Kind::RestoreSession(program), restores).run::<RestoreSession>(),
            );
        });
        let pods = Watch { labels: Some(pod::SELECTOR), ..watch(Kind::Pod, POD) };
        tokio::join!(
            watch(Kind::MySql, resources::MYSQL).run::<MySql>(),
            watch(Kind::OpsRequest, resources::OPS_REQUEST).run::<MySqlOpsRequest>(),
            watch(Kind::Rotation, resources::ROTATION).run::<DeserializeGuard<Rotation>>(),
            watch(Kind::Certificate, resources::CERTIFICATE).run::<Certificate>(),
            watch(Kind::CertificateRequest, resources::CERTIFICATE_REQUEST)
                .run::<CertificateRequest>(),
            watch(Kind::Issuer, resources::ISSUER).run::<Issuer>(),
            watch(Kind::Recommendation, resources::RECOMMENDATION).run::<Recommendation>(),
            pods.run::<Pod>(),
            futures::future::join_all(backups),
        );
    }

    fn watch(&self, kind: Kind, source: Source, scope: Option<&String>) -> Watch {
        Watch { watcher: self.clone(), kind, source, scope: scope.cloned(), labels: None }
    }
}

/// Pods are part of every apiserver.
const POD: Source = Source {
    group: "",
    versions: &["v1"],
    kind: "Pod",
    plural: "pods",
    namespaced: true,
    optional: false,
};

impl Watch {
    async fn run<K: Listed>(self) {
        self.stands(Standing::Starting);
        loop {
            let standing = match self.discover().await {
                Ok(Some(resource)) => {
                    if self.kind == Kind::MySql {
                        self.watcher.shared.set_mysql_resource(resource.clone());
                    }
                    let Watcher { client, shared, .. } = &self.watcher;
                    let client = listening(client, shared, &self.watched());
                    self.follow(K::api(client, self.scope.as_deref(), &resource)).await
                }
                Ok(None) => self.not_served(),
                Err(failure) => Standing::from(&failure),
            };
            let absent = self.source.optional && matches!(standing, Standing::NotServed);
            self.stands(standing);
            sleep(if absent { ASK_AGAIN_OPTIONAL } else { ASK_AGAIN }).await;
        }
    }

    /// The kind in the version we like best; none when the apiserver serves none that we know.
    async fn discover(&self) -> Result<Option<ApiResource>, ApiFailure> {
        let Watcher { client, calls, .. } = &self.watcher;
        if self.source.group.is_empty() {
            return Ok(self.source.choose(self.source.versions));
        }
        let groups = calls.run("get", client.list_api_groups()).await?;
        let group = groups.groups.into_iter().find(|group| group.name == self.source.group);
        let Some(group) = group else { return Ok(None) };
        let served: Vec<String> =
            group.versions.into_iter().map(|version| version.version).collect();
        let Some(resource) = self.source.choose(&served) else { return Ok(None) };
        let kinds = client.list_api_group_resources(&resource.api_version);
        let kinds = calls.run("get", kinds).await?;
        let is_served = kinds.resources.iter().any(|kind| kind.name == self.source.plural);
        Ok(is_served.then_some(resource))
    }

    /// Follows one kind until its watch has to be set up anew.
    async fn follow<K: Listed>(&self, api: Api<K>) -> Standing {
        let config = watcher::Config {
            label_selector: self.labels.map(str::to_owned),
            ..watcher::Config::default()
        };
        let mut events = std::pin::pin!(watcher(api, config).default_backoff());
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => self.take(event),
                Err(error) => {
                    let standing = Standing::from(error);
                    if matches!(standing, Standing::NotServed | Standing::Forbidden(_)) {
                        return standing;
                    }
                    self.stands(standing);
                }
            }
        }
        Standing::Failing("its watch ended".to_owned())
    }

    /// Puts what a watch says into the stores.
    fn take<K: Listed>(&self, event: watcher::Event<K>) {
        use watcher::Event;
        let listing = matches!(event, Event::Init | Event::InitApply(_));
        let (kind, scope) = (self.kind, self.scope.as_deref());
        self.watcher.shared.with_stores(|stores| match event {
            Event::Init => stores.begin(kind, scope),
            Event::InitApply(object) => match object.object(kind) {
                Ok(object) => stores.seen(object),
                Err(invalid) => stores.malformed(kind, &invalid.metadata, &invalid.error),
            },
            Event::InitDone => stores.end(kind, scope),
            Event::Apply(object) => match object.object(kind) {
                Ok(object) => drop(stores.apply(object)),
                Err(invalid) => stores.malformed(kind, &invalid.metadata, &invalid.error),
            },
            Event::Delete(object) => stores.deleted(kind, object.meta()),
        });
        if !listing {
            self.stands(Standing::Synced);
            self.watcher.shared.changed.notify_one();
        }
    }

    /// Nothing of a kind that is not served exists.
    fn not_served(&self) -> Standing {
        self.watcher.shared.with_stores(|stores| {
            stores.begin(self.kind, self.scope.as_deref());
            stores.end(self.kind, self.scope.as_deref());
        });
        Standing::NotServed
    }

    fn stands(&self, standing: Standing) {
        self.watcher.shared.stands(&self.watched(), self.source.optional, standing);
    }

    fn watched(&self) -> Watched {
        Watched {
            resource: self.source.plural,
            group: self.source.group,
            scope: self.scope.clone(),
        }
    }
}

/// A kind that can be listed and watched into the stores.
trait Listed: Resource + Clone + DeserializeOwned + Debug + Send + 'static {
    fn api(client: Client, scope: Option<&str>, resource: &ApiResource) -> Api<Self>;
    fn object(self, kind: Kind) -> Result<Object, Box<InvalidObject>>;
}

/// A kind that is always read in one version, within namespaces.
macro_rules! fixed {
    ($($type:ty),+) => { $(
        impl Listed for $type {
            fn api(client: Client, scope: Option<&str>, _: &ApiResource) -> Api<Self> {
                match scope {
                    Some(namespace) => Api::namespaced(client, namespace),
                    None => Api::all(client),
                }
            }

            fn object(self, _: Kind) -> Result<Object, Box<InvalidObject>> {
                Ok(self.into())
            }
        }
    )+ };
}
fixed!(MySqlOpsRequest, Certificate, CertificateRequest, Issuer, Pod, Recommendation);

impl Listed for ClusterIssuer {
    fn api(client: Client, _: Option<&str>, _: &ApiResource) -> Api<Self> {
        Api::all(client)
    }

    fn object(self, _: Kind) -> Result<Object, Box<InvalidObject>> {
        Ok(self.into())
    }
}

impl Listed for DeserializeGuard<Rotation> {
    fn api(client: Client, scope: Option<&str>, _: &ApiResource) -> Api<Self> {
        match scope {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        }
    }

    fn object(self, _: Kind) -> Result<Object, Box<InvalidObject>> {
        self.0.map(Into::into).map_err(Box::new)
    }
}

/// A kind whose group or version discovery decides.
macro_rules! discovered {
    ($type:ty, $object:expr) => {
        impl Listed for $type {
            fn api(client: Client, scope: Option<&str>, resource: &ApiResource) -> Api<Self> {
                match scope {
                    Some(namespace) => Api::namespaced_with(client, namespace, resource),
                    None => Api::all_with(client, resource),
                }
            }

            fn object(self, kind: Kind) -> Result<Object, Box<InvalidObject>> {
                let object: fn(Self, Kind) -> Object = $object;
                Ok(object(self, kind))
            }
        }
    };
}
discovered!(MySql, |mysql, _| mysql.into());
discovered!(BackupConfiguration, |it, kind| Object::BackupConfiguration(program(kind), it));
discovered!(BackupSession, |it, kind| Object::BackupSession(program(kind), it));
discovered!(RestoreSession, |it, kind| Object::RestoreSession(program(kind), it));

const fn program(kind: Kind) -> Program {
    match kind {
        Kind::BackupConfiguration(program)
        | Kind::BackupSession(program)
        | Kind::RestoreSession(program) => program,
        Kind::MySql
        | Kind::OpsRequest
        | Kind::Rotation
        | Kind::Certificate
        | Kind::CertificateRequest
        | Kind::Issuer
        | Kind::ClusterIssuer
        | Kind::Pod
        | Kind::Recommendation => Program::KubeStash,
    }
}

impl From<&ApiFailure> for Standing {
    fn from(failure: &ApiFailure) -> Self {
        if let ApiFailure::Forbidden(message) = failure {
            Self::Forbidden(message.clone())
        } else if matches!(failure, ApiFailure::NotFound) {
            Self::NotServed
        } else {
            Self::Failing(failure.to_string())
        }
    }
}

impl From<watcher::Error> for Standing {
    fn from(error: watcher::Error) -> Self {
        use watcher::Error;
        match error {
            Error::InitialListFailed(source)
            | Error::WatchStartFailed(source)
            | Error::WatchFailed(source) => Self::from(&ApiFailure::from(source)),
            Error::WatchError(status) => Self::from(&ApiFailure::from(kube::Error::Api(status))),
            Error::NoResourceVersion => {
                Self::Failing("a list without a resourceVersion".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests;
