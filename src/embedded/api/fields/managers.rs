//! `metadata.managedFields`: who manages which fields, and since when.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::set::FieldSet;
use super::step::{Path, words};
use crate::core::time::Time;

/// How many managers that do not apply are told apart; the oldest of more are lumped together.
const MOST_UPDATERS: usize = 10;
/// The name of those that are lumped together.
const ANCIENT: &str = "ancient-changes";

/// Somebody who manages fields: the same name is another manager for each way to write.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Manager {
    pub(super) name: String,
    pub(super) operation: Operation,
    /// Empty for who applies: it is the same manager in every version.
    version: String,
    pub(super) subresource: String,
}

/// How a manager writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    Apply,
    Update,
}

impl Manager {
    pub(super) fn new(name: &str, operation: Operation, version: &str, subresource: &str) -> Self {
        let version = match operation {
            Operation::Apply => String::new(),
            Operation::Update => version.to_owned(),
        };
        Self { name: name.to_owned(), operation, version, subresource: subresource.to_owned() }
    }

    fn words(&self) -> String {
        let part = match self.subresource.as_str() {
            "" => String::new(),
            part => format!(" with subresource {part:?}"),
        };
        let version = match self.operation {
            Operation::Apply => String::new(),
            Operation::Update => format!(" using {}", self.version),
        };
        format!("{:?}{part}{version}", self.name)
    }
}

/// What a manager manages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) fields: FieldSet,
    version: String,
    /// When it last changed something, as it is written.
    time: Option<String>,
}

/// Who manages what of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Managers(BTreeMap<Manager, Claim>);

/// A field that is to be changed and that somebody else manages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conflict {
    pub(super) with: Manager,
    pub(super) field: Path,
}

impl Managers {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads `metadata.managedFields`.
    pub(super) fn read(entries: &Value) -> Result<Self, String> {
        let entries = entries.as_array().into_iter().flatten();
        let managers = entries.map(read_entry);
        Ok(Self(managers.collect::<Result<_, _>>()?))
    }

    /// Writes `metadata.managedFields`; none when nobody manages anything.
    pub(super) fn written(&self) -> Option<Value> {
        let mut managers: Vec<(&Manager, &Claim)> = self.0.iter().collect();
        managers.sort_by_key(|(manager, claim)| {
            (manager.operation, &claim.time, &manager.name, &claim.version, &manager.subresource)
        });
        let entries: Vec<Value> =
            managers.into_iter().map(|(manager, claim)| written_entry(manager, claim)).collect();
        (!entries.is_empty()).then(|| json!(entries))
    }

    /// What a manager manages.
    pub(super) fn fields(&self, manager: &Manager) -> FieldSet {
        self.0.get(manager).map(|claim| claim.fields.clone()).unwrap_or_default()
    }

    /// Everything that somebody manages.
    pub(super) fn all_fields(&self) -> FieldSet {
        self.0.values().fold(FieldSet::default(), |all, claim| all.union(&claim.fields))
    }

    /// Makes this what a manager manages.
    pub(super) fn set(&mut self, manager: &Manager, fields: FieldSet, version: &str) {
        if fields.is_empty() {
            self.0.remove(manager);
            return;
        }
        let time = self.0.get(manager).and_then(|claim| claim.time.clone());
        let claim = Claim { fields, version: version.to_owned(), time };
        self.0.insert(manager.clone(), claim);
    }

    /// Notes when a manager has changed something.
    pub(super) fn touch(&mut self, manager: &Manager, now: Time) {
        if let Some(claim) = self.0.get_mut(manager) {
            claim.time = Some(now.to_string());
        }
    }

    /// The fields among these that others than `manager` manage.
    pub(super) fn conflicts(&self, manager: &Manager, set: &FieldSet) -> Vec<Conflict> {
        let others = self.0.iter().filter(|(other, _)| *other != manager);
        let conflicts = others.flat_map(|(other, claim)| {
            let fields = claim.fields.intersection(set).paths().into_iter();
            fields.map(|field| Conflict { with: other.clone(), field })
        });
        conflicts.collect()
    }

