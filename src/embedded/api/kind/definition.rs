//! A kind as a `CustomResourceDefinition` describes it.

use serde_json::Value;

use super::{CheckedBy, Kind, Nature, Version};
use crate::embedded::api::failure::{About, Cause, Failure};
use crate::embedded::api::scale::Scale;
use crate::embedded::api::schema::Schema;
use crate::embedded::api::table::{self, Cell, Column, JsonPath};

/// How custom resources behave.
const CUSTOM: Nature = Nature {
    checked_by: CheckedBy::Schema,
    has_generation: true,
    blind_put: false,
    put_creates: false,
    delete_shows_object: false,
};

/// Reads a definition of `apiextensions.k8s.io/v1`.
pub(super) fn read(definition: &Value) -> Result<Kind, Failure> {
    let spec = &definition["spec"];
    let names = &spec["names"];
    let group = required(spec, "group")?;
    let plural = required(names, "plural")?;
    let kind = required(names, "kind")?;
    let served = items(&spec["versions"]).filter(|version| version["served"] == true);
    let mut versions: Vec<&Value> = served.collect();
    versions.sort_by_key(|version| version["storage"] != true);
    if versions.is_empty() {
        return Err(Failure::bad_request("spec.versions: none is served"));
    }
    let versions = versions.into_iter().map(version).collect::<Result<_, _>>();
    let versions = versions.map_err(|cause| {
        let name = format!("{plural}.{group}");
        let about = About {
            group: "apiextensions.k8s.io",
            resource: "CustomResourceDefinition",
            name: &name,
        };
        Failure::invalid(about, &[cause])
    })?;
    let singular = names["singular"].as_str();
    Ok(Kind {
        stored_as: format!("{plural}.{group}").into(),
        singular: singular.map_or_else(|| kind.to_lowercase(), str::to_owned),
        group,
        plural,
        kind,
        short_names: texts(&names["shortNames"]),
        categories: texts(&names["categories"]),
        namespaced: spec["scope"] == "Namespaced",
        versions,
        nature: CUSTOM,
    })
}

fn version(version: &Value) -> Result<Version, Cause> {
    let mut columns = vec![name()];
    for (at, column) in items(&version["additionalPrinterColumns"]).enumerate() {
        columns.push(read_column(column, at)?);
    }
    if columns.len() == 1 {
        columns.push(age());
    }
    Ok(Version {
        name: text(version, "name"),
        has_status: version["subresources"]["status"].is_object(),
        scale: scale(&version["subresources"]["scale"]),
        schema: Schema::read(&version["schema"]["openAPIV3Schema"]),
        columns,
    })
}

fn scale(scale: &Value) -> Option<Scale> {
    scale.is_object().then(|| Scale {
        wanted: text(scale, "specReplicasPath"),
        present: text(scale, "statusReplicasPath"),
        selector: scale["labelSelectorPath"].as_str().map(str::to_owned),
    })
}

fn read_column(column: &Value, at: usize) -> Result<Column, Cause> {
    let path = text(column, "jsonPath");
    let cell = JsonPath::parse(&path).map_err(|why| {
        let field = format!("spec.additionalPrinterColumns[{at}].jsonPath");
        Cause::invalid(field, &column["jsonPath"], &why)
    })?;
    let description = match text(column, "description") {
        none if none.is_empty() => {
            format!("Custom resource definition column (in JSONPath format): {path}")
        }
        description => description,
    };
    Ok(Column {
        name: text(column, "name"),
        form: text(column, "type"),
        format: text(column, "format"),
        description,
        priority: column["priority"].as_i64().unwrap_or(0),
        cell: Cell::At(cell),
    })
}

/// The first column of every custom kind.
fn name() -> Column {
    Column {
        name: "Name".to_owned(),
        form: "string".to_owned(),
        format: "name".to_owned(),
        description: "The name of the object, unique in its namespace.".to_owned(),
        priority: 0,
        cell: Cell::Read(table::name),
    }
}

/// The column of a kind that asks for none.
fn age() -> Column {
    Column {
        name: "Age".to_owned(),
        form: "date".to_owned(),
        format: String::new(),
        description: "How long ago it was created.".to_owned(),
        priority: 0,
        cell: Cell::Read(table::age),
    }
}

fn required(value: &Value, name: &str) -> Result<String, Failure> {
    let found = value[name].as_str().map(str::to_owned);
    found.ok_or_else(|| Failure::bad_request(format!("a definition without {name}")))
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    items(value).filter_map(|text| text.as_str().map(str::to_owned)).collect()
}
