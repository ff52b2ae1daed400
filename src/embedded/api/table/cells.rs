//! The cells of Kubernetes' own kinds, as the API server makes them.

use serde_json::{Value, json};

use super::age::since;
use crate::core::time::Time;
use crate::embedded::api::object;

/// What a cell says that would be empty.
pub(super) const NONE: &str = "<none>";

/// NAME
pub(in crate::embedded::api) fn name(object: &Value, _: Time) -> Value {
    json!(object::name(object))
}

/// AGE
pub(in crate::embedded::api) fn age(object: &Value, now: Time) -> Value {
    json!(since(&object["metadata"]["creationTimestamp"], now))
}

/// CREATED AT, of a `CustomResourceDefinition`.
pub(in crate::embedded::api) fn created_at(object: &Value, _: Time) -> Value {
    object["metadata"]["creationTimestamp"].clone()
}

/// DATA, of a ConfigMap or a Secret: how many keys.
pub(in crate::embedded::api) fn data(object: &Value, _: Time) -> Value {
    let count = |field: &str| object[field].as_object().map_or(0, serde_json::Map::len);
    json!(count("data") + count("binaryData"))
}

/// STATUS, of a Namespace.
pub(in crate::embedded::api) fn namespace_phase(namespace: &Value, _: Time) -> Value {
    json!(text(&namespace["status"]["phase"]))
}

/// TYPE, of a Secret.
pub(in crate::embedded::api) fn secret_type(secret: &Value, _: Time) -> Value {
    json!(text(&secret["type"]))
}

/// HOLDER, of a Lease.
pub(in crate::embedded::api) fn holder(lease: &Value, _: Time) -> Value {
    json!(text(&lease["spec"]["holderIdentity"]))
}

/// TYPE, of a Service.
pub(in crate::embedded::api) fn service_type(service: &Value, _: Time) -> Value {
    json!(text(&service["spec"]["type"]))
}

/// CLUSTER-IP, of a Service.
pub(in crate::embedded::api) fn cluster_ip(service: &Value, _: Time) -> Value {
    json!(or_none(text(&service["spec"]["clusterIPs"][0])))
}

/// EXTERNAL-IP, of a Service. No load balancer is here that could give it one.
pub(in crate::embedded::api) fn external_ip(service: &Value, _: Time) -> Value {
    let spec = &service["spec"];
    let given = items(&spec["externalIPs"]).filter_map(Value::as_str);
    let given = given.collect::<Vec<_>>().join(",");
    let shown = match text(&spec["type"]) {
        "ExternalName" => text(&spec["externalName"]),
        "LoadBalancer" if given.is_empty() => "<pending>",
        _ => or_none(&given),
    };
    json!(shown)
}

/// PORT(S), of a Service.
pub(in crate::embedded::api) fn ports(service: &Value, _: Time) -> Value {
    let ports = items(&service["spec"]["ports"]).map(|port| {
        let (number, protocol) = (&port["port"], text(&port["protocol"]));
        match port["nodePort"].as_i64() {
            Some(node) if node > 0 => format!("{number}:{node}/{protocol}"),
            _ => format!("{number}/{protocol}"),
        }
    });
    json!(or_none(&ports.collect::<Vec<_>>().join(",")))
}

/// SELECTOR, of a Service.
pub(in crate::embedded::api) fn service_selector(service: &Value, _: Time) -> Value {
    let selector = service["spec"]["selector"].as_object();
    let pairs = selector.into_iter().flatten();
    let pairs = pairs.map(|(key, value)| format!("{key}={}", text(value)));
    json!(or_none(&pairs.collect::<Vec<_>>().join(",")))
}

/// READY, of a `StatefulSet`.
pub(in crate::embedded::api) fn ready_replicas(set: &Value, _: Time) -> Value {
    let ready = set["status"]["readyReplicas"].as_i64().unwrap_or(0);
    let wished = set["spec"]["replicas"].as_i64().unwrap_or(0);
    json!(format!("{ready}/{wished}"))
}

/// CONTAINERS, of a `StatefulSet`.
pub(in crate::embedded::api) fn container_names(set: &Value, _: Time) -> Value {
    of_containers(set, "name")
}

/// IMAGES, of a `StatefulSet`.
pub(in crate::embedded::api) fn container_images(set: &Value, _: Time) -> Value {
    of_containers(set, "image")
}

