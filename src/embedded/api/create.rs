//! POST: a new object.

use serde_json::{Value, json};

use super::addresses;
use super::call::Verb;
use super::failure::{Cause, Failure};
use super::fields::Applied;
use super::form;
use super::kind::fill_at_admission;
use super::object;
use super::work::{Answer, Work};

impl Work<'_> {
    /// Creates an object, and notes who has set what.
    pub(super) fn create(&mut self, mut value: Value) -> Result<Answer, Failure> {
        form::check_type(self.resource, &value)?;
        self.settle_namespace(&mut value)?;
        self.forget_status(&mut value, true);
        self.decode(&mut value)?;
        self.create_decoded(value)
    }

    /// The same of an object that has the form of its kind.
    pub(super) fn create_decoded(&mut self, mut value: Value) -> Result<Answer, Failure> {
        self.begin(&mut value)?;
        self.track_update(&mut value, None)?;
        self.finish_create(value, self.call.verb == Verb::Create)
    }

    /// Creates an object that was applied.
    pub(super) fn create_applied(&mut self, applied: Applied) -> Result<Answer, Failure> {
        let Applied { object: mut value, managers } = applied;
        self.settle_namespace(&mut value)?;
        self.forget_status(&mut value, true);
        self.shape(&mut value)?;
        self.begin(&mut value)?;
        object::set_meta(&mut value, "managedFields", managers);
        self.finish_create(value, false)
    }

    /// A new object has no status of its own: that of a built-in kind is then filled in.
    fn forget_status(&self, value: &mut Value, before_defaults: bool) {
        if self.resource.version().has_status && self.resource.is_custom() != before_defaults {
            value.as_object_mut().and_then(|object| object.remove("status"));
        }
    }

    /// Makes of what was sent an object as it begins its life.
    fn begin(&mut self, value: &mut Value) -> Result<(), Failure> {
        self.forget_status(value, false);
        if self.resource.is("", "namespaces") {
            value["spec"]["finalizers"] = json!(["kubernetes"]);
        }
        self.check_namespace(object::name(value))?;
        self.settle_name(value);
        self.begin_metadata(value);
        Ok(())
    }

    /// Stores a new object, if it breaks no rule; the last is that it has no version, where it may
    /// have none.
    fn finish_create(&mut self, mut value: Value, unversioned: bool) -> Result<Answer, Failure> {
        if self.resource.is("", "services") {
            addresses::give(&mut value);
        }
        if !self.resource.is_custom() {
            fill_at_admission(&self.resource.kind.kind, &mut value);
        }
        form::check(self.resource, &value)?;
        self.admit(None, Some(&value))?;

        if unversioned && !self.dry_run && !object::resource_version(&value).is_empty() {
            let why = "resourceVersion should not be set on objects to be created";
            return Err(Failure::new(500, "", why));
        }
        let key = self.key(object::name(&value));
        if self.store.get(&key).is_some() {
            return Err(Failure::already_exists(self.resource.about(&key.name)));
        }
        self.serve_definition(&mut value)?;
        Ok(Answer { code: 201, body: self.put(&key, value) })
    }

    /// Fills in the namespace of the URL, or refuses another one.
    pub(super) fn settle_namespace(&self, value: &mut Value) -> Result<(), Failure> {
        let wanted = &self.call.namespace;
        let given = object::namespace(value).to_owned();
        if !self.resource.kind.namespaced {
            if given.is_empty() {
                return Ok(());
            }
            let cause = Cause::forbidden("metadata.namespace", "not allowed on this type");
            return form::refuse(self.resource, value, &[cause]);
        }
        if wanted.is_empty() {
            return Err(Failure::method_not_allowed());
        }
        if given.is_empty() {
            object::set_meta(value, "namespace", Some(json!(wanted)));
        } else if given != *wanted {
            return Err(Failure::bad_request(
                "the namespace of the provided object does not match the namespace sent on the \
                 request",
            ));
        }
        Ok(())
    }

    /// Nothing is created in a namespace that is not there, or going.
    fn check_namespace(&self, name: &str) -> Result<(), Failure> {
        let namespace = self.call.namespace.as_str();
        if namespace.is_empty() {
            return Ok(());
        }
        let key = super::store::Key {
            resource: "namespaces".into(),
            namespace: String::new(),
            name: namespace.to_owned(),
        };
        match self.store.get(&key) {
            None => Err(Failure::not_found(super::failure::About {
                group: "",
                resource: "namespaces",
                name: namespace,
            })),
            Some(found) if object::is_deleting(found) => {
                let why = format!(
                    "unable to create new content in namespace {namespace} because it is being \
                     terminated"
                );
                let cause = Cause {
                    reason: "NamespaceTerminating",
                    message: format!("namespace {namespace} is being terminated"),
                    field: "metadata.namespace".to_owned(),
                };
                Err(Failure::forbidden(self.resource.about(name), &why).because(&[cause]))
            }
            Some(_) => Ok(()),
        }
    }

    fn settle_name(&mut self, value: &mut Value) {
        let prefix = object::meta_text(value, "generateName").to_owned();
        if object::name(value).is_empty() && !prefix.is_empty() {
            // As long as a name may be, less the suffix.
            let prefix: String = prefix.chars().take(58).collect();
            let name = format!("{prefix}{}", self.store.next_suffix());
            object::set_meta(value, "name", Some(json!(name)));
        }
    }

    fn begin_metadata(&mut self, value: &mut Value) {
        let generation = self.resource.kind.nature.has_generation.then(|| json!(1));
        let uid = json!(self.store.next_uid());
        for (field, setting) in [
            ("creationTimestamp", Some(object::timestamp(self.now))),
            ("deletionGracePeriodSeconds", None),
            ("deletionTimestamp", None),
            ("generation", generation),
            ("selfLink", None),
            ("uid", Some(uid)),
        ] {
            object::set_meta(value, field, setting);
        }
    }
}
