//! The environment of a container, some of it from Secrets.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Secret, SecretKeySelector};
use kube::Api;

use super::node::Node;
use crate::cluster::failure::ApiFailure;

/// Reads the environment of a container. An error is what the kubelet says of it.
///
/// Plain values and keys of Secrets are known; other sources are left out.
pub(super) async fn read(
    container: &Container,
    namespace: &str,
    node: &Node,
) -> Result<BTreeMap<String, String>, String> {
    let mut env = BTreeMap::new();
    for variable in container.env.iter().flatten() {
        let source = variable.value_from.as_ref();
        let value = match source.and_then(|source| source.secret_key_ref.as_ref()) {
            Some(reference) => of_secret(reference, namespace, node).await?,
            None if source.is_some() => None,
            None => Some(variable.value.clone().unwrap_or_default()),
        };
        env.extend(value.map(|value| (variable.name.clone(), value)));
    }
    Ok(env)
}

async fn of_secret(
    reference: &SecretKeySelector,
    namespace: &str,
    node: &Node,
) -> Result<Option<String>, String> {
    let (name, key) = (&reference.name, &reference.key);
    let api: Api<Secret> = node.api(namespace);
    let optional = reference.optional == Some(true);
    let secret = match node.calls.run("get", api.get(name)).await {
        Ok(secret) => secret,
        Err(ApiFailure::NotFound) if optional => return Ok(None),
        Err(ApiFailure::NotFound) => return Err(format!("secret \"{name}\" not found")),
        Err(failure) => return Err(failure.to_string()),
    };
    match secret.data.and_then(|mut data| data.remove(key)) {
        Some(value) => Ok(Some(String::from_utf8_lossy(&value.0).into_owned())),
        None if optional => Ok(None),
        None => Err(format!("couldn't find key {key} in Secret {namespace}/{name}")),
    }
}
