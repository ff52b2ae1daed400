//! The calls that are made: each with a deadline, none repeated here.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions};
use kube::core::NamespaceResourceScope;
use kube::discovery::ApiResource;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::secret::StoredSecret;
use crate::cluster::failure::{ApiFailure, within};

/// The field manager of all writes.
pub(super) const MANAGER: &str = "cert-manager";
/// The longest that one call may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// The apiserver.
#[derive(Clone)]
pub(super) struct Access {
    client: Client,
}

impl Access {
    pub(super) const fn new(client: Client) -> Self {
        Self { client }
    }

    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    /// An object as JSON, with all its fields; an empty namespace is for what has none.
    pub(super) async fn find<K: Resource<DynamicType = ()>>(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, ApiFailure> {
        let found = within(DEADLINE, self.api::<K>(namespace).get_opt(name)).await?;
        Ok(found.map(plain))
    }

    /// A Secret, as far as it is ours.
    pub(super) async fn find_secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<StoredSecret>, ApiFailure> {
        let api: Api<Secret> = Api::namespaced(self.client(), namespace);
        let found = within(DEADLINE, api.get_opt(name)).await?;
        Ok(found.map(StoredSecret::from))
    }

    /// All objects of a kind in a namespace.
    pub(super) async fn list<K>(&self, namespace: &str) -> Result<Vec<K>, ApiFailure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned,
    {
        let api: Api<K> = Api::namespaced(self.client(), namespace);
        let list = within(DEADLINE, api.list(&kube::api::ListParams::default())).await?;
        Ok(list.items)
    }

    /// Creates an object. It must not be there.
    pub(super) async fn create<K: Resource<DynamicType = ()>>(
        &self,
        namespace: &str,
        mut object: Value,
    ) -> Result<(), ApiFailure> {
        object["apiVersion"] = K::api_version(&()).into();
        object["kind"] = K::kind(&()).into();
        let object: DynamicObject = serde_json::from_value(object)
            .map_err(|error| ApiFailure::Rejected(error.to_string()))?;
        let params =
            PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        within(DEADLINE, self.api::<K>(namespace).create(&params, &object)).await.map(drop)
    }

    /// Applies an object: what is in it becomes so, what was applied before and is not in it goes,
    /// and the rest stays.
    pub(super) async fn apply<K: Resource<DynamicType = ()>>(
        &self,
        namespace: &str,
        name: &str,
        object: &Value,
    ) -> Result<(), ApiFailure> {
        let mut object = object.clone();
        object["apiVersion"] = K::api_version(&()).into();
        object["kind"] = K::kind(&()).into();
        let (api, params) = (self.api::<K>(namespace), PatchParams::apply(MANAGER).force());
        within(DEADLINE, api.patch(name, &params, &Patch::Apply(&object))).await.map(drop)
    }

    /// Merges a change into the status of an object.
    pub(super) async fn merge_status<K: Resource<DynamicType = ()>>(
        &self,
        namespace: &str,
        name: &str,
        change: &Value,
    ) -> Result<(), ApiFailure> {
        let (api, patch) = (self.api::<K>(namespace), Patch::Merge(change));
        let params =
            PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        within(DEADLINE, api.patch_status(name, &params, &patch)).await.map(drop)
    }

    /// Deletes this very object; one that is gone already is fine.
    pub(super) async fn delete<K: Resource<DynamicType = ()>>(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
    ) -> Result<(), ApiFailure> {
        let preconditions =
            Some(Preconditions { uid: Some(uid.to_owned()), resource_version: None });
        let params = DeleteParams { preconditions, ..DeleteParams::default() };
        match within(DEADLINE, self.api::<K>(namespace).delete(name, &params)).await {
            Ok(_) | Err(ApiFailure::NotFound) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    fn api<K: Resource<DynamicType = ()>>(&self, namespace: &str) -> Api<DynamicObject> {
        let resource = ApiResource::erase::<K>(&());
        if namespace.is_empty() {
            Api::all_with(self.client(), &resource)
        } else {
            Api::namespaced_with(self.client(), namespace, &resource)
        }
    }
}

fn plain(object: DynamicObject) -> Value {
    // An object that came as JSON goes back to it.
    serde_json::to_value(object).unwrap_or_default()
}
