//! The pod runner on a real control plane: kube-controller-manager makes and replaces the pods, and
//! what they serve is seen on real sockets.

use std::sync::Arc;
use std::time::Duration;

use certrotor::clock::SystemClock;
use certrotor::core::certificate::{Chain, Fingerprint};
use certrotor::embedded::pods::{PodRunner, Served, Settings, SimulatedMysqld};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Event, Pod, Secret};
use kube::api::{DeleteParams, EvictParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::actor::keep_secret;
use crate::support::api::Cluster;
use crate::support::control_plane::free_ports;
use crate::support::eventually::eventually;
use crate::support::kubeconfig::base64;
use crate::support::lab::on_cluster;
use crate::support::pki::{Authority, Leaf, Pair};
use crate::support::time::minutes;

/// A namespace and a node of the same name.
struct Stage {
    admin: Cluster,
    name: String,
    served: Served,
}

impl Stage {
    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.admin.client().clone(), &self.name)
    }

    fn leaf(&self, pod: &str) -> Option<Fingerprint> {
        self.served.get(&self.name, pod)?.presents?.leaf()
    }

    /// Waits until both replicas are Ready, and returns their uids.
    async fn ready(&self) -> Vec<String> {
        let sets: Api<StatefulSet> = Api::namespaced(self.admin.client().clone(), &self.name);
        eventually(minutes(1), "both replicas to be Ready", async || {
            let set = sets.get("db").await.map_err(|error| error.to_string())?;
            let ready = set.status.and_then(|status| status.ready_replicas);
            if ready == Some(2) { Ok(()) } else { Err(format!("{ready:?} of 2")) }
        })
        .await;
        let pods = self.pods().list(&ListParams::default()).await.unwrap();
        pods.iter().map(|pod| pod.uid().unwrap()).collect()
    }

    /// Waits until a pod of this name is there that is none of these, and Ready.
    async fn replaced(&self, pod: &str, old: &[String]) {
        eventually(minutes(1), "another pod to serve", async || {
            let serving = self.served.get(&self.name, pod);
            let is_new = serving.as_ref().is_some_and(|serving| !old.contains(&serving.uid));
            if is_new { Ok(()) } else { Err(format!("{serving:?}")) }
        })
        .await;
    }
}

fn pair(authority: &Authority) -> (Pair, Fingerprint) {
    let pair = authority.sign(&Leaf::server("db", &["db"]));
    let leaf = Chain::from_pem(pair.certificate.as_bytes()).unwrap().leaf.fingerprint;
    (pair, leaf)
}

fn stateful_set(node: &str) -> StatefulSet {
    let item = |key: &str, path: &str| json!({"key": key, "path": path});
    let set = json!({
        "metadata": {"name": "db"},
        "spec": {
            "replicas": 2,
            "serviceName": "db-pods",
            "updateStrategy": {"type": "OnDelete"},
            "selector": {"matchLabels": {"app": "db"}},
            "template": {
                "metadata": {"labels": {"app": "db"}},
                "spec": {
                    "nodeName": node,
                    "containers": [{
                        "name": "mysql",
                        "image": "mysql:9.7.0",
                        "args": [
                            "--ssl-ca=/etc/mysql/certs/ca.crt",
                            "--ssl-cert=/etc/mysql/certs/server.crt",
                            "--ssl-key=/etc/mysql/certs/server.key",
                        ],
                        "volumeMounts": [{"name": "tls-volume", "mountPath": "/etc/mysql/certs"}],
                    }],
                    "volumes": [{"name": "tls-volume", "projected": {"sources": [
                        {"secret": {"name": "db-server-cert", "items": [
                            item("ca.crt", "ca.crt"),
                            item("tls.crt", "server.crt"),
                            item("tls.key", "server.key"),
                        ]}},
                    ]}}],
                },
            },
        },
    });
    serde_json::from_value(set).unwrap()
}

