//! Each cause leads to exactly one request, and nothing leads to none.

use serde_json::json;

use super::stage::Stage;
use crate::actor::{self, Database, Leaves, Wanted};
use crate::support::api::{CERTIFICATE, ISSUER, ROTATION, SECRET, holds, name};
use crate::support::eventually::eventually;
use crate::support::lab::on_cluster;
use crate::support::time::{ago, days, minutes, rfc3339, seconds};

/// Carries the one request out and expects the rotation to be verified, and none to follow.
async fn to_the_end(stage: &Stage<'_>, database: &Database, cause: &str) {
    let request = stage.one_request(database, cause).await;
    database.carry_out(&request).await;
    let rotation = stage.closed(database, cause, "verified").await;
    let last = &rotation["status"]["last"];
    assert_eq!(last["request"]["name"], name(&request));
    assert_eq!(last["produced"].as_array().unwrap().len(), actor::ALIASES.len());
    stage.state(database, "Fresh").await;
    stage.still(database, 1).await;
}

#[test]
fn renewal_due() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let database = stage.database("db", &Wanted::due()).await;
        to_the_end(&stage, &database, "RenewalDue").await;

        let rotation = database.rotation().await;
        let status = &rotation["status"];
        let expires = status["expires"].as_str().unwrap().to_owned();
        assert!(expires > rfc3339(crate::support::time::ahead(days(89))), "{expires}");
        assert_eq!(status["certificates"].as_array().unwrap().len(), actor::ALIASES.len());
        assert_eq!(status["lastOutcome"], "verified");
        for reason in ["RotationOpened", "RequestCreated", "RequestStarted"] {
            stage.event(&database, |it| it == reason).await;
        }
    });
}

#[test]
fn an_emergency() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "closed").await;
        let wanted = Wanted { leaves: Leaves::Aged(days(88), days(90)), ..Wanted::fresh() };
        let database = stage.database("db", &wanted).await;
        // Its window is half a year away.
        let request = stage.one_request(&database, "RenewalDue").await;
        assert_eq!(request["metadata"]["annotations"]["certrotor.dev/stage"], "emergency");
        database.carry_out(&request).await;
        stage.closed(&database, "RenewalDue", "verified").await;
        stage.still(&database, 1).await;
    });
}

#[test]
fn schedule_due() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "scheduled").await;
        let database = stage.database("db", &Wanted::fresh()).await;
        let noted = stage.rotation(&database, "the schedule", |status| {
            status["schedule"]["firstSeen"].is_string() && status["state"] == "Fresh"
        });
        noted.await;
        stage.still(&database, 0).await;
        // As if it had been seen yesterday: the last full hour is an occurrence then.
        let seen = json!({"schedule": {"firstSeen": rfc3339(ago(days(1)))}});
        lab.admin.status(ROTATION, &stage.namespace, "db", &seen).await;
        to_the_end(&stage, &database, "ScheduleDue").await;
        let schedule = database.rotation().await["status"]["schedule"].clone();
        assert!(schedule["satisfied"].is_string(), "{schedule}");
    });
}

#[test]
fn requested() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let database = stage.database("db", &Wanted::fresh()).await;
        stage.state(&database, "Fresh").await;
        database.wish(&json!({"requestedAt": "2026-01-02T03:04:05Z"})).await;
        to_the_end(&stage, &database, "Requested").await;
        let status = database.rotation().await["status"].clone();
        assert_eq!(status["handledRequest"], "2026-01-02T03:04:05Z");
    });
}

#[test]
fn another_issuer() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let wanted = Wanted { leaves: Leaves::Issued, ..Wanted::fresh() };
        let database = stage.database("db", &wanted).await;
        stage.state(&database, "Fresh").await;
        actor::issuer(&lab.admin, &stage.namespace, "other").await;
        database.change(&json!({"spec": {"tls": {"issuerRef": {"name": "other"}}}})).await;

        let request = stage.one_request(&database, "IssuerChanged").await;
        database.start(&request).await;
        let certificate = json!({"spec": {"issuerRef": {"name": "other"}}});
        for alias in actor::ALIASES {
            let name = database.certificate_name(alias);
            lab.admin.patch(CERTIFICATE, &stage.namespace, &name, &certificate).await;
        }
        for alias in actor::ALIASES {
            database.certificate_ready(alias, 2).await;
        }
        database.restart().await;
        database.end(&request, "Successful").await;
        stage.closed(&database, "IssuerChanged", "verified").await;
        stage.still(&database, 1).await;
    });
}

