//! Why a rotation that is due does not begin is to be seen; and it begins when the gate opens.

use serde_json::{Value, json};

use super::stage::{OwnDaemon, Stage, own_settings};
use crate::actor::{Database, Wanted};
use crate::support::api::{ISSUER, MYSQL, ROTATION, SECRET};
use crate::support::lab::on_cluster;
use crate::support::time::{ahead, days, rfc3339};

/// A gate that is closed has opened: the one request comes, and the gate is not named any more.
async fn opens(stage: &Stage<'_>, database: &Database) {
    stage.one_request(database, "RenewalDue").await;
    stage.state(database, "Rotating").await;
    stage.still(database, 1).await;
}

#[test]
fn window_closed() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "closed").await;
        let database = stage.database("db", &Wanted::due()).await;
        stage.gate(&database, "WindowClosed").await;
        // As soon as no other gate is left, it is known when this one opens.
        let opens = rfc3339(ahead(days(20)));
        let told = |status: &Value| status["next"].as_str().is_some_and(|next| *next > *opens);
        stage.rotation(&database, "the hour when the window opens", told).await;
        stage.still(&database, 0).await;
    });
}

#[test]
fn freeze() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "frozen").await;
        let database = stage.database("db", &Wanted::due()).await;
        stage.gate(&database, "Freeze").await;
        let told = |status: &Value| status["message"].to_string().contains("fair");
        stage.rotation(&database, "the reason of the freeze", told).await;
        stage.still(&database, 0).await;
    });
}

#[test]
fn halted() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let wanted = Wanted { phase: "Halted", ..Wanted::due() };
        let database = stage.database("db", &wanted).await;
        stage.gate(&database, "Halted").await;
        database_phase(&database, "Ready").await;
        opens(&stage, &database).await;
    });
}

#[test]
fn not_ready() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let wanted = Wanted { phase: "Critical", ..Wanted::due() };
        let database = stage.database("db", &wanted).await;
        stage.gate(&database, "DatabaseNotReady").await;
        database_phase(&database, "Ready").await;
        opens(&stage, &database).await;
    });
}

#[test]
fn suspended() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        // A Rotation that GitOps made, before certrotor ever saw the database.
        let own = json!({"metadata": {"name": "db"}, "spec": {"suspend": true}});
        lab.admin.create(ROTATION, &stage.namespace, own).await;
        let database = stage.database("db", &Wanted::due()).await;
        let rotation = stage.gate(&database, "Suspended").await;
        assert!(rotation["metadata"]["ownerReferences"].is_null(), "it is not ours to own");
        database.wish(&json!({"suspend": null})).await;
        let request = database.request(1).await;
        assert_eq!(request["metadata"]["ownerReferences"][0]["uid"], *database.uid);
        stage.still(&database, 1).await;
    });
}

#[test]
fn paused_by_somebody_else() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let wanted = Wanted { phase: "Provisioning", ..Wanted::due() };
        let database = stage.database("db", &wanted).await;
        database.pause(true).await;
        database_phase(&database, "Ready").await;
        stage.gate(&database, "Paused").await;
        database.pause(false).await;
        opens(&stage, &database).await;
    });
}

#[test]
fn another_request_is_active() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let wanted = Wanted { phase: "Provisioning", ..Wanted::due() };
        let database = stage.database("db", &wanted).await;
        let theirs = database.foreign_request("resize", "VerticalScaling").await;
        database.start(&theirs).await;
        database_phase(&database, "Ready").await;
        let what = "the gate RequestActive";
        let active = |status: &Value| super::stage::has(&status["reasons"], "RequestActive");
        let rotation = stage.rotation(&database, what, active).await;
        assert_eq!(rotation["status"]["state"], "Waiting", "{rotation}");
        stage.still(&database, 1).await;
        database.end(&theirs, "Failed").await;
        database.request(2).await;
        stage.still(&database, 2).await;
    });
}

#[test]
fn issuer_not_ready() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let admin = &lab.admin;
        let authority = stage.issuer.authority.pair();
        admin.delete(SECRET, &stage.namespace, "ca").await;
        lab.eventually(&stage.namespace, super::stage::SOON, "the Issuer to notice", async || {
            let issuer = admin.get(ISSUER, &stage.namespace, "ca").await;
            let ready = crate::support::api::holds(&issuer, "Ready");
            (!ready).then_some(()).ok_or_else(|| issuer["status"].to_string())
        })
        .await;
        let database = stage.database("db", &Wanted::due()).await;
        stage.gate(&database, "IssuerNotReady").await;
        crate::actor::keep_secret(admin, &stage.namespace, "ca", &authority, &json!({})).await;
        opens(&stage, &database).await;
    });
}

