//! What certrotor shows over HTTP: metrics and health, and the status page. Followers show theirs
//! as well.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::metrics::text;

pub mod page;

/// How long requests under way may take to end at a shutdown.
const DRAIN: Duration = Duration::from_secs(5);

const INDEX: &str = "\
certrotor keeps the TLS certificates of MySQL databases under KubeDB fresh.

/metrics  Prometheus metrics
/livez    whether the loop turns
/readyz   whether everything is there that the loop needs
";

/// How the daemon is doing.
pub trait Health: Send + Sync {
    /// Whether the loop turned within its bound, or what is wrong. A restart should mend it.
    fn live(&self) -> Result<(), String>;
    /// Whether everything needed is there, or what is missing.
    fn ready(&self) -> Result<(), Vec<String>>;
}

/// What the server shows.
#[derive(Clone)]
pub struct Monitor {
    /// For `/livez` and `/readyz`.
    pub health: Arc<dyn Health>,
    /// Renders the page of `/metrics`.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

/// Why nothing can listen at an address.
#[derive(Debug, thiserror::Error)]
#[error("{setting} {address}: {problem}: {advice}")]
pub struct BindError {
    setting: &'static str,
    address: SocketAddr,
    problem: String,
    advice: &'static str,
}

/// Listens at the address which the config's `setting` names.
pub async fn bind(setting: &'static str, address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|error| {
        let kind = error.kind();
        let (problem, advice) = if kind == io::ErrorKind::AddrInUse {
            ("address already in use".to_owned(), "choose another port, or stop what listens there")
        } else if kind == io::ErrorKind::AddrNotAvailable {
            ("no such address on this host".to_owned(), "0.0.0.0 and [::] listen on all addresses")
        } else if kind == io::ErrorKind::PermissionDenied {
            ("permission denied".to_owned(), "choose a port above 1023")
        } else {
            (error.to_string(), "choose another address")
        };
        BindError { setting, address, problem, advice }
    })
}

/// Serves until `stop`, then lets requests under way end, for a few seconds.
pub async fn serve(
    listener: TcpListener,
    monitor: Monitor,
    stop: CancellationToken,
) -> io::Result<()> {
    serve_and_drain(listener, monitor, stop, DRAIN).await
}

async fn serve_and_drain(
    listener: TcpListener,
    monitor: Monitor,
    stop: CancellationToken,
    drain: Duration,
) -> io::Result<()> {
    let router = Router::new()
        .route("/", get(async || plain(StatusCode::OK, INDEX.to_owned())))
        .route("/metrics", get(metrics))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .with_state(monitor);
    serve_router(listener, router, stop, drain).await
}

async fn serve_router(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
    drain: Duration,
) -> io::Result<()> {
    let server =
        axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    let patience = async {
        stop.cancelled().await;
        sleep(drain).await;
    };
    tokio::select! {
        ended = server => ended,
        // A client that neither reads nor hangs up must not keep the process.
        () = patience => Ok(()),
    }
}

async fn metrics(State(monitor): State<Monitor>) -> impl IntoResponse {
    ([(CONTENT_TYPE, text::CONTENT_TYPE)], (monitor.metrics)())
}

async fn livez(State(monitor): State<Monitor>) -> impl IntoResponse {
    match monitor.health.live() {
        Ok(()) => plain(StatusCode::OK, "ok\n".to_owned()),
        Err(problem) => plain(StatusCode::SERVICE_UNAVAILABLE, problem + "\n"),
    }
}

async fn readyz(State(monitor): State<Monitor>) -> impl IntoResponse {
    match monitor.health.ready() {
        Ok(()) => plain(StatusCode::OK, "ok\n".to_owned()),
        Err(missing) => plain(StatusCode::SERVICE_UNAVAILABLE, missing.join("\n") + "\n"),
    }
}

fn plain(code: StatusCode, text: String) -> (StatusCode, [(HeaderName, &'static str); 2], String) {
    let headers =
        [(CONTENT_TYPE, "text/plain; charset=utf-8"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (code, headers, text)
}

#[cfg(test)]
mod tests;
