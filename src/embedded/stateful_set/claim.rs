//! Whose a pod is: a set controls the pods that its selector selects and that bear its name.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::core::{Selector, SelectorExt as _};

use crate::api::meta;

/// What is to be done about a pod's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// It is the set's.
    Own,
    /// It is nobody's and should be the set's.
    Adopt,
    /// It is the set's and should not be.
    Release,
    /// It is somebody else's.
    Foreign,
}

/// Set and ordinal of a pod's name; none when no set could have given it.
pub(super) fn parse(name: &str) -> Option<(&str, u32)> {
    let (set, ordinal) = name.rsplit_once('-')?;
    let is_number = !ordinal.is_empty() && ordinal.bytes().all(|byte| byte.is_ascii_digit());
    let ordinal = ordinal.parse().ok().filter(|_| is_number)?;
    (!set.is_empty()).then_some((set, ordinal))
}

/// What is to be done about this pod's owner, from this set's view. A set with a selector that
/// cannot be read, which the apiserver lets nobody create, claims nothing.
pub(super) fn claim(set: &StatefulSet, pod: &Pod) -> Claim {
    let selector = set.spec.as_ref().map(|spec| spec.selector.clone());
    let selector = selector.and_then(|selector| Selector::try_from(selector).ok());
    let name = pod.name_any();
    let is_member = parse(&name).is_some_and(|(parent, _)| parent == set.name_any())
        && selector.is_some_and(|selector| selector.matches(pod.labels()));
    match meta::controller(&pod.metadata) {
        Some(controller) if Some(&controller.uid) != set.metadata.uid.as_ref() => Claim::Foreign,
        Some(_) if is_member => Claim::Own,
        Some(_) => Claim::Release,
        None if is_member && !meta::is_deleting(&pod.metadata) => Claim::Adopt,
        None => Claim::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    #[test]
    fn a_name_tells_set_and_ordinal() {
        for (name, parsed) in [
            ("shop-0", Some(("shop", 0))),
            ("a-b-12", Some(("a-b", 12))),
            ("shop", None),
            ("shop-", None),
            ("shop-x", None),
            ("shop-+1", None),
            ("-1", None),
            ("shop-99999999999", None),
        ] {
            assert_eq!(parse(name), parsed, "{name}");
        }
    }

    #[test]
    fn pods_are_adopted_and_let_go_by_label_and_name() {
        let set: StatefulSet = from_value(json!({
            "metadata": {"name": "shop", "uid": "s-1"},
            "spec": {"serviceName": "shop-pods", "selector": {"matchLabels": {"db": "shop"}},
                "template": {}},
        }))
        .unwrap();
        let own = json!([{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "shop",
            "uid": "s-1", "controller": true}]);
        let other = json!([{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "shop",
            "uid": "s-0", "controller": true}]);
        let nobody = Value::Null;
        for (name, label, owner, claimed) in [
            ("shop-0", "shop", &own, Claim::Own),
            ("shop-0", "shop", &nobody, Claim::Adopt),
            ("shop-0", "other", &own, Claim::Release),
            ("shop-0", "other", &nobody, Claim::Foreign),
            ("shop-x", "shop", &nobody, Claim::Foreign),
            ("shop-0", "shop", &other, Claim::Foreign),
        ] {
            let pod: Pod = from_value(json!({"metadata": {"name": name, "labels": {"db": label},
                "ownerReferences": owner}}))
            .unwrap();
            assert_eq!(claim(&set, &pod), claimed, "{name} {label} {owner}");
        }
    }
}
