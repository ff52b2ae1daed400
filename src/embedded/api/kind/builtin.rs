//! The kinds of Kubernetes itself that the embedded cluster has.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    ConfigMap, Event, LimitRange, Namespace, Pod, ResourceQuota, Secret, Service,
};
use k8s_openapi::api::events::v1::Event as NewEvent;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{CheckedBy, Kind, Nature, Version};
use crate::embedded::api::scale::Scale;
use crate::embedded::api::schema::Schema;
use crate::embedded::api::table::{self, Cell, Column, ReadCell};

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
    /// The names of those that only `-o wide` shows begin with `+`.
    columns: &'static [(&'static str, ReadCell)],
}

const fn typed<T: DeserializeOwned + Serialize + JsonSchema>() -> Nature {
    Nature {
        checked_by: CheckedBy::Type { read: through::<T>, describe: describe::<T> },
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
    nature: typed::<ConfigMap>(),
    columns: &[("Name", table::name), ("Data", table::data), ("Age", table::age)],
};

/// An Event has the same columns in both of its groups.
const EVENT: &[(&str, ReadCell)] = &[
    ("Last Seen", table::last_seen),
    ("Type", table::event_type),
    ("Reason", table::event_reason),
    ("Object", table::event_object),
    ("+Subobject", table::event_part),
    ("+Source", table::event_source),
    ("Message", table::event_message),
    ("+First Seen", table::first_seen),
    ("+Count", table::event_count),
    ("+Name", table::name),
];

const ROWS: [Row; 13] = [
    PLAIN,
    Row {
        kind: "Event",
        plural: "events",
        short_names: &["ev"],
        nature: Nature { put_creates: true, ..typed::<Event>() },
        columns: EVENT,
        ..PLAIN
    },
    Row {
        group: "events.k8s.io",
        kind: "Event",
        plural: "events",
        short_names: &["ev"],
        nature: Nature { put_creates: true, ..typed::<NewEvent>() },
        columns: EVENT,
        ..PLAIN
    },
    // This one and ResourceQuota are here for `kubectl describe namespace`; nobody enforces them.
    Row {
        kind: "LimitRange",
        plural: "limitranges",
        short_names: &["limits"],
        nature: typed::<LimitRange>(),
        columns: &[("Name", table::name), ("Created At", table::created_at)],
        ..PLAIN
    },
    Row {
        kind: "Namespace",
        plural: "namespaces",
        short_names: &["ns"],
        namespaced: false,
        has_status: true,
        nature: typed::<Namespace>(),
        columns: &[("Name", table::name), ("Status", table::namespace_phase), ("Age", table::age)],
        ..PLAIN
    },
    Row {
        kind: "Pod",
        plural: "pods",
        short_names: &["po"],
        in_all: true,
        has_status: true,
        nature: Nature { has_generation: true, delete_shows_object: true, ..typed::<Pod>() },
        columns: &[
            ("Name", table::name),
            ("Ready", table::pod_ready),
            ("Status", table::pod_status),
            ("Restarts", table::pod_restarts),
            ("Age", table::age),
            ("+IP", table::pod_ip),
            ("+Node", table::pod_node),
            ("+Nominated Node", table::pod_nominated_node),
            ("+Readiness Gates", table::pod_readiness_gates),
        ],
        ..PLAIN
    },
    Row {
        kind: "ResourceQuota",
        plural: "resourcequotas",
        short_names: &["quota"],
        has_status: true,
        nature: typed::<ResourceQuota>(),
        columns: &[
            ("Name", table::name),
            ("Request", table::quota_requests),
            ("Limit", table::quota_limits),
            ("Age", table::age),
        ],
        ..PLAIN
    },
    Row {
        kind: "Secret",
        plural: "secrets",
        short_names: &[],
        nature: typed::<Secret>(),
        columns: &[
            ("Name", table::name),
            ("Type", table::secret_type),
            ("Data", table::data),
            ("Age", table::age),
        ],
        ..PLAIN
    },
    Row {
        kind: "Service",
        plural: "services",
        short_names: &["svc"],
        in_all: true,
        has_status: true,
        nature: Nature { delete_shows_object: true, ..typed::<Service>() },
        columns: &[
            ("Name", table::name),
            ("Type", table::service_type),
            ("Cluster-IP", table::cluster_ip),
            ("External-IP", table::external_ip),
            ("Port(s)", table::ports),
            ("Age", table::age),
            ("+Selector", table::service_selector),
        ],
        ..PLAIN
    },
    Row {
        group: "apps",
        kind: "StatefulSet",
        plural: "statefulsets",
        short_names: &["sts"],
        in_all: true,
        has_status: true,
        nature: Nature { has_generation: true, ..typed::<StatefulSet>() },
        columns: &[
            ("Name", table::name),
            ("Ready", table::ready_replicas),
            ("Age", table::age),
            ("+Containers", table::container_names),
            ("+Images", table::container_images),
        ],
        ..PLAIN
    },
    Row {
        group: "coordination.k8s.io",
        kind: "Lease",
        plural: "leases",
        short_names: &[],
        nature: Nature { blind_put: false, put_creates: true, ..typed::<Lease>() },
        columns: &[("Name", table::name), ("Holder", table::holder), ("Age", table::age)],
        ..PLAIN
    },
    Row {
        group: "policy",
        kind: "PodDisruptionBudget",
        plural: "poddisruptionbudgets",
        short_names: &["pdb"],
        has_status: true,
        nature: Nature { has_generation: true, blind_put: false, ..typed::<PodDisruptionBudget>() },
        columns: &[
            ("Name", table::name),
            ("Min Available", table::min_available),
            ("Max Unavailable", table::max_unavailable),
            ("Allowed Disruptions", table::allowed_disruptions),
            ("Age", table::age),
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
            ..typed::<CustomResourceDefinition>()
        },
        columns: &[("Name", table::name), ("Created At", table::created_at)],
        ..PLAIN
    },
];

/// The kinds of Kubernetes itself.
pub(in crate::embedded::api) fn builtin_kinds() -> Vec<Kind> {
    ROWS.iter().map(Row::kind).collect()
}

impl Row {
    fn kind(&self) -> Kind {
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
                columns: self.columns.iter().map(column).collect(),
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

fn column((name, read): &(&str, ReadCell)) -> Column {
    let (name, priority) = match name.strip_prefix('+') {
        Some(name) => (name, 1),
        None => (*name, 0),
    };
    Column {
        name: name.to_owned(),
        form: "string".to_owned(),
        format: if name == "Name" { "name" } else { "" }.to_owned(),
        description: String::new(),
        priority,
        cell: Cell::Read(*read),
    }
}

/// Reads a value as a `T` and writes it again.
fn through<T: DeserializeOwned + Serialize>(value: Value) -> Result<Value, serde_json::Error> {
    serde_json::to_value(serde_json::from_value::<T>(value)?)
}

/// Adds the schema of a `T` to those that are gathered.
fn describe<T: JsonSchema>(schemas: &mut SchemaGenerator) {
    schemas.subschema_for::<T>();
}
