//! PATCH: JSON patches, merge patches, strategic ones for Kubernetes' own kinds, and apply.

use json_patch::{AddOperation, PatchOperation, ReplaceOperation};
use serde_json::{Value, json};

use super::failure::{About, Cause, Failure};
use super::form;
use super::options::APPLY;
use super::work::{Answer, Work};

/// How a patch is written, by its content type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PatchKind {
    Apply,
    Json,
    Merge,
    Strategic,
}

impl PatchKind {
    fn read(content_type: &str, custom: bool) -> Result<Self, Failure> {
        match content_type {
            APPLY => Ok(Self::Apply),
            "application/json-patch+json" => Ok(Self::Json),
            "application/merge-patch+json" => Ok(Self::Merge),
            "application/strategic-merge-patch+json" if !custom => Ok(Self::Strategic),
            _ => {
                let mut accepted =
                    vec!["application/json-patch+json", "application/merge-patch+json", APPLY];
                if !custom {
                    accepted.push("application/strategic-merge-patch+json");
                }
                Err(Failure::unsupported_media_type(&accepted))
            }
        }
    }
}

impl Work<'_> {
    /// Changes the object that the URL names as the patch says.
    pub(super) fn patch(&mut self, body: &[u8]) -> Result<Answer, Failure> {
        let kind = PatchKind::read(&self.params.content_type, self.resource.is_custom())?;
        if kind == PatchKind::Apply {
            return self.apply(body);
        }
        if self.call.subresource == "scale" {
            return self.scale(|_, scale| patched(kind, scale, body));
        }
        let (key, old) = self.existing()?;
        let mut value = patched(kind, form::present(self.resource, &old), body)?;
        form::check_type(self.resource, &value)?;
        let sent = value.clone();
        self.decode(&mut value).map_err(|failure| unfit(&sent, &failure))?;
        self.settle_identity(&mut value)?;
        let body = self.replace(&key, &old, value)?;
        Ok(Answer::ok(body))
    }
}

/// What a patch makes of a value.
fn patched(kind: PatchKind, mut value: Value, body: &[u8]) -> Result<Value, Failure> {
    let patch: Value = serde_json::from_slice(body)
        .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
    match kind {
        PatchKind::Json => patch_json(&mut value, patch)?,
        PatchKind::Merge => json_patch::merge(&mut value, &patch),
        PatchKind::Apply | PatchKind::Strategic => super::strategic::merge(&mut value, &patch),
    }
    Ok(value)
}

fn patch_json(object: &mut Value, patch: Value) -> Result<(), Failure> {
    let is_list = patch.as_array().is_some_and(|all| all.iter().all(Value::is_object));
    let steps: json_patch::Patch = serde_json::from_value(patch).map_err(|error| {
        let message = format!("error decoding patch: {error}");
        if is_list { misfit() } else { Failure::bad_request(message) }
    })?;
    for mut step in steps.0 {
        // What is not there is replaced as well, if there is an object to put it into.
        if let PatchOperation::Replace(ReplaceOperation { path, value: new }) = &step
            && is_missing_field(object, path.as_str())
        {
            let (path, value) = (path.clone(), new.clone());
            step = PatchOperation::Add(AddOperation { path, value });
        }
        // A test that fails, or a path that leads nowhere: the patch itself is well formed.
        json_patch::patch(object, &[step]).map_err(|_| misfit())?;
    }
    Ok(())
}

fn is_missing_field(value: &Value, path: &str) -> bool {
    let parent = path.rsplit_once('/').and_then(|(parent, _)| value.pointer(parent));
    parent.is_some_and(Value::is_object) && value.pointer(path).is_none()
}

/// A JSON patch that does not fit the object.
fn misfit() -> Failure {
    let message = "the server rejected our request due to an error in our request";
    Failure::new(422, "Invalid", message)
}

/// A patch whose outcome is no object of its kind.
fn unfit(outcome: &Value, failure: &Failure) -> Failure {
    let why = failure.message.split_once("cannot be handled as a ");
    let why = why.and_then(|(_, why)| why.split_once(": ")).map_or("", |(_, why)| why);
    let cause = Cause::invalid("patch", &json!(outcome.to_string()), why);
    Failure::invalid(About { group: "", resource: "", name: "" }, &[cause])
}
