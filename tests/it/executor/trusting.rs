//! A CA changes under clients that connect all the time and verify what they get: those that read the
//! bundle never fail, and those that keep what they had do.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use certrotor::clock::Clock;
use certrotor::embedded::api::ApiServer;
use certrotor::embedded::pods::{RealMysqld, Served};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::embedded::{CERTIFICATES, Cluster, NAMESPACE, REQUESTS, reference};
use super::leaves::authority;
use super::{groups, nothing_goes_wrong, paused};
use crate::operate::load::Target;
use crate::operate::trusting::{connect as log_in, is_unverified};
use crate::support::effort::sized;
use crate::support::process::Scratch;

const NAME: &str = "shop";
const BUNDLE: &str = "shop-ca-bundle";
/// How often a client connects to every server.
const BEAT: Duration = Duration::from_secs(1);
/// How late a kubelet may bring a ConfigMap to its pods: less than clients are given.
const KUBELET: Duration = Duration::from_secs(90);

/// What clients saw.
#[derive(Debug, Default)]
struct Figures {
    connections: usize,
    failures: usize,
    first: Option<String>,
}

/// Whom a client trusts.
enum Trust {
    /// Whom it trusted at the beginning.
    Kept(Vec<u8>),
    /// Who is in the bundle, as it was so long ago.
    Bundle(Duration),
}

/// A client at work.
struct Client {
    figures: Arc<Mutex<Figures>>,
    task: JoinHandle<()>,
}

fn bytes(value: &Value) -> Vec<u8> {
    serde_json::from_value::<k8s_openapi::ByteString>(value.clone()).expect("bytes").0
}

fn bundle(server: &ApiServer) -> Vec<u8> {
    let bundle = server.get("configmaps", NAMESPACE, BUNDLE).expect("the bundle is there");
    bundle["data"]["ca.crt"].as_str().expect("a CA").as_bytes().to_vec()
}

