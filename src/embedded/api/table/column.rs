//! One column of a table.

use serde_json::{Value, json};

use super::age::since;
use super::json_path::JsonPath;
use crate::core::time::Time;

/// A column of `kubectl get`.
#[derive(Clone, Debug)]
pub(in crate::embedded::api) struct Column {
    pub(in crate::embedded::api) name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub(in crate::embedded::api) form: String,
    pub(in crate::embedded::api) format: String,
    pub(in crate::embedded::api) description: String,
    /// Above 0: shown by `-o wide` only.
    pub(in crate::embedded::api) priority: i64,
    pub(in crate::embedded::api) cell: Cell,
}

/// Where a cell comes from.
#[derive(Clone, Debug)]
pub(in crate::embedded::api) enum Cell {
    /// The first value at a path of the object.
    At(JsonPath),
    /// Whatever this makes of the object.
    Read(ReadCell),
}

/// Makes a cell of an object, at this moment.
pub(in crate::embedded::api) type ReadCell = fn(&Value, Time) -> Value;

impl Column {
    /// The column as the head of a table describes it.
    pub(super) fn definition(&self) -> Value {
        json!({
            "name": self.name,
            "type": self.form,
            "format": self.format,
            "description": self.description,
            "priority": self.priority,
        })
    }

    /// Its cell in the row of `object`.
    pub(super) fn cell(&self, object: &Value, now: Time) -> Value {
        match &self.cell {
            Cell::At(path) => path.first(object).map_or(Value::Null, |value| self.show(value, now)),
            Cell::Read(read) => read(object, now),
        }
    }

    /// A value as the type of the column has it; null when it is of another.
    fn show(&self, value: &Value, now: Time) -> Value {
        match (self.form.as_str(), value) {
            ("string", Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                json!(value.to_string())
            }
            ("date", Value::String(_)) => json!(since(value, now)),
            ("integer", Value::Number(number)) if number.is_f64() => {
                json!(number.as_f64().map_or(0.0, f64::trunc))
            }
            ("string", Value::String(_))
            | ("boolean", Value::Bool(_))
            | ("integer" | "number", Value::Number(_)) => value.clone(),
            _ => Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(form: &str, value: &Value) -> Value {
        let column = Column {
            name: "X".to_owned(),
            form: form.to_owned(),
            format: String::new(),
            description: String::new(),
            priority: 0,
            cell: Cell::At(JsonPath::parse(".x").unwrap()),
        };
        column.cell(&json!({ "x": value }), "2026-11-23T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_cell_is_of_its_columns_type_or_empty() {
        for (form, value, shown) in [
            ("string", json!("a"), json!("a")),
            ("string", json!(3), json!("3")),
            ("string", json!(true), json!("true")),
            ("string", json!(["a", {"b": 1}]), json!("[\"a\",{\"b\":1}]")),
            ("string", json!(null), json!(null)),
            ("integer", json!(3), json!(3)),
            ("integer", json!("3"), json!(null)),
            ("number", json!(0.5), json!(0.5)),
            ("boolean", json!(false), json!(false)),
            ("boolean", json!("false"), json!(null)),
            ("date", json!("2026-11-23T11:58:30Z"), json!("90s")),
            ("date", json!("2026-11-23T12:01:00Z"), json!("<invalid>")),
            ("date", json!("soon"), json!("<invalid>")),
            ("date", json!(3), json!(null)),
        ] {
            assert_eq!(cell(form, &value), shown, "{form} {value}");
        }
    }
}
