//! The addresses of Services, which the API server gives out.

use serde_json::{Value, json};

use super::object;

/// What is given to a Service together, and kept as long as it lives.
const GIVEN: [&str; 4] = ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"];

/// Gives a new Service its address, unless it wants none or has one.
pub(super) fn give(service: &mut Value) {
    if service["spec"]["type"] == "ExternalName" {
        return;
    }
    let address = match service["spec"]["clusterIP"].as_str() {
        Some(wanted) if !wanted.is_empty() => wanted.to_owned(),
        Some(_) | None => free(object::uid(service)),
    };
    let spec = object::part_mut(service, "spec");
    for (field, value) in GIVEN.into_iter().zip([
        json!(address),
        json!([address]),
        json!(["IPv4"]),
        json!("SingleStack"),
    ]) {
        spec.entry(field).or_insert(value);
    }
}

/// Keeps what was given where a change says nothing about it.
pub(super) fn keep(old: &Value, service: &mut Value) {
    if service["spec"]["type"] == "ExternalName" {
        return;
    }
    let spec = object::part_mut(service, "spec");
    for field in GIVEN {
        if let (None, Some(given)) = (spec.get(field), old["spec"].get(field)) {
            spec.insert(field.to_owned(), given.clone());
        }
    }
}

/// An address that no other Service has: uids are counted.
fn free(uid: &str) -> String {
    let digits = uid.rsplit('-').next().unwrap_or_default();
    let number = u64::from_str_radix(digits, 16).unwrap_or(0);
    format!("10.96.{}.{}", number / 254 % 256, number % 254 + 1)
}
