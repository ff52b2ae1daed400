//! The Secret of a certificate: what is read of it, and what is written.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use serde_json::{Map, Value, json};

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

/// A Secret, as far as it is of interest here. It has no `Debug`: it holds a key.
#[derive(Clone, Default)]
pub(super) struct StoredSecret {
    pub(super) uid: String,
    /// The uids of whom it belongs to.
    pub(super) owners: Vec<String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
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
        let owners = secret.metadata.owner_references.unwrap_or_default();
        let mut data = secret.data.unwrap_or_default();
        let mut take = |key: &str| data.remove(key).map(|bytes| bytes.0).unwrap_or_default();
        let (certificate, key, ca) = (take("tls.crt"), take("tls.key"), take("ca.crt"));
        Self {
            uid: secret.metadata.uid.unwrap_or_default(),
            owners: owners.into_iter().map(|owner| owner.uid).collect(),
            labels: secret.metadata.labels.unwrap_or_default(),
            annotations: secret.metadata.annotations.unwrap_or_default(),
            has_data: !(data.is_empty()
                && certificate.is_empty()
                && key.is_empty()
                && ca.is_empty()),
            certificate,
            key,
            ca,
        }
    }
}

/// What is to be in a Secret after an issuance.
#[derive(Clone)]
pub(super) struct Content {
    pub(super) certificate: Vec<u8>,
    pub(super) key: String,
    pub(super) ca: Vec<u8>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
}

impl Content {
    /// What an issuance leaves: its certificate under the names of the Certificate and the issuer.
    pub(super) fn new(view: &View, certificate: &[u8], ca: &[u8], key: String) -> Self {
        let (labels, mut annotations) = dress(&view.certificate, certificate).unwrap_or_default();
        annotations.insert(CERTIFICATE_NAME.to_owned(), view.name().to_owned());
        let issuer = &view.raw["spec"]["issuerRef"];
        for (annotation, field) in
            [(ISSUER_NAME, "name"), (ISSUER_KIND, "kind"), (ISSUER_GROUP, "group")]
        {
            let value = issuer[field].as_str().unwrap_or_default();
            annotations.insert(annotation.to_owned(), value.to_owned());
        }
        Self { certificate: certificate.to_vec(), key, ca: ca.to_vec(), labels, annotations }
    }

    /// Whether it is there.
    pub(super) fn is_in(&self, secret: &StoredSecret) -> bool {
        self.certificate == secret.certificate
            && self.key.as_bytes() == secret.key
            && self.ca == secret.ca
            && covers(&secret.labels, &self.labels)
            && covers(&secret.annotations, &self.annotations)
    }

    /// A new Secret with it.
    pub(super) fn create(&self, name: &str) -> Value {
        let mut secret = self.change();
        secret["metadata"]["name"] = json!(name);
        secret["type"] = json!("kubernetes.io/tls");
        if self.ca.is_empty()
            && let Some(data) = secret["data"].as_object_mut()
        {
            data.remove("ca.crt");
        }
        secret
    }

    /// The change that puts it into a Secret that is there, whose other fields stay. Its type
    /// cannot be changed.
    pub(super) fn change(&self) -> Value {
        let ca = (!self.ca.is_empty()).then(|| bytes(&self.ca));
        json!({
            "metadata": {"labels": self.labels, "annotations": self.annotations},
            "data": {
                "tls.crt": bytes(&self.certificate),
                "tls.key": bytes(self.key.as_bytes()),
                "ca.crt": ca,
            },
        })
    }
}

/// The change that mends labels and annotations of a Secret whose content stays; none when they are
/// as they should be.
pub(super) fn mend(certificate: &Certificate, secret: &StoredSecret) -> Option<Value> {
    let (labels, annotations) = dress(certificate, &secret.certificate).ok()?;
    let fine = covers(&secret.labels, &labels) && covers(&secret.annotations, &annotations);
    let metadata = json!({"labels": labels, "annotations": annotations});
    (!fine).then(|| json!({"metadata": metadata}))
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

type Texts = BTreeMap<String, String>;

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
