//! The server's side: greeting, TLS, login as mysqld judges it, and commands one at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use super::authentication::{self, CACHING_SHA2, Credentials, SHA256};
use super::capabilities::Capabilities;
use super::command::Command;
use super::greeting::Greeting;
use super::login::{HandshakeResponse, Opening};
use super::packet::{Wire, write_packet};
use super::reply::{AuthReply, ErrorCode, ErrorPacket, OkPacket};
use super::rows::Rows;
use super::violation::Violation;
use crate::core::digest::Digest;

/// `SERVER_STATUS_AUTOCOMMIT`
const OK: OkPacket = OkPacket { status: 2 };
/// `utf8mb4_0900_ai_ci`
const CHARACTER_SET: u8 = 255;

const OURS: Capabilities = Capabilities(
    Capabilities::MYSQL.0
        | Capabilities::FOUND_ROWS.0
        | Capabilities::LONG_FLAG.0
        | Capabilities::CONNECT_WITH_DB.0
        | Capabilities::PROTOCOL_41.0
        | Capabilities::TRANSACTIONS.0
        | Capabilities::SECURE_CONNECTION.0
        | Capabilities::PLUGIN_AUTH.0
        | Capabilities::CONNECT_ATTRS.0
        | Capabilities::PLUGIN_AUTH_LENENC.0
        | Capabilities::DEPRECATE_EOF.0,
);

/// How a server is.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its version, as in the greeting.
    pub version: String,
    /// Whether it offers TLS.
    pub offers_tls: bool,
    /// `require_secure_transport`
    pub requires_tls: bool,
    /// The one user that there is.
    pub user: Option<Credentials>,
    /// Decides by which method each unknown user is asked for a password, which mysqld draws by lot
    /// at its start. Nonces are made from it as well: they keep nothing secret.
    pub seed: u64,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerEvent {
    /// Send the output, shake hands, and call [`Server::tls_established`].
    StartTls,
    /// A login came, and this method of authentication judges it.
    Authenticating {
        /// Its name.
        plugin: &'static str,
    },
    /// The user is logged in.
    LoggedIn,
    /// A statement is to be answered: [`Server::answer`], [`Server::refuse`] or [`Server::done`].
    Query(String),
    /// The conversation is over; send the output, if any, and hang up.
    Ended,
}

/// Who logs in, and how.
#[derive(Debug)]
struct Attempt {
    user: String,
    known: bool,
    plugin: &'static str,
    nonce: Vec<u8>,
}

/// What is due.
#[derive(Debug)]
enum State {
    AwaitOpening,
    AwaitTls,
    AwaitLogin,
    /// The answer by another method than the client's first.
    AwaitSwitch(Attempt),
    /// The password itself.
    AwaitPassword(Attempt),
    AwaitCommand,
    Ended,
}

/// One conversation.
#[derive(Debug)]
pub struct Server {
    policy: Arc<Policy>,
    /// Where the client is, for messages.
    host: String,
    nonce: Vec<u8>,
    in_tls: bool,
    deprecate_eof: bool,
    /// What the client sent in the place of a login was none.
    bad_handshake: bool,
    state: State,
    events: VecDeque<ServerEvent>,
    wire: Wire,
}

impl Server {
    /// The greeting of connection number `connection`, from `host`, is in the output.
    pub fn new(policy: Arc<Policy>, connection: u32, host: String) -> Self {
        let nonce = nonce(policy.seed, connection);
        let greeting = Greeting {
            version: policy.version.clone(),
            connection,
            capabilities: OURS.with(Capabilities::SSL, policy.offers_tls),
            character_set: CHARACTER_SET,
            status: OK.status,
            nonce: nonce.clone(),
            plugin: CACHING_SHA2.to_owned(),
        };
        let mut wire = Wire::default();
        wire.send(&greeting.write());
        Self {
            policy,
            host,
            nonce,
            in_tls: false,
            deprecate_eof: false,
            bad_handshake: false,
            state: State::AwaitOpening,
            events: VecDeque::new(),
            wire,
        }
    }

    /// What is sent in the place of a greeting to a client that is not wanted.
    pub fn refusal(error: &ErrorPacket) -> Vec<u8> {
        let mut output = Vec::new();
        write_packet(&mut output, 0, &error.write());
        output
    }

