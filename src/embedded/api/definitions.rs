//! `CustomResourceDefinitions`: objects that make kinds.

use std::fmt::Display;
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};

use super::call::Verb;
use super::failure::Failure;
use super::kind::Kind;
use super::object;
use super::store::{Author, Entry, Key, Store};
use super::work::Work;
use crate::api::rotation;
use crate::core::time::Time;

/// KubeDB's and cert-manager's definitions: what of them anybody here uses.
const DEFINITIONS: &str = include_str!("definitions.yaml");

/// A definition that every server has, with the kind that it makes: simulations start many servers,
/// and reading them takes longer than all the rest.
pub(super) struct Standard {
    definition: Value,
    kind: Arc<Kind>,
}

/// The definitions of KubeDB, cert-manager and certrotor.
pub(super) fn standard() -> Result<&'static [Standard], Failure> {
    static STANDARD: OnceLock<Result<Vec<Standard>, Failure>> = OnceLock::new();
    match STANDARD.get_or_init(read_standard) {
        Ok(standard) => Ok(standard),
        Err(failure) => Err(failure.clone()),
    }
}

fn read_standard() -> Result<Vec<Standard>, Failure> {
    let unreadable = |error: &dyn Display| {
        Failure::new(500, "InternalError", format!("the definitions: {error}"))
    };
    let mut all: Vec<Value> =
        serde_saphyr::from_multiple(DEFINITIONS).map_err(|error| unreadable(&error))?;
    all.push(serde_json::to_value(rotation::crd()).map_err(|error| unreadable(&error))?);
    let standard = all.into_iter().map(|definition| {
        let kind = Arc::new(Kind::defined(&definition)?);
        Ok(Standard { definition, kind })
    });
    standard.collect()
}

impl Store {
    /// Adds a standard definition and its kind.
    pub(super) fn install(&mut self, standard: &Standard, now: Time) {
        let Standard { definition, kind } = standard;
        self.registry.add(Arc::clone(kind));
        let mut value = definition.clone();
        for (field, setting) in [
            ("creationTimestamp", object::timestamp(now)),
            ("generation", json!(1)),
            ("uid", json!(self.next_uid())),
        ] {
            object::set_meta(&mut value, field, Some(setting));
        }
        value["status"] = served_status(&value, now);
        let key = Key {
            resource: "customresourcedefinitions.apiextensions.k8s.io".into(),
            namespace: String::new(),
            name: object::name(&value).to_owned(),
        };
        let entry = Entry {
            time: now,
            by: Author::default(),
            verb: Verb::Create,
            subresource: String::new(),
        };
        self.put(&key, value, entry);
    }
}

impl Work<'_> {
    /// If this is a definition: makes its kind, and says in its status that it is served.
    pub(super) fn serve_definition(&mut self, value: &mut Value) -> Result<(), Failure> {
        if !self.is_definition() || self.dry_run {
            return Ok(());
        }
        let kind = Kind::defined(value)?;
        self.store.registry.add(Arc::new(kind));
        let status = served_status(value, self.now);
        if value["status"]["acceptedNames"] != status["acceptedNames"] {
            value["status"] = status;
        }
        Ok(())
    }

    /// If this is a definition: its kind goes, with all its objects.
    pub(super) fn drop_definition(&mut self, value: &Value) {
        if !self.is_definition() || self.dry_run {
            return;
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let spec = &value["spec"];
        self.store.registry.forget(&text(&spec["group"]), &text(&spec["names"]["plural"]));
        let keys = self.store.all().map(|(key, _)| key);
        let keys = keys.filter(|key| *key.resource == *object::name(value));
        for key in keys.cloned().collect::<Vec<_>>() {
            let entry = self.entry();
            self.store.remove(&key, entry);
        }
    }

    fn is_definition(&self) -> bool {
        self.resource.is("apiextensions.k8s.io", "customresourcedefinitions")
    }
}

fn served_status(definition: &Value, now: Time) -> Value {
    let since = object::timestamp(now);
    let condition = |of: &str, reason: &str, message: &str| {
        json!({"type": of, "status": "True", "reason": reason, "message": message,
            "lastTransitionTime": since})
    };
    let versions = definition["spec"]["versions"].as_array();
    let stored = versions.into_iter().flatten().filter(|version| version["storage"] == true);
    json!({
        "acceptedNames": definition["spec"]["names"],
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "storedVersions": stored.map(|version| &version["name"]).collect::<Vec<_>>(),
    })
}
