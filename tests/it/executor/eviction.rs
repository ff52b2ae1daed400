//! The eviction of pods, which the API in memory does not know by itself: a DELETE that a
//! disruption budget may forbid.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::Body as Reply;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tower::{BoxError, Service};

/// A service that evicts.
#[derive(Clone)]
pub(crate) struct Evicts<S> {
    pub(crate) inner: S,
    /// How many evictions are still refused.
    pub(crate) refusals: Arc<AtomicUsize>,
}

impl<S> Service<Request<Body>> for Evicts<S>
where
    S: Service<Request<Body>, Response = Response<Reply>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
{
    type Response = Response<Reply>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Reply>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut inner = self.inner.clone();
        let path = request.uri().path().strip_suffix("/eviction").map(str::to_owned);
        let Some(path) = path.filter(|_| request.method() == Method::POST) else {
            return Box::pin(async move { inner.call(request).await.map_err(Into::into) });
        };
        let less = |left: usize| left.checked_sub(1);
        if self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
            return Box::pin(async { reply(429, &budget()) });
        }
        Box::pin(async move {
            let body = request.into_body().collect_bytes().await?;
            let eviction: Value = serde_json::from_slice(&body)?;
            let mut options = eviction["deleteOptions"].clone();
            (options["kind"], options["apiVersion"]) = (json!("DeleteOptions"), json!("v1"));
            let delete = Request::delete(path)
                .header(CONTENT_TYPE, "application/json")
                .body(Body::from(serde_json::to_vec(&options)?))?;
            let answer = inner.call(delete).await.map_err(Into::into)?;
            if answer.status().is_success() {
                return reply(
                    201,
                    &json!({"kind": "Status", "apiVersion": "v1",
                    "status": "Success", "metadata": {}}),
                );
            }
            Ok(answer)
        })
    }
}

fn budget() -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 429,
        "reason": "TooManyRequests", "metadata": {},
        "message": "Cannot evict pod as it would violate the pod's disruption budget.",
        "details": {"causes": [{"reason": "DisruptionBudget", "message": "needs 2"}]}})
}

fn reply(code: u16, body: &Value) -> Result<Response<Reply>, BoxError> {
    let response = Response::builder().status(code).header(CONTENT_TYPE, "application/json");
    Ok(response.body(Reply::from(body.to_string()))?)
}
