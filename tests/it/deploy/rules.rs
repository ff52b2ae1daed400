//! The file of rules, as tests see it.

use serde_json::Value;

use super::promql::Known;
use super::read;

/// Where the rules are.
pub(super) const FILE: &str = "deploy/prometheus/certrotor.rules.yaml";
/// Where their tests are.
pub(super) const TESTS: &str = "deploy/prometheus/certrotor.rules.test.yaml";

/// A YAML file of the checkout.
pub(super) fn yaml(file: &str) -> Value {
    serde_saphyr::from_str(&read(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Every rule, in order.
pub(super) fn all() -> Vec<Value> {
    let groups = yaml(FILE)["groups"].as_array().unwrap().clone();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// The alerts: name and rule.
pub(super) fn alerts() -> Vec<(String, Value)> {
    let named = |rule: Value| Some((rule["alert"].as_str()?.to_owned(), rule));
    all().into_iter().filter_map(named).collect()
}

/// All metrics that there are, with what the rules record.
pub(super) fn known() -> Known {
    let mut known = Known::exported();
    for rule in all() {
        if let Some(name) = rule["record"].as_str() {
            known.record(name, rule["expr"].as_str().unwrap());
        }
    }
    known
}
