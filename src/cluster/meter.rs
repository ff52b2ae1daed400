//! A layer round the client that counts requests and compares clocks.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::DATE;
use http::{HeaderMap, Method, Request, Response, Uri};
use jiff::fmt::rfc2822::DateTimeParser;
use tokio::time::Instant;
use tower::{Layer, Service};

use crate::clock::{Clock, Offset};
use crate::core::time::Time;

/// Where calls to the apiserver are counted.
pub trait ApiMetrics: Send + Sync {
    /// A request was answered; `class` is one of [`CLASSES`].
    fn answered(&self, verb: &str, resource: &str, class: &str);
    /// A call ended as this class of [`ApiFailure`](super::failure::ApiFailure).
    fn failed(&self, verb: &str, class: &str);
}

/// Counts nothing.
impl ApiMetrics for () {
    fn answered(&self, _verb: &str, _resource: &str, _class: &str) {}
    fn failed(&self, _verb: &str, _class: &str) {}
}

/// Every class of answer: the first digit of the code, `unreachable` when there was none, and
/// `abandoned` when nobody waited for it any longer.
pub const CLASSES: &[&str] = &["2xx", "3xx", "4xx", "5xx", "unreachable", "abandoned"];

/// Counts the requests of a client and measures the apiserver's clock.
#[derive(Clone)]
pub struct ApiLayer {
    meter: Meter,
}

#[derive(Clone)]
struct Meter {
    local: Arc<dyn Clock>,
    offset: Arc<Offset>,
    metrics: Arc<dyn ApiMetrics>,
}

impl ApiLayer {
    /// A layer that keeps `offset` up to date against the clock `local`.
    pub fn new(local: Arc<dyn Clock>, offset: Arc<Offset>, metrics: Arc<dyn ApiMetrics>) -> Self {
        Self { meter: Meter { local, offset, metrics } }
    }
}

impl<S> Layer<S> for ApiLayer {
    type Service = Metered<S>;

    fn layer(&self, inner: S) -> Metered<S> {
        Metered { inner, meter: self.meter.clone() }
    }
}

/// A service with an [`ApiLayer`] round it.
#[derive(Clone)]
pub struct Metered<S> {
    inner: S,
    meter: Meter,
}

impl<S, A, B> Service<Request<A>> for Metered<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let mut pending = Pending::new(self.meter.clone(), request.method(), request.uri());
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            match &answer {
                Ok(response) => pending.answered(response.status().as_u16(), response.headers()),
                Err(_) => pending.unreachable(),
            }
            answer
        })
    }
}

/// A request under way; counted when it ends, and that may be because nobody waits any longer.
struct Pending {
    meter: Meter,
    verb: &'static str,
    resource: String,
    began: Instant,
    class: &'static str,
}

impl Pending {
    fn new(meter: Meter, method: &Method, uri: &Uri) -> Self {
        let (verb, resource) = verb_and_resource(method, uri);
        Self { meter, verb, resource, began: Instant::now(), class: "abandoned" }
    }

    fn unreachable(&mut self) {
        self.class = "unreachable";
    }