fn of_containers(set: &Value, field: &str) -> Value {
    let containers = items(&set["spec"]["template"]["spec"]["containers"]);
    json!(containers.map(|container| text(&container[field])).collect::<Vec<_>>().join(","))
}

/// MIN AVAILABLE, of a `PodDisruptionBudget`.
pub(in crate::embedded::api) fn min_available(budget: &Value, _: Time) -> Value {
    amount(&budget["spec"]["minAvailable"])
}

/// MAX UNAVAILABLE, of a `PodDisruptionBudget`.
pub(in crate::embedded::api) fn max_unavailable(budget: &Value, _: Time) -> Value {
    amount(&budget["spec"]["maxUnavailable"])
}

/// A number or a percentage.
fn amount(value: &Value) -> Value {
    match (value.as_str(), value.as_i64()) {
        (Some(percentage), _) => json!(percentage),
        (None, Some(number)) => json!(number.to_string()),
        (None, None) => json!("N/A"),
    }
}

/// ALLOWED DISRUPTIONS, of a `PodDisruptionBudget`.
pub(in crate::embedded::api) fn allowed_disruptions(budget: &Value, _: Time) -> Value {
    json!(budget["status"]["disruptionsAllowed"].as_i64().unwrap_or(0))
}

/// REQUEST, of a `ResourceQuota`.
pub(in crate::embedded::api) fn quota_requests(quota: &Value, _: Time) -> Value {
    used(quota, false)
}

/// LIMIT, of a `ResourceQuota`.
pub(in crate::embedded::api) fn quota_limits(quota: &Value, _: Time) -> Value {
    used(quota, true)
}

/// How much of each resource is used, of limits or of the rest.
fn used(quota: &Value, limits: bool) -> Value {
    let status = &quota["status"];
    let hard = status["hard"].as_object().into_iter().flatten();
    let hard = hard.filter(|(resource, _)| resource.starts_with("limits.") == limits);
    let shown = hard.map(|(resource, hard)| {
        let used = status["used"][resource].as_str().unwrap_or("0");
        format!("{resource}: {used}/{}", text(hard))
    });
    json!(shown.collect::<Vec<_>>().join(", "))
}

/// LAST SEEN, of an Event.
pub(in crate::embedded::api) fn last_seen(event: &Value, now: Time) -> Value {
    let last = either(event, "lastTimestamp", "deprecatedLastTimestamp");
    let observed = &event["series"]["lastObservedTime"];
    match (observed.is_null(), last.is_null()) {
        (false, _) => json!(since(observed, now)),
        (true, false) => json!(since(last, now)),
        (true, true) => first_seen(event, now),
    }
}

/// FIRST SEEN, of an Event.
pub(in crate::embedded::api) fn first_seen(event: &Value, now: Time) -> Value {
    let first = either(event, "firstTimestamp", "deprecatedFirstTimestamp");
    let first = if first.is_null() { &event["eventTime"] } else { first };
    json!(since(first, now))
}

/// TYPE, of an Event.
pub(in crate::embedded::api) fn event_type(event: &Value, _: Time) -> Value {
    json!(text(&event["type"]))
}

/// REASON, of an Event.
pub(in crate::embedded::api) fn event_reason(event: &Value, _: Time) -> Value {
    json!(text(&event["reason"]))
}

/// OBJECT, of an Event.
pub(in crate::embedded::api) fn event_object(event: &Value, _: Time) -> Value {
    let about = either(event, "involvedObject", "regarding");
    let kind = text(&about["kind"]).to_lowercase();
    json!(match text(&about["name"]) {
        "" => kind,
        name => format!("{kind}/{name}"),
    })
}

/// SUBOBJECT, of an Event.
pub(in crate::embedded::api) fn event_part(event: &Value, _: Time) -> Value {
    json!(text(&either(event, "involvedObject", "regarding")["fieldPath"]))
}

/// SOURCE, of an Event.
pub(in crate::embedded::api) fn event_source(event: &Value, _: Time) -> Value {
    let source = either(event, "source", "deprecatedSource");
    let first = |one: &'_ Value, other: &'_ Value| match text(one) {
        "" => text(other).to_owned(),
        one => one.to_owned(),
    };
    let controller = either(event, "reportingComponent", "reportingController");
    let component = first(&source["component"], controller);
    let instance = first(&source["host"], &event["reportingInstance"]);
    json!(if instance.is_empty() { component } else { format!("{component}, {instance}") })
}

