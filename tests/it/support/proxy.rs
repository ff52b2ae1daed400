//! A proxy between one daemon and the apiserver: it keeps a list of what was asked, and can bend
//! the server's clock, lose a request before or a reply after it is carried out, or call a halt.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;
use jiff::{SignedDuration, Timestamp};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::control_plane::ControlPlane;

/// Something that the daemon asked of the apiserver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The status of the reply; none while there is none.
    pub(crate) status: Option<u16>,
}

/// What a hook decides about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing happens to it.
    Pass,
    /// It gets no further: before the apiserver saw it, or its reply is lost.
    Lose,
    /// It waits until it is released.
    Hold,
}

/// When a hook is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before the apiserver sees the call.
    Before,
    /// After it has answered.
    After,
}

type Hook = Arc<dyn Fn(&Call, Moment) -> Fate + Send + Sync>;

/// A proxy. It ends with the tests.
#[derive(Clone)]
pub(crate) struct Proxy {
    inner: Arc<Inner>,
    address: String,
}

struct Inner {
    upstream: Client,
    /// How far the server's clock is bent, in seconds.
    bent: AtomicI64,
    calls: Mutex<Vec<Call>>,
    hook: Mutex<Option<Hook>>,
    /// How many calls are being held.
    held: AtomicUsize,
    release: Notify,
}

impl Call {
    /// Whether it changes what rotations rest on: leases and events do not count.
    pub(crate) fn is_write(&self) -> bool {
        let aside = ["/leases", "/events", "/tokenreviews", "selfsubject"];
        self.method != "GET" && !aside.iter().any(|part| self.path.contains(part))
    }
}

impl Proxy {
    /// Starts a proxy to the apiserver of a control plane.
    pub(crate) async fn start(plane: &ControlPlane) -> Self {
        let kubeconfig = plane.kubeconfig("proxy", "", &plane.server());
        let mut kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
        kubeconfig.auth_infos.iter_mut().for_each(|user| user.auth_info = None);
        let options = KubeConfigOptions::default();
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
        (config.read_timeout, config.default_retry) = (None, false);
        let inner = Arc::new(Inner {
            upstream: Client::try_from(config).unwrap(),
            bent: AtomicI64::new(0),
            calls: Mutex::default(),
            hook: Mutex::default(),
            held: AtomicUsize::new(0),
            release: Notify::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(forward).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { inner, address }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// From now on, replies are stamped so much later than they were made.
    pub(crate) fn bend_clock(&self, by: Duration) {
        self.inner.bent.store(i64::try_from(by.as_secs()).unwrap(), Ordering::Relaxed);
    }

    /// From now on, every call is put to `hook`.
    pub(crate) fn hook(&self, hook: impl Fn(&Call, Moment) -> Fate + Send + Sync + 'static) {
        *self.inner.hook.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(hook));
    }

    /// From now on, every call passes.
    pub(crate) fn unhook(&self) {
        *self.inner.hook.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// How many calls are being held.
    pub(crate) fn held(&self) -> usize {
        self.inner.held.load(Ordering::Relaxed)
    }

    /// Lets the calls go on that are being held.
    pub(crate) fn release(&self) {
        self.inner.release.notify_waiters();
    }

    /// Everything that was asked so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.inner.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Inner {
    /// Whether a call goes on.
    async fn passes(&self, call: &Call, moment: Moment) -> bool {
        let hook = self.hook.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match hook.map_or(Fate::Pass, |hook| hook(call, moment)) {
            Fate::Pass => true,
            Fate::Lose => false,
            Fate::Hold => {
                let released = self.release.notified();
                self.held.fetch_add(1, Ordering::Relaxed);
                released.await;
                self.held.fetch_sub(1, Ordering::Relaxed);
                true
            }
        }
    }

    fn note(&self, call: Call) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    fn bend(&self, reply: &mut Response) {
        let bent = SignedDuration::from_secs(self.bent.load(Ordering::Relaxed));
        let date = reply.headers().get(header::DATE).and_then(|date| date.to_str().ok());
        let Some(date) = date.and_then(parse_date) else {
            return;
        };
        let date = (date + bent).strftime(DATE).to_string();
        reply.headers_mut().insert(header::DATE, HeaderValue::from_str(&date).unwrap());
    }
}

const DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

fn parse_date(text: &str) -> Option<Timestamp> {
    let civil = jiff::civil::DateTime::strptime(DATE, text).ok()?;
    Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

async fn forward(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let mut call =
        Call { method: parts.method.to_string(), path: parts.uri.path().to_owned(), status: None };
    if !inner.passes(&call, Moment::Before).await {
        inner.note(call);
        return lost().await;
    }
    let Ok(body) = body.collect().await else {
        return lost().await;
    };
    parts.headers.remove(header::HOST);
    let body = body.to_bytes().to_vec();
    let answer = inner.upstream.send(http::Request::from_parts(parts, body.into())).await;
    let mut reply = match answer {
        Ok(reply) => reply.map(Body::new),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    };
    call.status = Some(reply.status().as_u16());
    inner.note(call.clone());
    if !inner.passes(&call, Moment::After).await {
        return lost().await;
    }
    reply.headers_mut().remove(header::TRANSFER_ENCODING);
    inner.bend(&mut reply);
    reply
}

/// No reply for longer than anybody waits.
async fn lost() -> Response {
    tokio::time::sleep(Duration::from_secs(60)).await;
    StatusCode::GATEWAY_TIMEOUT.into_response()
}

#[test]
fn dates_are_bent_as_servers_write_them() {
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let parsed = parse_date(date).unwrap();
    assert_eq!(parsed.as_second(), 784_111_777);
    assert_eq!(parsed.strftime(DATE).to_string(), date);
}
