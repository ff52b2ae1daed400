//! PUT, and what a patch has in common with it: an object takes another's place.

use std::sync::Arc;

use serde_json::{Value, json};

use super::addresses;
use super::call::Verb;
use super::failure::{Cause, Failure};
use super::form;
use super::names::check_metadata;
use super::object;
use super::store::Key;
use super::work::{Answer, Work};

/// What belongs to the server: the fields of `metadata` that a write cannot change.
const SYSTEM_FIELDS: [&str; 6] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "selfLink",
    "uid",
];

impl Work<'_> {
    /// Replaces an object by the one that was sent.
    pub(super) fn update(&mut self, mut value: Value) -> Result<Answer, Failure> {
        form::check_type(self.resource, &value)?;
        self.settle_identity(&mut value)?;
        self.decode(&mut value)?;
        let nature = self.resource.kind.nature;
        let (key, old) = match self.existing() {
            Err(_) if nature.put_creates && self.call.subresource.is_empty() => {
                self.check_uid(&value, "")?;
                return self.create_decoded(value);
            }
            found => found?,
        };
        if object::resource_version(&value).is_empty() && !nature.blind_put {
            let why = "must be specified for an update";
            let cause = Cause::invalid("metadata.resourceVersion", &json!(0), why);
            return Err(Failure::invalid(self.resource.about(&self.call.name), &[cause]));
        }
        let body = self.replace(&key, &old, value)?;
        Ok(Answer::ok(body))
    }

    /// Puts `value`, in the version and the form of the request's kind, in the place of `old`, and
    /// notes who has changed what.
    pub(super) fn replace(
        &mut self,
        key: &Key,
        old: &Arc<Value>,
        mut value: Value,
    ) -> Result<Value, Failure> {
        let shown = form::present(self.resource, old);
        self.track_update(&mut value, Some(&shown))?;
        self.replace_tracked(key, old, value)
    }

    /// The same where it is noted already.
    pub(super) fn replace_tracked(
        &mut self,
        key: &Key,
        old: &Arc<Value>,
        mut value: Value,
    ) -> Result<Value, Failure> {
        self.check_preconditions(old, &value)?;
        let uid = object::uid(&value).to_owned();
        let shown = form::present(self.resource, old);
        self.keep_the_other_part(&shown, &mut value);
        if self.resource.is("", "services") {
            addresses::keep(&shown, &mut value);
        }
        for field in SYSTEM_FIELDS {
            let kept = shown["metadata"].get(field).cloned();
            object::set_meta(&mut value, field, kept);
        }
        let version = json!(object::resource_version(old));
        object::set_meta(&mut value, "resourceVersion", Some(version));
        self.count_generation(&shown, &mut value);
        self.check_update(&shown, &value, &uid)?;
        self.admit(Some(&shown), Some(&value))?;

        if object::is_deleting(&value) && self.may_go(&value) {
            self.remove(key);
            return Ok(value);
        }
        if object::same(&form::store_form(self.resource, value.clone()), old) {
            return Ok(shown);
        }
        self.serve_definition(&mut value)?;
        Ok(self.put(key, value))
    }

    /// Fills in the name and the namespace of the URL, or refuses others.
    pub(super) fn settle_identity(&self, value: &mut Value) -> Result<(), Failure> {
        self.settle_namespace(value)?;
        let (given, expected) = (object::name(value), &self.call.name);
        if given.is_empty() {
            object::set_meta(value, "name", Some(json!(expected)));
        } else if given != *expected {
            return Err(Failure::bad_request(format!(
                "the name of the object ({given}) does not match the name on the URL ({expected})"
            )));
        }
        Ok(())
    }

    fn check_preconditions(&self, old: &Value, value: &Value) -> Result<(), Failure> {
        self.check_uid(value, object::uid(old))?;
        let version = object::resource_version(value);
        if !version.is_empty() && version != object::resource_version(old) {
            return Err(Failure::modified(self.resource.about(&self.call.name)));
        }
        Ok(())
    }

    /// The uid in a PUT is a precondition; in a patch it is a change.
    fn check_uid(&self, value: &Value, uid: &str) -> Result<(), Failure> {
        let given = object::uid(value);
        if self.call.verb != Verb::Update || given.is_empty() || given == uid {
            return Ok(());
        }
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: {}, ResourceVersion: 0, \
             AdditionalErrorMsg: Precondition failed: UID in precondition: {given}, UID in object \
             meta: {uid}",
            self.storage_path()
        );
        Err(Failure::conflict(self.resource.about(&self.call.name), &why))
    }

    /// Where a real API server keeps the object: some of its sentences say so.
    fn storage_path(&self) -> String {
        let kind = &self.resource.kind;
        let plural = match kind.kind.as_str() {
            "Service" => "services/specs",
            _ => &kind.plural,
        };
        let group = if self.resource.is_custom() { kind.group.as_str() } else { "" };
        let root = if self.dry_run { "" } else { "/registry" };
        let parts = [root, group, plural, &self.call.namespace, &self.call.name];
        let parts = parts.into_iter().enumerate().filter(|(at, part)| *at == 0 || !part.is_empty());
        parts.map(|(_, part)| part).collect::<Vec<_>>().join("/")
    }

    /// A write to the object leaves its status alone, and one to the status everything else.
    fn keep_the_other_part(&self, old: &Value, value: &mut Value) {
        if !self.resource.version().has_status {
            return;
        }
        if self.call.subresource != "status" {
            object::copy_field(old, value, "status");
            return;
        }
        let meta = value["metadata"].take();
        let status = value.get("status").cloned();
        *value = old.clone();
        if let (Some(status), Some(object)) = (status, value.as_object_mut()) {
            object.insert("status".to_owned(), status);
        } else if let Some(object) = value.as_object_mut() {
            object.remove("status");
        }
        if self.resource.is_custom() {
            let managers = meta.get("managedFields").cloned();
            object::set_meta(value, "managedFields", managers);
        } else {
            value["metadata"] = meta;
            object::copy_field(&old["metadata"], &mut value["metadata"], "ownerReferences");
        }
    }

    /// Holds the finished object to every rule, and to those that only a change can break.
    fn check_update(&self, old: &Value, value: &Value, uid: &str) -> Result<(), Failure> {
        let mut causes = Vec::new();
        if !uid.is_empty() && uid != object::uid(old) {
            causes.push(Cause::invalid("metadata.uid", &json!(uid), "field is immutable"));
        }
        causes.extend(added_finalizers(old, value));
        causes.extend(check_metadata(self.resource, value));
        // The API server looks at the metadata for every kind, and again for each.
        causes.extend(causes.clone());
        causes.extend(form::broken_rules(self.resource, Some(old), value));
        form::refuse(self.resource, value, &causes)
    }

    fn count_generation(&self, old: &Value, value: &mut Value) {
        let nature = self.resource.kind.nature;
        if !nature.has_generation || !self.wishes_differ(old, value) {
            return;
        }
        let generation = old["metadata"]["generation"].as_i64().unwrap_or(0) + 1;
        object::set_meta(value, "generation", Some(json!(generation)));
    }

    /// Whether they differ in anything but metadata and status.
    fn wishes_differ(&self, one: &Value, other: &Value) -> bool {
        let has_status = self.resource.version().has_status;
        let wishes = |object: &Value| {
            let mut object = object.clone();
            if let Some(fields) = object.as_object_mut() {
                fields.remove("metadata");
                if has_status {
                    fields.remove("status");
                }
            }
            object
        };
        wishes(one) != wishes(other)
    }

    /// Whether nothing holds an object back that is being deleted.
    fn may_go(&self, value: &Value) -> bool {
        let grace = &value["metadata"]["deletionGracePeriodSeconds"];
        object::finalizers(value).is_empty()
            && grace.as_i64().unwrap_or(0) == 0
            && !(self.resource.is("", "namespaces") && value["spec"]["finalizers"][0].is_string())
    }
}

/// No finalizer can be added to an object that is being deleted.
fn added_finalizers(old: &Value, value: &Value) -> Option<Cause> {
    if !object::is_deleting(old) {
        return None;
    }
    let known = object::finalizers(old);
    let new = object::finalizers(value).into_iter();
    let new: Vec<String> =
        new.filter(|new| !known.contains(new)).map(|new| format!("{new:?}")).collect();
    let why = format!(
        "no new finalizers can be added if the object is being deleted, found new finalizers \
         []string{{{}}}",
        new.join(", ")
    );
    (!new.is_empty()).then(|| Cause::forbidden("metadata.finalizers", &why))
}
