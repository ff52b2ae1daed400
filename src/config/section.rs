//! Reads the settings of one section and notes everything that is wrong with them.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::keys::{KEYS, Key, Kind, OVERRIDE, children};
use super::problem::{Position, shown};
use super::report::Report;
use super::tree::{Entry, Node, Value};
use super::values;
use crate::core::time::Span;

/// A section of the file, perhaps an empty one.
pub(super) struct Section<'t> {
    report: &'t Report,
    /// Its path in the table of keys.
    schema: String,
    /// Its path in the file.
    pub(super) path: String,
    /// Where it begins, or where it would stand.
    pub(super) at: Position,
    entries: BTreeMap<&'static str, &'t Entry>,
    /// It is no section at all, which was noted.
    broken: bool,
}

impl<'t> Section<'t> {
    /// The whole file.
    pub(super) fn root(report: &'t Report, node: &'t Node) -> Self {
        Self::read(report, String::new(), String::new(), node)
    }

    /// A section in this one. Absent, or with nothing in it: nothing in it is set.
    pub(super) fn section(&self, name: &str) -> Self {
        let (schema, path) = (self.schema_of(name), self.path_of(name));
        match self.entries.get(name) {
            Some(entry) => Self::read(self.report, schema, path, &entry.value),
            None => self.without_entries(schema, path),
        }
    }

    /// The sections of a list; none when it is absent or has nothing in it, not even `[]`.
    pub(super) fn sections(&self, name: &str) -> Option<Vec<Self>> {
        let (key, entry) = self.entry(name)?;
        let items = self.items(key, entry)?;
        if let Kind::Sections { most } = key.kind
            && items.len() > most
        {
            let message = format!("{} items are too many; allowed: {most}", items.len());
            self.problem(name, message);
            return None;
        }
        let schema = format!("{}[]", key.path);
        let read = |(index, node): (usize, &'t Node)| {
            let path = format!("{}[{index}]", self.path_of(name));
            Self::read(self.report, schema.clone(), path, node)
        };
        Some(items.iter().enumerate().map(read).collect())
    }

    /// A single value; none when it is absent or wrong.
    pub(super) fn value<T, E: ToString>(
        &self,
        name: &str,
        parse: impl FnOnce(&str, Kind) -> Result<T, E>,
    ) -> Option<T> {
        let (key, entry) = self.entry(name)?;
        self.parse(key, &entry.value, self.path_of(name), parse)
    }

    /// The values of a list; none when it is absent or empty without `[]`.
    pub(super) fn values<T, E: ToString>(
        &self,
        name: &str,
        parse: impl Fn(&str, Kind) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        const MOST: usize = 1_000;
        let (key, entry) = self.entry(name)?;
        let items = self.items(key, entry)?;
        if items.len() > MOST {
            self.problem(name, format!("{} items are too many; allowed: {MOST}", items.len()));
            return None;
        }
        let one = |(index, node)| {
            self.parse(key, node, format!("{}[{index}]", self.path_of(name)), &parse)
        };
        Some(items.iter().enumerate().filter_map(one).collect())
    }

    /// A length of time, within the bounds of the key.
    pub(super) fn duration(&self, name: &str) -> Option<Span> {
        self.value(name, |text, kind| {
            let Kind::Duration { least, most } = kind else {
                return Err(NOT_THAT_KIND.to_owned());
            };
            values::duration(text, least, most)
        })
    }

    /// A number, within the bounds of the key.
    pub(super) fn count(&self, name: &str) -> Option<u32> {
        self.value(name, |text, kind| {
            let Kind::Count { most } = kind else {
                return Err(NOT_THAT_KIND.to_owned());
            };
            values::count(text, most)
        })
    }

    /// `true` or `false`.
    pub(super) fn switch(&self, name: &str) -> Option<bool> {
        self.value(name, |text, _| values::switch(text))
    }

    /// One of the words of the key.
    pub(super) fn word<T: FromStr<Err: ToString>>(&self, name: &str) -> Option<T> {
        self.value(name, |text, kind| {
            let word = one_of(text, kind)?;
            word.parse().map_err(|error: T::Err| error.to_string())
        })
    }

