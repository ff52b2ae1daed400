//! KubeDB's provisioner and coordinator: of a MySQL object it makes what KubeDB makes of it.
//!
//! That is the Secret of the root user, a Certificate for each alias, Services, a
//! `PodDisruptionBudget` and, once every certificate is issued, the `StatefulSet` whose pods are the
//! servers; and, all the time, the role label of each pod and the status of the MySQL. It knows
//! the cluster through its client alone, so it does the same on the embedded API and on a real one.
//!
//! A paused database (condition `Paused`) belongs to whoever has paused it: nothing of it is
//! written but the role labels, which are the coordinator's. A halted one (`spec.halted`) keeps its
//! Secrets and Certificates and loses the rest.
//!
//! Everything is decided anew in each turn from what the apiserver says, so a crash anywhere is
//! made good by the next turn. An object that is as it should be is not written.
//!
//! Left out of what KubeDB does: the routers of an InnoDBCluster, the metrics exporter's container,
//! `spec.podTemplate`, `spec.serviceTemplates`, restores and backups.
//!
//! | file | what |
//! |---|---|
//! | `turn` | what is done for one database, in which order |
//! | `auth_secret`, `certificates`, `network`, `workload` | what each object should be: pure |
//! | `roles`, `status` | which pod is the primary; conditions and phase: pure |
//! | `ownership` | whose an object is: pure; `api::desired` says whether it is as it should be |
//! | `cluster` | the apiserver |
//! | `webhooks` | what KubeDB's webhooks refuse, for the embedded API |

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Secret, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::core::PartialObjectMeta;
use kube::discovery::ApiResource;
use kube::runtime::controller::{Action, Controller};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Api, Client};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::api::cert_manager::Certificate;
use crate::api::meta::{self, INSTANCE_LABEL};
use crate::api::mysql::MySql;
use crate::api::pod::{self, Pod};
use crate::api::resources::MYSQL;
use crate::clock::Clock;
use crate::cluster::failure::within;
use crate::embedded::controller::drive;
use crate::embedded::repeatable::{self, SteadyPause};
use crate::pki::Entropy;

mod auth_secret;
mod certificates;
mod cluster;
mod database;
mod network;
mod ownership;
mod problem;
mod roles;
mod status;
mod turn;
mod webhooks;
mod workload;

pub use problem::Problem;
pub use webhooks::admissions;

use cluster::{Cluster, DEADLINE};
use turn::Turns;

/// How long after a turn that failed the next one begins.
const TRY_AGAIN: Duration = Duration::from_secs(2);
/// How often a kind is asked for that the apiserver does not serve yet.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// How one provisioner differs from another.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The namespace whose databases it keeps; none: those of all.
    pub namespace: Option<String>,
    /// The node that every pod is bound to: there is no scheduler.
    pub node: String,
    /// Addresses that server certificates are good for besides 127.0.0.1: those of the pods, where
    /// they are known before the pods are.
    pub addresses: Vec<IpAddr>,
    /// What passwords are made of.
    pub entropy: Entropy,
}

impl Settings {
    /// Those of a provisioner for all namespaces, with the operating system's entropy.
    pub fn new(node: &str) -> Self {
        Self {
            namespace: None,
            node: node.to_owned(),
            addresses: Vec::new(),
            entropy: Entropy::system(),
        }
    }
}

/// KubeDB's provisioner and coordinator.
pub struct Provisioner {
    client: Client,
    clock: Arc<dyn Clock>,
    settings: Settings,
}

impl Provisioner {
    /// A provisioner that has done nothing yet; `clock` dates the conditions that it writes.
    pub fn new(client: Client, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        Self { client, clock, settings }
    }

    /// Keeps every database as it should be until it is stopped.
    pub async fn run(self, stop: CancellationToken) {
        let Some(mysql) = stop.run_until_cancelled(discover(&self.client)).await else {
            return;
        };
        let Self { client, clock, settings } = self;
        let controller = controller(&client, &mysql, settings.namespace.as_deref());
        let cluster = Cluster::new(client, mysql);
        let turns = Arc::new(Turns { cluster, clock, settings });
        let outcomes = controller.graceful_shutdown_on(stop.clone().cancelled_owned()).run(
            |mysql, turns: Arc<Turns>| async move { turns.turn(&mysql).await },
            |mysql, _, _| again_after(TRY_AGAIN, &mysql),
            turns,
        );
        drive(outcomes, stop).await;
    }
}

/// A turn after so long, in a moment that is the database's own.
fn again_after(pause: Duration, mysql: &MySql) -> Action {
    Action::requeue(pause + repeatable::apart(mysql.namespace(), mysql.name()))
}

/// MySQL in the version that the apiserver serves and we like best.
async fn discover(client: &Client) -> ApiResource {
    loop {
        match within(DEADLINE, client.list_api_groups()).await {
            Ok(groups) => {
                let groups = groups.groups.iter().filter(|group| group.name == MYSQL.group);
                let served: Vec<&str> = groups
                    .flat_map(|group| group.versions.iter().map(|version| version.version.as_str()))
                    .collect();
                if let Some(resource) = MYSQL.choose(&served) {
                    return resource;
                }
            }
            Err(failure) => warn!("cannot ask what the apiserver serves: {failure}"),
        }
        sleep(ASK_AGAIN).await;
    }
}

/// Watches databases and all that belongs to them.
fn controller(client: &Client, mysql: &ApiResource, namespace: Option<&str>) -> Controller<MySql> {
    let everything = watcher::Config::default;
    let databases = match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, mysql),
        None => Api::all_with(client.clone(), mysql),
    };
    let resource = mysql.clone();
    Controller::new_with(databases, everything(), mysql.clone())
        .with_config(repeatable::config())
        .trigger_backoff(SteadyPause)
        .owns(scoped::<Certificate>(client, namespace), everything())
        .owns(scoped::<StatefulSet>(client, namespace), everything())
        .owns(scoped::<Service>(client, namespace), everything())
        .owns(scoped::<PodDisruptionBudget>(client, namespace), everything())
        .owns(scoped::<Secret>(client, namespace), everything())
        .watches(
            // Of pods their readiness matters, and any change of it changes the metadata.
            scoped::<PartialObjectMeta<Pod>>(client, namespace),
            everything().labels(pod::SELECTOR),
            move |pod| {
                let database = meta::label(&pod.metadata, INSTANCE_LABEL);
                let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
                database.map(|name| ObjectRef::new_with(name, resource.clone()).within(namespace))
            },
        )
}

fn scoped<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

#[cfg(test)]
mod tests;
