//! The `StatefulSet` controller of the embedded cluster; a real one has kube-controller-manager's.
//!
//! It does what databases need of that one, and in its order: pods with their ordinals, created and
//! removed one after the other or at once, replaced under their names when they go; `OnDelete` and
//! `RollingUpdate`; adoption of orphans; minReadySeconds; the status.
//!
//! Different from the real one:
//! - There are no `ControllerRevision`s. A revision is a hash of the template, and every new pod is
//!   of the newest one: `rollingUpdate.partition` counts as 0, and nothing is rolled back.
//! - There are no volumes that outlive a pod. `volumeClaimTemplates` are not made into claims; the
//!   pod gets an empty directory under each one's name. Databases on `Ephemeral` storage have none.
//! - A revision's name is cut so that it fits into a label; the real controller cannot make pods
//!   for a set whose name has more than 52 characters.
//!
//! | file | what |
//! |---|---|
//! | `turn` | what is done for one set, in which order |
//! | `plan` | which pods to create and to delete now: pure |
//! | `claim` | whose a pod is: pure |
//! | `pod` | a pod and a revision from the template: pure |
//! | `status` | the counts: pure |

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{Action, Controller};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt as _};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::embedded::controller::drive;
use crate::embedded::repeatable::{self, SteadyPause};

mod claim;
mod plan;
mod pod;
mod status;
mod turn;

use turn::Turns;

/// How long after a turn that failed the next one begins.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// The `StatefulSet` controller.
pub struct StatefulSets {
    client: Client,
    clock: Arc<dyn Clock>,
}

impl StatefulSets {
    /// A controller that has done nothing yet; `clock` tells for how long a pod has been Ready.
    pub fn new(client: Client, clock: Arc<dyn Clock>) -> Self {
        Self { client, clock }
    }

    /// Keeps the pods of every `StatefulSet` until it is stopped.
    pub async fn run(self, stop: CancellationToken) {
        let Self { client, clock } = self;
        let sets: Api<StatefulSet> = Api::all(client.clone());
        let pods: Api<PartialObjectMeta<Pod>> = Api::all(client.clone());
        let everything = watcher::Config::default;
        let controller = Controller::new(sets, everything())
            .with_config(repeatable::config())
            .trigger_backoff(SteadyPause)
            // By name and not by owner: a pod that is let go or waits to be adopted counts too.
            .watches(pods, everything(), |pod| {
                let (set, _) = claim::parse(pod.metadata.name.as_deref()?)?;
                let namespace = pod.metadata.namespace.as_deref()?;
                Some(ObjectRef::new(set).within(namespace))
            });
        let outcomes = controller.graceful_shutdown_on(stop.clone().cancelled_owned()).run(
            |set, turns: Arc<Turns>| async move { turns.turn(&set).await },
            |set, _, _| again_after(TRY_AGAIN, &set),
            Arc::new(Turns { client, clock }),
        );
        drive(outcomes, stop).await;
    }
}

/// A turn after so long, in a moment that is the set's own.
fn again_after(pause: Duration, set: &StatefulSet) -> Action {
    let namespace = set.namespace().unwrap_or_default();
    Action::requeue(pause + repeatable::apart(&namespace, &set.name_any()))
}

#[cfg(test)]
mod tests;
