//! From objects to the facts that are kept of them. Pure: the same object gives the same facts.
//!
//! A fleet of ten thousand databases is a hundred thousand objects of several kilobytes each, so
//! no object is kept. Texts that many objects repeat (namespaces, issuers, labels, the names that
//! objects call each other by) are kept once.

pub mod backup;
pub mod certificate;
pub mod issuance;
pub mod issuer;
pub mod mysql;
pub mod pod;
pub mod recommendation;
pub mod request;

use std::collections::HashSet;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::api::tls::{ISSUER_GROUP, IssuerRef};
use crate::core::fleet::{IssuerKey, Key, Text};

/// Texts that are kept once however many facts hold them.
#[derive(Debug, Default)]
pub struct Texts {
    known: HashSet<Text>,
    /// How many there may be before unused ones are looked for.
    roomy: usize,
}

impl Texts {
    /// The one copy of this text.
    pub fn text(&mut self, text: &str) -> Text {
        if let Some(known) = self.known.get(text) {
            return Text::clone(known);
        }
        if self.known.len() >= self.roomy.max(1024) {
            self.forget_unused();
        }
        let new: Text = text.into();
        self.known.insert(Text::clone(&new));
        new
    }

    /// The key of an object.
    pub fn key(&mut self, metadata: &ObjectMeta) -> Key {
        Key {
            namespace: self.text(metadata.namespace.as_deref().unwrap_or_default()),
            name: self.text(metadata.name.as_deref().unwrap_or_default()),
        }
    }

    /// The issuer that is meant by something in `namespace`. One of another group than
    /// cert-manager's is never taken for one of cert-manager's.
    pub fn issuer(&mut self, issuer: &IssuerRef, namespace: &str) -> IssuerKey {
        let kind = if issuer.group == ISSUER_GROUP {
            self.text(&issuer.kind)
        } else {
            self.text(&format!("{}.{}", issuer.kind, issuer.group))
        };
        IssuerKey {
            namespace: issuer.is_namespaced().then(|| self.text(namespace)),
            kind,
            name: self.text(&issuer.name),
        }
    }

    /// The same key, of texts that are kept once.
    pub(crate) fn issuer_key(&mut self, key: &IssuerKey) -> IssuerKey {
        IssuerKey {
            namespace: key.namespace.as_ref().map(|namespace| self.text(namespace)),
            kind: self.text(&key.kind),
            name: self.text(&key.name),
        }
    }

    fn forget_unused(&mut self) {
        self.known.retain(|text| Arc::strong_count(text) > 1);
        self.roomy = 2 * self.known.len();
    }
}

/// The uid of an object; empty only for one that no apiserver has seen.
pub(crate) fn uid(metadata: &ObjectMeta) -> &str {
    metadata.uid.as_deref().unwrap_or_default()
}

/// Names that a certificate carries or should carry, in the form of [`Leaf::names`]: one to a
/// line, sorted, each once.
///
/// [`Leaf::names`]: crate::core::certificate::Leaf::names
pub(crate) fn name_list(names: impl IntoIterator<Item = String>) -> String {
    let mut names: Vec<String> = names.into_iter().filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    names.join("\n")
}

/// DNS names and addresses in the form in which a leaf's are kept.
pub(crate) fn wanted_names(dns: &[String], addresses: &[String]) -> String {
    let dns = dns.iter().map(|name| {
        let name = name.strip_suffix('.').unwrap_or(name);
        name.to_ascii_lowercase()
    });
    let addresses = addresses.iter().map(|address| {
        let parsed: Result<std::net::IpAddr, _> = address.parse();
        parsed.map_or_else(|_| address.clone(), |address| address.to_string())
    });
    name_list(dns.chain(addresses))
}

#[cfg(test)]
mod tests;
