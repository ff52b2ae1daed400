//! What the other side did wrong.

use thiserror::Error;

use super::packet::TooLong;

/// Something that the protocol does not allow. The conversation is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    /// Bytes followed the greeting or the `SSLRequest` that are no part of TLS.
    #[error("more was sent before the TLS handshake than belongs there")]
    BeforeTls,
    /// Authentication goes to and fro without an end.
    #[error("the login was answered too often without a result")]
    Endless,
    /// What speaks first is no MySQL server of this century.
    #[error("not the greeting of a MySQL server")]
    NotMySql,
    /// A packet has not the number that follows the one before it.
    #[error("packet number {found} came where {expected} was due")]
    OutOfOrder {
        /// The number it should have.
        expected: u8,
        /// The number it has.
        found: u8,
    },
    /// A packet says of itself that it is longer than any that makes sense here.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// A packet ends within one of its fields.
    #[error("a packet ends before its last field")]
    Truncated,
    /// A packet of this kind makes no sense here.
    #[error("a packet that begins with {0:#04x} is not due here")]
    Unexpected(u8),
}