#[test]
fn another_ca_key() {
    on_cluster(async |lab| {
        let mut stage = Stage::shared(&lab, "open").await;
        let (admin, namespace) = (&lab.admin, stage.namespace.clone());
        // A CA that cert-manager itself keeps, so that its key can be seen without its Secret.
        let root = json!({"metadata": {"name": "root"}, "spec": {"selfSigned": {}}});
        admin.create(ISSUER, &namespace, root).await;
        let ca = json!({"metadata": {"name": "own-ca"}, "spec": {
            "isCA": true, "commonName": "own-ca", "secretName": "own-ca", "duration": "8760h0m0s",
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "issuerRef": {"name": "root", "kind": "Issuer", "group": "cert-manager.io"}}});
        admin.create(CERTIFICATE, &namespace, ca).await;
        let issuer = json!({"metadata": {"name": "own"}, "spec": {"ca": {"secretName": "own-ca"}}});
        admin.create(ISSUER, &namespace, issuer).await;
        actor::ready(admin, (ISSUER, &namespace, "own")).await;
        stage.issuer.name = "own".to_owned();
        let wanted = Wanted { leaves: Leaves::Issued, ..Wanted::fresh() };
        let database = stage.database("db", &wanted).await;
        stage.state(&database, "Fresh").await;
        stage.still(&database, 0).await;

        let before = admin.get(SECRET, &namespace, "own-ca").await["data"]["tls.crt"].clone();
        let since = rfc3339(ago(seconds(0)));
        let issuing = crate::support::api::condition("Issuing", "asked for by the test", &since);
        admin.conditions(CERTIFICATE, &namespace, "own-ca", &[issuing], &json!({})).await;
        eventually(minutes(1), "a new CA", async || {
            let secret = admin.get(SECRET, &namespace, "own-ca").await;
            let ca = admin.get(CERTIFICATE, &namespace, "own-ca").await;
            let done = secret["data"]["tls.crt"] != before && holds(&ca, "Ready");
            done.then_some(()).ok_or_else(|| ca["status"].to_string())
        })
        .await;
        to_the_end(&stage, &database, "IssuerChanged").await;
    });
}

#[test]
fn missing() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let wanted = Wanted { leaves: Leaves::None, ..Wanted::fresh() };
        let database = stage.database("db", &wanted).await;
        let request = stage.one_request(&database, "Missing").await;
        database.start(&request).await;
        for alias in actor::ALIASES {
            database.certificate(alias, Leaves::Issued).await;
        }
        database.restart().await;
        database.end(&request, "Successful").await;
        stage.closed(&database, "Missing", "verified").await;
        stage.still(&database, 1).await;
    });
}

#[test]
fn served_stale() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let database = stage.database("db", &Wanted::fresh()).await;
        stage.state(&database, "Fresh").await;
        stage.still(&database, 0).await;
        // cert-manager renews, as it does by itself, and nobody restarts mysqld.
        database.issue_anew().await;
        to_the_end(&stage, &database, "ServedStale").await;
    });
}

#[test]
fn nothing_due() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let database = stage.database("db", &Wanted::fresh()).await;
        let no_tls = json!({"metadata": {"name": "plain"}, "spec": {"version": "9.1.0"}});
        lab.admin.create(crate::support::api::MYSQL, &stage.namespace, no_tls).await;
        let rotation = stage.state(&database, "Fresh").await;
        let next = rotation["status"]["next"].as_str().unwrap().to_owned();
        assert!(next > rfc3339(crate::support::time::ahead(days(40))), "{next}");

        // Idle means that nothing is written, however often it looks.
        stage.still(&database, 0).await;
        let quiet = database.rotation().await["metadata"]["resourceVersion"].clone();
        stage.still(&database, 0).await;
        stage.still(&database, 0).await;
        assert_eq!(database.rotation().await["metadata"]["resourceVersion"], quiet);
    });
}
