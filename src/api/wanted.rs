//! The Certificates that KubeDB wants for a MySQL, and the labels of all that belongs to one.
//!
//! KubeDB's own code for this is closed. Names, usages and the hosts are those of the Certificates
//! that its documentation shows.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Map, Value, json};

use super::desired::list;
use super::go_duration::GoDuration;
use super::meta::{INSTANCE_LABEL, MANAGED_BY_LABEL};
use super::mysql::{MySql, TopologyMode};
use super::names;
use super::tls::{Subject, TlsCertificate};

/// The longest common name that X.509 allows, and so cert-manager.
const LONGEST_COMMON_NAME: usize = 64;
/// As whom KubeDB's own clients log in.
const ROOT: &str = "root";
/// The database's place in `app.kubernetes.io/name`.
const NAME_LABEL: (&str, &str) = ("app.kubernetes.io/name", "mysqls.kubedb.com");
const MANAGED_BY: &str = "kubedb.com";
/// What tells the servers of an InnoDBCluster from its routers.
const PART_LABEL: (&str, &str) = ("mysql.kubedb.com/component", "database");
const COMPONENT_LABEL: (&str, &str) = ("app.kubernetes.io/component", "database");

/// A length of time that Go, and so cert-manager, cannot read. Written to a Certificate it would
/// keep cert-manager from reading any of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "spec.tls.certificates: {field} of {alias} is {text:?}, which is no Go duration: write for \
     instance 2160h"
)]
pub struct NoDuration {
    /// The certificate.
    pub alias: String,
    /// Which of its fields.
    pub field: &'static str,
    /// What stands there.
    pub text: String,
}

/// The labels that the pods of a database are found by.
pub fn selector(mysql: &MySql) -> Map<String, Value> {
    let group = matches!(mysql.mode(), Some(TopologyMode::InnoDbCluster));
    let common = [NAME_LABEL, (INSTANCE_LABEL, mysql.name()), (MANAGED_BY_LABEL, MANAGED_BY)];
    let labels = common.into_iter().chain(group.then_some(PART_LABEL));
    labels.map(|(key, value)| (key.to_owned(), json!(value))).collect()
}

/// The labels of all that belongs to it.
pub fn labels(mysql: &MySql) -> Map<String, Value> {
    let mut labels = selector(mysql);
    labels.insert(COMPONENT_LABEL.0.to_owned(), json!(COMPONENT_LABEL.1));
    labels
}

/// The Certificate of an alias, for a server that also has `addresses`. None when nobody is to
/// sign it.
pub fn certificate(
    mysql: &MySql,
    alias: &str,
    addresses: &[IpAddr],
) -> Result<Option<Value>, NoDuration> {
    let Some(issuer) = mysql.issuer(alias) else {
        return Ok(None);
    };
    let own = mysql.spec.tls.as_ref().and_then(|tls| tls.certificate(alias));
    let own = own.cloned().unwrap_or_default();
    let is_server = alias == "server";
    let hosts = if is_server { hosts(mysql) } else { Vec::new() };
    let addresses = if is_server { loopback_and(addresses) } else { Vec::new() };
    let mut usages = vec!["digital signature", "key encipherment"];
    usages.extend(is_server.then_some("server auth"));
    usages.push("client auth");
    Ok(Some(json!({
        "metadata": {
            "name": mysql.certificate_name(alias),
            "namespace": mysql.namespace(),
            "labels": labels(mysql),
        },
        "spec": {
            "secretName": mysql.secret_name(alias),
            "commonName": common_name(mysql, is_server),
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
fn common_name(mysql: &MySql, is_server: bool) -> Option<String> {
    let service = format!("{}.{}.svc", mysql.name(), mysql.namespace());
    let name = if is_server { service } else { ROOT.to_owned() };
    (name.len() <= LONGEST_COMMON_NAME).then_some(name)
}

fn hosts(mysql: &MySql) -> Vec<String> {
    let (name, namespace) = (mysql.name(), mysql.namespace());
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
pub fn subject(subject: &Subject) -> Value {
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
) -> Result<Option<&'a str>, NoDuration> {
    match written {
        Some(written) if written.span().is_none() => {
            Err(NoDuration { alias: alias.to_owned(), field, text: written.as_str().to_owned() })
        }
        written => Ok(written.map(GoDuration::as_str)),
    }
}
