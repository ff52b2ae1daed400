//! Server-side apply, as the documentation of Kubernetes describes it.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::super::tests::server;
use super::step::words;
use super::*;

fn resource(api_version: &str, kind: &str) -> Resource {
    let registry = super::super::kind::Registry::builtin();
    registry.find_kind(api_version, kind).unwrap()
}

fn fields(value: &Value, api_version: &str, kind: &str) -> Vec<String> {
    let resource = resource(api_version, kind);
    let set = walk::fields_of(Shape::of(&resource).unwrap(), value);
    set.paths().iter().map(|path| words(path)).collect()
}

#[test]
fn a_pod_is_divided_as_its_type_says() {
    let pod = json!({
        "spec": {
            "containers": [{"name": "db", "image": "mysql", "args": ["a", "b"],
                "ports": [{"containerPort": 3306}], "resources": {"limits": {"cpu": "1"}}}],
            "nodeSelector": {"disk": "ssd"},
        },
        "metadata": {"labels": {"app": "db"}, "finalizers": ["x/y"]},
    });
    assert_eq!(
        fields(&pod, "v1", "Pod"),
        [
            ".metadata.finalizers[=\"x/y\"]",
            ".metadata.labels.app",
            ".spec.nodeSelector",
            ".spec.containers[name=\"db\"]",
            ".spec.containers[name=\"db\"].args",
            ".spec.containers[name=\"db\"].image",
            ".spec.containers[name=\"db\"].name",
            ".spec.containers[name=\"db\"].ports[containerPort=3306,protocol=\"TCP\"]",
            ".spec.containers[name=\"db\"].ports[containerPort=3306,protocol=\"TCP\"].containerPort",
            ".spec.containers[name=\"db\"].resources.limits.cpu",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_an_applier_no_longer_applies_goes_unless_somebody_else_has_it() {
    let server = server();
    let api: Api<ConfigMap> = Api::namespaced(server.client("me", "default"), "default");
    let apply = async |manager: &str, data: Value| {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data});
        api.patch("a", &PatchParams::apply(manager), &Patch::Apply(&map)).await
    };
    apply("one", json!({"a": "1", "b": "1"})).await.unwrap();
    apply("two", json!({"b": "1", "c": "2"})).await.unwrap();
    let conflict = apply("two", json!({"a": "2", "c": "2"})).await.unwrap_err();
    let kube::Error::Api(status) = conflict else { panic!("{conflict}") };
    assert_eq!(status.code, 409);
    let causes = &status.details.as_ref().unwrap().causes;
    assert_eq!(causes.len(), 1, "an equal value is no conflict");
    assert_eq!(causes[0].field, ".data.a");
    assert_eq!(causes[0].reason, "FieldManagerConflict");

    let left = apply("one", json!({"a": "1"})).await.unwrap().data.unwrap();
    assert_eq!(json!(left), json!({"a": "1", "b": "1", "c": "2"}), "b is still two's");
    let left = apply("two", json!({})).await.unwrap().data.unwrap();
    assert_eq!(json!(left), json!({"a": "1"}));
}

#[tokio::test(start_paused = true)]
async fn an_apply_that_changes_nothing_makes_no_version_and_an_edit_conflicts() {
    let server = server();
    let api: Api<ConfigMap> = Api::namespaced(server.client("me", "default"), "default");
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": "1"}});
    let params = PatchParams::apply("one");
    let first = api.patch("a", &params, &Patch::Apply(&map)).await.unwrap();
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    let second = api.patch("a", &params, &Patch::Apply(&map)).await.unwrap();
    assert_eq!(first, second);

    let edit = json!({"data": {"a": "2"}});
    let by =
        PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
    api.patch("a", &by, &Patch::Merge(&edit)).await.unwrap();
    let conflict = api.patch("a", &params, &Patch::Apply(&map)).await.unwrap_err();
    assert!(conflict.to_string().contains("conflict with \"kubectl-edit\" using v1"), "{conflict}");
    let forced = api.patch("a", &params.clone().force(), &Patch::Apply(&map)).await.unwrap();
    assert_eq!(json!(forced.data), json!({"a": "1"}));
    assert_eq!(forced.metadata.managed_fields.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_ten_updaters_are_told_apart() {
    let server = server();
    let api: Api<ConfigMap> = Api::namespaced(server.client("me", "default"), "default");
    let map = json!({"metadata": {"name": "a"}, "data": {"a": "1"}});
    let map: ConfigMap = serde_json::from_value(map).unwrap();
    api.create(&PostParams::default(), &map).await.unwrap();
    for n in 0..14 {
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        let by = PatchParams { field_manager: Some(format!("m{n}")), ..PatchParams::default() };
        let edit = json!({"data": {format!("k{n}"): "1"}});
        api.patch("a", &by, &Patch::Merge(&edit)).await.unwrap();
    }
    let managers = api.get("a").await.unwrap().metadata.managed_fields.unwrap();
    let names: Vec<_> = managers.iter().map(|entry| entry.manager.clone().unwrap()).collect();
    assert_eq!(names.len(), 10);
    assert_eq!(names[0], "ancient-changes");
    assert_eq!(names[9], "m13");
}
