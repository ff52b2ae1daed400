//! Why nothing was seen: a closed vocabulary.

use std::io;

use super::look::Presented;
use crate::core::certificate::sanitize;
use crate::core::vocabulary::words;
use crate::mysql::{ErrorCode, ErrorPacket, Violation};

words! {
    /// Why a look showed nothing that counts.
    Failure {
        /// The address is of a class that is never looked at.
        Forbidden = "forbidden",
        /// Nobody listens there.
        Refused = "refused",
        /// No way leads there, or this host may not go it.
        Unreachable = "unreachable",
        /// The deadline passed first: a slow server, or a firewall that drops packets.
        Timeout = "timeout",
        /// The server hung up.
        Closed = "closed",
        /// The server blocks this host after too many connects without a login (1129).
        Blocked = "blocked",
        /// No account of the server is for this host (1130).
        NotAllowed = "notAllowed",
        /// All connections of the server are taken (1040).
        TooManyConnections = "tooManyConnections",
        /// The server refused in the place of its greeting, for another reason.
        ServerError = "serverError",
        /// What answered is no MySQL server.
        NotMySql = "notMySql",
        /// More was sent before TLS than belongs there.
        TooMuchBeforeTls = "tooMuchBeforeTls",
        /// The server ended the TLS handshake with an alert.
        TlsAlert = "tlsAlert",
        /// There was no agreement on TLS.
        TlsFailed = "tlsFailed",
        /// The server did not prove that it holds the key of what it presents.
        BadSignature = "badSignature",
        /// The key of the certificate is too small to prove anything.
        WeakKey = "weakKey",
        /// What the server presents cannot be read, or proves nothing.
        Unreadable = "unreadable",
    }
}

impl Failure {
    /// Whether mysqld may have counted this as a connect error, of which it takes only so many from
    /// one host before it blocks it.
    pub const fn counts_against_us(self) -> bool {
        match self {
            Self::Timeout
            | Self::Closed
            | Self::Blocked
            | Self::TooMuchBeforeTls
            | Self::NotMySql
            | Self::TlsAlert
            | Self::TlsFailed
            | Self::BadSignature
            | Self::Unreadable => true,
            Self::Forbidden
            | Self::Refused
            | Self::Unreachable
            | Self::NotAllowed
            | Self::TooManyConnections
            | Self::ServerError
            | Self::WeakKey => false,
        }
    }
}

/// Nothing was seen that counts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{failure}: {detail}")]
pub struct Unseen {
    /// Why, in one word.
    pub failure: Failure,
    /// Why, for people; sanitised.
    pub detail: Box<str>,
    /// What was presented and not proven.
    pub unproven: Option<Box<Presented>>,
}

impl Unseen {
    /// For this reason.
    pub fn new(failure: Failure, detail: impl AsRef<str>) -> Self {
        Self { failure, detail: sanitize(detail.as_ref()).into(), unproven: None }
    }
}

impl From<Violation> for Unseen {
    fn from(violation: Violation) -> Self {
        let failure = match violation {
            Violation::BeforeTls | Violation::TooLong(_) => Failure::TooMuchBeforeTls,
            Violation::Endless
            | Violation::NotMySql
            | Violation::OutOfOrder { .. }
            | Violation::Truncated
            | Violation::Unexpected(_) => Failure::NotMySql,
        };
        Self::new(failure, violation.to_string())
    }
}

impl From<ErrorPacket> for Unseen {
    fn from(error: ErrorPacket) -> Self {
        let failure = match error.code {
            ErrorCode::HOST_BLOCKED => Failure::Blocked,
            ErrorCode::HOST_NOT_ALLOWED => Failure::NotAllowed,
            ErrorCode::TOO_MANY_CONNECTIONS => Failure::TooManyConnections,
            _ => Failure::ServerError,
        };
        Self::new(failure, error.to_string())
    }
}

impl From<io::Error> for Unseen {
    fn from(error: io::Error) -> Self {
        // rustls speaks through the socket's errors.
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let failure = match tls {
            Some(rustls::Error::AlertReceived(_)) => Failure::TlsAlert,
            Some(rustls::Error::InvalidCertificate(_)) => Failure::BadSignature,
            Some(_) => Failure::TlsFailed,
            None => of_socket(error.kind()),
        };
        Self::new(failure, error.to_string())
    }
}

fn of_socket(kind: io::ErrorKind) -> Failure {
    const HUNG_UP: [io::ErrorKind; 5] = [
        io::ErrorKind::UnexpectedEof,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::BrokenPipe,
        io::ErrorKind::NotConnected,
    ];
    if kind == io::ErrorKind::ConnectionRefused {
        Failure::Refused
    } else if kind == io::ErrorKind::TimedOut {
        Failure::Timeout
    } else if HUNG_UP.contains(&kind) {
        Failure::Closed
    } else {
        Failure::Unreachable
    }
}
