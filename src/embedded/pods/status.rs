//! The status of a pod, as a kubelet writes it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated,
    ContainerStateWaiting, ContainerStatus, HostIP, Pod, PodCondition, PodIP, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time as MetaTime;
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::runtime::Part;
use super::worker::{Ended, SERVER, State, Worker, server_container};
use crate::core::time::Time;

/// The node's own address.
const HOST: &str = "127.0.0.1";

/// The conditions that a kubelet sets, in the order in which it writes them.
const TYPES: [&str; 5] =
    ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];

/// The condition of a pod by which KubeDB's part knows what its server is in its group: what a
/// coordinator beside the server finds out there. True: it is the primary; Unknown: it is in none.
pub const PRIMARY_CONDITION: &str = "kubedb.com/Primary";

/// Since when each condition is what it is.
#[derive(Default)]
pub(super) struct Conditions(BTreeMap<&'static str, (bool, Time)>);

impl Conditions {
    /// As the status of a pod has them.
    pub(super) fn of(pod: &Pod) -> Self {
        let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
        Self(conditions.filter_map(known).collect())
    }

    fn since(&mut self, type_: &'static str, holds: bool, now: Time) -> Time {
        let (was, since) = self.0.entry(type_).or_insert((holds, now));
        if *was != holds {
            (*was, *since) = (holds, now);
        }
        *since
    }
}

fn known(condition: &PodCondition) -> Option<(&'static str, (bool, Time))> {
    let type_ = TYPES.into_iter().find(|type_| *type_ == condition.type_)?;
    let since = condition.last_transition_time.as_ref()?;
    Some((type_, (condition.status == "True", Time::from(since.0))))
}

/// What the status of a pod should be.
pub(super) fn of(pod: &Pod, worker: &mut Worker, now: Time) -> PodStatus {
    let containers: Vec<ContainerStatus> = each(pod).map(|one| container(one, worker)).collect();
    let unready: Vec<&str> =
        containers.iter().filter(|one| !one.ready).map(|one| one.name.as_str()).collect();
    let unready = unready.join(" ");
    let ready = unready.is_empty() && !containers.is_empty();
    let holds = |type_| match type_ {
        "PodReadyToStartContainers" => worker.is_mounted() && !ended(worker),
        "Ready" | "ContainersReady" => ready,
        _ => true,
    };
    let conditions = TYPES.map(|type_| (type_, holds(type_)));
    let conditions = conditions.map(|(type_, holds)| {
        let explained = !holds && type_.ends_with("Ready");
        PodCondition {
            type_: type_.to_owned(),
            status: if holds { "True" } else { "False" }.to_owned(),
            reason: explained.then(|| "ContainersNotReady".to_owned()),
            message: explained.then(|| format!("containers with unready status: [{unready}]")),
            last_transition_time: Some(time(worker.conditions.since(type_, holds, now))),
            ..PodCondition::default()
        }
    });
    let conditions = conditions.into_iter().chain(part(pod, worker.part(), now));
    let address = worker.address.to_string();
    PodStatus {
        phase: Some(phase(pod, worker).to_owned()),
        conditions: Some(conditions.collect()),
        host_ip: Some(HOST.to_owned()),
        host_ips: Some(vec![HostIP { ip: HOST.to_owned() }]),
        pod_ip: Some(address.clone()),
        pod_ips: Some(vec![PodIP { ip: address }]),
        start_time: Some(time(worker.started)),
        container_statuses: Some(containers),
        ..PodStatus::default()
    }
}

/// What the server is in its group, once it has been in one.
fn part(pod: &Pod, part: Option<Part>, now: Time) -> Option<PodCondition> {
    let told = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let mut told = told.filter(|condition| condition.type_ == PRIMARY_CONDITION);
    let told = told.next();
    let status = match part {
        Some(Part::Primary) => "True",
        Some(Part::Secondary) => "False",
        None => told.map(|_| "Unknown")?,
    };
    if let Some(same) = told.filter(|told| told.status == status) {
        return Some(same.clone());
    }
    Some(PodCondition {
        type_: PRIMARY_CONDITION.to_owned(),
        status: status.to_owned(),
        last_transition_time: Some(time(now)),
        ..PodCondition::default()
    })
}

fn ended(worker: &Worker) -> bool {
    matches!(worker.state, State::Ended(_))
}

fn phase(pod: &Pod, worker: &Worker) -> &'static str {
    match &worker.state {
        State::Ended(ended) if ended.exit == 0 => "Succeeded",
        State::Ended(_) => "Failed",
        State::Running(_) => "Running",
        State::Waiting(_) if worker.last.is_some() => "Running",
        State::Waiting(_) if server_container(pod).is_none() && worker.is_mounted() => "Running",
        State::Waiting(_) => "Pending",
    }
}

/// The containers in the order of their statuses.
fn each(pod: &Pod) -> impl Iterator<Item = &Container> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut containers: Vec<&Container> = containers.collect();
    containers.sort_by(|one, other| one.name.cmp(&other.name));
    containers.into_iter()
}

