//! A fleet as the apiserver shows it: `n` databases of three certificates each.

#![expect(clippy::unwrap_used, reason = "a fleet that cannot be made is a bug in the bench")]

use certrotor::api::cert_manager::{Certificate, CertificateRequest, Issuer};
use certrotor::api::mysql::MySql;
use certrotor::api::pod::Pod;
use certrotor::api::rotation::Rotation;
use certrotor::cluster::stores::{Kind, Object, Stores};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SerialNumber,
    date_time_ymd,
};
use serde_json::{Value, from_value, json};

/// Databases in one namespace.
const PER_NAMESPACE: usize = 20;
const BORN: &str = "2026-01-01T00:00:00Z";
const ENDS: &str = "2026-04-01T00:00:00Z";

/// Makes objects.
pub(crate) struct Maker {
    ca: CertifiedIssuer<'static, KeyPair>,
    key: KeyPair,
    version: u64,
}

impl Maker {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "ca");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2036, 1, 1);
        let key = KeyPair::generate().unwrap();
        Self {
            ca: CertifiedIssuer::self_signed(params, key).unwrap(),
            key: KeyPair::generate().unwrap(),
            version: 1000,
        }
    }

    fn metadata(&mut self, namespace: &str, name: &str) -> Value {
        self.version += 1;
        let version = self.version;
        json!({
            "namespace": namespace, "name": name, "resourceVersion": version.to_string(),
            "uid": format!("{version:08x}-75c5-4ff1-94ba-e5bbcd04ce98"),
            "creationTimestamp": BORN, "generation": 1,
            "labels": {"app.kubernetes.io/component": "database",
                "app.kubernetes.io/managed-by": "kubedb.com",
                "app.kubernetes.io/name": "mysqls.kubedb.com", "tier": "gold"},
            "managedFields": [{"apiVersion": "v1", "fieldsType": "FieldsV1", "manager": "m",
                "operation": "Update", "time": BORN, "fieldsV1": {"f:spec": {"f:tls": {
                    "f:issuerRef": {}, "f:certificates": {}}, "f:replicas": {}, "f:version": {}}}}],
        })
    }

    pub(crate) fn mysql(&mut self, namespace: &str, name: &str) -> MySql {
        from_value(json!({
            "metadata": self.metadata(namespace, name),
            "spec": {"version": "8.4.3", "replicas": 3, "requireSSL": true,
                "topology": {"mode": "GroupReplication", "group": {"mode": "Single-Primary"}},
                "tls": {"issuerRef": {"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"},
                    "certificates": [
                        {"alias": "server", "secretName": format!("{name}-server-cert")},
                        {"alias": "client", "secretName": format!("{name}-client-cert")},
                        {"alias": "metrics-exporter", "secretName": format!("{name}-metrics-exporter-cert")},
                    ]}},
            "status": {"phase": "Ready", "observedGeneration": 1, "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": BORN, "reason": "ReadinessCheckSucceeded",
                 "message": "The MySQL is ready."}]},
        }))
        .unwrap()
    }

    pub(crate) fn certificate(
        &mut self,
        namespace: &str,
        name: &str,
        names: &[String],
    ) -> Certificate {
        from_value(json!({
            "metadata": self.metadata(namespace, name),
            "spec": {"secretName": name, "commonName": format!("{name}.{namespace}.svc"), "dnsNames": names,
                "issuerRef": {"group": "cert-manager.io", "kind": "Issuer", "name": "ca"},
                "usages": ["digital signature", "key encipherment", "server auth", "client auth"]},
            "status": {"notBefore": BORN, "notAfter": ENDS, "renewalTime": "2026-03-02T00:00:00Z", "revision": 1,
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": BORN,
                    "reason": "Ready", "message": "Certificate is up to date and has not expired"}]},
        }))
        .unwrap()
    }

    pub(crate) fn issuance(
        &mut self,
        namespace: &str,
        name: &str,
        names: &[String],
    ) -> CertificateRequest {
        let mut params = CertificateParams::new(names.to_vec()).unwrap();
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2026, 4, 1);
        let mut metadata = self.metadata(namespace, &format!("{name}-1"));
        metadata["annotations"] = json!({"cert-manager.io/certificate-name": name,
            "cert-manager.io/certificate-revision": "1"});
        params.serial_number = Some(SerialNumber::from(self.version));
        let leaf = params.signed_by(&self.key, &self.ca).unwrap();
        let bytes = |pem: String| serde_json::to_value(k8s_openapi::ByteString(pem.into_bytes()));
        from_value(json!({
            "metadata": metadata,
            "spec": {"issuerRef": {"group": "cert-manager.io", "kind": "Issuer", "name": "ca"}},
            "status": {"certificate": bytes(leaf.pem()).unwrap(), "ca": bytes(self.ca.pem()).unwrap(),
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": BORN}]},
        }))
        .unwrap()
    }

    pub(crate) fn pod(&mut self, namespace: &str, database: &str, ordinal: usize) -> Pod {
        let mut metadata = self.metadata(namespace, &format!("{database}-{ordinal}"));
        metadata["labels"]["app.kubernetes.io/instance"] = json!(database);
        from_value(json!({
            "metadata": metadata,
            "status": {"conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [
                {"name": "mysql", "state": {"running": {"startedAt": BORN}}}]},
        }))
        .unwrap()
    }

    pub(crate) fn rotation(&mut self, namespace: &str, name: &str) -> Rotation {
        let leaf = |alias: &str| {
            json!({"alias": alias, "notBefore": BORN, "notAfter": ENDS,
            "fingerprint": "ab".repeat(32)})
        };
        let certificate = |alias: &str| json!({"alias": alias, "notAfter": ENDS, "serial": "4f2a"});
        let aliases = ["client", "metrics-exporter", "server"];
        let condition = |type_: &str, reason: &str| {
            json!({"type": type_, "status": "False",
            "reason": reason, "message": "", "lastTransitionTime": BORN})
        };
        let attempt = json!({"request": format!("{name}-rotate-0a1b2c3d"), "outcome": "verified",
            "ended": BORN, "durationSeconds": 140, "issuer": format!("Issuer/{namespace}/ca")});
        from_value(json!({
            "apiVersion": "certrotor.dev/v1alpha1", "kind": "Rotation",
            "metadata": self.metadata(namespace, name), "spec": {},
            "status": {"observedGeneration": 1, "installation": "certrotor",
                "databaseUid": "00000400-75c5-4ff1-94ba-e5bbcd04ce98", "state": "Fresh", "message": "nothing is due",
                "certificates": aliases.map(certificate), "expires": ENDS, "next": "2026-02-20T02:00:00Z",
                "conditions": [condition("Due", "NothingDue"), condition("Rotating", "NothingOpen"),
                    condition("Stuck", "NeedsNobody")],
                "last": {"opened": BORN, "closed": BORN, "attempt": 1, "outcome": "verified",
                    "causes": [{"cause": "RenewalDue", "alias": "server", "inputs": "00000000000000aa"}],
                    "request": {"name": format!("{name}-rotate-0a1b2c3d")}, "produced": aliases.map(leaf),
                    "lifeLeftSeconds": 3_000_000},
                "lastOutcome": "verified", "lastRotated": BORN, "attempts": [attempt.clone(), attempt]},
        }))
        .unwrap()
    }

    fn issuer(&mut self, namespace: &str) -> Issuer {
        from_value(
            json!({"metadata": self.metadata(namespace, "ca"), "spec": {"ca": {"secretName": "ca"}},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]}}),
        )
        .unwrap()
    }
}

