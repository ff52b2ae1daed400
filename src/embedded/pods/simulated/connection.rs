//! One connection of a client.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::log::Priority;
use super::server::Shared;
use super::statements;
use crate::mysql::{ErrorPacket, SHA256, Server, ServerEvent};

/// A socket, or TLS on one.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Sends an error in the place of a greeting. It fits into the buffer of a new socket, so nobody
/// waits for it.
pub(super) fn refuse(stream: &TcpStream, error: &ErrorPacket) {
    // A client that is gone already need not know.
    drop(stream.try_write(&Server::refusal(error)));
}

/// Speaks with a client until it or the server hangs up.
pub(super) async fn serve(stream: TcpStream, host: IpAddr, number: u32, shared: Arc<Shared>) {
    let mut session = Server::new(Arc::clone(&shared.policy), number, host.to_string());
    let logged_in = log_in(stream, &mut session, &shared);
    let logged_in = timeout(shared.settings.connect_timeout, logged_in).await;
    match logged_in {
        Ok(Ok(Some(stream))) => {
            shared.hosts().forgive(host);
            // Whoever hangs up now is not missed.
            drop(obey(stream, &mut session, &shared).await);
        }
        Ok(Ok(None) | Err(_)) | Err(_) => {
            if session.counts_as_connect_error() {
                shared.hosts().count(host);
            }
        }
    }
}

/// From the greeting to the login; none if it ends before.
async fn log_in(
    stream: TcpStream,
    session: &mut Server,
    shared: &Shared,
) -> io::Result<Option<Box<dyn Stream>>> {
    let mut stream: Box<dyn Stream> = Box::new(stream);
    loop {
        match next_event(&mut stream, session).await? {
            Some(ServerEvent::StartTls) => {
                let Some(tls) = &shared.tls else {
                    return Ok(None);
                };
                let acceptor = TlsAcceptor::from(Arc::clone(&tls.config));
                stream = Box::new(acceptor.accept(stream).await?);
                session.tls_established();
            }
            Some(ServerEvent::Authenticating { plugin: SHA256 }) => shared.log.write(
                Priority::Warning,
                "MY-013360",
                "Plugin sha256_password reported: ''sha256_password' is deprecated and will be \
                 removed in a future release. Please use caching_sha2_password instead'",
            ),
            Some(ServerEvent::LoggedIn) => return Ok(Some(stream)),
            Some(ServerEvent::Authenticating { .. } | ServerEvent::Query(_)) => {}
            Some(ServerEvent::Ended) | None => {
                stream.shutdown().await?;
                return Ok(None);
            }
        }
    }
}

/// Answers commands until the client says goodbye, or nothing for too long.
async fn obey(
    mut stream: Box<dyn Stream>,
    session: &mut Server,
    shared: &Shared,
) -> io::Result<()> {
    loop {
        let next = timeout(shared.settings.wait_timeout, next_event(&mut stream, session));
        match next.await.unwrap_or(Ok(None))? {
            Some(ServerEvent::Query(statement)) => {
                statements::answer(session, &statement, &shared.settings.version);
            }
            Some(ServerEvent::Ended) | None => return stream.shutdown().await,
            Some(
                ServerEvent::StartTls | ServerEvent::Authenticating { .. } | ServerEvent::LoggedIn,
            ) => {}
        }
    }
}

/// What happens next; none when the client has hung up, or does not keep to the protocol.
async fn next_event(
    stream: &mut Box<dyn Stream>,
    session: &mut Server,
) -> io::Result<Option<ServerEvent>> {
    let mut buffer = [0; 1024];
    loop {
        let event = session.next_event();
        let output = session.take_output();
        if !output.is_empty() {
            stream.write_all(&output).await?;
            stream.flush().await?;
        }
        match event {
            Ok(None) => {}
            Ok(event) => return Ok(event),
            Err(_) => return Ok(None),
        }
        let room = session.missing().min(buffer.len());
        let read = stream.read(&mut buffer[..room]).await?;
        if read == 0 {
            return Ok(None);
        }
        session.receive(&buffer[..read]);
    }
}
