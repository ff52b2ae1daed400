//! Who manages which fields of an object: `metadata.managedFields`, and how apply uses it.
//!
//! `step` and `set` are sets of fields and how they are written, `shape` says into which fields a
//! value is divided, `walk` finds the fields of a value and the changes between two, `merge` merges
//! and removes fields, `managers` is what stands in the object. This module puts them together as
//! the API server does (the package `structured-merge-diff`).

use serde_json::{Value, json};

use super::failure::{Cause, Failure};
use super::kind::Resource;
use super::object;
use super::work::Work;

mod managers;
mod merge;
mod set;
mod shape;
mod step;
mod walk;

use managers::{Conflict, Manager, Managers, Operation, conflict_message};
use set::FieldSet;
use shape::Shape;

use walk::Duplicates;

pub(super) use shape::{drop_empty, settle_nulls};

/// Who manages fields that were set before anybody was noted.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// What nobody is noted for: it says which object it is, or belongs to the server.
const IDENTITY: [&str; 9] = [
    "creationTimestamp",
    "generation",
    "managedFields",
    "name",
    "namespace",
    "resourceVersion",
    "selfLink",
    "uid",
    "clusterName",
];

/// What an apply makes of an object.
#[derive(Clone, Debug)]
pub(super) struct Applied {
    pub(super) object: Value,
    /// Its `metadata.managedFields`.
    pub(super) managers: Option<Value>,
}

impl Work<'_> {
    /// Notes in `metadata.managedFields` what this request has changed.
    pub(super) fn track_update(
        &mut self,
        value: &mut Value,
        old: Option<&Value>,
    ) -> Result<(), Failure> {
        let is_create = old.is_none();
        let empty = shape::empty_object(self.resource)?;
        let old = old.unwrap_or(&empty);
        let mut managers = self.known_managers(value, old);
        object::set_meta(value, "managedFields", None);
        let shape = Shape::of(self.resource)?;
        if walk::misfit(shape, value, &mut Vec::new(), Duplicates::Allowed).is_some() {
            // It can be so only in a part that the request does not change. Then nobody is noted.
            return Ok(());
        }
        // An object that nobody is noted for, because somebody wanted it so, stays like that.
        if is_create || !managers.is_empty() {
            let manager = self.manager(Operation::Update);
            self.note_update(&mut managers, &manager, old, value)?;
        }
        object::set_meta(value, "managedFields", managers.written());
        Ok(())
    }

    fn manager(&self, operation: Operation) -> Manager {
        let version = self.resource.api_version();
        Manager::new(&self.author.manager, operation, &version, &self.call.subresource)
    }

    /// Who manages what, as the request says; what it does not say is as it was.
    fn known_managers(&self, value: &Value, old: &Value) -> Managers {
        let known = || Managers::read(&old["metadata"]["managedFields"]).unwrap_or_default();
        let given = &value["metadata"]["managedFields"];
        // Subresources cannot change it.
        if !self.call.subresource.is_empty() {
            return known();
        }
        let emptied = *given == json!([]) && !self.resource.is_custom();
        let reset = emptied || *given == json!([{}]);
        match Managers::read(given) {
            Ok(managers) if reset || !managers.is_empty() => managers,
            Err(_) if reset => Managers::default(),
            Ok(_) | Err(_) => known(),
        }
    }

    fn note_update(
        &self,
        managers: &mut Managers,
        manager: &Manager,
        old: &Value,
        new: &Value,
    ) -> Result<(), Failure> {
        let shape = Shape::of(self.resource)?;
        let changes = walk::compare(shape, old, new);
        let changes = changes.without_all_below(&self.untracked());
        let set = changes.set();
        managers.take(&set.union(&changes.removed), None);
        let set = set.difference(&identity());
        if !set.is_empty() {
            let all = managers.fields(manager).union(&set);
            managers.set(manager, all, &self.resource.api_version());
            managers.touch(manager, self.now);
        }
        managers.cap();
        Ok(())
    }

    /// The fields that a request of this kind cannot change, whatever it says.
    fn untracked(&self) -> FieldSet {
        let resource = self.resource;
        let mut fields = FieldSet::default();
        if self.call.subresource == "status" {
            fields = FieldSet::of(&["spec"]);
            if resource.is_custom() {
                fields = fields.union(&FieldSet::of(&["metadata"]));
            } else if resource.is("", "pods") {
                fields = fields
                    .union(&FieldSet::of(&["metadata", "deletionTimestamp"]))
                    .union(&FieldSet::of(&["metadata", "ownerReferences"]));
            }
        } else if resource.version().has_status {
            fields = FieldSet::of(&["status"]);
        }
        // The server itself fills it in.
        if resource.is("", "namespaces") {
            fields = fields.union(&FieldSet::of(&["spec", "finalizers"]));
        }
        fields
    }

    /// Merges an applied object into the one that is there, or into nothing.
    pub(super) fn merge_applied(
        &self,
        live: &Value,
        applied: &Value,
        force: bool,
    ) -> Result<Applied, Failure> {
        let shape = Shape::of(self.resource)?;
        let mut known = Managers::read(&live["metadata"]["managedFields"])
            .map_err(|why| internal(format!("failed to decode managed fields: {why}")))?;
        let mut live = live.clone();
        object::set_meta(&mut live, "managedFields", None);
        if known.is_empty() {
            let before = Manager::new(
                BEFORE_FIRST_APPLY,
                Operation::Update,
                &self.resource.api_version(),
                &self.call.subresource,
            );
            let empty = shape::empty_object(self.resource)?;
            self.note_update(&mut known, &before, &empty, &live)?;
        }
        self.check_applied(shape, applied)?;

        let manager = self.manager(Operation::Apply);
        let last = known.fields(&manager);
        let fields = walk::fields_of(shape, applied).without_all_below(&self.untracked());
        known.set(&manager, fields, &self.resource.api_version());
        let merged = merge::merge(shape, &live, applied);
        let merged = prune(shape, merged, &known, &last);
        let changes = walk::compare(shape, &live, &merged);
        let changes = changes.without_all_below(&self.untracked());
        let set = changes.set();
        let conflicts = known.conflicts(&manager, &set);
        let conflicts = self.conflicts_that_count(shape, &live, conflicts);
        if !force && !conflicts.is_empty() {
            return Err(refusal(&conflicts));
        }
        known.take(&set.union(&changes.removed), Some(&manager));
        let own = known.fields(&manager).difference(&identity());
        known.set(&manager, own, &self.resource.api_version());
        if merged != live {
            known.touch(&manager, self.now);
        }
        Ok(Applied { object: merged, managers: known.written() })
    }

    fn check_applied(&self, shape: Shape<'_>, applied: &Value) -> Result<(), Failure> {
        if !applied["metadata"]["managedFields"].is_null() {
            return Err(Failure::bad_request("metadata.managedFields must be nil"));
        }
        let refuse = |why: String| {
            let (api_version, kind) = (self.resource.api_version(), &self.resource.kind.kind);
            let object = [object::namespace(applied), object::name(applied)].join("/");
            internal(format!(
                "failed to create typed patch object ({object}; {api_version}, Kind={kind}): {why}"
            ))
        };
        if let Some(why) = walk::misfit(shape, applied, &mut Vec::new(), Duplicates::Refused) {
            return Err(refuse(why));
        }
        let unknown = unknown_field(self.resource, applied).map_err(&refuse)?;
        unknown
            .map_or(Ok(()), |field| Err(refuse(format!(".{field}: field not declared in schema"))))
    }

    /// Conflicts with what `kubectl apply` itself has written from the client's side are none.
    fn conflicts_that_count(
        &self,
        shape: Shape<'_>,
        live: &Value,
        mut conflicts: Vec<Conflict>,
    ) -> Vec<Conflict> {
        let last_applied = &live["metadata"]["annotations"][super::apply::LAST_APPLIED];
        let last_applied = last_applied.as_str().and_then(|text| serde_json::from_str(text).ok());
        let Some(last_applied) =
            last_applied.filter(|_| self.author.manager == super::apply::KUBECTL)
        else {
            return conflicts;
        };
        let changes = walk::compare(shape, &last_applied, live);
        let unchanged = walk::fields_of(shape, &last_applied)
            .difference(&changes.set())
            .difference(&changes.removed);
        conflicts.retain(|conflict| !unchanged.contains(&conflict.field));
        conflicts
    }
}

