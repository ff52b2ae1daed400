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
    let login = log_in(stream, &mut session, &shared);
    let mut stream = match timeout(shared.settings.connect_timeout, login).await {
        Ok(Ok((stream, true))) => {
            shared.hosts().forgive(host);
            obey(stream, &mut session, &shared).await
        }
        Ok(Ok((stream, false))) => Ok(stream),
        Ok(Err(error)) => Err(error),
        Err(late) => Err(late.into()),
    };
    // Counted before the client can know that it is over.
    if session.counts_as_connect_error() {
        shared.hosts().count(host);
    }
    if let Ok(stream) = &mut stream {
        // Whoever has hung up already is not missed.
        drop(stream.shutdown().await);
    }
}

/// From the greeting to the login, or to the end if that comes before.
async fn log_in(
    stream: TcpStream,
    session: &mut Server,
    shared: &Shared,
) -> io::Result<(Box<dyn Stream>, bool)> {
    let mut stream: Box<dyn Stream> = Box::new(stream);
    loop {
        match (next_event(&mut stream, session).await?, &shared.tls) {
            (Some(ServerEvent::StartTls), Some(tls)) => {
                let acceptor = TlsAcceptor::from(Arc::clone(&tls.config));
                stream = Box::new(acceptor.accept(stream).await?);
                session.tls_established();
            }
            (Some(ServerEvent::Authenticating { plugin: SHA256 }), _) => shared.log.write(
                Priority::Warning,
                "MY-013360",
                "Plugin sha256_password reported: ''sha256_password' is deprecated and will be \
                 removed in a future release. Please use caching_sha2_password instead'",
            ),
            (Some(ServerEvent::Authenticating { .. } | ServerEvent::Query(_)), _) => {}
            (Some(ServerEvent::LoggedIn), _) => return Ok((stream, true)),
            (Some(ServerEvent::StartTls | ServerEvent::Ended) | None, _) => {
                return Ok((stream, false));
            }
        }
    }
}

/// Answers commands until the client says goodbye, or nothing for too long.
async fn obey(
    mut stream: Box<dyn Stream>,
    session: &mut Server,
    shared: &Shared,
) -> io::Result<Box<dyn Stream>> {
    loop {
        let next = timeout(shared.settings.wait_timeout, next_event(&mut stream, session));
        match next.await?? {
            Some(ServerEvent::Query(statement)) => {
                statements::answer(session, &statement, shared);
            }
            Some(ServerEvent::Ended) | None => return Ok(stream),
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
