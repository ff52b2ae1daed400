//! The Certificates of a database, and the defaults of `spec.tls`.
//!
//! KubeDB's own code for this is closed. Names, usages and the hosts are those of the Certificates
//! that its documentation shows.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

use super::database::Database;
use super::desired::list;
use super::problem::Problem;
use crate::api::go_duration::GoDuration;
use crate::api::names;
use crate::api::tls::{Subject, TlsCertificate};

/// The longest common name that X.509 allows, and so cert-manager.
const LONGEST_COMMON_NAME: usize = 64;
/// As whom KubeDB's own clients log in.
const ROOT: &str = "root";

/// The Certificate of an alias, for a server that also has `addresses`. None when nobody is to
/// sign it.
pub(super) fn certificate(
    database: &Database,
    alias: &str,
    addresses: &[IpAddr],
) -> Result<Option<Value>, Problem> {
    let mysql = &database.mysql;
    let Some(issuer) = mysql.issuer(alias) else {
        return Ok(None);
    };
    let own = mysql.spec.tls.as_ref().and_then(|tls| tls.certificate(alias));
    let own = own.cloned().unwrap_or_default();
    let is_server = alias == "server";
    let hosts = if is_server { hosts(database) } else { Vec::new() };
    let addresses = if is_server { loopback_and(addresses) } else { Vec::new() };
    let mut usages = vec!["digital signature", "key encipherment"];
    usages.extend(is_server.then_some("server auth"));
    usages.push("client auth");
    Ok(Some(json!({
        "metadata": database.metadata(&mysql.certificate_name(alias)),
        "spec": {
            "secretName": mysql.secret_name(alias),
            "commonName": common_name(database, is_server),
            "dnsNames": sorted(hosts, &own.dns_names),
            "ipAddresses": sorted(addresses, &own.ip_addresses),
            "uris": list(own.uris.clone()),
            "emailAddresses": list(own.email_addresses.clone()),
            "subject": own.subject.as_ref().map(subject),
            "duration": duration(alias, "duration", own.duration.as_ref())?,
            "renewBefore": duration(alias, "renewBefore", own.renew_before.as_ref())?,
            "privateKey": private_key(&own),
            "usages": usages,
            "issuerRef": {"group": issuer.group, "kind": issuer.kind, "name": issuer.name},
        },
    })))
}

/// None when it does not fit: then the hosts alone say who it is.
fn common_name(database: &Database, is_server: bool) -> Option<String> {
    let service = format!("{}.{}.svc", database.name(), database.namespace());
    let name = if is_server { service } else { ROOT.to_owned() };
    (name.len() <= LONGEST_COMMON_NAME).then_some(name)
}

fn hosts(database: &Database) -> Vec<String> {
    let (name, namespace) = (database.name(), database.namespace());
    let pods = names::governing_service(name);
    vec![
        format!("*.{pods}.{namespace}.svc"),
        format!("*.{pods}.{namespace}.svc.cluster.local"),
        format!("*.{name}.{namespace}.svc"),
        "localhost".to_owned(),
        name.to_owned(),
        format!("{name}.{namespace}.svc"),
    ]
}

fn loopback_and(addresses: &[IpAddr]) -> Vec<String> {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    std::iter::once(&loopback).chain(addresses).map(ToString::to_string).collect()
}

/// Ours and the user's, each once.
fn sorted(ours: Vec<String>, users: &[String]) -> Value {
    let all: BTreeSet<String> = ours.into_iter().chain(users.iter().cloned()).collect();
    list(all)
}

/// With a null for what is not there: a merge patch would keep what was there before.
fn subject(subject: &Subject) -> Value {
    json!({
        "organizations": list(subject.organizations.clone()),
        "countries": list(subject.countries.clone()),
        "organizationalUnits": list(subject.organizational_units.clone()),
        "localities": list(subject.localities.clone()),
        "provinces": list(subject.provinces.clone()),
        "streetAddresses": list(subject.street_addresses.clone()),
        "postalCodes": list(subject.postal_codes.clone()),
        "serialNumber": subject.serial_number,
    })
}

fn private_key(own: &TlsCertificate) -> Option<Value> {
    let encoding = own.private_key.as_ref()?.encoding.as_ref()?;
    Some(json!({ "encoding": encoding }))
}

fn duration<'a>(
    alias: &str,
    field: &'static str,
    written: Option<&'a GoDuration>,
) -> Result<Option<&'a str>, Problem> {
    match written {
        Some(written) if written.span().is_none() => Err(Problem::Duration {
            alias: alias.to_owned(),
            field,
            text: written.as_str().to_owned(),
        }),
        written => Ok(written.map(GoDuration::as_str)),
    }
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
