//! What `plan` looks at, for those who ask about it without deciding anything.

use super::Planner;
use crate::core::fleet::{Database, Fleet, Key};
use crate::core::gates::Situation;
use crate::core::policy::Policy;
use crate::core::record::Record;
use crate::core::time::Time;

/// Shows the situation of one database, as `plan` sees it; nothing if nothing is managed there.
pub fn facing<T>(
    (fleet, policy, now): (&Fleet, &Policy, Time),
    key: &Key,
    then: impl FnOnce(&Situation<'_>) -> T,
) -> Option<T> {
    let (key, database) = fleet.databases.get_key_value(key)?;
    let mut planner = Planner::new(fleet, policy, now);
    planner.facing(key, database, |_, situation, _| then(situation))
}

/// The same for every database in turn.
pub fn facing_each(
    (fleet, policy, now): (&Fleet, &Policy, Time),
    mut then: impl FnMut(&Situation<'_>),
) {
    let mut planner = Planner::new(fleet, policy, now);
    for (key, database) in &fleet.databases {
        planner.facing(key, database, |_, situation, _| then(situation));
    }
}

/// The record as far as it is about this MySQL: one of another uid counts as none.
#[derive(Debug)]
pub(super) enum Remembered<'a> {
    Ours(&'a Record),
    Stale(Box<Record>),
}

impl<'a> Remembered<'a> {
    pub(super) fn of(database: &'a Database) -> Self {
        let Some(rotation) = &database.rotation else {
            return Self::Stale(Box::default());
        };
        let uid = rotation.record.database_uid.as_ref();
        if uid.is_none_or(|uid| *uid == database.uid) {
            Self::Ours(&rotation.record)
        } else {
            Self::Stale(Box::default())
        }
    }

    pub(super) fn get(&self) -> &Record {
        match self {
            Self::Ours(record) => record,
            Self::Stale(record) => record,
        }
    }

    pub(super) const fn is_stale(&self) -> bool {
        matches!(self, Self::Stale(_))
    }
}
