//! What a request asks for: its path and parameters, read once.

use std::collections::BTreeMap;
use std::fmt;

use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, Method};

use super::failure::Failure;

/// What is done to a resource, in the words of RBAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// `create`
    Create,
    /// `delete`
    Delete,
    /// `deletecollection`
    DeleteCollection,
    /// `get`
    Get,
    /// `list`
    List,
    /// `patch`
    Patch,
    /// `update`
    Update,
    /// `watch`
    Watch,
}

impl Verb {
    /// The word that RBAC has for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Get => "get",
            Self::List => "list",
            Self::Patch => "patch",
            Self::Update => "update",
            Self::Watch => "watch",
        }
    }

    /// Whether it can change anything.
    pub const fn writes(self) -> bool {
        match self {
            Self::Create | Self::Delete | Self::DeleteCollection | Self::Patch | Self::Update => {
                true
            }
            Self::Get | Self::List | Self::Watch => false,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One request about a resource, as fault plans and oracles see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What is done.
    pub verb: Verb,
    /// The API group; empty for the core one.
    pub group: String,
    /// The version of the group.
    pub version: String,
    /// The plural.
    pub resource: String,
    /// The namespace; empty for cluster-scoped resources and for all namespaces.
    pub namespace: String,
    /// The object's name; empty where the whole collection is meant.
    pub name: String,
    /// `status`, `eviction`, …; empty for the object itself.
    pub subresource: String,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        for part in [&self.subresource, &self.namespace, &self.name] {
            if !part.is_empty() {
                let sign = if part == &self.namespace { ' ' } else { '/' };
                write!(f, "{sign}{part}")?;
            }
        }
        Ok(())
    }
}

impl Call {
    /// A request that is about no resource.
    pub(super) fn discovery() -> Self {
        Self {
            verb: Verb::Get,
            group: String::new(),
            version: String::new(),
            resource: "discovery".to_owned(),
            namespace: String::new(),
            name: String::new(),
            subresource: String::new(),
        }
    }

    /// Reads the head of a request; none for paths that are not about a resource.
    pub fn read(head: &Parts) -> Option<Self> {
        let mut parts = head.uri.path().split('/').filter(|part| !part.is_empty());
        let (group, version) = match parts.next()? {
            "api" => ("", parts.next()?),
            "apis" => (parts.next()?, parts.next()?),
            _ => return None,
        };
        let rest: Vec<&str> = parts.collect();
        let (namespace, rest) = match rest[..] {
            // /namespaces/<name> and its subresources are about the namespace itself.
            ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => ("", &rest[..]),
            ["namespaces", namespace, ref rest @ ..] => (namespace, rest),
            ref rest => ("", rest),
        };
        let (resource, name, subresource) = match *rest {
            [resource] => (resource, "", ""),
            [resource, name] => (resource, name, ""),
            [resource, name, subresource] => (resource, name, subresource),
            _ => return None,
        };
        let watches = matches!(Params::read(head).text("watch"), "true" | "1");
        let verb = match (&head.method, name) {
            (&Method::GET, "") if watches => Verb::Watch,
            (&Method::GET, "") => Verb::List,
            (&Method::GET, _) => Verb::Get,
            (&Method::POST, _) => Verb::Create,
            (&Method::PUT, _) => Verb::Update,
            (&Method::PATCH, _) => Verb::Patch,
            (&Method::DELETE, "") => Verb::DeleteCollection,
            (&Method::DELETE, _) => Verb::Delete,
            _ => return None,
        };
        Some(Self {
            verb,
            group: group.to_owned(),
            version: version.to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.to_owned(),
            name: decode(name),
            subresource: subresource.to_owned(),
        })
    }
}

/// The parameters of a request, from its URL and its header.
#[derive(Clone, Debug, Default)]
pub(super) struct Params {
    query: BTreeMap<String, String>,
    /// `Accept`.
    pub(super) accept: String,
    /// `Content-Type` without its parameters.
    pub(super) content_type: String,
    agent: String,
}

impl Params {
    pub(super) fn read(head: &Parts) -> Self {
        let content_type = header(&head.headers, CONTENT_TYPE.as_str());
        let content_type = content_type.split(';').next().unwrap_or_default();
        Self {
            query: query(head.uri.query().unwrap_or_default()),
            accept: header(&head.headers, ACCEPT.as_str()),
            content_type: content_type.trim().to_owned(),
            agent: header(&head.headers, USER_AGENT.as_str()),
        }
    }

    /// A parameter; empty when it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.query.contains_key(name)
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.text(name), "true" | "1")
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Failure> {
        let text = self.text(name);
        if text.is_empty() {
            return Ok(None);
        }
        let number = text.parse().map(Some);
        number.map_err(|_| Failure::bad_request(format!("invalid {name} {text:?}")))
    }

    /// Whether nothing is to be changed.
    pub(super) fn dry_run(&self) -> bool {
        self.text("dryRun") == "All"
    }

    /// Who manages the fields that the request sets.
    pub(super) fn manager(&self) -> &str {
        let agent = || self.agent.split('/').next().unwrap_or_default();
        match self.text("fieldManager") {
            "" if agent().is_empty() => "unknown",
            "" => agent(),
            manager => manager,
        }
    }
}

fn header(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

fn query(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

/// Undoes percent encoding, and `+` for a space.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut hex = rest.clone().take(2).map(char::from);
                let digits = (hex.next().and_then(hex_digit), hex.next().and_then(hex_digit));
                let (Some(high), Some(low)) = digits else {
                    bytes.push(b'%');
                    continue;
                };
                bytes.push(high * 16 + low);
                rest.nth(1);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_digit(digit: char) -> Option<u8> {
    digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