/// Namespace and name of a database.
pub(crate) fn place(index: usize) -> (String, String) {
    (format!("team-{:04}", index / PER_NAMESPACE), format!("orders-{index:05}"))
}

/// The names of one of its certificates.
pub(crate) fn names(namespace: &str, database: &str, alias: &str) -> Vec<String> {
    if alias != "server" {
        return Vec::new();
    }
    vec![
        format!("*.{database}-pods.{namespace}.svc"),
        format!("*.{database}-pods.{namespace}.svc.cluster.local"),
        format!("*.{database}.{namespace}.svc"),
        "localhost".to_owned(),
        database.to_owned(),
        format!("{database}.{namespace}.svc"),
    ]
}

/// Every object of `databases` databases with `pods` pods each, kind by kind, one at a time.
pub(crate) fn each(maker: &mut Maker, databases: usize, pods: usize, mut with: impl FnMut(Object)) {
    for index in 0..databases {
        let (namespace, name) = place(index);
        if index % PER_NAMESPACE == 0 {
            with(maker.issuer(&namespace).into());
        }
        with(maker.mysql(&namespace, &name).into());
        for alias in ["server", "client", "metrics-exporter"] {
            let certificate = format!("{name}-{alias}-cert");
            let names = names(&namespace, &name, alias);
            with(maker.certificate(&namespace, &certificate, &names).into());
            with(maker.issuance(&namespace, &certificate, &names).into());
        }
        for ordinal in 0..pods {
            with(maker.pod(&namespace, &name, ordinal).into());
        }
        with(maker.rotation(&namespace, &name).into());
    }
}

/// The kinds that [`each`] makes.
pub(crate) const KINDS: [Kind; 6] = [
    Kind::Issuer,
    Kind::MySql,
    Kind::Certificate,
    Kind::CertificateRequest,
    Kind::Pod,
    Kind::Rotation,
];

/// Lists such a fleet into the stores.
pub(crate) fn list(stores: &mut Stores, maker: &mut Maker, databases: usize, pods: usize) {
    for kind in KINDS {
        stores.begin(kind, None);
    }
    each(maker, databases, pods, |object| stores.seen(object));
    for kind in KINDS {
        stores.end(kind, None);
    }
}
