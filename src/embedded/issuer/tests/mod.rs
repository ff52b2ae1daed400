//! The issuer over the API in memory, on paused time.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;

use super::{CertManager, Settings};
use crate::clock::{Clock, PausedClock};
use crate::core::certificate::Leaf;
use crate::core::time::{Span, Time};
use crate::embedded::api::{ApiServer, Call, Fault, FaultLayer, Verb};
use crate::pki::{
    Algorithm, Authority, Encoding, Entropy, Lifetime, Pair, PrivateKey, Profile, check,
};

mod crashes;
mod decisions;
mod failures;
mod issuers;
mod issuing;
mod secrets;
mod waking;

const NOON: &str = "2026-11-23T12:00:00Z";
const CERTIFICATES: &str = "certificates.cert-manager.io";
const REQUESTS: &str = "certificaterequests.cert-manager.io";

/// A cluster with one Issuer, `ca`, whose CA Secret has the same name.
struct World {
    server: ApiServer,
    clock: Arc<PausedClock>,
    entropy: Entropy,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(PausedClock::new(NOON.parse().unwrap()));
        let server = ApiServer::new(Arc::clone(&clock) as _).unwrap();
        let world = Self { server, clock, entropy: Entropy::seeded(1) };
        world.add_authority("prod", "ca");
        world.add_issuer("ca", &json!({"ca": {"secretName": "ca"}}));
        world
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    /// A CA Secret.
    fn add_authority(&self, namespace: &str, name: &str) -> Authority {
        let lifetime = Lifetime::of(self.now(), Span::days(365));
        let profile = Profile::authority(name);
        let authority =
            Authority::root(&profile, Algorithm::Ed25519, lifetime, &self.entropy).unwrap();
        let pem = authority.to_pem();
        self.seed(json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"name": name, "namespace": namespace},
            "stringData": {"tls.crt": pem.certificate, "ca.crt": pem.ca,
                "tls.key": authority.key().to_pem(Encoding::Pkcs8)}}));
        authority
    }

    fn add_issuer(&self, name: &str, spec: &Value) {
        self.seed(json!({"apiVersion": "cert-manager.io/v1", "kind": "Issuer",
            "metadata": {"name": name, "namespace": "prod"}, "spec": spec}));
    }

    /// A Certificate for ten minutes, in a Secret of its name; `spec` says what is different.
    fn add_certificate(&self, name: &str, spec: &Value) {
        let mut certificate = json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate",
            "metadata": {"name": name, "namespace": "prod"},
            "spec": {"secretName": name, "dnsNames": [format!("{name}.prod.svc")],
                "duration": "10m", "issuerRef": {"name": "ca"}}});
        json_patch::merge(&mut certificate["spec"], spec);
        self.seed(certificate);
    }

    fn seed(&self, object: Value) -> Value {
        self.server.seed(object).unwrap()
    }

    /// Starts an issuer. Aborting its task is a crash.
    fn start(&self) -> JoinHandle<()> {
        self.start_with(|_| Fault::None)
    }

    fn start_with(&self, plan: impl Fn(&Call) -> Fault + Send + Sync + 'static) -> JoinHandle<()> {
        let layer = FaultLayer::new(plan);
        let service = ServiceBuilder::new().layer(layer).service(self.server.service("issuer"));
        let settings = Settings {
            default_algorithm: Algorithm::Ed25519,
            entropy: self.entropy.clone(),
            ..Settings::default()
        };
        let clock = Arc::clone(&self.clock) as _;
        let issuer = CertManager::new(Client::new(service, "default"), clock, settings);
        tokio::spawn(issuer.run(CancellationToken::new()))
    }

    /// Lets everything happen that happens at once.
    async fn settle(&self) {
        loop {
            let before = self.server.revision();
            sleep(Duration::from_secs(1)).await;
            if self.server.revision() == before {
                return;
            }
        }
    }

    /// Waits, and a moment longer: changes are debounced, and objects put apart.
    async fn wait(&self, span: Span) {
        sleep(span.to_std() + Duration::from_millis(200)).await;
    }

    fn get(&self, resource: &str, name: &str) -> Value {
        let found = self.server.get(resource, "prod", name);
        found.map_or(Value::Null, |object| (*object).clone())
    }

    fn status(&self, certificate: &str) -> Value {
        self.get(CERTIFICATES, certificate)["status"].clone()
    }

    fn condition(&self, certificate: &str, kind: &str) -> Value {
        condition(&self.get(CERTIFICATES, certificate), kind)
    }

    /// The names of all requests.
    fn requests(&self) -> Vec<String> {
        let all = self.server.list(REQUESTS);
        all.iter().map(|request| text(&request["metadata"]["name"]).to_owned()).collect()
    }

    /// The names of all Secrets in the namespace.
    fn secrets(&self) -> Vec<String> {
        let all = self.server.list("secrets");
        let ours = all.iter().filter(|secret| secret["metadata"]["namespace"] == "prod");
        ours.map(|secret| text(&secret["metadata"]["name"]).to_owned()).collect()
    }

    /// What is in a Secret, which must be a good pair for this name.
    fn leaf(&self, secret: &str, name: &str) -> Leaf {
        let data = &self.get("secrets", secret)["data"];
        let [certificate, key, ca] = ["tls.crt", "tls.key", "ca.crt"].map(|key| decode(&data[key]));
        let pair = Pair { certificate: &certificate, key: &key, ca: &ca };
        check(pair, &[name], self.now()).unwrap()
    }

    fn key(&self, secret: &str) -> PrivateKey {
        PrivateKey::from_pem(&decode(&self.get("secrets", secret)["data"]["tls.key"])).unwrap()
    }

    /// Merges a change into an object.
    async fn patch(&self, path: &str, change: Value) {
        let request = http::Request::patch(path)
            .header("Content-Type", "application/merge-patch+json")
            .body(serde_json::to_vec(&change).unwrap())
            .unwrap();
        let client = self.server.client("somebody", "prod");
        client.request::<Value>(request).await.unwrap();
    }

    async fn patch_certificate(&self, name: &str, spec: Value) {
        let path = format!("/apis/cert-manager.io/v1/namespaces/prod/certificates/{name}");
        self.patch(&path, json!({"spec": spec})).await;
    }

    /// Sets `Issuing`, as KubeDB does.
    async fn demand(&self, certificate: &str) {
        let mut conditions = self.status(certificate)["conditions"].as_array().cloned();
        let conditions = conditions.get_or_insert_default();
        conditions.retain(|condition| condition["type"] != "Issuing");
        conditions.push(json!({"type": "Issuing", "status": "True", "reason": "Rotate",
            "message": "somebody wants it", "lastTransitionTime": self.now()}));
        let path = "/apis/cert-manager.io/v1/namespaces/prod/certificates";
        let change = json!({"status": {"conditions": conditions}});
        self.patch(&format!("{path}/{certificate}/status"), change).await;
    }

    async fn delete(&self, path: &str) {
        let request = http::Request::delete(path).body(Vec::new()).unwrap();
        let client = self.server.client("somebody", "prod");
        client.request::<Value>(request).await.unwrap();
    }

    /// Every change since a revision, as `verb resource/name`.
    fn told_since(&self, revision: u64) -> Vec<String> {
        let commits = self.server.commits_after(revision);
        commits
            .iter()
            .map(|it| format!("{} {}/{}", it.verb, it.key.resource, it.key.name))
            .collect()
    }
}

fn condition(object: &Value, kind: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array();
    let found = conditions.and_then(|all| all.iter().find(|each| each["type"] == kind));
    found.cloned().unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn decode(base64: &Value) -> Vec<u8> {
    let bytes: k8s_openapi::ByteString = serde_json::from_value(base64.clone()).unwrap();
    bytes.0
}

const fn writes(call: &Call) -> bool {
    matches!(call.verb, Verb::Create | Verb::Update | Verb::Patch | Verb::Delete)
}
