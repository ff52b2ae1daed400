//! What a request wants the MySQL and its Certificates to be. Pure: JSON in, JSON out, so that what
//! others have written there stays.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::api::desired::agrees;
use crate::api::mysql::MySql;
use crate::api::ops_request::RequestTls;
use crate::api::tls::{ISSUER_GROUP, IssuerRef, TlsCertificate};
use crate::api::wanted::subject;

/// What TLS of a database is, and what it becomes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    /// As it is.
    pub(super) now: MySql,
    /// As the request wants it.
    pub(super) wanted: MySql,
    /// The change from the one to the other, as a merge patch; none: there is nothing to change.
    pub(super) change: Option<Value>,
}

impl Plan {
    /// For a MySQL as the apiserver holds it. Without a request to go by it stays as it is.
    pub(super) fn new(mysql: &Value, tls: Option<&RequestTls>) -> Self {
        let wanted = tls.map_or_else(|| mysql.clone(), |tls| wanted(mysql, tls));
        let read = |value: &Value| serde_json::from_value(value.clone()).unwrap_or_default();
        Self { now: read(mysql), wanted: read(&wanted), change: change(mysql, &wanted) }
    }

    /// The same backwards: from what the request wanted to what is.
    pub(super) fn undone(&self) -> Self {
        Self { now: self.wanted.clone(), wanted: self.now.clone(), change: None }
    }

    /// The issuers of cert-manager that sign what is wanted.
    pub(super) fn issuers(&self) -> BTreeSet<&IssuerRef> {
        let aliases = self.wanted.aliases();
        let issuers = aliases.into_iter().filter_map(|alias| self.wanted.issuer(alias));
        issuers.filter(|issuer| issuer.group == ISSUER_GROUP).collect()
    }

    /// What has to change in the spec of the Certificate of an alias, as a merge patch; none:
    /// nothing.
    ///
    /// Only what the request changes is looked at. What else the Certificate says is its maker's.
    pub(super) fn certificate(&self, alias: &str, spec: &Value) -> Option<Value> {
        let entry = |mysql: &MySql| -> TlsCertificate {
            let tls = mysql.spec.tls.as_ref();
            tls.and_then(|tls| tls.certificate(alias)).cloned().unwrap_or_default()
        };
        let (old, new) = (entry(&self.now), entry(&self.wanted));
        let mut change = Map::new();
        let mut set = |field: &str, value: Value| {
            change.insert(field.to_owned(), value);
        };
        if let Some(issuer) =
            self.wanted.issuer(alias).filter(|it| Some(*it) != self.now.issuer(alias))
        {
            let IssuerRef { group, kind, name } = issuer;
            set("issuerRef", json!({"group": group, "kind": kind, "name": name}));
        }
        if self.now.secret_name(alias) != self.wanted.secret_name(alias) {
            set("secretName", json!(self.wanted.secret_name(alias)));
        }
        if old.duration != new.duration {
            set("duration", json!(new.duration));
        }
        if old.renew_before != new.renew_before {
            set("renewBefore", json!(new.renew_before));
        }
        if old.subject != new.subject {
            set("subject", new.subject.as_ref().map_or(Value::Null, subject));
        }
        if old.private_key != new.private_key {
            let encoding = new.private_key.as_ref().and_then(|key| key.encoding.clone());
            set("privateKey", json!({ "encoding": encoding }));
        }
        for (field, old, new) in [
            ("dnsNames", &old.dns_names, &new.dns_names),
            ("ipAddresses", &old.ip_addresses, &new.ip_addresses),
            ("uris", &old.uris, &new.uris),
            ("emailAddresses", &old.email_addresses, &new.email_addresses),
        ] {
            if old != new {
                set(field, names(&spec[field], old, new));
            }
        }
        change.retain(|field, value| !agrees(&spec[field], value));
        (!change.is_empty()).then_some(Value::Object(change))
    }
}

/// Those that are there, without the old ones and with the new ones.
fn names(present: &Value, old: &[String], new: &[String]) -> Value {
    let present = present.as_array().into_iter().flatten().filter_map(Value::as_str);
    let kept = present.filter(|name| !old.iter().any(|old| old == name));
    let all: BTreeSet<&str> = kept.chain(new.iter().map(String::as_str)).collect();
    if all.is_empty() { Value::Null } else { json!(all) }
}

/// A MySQL as a request wants it.
fn wanted(mysql: &Value, tls: &RequestTls) -> Value {
    let mut wanted = mysql.clone();
    let spec = &mut wanted["spec"];
    if tls.remove {
        if let Some(spec) = spec.as_object_mut() {
            spec.remove("tls");
            spec.remove("requireSSL");
        }
        return wanted;
    }
    if let Some(require) = tls.require_ssl {
        spec["requireSSL"] = json!(require);
    }
    if let Some(issuer) = &tls.issuer_ref {
        spec["tls"]["issuerRef"] = json!(issuer);
    }
    for certificate in &tls.certificates {
        replace(&mut spec["tls"]["certificates"], certificate);
    }
    wanted
}

/// By alias, as KubeDB does it. A Secret stays the one that it is unless the request names another.
fn replace(entries: &mut Value, certificate: &TlsCertificate) {
    if !entries.is_array() {
        *entries = json!([]);
    }
    let Some(entries) = entries.as_array_mut() else { return };
    let mut new = json!(certificate);
    match entries.iter_mut().find(|entry| entry["alias"] == *certificate.alias) {
        Some(entry) => {
            if certificate.secret_name.is_none() && entry["secretName"].is_string() {
                new["secretName"] = entry["secretName"].take();
            }
            *entry = new;
        }
        None => entries.push(new),
    }
}

fn change(mysql: &Value, wanted: &Value) -> Option<Value> {
    let tls = |mysql: &Value| mysql["spec"]["tls"].clone();
    let require = |mysql: &Value| mysql["spec"]["requireSSL"].as_bool().unwrap_or(false);
    let agree = tls(mysql) == tls(wanted) && require(mysql) == require(wanted);
    (!agree).then(|| json!({"tls": tls(wanted), "requireSSL": require(wanted)}))
}

/// Whether pods that are made from a workload have TLS as their MySQL asks.
pub(super) fn template_agrees(workload: &Value, mysql: &MySql) -> bool {
    let pod = &workload["spec"]["template"]["spec"];
    let volumes = pod["volumes"].as_array().into_iter().flatten();
    let volume = volumes.into_iter().find(|volume| volume["name"] == "tls-volume");
    let Some(volume) = volume else {
        return mysql.aliases().is_empty();
    };
    if mysql.aliases().is_empty() {
        return false;
    }
    let containers = pod["containers"].as_array().into_iter().flatten();
    let server = containers.into_iter().find(|container| container["name"] == "mysql");
    let words = server.map(Value::to_string).unwrap_or_default().replace('_', "-");
    let required = words.contains("require-secure-transport=ON");
    let sources = volume["projected"]["sources"].as_array().into_iter().flatten();
    let mounted: Vec<&Value> = sources.map(|source| &source["secret"]["name"]).collect();
    let mounts = |alias| mounted.iter().any(|name| **name == *mysql.secret_name(alias));
    required == mysql.spec.require_ssl && mounts("server") && mounts("client")
}

#[cfg(test)]
mod tests;
