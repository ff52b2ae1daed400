//! `pods/eviction`: deleting a pod, if its `PodDisruptionBudget` can spare it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::controllers::Controllers;
use super::delete::Deletion;
use super::failure::{Cause, Failure};
use super::form;
use super::labels;
use super::object;
use super::store::Key;
use super::work::{Answer, Work};

impl Work<'_> {
    /// Evicts the pod that the URL names.
    pub(super) fn evict(&mut self, body: &Value) -> Result<Answer, Failure> {
        check_form(body, &self.call.name)?;
        let options = &body["deleteOptions"];
        let deletion =
            if options.is_null() { Deletion::default() } else { self.deletion(options)? };
        let (key, pod) = self.existing()?;
        if !is_out_of_count(&pod) {
            let (store, admission, now) = (&mut *self.store, self.admission, self.now);
            Controllers { store, admission, now }.refresh_budgets(&key.namespace);
            match &self.budgets_of(&pod)[..] {
                [] => {}
                [budget] => check_budget(&pod, budget)?,
                _ => return Ok(too_many_budgets()),
            }
        }
        self.check_delete(&deletion, &pod)?;
        self.admit(Some(&form::present(self.resource, &pod)), None)?;
        let pod = self.note_disruption(&key, pod);
        self.begin_deletion(&key, &pod, &deletion);
        let body = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "code": 201,
        });
        Ok(Answer { code: 201, body })
    }

    fn budgets_of(&self, pod: &Value) -> Vec<Arc<Value>> {
        let found = self.store.registry.find("policy", "v1", "poddisruptionbudgets");
        let budgets = found
            .map_or_else(Vec::new, |found| self.store.list(&found.kind, object::namespace(pod)));
        let budgets = budgets.into_iter().map(|(_, budget)| budget);
        budgets.filter(|budget| labels::select(&budget["spec"]["selector"], pod)).collect()
    }

    /// Says in the pod's status why it goes.
    fn note_disruption(&mut self, key: &Key, pod: Arc<Value>) -> Arc<Value> {
        if self.dry_run {
            return pod;
        }
        let mut value = form::present(self.resource, &pod);
        let since = object::timestamp(self.now);
        let condition = json!({
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "EvictionByEvictionAPI",
            "message": "Eviction API: evicting",
            "lastTransitionTime": since,
        });
        let status = object::part_mut(&mut value, "status");
        let conditions = status.entry("conditions").or_insert_with(|| json!([]));
        if let Some(conditions) = conditions.as_array_mut() {
            let is_it = |known: &Value| known["type"] == condition["type"];
            match conditions.iter_mut().find(|known| is_it(known)) {
                Some(known) if known["status"] == "True" => return pod,
                Some(known) => *known = condition,
                None => conditions.push(condition),
            }
        }
        let value = self.put(key, value);
        self.store.get(key).cloned().unwrap_or_else(|| Arc::new(value))
    }
}

fn check_form(body: &Value, name: &str) -> Result<(), Failure> {
    let text = |field: &str| body[field].as_str().unwrap_or_default();
    let version_fits = matches!(text("apiVersion"), "policy/v1" | "policy/v1beta1");
    if !version_fits || text("kind") != "Eviction" {
        return Err(Failure::bad_request(format!(
            "the body of an eviction is a policy/v1 Eviction, not a {} {}",
            text("apiVersion"),
            text("kind")
        )));
    }
    if object::name(body) != name {
        return Err(Failure::bad_request("name in URL does not match name in Eviction object"));
    }
    Ok(())
}

/// Whether a pod counts for no budget: it does not run, or it goes anyway.
fn is_out_of_count(pod: &Value) -> bool {
    let phase = pod["status"]["phase"].as_str();
    matches!(phase, Some("Failed" | "Pending" | "Succeeded")) || object::is_deleting(pod)
}

fn check_budget(pod: &Value, budget: &Value) -> Result<(), Failure> {
    let name = object::name(budget);
    let (spec, status) = (&budget["spec"], &budget["status"]);
    let number = |field: &str| status[field].as_i64().unwrap_or(0);
    let (healthy, desired) = (number("currentHealthy"), number("desiredHealthy"));
    if !is_ready(pod) {
        // It is of no use to anybody, so losing it breaks nothing.
        let always = spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow";
        if always || (healthy >= desired && desired > 0) {
            return Ok(());
        }
    }
    if number("disruptionsAllowed") > 0 {
        return Ok(());
    }
    let conditions = status["conditions"].as_array();
    let condition = conditions.into_iter().flatten();
    let mut condition = condition.filter(|known| known["type"] == "DisruptionAllowed");
    let failed = condition.find(|condition| condition["reason"] == "SyncFailed");
    let why = match failed {
        Some(failed) => {
            let why = failed["message"].as_str().unwrap_or_default();
            format!("does not allow evicting pods currently because it failed sync: {why}")
        }
        None if healthy <= desired => {
            format!("needs {desired} healthy pods and has {healthy} currently")
        }
        None => "does not allow evicting pods currently (InsufficientPods): ".to_owned(),
    };
    let cause = Cause {
        reason: "DisruptionBudget",
        message: format!("The disruption budget {name} {why}"),
        field: String::new(),
    };
    let message = "Cannot evict pod as it would violate the pod's disruption budget.";
    Err(Failure::new(429, "TooManyRequests", message).because(&[cause]))
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// What the API server says then, with the HTTP status of a success.
fn too_many_budgets() -> Answer {
    let message = "This pod has more than one PodDisruptionBudget, which the eviction subresource \
        does not support.";
    let failure = Failure::new(500, "", message);
    Answer { code: 201, body: failure.status() }
}
