//! What the API server fills in where an object of one of Kubernetes' own kinds says nothing.

use std::net::Ipv4Addr;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// Fills in the defaults of an object of this kind.
pub(in crate::embedded::api) fn fill_builtin_defaults(kind: &str, object: &mut Value) {
    match kind {
        "Lease" => fill(object, "spec", &json!({})),
        "Namespace" => namespace(object),
        "Pod" => pod(object),
        "PodDisruptionBudget" => fill(object, "status", &json!({})),
        "Secret" => secret(object),
        "Service" => service(object),
        "StatefulSet" => stateful_set(object),
        _ => {}
    }
}

/// Fills in what the admission plugins of every cluster add to a new object: nobody manages it.
pub(in crate::embedded::api) fn fill_at_admission(kind: &str, object: &mut Value) {
    if kind != "Pod" {
        return;
    }
    for (field, default) in [
        ("preemptionPolicy", json!("PreemptLowerPriority")),
        ("priority", json!(0)),
        ("tolerations", json!([])),
    ] {
        fill(&mut object["spec"], field, &default);
    }
    if let Some(tolerations) = object["spec"]["tolerations"].as_array_mut() {
        tolerate_lost_nodes(tolerations);
    }
}

fn namespace(object: &mut Value) {
    let name = object["metadata"]["name"].clone();
    if name.is_string() {
        fill_path(object, &["metadata", "labels"], "kubernetes.io/metadata.name", &name);
    }
    fill(object, "spec", &json!({}));
    fill_path(object, &["status"], "phase", &json!("Active"));
}

fn secret(object: &mut Value) {
    fill(object, "type", &json!("Opaque"));
    let Some(plain) = object.as_object_mut().and_then(|object| object.remove("stringData")) else {
        return;
    };
    for (key, text) in plain.as_object().into_iter().flatten() {
        let bytes = k8s_openapi::ByteString(text.as_str().unwrap_or_default().as_bytes().to_vec());
        object["data"][key] = json!(bytes);
    }
}

fn service(object: &mut Value) {
    for (field, default) in [("sessionAffinity", "None"), ("type", "ClusterIP")] {
        fill_path(object, &["spec"], field, &json!(default));
    }
    for port in entries(&mut object["spec"], "ports") {
        fill(port, "protocol", &json!("TCP"));
        let number = port["port"].clone();
        fill(port, "targetPort", &number);
    }
    if object["spec"]["type"] != "ExternalName" {
        let address = json!(cluster_ip(object));
        for (field, default) in [
            ("clusterIP", address),
            ("internalTrafficPolicy", json!("Cluster")),
            ("ipFamilies", json!(["IPv4"])),
            ("ipFamilyPolicy", json!("SingleStack")),
        ] {
            fill_path(object, &["spec"], field, &default);
        }
        let addresses = json!([object["spec"]["clusterIP"]]);
        fill_path(object, &["spec"], "clusterIPs", &addresses);
    }
    fill_path(object, &["status"], "loadBalancer", &json!({}));
}

/// The address of a Service: the same for the same name, and nobody answers there.
fn cluster_ip(service: &Value) -> Ipv4Addr {
    let meta = &service["metadata"];
    let digest = Sha256::digest(format!("{}/{}", meta["namespace"], meta["name"]));
    Ipv4Addr::new(10, 96, digest[0], digest[1].max(1))
}

fn stateful_set(object: &mut Value) {
    for (field, default) in [
        ("podManagementPolicy", json!("OrderedReady")),
        ("replicas", json!(1)),
        ("revisionHistoryLimit", json!(10)),
        ("updateStrategy", json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})),
        (
            "persistentVolumeClaimRetentionPolicy",
            json!({"whenDeleted": "Retain", "whenScaled": "Retain"}),
        ),
    ] {
        fill_path(object, &["spec"], field, &default);
    }
    pod_spec(&mut object["spec"]["template"]["spec"]);
    fill_path(object, &["status"], "replicas", &json!(0));
    fill_path(object, &["status"], "availableReplicas", &json!(0));
}

fn pod(object: &mut Value) {
    pod_spec(&mut object["spec"]);
    fill(&mut object["spec"], "enableServiceLinks", &json!(true));
    fill_path(object, &["status"], "phase", &json!("Pending"));
    fill_path(object, &["status"], "qosClass", &json!("BestEffort"));
}

/// Pods stay on a node that is lost for five minutes, unless they say otherwise.
fn tolerate_lost_nodes(tolerations: &mut Vec<Value>) {
    let any = |value: &Value| value.as_str().unwrap_or_default().is_empty();
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let tolerated = tolerations.iter().any(|toleration| {
            (toleration["key"] == key || any(&toleration["key"]))
                && (toleration["effect"] == "NoExecute" || any(&toleration["effect"]))
        });
        if !tolerated {
            tolerations.push(json!({"effect": "NoExecute", "key": key, "operator": "Exists",
                "tolerationSeconds": 300}));
        }
    }
}

fn pod_spec(spec: &mut Value) {
    for (field, default) in [
        ("dnsPolicy", json!("ClusterFirst")),
        ("restartPolicy", json!("Always")),
        ("schedulerName", json!("default-scheduler")),
        ("securityContext", json!({})),
        ("terminationGracePeriodSeconds", json!(30)),
    ] {
        fill(spec, field, &default);
    }
    for list in ["containers", "initContainers"] {
        for container in entries(spec, list) {
            fill_container(container);
        }
    }
    for volume in entries(spec, "volumes") {
        if volume["secret"].is_object() {
            fill(&mut volume["secret"], "defaultMode", &json!(0o644));
        }
        if volume["configMap"].is_object() {
            fill(&mut volume["configMap"], "defaultMode", &json!(0o644));
        }
    }
}

fn fill_container(container: &mut Value) {
    let image = container["image"].as_str().unwrap_or_default();
    let moves = image.ends_with(":latest") || !image.contains(':');
    let pull = if moves { "Always" } else { "IfNotPresent" };
    for (field, default) in [
        ("imagePullPolicy", json!(pull)),
        ("resources", json!({})),
        ("terminationMessagePath", json!("/dev/termination-log")),
        ("terminationMessagePolicy", json!("File")),
    ] {
        fill(container, field, &default);
    }
    for port in entries(container, "ports") {
        fill(port, "protocol", &json!("TCP"));
    }
}

/// Sets a field that is absent. A value that is no object is left for validation to refuse.
fn fill(object: &mut Value, field: &str, default: &Value) {
    if let Some(object) = object.as_object_mut() {
        let value = object.entry(field).or_insert(Value::Null);
        if value.is_null() {
            *value = default.clone();
        }
    }
}

fn fill_path(object: &mut Value, path: &[&str], field: &str, default: &Value) {
    let mut at = object;
    for step in path {
        fill(at, step, &Value::Object(Map::new()));
        at = &mut at[*step];
    }
    fill(at, field, default);
}

fn entries<'a>(object: &'a mut Value, list: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten()
}
