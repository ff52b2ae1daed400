use std::collections::BTreeMap;

use kube::core::{DeserializeGuard, ResourceExt};
use serde_json::{Value, from_value, json, to_value};

use super::*;
use crate::api::resources::ROTATION;

/// A status with every field set.
fn status() -> Value {
    let leaf = json!({"alias": "server", "notBefore": "2026-09-01T00:00:00Z",
        "notAfter": "2026-11-30T00:00:00Z", "fingerprint": "00ff"});
    let cause = json!({"cause": "RenewalDue", "alias": "server", "inputs": "0123456789abcdef"});
    let request = json!({"name": "shop-rotate-0badcafe", "uid": "r-1", "stage": "normal",
        "created": "2026-11-23T22:00:00Z", "started": "2026-11-23T22:00:05Z",
        "ended": "2026-11-23T22:01:05Z", "apply": "IfReady"});
    json!({
        "observedGeneration": 2, "installation": "i-1", "databaseUid": "u-1",
        "state": "Rotating", "reason": "RenewalDue", "reasons": ["RenewalDue", "BudgetTotal"],
        "message": "rotating since 22:00", "expires": "2026-11-30T00:00:00Z",
        "next": "2026-11-23T22:00:00Z", "lastOutcome": "verified",
        "lastRotated": "2026-09-01T00:02:00Z", "handledRequest": "please",
        "certificates": [{"alias": "server", "notAfter": "2026-11-30T00:00:00Z",
            "notBefore": "2026-09-01T00:00:00Z", "secretName": "shop-server-cert",
            "serial": "0a", "fingerprint": "00ff", "issuer": "Issuer/prod/ca"}],
        "conditions": [{"type": "Fresh", "status": "False", "reason": "RenewalDue",
            "message": "", "lastTransitionTime": "2026-11-23T22:00:00Z", "observedGeneration": 2}],
        "current": {
            "opened": "2026-11-23T22:00:00Z", "causes": [cause], "baseline": [leaf],
            "attempt": 2, "failures": 1, "setbacks": 1, "failedStage": "normal",
            "nextTry": "2026-11-23T22:15:00Z", "request": request, "requestedAt": "please",
            "occurrence": "2026-10-01T01:00:00Z",
            "withdrawal": {"outcome": "withdrawn", "reason": "windowEnding"},
        },
        "last": {
            "opened": "2026-09-01T00:00:00Z", "closed": "2026-09-01T00:03:00Z",
            "causes": [cause], "attempt": 1, "failures": 0, "outcome": "verified",
            "message": "all three serve it", "request": request, "produced": [leaf],
            "lifeLeftSeconds": 3_499_200, "durationSeconds": 120,
        },
        "attempts": [{"request": "shop-rotate-0badcafe", "outcome": "verified",
            "started": "2026-09-01T00:00:05Z", "ended": "2026-09-01T00:02:05Z",
            "durationSeconds": 120, "issuer": "Issuer/prod/ca"}],
        "schedule": {"digest": "0123456789abcdef", "firstSeen": "2026-01-01T00:00:00Z",
            "satisfied": "2026-10-01T01:00:00Z"},
    })
}

fn rotation(spec: Value, status: Value) -> Value {
    let mut object = json!({
        "apiVersion": "certrotor.dev/v1alpha1", "kind": "Rotation",
        "metadata": {"name": "shop", "namespace": "prod"},
    });
    object["spec"] = spec;
    object["status"] = status;
    object
}

#[test]
fn what_is_written_is_read_back() {
    let spec = json!({"suspend": false, "requestedAt": "please", "renewBefore": "45%",
        "windows": [{"open": "0 2 * * SAT,SUN", "for": "4h", "timezone": "Europe/Berlin"}]});
    let written = rotation(spec, status());
    let read: Rotation = from_value(written.clone()).unwrap();
    assert_eq!(to_value(&read).unwrap(), written);
    assert_eq!(read.spec.windows.as_ref().unwrap()[0].r#for, "4h");
}

#[test]
fn every_field_of_the_status_is_in_the_sample() {
    let schema = schema();
    let status_schema = &schema["properties"]["status"];
    let mut missing = Vec::new();
    compare(status_schema, &status(), "status", &mut missing);
    assert!(missing.is_empty(), "{missing:?}");
}

/// Collects the properties of `schema` that `sample` lacks.
fn compare(schema: &Value, sample: &Value, path: &str, missing: &mut Vec<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        match sample.get(name) {
            Some(Value::Array(elements)) => {
                compare(&property["items"], &elements[0], &path, missing);
            }
            Some(value) => compare(property, value, &path, missing),
            None => missing.push(path),
        }
    }
}

#[test]
fn an_empty_one_says_nothing() {
    let bare: Rotation = from_value(rotation(json!({}), Value::Null)).unwrap();
    assert_eq!((&bare.spec, &bare.status), (&RotationSpec::default(), &None));
    assert_eq!(to_value(bare.spec).unwrap(), json!({}));
    assert_eq!(to_value(RotationStatus::default()).unwrap(), json!({}));
}

