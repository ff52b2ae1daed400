//! The eyes: what the daemon has seen on the wire, as sights and as news.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::picture::{News, Tone};
use super::sights::{Sight, Sights};
use crate::clock::Clock;
use crate::core::fleet::{Fleet, Key, Pod, Text};
use crate::daemon::View;

/// Where the eyes look, and for whom.
pub(super) struct Eyes {
    /// What the daemon knows.
    pub(super) views: watch::Receiver<Arc<View>>,
    /// What was seen.
    pub(super) sights: watch::Sender<Sights>,
    /// What of it is news.
    pub(super) news: mpsc::Sender<News>,
    /// The time.
    pub(super) clock: Arc<dyn Clock>,
}

impl Eyes {
    /// Looks until it is stopped.
    pub(super) async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let looking = async {
            loop {
                let fleet = Arc::clone(&self.views.borrow_and_update().fleet);
                self.look(&fleet);
                if self.views.changed().await.is_err() {
                    // The daemon is gone, and so will be everything else.
                    return std::future::pending().await;
                }
            }
        };
        stop.run_until_cancelled(looking).await;
        Ok(())
    }

    fn look(&self, fleet: &Fleet) {
        for (key, database) in &fleet.databases {
            for (name, pod) in &database.pods {
                if let Some(sight) = sight(pod) {
                    self.saw(key, name, &sight);
                }
            }
        }
    }

    fn saw(&self, key: &Key, name: &Text, sight: &Sight) {
        let leaf = sight.leaf;
        let mut before = None;
        self.sights.send_if_modified(|sights| {
            before = sights.note(key, name, sight.clone());
            before.as_ref() != Some(sight)
        });
        if before.is_some_and(|before| before.leaf.differs_from(&leaf)) {
            let text = format!("{name} serves the new certificate");
            let (at, about) = (self.clock.now(), key.to_string());
            // News that nobody takes in time is none.
            drop(self.news.try_send(News { at, about, text, tone: Tone::Step, ended: None }));
        }
    }
}

/// What the newest look at a server showed, since its mysqld was started.
fn sight(pod: &Pod) -> Option<Sight> {
    let newest = pod.seen.last()?;
    let leaf = newest.leaf.filter(|_| Some(newest.began) >= pod.started)?;
    Some(Sight { pod_uid: Text::clone(&pod.uid), started: pod.started, leaf })
}
