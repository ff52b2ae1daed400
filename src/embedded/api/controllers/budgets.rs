//! `PodDisruptionBudget`s: how many of the pods that they select may be evicted now.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Controllers;
use crate::core::time::{Span, Time};
use crate::embedded::api::call::Verb;
use crate::embedded::api::form;
use crate::embedded::api::labels;
use crate::embedded::api::object;
use crate::embedded::api::store::{Commit, Key};

/// How long an evicted pod counts as gone that is not.
const DELETION_TIMEOUT: Span = Span::seconds(120);

/// What a budget counts.
struct Count {
    expected: i64,
    desired: i64,
    healthy: i64,
}

impl Count {
    fn allowed(&self) -> i64 {
        if self.expected <= 0 { 0 } else { (self.healthy - self.desired).max(0) }
    }
}

impl Controllers<'_> {
    pub(super) fn keep_budgets(&mut self, change: &Commit) {
        let counts = ["pods", "poddisruptionbudgets.policy", "statefulsets.apps"];
        if counts.contains(&&*change.key.resource) {
            self.refresh_budgets(&change.key.namespace);
        }
    }

    /// Makes the status of every budget of a namespace true.
    pub(in crate::embedded::api) fn refresh_budgets(&mut self, namespace: &str) {
        for (key, budget) in self.list("policy", "poddisruptionbudgets", namespace) {
            let status = self.status(namespace, &budget);
            if status == budget["status"] {
                continue;
            }
            self.work(&key, Verb::Update, "status", |work, old| {
                let mut value = form::present(work.resource, old);
                value["status"] = status;
                work.replace(&key, old, value)
            });
        }
    }

    fn status(&self, namespace: &str, budget: &Value) -> Value {
        let pods = self.selected(namespace, budget);
        let generation = budget["metadata"]["generation"].clone();
        let count = match self.count(namespace, budget, &pods) {
            Ok(count) => count,
            Err(why) => {
                // Fails safe: nothing may be evicted until it can be counted again.
                let mut status = budget["status"].clone();
                status["disruptionsAllowed"] = json!(0);
                let seen = status["observedGeneration"].clone();
                let failed = Condition { holds: false, reason: "SyncFailed", message: &why };
                status["conditions"] = failed.written(budget, &seen, self.now);
                return status;
            }
        };
        let allowed = count.allowed();
        let reason = if allowed > 0 { "SufficientPods" } else { "InsufficientPods" };
        let condition = Condition { holds: allowed > 0, reason, message: "" };
        let mut status = json!({
            "conditions": condition.written(budget, &generation, self.now),
            "currentHealthy": count.healthy,
            "desiredHealthy": count.desired,
            "disruptionsAllowed": allowed,
            "expectedPods": count.expected,
            "observedGeneration": generation,
        });
        let disrupted = self.disrupted(budget, &pods);
        if !disrupted.is_empty() {
            status["disruptedPods"] = Value::Object(disrupted);
        }
        status
    }

    fn selected(&self, namespace: &str, budget: &Value) -> Vec<Arc<Value>> {
        let pods = self.list("", "pods", namespace).into_iter().map(|(_, pod)| pod);
        pods.filter(|pod| labels::select(&budget["spec"]["selector"], pod)).collect()
    }

    fn count(&self, namespace: &str, budget: &Value, pods: &[Arc<Value>]) -> Result<Count, String> {
        let spec = &budget["spec"];
        let (expected, desired) = if !spec["maxUnavailable"].is_null() {
            let expected = self.expected(namespace, pods)?;
            (expected, (expected - scaled(&spec["maxUnavailable"], expected)?).max(0))
        } else if let Some(least) = spec["minAvailable"].as_i64() {
            (i64::try_from(pods.len()).unwrap_or(i64::MAX), least)
        } else if spec["minAvailable"].is_string() {
            let expected = self.expected(namespace, pods)?;
            (expected, scaled(&spec["minAvailable"], expected)?)
        } else {
            (0, 0)
        };
        let disrupted = self.disrupted(budget, pods);
        let healthy = pods.iter().filter(|pod| {
            !object::is_deleting(pod) && !disrupted.contains_key(object::name(pod)) && is_ready(pod)
        });
        let healthy = i64::try_from(healthy.count()).unwrap_or(i64::MAX);
        Ok(Count { expected, desired, healthy })
    }

    /// How many pods there should be: the sum of what those who control them are scaled to.
    fn expected(&self, namespace: &str, pods: &[Arc<Value>]) -> Result<i64, String> {
        let mut scales: BTreeMap<String, i64> = BTreeMap::new();
        for pod in pods {
            let owners = pod["metadata"]["ownerReferences"].as_array();
            let controller = owners.into_iter().flatten().find(|owner| owner["controller"] == true);
            // A pod that nobody controls is left out.
            let Some(controller) = controller else {
                continue;
            };
            let uid = controller["uid"].as_str().unwrap_or_default();
            if scales.contains_key(uid) {
                continue;
            }
            let scale = self.scale(namespace, controller);
            let scale = scale
                .ok_or_else(|| format!("found no controllers for pod {:?}", object::name(pod)))?;
            scales.insert(uid.to_owned(), scale);
        }
        Ok(scales.values().sum())
    }

    fn scale(&self, namespace: &str, controller: &Value) -> Option<i64> {
        let text = |field: &str| controller[field].as_str().unwrap_or_default();
        let resource = self.store.registry.find_kind(text("apiVersion"), text("kind"))?;
        let key = Key {
            resource: Arc::clone(&resource.kind.stored_as),
            namespace: namespace.to_owned(),
            name: text("name").to_owned(),
        };
        let found = self.store.get(&key).filter(|found| object::uid(found) == text("uid"))?;
        let scale = resource.version().scale.as_ref()?;
        Some(scale.replicas(found))
    }

    /// The pods that were evicted a moment ago and are not yet seen to go.
    fn disrupted(&self, budget: &Value, pods: &[Arc<Value>]) -> Map<String, Value> {
        let disrupted = budget["status"]["disruptedPods"].as_object();
        let disrupted = disrupted.into_iter().flatten().filter(|(name, since)| {
            let since: Option<Time> = since.as_str().and_then(|since| since.parse().ok());
            let pod = pods.iter().find(|pod| object::name(pod) == *name);
            pod.is_some_and(|pod| !object::is_deleting(pod))
                && since.is_some_and(|since| since + DELETION_TIMEOUT >= self.now)
        });
        disrupted.map(|(name, since)| (name.clone(), since.clone())).collect()
    }
}

