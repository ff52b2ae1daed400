//! Each way in which an attempt can end is told from the others.

use serde_json::{Value, json};

use super::stage::{OwnDaemon, SOON, Stage};
use crate::actor::{Database, Wanted};
use crate::support::api::{NAMESPACE, POLICY, POLICY_BINDING, condition, name};
use crate::support::lab::{Lab, on_cluster};
use crate::support::proxy::{Fate, Moment};
use crate::support::time::{ago, minutes, rfc3339, seconds};

#[test]
fn failed_and_tried_again_under_another_name() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "retried").await;
        let database = stage.database("db", &Wanted::due()).await;
        let first = stage.one_request(&database, "RenewalDue").await;
        database.start(&first).await;
        database.end(&first, "Failed").await;
        let rotation = stage.attempt(&database, "RenewalDue", "failed").await;
        assert_eq!(rotation["status"]["current"]["attempt"], 2);
        assert_eq!(rotation["status"]["current"]["failures"], 1);

        let second = database.request(2).await;
        assert_ne!(name(&second), name(&first));
        assert_eq!(second["metadata"]["annotations"]["certrotor.dev/attempt"], "2");
        database.carry_out(&second).await;
        stage.closed(&database, "RenewalDue", "verified").await;
        stage.still(&database, 2).await;
    });
}

#[test]
fn failed_and_backing_off() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let database = stage.database("db", &Wanted::due()).await;
        let request = stage.one_request(&database, "RenewalDue").await;
        database.start(&request).await;
        database.end(&request, "Failed").await;
        let rotation = stage.attempt(&database, "RenewalDue", "failed").await;
        let next = rotation["status"]["current"]["nextTry"].as_str().unwrap().to_owned();
        assert!(next > rfc3339(crate::support::time::ahead(minutes(55))), "{next}");
        waits(&stage, &database, "BackingOff").await;
        stage.still(&database, 1).await;
    });
}

#[test]
fn denied_and_skipped() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        for (database, phase, outcome) in [("a", "Denied", "denied"), ("b", "Skipped", "skipped")] {
            let database = stage.database(database, &Wanted::due()).await;
            let request = stage.one_request(&database, "RenewalDue").await;
            database.end(&request, phase).await;
            stage.attempt(&database, "RenewalDue", outcome).await;
            waits(&stage, &database, "BackingOff").await;
            stage.still(&database, 1).await;
        }
    });
}

#[test]
fn vanished() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let database = stage.database("db", &Wanted::due()).await;
        let request = stage.one_request(&database, "RenewalDue").await;
        database.start(&request).await;
        stage
            .rotation(&database, "the start", |status| {
                status["current"]["request"]["started"].is_string()
            })
            .await;
        database.delete(&request).await;
        let rotation = stage.attempt(&database, "RenewalDue", "vanished").await;
        // It had been started, so it counts as a failure.
        assert_eq!(rotation["status"]["current"]["failures"], 1);
        stage.still(&database, 0).await;
    });
}

#[test]
fn timed_out() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "hasty").await;
        let database = stage.database("db", &Wanted::due()).await;
        let request = stage.one_request(&database, "RenewalDue").await;
        let began = condition("Running", "began a while ago", &rfc3339(ago(minutes(5))));
        database.phase(&request, "Progressing", began).await;
        stage.attempt(&database, "RenewalDue", "timedOut").await;
        // It is still active, so nothing else may begin.
        waits(&stage, &database, "RequestActive").await;
        stage.still(&database, 1).await;
    });
}

#[test]
fn not_picked_up() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "hasty").await;
        let database = stage.database("db", &Wanted::due()).await;
        database.request(1).await;
        stage.attempt(&database, "RenewalDue", "notPickedUp").await;
        stage.event(&database, |it| it == "RequestWithdrawn").await;
        stage.still(&database, 0).await;
    });
}

#[test]
fn withdrawn() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let database = stage.database("db", &Wanted::due()).await;
        let request = stage.one_request(&database, "RenewalDue").await;
        let pending = condition("Pending", "queued", &rfc3339(ago(seconds(0))));
        database.phase(&request, "Pending", pending).await;
        database.wish(&json!({"suspend": true})).await;
        stage.attempt(&database, "RenewalDue", "withdrawn").await;
        waits(&stage, &database, "Suspended").await;
        stage.still(&database, 0).await;

        // Taken back for a person's sake: nothing to back off from.
        database.wish(&json!({"suspend": false})).await;
        let second = database.request(1).await;
        assert_ne!(name(&second), name(&request));
        database.carry_out(&second).await;
        stage.closed(&database, "RenewalDue", "verified").await;
    });
}

#[test]
fn suspended_too_late() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let database = stage.database("db", &Wanted::due()).await;
        let request = stage.one_request(&database, "RenewalDue").await;
        database.start(&request).await;
        database.wish(&json!({"suspend": true})).await;
        stage.still(&database, 1).await;
        // What has begun is followed to its end.
        database.carry_out(&request).await;
        stage.closed(&database, "RenewalDue", "verified").await;
        stage.still(&database, 1).await;
    });
}

#[test]
fn rejected() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        refuse_requests(&lab, &stage.namespace).await;
        let database = stage.database("db", &Wanted::due()).await;
        let rotation = stage.attempt(&database, "RenewalDue", "rejected").await;
        assert_eq!(rotation["status"]["current"]["attempt"], 2);
        stage.event(&database, |it| it == "RequestRejected").await;
        waits(&stage, &database, "BackingOff").await;
        stage.still(&database, 0).await;
    });
}

