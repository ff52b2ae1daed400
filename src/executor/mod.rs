//! The executor: what KubeDB's Ops Manager does for a MySQLOpsRequest of type ReconfigureTLS, by the
//! API only and crash-safe at every write.
//!
//! Every operation that `spec.tls` can ask for: rotate, another issuer or other certificates (adding TLS
//! among them), `requireSSL`, remove. Pause the MySQL, have every certificate issued, change the MySQL, have
//! its provisioner change the template of the pods, restart every pod by eviction or have servers reload,
//! resume, wait until it is Ready. What is written when is in [`decide`], what the conditions say in
//! [`decide::notes`].
//!
//! [`decide`] is pure. Around it is a thin edge: one visit reads everything uncached ([`look`](look)),
//! decides, carries one write out ([`act`](act)), and looks again, until there is something to wait
//! for. Watches only say when to look. Nothing is remembered: whoever comes after a crash reads how
//! far it is. Two executors at once do no harm: every write of a status is a compare-and-swap on the
//! resourceVersion that was decided on, and an eviction names the pod's uid.
//!
//! # Where it differs from KubeDB's Ops Manager, knowingly
//!
//! - What it refuses ends as `Denied` at once, with a message that says what to do. A denied request skips
//!   nobody.
//! - It writes no pod template: with the pause lifted, the provisioner does.
//! - A request that somebody else made Progressing is left alone, and waited for.
//! - A database that somebody else has paused is waited for, and never resumed.
//! - A request of another type that is older and queued comes first, as in KubeDB, even if nobody is
//!   there to carry it out: an Event on the waiting request names it.
//! - The database is resumed before it is waited for to be Ready, not after: a provisioner may leave
//!   the phase of a paused database as it is.
//! - `BackupConfigurations` are not paused; running backups and restores are waited for.
//! - That a server has joined its group again is known by its role label, not by SQL.
//! - Single servers reload a new leaf without a restart, where policy allows it.
//! - A step that takes longer than `spec.timeout` ([`Settings::step_timeout`] where there is none) or
//!   fails is tried again `spec.maxRetries` times in all.
//!
//! # What it may do
//!
//! docs/executor.md has the table; `deploy/executor.yaml` grants it.

mod act;
mod anchors;
mod authorities;
mod backups;
pub mod decide;
mod facts;
mod hand_over;
mod look;
mod objects;
mod own_issuer;
mod publishing;
mod releases;
mod requests;
mod rivals;
mod servers;
mod swap;
mod tell;
pub mod vocabulary;
mod wanted;

use std::sync::Arc;
use std::time::Duration;

use kube::api::ListParams;
use kube::discovery::ApiResource;
use kube::{Api, Client, Resource};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

pub use hand_over::Voice;
use rivals::Rivals;
pub use servers::{Access, Unheard};
pub use vocabulary::{ExecutorWrite, RequestEnd};

use crate::api::ops_request::MySqlOpsRequest;
use crate::api::resources::{MYSQL, Source};
use crate::clock::Clock;
use crate::cluster::client::{ApiFailure, Calls};
use crate::cluster::events::{EventSettings, Events, event_writer};
use crate::core::selector::NamespacePattern;
use crate::core::time::Span;

/// Who writes: the field manager of everything, and the source of Events.
pub const FIELD_MANAGER: &str = "certrotor-executor";
/// How long until a kind that is not served is asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// Who issues certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issuing {
    /// cert-manager, asked by the condition `Issuing`.
    CertManager,
    /// The executor itself, from the CAs of Issuers.
    Own,
}

/// What servers are asked themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Servers {
    /// Nothing: what the API says of them is taken.
    LeftAlone,
    /// They are looked at from outside: a request ends when none serves another certificate than it
    /// should. Primaries of groups are told to hand their role over before they are restarted.
    LookedAt,
    /// The same, and they load new leaves without a restart, where that is enough.
    Reloaded,
}

