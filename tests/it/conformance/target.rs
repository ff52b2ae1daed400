//! What a case talks to: one of the two API servers, and a namespace of its own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use certrotor::clock::PausedClock;
use certrotor::embedded::api::{ApiServer, Options};
use http::{Method, Request};
use http_body_util::BodyExt as _;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::kinds::{DEFINITION, Kind, NAMESPACE, widgets};
use crate::support::control_plane::ControlPlane;
use crate::support::eventually::eventually;
use crate::support::lab;

/// The content type of each kind of patch.
pub(crate) const APPLY: &str = "application/apply-patch+yaml";
pub(crate) const JSON: &str = "application/json-patch+json";
pub(crate) const MERGE: &str = "application/merge-patch+json";
pub(crate) const STRATEGIC: &str = "application/strategic-merge-patch+json";
const OBJECT: &str = "application/json";

/// How long something may take that controllers do.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a watch may be silent.
const SILENCE: Duration = Duration::from_secs(5);

/// An API server.
pub(crate) struct Target {
    client: Client,
    server: Server,
    /// The case's own namespace.
    pub(crate) namespace: String,
}

enum Server {
    Embedded(ApiServer),
    Real(&'static ControlPlane),
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) body: Value,
    pub(crate) retry_after: Option<String>,
    pub(crate) warnings: Vec<String>,
}

/// Runs a case on the embedded API, on paused time.
pub(crate) fn on_embedded(case: impl AsyncFnOnce(Target)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async { case(embedded("case").await).await });
}

/// Runs a case on a real kube-apiserver, or says why it is skipped.
pub(crate) fn on_real(case: impl AsyncFnOnce(Target)) {
    lab::on_cluster(async |lab| case(real(lab.plane, &lab.name).await).await);
}

/// The embedded API, with a new namespace.
pub(crate) async fn embedded(namespace: &str) -> Target {
    let epoch = "2026-11-23T12:00:00Z".parse().unwrap();
    let clock = Arc::new(PausedClock::new(epoch));
    // Histories are short enough for a case, and bookmarks come while it waits.
    let options = Options { bookmark_every: Duration::from_secs(1), ..Options::default() };
    let server = ApiServer::with_options(clock, options).unwrap();
    let client = server.client("conformance", "default");
    let target = Target { client, server: Server::Embedded(server), namespace: String::new() };
    target.prepared(namespace).await
}

/// A real kube-apiserver, with a new namespace.
pub(crate) async fn real(plane: &'static ControlPlane, namespace: &str) -> Target {
    let file = plane.folder().join("admin.kubeconfig");
    let kubeconfig = Kubeconfig::read_from(file).unwrap();
    let options = KubeConfigOptions::default();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
    // A refusal is what some cases are about.
    config.default_retry = false;
    let client = Client::try_from(config).unwrap();
    let target = Target { client, server: Server::Real(plane), namespace: String::new() };
    target.prepared(&format!("conformance-{namespace}")).await
}

impl Target {
    async fn prepared(mut self, namespace: &str) -> Self {
        let made = self.post(NAMESPACE, "", json!({"metadata": {"name": namespace}})).await;
        assert_eq!(made.code, 201, "{made:?}");
        namespace.clone_into(&mut self.namespace);
        let defined = self.call(Method::POST, &DEFINITION.path(""), OBJECT, &widgets()).await;
        assert!(matches!(defined.code, 201 | 409), "{defined:?}");
        self.eventually("widgets to be served", async |target| {
            let list = target.list(super::kinds::WIDGET, "").await;
            (list.code == 200).then_some(()).ok_or(list)
        })
        .await;
        self
    }

