//! Secret, as far as it is no secret: the certificate and the authority, never the key.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{ByteString, NamespaceResourceScope};
use serde::{Deserialize, Deserializer};

use super::resources::{SECRET, fixed_resource};
use super::tolerant;

/// A Secret of type `kubernetes.io/tls`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TlsSecret {
    /// Name and annotations.
    pub metadata: ObjectMeta,
    /// What of it may be known.
    #[serde(deserialize_with = "tolerant::value")]
    pub data: TlsData,
}

fixed_resource!(TlsSecret, SECRET, NamespaceResourceScope);

/// What of a Secret may be known, in PEM. Nothing else of it is kept.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TlsData {
    /// The leaf and its chain.
    #[serde(rename = "tls.crt", deserialize_with = "pem")]
    pub certificate: Option<Vec<u8>>,
    /// The authorities.
    #[serde(rename = "ca.crt", deserialize_with = "pem")]
    pub ca: Option<Vec<u8>>,
}

/// Undoes base64; an empty value is none.
fn pem<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    let bytes: Option<ByteString> = tolerant::optional(deserializer)?;
    Ok(bytes.map(|bytes| bytes.0).filter(|bytes| !bytes.is_empty()))
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn the_key_is_not_read() {
        let secret: TlsSecret = from_value(json!({
            "metadata": {"name": "shop-server-cert"},
            "data": {"tls.crt": "YQ==", "ca.crt": "Yg==", "tls.key": "c2VjcmV0"},
        }))
        .unwrap();
        assert_eq!(secret.data.certificate.as_deref(), Some(&b"a"[..]));
        assert_eq!(secret.data.ca.as_deref(), Some(&b"b"[..]));
        assert!(!format!("{secret:?}").contains("secret\""), "{secret:?}");
    }

    #[test]
    fn what_is_not_there_is_none() {
        for data in [json!({}), json!(null), json!({"tls.crt": ""}), json!({"tls.crt": 5})] {
            let secret: TlsSecret = from_value(json!({"data": data})).unwrap();
            assert_eq!(secret.data, TlsData::default(), "{data}");
        }
    }
}
