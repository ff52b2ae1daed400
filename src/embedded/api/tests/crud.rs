//! Creating, reading, changing, deleting: one object at a time.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use super::server;
use crate::api::rotation::{Rotation, RotationSpec};

fn config_map(name: &str, value: &str) -> ConfigMap {
    let object = json!({"metadata": {"name": name}, "data": {"key": value}});
    serde_json::from_value(object).unwrap()
}

/// Which HTTP status and reason a call was refused with.
fn refusal<T: std::fmt::Debug>(answer: kube::Result<T>) -> String {
    let refused = answer.unwrap_err();
    let kube::Error::Api(status) = refused else { panic!("{refused}") };
    format!("{} {}", status.code, status.reason)
}

#[tokio::test(start_paused = true)]
async fn an_object_is_created_once() {
    let server = server();
    let api: Api<ConfigMap> = Api::namespaced(server.client("me", "default"), "default");
    let created = api.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    assert_eq!(created.name_any(), "a");
    assert_eq!(created.uid().unwrap().len(), 36);
    assert_eq!(created.creation_timestamp().unwrap().0.to_string(), super::NOON);
    let again = api.create(&PostParams::default(), &config_map("a", "2")).await;
    assert_eq!(refusal(again), "409 AlreadyExists");
    assert_eq!(api.get("a").await.unwrap(), created);
    assert_eq!(refusal(api.get("b").await), "404 NotFound");
}

#[tokio::test(start_paused = true)]
async fn a_put_needs_the_newest_version_and_a_no_op_makes_none() {
    let server = server();
    let api: Api<ConfigMap> = Api::namespaced(server.client("me", "default"), "default");
    let created = api.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    let same = api.replace("a", &PostParams::default(), &created).await.unwrap();
    assert_eq!(same, created);

    let mut changed = created.clone();
    changed.data = config_map("a", "2").data;
    let changed = api.replace("a", &PostParams::default(), &changed).await.unwrap();
    assert_ne!(changed.resource_version(), created.resource_version());
    let stale = api.replace("a", &PostParams::default(), &created).await;
    assert_eq!(refusal(stale), "409 Conflict");
}

