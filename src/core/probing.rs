//! When to look at a server: now and then, sooner when something may have changed, and less often
//! where a look comes to nothing.

use super::digest::Digest;
use super::fleet::{Database, DatabasePhase, Pod, Sighting, Text};
use super::time::{Span, Time};

/// Between two looks at one server, at least.
const LEAST: Span = Span::seconds(5);
/// For a server that is not Ready, before it is looked at all the same.
const NOT_READY: Span = Span::seconds(20);
/// While a rotation is under way.
const SOON: Span = Span::seconds(10);
/// For the second look at a server that presents something else than it should: drift takes two.
const SECOND: Span = Span::seconds(15);
/// The first pause after a look that the server may hold against us; it grows fourfold each time.
const HELD_AGAINST_US: Span = Span::MINUTE;
/// And the longest: a server blocks a host after 100 of them.
const LONGEST: Span = Span::DAY;

/// The last look at a server, as it was started last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastLook {
    /// When it began.
    pub began: Time,
    /// The pod that was looked at.
    pub pod_uid: Text,
    /// When its mysqld had been started.
    pub started: Option<Time>,
    /// How many looks in a row, this one included, showed nothing.
    pub misses: u32,
    /// Whether the server may hold this one against us.
    pub held_against_us: bool,
}

/// When to look at this server next; none: not at all.
pub fn next_look(
    database: &Database,
    pod: &Pod,
    last: Option<&LastLook>,
    every: Span,
) -> Option<Time> {
    let watched = database.selected && database.tls && !database.deleting && !database.halted;
    let started = pod.started.filter(|_| watched && pod.address.is_some())?;
    let Some(last) = last.filter(|it| it.pod_uid == pod.uid && it.started == pod.started) else {
        // Before it is Ready there is little to be seen, or it never will be.
        return Some(if pod.ready { started } else { started + NOT_READY });
    };
    let due = if last.misses > 0 {
        last.began + pause(database, last, every)
    } else {
        after_a_good_look(database, pod, last, every)
    };
    Some(due.max(last.began + LEAST))
}

fn pause(database: &Database, last: &LastLook, every: Span) -> Span {
    let doublings = last.misses.saturating_sub(1).min(20);
    if last.held_against_us {
        HELD_AGAINST_US.scaled(1 << (2 * doublings).min(30), 1).min(LONGEST)
    } else if under_way(database) {
        SOON
    } else {
        LEAST.scaled(1 << doublings, 1).min(every.max(SOON))
    }
}

fn after_a_good_look(database: &Database, pod: &Pod, last: &LastLook, every: Span) -> Time {
    let regular = last.began + jittered(every, pod);
    let Some(issued) = database.issued_server_leaf() else {
        return regular;
    };
    // What happened since makes a look due at once; moments are whole seconds.
    let changes = [database.settled_since(), Some(issued.issued_at)];
    let changed = changes.into_iter().flatten().filter(|at| *at >= last.began).max();
    let good = |look: &Sighting| look.shows(&issued.id);
    let looks: Vec<bool> = database.looks_at_it(pod, issued, good).take(2).map(good).collect();
    let wanted = match (changed, &*looks) {
        (Some(changed), _) => changed + Span::seconds(1),
        (None, [false]) => last.began + SECOND,
        (None, [true, ..]) => return regular,
        (None, _) if under_way(database) => last.began + SOON,
        (None, _) => return regular,
    };
    wanted.min(regular)
}

/// Whether servers may be restarted at this moment, or somebody waits for what they present.
fn under_way(database: &Database) -> bool {
    let record = database.rotation.as_ref().map(|rotation| &rotation.record);
    record.is_some_and(|record| record.current.is_some())
        || database.phase == DatabasePhase::Provisioning
}

/// Three to five quarters of it, always the same for one pod: a fleet that was started at once is
/// not looked at at once for ever.
fn jittered(every: Span, pod: &Pod) -> Span {
    let seconds = every.as_seconds();
    let spread = Digest::quick(&pod.uid).below((seconds / 2).max(1));
    Span::seconds(seconds - seconds / 4 + spread)
}

#[cfg(test)]
mod tests;
