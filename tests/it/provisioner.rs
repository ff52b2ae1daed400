//! The embedded cluster's provisioner on a real control plane: kube-controller-manager keeps the
//! pods, cert-manager the certificates, and a stand-in for the kubelet says that pods are Ready.
//!
//! The pods name a node that is not there. Nobody minds: neither the collector of orphaned pods nor
//! the controller of nodes is among those that the control plane of the tests runs.

use std::time::Duration;

use certrotor::clock::SystemClock;
use certrotor::embedded::provisioner::{Provisioner, Settings};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Pod, Secret, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{DeleteParams, EvictParams, ListParams, Patch, PatchParams};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::actor::issuer;
use crate::support::api::{CERTIFICATE, Cluster, MYSQL, SECRET, holds};
use crate::support::eventually::eventually;
use crate::support::lab::on_cluster;
use crate::support::time::{minutes, now, rfc3339};

const ALIASES: [&str; 3] = ["client", "metrics-exporter", "server"];

/// A namespace with a provisioner and a kubelet in it.
struct Stage {
    admin: Cluster,
    namespace: String,
    actors: JoinSet<()>,
    stop: CancellationToken,
}

impl Stage {
    async fn new(admin: &Cluster, namespace: &str) -> Self {
        admin.create_namespace(namespace).await;
        issuer(admin, namespace, "ca").await;
        let (mut actors, stop) = (JoinSet::new(), CancellationToken::new());
        let settings =
            Settings { namespace: Some(namespace.to_owned()), ..Settings::new("loopback") };
        let client = admin.client().clone();
        let provisioner = Provisioner::new(client, std::sync::Arc::new(SystemClock), settings);
        actors.spawn(provisioner.run(stop.clone()));
        let kubelet = kubelet(admin.client().clone(), namespace.to_owned());
        let until = stop.clone();
        actors.spawn(async move {
            until.run_until_cancelled(kubelet).await;
        });
        Self { admin: admin.clone(), namespace: namespace.to_owned(), actors, stop }
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    {
        Api::namespaced(self.admin.client().clone(), &self.namespace)
    }

    async fn shop(&self) -> Value {
        self.admin.get(MYSQL, &self.namespace, "shop").await
    }

    /// Waits until the database is Ready and as its spec says.
    async fn ready(&self) {
        eventually(minutes(2), "the MySQL to be Ready", async || {
            let shop = self.shop().await;
            let observed = shop["status"]["observedGeneration"] == shop["metadata"]["generation"];
            let ready = shop["status"]["phase"] == "Ready" && observed;
            if ready { Ok(()) } else { Err(shop["status"].to_string()) }
        })
        .await;
    }

    async fn pods(&self) -> Vec<Pod> {
        self.api::<Pod>().list(&ListParams::default()).await.unwrap().items
    }

    async fn end(mut self) {
        self.stop.cancel();
        let ended = async { while self.actors.join_next().await.is_some() {} };
        timeout(Duration::from_secs(10), ended).await.expect("all have stopped");
    }
}

/// What of a kubelet can be told from outside: pods run and are Ready soon, and go when they should.
async fn kubelet(client: Client, namespace: String) {
    let pods: Api<Pod> = Api::namespaced(client, &namespace);
    loop {
        sleep(Duration::from_millis(200)).await;
        let Ok(list) = pods.list(&ListParams::default()).await else { continue };
        for pod in list {
            let name = pod.name_any();
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            if pod.metadata.deletion_timestamp.is_some() {
                drop(pods.delete(&name, &DeleteParams::default().grace_period(0)).await);
            } else if phase == Some("Pending") {
                let ready = json!({"type": "Ready", "status": "True",
                    "lastTransitionTime": rfc3339(now())});
                let status = json!({"status": {"phase": "Running", "conditions": [ready]}});
                let (params, status) = (PatchParams::default(), Patch::Merge(&status));
                drop(pods.patch_status(&name, &params, &status).await);
            }
        }
    }
}

fn shop() -> Value {
    let issuer = json!({"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"});
    json!({
        "metadata": {"name": "shop"},
        "spec": {
            "version": "9.1.0", "replicas": 3, "storageType": "Ephemeral", "requireSSL": true,
            "deletionPolicy": "WipeOut", "topology": {"mode": "SemiSync"},
            "tls": {"issuerRef": issuer, "certificates": [
                {"alias": "server", "duration": "2160h0m0s", "subject": {"organizations": ["shop"]}},
            ]},
        },
    })
}

#[test]
fn provisioner_makes_a_database_on_a_real_cluster() {
    on_cluster(async |lab| {
        let stage = Stage::new(&lab.admin, &lab.name).await;
        stage.admin.create(MYSQL, &stage.namespace, shop()).await;
        stage.ready().await;

        certificates_are_issued(&stage).await;
        pods_are_the_stateful_sets(&stage).await;
        nothing_is_written_twice(&stage).await;
        an_evicted_primary_is_replaced_and_relieved(&stage).await;
        all_goes_with_the_mysql(&stage).await;
        stage.end().await;
    });
}

async fn certificates_are_issued(stage: &Stage) {
    let uid = stage.shop().await["metadata"]["uid"].clone();
    for alias in ALIASES {
        let name = format!("shop-{alias}-cert");
        let certificate = stage.admin.get(CERTIFICATE, &stage.namespace, &name).await;
        assert!(holds(&certificate, "Ready"), "{certificate}");
        assert_eq!(certificate["status"]["revision"], 1, "{name} was issued once");
        let secret = stage.admin.get(SECRET, &stage.namespace, &name).await;
        for object in [&certificate, &secret] {
            let metadata = &object["metadata"];
            assert_eq!(metadata["ownerReferences"][0]["uid"], uid, "{metadata}");
            assert_eq!(metadata["labels"]["app.kubernetes.io/instance"], "shop");
        }
        let keys: Vec<_> = secret["data"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["ca.crt", "tls.crt", "tls.key"]);
    }
    // What cert-manager made of our hosts.
    let secret = stage.admin.get(SECRET, &stage.namespace, "shop-server-cert").await;
    let hosts = secret["metadata"]["annotations"]["cert-manager.io/alt-names"].as_str().unwrap();
    let namespace = &stage.namespace;
    for host in [format!("*.shop-pods.{namespace}.svc"), format!("shop.{namespace}.svc")] {
        assert!(hosts.split(',').any(|found| found == host), "{host} in {hosts}");
    }
}

async fn pods_are_the_stateful_sets(stage: &Stage) {
    let set = stage.api::<StatefulSet>().get("shop").await.unwrap();
    let pods = stage.pods().await;
    let names: Vec<_> = pods.iter().map(kube::ResourceExt::name_any).collect();
    assert_eq!(names, ["shop-0", "shop-1", "shop-2"]);
    for (ordinal, pod) in pods.iter().enumerate() {
        assert_eq!(pod.owner_references()[0].uid, set.uid().unwrap());
        assert_eq!(pod.spec.as_ref().unwrap().node_name.as_deref(), Some("loopback"));
        let role = if ordinal == 0 { "primary" } else { "standby" };
        assert_eq!(pod.labels()["kubedb.com/role"], role, "{}", pod.name_any());
    }
}

/// The apiserver fills in defaults; none of them may look like somebody's change.
async fn nothing_is_written_twice(stage: &Stage) {
    let versions = async || {
        let mut versions = Vec::new();
        for name in ["shop", "shop-pods"] {
            versions.push(stage.api::<Service>().get(name).await.unwrap().resource_version());
        }
        for alias in ALIASES {
            let name = format!("shop-{alias}-cert");
            versions.push(stage.api::<Secret>().get(&name).await.unwrap().resource_version());
            let certificate = stage.admin.get(CERTIFICATE, &stage.namespace, &name).await;
            versions.push(Some(certificate["metadata"]["resourceVersion"].to_string()));
        }
        let set = stage.api::<StatefulSet>().get("shop").await.unwrap();
        let budget = stage.api::<PodDisruptionBudget>().get("shop").await.unwrap();
        let generations = [set.metadata.generation, budget.metadata.generation];
        (versions, generations)
    };
    let before = versions().await;
    assert_eq!(before.1, [Some(1), Some(1)]);
    // A whole turn has passed when what somebody took away is back.
    stage.api::<Service>().delete("shop-standby", &DeleteParams::default()).await.unwrap();
    eventually(minutes(1), "the Service to be back", async || {
        let found = stage.api::<Service>().get_opt("shop-standby").await.unwrap();
        found.map(drop).ok_or_else(|| "not there".to_owned())
    })
    .await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(versions().await, before);
}

async fn an_evicted_primary_is_replaced_and_relieved(stage: &Stage) {
    let pods = stage.api::<Pod>();
    let before = pods.get("shop-0").await.unwrap().uid();
    eventually(minutes(1), "the budget to allow an eviction", async || {
        let budget = stage.api::<PodDisruptionBudget>().get("shop").await.unwrap();
        let allowed = budget.status.map_or(0, |status| status.disruptions_allowed);
        if allowed == 1 { Ok(()) } else { Err(format!("{allowed} allowed")) }
    })
    .await;
    pods.evict("shop-0", &EvictParams::default()).await.unwrap();
    eventually(minutes(1), "another pod of its name, and another primary", async || {
        let pods = stage.pods().await;
        let role = |pod: &Pod| pod.labels().get("kubedb.com/role").cloned().unwrap_or_default();
        let roles: Vec<_> = pods.iter().map(role).collect();
        let replaced = pods.first().is_some_and(|pod| pod.uid() != before);
        let relieved = roles == ["standby", "primary", "standby"];
        if replaced && relieved { Ok(()) } else { Err(format!("{replaced} {roles:?}")) }
    })
    .await;
    stage.ready().await;
}

async fn all_goes_with_the_mysql(stage: &Stage) {
    stage.admin.delete(MYSQL, &stage.namespace, "shop").await;
    eventually(minutes(2), "all that belonged to the MySQL to be gone", async || {
        let all = ListParams::default();
        let mut left = Vec::new();
        for pod in stage.pods().await {
            left.push(pod.name_any());
        }
        for set in stage.api::<StatefulSet>().list(&all).await.unwrap() {
            left.push(set.name_any());
        }
        for service in stage.api::<Service>().list(&all).await.unwrap() {
            left.push(service.name_any());
        }
        for budget in stage.api::<PodDisruptionBudget>().list(&all).await.unwrap() {
            left.push(budget.name_any());
        }
        for certificate in stage.admin.list(CERTIFICATE, &stage.namespace).await {
            left.push(certificate["metadata"]["name"].to_string());
        }
        // cert-manager that sees a Secret go before its Certificate issues once more, to nobody's.
        let mut secrets = stage.api::<Secret>().list(&all).await.unwrap().items;
        secrets.retain(|secret| !secret.owner_references().is_empty());
        left.extend(secrets.iter().map(kube::ResourceExt::name_any));
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
}
