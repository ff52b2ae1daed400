//! Merging an applied object into one that is there, and removing fields from it.

use serde_json::{Map, Value};

use super::set::FieldSet;
use super::shape::{Division, Shape};
use super::step::Step;
use super::walk::Indexed;

/// `live` with the fields that `applied` sets.
pub(super) fn merge(shape: Shape<'_>, live: &Value, applied: &Value) -> Value {
    match (shape.divide(live), shape.divide(applied)) {
        (Division::Fields(live), Division::Fields(applied)) => {
            let mut merged = live.clone();
            for (name, value) in applied {
                let value = match live.get(name) {
                    Some(live) => merge(shape.field(name).0, live, value),
                    None => value.clone(),
                };
                merged.insert(name.clone(), value);
            }
            Value::Object(merged)
        }
        (Division::Entries(live), Division::Entries(applied)) => {
            Value::Array(merge_entries(shape, live, applied))
        }
        // Nothing is taken away by not saying what it is.
        (live_parts, _) if applied.is_null() && live_parts.has_parts() => live.clone(),
        _ => applied.clone(),
    }
}

/// The entries of both: those of `applied` in its order, the others where they stood among them.
fn merge_entries(shape: Shape<'_>, live: &[Value], applied: &[Value]) -> Vec<Value> {
    let steps = |entries: &[Value]| -> Vec<Step> {
        entries.iter().map(|entry| shape.step_to(entry)).collect()
    };
    let (lefts, rights) = (steps(live), steps(applied));
    let index = Indexed::read(shape, live);
    let merged_with = |step: &Step, applied: &Value| match index.get(step) {
        [one] => merge(shape.entry(), one, applied),
        _ => applied.clone(),
    };
    let mut shared = rights.iter().filter(|step| lefts.contains(step)).peekable();
    let mut merged = Vec::with_capacity(live.len().max(applied.len()));
    let mut done: Vec<&Step> = Vec::new();
    let (mut left, mut right) = (0, 0);
    while left < lefts.len() || right < rights.len() {
        if let (Some(step), Some(other)) = (lefts.get(left), rights.get(right)) {
            if step == other {
                merged.push(merged_with(step, &applied[right]));
                done.push(other);
                (left, right) = (left + 1, right + 1);
                shared.next();
                continue;
            }
            let waits = shared.peek().is_some_and(|next| *next != step);
            if rights.contains(step) && waits {
                left += 1;
                continue;
            }
        }
        if let Some(step) = lefts.get(left) {
            if !rights.contains(step) {
                merged.push(live[left].clone());
                left += 1;
                continue;
            }
            if done.contains(&step) {
                left += 1;
            }
        }
        if let Some(step) = rights.get(right) {
            merged.push(merged_with(step, &applied[right]));
            done.push(step);
            right += 1;
            shared.next_if(|next| *next == step);
        }
    }
    merged
}

/// `value` without these fields; none when nothing is left of it.
pub(super) fn remove(shape: Shape<'_>, value: &Value, gone: &FieldSet) -> Option<Value> {
    match shape.divide(value) {
        Division::Whole if value.is_object() || value.is_array() => None,
        Division::Whole => Some(value.clone()),
        Division::Fields(fields) => {
            let kept = fields.iter().filter_map(|(name, value)| {
                let step = Step::field(name);
                if gone.includes(&step) {
                    return None;
                }
                let kept = match gone.below(&step) {
                    Some(gone) => remove(shape.field(name).0, value, gone).unwrap_or_default(),
                    None => value.clone(),
                };
                Some((name.clone(), kept))
            });
            let kept: Map<String, Value> = kept.collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Division::Entries(entries) => {
            let kept = entries.iter().filter_map(|entry| {
                let step = shape.step_to(entry);
                if gone.includes(&step) {
                    return None;
                }
                Some(match gone.below(&step) {
                    Some(gone) => remove(shape.entry(), entry, gone).unwrap_or_default(),
                    None => entry.clone(),
                })
            });
            let kept: Vec<Value> = kept.collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
    }
}

/// The set with every field of a type in it that has parts in it.
pub(super) fn with_parents(shape: Shape<'_>, set: &FieldSet) -> FieldSet {
    let mut parents = FieldSet::default();
    collect_parents(shape, set, &mut Vec::new(), &mut parents);
    set.union(&parents)
}

fn collect_parents(shape: Shape<'_>, set: &FieldSet, at: &mut Vec<Step>, parents: &mut FieldSet) {
    for (step, parts) in set.branches() {
        let (shape, named) = shape.below(step);
        at.push(step.clone());
        if named {
            parents.insert(at);
        }
        collect_parents(shape, parts, at, parents);
        at.pop();
    }
}
