//! What fields a value has, and in which two values differ.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::set::FieldSet;
use super::shape::{Division, Shape};
use super::step::{Path, Step};

/// Every field that a value sets.
pub(super) fn fields_of(shape: Shape<'_>, value: &Value) -> FieldSet {
    let mut set = FieldSet::default();
    collect(shape, value, &mut Vec::new(), &mut set);
    set
}

fn collect(shape: Shape<'_>, value: &Value, at: &mut Path, set: &mut FieldSet) {
    match shape.divide(value) {
        Division::Whole if value.is_null() => {}
        Division::Whole => set.insert(at),
        Division::Fields(fields) => {
            for (name, value) in fields {
                let (shape, named) = shape.field(name);
                at.push(Step::field(name));
                collect(shape, value, at, set);
                if is_nothing(value) || !named {
                    set.insert(at);
                }
                at.pop();
            }
        }
        Division::Entries(entries) => {
            let entries = Indexed::read(shape, entries);
            for (step, same) in &entries.0 {
                at.push(step.clone());
                if let [entry] = same[..] {
                    collect(shape.entry(), entry, at, set);
                }
                set.insert(at);
                at.pop();
            }
        }
    }
}

/// Null, or an object without fields.
fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(Map::is_empty)
}

/// In which fields a value differs from an earlier one.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) added: FieldSet,
    pub(super) modified: FieldSet,
    pub(super) removed: FieldSet,
}

impl Changes {
    /// The fields that have a value now which they had not before.
    pub(super) fn set(&self) -> FieldSet {
        self.added.union(&self.modified)
    }

    /// All but the changes of these fields and of everything below them.
    pub(super) fn without_all_below(&self, fields: &FieldSet) -> Self {
        Self {
            added: self.added.without_all_below(fields),
            modified: self.modified.without_all_below(fields),
            removed: self.removed.without_all_below(fields),
        }
    }
}

/// Compares two values of one shape.
pub(super) fn compare(shape: Shape<'_>, old: &Value, new: &Value) -> Changes {
    let mut changes = Changes::default();
    compare_at(shape, Some(old), Some(new), &mut Vec::new(), &mut changes);
    changes
}

fn compare_at(
    shape: Shape<'_>,
    old: Option<&Value>,
    new: Option<&Value>,
    at: &mut Path,
    changes: &mut Changes,
) {
    match (shape.divide_if_there(old), shape.divide_if_there(new)) {
        (Division::Fields(one), Division::Fields(other)) => {
            compare_fields(shape, one, other, at, changes);
        }
        (Division::Entries(one), Division::Entries(other)) => {
            compare_entries(shape, one, other, at, changes);
        }
        (before, after) => {
            // A place that was kept by a null and is filled, or the other way round, is the same.
            let is_null = |value: Option<&Value>| value.is_some_and(Value::is_null);
            if !(is_null(old) && after.has_parts() || is_null(new) && before.has_parts()) {
                compare_whole(old, new, at, changes);
            }
            // What one side is divided into has come, or gone.
            let nothing = Map::new();
            for (division, is_new) in [(before, false), (after, true)] {
                match division {
                    Division::Whole => {}
                    Division::Fields(fields) if is_new => {
                        compare_fields(shape, &nothing, fields, at, changes);
                    }
                    Division::Fields(fields) => {
                        compare_fields(shape, fields, &nothing, at, changes);
                    }
                    Division::Entries(entries) if is_new => {
                        compare_entries(shape, &[], entries, at, changes);
                    }
                    Division::Entries(entries) => {
                        compare_entries(shape, entries, &[], at, changes);
                    }
                }
            }
        }
    }
}

fn compare_whole(old: Option<&Value>, new: Option<&Value>, at: &[Step], changes: &mut Changes) {
    match (old, new) {
        (None, Some(_)) => changes.added.insert(at),
        (Some(_), None) => changes.removed.insert(at),
        (Some(old), Some(new)) if old != new => changes.modified.insert(at),
        (None, None) | (Some(_), Some(_)) => {}
    }
}

