//! The cluster that all plans begin with. Bringing it up costs as much as what follows, so it is done
//! once for each size, and each plan gets a copy.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use certrotor::clock::PausedClock;
use certrotor::core::time::Time;
use certrotor::embedded::api::ApiServer;
use certrotor::embedded::pods::Served;
use certrotor::embedded::provisioner;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::faults::Journal;
use super::world::{DATABASES, NAMESPACE, OWN, others};

/// Noon, fifty days before the rotations.
const BIRTH: &str = "2026-10-04T12:00:00Z";
/// Long enough for the cluster to come up.
const PATIENCE: Duration = Duration::from_mins(10);

/// When the clusters are born.
pub(crate) fn birth() -> Time {
    BIRTH.parse().expect("a time")
}

/// A cluster that has come up, with so many servers for each database.
pub(crate) fn booted(servers: &[usize]) -> ApiServer {
    static SCENES: Mutex<BTreeMap<Vec<usize>, ApiServer>> = Mutex::new(BTreeMap::new());
    let mut scenes = SCENES.lock().unwrap_or_else(PoisonError::into_inner);
    scenes.entry(servers.to_vec()).or_insert_with(|| boot(servers)).clone()
}

fn boot(servers: &[usize]) -> ApiServer {
    fastrand::seed(0);
    super::runner::runtime().block_on(async {
        let clock = Arc::new(PausedClock::new(birth()));
        let server = ApiServer::new(Arc::clone(&clock) as _).expect("an API server");
        provisioner::admissions(&server);
        for object in objects(servers) {
            server.seed(object).expect("a valid object");
        }
        let (_others, served) = others(&server, &clock, &Arc::new(Journal::new()));
        until_up(&server, &served, servers).await;
        server
    })
}

/// Waits until every database is ready.
pub(crate) async fn until_up(server: &ApiServer, served: &Served, servers: &[usize]) {
    let up = async {
        while !is_up(server, served, servers) {
            sleep(Duration::from_secs(1)).await;
        }
    };
    assert!(timeout(PATIENCE, up).await.is_ok(), "the cluster does not come up");
}

fn is_up(server: &ApiServer, served: &Served, servers: &[usize]) -> bool {
    let ready = |database: &&str| {
        let mysql = server.get("mysqls.kubedb.com", NAMESPACE, database);
        mysql.is_some_and(|mysql| mysql["status"]["phase"] == "Ready")
    };
    DATABASES[..servers.len()].iter().all(ready)
        && served.all().len() == servers.iter().sum::<usize>()
}

/// What there is from the start.
fn objects(servers: &[usize]) -> Vec<Value> {
    let metadata = |name: &str| json!({"namespace": NAMESPACE, "name": name});
    let issuer = |name: &str| json!({"group": "cert-manager.io", "kind": "Issuer", "name": name});
    let mut objects = vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OWN}}),
        json!({"apiVersion": "cert-manager.io/v1", "kind": "Issuer",
            "metadata": metadata("self-signed"), "spec": {"selfSigned": {}}}),
        json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate",
            "metadata": metadata("ca"),
            "spec": {"isCA": true, "commonName": "ca", "secretName": "ca",
                "duration": "87600h", "issuerRef": issuer("self-signed")}}),
        json!({"apiVersion": "cert-manager.io/v1", "kind": "Issuer",
            "metadata": metadata("ca"), "spec": {"ca": {"secretName": "ca"}}}),
    ];
    for (name, servers) in DATABASES.iter().zip(servers) {
        let issuer = json!({"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"});
        let mut mysql = json!({"apiVersion": "kubedb.com/v1", "kind": "MySQL",
            "metadata": metadata(name),
            "spec": {"version": "9.1.0", "replicas": *servers, "storageType": "Ephemeral",
                "deletionPolicy": "WipeOut", "requireSSL": true, "tls": {"issuerRef": issuer}}});
        if *servers > 1 {
            mysql["spec"]["topology"] =
                json!({"mode": "GroupReplication", "group": {"mode": "Single-Primary"}});
        }
        objects.push(mysql);
    }
    objects
}
