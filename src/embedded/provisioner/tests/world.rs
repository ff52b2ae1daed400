//! A cluster on paused time in which the provisioner works.

use std::sync::Arc;

use kube::Client;
use serde_json::{Value, json};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;

use crate::clock::PausedClock;
use crate::embedded::api::{ApiServer, Call, Fault, FaultLayer};
use crate::embedded::provisioner::{Provisioner, Settings, admissions};
use crate::embedded::stand_ins::{self, CertManager, Kubelet, eventually, patch};
use crate::embedded::stateful_set::StatefulSets;
use crate::pki::Entropy;

pub(super) const SHOP: &str = "/apis/kubedb.com/v1/namespaces/prod/mysqls/shop";

pub(super) struct World {
    pub(super) server: ApiServer,
    pub(super) clock: Arc<PausedClock>,
    pub(super) client: Client,
    actors: JoinSet<()>,
    stand_ins: Vec<AbortHandle>,
}

impl World {
    /// With everybody but the provisioner.
    pub(super) fn new() -> Self {
        let (server, clock) = stand_ins::server();
        admissions(&server);
        let client = server.client("me", "");
        let mut world =
            Self { server, clock, client, actors: JoinSet::new(), stand_ins: Vec::new() };
        let (server, clock) = (world.server.clone(), Arc::clone(&world.clock));
        let sets = StatefulSets::new(server.client("stateful-sets", ""), Arc::clone(&clock) as _);
        world.actors.spawn(sets.run(CancellationToken::new()));
        let kubelet = Kubelet { server: server.clone(), clock: Arc::clone(&clock) };
        let kubelet = world.actors.spawn(kubelet.run());
        world.stand_ins.push(kubelet);
        world
    }

    /// With everybody.
    pub(super) fn running() -> Self {
        let mut world = Self::new();
        world.start_cert_manager();
        world.start(|_| Fault::None);
        world
    }

    pub(super) fn start_cert_manager(&mut self) {
        let (server, clock) = (self.server.clone(), Arc::clone(&self.clock));
        let cert_manager = self.actors.spawn(CertManager { server, clock }.run());
        self.stand_ins.push(cert_manager);
    }

    /// Ends the stand-ins, which look once a second: for tests of long times at rest.
    pub(super) fn end_stand_ins(&self) {
        self.stand_ins.iter().for_each(AbortHandle::abort);
    }

    /// Starts a provisioner whose requests pass through `plan`; to abort it is a crash.
    pub(super) fn start(
        &mut self,
        plan: impl Fn(&Call) -> Fault + Send + Sync + 'static,
    ) -> AbortHandle {
        let service = self.server.service("provisioner");
        let service = ServiceBuilder::new().layer(FaultLayer::new(plan)).service(service);
        let client = Client::new(service, "");
        let settings = Settings { entropy: Entropy::seeded(1), ..Settings::new("loopback") };
        let provisioner = Provisioner::new(client, Arc::clone(&self.clock) as _, settings);
        self.actors.spawn(provisioner.run(CancellationToken::new()))
    }

    /// The database `shop`, which also has the fields of `spec`, or lacks those that are null.
    pub(super) fn seed(&self, spec: &Value) {
        self.seed_as("shop", spec);
    }

    /// The same under another name.
    pub(super) fn seed_as(&self, name: &str, spec: &Value) {
        let mut mysql = json!({
            "apiVersion": "kubedb.com/v1", "kind": "MySQL",
            "metadata": {"name": name, "namespace": "prod"},
            "spec": {
                "version": "9.1.0", "replicas": 3, "storageType": "Ephemeral", "requireSSL": true,
                "topology": {"mode": "GroupReplication"},
                "tls": {"issuerRef":
                    {"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"}},
            },
        });
        let own = mysql["spec"].as_object_mut().unwrap();
        for (field, value) in spec.as_object().unwrap() {
            own.insert(field.clone(), value.clone());
        }
        own.retain(|_, value| !value.is_null());
        self.server.seed(mysql).unwrap();
    }

    /// Merges a change into the spec.
    pub(super) async fn change(&self, spec: &Value) {
        patch(&self.client, SHOP, &json!({ "spec": spec })).await.unwrap();
    }

    pub(super) fn shop(&self) -> Arc<Value> {
        self.server.get("mysqls.kubedb.com", "prod", "shop").unwrap()
    }

    pub(super) fn find(&self, resource: &str, name: &str) -> Option<Arc<Value>> {
        self.server.get(resource, "prod", name)
    }

    /// An object of `shop` that must be there.
    pub(super) fn get(&self, resource: &str, name: &str) -> Arc<Value> {
        self.find(resource, name).unwrap_or_else(|| panic!("{resource} {name} is not there"))
    }

    /// The names of all objects of a kind.
    pub(super) fn names(&self, resource: &str) -> Vec<String> {
        let objects = self.server.list(resource);
        let name = |object: &Arc<Value>| object["metadata"]["name"].as_str().unwrap().to_owned();
        objects.iter().map(name).collect()
    }

    /// Waits until the phase is this and its spec has been observed.
    pub(super) async fn phase(&self, phase: &str) {
        eventually(&format!("phase {phase}"), || {
            let shop = self.shop();
            let status = &shop["status"];
            let observed = status["observedGeneration"] == shop["metadata"]["generation"];
            if status["phase"] == phase && observed { Ok(()) } else { Err(shop.to_string()) }
        })
        .await;
    }

    /// Sets or removes the condition `Paused`, as an executor does.
    pub(super) async fn pause(&self, paused: bool) {
        let shop = self.shop();
        let conditions = shop["status"]["conditions"].as_array();
        let mut conditions = conditions.cloned().unwrap_or_default();
        conditions.retain(|condition| condition["type"] != "Paused");
        if paused {
            conditions.push(json!({"type": "Paused", "status": "True", "reason": "Paused",
                "lastTransitionTime": stand_ins::NOON}));
        }
        let status = json!({"status": {"conditions": conditions}});
        patch(&self.client, &format!("{SHOP}/status"), &status).await.unwrap();
    }

    /// The ordinals of the pods of a role.
    pub(super) fn role(&self, role: &str) -> String {
        let pods = self.server.list("pods");
        let of_role =
            pods.iter().filter(|pod| pod["metadata"]["labels"]["kubedb.com/role"] == role);
        let names = of_role.map(|pod| pod["metadata"]["name"].as_str().unwrap());
        names.map(|name| name.trim_start_matches("shop-")).collect::<Vec<_>>().join(" ")
    }

    /// What the provisioner has written after a revision.
    pub(super) fn written_after(&self, revision: u64) -> Vec<String> {
        let commits = self.server.commits_after(revision);
        let ours = commits.iter().filter(|commit| commit.by.user == "provisioner");
        ours.map(|commit| format!("{} {} {}", commit.verb, commit.key.resource, commit.key.name))
            .collect()
    }
}