fn compare_fields(
    shape: Shape<'_>,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    at: &mut Path,
    changes: &mut Changes,
) {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        at.push(Step::field(name));
        compare_at(shape.field(name).0, old.get(name), new.get(name), at, changes);
        at.pop();
    }
}

fn compare_entries(
    shape: Shape<'_>,
    old: &[Value],
    new: &[Value],
    at: &mut Path,
    changes: &mut Changes,
) {
    let (old, new) = (Indexed::read(shape, old), Indexed::read(shape, new));
    let steps: BTreeSet<&Step> = old.0.iter().chain(&new.0).map(|(step, _)| step).collect();
    for step in steps {
        at.push(step.clone());
        match (old.get(step), new.get(step)) {
            (one @ ([] | [_]), other @ ([] | [_])) => {
                let (one, other) = (one.first().copied(), other.first().copied());
                compare_at(shape.entry(), one, other, at, changes);
            }
            // Entries that cannot be told apart are managed together.
            (one @ ([] | [_]), [_, _, ..]) => {
                compare_at(shape.entry(), one.first().copied(), None, at, changes);
                changes.added.insert(at);
            }
            ([_, _, ..], other @ ([] | [_])) => {
                compare_at(shape.entry(), None, other.first().copied(), at, changes);
                changes.removed.insert(at);
            }
            (one, other) if one != other => changes.modified.insert(at),
            _ => {}
        }
        at.pop();
    }
}

/// The entries of a list by the steps to them, in the order of the list.
pub(super) struct Indexed<'v>(pub(super) Vec<(Step, Vec<&'v Value>)>);

impl<'v> Indexed<'v> {
    pub(super) fn read(shape: Shape<'_>, entries: &'v [Value]) -> Self {
        let mut index: Vec<(Step, Vec<&Value>)> = Vec::new();
        for entry in entries {
            let step = shape.step_to(entry);
            match index.iter_mut().find(|(known, _)| *known == step) {
                Some((_, same)) => same.push(entry),
                None => index.push((step, vec![entry])),
            }
        }
        Self(index)
    }

    /// The entries that a step leads to: one, if they can be told apart.
    pub(super) fn get(&self, step: &Step) -> &[&'v Value] {
        let found = self.0.iter().find(|(known, _)| known == step);
        found.map_or(&[], |(_, same)| same)
    }
}

/// Whether entries of a list may be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duplicates {
    Allowed,
    Refused,
}

/// What is wrong with a value: a part of another type, or entries of a list that cannot be
/// told apart.
pub(super) fn misfit(
    shape: Shape<'_>,
    value: &Value,
    at: &mut Path,
    duplicates: Duplicates,
) -> Option<String> {
    if let Some(why) = shape.mistyped(value) {
        return Some(format!("{}: {why}", super::step::words(at)));
    }
    match shape.divide(value) {
        Division::Whole => None,
        Division::Fields(fields) => fields.iter().find_map(|(name, value)| {
            at.push(Step::field(name));
            let found = misfit(shape.field(name).0, value, at, duplicates);
            at.pop();
            found
        }),
        Division::Entries(entries) => {
            let here = super::step::words(at);
            let mut odd = entries.iter().enumerate();
            if let Some(why) =
                odd.find_map(|(at, entry)| Some(format!("element {at}: {}", shape.misfit(entry)?)))
            {
                return Some(format!("{here}: {why}"));
            }
            let index = Indexed::read(shape, entries);
            let mut twice = index.0.iter().filter(|(_, same)| same.len() > 1);
            if let (Some((step, _)), Duplicates::Refused) = (twice.next(), duplicates) {
                return Some(format!("{here}: duplicate entries for key {step}"));
            }
            entries.iter().find_map(|entry| {
                at.push(shape.step_to(entry));
                let found = misfit(shape.entry(), entry, at, duplicates);
                at.pop();
                found
            })
        }
    }
}
