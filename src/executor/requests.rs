//! The requests: a visit whenever something about one of them may have changed.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use kube::runtime::controller::{Action, Config};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{Controller, watcher};
use kube::{Api, ResourceExt as _};

use super::Hand;
use super::decide::{Step, Write, next};
use super::look::Key;
use super::swap::Done;
use crate::api::cert_manager::Certificate;
use crate::api::meta::{INSTANCE_LABEL, controller, label};
use crate::api::mysql::MySql;
use crate::api::ops_request::MySqlOpsRequest;
use crate::api::pod::{self, Pod};
use crate::cluster::client::ApiFailure;
use crate::cluster::facts::request::phase;
use crate::core::time::{Span, Time};

/// However silent the watches are: how often a request that is not over is looked at.
const TICK: Span = Span::seconds(30);
/// When an eviction that was refused is tried again, and a call that failed.
const SOON: Duration = Duration::from_secs(5);
/// How many writes one visit carries out, before others have their turn.
const PER_VISIT: usize = 32;
/// Changes that come this close together are one.
const DEBOUNCE: Duration = Duration::from_millis(100);

/// Visits the requests of a namespace, or of all, until it is stopped.
pub(super) async fn run(hand: Arc<Hand>, namespace: Option<String>) {
    let namespace = namespace.as_deref();
    let client = &hand.client;
    let requests: Api<MySqlOpsRequest> = scoped(client, namespace);
    let (mysqls, resource) = (databases(&hand, namespace), hand.mysql.clone());
    let pods: Api<Pod> = scoped(client, namespace);
    let any = watcher::Config::default;
    let of_kubedb = any().labels(pod::SELECTOR);
    let controller = Controller::new(requests.clone(), any());
    let known = [controller.store(), controller.store(), controller.store(), controller.store()];
    let [of_mysql, of_certificate, of_pod, of_request] = known;
    let visits = controller
        .with_config(Config::default().debounce(DEBOUNCE))
        .watches_with(mysqls, resource, any(), move |mysql: MySql| {
            about(&of_mysql, mysql.namespace(), Some(mysql.name()))
        })
        .watches(scoped(client, namespace), any(), move |certificate: Certificate| {
            let owner = controller_name(&certificate);
            about(&of_certificate, &certificate.namespace().unwrap_or_default(), owner.as_deref())
        })
        .watches(pods, of_kubedb, move |pod: Pod| {
            let database = label(&pod.metadata, INSTANCE_LABEL);
            about(&of_pod, &pod.namespace().unwrap_or_default(), database)
        })
        // Others for the same database wait for each other.
        .watches(requests, any(), move |request: MySqlOpsRequest| {
            let namespace = request.namespace().unwrap_or_default();
            about(&of_request, &namespace, Some(&request.spec.database_ref.name))
        })
        .graceful_shutdown_on(hand.stop.clone().cancelled_owned())
        .run(visit, |_, failure, _| after(failure), Arc::clone(&hand));
    visits.for_each(|visited| async move { note(visited) }).await;
}

/// A kind in a namespace, or in all.
fn scoped<K>(client: &kube::Client, namespace: Option<&str>) -> Api<K>
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// The MySQL objects of a namespace, or of all.
pub(super) fn databases(hand: &Hand, namespace: Option<&str>) -> Api<MySql> {
    match namespace {
        Some(namespace) => hand.api_with(namespace, &hand.mysql),
        None => Api::all_with(hand.client.clone(), &hand.mysql),
    }
}

/// The MySQL that a Certificate is of.
fn controller_name(certificate: &Certificate) -> Option<String> {
    let owner = controller(&certificate.metadata).map(|owner| owner.name.clone());
    owner.or_else(|| label(&certificate.metadata, INSTANCE_LABEL).map(str::to_owned))
}

/// The requests about a database that are not over.
fn about(
    requests: &Store<MySqlOpsRequest>,
    namespace: &str,
    database: Option<&str>,
) -> Vec<ObjectRef<MySqlOpsRequest>> {
    let Some(database) = database else { return Vec::new() };
    let requests = requests.state();
    let about = requests.iter().filter(|request| {
        request.spec.database_ref.name == database
            && request.metadata.namespace.as_deref() == Some(namespace)
            && is_ours(request)
    });
    about.map(|request| ObjectRef::from_obj(&**request)).collect()
}

/// Whether there can be anything to do for it.
fn is_ours(request: &MySqlOpsRequest) -> bool {
    request.is_reconfigure_tls() && !phase(request.phase()).is_terminal()
}

/// Looks, decides and writes, until there is something to wait for.
async fn visit(request: Arc<MySqlOpsRequest>, hand: Arc<Hand>) -> Result<Action, ApiFailure> {
    let (namespace, name) = (request.namespace().unwrap_or_default(), request.name_any());
    let key = Key { namespace: &namespace, name: &name };
    if !is_ours(&request) || !hand.serves(&namespace) {
        return Ok(Action::await_change());
    }
    for _ in 0..PER_VISIT {
        if hand.stop.is_cancelled() {
            return Ok(Action::await_change());
        }
        if let Some(action) = hand.turn(key).await? {
            return Ok(action);
        }
    }
    Ok(Action::requeue(Duration::ZERO))
}

impl Hand {
    /// One look and at most one write. What to wait for, unless there is more to do at once.
    async fn turn(&self, key: Key<'_>) -> Result<Option<Action>, ApiFailure> {
        let Some(looked) = self.look(key).await? else {
            return Ok(Some(Action::await_change()));
        };
        let seen = &looked.seen;
        let now = self.clock.now();
        match next(seen, self.step_timeout, now) {
            Step::Rest => Ok(Some(Action::await_change())),
            Step::Dropped => {
                self.tell_dropped(&seen.request);
                Ok(Some(Action::requeue(TICK.to_std())))
            }
            Step::Wait { why, until } => {
                tracing::debug!(request = key.name, namespace = key.namespace, %why, "waits");
                if until.is_none() {
                    self.tell_waiting(&seen.request, &why);
                }
                Ok(Some(Action::requeue(patience(until, now))))
            }
            Step::Write(write) => {
                self.tell_starting(seen, &write);
                match self.act(&looked, &write).await? {
                    Done::Yes => self.tell_done(seen, &write),
                    Done::Overtaken => {}
                    Done::Refused => {
                        if let Write::Evict { pod, .. } = &write {
                            self.tell_refused(&seen.request, pod);
                        }
                        return Ok(Some(Action::requeue(SOON)));
                    }
                }
                Ok(None)
            }
        }
    }
}

/// How long to wait if nothing happens.
fn patience(until: Option<Time>, now: Time) -> Duration {
    let tick = until.map_or(TICK, |until| until.since(now).min(TICK));
    tick.max(Span::seconds(1)).to_std()
}

/// When to try again after a call that failed.
pub(super) fn after(failure: &ApiFailure) -> Action {
    if let ApiFailure::Unavailable { retry_after: Some(wait), .. } = failure {
        return Action::requeue((*wait).max(SOON));
    }
    Action::requeue(SOON)
}

/// Says what went wrong in a visit, or in a watch.
pub(super) fn note<T, E: std::error::Error>(visited: Result<T, E>)
where
    T: Debug,
{
    if let Err(error) = visited {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        tracing::warn!(error = text, "the executor could not go on, and tries again");
    }
}
