//! What lies between a process and the apiserver if a plan wants it: a bug in what it sends, and a
//! Lease of its own, so that it believes it leads whoever else does.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body as Reply, Bytes};
use certrotor::embedded::api::{ApiService, Call, Verb};
use http::request::Parts;
use http::{Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tower::{Layer, Service};

use super::mutants::Mutant;

/// Puts it there.
#[derive(Clone)]
pub(crate) struct TwistLayer {
    pub(crate) mutant: Option<Mutant>,
    /// The number of the Lease; none: the one that all share.
    pub(crate) lease: Option<usize>,
}

impl Layer<ApiService> for TwistLayer {
    type Service = Twisted;

    fn layer(&self, inner: ApiService) -> Twisted {
        Twisted { inner, twist: self.clone(), names: Arc::default() }
    }
}

/// The API behind it.
#[derive(Clone)]
pub(crate) struct Twisted {
    inner: ApiService,
    twist: TwistLayer,
    /// How many names were made up.
    names: Arc<AtomicUsize>,
}

type Answer = Result<Response<Reply>, Infallible>;

impl Service<Request<Body>> for Twisted {
    type Response = Response<Reply>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (head, body) = request.into_parts();
        let call = Call::read(&head);
        let concerns = call.as_ref().is_some_and(|call| self.twist.concerns(call));
        let request = Request::from_parts(head, body);
        if concerns { Box::pin(self.clone().twisted(request)) } else { self.inner.call(request) }
    }
}

impl TwistLayer {
    fn concerns(&self, call: &Call) -> bool {
        let resource = call.resource.as_str();
        self.lease.is_some() && resource == "leases"
            || match self.mutant {
                Some(Mutant::GeneratedNames) => {
                    call.verb == Verb::Create && resource == "mysqlopsrequests"
                }
                Some(Mutant::CountsNothing) => {
                    (call.verb == Verb::List
                        && resource == "mysqlopsrequests"
                        && call.namespace.is_empty())
                        || (call.verb == Verb::Get && resource == "configmaps")
                }
                _ => false,
            }
    }
}

impl Twisted {
    async fn twisted(mut self, request: Request<Body>) -> Answer {
        if self.twist.mutant == Some(Mutant::CountsNothing) && request.method() == http::Method::GET
        {
            return Ok(emptied(self.inner.call(request).await?).await);
        }
        let (mut head, body) = request.into_parts();
        let bytes = body.collect_bytes().await.expect("a body in memory");
        let body = match self.twist.lease.filter(|_| head.uri.path().contains("/leases")) {
            Some(number) => own_lease(number, &mut head, &bytes),
            None => self.with_another_name(&bytes),
        };
        self.inner.call(Request::from_parts(head, Body::from(body.into_bytes()))).await
    }

    fn with_another_name(&self, body: &Bytes) -> String {
        let mut body: Value = serde_json::from_slice(body).expect("an object");
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        let name = body["metadata"]["name"].as_str().unwrap_or_default();
        body["metadata"]["name"] = format!("{name}-{number}").into();
        body.to_string()
    }
}

/// The answer without what the object, or the list, holds.
async fn emptied(answer: Response<Reply>) -> Response<Reply> {
    let (head, body) = answer.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("a body in memory");
    let mut object: Value = serde_json::from_slice(&bytes).expect("an object");
    for (part, nothing) in [("items", json!([])), ("data", json!({}))] {
        if object[part].is_array() || object[part].is_object() {
            object[part] = nothing;
        }
    }
    Response::from_parts(head, Reply::from(object.to_string()))
}

fn own_lease(number: usize, head: &mut Parts, body: &Bytes) -> String {
    let path = head.uri.to_string();
    let path = path.replace("/leases/certrotor", &format!("/leases/certrotor-{number}"));
    head.uri = path.parse().expect("a path");
    let own = format!("\"name\":\"certrotor-{number}\"");
    String::from_utf8_lossy(body).replace("\"name\":\"certrotor\"", &own)
}
