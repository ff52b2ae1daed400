//! A large fleet on a real apiserver: how long the daemon takes to know it, how much memory it
//! takes, and what a scrape costs. In the full run only; the goals are those of a release build:
//! `CERTROTOR_TEST=full cargo test --release --test it -- large --nocapture`.

use futures::StreamExt as _;
use futures::stream;
use serde_json::json;
use tokio::time::Instant;

use super::stage::settings;
use crate::support::api::{CERTIFICATE, Cluster, ISSUER, LEASE, MYSQL, ROTATION, uid};
use crate::support::control_plane::{ControlPlane, Extent};
use crate::support::crds;
use crate::support::daemon::{Daemon, Install};
use crate::support::effort::Effort;
use crate::support::eventually::patiently;
use crate::support::lab::{runtime, test_name};
use crate::support::parts;
use crate::support::time::{ago, ahead, days, minutes, rfc3339};

const DATABASES: usize = 3_334;
const ALIASES: [&str; 3] = ["server", "client", "metrics-exporter"];
/// How many objects are being created at once.
const AT_ONCE: usize = 48;

#[test]
fn ten_thousand_certificates() {
    let test = test_name();
    if Effort::of_this_run() < Effort::Full {
        return parts::skipped(&test, "it is part of the full run (CERTROTOR_TEST=full)");
    }
    runtime().block_on(async {
        let (plane, foreign) =
            match (ControlPlane::start("large", Extent::Bare).await, crds::foreign()) {
                (Ok(plane), Ok(foreign)) => (plane, foreign),
                (Err(why), _) | (_, Err(why)) => return parts::skipped(&test, &why),
            };
        plane.install(foreign.into_iter().chain([crds::ours()]).collect()).await;
        let admin = plane.admin().await;
        fill(&admin).await;

        let install = Install::new(&plane, "certrotor-system", &plane.server()).await;
        // The first one makes the records, so that the second has nothing to write.
        let first = Daemon::start(&install, "first", &settings());
        let recorded = patiently(minutes(10), async || {
            let made = admin.list(ROTATION, "fleet").await;
            let shown = made.iter().filter(|it| it["status"]["state"] == "Fresh").count();
            if shown == DATABASES { Ok(()) } else { Err(format!("{shown} records")) }
        });
        recorded.await.expect("every record");
        first.terminate();
        while first.ended().is_none() {
            tokio::task::yield_now().await;
        }
        admin.delete(LEASE, "certrotor-system", "certrotor").await;

        let started = Instant::now();
        let daemon = Daemon::start(&install, "second", &settings());
        daemon.ready().await;
        let synced = started.elapsed();
        daemon.metric("certrotor_leader", &[], |value| value > 0.5).await;
        daemon.metric("certrotor_database_state", &[], |all| all >= 3_334.0).await;
        let scraping = Instant::now();
        let page = daemon.page("/metrics").await.unwrap().body;
        let scrape = scraping.elapsed();
        let resident =
            daemon.metrics().await.sum("process_resident_memory_bytes", &[]).unwrap() / 1e6;
        let size = page.len();
        println!(
            "10,002 certificates: synced {synced:?} after the start of the process, \
             {resident:.1} MB resident, a scrape of {size} bytes in {scrape:?}"
        );
        // How far it is from the goals is in docs/benchmarks.md; here only that it does not run away.
        assert!(size <= 7_000_000, "{size}");
        assert!(resident <= 150.0, "{resident} MB");
    });
}

/// Databases with certificates that nobody else looks after.
async fn fill(admin: &Cluster) {
    admin.create_namespace("fleet").await;
    let ca = json!({"metadata": {"name": "ca"}, "spec": {"ca": {"secretName": "ca"}}});
    admin.create(ISSUER, "fleet", ca).await;
    let ready = json!({"conditions": [{"type": "Ready", "status": "True"}]});
    admin.status(ISSUER, "fleet", "ca", &ready).await;
    let each = stream::iter(0..DATABASES).map(|index| database(admin, index));
    each.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

async fn database(admin: &Cluster, index: usize) {
    let name = format!("db-{index:05}");
    let issuer = json!({"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"});
    let mysql = json!({
        "metadata": {"name": name},
        "spec": {"version": "9.1.0", "replicas": 1, "tls": {"issuerRef": issuer}},
    });
    let mysql = admin.create(MYSQL, "fleet", mysql).await;
    admin.status(MYSQL, "fleet", &name, &json!({"phase": "Ready"})).await;
    let owner = json!({"apiVersion": MYSQL.api_version(), "kind": "MySQL", "name": name,
        "uid": uid(&mysql), "controller": true});
    for alias in ALIASES {
        let certificate = format!("{name}-{alias}-cert");
        let object = json!({
            "metadata": {"name": certificate, "ownerReferences": [owner]},
            "spec": {
                "secretName": certificate,
                "commonName": name,
                "issuerRef": {"name": "ca", "kind": "Issuer", "group": "cert-manager.io"},
            },
        });
        admin.create(CERTIFICATE, "fleet", object).await;
        let status = json!({
            "revision": 1,
            "notBefore": rfc3339(ago(days(10))),
            "notAfter": rfc3339(ahead(days(80))),
            "conditions": [{"type": "Ready", "status": "True", "reason": "Ready",
                "message": "Certificate is up to date and has not expired",
                "lastTransitionTime": rfc3339(ago(days(10)))}],
        });
        admin.status(CERTIFICATE, "fleet", &certificate, &status).await;
    }
}
