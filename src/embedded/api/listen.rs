//! The API over HTTP/1.1 and TLS, for kubectl and every other client.
//!
//! A [`Listener`] makes an authority, a serving certificate and a bearer token for itself when it
//! begins to listen; [`Listener::kubeconfig`] hands them to clients. Whoever shows the token may do
//! everything; whoever does not gets 401, but for health and version.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body as Reply, HttpBody as _, to_bytes};
use futures::StreamExt as _;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use rustls::crypto::ring;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use tracing::{debug, error, warn};

use super::failure::Failure;
use super::pages::is_public;
use super::server::ApiServer;
use crate::pki::Refused;
use crate::web::BindError;

mod access;
mod certificate;
mod kubeconfig;

use access::Access;
use certificate::Identity;
pub use kubeconfig::Kubeconfig;

/// How long a client may take to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a connection may be idle; clients give theirs up after 90 s.
const IDLE: Duration = Duration::from_secs(180);
/// How long requests under way may take to end when the listener stops.
const DRAIN: Duration = Duration::from_secs(3);
/// How long to wait when connections cannot be accepted: the process has too many files open.
const PAUSE: Duration = Duration::from_millis(200);
/// The largest body of a request, in bytes.
const LARGEST: usize = 3 * 1024 * 1024;
/// Whom the kubeconfig is for.
const ADMIN: &str = "kubernetes-admin";
/// Who has not said who they are.
const ANONYMOUS: &str = "system:anonymous";

/// Why nothing can listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The serving certificate cannot be made.
    #[error("the API server's certificate: {0}")]
    Certificate(#[from] Refused),
    /// TLS refuses the certificate, or there is no randomness for the token.
    #[error("the API server's TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The address is gone.
    #[error("the API server's address: {0}")]
    Address(io::Error),
}

/// An API server that listens at an address.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    authority: String,
    door: Door,
}

/// What every connection needs.
struct Door {
    server: ApiServer,
    access: Access,
    tls: TlsAcceptor,
}

impl Listener {
    /// Listens at `address`; port 0 takes any that is free.
    pub async fn bind(server: ApiServer, address: SocketAddr) -> Result<Self, ListenError> {
        let socket = crate::web::bind("API server", address).await?;
        let address = socket.local_addr().map_err(ListenError::Address)?;
        let identity = Identity::make(address.ip(), server.now())?;
        let authority = identity.authority.clone();
        let door = Door { access: Access::new(ADMIN)?, tls: acceptor(identity)?, server };
        Ok(Self { socket, address, authority, door })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How clients reach it, as its administrator, in this namespace.
    pub fn kubeconfig(&self, namespace: &str) -> Kubeconfig {
        let mut server = self.address;
        match server.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => server.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => server.set_ip(Ipv6Addr::LOCALHOST.into()),
            IpAddr::V4(_) | IpAddr::V6(_) => {}
        }
        Kubeconfig {
            server,
            authority: self.authority.clone(),
            user: ADMIN.to_owned(),
            token: self.door.access.token().to_owned(),
            namespace: namespace.to_owned(),
        }
    }

    /// Serves until `stop`; then watches end, and requests under way get a few seconds.
    pub async fn run(self, stop: CancellationToken) {
        let door = Arc::new(self.door);
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(ended) = connections.join_next() => tell(ended),
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, peer)) => {
                        connections.spawn(Arc::clone(&door).serve(stream, peer, stop.clone()));
                    }
                    Err(error) => {
                        warn!(%error, "a connection to the API server cannot be accepted");
                        sleep(PAUSE).await;
                    }
                },
            }
        }
        drop(self.socket);
        while let Some(ended) = connections.join_next().await {
            tell(ended);
        }
    }
}

fn acceptor(identity: Identity) -> Result<TlsAcceptor, rustls::Error> {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth();
    let mut config = config.with_single_cert(identity.chain, identity.key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn tell(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        error!(%error, "a connection to the API server has ended badly");
    }
}

impl Door {
    async fn serve(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, stop: CancellationToken) {
        // Small answers must not wait for one another.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%peer, %error, "no TCP_NODELAY");
        }
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            shaken = timeout(HANDSHAKE, self.tls.accept(stream)) => match shaken {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return debug!(%peer, %error, "the TLS handshake failed"),
                Err(_) => return debug!(%peer, "the TLS handshake takes too long"),
            },
        };
        let service = service_fn(|request| self.answer(request, &stop));
        let mut connection = std::pin::pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(IDLE)
                .serve_connection(TokioIo::new(stream), service)
        );
        let ended = tokio::select! {
            ended = connection.as_mut() => Ok(ended),
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                timeout(DRAIN, connection).await
            }
        };
        match ended {
            Ok(Ok(())) => {}
            // Clients hang up when they have seen enough.
            Ok(Err(error)) => debug!(%peer, %error, "the connection broke"),
            Err(_) => debug!(%peer, "a request takes too long to end"),
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        stop: &CancellationToken,
    ) -> Result<Response<Reply>, Infallible> {
        let (head, body) = request.into_parts();
        let user = self.access.user(&head.headers);
        let (method, path) = (head.method.clone(), head.uri.path().to_owned());
        let service = self.server.service(user.as_deref().unwrap_or(ANONYMOUS));
        let response = if user.is_none() && !is_public(&path) {
            service.refusal(&Failure::unauthorized())
        } else {
            match to_bytes(Reply::new(body), LARGEST).await {
                Ok(body) => service.clone().oneshot(Request::from_parts(head, body.into())).await?,
                Err(_) => service.refusal(&Failure::too_large(LARGEST)),
            }
        };
        debug!(%method, path, user, status = response.status().as_u16(), "API request");
        Ok(until(response, stop))
    }
}

/// A response that ends at `stop` if it would go on for ever: a watch.
fn until(response: Response<Reply>, stop: &CancellationToken) -> Response<Reply> {
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    let stop = stop.clone().cancelled_owned();
    response.map(|body| Reply::from_stream(body.into_data_stream().take_until(stop)))
}

#[cfg(test)]
mod tests;
