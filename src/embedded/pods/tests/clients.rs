//! Clients over real sockets, made of the codec: one that looks as a probe does, and one that asks.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme,
    SupportedProtocolVersion,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

use super::*;
use crate::mysql::{
    Answer, Client, ClientEvent, Command, ErrorPacket, Login, Packet, Packets, write_packet,
};

pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// What a client has seen.
pub(super) struct Seen {
    pub(super) offered_tls: bool,
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) tls: Option<ProtocolVersion>,
    pub(super) answer: Answer,
    /// What comes after a login.
    pub(super) stream: Box<dyn Stream>,
}

impl Seen {
    pub(super) fn leaf(&self) -> Option<Fingerprint> {
        self.chain.first().map(|leaf| Fingerprint::of(leaf))
    }

    /// The error that the server answered with, as text.
    pub(super) fn refusal(&self) -> String {
        match &self.answer {
            Answer::Refused(error) => error.to_string(),
            Answer::LoggedIn => "logged in".to_owned(),
        }
    }
}

/// How a client comes.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) from: Ipv4Addr,
    pub(super) login: Login,
    pub(super) versions: &'static [&'static SupportedProtocolVersion],
}

pub(super) fn nobody(from: [u8; 4]) -> Visitor {
    let login = Login::Unknown("nobody".to_owned());
    Visitor { from: from.into(), login, versions: rustls::ALL_VERSIONS }
}

/// A socket to `to`, from an address of loopback that others need not have.
pub(super) async fn connect(from: impl Into<Ipv4Addr>, to: SocketAddrV4) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddrV4::new(from.into(), 0).into())?;
    socket.connect(to.into()).await
}

/// Greeting, TLS, login, answer: the whole of it.
pub(super) async fn visit(visitor: &Visitor, to: SocketAddrV4) -> io::Result<Seen> {
    let mut stream: Box<dyn Stream> = Box::new(connect(visitor.from, to).await?);
    let mut client = Client::new(visitor.login.clone());
    let (mut offered_tls, mut chain, mut tls) = (false, Vec::new(), None);
    let mut buffer = [0; 512];
    loop {
        while let Some(event) = client.next_event().map_err(io::Error::other)? {
            match event {
                ClientEvent::Greeted(greeting) => offered_tls = greeting.offers_tls(),
                ClientEvent::StartTls => {
                    stream.write_all(&client.take_output()).await?;
                    let connector = TlsConnector::from(Arc::new(config(visitor.versions)));
                    let name = ServerName::IpAddress((*to.ip()).into());
                    let secured = connector.connect(name, stream).await?;
                    let (_, connection) = secured.get_ref();
                    chain = connection.peer_certificates().unwrap_or_default().to_vec();
                    tls = connection.protocol_version();
                    stream = Box::new(secured);
                    client.tls_established();
                }
                ClientEvent::Switched(_) => {}
                // Whoever logs in stays: COM_QUIT is not sent.
                ClientEvent::Ended(answer) => {
                    return Ok(Seen { offered_tls, chain, tls, answer, stream });
                }
            }
        }
        stream.write_all(&client.take_output()).await?;
        let room = client.missing().min(buffer.len());
        let read = stream.read(&mut buffer[..room]).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        client.receive(&buffer[..read]);
    }
}

/// What a server answers to a statement: the one value of its row, or its error.
pub(super) async fn ask(stream: &mut dyn Stream, statement: &str) -> Result<String, ErrorPacket> {
    let mut command = Vec::new();
    write_packet(&mut command, 0, &Command::Query(statement.to_owned()).write());
    stream.write_all(&command).await.unwrap();
    let first = read_packet(stream).await;
    match first[0] {
        0 => return Ok("OK".to_owned()),
        0xff => return Err(ErrorPacket::read(&first).unwrap()),
        columns => assert_eq!(columns, 1),
    }
    read_packet(stream).await; // The column.
    assert_eq!(read_packet(stream).await[0], 0xfe);
    let row = read_packet(stream).await;
    assert_eq!(read_packet(stream).await[0], 0xfe);
    Ok(String::from_utf8(row[1..].to_vec()).unwrap())
}

async fn read_packet(stream: &mut dyn Stream) -> Vec<u8> {
    let mut packets = Packets::default();
    loop {
        if let Some(Packet { payload, .. }) = packets.next_packet().unwrap() {
            return payload;
        }
        let mut part = vec![0; packets.missing()];
        let read = stream.read(&mut part).await.unwrap();
        assert!(read > 0, "the server hung up");
        packets.receive(&part[..read]);
    }
}

/// Takes any certificate of which the server has the key.
fn config(versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    let provider = Arc::new(ring::default_provider());
    ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth()
}

#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