    /// Takes in what the client has sent.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.wire.receive(bytes);
    }

    /// How many bytes to read at most; 0 when nothing is due.
    pub fn missing(&self) -> usize {
        match self.state {
            State::AwaitOpening
            | State::AwaitLogin
            | State::AwaitSwitch(_)
            | State::AwaitPassword(_)
            | State::AwaitCommand => self.wire.missing(),
            State::AwaitTls | State::Ended => 0,
        }
    }

    /// What is to be sent now.
    pub fn take_output(&mut self) -> Vec<u8> {
        self.wire.take_output()
    }

    /// TLS is there: what is received and sent from now on is within it.
    pub fn tls_established(&mut self) {
        if let State::AwaitTls = self.state {
            self.in_tls = true;
            self.state = State::AwaitLogin;
        }
    }

    /// Whether the end of the connection now counts towards `max_connect_errors`: no login has come
    /// yet, or one that `caching_sha2_password` still waits for an answer of, or nonsense.
    pub fn counts_as_connect_error(&self) -> bool {
        match &self.state {
            State::AwaitOpening | State::AwaitTls | State::AwaitLogin => true,
            State::AwaitSwitch(attempt) => attempt.plugin == CACHING_SHA2,
            State::AwaitPassword(_) | State::AwaitCommand | State::Ended => self.bad_handshake,
        }
    }

    /// What happened next, if anything did. After a violation nothing does.
    pub fn next_event(&mut self) -> Result<Option<ServerEvent>, Violation> {
        while self.events.is_empty() {
            match self.advance() {
                Ok(true) => {}
                Ok(false) => break,
                Err(violation) => {
                    self.state = State::Ended;
                    return Err(violation);
                }
            }
        }
        Ok(self.events.pop_front())
    }

    /// Takes in one packet; false when none is due or complete.
    fn advance(&mut self) -> Result<bool, Violation> {
        match self.state {
            State::AwaitTls | State::Ended => return Ok(false),
            State::AwaitCommand => self.wire.begin(),
            State::AwaitOpening
            | State::AwaitLogin
            | State::AwaitSwitch(_)
            | State::AwaitPassword(_) => {}
        }
        let counts = self.counts_as_connect_error();
        let payload = match self.wire.next_payload() {
            Ok(Some(payload)) => payload,
            Ok(None) => return Ok(false),
            Err(violation) => {
                self.bad_handshake = counts;
                self.wire.lose_count();
                let message = "Got packets out of order";
                self.refuse(&ErrorPacket::new(ErrorCode::OUT_OF_ORDER, "08S01", message));
                return Err(violation);
            }
        };
        match std::mem::replace(&mut self.state, State::Ended) {
            State::AwaitOpening => self.open(&payload)?,
            State::AwaitLogin => match HandshakeResponse::read(&payload) {
                Ok(login) => self.log_in(login),
                Err(_) => self.refuse_handshake(),
            },
            State::AwaitSwitch(attempt) => self.judge(attempt, &payload),
            State::AwaitPassword(attempt) => {
                if self.in_tls && self.is_password(&attempt, &payload) {
                    self.accept();
                } else {
                    self.deny(&attempt, true);
                }
            }
            State::AwaitCommand => self.command(&payload)?,
            State::AwaitTls | State::Ended => {}
        }
        Ok(true)
    }

    fn open(&mut self, payload: &[u8]) -> Result<(), Violation> {
        match Opening::read(payload) {
            Ok(Opening::SslRequest) if self.policy.offers_tls => {
                if !self.wire.is_drained() {
                    self.bad_handshake = true;
                    return Err(Violation::BeforeTls);
                }
                self.state = State::AwaitTls;
                self.events.push_back(ServerEvent::StartTls);
            }
            Ok(Opening::Login(login)) => self.log_in(login),
            Ok(Opening::SslRequest) | Err(_) => self.refuse_handshake(),
        }
        Ok(())
    }

    fn log_in(&mut self, login: HandshakeResponse) {
        self.deprecate_eof = login.capabilities.has(Capabilities::DEPRECATE_EOF);
        let known = self.policy.user.as_ref().is_some_and(|known| known.user == login.user);
        let plugin = if known { CACHING_SHA2 } else { decoy(self.policy.seed, &login.user) };
        self.events.push_back(ServerEvent::Authenticating { plugin });
        let attempt = Attempt { user: login.user, known, plugin, nonce: self.nonce.clone() };
        if login.plugin == plugin {
            return self.judge(attempt, &login.answer);
        }
        let nonce = attempt.nonce.clone();
        self.send(&AuthReply::Switch { plugin: plugin.to_owned(), nonce });
        self.state = State::AwaitSwitch(attempt);
    }

    fn judge(&mut self, attempt: Attempt, answer: &[u8]) {
        let known = self.policy.user.as_ref().filter(|_| attempt.known);
        let password = known.map(|known| known.password.as_str());
        if let [] | [0] = answer {
            match password {
                Some("") => self.accept(),
                Some(_) | None => self.deny(&attempt, false),
            }
        } else if attempt.plugin != CACHING_SHA2 {
            self.deny(&attempt, true);
        } else if password
            .is_some_and(|password| answer == authentication::scramble(password, &attempt.nonce))
        {
            self.send(&AuthReply::More(vec![authentication::FAST_AUTH_SUCCESS]));
            self.accept();
        } else {
            self.send(&AuthReply::More(vec![authentication::FULL_AUTHENTICATION]));
            self.state = State::AwaitPassword(attempt);
        }
    }

    fn is_password(&self, attempt: &Attempt, sent: &[u8]) -> bool {
        let sent = sent.strip_suffix(&[0]).unwrap_or(sent);
        let known = self.policy.user.as_ref().filter(|_| attempt.known);
        known.is_some_and(|known| known.password.as_bytes() == sent)
    }

    fn accept(&mut self) {
        // Only now: whoever is not known need not know of it.
        if self.policy.requires_tls && !self.in_tls {
            return self.end_with(&ErrorPacket::new(
                ErrorCode::TLS_REQUIRED,
                "HY000",
                "Connections using insecure transport are prohibited while \
                 --require_secure_transport=ON.",
            ));
        }
        self.send(&AuthReply::Ok(OK));
        self.state = State::AwaitCommand;
        self.events.push_back(ServerEvent::LoggedIn);
    }

    fn deny(&mut self, attempt: &Attempt, with_password: bool) {
        let (user, host) = (&attempt.user, &self.host);
        let using = if with_password { "YES" } else { "NO" };
        let message = format!("Access denied for user '{user}'@'{host}' (using password: {using})");
        self.end_with(&ErrorPacket::new(ErrorCode::ACCESS_DENIED, "28000", message));
    }

    fn refuse_handshake(&mut self) {
        self.bad_handshake = true;
        self.end_with(&ErrorPacket::new(ErrorCode::BAD_HANDSHAKE, "08S01", "Bad handshake"));
    }

    fn end_with(&mut self, error: &ErrorPacket) {
        self.wire.send(&error.write());
        self.state = State::Ended;
        self.events.push_back(ServerEvent::Ended);
    }

    fn command(&mut self, payload: &[u8]) -> Result<(), Violation> {
        let command = Command::read(payload)?;
        self.state = State::AwaitCommand;
        match command {
            Command::InitDb | Command::Ping | Command::ResetConnection => self.done(),
            Command::Query(statement) => self.events.push_back(ServerEvent::Query(statement)),
            Command::Quit => {
                self.state = State::Ended;
                self.events.push_back(ServerEvent::Ended);
            }
            Command::Other(_) => self.refuse(&ErrorPacket::new(
                ErrorCode::UNKNOWN_COMMAND,
                "08S01",
                "Unknown command",
            )),
        }
        Ok(())
    }

    /// Answers a statement with a row.
    pub fn answer(&mut self, rows: &Rows) {
        for payload in rows.write(OK, self.deprecate_eof) {
            self.wire.send(&payload);
        }
    }

    /// Answers a statement that has no result.
    pub fn done(&mut self) {
        self.wire.send(&OK.write());
    }

    /// Refuses a statement.
    pub fn refuse(&mut self, error: &ErrorPacket) {
        self.wire.send(&error.write());
    }

    fn send(&mut self, reply: &AuthReply) {
        self.wire.send(&reply.write());
    }
}

/// The method by which this server asks an unknown user: so that nobody can tell who is known.
fn decoy(seed: u64, user: &str) -> &'static str {
    let lot = Digest::of([seed.to_string().as_str(), user]);
    if lot.0.is_multiple_of(2) { CACHING_SHA2 } else { SHA256 }
}

/// Twenty bytes without a NUL.
fn nonce(seed: u64, connection: u32) -> Vec<u8> {
    let lot = Digest(seed).and(i64::from(connection));
    let drawn = (0..20).map(|at| lot.and(at).below(0x7e).to_le_bytes()[0]);
    drawn.map(|byte| byte + 1).collect()
}
