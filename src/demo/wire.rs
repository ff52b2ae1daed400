//! One look at a server: the certificate that it presents in a TLS handshake.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::core::certificate::{Leaf, Malformed};
use crate::mysql::{Client, ClientEvent, Login, Violation};

/// How long a look may take.
const DEADLINE: Duration = Duration::from_secs(2);
/// As whom it ends: somebody whom no server knows.
const USER: &str = "certrotor-demo";

/// Why nothing was seen.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unseen {
    /// It took too long.
    #[error("no answer within {DEADLINE:?}")]
    Slow,
    /// It does not listen, or hung up.
    #[error(transparent)]
    Broken(#[from] std::io::Error),
    /// It does not speak MySQL.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// It offers no TLS.
    #[error("it offers no TLS")]
    Bare,
    /// What it presents is no certificate.
    #[error("what it presents cannot be read: {0:?}")]
    Malformed(Malformed),
}

/// How to look: any certificate will do, as long as the server holds its key.
#[derive(Clone)]
pub(super) struct Looker(TlsConnector);

impl Looker {
    /// One that is ready to look.
    pub(super) fn new() -> Result<Self, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let accept = AcceptAny(provider.signature_verification_algorithms);
        let config = ClientConfig::builder_with_provider(Arc::<CryptoProvider>::clone(&provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(accept))
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Looks at a server, and takes leave as it is polite: a server counts those who just hang up.
    pub(super) async fn look(&self, address: SocketAddr) -> Result<Leaf, Unseen> {
        let look = self.greet(address);
        tokio::time::timeout(DEADLINE, look).await.map_err(|_| Unseen::Slow)?
    }

    async fn greet(&self, address: SocketAddr) -> Result<Leaf, Unseen> {
        let mut stream = TcpStream::connect(address).await?;
        let mut client = Client::new(Login::Unknown(USER.to_owned()));
        if !converse(&mut stream, &mut client).await? {
            return Err(Unseen::Bare);
        }
        let name = ServerName::IpAddress(address.ip().into());
        let mut stream = self.0.connect(name, stream).await?;
        let chain = stream.get_ref().1.peer_certificates();
        let first = chain.and_then(|chain| chain.first()).ok_or(Unseen::Bare)?;
        let leaf = Leaf::from_der(first).map_err(Unseen::Malformed)?;
        client.tls_established();
        converse(&mut stream, &mut client).await?;
        Ok(leaf)
    }
}

/// Talks until TLS is to begin (true) or the conversation is over.
async fn converse(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    client: &mut Client,
) -> Result<bool, Unseen> {
    loop {
        let mut reached = None;
        while let Some(event) = client.next_event()? {
            match event {
                ClientEvent::StartTls => reached = Some(true),
                ClientEvent::Ended(_) => reached = Some(false),
                ClientEvent::Greeted(_) | ClientEvent::Switched(_) => {}
            }
        }
        stream.write_all(&client.take_output()).await?;
        if let Some(reached) = reached {
            return Ok(reached);
        }
        let mut bytes = vec![0; client.missing()];
        let read = stream.read(&mut bytes).await?;
        if read == 0 {
            return Err(Unseen::Broken(std::io::ErrorKind::UnexpectedEof.into()));
        }
        client.receive(&bytes[..read]);
    }
}

/// Judges nothing but that the server holds the key of what it presents.
#[derive(Debug)]
struct AcceptAny(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
