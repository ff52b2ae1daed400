//! Dropping fields that a schema does not know, and filling in those that it gives a default.

use serde_json::{Map, Value};

use super::{Fields, Form, Schema, below, is_common};

/// Drops every field that the schema does not know; their paths are added to `dropped`.
pub(in crate::embedded::api) fn prune(
    schema: &Schema,
    value: &mut Value,
    path: &str,
    dropped: &mut Vec<String>,
) {
    match (&schema.form, value) {
        (Form::List { items, .. }, Value::Array(entries)) => {
            for (at, entry) in entries.iter_mut().enumerate() {
                prune(items, entry, &format!("{path}[{at}]"), dropped);
            }
        }
        (Form::Object(fields), Value::Object(object)) => {
            prune_object(fields, object, path, dropped);
        }
        _ => {}
    }
}

fn prune_object(
    fields: &Fields,
    object: &mut Map<String, Value>,
    path: &str,
    dropped: &mut Vec<String>,
) {
    object.retain(|name, value| {
        if is_common(path, name) || (fields.embedded && is_common("", name)) {
            return true;
        }
        let at = below(path, name);
        match fields.known.get(name).or(fields.others.as_deref()) {
            Some(schema) => prune(schema, value, &at, dropped),
            None if fields.preserve => {}
            None => {
                dropped.push(at);
                return false;
            }
        }
        true
    });
}

/// Fills in what is absent and has a default, and drops nulls that a default replaces.
pub(in crate::embedded::api) fn fill_defaults(schema: &Schema, value: &mut Value) {
    match (&schema.form, value) {
        (Form::List { items, .. }, Value::Array(entries)) => {
            for entry in entries {
                fill_defaults(items, entry);
            }
        }
        (Form::Object(fields), Value::Object(object)) => fill_object(fields, object),
        _ => {}
    }
}

fn fill_object(fields: &Fields, object: &mut Map<String, Value>) {
    for (name, schema) in &fields.known {
        let absent = match object.get(name) {
            None => true,
            Some(Value::Null) => !schema.nullable,
            Some(_) => false,
        };
        if let (true, Some(default)) = (absent, &schema.default) {
            object.insert(name.clone(), default.clone());
        }
        if let Some(value) = object.get_mut(name) {
            fill_defaults(schema, value);
        }
    }
    let Some(others) = &fields.others else {
        return;
    };
    for (name, value) in object {
        if !fields.known.contains_key(name) {
            fill_defaults(others, value);
        }
    }
}

/// Drops every null that may not be one.
pub(in crate::embedded::api) fn drop_nulls(schema: &Schema, value: &mut Value) {
    match (&schema.form, value) {
        (Form::List { items, .. }, Value::Array(entries)) => {
            for entry in entries {
                drop_nulls(items, entry);
            }
        }
        (Form::Object(fields), Value::Object(object)) => {
            object.retain(|name, value| {
                let schema = fields.known.get(name).or(fields.others.as_deref());
                if let Some(schema) = schema {
                    drop_nulls(schema, value);
                }
                !value.is_null() || schema.is_none_or(|schema| schema.nullable)
            });
        }
        _ => {}
    }
}
