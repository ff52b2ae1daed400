//! DELETE: preconditions, finalizers, grace periods.

use std::sync::Arc;

use serde_json::{Value, json};

use super::call::Verb;
use super::failure::{About, Cause, Failure};
use super::form;
use super::object;
use super::options;
use super::read;
use super::selector::Filter;
use super::store::Key;
use super::work::{Answer, Work};
use crate::core::time::{Span, Time};

/// The finalizer of an object whose dependents are to stay.
pub(super) const ORPHAN: &str = "orphan";
/// The finalizer of an object that goes after its dependents.
pub(super) const FOREGROUND: &str = "foregroundDeletion";

/// What becomes of the objects that belong to a deleted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Propagation {
    /// They go afterwards.
    Background,
    /// They go first.
    Foreground,
    /// They stay.
    Orphan,
}

/// How an object is to be deleted: the body of a DELETE.
#[derive(Clone, Debug, Default)]
pub(super) struct Deletion {
    /// How long it may take to end, in seconds.
    pub(super) grace: Option<i64>,
    pub(super) propagation: Option<Propagation>,
    /// Only the object of this uid.
    pub(super) uid: Option<String>,
    /// Only the object of this resourceVersion.
    pub(super) version: Option<String>,
}

/// What is left to do for an object that somebody wants deleted.
enum Grace {
    /// It has no time to end.
    None,
    /// It is ending already, and the request changes nothing.
    Pending,
    /// It was given so many seconds.
    Given(i64),
}

