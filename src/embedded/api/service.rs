//! The service: requests in, responses out.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body as Reply, Bytes};
use futures::StreamExt as _;
use http::header::{
    CACHE_CONTROL, CONTENT_TYPE, DATE, ETAG, IF_NONE_MATCH, RETRY_AFTER, VARY, WARNING,
};
use http::request::Parts;
use http::response::Builder;
use http::{Request, Response};
use kube::client::Body;
use serde_json::Value;
use tokio::time::timeout;
use tower::Service;

use super::call::{Call, Params, Verb};
use super::failure::{Cause, Failure};
use super::kind::Resource;
use super::pages::{self, Page};
use super::protobuf;
use super::read;
use super::render::{Form, View};
use super::reviews;
use super::scale::scale_of;
use super::selector::Filter;
use super::server::Inner;
use super::watch::{self, Watch};
use super::work::Answer;

/// How long a list waits for a revision that is not there yet.
const PATIENCE: Duration = Duration::from_secs(3);

/// The API as one user sees it.
#[derive(Clone)]
pub struct ApiService {
    inner: Arc<Inner>,
    user: Arc<str>,
    lag: Duration,
}

impl ApiService {
    pub(super) fn new(inner: Arc<Inner>, user: &str) -> Self {
        Self { inner, user: user.into(), lag: Duration::ZERO }
    }

    /// The same with watches that tell every change this much later than it happens.
    #[must_use]
    pub fn with_lag(mut self, lag: Duration) -> Self {
        self.lag = lag;
        self
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Reply>, Infallible>> + Send>>;

impl Service<Request<Body>> for ApiService {
    type Response = Response<Reply>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answering {
        let service = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let answer = match body.collect_bytes().await {
                Ok(body) => service.answer(&head, &body).await,
                Err(error) => Err(Failure::bad_request(format!("unreadable body: {error}"))),
            };
            Ok(answer.unwrap_or_else(|failure| service.refusal(&failure)))
        })
    }
}

impl ApiService {
    async fn answer(&self, head: &Parts, body: &Bytes) -> Result<Response<Reply>, Failure> {
        let params = Params::read(head);
        let Some(call) = Call::read(head) else {
            let page = pages::answer(&self.inner.store(), head, &params)?;
            return Ok(self.page(page, head));
        };
        if let Some(review) = reviews::find(&call) {
            let answer = review.answer(&call, object(&params, body)?, &self.user)?;
            return Ok(self.json(201, &answer, &[]));
        }
        let resource = self.resource(&call)?;
        let form = Form::read(&params)?;
        match call.verb {
            Verb::Get => {
                let object = read::get(&self.inner.store(), &resource, &call)?;
                if call.subresource == "scale" {
                    return Ok(self.json(200, &scale_of(&resource)?.shown(&object)?, &[]));
                }
                Ok(self.json(200, &self.view(form, &resource).of_object(object), &[]))
            }
            Verb::List => self.list(&resource, &call, &params, form).await,
            Verb::Watch => {
                let wanted = watch::Wanted::read(&resource, &call, &params)?;
                let inner = Arc::clone(&self.inner);
                let watch = Watch::begin(inner, resource, &call, form, wanted, self.lag);
                let stream = watch.stream().map(Ok::<_, Infallible>);
                let builder = self.head(200).header(CONTENT_TYPE, "application/json");
                Ok(whole(builder.body(Reply::from_stream(stream))))
            }
            Verb::Create | Verb::Delete | Verb::DeleteCollection | Verb::Patch | Verb::Update => {
                self.write(&resource, &call, &params, form, body)
            }
        }
    }

    fn resource(&self, call: &Call) -> Result<Resource, Failure> {
        let store = self.inner.store();
        let found = store.registry.find(&call.group, &call.version, &call.resource);
        let resource = found.ok_or_else(Failure::no_such_path)?;
        let scoped = match (resource.kind.namespaced, call.namespace.is_empty()) {
            (true, true) => call.name.is_empty() && call.subresource.is_empty(),
            (true, false) | (false, true) => true,
            (false, false) => false,
        };
        let known = match call.subresource.as_str() {
            "" => true,
            "status" => resource.version().has_status,
            "eviction" => resource.is("", "pods"),
            "scale" => resource.version().scale.is_some(),
            _ => false,
        };
        if scoped && known { Ok(resource) } else { Err(Failure::no_such_path()) }
    }

    async fn list(
        &self,
        resource: &Resource,
        call: &Call,
        params: &Params,
        form: Form,
    ) -> Result<Response<Reply>, Failure> {
        let wanted = read::Wanted::read(resource, params)?;
        self.wait_for(wanted.not_before()).await?;
        let list = read::list(&self.inner.store(), resource, &call.namespace, &wanted)?;
        Ok(self.json(200, &self.view(form, resource).of_list(list), &[]))
    }

