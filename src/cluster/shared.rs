//! What the watches share with the loop: the stores, how each watch stands, and a bell.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use kube::discovery::ApiResource;
use tokio::sync::Notify;

use super::stores::Stores;
use crate::api::resources::{MYSQL, ROTATION};
use crate::clock::Clock;
use crate::core::time::Time;
use crate::metrics::acts::Acts;

/// One watch: a resource in one namespace, or in all of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Watched {
    /// Its name in URLs.
    pub resource: &'static str,
    /// Its API group.
    pub group: &'static str,
    /// The namespace; none: all of them.
    pub scope: Option<String>,
}

/// How a watch stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has not listed yet.
    Starting,
    /// It is current.
    Synced,
    /// The apiserver does not serve the kind: its CRD is missing.
    NotServed,
    /// The apiserver refuses to list or watch it: RBAC is missing.
    Forbidden(String),
    /// It fails otherwise, and is tried again.
    Failing(String),
}

/// What is known of one watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How it stands.
    pub standing: Standing,
    /// Whether its store may be relied on: it has been current, and its kind is still served.
    pub reliable: bool,
    /// When the apiserver last said anything on it.
    pub last_heard: Option<Time>,
}

/// What the watches share with the loop.
pub struct Shared {
    stores: Mutex<Stores>,
    reports: Mutex<BTreeMap<Watched, Report>>,
    mysql: Mutex<ApiResource>,
    /// Rings when something has changed.
    pub changed: Notify,
    clock: Arc<dyn Clock>,
    acts: Arc<Acts>,
}

impl Shared {
    /// Nothing is known yet.
    pub fn new(stores: Stores, clock: Arc<dyn Clock>, acts: Arc<Acts>) -> Self {
        let (stores, reports) = (Mutex::new(stores), Mutex::default());
        let mysql = Mutex::new(MYSQL.in_version(MYSQL.versions[0]));
        Self { stores, reports, mysql, changed: Notify::new(), clock, acts }
    }

    /// Works on the stores.
    pub fn with_stores<T>(&self, work: impl FnOnce(&mut Stores) -> T) -> T {
        work(&mut self.stores.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// MySQL in the version that the apiserver serves.
    pub fn mysql_resource(&self) -> ApiResource {
        self.mysql.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Discovery found MySQL in this version.
    pub fn set_mysql_resource(&self, resource: ApiResource) {
        *self.mysql.lock().unwrap_or_else(PoisonError::into_inner) = resource;
    }

    /// Every watch, for metrics and readiness.
    pub fn reports(&self) -> BTreeMap<Watched, Report> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What keeps the stores from being relied on; empty when nothing does.
    pub fn not_synced(&self) -> Vec<String> {
        let reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        if reports.is_empty() {
            return vec!["no watch has started".to_owned()];
        }
        let waiting = reports.iter().filter(|(_, report)| !report.reliable);
        waiting.map(|(watched, report)| sentence(watched, &report.standing)).collect()
    }

    /// The apiserver said something on a watch.
    pub fn heard(&self, watched: &Watched) {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(report) = reports.get_mut(watched) {
            report.last_heard = Some(self.clock.now());
        }
    }

    /// A watch goes on from where it was: what failed before is over.
    pub fn goes_on(&self, watched: &Watched) {
        self.heard(watched);
        let reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = reports.get(watched).is_some_and(|report| {
            report.reliable && matches!(report.standing, Standing::Failing(_))
        });
        drop(reports);
        if failed {
            self.stands(watched, false, Standing::Synced);
        }
    }

    /// Notes how a watch stands, and says so when that is news.
    pub fn stands(&self, watched: &Watched, optional: bool, standing: Standing) {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        let report = reports.entry(watched.clone()).or_insert(Report {
            standing: Standing::Starting,
            reliable: false,
            last_heard: None,
        });
        let answered = matches!(standing, Standing::Synced | Standing::NotServed);
        if answered {
            report.last_heard = Some(self.clock.now());
            report.reliable = optional || standing == Standing::Synced;
        }
        if report.standing == standing {
            return;
        }
        report.standing = standing;
        let sentence = sentence(watched, &report.standing);
        let fine = answered && report.reliable;
        drop(reports);
        if fine {
            tracing::debug!(resource = watched.resource, "{sentence}");
        } else {
            self.acts.watch_restarted(watched.resource);
            tracing::warn!(resource = watched.resource, "{sentence}");
        }
        self.changed.notify_one();
    }
}

/// How a watch stands, for people: what is missing, and what to do.
fn sentence(watched: &Watched, standing: &Standing) -> String {
    let what = match &watched.scope {
        Some(namespace) => format!("{} in namespace {namespace}", watched.resource),
        None => watched.resource.to_owned(),
    };
    let group = watched.group;
    match standing {
        Standing::Starting => format!("{what}: not listed yet"),
        Standing::Synced => format!("{what}: watched"),
        Standing::NotServed => {
            let install = if group == ROTATION.group {
                "certrotor crds | kubectl apply --server-side -f -".to_owned()
            } else {
                format!("install the CRDs of {group}")
            };
            format!("{what}: the apiserver does not serve them; {install}")
        }
        Standing::Forbidden(message) => format!(
            "{what}: not allowed to list and watch them; apply deploy/manifests.yaml ({message})"
        ),
        Standing::Failing(message) => format!("{what}: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_served_is_said_with_what_to_do() {
        let sentence = |resource, group| {
            sentence(&Watched { resource, group, scope: None }, &Standing::NotServed)
        };
        assert_eq!(
            sentence("mysqls", "kubedb.com"),
            "mysqls: the apiserver does not serve them; install the CRDs of kubedb.com"
        );
        assert_eq!(
            sentence("rotations", "certrotor.dev"),
            "rotations: the apiserver does not serve them; \
             certrotor crds | kubectl apply --server-side -f -"
        );
    }
}
