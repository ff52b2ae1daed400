// long: one story, told to two clusters
//! Side by side: the embedded issuer on one real apiserver, the real cert-manager on another. Both
//! are given the same Certificates; what comes of them is the same, but for what must differ.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use certrotor::clock::SystemClock;
use certrotor::core::certificate::Chain;
use certrotor::embedded::issuer::{CertManager, Settings};
use certrotor::pki::{PrivateKey, Profile, SigningRequest};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::actor::keep_secret;
use crate::support::api::{
    CERTIFICATE, CERTIFICATE_REQUEST, Cluster, ISSUER, Kind, SECRET, condition_of, holds, name,
};
use crate::support::control_plane::{ControlPlane, Extent};
use crate::support::eventually::eventually;
use crate::support::lab::on_cluster;
use crate::support::pki::Authority;
use crate::support::{crds, parts};

/// How long an issuance may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// One of the two.
struct Side {
    who: &'static str,
    admin: Cluster,
    namespace: String,
}

impl Side {
    async fn create(&self, kind: Kind, name: &str, mut object: Value) {
        object["metadata"]["name"] = json!(name);
        self.admin.create(kind, &self.namespace, object).await;
    }

    /// Waits until a Certificate has been issued so often, and everything is tidied up.
    async fn issued(&self, certificate: &str, revision: i64) {
        let what = format!("revision {revision} of {certificate} by {}", self.who);
        eventually(PATIENCE, &what, async || {
            let object = self.admin.get(CERTIFICATE, &self.namespace, certificate).await;
            let status = &object["status"];
            let settled = holds(&object, "Ready")
                && condition_of(&object, "Issuing").is_null()
                && status["nextPrivateKeySecretName"].is_null()
                && status["revision"] == revision
                && self.requests(certificate).await.len() == 1;
            settled.then_some(()).ok_or_else(|| status.to_string())
        })
        .await;
    }

    async fn requests(&self, certificate: &str) -> Vec<Value> {
        let mut all = self.admin.list(CERTIFICATE_REQUEST, &self.namespace).await;
        let of = "cert-manager.io/certificate-name";
        all.retain(|request| request["metadata"]["annotations"][of] == certificate);
        all
    }

