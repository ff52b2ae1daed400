//! What a request that ended Successful has really done.

use super::fleet::{Alias, Database, Issued, LeafId};
use super::record::Current;
use super::serving::Servers;
use super::time::{Span, Time};
use super::vocabulary::Outcome;

/// How long certrotor looks before it says what it could not see. Also how long the issued
/// certificates may take to show up: a watch may be silent for five minutes before it is renewed.
pub const LOOK_FOR: Span = Span::minutes(10);

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// Each has.
    Yes,
    /// One still has the old leaf, or none.
    No,
    /// Of one nobody can tell.
    Unknown,
}

impl Replaced {
    /// Compares the leaves issued now with those that the rotation found.
    pub fn of(database: &Database, current: &Current) -> Self {
        let mut replaced = if database.certificates.is_empty() { Self::Unknown } else { Self::Yes };
        for (alias, certificate) in &database.certificates {
            match (&certificate.issued, current.baseline.get(alias)) {
                (Issued::Leaf(now), Some(then)) if !now.id.differs_from(then) => return Self::No,
                (Issued::Leaf(_), _) => {}
                (Issued::Missing | Issued::Malformed(_), _) => return Self::No,
                (Issued::Unknown, _) => replaced = Self::Unknown,
            }
        }
        replaced
    }
}

/// What the servers present: the issued leaf will do, and so will any that came after the one
/// that the rotation found. cert-manager may have renewed since the request ended.
pub fn servers_since(database: &Database, current: &Current) -> Servers {
    let baseline = current.baseline.get(&Alias::Server);
    let newer = |leaf: &LeafId| {
        baseline.is_some_and(|old| leaf.differs_from(old) && leaf.not_before >= old.not_before)
    };
    database.servers_where(newer)
}

/// Looks at the servers after the request ended Successful.
pub fn look(database: &Database, current: &Current, ended: Time, now: Time) -> Looked {
    let servers = servers_since(database, current);
    match Replaced::of(database, current) {
        Replaced::No => return by(ended, now, Outcome::ServedOld),
        Replaced::Unknown => return by(ended, now, Outcome::Unverified),
        Replaced::Yes if servers.all_confirmed() => return Looked::Ended(Outcome::Verified),
        Replaced::Yes => {}
    }
    let outcome = match (servers.older_on_the_wire, servers.current) {
        (0, _) => Outcome::Unverified,
        (_, 0) => Outcome::ServedOld,
        (_, _) => Outcome::PartlyServed,
    };
    let everybody_seen = servers.older_on_the_wire > 0 && servers.unknown == 0;
    if everybody_seen { Looked::Ended(outcome) } else { by(ended, now, outcome) }
}

/// What the probe could not see, for people: `shop-0 (timeout), shop-2 (refused)`; none when there
/// is nothing to be said.
pub fn not_seen(database: &Database) -> Option<String> {
    let missed = database.pods.iter().filter_map(|(name, pod)| {
        let why = &pod.missed.as_ref()?.why;
        Some(format!("{name} ({why})"))
    });
    let missed: Vec<String> = missed.collect();
    (!missed.is_empty()).then(|| missed.join(", "))
}

fn by(ended: Time, now: Time, outcome: Outcome) -> Looked {
    let until = ended + LOOK_FOR;
    if until <= now { Looked::Ended(outcome) } else { Looked::Waiting { until } }
}

#[cfg(test)]
mod tests;