fn container(container: &Container, worker: &Worker) -> ContainerStatus {
    let image = container.image.clone().unwrap_or_default();
    let is_server = container.name == SERVER;
    let (state, id) = if is_server { server_state(worker) } else { (companion(worker), None) };
    let running = state.running.is_some();
    let ready = match &worker.state {
        State::Running(server) if is_server => server.is_ready(),
        State::Waiting(_) | State::Running(_) | State::Ended(_) => running,
    };
    let last = worker.last.as_ref().filter(|_| is_server);
    ContainerStatus {
        name: container.name.clone(),
        image_id: image.clone(),
        image,
        container_id: id,
        last_state: Some(last.map(terminated).unwrap_or_default()),
        ready,
        restart_count: if is_server { worker.restarts } else { 0 },
        started: Some(running),
        state: Some(state),
        ..ContainerStatus::default()
    }
}

fn server_state(worker: &Worker) -> (ContainerState, Option<String>) {
    match &worker.state {
        State::Waiting(waiting) => {
            let reason = Some(waiting.reason.to_owned());
            let id = worker.last.as_ref().map(|last| last.id.clone());
            (self::waiting(reason, waiting.message.clone()), id)
        }
        State::Running(running) => (self::running(running.started), Some(running.id.clone())),
        State::Ended(ended) => (terminated(ended), Some(ended.id.clone())),
    }
}

/// Containers without a server run as long as the pod does.
fn companion(worker: &Worker) -> ContainerState {
    match &worker.state {
        State::Ended(ended) => terminated(&Ended {
            id: String::new(),
            exit: 0,
            reason: "Completed",
            started: Some(worker.started),
            finished: ended.finished,
        }),
        State::Waiting(_) | State::Running(_) if worker.is_mounted() => running(worker.started),
        State::Waiting(_) | State::Running(_) => {
            waiting(Some("ContainerCreating".to_owned()), None)
        }
    }
}

fn waiting(reason: Option<String>, message: Option<String>) -> ContainerState {
    let waiting = Some(ContainerStateWaiting { reason, message });
    ContainerState { waiting, ..ContainerState::default() }
}

fn running(started: Time) -> ContainerState {
    let running = Some(ContainerStateRunning { started_at: Some(time(started)) });
    ContainerState { running, ..ContainerState::default() }
}

fn terminated(ended: &Ended) -> ContainerState {
    let terminated = ContainerStateTerminated {
        container_id: Some(ended.id.clone()).filter(|id| !id.is_empty()),
        exit_code: ended.exit,
        reason: Some(ended.reason.to_owned()),
        started_at: ended.started.map(time),
        finished_at: Some(time(ended.finished)),
        ..ContainerStateTerminated::default()
    };
    ContainerState { terminated: Some(terminated), ..ContainerState::default() }
}

/// The last container of this name that a status knows of, which is not there any longer: it has
/// ended, or ran until its node was started anew.
pub(super) fn last_container(pod: &Pod, name: &str, now: Time) -> Option<Ended> {
    let status = container_status(pod, name)?;
    let id = status.container_id.clone()?;
    let time = |time: Option<&MetaTime>| time.map(|time| Time::from(time.0));
    if let Some(running) = status.state.as_ref().and_then(|state| state.running.as_ref()) {
        let started = time(running.started_at.as_ref());
        return Some(Ended { id, exit: 255, reason: "Unknown", started, finished: now });
    }
    let told = [status.state.as_ref(), status.last_state.as_ref()];
    let ended = told.into_iter().flatten().find_map(|state| state.terminated.as_ref())?;
    Some(Ended {
        id,
        exit: ended.exit_code,
        reason: if ended.exit_code == 0 { "Completed" } else { "Error" },
        started: time(ended.started_at.as_ref()),
        finished: time(ended.finished_at.as_ref()).unwrap_or(now),
    })
}

/// How often a container has been started again.
pub(super) fn restarts(pod: &Pod, name: &str) -> i32 {
    container_status(pod, name).map_or(0, |status| status.restart_count)
}

/// When a node first saw the pod.
pub(super) fn start_time(pod: &Pod) -> Option<Time> {
    let start = pod.status.as_ref()?.start_time.as_ref()?;
    Some(Time::from(start.0))
}

fn container_status<'a>(pod: &'a Pod, name: &str) -> Option<&'a ContainerStatus> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find(|status| status.name == name)
}

/// Whether a status says all of that already; what others have written into it is theirs.
pub(super) fn says(status: &PodStatus, wanted: &PodStatus) -> bool {
    let has = |condition: &PodCondition| {
        status.conditions.iter().flatten().any(|other| *other == *condition)
    };
    status.phase == wanted.phase
        && status.host_ip == wanted.host_ip
        && status.pod_ip == wanted.pod_ip
        && status.start_time == wanted.start_time
        && status.container_statuses == wanted.container_statuses
        && wanted.conditions.iter().flatten().all(has)
}

/// The strategic merge patch that makes it say that, and nothing if the pod is another by now.
pub(super) fn patch(pod: &Pod, status: &PodStatus) -> Value {
    let mut patch = json!({"metadata": {"uid": pod.uid()}, "status": status});
    for condition in patch["status"]["conditions"].as_array_mut().into_iter().flatten() {
        for field in ["reason", "message"] {
            // An explanation that no longer holds goes.
            condition[field] = condition[field].take();
        }
    }
    patch
}

fn time(time: Time) -> MetaTime {
    MetaTime(time.timestamp())
}