    /// A request in full.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: &Value,
    ) -> Reply {
        self.ask(method, path, content_type, OBJECT, body).await
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        accept: &str,
        body: &Value,
    ) -> Reply {
        loop {
            let reply = self.ask_once(method.clone(), path, content_type, accept, body).await;
            // A real server that has just learnt of a kind asks for a moment.
            if !reply.body.to_string().contains("storage is (re)initializing") {
                return reply;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn ask_once(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        accept: &str,
        body: &Value,
    ) -> Reply {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content_type)
            .header("accept", accept)
            .header("user-agent", "conformance/1")
            .body(Body::from(text.into_bytes()))
            .unwrap();
        let response = self.client.send(request).await.unwrap();
        let (head, body) = response.into_parts();
        let header = |name: &str| {
            let values = head.headers.get_all(name).iter();
            values.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let body = body.collect().await.unwrap().to_bytes();
        Reply {
            code: head.status.as_u16(),
            body: serde_json::from_slice(&body)
                .unwrap_or_else(|_| json!(String::from_utf8_lossy(&body))),
            retry_after: header("retry-after").pop(),
            warnings: header("warning"),
        }
    }

    fn path(&self, kind: Kind, rest: &str) -> String {
        let path = kind.path(&self.namespace);
        if rest.is_empty() || rest.starts_with('?') {
            format!("{path}{rest}")
        } else {
            format!("{path}/{rest}")
        }
    }

    /// POST of an object; `rest` is what follows the collection in the URL.
    pub(crate) async fn post(&self, kind: Kind, rest: &str, object: Value) -> Reply {
        let object = if object["kind"].is_null() { kind.object(object) } else { object };
        self.call(Method::POST, &self.path(kind, rest), OBJECT, &object).await
    }

    /// Creates an object that must be fine.
    pub(crate) async fn create(&self, kind: Kind, object: Value) -> Value {
        let reply = self.post(kind, "", object).await;
        assert_eq!(reply.code, 201, "{reply:?}");
        reply.body
    }

    /// GET; `rest` is the name and what follows it in the URL.
    pub(crate) async fn get(&self, kind: Kind, rest: &str) -> Reply {
        self.call(Method::GET, &self.path(kind, rest), OBJECT, &Value::Null).await
    }

    /// An object that must be there.
    pub(crate) async fn read(&self, kind: Kind, name: &str) -> Value {
        let reply = self.get(kind, name).await;
        assert_eq!(reply.code, 200, "{reply:?}");
        reply.body
    }

    /// GET of a list, with these parameters.
    pub(crate) async fn list(&self, kind: Kind, query: &str) -> Reply {
        self.get(kind, &format!("?{query}")).await
    }

    /// GET with an `Accept` of its own.
    pub(crate) async fn get_as(&self, kind: Kind, rest: &str, accept: &str) -> Reply {
        self.ask(Method::GET, &self.path(kind, rest), OBJECT, accept, &Value::Null).await
    }

    /// PUT of an object.
    pub(crate) async fn put(&self, kind: Kind, rest: &str, object: &Value) -> Reply {
        self.call(Method::PUT, &self.path(kind, rest), OBJECT, object).await
    }

    /// PATCH, of one of the four types.
    pub(crate) async fn patch(&self, kind: Kind, rest: &str, of: &str, patch: Value) -> Reply {
        self.call(Method::PATCH, &self.path(kind, rest), of, &patch).await
    }

    /// Server-side apply of an object by a manager; `rest` may end in more parameters.
    pub(crate) async fn apply(&self, kind: Kind, rest: &str, by: &str, object: Value) -> Reply {
        let sign = if rest.contains('?') { '&' } else { '?' };
        self.patch(kind, &format!("{rest}{sign}fieldManager={by}"), APPLY, kind.object(object))
            .await
    }

    /// DELETE, with options or without.
    pub(crate) async fn delete(&self, kind: Kind, rest: &str, options: Value) -> Reply {
        self.call(Method::DELETE, &self.path(kind, rest), OBJECT, &options).await
    }

    /// Whether it is a real kube-apiserver.
    pub(crate) const fn is_real(&self) -> bool {
        matches!(self.server, Server::Real(_))
    }

    /// What a watch with these parameters tells, until there are so many events or silence.
    pub(crate) async fn watch(&self, kind: Kind, query: &str, events: usize) -> Vec<Value> {
        let path = self.path(kind, &format!("?watch=true&{query}"));
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = self.client.send(request).await.unwrap();
        let mut body = response.into_body();
        let (mut rest, mut told) = (VecDeque::new(), Vec::new());
        while told.len() < events {
            let Ok(Some(frame)) = timeout(SILENCE, body.frame()).await else {
                break;
            };
            rest.extend(frame.unwrap().into_data().unwrap_or_default());
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = rest.drain(..=end).collect();
                told.push(serde_json::from_slice(&line).unwrap());
            }
        }
        told
    }

    /// Waits until `look` is content: controllers may take their time.
    pub(crate) async fn eventually<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut(&Self) -> Result<T, Reply>,
    ) -> T {
        eventually(PATIENCE, what, async || {
            look(self).await.map_err(|seen| format!("{} {}", seen.code, seen.body))
        })
        .await
    }

    /// Waits until an object is not there any more.
    pub(crate) async fn until_gone(&self, kind: Kind, name: &str) {
        let what = format!("{} {name} to be gone", kind.plural);
        self.eventually(&what, async |target| {
            let reply = target.get(kind, name).await;
            if reply.code == 404 { Ok(()) } else { Err(reply) }
        })
        .await;
    }

    /// Waits until an object is as it should be, and gives it back.
    pub(crate) async fn until(
        &self,
        kind: Kind,
        name: &str,
        what: &str,
        is: impl Fn(&Value) -> bool,
    ) -> Value {
        self.eventually(what, async |target| {
            let reply = target.get(kind, name).await;
            if is(&reply.body) { Ok(reply.body) } else { Err(reply) }
        })
        .await
    }

    /// Makes the server forget how things were.
    pub(crate) async fn forget_history(&self) {
        match &self.server {
            Server::Embedded(server) => server.compact(),
            Server::Real(plane) => plane.compact().await,
        }
    }
}

impl Reply {
    /// The reason in a refusal, or the kind of what was sent.
    pub(crate) fn reason(&self) -> &str {
        self.body["reason"].as_str().unwrap_or_default()
    }

    /// The causes in a refusal: reason and field.
    pub(crate) fn causes<'a>(&'a self) -> Vec<(&'a str, &'a str)> {
        let causes = self.body["details"]["causes"].as_array();
        let text = |value: &'a Value| value.as_str().unwrap_or_default();
        let causes = causes.into_iter().flatten();
        causes.map(|cause| (text(&cause["reason"]), text(&cause["field"]))).collect()
    }

    /// Holds the answer to a status code and a reason.
    #[track_caller]
    pub(crate) fn refused(&self, code: u16, reason: &str) -> &Self {
        assert_eq!((self.code, self.reason()), (code, reason), "{}", self.body);
        self
    }

    /// Holds the answer to a success, and gives back what was sent.
    #[track_caller]
    pub(crate) fn fine(self) -> Value {
        assert!(matches!(self.code, 200 | 201), "{} {}", self.code, self.body);
        self.body
    }
}

/// The resourceVersion of an object or a list.
pub(crate) fn version(object: &Value) -> &str {
    object["metadata"]["resourceVersion"].as_str().unwrap()
}

/// The names of the objects in a list.
pub(crate) fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().into_iter().flatten();
    items.map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}
