//! Starting where not everything is there yet, and living through what goes away.

use serde_json::{Value, json};

use super::stage::{SOON, settings};
use crate::support::api::{Cluster, LEASE, REQUEST, ROTATION};
use crate::support::control_plane::{ControlPlane, Extent};
use crate::support::crds;
use crate::support::daemon::{Daemon, Install};
use crate::support::eventually::eventually;
use crate::support::lab::{on_cluster, runtime, test_name};
use crate::support::{parts, rbac};

/// An apiserver with nothing in it: the daemon says what is missing, one thing after another,
/// goes on by itself when it is there, and lives through a restart of the apiserver.
#[test]
fn from_an_empty_cluster() {
    let test = test_name();
    runtime().block_on(async {
        let (plane, crds) = match (ControlPlane::start("cold", Extent::Bare).await, crds::foreign())
        {
            (Ok(plane), Ok(crds)) => (plane, crds),
            (Err(why), _) | (_, Err(why)) => return parts::skipped(&test, &why),
        };
        let admin = plane.admin().await;
        admin.create_namespace("certrotor-system").await;
        let account = json!({"metadata": {"name": rbac::account()}});
        let kind = crate::support::api::SERVICE_ACCOUNT;
        admin.create(kind, "certrotor-system", account).await;
        let install = Install::without_rights(&plane, "certrotor-system", &plane.server()).await;
        let daemon = Daemon::start(&install, "cold", &settings());

        not_ready(&daemon, "rights", &["deploy/manifests.yaml"]).await;
        rbac::apply(&admin, "certrotor-system").await;
        let kinds = ["mysqls", "mysqlopsrequests", "certificates", "rotations"];
        not_ready(&daemon, "kinds", &kinds).await;
        let needed = crds.into_iter().filter(|crd| !crd.name.contains("supervisor"));
        plane.install(needed.collect()).await;
        not_ready(&daemon, "our own kind", &["rotations"]).await;
        plane.install(vec![crds::ours()]).await;
        daemon.ready().await;

        one_rotation_record(&admin, &daemon).await;
        plane.kill_apiserver();
        daemon.answers("/livez", |answer| answer.status == 200).await;
        let page = daemon.page("/metrics").await.unwrap();
        assert_eq!(page.status, 200);
        plane.start_apiserver().await;
        let admin = plane.admin().await;
        admin.patch(ROTATION, "default", "db", &json!({"spec": {"requestedAt": "again"}})).await;
        one_request(&admin, &daemon).await;
    });
}

/// Waits until the daemon is alive, not ready, and names all of these.
async fn not_ready(daemon: &Daemon, what: &str, wanted: &[&str]) {
    let says = |answer: &crate::support::http::Answer| {
        answer.status == 503 && wanted.iter().all(|name| answer.body.contains(name))
    };
    daemon.answers("/readyz", says).await;
    daemon.answers("/livez", |answer| answer.status == 200).await;
    assert_eq!(daemon.ended(), None, "{what}");
}

async fn one_rotation_record(admin: &Cluster, daemon: &Daemon) {
    let issuer = crate::actor::Issuer {
        name: "ca".to_owned(),
        authority: std::sync::Arc::new(crate::support::pki::Authority::new("unused")),
    };
    // Nobody issues here: what cert-manager would say is written by hand.
    let wanted = crate::actor::Wanted {
        leaves: crate::actor::Leaves::None,
        ..crate::actor::Wanted::fresh()
    };
    let ca = json!({"metadata": {"name": "ca"}, "spec": {"ca": {"secretName": "ca"}}});
    admin.create(crate::support::api::ISSUER, "default", ca).await;
    let ready = json!({"conditions": [{"type": "Ready", "status": "True"}]});
    admin.status(crate::support::api::ISSUER, "default", "ca", &ready).await;
    let database = crate::actor::Database::create(admin, "default", "db", &issuer, &wanted);
    let database = database.await;
    for alias in crate::actor::ALIASES {
        database.certificate_by_hand(alias).await;
    }
    eventually(SOON, "a fresh database", async || {
        let state = database.rotation().await["status"]["state"].clone();
        if state == "Fresh" { Ok(()) } else { Err(format!("{state}\n{}", daemon.tail(20))) }
    })
    .await;
}

async fn one_request(admin: &Cluster, daemon: &Daemon) {
    eventually(SOON, "one request", async || {
        let requests = admin.list(REQUEST, "default").await;
        if requests.len() == 1 { Ok(()) } else { Err(daemon.tail(300)) }
    })
    .await;
}

#[test]
fn a_bad_config_at_the_start() {
    on_cluster(async |lab| {
        // Without a config the daemon serves where it would by default.
        let port = 9440;
        if std::net::TcpListener::bind(("0.0.0.0", port)).is_err() {
            return parts::skipped(&test_name(), "something else listens on port 9440");
        }
        let namespace = format!("daemon-{}", lab.name);
        let install = Install::new(lab.plane, &namespace, &lab.plane.server()).await;
        let text = "mode: enforced\nrotation: {renewBefore: 145%}\n";
        let daemon = Daemon::start_with_text(&install, "one", text, port);
        let says = |answer: &crate::support::http::Answer| {
            let both = answer.body.contains("enforced") && answer.body.contains("145%");
            answer.status == 503 && both
        };
        daemon.answers("/readyz", says).await;
        daemon.answers("/livez", |answer| answer.status == 200).await;
        daemon.metric("certrotor_config_last_reload_successful", &[], |value| value < 0.5).await;
        // Nothing is written, not even the lease.
        assert_eq!(lab.admin.list(LEASE, &namespace).await, Vec::<Value>::new());

        daemon.configure(&super::stage::own_settings(&lab, &json!({})));
        daemon.ready().await;
        daemon.metric("certrotor_config_last_reload_successful", &[], |value| value > 0.5).await;
    });
}
