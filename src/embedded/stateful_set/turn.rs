//! What is done for one set: claim its pods, create and delete, tell.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Pod, PodCondition};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::runtime::controller::Action;
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use tracing::info;

use super::again_after;
use super::claim::{self, Claim};
use super::plan::{self, Health, Member, Step, Wanted};
use super::pod::{self, REVISION_LABEL};
use super::status;
use crate::api::meta;
use crate::clock::Clock;
use crate::cluster::failure::{ApiFailure, within};
use crate::core::time::{Span, Time};

/// How long the apiserver may take to answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// How often a set is looked at without a cause: a deletion that happened while a watch was being
/// set up again is told by nobody.
const LOOK_AGAIN: Duration = Duration::from_secs(600);
/// The field manager of all writes.
const MANAGER: &str = "statefulset-controller";

/// Why a turn ended before its end. The next one tries again.
#[derive(Debug, thiserror::Error)]
#[error("{call} {name}: {failure}")]
pub(super) struct Problem {
    call: &'static str,
    name: String,
    failure: ApiFailure,
}

/// What every turn needs.
pub(super) struct Turns {
    pub(super) client: Client,
    pub(super) clock: Arc<dyn Clock>,
}

impl Turns {
    /// Brings the pods of a set closer to what it wants.
    pub(super) async fn turn(&self, cached: &StatefulSet) -> Result<Action, Problem> {
        let (name, namespace) = (cached.name_any(), cached.namespace().unwrap_or_default());
        let sets: Api<StatefulSet> = Api::namespaced(self.client.clone(), &namespace);
        let found = ask("get StatefulSet", &name, sets.get_opt(&name)).await?;
        let Some(set) = found.filter(|set| !meta::is_deleting(&set.metadata)) else {
            return Ok(Action::await_change());
        };
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &namespace);
        let pods = self.claimed(&set, &api).await?;
        let revision = pod::revision(&set);
        let wanted = wanted(&set, &revision);
        let (members, soonest) = self.members(&set, &pods);
        for step in plan::steps(&wanted, &members) {
            take(step, &set, &pods, &revision, &api).await?;
        }
        let status = status::status(&set, &wanted, &members);
        if set.status.as_ref() != Some(&status) {
            let (params, change) = (patched(), Patch::Merge(json!({ "status": status })));
            let changed = sets.patch_status(&name, &params, &change);
            ask("patch the status of StatefulSet", &name, changed).await?;
        }
        let wait = soonest.and_then(|span| u64::try_from(span.as_seconds()).ok());
        Ok(again_after(wait.map_or(LOOK_AGAIN, Duration::from_secs), cached))
    }

    /// The pods that the set controls, once it has adopted and let go whom it should.
    async fn claimed(&self, set: &StatefulSet, api: &Api<Pod>) -> Result<Vec<Pod>, Problem> {
        let namespace = set.namespace().unwrap_or_default();
        let all = ask("list Pods in", &namespace, api.list(&ListParams::default())).await?;
        let mut pods = Vec::new();
        for pod in all.items {
            match claim::claim(set, &pod) {
                Claim::Own => pods.push(pod),
                Claim::Adopt => {
                    let owners = pod.owner_references().iter().cloned();
                    let owners: Vec<_> = owners.chain([pod::owner(set)]).collect();
                    pods.push(own(&pod, json!(owners), api).await?);
                }
                Claim::Release => {
                    let mut owners = pod.owner_references().to_vec();
                    owners.retain(|owner| Some(&owner.uid) != set.metadata.uid.as_ref());
                    own(&pod, json!(owners), api).await?;
                }
                Claim::Foreign => {}
            }
        }
        Ok(pods)
    }

    /// The pods for the plan, and how long it takes until the next of them is available; none when
    /// that is not a matter of waiting.
    fn members(&self, set: &StatefulSet, pods: &[Pod]) -> (Vec<Member>, Option<Span>) {
        let now = self.clock.now();
        let after = set.spec.as_ref().and_then(|spec| spec.min_ready_seconds).unwrap_or(0);
        let after = Span::seconds(i64::from(after));
        let mut soonest: Option<Span> = None;
        let members = pods.iter().filter_map(|pod| {
            let (_, ordinal) = claim::parse(pod.metadata.name.as_deref()?)?;
            let since = ready_since(pod);
            // Without a wait the clocks of the kubelet and of this host need not agree.
            let left = since.map(|since| match after {
                Span::ZERO => Span::ZERO,
                after => (since + after).since(now),
            });
            if let Some(left) = left.filter(|left| *left > Span::ZERO) {
                soonest = Some(soonest.map_or(left, |soonest| soonest.min(left)));
            }
            Some(Member {
                ordinal,
                revision: pod.labels().get(REVISION_LABEL).cloned().unwrap_or_default(),
                leaving: meta::is_deleting(&pod.metadata),
                health: match left {
                    _ if matches!(phase(pod), "Failed" | "Succeeded") => Health::Ended,
                    None => Health::Unready,
                    Some(left) if left > Span::ZERO => Health::Ready,
                    Some(_) => Health::Available,
                },
            })
        });
        (members.collect(), soonest)
    }
}

