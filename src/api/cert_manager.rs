//! cert-manager: what is issued, by which request, and by whom.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{ByteString, ClusterResourceScope, NamespaceResourceScope};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::go_duration::GoDuration;
use super::meta::{self, Condition};
use super::resources::{CERTIFICATE, CERTIFICATE_REQUEST, CLUSTER_ISSUER, ISSUER, fixed_resource};
use super::tls::{IssuerRef, Subject};
use super::tolerant;
use crate::core::time::Time;

/// On a `CertificateRequest` and on a Secret: the Certificate it belongs to.
pub const CERTIFICATE_NAME: &str = "cert-manager.io/certificate-name";
/// On a `CertificateRequest`: which issuance of its Certificate it is.
pub const CERTIFICATE_REVISION: &str = "cert-manager.io/certificate-revision";

/// A certificate that cert-manager keeps issued.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Certificate {
    /// Name, uid, owners.
    pub metadata: ObjectMeta,
    /// What it should be.
    #[serde(deserialize_with = "tolerant::value")]
    pub spec: CertificateSpec,
    /// What it is.
    #[serde(deserialize_with = "tolerant::value")]
    pub status: CertificateStatus,
}

fixed_resource!(Certificate, CERTIFICATE, NamespaceResourceScope);

/// What a certificate should be.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CertificateSpec {
    /// The Secret it is stored in.
    #[serde(deserialize_with = "tolerant::optional")]
    pub secret_name: Option<String>,
    /// Who signs it.
    #[serde(deserialize_with = "tolerant::optional")]
    pub issuer_ref: Option<IssuerRef>,
    /// Its common name.
    #[serde(deserialize_with = "tolerant::optional")]
    pub common_name: Option<String>,
    /// Its host names.
    #[serde(deserialize_with = "tolerant::list")]
    pub dns_names: Vec<String>,
    /// Its addresses.
    #[serde(deserialize_with = "tolerant::list")]
    pub ip_addresses: Vec<String>,
    /// Its URIs.
    #[serde(deserialize_with = "tolerant::list")]
    pub uris: Vec<String>,
    /// Its mail addresses.
    #[serde(deserialize_with = "tolerant::list")]
    pub email_addresses: Vec<String>,
    /// How long it is to live; 90 days when absent.
    #[serde(deserialize_with = "tolerant::optional")]
    pub duration: Option<GoDuration>,
    /// How long before its end it is renewed; a third of its life when absent.
    #[serde(deserialize_with = "tolerant::optional")]
    pub renew_before: Option<GoDuration>,
    /// The same in percent of its life.
    #[serde(deserialize_with = "tolerant::optional")]
    pub renew_before_percentage: Option<i64>,
    /// When it is renewed.
    #[serde(deserialize_with = "tolerant::value")]
    pub renewal: Renewal,
    /// It may sign others.
    #[serde(rename = "isCA", deserialize_with = "tolerant::value")]
    pub is_ca: bool,
    /// What its key may be used for.
    #[serde(deserialize_with = "tolerant::list")]
    pub usages: Vec<String>,
    /// Its subject, the common name apart.
    #[serde(deserialize_with = "tolerant::value")]
    pub subject: Subject,
    /// Its private key.
    #[serde(deserialize_with = "tolerant::value")]
    pub private_key: PrivateKeySpec,
    /// What its Secret carries besides.
    #[serde(deserialize_with = "tolerant::value")]
    pub secret_template: SecretTemplate,
    /// How many of its requests are kept; one when absent.
    #[serde(deserialize_with = "tolerant::optional")]
    pub revision_history_limit: Option<i64>,
    /// Its request names the usages itself; also when absent.
    #[serde(deserialize_with = "tolerant::optional")]
    pub encode_usages_in_request: Option<bool>,
}

