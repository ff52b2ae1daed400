//! Tables: what `kubectl get` prints, laid out by the server.

use serde_json::{Map, Value, json};

use super::call::Params;
use super::failure::Failure;
use super::kind::Resource;
use crate::core::time::Time;

mod age;
mod cells;
mod column;
mod json_path;
mod pod;

pub(super) use column::{Cell, Column, ReadCell};
pub(super) use json_path::JsonPath;
pub(super) use {cells::*, pod::*};

/// What of an object comes with its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Include {
    /// Its metadata.
    Metadata,
    /// No more than the cells.
    Nothing,
    /// All of it.
    Object,
}

impl Include {
    /// Reads the parameter `includeObject`.
    pub(super) fn read(params: &Params) -> Result<Self, Failure> {
        match params.text("includeObject") {
            "" | "Metadata" => Ok(Self::Metadata),
            "None" => Ok(Self::Nothing),
            "Object" => Ok(Self::Object),
            other => Err(Failure::bad_request(format!(
                "Unable to convert to Table as requested: includeObject: Unsupported value: \
                 {other:?}: supported values: \"Metadata\", \"None\", \"Object\""
            ))),
        }
    }
}

/// One table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout<'a> {
    pub(super) resource: &'a Resource,
    pub(super) include: Include,
    /// Only the first table of a watch says what its columns are.
    pub(super) headers: bool,
    pub(super) now: Time,
}

impl Layout<'_> {
    /// The table of a list.
    pub(super) fn of_list(self, list: &Value) -> Value {
        let objects = list["items"].as_array().map_or(&[][..], Vec::as_slice);
        self.table(&list["metadata"], objects)
    }

    /// The table of one object.
    pub(super) fn of_object(self, object: &Value) -> Value {
        let meta = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
        self.table(&meta, std::slice::from_ref(object))
    }

    fn table(self, meta: &Value, objects: &[Value]) -> Value {
        let columns = &self.resource.version().columns;
        let definitions = columns.iter().filter(|_| self.headers).map(Column::definition);
        json!({
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": meta,
            "columnDefinitions": definitions.collect::<Vec<_>>(),
            "rows": objects.iter().map(|object| self.row(object)).collect::<Vec<_>>(),
        })
    }

    fn row(self, object: &Value) -> Value {
        let columns = self.resource.version().columns.iter();
        let cells = columns.map(|column| column.cell(object, self.now));
        let mut row = Map::new();
        row.insert("cells".to_owned(), cells.collect());
        let shown = match self.include {
            Include::Metadata => super::render::metadata_of(object),
            Include::Nothing => return Value::Object(row),
            Include::Object => {
                let mut object = object.clone();
                object["kind"] = json!(self.resource.kind.kind);
                object["apiVersion"] = json!(self.resource.api_version());
                object
            }
        };
        row.insert("object".to_owned(), shown);
        Value::Object(row)
    }
}
