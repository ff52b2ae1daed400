//! The kinds of Kubernetes itself that the embedded cluster has.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, Pod, Secret, Service};
use k8s_openapi::api::events::v1::Event as NewEvent;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::definition::age;
use super::{CheckedBy, Column, Kind, Nature, Version};
use crate::embedded::api::scale::Scale;
use crate::embedded::api::schema::Schema;

/// One row of the table.
struct Row {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    short_names: &'static [&'static str],
    in_all: bool,
    namespaced: bool,
    has_status: bool,
    nature: Nature,
    /// Name, type, JSON path; the names of those that only `-o wide` shows begin with `+`.
    columns: &'static [(&'static str, &'static str, &'static str)],
}

const fn typed(read: fn(Value) -> Result<Value, serde_json::Error>) -> Nature {
    Nature {
        checked_by: CheckedBy::Type(read),
        has_generation: false,
        blind_put: true,
        put_creates: false,
        delete_shows_object: false,
    }
}

const PLAIN: Row = Row {
    group: "",
    version: "v1",
    kind: "ConfigMap",
    plural: "configmaps",
    short_names: &["cm"],
    in_all: false,
    namespaced: true,
    has_status: false,
    nature: typed(through::<ConfigMap>),
    columns: &[],
};

const ROWS: [Row; 11] = [
    PLAIN,
    Row {
        kind: "Event",
        plural: "events",
        short_names: &["ev"],
        nature: Nature { put_creates: true, ..typed(through::<Event>) },
        columns: &[
            ("Last Seen", "date", ".lastTimestamp"),
            ("Type", "string", ".type"),
            ("Reason", "string", ".reason"),
            ("Object", "string", ".involvedObject.name"),
            ("+Source", "string", ".source.component"),
            ("Message", "string", ".message"),
        ],
        ..PLAIN
    },
    Row {
        group: "events.k8s.io",
        kind: "Event",
        plural: "events",
        short_names: &["ev"],
        nature: Nature { put_creates: true, ..typed(through::<NewEvent>) },
        columns: &[
            ("Last Seen", "date", ".deprecatedLastTimestamp"),
            ("Type", "string", ".type"),
            ("Reason", "string", ".reason"),
            ("Object", "string", ".regarding.name"),
            ("+Source", "string", ".reportingController"),
            ("Message", "string", ".note"),
        ],
        ..PLAIN
    },
    Row {
        kind: "Namespace",
        plural: "namespaces",
        short_names: &["ns"],
        namespaced: false,
        has_status: true,
        nature: typed(through::<Namespace>),
        columns: &[("Status", "string", ".status.phase")],
        ..PLAIN
    },
    Row {
        kind: "Pod",
        plural: "pods",
        short_names: &["po"],
        in_all: true,
        has_status: true,
        nature: Nature { has_generation: true, delete_shows_object: true, ..typed(through::<Pod>) },
        columns: &[
            ("Status", "string", ".status.phase"),
            ("+IP", "string", ".status.podIP"),
            ("+Node", "string", ".spec.nodeName"),
        ],
        ..PLAIN
    },
    Row {
        kind: "Secret",
        plural: "secrets",
        short_names: &[],
        nature: typed(through::<Secret>),
        columns: &[("Type", "string", ".type")],
        ..PLAIN
    },
    Row {
        kind: "Service",
        plural: "services",
        short_names: &["svc"],
        in_all: true,
        has_status: true,
        nature: Nature { delete_shows_object: true, ..typed(through::<Service>) },
        columns: &[("Type", "string", ".spec.type"), ("Cluster-IP", "string", ".spec.clusterIP")],
        ..PLAIN
    },
    Row {
        group: "apps",
        kind: "StatefulSet",
        plural: "statefulsets",
        short_names: &["sts"],
        in_all: true,
        has_status: true,
        nature: Nature { has_generation: true, ..typed(through::<StatefulSet>) },
        columns: &[
            ("Ready", "integer", ".status.readyReplicas"),
            ("Replicas", "integer", ".spec.replicas"),
        ],
        ..PLAIN
    },
    Row {
        group: "coordination.k8s.io",
        kind: "Lease",
        plural: "leases",
        short_names: &[],
        nature: Nature { blind_put: false, put_creates: true, ..typed(through::<Lease>) },
        columns: &[("Holder", "string", ".spec.holderIdentity")],
        ..PLAIN
    },
    Row {
        group: "policy",
        kind: "PodDisruptionBudget",
        plural: "poddisruptionbudgets",
        short_names: &["pdb"],
        has_status: true,
        nature: Nature {
            has_generation: true,
            blind_put: false,
            ..typed(through::<PodDisruptionBudget>)
        },
        columns: &[
            ("Min Available", "string", ".spec.minAvailable"),
            ("Max Unavailable", "string", ".spec.maxUnavailable"),
            ("Allowed Disruptions", "integer", ".status.disruptionsAllowed"),
        ],
        ..PLAIN
    },
    Row {
        group: "apiextensions.k8s.io",
        kind: "CustomResourceDefinition",
        plural: "customresourcedefinitions",
        short_names: &["crd", "crds"],
        namespaced: false,
        has_status: true,
        nature: Nature {
            has_generation: true,
            blind_put: false,
            ..typed(through::<CustomResourceDefinition>)
        },
        columns: &[("Created At", "date", ".metadata.creationTimestamp")],
        ..PLAIN
    },
];

/// The kinds of Kubernetes itself.
pub(in crate::embedded::api) fn builtin_kinds() -> Vec<Kind> {
    ROWS.iter().map(Row::kind).collect()
}

impl Row {
    fn kind(&self) -> Kind {
        let mut columns: Vec<Column> = self.columns.iter().map(column).collect();
        columns.push(age());
        Kind {
            group: self.group.to_owned(),
            kind: self.kind.to_owned(),
            plural: self.plural.to_owned(),
            singular: self.kind.to_lowercase(),
            short_names: self.short_names.iter().map(ToString::to_string).collect(),
            categories: if self.in_all { vec!["all".to_owned()] } else { Vec::new() },
            namespaced: self.namespaced,
            versions: vec![Version {
                name: self.version.to_owned(),
                has_status: self.has_status,
                scale: (self.kind == "StatefulSet").then(|| Scale {
                    wanted: ".spec.replicas".to_owned(),
                    present: ".status.replicas".to_owned(),
                    selector: Some(".spec.selector".to_owned()),
                }),
                schema: Schema::default(),
                columns,
            }],
            // Both groups show the same Events.
            stored_as: match (self.group, self.plural) {
                ("" | "events.k8s.io", plural) => plural.into(),
                (group, plural) => format!("{plural}.{group}").into(),
            },
            nature: self.nature,
        }
    }
}

fn column((name, form, path): &(&str, &str, &str)) -> Column {
    let (name, priority) = match name.strip_prefix('+') {
        Some(name) => (name, 1),
        None => (*name, 0),
    };
    Column {
        name: name.to_owned(),
        form: (*form).to_owned(),
        format: String::new(),
        description: String::new(),
        path: (*path).to_owned(),
        priority,
    }
}

/// Reads a value as a `T` and writes it again.
fn through<T: DeserializeOwned + Serialize>(value: Value) -> Result<Value, serde_json::Error> {
    serde_json::to_value(serde_json::from_value::<T>(value)?)
}