#[test]
fn moot() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let database = stage.database("db", &Wanted::due()).await;
        let request = stage.one_request(&database, "RenewalDue").await;
        database.end(&request, "Denied").await;
        stage.attempt(&database, "RenewalDue", "denied").await;
        database.change(&json!({"spec": {"tls": null}})).await;
        stage.closed(&database, "RenewalDue", "moot").await;
        stage.still(&database, 1).await;
    });
}

#[test]
fn somebody_else_rotated() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let database = stage.database("db", &Wanted::due()).await;
        let request = stage.one_request(&database, "RenewalDue").await;
        database.end(&request, "Skipped").await;
        stage.attempt(&database, "RenewalDue", "skipped").await;
        let theirs = database.foreign_request("by-hand", "ReconfigureTLS").await;
        database.carry_out(&theirs).await;
        stage.closed(&database, "RenewalDue", "verified").await;
        stage.still(&database, 2).await;
    });
}

#[test]
fn successful_in_name_only() {
    on_cluster(async |lab| {
        let own = OwnDaemon::start(&lab, &json!({})).await;
        let stage = Stage::new(&lab, &own.daemon, &lab.name).await;
        let old = stage.database("old", &Wanted::due()).await;
        let unseen = stage.database("unseen", &Wanted::due()).await;
        let of_old = stage.one_request(&old, "RenewalDue").await;
        let of_unseen = stage.one_request(&unseen, "RenewalDue").await;

        // One whose certificates stay as they were, one whose servers are nowhere to be seen.
        old.start(&of_old).await;
        old.end(&of_old, "Successful").await;
        unseen.start(&of_unseen).await;
        unseen.issue_anew().await;
        lab.admin.delete(crate::support::api::POD, &stage.namespace, "unseen-0").await;
        unseen.end(&of_unseen, "Successful").await;
        stage.state(&old, "Verifying").await;
        stage.state(&unseen, "Verifying").await;

        // Eleven minutes pass, by the apiserver's clock. Nothing new may begin by such a clock,
        // but what has ended is judged.
        own.proxy.bend_clock(minutes(11));
        stage.attempt(&old, "RenewalDue", "servedOld").await;
        stage.closed(&unseen, "RenewalDue", "unverified").await;
        waits(&stage, &old, "ClockOff").await;
        stage.still_at(&old, 1, minutes(11)).await;
    });
}

#[test]
fn somebody_elses_request_has_our_name() {
    on_cluster(async |lab| {
        let soon = json!({"rotation": {"retry": {"backoff": {"from": "1s"}}}});
        let own = OwnDaemon::start(&lab, &soon).await;
        own.proxy.hook(|call, moment| {
            let creates = call.method == "POST" && call.path.ends_with("/mysqlopsrequests");
            if creates && moment == Moment::Before { Fate::Hold } else { Fate::Pass }
        });
        let stage = Stage::new(&lab, &own.daemon, &lab.name).await;
        let database = stage.database("db", &Wanted::due()).await;
        let rotation = stage
            .rotation(&database, "the name", |status| {
                status["current"]["request"]["name"].is_string()
            })
            .await;
        lab.eventually(&stage.namespace, SOON, "the create to be held", async || {
            (own.proxy.held() > 0).then_some(()).ok_or_else(|| "none".to_owned())
        })
        .await;
        let squatted = rotation["status"]["current"]["request"]["name"].as_str().unwrap();
        let theirs = database.foreign_request(squatted, "Restart").await;
        own.proxy.unhook();
        own.proxy.release();

        let told = stage.event(&database, |it| it == "ForeignRequest").await;
        assert_eq!(told["type"], "Warning");
        // Nobody blocks a rotation by taking its name; their request is left alone.
        database.end(&theirs, "Successful").await;
        let ours = database.request(2).await;
        let ours = if name(&ours) == squatted { database.requests().await.remove(0) } else { ours };
        assert_ne!(name(&ours), squatted);
        database.carry_out(&ours).await;
        stage.closed(&database, "RenewalDue", "verified").await;
        stage.still(&database, 2).await;
    });
}

/// The rotation is open and waits for this.
async fn waits(stage: &Stage<'_>, database: &Database, gate: &str) -> Value {
    let what = format!("the gate {gate}");
    stage.rotation(database, &what, |status| super::stage::has(&status["reasons"], gate)).await
}

/// Has the apiserver refuse every `MySQLOpsRequest` in a namespace, and waits until it does.
async fn refuse_requests(lab: &Lab, namespace: &str) {
    let label = json!({"metadata": {"labels": {"refuses": namespace}}});
    lab.admin.patch(NAMESPACE, "", namespace, &label).await;
    let policy = json!({"metadata": {"name": namespace}, "spec": {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [{
            "apiGroups": ["ops.kubedb.com"], "apiVersions": ["*"], "operations": ["CREATE"],
            "resources": ["mysqlopsrequests"],
        }]},
        "validations": [{"expression": "false", "message": "no requests on this day"}],
    }});
    lab.admin.create(POLICY, "", policy).await;
    let binding = json!({"metadata": {"name": namespace}, "spec": {
        "policyName": namespace, "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": {"matchLabels": {"refuses": namespace}}},
    }});
    lab.admin.create(POLICY_BINDING, "", binding).await;
    let try_one = json!({"metadata": {"name": "try"},
        "spec": {"type": "Restart", "databaseRef": {"name": "try"}}});
    lab.eventually(namespace, SOON, "the policy to hold", async || {
        let kind = crate::support::api::REQUEST;
        let tried = lab.admin.try_create(kind, namespace, try_one.clone(), true).await;
        tried.err().map(drop).ok_or_else(|| "it is admitted".to_owned())
    })
    .await;
}
