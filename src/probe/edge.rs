//! The thin edge: a socket, a clock and rustls around [`Client`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::failure::{Failure, Unseen};
use super::look::{Look, Parting, Presented, Seen, Tls, Version};
use super::manners::Manners;
use super::recorder::{Proof, Record, Recorder};
use super::trust::Trust;
use crate::core::certificate::sanitize;
use crate::core::time::Time;
use crate::mysql::{Answer, Client, ClientEvent, Credentials, Greeting, Login};

/// How long to wait until a goodbye is sent.
const GOODBYE: Duration = Duration::from_millis(100);

/// An account that may log in, and with it leave no trace at all.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// It needs no privilege.
    pub credentials: &'a Credentials,
    /// Who gets its password: servers with a certificate of this CA.
    pub trust: &'a Trust,
    /// The moment.
    pub now: Time,
}

/// Looks at servers.
#[derive(Clone, Debug)]
pub struct Prober {
    provider: Arc<CryptoProvider>,
    /// For all of one look.
    deadline: Duration,
    /// The address to look from, where it matters.
    from: Option<SocketAddr>,
}

impl Default for Prober {
    fn default() -> Self {
        Self {
            provider: Arc::new(ring::default_provider()),
            deadline: Duration::from_secs(5),
            from: None,
        }
    }
}

impl Prober {
    /// One that gives each look this long.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// One that looks from this address.
    #[must_use]
    pub fn from_address(self, from: SocketAddr) -> Self {
        Self { from: Some(from), ..self }
    }

    /// Looks at a server once. An account is used where one is given.
    pub async fn look(
        &self,
        address: SocketAddr,
        manners: &mut Manners,
        account: Option<&Account<'_>>,
    ) -> Look {
        let began = Instant::now();
        let deadline = began + self.deadline;
        let result = match timeout_at(deadline, self.connect(address)).await {
            Ok(Ok(stream)) => {
                Visit { prober: self, address, manners, account, deadline }.run(stream).await
            }
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(late("no connection")),
        };
        Look { took: began.elapsed(), result }
    }

    async fn connect(&self, address: SocketAddr) -> std::io::Result<TcpStream> {
        let Some(from) = self.from else {
            return TcpStream::connect(address).await;
        };
        let socket = if from.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.bind(from)?;
        socket.connect(address).await
    }

    /// The handshake. What comes of it may be no evidence, and the stream be good all the same.
    async fn shake_hands(
        &self,
        address: SocketAddr,
        stream: TcpStream,
    ) -> Result<(TlsStream<TcpStream>, Result<Tls, Unseen>), Unseen> {
        let recorder = Arc::new(Recorder::new(self.provider.signature_verification_algorithms));
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| Unseen::new(Failure::TlsFailed, error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&recorder) as _)
            .with_no_client_auth();
        // In a session that is taken up again no certificate is shown.
        config.resumption = Resumption::disabled();
        let name = ServerName::IpAddress(address.ip().into());
        match TlsConnector::from(Arc::new(config)).connect(name, stream).await {
            Ok(stream) => {
                let version = stream.get_ref().1.protocol_version();
                let tls = evidence(&recorder.record(), version);
                Ok((stream, tls))
            }
            Err(error) => Err(unproven(error.into(), &recorder.record())),
        }
    }
}

/// One look under way.
struct Visit<'a> {
    prober: &'a Prober,
    address: SocketAddr,
    manners: &'a mut Manners,
    account: Option<&'a Account<'a>>,
    deadline: Instant,
}

