//! Holding a value to its schema, with the API server's words for what is wrong.

use serde_json::{Map, Value, json};

use super::{Fields, Form, ListKind, Range, Schema, below};
use crate::embedded::api::failure::Cause;

/// Everything that is wrong with `value`.
pub(in crate::embedded::api) fn validate(schema: &Schema, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    check(schema, value, "", &mut causes);
    causes
}

fn check(schema: &Schema, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    if value.is_null() && schema.nullable {
        return;
    }
    match (&schema.form, value) {
        (Form::Any, _)
        | (Form::Boolean, Value::Bool(_))
        | (Form::IntegerOrText, Value::String(_)) => {}
        (Form::IntegerOrText, Value::Number(number)) if is_whole(number) => {}
        (Form::Integer(range), Value::Number(number)) if is_whole(number) => {
            check_range(*range, value, path, causes);
        }
        (Form::Number(range), Value::Number(_)) => check_range(*range, value, path, causes),
        (Form::Text { pattern, least, most }, Value::String(text)) => {
            check_length(text, *least, *most, path, causes);
            if pattern.as_ref().is_some_and(|pattern| !pattern.is_match(text)) {
                let pattern = pattern.as_ref().map_or("", |pattern| pattern.as_str());
                let why = format!("{path} in body should match '{pattern}'");
                causes.push(Cause::invalid(path, value, &why));
            }
            check_format(&schema.format, value, path, causes);
        }
        (Form::List { items, least, most }, Value::Array(entries)) => {
            check_count(entries.len(), *least, *most, path, causes);
            for (at, entry) in entries.iter().enumerate() {
                check(items, entry, &format!("{path}[{at}]"), causes);
            }
            check_duplicates(&schema.list, entries, path, causes);
        }
        (Form::Object(fields), Value::Object(object)) => {
            check_object(fields, object, path, causes);
        }
        (form, value) => causes.push(wrong_type(form, value, path)),
    }
    check_allowed(&schema.allowed, value, path, causes);
}

fn check_object(fields: &Fields, object: &Map<String, Value>, path: &str, causes: &mut Vec<Cause>) {
    for (name, value) in object {
        let schema = fields.known.get(name).or(fields.others.as_deref());
        if let Some(schema) = schema {
            check(schema, value, &below(path, name), causes);
        }
    }
    for name in &fields.required {
        if !object.contains_key(name) {
            causes.push(Cause::required(below(path, name)));
        }
    }
}

fn wrong_type(form: &Form, value: &Value, path: &str) -> Cause {
    let expected = match form {
        Form::Any => "any",
        Form::Boolean => "boolean",
        Form::Integer(_) => "integer",
        Form::IntegerOrText => "integer,string",
        Form::List { .. } => "array",
        Form::Number(_) => "number",
        Form::Object(_) => "object",
        Form::Text { .. } => "string",
    };
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if is_whole(number) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let message =
        format!("Invalid value: {found:?}: {path} in body must be of type {expected}: {found:?}");
    Cause { reason: "FieldValueTypeInvalid", message, field: path.to_owned() }
}

fn check_range(range: Range, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    let number = value.as_f64().unwrap_or_default();
    if let Some(least) = range.least.filter(|least| number < *least) {
        let why = format!("{path} in body should be greater than or equal to {least}");
        causes.push(Cause::invalid(path, value, &why));
    }
    if let Some(most) = range.most.filter(|most| number > *most) {
        let why = format!("{path} in body should be less than or equal to {most}");
        causes.push(Cause::invalid(path, value, &why));
    }
}

fn check_length(
    text: &str,
    least: Option<u64>,
    most: Option<u64>,
    path: &str,
    causes: &mut Vec<Cause>,
) {
    let length = text.chars().count() as u64;
    if let Some(least) = least.filter(|least| length < *least) {
        let why = format!("{path} in body should be at least {least} chars long");
        causes.push(Cause::invalid(path, &json!(text), &why));
    }
    if let Some(most) = most.filter(|most| length > *most) {
        let unit = if most == 1 { "byte" } else { "bytes" };
        causes.push(Cause {
            reason: "FieldValueTooLong",
            message: format!("Too long: may not be more than {most} {unit}"),
            field: path.to_owned(),
        });
    }
}

fn check_count(
    count: usize,
    least: Option<u64>,
    most: Option<u64>,
    path: &str,
    causes: &mut Vec<Cause>,
) {
    let count = count as u64;
    if let Some(least) = least.filter(|least| count < *least) {
        let why = format!("{path} in body should have at least {least} items");
        causes.push(Cause::invalid(path, &json!(count), &why));
    }
    if let Some(most) = most.filter(|most| count > *most) {
        causes.push(Cause {
            reason: "FieldValueTooMany",
            message: format!("Too many: {count}: must have at most {most} items"),
            field: path.to_owned(),
        });
    }
}

fn check_format(format: &str, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    let text = value.as_str().unwrap_or_default();
    if format == "date-time" && text.parse::<jiff::Timestamp>().is_err() {
        let why = format!("{path} in body must be of type date-time: {value}");
        causes.push(Cause::invalid(path, value, &why));
    }
}

fn check_allowed(allowed: &[Value], value: &Value, path: &str, causes: &mut Vec<Cause>) {
    if allowed.is_empty() || allowed.contains(value) {
        return;
    }
    let supported: Vec<String> = allowed.iter().map(ToString::to_string).collect();
    let supported = supported.join(", ");
    causes.push(Cause {
        reason: "FieldValueNotSupported",
        message: format!("Unsupported value: {value}: supported values: {supported}"),
        field: path.to_owned(),
    });
}

fn check_duplicates(list: &ListKind, entries: &[Value], path: &str, causes: &mut Vec<Cause>) {
    let identity = |entry: &Value| match list {
        ListKind::Atomic => None,
        ListKind::Map(keys) => {
            Some(keys.iter().map(|key| (key.clone(), entry[key].clone())).collect())
        }
        ListKind::Set => Some(entry.clone()),
    };
    let mut seen: Vec<Value> = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let Some(identity) = identity(entry) else {
            return;
        };
        if seen.contains(&identity) {
            causes.push(Cause {
                reason: "FieldValueDuplicate",
                message: format!("Duplicate value: {identity}"),
                field: format!("{path}[{at}]"),
            });
        } else {
            seen.push(identity);
        }
    }
}

fn is_whole(number: &serde_json::Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|n| n.fract() == 0.0)
}
