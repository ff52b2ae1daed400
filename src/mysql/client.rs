//! The client's side: as far as a login, and the server's answer to it.

use super::authentication::{self, CACHING_SHA2, Credentials};
use super::capabilities::Capabilities;
use super::command::Command;
use super::greeting::Greeting;
use super::login::{HandshakeResponse, ssl_request};
use super::packet::{Packet, TooLong, Wire};
use super::reply::{AuthReply, ErrorPacket};
use super::violation::Violation;

/// How often a server may answer a login before it is too much.
const MAX_ROUNDS: u32 = 8;
/// The first byte of an error, which may stand in the place of a greeting.
const ERROR: u8 = 0xff;

/// What we can do.
const OURS: Capabilities = Capabilities(
    Capabilities::MYSQL.0
        | Capabilities::LONG_FLAG.0
        | Capabilities::PROTOCOL_41.0
        | Capabilities::TRANSACTIONS.0
        | Capabilities::SECURE_CONNECTION.0
        | Capabilities::PLUGIN_AUTH.0,
);

/// As whom a client logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// As a user whom the server does not know, with no password: the polite end of somebody who
    /// only came to look at the certificate. A server counts whoever hangs up before a login.
    Unknown(String),
    /// As a user with a password. It is sent in TLS only; without TLS the login goes without it.
    User(Credentials),
}

impl Login {
    fn user(&self) -> &str {
        match self {
            Self::Unknown(user) => user,
            Self::User(credentials) => &credentials.user,
        }
    }

    fn password(&self, in_tls: bool) -> &str {
        match self {
            Self::User(credentials) if in_tls => &credentials.password,
            Self::User(_) | Self::Unknown(_) => "",
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// The server has spoken. TLS is next if it [offers](Greeting::offers_tls) it, else the login.
    Greeted(Greeting),
    /// Send the output, shake hands, and call [`Client::tls_established`].
    StartTls,
    /// The server wants another method of authentication, and has got its answer.
    Switched(String),
    /// The conversation is over; send the output, if any, and hang up.
    Ended(Answer),
}

/// How a conversation ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Logged in; `COM_QUIT` is in the output.
    LoggedIn,
    /// The server refused, in the place of its greeting or as the answer to the login.
    Refused(ErrorPacket),
}

#[derive(Debug)]
enum State {
    AwaitGreeting,
    /// The greeting was told, and nothing sent yet.
    Greeted(Greeting),
    AwaitTls(Greeting),
    AwaitAnswer {
        in_tls: bool,
        rounds: u32,
    },
    Ended,
}

/// One conversation.
#[derive(Debug)]
pub struct Client {
    login: Login,
    state: State,
    wire: Wire,
}

impl Client {
    /// A client that will log in like this.
    pub fn new(login: Login) -> Self {
        Self { login, state: State::AwaitGreeting, wire: Wire::default() }
    }

    /// Logs in like this instead, unless that is done already.
    pub fn log_in_as(&mut self, login: Login) {
        self.login = login;
    }

    /// Takes in what the server has sent.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.wire.receive(bytes);
    }

    /// How many bytes to read at most; 0 when nothing is due.
    pub fn missing(&self) -> usize {
        match self.state {
            State::AwaitGreeting | State::AwaitAnswer { .. } => self.wire.missing(),
            State::Greeted(_) | State::AwaitTls(_) | State::Ended => 0,
        }
    }

    /// What is to be sent now.
    pub fn take_output(&mut self) -> Vec<u8> {
        self.wire.take_output()
    }

    /// TLS is there: what is received and sent from now on is within it.
    pub fn tls_established(&mut self) {
        if let State::AwaitTls(greeting) = &self.state {
            let response = self.response(greeting, true);
            self.wire.send(&response.write());
            self.state = State::AwaitAnswer { in_tls: true, rounds: 0 };
        }
    }

    /// What happened next, if anything did. After a violation nothing does.
    pub fn next_event(&mut self) -> Result<Option<ClientEvent>, Violation> {
        let event = self.step();
        if event.is_err() {
            self.state = State::Ended;
        }
        event
    }

