//! A local run of the core: what the daemon watches is read once, with the user's own rights.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::reach::Reached;
use crate::clock::{Clock as _, SystemClock};
use crate::cluster::shared::{Shared, Standing};
use crate::cluster::snapshot::Context;
use crate::cluster::stores::{Settings, Stores};
use crate::cluster::watch::Watcher;
use crate::core::fleet::{Fleet, Text};
use crate::core::plan::plan;
use crate::core::policy::Policy;
use crate::core::time::Span;
use crate::daemon::{View, vocabulary, watched};
use crate::metrics::acts::Acts;

/// How long a cluster may take to tell everything.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the daemon would decide now under this policy, but for what it alone has seen on servers.
pub(super) async fn view(reached: &Reached, policy: Policy) -> anyhow::Result<View> {
    let (clock, acts) = (Arc::new(SystemClock), Arc::new(Acts::new(&vocabulary())?));
    let shared = Arc::new(Shared::new(Stores::new(Settings::default()), clock, acts));
    let stop = CancellationToken::new();
    let watcher = Watcher::new(&reached.client, reached.calls.clone(), Arc::clone(&shared));
    let watching = watcher.run(watched(&policy.watch), stop.child_token());
    tokio::select! {
        () = watching => bail!("the cluster cannot be watched"),
        known = known(&shared) => known?,
    }
    let fleet = snapshot(&shared, &policy);
    let now = SystemClock.now();
    Ok(View {
        plan: Some(Arc::new(plan(&fleet, &policy, now))),
        fleet: Arc::new(fleet),
        policy: Some(Arc::new(policy)),
        at: Some(now),
        config_loaded: None,
        feasibility: None,
    })
}

/// Waits until everything has been listed; what is forbidden will not be.
async fn known(shared: &Shared) -> anyhow::Result<()> {
    let all = async {
        while !shared.not_synced().is_empty() {
            let reports = shared.reports();
            let hopeless = |standing: &Standing| {
                matches!(standing, Standing::Forbidden(_) | Standing::NotServed)
            };
            if reports.values().any(|it| !it.reliable && hopeless(&it.standing)) {
                let known = reports.values().all(|it| it.standing != Standing::Starting);
                if known {
                    bail!("{}", shared.not_synced().join("; "));
                }
            }
            // Not every change of a watch rings.
            drop(timeout(Duration::from_millis(200), shared.changed.notified()).await);
        }
        Ok(())
    };
    let late =
        |_| anyhow!("the cluster has not told everything: {}", shared.not_synced().join("; "));
    timeout(PATIENCE, all).await.map_err(late)?
}

/// Seen as the installation that owns most of the Rotations sees it.
fn snapshot(shared: &Shared, policy: &Policy) -> Fleet {
    let take = |installation: Option<Text>| {
        let context = Context {
            installation,
            dead_installations: BTreeSet::new(),
            leader: true,
            clock_offset: Span::ZERO,
            own_executor: false,
            policy,
        };
        shared.with_stores(|stores| stores.snapshot(&context))
    };
    let fleet = take(None);
    let mut owners: BTreeMap<Text, usize> = BTreeMap::new();
    let rotations = fleet.databases.values().filter_map(|database| database.rotation.as_ref());
    for owner in rotations.filter_map(|rotation| rotation.record.installation.as_ref()) {
        *owners.entry(Text::clone(owner)).or_default() += 1;
    }
    match owners.into_iter().max_by_key(|(_, count)| *count) {
        Some((owner, _)) => take(Some(owner)),
        None => fleet,
    }
}
