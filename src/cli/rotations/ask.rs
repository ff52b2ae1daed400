//! Asking the daemon itself, which alone knows every check and what was seen on servers: at a URL,
//! or through a port-forward to the pod that holds the Lease.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use http::header::HOST;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::reach::Reached;
use crate::cluster::client::ApiFailure;
use crate::config::Config;

/// How long the daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// A forecast of tens of thousands of rotations is some megabytes.
const MOST_BYTES: usize = 64 << 20;

/// Whom to ask.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Ask {
    /// Ask the daemon here, such as `http://127.0.0.1:9441` [default: its leader, through a port-forward]
    #[arg(long, value_name = "URL")]
    pub(super) server: Option<Uri>,
}

/// Why a question was not answered.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// The daemon says that there is no such thing.
    NotFound(String),
    /// It cannot be asked, or does not know yet.
    Other(anyhow::Error),
}

impl From<anyhow::Error> for Unanswered {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl Ask {
    /// Asks the daemon at the URL that was given.
    pub(super) async fn server<T: DeserializeOwned>(
        server: &Uri,
        path: &str,
    ) -> Result<T, Unanswered> {
        let asked = async {
            if server.scheme_str() != Some("http") {
                return Err(anyhow!(
                    "--server {server}: it is spoken to in plain http://HOST:PORT"
                )
                .into());
            }
            let host = server.host().unwrap_or_default();
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            let port = server.port_u16().unwrap_or(80);
            let stream = TcpStream::connect((bare, port)).await;
            let stream = stream.with_context(|| format!("--server {server} cannot be reached"))?;
            get(stream, &format!("{host}:{port}"), path).await
        };
        patiently(asked).await
    }

    /// Asks the leader of an installation, `NAMESPACE.NAME` as Rotations name it.
    pub(super) async fn leader<T: DeserializeOwned>(
        reached: &Reached,
        installation: &str,
        path: &str,
    ) -> Result<T, Unanswered> {
        patiently(async {
            let (namespace, name) = installation
                .split_once('.')
                .with_context(|| format!("the installation {installation} names no namespace"))?;
            let leases: Api<Lease> = Api::namespaced(reached.client.clone(), namespace);
            let lease = reached.call("get", leases.get(name)).await;
            let lease =
                lease.map_err(|failure| anyhow!("its Lease {namespace}/{name}: {failure}"))?;
            let holder = lease.spec.and_then(|spec| spec.holder_identity);
            let holder = holder.filter(|holder| !holder.is_empty());
            let holder =
                holder.with_context(|| format!("nobody holds the Lease {namespace}/{name}"))?;
            let pods: Api<Pod> = Api::namespaced(reached.client.clone(), namespace);
            let port = Config::default().server.page.port();
            let forwarded = pods.portforward(&holder, &[port]).await.map_err(ApiFailure::from);
            let mut forwarded = forwarded.map_err(|failure| {
                anyhow!("no port-forward to pod {namespace}/{holder}: {failure}")
            })?;
            let stream = forwarded.take_stream(port).context("the port-forward gave no stream")?;
            get(stream, &format!("127.0.0.1:{port}"), path).await
        })
        .await
    }
}

async fn patiently<T>(asked: impl Future<Output = Result<T, Unanswered>>) -> Result<T, Unanswered> {
    let late = |_| Unanswered::Other(anyhow!("it did not answer within {} s", PATIENCE.as_secs()));
    timeout(PATIENCE, asked).await.map_err(late)?
}

/// One request on a connection of its own.
async fn get<T: DeserializeOwned>(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    host: &str,
    path: &str,
) -> Result<T, Unanswered> {
    let (status, body) = exchange(stream, host, path).await?;
    match status {
        StatusCode::OK => Ok(serde_json::from_slice(&body)
            .context("what was answered is not what this version of certrotor expects")?),
        StatusCode::NOT_FOUND => Err(Unanswered::NotFound(complaint(&body))),
        status => Err(anyhow!("it answers {status}: {}", complaint(&body)).into()),
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    host: &str,
    path: &str,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path).header(HOST, host).body(Empty::<Bytes>::new())?;
    let exchanged = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
        let body = body.map_err(|error| anyhow!("the answer broke off: {error}"))?;
        Ok((status, body.to_bytes()))
    };
    tokio::select! {
        exchanged = exchanged => exchanged,
        ended = connection => match ended {
            Ok(()) => bail!("the connection was closed before the answer"),
            Err(error) => Err(error.into()),
        },
    }
}

fn complaint(body: &[u8]) -> String {
    let said: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    said["error"].as_str().map(crate::core::certificate::sanitize).unwrap_or_default()
}
