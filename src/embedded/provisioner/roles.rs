//! Which pod is the primary: the part of KubeDB's coordinator.
//!
//! Where servers are a replication group, the group decides, and each pod's condition says what its
//! server is there. Elsewhere the Ready pod of the lowest ordinal is the primary at first, and stays
//! it for as long as it is Ready; then a Ready standby takes over.

use crate::api::meta::{self, ConditionStatus};
use crate::api::pod::Pod;
use crate::embedded::pods::PRIMARY_CONDITION;

/// The label that says a pod's role.
pub(super) const ROLE_LABEL: &str = "kubedb.com/role";

/// What a server is to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Primary,
    Standby,
}

impl Role {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Standby => "standby",
        }
    }

    fn is_of(self, pod: &Pod) -> bool {
        meta::label(&pod.metadata, ROLE_LABEL) == Some(self.as_str())
    }
}

/// The labels to change, in the order in which to change them: never are there two primaries.
///
/// A pod that has not served yet has no role.
pub(super) fn changes(pods: &[Pod]) -> Vec<(String, Role)> {
    let mut pods: Vec<&Pod> = pods.iter().collect();
    pods.sort_by_key(|pod| ordinal(pod));
    let primary = primary(&pods);
    let is_primary = |pod: &Pod| primary.is_some_and(|primary| name(primary) == name(pod));

    let mut changes = Vec::new();
    for pod in pods.iter().filter(|pod| !is_primary(pod)) {
        let serves = serves(pod) || Role::Primary.is_of(pod);
        if serves && !Role::Standby.is_of(pod) {
            changes.push((name(pod), Role::Standby));
        }
    }
    if let Some(primary) = primary.filter(|primary| !Role::Primary.is_of(primary)) {
        changes.push((name(primary), Role::Primary));
    }
    changes
}

/// Who should be it. While nobody is Ready, whoever was it last, or nobody.
fn primary<'a>(pods: &[&'a Pod]) -> Option<&'a Pod> {
    let find = |wanted: &dyn Fn(&Pod) -> bool| pods.iter().copied().find(|pod| wanted(pod));
    if find(&|pod| is_told(pod).is_some()).is_some() {
        let elected = |pod: &Pod| serves(pod) && is_told(pod) == Some(true);
        // The old one may not have heard of it yet.
        return find(&|pod| elected(pod) && !Role::Primary.is_of(pod))
            .or_else(|| find(&elected))
            .or_else(|| find(&|pod| Role::Primary.is_of(pod)));
    }
    find(&|pod| serves(pod) && Role::Primary.is_of(pod))
        .or_else(|| find(&serves))
        .or_else(|| find(&|pod| Role::Primary.is_of(pod)))
}

/// Whether the group says that the pod is its primary; none where it says nothing.
fn is_told(pod: &Pod) -> Option<bool> {
    match meta::condition(&pod.status.conditions, PRIMARY_CONDITION)?.status.as_ref()? {
        ConditionStatus::True => Some(true),
        ConditionStatus::False => Some(false),
        ConditionStatus::Unknown | ConditionStatus::Other(_) => None,
    }
}

/// Whether a pod can be the primary: one that is being deleted is on its way out.
pub(super) fn serves(pod: &Pod) -> bool {
    pod.is_ready() && !meta::is_deleting(&pod.metadata)
}

fn name(pod: &Pod) -> String {
    pod.metadata.name.clone().unwrap_or_default()
}

fn ordinal(pod: &Pod) -> u32 {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let ordinal = name.rsplit('-').next().and_then(|ordinal| ordinal.parse().ok());
    ordinal.unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    /// `1 ready primary elected`: a pod with this ordinal, in this state, with this role, and what
    /// its group says of it.
    fn pod(text: &str) -> Pod {
        let words: Vec<&str> = text.split(' ').collect();
        let status = if words[1] == "unready" { "False" } else { "True" };
        let deleted = (words[1] == "leaving").then_some("2026-11-23T22:00:00Z");
        let role = words.get(2).filter(|role| **role != "-");
        let role = role.map_or(Value::Null, |role| json!({ROLE_LABEL: role}));
        let mut conditions = vec![json!({"type": "Ready", "status": status})];
        if let Some(told) = words.get(3) {
            let status = if *told == "elected" { "True" } else { "False" };
            conditions.push(json!({"type": PRIMARY_CONDITION, "status": status}));
        }
        from_value(json!({
            "metadata": {"name": format!("shop-{}", words[0]), "labels": role,
                "deletionTimestamp": deleted},
            "status": {"conditions": conditions},
        }))
        .unwrap()
    }

    #[test]
    fn exactly_one_ready_pod_is_the_primary() {
        for (pods, expected) in [
            // At first the lowest ordinal, as soon as it is Ready.
            (vec!["0 unready"], vec![]),
            (vec!["0 ready"], vec!["0 primary"]),
            (vec!["10 ready", "2 ready"], vec!["10 standby", "2 primary"]),
            (vec!["0 ready primary", "1 ready", "2 unready"], vec!["1 standby"]),
            (vec!["0 ready primary", "1 ready standby"], vec![]),
            // The primary goes: it loses the label before another gets it.
            (
                vec!["0 leaving primary", "1 ready standby", "2 ready standby"],
                vec!["0 standby", "1 primary"],
            ),
            (vec!["0 unready primary", "1 ready standby"], vec!["0 standby", "1 primary"]),
            (vec!["1 ready standby", "2 ready standby"], vec!["1 primary"]),
            // The one that comes back is a standby, whatever its ordinal.
            (vec!["0 ready", "1 ready primary"], vec!["0 standby"]),
            // Nobody can take over.
            (vec!["0 unready primary", "1 unready standby"], vec![]),
            (vec!["0 leaving primary"], vec![]),
            // Two, after somebody else's doing.
            (vec!["0 ready primary", "1 ready primary"], vec!["1 standby"]),
            (vec!["0 ready admiral", "1 ready primary"], vec!["0 standby"]),
            (vec![], vec![]),
            // The group decides, whatever the ordinals.
            (vec!["0 ready - follows", "1 ready - elected"], vec!["0 standby", "1 primary"]),
            (
                vec!["0 ready primary follows", "1 ready standby elected"],
                vec!["0 standby", "1 primary"],
            ),
            // The old one has not heard yet that its role is handed over.
            (
                vec!["0 ready primary elected", "1 ready standby elected"],
                vec!["0 standby", "1 primary"],
            ),
            (vec!["0 ready primary elected", "1 ready standby follows"], vec![]),
            (vec!["0 leaving primary elected", "1 ready standby follows"], vec![]),
            (
                vec!["0 leaving primary elected", "1 ready standby elected"],
                vec!["0 standby", "1 primary"],
            ),
            // One that has just joined has no part yet.
            (vec!["0 ready primary elected", "1 unready"], vec![]),
        ] {
            let told: Vec<String> = changes(&pods.iter().map(|text| pod(text)).collect::<Vec<_>>())
                .iter()
                .map(|(name, role)| {
                    format!("{} {}", name.trim_start_matches("shop-"), role.as_str())
                })
                .collect();
            assert_eq!(told, expected, "{pods:?}");
        }
    }
}
