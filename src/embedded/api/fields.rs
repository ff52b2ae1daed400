//! Who manages which fields.

use serde_json::Value;

use super::failure::Failure;
use super::object;
use super::work::{Answer, Work};

impl Work<'_> {
    /// Notes in `metadata.managedFields` what this request has changed.
    pub(super) fn track_update(&mut self, value: &mut Value, _old: Option<&Value>) {
        object::set_meta(value, "managedFields", None);
    }

    /// Server-side apply.
    pub(super) fn apply(&mut self, _body: &[u8]) -> Result<Answer, Failure> {
        Err(Failure::unsupported_media_type(&["application/merge-patch+json"]))
    }
}
