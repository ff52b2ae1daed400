//! The server: its objects, its clock, and what can be done to it from outside of the API.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::Client;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::admission::{Admission, Review};
use super::call::{Call, Params, Verb};
use super::controllers::Controllers;
use super::definitions;
use super::failure::Failure;
use super::kind::Resource;
use super::object;
use super::options;
use super::service::ApiService;
use super::store::{Author, Commit, Key, Store};
use super::work::Work;
use crate::clock::Clock;
use crate::core::time::Time;

/// What every cluster has from the start.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// How a server differs from another.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many of the newest commits are kept; watches from before them get 410.
    pub keep_commits: usize,
    /// How often an idle watch that allows bookmarks gets one.
    pub bookmark_every: Duration,
    /// How long a watch lasts that does not say so itself.
    pub watch_lasts: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            keep_commits: usize::MAX,
            bookmark_every: Duration::from_secs(60),
            watch_lasts: Duration::from_secs(45 * 60),
        }
    }
}

/// A Kubernetes API server in memory. Clones are the same server.
#[derive(Clone)]
pub struct ApiServer {
    inner: Arc<Inner>,
}

/// What all clones, services and watches share.
pub(super) struct Inner {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: Options,
    store: Mutex<Store>,
    admission: Mutex<Vec<Admission>>,
    /// Wakes whoever waits for a change, in the order in which they began to wait: a simulation
    /// with the same seed goes the same way. (Those who wait for tokio's `watch` are woken in an
    /// order that it draws.)
    pub(super) changed: Notify,
    /// How often all watches have been cut off.
    pub(super) cuts: AtomicU64,
}

impl Inner {
    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `act` change things, and wakes the watches if it has.
    pub(super) fn work<T>(
        &self,
        resource: &Resource,
        call: &Call,
        params: &Params,
        user: &str,
        act: impl FnOnce(&mut Work<'_>) -> Result<T, Failure>,
    ) -> Result<(T, Vec<String>), Failure> {
        options::check(call.verb, params)?;
        let admission = self.admission.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut store = self.store();
        let mut work = Work {
            store: &mut store,
            resource,
            call,
            params,
            author: Author { user: user.to_owned(), manager: params.manager().to_owned() },
            now: self.clock.now(),
            dry_run: params.dry_run(),
            admission: &admission,
            warnings: Vec::new(),
        };
        let (now, before) = (work.now, work.store.revision());
        let done = act(&mut work);
        let warnings = work.warnings;
        Controllers { store: &mut store, admission: &admission, now }.settle(before);
        store.trim();
        let grown = store.revision() != before;
        drop(store);
        if grown {
            self.changed.notify_waiters();
        }
        match done {
            Ok(done) => Ok((done, warnings)),
            Err(failure) => Err(failure.warning(warnings)),
        }
    }
}

impl ApiServer {
    /// A server with the kinds of Kubernetes, KubeDB, cert-manager and certrotor, and no objects
    /// but the usual namespaces.
    pub fn new(clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        Self::with_options(clock, Options::default())
    }

    /// The same with options.
    pub fn with_options(clock: Arc<dyn Clock>, options: Options) -> Result<Self, Failure> {
        let server = Self::bare(clock, options)?;
        let now = server.inner.clock.now();
        for standard in definitions::standard()? {
            server.inner.store().install(standard, now);
        }
        Ok(server)
    }

    /// A server that knows only Kubernetes' own kinds.
    pub fn bare(clock: Arc<dyn Clock>, options: Options) -> Result<Self, Failure> {
        let server = Self {
            inner: Arc::new(Inner {
                clock,
                store: Mutex::new(Store::new(options.keep_commits)),
                options,
                admission: Mutex::default(),
                changed: Notify::new(),
                cuts: AtomicU64::new(0),
            }),
        };
        for name in NAMESPACES {
            server.seed(
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
            )?;
        }
        Ok(server)
    }

