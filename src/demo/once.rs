//! `--once`: whether every database has been rotated, and what is missing where not.

use std::collections::BTreeSet;

use super::sights::Sights;
use crate::core::fleet::{Database, Key};
use crate::core::vocabulary::Outcome;
use crate::daemon::View;

/// The databases that have yet to be seen rotated. One that was is not asked again: the next of
/// its rotations may be under way when the last database is through its first.
#[derive(Debug)]
pub(super) struct Once {
    missing: BTreeSet<Key>,
}

impl Once {
    /// Nothing has been seen yet.
    pub(super) fn new(databases: impl IntoIterator<Item = Key>) -> Self {
        Self { missing: databases.into_iter().collect() }
    }

    /// Looks. Gives those that are through now: the daemon says that the rotation is verified, and
    /// every server was seen to serve what it produced.
    pub(super) fn look(&mut self, view: &View, sights: &Sights) -> Vec<Key> {
        let through = |key: &&Key| {
            let database = view.fleet.databases.get(*key);
            database.is_some_and(|database| rotated(key, database, sights))
        };
        let through: Vec<Key> = self.missing.iter().filter(through).cloned().collect();
        self.missing.retain(|key| !through.contains(key));
        through
    }

    /// Whether all are.
    pub(super) fn is_done(&self) -> bool {
        self.missing.is_empty()
    }

    /// What each that is missing is doing instead.
    pub(super) fn missing(&self, view: &View) -> Vec<String> {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::plan::plan;
    use crate::core::policy::Policy;
    use crate::core::record::Last;
    use crate::core::sample::{Db, NOW, at, fleet, key, leaf};
    use crate::demo::sights::Sight;

    const NEW: &str = "-1m..+89d";

    /// A database whose rotation ended like this.
    fn rotated(outcome: Outcome) -> Db {
        let db = Db::named("prod/orders").lives(NEW).servers(2);
        let produced = db.database.issued_leaves();
        db.record(|record| {
            record.last = Some(Last {
                opened: at("-2m"),
                closed: at("-1m"),
                causes: Vec::new(),
                attempt: 1,
                failures: 0,
                outcome,
                request: "orders-rotate-1".into(),
                produced,
                life_left: None,
            });
        })
    }

    fn view(db: Db) -> View {
        let (fleet, policy) = (Arc::new(fleet([db])), Arc::new(Policy::default()));
        let plan = Some(Arc::new(plan(&fleet, &policy, NOW)));
        View { fleet, plan, policy: Some(policy), at: Some(NOW), ..View::default() }
    }

    fn seen(view: &View, lives: &[&str]) -> Sights {
        let (key, mut sights) = (key("prod/orders"), Sights::default());
        let pods = &view.fleet.sample("prod/orders").pods;
        for ((name, pod), life) in pods.iter().zip(lives) {
            let sight = Sight { pod_uid: pod.uid.clone(), started: pod.started, leaf: leaf(life) };
            sights.note(&key, name, sight);
        }
        sights
    }

    #[test]
    fn a_database_is_through_when_verified_and_every_server_was_seen() {
        let old = "-50d..+40d";
        for (outcome, lives, through) in [
            (Outcome::Verified, &[NEW, NEW][..], true),
            (Outcome::Verified, &[NEW, old], false),
            (Outcome::Verified, &[NEW], false),
            (Outcome::Verified, &[], false),
            (Outcome::Unverified, &[NEW, NEW], false),
        ] {
            let view = view(rotated(outcome));
            let mut once = Once::new([key("prod/orders")]);
            let found = once.look(&view, &seen(&view, lives));
            assert_eq!((found.len() == 1, once.is_done()), (through, through), "{lives:?}");
        }
    }

    #[test]
    fn what_was_through_is_not_asked_again_and_what_is_missing_says_what_it_does() {
        let view = view(rotated(Outcome::Verified));
        let mut once = Once::new([key("prod/orders"), key("prod/ghost")]);
        assert_eq!(once.look(&view, &seen(&view, &[NEW, NEW])), [key("prod/orders")]);
        assert!(once.look(&view, &Sights::default()).is_empty());
        assert_eq!(once.missing(&view), ["prod/ghost is not there"]);
    }
}
