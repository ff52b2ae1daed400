//! A database as `KubeDB`'s provisioner and a kubelet would leave it: MySQL, Certificates, Pods.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use super::{ALIASES, Issuer, keep_secret};
use crate::support::api::{
    CERTIFICATE, Cluster, MYSQL, POD, REQUEST, ROTATION, SECRET, condition, holds, uid,
};
use crate::support::eventually::eventually;
use crate::support::pki::Leaf;
use crate::support::time::{ago, ahead, days, minutes, now, rfc3339, seconds};

/// Where the certificates of a new database come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaves {
    /// cert-manager issues them now.
    Issued,
    /// They have this age, of this lifetime; cert-manager takes them over.
    Aged(Duration, Duration),
    /// There are none.
    None,
}

/// What a new database is to be like.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) replicas: u32,
    pub(crate) leaves: Leaves,
    /// `spec.topology`.
    pub(crate) topology: Value,
    /// `metadata.labels`.
    pub(crate) labels: Value,
    /// `status.phase`.
    pub(crate) phase: &'static str,
}

impl Wanted {
    /// A standalone whose certificates were made a day ago and live for ninety: nothing is due.
    pub(crate) fn fresh() -> Self {
        Self {
            replicas: 1,
            leaves: Leaves::Aged(days(1), days(90)),
            topology: Value::Null,
            labels: json!({}),
            phase: "Ready",
        }
    }

    /// A standalone whose certificates have a third of their ninety days left: it is due.
    pub(crate) fn due() -> Self {
        Self { leaves: Leaves::Aged(days(60), days(90)), ..Self::fresh() }
    }
}

/// A database.
#[derive(Clone)]
pub(crate) struct Database {
    pub(crate) admin: Cluster,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) issuer: Issuer,
    pub(crate) replicas: u32,
}

