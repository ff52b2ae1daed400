//! Real servers under load while their certificates are rotated: by reload, and by restart.

use std::sync::Arc;

use certrotor::embedded::pods::{Program, RealMysqld};
use serde_json::{Value, json};

use super::load::{Figures, Load, PREPARE, Target};
use super::stage::Stage;
use crate::support::api::{CERTIFICATE, POD, SECRET};
use crate::support::lab::{Lab, on_cluster, test_name};
use crate::support::parts;
use crate::support::process::Scratch;

const SHOP: &str = "shop";

/// Where the server is, and how to log in to it.
pub(super) async fn target(stage: &Stage<'_>) -> Target {
    let (admin, namespace) = (&stage.lab.admin, &stage.lab.name);
    let account = admin.get(SECRET, namespace, "shop-auth").await;
    let pair = admin.get(SECRET, namespace, "shop-server-cert").await;
    let pod = admin.get(POD, namespace, "shop-0").await;
    let bytes = |value: &Value| -> Vec<u8> {
        serde_json::from_value::<k8s_openapi::ByteString>(value.clone()).unwrap().0
    };
    let text = |key: &str| String::from_utf8(bytes(&account["data"][key])).unwrap();
    let address = pod["status"]["podIP"].as_str().unwrap().parse().unwrap();
    Target {
        whom: Arc::new(move || Some(address)),
        user: text("username"),
        password: text("password"),
        ca: bytes(&pair["data"]["ca.crt"]),
        host: format!("shop.{namespace}.svc"),
        // A server that comes back is empty.
        first: PREPARE,
    }
}

fn rotate(name: &str) -> String {
    format!(
        "apiVersion: ops.kubedb.com/v1alpha1\nkind: MySQLOpsRequest\nmetadata: {{name: {name}}}\n\
         spec:\n  type: ReconfigureTLS\n  databaseRef: {{name: {SHOP}}}\n  tls: \
         {{rotateCertificates: true}}\n"
    )
}

/// A rotation under load; what clients saw of it.
async fn rotated(stage: &Stage<'_>, request: &str) -> (Arc<Figures>, Value) {
    let target = target(stage).await;
    let load = Load::start(&target);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    stage.apply(&rotate(request));
    let status = stage.ended(request).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let figures = load.end().await;
    assert_eq!(status["phase"], "Successful", "{status:#}");
    assert!(Figures::get(&figures.queries) > 100, "{figures:?}");
    (figures, status)
}

/// Runs a test on a stage of servers of this program, or says why not. It gets the program's version.
pub(super) fn on_real_servers(
    name: &str,
    subnet: &str,
    run: impl AsyncFnOnce(&Lab, Stage<'_>, String),
) {
    let program = parts::find(name).map(|path| {
        parts::used(name);
        Program::at(&path).unwrap()
    });
    let program = match program {
        Ok(program) => program,
        Err(missing) => return parts::skipped(&test_name(), &missing.to_string()),
    };
    on_cluster(async |lab| {
        let version = program.version().to_owned();
        let scratch = Scratch::new("operate");
        let servers = RealMysqld::prepare(program, scratch.path()).await;
        let servers = Arc::new(servers.unwrap_or_else(|error| panic!("{error}")));
        run(&lab, Stage::start(&lab, servers, subnet).await, version).await;
    });
}

fn real_servers(name: &'static str, subnet: &str) {
    on_real_servers(name, subnet, async |lab, stage, version| {
        let reference = json!({"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"});
        stage.database(SHOP, json!({"tls": {"issuerRef": reference}})).await;
        let revision = async || {
            let it = lab.admin.get(CERTIFICATE, &lab.name, "shop-server-cert").await;
            it["status"]["revision"].as_i64().unwrap()
        };
        let (uid, first) = (stage.uid("shop-0").await, revision().await);

        let executor = stage.executor("one", &["--loopback"]);
        executor.ready().await;
        let (figures, status) = rotated(&stage, "by-reload").await;
        println!("{version}, reload: {}", figures.told());
        let said = status["conditions"].to_string();
        assert!(said.contains("ReloadPodsSucceeded"), "{said}");
        assert_eq!(stage.uid("shop-0").await, uid, "nothing was restarted");
        assert_eq!(revision().await, first + 1);
        let what = figures.first();
        assert_eq!(Figures::get(&figures.failed_queries), 0, "{what:?}");
        assert_eq!(Figures::get(&figures.dropped), 0, "{what:?}");
        assert_eq!(Figures::get(&figures.failed_connections), 0, "{what:?}");

        // The same by restart, for comparison.
        executor.signal("TERM");
        assert!(executor.ended().await.success());
        drop(executor);
        let executor = stage.executor_that_restarts("two", &["--loopback"]);
        executor.ready().await;
        let (figures, status) = rotated(&stage, "by-restart").await;
        println!("{version}, restart: {}", figures.told());
        assert!(!status["conditions"].to_string().contains("ReloadPods"));
        assert_ne!(stage.uid("shop-0").await, uid, "it was restarted");
        assert!(Figures::get(&figures.failed_queries) > 0, "one server alone is away for a while");
        drop(executor);
        stage.end().await;
    });
}

#[test]
fn a_real_mysql_reloads_its_certificates_and_no_client_notices() {
    real_servers("mysqld", "127.94.6.0/28");
}

#[test]
fn a_real_mariadb_reloads_its_certificates_and_no_client_notices() {
    real_servers("mariadbd", "127.94.7.0/28");
}
