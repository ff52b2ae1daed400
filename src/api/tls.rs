//! `tls` of a MySQL and of a MySQLOpsRequest.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::go_duration::GoDuration;
use super::tolerant;

/// The API group of issuers that a reference without a group means.
pub const ISSUER_GROUP: &str = "cert-manager.io";
const ISSUER_KIND: &str = "Issuer";

/// A reference to an issuer: KubeDB's and cert-manager's way of writing it, made equal.
///
/// KubeDB says `apiGroup` where cert-manager says `group`, and cert-manager lets one leave out the
/// group and the kind. It is written as KubeDB does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssuerRef {
    /// The API group: [`ISSUER_GROUP`] unless an external issuer signs.
    pub group: String,
    /// `Issuer`, `ClusterIssuer` or an external issuer's kind.
    pub kind: String,
    /// The name of the issuer; empty when nobody is meant, which the CRDs allow.
    pub name: String,
}

impl IssuerRef {
    /// Whether the issuer is looked up in the namespace of what refers to it.
    pub fn is_namespaced(&self) -> bool {
        !(self.group == ISSUER_GROUP && self.kind == "ClusterIssuer")
    }
}

impl fmt::Display for IssuerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group == ISSUER_GROUP {
            write!(f, "{}/{}", self.kind, self.name)
        } else {
            write!(f, "{}.{}/{}", self.kind, self.group, self.name)
        }
    }
}

impl Serialize for IssuerRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut reference = serializer.serialize_struct("IssuerRef", 3)?;
        reference.serialize_field("apiGroup", &self.group)?;
        reference.serialize_field("kind", &self.kind)?;
        reference.serialize_field("name", &self.name)?;
        reference.end()
    }
}

impl<'de> Deserialize<'de> for IssuerRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Written {
            #[serde(deserialize_with = "tolerant::optional")]
            api_group: Option<String>,
            #[serde(deserialize_with = "tolerant::optional")]
            group: Option<String>,
            #[serde(deserialize_with = "tolerant::optional")]
            kind: Option<String>,
            #[serde(deserialize_with = "tolerant::value")]
            name: String,
        }
        let Written { api_group, group, kind, name } = Written::deserialize(deserializer)?;
        Ok(Self {
            group: api_group.or(group).unwrap_or_else(|| ISSUER_GROUP.to_owned()),
            kind: kind.unwrap_or_else(|| ISSUER_KIND.to_owned()),
            name,
        })
    }
}

/// What a database asks for: who signs, and what is special about each certificate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TlsConfig {
    /// Who signs where a certificate names nobody else.
    #[serde(deserialize_with = "tolerant::optional", skip_serializing_if = "Option::is_none")]
    pub issuer_ref: Option<IssuerRef>,
    /// One entry for each alias that differs from the defaults.
    #[serde(deserialize_with = "tolerant::list", skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<TlsCertificate>,
}

impl TlsConfig {
    /// The entry of an alias.
    pub fn certificate(&self, alias: &str) -> Option<&TlsCertificate> {
        self.certificates.iter().find(|certificate| certificate.alias == alias)
    }

    /// Who signs the certificate of an alias: its own issuer, or that of the whole.
    pub fn issuer(&self, alias: &str) -> Option<&IssuerRef> {
        let own = self.certificate(alias).and_then(|certificate| certificate.issuer_ref.as_ref());
        own.or(self.issuer_ref.as_ref()).filter(|issuer| !issuer.name.is_empty())
    }
}

/// What is special about one certificate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TlsCertificate {
    /// Which one: `server`, `client`, `metrics-exporter`.
    #[serde(deserialize_with = "tolerant::value")]
    pub alias: String,
    /// Who signs it, when that is not who signs the others.
    #[serde(deserialize_with = "tolerant::optional", skip_serializing_if = "Option::is_none")]
    pub issuer_ref: Option<IssuerRef>,
    /// The Secret it is stored in.
    #[serde(deserialize_with = "tolerant::optional", skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<String>,
    /// Its subject, the common name apart.
    #[serde(deserialize_with = "tolerant::optional", skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// How long it is to live.
    #[serde(deserialize_with = "tolerant::optional", skip_serializing_if = "Option::is_none")]
    pub duration: Option<GoDuration>,
    /// How long before its end cert-manager is to renew it.
    #[serde(deserialize_with = "tolerant::optional", skip_serializing_if = "Option::is_none")]
    pub renew_before: Option<GoDuration>,
    /// Further host names.
    #[serde(deserialize_with = "tolerant::list", skip_serializing_if = "Vec::is_empty")]
    pub dns_names: Vec<String>,
    /// Further addresses.
    #[serde(deserialize_with = "tolerant::list", skip_serializing_if = "Vec::is_empty")]
    pub ip_addresses: Vec<String>,
    /// Further URIs.
    #[serde(deserialize_with = "tolerant::list", skip_serializing_if = "Vec::is_empty")]
    pub uris: Vec<String>,
    /// Further mail addresses.
    #[serde(deserialize_with = "tolerant::list", skip_serializing_if = "Vec::is_empty")]
    pub email_addresses: Vec<String>,
    /// How its key is written.
    #[serde(deserialize_with = "tolerant::optional", skip_serializing_if = "Option::is_none")]
    pub private_key: Option<PrivateKey>,
}

