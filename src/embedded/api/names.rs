//! Which names, labels and references objects may have.

use serde_json::{Value, json};

use super::failure::Cause;
use super::kind::Resource;
use super::object;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
    characters, '-' or '.', and must start and end with an alphanumeric character (e.g. \
    'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric \
    characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or \
    '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric \
    characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. \
    'MyValue',  or 'my_value',  or '12345', regex used for validation is \
    '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// What is wrong with the metadata of an object.
pub(super) fn check_metadata(resource: &Resource, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    check_name(resource, value, &mut causes);
    check_labels(value, &mut causes);
    check_owners(value, &mut causes);
    for (at, finalizer) in object::finalizers(value).iter().enumerate() {
        if !is_qualified(finalizer) {
            let why = "name part must consist of alphanumeric characters, '-', '_' or '.', and \
                must start and end with an alphanumeric character";
            let field = format!("metadata.finalizers[{at}]");
            causes.push(Cause::invalid(field, &json!(finalizer), why));
        }
    }
    causes
}

fn check_name(resource: &Resource, value: &Value, causes: &mut Vec<Cause>) {
    let name = object::name(value);
    if name.is_empty() {
        causes.push(Cause {
            message: "Required value: name or generateName is required".to_owned(),
            ..Cause::required("metadata.name")
        });
        return;
    }
    let (longest, why) = match resource.kind.kind.as_str() {
        "Namespace" | "Service" => (63, LABEL),
        _ => (253, SUBDOMAIN),
    };
    let fits = if longest == 63 { is_label(name) } else { is_subdomain(name) };
    if name.len() > longest {
        let why = format!("must be no more than {longest} bytes");
        causes.push(Cause::invalid("metadata.name", &json!(name), &why));
    } else if !fits {
        causes.push(Cause::invalid("metadata.name", &json!(name), why));
    }
}

fn check_labels(value: &Value, causes: &mut Vec<Cause>) {
    for (key, text) in object::labels(value) {
        if !is_qualified(key) {
            let why = "name part must consist of alphanumeric characters, '-', '_' or '.', and \
                must start and end with an alphanumeric character";
            causes.push(Cause::invalid("metadata.labels", &json!(key), why));
        }
        if text.len() > 63 {
            let why = "must be no more than 63 bytes";
            causes.push(Cause::invalid("metadata.labels", &json!(text), why));
        } else if !text.is_empty() && !is_part(text) {
            causes.push(Cause::invalid("metadata.labels", &json!(text), LABEL_VALUE));
        }
    }
    let annotations = value["metadata"]["annotations"].as_object();
    for key in annotations.into_iter().flat_map(|annotations| annotations.keys()) {
        if !is_qualified(&key.to_lowercase()) {
            let why = "name part must consist of alphanumeric characters, '-', '_' or '.', and \
                must start and end with an alphanumeric character";
            causes.push(Cause::invalid("metadata.annotations", &json!(key), why));
        }
    }
}

fn check_owners(value: &Value, causes: &mut Vec<Cause>) {
    let owners = value["metadata"]["ownerReferences"].as_array();
    let owners: Vec<&Value> = owners.into_iter().flatten().collect();
    for owner in &owners {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if owner[field].as_str().unwrap_or_default().is_empty() {
                let path = format!("metadata.ownerReferences.{field}");
                let why = if field == "apiVersion" {
                    "version must not be empty"
                } else {
                    "must not be empty"
                };
                causes.push(Cause::invalid(path, &json!(""), why));
            }
        }
    }
    let controllers = owners.iter().filter(|owner| owner["controller"] == true);
    if controllers.count() > 1 {
        let why = "Only one reference can have Controller set to true";
        causes.push(Cause::invalid("metadata.ownerReferences", &json!(owners), why));
    }
}

fn is_subdomain(name: &str) -> bool {
    name.split('.').all(is_label_of_any_length)
}

fn is_label(name: &str) -> bool {
    name.len() <= 63 && is_label_of_any_length(name)
}

fn is_label_of_any_length(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty() && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

/// `<name>` or `<domain>/<name>`.
fn is_qualified(key: &str) -> bool {
    match key.split_once('/') {
        Some((domain, name)) => is_subdomain(domain) && is_part(name),
        None => is_part(key),
    }
}

fn is_part(name: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    name.len() <= 63
        && ends(name.chars().next())
        && ends(name.chars().next_back())
        && name.chars().all(inner)
}
