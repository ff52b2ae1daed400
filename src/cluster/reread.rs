//! Uncached reads: what the apiserver holds now, put into the stores before a decision is made again.

use std::collections::BTreeSet;

use kube::Api;
use kube::api::ListParams;

use super::client::ApiFailure;
use super::slots::table_of;
use super::stores::Kind;
use super::write::Writer;
use crate::api::ops_request::MySqlOpsRequest;
use crate::core::fleet::Key;
use crate::core::slots::SlotTable;

impl Writer<'_> {
    /// Reads one database's objects, uncached.
    pub(super) async fn read_again(&self, key: &Key) -> Result<(), ApiFailure> {
        let (mysqls, requests) = (self.mysqls(key), self.requests(key));
        let everything = ListParams::default();
        let (mysql, list, ()) = tokio::try_join!(
            self.calls.run("get", mysqls.get_opt(&key.name)),
            self.calls.run("list", requests.list(&everything)),
            self.read_rotation(key),
        )?;
        let version = list.metadata.resource_version.unwrap_or_default();
        self.shared.with_stores(|stores| {
            match mysql {
                Some(mysql) => drop(stores.apply(mysql.into())),
                None => stores.gone(Kind::MySql, &key.namespace, &key.name),
            }
            stores.refresh_requests(Some(&key.namespace), list.items, &version);
        });
        Ok(())
    }

    pub(super) async fn read_rotation(&self, key: &Key) -> Result<(), ApiFailure> {
        let api = self.rotations(key);
        let rotation = self.calls.run("get", api.get_opt(&key.name)).await?;
        self.shared.with_stores(|stores| match rotation {
            Some(rotation) => drop(stores.apply(rotation.into())),
            None => stores.gone(Kind::Rotation, &key.namespace, &key.name),
        });
        Ok(())
    }

    /// Reads every request that may count as in flight, uncached.
    pub(super) async fn read_all_requests(&self) -> Result<(), ApiFailure> {
        for scope in self.slots.scopes {
            let api: Api<MySqlOpsRequest> = match scope {
                Some(namespace) => Api::namespaced(self.client.clone(), namespace),
                None => Api::all(self.client.clone()),
            };
            let list = self.calls.run("list", api.list(&ListParams::default())).await?;
            let version = list.metadata.resource_version.unwrap_or_default();
            self.shared.with_stores(|stores| {
                stores.refresh_requests(scope.as_deref(), list.items, &version);
            });
        }
        Ok(())
    }

    /// Reads the slots, uncached. The databases that hold them.
    pub(super) async fn read_slots(&self) -> Result<BTreeSet<Key>, ApiFailure> {
        let api = self.config_maps();
        let found = self.calls.run("get", api.get_opt(self.slots.name)).await?;
        let table = found.as_ref().map_or(SlotTable::Missing, table_of);
        let held = match &table {
            SlotTable::Known { slots, .. } => {
                slots.values().map(|slot| Key::new(&slot.namespace, &slot.database)).collect()
            }
            SlotTable::Missing | SlotTable::Unknown => BTreeSet::new(),
        };
        self.shared.with_stores(|stores| stores.set_slots(table));
        Ok(held)
    }
}
