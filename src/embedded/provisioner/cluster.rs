//! The apiserver: every read and every write of the provisioner.

use std::time::Duration;

use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::policy::v1 as policy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::{DynamicObject, ObjectList, PartialObjectMeta};
use kube::discovery::ApiResource;
use kube::{Api, Client};
use serde_json::{Value, json};

use super::database::Database;
use super::ownership::{Ownership, owned_by};
use super::problem::Problem;
use crate::api::desired::{agrees, merge_patch, without_nulls};
use crate::api::meta;
use crate::api::pod::Pod;
use crate::api::resources::CERTIFICATE;
use crate::cluster::failure::{ApiFailure, within};

/// How long the apiserver may take to answer.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);
/// The field manager of all writes.
const MANAGER: &str = "kubedb-provisioner";

/// A kind of object that belongs to a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Certificate,
    PodDisruptionBudget,
    Secret,
    Service,
    StatefulSet,
}

impl Kind {
    fn resource(self) -> ApiResource {
        match self {
            Self::Certificate => CERTIFICATE.in_version(CERTIFICATE.versions[0]),
            Self::PodDisruptionBudget => ApiResource::erase::<policy::PodDisruptionBudget>(&()),
            Self::Secret => ApiResource::erase::<core::Secret>(&()),
            Self::Service => ApiResource::erase::<core::Service>(&()),
            Self::StatefulSet => ApiResource::erase::<apps::StatefulSet>(&()),
        }
    }
}

/// An object as the apiserver has it. Of a Secret there is the metadata alone.
#[derive(Clone, Debug)]
pub(super) struct Found {
    kind: Kind,
    pub(super) metadata: ObjectMeta,
    pub(super) value: Value,
}

impl Found {
    pub(super) fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// Whether it is controlled by this owner and stays.
    pub(super) fn is_kept_by(&self, owner: &OwnerReference) -> bool {
        !meta::is_deleting(&self.metadata)
            && meta::controller(&self.metadata).is_some_and(|found| found.uid == owner.uid)
    }
}

/// The apiserver.
pub(super) struct Cluster {
    client: Client,
    mysql: ApiResource,
}

impl Cluster {
    pub(super) fn new(client: Client, mysql: ApiResource) -> Self {
        Self { client, mysql }
    }

    /// A database, not from a cache.
    pub(super) async fn database(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Database>, Problem> {
        let api = self.databases(namespace);
        let found = ask("get", &self.mysql, name, api.get_opt(name)).await?;
        Ok(found.and_then(|found| Database::read(plain(&found), &self.mysql)))
    }

    /// Merges a change into a database as it was read, and gives back what it then is.
    pub(super) async fn change_database(
        &self,
        database: &Database,
        change: Value,
    ) -> Result<Option<Database>, Problem> {
        let (api, name) = (self.databases(database.namespace()), database.name());
        let change = Patch::Merge(as_read(change, &database.mysql.metadata));
        let params = patched();
        let changed = ask("patch", &self.mysql, name, api.patch(name, &params, &change)).await?;
        Ok(Database::read(plain(&changed), &self.mysql))
    }

    /// Merges a change into the status of a database as it was read.
    pub(super) async fn change_status(
        &self,
        database: &Database,
        status: Value,
    ) -> Result<(), Problem> {
        let (api, name) = (self.databases(database.namespace()), database.name());
        let change = as_read(json!({ "status": status }), &database.mysql.metadata);
        let (params, change) = (patched(), Patch::Merge(change));
        let changed = api.patch_status(name, &params, &change);
        ask("patch the status of", &self.mysql, name, changed).await.map(drop)
    }

    fn databases(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &self.mysql)
    }

