//! The Secret of a certificate: what is read of it, and what is written.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::{Map, Value, json};

use super::access::MANAGER;
use super::names;
use super::view::View;
use crate::api::cert_manager::{CERTIFICATE_NAME, Certificate};
use crate::core::certificate::Malformed;
use crate::pki::Profile;

/// On what belongs to cert-manager.
const PART_OF: &str = "controller.cert-manager.io/fao";
/// On a Secret that holds the key of an issuance under way.
const NEXT_KEY: &str = "cert-manager.io/next-private-key";
/// Who issued what is in a Secret.
pub(super) const ISSUER_NAME: &str = "cert-manager.io/issuer-name";
/// The kind of who issued it.
pub(super) const ISSUER_KIND: &str = "cert-manager.io/issuer-kind";
/// The API group of who issued it.
pub(super) const ISSUER_GROUP: &str = "cert-manager.io/issuer-group";
/// What says for whom and by whom a Secret was issued: it only changes when one is.
const WHOSE: [&str; 4] = [CERTIFICATE_NAME, ISSUER_NAME, ISSUER_KIND, ISSUER_GROUP];

type Texts = BTreeMap<String, String>;

/// A Secret, as far as it is of interest here. It has no `Debug`: it holds a key.
#[derive(Clone, Default)]
pub(super) struct StoredSecret {
    pub(super) uid: String,
    /// Its type, which cannot be changed.
    pub(super) kind: String,
    /// The uids of whom it belongs to.
    pub(super) owners: Vec<String>,
    pub(super) labels: Texts,
    pub(super) annotations: Texts,
    /// The labels and annotations that have been applied here.
    pub(super) applied: BTreeSet<String>,
    /// It has data at all.
    pub(super) has_data: bool,
    /// `tls.crt`.
    pub(super) certificate: Vec<u8>,
    /// `tls.key`.
    pub(super) key: Vec<u8>,
    /// `ca.crt`.
    pub(super) ca: Vec<u8>,
}

impl From<Secret> for StoredSecret {
    fn from(secret: Secret) -> Self {
        let meta = secret.metadata;
        let mut data = secret.data.unwrap_or_default();
        let mut take = |key: &str| data.remove(key).map(|bytes| bytes.0).unwrap_or_default();
        let (certificate, key, ca) = (take("tls.crt"), take("tls.key"), take("ca.crt"));
        let has_ours = !(certificate.is_empty() && key.is_empty() && ca.is_empty());
        Self {
            uid: meta.uid.unwrap_or_default(),
            kind: secret.type_.unwrap_or_default(),
            owners: meta.owner_references.into_iter().flatten().map(|owner| owner.uid).collect(),
            labels: meta.labels.unwrap_or_default(),
            annotations: meta.annotations.unwrap_or_default(),
            applied: applied(&meta.managed_fields.unwrap_or_default()),
            has_data: has_ours || !data.is_empty(),
            certificate,
            key,
            ca,
        }
    }
}

/// The labels and annotations that have been applied under our name.
fn applied(fields: &[ManagedFieldsEntry]) -> BTreeSet<String> {
    let ours = fields.iter().filter(|entry| {
        entry.manager.as_deref() == Some(MANAGER) && entry.operation.as_deref() == Some("Apply")
    });
    let metadata = ours.filter_map(|entry| entry.fields_v1.as_ref()?.0.get("f:metadata"));
    let texts = metadata.flat_map(|meta| ["f:labels", "f:annotations"].map(|part| meta.get(part)));
    let keys = texts.flatten().filter_map(Value::as_object).flat_map(Map::keys);
    keys.filter_map(|key| key.strip_prefix("f:")).map(str::to_owned).collect()
}

/// What is to be in a Secret.
#[derive(Clone)]
pub(super) struct Content {
    certificate: Vec<u8>,
    key: Vec<u8>,
    ca: Vec<u8>,
    labels: Texts,
    annotations: Texts,
}

impl Content {
    /// What an issuance leaves: its certificate under the names of the Certificate and the issuer.
    pub(super) fn new(view: &View, certificate: &[u8], ca: &[u8], key: String) -> Self {
        let (labels, mut annotations) = dress(&view.certificate, certificate).unwrap_or_default();
        let issuer = &view.raw["spec"]["issuerRef"];
        let said = |field: &str| issuer[field].as_str().unwrap_or_default().to_owned();
        let [of, name, kind, group] = WHOSE.map(str::to_owned);
        let whose = [
            (of, view.name().to_owned()),
            (name, said("name")),
            (kind, said("kind")),
            (group, said("group")),
        ];
        annotations.extend(whose);
        Self {
            certificate: certificate.to_vec(),
            key: key.into_bytes(),
            ca: ca.to_vec(),
            labels,
            annotations,
        }
    }