fn wanted<'a>(set: &StatefulSet, revision: &'a str) -> Wanted<'a> {
    let spec = set.spec.as_ref();
    let replicas = spec.and_then(|spec| spec.replicas).unwrap_or(1);
    let policy = spec.and_then(|spec| spec.pod_management_policy.as_deref());
    let strategy = spec.and_then(|spec| spec.update_strategy.as_ref());
    let strategy = strategy.and_then(|strategy| strategy.type_.as_deref());
    Wanted {
        replicas: u32::try_from(replicas).unwrap_or(0),
        in_order: policy != Some("Parallel"),
        replaces: strategy != Some("OnDelete"),
        revision,
    }
}

async fn take(
    step: Step,
    set: &StatefulSet,
    pods: &[Pod],
    revision: &str,
    api: &Api<Pod>,
) -> Result<(), Problem> {
    match step {
        Step::Create(ordinal) => {
            let pod = pod::pod(set, ordinal, revision);
            let name = pod.name_any();
            info!(stateful_set = set.name_any(), pod = name, "pod created");
            let params = PostParams { field_manager: Some(MANAGER.to_owned()), dry_run: false };
            ask("create Pod", &name, api.create(&params, &pod)).await.map(drop)
        }
        Step::Delete(ordinal) => {
            let is_it =
                |pod: &&Pod| claim::parse(&pod.name_any()).is_some_and(|it| it.1 == ordinal);
            let Some(pod) = pods.iter().find(is_it) else { return Ok(()) };
            let name = pod.name_any();
            info!(stateful_set = set.name_any(), pod = name, "pod deleted");
            let preconditions = Preconditions { uid: pod.uid(), resource_version: None };
            let params = DeleteParams::default().preconditions(preconditions);
            match ask("delete Pod", &name, api.delete(&name, &params)).await {
                Err(Problem { failure: ApiFailure::NotFound, .. }) | Ok(_) => Ok(()),
                Err(problem) => Err(problem),
            }
        }
    }
}

/// Sets the owners of a pod as it was read.
async fn own(pod: &Pod, owners: Value, api: &Api<Pod>) -> Result<Pod, Problem> {
    let name = pod.name_any();
    let metadata = json!({"ownerReferences": owners, "uid": pod.metadata.uid,
        "resourceVersion": pod.metadata.resource_version});
    let change = Patch::Merge(json!({ "metadata": metadata }));
    ask("patch Pod", &name, api.patch(&name, &patched(), &change)).await
}

fn phase(pod: &Pod) -> &str {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    phase.unwrap_or_default()
}

/// Since when a pod has been running and Ready; none when it is not.
fn ready_since(pod: &Pod) -> Option<Time> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let is_ready = |each: &&PodCondition| each.type_ == "Ready" && each.status == "True";
    let ready = conditions.iter().find(is_ready).filter(|_| phase(pod) == "Running")?;
    Some(ready.last_transition_time.as_ref().map_or(Time::MIN, |time| Time::from(time.0)))
}

fn patched() -> PatchParams {
    PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() }
}

async fn ask<T>(
    call: &'static str,
    name: &str,
    answer: impl Future<Output = kube::Result<T>>,
) -> Result<T, Problem> {
    let answer = within(DEADLINE, answer).await;
    answer.map_err(|failure| Problem { call, name: name.to_owned(), failure })
}
