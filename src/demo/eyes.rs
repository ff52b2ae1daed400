//! The eyes: they look at every server on the wire, whenever it may have another certificate.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::picture::{News, Tone};
use super::sights::{Sight, Sights};
use super::wire::Looker;
use crate::clock::Clock;
use crate::core::certificate::Leaf;
use crate::core::fleet::{Fleet, Key, LeafId, Pod, Text};
use crate::daemon::View;
use crate::embedded::api::ApiServer;

/// How often to see whether there is anything to look at, when the daemon sees no change.
const EVERY: Duration = Duration::from_secs(1);
/// A server that was not restarted is looked at again after this long: trust is good.
const AGAIN: Duration = Duration::from_secs(15);
/// Where mysqld listens.
const PORT: u16 = 3306;

/// What the eyes look with, at, and for.
pub(super) struct Eyes {
    /// Where the servers' addresses are.
    pub(super) server: ApiServer,
    /// Which servers there should be.
    pub(super) views: watch::Receiver<Arc<View>>,
    /// How to look at one.
    pub(super) looker: Looker,
    /// What was seen.
    pub(super) sights: watch::Sender<Sights>,
    /// What of it is news.
    pub(super) news: mpsc::Sender<News>,
    /// The time.
    pub(super) clock: Arc<dyn Clock>,
}

/// A server to look at.
struct Target {
    key: Key,
    name: Text,
    pod: Pod,
    address: SocketAddr,
}

impl Target {
    fn place(&self) -> (Text, Text) {
        (Text::clone(&self.key.namespace), Text::clone(&self.name))
    }
}

impl Eyes {
    /// Looks until it is stopped.
    pub(super) async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut looked = BTreeMap::new();
        let looking = async {
            loop {
                self.look(&mut looked).await;
                if let Ok(Err(_)) = timeout(EVERY, self.views.changed()).await {
                    // The daemon is gone, and so will be everything else.
                    return std::future::pending().await;
                }
            }
        };
        stop.run_until_cancelled(looking).await;
        Ok(())
    }

    /// Looks at those that may present something new, all at once.
    async fn look(&mut self, looked: &mut BTreeMap<(Text, Text), Instant>) {
        let fleet = Arc::clone(&self.views.borrow_and_update().fleet);
        let targets = self.targets(&fleet);
        let due = |target: &Target| {
            let sights = self.sights.borrow();
            let known =
                sights.last(&target.key, &target.name).is_some_and(|it| it.is_of(&target.pod));
            !known || looked.get(&target.place()).is_none_or(|at| at.elapsed() >= AGAIN)
        };
        let due: Vec<Target> = targets.into_iter().filter(due).collect();
        let looks = join_all(due.iter().map(|target| self.looker.look(target.address))).await;
        for (target, look) in due.iter().zip(looks) {
            match look {
                Ok(leaf) => {
                    looked.insert(target.place(), Instant::now());
                    self.saw(target, &leaf);
                }
                Err(why) => {
                    tracing::debug!(pod = %target.name, address = %target.address, "not seen: {why}");
                }
            }
        }
    }

    fn targets(&self, fleet: &Fleet) -> Vec<Target> {
        let pods = fleet.databases.iter().flat_map(|(key, database)| {
            database
                .pods
                .iter()
                .filter(|(_, pod)| pod.ready)
                .map(move |(name, pod)| (key, name, pod))
        });
        pods.filter_map(|(key, name, pod)| self.target(key, name, pod)).collect()
    }

    fn target(&self, key: &Key, name: &Text, pod: &Pod) -> Option<Target> {
        let object = self.server.get("pods", &key.namespace, name)?;
        let address: IpAddr = object["status"]["podIP"].as_str()?.parse().ok()?;
        Some(Target {
            key: key.clone(),
            name: Text::clone(name),
            pod: pod.clone(),
            address: SocketAddr::new(address, PORT),
        })
    }

    fn saw(&self, target: &Target, leaf: &Leaf) {
        let leaf = LeafId {
            not_before: leaf.not_before,
            not_after: leaf.not_after,
            fingerprint: Some(leaf.fingerprint),
        };
        let pod = &target.pod;
        let sight = Sight { pod_uid: Text::clone(&pod.uid), started: pod.started, leaf };
        let mut before = None;
        self.sights.send_if_modified(|sights| {
            before = sights.note(&target.key, &target.name, sight.clone());
            before.as_ref() != Some(&sight)
        });
        if before.is_some_and(|before| before.leaf.differs_from(&leaf)) {
            let text = format!("{} serves the new certificate", target.name);
            let (at, about) = (self.clock.now(), target.key.to_string());
            // News that nobody takes in time is none.
            drop(self.news.try_send(News { at, about, text, tone: Tone::Step, ended: None }));
        }
    }
}
