//! Sets of fields, and how `metadata.managedFields` writes them: `FieldsV1`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::step::{Path, Step};

/// Which fields of an object somebody manages, or a change touches.
///
/// A field is in it or not whatever its parents and its parts are: a label may be somebody's, and
/// the labels as a whole nobody's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::embedded::api) struct FieldSet(BTreeMap<Step, Node>);

/// A field that is in the set, or has parts that are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    included: bool,
    parts: FieldSet,
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.included && self.parts.is_empty()
    }
}

impl FieldSet {
    /// The set of one top-level field, or one below others.
    pub(super) fn of(path: &[&str]) -> Self {
        let path: Path = path.iter().map(|name| Step::field(name)).collect();
        let mut set = Self::default();
        set.insert(&path);
        set
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a field. The object as a whole is no field.
    pub(super) fn insert(&mut self, path: &[Step]) {
        let Some((step, rest)) = path.split_first() else {
            return;
        };
        if !self.0.contains_key(step) {
            self.0.insert(step.clone(), Node::default());
        }
        if let Some(node) = self.0.get_mut(step) {
            node.included |= rest.is_empty();
            node.parts.insert(rest);
        }
    }

    pub(super) fn contains(&self, path: &[Step]) -> bool {
        let Some((step, rest)) = path.split_first() else {
            return false;
        };
        self.0.get(step).is_some_and(|node| match rest {
            [] => node.included,
            rest => node.parts.contains(rest),
        })
    }

    /// Whether a part of the object is in it.
    pub(super) fn includes(&self, step: &Step) -> bool {
        self.0.get(step).is_some_and(|node| node.included)
    }

    /// What of a part of the object is in it.
    pub(super) fn below(&self, step: &Step) -> Option<&Self> {
        self.0.get(step).map(|node| &node.parts).filter(|parts| !parts.is_empty())
    }

    /// The steps to the parts that have parts in it.
    pub(super) fn branches(&self) -> impl Iterator<Item = (&Step, &Self)> {
        let nodes = self.0.iter().map(|(step, node)| (step, &node.parts));
        nodes.filter(|(_, parts)| !parts.is_empty())
    }

    /// What is in either.
    pub(super) fn union(&self, other: &Self) -> Self {
        self.combined(other, |one, other| one || other)
    }

    /// What is in both.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        self.combined(other, |one, other| one && other)
    }

    /// What is in this one alone.
    pub(super) fn difference(&self, other: &Self) -> Self {
        self.combined(other, |one, other| one && !other)
    }

    fn combined(&self, other: &Self, keep: fn(bool, bool) -> bool) -> Self {
        let nothing = Node::default();
        let steps: BTreeSet<&Step> = self.0.keys().chain(other.0.keys()).collect();
        let nodes = steps.into_iter().filter_map(|step| {
            let one = self.0.get(step).unwrap_or(&nothing);
            let other = other.0.get(step).unwrap_or(&nothing);
            let node = Node {
                included: keep(one.included, other.included),
                parts: one.parts.combined(&other.parts, keep),
            };
            (!node.is_empty()).then(|| (step.clone(), node))
        });
        Self(nodes.collect())
    }

    /// This set less the fields in `other` with everything below them.
    pub(super) fn without_all_below(&self, other: &Self) -> Self {
        let nothing = Self::default();
        let nodes = self.0.iter().filter(|(step, _)| !other.includes(step));
        let nodes = nodes.filter_map(|(step, node)| {
            let parts = node.parts.without_all_below(other.below(step).unwrap_or(&nothing));
            let node = Node { included: node.included, parts };
            (!node.is_empty()).then(|| (step.clone(), node))
        });
        Self(nodes.collect())
    }

    /// Every field in it; those of one object before those of its parts.
    pub(super) fn paths(&self) -> Vec<Path> {
        let mut paths = Vec::new();
        self.collect_paths(&mut Vec::new(), &mut paths);
        paths
    }

    fn collect_paths(&self, at: &mut Path, paths: &mut Vec<Path>) {
        for (step, _) in self.0.iter().filter(|(_, node)| node.included) {
            at.push(step.clone());
            paths.push(at.clone());
            at.pop();
        }
        for (step, parts) in self.branches() {
            at.push(step.clone());
            parts.collect_paths(at, paths);
            at.pop();
        }
    }

