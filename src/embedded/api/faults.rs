//! A layer between a client and the server that lets things go wrong as somebody else plans.

use std::future::{Future, pending};
use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body as Reply;
use http::header::CONTENT_TYPE;
use http::{Request, Response};
use kube::client::Body;
use tokio::time::sleep;
use tower::{BoxError, Layer, Service};

use super::call::Call;
use super::failure::Failure;

/// What becomes of one request.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// It is carried out this much later.
    Delay(Duration),
    /// It never arrives, and nobody says so: a crash before it, if the client is then dropped.
    HangBefore,
    /// It is carried out, and the answer never comes: a crash after it, if the client is then dropped.
    HangAfter,
    /// The connection breaks before it arrives.
    LoseRequest,
    /// It is carried out, and the connection breaks before the answer comes.
    LoseReply,
    /// Nothing goes wrong.
    None,
    /// It is refused and not carried out.
    Refuse(Failure),
    /// It arrives twice; the client sees the second answer.
    Twice,
}

type Plan = dyn Fn(&Call) -> Fault + Send + Sync;

/// Asks for each request what becomes of it. Requests about no resource are called `discovery`.
///
/// The plan is asked in the order in which requests are sent. To crash a client at one, let the
/// plan answer [`Fault::HangBefore`] or [`Fault::HangAfter`] and tell the test, which then drops
/// the client.
#[derive(Clone)]
pub struct FaultLayer {
    plan: Arc<Plan>,
}

impl FaultLayer {
    /// A layer that follows `plan`.
    pub fn new(plan: impl Fn(&Call) -> Fault + Send + Sync + 'static) -> Self {
        Self { plan: Arc::new(plan) }
    }
}

impl<S> Layer<S> for FaultLayer {
    type Service = Faulty<S>;

    fn layer(&self, inner: S) -> Faulty<S> {
        Faulty { inner, plan: Arc::clone(&self.plan) }
    }
}

/// A service with a [`FaultLayer`] round it.
#[derive(Clone)]
pub struct Faulty<S> {
    inner: S,
    plan: Arc<Plan>,
}

impl<S> Service<Request<Body>> for Faulty<S>
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
        let (head, body) = request.into_parts();
        let call = Call::read(&head).unwrap_or_else(Call::discovery);
        let request = Request::from_parts(head, body);
        let fault = (self.plan)(&call);
        let mut inner = self.inner.clone();
        Box::pin(async move {
            match fault {
                Fault::Delay(time) => sleep(time).await,
                Fault::HangBefore => return pending().await,
                Fault::HangAfter => {
                    drop(inner.call(request).await);
                    return pending().await;
                }
                Fault::LoseRequest => return Err(reset()),
                Fault::LoseReply => {
                    drop(inner.call(request).await);
                    return Err(reset());
                }
                Fault::None => {}
                Fault::Refuse(failure) => return refusal(&failure),
                Fault::Twice => {
                    if let Some(first) = copy(&request) {
                        drop(inner.call(first).await);
                    }
                }
            }
            inner.call(request).await.map_err(Into::into)
        })
    }
}

fn reset() -> BoxError {
    Error::from(ErrorKind::ConnectionReset).into()
}

fn refusal(failure: &Failure) -> Result<Response<Reply>, BoxError> {
    let body = Reply::from(failure.status().to_string());
    let response = Response::builder().status(failure.code);
    Ok(response.header(CONTENT_TYPE, "application/json").body(body)?)
}

fn copy(request: &Request<Body>) -> Option<Request<Body>> {
    let mut copy = Request::new(request.body().try_clone()?);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}