/// Removes the fields that the applier has set before and does not set now, unless somebody else
/// manages them.
fn prune(shape: Shape<'_>, merged: Value, managers: &Managers, last: &FieldSet) -> Value {
    if last.is_empty() {
        return merged;
    }
    let all = |value: &Value| merge::with_parents(shape, &walk::fields_of(shape, value));
    let less = |gone: &FieldSet| merge::remove(shape, &merged, gone).unwrap_or_else(|| json!({}));
    let last = merge::with_parents(shape, last);
    let everything = all(&merged);
    // What somebody manages comes back, and so does what the applier had never set.
    let managed = merge::with_parents(shape, &managers.all_fields());
    let kept = all(&less(&last)).union(&managed);
    let kept = all(&less(&everything.difference(&kept)));
    less(&everything.difference(&kept).intersection(&last))
}

/// A field of an applied object that its kind does not know.
fn unknown_field(resource: &Resource, applied: &Value) -> Result<Option<String>, String> {
    let mut shaped = applied.clone();
    let dropped = super::form::shape(resource, &mut shaped).map_err(|failure| failure.message)?;
    Ok(dropped.into_iter().next())
}

fn identity() -> FieldSet {
    let top = ["apiVersion", "kind", "metadata"].map(|field| FieldSet::of(&[field]));
    let meta = IDENTITY.map(|field| FieldSet::of(&["metadata", field]));
    top.iter().chain(&meta).fold(FieldSet::default(), |all, field| all.union(field))
}

fn internal(message: String) -> Failure {
    Failure::new(500, "", message)
}

fn refusal(conflicts: &[Conflict]) -> Failure {
    let causes = conflicts.iter().map(|conflict| Cause {
        reason: "FieldManagerConflict",
        message: conflict.words(),
        field: conflict.field(),
    });
    let causes: Vec<Cause> = causes.collect();
    Failure::new(409, "Conflict", conflict_message(conflicts)).because(&causes)
}

#[cfg(test)]
mod tests;
