//! Rights as the shipped roles grant them, and as the apiserver's audit log says that they were used.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use super::lab::Lab;
use super::rbac::{self, Who};

/// One verb on one kind; in the daemon's own namespace, or anywhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Right {
    own: bool,
    group: String,
    pub(crate) resource: String,
    verb: String,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.own { "here" } else { "anywhere" };
        write!(f, "{} {}.{} {place}", self.verb, self.resource, self.group)
    }
}

/// What the shipped roles grant, each right by itself.
pub(crate) fn granted(who: Who) -> BTreeSet<Right> {
    let texts = |value: &Value| -> Vec<String> {
        let texts = value.as_array().into_iter().flatten();
        texts.map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let mut rights = BTreeSet::new();
    for role in rbac::shipped_for(who) {
        let own = role["kind"] == "Role";
        for rule in role["rules"].as_array().into_iter().flatten() {
            let groups = texts(&rule["apiGroups"]);
            for group in &groups {
                for resource in texts(&rule["resources"]) {
                    for verb in texts(&rule["verbs"]) {
                        let (group, resource) = (group.clone(), resource.clone());
                        rights.insert(Right { own, group, resource, verb });
                    }
                }
            }
        }
    }
    rights
}

/// What the daemon or executor in `namespace` has asked for.
pub(crate) fn used(who: Who, lab: &Lab, namespace: &str) -> BTreeSet<Right> {
    let user = format!("system:serviceaccount:{namespace}:{}", rbac::account_of(who));
    let entries = lab.plane.audit(&user);
    let asked = entries.iter().filter(|entry| entry["objectRef"].is_object());
    asked
        .map(|entry| {
            let object = &entry["objectRef"];
            let text = |key: &str| object[key].as_str().unwrap_or_default();
            let resource = [text("resource"), text("subresource")];
            let resource = resource.join("/").trim_end_matches('/').to_owned();
            let verb = entry["verb"].as_str().unwrap().to_owned();
            let own =
                ["leases", "configmaps"].contains(&&*resource) && text("namespace") == namespace;
            Right { own, group: text("apiGroup").to_owned(), resource, verb }
        })
        .collect()
}

/// Rights in words.
pub(crate) fn shown<'a>(rights: impl Iterator<Item = &'a Right>) -> String {
    rights.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Those of them that are about kinds which are served here.
pub(crate) async fn usable(rights: &BTreeSet<Right>, lab: &Lab) -> BTreeSet<Right> {
    let groups = lab.admin.client().list_api_groups().await.unwrap().groups;
    let served = |right: &&Right| {
        right.group.is_empty() || groups.iter().any(|group| group.name == right.group)
    };
    rights.iter().filter(served).cloned().collect()
}
