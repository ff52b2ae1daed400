//! The few statements that a simulated server knows: those of health checks, and what clients send
//! by themselves when they connect.

use crate::mysql::{ErrorCode, ErrorPacket, Rows, Server};

/// Answers a statement.
pub(super) fn answer(session: &mut Server, statement: &str, version: &str) {
    let statement = statement.trim().trim_end_matches(';').trim_end();
    let words: Vec<String> = statement.split_whitespace().map(str::to_ascii_lowercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let value = match words[..] {
        ["select", "1"] => "1",
        ["select", "@@version" | "version()"] => version,
        ["select", "@@version_comment", "limit", "1"] => "Simulated by certrotor",
        ["set", ..] | ["commit" | "rollback"] => return session.done(),
        _ => {
            let message = "This simulated server does not know this statement";
            let error = ErrorPacket::new(ErrorCode::NOT_SUPPORTED, "42000", message);
            return session.refuse(&error);
        }
    };
    // The column has the name that stands in the statement.
    let column = statement.split_whitespace().nth(1).unwrap_or_default();
    session.answer(&Rows { columns: vec![(column.to_owned(), value.to_owned())] });
}
