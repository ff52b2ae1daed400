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