/// How an executor differs from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The namespaces whose requests are carried out, by name or pattern; none: all of them.
    pub namespaces: Vec<NamespacePattern>,
    /// Nothing is begun while another executor, KubeDB's Ops Manager, is at work.
    pub yields: bool,
    /// Who issues.
    pub issuing: Issuing,
    /// What servers are asked themselves.
    pub servers: Servers,
    /// Servers may be at loopback addresses: for a cluster whose pods are processes of this host.
    pub loopback: bool,
    /// How long clients are given to read a new CA before anything is served from it.
    pub ca_overlap: Span,
    /// How long a step may take where `spec.timeout` says nothing.
    pub step_timeout: Span,
    /// The name of this process in its Events.
    pub replica: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            namespaces: Vec::new(),
            yields: false,
            issuing: Issuing::CertManager,
            servers: Servers::LeftAlone,
            loopback: false,
            ca_overlap: Span::minutes(2),
            step_timeout: Span::minutes(10),
            replica: FIELD_MANAGER.to_owned(),
        }
    }
}

/// Counts what an executor does.
pub trait ExecutorMetrics: Send + Sync {
    /// A write was carried out.
    fn wrote(&self, write: ExecutorWrite);
    /// A request got a terminal phase from this executor.
    fn ended(&self, end: RequestEnd);
    /// Whether another executor is at work.
    fn rival(&self, at_work: bool);
}

/// Counts nothing.
impl ExecutorMetrics for () {
    fn wrote(&self, _: ExecutorWrite) {}
    fn ended(&self, _: RequestEnd) {}
    fn rival(&self, _: bool) {}
}

/// The executor.
pub struct Executor {
    client: Client,
    clock: Arc<dyn Clock>,
    calls: Calls,
    settings: Settings,
    metrics: Arc<dyn ExecutorMetrics>,
    voice: Option<Arc<dyn Voice>>,
}

impl Executor {
    /// An executor that works through `client`, whose calls must not be repeated by themselves (see
    /// `cluster::client::connect`). `clock` should be the apiserver's time.
    pub fn new(client: Client, clock: Arc<dyn Clock>, calls: Calls, settings: Settings) -> Self {
        let speaks = settings.servers != Servers::LeftAlone;
        let voice = speaks.then(|| Arc::new(servers::Spoken) as _);
        Self { client, clock, calls, settings, metrics: Arc::new(()), voice }
    }

    /// The same, which hands primaries' roles over by this voice.
    #[must_use]
    pub fn speaking_with(self, voice: Arc<dyn Voice>) -> Self {
        Self { voice: Some(voice), ..self }
    }

    /// The same, and counts what it does.
    #[must_use]
    pub fn counting(self, metrics: Arc<dyn ExecutorMetrics>) -> Self {
        Self { metrics, ..self }
    }

    /// Another executor that is at work, in words.
    pub async fn rival(&self) -> Result<Option<String>, ApiFailure> {
        self.rivals().look().await
    }

    /// Whether a request of this executor is under way: somebody has to go on with it.
    pub async fn holds_something(&self) -> Result<bool, ApiFailure> {
        for scope in scopes(&self.settings.namespaces) {
            let api: Api<MySqlOpsRequest> = match &scope {
                Some(namespace) => Api::namespaced(self.client.clone(), namespace),
                None => Api::all(self.client.clone()),
            };
            let all = self.calls.run("list", api.list(&ListParams::default())).await?;
            if all.items.iter().any(facts::is_under_way) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn rivals(&self) -> Rivals {
        Rivals {
            client: self.client.clone(),
            calls: self.calls.clone(),
            clock: Arc::clone(&self.clock),
            namespaces: self.settings.namespaces.clone(),
            metrics: Arc::clone(&self.metrics),
        }
    }

    /// Carries requests out until it is stopped. A write under way is waited for, a request under
    /// way is not: the next executor goes on with it.
    pub async fn run(self, stop: CancellationToken) {
        let Some(mysql) = stop.run_until_cancelled(self.discover()).await else { return };
        let rivals = self.rivals();
        let Self { client, clock, calls, settings, metrics, voice } = self;
        let client = calls.impatient(&client);
        let component =
            EventSettings { component: FIELD_MANAGER.to_owned(), instance: settings.replica };
        let (events, writer) = event_writer(
            client.clone(),
            component,
            Arc::clone(&clock),
            calls.clone(),
            Arc::new(()),
        );
        let (seen, rival) = watch::channel(None);
        let hand = Arc::new(Hand {
            client,
            clock,
            calls,
            mysql,
            events,
            ca_overlap: settings.ca_overlap,
            step_timeout: settings.step_timeout,
            everywhere: scopes(&settings.namespaces) == [None],
            namespaces: settings.namespaces,
            issuing: settings.issuing,
            servers: settings.servers,
            loopback: settings.loopback,
            voice,
            metrics,
            rival,
            stop: stop.clone(),
        });
        let mut tasks = JoinSet::new();
        if settings.yields {
            tasks.spawn(rivals.run(seen, stop.clone()));
        }
        for namespace in scopes(&hand.namespaces) {
            tasks.spawn(requests::run(Arc::clone(&hand), namespace.clone()));
            tasks.spawn(releases::run(Arc::clone(&hand), namespace));
        }
        let last = CancellationToken::new();
        let writing = last.clone();
        let mut events = JoinSet::new();
        events.spawn(async move { writer.run(writing).await });
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a part of the executor panicked");
                stop.cancel();
            }
        }
        last.cancel();
        while events.join_next().await.is_some() {}
    }

