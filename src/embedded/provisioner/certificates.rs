//! The Certificates of a database, and the defaults of `spec.tls`.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::database::Database;
use super::problem::Problem;
use crate::api::{names, wanted};

/// The Certificate of an alias, for a server that also has `addresses`. None when nobody is to
/// sign it.
pub(super) fn certificate(
    database: &Database,
    alias: &str,
    addresses: &[IpAddr],
) -> Result<Option<Value>, Problem> {
    Ok(wanted::certificate(&database.mysql, alias, addresses)?)
}

/// What KubeDB's mutating webhook makes of `spec.tls.certificates`: an entry with a Secret's name
/// for each default alias. None when they are there, or nobody is named who signs.
pub(super) fn tls_defaults(database: &Database) -> Option<Value> {
    database.mysql.spec.tls.as_ref()?.issuer_ref.as_ref()?;
    let written = &database.raw["spec"]["tls"]["certificates"];
    let mut entries = written.as_array().cloned().unwrap_or_default();
    for alias in names::DEFAULT_ALIASES {
        let at = entries.iter().position(|entry| entry["alias"] == alias);
        let at = at.unwrap_or_else(|| {
            entries.push(json!({ "alias": alias }));
            entries.len() - 1
        });
        if entries[at]["secretName"].as_str().is_none_or(str::is_empty) {
            entries[at]["secretName"] = json!(database.mysql.certificate_name(alias));
        }
    }
    let entries = Value::Array(entries);
    (entries != *written).then(|| json!({"spec": {"tls": {"certificates": entries}}}))
}

#[cfg(test)]
mod tests;
