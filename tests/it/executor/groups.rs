//! Replication groups in the embedded cluster, simulated and real: three servers, of which one takes
//! writes and hands that over before it is restarted.

use std::sync::Arc;
use std::time::Duration;

use certrotor::embedded::pods::{Program, RealMysqld};
use serde_json::{Value, json};

use super::embedded::{Cluster, NAMESPACE, reference};
use super::{nothing_goes_wrong, paused};
use crate::operate::load::{Figures, Load, PREPARE, Target};
use crate::support::effort::Effort;
use crate::support::eventually::eventually;
use crate::support::lab::test_name;
use crate::support::parts;
use crate::support::process::Scratch;

const NAME: &str = "shop";
/// How long a group may take to form, or to be whole again.
const PATIENCE: Duration = Duration::from_mins(2);

/// The role of each server that is Ready, in the order of their names.
fn roles(cluster: &Cluster) -> Vec<Option<String>> {
    let pods = cluster.server.list("pods");
    let ready = pods.iter().filter(|pod| super::cluster::is_ready(pod));
    let role =
        |pod: &Value| pod["metadata"]["labels"]["kubedb.com/role"].as_str().map(str::to_owned);
    ready.map(|pod| role(pod)).collect()
}

/// Waits until all are Ready, and returns which is the primary.
pub(super) async fn whole(cluster: &Cluster) -> usize {
    eventually(PATIENCE, "a primary and two standbys", async || {
        let roles = roles(cluster);
        let count =
            |wanted: &str| roles.iter().filter(|role| role.as_deref() == Some(wanted)).count();
        let primary = roles.iter().position(|role| role.as_deref() == Some("primary"));
        let whole = count("primary") == 1 && count("standby") == 2;
        primary.filter(|_| whole).ok_or_else(|| format!("{roles:?}"))
    })
    .await
}

/// Real servers, or none and the reason why.
pub(super) fn program() -> Option<Program> {
    match parts::find("mysqld") {
        Ok(path) => {
            parts::used("mysqld");
            Some(Program::at(&path).expect("a mysqld"))
        }
        Err(missing) => {
            parts::skipped(&test_name(), &missing.to_string());
            None
        }
    }
}

pub(super) fn real<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(test)
}

#[test]
fn a_real_group_has_one_primary_and_is_whole_again_after_its_primary_was_killed() {
    let Some(program) = program() else { return };
    real(async {
        let scratch = Scratch::new("group");
        let servers = RealMysqld::prepare(program, scratch.path()).await.expect("servers");
        let cluster = Cluster::listening(Arc::new(servers), "127.94.8.0/28");
        let spec = json!({"tls": {"issuerRef": reference("Issuer", "ca")}});
        cluster.database(NAME, Some("GroupReplication"), &spec).await;
        let primary = whole(&cluster).await;
        assert_eq!(primary, 0, "the first begins the group");
        assert!(cluster.served.kill(NAMESPACE, "shop-0"));
        eventually(PATIENCE, "another primary", async || {
            let pod = cluster.get("pods", "shop-0");
            let restarts = &pod["status"]["containerStatuses"][0]["restartCount"];
            (*restarts == 1).then_some(()).ok_or_else(|| pod["status"].to_string())
        })
        .await;
        assert_ne!(whole(&cluster).await, 0, "the group has elected another");
        cluster.end().await;
    });
}

/// The condition of a request that is of this type.
fn condition<'a>(status: &'a Value, kind: &str) -> &'a Value {
    let conditions = status["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().find(|it| it["type"] == kind).unwrap_or(&Value::Null)
}

#[test]
fn a_primary_hands_its_role_over_before_it_is_restarted() {
    paused(async {
        for mode in ["GroupReplication", "InnoDBCluster"] {
            let cluster = Cluster::start();
            let spec = json!({"replicas": 3, "tls": {"issuerRef": reference("Issuer", "ca")}});
            cluster.database(NAME, Some(mode), &spec).await;
            let primary = whole(&cluster).await;
            let executor = cluster.executor("one", nothing_goes_wrong);
            let status = cluster.ask("rotate", NAME, &json!({"rotateCertificates": true})).await;
            assert_eq!(status["phase"], "Successful", "{status:#}");
            let switch = condition(&status, &format!("SwitchPrimary--shop-{primary}"));
            assert_eq!(switch["status"], "True", "{status:#}");
            let to = switch["message"].as_str().unwrap().rsplit(':').next().unwrap();
            assert_eq!(to, format!("shop-{}", whole(&cluster).await), "it has kept the role");
            assert!(cluster.lives(NAME).values().all(|lives| *lives == 2), "each restarted once");
            executor.abort();
            cluster.end().await;
        }
    });
}

