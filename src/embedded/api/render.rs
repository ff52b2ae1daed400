//! The forms that an answer can be asked for in: whole objects, their metadata alone, or a table.

use serde_json::{Value, json};

use super::call::Params;
use super::failure::Failure;
use super::kind::Resource;
use super::table::{Include, Layout};
use crate::core::time::Time;

/// What of an object is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Only its metadata.
    Metadata,
    /// A row for it.
    Table(Include),
    /// All of it.
    Whole,
}

/// How objects are shown: to whom it may concern, at which moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) form: Form,
    pub(super) resource: &'a Resource,
    pub(super) now: Time,
    /// Only the first table of a watch has them.
    pub(super) headers: bool,
}

impl Form {
    /// Reads `Accept`: the first form in it that is known.
    pub(super) fn read(params: &Params) -> Result<Self, Failure> {
        if params.accept.trim().is_empty() {
            return Ok(Self::Whole);
        }
        for offer in params.accept.split(',') {
            let mut parts = offer.split(';').map(str::trim);
            if !matches!(parts.next(), Some("application/json" | "application/*" | "*/*")) {
                continue;
            }
            let asks_for = parts.clone().find_map(|part| part.strip_prefix("as="));
            let version = parts.find_map(|part| part.strip_prefix("v=")).unwrap_or("v1");
            match asks_for {
                None => return Ok(Self::Whole),
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") if version == "v1" => {
                    return Ok(Self::Metadata);
                }
                Some("Table") if version == "v1" => {
                    return Ok(Self::Table(Include::read(params)?));
                }
                Some(_) => {}
            }
        }
        Err(Failure::not_acceptable())
    }
}

impl View<'_> {
    /// One object, or what happened to it.
    pub(super) fn of_object(self, object: Value) -> Value {
        match self.form {
            // A refusal, or that a deletion is done.
            _ if object["kind"] == "Status" => object,
            Form::Metadata => metadata_of(&object),
            Form::Table(include) => self.layout(include).of_object(&object),
            Form::Whole => object,
        }
    }

    /// A list.
    pub(super) fn of_list(self, mut list: Value) -> Value {
        match self.form {
            Form::Metadata => {
                let items = list["items"].as_array().map_or(&[][..], Vec::as_slice);
                let items: Vec<Value> = items.iter().map(metadata_of).collect();
                list["items"] = json!(items);
                list["kind"] = json!("PartialObjectMetadataList");
                list["apiVersion"] = json!("meta.k8s.io/v1");
                list
            }
            Form::Table(include) => self.layout(include).of_list(&list),
            Form::Whole => list,
        }
    }

    fn layout(&self, include: Include) -> Layout<'_> {
        Layout { resource: self.resource, include, headers: self.headers, now: self.now }
    }
}

/// An object without anything but its metadata.
pub(super) fn metadata_of(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object["metadata"],
    })
}
