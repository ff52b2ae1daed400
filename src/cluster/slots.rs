//! The slots as a ConfigMap: one entry for each, keyed by the uid of its MySQL.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::listening::listening;
use super::record::{issuer, issuer_text};
use super::shared::{Shared, Standing, Watched};
use crate::api::meta::{MANAGED_BY, MANAGED_BY_LABEL};
use crate::core::fleet::Text;
use crate::core::slots::{Slot, SlotChange, SlotTable};

#[derive(Default, Serialize, Deserialize)]
struct Entry {
    namespace: String,
    database: String,
    issuer: Option<String>,
    request: String,
}

/// Watches the ConfigMap of this name until it is stopped.
pub async fn watch(
    shared: &Arc<Shared>,
    client: &Client,
    (namespace, name): (&str, &str),
    stop: CancellationToken,
) {
    let watched = Watched { resource: "configmaps", group: "", scope: None };
    let stands = |standing| shared.stands(&watched, false, standing);
    stands(Standing::Starting);
    let api = Api::<ConfigMap>::namespaced(listening(client, shared, &watched), namespace);
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut events = std::pin::pin!(watcher(api, config).default_backoff());
    let current = |table| {
        shared.with_stores(|stores| stores.set_slots(table));
        stands(Standing::Synced);
        shared.changed.notify_one();
    };
    let follow = async {
        let mut listed = SlotTable::Missing;
        while let Some(event) = events.next().await {
            match event {
                Ok(watcher::Event::Init) => listed = SlotTable::Missing,
                Ok(watcher::Event::InitApply(slots)) => listed = table_of(&slots),
                Ok(watcher::Event::InitDone) => current(std::mem::take(&mut listed)),
                Ok(watcher::Event::Apply(slots)) => current(table_of(&slots)),
                Ok(watcher::Event::Delete(_)) => current(SlotTable::Missing),
                Err(error) => stands(Standing::from(error)),
            }
        }
    };
    stop.run_until_cancelled(follow).await;
}

/// The slots that a ConfigMap holds. An entry that cannot be read holds a place all the same: it
/// is freed by the rule that frees what no record names.
pub fn table_of(slots: &ConfigMap) -> SlotTable {
    let resource_version = slots.metadata.resource_version.clone().unwrap_or_default();
    let entries = slots.data.iter().flatten();
    let slots = entries.map(|(uid, text)| (Text::from(uid.as_str()), slot_of(text))).collect();
    SlotTable::Known { resource_version: resource_version.into(), slots }
}

/// The ConfigMap that a change makes.
pub fn config_map_of(change: &SlotChange, namespace: &str, name: &str) -> ConfigMap {
    let labels = BTreeMap::from([(MANAGED_BY_LABEL.to_owned(), MANAGED_BY.to_owned())]);
    let slots = change.slots.iter().map(|(uid, slot)| (uid.to_string(), text_of(slot)));
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            labels: Some(labels),
            resource_version: change.expected.as_ref().map(ToString::to_string),
            ..ObjectMeta::default()
        },
        data: Some(slots.collect()),
        ..ConfigMap::default()
    }
}

fn slot_of(text: &str) -> Slot {
    let entry: Entry = serde_json::from_str(text).unwrap_or_default();
    Slot {
        namespace: entry.namespace.into(),
        database: entry.database.into(),
        issuer: entry.issuer.as_deref().and_then(issuer),
        request: entry.request.into(),
    }
}

fn text_of(slot: &Slot) -> String {
    let entry = Entry {
        namespace: slot.namespace.to_string(),
        database: slot.database.to_string(),
        issuer: slot.issuer.as_ref().map(issuer_text),
        request: slot.request.to_string(),
    };
    serde_json::to_string(&entry).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_read_back_as_they_were_written() {
        let slot = Slot {
            namespace: "prod".into(),
            database: "shop".into(),
            issuer: issuer("Issuer/prod/ca"),
            request: "shop-rotate-0a1b2c3d".into(),
        };
        let slots = BTreeMap::from([(Text::from("u1"), slot)]);
        let change = SlotChange { expected: Some("7".into()), slots: slots.clone() };
        let written = config_map_of(&change, "certrotor-system", "certrotor-slots");
        let known = SlotTable::Known { resource_version: "7".into(), slots };
        assert_eq!(table_of(&written), known);
    }

    #[test]
    fn an_entry_that_cannot_be_read_still_holds_its_place() {
        let data = Some(BTreeMap::from([("u1".to_owned(), "{".to_owned())]));
        let broken = ConfigMap { data, ..ConfigMap::default() };
        let SlotTable::Known { slots, .. } = table_of(&broken) else { panic!("no table") };
        assert_eq!(&*slots["u1"].request, "");
    }
}