/// The subject of a certificate, the common name apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Subject {
    /// O.
    #[serde(deserialize_with = "tolerant::list", skip_serializing_if = "Vec::is_empty")]
    pub organizations: Vec<String>,
    /// C.
    #[serde(deserialize_with = "tolerant::list", skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<String>,
    /// OU.
    #[serde(deserialize_with = "tolerant::list", skip_serializing_if = "Vec::is_empty")]
    pub organizational_units: Vec<String>,
    /// L.
    #[serde(deserialize_with = "tolerant::list", skip_serializing_if = "Vec::is_empty")]
    pub localities: Vec<String>,
    /// ST.
    #[serde(deserialize_with = "tolerant::list", skip_serializing_if = "Vec::is_empty")]
    pub provinces: Vec<String>,
    /// STREET.
    #[serde(deserialize_with = "tolerant::list", skip_serializing_if = "Vec::is_empty")]
    pub street_addresses: Vec<String>,
    /// Postal codes.
    #[serde(deserialize_with = "tolerant::list", skip_serializing_if = "Vec::is_empty")]
    pub postal_codes: Vec<String>,
    /// The serial number within the subject, not that of the certificate.
    #[serde(deserialize_with = "tolerant::optional", skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
}

/// How a private key is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PrivateKey {
    /// `PKCS1` or `PKCS8`.
    #[serde(deserialize_with = "tolerant::optional", skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json, to_value};

    use super::*;

    fn issuer(kind: &str, name: &str) -> IssuerRef {
        IssuerRef { group: ISSUER_GROUP.into(), kind: kind.into(), name: name.into() }
    }

    #[test]
    fn the_same_issuer_however_it_is_written() {
        for written in [
            json!({"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"}),
            json!({"group": "cert-manager.io", "kind": "Issuer", "name": "ca"}),
            json!({"name": "ca"}),
            json!({"apiGroup": null, "group": "", "kind": "", "name": "ca"}),
        ] {
            assert_eq!(from_value::<IssuerRef>(written).unwrap(), issuer("Issuer", "ca"));
        }
        let external =
            json!({"group": "awspca.cert-manager.io", "kind": "AWSPCAIssuer", "name": "a"});
        let external: IssuerRef = from_value(external).unwrap();
        assert_eq!(external.to_string(), "AWSPCAIssuer.awspca.cert-manager.io/a");
        assert!(external.is_namespaced());
        assert!(!issuer("ClusterIssuer", "ca").is_namespaced());
    }

    #[test]
    fn nobody_signs_for_an_unreadable_reference() {
        for written in
            [json!({"name": ""}), json!({}), json!("ca"), json!({"name": 1}), json!(null)]
        {
            let tls: TlsConfig = from_value(json!({"issuerRef": written})).unwrap();
            assert_eq!(tls.issuer("server"), None, "{written}");
        }
    }

    #[test]
    fn an_alias_may_have_an_issuer_of_its_own() {
        let tls: TlsConfig = from_value(json!({
            "issuerRef": {"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"},
            "certificates": [
                {"alias": "server", "secretName": "s"},
                {"alias": "client", "issuerRef": {"kind": "ClusterIssuer", "name": "other"}},
                "not an object",
                {"alias": 5},
            ],
        }))
        .unwrap();
        assert_eq!(tls.issuer("server"), Some(&issuer("Issuer", "ca")));
        assert_eq!(tls.issuer("client"), Some(&issuer("ClusterIssuer", "other")));
        assert_eq!(tls.issuer("metrics-exporter"), Some(&issuer("Issuer", "ca")));
        assert_eq!(tls.certificates.len(), 3);
    }

    #[test]
    fn what_is_read_is_written_back_in_full() {
        let written = json!({
            "issuerRef": {"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"},
            "certificates": [{
                "alias": "server",
                "issuerRef": {"apiGroup": "cert-manager.io", "kind": "ClusterIssuer", "name": "b"},
                "secretName": "shop-server-cert",
                "subject": {
                    "organizations": ["a"], "countries": ["DE"], "organizationalUnits": ["b"],
                    "localities": ["c"], "provinces": ["d"], "streetAddresses": ["e"],
                    "postalCodes": ["f"], "serialNumber": "1",
                },
                "duration": "90d", "renewBefore": "360h",
                "dnsNames": ["a.example"], "ipAddresses": ["::1"], "uris": ["spiffe://a"],
                "emailAddresses": ["a@b.c"], "privateKey": {"encoding": "PKCS8"},
            }],
        });
        let tls: TlsConfig = from_value(written.clone()).unwrap();
        assert_eq!(to_value(&tls).unwrap(), written);
        assert_eq!(tls.certificate("server").unwrap().duration.as_ref().unwrap().span(), None);
        assert_eq!(to_value(TlsConfig::default()).unwrap(), Value::Object(serde_json::Map::new()));
    }
}
