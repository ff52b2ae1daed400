//! What one config changes against another.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::core::certificate::sanitize;
use crate::core::time::{Span, Time};
use crate::core::vocabulary::Gate;
use crate::report::{Outlook, Rotation};

/// Two forecasts are never made in the same second: what is due now begins "now" in both.
const SAME: Span = Span::minutes(2);

/// What is different in the second of two forecasts.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Difference {
    /// Rotations that begin at another moment.
    moved: Vec<Moved>,
    /// Rotations that are only in the first.
    gone: Vec<Rotation>,
    /// Rotations that are only in the second.
    added: Vec<Rotation>,
    /// Databases that are held by something else, or no longer, or now.
    held: Vec<HeldOtherwise>,
    /// How many rotations are the same.
    same: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Moved {
    namespace: String,
    name: String,
    from: Time,
    to: Time,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HeldOtherwise {
    namespace: String,
    name: String,
    before: Option<Gate>,
    after: Option<Gate>,
}

type Database = (String, String);

impl Difference {
    pub(super) fn between(old: &Outlook, new: &Outlook) -> Self {
        let mut difference = Self {
            moved: Vec::new(),
            gone: Vec::new(),
            added: Vec::new(),
            held: held(old, new),
            same: 0,
        };
        let (mut before, mut after) = (by_database(old), by_database(new));
        let databases: Vec<Database> = before.keys().chain(after.keys()).cloned().collect();
        for database in databases {
            let before = before.remove(&database).unwrap_or_default();
            let after = after.remove(&database).unwrap_or_default();
            difference.compare(&before, &after);
        }
        difference.moved.sort_by_key(|moved| moved.to);
        difference.gone.sort_by_key(|rotation| rotation.starts);
        difference.added.sort_by_key(|rotation| rotation.starts);
        difference
    }

    /// The rotations of one database: what is not the same is paired in order.
    fn compare(&mut self, before: &[&Rotation], after: &[&Rotation]) {
        let mut left: Vec<&Rotation> = before.to_vec();
        let mut right = Vec::new();
        for rotation in after {
            let same = |other: &&Rotation| rotation.starts.since(other.starts).abs() <= SAME;
            match left.iter().position(same) {
                Some(at) => {
                    left.remove(at);
                    self.same += 1;
                }
                None => right.push(*rotation),
            }
        }
        let paired = left.len().min(right.len());
        for (from, to) in left.iter().zip(&right) {
            self.moved.push(Moved {
                namespace: to.namespace.clone(),
                name: to.name.clone(),
                from: from.starts,
                to: to.starts,
            });
        }
        self.gone.extend(left[paired..].iter().map(|rotation| (*rotation).clone()));
        self.added.extend(right[paired..].iter().map(|rotation| (*rotation).clone()));
    }

    pub(super) fn in_words(&self) -> String {
        let mut lines = Vec::new();
        for moved in &self.moved {
            let by = moved.to.since(moved.from);
            let direction = if by < Span::ZERO { "sooner" } else { "later" };
            let (database, by) = (name(&moved.namespace, &moved.name), by.abs());
            lines.push(format!("~ {database}   {} → {}   {by} {direction}", moved.from, moved.to));
        }
        let one = |sign: &str, it: &Rotation| {
            format!("{sign} {}   {}   {}", name(&it.namespace, &it.name), it.starts, it.cause)
        };
        lines.extend(self.gone.iter().map(|it| one("-", it)));
        lines.extend(self.added.iter().map(|it| one("+", it)));
        for held in &self.held {
            let word = |gate: Option<Gate>| gate.map_or("nothing", Gate::as_str);
            let database = name(&held.namespace, &held.name);
            lines.push(format!(
                "! {database}   held by {} → {}",
                word(held.before),
                word(held.after)
            ));
        }
        if lines.is_empty() {
            lines.push("nothing is different".to_owned());
        }
        lines.push(format!("{} rotations are the same", self.same));
        lines.join("\n") + "\n"
    }
}

fn name(namespace: &str, name: &str) -> String {
    sanitize(&format!("{namespace}/{name}"))
}

fn by_database(outlook: &Outlook) -> BTreeMap<Database, Vec<&Rotation>> {
    let mut found: BTreeMap<Database, Vec<&Rotation>> = BTreeMap::new();
    for rotation in &outlook.rotations {
        let database = (rotation.namespace.clone(), rotation.name.clone());
        found.entry(database).or_default().push(rotation);
    }
    found
}

fn held(old: &Outlook, new: &Outlook) -> Vec<HeldOtherwise> {
    let by_database = |outlook: &Outlook| -> BTreeMap<Database, Gate> {
        let held = outlook.held.iter();
        held.map(|it| ((it.namespace.clone(), it.name.clone()), it.gate)).collect()
    };
    let (before, after) = (by_database(old), by_database(new));
    let mut databases: Vec<&Database> = before.keys().chain(after.keys()).collect();
    databases.sort();
    databases.dedup();
    let both = databases
        .into_iter()
        .map(|database| (database, before.get(database).copied(), after.get(database).copied()));
    both.filter(|(_, before, after)| before != after)
        .map(|((namespace, name), before, after)| HeldOtherwise {
            namespace: namespace.clone(),
            name: name.clone(),
            before,
            after,
        })
        .collect()
}

#[cfg(test)]
mod tests;
