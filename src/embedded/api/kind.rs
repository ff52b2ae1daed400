//! The resource table: which kinds there are, under which names and versions, and what each can do.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::SchemaGenerator;
use serde_json::Value;

use super::failure::{About, Failure};
use super::scale::Scale;
use super::schema::Schema;
use super::table::Column;

mod builtin;
mod defaults;
mod definition;
mod merge_keys;

pub(super) use builtin::builtin_kinds;
pub(super) use defaults::{fill_at_admission, fill_builtin_defaults};
pub(super) use merge_keys::merge_keys;

/// A kind of object, in all the versions that it is served in.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "`kind` is what the API calls the name of a kind")]
pub(super) struct Kind {
    pub(super) group: String,
    pub(super) kind: String,
    pub(super) plural: String,
    pub(super) singular: String,
    pub(super) short_names: Vec<String>,
    pub(super) categories: Vec<String>,
    pub(super) namespaced: bool,
    /// The first is the one that objects are stored in.
    pub(super) versions: Vec<Version>,
    /// Under which name its objects are stored: two kinds may show the same objects.
    pub(super) stored_as: Arc<str>,
    pub(super) nature: Nature,
}

/// A kind as one of its versions shows it.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) name: String,
    pub(super) has_status: bool,
    /// How its objects are scaled, if they can be.
    pub(super) scale: Option<Scale>,
    pub(super) schema: Schema,
    pub(super) columns: Vec<Column>,
}

/// How the objects of a kind behave where kinds differ.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a difference of its own")]
pub(super) struct Nature {
    /// Who holds the objects to their form.
    pub(super) checked_by: CheckedBy,
    /// Counts changes of what is wished in `metadata.generation`.
    pub(super) has_generation: bool,
    /// A PUT may leave the resourceVersion out.
    pub(super) blind_put: bool,
    /// A PUT of an object that is not there creates it.
    pub(super) put_creates: bool,
    /// A DELETE answers with the object and not with a Status.
    pub(super) delete_shows_object: bool,
}

/// Who knows what an object of a kind may hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum CheckedBy {
    /// The schema in its definition.
    Schema,
    /// The type in `k8s_openapi`: reading and writing it drops what is unknown.
    Type {
        read: fn(Value) -> Result<Value, serde_json::Error>,
        /// Its schema, with those of all that it is made of.
        describe: fn(&mut SchemaGenerator),
    },
}

/// A kind in one of its versions: what a URL names.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    pub(super) kind: Arc<Kind>,
    version: usize,
}

impl Resource {
    pub(super) fn version(&self) -> &Version {
        &self.kind.versions[self.version]
    }

    /// Whether objects are stored as this version has them.
    pub(super) fn is_storage_version(&self) -> bool {
        self.version == 0
    }

    pub(super) fn api_version(&self) -> String {
        api_version(&self.kind.group, &self.version().name)
    }

    /// The object of this name, for a refusal in the words of its URL.
    pub(super) fn about<'a>(&'a self, name: &'a str) -> About<'a> {
        About { group: &self.kind.group, resource: &self.kind.plural, name }
    }

    /// The object of this name, for a refusal in the words of its kind.
    pub(super) fn about_kind<'a>(&'a self, name: &'a str) -> About<'a> {
        About { resource: &self.kind.kind, ..self.about(name) }
    }

    pub(super) fn is(&self, group: &str, plural: &str) -> bool {
        self.kind.group == group && self.kind.plural == plural
    }

    pub(super) fn is_custom(&self) -> bool {
        self.kind.is_custom()
    }
}

/// Every kind there is.
#[derive(Clone, Debug)]
pub(super) struct Registry {
    kinds: BTreeMap<(String, String), Arc<Kind>>,
}

impl Registry {
    /// The kinds of Kubernetes itself.
    pub(super) fn builtin() -> Self {
        let kinds = builtin_kinds().into_iter();
        let kinds = kinds.map(|kind| (kind.identity(), Arc::new(kind)));
        Self { kinds: kinds.collect() }
    }

    /// Adds a kind, or replaces it.
    pub(super) fn add(&mut self, kind: Arc<Kind>) {
        self.kinds.insert(kind.identity(), kind);
    }

    /// Forgets a kind.
    pub(super) fn forget(&mut self, group: &str, plural: &str) {
        let identity = (group.to_owned(), plural.to_owned());
        self.kinds.remove(&identity);
    }

    /// What a URL names.
    pub(super) fn find(&self, group: &str, version: &str, plural: &str) -> Option<Resource> {
        let identity = (group.to_owned(), plural.to_owned());
        let kind = self.kinds.get(&identity)?;
        let mut versions = kind.versions.iter();
        let version = versions.position(|served| served.name == version)?;
        Some(Resource { kind: Arc::clone(kind), version })
    }

    /// What an object's `apiVersion` and `kind` name.
    pub(super) fn find_kind(&self, api_version: &str, kind: &str) -> Option<Resource> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let mut kinds = self.kinds.values();
        let found = kinds.find(|known| known.group == group && known.kind == kind)?;
        self.find(group, version, &found.plural)
    }

    /// The kind whose objects are stored under this name, in the version that they are stored in.
    pub(super) fn stored_as(&self, name: &str) -> Option<Resource> {
        let kind = self.kinds.values().find(|kind| *kind.stored_as == *name)?;
        Some(Resource { kind: Arc::clone(kind), version: 0 })
    }

    /// All kinds, by group and plural.
    pub(super) fn kinds(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.kinds.values()
    }
}

impl Kind {
    /// The kind that a `CustomResourceDefinition` makes.
    pub(super) fn defined(definition: &Value) -> Result<Self, Failure> {
        definition::read(definition)
    }

    /// Whether a `CustomResourceDefinition` has made it.
    pub(super) fn is_custom(&self) -> bool {
        matches!(self.nature.checked_by, CheckedBy::Schema)
    }

    fn identity(&self) -> (String, String) {
        (self.group.clone(), self.plural.clone())
    }

    /// The `apiVersion` that its objects are stored in.
    pub(super) fn storage_version(&self) -> String {
        let version = self.versions.first();
        api_version(&self.group, version.map_or("v1", |version| &version.name))
    }
}

fn api_version(group: &str, version: &str) -> String {
    match group {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    }
}
