//! A pod from a set's template, and the revision that the template is.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{EmptyDirVolumeSource, Pod, Volume};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::ResourceExt as _;

use crate::api::names;
use crate::core::digest::Digest;

/// The label that says of which revision a pod is.
pub(super) const REVISION_LABEL: &str = "controller-revision-hash";
const NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";
const INDEX_LABEL: &str = "apps.kubernetes.io/pod-index";

/// The name of the template as it is now: the set's name and a hash.
pub(super) fn revision(set: &StatefulSet) -> String {
    let template = set.spec.as_ref().map(|spec| &spec.template);
    let text = serde_json::to_string(&template).unwrap_or_default();
    let hash = Digest::of([text.as_str()]);
    names::with_suffix(&set.name_any(), &hash.to_string())
}

/// The pod of an ordinal.
pub(super) fn pod(set: &StatefulSet, ordinal: u32, revision: &str) -> Pod {
    let name = names::pod(&set.name_any(), ordinal);
    let spec = set.spec.as_ref();
    let template = spec.map(|spec| spec.template.clone()).unwrap_or_default();
    let metadata = template.metadata.unwrap_or_default();
    let mut labels: BTreeMap<String, String> = metadata.labels.unwrap_or_default();
    labels.extend([
        (NAME_LABEL.to_owned(), name.clone()),
        (INDEX_LABEL.to_owned(), ordinal.to_string()),
        (REVISION_LABEL.to_owned(), revision.to_owned()),
    ]);
    let mut pod_spec = template.spec.unwrap_or_default();
    pod_spec.hostname = Some(name.clone());
    pod_spec.subdomain = spec.and_then(|spec| spec.service_name.clone());
    let volumes = pod_spec.volumes.get_or_insert_default();
    volumes.splice(0..0, claimed_volumes(set));
    Pod {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: set.namespace(),
            labels: Some(labels),
            annotations: metadata.annotations,
            finalizers: metadata.finalizers,
            owner_references: Some(vec![owner(set)]),
            ..ObjectMeta::default()
        },
        spec: Some(pod_spec),
        status: None,
    }
}

/// An empty directory in the place of each claim.
fn claimed_volumes(set: &StatefulSet) -> Vec<Volume> {
    let claims = set.spec.as_ref().and_then(|spec| spec.volume_claim_templates.as_ref());
    let empty = |name| Volume {
        name,
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..Volume::default()
    };
    claims.into_iter().flatten().map(|claim| empty(claim.name_any())).collect()
}

/// The reference by which a set controls a pod.
pub(super) fn owner(set: &StatefulSet) -> OwnerReference {
    OwnerReference {
        api_version: "apps/v1".to_owned(),
        kind: "StatefulSet".to_owned(),
        name: set.name_any(),
        uid: set.uid().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    fn set(name: &str, image: &str) -> StatefulSet {
        from_value(json!({
            "metadata": {"name": name, "namespace": "prod", "uid": "s-1"},
            "spec": {
                "serviceName": "shop-pods",
                "selector": {"matchLabels": {"db": "shop"}},
                "template": {
                    "metadata": {"labels": {"db": "shop"}, "annotations": {"a": "b"}},
                    "spec": {"nodeName": "n", "containers": [{"name": "mysql", "image": image}],
                        "volumes": [{"name": "tls-volume", "emptyDir": {}}]},
                },
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {}}],
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_pod_is_the_template_with_a_name_and_a_place() {
        let shop = set("shop", "mysql:9");
        let pod = to_value(pod(&shop, 2, "shop-abc")).unwrap();
        let metadata = &pod["metadata"];
        assert_eq!((&metadata["name"], &metadata["namespace"]), (&json!("shop-2"), &json!("prod")));
        let labels = json!({"db": "shop", "statefulset.kubernetes.io/pod-name": "shop-2",
            "apps.kubernetes.io/pod-index": "2", "controller-revision-hash": "shop-abc"});
        assert_eq!(metadata["labels"], labels);
        assert_eq!(metadata["annotations"], json!({"a": "b"}));
        assert_eq!(metadata["ownerReferences"][0]["uid"], "s-1");
        assert_eq!(metadata["ownerReferences"][0]["controller"], true);
        let spec = &pod["spec"];
        assert_eq!(
            (&spec["hostname"], &spec["subdomain"]),
            (&json!("shop-2"), &json!("shop-pods"))
        );
        assert_eq!(spec["nodeName"], "n");
        let volumes =
            json!([{"name": "data", "emptyDir": {}}, {"name": "tls-volume", "emptyDir": {}}]);
        assert_eq!(spec["volumes"], volumes);
    }

    #[test]
    fn a_revision_changes_with_the_template_alone() {
        let mut shop = set("shop", "mysql:9");
        let first = revision(&shop);
        assert!(first.starts_with("shop-") && first.len() == 21, "{first}");
        shop.spec.as_mut().unwrap().replicas = Some(5);
        assert_eq!(revision(&shop), first);
        assert_ne!(revision(&set("shop", "mysql:10")), first);
        assert!(revision(&set(&"x".repeat(63), "mysql:9")).len() <= 63);
    }
}
