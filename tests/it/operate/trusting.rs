//! A real mysqld, real cert-manager, and clients that log in all the time while the issuer changes.

use std::time::Duration;

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, OptsBuilder, SslOpts};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::load::Target;
use super::real::{on_real_servers, target};
use crate::actor::issuer;
use crate::support::api::{CERTIFICATE, CONFIG_MAP, Cluster, POD, SECRET};

const PAUSE: Duration = Duration::from_millis(50);

/// What a client saw.
#[derive(Debug, Default)]
struct Figures {
    connections: usize,
    /// The server was not there: it was being restarted.
    away: usize,
    /// It was, and its certificate was not accepted.
    unverified: usize,
    first: Option<String>,
    absent: Option<String>,
}

/// A client that makes a new connection twenty times a second, with whom it is to trust read anew
/// each time, or as at the beginning.
fn start(
    admin: Cluster,
    namespace: String,
    target: Target,
    reads: bool,
    stop: CancellationToken,
) -> JoinHandle<Figures> {
    tokio::spawn(async move {
        let mut figures = Figures::default();
        while !stop.is_cancelled() {
            let ca = if reads {
                let bundle = admin.get(CONFIG_MAP, &namespace, "shop-ca-bundle").await;
                bundle["data"]["ca.crt"].as_str().expect("a CA").as_bytes().to_vec()
            } else {
                target.ca.clone()
            };
            // A pod has another address after its restart; its host name would lead there.
            let pod = admin.find(POD, &namespace, "shop-0").await.unwrap_or_default();
            let address = pod["status"]["podIP"].as_str().unwrap_or("127.0.0.1");
            figures.connections += 1;
            if let Err(error) = connect(address, &target, ca).await {
                let said = format!("{error:?}");
                if is_unverified(&error) {
                    figures.unverified += 1;
                    figures.first.get_or_insert(said);
                } else {
                    figures.absent.get_or_insert(said);
                    figures.away += 1;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        figures
    })
}

pub(crate) async fn connect(
    address: &str,
    target: &Target,
    ca: Vec<u8>,
) -> Result<(), mysql_async::Error> {
    let ssl = SslOpts::default()
        .with_root_certs(vec![ca.into()])
        .with_disable_built_in_roots(true)
        .with_danger_tls_hostname_override(Some(target.host.clone()));
    let options = OptsBuilder::default()
        .ip_or_hostname(address)
        .tcp_port(3306)
        .user(Some(target.user.clone()))
        .pass(Some(target.password.clone()))
        .prefer_socket(false)
        .ssl_opts(ssl);
    let mut connection = Conn::new(options).await?;
    connection.query_drop("SELECT 1").await?;
    connection.disconnect().await
}

/// Whether a client did not accept a certificate. What rustls says stands at the end of a chain.
pub(crate) fn is_unverified(error: &mysql_async::Error) -> bool {
    format!("{error:?}").contains("Certificate")
}

fn change(name: &str, issuer: &str) -> String {
    format!(
        "apiVersion: ops.kubedb.com/v1alpha1\nkind: MySQLOpsRequest\nmetadata: {{name: {name}}}\n\
         spec:\n  type: ReconfigureTLS\n  databaseRef: {{name: shop}}\n  tls: {{issuerRef: {{name: \
         {issuer}, kind: Issuer, apiGroup: cert-manager.io}}}}\n"
    )
}

fn real_server(name: &'static str, subnet: &str) {
    on_real_servers(name, subnet, async |lab, stage, version| {
        issuer(&lab.admin, &lab.name, "other").await;
        stage.database("shop", json!({})).await;
        let executor = stage.executor("one", &["--loopback"]);
        executor.ready().await;
        // The bundle is there as soon as TLS is.
        stage.apply(&change("add", "ca"));
        let status = stage.ended("add").await;
        assert_eq!(status["phase"], "Successful", "{status:#}");

        let (target, stop) = (target(&stage).await, CancellationToken::new());
        let client =
            |reads| start(lab.admin.clone(), lab.name.clone(), target.clone(), reads, stop.clone());
        let (reading, keeping) = (client(true), client(false));
        tokio::time::sleep(Duration::from_secs(1)).await;
        stage.apply(&change("change", "other"));
        let status = stage.ended("change").await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        stop.cancel();
        let (reading, keeping) = (reading.await.unwrap(), keeping.await.unwrap());
        assert_eq!(status["phase"], "Successful", "{status:#}");
        println!(
            "{version}, change of CA: {} of {} new connections of a client that reads the bundle \
             were not verified ({} while the server was away); of one that does not {} of {}",
            reading.unverified,
            reading.connections,
            reading.away,
            keeping.unverified,
            keeping.connections
        );
        assert!(reading.connections > 50 && reading.away < reading.connections / 2, "{reading:?}");
        assert_eq!(reading.unverified, 0, "{reading:?}");
        assert!(keeping.unverified > 0, "it would not be seen: {keeping:?}");
        assert!(status["conditions"].to_string().contains("CABundleTrimmed"), "{status:#}");

        // cert-manager takes what was put beside its own for its own: it has issued once.
        let server = lab.admin.get(CERTIFICATE, &lab.name, "shop-server-cert").await;
        assert_eq!(server["status"]["revision"], 2, "{server:#}");
        let secret = lab.admin.get(SECRET, &lab.name, "shop-server-cert").await;
        let bundle = lab.admin.get(CONFIG_MAP, &lab.name, "shop-ca-bundle").await;
        let held =
            serde_json::from_value::<k8s_openapi::ByteString>(secret["data"]["ca.crt"].clone());
        assert_eq!(
            bundle["data"]["ca.crt"],
            Value::from(String::from_utf8(held.unwrap().0).unwrap())
        );
        assert!(lab.admin.find(CERTIFICATE, &lab.name, "shop-ca-staging").await.is_none());
        assert!(lab.admin.find(SECRET, &lab.name, "shop-ca-staging").await.is_none());
        drop(executor);
        stage.end().await;
    });
}

#[test]
fn no_client_of_a_real_mysql_that_reads_the_bundle_fails_while_the_issuer_changes() {
    real_server("mysqld", "127.94.10.0/28");
}

#[test]
fn no_client_of_a_real_mariadb_that_reads_the_bundle_fails_while_the_issuer_changes() {
    real_server("mariadbd", "127.94.11.0/28");
}