    fn answered(&mut self, code: u16, headers: &HeaderMap) {
        self.class = match code {
            ..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            500.. => "5xx",
        };
        if let Some(server) = date(headers) {
            let local = self.meter.local.now();
            self.meter.offset.observe(server, local, self.began.elapsed());
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.meter.metrics.answered(self.verb, &self.resource, self.class);
    }
}

fn date(headers: &HeaderMap) -> Option<Time> {
    let text = headers.get(DATE)?.to_str().ok()?;
    DateTimeParser::new().parse_timestamp(text).ok().map(Time::from)
}

/// What a request does, in the words of RBAC: `("update", "rotations/status")`.
///
/// Paths that are not about a resource (`/apis`, `/version`) are `discovery`.
fn verb_and_resource(method: &Method, uri: &Uri) -> (&'static str, String) {
    let mut parts = uri.path().split('/').filter(|part| !part.is_empty());
    // /api/v1/… and /apis/<group>/<version>/…
    match parts.next() {
        Some("api") => drop(parts.next()),
        Some("apis") => drop(parts.nth(1)),
        Some(_) | None => return ("get", "discovery".to_owned()),
    }
    let rest: Vec<&str> = parts.collect();
    let parts = match rest[..] {
        [] => return ("get", "discovery".to_owned()),
        // /namespaces/<name> itself is a resource; below it are those in the namespace.
        ["namespaces", _, ref parts @ ..] if !parts.is_empty() => parts,
        ref parts => parts,
    };
    let (resource, name, subresource) = (parts.first(), parts.get(1), parts.get(2));
    let resource = resource.copied().unwrap_or_default();
    let verb = match (method.as_str(), name) {
        ("GET", None) if watches(uri) => "watch",
        ("GET", None) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", None) => "deletecollection",
        ("DELETE", Some(_)) => "delete",
        _ => "get",
    };
    let resource = match subresource {
        Some(subresource) => format!("{resource}/{subresource}"),
        None => resource.to_owned(),
    };
    (verb, resource)
}

fn watches(uri: &Uri) -> bool {
    let mut pairs = uri.query().unwrap_or_default().split('&');
    pairs.any(|pair| matches!(pair, "watch=true" | "watch=1"))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Mutex;
    use std::time::Duration;

    use k8s_openapi::api::core::v1::Pod;
    use kube::client::Body;
    use kube::{Api, Client};
    use tower::{ServiceBuilder, service_fn};

    use super::*;
    use crate::clock::PausedClock;
    use crate::cluster::client::Calls;
    use crate::core::time::Span;

    #[test]
    fn requests_are_named_as_rbac_names_them() {
        for (method, path, expected) in [
            ("GET", "/api/v1/pods?limit=500", "list pods"),
            ("GET", "/api/v1/namespaces/a/pods?&watch=true&timeoutSeconds=9", "watch pods"),
            ("GET", "/api/v1/namespaces/a/pods/b", "get pods"),
            ("GET", "/api/v1/namespaces", "list namespaces"),
            ("GET", "/api/v1/namespaces/a", "get namespaces"),
            ("POST", "/api/v1/namespaces/a/pods/b/eviction", "create pods/eviction"),
            (
                "POST",
                "/apis/ops.kubedb.com/v1alpha1/namespaces/a/mysqlopsrequests",
                "create mysqlopsrequests",
            ),
            (
                "PUT",
                "/apis/certrotor.dev/v1alpha1/namespaces/a/rotations/b/status",
                "update rotations/status",
            ),
            ("PATCH", "/api/v1/namespaces/a/events/b", "patch events"),
            (
                "DELETE",
                "/apis/ops.kubedb.com/v1alpha1/namespaces/a/mysqlopsrequests/b",
                "delete mysqlopsrequests",
            ),
            ("GET", "/apis/cert-manager.io/v1/clusterissuers/x", "get clusterissuers"),
            ("GET", "/apis/cert-manager.io/v1", "get discovery"),
            ("GET", "/apis", "get discovery"),
            ("GET", "/version", "get discovery"),
        ] {
            let (verb, resource) =
                verb_and_resource(&method.parse().unwrap(), &path.parse().unwrap());
            assert_eq!(format!("{verb} {resource}"), expected, "{method} {path}");
        }
    }

    #[derive(Default)]
    struct Seen(Mutex<Vec<String>>);

    impl Seen {
        fn take(&self) -> Vec<String> {
            std::mem::take(&mut self.0.lock().unwrap())
        }
    }

    impl ApiMetrics for Seen {
        fn answered(&self, verb: &str, resource: &str, class: &str) {
            self.0.lock().unwrap().push(format!("{verb} {resource} {class}"));
        }
        fn failed(&self, verb: &str, class: &str) {
            self.0.lock().unwrap().push(format!("{verb} failed {class}"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn answers_are_counted_and_tell_the_time() {
        let noon: Time = "2026-11-23T12:00:00Z".parse().unwrap();
        let (seen, offset) = (Arc::new(Seen::default()), Arc::new(Offset::default()));
        let layer = ApiLayer::new(
            Arc::new(PausedClock::new(noon)),
            Arc::clone(&offset),
            Arc::<Seen>::clone(&seen),
        );
        let api = service_fn(|_: Request<Body>| async {
            let response = Response::builder()
                .status(404)
                .header(DATE, "Mon, 23 Nov 2026 13:00:00 GMT")
                .body(Body::empty());
            Ok::<_, Infallible>(response.unwrap())
        });
        let client = Client::new(ServiceBuilder::new().layer(layer).service(api), "a");
        let pods: Api<Pod> = Api::namespaced(client, "a");
        let calls = Calls::new(Duration::from_secs(5), Arc::<Seen>::clone(&seen));
        for _ in 0..3 {
            assert!(calls.run("get", pods.get("b")).await.is_err());
        }
        assert_eq!(seen.take(), ["get pods 4xx", "get failed not_found"].repeat(3));
        assert_eq!(offset.get(), Span::HOUR);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_out_of_reach_is_counted() {
        let seen = Arc::new(Seen::default());
        let clock = Arc::new(PausedClock::new(Time::from_unix(0)));
        let layer = ApiLayer::new(clock, Arc::default(), Arc::<Seen>::clone(&seen));
        let api = service_fn(|_: Request<Body>| async {
            Err::<Response<Body>, _>(std::io::Error::other("connection refused"))
        });
        let client = Client::new(ServiceBuilder::new().layer(layer).service(api), "a");
        let pods: Api<Pod> = Api::namespaced(client, "a");
        let calls = Calls::new(Duration::from_secs(5), Arc::<Seen>::clone(&seen));
        assert!(calls.run("get", pods.get("b")).await.is_err());
        assert_eq!(seen.take(), ["get pods unreachable", "get failed unavailable"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_server_is_counted_when_nobody_waits_any_longer() {
        let seen = Arc::new(Seen::default());
        let clock = Arc::new(PausedClock::new(Time::from_unix(0)));
        let layer = ApiLayer::new(clock, Arc::default(), Arc::<Seen>::clone(&seen));
        let api = service_fn(|_: Request<Body>| {
            std::future::pending::<Result<Response<Body>, Infallible>>()
        });
        let client = Client::new(ServiceBuilder::new().layer(layer).service(api), "a");
        let pods: Api<Pod> = Api::namespaced(client, "a");
        let calls = Calls::new(Duration::from_secs(5), Arc::<Seen>::clone(&seen));
        assert!(calls.run("get", pods.get("b")).await.is_err());
        let mut seen = seen.take();
        seen.sort();
        assert_eq!(seen, ["get failed timeout", "get pods abandoned"]);
    }
}
