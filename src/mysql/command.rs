//! What a client asks for once it is logged in: "Command Phase".

use super::bytes::text;
use super::violation::Violation;

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `COM_INIT_DB`: use another database.
    InitDb,
    /// `COM_PING`
    Ping,
    /// `COM_QUERY`: a statement.
    Query(String),
    /// `COM_QUIT`: the end.
    Quit,
    /// `COM_RESET_CONNECTION`, which pools of connections send.
    ResetConnection,
    /// Any other.
    Other(u8),
}

impl Command {
    const QUIT: u8 = 0x01;
    const INIT_DB: u8 = 0x02;
    const QUERY: u8 = 0x03;
    const PING: u8 = 0x0e;
    const RESET_CONNECTION: u8 = 0x1f;

    /// Reads the payload of it.
    pub fn read(payload: &[u8]) -> Result<Self, Violation> {
        let (first, rest) = payload.split_first().ok_or(Violation::Truncated)?;
        Ok(match *first {
            Self::QUIT => Self::Quit,
            Self::INIT_DB => Self::InitDb,
            Self::QUERY => Self::Query(text(rest)),
            Self::PING => Self::Ping,
            Self::RESET_CONNECTION => Self::ResetConnection,
            other => Self::Other(other),
        })
    }

    /// The payload that says this.
    pub fn write(&self) -> Vec<u8> {
        match self {
            Self::InitDb => vec![Self::INIT_DB],
            Self::Ping => vec![Self::PING],
            Self::Query(statement) => {
                let mut payload = vec![Self::QUERY];
                payload.extend(statement.as_bytes());
                payload
            }
            Self::Quit => vec![Self::QUIT],
            Self::ResetConnection => vec![Self::RESET_CONNECTION],
            Self::Other(first) => vec![*first],
        }
    }
}
