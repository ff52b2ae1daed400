//! Requests that are about no resource: health, version, discovery, `OpenAPI`.

use http::Method;
use http::request::Parts;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::call::Params;
use super::discovery;
use super::failure::Failure;
use super::openapi;
use super::store::Store;

/// The version that it behaves as; kubectl compares it with its own.
pub(super) const GIT_VERSION: &str = "v1.36.3";

const ALL_AT_ONCE: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// What is shown at a path.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) content_type: &'static str,
    pub(super) body: String,
    /// The path names its content: it will never be another.
    pub(super) lasting: bool,
}

impl Page {
    fn text(body: String) -> Self {
        Self { content_type: "text/plain; charset=utf-8", body, lasting: false }
    }

    fn json(body: &Value) -> Self {
        Self { content_type: "application/json", body: format!("{body}\n"), lasting: false }
    }

    /// What `ETag` says of it.
    pub(super) fn tag(&self) -> String {
        format!("\"{}\"", digest(self.body.as_bytes()))
    }
}

/// The digest of some bytes, in hexadecimal digits.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Whether anybody may ask for it: who has not said who they are, too.
pub(super) fn is_public(path: &str) -> bool {
    matches!(path, "/healthz" | "/livez" | "/readyz" | "/version" | "/version/")
}

/// Answers a request that is about no resource.
pub(super) fn answer(store: &Store, head: &Parts, params: &Params) -> Result<Page, Failure> {
    let parts: Vec<&str> = head.uri.path().split('/').filter(|part| !part.is_empty()).collect();
    let registry = &store.registry;
    let page = match parts[..] {
        [check @ ("healthz" | "livez" | "readyz")] => Page::text(health(check, params)),
        ["version"] => Page::json(&version()),
        ["openapi", "v2"] => empty_document(params),
        ["openapi", "v3"] => Page::json(&openapi::index(store)),
        ["openapi", "v3", ref path @ ..] => {
            let document = openapi::document(store, path)?;
            let lasting = params.text("hash") == document.hash;
            Page { lasting, ..Page::json(&document.content) }
        }
        ["api" | "apis"] if discovery::wants_all(params) => {
            let all = discovery::all(registry, parts == ["api"]);
            Page { content_type: ALL_AT_ONCE, ..Page::json(&all) }
        }
        _ => Page::json(&discovery::page(registry, &parts)?),
    };
    if head.method == Method::GET || head.method == Method::HEAD {
        Ok(page)
    } else {
        Err(Failure::method_not_allowed())
    }
}

/// `OpenAPI` v2 without any kind in it: version 3 has them. kubectl looks here before it creates a
/// `List`, and does not check what it finds no schema for.
fn empty_document(params: &Params) -> Page {
    const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    const TITLE: &str = "Kubernetes";
    if !params.accept.contains("proto-openapi.spec.v2") {
        let info = json!({"title": TITLE, "version": GIT_VERSION});
        return Page::json(&json!({"swagger": "2.0", "info": info, "paths": {}}));
    }
    let field = |number: u8, content: &str| {
        let head = [number << 3 | 2, u8::try_from(content.len()).unwrap_or(u8::MAX)];
        head.iter().map(|byte| char::from(*byte)).chain(content.chars()).collect::<String>()
    };
    // The fields of gnostic's `openapi.v2.Document` and `Info`. All bytes are ASCII.
    let info = field(1, TITLE) + &field(2, GIT_VERSION);
    let body = field(1, "2.0") + &field(2, &info) + &field(8, "");
    Page { content_type: PROTOBUF, body, lasting: false }
}

fn health(check: &str, params: &Params) -> String {
    if params.has("verbose") {
        format!("[+]ping ok\n{check} check passed\n")
    } else {
        "ok".to_owned()
    }
}

fn version() -> Value {
    json!({
        "major": "1",
        "minor": "36",
        "emulationMajor": "1",
        "emulationMinor": "36",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35",
        "gitVersion": GIT_VERSION,
        "gitCommit": "embedded",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}
