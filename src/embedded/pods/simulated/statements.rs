//! The few statements that a simulated server knows: those of health checks, what clients send by
//! themselves when they connect, and how the primary's role of a group is handed over.

use super::server::Shared;
use crate::embedded::pods::runtime::Part;
use crate::mysql::{ErrorCode, ErrorPacket, Rows, Server};

/// What a statement comes to.
pub(super) enum Answer {
    /// One row with one value.
    Value(String),
    /// No row.
    Done,
    /// It is refused.
    Refused(ErrorPacket),
}

/// Answers a statement.
pub(super) fn answer(session: &mut Server, statement: &str, shared: &Shared) {
    match come_to(statement, shared) {
        Answer::Value(value) => {
            // The column has the name that stands in the statement.
            let column = statement.split_whitespace().nth(1).unwrap_or_default();
            session.answer(&Rows { columns: vec![(column.to_owned(), value)] });
        }
        Answer::Done => session.done(),
        Answer::Refused(error) => session.refuse(&error),
    }
}

/// What it comes to.
pub(super) fn come_to(statement: &str, shared: &Shared) -> Answer {
    let statement = statement.trim().trim_end_matches(';').trim_end();
    let words: Vec<String> = statement.split_whitespace().map(str::to_ascii_lowercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let members = "performance_schema.replication_group_members";
    let value = match words[..] {
        ["select", "1"] => "1".to_owned(),
        ["select", "@@version" | "version()"] => shared.settings.version.clone(),
        ["select", "@@version_comment", "limit", "1"] => "Simulated by certrotor".to_owned(),
        ["select", "@@server_uuid"] => shared.seat.uuid.clone(),
        ["select", "count(*)", "from", table, "where", "member_state", "=", "'online'"]
            if table == members =>
        {
            shared.seat.online().to_string()
        }
        ["select", "member_role", "from", table, "where", "member_id", "=", "@@server_uuid"]
            if table == members =>
        {
            let role = shared.seat.part().map(Part::member_role);
            role.unwrap_or_default().to_owned()
        }
        ["select", call] if call.starts_with(SET_AS_PRIMARY) => {
            return set_as_primary(call, shared);
        }
        ["set", ..] | ["commit" | "rollback"] => return Answer::Done,
        _ => {
            let message = "This simulated server does not know this statement";
            return Answer::Refused(ErrorPacket::new(ErrorCode::NOT_SUPPORTED, "42000", message));
        }
    };
    Answer::Value(value)
}

const SET_AS_PRIMARY: &str = "group_replication_set_as_primary(";

fn set_as_primary(call: &str, shared: &Shared) -> Answer {
    let uuid = call.trim_start_matches(SET_AS_PRIMARY).trim_end_matches(')').trim_matches('\'');
    match shared.seat.set_as_primary(uuid) {
        Ok(said) => Answer::Value(said),
        Err(why) => {
            let message =
                format!("Can't initialize function 'group_replication_set_as_primary'; {why}");
            Answer::Refused(ErrorPacket::new(ErrorCode::CANNOT_INITIALIZE, "HY000", message))
        }
    }
}
