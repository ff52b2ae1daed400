//! What people and other programs write is respected.

use serde_json::json;

use super::stage::{Stage, has};
use crate::actor::Wanted;
use crate::support::api::ROTATION;
use crate::support::kubectl::kubectl;
use crate::support::lab::on_cluster;
use crate::support::time::{now, rfc3339};

#[test]
fn a_spec_applied_with_kubectl_stays_as_it_is() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let database = stage.database("db", &Wanted::fresh()).await;
        stage.state(&database, "Fresh").await;
        let folder = lab.plane.folder();
        let run = |args: &[&str]| {
            let all = [&["-n", &stage.namespace], args].concat();
            kubectl(folder, &folder.join("admin.kubeconfig"), &all).unwrap()
        };
        let manifest = json!({
            "apiVersion": "certrotor.dev/v1alpha1", "kind": "Rotation",
            "metadata": {"name": "db", "namespace": stage.namespace},
            "spec": {"requestedAt": "2026-05-05", "renewBefore": "10d"},
        });
        let file = folder.join(format!("{}.json", stage.namespace));
        std::fs::write(&file, manifest.to_string()).unwrap();
        run(&["apply", "--server-side", "-f", &file.to_string_lossy()]);

        let request = stage.one_request(&database, "Requested").await;
        database.carry_out(&request).await;
        stage.closed(&database, "Requested", "verified").await;
        stage.state(&database, "Fresh").await;
        let rotation = database.rotation().await;
        assert_eq!(rotation["spec"], manifest["spec"]);
        // Applied again, it changes nothing and conflicts with nobody.
        let said = run(&["apply", "--server-side", "-f", &file.to_string_lossy()]);
        assert!(said.contains("serverside-applied"), "{said}");
        let managers = rotation["metadata"]["managedFields"].as_array().unwrap();
        let ours = managers.iter().filter(|it| it["manager"] == "certrotor");
        for manager in ours {
            let spec = manager["fieldsV1"]["f:spec"].as_object();
            assert!(spec.is_none_or(serde_json::Map::is_empty), "{manager}");
        }

        let table = run(&["get", "rotations"]);
        assert!(table.lines().next().unwrap().contains("STATE"), "{table}");
        assert!(table.contains("Fresh"), "{table}");
        stage.still(&database, 1).await;
    });
}

#[test]
fn a_foreign_condition_is_not_destroyed() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let database = stage.database("db", &Wanted::fresh()).await;
        stage.state(&database, "Fresh").await;
        let condition = json!({
            "type": "example.org/Audited", "status": "True", "reason": "ByHand", "message": "fine",
            "lastTransitionTime": rfc3339(now()),
        });
        let (namespace, none) = (&stage.namespace, json!({}));
        lab.admin.conditions(ROTATION, namespace, "db", &[condition], &none).await;
        database.wish(&json!({"requestedAt": "now"})).await;
        let request = stage.one_request(&database, "Requested").await;
        database.carry_out(&request).await;
        stage.closed(&database, "Requested", "verified").await;
        stage.state(&database, "Fresh").await;
        let rotation = database.rotation().await;
        assert!(crate::support::api::holds(&rotation, "example.org/Audited"), "{rotation}");
    });
}

#[test]
fn a_wish_that_cannot_be_understood_is_said_so() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let wish = json!({"metadata": {"name": "db"}, "spec": {
            "windows": [{"open": "0 25 * * *", "for": "4h"}]}});
        lab.admin.create(ROTATION, &stage.namespace, wish).await;
        let database = stage.database("db", &Wanted::fresh()).await;
        let rotation = stage.state(&database, "Fresh").await;
        assert!(rotation["status"].to_string().contains("25"), "{rotation}");
    });
}

#[test]
fn a_window_of_the_rotation_narrows() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let far = crate::support::time::ahead(crate::support::time::days(100));
        let open = far.strftime("0 3 %-d %-m *").to_string();
        let wish = json!({"metadata": {"name": "db"}, "spec": {
            "windows": [{"open": open, "for": "4h"}]}});
        lab.admin.create(ROTATION, &stage.namespace, wish).await;
        let database = stage.database("db", &Wanted::due()).await;
        stage.gate(&database, "WindowClosed").await;
        database.wish(&json!({"windows": null})).await;
        stage.one_request_by_name(&database).await;
        stage.still(&database, 1).await;
    });
}

#[test]
fn a_record_that_was_deleted_is_rebuilt() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let database = stage.database("db", &Wanted::due()).await;
        let request = stage.one_request(&database, "RenewalDue").await;
        database.start(&request).await;
        let uid = database.rotation().await["metadata"]["uid"].clone();
        lab.admin.delete(ROTATION, &stage.namespace, "db").await;
        let rebuilt = stage
            .rotation(&database, "the rebuilt record", |status| {
                status["current"]["request"]["name"] == *crate::support::api::name(&request)
            })
            .await;
        assert_ne!(rebuilt["metadata"]["uid"], uid);
        assert!(!has(&rebuilt["status"]["reasons"], "RequestActive"), "{rebuilt}");
        database.carry_out(&request).await;
        stage.closed(&database, "RenewalDue", "verified").await;
        stage.still(&database, 1).await;
    });
}

#[test]
fn a_database_made_anew_under_the_same_name_starts_afresh() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        // GitOps keeps the Rotation through all that.
        let kept = json!({"metadata": {"name": "db"}, "spec": {"renewBefore": "40%"}});
        lab.admin.create(ROTATION, &stage.namespace, kept).await;
        let first = stage.database("db", &Wanted::due()).await;
        let request = stage.one_request_by_name(&first).await;
        first.end(&request, "Denied").await;
        stage.attempt(&first, "RenewalDue", "denied").await;
        first.end_it().await;

        let second = stage.database("db", &Wanted::due()).await;
        let request = stage.one_request_by_name(&second).await;
        second.carry_out(&request).await;
        let rotation = stage.closed(&second, "RenewalDue", "verified").await;
        assert_eq!(rotation["status"]["databaseUid"], *second.uid);
        assert_eq!(rotation["status"]["last"]["attempt"], 1);
        assert_eq!(rotation["spec"], json!({"renewBefore": "40%"}));
        stage.still(&second, 1).await;
    });
}
