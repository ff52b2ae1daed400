//! The cells of a Pod: READY, STATUS and RESTARTS sum up what its containers do.

use serde_json::{Value, json};

use super::age::since;
use super::cells::{NONE, items, or_none, text};
use crate::core::time::Time;

/// READY
pub(in crate::embedded::api) fn pod_ready(pod: &Value, _: Time) -> Value {
    let summary = Summary::of(pod);
    json!(format!("{}/{}", summary.ready, summary.containers))
}

/// STATUS
pub(in crate::embedded::api) fn pod_status(pod: &Value, _: Time) -> Value {
    json!(Summary::of(pod).reason)
}

/// RESTARTS
pub(in crate::embedded::api) fn pod_restarts(pod: &Value, now: Time) -> Value {
    let restarts = Summary::of(pod).restarts;
    json!(match restarts.last {
        Some(last) if restarts.count > 0 => {
            format!("{} ({} ago)", restarts.count, since(&json!(last), now))
        }
        _ => restarts.count.to_string(),
    })
}

/// IP
pub(in crate::embedded::api) fn pod_ip(pod: &Value, _: Time) -> Value {
    json!(or_none(text(&pod["status"]["podIPs"][0]["ip"])))
}

/// NODE
pub(in crate::embedded::api) fn pod_node(pod: &Value, _: Time) -> Value {
    json!(or_none(text(&pod["spec"]["nodeName"])))
}

/// NOMINATED NODE
pub(in crate::embedded::api) fn pod_nominated_node(pod: &Value, _: Time) -> Value {
    json!(or_none(text(&pod["status"]["nominatedNodeName"])))
}

/// READINESS GATES
pub(in crate::embedded::api) fn pod_readiness_gates(pod: &Value, _: Time) -> Value {
    let gates: Vec<&Value> = items(&pod["spec"]["readinessGates"]).collect();
    if gates.is_empty() {
        return json!(NONE);
    }
    let open = gates.iter().filter(|gate| has_condition(pod, text(&gate["conditionType"])));
    json!(format!("{}/{}", open.count(), gates.len()))
}

fn has_condition(pod: &Value, kind: &str) -> bool {
    items(&pod["status"]["conditions"])
        .any(|condition| condition["type"] == kind && condition["status"] == "True")
}

/// How often containers were started again, and when the last of them had ended.
#[derive(Debug, Default)]
struct Restarts<'a> {
    count: i64,
    last: Option<&'a str>,
}

impl<'a> Restarts<'a> {
    fn add(&mut self, status: &'a Value) {
        self.count += status["restartCount"].as_i64().unwrap_or(0);
        let ended = status["lastState"]["terminated"]["finishedAt"].as_str();
        // Moments of one form: they sort as texts.
        self.last = self.last.max(ended);
    }
}

/// A pod in a few words.
#[derive(Debug)]
struct Summary<'a> {
    containers: usize,
    ready: usize,
    reason: String,
    restarts: Restarts<'a>,
}

impl<'a> Summary<'a> {
    fn of(pod: &'a Value) -> Self {
        let (spec, status) = (&pod["spec"], &pod["status"]);
        let sidecars = items(&spec["initContainers"]).filter(|container| is_sidecar(container));
        let mut summary = Self {
            containers: items(&spec["containers"]).count() + sidecars.count(),
            ready: 0,
            reason: match text(&status["reason"]) {
                "" => text(&status["phase"]).to_owned(),
                reason => reason.to_owned(),
            },
            restarts: Restarts::default(),
        };
        let gated = |condition: &Value| {
            condition["type"] == "PodScheduled" && condition["reason"] == "SchedulingGated"
        };
        if items(&status["conditions"]).any(gated) {
            "SchedulingGated".clone_into(&mut summary.reason);
        }
        let initializing = summary.take_in_init_containers(pod);
        if !initializing || has_condition(pod, "Initialized") {
            summary.take_in_containers(pod);
        }
        let ended = matches!(text(&status["phase"]), "Failed" | "Succeeded");
        if pod["metadata"]["deletionTimestamp"].is_string() {
            if status["reason"] == "NodeLost" {
                "Unknown".clone_into(&mut summary.reason);
            } else if !ended {
                "Terminating".clone_into(&mut summary.reason);
            }
        }
        summary
    }

    /// Takes in what was to run first; whether that still goes on.
    fn take_in_init_containers(&mut self, pod: &'a Value) -> bool {
        let count = items(&pod["spec"]["initContainers"]).count();
        for (at, status) in items(&pod["status"]["initContainerStatuses"]).enumerate() {
            self.restarts.add(status);
            let (ended, waiting) = (&status["state"]["terminated"], &status["state"]["waiting"]);
            let spec = items(&pod["spec"]["initContainers"])
                .find(|container| container["name"] == status["name"]);
            if ended["exitCode"] == 0 {
                continue;
            }
            if spec.is_some_and(is_sidecar) && status["started"] == true {
                self.ready += usize::from(status["ready"] == true);
                continue;
            }
            self.reason = match text(&waiting["reason"]) {
                _ if ended.is_object() => format!("Init:{}", end(ended)),
                "" | "PodInitializing" => format!("Init:{at}/{count}"),
                why => format!("Init:{why}"),
            };
            return true;
        }
        false
    }