/// MESSAGE, of an Event.
pub(in crate::embedded::api) fn event_message(event: &Value, _: Time) -> Value {
    json!(text(either(event, "message", "note")).trim())
}

/// COUNT, of an Event.
pub(in crate::embedded::api) fn event_count(event: &Value, _: Time) -> Value {
    let count = match event["series"]["count"].as_i64() {
        Some(count) => count,
        None => either(event, "count", "deprecatedCount").as_i64().unwrap_or(0).max(1),
    };
    json!(count)
}

/// A field under its name in `v1` or, where an Event is shown in `events.k8s.io/v1`, the one there.
fn either<'a>(event: &'a Value, old: &str, new: &str) -> &'a Value {
    event.get(old).unwrap_or(&event[new])
}

/// A text; empty when it is none.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The entries of a list; none when it is none.
pub(super) fn items(list: &Value) -> impl DoubleEndedIterator<Item = &Value> {
    list.as_array().map_or(&[][..], Vec::as_slice).iter()
}

/// The text, unless it is empty.
pub(super) fn or_none(text: &str) -> &str {
    if text.is_empty() { NONE } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Time {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_service_shows_how_it_is_reached() {
        let service = json!({"spec": {"type": "ClusterIP", "clusterIPs": ["None"],
            "selector": {"a": "1", "b": "2"}, "ports": [
                {"port": 3306, "protocol": "TCP"},
                {"port": 80, "protocol": "TCP", "nodePort": 30080}]}});
        assert_eq!(cluster_ip(&service, now()), "None");
        assert_eq!(external_ip(&service, now()), "<none>");
        assert_eq!(ports(&service, now()), "3306/TCP,80:30080/TCP");
        assert_eq!(service_selector(&service, now()), "a=1,b=2");
        let bare = json!({"spec": {"type": "LoadBalancer"}});
        assert_eq!(external_ip(&bare, now()), "<pending>");
        assert_eq!(ports(&bare, now()), "<none>");
    }

    #[test]
    fn a_quota_shows_what_is_used_of_it() {
        let quota = json!({"status": {"hard": {"pods": "5", "limits.cpu": "2", "secrets": "9"},
            "used": {"pods": "1"}}});
        assert_eq!(quota_requests(&quota, now()), "pods: 1/5, secrets: 0/9");
        assert_eq!(quota_limits(&quota, now()), "limits.cpu: 0/2");
    }

    #[test]
    fn an_event_reads_the_same_in_both_of_its_groups() {
        let old = json!({"involvedObject": {"kind": "MySQL", "name": "db"}, "message": " done\n",
            "source": {"component": "kubedb"}, "lastTimestamp": "2026-11-23T11:59:00Z",
            "firstTimestamp": "2026-11-23T11:58:00Z", "count": 3});
        let new = json!({"regarding": {"kind": "MySQL", "name": "db"}, "note": " done\n",
            "deprecatedSource": {"component": "kubedb"},
            "deprecatedLastTimestamp": "2026-11-23T11:59:00Z",
            "deprecatedFirstTimestamp": "2026-11-23T11:58:00Z", "deprecatedCount": 3});
        for event in [old, new] {
            assert_eq!(event_object(&event, now()), "mysql/db");
            assert_eq!(event_message(&event, now()), "done");
            assert_eq!(event_source(&event, now()), "kubedb");
            assert_eq!(last_seen(&event, now()), "60s");
            assert_eq!(first_seen(&event, now()), "2m");
            assert_eq!(event_count(&event, now()), 3);
        }
    }

    #[test]
    fn an_event_of_the_new_kind_has_a_time_and_a_series() {
        let mut event = json!({"eventTime": "2026-11-23T11:55:00.000000Z",
            "lastTimestamp": null, "reportingComponent": "certrotor", "reportingInstance": "c-0"});
        assert_eq!(last_seen(&event, now()), "5m");
        assert_eq!(event_count(&event, now()), 1);
        assert_eq!(event_source(&event, now()), "certrotor, c-0");
        event["series"] = json!({"count": 7, "lastObservedTime": "2026-11-23T11:59:58.5Z"});
        assert_eq!(last_seen(&event, now()), "2s");
        assert_eq!(event_count(&event, now()), 7);
    }
}