    fn view<'a>(&self, form: Form, resource: &'a Resource) -> View<'a> {
        View { form, resource, now: self.inner.clock.now(), headers: true }
    }

    async fn wait_for(&self, revision: u64) -> Result<(), Failure> {
        let newest = || self.inner.store().revision();
        let reached = async {
            loop {
                let changed = self.inner.changed.notified();
                if newest() >= revision {
                    return;
                }
                changed.await;
            }
        };
        if timeout(PATIENCE, reached).await.is_ok() {
            Ok(())
        } else {
            let newest = newest();
            let message = format!("Too large resource version: {revision}, current: {newest}");
            let cause = Cause {
                reason: "ResourceVersionTooLarge",
                message: "Too large resource version".to_owned(),
                field: String::new(),
            };
            let failure = Failure::new(504, "Timeout", format!("Timeout: {message}"));
            Err(failure.because(&[cause]).retry_after(1))
        }
    }

    fn write(
        &self,
        resource: &Resource,
        call: &Call,
        params: &Params,
        form: Form,
        body: &Bytes,
    ) -> Result<Response<Reply>, Failure> {
        let (answer, warnings): (Answer, _) =
            self.inner.work(resource, call, params, &self.user, |work| {
                match (call.verb, call.subresource.as_str()) {
                    (Verb::Create, "") if call.name.is_empty() => {
                        work.create(object(params, body)?)
                    }
                    (Verb::Update, "" | "status") => work.update(object(params, body)?),
                    (Verb::Update, "scale") => work.scale(|_, _| object(params, body)),
                    (Verb::Patch, "" | "status" | "scale") => work.patch(body),
                    (Verb::Create, "eviction") => work.evict(&object(params, body)?),
                    (Verb::Delete, "") => work.delete(&options(params, body)?),
                    (Verb::DeleteCollection, "") => {
                        let labels = params.text("labelSelector");
                        let filter = Filter::read(labels, params.text("fieldSelector"), resource)?;
                        work.delete_all(&options(params, body)?, &filter)
                    }
                    _ => Err(Failure::method_not_allowed()),
                }
            })?;
        let body = self.view(form, resource).of_object(answer.body);
        Ok(self.json(answer.code, &body, &warnings))
    }

    /// What a client is told that is refused.
    pub(super) fn refusal(&self, failure: &Failure) -> Response<Reply> {
        let mut response = self.json(failure.code, &failure.status(), failure.warnings());
        if let Some(seconds) = failure.retries_after() {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }

    fn json(&self, code: u16, body: &Value, warnings: &[String]) -> Response<Reply> {
        let mut builder = self.head(code).header(CONTENT_TYPE, "application/json");
        for warning in warnings {
            builder = builder.header(WARNING, format!("299 - {warning:?}"));
        }
        whole(builder.body(Reply::from(format!("{body}\n"))))
    }

    fn page(&self, page: Page, head: &Parts) -> Response<Reply> {
        let tag = page.tag();
        let kept = if page.lasting { "public, immutable, max-age=31536000" } else { "public" };
        let known = head.headers.get(IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
        let builder = self.head(if known { 304 } else { 200 });
        let builder = builder.header(CONTENT_TYPE, page.content_type).header(VARY, "Accept");
        let builder = builder.header(CACHE_CONTROL, kept).header(ETAG, tag);
        whole(builder.body(if known { Reply::empty() } else { Reply::from(page.body) }))
    }

    /// A response that says what time it is: clients compare it with their own.
    fn head(&self, code: u16) -> Builder {
        let builder = Response::builder().status(code);
        let now = self.inner.clock.now().timestamp();
        match jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now) {
            Ok(date) => builder.header(DATE, date),
            Err(_) => builder,
        }
    }
}

/// A response whose header held something that HTTP does not allow is still one: an internal error.
fn whole(response: Result<Response<Reply>, http::Error>) -> Response<Reply> {
    response.unwrap_or_else(|_| {
        let mut response = Response::new(Reply::empty());
        *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

fn object(params: &Params, body: &Bytes) -> Result<Value, Failure> {
    let malformed = |form: &str, error: &dyn std::fmt::Display| {
        Failure::bad_request(format!("couldn't get version/kind; {form} parse error: {error}"))
    };
    match params.content_type.as_str() {
        "" | "application/json" => {
            serde_json::from_slice(body).map_err(|error| malformed("json", &error))
        }
        "application/vnd.kubernetes.protobuf" => protobuf::read(body),
        "application/yaml" => {
            serde_saphyr::from_slice(body).map_err(|error| malformed("yaml", &error))
        }
        _ => Err(Failure::unsupported_media_type(&["application/json", "application/yaml"])),
    }
}

/// The body of a DELETE may be missing.
fn options(params: &Params, body: &Bytes) -> Result<Value, Failure> {
    if body.is_empty() { Ok(Value::Null) } else { object(params, body) }
}
