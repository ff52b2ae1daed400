//! Server-side apply: the object that is sent is what its sender wants to be so, no more.

use serde_json::{Value, json};

use super::failure::Failure;
use super::fields::Applied;
use super::form;
use super::object;
use super::work::{Answer, Work};

/// Where `kubectl apply` keeps what it has applied from the client's side.
pub(super) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The manager for which that annotation is kept true.
pub(super) const KUBECTL: &str = "kubectl";

impl Work<'_> {
    /// Applies an object, and creates it if it is not there.
    pub(super) fn apply(&mut self, body: &[u8]) -> Result<Answer, Failure> {
        let mut applied = read(body)?;
        if self.call.subresource == "scale" {
            applied = self.scale_applied(&applied)?;
        }
        self.check_applied_type(&applied)?;
        let found = self.store.get(&self.key(&self.call.name)).cloned();
        let is_new = found.is_none();
        if is_new && !self.call.subresource.is_empty() {
            return Err(Failure::not_found(self.resource.about(&self.call.name)));
        }
        let live = match &found {
            Some(old) => form::present(self.resource, old),
            None => self.nothing_yet(),
        };
        let force = self.params.flag("force");
        let mut outcome = self.merge_applied(&live, &applied, force)?;
        self.keep_last_applied(&mut outcome, &mut applied);
        self.check_identity(&outcome.object, is_new)?;
        match found {
            Some(old) => {
                let key = self.key(&self.call.name);
                let Applied { mut object, managers } = outcome;
                self.shape(&mut object)?;
                self.settle_identity(&mut object)?;
                object::set_meta(&mut object, "managedFields", managers);
                let body = self.replace_tracked(&key, &old, object)?;
                match (self.call.subresource.as_str(), &self.resource.version().scale) {
                    ("scale", Some(scale)) => Ok(Answer::ok(scale.of(&body))),
                    _ => Ok(Answer::ok(body)),
                }
            }
            None => self.create_applied(outcome),
        }
    }

    fn nothing_yet(&self) -> Value {
        json!({"apiVersion": self.resource.api_version(), "kind": self.resource.kind.kind})
    }

    fn check_applied_type(&self, applied: &Value) -> Result<(), Failure> {
        let text = |field: &str| applied[field].as_str().unwrap_or_default();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        let resource = self.resource;
        if api_version == resource.api_version() && kind == resource.kind.kind {
            return Ok(());
        }
        Err(Failure::bad_request(format!("invalid object type: {api_version}, Kind={kind}")))
    }

    /// The name and the namespace must be those of the URL.
    fn check_identity(&self, object: &Value, is_new: bool) -> Result<(), Failure> {
        let (given, expected) = (object::name(object), self.call.name.as_str());
        if is_new && !object::uid(object).is_empty() {
            let why = format!(
                "uid mismatch: the provided object specified uid {}, and no existing object was \
                 found",
                object::uid(object)
            );
            return Err(Failure::conflict(self.resource.about(expected), &why));
        }
        if given.is_empty() {
            return Err(Failure::bad_request(format!(
                "the name of the object ({expected} based on URL) was undeterminable: name must \
                 be provided"
            )));
        }
        if given != expected {
            return Err(Failure::bad_request(format!(
                "the name of the object ({given}) does not match the name on the URL ({expected})"
            )));
        }
        Ok(())
    }

    /// Keeps the annotation true that `kubectl apply` compares with from the client's side.
    fn keep_last_applied(&self, outcome: &mut Applied, applied: &mut Value) {
        let text = &outcome.object["metadata"]["annotations"][LAST_APPLIED];
        let is_there = text.as_str().is_some_and(|text| !text.is_empty());
        if self.author.manager != KUBECTL || !is_there {
            return;
        }
        let annotations = applied["metadata"]["annotations"].as_object_mut();
        annotations.and_then(|annotations| annotations.remove(LAST_APPLIED));
        let text = format!("{applied}\n");
        outcome.object["metadata"]["annotations"][LAST_APPLIED] = json!(text);
    }
}

/// Reads what was applied: YAML, or JSON, which is YAML too.
fn read(body: &[u8]) -> Result<Value, Failure> {
    let unreadable = |error: String| Failure::bad_request(format!("error decoding YAML: {error}"));
    if let Ok(value) = serde_json::from_slice(body) {
        return Ok(value);
    }
    let text = std::str::from_utf8(body).map_err(|error| unreadable(error.to_string()))?;
    serde_saphyr::from_str(text).map_err(|error| unreadable(error.to_string()))
}