    /// Some of the words of the key.
    pub(super) fn words(&self, name: &str) -> Option<Vec<&'static str>> {
        self.values(name, one_of)
    }

    /// Whether this key is set in the file, be it rightly or wrongly.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Whether this key is set to `null`.
    pub(super) fn is_null(&self, name: &str) -> bool {
        let is_null = |entry: &&Entry| matches!(entry.value.value, Value::Null);
        self.entries.get(name).is_some_and(is_null)
    }

    /// Whether this key is absent or its value is an empty one.
    pub(super) fn is_blank(&self, name: &str) -> bool {
        self.entries.get(name).is_none_or(|entry| match &entry.value.value {
            Value::List(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
            Value::Null => true,
            Value::Scalar { text, .. } => text.trim().is_empty(),
        })
    }

    /// Whether something else stands where this section should.
    pub(super) const fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether nothing is set here.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The names of what is set here.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.entries.keys().copied()
    }

    /// Where the value of this key stands, or this section when the key is absent.
    pub(super) fn at(&self, name: &str) -> Position {
        self.entries.get(name).map_or(self.at, |entry| entry.value.at)
    }

    /// The path in the file of a key of this section.
    pub(super) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Notes what is wrong with the value of this key.
    pub(super) fn problem(&self, name: &str, message: impl Into<String>) {
        self.report.problem(self.at(name), self.path_of(name), message);
    }

    /// Notes what may not be meant by the value of this key.
    pub(super) fn warning(&self, name: &str, message: impl Into<String>) {
        self.report.warning(self.at(name), self.path_of(name), message);
    }

    /// Notes what is wrong with this section.
    pub(super) fn wrong(&self, message: impl Into<String>) {
        self.report.problem(self.at, self.path.clone(), message);
    }

    /// Notes what may not be meant by this section.
    pub(super) fn warn(&self, message: impl Into<String>) {
        self.report.warning(self.at, self.path.clone(), message);
    }

    fn read(report: &'t Report, schema: String, path: String, node: &'t Node) -> Self {
        let mut section =
            Section { report, schema, path, at: node.at, entries: BTreeMap::new(), broken: false };
        match &node.value {
            Value::Map(entries) => section.take(entries),
            Value::Null => {}
            other @ (Value::List(_) | Value::Scalar { .. }) => {
                section.broken = true;
                section.wrong(format!("{} where a section is expected", other.noun()));
                return section;
            }
        }
        for key in children(&section.schema).filter(|key| key.default.is_none()) {
            if !section.entries.contains_key(key.name()) {
                let what = key.about.split(';').next().unwrap_or(key.about).trim_end_matches('.');
                let lacks = format!("`{}` is missing: {}", key.name(), lower(what));
                section.wrong(lacks);
            }
        }
        section
    }

    fn take(&mut self, entries: &'t [Entry]) {
        let mut seen = BTreeMap::new();
        for entry in entries {
            if let Some(first) = seen.insert(entry.key.as_str(), entry.key_at) {
                let message = format!("set twice; first in line {}", first.line);
                self.report.problem(entry.key_at, self.path_of(&printable(&entry.key)), message);
                continue;
            }
            if let Some(key) = children(&self.schema).find(|key| key.name() == entry.key) {
                self.entries.insert(key.name(), entry);
                continue;
            }
            let path = self.path_of(&printable(&entry.key));
            self.report.problem(entry.key_at, path, unknown(&self.schema, &entry.key));
        }
    }

    fn without_entries(&self, schema: String, path: String) -> Self {
        let (report, at, entries) = (self.report, self.at, BTreeMap::new());
        Section { report, schema, path, at, entries, broken: false }
    }

    fn entry(&self, name: &str) -> Option<(&'static Key, &'t Entry)> {
        let entry = self.entries.get(name)?;
        let key = children(&self.schema).find(|key| key.name() == name)?;
        Some((key, entry))
    }

    /// The path in the table of a key of this section: overrides borrow those of `rotation`.
    fn schema_of(&self, name: &str) -> String {
        let key = children(&self.schema).find(|key| key.name() == name);
        key.map_or_else(String::new, |key| key.path.to_owned())
    }

    fn items(&self, key: &Key, entry: &'t Entry) -> Option<&'t [Node]> {
        match &entry.value.value {
            Value::List(items) => Some(items),
            Value::Null => None,
            other @ (Value::Map(_) | Value::Scalar { .. }) => {
                let message = format!("{} where {} is expected", other.noun(), key.kind);
                self.problem(key.name(), message);
                None
            }
        }
    }

    fn parse<T, E: ToString>(
        &self,
        key: &Key,
        node: &Node,
        path: String,
        parse: impl FnOnce(&str, Kind) -> Result<T, E>,
    ) -> Option<T> {
        let kind = key.kind;
        let text = match &node.value {
            Value::Scalar { plain: false, text }
                if matches!(kind, Kind::Count { .. } | Kind::Switch) =>
            {
                let message = format!("{} in quotes is text; allowed: {kind}", shown(text));
                self.report.problem(node.at, path, message);
                return None;
            }
            Value::Scalar { text, .. } => text,
            Value::Null => {
                self.report.problem(node.at, path, format!("no value; allowed: {kind}"));
                return None;
            }
            other @ (Value::List(_) | Value::Map(_)) => {
                let message = format!("{} where one value is expected: {kind}", other.noun());
                self.report.problem(node.at, path, message);
                return None;
            }
        };
        let wrong = |error: E| self.report.problem(node.at, path, error.to_string());
        parse(text, kind).map_err(wrong).ok()
    }
}

/// A mistake of ours, which the tests would find: every key's default is read with its kind.
const NOT_THAT_KIND: &str = "certrotor reads this key as another kind than it documents";

fn one_of(text: &str, kind: Kind) -> Result<&'static str, String> {
    let (Kind::Word(words) | Kind::Words(words)) = kind else {
        return Err(NOT_THAT_KIND.to_owned());
    };
    values::word(text, words)
}

/// What to say of a key that does not belong here.
fn unknown(schema: &str, name: &str) -> String {
    if name == "<<" {
        return "merging sections is not supported; write the settings out".to_owned();
    }
    let here = || children(schema).map(Key::name);
    if let Some(nearest) = values::nearest(name, here()) {
        return format!("unknown key, did you mean `{nearest}`?");
    }
    if let Some(elsewhere) = KEYS.iter().find(|key| key.name() == name) {
        let whole_fleet = schema == OVERRIDE && elsewhere.path.starts_with("rotation.");
        let why = if whole_fleet { "holds for the whole fleet" } else { "does not belong here" };
        return format!("`{name}` {why}; it is `{}`", elsewhere.path);
    }
    format!("unknown key; allowed here: {}", here().collect::<Vec<_>>().join(", "))
}

/// A key as part of a path.
fn printable(name: &str) -> String {
    shown(name).trim_matches('`').to_owned()
}

fn lower(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_lowercase().chain(rest).collect())
}
