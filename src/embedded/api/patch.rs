//! PATCH: JSON patches, merge patches, strategic ones for Kubernetes' own kinds, and apply.

use serde_json::Value;

use super::failure::Failure;
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
            return self.scale(|work, scale| work.patched(kind, scale, body));
        }
        let (key, old) = self.existing()?;
        let value = self.patched(kind, form::present(self.resource, &old), body)?;
        form::check_type(self.resource, &value)?;
        let body = self.replace(&key, &old, value)?;
        Ok(Answer::ok(body))
    }

    /// What a patch makes of a value.
    fn patched(&self, kind: PatchKind, mut value: Value, body: &[u8]) -> Result<Value, Failure> {
        let patch: Value = serde_json::from_slice(body)
            .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
        match kind {
            PatchKind::Json => self.patch_json(&mut value, patch)?,
            PatchKind::Merge => json_patch::merge(&mut value, &patch),
            PatchKind::Apply | PatchKind::Strategic => super::strategic::merge(&mut value, &patch),
        }
        Ok(value)
    }

    fn patch_json(&self, value: &mut Value, patch: Value) -> Result<(), Failure> {
        let patch: json_patch::Patch = serde_json::from_value(patch)
            .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
        json_patch::patch(value, &patch).map_err(|error| {
            // A test that fails, or a path that leads nowhere: the patch itself is well formed.
            let about = self.resource.about(&self.call.name);
            let message =
                format!("the server rejected our request due to an error in our request: {error}");
            Failure::new(422, "Invalid", message).with(about)
        })
    }
}
