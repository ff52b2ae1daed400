//! Whether a request is for what a Certificate asks for now: the fields in which it is not.

use std::collections::BTreeSet;

use crate::api::cert_manager::{CertificateRequest, CertificateSpec, PrivateKeySpec};
use crate::core::certificate::sanitize;
use crate::pki::{Algorithm, Profile, Refused, RequestProblem, SigningRequest};

/// The fields of a Certificate that its request does not fit, in cert-manager's order.
pub(super) fn request(
    request: &CertificateRequest,
    spec: &CertificateSpec,
) -> Result<Vec<&'static str>, RequestProblem> {
    let pem = request.spec.request.as_deref().unwrap_or_default();
    let asked = SigningRequest::from_pem(pem)?.profile;
    let (subject, wanted) = (&asked.subject, &spec.subject);
    let lists = [
        (texts(&asked.ip_addresses) == addresses(&spec.ip_addresses), "spec.ipAddresses"),
        (same(&asked.uris, &spec.uris), "spec.uris"),
        (same(&asked.email_addresses, &spec.email_addresses), "spec.emailAddresses"),
        (same(&asked.dns_names, &spec.dns_names), "spec.dnsNames"),
        (asked.common_name == spec.common_name, "spec.commonName"),
        (subject.serial_number == wanted.serial_number, "spec.subject.serialNumber"),
        (same(&subject.organizations, &wanted.organizations), "spec.subject.organizations"),
        (same(&subject.countries, &wanted.countries), "spec.subject.countries"),
        (same(&subject.localities, &wanted.localities), "spec.subject.localities"),
        (
            same(&subject.organizational_units, &wanted.organizational_units),
            "spec.subject.organizationalUnits",
        ),
        // The field's name as cert-manager says it here.
        (same(&subject.postal_codes, &wanted.postal_codes), "spec.subject.postCodes"),
        (same(&subject.provinces, &wanted.provinces), "spec.subject.provinces"),
        (same(&subject.street_addresses, &wanted.street_addresses), "spec.subject.streetAddresses"),
        (request.spec.is_ca == spec.is_ca, "spec.isCA"),
        (same(&request.spec.usages, &spec.usages), "spec.usages"),
        (durations_agree(request, spec), "spec.duration"),
        (request.spec.issuer_ref == spec.issuer_ref, "spec.issuerRef"),
    ];
    Ok(lists.into_iter().filter(|(fits, _)| !fits).map(|(_, field)| field).collect())
}

/// A duration that one of them leaves out fits any.
fn durations_agree(request: &CertificateRequest, spec: &CertificateSpec) -> bool {
    match (&request.spec.duration, &spec.duration) {
        (Some(asked), Some(wanted)) => asked.span() == wanted.span(),
        (None, _) | (_, None) => true,
    }
}

/// The fields of a Certificate that a certificate does not fit, as far as that can be told without
/// its request: an issuer may move names between the common name and the host names.
pub(super) fn certificate(said: &Profile, spec: &CertificateSpec) -> Vec<&'static str> {
    let names = |common_name: &Option<String>, dns_names: &[String]| -> BTreeSet<String> {
        dns_names.iter().chain(common_name).cloned().collect()
    };
    let has = names(&said.common_name, &said.dns_names);
    let wanted = names(&spec.common_name, &spec.dns_names);
    let within = |name: &Option<String>, names: &BTreeSet<String>| {
        name.as_ref().is_none_or(|name| names.contains(name))
    };
    let common_name = within(&spec.common_name, &has) && within(&said.common_name, &wanted);
    let dns_names = spec.dns_names.iter().all(|name| has.contains(name))
        && said.dns_names.iter().all(|name| wanted.contains(name));
    let fields = [
        (common_name, "spec.commonName"),
        (dns_names, "spec.dnsNames"),
        (texts(&said.ip_addresses) == addresses(&spec.ip_addresses), "spec.ipAddresses"),
        (same(&said.uris, &spec.uris), "spec.uris"),
        (same(&said.email_addresses, &spec.email_addresses), "spec.emailAddresses"),
    ];
    fields.into_iter().filter(|(fits, _)| !fits).map(|(_, field)| field).collect()
}

/// The fields of a Certificate that a key does not fit.
pub(super) fn key(
    algorithm: Algorithm,
    spec: &PrivateKeySpec,
    default: Algorithm,
) -> Vec<&'static str> {
    let unsaid = spec.algorithm.is_none() && spec.size.is_none_or(|size| size == 0);
    if unsaid && algorithm == (Algorithm::Rsa { bits: 2048 }) {
        // What cert-manager makes: not to be replaced when it is found.
        return Vec::new();
    }
    match wanted_key(spec, default) {
        Ok(wanted) if wanted == algorithm => Vec::new(),
        Ok(wanted) if family(wanted) != family(algorithm) => vec!["spec.privateKey.algorithm"],
        Err(Refused::UnknownAlgorithm(_)) => vec!["spec.privateKey.algorithm"],
        Ok(_) | Err(_) => vec!["spec.privateKey.size"],
    }
}

/// The kind of key that a Certificate asks for. A size alone is one of RSA.
pub(super) fn wanted_key(spec: &PrivateKeySpec, default: Algorithm) -> Result<Algorithm, Refused> {
    let size = spec.size.filter(|size| *size != 0);
    match (&spec.algorithm, size) {
        (None, None) => Ok(default),
        (algorithm, size) => Algorithm::read(algorithm.as_deref().unwrap_or("RSA"), size),
    }
}

const fn family(algorithm: Algorithm) -> u8 {
    match algorithm {
        Algorithm::EcdsaP256 | Algorithm::EcdsaP384 => 0,
        Algorithm::Ed25519 => 1,
        Algorithm::Rsa { .. } => 2,
    }
}

/// A list of fields as Go writes it.
pub(super) fn listed(fields: &[&str]) -> String {
    format!("[{}]", fields.join(" "))
}

/// Whether the lists hold the same texts, in any order.
fn same(one: &[String], other: &[String]) -> bool {
    let sorted = |list: &[String]| {
        let mut list = list.to_vec();
        list.sort_unstable();
        list
    };
    sorted(one) == sorted(other)
}

fn texts(addresses: &[std::net::IpAddr]) -> Vec<String> {
    let mut texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    texts.sort_unstable();
    texts
}

/// Addresses in one spelling; what is none stays as it is.
fn addresses(written: &[String]) -> Vec<String> {
    let spelled = written.iter().map(|text| {
        text.parse::<std::net::IpAddr>().map_or_else(|_| sanitize(text), |ip| ip.to_string())
    });
    let mut spelled: Vec<String> = spelled.collect();
    spelled.sort_unstable();
    spelled
}