#[test]
fn pods_of_a_real_stateful_set_run_and_serve_a_renewed_certificate_when_they_are_replaced() {
    on_cluster(async |lab| {
        lab.admin.create_namespace(&lab.name).await;
        let client = lab.admin.client().clone();
        let [port] = free_ports();
        let servers = SimulatedMysqld {
            port,
            starts_in: Duration::from_millis(200),
            stops_in: Duration::from_millis(200),
            ..SimulatedMysqld::default()
        };
        let settings = Settings {
            subnet: "127.79.0.0/24".parse().unwrap(),
            runtime: Arc::new(servers),
            ..Settings::new(&lab.name)
        };
        let runner = PodRunner::new(client.clone(), Arc::new(SystemClock), settings);
        let stage = Stage { admin: lab.admin, name: lab.name, served: runner.served() };
        let stop = CancellationToken::new();
        let runner = tokio::spawn(runner.run(stop.clone()));

        // The Secret is late.
        let authority = Authority::new("pods");
        let sets: Api<StatefulSet> = Api::namespaced(client.clone(), &stage.name);
        sets.create(&PostParams::default(), &stateful_set(&stage.name)).await.unwrap();
        let events: Api<Event> = Api::namespaced(client.clone(), &stage.name);
        eventually(minutes(1), "the event that nothing can be mounted", async || {
            let events = events.list(&ListParams::default()).await.unwrap();
            let failed = events.iter().find(|event| event.reason.as_deref() == Some("FailedMount"));
            let said = failed.and_then(|event| event.message.clone()).ok_or("no event")?;
            let expected = "MountVolume.SetUp failed for volume \"tls-volume\" : secret \
                            \"db-server-cert\" not found";
            if said == expected { Ok(()) } else { Err(said) }
        })
        .await;
        let (old, old_leaf) = pair(&authority);
        keep_secret(&stage.admin, &stage.name, "db-server-cert", &old, &json!({})).await;
        let first = stage.ready().await;
        assert_eq!([stage.leaf("db-0"), stage.leaf("db-1")], [Some(old_leaf); 2]);
        check_status(&stage.pods().get("db-0").await.unwrap());

        // cert-manager renews. Nothing happens until a pod is another.
        let (new, new_leaf) = pair(&authority);
        let secrets: Api<Secret> = Api::namespaced(client, &stage.name);
        let data = json!({"data": {"tls.crt": base64(new.certificate.as_bytes()),
            "tls.key": base64(new.key.as_bytes())}});
        let renewed =
            secrets.patch("db-server-cert", &PatchParams::default(), &Patch::Merge(&data)).await;
        renewed.unwrap();
        stage.pods().delete("db-1", &DeleteParams::default()).await.unwrap();
        stage.replaced("db-1", &first).await;
        assert_eq!([stage.leaf("db-0"), stage.leaf("db-1")], [Some(old_leaf), Some(new_leaf)]);
        stage.ready().await;
        stage.pods().evict("db-0", &EvictParams::default()).await.unwrap();
        stage.replaced("db-0", &first).await;
        assert_eq!([stage.leaf("db-0"), stage.leaf("db-1")], [Some(new_leaf); 2]);
        stage.ready().await;

        stop.cancel();
        runner.await.unwrap();
    });
}

/// What the real apiserver has made of the status.
fn check_status(pod: &Pod) {
    let status = serde_json::to_value(pod.status.as_ref().unwrap()).unwrap();
    assert_eq!(status["phase"], "Running");
    assert_eq!(status["podIPs"], json!([{"ip": status["podIP"]}]));
    assert!(status["podIP"].as_str().unwrap().starts_with("127.79.0."));
    let container = &status["containerStatuses"][0];
    assert_eq!((&container["ready"], &container["restartCount"]), (&json!(true), &json!(0)));
    let conditions = status["conditions"].as_array().unwrap();
    let held = |condition: &&Value| condition["status"] == "True" && condition["reason"].is_null();
    assert_eq!(conditions.iter().filter(held).count(), 5, "{conditions:?}");
}