/// What the private key of a certificate should be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PrivateKeySpec {
    /// `RSA`, `ECDSA` or `Ed25519`; RSA when absent.
    #[serde(deserialize_with = "tolerant::optional")]
    pub algorithm: Option<String>,
    /// Its size in bits; 2048 for RSA and 256 for ECDSA when absent.
    #[serde(deserialize_with = "tolerant::optional")]
    pub size: Option<i64>,
    /// `PKCS1` or `PKCS8`; PKCS1 when absent.
    #[serde(deserialize_with = "tolerant::optional")]
    pub encoding: Option<String>,
    /// `Always` or `Never`: whether each issuance makes a new key; Always when absent, since 1.18.
    #[serde(deserialize_with = "tolerant::optional")]
    pub rotation_policy: Option<String>,
}

/// What the Secret of a certificate carries besides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SecretTemplate {
    /// Its annotations.
    #[serde(deserialize_with = "tolerant::value")]
    pub annotations: BTreeMap<String, String>,
    /// Its labels.
    #[serde(deserialize_with = "tolerant::value")]
    pub labels: BTreeMap<String, String>,
}

/// When a certificate is renewed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Renewal {
    /// `RenewBefore` (also when absent), or `Disabled`: cert-manager leaves it to others.
    #[serde(deserialize_with = "tolerant::optional")]
    pub policy: Option<String>,
}

/// What a certificate is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CertificateStatus {
    /// When the one issued last begins.
    #[serde(deserialize_with = "tolerant::optional")]
    pub not_before: Option<Time>,
    /// When it ends.
    #[serde(deserialize_with = "tolerant::optional")]
    pub not_after: Option<Time>,
    /// When cert-manager means to renew it.
    #[serde(deserialize_with = "tolerant::optional")]
    pub renewal_time: Option<Time>,
    /// Which issuance it is, counted from one.
    #[serde(deserialize_with = "tolerant::optional")]
    pub revision: Option<i64>,
    /// When an issuance failed, until one succeeds.
    #[serde(deserialize_with = "tolerant::optional")]
    pub last_failure_time: Option<Time>,
    /// How many failed in a row.
    #[serde(deserialize_with = "tolerant::optional")]
    pub failed_issuance_attempts: Option<i64>,
    /// The Secret that holds the key of the issuance under way.
    #[serde(deserialize_with = "tolerant::optional")]
    pub next_private_key_secret_name: Option<String>,
    /// `Ready` and `Issuing`.
    #[serde(deserialize_with = "tolerant::list")]
    pub conditions: Vec<Condition>,
}

impl Certificate {
    /// What is issued is as it should be and has not ended.
    pub fn is_ready(&self) -> bool {
        meta::holds(&self.status.conditions, "Ready")
    }

    /// It is being issued, or has been asked to be.
    pub fn issuing(&self) -> Option<&Condition> {
        meta::condition(&self.status.conditions, "Issuing").filter(|issuing| issuing.holds())
    }
}

/// One issuance of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct CertificateRequest {
    /// Name, uid, annotations.
    pub metadata: ObjectMeta,
    /// What was asked for.
    #[serde(deserialize_with = "tolerant::value")]
    pub spec: CertificateRequestSpec,
    /// What came of it.
    #[serde(deserialize_with = "tolerant::value")]
    pub status: CertificateRequestStatus,
}

fixed_resource!(CertificateRequest, CERTIFICATE_REQUEST, NamespaceResourceScope);

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CertificateRequestSpec {
    /// The signing request, in PEM.
    #[serde(deserialize_with = "pem")]
    pub request: Option<Vec<u8>>,
    /// Who signs.
    #[serde(deserialize_with = "tolerant::optional")]
    pub issuer_ref: Option<IssuerRef>,
    /// How long it is to live.
    #[serde(deserialize_with = "tolerant::optional")]
    pub duration: Option<GoDuration>,
    /// It may sign others.
    #[serde(rename = "isCA", deserialize_with = "tolerant::value")]
    pub is_ca: bool,
    /// What its key may be used for.
    #[serde(deserialize_with = "tolerant::list")]
    pub usages: Vec<String>,
}