impl Visit<'_> {
    async fn run(mut self, mut stream: TcpStream) -> Result<Seen, Unseen> {
        let mut client = Client::new(Login::Unknown(self.manners.user()));
        let greeting = timeout_at(self.deadline, greet(&mut stream, &mut client))
            .await
            .map_err(|_| late("no whole greeting"))??;
        let (tls, parting) = if greeting.offers_tls() {
            let shaken = self.prober.shake_hands(self.address, stream);
            let (mut stream, tls) = timeout_at(self.deadline, shaken)
                .await
                .map_err(|_| late("no whole handshake"))??;
            if let Some(credentials) = self.credentials(tls.as_ref().ok()) {
                client.log_in_as(Login::User(credentials.clone()));
            }
            client.tls_established();
            let parting = self.part(&mut stream, &mut client).await;
            (Some(tls?), parting)
        } else {
            (None, self.part(&mut stream, &mut client).await)
        };
        let version = sanitize(greeting.own_version()).into();
        Ok(Seen { product: greeting.product(), version, tls, parting })
    }

    /// The account, if the server may know it: a password is for nobody whose certificate is not
    /// from the CA that is published.
    fn credentials(&self, tls: Option<&Tls>) -> Option<&Credentials> {
        let (account, tls) = (self.account?, tls?);
        let trusted = account.trust.holds(&tls.presented, account.now) == Some(true);
        trusted.then_some(account.credentials)
    }

    /// Logs in, which is how a look ends politely. What goes wrong here takes nothing away from what
    /// was seen, for the login was sent.
    async fn part(
        &mut self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        client: &mut Client,
    ) -> Parting {
        let began = Instant::now();
        let mut method = None;
        let answer = timeout_at(self.deadline, log_in(stream, client, &mut method)).await;
        self.manners.note(method.as_deref(), began.elapsed());
        // TLS says goodbye too; a server that does not listen any more misses nothing.
        drop(timeout(GOODBYE, stream.shutdown()).await);
        match answer {
            Ok(Ok(Answer::Refused(error))) => Parting::Refused(error.code),
            Ok(Ok(Answer::LoggedIn)) => Parting::LoggedIn,
            Ok(Err(_)) | Err(_) => Parting::Unanswered,
        }
    }
}

fn late(what: &str) -> Unseen {
    Unseen::new(Failure::Timeout, format!("{what} within the deadline"))
}

/// Reads the greeting, and sends what follows it.
async fn greet(stream: &mut TcpStream, client: &mut Client) -> Result<Greeting, Unseen> {
    let mut greeting = None;
    loop {
        while let Some(event) = client.next_event()? {
            match event {
                ClientEvent::Greeted(greeted) => greeting = Some(greeted),
                ClientEvent::Ended(Answer::Refused(error)) => return Err(error.into()),
                ClientEvent::StartTls
                | ClientEvent::Switched(_)
                | ClientEvent::Ended(Answer::LoggedIn) => {}
            }
        }
        stream.write_all(&client.take_output()).await?;
        match greeting {
            Some(greeting) => return Ok(greeting),
            None => receive(stream, client).await?,
        }
    }
}

async fn log_in(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    client: &mut Client,
    method: &mut Option<String>,
) -> Result<Answer, Unseen> {
    loop {
        let mut ended = None;
        while let Some(event) = client.next_event()? {
            match event {
                ClientEvent::Switched(to) => *method = Some(to),
                ClientEvent::Ended(answer) => ended = Some(answer),
                ClientEvent::Greeted(_) | ClientEvent::StartTls => {}
            }
        }
        stream.write_all(&client.take_output()).await?;
        stream.flush().await?;
        match ended {
            Some(answer) => return Ok(answer),
            None => receive(stream, client).await?,
        }
    }
}

async fn receive(stream: &mut (impl AsyncRead + Unpin), client: &mut Client) -> Result<(), Unseen> {
    let mut bytes = vec![0; client.missing()];
    let read = stream.read(&mut bytes).await?;
    if read == 0 {
        return Err(Unseen::new(Failure::Closed, "the server hung up"));
    }
    client.receive(&bytes[..read]);
    Ok(())
}

fn evidence(record: &Record, version: Option<ProtocolVersion>) -> Result<Tls, Unseen> {
    let presented = read(record)?;
    let key = presented.chain.leaf.key;
    let (failure, why) = match (record.proof, version) {
        (Proof::Proven, Some(version)) => {
            return Ok(Tls { version: Version(version), presented });
        }
        (Proof::Weak, _) if key.is_weak() => {
            (Failure::WeakKey, format!("a key of {key} proves nothing"))
        }
        (Proof::Weak, _) => {
            (Failure::Unreadable, "an X.509 certificate of a version before 3".to_owned())
        }
        (Proof::Proven | Proof::None | Proof::Forged, _) => {
            (Failure::BadSignature, "the server did not prove that it holds the key".to_owned())
        }
    };
    Err(unproven(Unseen::new(failure, why), record))
}

/// The same, with what was presented, if that can be read.
fn unproven(unseen: Unseen, record: &Record) -> Unseen {
    if record.ders.is_empty() {
        return unseen;
    }
    match read(record) {
        Ok(presented) => Unseen { unproven: Some(Box::new(presented)), ..unseen },
        Err(unreadable) => unreadable,
    }
}

fn read(record: &Record) -> Result<Presented, Unseen> {
    Presented::from_der(record.ders.clone())
        .map_err(|malformed| Unseen::new(Failure::Unreadable, malformed.to_string()))
}
