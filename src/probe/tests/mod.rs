//! Looks at servers on loopback, polite and hostile.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::core::time::{Span, Time};
use crate::mysql::{Credentials, ErrorCode, Policy, Server, ServerEvent};
use crate::pki::{Algorithm, Authority, Encoding, Entropy, Lifetime, Profile};

mod hostile;
mod looks;

const NOON: Time = Time::from_unix(1_800_000_000);
const HOST: &str = "shop-0.shop-pods.prod.svc";

/// A certificate authority of the tests.
fn authority(seed: u64) -> Authority {
    let lifetime = Lifetime { not_before: NOON - Span::DAY, not_after: NOON + Span::days(365) };
    let profile = Profile::authority("ca");
    Authority::root(&profile, Algorithm::EcdsaP256, lifetime, &Entropy::seeded(seed)).unwrap()
}

/// A chain and its key.
struct Pair {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Pair {
    fn of(authority: &Authority, algorithm: Algorithm, lifetime: Lifetime) -> Self {
        let profile = Profile::server("shop", &[HOST]);
        let minted = authority.issue(&profile, algorithm, lifetime, &Entropy::seeded(2)).unwrap();
        let chain = CertificateDer::pem_slice_iter(minted.issued.certificate.as_bytes());
        let key = minted.key.to_pem(Encoding::Pkcs8);
        Self {
            chain: chain.map(Result::unwrap).collect(),
            key: PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        }
    }

    /// One that is valid at noon.
    fn good(authority: &Authority) -> Self {
        Self::of(authority, Algorithm::EcdsaP256, Lifetime::of(NOON, Span::DAY))
    }

    fn signing_key(&self) -> Arc<dyn SigningKey> {
        ring::sign::any_supported_type(&self.key).unwrap()
    }
}

/// Presents a chain whether or not the key is its own.
#[derive(Debug)]
struct Presents(Arc<CertifiedKey>);

impl ResolvesServerCert for Presents {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

fn tls(chain: Vec<CertificateDer<'static>>, key: Arc<dyn SigningKey>) -> Arc<ServerConfig> {
    let key = Arc::new(CertifiedKey::new(chain, key));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Presents(key)));
    Arc::new(config)
}

fn honest(pair: &Pair) -> Arc<ServerConfig> {
    tls(pair.chain.clone(), pair.signing_key())
}

fn policy(offers_tls: bool) -> Arc<Policy> {
    let user = Credentials { user: "watcher".to_owned(), password: "secret".to_owned() };
    Arc::new(Policy {
        version: "9.7.4".to_owned(),
        offers_tls,
        requires_tls: false,
        user: Some(user),
        seed: 1,
    })
}

/// A server, as long as this is kept.
struct Listening {
    address: SocketAddr,
    _life: AbortOnDropHandle<()>,
}

/// Starts a server.
async fn listening<F>(behaviour: impl Fn(TcpStream) -> F + Send + 'static) -> Listening
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let life = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(behaviour(stream));
        }
    });
    Listening { address, _life: AbortOnDropHandle::new(life) }
}

/// A server that means well, but for what it presents.
async fn serving(config: Arc<ServerConfig>) -> Listening {
    listening(move |stream| mysqld(stream, policy(true), Some(Arc::clone(&config)))).await
}

/// Behaves as mysqld does until somebody is logged in, or is not.
async fn mysqld(mut stream: TcpStream, policy: Arc<Policy>, tls: Option<Arc<ServerConfig>>) {
    let mut session = Server::new(policy, 1, "test".to_owned());
    if !converse(&mut stream, &mut session).await {
        return;
    }
    let Ok(mut stream) = TlsAcceptor::from(tls.unwrap()).accept(stream).await else { return };
    session.tls_established();
    converse(&mut stream, &mut session).await;
}

/// Talks until TLS is to begin (true), or to the end.
async fn converse(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    session: &mut Server,
) -> bool {
    loop {
        let event = session.next_event();
        stream.write_all(&session.take_output()).await.unwrap();
        stream.flush().await.unwrap();
        match event {
            Ok(Some(ServerEvent::StartTls)) => return true,
            Ok(Some(ServerEvent::Ended)) | Err(_) => return false,
            Ok(Some(_)) => continue,
            Ok(None) => {}
        }
        let mut bytes = vec![0; session.missing()];
        match stream.read(&mut bytes).await {
            Ok(0) | Err(_) => return false,
            Ok(read) => session.receive(&bytes[..read]),
        }
    }
}

/// The greeting, with TLS offered, and whatever a client says to it.
async fn greet(stream: &mut TcpStream) {
    let mut session = Server::new(policy(true), 1, "test".to_owned());
    drop(session.next_event());
    stream.write_all(&session.take_output()).await.unwrap();
    let mut request = [0; 36];
    drop(stream.read_exact(&mut request).await);
}

async fn look(address: SocketAddr) -> Look {
    let prober = Prober::default().with_deadline(Duration::from_millis(400));
    prober.look(address, &mut Manners::new("test"), None).await
}
