//! Whose an object is: what we make is controlled by the database, and what somebody else controls
//! is left alone.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::api::meta;

/// What an object's owners should become.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ownership {
    /// They are right.
    Right,
    /// The database is missing among them, or should not be among them.
    Wrong(Vec<OwnerReference>),
    /// Somebody else controls the object: kind and name.
    Foreign(String),
}

/// Compares an object's owners with `owner` as its controller.
pub(super) fn owned_by(metadata: &ObjectMeta, owner: &OwnerReference) -> Ownership {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    match meta::controller(metadata) {
        Some(controller) if controller.uid == owner.uid => Ownership::Right,
        Some(controller) => Ownership::Foreign(format!("{} {}", controller.kind, controller.name)),
        None => {
            let others = owners.iter().filter(|other| other.uid != owner.uid);
            Ownership::Wrong(others.chain([owner]).cloned().collect())
        }
    }
}

/// Compares an object's owners with all of them but `owner`.
pub(super) fn released_by(metadata: &ObjectMeta, owner: &OwnerReference) -> Ownership {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    if !meta::is_owned_by(metadata, &owner.uid) {
        return Ownership::Right;
    }
    Ownership::Wrong(owners.iter().filter(|other| other.uid != owner.uid).cloned().collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    fn owner(uid: &str, controller: bool) -> Value {
        json!({"apiVersion": "kubedb.com/v1", "kind": "MySQL", "name": "shop", "uid": uid,
            "controller": controller})
    }

    fn metadata(owners: &[Value]) -> ObjectMeta {
        from_value(json!({"name": "x", "ownerReferences": owners})).unwrap()
    }

    #[test]
    fn an_object_has_one_controller() {
        let shop: OwnerReference = from_value(owner("u-1", true)).unwrap();
        for (owners, expected) in [
            (vec![], Some(vec!["u-1"])),
            (vec![owner("u-1", true)], None),
            (vec![owner("u-1", false)], Some(vec!["u-1"])),
            (vec![owner("u-2", false)], Some(vec!["u-2", "u-1"])),
        ] {
            let ownership = owned_by(&metadata(&owners), &shop);
            match (ownership, expected) {
                (Ownership::Right, None) => {}
                (Ownership::Wrong(owners), Some(expected)) => {
                    let uids: Vec<_> = owners.iter().map(|owner| owner.uid.as_str()).collect();
                    assert_eq!(uids, expected);
                }
                (ownership, expected) => panic!("{ownership:?} {expected:?}"),
            }
        }
        let foreign = owned_by(&metadata(&[owner("u-2", true)]), &shop);
        assert_eq!(foreign, Ownership::Foreign("MySQL shop".to_owned()));
    }

    #[test]
    fn what_is_released_keeps_its_other_owners() {
        let shop: OwnerReference = from_value(owner("u-1", true)).unwrap();
        assert_eq!(released_by(&metadata(&[owner("u-2", true)]), &shop), Ownership::Right);
        let both = metadata(&[owner("u-1", true), owner("u-2", false)]);
        let Ownership::Wrong(left) = released_by(&both, &shop) else { panic!("not released") };
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].uid, "u-2");
    }
}