/// What came of a request.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CertificateRequestStatus {
    /// The leaf and its chain, in PEM.
    #[serde(deserialize_with = "pem")]
    pub certificate: Option<Vec<u8>>,
    /// The CA, in PEM, where the issuer tells it.
    #[serde(deserialize_with = "pem")]
    pub ca: Option<Vec<u8>>,
    /// `Approved`, `Denied`, `InvalidRequest` and `Ready`.
    #[serde(deserialize_with = "tolerant::list")]
    pub conditions: Vec<Condition>,
    /// When it failed.
    #[serde(deserialize_with = "tolerant::optional")]
    pub failure_time: Option<Time>,
}

impl CertificateRequest {
    /// The Certificate that it was made for.
    pub fn certificate_name(&self) -> Option<&str> {
        meta::annotation(&self.metadata, CERTIFICATE_NAME)
    }

    /// Which issuance of its Certificate it is.
    pub fn revision(&self) -> Option<i64> {
        meta::annotation(&self.metadata, CERTIFICATE_REVISION)?.parse().ok()
    }

    /// It has been signed.
    pub fn is_ready(&self) -> bool {
        meta::holds(&self.status.conditions, "Ready")
    }
}

/// Undoes base64. What is not base64 stays as it is: it is there, and no certificate.
fn pem<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    let Some(text): Option<String> = tolerant::optional(deserializer)? else {
        return Ok(None);
    };
    let decoded = serde_json::from_value::<ByteString>(Value::String(text.clone()));
    Ok(Some(decoded.map_or(text.into_bytes(), |bytes| bytes.0)))
}

/// Who signs in one namespace.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Issuer {
    /// Name and namespace.
    pub metadata: ObjectMeta,
    /// How it signs.
    #[serde(deserialize_with = "tolerant::value")]
    pub spec: IssuerSpec,
    /// Whether it can.
    #[serde(deserialize_with = "tolerant::value")]
    pub status: IssuerStatus,
}

fixed_resource!(Issuer, ISSUER, NamespaceResourceScope);

/// Who signs anywhere.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ClusterIssuer {
    /// Name.
    pub metadata: ObjectMeta,
    /// How it signs. A CA Secret is in the namespace of cert-manager.
    #[serde(deserialize_with = "tolerant::value")]
    pub spec: IssuerSpec,
    /// Whether it can.
    #[serde(deserialize_with = "tolerant::value")]
    pub status: IssuerStatus,
}

fixed_resource!(ClusterIssuer, CLUSTER_ISSUER, ClusterResourceScope);

/// How an issuer signs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum IssuerSpec {
    /// With the key in a Secret.
    Ca {
        /// The Secret.
        secret_name: String,
    },
    /// With the certificate's own key.
    SelfSigned,
    /// By the ACME protocol.
    Acme,
    /// By `HashiCorp` Vault.
    Vault,
    /// By Venafi.
    Venafi,
    /// In a way that certrotor does not know.
    #[default]
    Unknown,
}

impl<'de> Deserialize<'de> for IssuerSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spec: Map<String, Value> = tolerant::value(deserializer)?;
        let has = |kind: &str| spec.get(kind).is_some_and(|value| !value.is_null());
        let secret_name = spec.get("ca").and_then(|ca| ca.get("secretName")?.as_str());
        Ok(match secret_name {
            Some(secret_name) => Self::Ca { secret_name: secret_name.to_owned() },
            None if has("selfSigned") => Self::SelfSigned,
            None if has("acme") => Self::Acme,
            None if has("vault") => Self::Vault,
            None if has("venafi") => Self::Venafi,
            None => Self::Unknown,
        })
    }
}

/// Whether an issuer can sign.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct IssuerStatus {
    /// `Ready`.
    #[serde(deserialize_with = "tolerant::list")]
    pub conditions: Vec<Condition>,
}

impl IssuerStatus {
    /// What it says of itself; none when it says nothing.
    pub fn ready(&self) -> Option<bool> {
        meta::condition(&self.conditions, "Ready").map(Condition::holds)
    }
}

#[cfg(test)]
mod tests;
