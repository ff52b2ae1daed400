//! One request at work on the store: what creating, changing and deleting have in common.

use std::sync::Arc;

use serde_json::{Value, json};

use super::admission::{Admission, Review};
use super::call::{Call, Params};
use super::failure::Failure;
use super::form;
use super::kind::Resource;
use super::object;
use super::schema::drop_nulls;
use super::store::{Author, Entry, Key, Store};
use crate::core::time::Time;

/// A request that changes something, and what it works on. The store is locked all the while.
pub(super) struct Work<'a> {
    pub(super) store: &'a mut Store,
    pub(super) resource: &'a Resource,
    pub(super) call: &'a Call,
    pub(super) params: &'a Params,
    pub(super) author: Author,
    pub(super) now: Time,
    pub(super) dry_run: bool,
    pub(super) admission: &'a [Admission],
    /// What the client is told besides the answer.
    pub(super) warnings: Vec<String>,
}

/// What a request is answered with.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn ok(body: Value) -> Self {
        Self { code: 200, body }
    }
}

impl Work<'_> {
    /// Where the object of this name is kept.
    pub(super) fn key(&self, name: &str) -> Key {
        Key {
            resource: Arc::clone(&self.resource.kind.stored_as),
            namespace: self.call.namespace.clone(),
            name: name.to_owned(),
        }
    }

    /// The object that the URL names.
    pub(super) fn existing(&self) -> Result<(Key, Arc<Value>), Failure> {
        let key = self.key(&self.call.name);
        match self.store.get(&key) {
            Some(object) => Ok((key, Arc::clone(object))),
            None => Err(Failure::not_found(self.resource.about(&key.name))),
        }
    }

    /// Reads an object that was sent: brings it into the form of its kind, without nulls that mean
    /// nothing.
    pub(super) fn decode(&mut self, value: &mut Value) -> Result<(), Failure> {
        self.shape(value)?;
        if self.resource.is_custom() {
            drop_nulls(&self.resource.version().schema, value);
        }
        Ok(())
    }

    /// Brings an object into the form of its kind.
    pub(super) fn shape(&mut self, value: &mut Value) -> Result<(), Failure> {
        let unknown = form::Unknown::read(self.params)?;
        let dropped = form::shape(self.resource, value)?;
        let warnings = form::report_unknown(self.resource, unknown, &dropped)?;
        self.warnings.extend(warnings);
        Ok(())
    }

    /// Asks everybody who may say no, and makes the changes that go with their yes.
    pub(super) fn admit(
        &mut self,
        before: Option<&Value>,
        after: Option<&Value>,
    ) -> Result<(), Failure> {
        let review = Review::new(self.call, before, after, &self.author.user, self.store);
        let mut changes = Vec::new();
        for admission in self.admission {
            let by = Author { user: admission.name().to_owned(), ..Author::default() };
            let asked = admission.ask(&review)?.into_iter();
            changes.extend(asked.map(|(key, object)| (key, object, by.clone())));
        }
        if !self.dry_run {
            for (key, object, by) in changes {
                let entry = Entry { by, ..self.entry() };
                self.store.put(&key, object, entry);
            }
        }
        Ok(())
    }

    /// How this request is entered in the log.
    pub(super) fn entry(&self) -> Entry {
        Entry {
            time: self.now,
            by: self.author.clone(),
            verb: self.call.verb,
            subresource: self.call.subresource.clone(),
        }
    }

    /// Stores an object, unless it is a dry run, and gives it back as the request's version has it.
    pub(super) fn put(&mut self, key: &Key, value: Value) -> Value {
        let value = form::store_form(self.resource, value);
        if self.dry_run {
            return form::present(self.resource, &value);
        }
        let entry = self.entry();
        let stored = self.store.put(key, value, entry);
        form::present(self.resource, &stored)
    }

    /// Removes an object, unless it is a dry run, and gives it back as it was.
    pub(super) fn remove(&mut self, key: &Key) -> Value {
        let entry = self.entry();
        let removed =
            if self.dry_run { self.store.get(key).cloned() } else { self.store.remove(key, entry) };
        removed.map_or(Value::Null, |object| form::present(self.resource, &object))
    }

    /// The answer to a deletion: the object or, for most kinds, that it is done.
    pub(super) fn deleted(&self, object: Value) -> Answer {
        if self.resource.kind.nature.delete_shows_object {
            return Answer::ok(object);
        }
        let kind = &self.resource.kind;
        let mut details = json!({
            "name": object::name(&object),
            "kind": kind.plural,
            "uid": object::uid(&object),
        });
        if !kind.group.is_empty() {
            details["group"] = json!(kind.group);
        }
        Answer::ok(json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": details,
        }))
    }
}
