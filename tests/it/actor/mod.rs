//! A test actor that plays `KubeDB`: it makes databases as `KubeDB`'s provisioner does, and carries
//! requests out — or fails to — as its executor and the kubelet do.
//!
//! Certificates are real: cert-manager issues them, or takes over a backdated leaf as it does when
//! a Secret comes back from a backup, and issues anew when asked.

mod database;
mod executor;

pub(crate) use database::{Database, Leaves, Wanted};

use serde_json::json;

use crate::support::api::{CLUSTER_ISSUER, Cluster, ISSUER, Kind, SECRET, holds};
use crate::support::eventually::eventually;
use crate::support::kubeconfig::base64;
use crate::support::pki::{Authority, Pair};
use crate::support::time::minutes;

/// The aliases that every database has certificates for.
pub(crate) const ALIASES: [&str; 3] = ["server", "client", "metrics-exporter"];

/// An issuer of a namespace, with a CA of its own.
#[derive(Clone)]
pub(crate) struct Issuer {
    pub(crate) name: String,
    pub(crate) authority: std::sync::Arc<Authority>,
}

/// Makes a CA and an Issuer that signs with it, and waits until it is ready.
pub(crate) async fn issuer(admin: &Cluster, namespace: &str, name: &str) -> Issuer {
    let authority = Authority::new(&format!("{namespace} {name}"));
    keep_secret(admin, namespace, name, &authority.pair(), &json!({})).await;
    let issuer = json!({"metadata": {"name": name}, "spec": {"ca": {"secretName": name}}});
    admin.create(ISSUER, namespace, issuer).await;
    ready(admin, (ISSUER, namespace, name)).await;
    Issuer { name: name.to_owned(), authority: std::sync::Arc::new(authority) }
}

/// Makes a CA and a `ClusterIssuer` of it, whose Secret cert-manager looks for in `kube-system`.
pub(crate) async fn cluster_issuer(admin: &Cluster, name: &str) {
    let authority = Authority::new(name);
    keep_secret(admin, "kube-system", name, &authority.pair(), &json!({})).await;
    let issuer = json!({"metadata": {"name": name}, "spec": {"ca": {"secretName": name}}});
    admin.create(CLUSTER_ISSUER, "", issuer).await;
    ready(admin, (CLUSTER_ISSUER, "", name)).await;
}

/// Waits until an Issuer or `ClusterIssuer` is ready.
pub(crate) async fn ready(admin: &Cluster, (kind, namespace, name): (Kind, &str, &str)) {
    eventually(minutes(1), "the Issuer to be ready", async || {
        let issuer = admin.get(kind, namespace, name).await;
        holds(&issuer, "Ready").then_some(()).ok_or_else(|| issuer["status"].to_string())
    })
    .await;
}

/// Creates a Secret of a certificate and its key.
pub(crate) async fn keep_secret(
    admin: &Cluster,
    namespace: &str,
    name: &str,
    pair: &Pair,
    annotations: &serde_json::Value,
) {
    let secret = json!({
        "metadata": {"name": name, "annotations": annotations},
        "type": "kubernetes.io/tls",
        "data": {
            "ca.crt": base64(pair.certificate.as_bytes()),
            "tls.crt": base64(pair.certificate.as_bytes()),
            "tls.key": base64(pair.key.as_bytes()),
        },
    });
    admin.create(SECRET, namespace, secret).await;
}