    fn take_in_containers(&mut self, pod: &'a Value) {
        let sidecars = items(&pod["spec"]["initContainers"]).filter(|spec| is_sidecar(spec));
        let sidecars: Vec<&Value> = sidecars.map(|spec| &spec["name"]).collect();
        self.restarts = Restarts::default();
        for status in items(&pod["status"]["initContainerStatuses"]) {
            if sidecars.contains(&&status["name"]) {
                self.restarts.add(status);
            }
        }
        let (mut runs, mut failed) = (false, None);
        for status in items(&pod["status"]["containerStatuses"]).rev() {
            self.restarts.add(status);
            let state = &status["state"];
            let ended = &state["terminated"];
            match text(&state["waiting"]["reason"]) {
                "" if ended.is_object() => {
                    self.reason = end(ended);
                    if ended["exitCode"] != 0 {
                        failed = Some(self.reason.clone());
                    }
                }
                "" if status["ready"] == true && state["running"].is_object() => {
                    runs = true;
                    self.ready += 1;
                }
                "" => {}
                why => why.clone_into(&mut self.reason),
            }
        }
        if self.reason == "Completed" {
            self.reason = match failed {
                _ if runs && has_condition(pod, "Ready") => "Running".to_owned(),
                Some(failed) => failed,
                None if runs => "NotReady".to_owned(),
                None => "Completed".to_owned(),
            };
        }
    }
}

/// Why a container ended.
fn end(ended: &Value) -> String {
    match (text(&ended["reason"]), ended["signal"].as_i64().unwrap_or(0)) {
        ("", 0) => format!("ExitCode:{}", ended["exitCode"].as_i64().unwrap_or(0)),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

/// An init container that goes on running beside the others.
fn is_sidecar(container: &Value) -> bool {
    container["restartPolicy"] == "Always"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pod: &Value) -> String {
        let now = "2026-11-23T12:00:00Z".parse().unwrap();
        let cells = [pod_ready(pod, now), pod_status(pod, now), pod_restarts(pod, now)];
        cells.map(|cell| cell.as_str().unwrap().to_owned()).join(" | ")
    }

    fn pod(phase: &str, statuses: &Value) -> Value {
        json!({"metadata": {}, "spec": {"containers": [{"name": "mysql"}]},
            "status": {"phase": phase, "containerStatuses": statuses}})
    }

    #[test]
    fn a_pod_says_what_its_containers_do() {
        let running = json!([{"name": "mysql", "ready": true, "restartCount": 0,
            "state": {"running": {}}}]);
        assert_eq!(shown(&pod("Pending", &json!([]))), "0/1 | Pending | 0");
        assert_eq!(shown(&pod("Running", &running)), "1/1 | Running | 0");

        let crashing = json!([{"name": "mysql", "ready": false, "restartCount": 2,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-11-23T11:55:00Z"}}}]);
        assert_eq!(shown(&pod("Running", &crashing)), "0/1 | CrashLoopBackOff | 2 (5m ago)");

        for (ended, reason) in [
            (json!({"exitCode": 0, "reason": "Completed"}), "Completed"),
            (json!({"exitCode": 1, "reason": "Error"}), "Error"),
            (json!({"exitCode": 137}), "ExitCode:137"),
            (json!({"exitCode": 137, "signal": 9}), "Signal:9"),
        ] {
            let statuses = json!([{"name": "mysql", "state": {"terminated": ended}}]);
            assert_eq!(shown(&pod("Failed", &statuses)), format!("0/1 | {reason} | 0"));
        }
    }

    #[test]
    fn a_pod_that_is_going_says_so() {
        let mut going = pod("Running", &json!([]));
        going["metadata"]["deletionTimestamp"] = json!("2026-11-23T12:00:00Z");
        assert_eq!(shown(&going), "0/1 | Terminating | 0");
        going["status"]["phase"] = json!("Failed");
        assert_eq!(shown(&going), "0/1 | Failed | 0");
    }

    #[test]
    fn a_pod_waits_for_its_init_containers() {
        let mut pod = pod("Pending", &json!([]));
        pod["spec"]["initContainers"] =
            json!([{"name": "init"}, {"name": "proxy", "restartPolicy": "Always"}]);
        let mut with = |statuses: Value| {
            pod["status"]["initContainerStatuses"] = statuses;
            shown(&pod)
        };
        assert_eq!(with(json!([{"name": "init", "state": {"running": {}}}])), "0/2 | Init:0/2 | 0");
        assert_eq!(
            with(json!([{"name": "init", "restartCount": 3,
                "state": {"waiting": {"reason": "ImagePullBackOff"}}}])),
            "0/2 | Init:ImagePullBackOff | 3"
        );
        assert_eq!(
            with(json!([{"name": "init", "state": {"terminated": {"exitCode": 2}}}])),
            "0/2 | Init:ExitCode:2 | 0"
        );
        assert_eq!(
            with(json!([{"name": "init", "state": {"terminated": {"exitCode": 0}}},
                {"name": "proxy", "started": true, "ready": true, "restartCount": 1,
                    "state": {"running": {}}}])),
            "1/2 | Pending | 1"
        );
    }

    #[test]
    fn readiness_gates_are_counted() {
        let now = "2026-11-23T12:00:00Z".parse().unwrap();
        let pod = json!({"spec": {"readinessGates": [{"conditionType": "a"}, {"conditionType": "b"}]},
            "status": {"conditions": [{"type": "a", "status": "True"}]}});
        assert_eq!(pod_readiness_gates(&pod, now), "1/2");
        assert_eq!(pod_readiness_gates(&json!({}), now), "<none>");
    }
}