#[tokio::test(start_paused = true)]
async fn spec_and_status_are_written_apart() {
    let server = server();
    let api: Api<Rotation> = Api::namespaced(server.client("me", "default"), "default");
    let mut rotation = Rotation::new("db", RotationSpec::default());
    rotation.status = Some(serde_json::from_value(json!({"state": "Idle"})).unwrap());
    let created = api.create(&PostParams::default(), &rotation).await.unwrap();
    assert_eq!((created.metadata.generation, created.status.as_ref()), (Some(1), None));

    let both = json!({"spec": {"suspend": true}, "status": {"state": "Idle"}});
    let merge = Patch::Merge(&both);
    let patched = api.patch("db", &PatchParams::default(), &merge).await.unwrap();
    assert_eq!((patched.metadata.generation, patched.status.as_ref()), (Some(2), None));
    assert_eq!(patched.spec.suspend, Some(true));

    let status = json!({"spec": {"suspend": false}, "status": {"state": "Idle"}});
    let patched =
        api.patch_status("db", &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
    assert_eq!(patched.metadata.generation, Some(2));
    assert_eq!(patched.spec.suspend, Some(true));
    assert_eq!(patched.status.unwrap().state.as_deref(), Some("Idle"));

    let wrong = json!({"spec": {"suspend": "yes"}});
    let wrong = api.patch("db", &PatchParams::default(), &Patch::Merge(&wrong)).await;
    assert_eq!(refusal(wrong), "422 Invalid");
}

#[tokio::test(start_paused = true)]
async fn a_delete_may_have_preconditions() {
    let server = server();
    let api: Api<ConfigMap> = Api::namespaced(server.client("me", "default"), "default");
    let created = api.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    for (uid, version) in [(Some("x".to_owned()), None), (None, Some("1".to_owned()))] {
        let preconditions = Some(Preconditions { uid, resource_version: version });
        let params = DeleteParams { preconditions, ..DeleteParams::default() };
        assert_eq!(refusal(api.delete("a", &params).await), "409 Conflict");
    }
    let preconditions =
        Some(Preconditions { uid: created.uid(), resource_version: created.resource_version() });
    let params = DeleteParams { preconditions, ..DeleteParams::default() };
    assert!(api.delete("a", &params).await.unwrap().is_right());
    assert_eq!(refusal(api.delete("a", &params).await), "404 NotFound");
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_the_table_can_be_created() {
    let server = server();
    for (api_version, kind, body) in [
        ("v1", "Secret", json!({"stringData": {"a": "b"}})),
        ("v1", "Pod", json!({"spec": {"containers": [{"name": "mysql", "image": "mysql:9"}]}})),
        ("v1", "Service", json!({"spec": {"ports": [{"port": 3306}]}})),
        (
            "apps/v1",
            "StatefulSet",
            json!({"spec": {"serviceName": "a", "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "mysql", "image": "mysql:9"}]}}}}),
        ),
        ("coordination.k8s.io/v1", "Lease", json!({})),
        ("policy/v1", "PodDisruptionBudget", json!({"spec": {"minAvailable": 1}})),
        ("kubedb.com/v1", "MySQL", json!({"spec": {"version": "9.1.0"}})),
        ("kubedb.com/v1alpha2", "MySQL", json!({"spec": {"version": "9.1.0"}})),
        (
            "ops.kubedb.com/v1alpha1",
            "MySQLOpsRequest",
            json!({"spec": {"type": "Restart", "databaseRef": {"name": "a"}}}),
        ),
        (
            "cert-manager.io/v1",
            "Certificate",
            json!({"spec": {"secretName": "a", "issuerRef": {"name": "ca"}}}),
        ),
        (
            "cert-manager.io/v1",
            "CertificateRequest",
            json!({"spec": {"request": "YQ==", "issuerRef": {"name": "ca"}}}),
        ),
        ("cert-manager.io/v1", "Issuer", json!({"spec": {"selfSigned": {}}})),
        ("cert-manager.io/v1", "ClusterIssuer", json!({"spec": {"selfSigned": {}}})),
        ("certrotor.dev/v1alpha1", "Rotation", json!({})),
    ] {
        let mut object: Value = body;
        let name = api_version.replace(['/', '.'], "-");
        object["apiVersion"] = json!(api_version);
        object["kind"] = json!(kind);
        object["metadata"] = json!({"name": name});
        if kind != "ClusterIssuer" {
            object["metadata"]["namespace"] = json!("shop");
        }
        let made = server.seed(object).unwrap_or_else(|refused| panic!("{kind}: {refused:?}"));
        assert_eq!(made["apiVersion"], api_version);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fork_has_the_same_objects_and_goes_its_own_way() {
    let server = server();
    let old: Api<ConfigMap> = Api::namespaced(server.client("me", "default"), "default");
    let a = old.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    let later =
        super::NOON.parse::<crate::core::time::Time>().unwrap() + crate::core::time::Span::DAY;
    let fork = server.fork(std::sync::Arc::new(crate::clock::PausedClock::new(later)));
    let new: Api<ConfigMap> = Api::namespaced(fork.client("me", "default"), "default");
    assert_eq!(new.get("a").await.unwrap(), a);

    let b = new.create(&PostParams::default(), &config_map("b", "1")).await.unwrap();
    assert_eq!(b.metadata.creation_timestamp.as_ref().unwrap().0, later.timestamp());
    assert_eq!(refusal(old.get("b").await), "404 NotFound");
    old.delete("a", &DeleteParams::default()).await.unwrap();
    new.get("a").await.unwrap();
    assert_eq!(fork.commits_after(0).len(), 1, "history begins with the fork");
}
