//! Pauses that nobody ends any more: a request was deleted while it was carried out.
//!
//! A pause of ours names its request. When that is gone or over, the pause is taken away.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use kube::Api;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::{Controller, watcher};

use super::decide::seen::Pause;
use super::swap::{Done, Target};
use super::vocabulary::ExecutorWrite;
use super::{Hand, facts, found, requests};
use crate::api::mysql::MySql;
use crate::api::ops_request::MySqlOpsRequest;
use crate::cluster::client::ApiFailure;
use crate::cluster::facts::request::phase;

/// However silent the watches are: how often a paused database is looked at.
const TICK: Duration = Duration::from_secs(60);

/// Visits the databases of a namespace, or of all, until it is stopped.
pub(super) async fn run(hand: Arc<Hand>, namespace: Option<String>) {
    let mysqls = requests::databases(&hand, namespace.as_deref());
    let resource = hand.mysql.clone();
    let requests: Api<MySqlOpsRequest> = match namespace.as_deref() {
        Some(namespace) => hand.api(namespace),
        None => Api::all(hand.client.clone()),
    };
    let visits = Controller::new_with(mysqls, watcher::Config::default(), resource.clone())
        .watches(requests, watcher::Config::default(), move |request: MySqlOpsRequest| {
            let namespace = request.metadata.namespace?;
            let database = ObjectRef::new_with(&request.spec.database_ref.name, resource.clone());
            Some(database.within(&namespace))
        })
        .graceful_shutdown_on(hand.stop.clone().cancelled_owned())
        .run(visit, |_, failure, _| requests::after(failure), Arc::clone(&hand));
    visits.for_each(|visited| async move { requests::note(visited) }).await;
}

async fn visit(mysql: Arc<MySql>, hand: Arc<Hand>) -> Result<Action, ApiFailure> {
    let Some(Pause::For { request, uid }) = facts::pause(&mysql) else {
        return Ok(Action::await_change());
    };
    if !hand.serves(mysql.namespace()) {
        return Ok(Action::await_change());
    }
    let requests = hand.api::<MySqlOpsRequest>(mysql.namespace());
    let named = found(hand.calls.run("get", requests.get(&request)).await)?;
    let same = named.filter(|named| named.metadata.uid.as_deref() == Some(&*uid));
    if same.is_some_and(|request| !phase(request.phase()).is_terminal()) {
        return Ok(Action::requeue(TICK));
    }
    let target = Target {
        resource: &hand.mysql,
        namespace: mysql.namespace(),
        name: mysql.name(),
        resource_version: mysql.metadata.resource_version.as_deref().unwrap_or_default(),
    };
    if hand.unpause(target).await? == Done::Yes {
        hand.metrics.wrote(ExecutorWrite::ReleaseDatabase);
        tracing::warn!(
            namespace = mysql.namespace(),
            database = mysql.name(),
            request = &*request,
            write = %ExecutorWrite::ReleaseDatabase,
            "resumed a database whose request is gone or over"
        );
    }
    Ok(Action::requeue(TICK))
}