    fn step(&mut self) -> Result<Option<ClientEvent>, Violation> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::AwaitGreeting => self.await_greeting(),
            State::Greeted(greeting) => self.open(greeting),
            State::AwaitAnswer { in_tls, rounds } => self.await_answer(in_tls, rounds),
            unmoved @ (State::AwaitTls(_) | State::Ended) => {
                self.state = unmoved;
                Ok(None)
            }
        }
    }

    fn await_greeting(&mut self) -> Result<Option<ClientEvent>, Violation> {
        // Whoever speaks another protocol speaks nonsense in this one.
        let first = self.wire.any_packet().map_err(|too_long| match too_long {
            TooLong { sequence: 0, .. } => Violation::TooLong(too_long),
            TooLong { .. } => Violation::NotMySql,
        })?;
        let Some(Packet { sequence, payload }) = first else {
            self.state = State::AwaitGreeting;
            return Ok(None);
        };
        if payload.first() == Some(&ERROR) {
            let error = ErrorPacket::read(&payload)?;
            return Ok(Some(ClientEvent::Ended(Answer::Refused(error))));
        }
        if sequence != 0 {
            return Err(Violation::NotMySql);
        }
        let greeting = Greeting::read(&payload)?;
        if !greeting.capabilities.has(Capabilities::PROTOCOL_41) {
            return Err(Violation::NotMySql);
        }
        self.state = State::Greeted(greeting.clone());
        Ok(Some(ClientEvent::Greeted(greeting)))
    }

    fn open(&mut self, greeting: Greeting) -> Result<Option<ClientEvent>, Violation> {
        if !self.wire.is_drained() {
            return Err(Violation::BeforeTls);
        }
        if greeting.offers_tls() {
            self.wire.send(&ssl_request(OURS & greeting.capabilities));
            self.state = State::AwaitTls(greeting);
            return Ok(Some(ClientEvent::StartTls));
        }
        let response = self.response(&greeting, false);
        self.wire.send(&response.write());
        self.state = State::AwaitAnswer { in_tls: false, rounds: 0 };
        Ok(None)
    }

    fn await_answer(
        &mut self,
        in_tls: bool,
        rounds: u32,
    ) -> Result<Option<ClientEvent>, Violation> {
        let Some(payload) = self.wire.next_payload()? else {
            self.state = State::AwaitAnswer { in_tls, rounds };
            return Ok(None);
        };
        if rounds == MAX_ROUNDS {
            return Err(Violation::Endless);
        }
        let password = self.login.password(in_tls).to_owned();
        let event = match AuthReply::read(&payload)? {
            AuthReply::Ok(_) => {
                self.wire.begin();
                self.wire.send(&Command::Quit.write());
                return Ok(Some(ClientEvent::Ended(Answer::LoggedIn)));
            }
            AuthReply::Refused(error) => {
                return Ok(Some(ClientEvent::Ended(Answer::Refused(error))));
            }
            AuthReply::Switch { plugin, nonce } => {
                let answer = authentication::answer(&plugin, &password, &nonce, in_tls);
                self.wire.send(&answer);
                Some(ClientEvent::Switched(plugin))
            }
            // The result follows by itself.
            AuthReply::More(data) if data == [authentication::FAST_AUTH_SUCCESS] => None,
            AuthReply::More(_) => {
                self.wire.send(&authentication::full_answer(&password, in_tls));
                None
            }
        };
        self.state = State::AwaitAnswer { in_tls, rounds: rounds + 1 };
        if event.is_some() { Ok(event) } else { self.step() }
    }

    fn response(&self, greeting: &Greeting, in_tls: bool) -> HandshakeResponse {
        let ours = OURS & greeting.capabilities;
        // The method of the server, so that it need not ask for another.
        let known = !greeting.plugin.is_empty();
        let plugin = if known { &greeting.plugin } else { CACHING_SHA2 };
        let password = self.login.password(in_tls);
        HandshakeResponse {
            capabilities: ours.with(Capabilities::SSL, in_tls),
            user: self.login.user().to_owned(),
            answer: authentication::answer(plugin, password, &greeting.nonce, in_tls),
            database: None,
            plugin: plugin.to_owned(),
        }
    }
}