/// As rustls does it in a handshake: chain, dates and name.
fn verify(ca: &[u8], chain: &[CertificateDer<'static>], clock: &dyn Clock) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(ca) {
        roots.add(root.map_err(|it| it.to_string())?).map_err(|it| it.to_string())?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier = verifier.build().map_err(|it| it.to_string())?;
    let name = ServerName::try_from("shop.demo.svc").expect("a name");
    let now = u64::try_from(clock.now().unix()).expect("after 1970");
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
    let (leaf, rest) = chain.split_first().ok_or("no certificate")?;
    let verified = verifier.verify_server_cert(leaf, rest, &name, &[], now);
    verified.map(drop).map_err(|it| it.to_string())
}

impl Client {
    fn start(cluster: &Cluster, trust: Trust) -> Self {
        let (server, served) = (cluster.server.clone(), cluster.served.clone());
        let clock = Arc::clone(&cluster.clock);
        let figures = Arc::new(Mutex::new(Figures::default()));
        let seen = Arc::clone(&figures);
        let task = tokio::spawn(async move {
            let mut read = VecDeque::new();
            loop {
                let ca = match &trust {
                    Trust::Kept(ca) => ca.clone(),
                    Trust::Bundle(late) => {
                        let beats = usize::try_from(late.as_millis() / BEAT.as_millis()).unwrap();
                        read.push_back(bundle(&server));
                        while read.len() > beats + 1 {
                            read.pop_front();
                        }
                        read.front().cloned().unwrap()
                    }
                };
                connect(&served, &ca, &*clock, &seen);
                sleep(BEAT).await;
            }
        });
        Self { figures, task }
    }

    /// What it saw; it stops.
    fn end(self) -> Figures {
        self.task.abort();
        std::mem::take(&mut *self.figures.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// To every server that accepts connections.
fn connect(served: &Served, ca: &[u8], clock: &dyn Clock, figures: &Mutex<Figures>) {
    for (pod, serving) in served.all() {
        let chain = serving.presents.as_ref().map_or(&[][..], |it| it.certificates());
        let verified = verify(ca, chain, clock);
        let mut figures = figures.lock().unwrap_or_else(PoisonError::into_inner);
        figures.connections += 1;
        if let Err(why) = verified {
            figures.failures += 1;
            figures.first.get_or_insert(format!("{} at {}: {why}", pod.name, clock.now()));
        }
    }
}

fn two_in(ca: &[u8]) -> bool {
    CertificateDer::pem_slice_iter(ca).count() == 2
}

/// A database whose bundle is there, as after any request.
async fn ready(cluster: &Cluster, mode: Option<&str>) {
    cluster.database(NAME, mode, &json!({"tls": {"issuerRef": reference("Issuer", "ca")}})).await;
    let rotate = json!({"rotateCertificates": true});
    let status = cluster.ask("before", NAME, &rotate).await;
    assert_eq!(status["phase"], "Successful", "{status:#}");
    assert!(
        !status["conditions"].to_string().contains("CABundle"),
        "no CA has changed: {status:#}"
    );
    assert_eq!(bundle(&cluster.server), ca_of(cluster, "server"));
}

/// `ca.crt` of the certificate of an alias.
fn ca_of(cluster: &Cluster, alias: &str) -> Vec<u8> {
    bytes(&cluster.get("secrets", &format!("shop-{alias}-cert"))["data"]["ca.crt"])
}

/// Both kinds of clients while something is carried out.
async fn changed(cluster: &Cluster, tls: &Value, told: &str) {
    let old = ca_of(cluster, "server");
    let reading = Client::start(cluster, Trust::Bundle(KUBELET));
    let at_once = Client::start(cluster, Trust::Bundle(Duration::ZERO));
    let keeping = Client::start(cluster, Trust::Kept(old.clone()));
    sleep(KUBELET).await;
    let status = cluster.ask("change", NAME, tls).await;
    assert_eq!(status["phase"], "Successful", "{told}: {status:#}");
    sleep(2 * KUBELET).await;
    for client in [reading, at_once] {
        let figures = client.end();
        assert!(figures.connections > 200, "{told}: {figures:?}");
        assert_eq!(figures.failures, 0, "{told}: {figures:?}");
    }
    let figures = keeping.end();
    assert!(figures.failures > 20, "{told}: it would not be seen: {figures:?}");
    let said = status["conditions"].to_string();
    for condition in ["CABundlePublished", "CABundleTrusted", "CABundleTrimmed"] {
        assert!(said.contains(condition), "{told}: {condition}: {said}");
    }
    let new = bundle(&cluster.server);
    assert!(new != old && !two_in(&new), "{told}");
    for alias in ["server", "client", "metrics-exporter"] {
        assert_eq!(ca_of(cluster, alias), new, "{told}: {alias}");
    }
    let left = cluster.get("configmaps", BUNDLE);
    assert_eq!(left["metadata"]["ownerReferences"][0]["kind"], "MySQL");
    assert!(
        !left["metadata"]["annotations"].to_string().contains("new-ca-served-from"),
        "{left:#}"
    );
    nothing_is_staged(cluster, told);
}

fn nothing_is_staged(cluster: &Cluster, told: &str) {
    for resource in [CERTIFICATES, "secrets"] {
        assert!(cluster.get(resource, "shop-ca-staging").is_null(), "{told}: {resource}");
    }
}

#[test]
fn no_client_that_reads_the_bundle_fails_while_the_issuer_changes() {
    let all = [Some("GroupReplication"), None, Some("SemiSync")];
    for mode in all.into_iter().take(sized(1, 3, 3)) {
        paused(async {
            let cluster = Cluster::start();
            let executor = cluster.executor("one", nothing_goes_wrong);
            ready(&cluster, mode).await;
            let tls = json!({"issuerRef": reference("Issuer", "other")});
            changed(&cluster, &tls, &format!("{mode:?}")).await;
            executor.abort();
            cluster.end().await;
        });
    }
}

#[test]
fn nor_while_the_executor_issues_itself() {
    paused(async {
        let cluster = Cluster::start_with(false);
        let executor = cluster.executor("one", nothing_goes_wrong);
        cluster.database(NAME, None, &json!({})).await;
        let tls = json!({"issuerRef": reference("Issuer", "ca")});
        let status = cluster.ask("add", NAME, &tls).await;
        assert_eq!(status["phase"], "Successful", "{status:#}");
        let tls = json!({"issuerRef": reference("ClusterIssuer", "everywhere")});
        changed(&cluster, &tls, "by itself").await;
        executor.abort();
        cluster.end().await;
    });
}

#[test]
fn nor_while_the_ca_of_the_same_issuer_gets_another_key() {
    paused(async {
        let cluster = Cluster::start();
        let executor = cluster.executor("one", nothing_goes_wrong);
        ready(&cluster, None).await;
        cluster
            .patch("/api/v1/namespaces/demo/secrets/ca", &json!({"data": authority("ca")}))
            .await;
        changed(&cluster, &json!({"rotateCertificates": true}), "another key").await;
        executor.abort();
        cluster.end().await;
    });
}

#[test]
fn an_issuer_with_the_same_ca_changes_nobodys_trust() {
    paused(async {
        let cluster = Cluster::start();
        let executor = cluster.executor("one", nothing_goes_wrong);
        ready(&cluster, Some("GroupReplication")).await;
        let twin = json!({"apiVersion": "cert-manager.io/v1", "kind": "Issuer",
            "metadata": {"name": "twin"}, "spec": {"ca": {"secretName": "ca"}}});
        cluster.create("/apis/cert-manager.io/v1", &twin).await;
        let (before, began) = (bundle(&cluster.server), cluster.clock.now());
        let tls = json!({"issuerRef": reference("Issuer", "twin")});
        let status = cluster.ask("change", NAME, &tls).await;
        assert_eq!(status["phase"], "Successful", "{status:#}");
        let said = status["conditions"].to_string();
        assert!(said.contains("SameCA") && !said.contains("CABundleTrusted"), "{said}");
        assert_eq!(bundle(&cluster.server), before);
        for (pod, lives) in cluster.lives(NAME) {
            assert_eq!(lives, 3, "{pod}: once for each request, since {began}");
        }
        nothing_is_staged(&cluster, "twin");
        executor.abort();
        cluster.end().await;
    });
}

#[test]
fn a_change_that_ends_half_way_leaves_both_and_the_next_request_ends_it() {
    paused(async {
        let cluster = Cluster::start();
        let executor = cluster.executor("one", nothing_goes_wrong);
        ready(&cluster, None).await;
        let reading = Client::start(&cluster, Trust::Bundle(KUBELET));
        sleep(KUBELET).await;
        let tls = json!({"issuerRef": reference("Issuer", "other")});
        cluster.send("change", NAME, &tls).await;
        while !two_in(&bundle(&cluster.server)) {
            sleep(Duration::from_secs(1)).await;
        }
        let annotations = &cluster.get("configmaps", BUNDLE)["metadata"]["annotations"];
        assert_eq!(annotations["certrotor.dev/ca-changed-by"], "demo/change");
        sleep(Duration::from_secs(30)).await;
        let requests = "/apis/ops.kubedb.com/v1alpha1/namespaces/demo/mysqlopsrequests";
        cluster.delete(&format!("{requests}/change")).await;
        assert!(cluster.get(REQUESTS, "change").is_null());
        sleep(Duration::from_mins(3)).await;
        assert!(two_in(&bundle(&cluster.server)), "nothing is taken from clients");
        assert!(!two_in(&ca_of(&cluster, "server")), "nobody was to trust it yet");

        let status = cluster.ask("after", NAME, &json!({"rotateCertificates": true})).await;
        assert_eq!(status["phase"], "Successful", "{status:#}");
        assert_eq!(bundle(&cluster.server), ca_of(&cluster, "server"));
        nothing_is_staged(&cluster, "after");
        sleep(KUBELET).await;
        let figures = reading.end();
        assert_eq!(figures.failures, 0, "{figures:?}");
        executor.abort();
        cluster.end().await;
    });
}

/// Logs in to each server of the group in turn, all the time, with the CAs that are in the bundle.
async fn log_in_all_the_time(server: ApiServer, target: Target, figures: Arc<Mutex<Figures>>) {
    loop {
        for pod in server.list("pods") {
            let Some(address) = pod["status"]["podIP"].as_str() else { continue };
            let logged_in = log_in(address, &target, bundle(&server)).await;
            let mut figures = figures.lock().unwrap_or_else(PoisonError::into_inner);
            figures.connections += usize::from(logged_in.is_ok());
            if let Err(error) = logged_in.as_ref()
                && is_unverified(error)
            {
                figures.failures += 1;
                figures.first.get_or_insert(format!("{error:?}"));
            }
        }
        sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn a_real_group_lets_every_member_in_again_while_its_ca_changes() {
    let Some(program) = groups::program() else { return };
    groups::real(async {
        let scratch = Scratch::new("trusting-group");
        let servers = RealMysqld::prepare(program, scratch.path()).await.expect("servers");
        let cluster = Cluster::listening(Arc::new(servers), "127.94.12.0/27");
        let spec = json!({"tls": {"issuerRef": reference("Issuer", "ca")}});
        cluster.database(NAME, Some("GroupReplication"), &spec).await;
        groups::whole(&cluster).await;
        let executor = cluster.executor_of_real(true);
        // The bundle is there after a request of any kind that issues; here nothing restarts for it.
        let metadata = json!({"name": BUNDLE});
        let ca = String::from_utf8(ca_of(&cluster, "server")).expect("PEM");
        let made = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata,
            "data": {"ca.crt": ca}});
        cluster.create("/api/v1", &made).await;
        let figures = Arc::new(Mutex::new(Figures::default()));
        let clients = log_in_all_the_time(
            cluster.server.clone(),
            groups::target(&cluster),
            Arc::clone(&figures),
        );
        let clients = tokio::spawn(clients);
        let tls = json!({"issuerRef": reference("Issuer", "other")});
        let status = cluster.ask("change", NAME, &tls).await;
        sleep(Duration::from_secs(1)).await;
        clients.abort();
        executor.abort();
        assert_eq!(status["phase"], "Successful", "{status:#}");
        let figures = std::mem::take(&mut *figures.lock().unwrap_or_else(PoisonError::into_inner));
        println!(
            "a real group of three, change of CA: {} of {} new connections were not verified",
            figures.failures, figures.connections
        );
        assert!(figures.connections > 100, "{figures:?}");
        assert_eq!(figures.failures, 0, "{figures:?}");
        groups::whole(&cluster).await;
        nothing_is_staged(&cluster, "group");
        assert!(!two_in(&bundle(&cluster.server)));
        cluster.end().await;
    });
}