    /// Another server with the objects and webhooks of this one, and a clock of its own. Whatever
    /// happens to one does not happen to the other; there is no history from before.
    #[must_use]
    pub fn fork(&self, clock: Arc<dyn Clock>) -> Self {
        let Inner { options, admission, .. } = &*self.inner;
        let admission = admission.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self {
            inner: Arc::new(Inner {
                clock,
                store: Mutex::new(self.inner.store().fork()),
                options: options.clone(),
                admission: Mutex::new(admission),
                changed: Notify::new(),
                cuts: AtomicU64::new(0),
            }),
        }
    }

    /// Adds somebody who may refuse writes, as a validating webhook does.
    pub fn admit(
        &self,
        name: &str,
        judge: impl Fn(&Review<'_>) -> Result<(), String> + Send + Sync + 'static,
    ) {
        let mut admission = self.inner.admission.lock().unwrap_or_else(PoisonError::into_inner);
        admission.push(Admission::new(name, judge));
    }

    /// The service, as it serves this user.
    pub fn service(&self, user: &str) -> ApiService {
        ApiService::new(Arc::clone(&self.inner), user)
    }

    /// A client of this user, without any network.
    pub fn client(&self, user: &str, namespace: &str) -> Client {
        Client::new(self.service(user), namespace)
    }

    /// Creates an object with its status, and its namespace if that is not there: how tests make a
    /// scene. Nobody's admission is asked.
    pub fn seed(&self, value: Value) -> Result<Value, Failure> {
        let namespace = object::namespace(&value).to_owned();
        if !namespace.is_empty() && self.get("namespaces", "", &namespace).is_none() {
            self.seed(
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
            )?;
        }
        let resource = self.resource_of(&value)?;
        let mut call = Call {
            verb: Verb::Create,
            group: resource.kind.group.clone(),
            version: resource.version().name.clone(),
            resource: resource.kind.plural.clone(),
            namespace,
            name: String::new(),
            subresource: String::new(),
        };
        let params = Params::default();
        let status = value.get("status").cloned();
        let (mut done, _) = self.inner.work(&resource, &call, &params, "seed", |work| {
            work.admission = &[];
            work.create(value)
        })?;
        if let (Some(status), true) = (status, resource.version().has_status) {
            call.verb = Verb::Update;
            object::name(&done.body).clone_into(&mut call.name);
            "status".clone_into(&mut call.subresource);
            done.body["status"] = status;
            (done, _) = self.inner.work(&resource, &call, &params, "seed", |work| {
                work.admission = &[];
                work.update(done.body)
            })?;
        }
        Ok(done.body)
    }

    fn resource_of(&self, value: &Value) -> Result<Resource, Failure> {
        let text = |field: &str| value[field].as_str().unwrap_or_default();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        let found = self.inner.store().registry.find_kind(api_version, kind);
        found.ok_or_else(|| {
            let why = format!("no matches for kind {kind:?} in version {api_version:?}");
            Failure::new(404, "NotFound", why)
        })
    }

    /// An object as it is stored; `resource` is `<plural>.<group>`, or the plural alone for the
    /// core group, and `namespace` is empty for cluster-scoped ones.
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let key = Key {
            resource: resource.into(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        self.inner.store().get(&key).cloned()
    }

    /// All objects of a kind as they are stored, by namespace and name.
    pub fn list(&self, resource: &str) -> Vec<Arc<Value>> {
        let store = self.inner.store();
        let all = store.all().filter(|(key, _)| *key.resource == *resource);
        all.map(|(_, object)| Arc::clone(object)).collect()
    }

    /// What time it is on its clock.
    pub fn now(&self) -> Time {
        self.inner.clock.now()
    }

    /// The newest resourceVersion.
    pub fn revision(&self) -> u64 {
        self.inner.store().revision()
    }

    /// Every change after a resourceVersion, the oldest first; 0 for all.
    pub fn commits_after(&self, revision: u64) -> Vec<Commit> {
        self.inner.store().changes_after(revision).cloned().collect()
    }

    /// Forgets history: every watch that is not up to date gets 410, and so does every list that
    /// goes on from an earlier page.
    pub fn compact(&self) {
        self.inner.store().compact();
    }

    /// Ends every watch under way, as a restarting server or a proxy does.
    pub fn cut_watches(&self) {
        self.inner.cuts.fetch_add(1, Ordering::Relaxed);
        self.inner.changed.notify_waiters();
    }
}