#[test]
fn deleting() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let wanted = Wanted { phase: "Provisioning", ..Wanted::due() };
        let database = stage.database("db", &wanted).await;
        let held = json!({"metadata": {"finalizers": ["test.certrotor.dev/hold"]}});
        database.change(&held).await;
        lab.admin.delete(MYSQL, &stage.namespace, "db").await;
        stage.gate(&database, "Deleting").await;
        database_phase(&database, "Ready").await;
        stage.still(&database, 0).await;
        database.change(&json!({"metadata": {"finalizers": null}})).await;
        // The Rotation that certrotor made goes with its MySQL.
        lab.eventually(&stage.namespace, super::stage::SOON, "the end", async || {
            let rotation = database.rotation().await;
            rotation.is_null().then_some(()).ok_or_else(|| rotation.to_string())
        })
        .await;
    });
}

#[test]
fn the_whole_namespace_goes() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let wanted = Wanted { phase: "Provisioning", ..Wanted::due() };
        let database = stage.database("db", &wanted).await;
        stage.gate(&database, "DatabaseNotReady").await;
        lab.gone(&stage.namespace).await;
        stage.daemon.ready().await;
    });
}

#[test]
fn limits() {
    on_cluster(async |lab| {
        let limits = json!({"rotation": {"limits": {"total": 1}}});
        let own = OwnDaemon::start(&lab, &limits).await;
        let stage = Stage::new(&lab, &own.daemon, &lab.name).await;
        let wanted = Wanted { phase: "Provisioning", ..Wanted::due() };
        let (a, b) = (stage.database("a", &wanted).await, stage.database("b", &wanted).await);
        tokio::join!(database_phase(&a, "Ready"), database_phase(&b, "Ready"));
        let all = async || (a.requests().await, b.requests().await);
        let first = lab.eventually(
            &stage.namespace,
            super::stage::SOON,
            "one request",
            async || match all().await {
                (a, b) if a.len() + b.len() == 1 => Ok(!a.is_empty()),
                others => Err(format!("{others:?}")),
            },
        );
        let (first, second) = if first.await { (&a, &b) } else { (&b, &a) };
        stage.gate(second, "BudgetTotal").await;
        stage.still(second, 0).await;
        let request = stage.one_request(first, "RenewalDue").await;
        first.carry_out(&request).await;
        stage.closed(first, "RenewalDue", "verified").await;

        // Its place is free now.
        let request = stage.one_request(second, "RenewalDue").await;
        second.carry_out(&request).await;
        stage.closed(second, "RenewalDue", "verified").await;
        stage.still(first, 1).await;
        stage.still(second, 1).await;
    });
}

#[test]
fn report_mode_until_the_config_changes() {
    on_cluster(async |lab| {
        let own = OwnDaemon::start(&lab, &json!({"mode": "report"})).await;
        let stage = Stage::new(&lab, &own.daemon, &lab.name).await;
        let database = stage.database("db", &Wanted::due()).await;
        stage.gate(&database, "ReportOnly").await;
        stage.still(&database, 0).await;
        let created = own
            .proxy
            .calls()
            .into_iter()
            .find(|call| call.method != "GET" && call.path.contains("mysqlopsrequests"));
        assert_eq!(created, None);

        // A ConfigMap is changed: the file is another behind the same link.
        own.daemon.configure_with_text("mode: [enforce\n");
        own.daemon
            .metric("certrotor_config_last_reload_successful", &[], |value| value < 0.5)
            .await;
        stage.still(&database, 0).await;
        own.daemon.configure(&own_settings(&lab, &json!({"mode": "enforce"})));
        opens(&stage, &database).await;
        own.daemon
            .metric("certrotor_config_last_reload_successful", &[], |value| value > 0.5)
            .await;
    });
}

async fn database_phase(database: &Database, phase: &str) {
    let status = json!({ "phase": phase });
    database.admin.status(MYSQL, &database.namespace, &database.name, &status).await;
}
