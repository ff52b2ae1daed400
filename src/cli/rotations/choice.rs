//! Which databases a command is about.

use std::collections::BTreeSet;

use anyhow::{anyhow, bail};
use clap::Args;
use kube::ResourceExt as _;
use kube::api::DynamicObject;

use super::reach::Reached;
use crate::api::resources::{MYSQL, ROTATION};
use crate::config::values::nearest;
use crate::core::fleet::Key;

/// Where to look.
#[derive(Clone, Debug, Args)]
pub(super) struct Scope {
    /// The namespace [default: that of the context]
    #[arg(short, long, value_name = "NAME", conflicts_with = "all_namespaces")]
    namespace: Option<String>,
    /// All namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Only databases whose MySQL has these labels, such as `tier=gold,!legacy`
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,
}

impl Scope {
    /// One namespace; none: that of the context.
    pub(super) const fn of(namespace: Option<String>) -> Self {
        Self { namespace, all_namespaces: false, selector: None }
    }

    pub(super) const fn is_everywhere(&self) -> bool {
        self.all_namespaces
    }

    /// Whether it names databases without their names.
    pub(super) const fn is_wide(&self) -> bool {
        self.all_namespaces || self.selector.is_some()
    }

    /// The namespace to look in; none: all of them.
    pub(super) fn namespace(&self, reached: &Reached) -> Option<String> {
        let usual = || reached.client.default_namespace().to_owned();
        (!self.all_namespaces).then(|| self.namespace.clone().unwrap_or_else(usual))
    }

    /// The Rotations with these names, `NAME` or `NAMESPACE/NAME`; without names all in scope.
    pub(super) async fn rotations(
        &self,
        reached: &Reached,
        names: &[String],
    ) -> anyhow::Result<Vec<DynamicObject>> {
        let namespace = self.namespace(reached);
        if self.all_namespaces && names.iter().any(|name| !name.contains('/')) {
            bail!("with -A a database is named NAMESPACE/NAME");
        }
        let wanted: BTreeSet<Key> =
            names.iter().map(|name| key(name, namespace.as_deref())).collect();
        let elsewhere = wanted.iter().any(|key| Some(&*key.namespace) != namespace.as_deref());
        let listed = if elsewhere { None } else { namespace.as_deref() };
        let mut found = reached.list(&ROTATION, listed, None).await?;
        if let Some(selector) = &self.selector {
            let labelled = reached.list(&MYSQL, listed, Some(selector)).await?;
            let labelled: BTreeSet<Key> = labelled.iter().map(key_of).collect();
            found.retain(|rotation| labelled.contains(&key_of(rotation)));
        }
        if !wanted.is_empty() {
            let known: Vec<Key> = found.iter().map(key_of).collect();
            let missing: Vec<&Key> = wanted.iter().filter(|key| !known.contains(key)).collect();
            if let Some(missing) = missing.first() {
                return Err(unknown(missing, &known));
            }
            found.retain(|rotation| wanted.contains(&key_of(rotation)));
        }
        found.sort_by_key(key_of);
        Ok(found)
    }
}

pub(super) fn key(name: &str, namespace: Option<&str>) -> Key {
    let usual = namespace.unwrap_or_default();
    let (namespace, name) = name.split_once('/').unwrap_or((usual, name));
    Key::new(namespace, name)
}

/// The installation that a Rotation belongs to.
pub(super) fn owner_of(rotation: &DynamicObject) -> Option<String> {
    let owner = rotation.data["status"]["installation"].as_str();
    owner.map(ToOwned::to_owned)
}

/// Which database an object is about, or is.
pub(super) fn key_of(object: &DynamicObject) -> Key {
    Key::new(&object.namespace().unwrap_or_default(), &object.name_any())
}

fn unknown(missing: &Key, known: &[Key]) -> anyhow::Error {
    let names: Vec<String> = known.iter().map(ToString::to_string).collect();
    let same_name = names.iter().find(|name| name.ends_with(&format!("/{}", missing.name)));
    let text = missing.to_string();
    let near =
        same_name.map(String::as_str).or_else(|| nearest(&text, names.iter().map(String::as_str)));
    match near {
        Some(near) => anyhow!("no rotation {text}; did you mean {near}?"),
        None => anyhow!(
            "no rotation {text}: certrotor makes one for each MySQL with TLS that it watches; \
             certrotor status -A lists them"
        ),
    }
}