    /// Reads `fieldsV1`.
    pub(super) fn read(fields: &Value) -> Result<Self, String> {
        let mut nodes = BTreeMap::new();
        for (key, value) in fields.as_object().into_iter().flatten() {
            let Some(step) = (if key == "." { None } else { Step::read(key)? }) else {
                continue;
            };
            let parts = Self::read(value)?;
            let included = value.get(".").is_some() || parts.is_empty();
            nodes.insert(step, Node { included, parts });
        }
        Ok(Self(nodes))
    }

    /// Writes `fieldsV1`: a field that is in the set is an empty object, or has an entry `.` if
    /// parts of it are in the set too.
    pub(super) fn written(&self) -> Value {
        let nodes = self.0.iter().map(|(step, node)| {
            let mut parts = node.parts.written();
            if let (true, false, Some(parts)) =
                (node.included, node.parts.is_empty(), parts.as_object_mut())
            {
                parts.insert(".".to_owned(), Value::Object(Map::new()));
            }
            (step.written(), parts)
        });
        Value::Object(nodes.collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    type Model = BTreeSet<Path>;

    fn steps() -> impl Strategy<Value = Step> {
        prop_oneof![
            prop::sample::select(vec!["a", "b", "c.d/e", ""]).prop_map(Step::field),
            prop::sample::select(vec![json!({"name": "x"}), json!({"name": "y", "port": 1})])
                .prop_map(|keys| Step::entry(keys.as_object().cloned().unwrap())),
            prop::sample::select(vec![json!("x"), json!(1), json!(true)])
                .prop_map(|value| Step::item(&value)),
        ]
    }

    /// A set as the paths that are in it: the simplest thing that can be right.
    fn models() -> impl Strategy<Value = Model> {
        prop::collection::btree_set(prop::collection::vec(steps(), 1..4), 0..8)
    }

    fn set(model: &Model) -> FieldSet {
        let mut set = FieldSet::default();
        for path in model {
            set.insert(path);
        }
        set
    }

    fn model(set: &FieldSet) -> Model {
        set.paths().into_iter().collect()
    }

    proptest! {
        #[test]
        fn sets_of_fields_behave_as_sets_of_paths(one in models(), other in models()) {
            let (a, b) = (set(&one), set(&other));
            prop_assert_eq!(model(&a), one.clone());
            prop_assert_eq!(model(&a.union(&b)), one.union(&other).cloned().collect::<Model>());
            prop_assert_eq!(
                model(&a.intersection(&b)),
                one.intersection(&other).cloned().collect::<Model>()
            );
            let difference: Model = one.difference(&other).cloned().collect();
            prop_assert_eq!(model(&a.difference(&b)), difference.clone());
            prop_assert_eq!(a.difference(&b).is_empty(), difference.is_empty());
            prop_assert!(one.iter().all(|path| a.contains(path)));
            prop_assert!(difference.iter().all(|path| !b.contains(path)));
        }

        #[test]
        fn what_is_below_a_removed_field_goes_with_it(one in models(), other in models()) {
            let left = set(&one).without_all_below(&set(&other));
            let kept = |path: &Path| !other.iter().any(|gone| path.starts_with(gone));
            prop_assert_eq!(model(&left), one.iter().filter(|p| kept(p)).cloned().collect::<Model>());
        }

        #[test]
        fn a_set_is_read_as_it_was_written(one in models()) {
            let set = set(&one);
            prop_assert_eq!(FieldSet::read(&set.written()), Ok(set));
        }

        #[test]
        fn no_fields_v1_makes_reading_panic(text in "[fkvi:.{}\\[\\]\"a1,]{0,24}") {
            let fields = json!({text.clone(): {}, "f:a": {text: 1}});
            drop(FieldSet::read(&fields));
        }
    }

    #[test]
    fn fields_v1_reads_as_the_api_server_means_it() {
        let written = json!({
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
            "f:spec": {"f:containers": {"k:{\"name\":\"x\"}": {".": {}, "f:image": {}}}},
            "i:0": {"f:unknown": {}},
        });
        let set = FieldSet::read(&written).unwrap();
        let words: Vec<String> =
            set.paths().iter().map(|path| super::super::step::words(path)).collect();
        assert_eq!(
            words,
            [
                ".metadata.labels",
                ".metadata.labels.app",
                ".spec.containers[name=\"x\"]",
                ".spec.containers[name=\"x\"].image",
            ]
        );
        assert!(FieldSet::read(&json!({"no step": {}})).is_err());
        assert!(FieldSet::read(&json!({"k:{": {}})).is_err());
    }
}