    /// The pods of a database's servers, by name.
    pub(super) async fn pods(&self, database: &Database) -> Result<Vec<Pod>, Problem> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), database.namespace());
        let params = ListParams::default().labels(&database.selector_text());
        let resource = ApiResource::erase::<Pod>(&());
        let pods: ObjectList<Pod> =
            ask("list", &resource, database.namespace(), api.list(&params)).await?;
        let servers = pods.items.into_iter();
        Ok(servers.filter(|pod| pod.server_of() == Some(database.name())).collect())
    }

    /// Sets a label of a pod.
    pub(super) async fn label_pod(
        &self,
        namespace: &str,
        pod: &str,
        label: &str,
        value: &str,
    ) -> Result<(), Problem> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let change = Patch::Merge(json!({"metadata": {"labels": {label: value}}}));
        let resource = ApiResource::erase::<Pod>(&());
        ask("patch", &resource, pod, api.patch(pod, &patched(), &change)).await.map(drop)
    }

    /// An object, if it is there.
    pub(super) async fn find(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Found>, Problem> {
        let (api, resource) = self.objects(kind, namespace);
        if kind == Kind::Secret {
            let found = ask("get", &resource, name, api.get_metadata_opt(name)).await?;
            return Ok(found.map(metadata_only));
        }
        let found = ask("get", &resource, name, api.get_opt(name)).await?;
        Ok(found.map(|object| whole(kind, &object)))
    }

    /// The objects of a kind that carry a database's labels, by name.
    pub(super) async fn belonging_to(
        &self,
        kind: Kind,
        database: &Database,
    ) -> Result<Vec<Found>, Problem> {
        let namespace = database.namespace();
        let (api, resource) = self.objects(kind, namespace);
        let params = ListParams::default().labels(&database.selector_text());
        if kind == Kind::Secret {
            let list = ask("list", &resource, namespace, api.list_metadata(&params)).await?;
            return Ok(list.items.into_iter().map(metadata_only).collect());
        }
        let list = ask("list", &resource, namespace, api.list(&params)).await?;
        Ok(list.items.iter().map(|object| whole(kind, object)).collect())
    }

    /// Creates an object. One that has come into being since we looked is left for the next turn.
    pub(super) async fn create(&self, kind: Kind, desired: &Value) -> Result<Found, Problem> {
        let namespace = desired["metadata"]["namespace"].as_str().unwrap_or_default();
        let name = desired["metadata"]["name"].as_str().unwrap_or_default();
        let (api, resource) = self.objects(kind, namespace);
        let mut object = without_nulls(desired);
        object["apiVersion"] = json!(resource.api_version);
        object["kind"] = json!(resource.kind);
        let object: DynamicObject = serde_json::from_value(object).map_err(|error| {
            let failure = ApiFailure::Other(error.to_string());
            api_problem("create", &resource, name, failure)
        })?;
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..Default::default() };
        let created = ask("create", &resource, name, api.create(&params, &object)).await?;
        Ok(whole(kind, &created))
    }

    /// Merges a change into an object as it was found.
    pub(super) async fn change(&self, found: &Found, change: &Value) -> Result<Found, Problem> {
        let (api, resource) = self.objects(found.kind, found.namespace());
        let change = Patch::Merge(as_read(merge_patch(change), &found.metadata));
        let (name, params) = (found.name(), patched());
        let changed = ask("patch", &resource, name, api.patch(name, &params, &change)).await?;
        Ok(whole(found.kind, &changed))
    }

    /// Deletes an object that was found, but none that has taken its place meanwhile.
    pub(super) async fn delete(&self, found: &Found) -> Result<(), Problem> {
        let (api, resource) = self.objects(found.kind, found.namespace());
        let preconditions = Preconditions { uid: found.metadata.uid.clone(), ..Default::default() };
        let params = DeleteParams::background().preconditions(preconditions);
        match ask("delete", &resource, found.name(), api.delete(found.name(), &params)).await {
            Err(Problem::Api { failure: ApiFailure::NotFound, .. }) | Ok(_) => Ok(()),
            Err(problem) => Err(problem),
        }
    }

    /// Makes an object of a database what it should be, and gives back what it is then.
    pub(super) async fn ensure(
        &self,
        kind: Kind,
        database: &Database,
        desired: Value,
    ) -> Result<Found, Problem> {
        let name = desired["metadata"]["name"].as_str().unwrap_or_default();
        if let Some(found) = self.find(kind, database.namespace(), name).await? {
            return self.amend(found, database, desired).await;
        }
        let mut desired = desired;
        desired["metadata"]["ownerReferences"] = json!([database.owner]);
        self.create(kind, &desired).await
    }

    /// The same for an object that was found.
    pub(super) async fn amend(
        &self,
        found: Found,
        database: &Database,
        mut desired: Value,
    ) -> Result<Found, Problem> {
        if meta::is_deleting(&found.metadata) {
            return Ok(found);
        }
        match owned_by(&found.metadata, &database.owner) {
            Ownership::Right => {}
            Ownership::Wrong(owners) => desired["metadata"]["ownerReferences"] = json!(owners),
            Ownership::Foreign(owner) => {
                let kind = found.kind.resource().kind;
                return Err(Problem::Foreign { kind, name: found.name().to_owned(), owner });
            }
        }
        if agrees(&found.value, &desired) {
            return Ok(found);
        }
        self.change(&found, &desired).await
    }

    fn objects(&self, kind: Kind, namespace: &str) -> (Api<DynamicObject>, ApiResource) {
        let resource = kind.resource();
        (Api::namespaced_with(self.client.clone(), namespace, &resource), resource)
    }
}

fn patched() -> PatchParams {
    PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() }
}

/// The change, if the object is still what it was when it was read.
fn as_read(mut change: Value, metadata: &ObjectMeta) -> Value {
    change["metadata"]["resourceVersion"] = json!(metadata.resource_version);
    change
}

fn whole(kind: Kind, object: &DynamicObject) -> Found {
    Found { kind, metadata: object.metadata.clone(), value: plain(object) }
}

fn metadata_only(secret: PartialObjectMeta<DynamicObject>) -> Found {
    let value = json!({ "metadata": secret.metadata });
    Found { kind: Kind::Secret, metadata: secret.metadata, value }
}

fn plain(object: &DynamicObject) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

async fn ask<T>(
    call: &'static str,
    resource: &ApiResource,
    name: &str,
    answer: impl Future<Output = kube::Result<T>>,
) -> Result<T, Problem> {
    within(DEADLINE, answer).await.map_err(|failure| api_problem(call, resource, name, failure))
}

fn api_problem(
    call: &'static str,
    resource: &ApiResource,
    name: &str,
    failure: ApiFailure,
) -> Problem {
    Problem::Api { call, kind: resource.kind.clone(), name: name.to_owned(), failure }
}
