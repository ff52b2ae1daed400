// long: every write of the daemon is in this file, and nowhere else
//! Every write of the daemon, each under the name of its [`WritePoint`].
//!
//! Decisions are made on watched facts, which may be old. So whatever moves a rotation is decided
//! twice: before such a write its objects are read again, uncached, the plan is made anew on them,
//! and only if it still says the same is it done. The write itself is a compare-and-swap, a create
//! under a name that the record holds, or a delete with uid and resourceVersion.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client};

use super::client::{ApiFailure, Calls};
use super::facts::request::{annotations, labels};
use super::record::status_patch;
use super::shared::Shared;
use super::slots::{config_map_of, table_of};
use super::snapshot::Context;
use super::stores::Kind;
use crate::api::meta::{MANAGED_BY, MANAGED_BY_LABEL};
use crate::api::mysql::MySql;
use crate::api::ops_request::{Apply, MySqlOpsRequest, NewRotationRequest};
use crate::api::rotation::{Rotation, RotationSpec};
use crate::core::fleet::{Database, Fleet, Key};
use crate::core::plan::{Plan, Step, after_unmakable, plan};
use crate::core::policy::RulesOf;
use crate::core::record::{self, Record, Shown};
use crate::core::rotation::Write;
use crate::core::slots::SlotChange;
use crate::core::time::Time;
use crate::core::vocabulary::{Outcome, WritePoint};
use crate::daemon::tell::Teller;

/// Who writes: the field manager of every object.
pub const FIELD_MANAGER: &str = "certrotor";
/// How many writes that do not wait for each other are under way at once.
const AT_ONCE: usize = 8;
/// How many of those one turn of the loop carries out; the rest follows in the next.
const PER_TURN: usize = 512;

/// The daemon's hand on the cluster.
pub struct Writer<'a> {
    /// The apiserver.
    pub client: &'a Client,
    /// Deadlines and counts.
    pub calls: &'a Calls,
    /// Where answers go, so that the next plan sees them before the watches do.
    pub shared: &'a Shared,
    /// What plans are made with.
    pub context: &'a Context<'a>,
    /// Logs, counts and posts what was done.
    pub teller: &'a Teller,
    /// Where the slots are.
    pub slots: SlotsAt<'a>,
    /// Whether this process still leads: asked before each write.
    pub leads: &'a (dyn Fn() -> bool + Sync),
    /// The moment, asked before each decision.
    pub now: &'a (dyn Fn() -> Time + Sync),
}

/// Where the slots are.
#[derive(Clone, Copy)]
pub struct SlotsAt<'a> {
    /// The namespace of certrotor.
    pub namespace: &'a str,
    /// The name of the ConfigMap.
    pub name: &'a str,
    /// The namespaces whose requests count; none: all.
    pub scopes: &'a [Option<String>],
}

/// A Rotation whose status is to say something else.
pub struct Showing {
    /// Which.
    pub key: Key,
    /// Its database, as it was looked at.
    pub database: Arc<Database>,
    /// What is remembered, with the owner that it has from now on.
    pub record: Record,
    /// What is shown.
    pub shown: Shown,
}

/// What a turn of writing came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Writes that were done.
    pub done: usize,
    /// Writes that were given up because the cluster had moved on: they are decided anew.
    pub overtaken: usize,
    /// Writes that failed.
    pub failed: usize,
}

/// What one write came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    Yes,
    /// The cluster has moved on: it is decided anew.
    Overtaken,
}

type Attempted = Result<Done, ApiFailure>;