#[test]
fn words_and_times_of_somebody_else_do_no_harm() {
    let mut odd = status();
    for (pointer, value) in [
        ("/state", json!("Dancing")),
        ("/expires", json!("soon")),
        ("/current/opened", json!("2026-13-40")),
        ("/current/causes/0/cause", json!("Boredom")),
        ("/last/outcome", json!("")),
        ("/schedule/digest", json!("not hexadecimal")),
    ] {
        *odd.pointer_mut(pointer).unwrap() = value;
    }
    odd["later"] = json!({"added": "by a newer version"});
    odd["current"]["later"] = json!(1);
    let spec = json!({"renewBefore": "never", "later": true});
    let read: Rotation = from_value(rotation(spec, odd)).unwrap();
    assert_eq!(read.status.unwrap().state.as_deref(), Some("Dancing"));
    assert_eq!(read.spec.renew_before.as_deref(), Some("never"));
}

#[test]
fn a_record_that_cannot_be_read_is_not_an_empty_one() {
    for (pointer, value) in [
        ("/current", json!("open")),
        ("/current/attempt", json!("second")),
        ("/current/request", json!({})),
        ("/attempts", json!({})),
    ] {
        let mut broken = status();
        *broken.pointer_mut(pointer).unwrap() = value;
        let guarded: DeserializeGuard<Rotation> = from_value(rotation(json!({}), broken)).unwrap();
        assert_eq!(guarded.name_any(), "shop");
        assert!(guarded.0.is_err(), "{pointer}");
    }
}

fn schema() -> Value {
    let definition = to_value(crd()).unwrap();
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

#[test]
fn the_schema_is_one_that_kubernetes_takes() {
    check_structure(&schema(), "");
}

fn check_structure(schema: &Value, path: &str) {
    let object = schema.as_object().unwrap_or_else(|| panic!("{path} is no schema"));
    assert!(schema["type"].is_string(), "{path} has no type");
    assert!(path.is_empty() || schema["description"].is_string() || path.ends_with("[]"), "{path}");
    for keyword in ["$ref", "oneOf", "anyOf", "allOf", "not", "definitions", "const"] {
        assert!(!object.contains_key(keyword), "{path} has {keyword}");
    }
    if let Some(format) = object.get("format") {
        assert_eq!(format, "int64", "{path}");
    }
    let properties = schema["properties"].as_object();
    for (name, property) in properties.into_iter().flatten() {
        check_structure(property, &format!("{path}.{name}"));
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(properties.unwrap().contains_key(name.as_str().unwrap()), "{path}.{name}");
    }
    if let Some(items) = object.get("items") {
        check_structure(items, &format!("{path}[]"));
        for key in schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten() {
            assert!(items["required"].as_array().unwrap().contains(key), "{path}[{key}]");
        }
    }
}

#[test]
fn people_may_leave_everything_out() {
    let schema = schema();
    let spec = &schema["properties"]["spec"];
    assert_eq!(spec["default"], json!({}));
    assert_eq!(spec["required"], Value::Null);
    assert_eq!(schema["properties"]["status"]["required"], Value::Null);
    for property in spec["properties"].as_object().unwrap().values() {
        assert_eq!(property["default"], Value::Null);
    }
}

#[test]
fn the_columns_show_fields_that_exist() {
    let definition = to_value(crd()).unwrap();
    let version = &definition["spec"]["versions"][0];
    assert_eq!(version["subresources"]["status"], json!({}));
    let schema = schema();
    let mut columns = BTreeMap::new();
    for column in version["additionalPrinterColumns"].as_array().unwrap() {
        let path = column["jsonPath"].as_str().unwrap();
        let pointer = path.replace('.', "/properties/");
        let exists = path.starts_with(".metadata.") || schema.pointer(&pointer).is_some();
        assert!(exists, "{path}");
        columns.insert(column["name"].as_str().unwrap(), column["priority"].as_i64());
    }
    for name in ["State", "Reason", "Expires", "Next", "Last", "Age"] {
        assert_eq!(columns.get(name), Some(&None), "{name}");
    }
    assert_eq!(columns["Message"], Some(1));
}

#[test]
fn the_yaml_is_the_definition_and_always_the_same() {
    let yaml = crds_yaml().unwrap();
    assert_eq!(yaml, crds_yaml().unwrap());
    let read: CustomResourceDefinition = serde_saphyr::from_str(&yaml).unwrap();
    assert_eq!(read, crd());
}

#[test]
fn it_is_where_the_table_of_sources_says() {
    let definition = crd();
    assert_eq!(definition.spec.group, ROTATION.group);
    assert_eq!(definition.spec.names.plural, ROTATION.plural);
    assert_eq!(definition.spec.names.kind, ROTATION.kind);
    assert_eq!(definition.spec.versions[0].name, ROTATION.versions[0]);
    assert_eq!(definition.spec.scope, "Namespaced");
    assert_eq!(definition.spec.names.short_names, Some(vec!["rot".to_owned()]));
}
