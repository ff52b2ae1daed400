//! The rules of Kubernetes' own kinds, as far as somebody who runs databases can break them.

use serde_json::{Value, json};

use super::failure::Cause;
use super::kind::Resource;
use super::labels;

/// What of a Pod's spec can be changed.
const OF_PODS: &str = "`spec.containers[*].image`,`spec.initContainers[*].image`,\
    `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),\
    `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
/// What of the spec of a `StatefulSet` can be changed.
const OF_SETS: [&str; 7] = [
    "minReadySeconds",
    "ordinals",
    "persistentVolumeClaimRetentionPolicy",
    "replicas",
    "revisionHistoryLimit",
    "template",
    "updateStrategy",
];

/// What is wrong with an object; `old` is what it was.
pub(super) fn broken(resource: &Resource, old: Option<&Value>, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    match (resource.kind.group.as_str(), resource.kind.kind.as_str()) {
        ("", "ConfigMap") => check_immutable(old, value, &["data", "binaryData"], &mut causes),
        ("", "Pod") => check_pod(old, value, &mut causes),
        ("", "Service") => check_service(old, value, &mut causes),
        ("", "Secret") => check_secret(old, value, &mut causes),
        ("apps", "StatefulSet") => check_stateful_set(old, value, &mut causes),
        _ => {}
    }
    causes
}

fn check_immutable(old: Option<&Value>, value: &Value, parts: &[&str], causes: &mut Vec<Cause>) {
    let Some(old) = old.filter(|old| old["immutable"] == true) else {
        return;
    };
    let why = "field is immutable when `immutable` is set";
    if value["immutable"] != true {
        causes.push(Cause::forbidden("immutable", why));
    }
    let changed = parts.iter().filter(|part| value[**part] != old[**part]);
    causes.extend(changed.map(|part| Cause::forbidden(*part, why)));
}

fn check_service(old: Option<&Value>, value: &Value, causes: &mut Vec<Cause>) {
    let address = |service: &Value| service["spec"]["clusterIP"].as_str().map(str::to_owned);
    let Some(given) = old.and_then(address) else {
        return;
    };
    if value["spec"]["type"] != "ExternalName" && address(value).as_ref() != Some(&given) {
        let why = "may not change once set";
        causes.push(Cause::invalid("spec.clusterIPs[0]", &value["spec"]["clusterIPs"], why));
    }
}

fn check_secret(old: Option<&Value>, value: &Value, causes: &mut Vec<Cause>) {
    if old.is_some_and(|old| old["type"] != value["type"]) {
        causes.push(Cause::invalid("type", &value["type"], "field is immutable"));
    }
    check_immutable(old, value, &["data"], causes);
}

fn check_pod(old: Option<&Value>, value: &Value, causes: &mut Vec<Cause>) {
    let spec = &value["spec"];
    check_containers(spec, "spec", causes);
    let Some(old) = old else {
        return;
    };
    for list in ["containers", "initContainers"] {
        if count(spec, list) != count(&old["spec"], list) {
            let why = "pod updates may not add or remove containers";
            causes.push(Cause::forbidden(format!("spec.{list}"), why));
            return;
        }
    }
    if fixed_part(spec) != fixed_part(&old["spec"]) {
        let why = format!("pod updates may not change fields other than {OF_PODS}");
        causes.push(Cause::forbidden("spec", &why));
    }
}

fn check_containers(spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    if count(spec, "containers") == 0 {
        causes.push(Cause::required(format!("{at}.containers")));
    }
    for list in ["initContainers", "containers"] {
        let containers = spec[list].as_array().into_iter().flatten();
        for (number, container) in containers.enumerate() {
            for field in ["name", "image"] {
                if container[field].as_str().unwrap_or_default().is_empty() {
                    causes.push(Cause::required(format!("{at}.{list}[{number}].{field}")));
                }
            }
        }
    }
}

fn count(spec: &Value, list: &str) -> usize {
    spec[list].as_array().map_or(0, Vec::len)
}

/// What of a Pod's spec cannot be changed.
fn fixed_part(spec: &Value) -> Value {
    let mut fixed = spec.clone();
    if let Some(fields) = fixed.as_object_mut() {
        for field in ["activeDeadlineSeconds", "tolerations"] {
            fields.remove(field);
        }
        for list in ["containers", "initContainers"] {
            let containers = fields.get_mut(list).and_then(Value::as_array_mut);
            for container in containers.into_iter().flatten() {
                container["image"] = Value::Null;
            }
        }
    }
    fixed
}

fn check_stateful_set(old: Option<&Value>, value: &Value, causes: &mut Vec<Cause>) {
    let spec = &value["spec"];
    check_selector(spec, causes);
    check_containers(&spec["template"]["spec"], "spec.template.spec", causes);
    if spec["replicas"].as_i64().is_some_and(|replicas| replicas < 0) {
        let why = "must be greater than or equal to 0";
        causes.push(Cause::invalid("spec.replicas", &spec["replicas"], why));
    }
    let fixed = |spec: &Value| {
        let mut fixed = spec.clone();
        if let Some(fields) = fixed.as_object_mut() {
            fields.retain(|field, _| !OF_SETS.contains(&field.as_str()));
        }
        fixed
    };
    if old.is_some_and(|old| fixed(&old["spec"]) != fixed(spec)) {
        let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', \
            'template', 'updateStrategy', 'revisionHistoryLimit', \
            'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
        causes.push(Cause::forbidden("spec", why));
    }
}

fn check_selector(spec: &Value, causes: &mut Vec<Cause>) {
    let selector = &spec["selector"];
    let text = labels::text(selector);
    if text.as_deref() == Some("") {
        let why = "empty selector is invalid for statefulset";
        causes.push(Cause::invalid("spec.selector", &json!({}), why));
    }
    if text.is_none() {
        causes.push(Cause::required("spec.selector"));
    } else if !labels::select(selector, &spec["template"]) {
        let labels = &spec["template"]["metadata"]["labels"];
        let why = "`selector` does not match template `labels`";
        causes.push(Cause::invalid("spec.template.metadata.labels", labels, why));
    }
}