impl Writer<'_> {
    /// Carries a plan out: the slots first, then rotations one by one, then the housekeeping.
    /// Stops at the first sign that the apiserver is not there.
    pub async fn carry_out(&self, fleet: &Fleet, plan: &Plan) -> Written {
        let mut written = Written::default();
        if let Some(change) = &plan.slots
            && !self.note(
                &mut written,
                "slots",
                slot_point(change),
                self.change_slots(change).await,
            )
        {
            return written;
        }
        let (housekeeping, protocol): (Vec<_>, Vec<_>) =
            plan.steps.iter().partition(|step| !moves_a_rotation(step.write.point()));
        for step in protocol {
            let outcome = self.move_on(&step.key, step.write.point()).await;
            if !self.note(&mut written, &step.key, step.write.point(), outcome) {
                return written;
            }
        }
        let housekeeping: Vec<Step> = housekeeping.into_iter().take(PER_TURN).cloned().collect();
        let writes = housekeeping.into_iter().map(|step| async move {
            let outcome = self.perform(fleet, &step.key, &step.write).await;
            (step.key, step.write.point(), outcome)
        });
        let mut under_way = futures::stream::iter(writes).buffer_unordered(AT_ONCE);
        while let Some((key, point, outcome)) = under_way.next().await {
            if !self.note(&mut written, &key, point, outcome) {
                break;
            }
        }
        written
    }

    /// Shows people what changed.
    pub async fn show(&self, changes: Vec<Showing>) -> Written {
        let mut written = Written::default();
        let writes = changes.into_iter().take(PER_TURN).map(|showing| async move {
            let Showing { key, database, record, shown } = showing;
            let outcome = match &database.rotation {
                Some(rotation) => self.swap(&key, rotation, &record, &shown).await,
                None => Ok(Done::Overtaken),
            };
            (key, outcome)
        });
        let mut under_way = futures::stream::iter(writes).buffer_unordered(AT_ONCE);
        while let Some((key, outcome)) = under_way.next().await {
            if !self.note(&mut written, &key, WritePoint::ShowStatus, outcome) {
                break;
            }
        }
        written
    }

    /// Counts an outcome. False when it makes no sense to go on this turn.
    fn note(
        &self,
        written: &mut Written,
        what: impl std::fmt::Display,
        point: WritePoint,
        outcome: Attempted,
    ) -> bool {
        match outcome {
            Ok(done) => {
                match done {
                    Done::Yes => written.done += 1,
                    Done::Overtaken => written.overtaken += 1,
                }
                self.teller.wrote(point, if done == Done::Yes { "ok" } else { "overtaken" });
                true
            }
            Err(failure) => {
                written.failed += 1;
                self.teller.write_failed(&what.to_string(), point, &failure);
                !failure.may_have_happened()
            }
        }
    }

    /// Decides once more on what the apiserver holds now, and writes if that is still the same.
    async fn move_on(&self, key: &Key, point: WritePoint) -> Attempted {
        self.read_again(key).await?;
        if point == WritePoint::CreateRequest {
            self.read_slots().await?;
        }
        let (fleet, again) = self.plan_again();
        let step = again.steps.into_iter().find(|step| step.key == *key);
        match step {
            Some(step) if step.write.point() == point => {
                self.perform(&fleet, key, &step.write).await
            }
            _ => Ok(Done::Overtaken),
        }
    }

    fn plan_again(&self) -> (Fleet, Plan) {
        let fleet = self.shared.with_stores(|stores| stores.snapshot(self.context));
        let again = plan(&fleet, self.context.policy, (self.now)());
        (fleet, again)
    }

    async fn perform(&self, fleet: &Fleet, key: &Key, write: &Write) -> Attempted {
        let Some(database) = fleet.databases.get(key) else {
            return Ok(Done::Overtaken);
        };
        if !(self.leads)() {
            return Ok(Done::Overtaken);
        }
        match write {
            Write::CreateRotation => self.create_rotation(key, database).await,
            Write::CreateRequest => self.create_request(fleet, key, database).await,
            Write::Record { point, record } => {
                let Some(rotation) = &database.rotation else {
                    return Ok(Done::Overtaken);
                };
                let done = self.swap(key, rotation, record, &rotation.shown).await?;
                if done == Done::Yes {
                    self.teller.recorded(key, database, *point, record, (self.now)());
                }
                Ok(done)
            }
            Write::DeleteRequest { point, name, uid, resource_version } => {
                let preconditions = Preconditions {
                    uid: Some(uid.to_string()),
                    resource_version: Some(resource_version.to_string()),
                };
                let done = self.delete_request(key, name, preconditions).await?;
                if done == Done::Yes {
                    self.teller.deleted(key, database, *point, name);
                }
                Ok(done)
            }
        }
    }

    async fn create_rotation(&self, key: &Key, database: &Database) -> Attempted {
        let rotation = Rotation {
            metadata: ObjectMeta {
                name: Some(key.name.to_string()),
                namespace: Some(key.namespace.to_string()),
                labels: Some(BTreeMap::from([(
                    MANAGED_BY_LABEL.to_owned(),
                    MANAGED_BY.to_owned(),
                )])),
                owner_references: Some(vec![self.owner(key, database)]),
                ..ObjectMeta::default()
            },
            spec: RotationSpec::default(),
            status: None,
        };
        let api = self.rotations(key);
        match self.calls.run("create", api.create(&post(), &rotation)).await {
            Ok(created) => {
                self.shared.with_stores(|stores| stores.apply(created.into()));
                Ok(Done::Yes)
            }
            Err(ApiFailure::AlreadyExists) => {
                self.read_rotation(key).await?;
                Ok(Done::Overtaken)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Replaces what `status` says, if it still says what this was decided on.
    async fn swap(
        &self,
        key: &Key,
        rotation: &record::Rotation,
        record: &Record,
        shown: &Shown,
    ) -> Attempted {
        let old = (&rotation.record, &rotation.shown);
        let patch = status_patch(old, (record, shown), &rotation.resource_version);
        let Some(patch) = patch else {
            return Ok(Done::Overtaken);
        };
        if !(self.leads)() {
            return Ok(Done::Overtaken);
        }
        let api = self.rotations(key);
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(&patch);
        let call = api.patch_status(&key.name, &params, &patch);
        match self.calls.run("patch", call).await {
            Ok(patched) => {
                self.shared.with_stores(|stores| stores.apply(patched.into()));
                Ok(Done::Yes)
            }
            Err(ApiFailure::Conflict | ApiFailure::NotFound) => {
                self.read_rotation(key).await?;
                Ok(Done::Overtaken)
            }
            Err(failure) => Err(failure),
        }
    }

    async fn create_request(&self, fleet: &Fleet, key: &Key, database: &Database) -> Attempted {
        let rotation = database.rotation.as_ref();
        let current = rotation.and_then(|rotation| rotation.record.current.as_ref());
        let (Some(current), Some(installation)) = (current, &fleet.installation) else {
            return Ok(Done::Overtaken);
        };
        let rules = RulesOf::new(self.context.policy).database(&key.namespace, &database.labels);
        let request = MySqlOpsRequest::from(NewRotationRequest {
            name: current.request.name.to_string(),
            namespace: key.namespace.to_string(),
            database: key.name.to_string(),
            owner: self.owner(key, database),
            labels: labels(installation, &key.name),
            annotations: annotations(installation, &database.uid, current),
            apply: Apply::from(current.request.apply.as_str()),
            timeout: rules.timeout,
        });
        let api = self.requests(key);
        match self.calls.run("create", api.create(&post(), &request)).await {
            Ok(created) => {
                self.shared.with_stores(|stores| stores.apply(created.into()));
                self.teller.created(key, database, current);
                Ok(Done::Yes)
            }
            Err(ApiFailure::AlreadyExists) => {
                // A list of one: the daemon has no other need to `get` requests.
                let named = format!("metadata.name={}", current.request.name);
                let named = ListParams::default().fields(&named);
                let mut list = self.calls.run("list", api.list(&named)).await?;
                let Some(found) = list.items.pop() else {
                    return Ok(Done::Overtaken);
                };
                // One that is about another database would never be seen as this one's.
                let about_another = found.spec.database_ref.name != *key.name;
                self.shared.with_stores(|stores| stores.apply(found.into()));
                if about_another {
                    return self.unmakable(fleet, key, Outcome::ForeignRequest).await;
                }
                Ok(Done::Overtaken)
            }
            Err(ApiFailure::Rejected(message)) => {
                self.teller.rejected(key, database, &message);
                self.unmakable(fleet, key, Outcome::Rejected).await
            }
            Err(failure) => Err(failure),
        }
    }

    /// Ends an attempt whose request cannot be made.
    async fn unmakable(&self, fleet: &Fleet, key: &Key, outcome: Outcome) -> Attempted {
        let write = after_unmakable(fleet, self.context.policy, key, outcome, (self.now)());
        match write {
            Some(write @ Write::Record { .. }) => Box::pin(self.perform(fleet, key, &write)).await,
            Some(_) | None => Ok(Done::Overtaken),
        }
    }

    async fn delete_request(
        &self,
        key: &Key,
        name: &str,
        preconditions: Preconditions,
    ) -> Attempted {
        let api = self.requests(key);
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        match self.calls.run("delete", api.delete(name, &params)).await {
            Ok(_) => Ok(Done::Yes),
            Err(ApiFailure::NotFound) => {
                let gone = |stores: &mut super::stores::Stores| {
                    stores.gone(Kind::OpsRequest, &key.namespace, name);
                };
                self.shared.with_stores(gone);
                Ok(Done::Overtaken)
            }
            Err(ApiFailure::Conflict) => Ok(Done::Overtaken),
            Err(failure) => Err(failure),
        }
    }

    /// Takes and frees slots, on what the apiserver holds now: the slots first, then every record
    /// that a change is about, so that none is freed on the strength of an older record.
    async fn change_slots(&self, change: &SlotChange) -> Attempted {
        let mut about = self.read_slots().await?;
        about.extend(change.slots.values().map(|slot| Key::new(&slot.namespace, &slot.database)));
        for key in about.iter().filter(|key| !key.name.is_empty()) {
            self.read_rotation(key).await?;
        }
        self.read_all_requests().await?;
        let (_, again) = self.plan_again();
        let Some(change) = again.slots else {
            return Ok(Done::Overtaken);
        };
        if !(self.leads)() {
            return Ok(Done::Overtaken);
        }
        let SlotsAt { namespace, name, .. } = self.slots;
        let api = self.config_maps();
        let slots = config_map_of(&change, namespace, name);
        let result = if change.expected.is_some() {
            self.calls.run("update", api.replace(name, &post(), &slots)).await
        } else {
            self.calls.run("create", api.create(&post(), &slots)).await
        };
        match result {
            Ok(written) => {
                self.shared.with_stores(|stores| stores.set_slots(table_of(&written)));
                Ok(Done::Yes)
            }
            Err(ApiFailure::Conflict | ApiFailure::AlreadyExists | ApiFailure::NotFound) => {
                self.read_slots().await?;
                Ok(Done::Overtaken)
            }
            Err(failure) => Err(failure),
        }
    }

    /// What is made for a database goes with it. It neither controls nor blocks.
    fn owner(&self, key: &Key, database: &Database) -> OwnerReference {
        let resource = self.shared.mysql_resource();
        OwnerReference {
            api_version: resource.api_version,
            kind: resource.kind,
            name: key.name.to_string(),
            uid: database.uid.to_string(),
            controller: Some(false),
            block_owner_deletion: None,
        }
    }

    pub(super) fn rotations(&self, key: &Key) -> Api<Rotation> {
        Api::namespaced(self.client.clone(), &key.namespace)
    }

    pub(super) fn requests(&self, key: &Key) -> Api<MySqlOpsRequest> {
        Api::namespaced(self.client.clone(), &key.namespace)
    }

    pub(super) fn mysqls(&self, key: &Key) -> Api<MySql> {
        Api::namespaced_with(self.client.clone(), &key.namespace, &self.shared.mysql_resource())
    }

    pub(super) fn config_maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), self.slots.namespace)
    }
}

/// These are decided twice. The others are harmless when they are late: a create of what should
/// exist, a note, the deletion of something finished; compare-and-swap guards them all.
const fn moves_a_rotation(point: WritePoint) -> bool {
    !matches!(
        point,
        WritePoint::CreateRotation
            | WritePoint::ResetRecord
            | WritePoint::NoteSchedule
            | WritePoint::PruneRequest
            | WritePoint::ShowStatus
    )
}

const fn slot_point(change: &SlotChange) -> WritePoint {
    if change.expected.is_some() { WritePoint::ChangeSlots } else { WritePoint::CreateSlots }
}

fn post() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }
}