/// Clients of the group: who connects goes where the label of the primary is, as its Service leads.
pub(super) fn target(cluster: &Cluster) -> Target {
    let (account, pair) =
        (cluster.get("secrets", "shop-auth"), cluster.get("secrets", "shop-server-cert"));
    let bytes = |value: &Value| -> Vec<u8> {
        serde_json::from_value::<k8s_openapi::ByteString>(value.clone()).expect("bytes").0
    };
    let text = |key: &str| String::from_utf8(bytes(&account["data"][key])).expect("a text");
    let server = cluster.server.clone();
    let primary = move || {
        let pods = server.list("pods");
        let mut primaries =
            pods.iter().filter(|pod| pod["metadata"]["labels"]["kubedb.com/role"] == "primary");
        primaries.next()?["status"]["podIP"].as_str()?.parse().ok()
    };
    Target {
        whom: Arc::new(primary),
        user: text("username"),
        password: text("password"),
        ca: bytes(&pair["data"]["ca.crt"]),
        host: format!("{NAME}.{NAMESPACE}.svc"),
        first: &[],
    }
}

/// A rotation with restarts under load; what clients saw of it.
async fn rotated(cluster: &Cluster, request: &str, hands_over: bool) -> (Arc<Figures>, Value) {
    whole(cluster).await;
    let target = target(cluster);
    drop(Target { first: PREPARE, ..target.clone() }.connect().await.expect("a table"));
    let executor = cluster.executor_of_real(hands_over);
    let load = Load::start(&target);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let status = cluster.ask(request, NAME, &json!({"rotateCertificates": true})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let figures = load.end().await;
    executor.abort();
    let how = if hands_over { "with hand-over" } else { "without" };
    println!("a group of three, {how}: {}", figures.told());
    assert_eq!(status["phase"], "Successful", "{status:#}");
    assert!(Figures::get(&figures.queries) > 100, "{figures:?}");
    (figures, status)
}

/// An election after the end of a primary under load takes five seconds and more.
const ELECTION: Duration = Duration::from_secs(5);

#[test]
fn clients_of_a_real_group_that_is_restarted_are_told_in_time_to_write_elsewhere() {
    let Some(program) = program() else { return };
    real(async {
        let scratch = Scratch::new("hand-over");
        let servers = RealMysqld::prepare(program, scratch.path()).await.expect("servers");
        let cluster = Cluster::listening(Arc::new(servers), "127.94.9.0/27");
        let spec = json!({"tls": {"issuerRef": reference("Issuer", "ca")}});
        cluster.database(NAME, Some("GroupReplication"), &spec).await;

        let (figures, status) = rotated(&cluster, "with-hand-over", true).await;
        let switch = condition(&status, "SwitchPrimary--shop-0");
        assert_eq!(switch["status"], "True", "{status:#}");
        assert_eq!(Figures::get(&figures.dropped), 0, "{:?}", figures.first());
        let outage = figures.write_outage();
        assert!(outage < ELECTION / 2, "{outage:?} without a write");

        if Effort::of_this_run() == Effort::Full {
            // The same without, for comparison.
            let (figures, _) = rotated(&cluster, "without", false).await;
            assert!(Figures::get(&figures.dropped) > 0, "{figures:?}");
            assert!(figures.write_outage() > ELECTION / 2, "{figures:?}");
        }
        cluster.end().await;
    });
}

#[test]
fn a_real_group_stays_one_through_a_change_of_ca_and_without_tls_and_with_it_again() {
    if Effort::of_this_run() != Effort::Full {
        return parts::skipped(&test_name(), "it takes minutes (tests/run --full)");
    }
    let Some(program) = program() else { return };
    real(async {
        let scratch = Scratch::new("operations");
        let servers = RealMysqld::prepare(program, scratch.path()).await.expect("servers");
        let cluster = Cluster::listening(Arc::new(servers), "127.94.10.0/27");
        let spec = json!({"tls": {"issuerRef": reference("Issuer", "ca")}});
        cluster.database(NAME, Some("GroupReplication"), &spec).await;
        let executor = cluster.executor_of_real(true);
        let mut primary = whole(&cluster).await;
        for (name, tls, hands_over) in [
            ("change", json!({"issuerRef": reference("Issuer", "other")}), true),
            ("remove", json!({"remove": true}), false),
            ("add", json!({"issuerRef": reference("Issuer", "ca")}), true),
        ] {
            let status = cluster.ask(name, NAME, &tls).await;
            assert_eq!(status["phase"], "Successful", "{name}: {status:#}");
            let switch = condition(&status, &format!("SwitchPrimary--shop-{primary}"));
            assert_eq!(switch["status"] == "True", hands_over, "{name}: {status:#}");
            let next = whole(&cluster).await;
            assert_ne!(primary, next, "{name}");
            primary = next;
        }
        executor.abort();
        cluster.end().await;
    });
}