    /// What is there already, with labels and annotations as they should be; none when they are.
    pub(super) fn mended(certificate: &Certificate, secret: &StoredSecret) -> Option<Self> {
        let (labels, mut annotations) = dress(certificate, &secret.certificate).ok()?;
        let is_wanted = |key: &String| {
            labels.contains_key(key)
                || annotations.contains_key(key)
                || WHOSE.contains(&key.as_str())
        };
        let fine = covers(&secret.labels, &labels)
            && covers(&secret.annotations, &annotations)
            && secret.applied.iter().all(is_wanted);
        if fine || secret.key.is_empty() {
            return None;
        }
        // Whose it is was said when it was issued.
        let whose = secret.annotations.iter().filter(|(key, _)| WHOSE.contains(&key.as_str()));
        annotations.extend(whose.map(|(key, value)| (key.clone(), value.clone())));
        Some(Self {
            certificate: secret.certificate.clone(),
            key: secret.key.clone(),
            ca: secret.ca.clone(),
            labels,
            annotations,
        })
    }

    /// Whether it is there.
    pub(super) fn is_in(&self, secret: &StoredSecret) -> bool {
        self.certificate == secret.certificate
            && self.key == secret.key
            && self.ca == secret.ca
            && covers(&secret.labels, &self.labels)
            && covers(&secret.annotations, &self.annotations)
    }

    /// The Secret with it, as it is applied.
    pub(super) fn secret(&self, name: &str, before: Option<&StoredSecret>) -> Value {
        let kind = before.map_or("kubernetes.io/tls", |secret| &secret.kind);
        let mut secret = json!({
            "metadata": {"name": name, "labels": self.labels, "annotations": self.annotations},
            "type": kind,
            "data": {"tls.crt": bytes(&self.certificate), "tls.key": bytes(&self.key)},
        });
        if !self.ca.is_empty() {
            secret["data"]["ca.crt"] = bytes(&self.ca);
        }
        secret
    }
}

/// The Secret that holds the key of an issuance until it is done.
pub(super) fn next_key(certificate: &Certificate, name: &str, key: &str) -> Value {
    json!({
        "metadata": {
            "name": name,
            "labels": {NEXT_KEY: "true", PART_OF: "true"},
            "ownerReferences": [names::owner(certificate)],
        },
        "data": {"tls.key": bytes(key.as_bytes())},
    })
}

/// The labels and annotations that follow from what is in a Secret and from its template.
fn dress(certificate: &Certificate, pem: &[u8]) -> Result<(Texts, Texts), Malformed> {
    let template = &certificate.spec.secret_template;
    let (mut labels, mut annotations) = (template.labels.clone(), template.annotations.clone());
    labels.insert(PART_OF.to_owned(), "true".to_owned());
    annotations.extend(details(&Profile::of_certificate(pem)?));
    Ok((labels, annotations))
}

/// What cert-manager writes of a certificate beside it. Four are there even when they are empty.
fn details(profile: &Profile) -> Texts {
    let ip: Vec<String> = profile.ip_addresses.iter().map(ToString::to_string).collect();
    let mut details: Texts = [
        ("common-name", profile.common_name.clone().unwrap_or_default()),
        ("alt-names", csv(&profile.dns_names)),
        ("ip-sans", csv(&ip)),
        ("uri-sans", csv(&profile.uris)),
    ]
    .map(|(key, value)| (format!("cert-manager.io/{key}"), value))
    .into();
    let subject = &profile.subject;
    let lists = [
        ("email-sans", &profile.email_addresses),
        ("subject-organizations", &subject.organizations),
        ("subject-organizationalunits", &subject.organizational_units),
        ("subject-countries", &subject.countries),
        ("subject-provinces", &subject.provinces),
        ("subject-localities", &subject.localities),
        ("subject-postalcodes", &subject.postal_codes),
        ("subject-streetaddresses", &subject.street_addresses),
    ];
    let lists = lists.into_iter().filter(|(_, values)| !values.is_empty());
    details.extend(lists.map(|(key, values)| (format!("cert-manager.io/{key}"), csv(values))));
    if let Some(number) = &subject.serial_number {
        details.insert("cert-manager.io/subject-serialnumber".to_owned(), number.clone());
    }
    details
}

/// One line of CSV, as Go writes it.
fn csv(values: &[String]) -> String {
    let quoted = |value: &String| {
        let needs = value == r"\."
            || value.starts_with(char::is_whitespace)
            || value.contains(['"', ',', '\r', '\n']);
        if needs { format!("\"{}\"", value.replace('"', "\"\"")) } else { value.clone() }
    };
    values.iter().map(quoted).collect::<Vec<_>>().join(",")
}

fn covers(texts: &Texts, wanted: &Texts) -> bool {
    wanted.iter().all(|(key, value)| texts.get(key) == Some(value))
}

/// Bytes as JSON has them in a Secret.
pub(super) fn bytes(bytes: &[u8]) -> Value {
    serde_json::to_value(ByteString(bytes.to_vec())).unwrap_or_default()
}

/// The annotations that a Certificate passes on to its requests.
pub(super) fn passed_on(annotations: Option<&Texts>) -> Map<String, Value> {
    const KEPT_BACK: [&str; 3] = ["kubectl.kubernetes.io/", "fluxcd.io/", "argocd.argoproj.io/"];
    let passed = annotations.into_iter().flatten();
    let passed = passed.filter(|(key, _)| !KEPT_BACK.iter().any(|start| key.starts_with(start)));
    passed.map(|(key, value)| (key.clone(), json!(value))).collect()
}