    /// Takes fields away from everybody but `manager`, or from everybody.
    pub(super) fn take(&mut self, fields: &FieldSet, but: Option<&Manager>) {
        for (manager, claim) in &mut self.0 {
            if but != Some(manager) {
                claim.fields = claim.fields.difference(fields);
            }
        }
        self.0.retain(|_, claim| !claim.fields.is_empty());
    }

    /// Lumps the oldest of those that do not apply together when there are too many.
    pub(super) fn cap(&mut self) {
        let updaters = self.0.iter().filter(|(manager, _)| manager.operation == Operation::Update);
        let mut updaters: Vec<(Option<String>, Manager)> =
            updaters.map(|(manager, claim)| (claim.time.clone(), manager.clone())).collect();
        updaters.sort();
        let mut count = updaters.len();
        let mut first: BTreeMap<String, Manager> = BTreeMap::new();
        for (_, manager) in updaters {
            if count <= MOST_UPDATERS {
                return;
            }
            let Some(oldest) = first.get(&manager.version).cloned() else {
                first.insert(manager.version.clone(), manager);
                continue;
            };
            let bucket = Manager::new(ANCIENT, Operation::Update, &manager.version, "");
            let older = self.0.remove(&bucket).or_else(|| self.0.remove(&oldest));
            if let Some(mut claim) = self.0.remove(&manager) {
                if let Some(older) = older {
                    claim.fields = claim.fields.union(&older.fields);
                }
                self.0.insert(bucket, claim);
            }
            count -= 1;
        }
    }
}

impl Conflict {
    pub(super) fn field(&self) -> String {
        words(&self.field)
    }

    pub(super) fn words(&self) -> String {
        format!("conflict with {}", self.with.words())
    }
}

/// All conflicts in one sentence, as the API server words it.
pub(super) fn conflict_message(conflicts: &[Conflict]) -> String {
    if let [one] = conflicts {
        return format!("Apply failed with 1 conflict: {}: {}", one.words(), one.field());
    }
    let mut by_manager: BTreeMap<&Manager, Vec<String>> = BTreeMap::new();
    for conflict in conflicts {
        by_manager.entry(&conflict.with).or_default().push(format!("- {}", conflict.field()));
    }
    let lists = by_manager.into_iter().map(|(manager, fields)| {
        format!("conflicts with {}:\n{}", manager.words(), fields.join("\n"))
    });
    let lists: Vec<String> = lists.collect();
    format!("Apply failed with {} conflicts: {}", conflicts.len(), lists.join("\n"))
}

fn read_entry(entry: &Value) -> Result<(Manager, Claim), String> {
    let text = |field: &str| entry[field].as_str().unwrap_or_default();
    let operation = match text("operation") {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return Err("operation must be `Apply` or `Update`".to_owned()),
    };
    let version = text("apiVersion");
    if version.is_empty() {
        return Err("apiVersion must not be empty".to_owned());
    }
    if text("fieldsType") != "FieldsV1" {
        return Err(format!("invalid fieldsType {:?}", text("fieldsType")));
    }
    let manager = Manager::new(text("manager"), operation, version, text("subresource"));
    let claim = Claim {
        fields: FieldSet::read(&entry["fieldsV1"])?,
        version: version.to_owned(),
        time: entry["time"].as_str().map(str::to_owned),
    };
    Ok((manager, claim))
}

fn written_entry(manager: &Manager, claim: &Claim) -> Value {
    let operation = match manager.operation {
        Operation::Apply => "Apply",
        Operation::Update => "Update",
    };
    let mut entry = Map::new();
    for (field, value) in [
        ("apiVersion", json!(claim.version)),
        ("fieldsType", json!("FieldsV1")),
        ("fieldsV1", claim.fields.written()),
        ("manager", json!(manager.name)),
        ("operation", json!(operation)),
        ("subresource", json!(manager.subresource)),
        ("time", json!(claim.time)),
    ] {
        if !(value.is_null() || value == "") {
            entry.insert(field.to_owned(), value);
        }
    }
    Value::Object(entry)
}