impl Database {
    /// Makes a database and waits until its certificates are there.
    pub(crate) async fn create(
        admin: &Cluster,
        namespace: &str,
        name: &str,
        issuer: &Issuer,
        wanted: &Wanted,
    ) -> Self {
        let mysql = admin.create(MYSQL, namespace, mysql(name, issuer, wanted)).await;
        let database = Self {
            admin: admin.clone(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: uid(&mysql).to_owned(),
            issuer: issuer.clone(),
            replicas: wanted.replicas,
        };
        if wanted.leaves != Leaves::None {
            let makes = ALIASES.iter().map(|alias| database.certificate(alias, wanted.leaves));
            join_all(makes).await;
        }
        match wanted.leaves {
            Leaves::Aged(age, _) => database.pods(age.saturating_sub(minutes(1))).await,
            Leaves::Issued | Leaves::None => {
                next_second().await;
                database.pods(seconds(0)).await;
            }
        }
        let ready = condition("Ready", "ready", &rfc3339(now()));
        let status = json!({"phase": wanted.phase, "observedGeneration": 1});
        admin.conditions(MYSQL, namespace, name, &[ready], &status).await;
        database
    }

    /// The name of one of its Certificates, and of the Secret of that.
    pub(crate) fn certificate_name(&self, alias: &str) -> String {
        format!("{}-{alias}-cert", self.name)
    }

    /// Makes one of its Certificates and waits until it is ready.
    pub(crate) async fn certificate(&self, alias: &str, leaves: Leaves) {
        let name = self.certificate_name(alias);
        let (mut lifetime, hosts) = (days(90), self.hosts(alias));
        let common_name = if hosts.is_empty() { "root" } else { &self.name }.to_owned();
        if let Leaves::Aged(age, whole) = leaves {
            lifetime = whole;
            let leaf = Leaf { name: common_name.clone(), group: None, hosts, age, lifetime };
            let pair = self.issuer.authority.sign(&leaf);
            let annotations = json!({
                "cert-manager.io/certificate-name": name,
                "cert-manager.io/issuer-name": self.issuer.name,
                "cert-manager.io/issuer-kind": "Issuer",
                "cert-manager.io/issuer-group": "cert-manager.io",
            });
            keep_secret(&self.admin, &self.namespace, &name, &pair, &annotations).await;
        }
        let hosts = self.hosts(alias);
        let addresses = if hosts.is_empty() { json!([]) } else { json!(["127.0.0.1"]) };
        let certificate = json!({
            "metadata": {"name": name, "labels": self.labels(), "ownerReferences": [self.owner()]},
            "spec": {
                "secretName": name,
                "commonName": common_name,
                "dnsNames": hosts,
                "ipAddresses": addresses,
                "duration": format!("{}s", lifetime.as_secs()),
                "renewBefore": "5m0s",
                "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
                "usages": ["digital signature", "key encipherment", "server auth", "client auth"],
                "issuerRef": {"name": self.issuer.name, "kind": "Issuer", "group": "cert-manager.io"},
            },
        });
        self.admin.create(CERTIFICATE, &self.namespace, certificate).await;
        self.certificate_ready(alias, 0).await;
    }

    /// Waits until one of its Certificates is ready, not being issued, and of this revision or
    /// later.
    pub(crate) async fn certificate_ready(&self, alias: &str, revision: i64) {
        let name = self.certificate_name(alias);
        let what = format!("the Certificate {name} to be ready, of revision {revision}");
        eventually(minutes(1), &what, async || {
            let certificate = self.admin.get(CERTIFICATE, &self.namespace, &name).await;
            let status = &certificate["status"];
            let ready = holds(&certificate, "Ready")
                && !holds(&certificate, "Issuing")
                && status["revision"].as_i64().unwrap_or(0) >= revision
                && status["notAfter"].is_string();
            ready.then_some(()).ok_or_else(|| status.to_string())
        })
        .await;
    }

    /// Replaces all its Pods by ones that started so long ago.
    pub(crate) async fn pods(&self, started: Duration) {
        let replace = (0..self.replicas).map(|index| self.pod(index, started));
        join_all(replace).await;
    }

    /// Replaces one of its Pods, as an eviction, its controller and a kubelet do.
    pub(crate) async fn pod(&self, index: u32, started: Duration) {
        let name = format!("{}-{index}", self.name);
        self.admin.delete(POD, &self.namespace, &name).await;
        let pod = json!({
            "metadata": {"name": name, "labels": self.labels(), "ownerReferences": [self.owner()]},
            "spec": {
                "nodeName": "loopback",
                "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "mysql", "image": "mysql:9"}],
            },
        });
        self.admin.create(POD, &self.namespace, pod).await;
        let started = rfc3339(ago(started));
        let status = json!({
            "phase": "Running",
            "podIP": "127.0.0.1",
            "podIPs": [{"ip": "127.0.0.1"}],
            "startTime": started,
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": started}],
            "containerStatuses": [{
                "name": "mysql", "ready": true, "restartCount": 0, "image": "mysql:9",
                "imageID": "mysql@sha256:0", "state": {"running": {"startedAt": started}},
            }],
        });
        self.admin.status(POD, &self.namespace, &name, &status).await;
    }

    /// Makes a Certificate that says it was issued yesterday, where no cert-manager runs.
    pub(crate) async fn certificate_by_hand(&self, alias: &str) {
        let name = self.certificate_name(alias);
        let certificate = json!({
            "metadata": {"name": name, "labels": self.labels(), "ownerReferences": [self.owner()]},
            "spec": {
                "secretName": name,
                "commonName": self.name,
                "issuerRef": {"name": self.issuer.name, "kind": "Issuer", "group": "cert-manager.io"},
            },
        });
        self.admin.create(CERTIFICATE, &self.namespace, certificate).await;
        let ready = condition("Ready", "ready", &rfc3339(ago(days(1))));
        let status = json!({
            "conditions": [ready],
            "revision": 1,
            "notBefore": rfc3339(ago(days(1))),
            "notAfter": rfc3339(ahead(days(89))),
        });
        self.admin.status(CERTIFICATE, &self.namespace, &name, &status).await;
    }

    /// Deletes it with all that it owns, and waits until that is gone.
    pub(crate) async fn end_it(&self) {
        self.admin.delete(MYSQL, &self.namespace, &self.name).await;
        eventually(minutes(1), "what the MySQL owned to be gone", async || {
            let mut left = Vec::new();
            for kind in [REQUEST, CERTIFICATE, POD] {
                left.extend(self.admin.list(kind, &self.namespace).await);
            }
            if left.is_empty() { Ok(()) } else { Err(format!("{} objects", left.len())) }
        })
        .await;
        for alias in ALIASES {
            let secret = self.certificate_name(alias);
            self.admin.delete(SECRET, &self.namespace, &secret).await;
        }
    }

    /// All requests that name it, oldest first.
    pub(crate) async fn requests(&self) -> Vec<Value> {
        let all = self.admin.list(REQUEST, &self.namespace).await;
        let mut own: Vec<Value> = all
            .into_iter()
            .filter(|request| request["spec"]["databaseRef"]["name"] == self.name.as_str())
            .collect();
        own.sort_by_key(|request| request["metadata"]["creationTimestamp"].to_string());
        own
    }

    /// Its Rotation; null when there is none.
    pub(crate) async fn rotation(&self) -> Value {
        self.admin.find(ROTATION, &self.namespace, &self.name).await.unwrap_or_default()
    }

    /// The object itself.
    pub(crate) async fn mysql(&self) -> Value {
        self.admin.get(MYSQL, &self.namespace, &self.name).await
    }

    /// Merges a change into the MySQL.
    pub(crate) async fn change(&self, change: &Value) {
        self.admin.patch(MYSQL, &self.namespace, &self.name, change).await;
    }

    /// Merges a change into the Rotation's spec, as a person does.
    pub(crate) async fn wish(&self, wish: &Value) {
        let change = json!({ "spec": wish });
        self.admin.patch(ROTATION, &self.namespace, &self.name, &change).await;
    }

    fn hosts(&self, alias: &str) -> Vec<String> {
        if alias == "server" {
            vec![format!("{}.{}.svc", self.name, self.namespace), "localhost".to_owned()]
        } else {
            Vec::new()
        }
    }

    fn labels(&self) -> Value {
        json!({
            "app.kubernetes.io/name": "mysqls.kubedb.com",
            "app.kubernetes.io/instance": self.name,
            "app.kubernetes.io/managed-by": "kubedb.com",
            "app.kubernetes.io/component": "database",
        })
    }

    fn owner(&self) -> Value {
        json!({"apiVersion": MYSQL.api_version(), "kind": "MySQL", "name": self.name,
            "uid": self.uid, "controller": true, "blockOwnerDeletion": true})
    }
}

fn mysql(name: &str, issuer: &Issuer, wanted: &Wanted) -> Value {
    let certificate =
        |alias: &&str| json!({"alias": alias, "secretName": format!("{name}-{alias}-cert")});
    let certificates: Vec<Value> = ALIASES.iter().map(certificate).collect();
    json!({
        "metadata": {"name": name, "labels": wanted.labels},
        "spec": {
            "version": "9.1.0",
            "replicas": wanted.replicas,
            "topology": wanted.topology,
            "storageType": "Ephemeral",
            "requireSSL": true,
            "tls": {
                "issuerRef": {"apiGroup": "cert-manager.io", "kind": "Issuer", "name": issuer.name},
                "certificates": certificates,
            },
        },
    })
}

/// Waits until the second that is now is over: times in Kubernetes are whole seconds, and a Pod
/// that started in the very second of an issuance proves nothing.
pub(crate) async fn next_second() {
    let into = now().subsec_nanosecond().unsigned_abs();
    tokio::time::sleep(Duration::from_nanos(u64::from(1_000_000_000 - into))).await;
}
