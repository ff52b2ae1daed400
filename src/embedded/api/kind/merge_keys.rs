//! By which fields the entries of lists in Kubernetes' own kinds are told apart.

/// The fields that tell the entries of the list called `name` apart; none for a list that is
/// replaced whole. An empty slice: entries are plain values, told apart by themselves.
///
/// The names mean the same in every kind here, but for ports.
pub(in crate::embedded::api) fn merge_keys(
    name: &str,
    in_container: bool,
) -> Option<&'static [&'static str]> {
    match name {
        "conditions" => Some(&["type"]),
        "containers"
        | "env"
        | "ephemeralContainers"
        | "imagePullSecrets"
        | "initContainers"
        | "volumes" => Some(&["name"]),
        "finalizers" => Some(&[]),
        "ownerReferences" => Some(&["uid"]),
        "podIPs" | "hostIPs" => Some(&["ip"]),
        "ports" if in_container => Some(&["containerPort", "protocol"]),
        "ports" => Some(&["port", "protocol"]),
        "volumeMounts" => Some(&["mountPath"]),
        _ => None,
    }
}