impl Work<'_> {
    /// Deletes the object that the URL names.
    pub(super) fn delete(&mut self, body: &Value) -> Result<Answer, Failure> {
        let deletion = self.deletion(body)?;
        let (key, old) = self.existing()?;
        self.check_delete(&deletion, &old)?;
        self.admit(Some(&form::present(self.resource, &old)), None)?;
        Ok(self.begin_deletion(&key, &old, &deletion))
    }

    /// Deletes all that the selectors select, and answers with the list of them.
    pub(super) fn delete_all(&mut self, body: &Value, filter: &Filter) -> Result<Answer, Failure> {
        let deletion = self.deletion(body)?;
        let objects = self.store.list(&self.resource.kind, &self.call.namespace);
        let before = self.store.revision();
        let mut items = Vec::new();
        for (key, old) in objects {
            let shown = form::present(self.resource, &old);
            if filter.matches(&shown) {
                self.check_delete(&deletion, &old)?;
                self.admit(Some(&shown), None)?;
                self.begin_deletion(&key, &old, &deletion);
                items.push(read::item(self.resource, shown));
            }
        }
        Ok(Answer::ok(json!({
            "kind": format!("{}List", self.resource.kind.kind),
            "apiVersion": self.resource.api_version(),
            "metadata": {"resourceVersion": before.to_string()},
            "items": items,
        })))
    }

    /// Reads the options of a DELETE: its body or, if it has none, its parameters.
    pub(super) fn deletion(&mut self, body: &Value) -> Result<Deletion, Failure> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        if body.is_null() {
            let policy =
                Some(self.params.text("propagationPolicy")).filter(|text| !text.is_empty());
            let grace = self.params.number("gracePeriodSeconds")?;
            return Ok(Deletion {
                grace: grace.and_then(|grace| i64::try_from(grace).ok()),
                propagation: propagation(policy, None)?,
                ..Deletion::default()
            });
        }
        self.read_dry_run(&body["dryRun"])?;
        Ok(Deletion {
            grace: body["gracePeriodSeconds"].as_i64(),
            propagation: propagation(
                body["propagationPolicy"].as_str(),
                body["orphanDependents"].as_bool(),
            )?,
            uid: text(&body["preconditions"]["uid"]),
            version: text(&body["preconditions"]["resourceVersion"]),
        })
    }

    fn read_dry_run(&mut self, dry_run: &Value) -> Result<(), Failure> {
        let wished = dry_run.as_array().map_or(&[][..], Vec::as_slice);
        if wished.iter().any(|wish| wish != "All") {
            let cause = options::unsupported("dryRun", &dry_run.to_string(), &["All"]);
            return options::refuse(Verb::Delete, &[cause]);
        }
        self.dry_run |= !wished.is_empty();
        Ok(())
    }

    /// Holds an object to the preconditions of its deletion.
    pub(super) fn check_delete(&self, deletion: &Deletion, old: &Value) -> Result<(), Failure> {
        let name = object::name(old);
        let (uid, version) = (object::uid(old), object::resource_version(old));
        let given_uid = deletion.uid.as_deref().filter(|given| *given != uid);
        let given_version = deletion.version.as_deref().filter(|given| *given != version);
        if self.resource.is("", "namespaces") {
            let mismatch = |what: &str, given: &str, is: &str| {
                let why = format!(
                    "Precondition failed: {what} in precondition: {given}, {what} in object meta: {is}"
                );
                Err(Failure::conflict(self.resource.about(name), &why))
            };
            return match (given_uid, given_version) {
                (Some(given), _) => mismatch("UID", given, uid),
                (None, Some(given)) => mismatch("ResourceVersion", given, version),
                (None, None) => Ok(()),
            };
        }
        let kind = self.resource.kind.kind.as_str();
        let about = About { resource: kind, ..self.resource.about(name) };
        if let Some(given) = given_uid {
            let why = format!(
                "the UID in the precondition ({given}) does not match the UID in record ({uid}). \
                 The object might have been deleted and then recreated"
            );
            return Err(Failure::conflict(about, &why));
        }
        if let Some(given) = given_version {
            let why = format!(
                "the ResourceVersion in the precondition ({given}) does not match the \
                 ResourceVersion in record ({version}). The object might have been modified"
            );
            return Err(Failure::conflict(about, &why));
        }
        Ok(())
    }

    /// Deletes an object, or notes that it is to go and lets those act who must before.
    pub(super) fn begin_deletion(
        &mut self,
        key: &Key,
        old: &Arc<Value>,
        deletion: &Deletion,
    ) -> Answer {
        let mut value = form::present(self.resource, old);
        if self.resource.is("", "namespaces") {
            return self.terminate(key, value, deletion);
        }
        let grace = self.give_grace(&mut value, deletion);
        if matches!(grace, Grace::Pending) {
            return self.deleted(value);
        }
        let finalizers = finalizers_for(&value, deletion.propagation);
        object::set_meta(&mut value, "finalizers", finalizers.map(|all| json!(all)));
        let waits = !object::finalizers(&value).is_empty();
        match grace {
            Grace::None if waits => mark(&mut value, self.now, 0),
            Grace::Given(_) | Grace::None | Grace::Pending => {}
        }
        let changed = !object::same(&value, &form::present(self.resource, old));
        if changed {
            value = self.put(key, value);
        }
        if waits || matches!(grace, Grace::Given(seconds) if seconds > 0) {
            return Answer::ok(value);
        }
        let gone = self.remove(key);
        self.drop_definition(&gone);
        // A dry run shows what it has only pretended to write.
        let gone = if self.dry_run { value } else { gone };
        self.deleted(gone)
    }

    /// A namespace is emptied first.
    fn terminate(&mut self, key: &Key, mut value: Value, deletion: &Deletion) -> Answer {
        if object::is_deleting(&value) {
            return Answer::ok(value);
        }
        object::set_meta(&mut value, "deletionTimestamp", Some(object::timestamp(self.now)));
        value["status"]["phase"] = json!("Terminating");
        let finalizers = finalizers_for(&value, deletion.propagation);
        object::set_meta(&mut value, "finalizers", finalizers.map(|all| json!(all)));
        Answer::ok(self.put(key, value))
    }

    /// Only a pod is given time to end; an unscheduled or ended one none, but in the same two steps.
    fn give_grace(&self, value: &mut Value, deletion: &Deletion) -> Grace {
        if !self.resource.is("", "pods") {
            return Grace::None;
        }
        let wanted = deletion.grace.map(|grace| if grace < 0 { 1 } else { grace });
        if object::is_deleting(value) {
            return self.shorten_grace(value, wanted);
        }
        let ended = matches!(value["status"]["phase"].as_str(), Some("Failed" | "Succeeded"));
        let placed = value["spec"]["nodeName"].as_str().is_some_and(|node| !node.is_empty());
        let own = value["spec"]["terminationGracePeriodSeconds"].as_i64();
        let grace = match wanted.or(own).unwrap_or(0) {
            _ if ended || !placed => 0,
            grace if grace < 0 => 1,
            grace => grace,
        };
        mark(value, self.now + Span::seconds(grace), grace);
        Grace::Given(grace)
    }

    fn shorten_grace(&self, value: &mut Value, wanted: Option<i64>) -> Grace {
        let given = value["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0);
        if given == 0 {
            return Grace::None;
        }
        let Some(mut grace) = wanted.filter(|wanted| *wanted < given) else {
            return Grace::Pending;
        };
        let end: Option<Time> = object::meta_text(value, "deletionTimestamp").parse().ok();
        let mut end = end.unwrap_or(self.now) - Span::seconds(given) + Span::seconds(grace);
        if end < self.now {
            end = self.now;
            grace = grace.min(1);
        }
        mark(value, end, grace);
        Grace::Given(grace)
    }
}

