//! What a server answers: `OK_Packet`, `ERR_Packet`, `Protocol::AuthSwitchRequest`,
//! `Protocol::AuthMoreData`.

use std::fmt;

use super::bytes::{Reader, push_length, push_until_nul, text};
use super::violation::Violation;

/// The number of an error, as "MySQL Error Message Reference" lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErrorCode(pub u16);

impl ErrorCode {
    /// `ER_CON_COUNT_ERROR`: too many connections.
    pub const TOO_MANY_CONNECTIONS: Self = Self(1040);
    /// `ER_HANDSHAKE_ERROR`: what should have been a login was none.
    pub const BAD_HANDSHAKE: Self = Self(1043);
    /// `ER_ACCESS_DENIED_ERROR`: no such user, or another password.
    pub const ACCESS_DENIED: Self = Self(1045);
    /// `ER_UNKNOWN_COM_ERROR`
    pub const UNKNOWN_COMMAND: Self = Self(1047);
    /// `ER_CANT_INITIALIZE_UDF`: a function that will not do it now, or ever.
    pub const CANNOT_INITIALIZE: Self = Self(1123);
    /// `ER_HOST_IS_BLOCKED`: too many connects of this host ended before a login.
    pub const HOST_BLOCKED: Self = Self(1129);
    /// `ER_HOST_NOT_PRIVILEGED`: no account is for this host.
    pub const HOST_NOT_ALLOWED: Self = Self(1130);
    /// `ER_NET_PACKETS_OUT_OF_ORDER`
    pub const OUT_OF_ORDER: Self = Self(1156);
    /// `ER_NOT_SUPPORTED_YET`
    pub const NOT_SUPPORTED: Self = Self(1235);
    /// `ER_OPTION_PREVENTS_STATEMENT`: read-only, for instance.
    pub const OPTION_PREVENTS_STATEMENT: Self = Self(1290);
    /// `ER_SECURE_TRANSPORT_REQUIRED`
    pub const TLS_REQUIRED: Self = Self(3159);
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Why a server refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ErrorPacket {
    /// Its number.
    pub code: ErrorCode,
    /// Its five characters of SQL state; absent from what is said before the greeting.
    pub state: Option<String>,
    /// For people: foreign text.
    pub message: String,
}

impl ErrorPacket {
    const FIRST: u8 = 0xff;

    /// With an SQL state, which has five characters.
    pub fn new(code: ErrorCode, state: &str, message: impl Into<String>) -> Self {
        Self { code, state: Some(state.to_owned()), message: message.into() }
    }

    /// Without one, as before the greeting.
    pub fn bare(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, state: None, message: message.into() }
    }

    /// Reads the payload of it.
    pub fn read(payload: &[u8]) -> Result<Self, Violation> {
        let mut reader = Reader::new(payload);
        match reader.u8()? {
            Self::FIRST => {}
            other => return Err(Violation::Unexpected(other)),
        }
        let code = ErrorCode(reader.u16()?);
        let message = reader.rest();
        let (state, message) = match message.split_first_chunk::<6>() {
            Some(([b'#', state @ ..], message)) => (Some(text(state)), message),
            Some(_) | None => (None, message),
        };
        Ok(Self { code, state, message: text(message) })
    }

    /// The payload that says this.
    pub fn write(&self) -> Vec<u8> {
        let mut payload = vec![Self::FIRST];
        payload.extend(self.code.0.to_le_bytes());
        if let Some(state) = &self.state {
            payload.push(b'#');
            payload.extend(state.bytes().chain(std::iter::repeat(b'0')).take(5));
        }
        payload.extend(self.message.as_bytes());
        payload
    }
}

/// That something was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OkPacket {
    /// `SERVER_STATUS_…`
    pub status: u16,
}

impl OkPacket {
    const FIRST: u8 = 0;
    /// The first byte of the one that ends a result where `CLIENT_DEPRECATE_EOF` is used.
    const LAST_OF_RESULT: u8 = 0xfe;

    /// Reads the payload of it, of which only the status is looked at.
    pub fn read(payload: &[u8]) -> Result<Self, Violation> {
        let mut reader = Reader::new(payload);
        match reader.u8()? {
            Self::FIRST | Self::LAST_OF_RESULT => {}
            other => return Err(Violation::Unexpected(other)),
        }
        reader.length()?;
        reader.length()?;
        Ok(Self { status: reader.u16()? })
    }

    /// The payload that says this.
    pub fn write(self) -> Vec<u8> {
        self.write_as(Self::FIRST)
    }

    /// The payload that ends a result.
    pub fn write_after_rows(self) -> Vec<u8> {
        self.write_as(Self::LAST_OF_RESULT)
    }

    fn write_as(self, first: u8) -> Vec<u8> {
        let mut payload = vec![first];
        push_length(&mut payload, 0); // Rows affected.
        push_length(&mut payload, 0); // The last id inserted.
        payload.extend(self.status.to_le_bytes());
        payload.extend([0; 2]); // Warnings.
        payload
    }
}

/// What a server answers to a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthReply {
    /// The method of authentication has something to say.
    More(Vec<u8>),
    /// Logged in.
    Ok(OkPacket),
    /// Denied, or another error.
    Refused(ErrorPacket),
    /// Another method is to be used.
    Switch {
        /// Its name.
        plugin: String,
        /// What a password is mixed with.
        nonce: Vec<u8>,
    },
}

impl AuthReply {
    const MORE: u8 = 1;
    const SWITCH: u8 = 0xfe;
    /// What a switch without a name asks for: `Protocol::OldAuthSwitchRequest`.
    const OLD_PLUGIN: &str = "mysql_old_password";

    /// Reads the payload of it.
    pub fn read(payload: &[u8]) -> Result<Self, Violation> {
        let mut reader = Reader::new(payload);
        match reader.u8()? {
            OkPacket::FIRST => OkPacket::read(payload).map(Self::Ok),
            ErrorPacket::FIRST => ErrorPacket::read(payload).map(Self::Refused),
            Self::MORE => Ok(Self::More(reader.rest().to_vec())),
            Self::SWITCH if reader.is_empty() => {
                Ok(Self::Switch { plugin: Self::OLD_PLUGIN.to_owned(), nonce: Vec::new() })
            }
            Self::SWITCH => {
                let plugin = text(reader.until_nul_or_end());
                let nonce = reader.rest();
                let nonce = nonce.strip_suffix(&[0]).unwrap_or(nonce).to_vec();
                Ok(Self::Switch { plugin, nonce })
            }
            other => Err(Violation::Unexpected(other)),
        }
    }

    /// The payload that says this.
    pub fn write(&self) -> Vec<u8> {
        match self {
            Self::More(data) => {
                let mut payload = vec![Self::MORE];
                payload.extend(data);
                payload
            }
            Self::Ok(ok) => ok.write(),
            Self::Refused(error) => error.write(),
            Self::Switch { plugin, nonce } => {
                let mut payload = vec![Self::SWITCH];
                push_until_nul(&mut payload, plugin.as_bytes());
                payload.extend(nonce);
                payload.push(0);
                payload
            }
        }
    }
}