    /// The version in which MySQL is served, as soon as it is.
    async fn discover(&self) -> ApiResource {
        loop {
            match self.served().await {
                Ok(Some(resource)) => return resource,
                Ok(None) => tracing::warn!("{} is not served: is KubeDB installed?", MYSQL.plural),
                Err(failure) => tracing::warn!(%failure, "cannot ask which kinds are served"),
            }
            sleep(ASK_AGAIN).await;
        }
    }

    async fn served(&self) -> Result<Option<ApiResource>, ApiFailure> {
        let groups = self.calls.run("get", self.client.list_api_groups()).await?;
        let group = groups.groups.into_iter().find(|group| group.name == MYSQL.group);
        let versions = group.into_iter().flat_map(|group| group.versions);
        let versions: Vec<String> = versions.map(|version| version.version).collect();
        Ok(MYSQL.choose(&versions))
    }
}

/// Namespaces that are all named are watched one by one, which Roles can allow; a pattern, or none
/// at all, takes one watch of everything.
fn scopes(namespaces: &[NamespacePattern]) -> Vec<Option<String>> {
    let names: Vec<&str> = namespaces.iter().map(NamespacePattern::as_str).collect();
    if names.is_empty() || names.iter().any(|name| name.contains('*')) {
        return vec![None];
    }
    names.into_iter().map(|name| Some(name.to_owned())).collect()
}

/// What every visit needs.
struct Hand {
    client: Client,
    clock: Arc<dyn Clock>,
    calls: Calls,
    /// MySQL in the version that is served.
    mysql: ApiResource,
    events: Events,
    ca_overlap: Span,
    step_timeout: Span,
    /// Everything is watched at once, and not namespace by namespace.
    everywhere: bool,
    /// The namespaces whose requests are carried out; none: all of them.
    namespaces: Vec<NamespacePattern>,
    issuing: Issuing,
    servers: Servers,
    loopback: bool,
    /// By which primaries' roles are handed over; none: groups elect when theirs ends.
    voice: Option<Arc<dyn Voice>>,
    metrics: Arc<dyn ExecutorMetrics>,
    /// Another executor that is at work.
    rival: watch::Receiver<Option<String>>,
    stop: CancellationToken,
}

impl Hand {
    /// Whether the requests of a namespace are this executor's.
    fn serves(&self, namespace: &str) -> bool {
        self.namespaces.is_empty() || self.namespaces.iter().any(|it| it.matches(namespace))
    }

    /// A kind that is always read in one version, in one namespace.
    fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// A kind whose version was discovered, in one namespace.
    fn api_with<K>(&self, namespace: &str, resource: &ApiResource) -> Api<K>
    where
        K: Resource<DynamicType = ApiResource, Scope = kube::core::DynamicResourceScope>,
    {
        Api::namespaced_with(self.client.clone(), namespace, resource)
    }
}

/// A kind that is always read in one version.
fn fixed(source: &Source) -> ApiResource {
    source.in_version(source.versions.first().copied().unwrap_or_default())
}

/// The same object, or nothing where there is none.
fn found<T>(answer: Result<T, ApiFailure>) -> Result<Option<T>, ApiFailure> {
    match answer {
        Ok(object) => Ok(Some(object)),
        Err(ApiFailure::NotFound) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// What a Secret holds under a key; nothing where there is none.
fn part<'a>(secret: &'a k8s_openapi::api::core::v1::Secret, key: &str) -> &'a [u8] {
    let data = secret.data.as_ref().and_then(|data| data.get(key));
    data.map_or(&[][..], |bytes| &bytes.0)
}