fn propagation(policy: Option<&str>, orphan: Option<bool>) -> Result<Option<Propagation>, Failure> {
    let refuse = |cause| options::refuse(Verb::Delete, &[cause]).map(|()| None);
    match (policy, orphan) {
        (Some(policy), Some(_)) => refuse(Cause::invalid(
            "propagationPolicy",
            &json!(policy),
            "orphanDependents and deletionPropagation cannot be both set",
        )),
        (Some("Background"), None) | (None, Some(false)) => Ok(Some(Propagation::Background)),
        (Some("Foreground"), None) => Ok(Some(Propagation::Foreground)),
        (Some("Orphan"), None) | (None, Some(true)) => Ok(Some(Propagation::Orphan)),
        (Some(other), None) => {
            let known = ["Foreground", "Background", "Orphan", "nil"];
            refuse(options::unsupported("propagationPolicy", &format!("{other:?}"), &known))
        }
        (None, None) => Ok(None),
    }
}

/// The finalizers that an object has once somebody wants it deleted. A policy overrides what stands
/// there; none leaves it.
fn finalizers_for(value: &Value, propagation: Option<Propagation>) -> Option<Vec<String>> {
    let known = object::finalizers(value);
    let has = |finalizer: &str| known.contains(&finalizer);
    let (orphan, foreground) = match propagation {
        None if has(ORPHAN) => (true, false),
        None => (false, has(FOREGROUND)),
        Some(propagation) => {
            (propagation == Propagation::Orphan, propagation == Propagation::Foreground)
        }
    };
    if has(ORPHAN) == orphan && has(FOREGROUND) == foreground {
        return (!known.is_empty()).then(|| known.into_iter().map(str::to_owned).collect());
    }
    let kept = known.into_iter().filter(|finalizer| ![ORPHAN, FOREGROUND].contains(finalizer));
    let added = [(orphan, ORPHAN), (foreground, FOREGROUND)];
    let added = added.into_iter().filter_map(|(wanted, finalizer)| wanted.then_some(finalizer));
    let all: Vec<String> = kept.chain(added).map(str::to_owned).collect();
    (!all.is_empty()).then_some(all)
}

/// Notes when an object is to be gone at the latest.
fn mark(value: &mut Value, end: Time, grace: i64) {
    let generation = value["metadata"]["generation"].as_i64();
    if let Some(generation) = generation.filter(|_| !object::is_deleting(value)) {
        object::set_meta(value, "generation", Some(json!(generation + 1)));
    }
    let earlier: Option<Time> = object::meta_text(value, "deletionTimestamp").parse().ok();
    if earlier.is_none_or(|earlier| earlier > end) {
        object::set_meta(value, "deletionTimestamp", Some(object::timestamp(end)));
    }
    object::set_meta(value, "deletionGracePeriodSeconds", Some(json!(grace)));
}
