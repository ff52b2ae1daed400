//! Other installations of certrotor: whether the one that owns a record is still there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use tokio::time::Instant;

use crate::cluster::client::Calls;
use crate::core::fleet::{Fleet, Text};

/// How often the Lease of another installation is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// A Lease that has not been renewed for so long is nobody's.
const DEAD_AFTER: Duration = Duration::from_secs(120);

/// The id of an installation: where its Lease is.
pub(super) fn id(namespace: &str, name: &str) -> Text {
    format!("{namespace}.{name}").into()
}

/// What is known of the others.
pub(super) struct Installations {
    client: Client,
    calls: Calls,
    /// Our own id.
    pub(super) own: Text,
    seen: BTreeMap<Text, Seen>,
    looked: Option<Instant>,
}

/// The Lease of another installation, as far as it tells that somebody renews it. Only our own
/// clock measures: the times in it are another host's.
struct Seen {
    renewed: Option<String>,
    since: Instant,
}

impl Installations {
    pub(super) const fn new(client: Client, calls: Calls, own: Text) -> Self {
        Self { client, calls, own, seen: BTreeMap::new(), looked: None }
    }

    /// Those whose Lease is gone. One that was never looked at is not.
    pub(super) fn dead(&self) -> BTreeSet<Text> {
        let dead = self.seen.iter().filter(|(_, seen)| !seen.is_alive());
        dead.map(|(owner, _)| Text::clone(owner)).collect()
    }

    /// Looks at the Leases of those that own a record, now and then.
    pub(super) async fn look(&mut self, fleet: &Fleet) {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
            return;
        }
        self.looked = Some(Instant::now());
        for owner in self.owners(fleet) {
            let Some((namespace, name)) = owner.split_once('.') else { continue };
            let api: Api<Lease> = Api::namespaced(self.client.clone(), namespace);
            match self.calls.run("get", api.get_opt(name)).await {
                Ok(lease) => self.note(owner.clone(), lease.as_ref()),
                Err(failure) => {
                    tracing::warn!(installation = %owner, "could not look at its Lease: {failure}");
                }
            }
        }
    }

    fn note(&mut self, owner: Text, lease: Option<&Lease>) {
        let spec = lease.and_then(|lease| lease.spec.as_ref());
        let held =
            spec.filter(|spec| spec.holder_identity.as_ref().is_some_and(|it| !it.is_empty()));
        let renewed = held.and_then(|spec| spec.renew_time.as_ref()).map(|at| at.0.to_string());
        let news = self.seen.get(&owner).is_none_or(|seen| seen.renewed != renewed);
        if news {
            self.seen.insert(owner, Seen { renewed, since: Instant::now() });
        }
    }

    fn owners(&self, fleet: &Fleet) -> BTreeSet<Text> {
        let rotations = fleet.databases.values().filter_map(|database| database.rotation.as_ref());
        let owners = rotations.filter_map(|rotation| rotation.record.installation.clone());
        owners.filter(|owner| *owner != self.own).collect()
    }
}

impl Seen {
    fn is_alive(&self) -> bool {
        self.renewed.is_some() && self.since.elapsed() < DEAD_AFTER
    }
}
