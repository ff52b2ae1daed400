//! What a client says first: `Protocol::SSLRequest` and `Protocol::HandshakeResponse41`.

use super::bytes::{Reader, push_counted, push_until_nul, text};
use super::capabilities::Capabilities;
use super::violation::Violation;

/// The length of an `SSLRequest`, which is the first part of every login.
const SSL_REQUEST: usize = 32;
/// The longest packet that we say we take.
const MAX_ALLOWED: u32 = 1 << 24;
/// `utf8mb4_general_ci`, which every server knows.
const UTF8MB4: u8 = 45;

/// The first packet of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// It logs in without TLS.
    Login(HandshakeResponse),
    /// It asks for TLS, and logs in within.
    SslRequest,
}

impl Opening {
    /// Reads the payload of it.
    pub fn read(payload: &[u8]) -> Result<Self, Violation> {
        let capabilities = Capabilities(Reader::new(payload).u32()?);
        match (capabilities.has(Capabilities::SSL), payload.len()) {
            (true, SSL_REQUEST) => Ok(Self::SslRequest),
            (true, _) => Err(Violation::BeforeTls),
            (false, _) => HandshakeResponse::read(payload).map(Self::Login),
        }
    }
}

/// The login of a client.
#[derive(Clone, PartialEq, Eq)]
pub struct HandshakeResponse {
    /// What of the server's capabilities it means to use.
    pub capabilities: Capabilities,
    /// Who it says it is.
    pub user: String,
    /// Its answer to the server's nonce: may be a password.
    pub answer: Vec<u8>,
    /// The database that it begins in.
    pub database: Option<String>,
    /// The method of authentication that the answer is for; empty if it names none.
    pub plugin: String,
}

impl HandshakeResponse {
    /// Reads the payload of it. What follows the plugin's name, attributes of the client, is not
    /// looked at.
    pub fn read(payload: &[u8]) -> Result<Self, Violation> {
        let mut reader = Reader::new(payload);
        let capabilities = Capabilities(reader.u32()?);
        if !capabilities.has(Capabilities::PROTOCOL_41) {
            return Err(Violation::Unexpected(payload.first().copied().unwrap_or(0)));
        }
        reader.take(SSL_REQUEST - 4)?;
        let user = text(reader.until_nul()?);
        let answer = if capabilities.has(Capabilities::PLUGIN_AUTH_LENENC) {
            reader.counted()?
        } else if capabilities.has(Capabilities::SECURE_CONNECTION) {
            let length = usize::from(reader.u8()?);
            reader.take(length)?
        } else {
            reader.until_nul()?
        };
        let answer = answer.to_vec();
        let names_database = capabilities.has(Capabilities::CONNECT_WITH_DB) && !reader.is_empty();
        let database = names_database.then(|| text(reader.until_nul_or_end()));
        let plugin = if capabilities.has(Capabilities::PLUGIN_AUTH) {
            text(reader.until_nul_or_end())
        } else {
            String::new()
        };
        Ok(Self { capabilities, user, answer, database, plugin })
    }

    /// The payload that says this.
    pub fn write(&self) -> Vec<u8> {
        let database = self.database.as_deref();
        let capabilities =
            self.capabilities.with(Capabilities::CONNECT_WITH_DB, database.is_some());
        let mut payload = preamble(capabilities);
        push_until_nul(&mut payload, self.user.as_bytes());
        if capabilities.has(Capabilities::PLUGIN_AUTH_LENENC) {
            push_counted(&mut payload, &self.answer);
        } else if capabilities.has(Capabilities::SECURE_CONNECTION) {
            let answer = &self.answer[..self.answer.len().min(0xff)];
            payload.push(u8::try_from(answer.len()).unwrap_or(0));
            payload.extend(answer);
        } else {
            push_until_nul(&mut payload, &self.answer);
        }
        if let Some(database) = database {
            push_until_nul(&mut payload, database.as_bytes());
        }
        if capabilities.has(Capabilities::PLUGIN_AUTH) {
            push_until_nul(&mut payload, self.plugin.as_bytes());
        }
        payload
    }
}

/// Without the answer, which may be a password.
impl std::fmt::Debug for HandshakeResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HandshakeResponse")
            .field("capabilities", &self.capabilities)
            .field("user", &self.user)
            .field("database", &self.database)
            .field("plugin", &self.plugin)
            .finish_non_exhaustive()
    }
}

/// The payload that asks for TLS.
pub fn ssl_request(capabilities: Capabilities) -> Vec<u8> {
    preamble(capabilities | Capabilities::SSL)
}

fn preamble(capabilities: Capabilities) -> Vec<u8> {
    let mut payload = capabilities.0.to_le_bytes().to_vec();
    payload.extend(MAX_ALLOWED.to_le_bytes());
    payload.push(UTF8MB4);
    payload.resize(SSL_REQUEST, 0);
    payload
}
