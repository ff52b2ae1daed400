//! The forms that an answer can be asked for in: whole objects, or their metadata alone.

use serde_json::{Value, json};

use super::kind::Resource;

/// What of an object is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Only its metadata.
    Metadata,
    /// All of it.
    Whole,
}

impl Form {
    /// Reads `Accept`: the first form in it that is known.
    pub(super) fn read(accept: &str) -> Self {
        for offer in accept.split(',') {
            let asks_for = offer.split(';').find_map(|part| part.trim().strip_prefix("as="));
            match asks_for {
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") => {
                    return Self::Metadata;
                }
                Some(_) => {}
                None => return Self::Whole,
            }
        }
        Self::Whole
    }

    /// One object.
    pub(super) fn of_object(self, object: Value) -> Value {
        match self {
            Self::Metadata => metadata_of(&object),
            Self::Whole => object,
        }
    }

    /// The object of a watch event.
    pub(super) fn of_event(self, _resource: &Resource, object: Value) -> Value {
        self.of_object(object)
    }

    /// A list.
    pub(super) fn of_list(self, mut list: Value) -> Value {
        match self {
            Self::Metadata => {
                let items = list["items"].as_array().map_or(&[][..], Vec::as_slice);
                let items: Vec<Value> = items.iter().map(metadata_of).collect();
                list["items"] = json!(items);
                list["kind"] = json!("PartialObjectMetadataList");
                list["apiVersion"] = json!("meta.k8s.io/v1");
                list
            }
            Self::Whole => list,
        }
    }
}

fn metadata_of(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object["metadata"],
    })
}
