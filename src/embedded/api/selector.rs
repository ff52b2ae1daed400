//! Label and field selectors of lists and watches.

use std::sync::Arc;

use serde_json::Value;

use super::failure::Failure;
use super::kind::Resource;
use super::object;
use crate::core::selector::Selector;

/// Which objects a list or a watch is about.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    labels: Selector,
    fields: Vec<FieldTest>,
}

#[derive(Clone, Debug)]
struct FieldTest {
    path: Vec<String>,
    value: String,
    equal: bool,
}

impl Filter {
    /// Reads the parameters `labelSelector` and `fieldSelector`.
    pub(super) fn read(labels: &str, fields: &str, resource: &Resource) -> Result<Self, Failure> {
        let labels = Selector::parse(labels).map_err(|error| {
            Failure::bad_request(format!("unable to parse requirement: {error}"))
        })?;
        let fields = fields.split(',').filter(|test| !test.is_empty());
        let fields = fields.map(|test| FieldTest::read(test, resource));
        Ok(Self { labels, fields: fields.collect::<Result<_, _>>()? })
    }

    /// Whether it selects everything.
    pub(super) fn is_everything(&self) -> bool {
        self.labels.is_everything() && self.fields.is_empty()
    }

    /// Whether an object is selected.
    pub(super) fn matches(&self, object: &Value) -> bool {
        let labels = || {
            let labels = object::labels(object);
            labels.map(|(key, value)| (Arc::from(key), Arc::from(value))).collect()
        };
        self.fields.iter().all(|test| test.holds(object))
            && (self.labels.is_everything() || self.labels.matches(&labels()))
    }
}

impl FieldTest {
    fn read(test: &str, resource: &Resource) -> Result<Self, Failure> {
        let (path, value, equal) = if let Some((path, value)) = test.split_once("!=") {
            (path, value, false)
        } else if let Some((path, value)) = test.split_once("==") {
            (path, value, true)
        } else if let Some((path, value)) = test.split_once('=') {
            (path, value, true)
        } else {
            let why = format!("invalid selector: '{test}'; can't understand '{test}'");
            return Err(Failure::bad_request(why));
        };
        let path = path.trim();
        if !is_selectable(path, resource) {
            let why = format!("field label not supported: {path}");
            return Err(Failure::bad_request(why));
        }
        Ok(Self {
            path: path.split('.').map(str::to_owned).collect(),
            value: value.trim().to_owned(),
            equal,
        })
    }

    fn holds(&self, object: &Value) -> bool {
        let found = match self.path.as_slice() {
            [source] if source == "source" => event_source(object),
            path => path.iter().fold(object, |at, field| &at[field.as_str()]),
        };
        let equal = match found {
            Value::String(text) => *text == self.value,
            Value::Null => self.value.is_empty(),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                *found == self.value
            }
        };
        equal == self.equal
    }
}

/// By which component an Event was reported.
fn event_source(event: &Value) -> &Value {
    let component = &event["source"]["component"];
    if component.is_null() { &event["reportingComponent"] } else { component }
}

/// The fields that can be selected by, as far as anyone here needs them.
fn is_selectable(path: &str, resource: &Resource) -> bool {
    let about = |path: &str| {
        matches!(
            path,
            "apiVersion" | "fieldPath" | "kind" | "name" | "namespace" | "resourceVersion" | "uid"
        )
    };
    let special = match (resource.kind.group.as_str(), resource.kind.kind.as_str()) {
        ("", "Event") => {
            path.strip_prefix("involvedObject.").is_some_and(about)
                || matches!(path, "reason" | "reportingComponent" | "source" | "type")
        }
        ("events.k8s.io", "Event") => {
            path.strip_prefix("regarding.").is_some_and(about)
                || matches!(path, "reason" | "reportingController" | "type")
        }
        ("", "Namespace") => path == "status.phase",
        ("", "Pod") => matches!(
            path,
            "spec.nodeName"
                | "spec.restartPolicy"
                | "spec.schedulerName"
                | "spec.serviceAccountName"
                | "status.phase"
                | "status.podIP"
                | "status.nominatedNodeName"
        ),
        ("", "Secret") => path == "type",
        ("", "Service") => matches!(path, "spec.clusterIP" | "spec.type"),
        ("cert-manager.io", "Certificate" | "CertificateRequest") => {
            matches!(path, "spec.issuerRef.group" | "spec.issuerRef.kind" | "spec.issuerRef.name")
        }
        _ => false,
    };
    path == "metadata.name" || (path == "metadata.namespace" && resource.kind.namespaced) || special
}