/// The condition `DisruptionAllowed`.
struct Condition<'a> {
    holds: bool,
    reason: &'static str,
    message: &'a str,
}

impl Condition<'_> {
    /// All conditions of the budget, with this one in its place.
    fn written(&self, budget: &Value, generation: &Value, now: Time) -> Value {
        let known = budget["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let is_it = |condition: &Value| condition["type"] == "DisruptionAllowed";
        let old = known.iter().find(|condition| is_it(condition));
        let status = if self.holds { "True" } else { "False" };
        let since = old.filter(|old| old["status"] == status);
        let since =
            since.map_or_else(|| object::timestamp(now), |old| old["lastTransitionTime"].clone());
        let mut condition = json!({
            "type": "DisruptionAllowed",
            "status": status,
            "reason": self.reason,
            "message": self.message,
            "lastTransitionTime": since,
        });
        if generation.as_i64().is_some_and(|generation| generation > 0) {
            condition["observedGeneration"] = generation.clone();
        }
        let mut others = known;
        match others.iter_mut().find(|condition| is_it(condition)) {
            Some(place) => *place = condition,
            None => others.push(condition),
        }
        json!(others)
    }
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// A number, or a percentage of `whole`, rounded up.
fn scaled(value: &Value, whole: i64) -> Result<i64, String> {
    if let Some(number) = value.as_i64() {
        return Ok(number);
    }
    let text = value.as_str().unwrap_or_default();
    let percent: Option<i64> = text.strip_suffix('%').and_then(|percent| percent.parse().ok());
    let percent = percent.ok_or_else(|| {
        format!("invalid value for IntOrString: invalid type: string is not a percentage: {text}")
    })?;
    Ok((percent * whole + 99).div_euclid(100))
}
