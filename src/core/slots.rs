//! Slots: how many rotations may be in flight, as one object changed by compare-and-swap.

use std::collections::BTreeMap;

use super::fleet::{IssuerKey, Text};

/// The slots, as the ConfigMap holds them. Keyed by the uid of the MySQL.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum SlotTable {
    /// Not read yet: nothing may be taken.
    #[default]
    Unknown,
    /// There is none: it is rebuilt before the first create.
    Missing,
    /// These.
    Known {
        /// The resourceVersion that a change must find.
        resource_version: Text,
        /// MySQL uid → what holds it.
        slots: BTreeMap<Text, Slot>,
    },
}

/// A place among the rotations in flight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The namespace of the MySQL.
    pub namespace: Text,
    /// The name of the MySQL.
    pub database: Text,
    /// The issuer of its server certificate.
    pub issuer: Option<IssuerKey>,
    /// The request that it was taken for.
    pub request: Text,
}

/// A change of the slots: what the table should be.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotChange {
    /// The resourceVersion that it must find; none: the ConfigMap is created.
    pub expected: Option<Text>,
    /// All slots after the change.
    pub slots: BTreeMap<Text, Slot>,
}

/// Collects what each database wants of the slots, and says what to write.
#[derive(Debug)]
pub struct SlotKeeper<'a> {
    table: &'a SlotTable,
    wanted: BTreeMap<Text, Slot>,
}

impl<'a> SlotKeeper<'a> {
    /// For the table as it stands.
    pub const fn new(table: &'a SlotTable) -> Self {
        Self { table, wanted: BTreeMap::new() }
    }

    /// Whether this MySQL holds a slot for this request: one for another request is not valid.
    pub fn holds(&self, uid: &Text, request: &str) -> bool {
        match self.table {
            SlotTable::Known { slots, .. } => {
                slots.get(uid).is_some_and(|slot| &*slot.request == request)
            }
            SlotTable::Missing | SlotTable::Unknown => false,
        }
    }

    /// This MySQL should hold this slot; whoever is not named here holds none. One that it holds
    /// already stays as it was taken.
    pub fn want(&mut self, uid: &Text, slot: Slot) {
        let held = match self.table {
            SlotTable::Known { slots, .. } => slots.get(uid),
            SlotTable::Missing | SlotTable::Unknown => None,
        };
        let held = held.filter(|held| held.request == slot.request);
        let slot = held.cloned().unwrap_or(slot);
        self.wanted.insert(Text::clone(uid), slot);
    }

    /// The change, if the table is not what it should be.
    pub fn change(self) -> Option<SlotChange> {
        match self.table {
            SlotTable::Unknown => None,
            SlotTable::Missing if self.wanted.is_empty() => None,
            SlotTable::Missing => Some(SlotChange { expected: None, slots: self.wanted }),
            SlotTable::Known { slots, .. } if *slots == self.wanted => None,
            SlotTable::Known { resource_version, .. } => Some(SlotChange {
                expected: Some(Text::clone(resource_version)),
                slots: self.wanted,
            }),
        }
    }
}
