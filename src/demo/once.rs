//! `--once`: whether every database has been rotated, and what is missing where not.

use std::collections::BTreeSet;

use super::sights::Sights;
use crate::core::fleet::{Database, Key};
use crate::core::vocabulary::Outcome;
use crate::daemon::View;

/// The databases that have yet to be seen rotated. One that was is not asked again: the next of
/// its rotations may be under way when the last database is through its first.
#[derive(Debug)]
pub struct Once {
    missing: BTreeSet<Key>,
}

impl Once {
    /// Nothing has been seen yet.
    pub fn new(databases: impl IntoIterator<Item = Key>) -> Self {
        Self { missing: databases.into_iter().collect() }
    }

    /// Looks. Gives those that are through now: the daemon says that the rotation is verified, and
    /// every server was seen to serve what it produced.
    pub fn look(&mut self, view: &View, sights: &Sights) -> Vec<Key> {
        let through = |key: &&Key| {
            let database = view.fleet.databases.get(*key);
            database.is_some_and(|database| rotated(key, database, sights))
        };
        let through: Vec<Key> = self.missing.iter().filter(through).cloned().collect();
        self.missing.retain(|key| !through.contains(key));
        through
    }

    /// Whether all are.
    pub fn is_done(&self) -> bool {
        self.missing.is_empty()
    }

    /// What each that is missing is doing instead.
    pub fn missing(&self, view: &View) -> Vec<String> {
        let plan = view.plan.as_ref();
        let state = |key: &Key| {
            let verdict = plan.and_then(|plan| plan.verdicts.get(key));
            let Some(verdict) = verdict else { return "not there".to_owned() };
            let database = view.fleet.databases.get(key);
            let message = database.and_then(|it| it.rotation.as_ref()?.shown.message.clone());
            let message = message.map(|message| format!(" ({message})")).unwrap_or_default();
            format!("{}{message}", verdict.state)
        };
        self.missing.iter().map(|key| format!("{key} is {}", state(key))).collect()
    }
}

fn rotated(key: &Key, database: &Database, sights: &Sights) -> bool {
    let record = database.rotation.as_ref().map(|rotation| &rotation.record);
    let last = record.and_then(|record| record.last.as_ref());
    last.is_some_and(|last| {
        last.outcome == Outcome::Verified && sights.show_produced(key, database, last)
    })
}
