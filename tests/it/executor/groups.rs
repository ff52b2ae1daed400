//! Real replication groups in the embedded cluster: three servers of MySQL with Group Replication.

use std::sync::Arc;
use std::time::Duration;

use certrotor::embedded::pods::{Program, RealMysqld};
use serde_json::{Value, json};

use super::embedded::{Cluster, NAMESPACE, reference};
use crate::support::eventually::eventually;
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
async fn whole(cluster: &Cluster) -> usize {
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
fn program(test: &str) -> Option<Program> {
    match parts::find("mysqld") {
        Ok(path) => {
            parts::used("mysqld");
            Some(Program::at(&path).expect("a mysqld"))
        }
        Err(missing) => {
            parts::skipped(test, &missing.to_string());
            None
        }
    }
}

fn real<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(test)
}

#[test]
fn a_real_group_has_one_primary_and_is_whole_again_after_its_primary_was_killed() {
    let Some(program) = program("a_real_group") else { return };
    real(async {
        let scratch = Scratch::new("group");
        let servers = RealMysqld::prepare(program, scratch.path()).await.expect("servers");
        let cluster = Cluster::listening(Arc::new(servers), "127.94.8.0/28");
        let spec = json!({"tls": {"issuerRef": reference("Issuer", "ca")}});
        let began = std::time::Instant::now();
        cluster.database(NAME, Some("GroupReplication"), &spec).await;
        let primary = whole(&cluster).await;
        println!("a group after {:?}", began.elapsed());
        assert_eq!(primary, 0, "the first begins the group");
        let began = std::time::Instant::now();
        assert!(cluster.served.kill(NAMESPACE, "shop-0"));
        eventually(PATIENCE, "another primary", async || {
            let pod = cluster.get("pods", "shop-0");
            let restarts = &pod["status"]["containerStatuses"][0]["restartCount"];
            (*restarts == 1).then_some(()).ok_or_else(|| pod["status"].to_string())
        })
        .await;
        assert_ne!(whole(&cluster).await, 0, "the group has elected another");
        println!("whole again after {:?}", began.elapsed());
        cluster.end().await;
    });
}