    /// All that there is of a Certificate, without what must differ.
    async fn picture(&self, certificate: &str) -> Value {
        let object = self.admin.get(CERTIFICATE, &self.namespace, certificate).await;
        let secret = text(&object["spec"]["secretName"]);
        let stored = self.admin.find(SECRET, &self.namespace, secret).await;
        let requests = self.requests(certificate).await;
        json!({
            "certificate": certificate_of(&object),
            "secret": stored.as_ref().map(secret_of),
            "requests": requests.iter().map(request_of).collect::<Vec<_>>(),
        })
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn decode(base64: &Value) -> Vec<u8> {
    let bytes: k8s_openapi::ByteString = serde_json::from_value(base64.clone()).unwrap();
    bytes.0
}

/// Conditions by type, without their times.
fn conditions_of(object: &Value) -> Vec<Value> {
    let mut conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    for condition in &mut conditions {
        assert!(condition["lastTransitionTime"].is_string(), "{condition}");
        condition["lastTransitionTime"] = json!("then");
    }
    conditions.sort_by(|one, other| text(&one["type"]).cmp(text(&other["type"])));
    conditions
}

fn certificate_of(object: &Value) -> Value {
    let mut status = object["status"].clone();
    status["conditions"] = json!(conditions_of(object));
    let seconds = |field: &str| {
        let time: jiff::Timestamp = text(&status[field]).parse().ok()?;
        Some(time.as_second())
    };
    let begins = seconds("notBefore");
    let after = |field| seconds(field).zip(begins).map(|(time, begins)| time - begins);
    let (ends, renewed) = (after("notAfter"), after("renewalTime"));
    for (field, value) in
        [("notBefore", begins.map(|_| 0)), ("notAfter", ends), ("renewalTime", renewed)]
    {
        status[field] = json!(value);
    }
    status
}

/// What a PEM chain holds, the keys and serial numbers apart.
fn chain_of(pem: &[u8]) -> Value {
    let chain = Chain::from_pem(pem).unwrap();
    let profile = Profile::of_certificate(pem).unwrap();
    json!({
        "says": format!("{profile:?}"),
        "key": chain.leaf.key.to_string(),
        "lifetime": chain.leaf.lifetime().to_string(),
        "others": chain.others.len(),
        "extensions": extensions_of(pem),
    })
}

/// Which extensions there are, and whether they are critical.
fn extensions_of(pem: &[u8]) -> BTreeSet<String> {
    let der = certrotor::core::certificate::ders(pem).unwrap().remove(0);
    let (_, x509) = x509_parser::parse_x509_certificate(&der).unwrap();
    // Of its own key: rcgen writes it for every certificate, Go for authorities.
    let own_key = "2.5.29.14";
    x509.iter_extensions()
        .map(|extension| (extension.oid.to_id_string(), extension.critical))
        .filter(|(oid, _)| oid != own_key || x509.is_ca())
        .map(|(oid, critical)| format!("{oid} {critical}"))
        .collect()
}

fn secret_of(secret: &Value) -> Value {
    let data = secret["data"].as_object().unwrap();
    let key = decode(&data["tls.key"]);
    let label = String::from_utf8_lossy(&key).lines().next().map(str::to_owned);
    let pair = PrivateKey::from_pem(&key).unwrap();
    let leaf = Chain::from_pem(&decode(&data["tls.crt"])).unwrap().leaf;
    json!({
        "type": secret["type"],
        "keys": data.keys().collect::<Vec<_>>(),
        "labels": secret["metadata"]["labels"],
        "annotations": secret["metadata"]["annotations"],
        "owners": secret["metadata"]["ownerReferences"],
        "tls.key": (label, pair.algorithm().to_string(), pair.fingerprint() == leaf.spki),
        "tls.crt": chain_of(&decode(&data["tls.crt"])),
        "ca.crt": chain_of(&decode(&data["ca.crt"])),
    })
}

fn request_of(request: &Value) -> Value {
    let meta = &request["metadata"];
    let mut annotations = meta["annotations"].clone();
    let key = &mut annotations["cert-manager.io/private-key-secret-name"];
    // <certificate>-<five letters>
    let cut = text(key).len().saturating_sub(5);
    *key = json!(text(key)[..cut]);
    let mut owners = meta["ownerReferences"].clone();
    owners[0]["uid"] = json!("its uid");
    let mut spec = request["spec"].clone();
    let asked = SigningRequest::from_pem(&decode(&spec["request"])).unwrap();
    spec["request"] = json!(format!("{:?} {:?} {:?}", asked.profile, asked.usages, asked.is_ca));
    let status = &request["status"];
    let pem = |field: &str| status.get(field).map(|pem| chain_of(&decode(pem)));
    json!({
        "name": name(request), "labels": meta["labels"], "annotations": annotations,
        "owners": owners, "spec": spec, "conditions": conditions_of(request),
        "certificate": pem("certificate"), "ca": pem("ca"),
    })
}

/// The Certificates: what they are called, and what they ask for.
fn certificates() -> [(&'static str, Value); 4] {
    let issuer = json!({"name": "ca", "kind": "Issuer", "group": "cert-manager.io"});
    let ecdsa = json!({"algorithm": "ECDSA"});
    [
        (
            "full",
            json!({
                "metadata": {"labels": {"team": "a"}, "annotations": {"note": "b",
                    "kubectl.kubernetes.io/last-applied-configuration": "{}"}},
                "spec": {
                    "secretName": "full-tls", "issuerRef": issuer, "commonName": "full.prod.svc",
                    "duration": "3h", "renewBefore": "1h",
                    "dnsNames": ["full.prod.svc", "*.full.prod.svc"],
                    "ipAddresses": ["127.0.0.1", "::1"], "uris": ["spiffe://prod/full"],
                    "emailAddresses": ["dba@example.com"],
                    "subject": {"organizations": ["A, \"B\""], "organizationalUnits": ["client"],
                        "countries": ["DE"], "localities": ["Berlin"], "provinces": ["Berlin"],
                        "postalCodes": ["10115"], "streetAddresses": ["1, Main Street"],
                        "serialNumber": "7"},
                    "usages": ["digital signature", "key encipherment", "server auth",
                        "client auth"],
                    "privateKey": {"algorithm": "ECDSA", "size": 384, "encoding": "PKCS8"},
                    "secretTemplate": {"labels": {"from": "template"},
                        "annotations": {"from": "template"}},
                },
            }),
        ),
        (
            "plain",
            json!({"spec": {"secretName": "plain", "issuerRef": {"name": "ca"},
                "dnsNames": ["plain"], "privateKey": ecdsa}}),
        ),
        (
            "own",
            json!({"spec": {"secretName": "own", "issuerRef": {"name": "self"},
                "commonName": "own", "dnsNames": ["own"],
                "privateKey": {"algorithm": "Ed25519"}}}),
        ),
        (
            "authority",
            json!({"spec": {"secretName": "authority", "issuerRef": {"name": "ca"}, "isCA": true,
                "commonName": "authority", "renewBeforePercentage": 10, "privateKey": ecdsa}}),
        ),
    ]
}

/// Compares what both have made of a Certificate.
async fn compare(sides: &[Side; 2], certificate: &str, told: &str) {
    let [ours, real] = sides;
    let pictures = (ours.picture(certificate).await, real.picture(certificate).await);
    let [ours, real] =
        [&pictures.0, &pictures.1].map(|it| serde_json::to_string_pretty(it).unwrap());
    assert!(ours == real, "{certificate}, {told}\n--- ours\n{ours}\n--- cert-manager's\n{real}");
}

/// Sets `Issuing`, as KubeDB does.
async fn demand(side: &Side, certificate: &str) {
    let now = crate::support::time::rfc3339(crate::support::time::now());
    let issuing = json!({"type": "Issuing", "status": "True", "reason": "Rotate",
        "message": "somebody wants it", "lastTransitionTime": now});
    let (admin, namespace) = (&side.admin, &side.namespace);
    admin.conditions(CERTIFICATE, namespace, certificate, &[issuing], &json!({})).await;
}

async fn run_side_by_side(sides: &[Side; 2]) {
    let authority = Authority::new("side by side").pair();
    for side in sides {
        side.admin.create_namespace(&side.namespace).await;
        keep_secret(&side.admin, &side.namespace, "ca", &authority, &json!({})).await;
        side.create(ISSUER, "ca", json!({"spec": {"ca": {"secretName": "ca"}}})).await;
        side.create(ISSUER, "self", json!({"spec": {"selfSigned": {}}})).await;
        for (name, certificate) in certificates() {
            side.create(CERTIFICATE, name, certificate).await;
        }
        let lost = json!({"spec": {"secretName": "lost", "issuerRef": {"name": "nobody"},
            "dnsNames": ["lost"], "privateKey": {"algorithm": "ECDSA"}}});
        side.create(CERTIFICATE, "lost", lost).await;
    }
    for (name, _) in certificates() {
        for side in sides {
            side.issued(name, 1).await;
        }
        compare(sides, name, "when it is new").await;
    }
    issuers_are_alike(sides).await;
    lost_ones_are_alike(sides).await;
    failures_are_alike(sides).await;
    rivals_are_alike(sides).await;

    for side in sides {
        demand(side, "full").await;
        side.issued("full", 2).await;
    }
    compare(sides, "full", "when somebody wanted it anew").await;

    for side in sides {
        let change = json!({"spec": {"dnsNames": ["other.prod.svc"], "secretTemplate": null}});
        side.admin.patch(CERTIFICATE, &side.namespace, "full", &change).await;
        side.issued("full", 3).await;
        side.admin.delete(SECRET, &side.namespace, "plain").await;
        side.issued("plain", 2).await;
        let change = json!({"spec": {"issuerRef": {"name": "self"}}});
        side.admin.patch(CERTIFICATE, &side.namespace, "authority", &change).await;
        side.issued("authority", 2).await;
    }
    compare(sides, "full", "when its names have changed").await;
    compare(sides, "plain", "when its Secret was lost").await;
    compare(sides, "authority", "when its issuer has changed").await;
}

async fn issuers_are_alike(sides: &[Side; 2]) {
    for issuer in ["ca", "self"] {
        let mut seen = Vec::new();
        for side in sides {
            let object = side.admin.get(ISSUER, &side.namespace, issuer).await;
            seen.push(conditions_of(&object));
        }
        assert_eq!(seen[0], seen[1], "{issuer}");
    }
}

/// A Certificate whose issuer is not there.
async fn lost_ones_are_alike(sides: &[Side; 2]) {
    let mut seen = Vec::new();
    for side in sides {
        let what = format!("the request of {} to be pending", side.who);
        let picture = eventually(PATIENCE, &what, async || {
            let mut picture = side.picture("lost").await;
            // <certificate>-<five letters>
            let key = text(&picture["certificate"]["nextPrivateKeySecretName"]).to_owned();
            picture["certificate"]["nextPrivateKeySecretName"] = json!(key.len());
            let pending = picture["requests"][0]["conditions"].as_array().map_or(0, Vec::len) == 2;
            if pending { Ok(picture) } else { Err(picture.to_string()) }
        })
        .await;
        seen.push(serde_json::to_string_pretty(&picture).unwrap());
    }
    assert!(seen[0] == seen[1], "--- ours\n{}\n--- cert-manager's\n{}", seen[0], seen[1]);
}

/// A Certificate whose issuer, somebody else's, fails.
async fn failures_are_alike(sides: &[Side; 2]) {
    let mut seen = Vec::new();
    for side in sides {
        let issuer = json!({"name": "a", "kind": "Foreign", "group": "example.com"});
        let foreign = json!({"spec": {"secretName": "foreign", "issuerRef": issuer,
            "dnsNames": ["foreign"], "privateKey": {"algorithm": "ECDSA"}}});
        side.create(CERTIFICATE, "foreign", foreign).await;
        let (admin, namespace) = (&side.admin, &side.namespace);
        let what = format!("the request of {} to be approved", side.who);
        let request = eventually(PATIENCE, &what, async || {
            let requests = side.requests("foreign").await;
            let approved = requests.iter().find(|request| holds(request, "Approved"));
            approved.map(|it| name(it).to_owned()).ok_or_else(|| format!("{requests:?}"))
        })
        .await;
        let now = crate::support::time::rfc3339(crate::support::time::now());
        let failed = json!({"type": "Ready", "status": "False", "reason": "Failed",
            "message": "no more certificates today", "lastTransitionTime": now});
        let rest = json!({"failureTime": now});
        admin.conditions(CERTIFICATE_REQUEST, namespace, &request, &[failed], &rest).await;
        let what = format!("the Certificate of {} to fail", side.who);
        let status = eventually(PATIENCE, &what, async || {
            let object = admin.get(CERTIFICATE, namespace, "foreign").await;
            let mut status = certificate_of(&object);
            let failed = status["lastFailureTime"].is_string();
            status["lastFailureTime"] = json!("then");
            let settled = failed && status["nextPrivateKeySecretName"].is_null();
            if settled { Ok(status) } else { Err(status.to_string()) }
        })
        .await;
        seen.push(status);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0]["failedIssuanceAttempts"], 1);
}

/// A Certificate that wants the Secret of another.
async fn rivals_are_alike(sides: &[Side; 2]) {
    for side in sides {
        let rival = json!({"spec": {"secretName": "plain", "issuerRef": {"name": "ca"},
            "dnsNames": ["rival"], "privateKey": {"algorithm": "ECDSA"}}});
        side.create(CERTIFICATE, "rival", rival).await;
        let what = format!("{} to say something of the rival", side.who);
        eventually(PATIENCE, &what, async || {
            let object = side.admin.get(CERTIFICATE, &side.namespace, "rival").await;
            let known = condition_of(&object, "Ready").is_object();
            known.then_some(()).ok_or_else(|| object["status"].to_string())
        })
        .await;
    }
    compare(sides, "rival", "which wants the Secret of another").await;
    compare(sides, "plain", "when another wants its Secret").await;
}

#[test]
fn the_embedded_issuer_does_what_cert_manager_does() {
    on_cluster(async |lab| {
        let plane = ControlPlane::start("issuer", Extent::Bare).await;
        let (plane, definitions) = match (plane, crds::foreign()) {
            (Ok(plane), Ok(definitions)) => (plane, definitions),
            (Err(why), _) | (_, Err(why)) => return parts::skipped("side by side", &why),
        };
        let of_cert_manager =
            definitions.into_iter().filter(|crd| crd.name.contains("cert-manager"));
        plane.install(of_cert_manager.collect()).await;
        let admin = plane.admin().await;
        let settings = Settings {
            cluster_resource_namespace: "kube-system".to_owned(),
            ..Settings::default()
        };
        let issuer = CertManager::new(admin.client().clone(), Arc::new(SystemClock), settings);
        let stop = CancellationToken::new();
        let running = tokio::spawn(issuer.run(stop.clone()));

        let namespace = lab.name.clone();
        let ours = Side { who: "ours", admin, namespace: namespace.clone() };
        let real = Side { who: "cert-manager", admin: lab.admin.clone(), namespace };
        run_side_by_side(&[ours, real]).await;
        stop.cancel();
        running.await.unwrap();
    });
}
