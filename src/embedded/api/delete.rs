//! DELETE: preconditions, finalizers, grace periods.

use std::sync::Arc;

use serde_json::{Value, json};

use super::failure::Failure;
use super::form;
use super::object;
use super::selector::Filter;
use super::store::Key;
use super::work::{Answer, Work};
use crate::core::time::Span;

/// What becomes of the objects that belong to a deleted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Propagation {
    /// They go afterwards.
    Background,
    /// They go first.
    Foreground,
    /// They stay.
    Orphan,
}

/// The body of a DELETE.
#[derive(Debug)]
struct Options {
    grace: Option<i64>,
    propagation: Propagation,
    uid: Option<String>,
    version: Option<String>,
}

impl Work<'_> {
    /// Deletes the object that the URL names.
    pub(super) fn delete(&mut self, body: &Value) -> Result<Answer, Failure> {
        let options = self.options(body)?;
        let (key, old) = self.existing()?;
        self.check_delete(&options, &old)?;
        self.admit(Some(&form::present(self.resource, &old)), None)?;
        self.begin_deletion(&key, &old, &options)
    }

    /// Deletes all that the selectors select, and answers with the list of them.
    pub(super) fn delete_all(&mut self, body: &Value, filter: &Filter) -> Result<Answer, Failure> {
        let options = self.options(body)?;
        let objects = self.store.list(&self.resource.kind, &self.call.namespace);
        let mut items = Vec::new();
        for (key, old) in objects {
            let shown = form::present(self.resource, &old);
            if filter.matches(&shown) {
                self.admit(Some(&shown), None)?;
                self.begin_deletion(&key, &old, &options)?;
                items.push(shown);
            }
        }
        Ok(Answer::ok(json!({
            "kind": format!("{}List", self.resource.kind.kind),
            "apiVersion": self.resource.api_version(),
            "metadata": {"resourceVersion": self.store.revision().to_string()},
            "items": items,
        })))
    }

    fn options(&self, body: &Value) -> Result<Options, Failure> {
        let policy = match body["propagationPolicy"].as_str() {
            Some(policy) => policy,
            None if body["orphanDependents"] == true => "Orphan",
            None => self.params.text("propagationPolicy"),
        };
        let propagation = match policy {
            "" | "Background" => Propagation::Background,
            "Foreground" => Propagation::Foreground,
            "Orphan" => Propagation::Orphan,
            other => {
                let why = format!("propagationPolicy: Unsupported value: {other:?}");
                return Err(Failure::bad_request(why));
            }
        };
        let grace = match body["gracePeriodSeconds"].as_i64() {
            Some(grace) => Some(grace),
            None => self
                .params
                .number("gracePeriodSeconds")?
                .and_then(|grace| i64::try_from(grace).ok()),
        };
        let precondition = |field: &str| {
            let text = body["preconditions"][field].as_str();
            text.map(str::to_owned)
        };
        Ok(Options {
            grace,
            propagation,
            uid: precondition("uid"),
            version: precondition("resourceVersion"),
        })
    }

    fn check_delete(&self, options: &Options, old: &Value) -> Result<(), Failure> {
        let about = self.resource.about(&self.call.name);
        let (uid, version) = (object::uid(old), object::resource_version(old));
        if let Some(given) = options.uid.as_deref().filter(|given| *given != uid) {
            let why = format!(
                "Precondition failed: UID in precondition: {given}, UID in object meta: {uid}"
            );
            return Err(Failure::conflict(about, &why));
        }
        if let Some(given) = options.version.as_deref().filter(|given| *given != version) {
            let why = format!(
                "the ResourceVersion in the precondition ({given}) does not match the \
                 ResourceVersion in record ({version}). The object might have been modified"
            );
            return Err(Failure::conflict(about, &why));
        }
        Ok(())
    }

    fn begin_deletion(
        &mut self,
        key: &Key,
        old: &Arc<Value>,
        options: &Options,
    ) -> Result<Answer, Failure> {
        let mut value = Value::clone(old);
        let grace = self.grace(old, options);
        let added = match options.propagation {
            Propagation::Background => None,
            Propagation::Foreground => Some("foregroundDeletion"),
            Propagation::Orphan => Some("orphan"),
        };
        if let Some(added) = added.filter(|added| !object::finalizers(old).contains(added)) {
            let mut finalizers = object::finalizers(old);
            finalizers.push(added);
            let finalizers = json!(finalizers);
            object::set_meta(&mut value, "finalizers", Some(finalizers));
        }
        let waits = grace > 0
            || !object::finalizers(&value).is_empty()
            || self.resource.is("", "namespaces");
        if !waits {
            let gone = self.remove(key);
            self.drop_definition(&gone);
            return Ok(self.deleted(gone));
        }
        let shorter =
            value["metadata"]["deletionGracePeriodSeconds"].as_i64().is_none_or(|was| grace < was);
        if !object::is_deleting(&value) || shorter {
            self.mark(&mut value, grace);
        }
        if object::same(&value, old) {
            return Ok(Answer::ok(form::present(self.resource, old)));
        }
        let value = form::present(self.resource, &value);
        Ok(Answer::ok(self.put(key, value)))
    }

    /// Only a pod on a node is given time to end.
    fn grace(&self, old: &Value, options: &Options) -> i64 {
        let ended = matches!(old["status"]["phase"].as_str(), Some("Failed" | "Succeeded"));
        let placed = old["spec"]["nodeName"].as_str().is_some_and(|node| !node.is_empty());
        if !self.resource.is("", "pods") || ended || !placed {
            return 0;
        }
        let own = old["spec"]["terminationGracePeriodSeconds"].as_i64();
        options.grace.or(own).unwrap_or(30).max(0)
    }

    fn mark(&self, value: &mut Value, grace: i64) {
        let end = object::timestamp(self.now + Span::seconds(grace));
        if self.resource.kind.nature.has_generation && !object::is_deleting(value) {
            let generation = value["metadata"]["generation"].as_i64().unwrap_or(0) + 1;
            object::set_meta(value, "generation", Some(json!(generation)));
        }
        object::set_meta(value, "deletionTimestamp", Some(end));
        object::set_meta(value, "deletionGracePeriodSeconds", Some(json!(grace)));
        if self.resource.is("", "namespaces") {
            value["status"]["phase"] = json!("Terminating");
            // A namespace shows no grace period.
            object::set_meta(value, "deletionGracePeriodSeconds", None);
        }
    }
}
