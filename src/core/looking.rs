//! What a request that ended Successful has really done.

use super::causes::issued_leaves;
use super::fleet::{Database, Request};
use super::record::Current;
use super::time::{Span, Time};
use super::vocabulary::Outcome;

/// How long certrotor looks before it says `unverified`.
pub const LOOK_FOR: Span = Span::minutes(10);
/// How long the issued certificate may take to show up in the watches.
const SETTLE: Span = Span::seconds(30);

/// What looking shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// This outcome.
    Ended(Outcome),
    /// Nothing certain yet; look again then at the latest.
    Waiting {
        /// When.
        until: Time,
    },
}

/// Whether each certificate has another leaf than when the rotation was opened.
pub fn replaced(database: &Database, current: &Current) -> bool {
    let issued = issued_leaves(database);
    !database.certificates.is_empty()
        && database.certificates.keys().all(|alias| {
            match (issued.get(alias), current.baseline.get(alias)) {
                (Some(now), Some(then)) => now.differs_from(then),
                (Some(_), None) => true,
                (None, _) => false,
            }
        })
}

/// Looks at the servers after the request ended Successful.
pub fn look(database: &Database, current: &Current, request: &Request, now: Time) -> Looked {
    let ended = request
        .ended
        .unwrap_or(request.created)
        .max(request.created);
    let servers = database.servers();
    if !replaced(database, current) {
        return by(ended + SETTLE, now, Outcome::ServedOld);
    }
    if servers.all_current() {
        return Looked::Ended(Outcome::Verified);
    }
    let outcome = match (servers.older_on_the_wire, servers.current) {
        (0, _) => Outcome::Unverified,
        (_, 0) => Outcome::ServedOld,
        (_, _) => Outcome::PartlyServed,
    };
    let everybody_seen = servers.older_on_the_wire > 0 && servers.unknown == 0;
    if everybody_seen {
        Looked::Ended(outcome)
    } else {
        by(ended + LOOK_FOR, now, outcome)
    }
}

fn by(until: Time, now: Time, outcome: Outcome) -> Looked {
    if until <= now {
        Looked::Ended(outcome)
    } else {
        Looked::Waiting { until }
    }
}
