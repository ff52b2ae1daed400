//! The rotation table: (what the record says, what the cluster shows) → at most one write.
//!
//! | record | cluster | write |
//! |---|---|---|
//! | nothing open | a cause, every gate open, room | `openRotation`: names the request |
//! | blank | a request of ours: it says what the record should | `adoptRequest` |
//! | nothing open | a started request of ours that no record names | `adoptRequest` |
//! | open, no request yet | the certificates are replaced and served, or no cause is left | `closeRotation` |
//! | open, no request yet | a person asks again | `mergeCauses`: failures start at zero |
//! | open, no request yet | gates open, other causes or another stage | `mergeCauses` |
//! | open, no request yet | gates open, slot held | `createRequest` |
//! | open, no request yet | a request of that name: ours | `noteCreated` |
//! | open, no request yet | a request of that name: not ours | `endAttempt` (foreignRequest) |
//! | request recorded | gone, or another uid | `endAttempt` (vanished) |
//! | request recorded | unstarted, and a reason to take it back | `intendWithdrawal` |
//! | withdrawal intended | unstarted | `withdrawRequest` |
//! | withdrawal intended | started | `forgetWithdrawal` |
//! | withdrawal intended | gone | `endAttempt` or `closeRotation` |
//! | request recorded | Progressing for the first time | `noteStarted` |
//! | request recorded | Progressing for too long | `endAttempt` (timedOut) |
//! | request recorded | Failed, Denied, Skipped | `endAttempt` |
//! | request recorded | Successful, nobody says since when | `noteEnded` |
//! | request recorded | Successful | look; then `closeRotation` or `endAttempt` |
//! | any, with nothing to write | an unstarted request of ours that no record names | `withdrawRequest` |
//!
//! Everything else: wait. A crash before or after any of these writes repeats or continues the
//! same row, because rows are chosen by what the cluster holds and by nothing else.

use super::fleet::{Database, Request, Text};
use super::gates::{Closed, Situation};
use super::ladder::soonest;
use super::policy::Mode;
use super::record::{Apply, Record};
use super::time::Time;
use super::vocabulary::WritePoint;

mod ending;
mod following;
mod naming;
mod opening;
mod pruning;
mod strays;

pub use ending::unmakable;
pub use naming::request_name;
pub use pruning::{FINISHED_KEPT, prunable};

/// One write to the cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Create the database's Rotation.
    CreateRotation,
    /// Replace the record, if it is still the one that this was decided on.
    Record {
        /// Under which name.
        point: WritePoint,
        /// The new record.
        record: Box<Record>,
    },
    /// Create the request that the record names.
    CreateRequest,
    /// Delete a request, if it is still the one that this was decided on.
    DeleteRequest {
        /// Under which name.
        point: WritePoint,
        /// Its name.
        name: Text,
        /// Its uid.
        uid: Text,
        /// Its resourceVersion.
        resource_version: Text,
    },
}

/// What a database wants of the slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotWish {
    /// None: one that it holds is freed.
    None,
    /// One, before its request may be created.
    Take,
    /// To keep the one it holds.
    Keep,
    /// One whatever the limits: its request exists.
    Hold,
}

/// What the table says.
#[derive(Clone, Debug, PartialEq)]
pub struct Next {
    /// The write, if any.
    pub write: Option<Write>,
    /// The slot.
    pub slot: SlotWish,
    /// Whether it would open a rotation, if there is room.
    pub opens: bool,
    /// When the table may say otherwise by itself.
    pub changes: Option<Time>,
}

/// What the table looks at besides the situation.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// All that the gates looked at.
    pub situation: &'a Situation<'a>,
    /// The gates that are closed, the budget apart.
    pub gates: &'a [Closed],
    /// Whether the slot for the request that the record names is held.
    pub slot_held: bool,
}

/// Chooses the row.
pub fn next(look: &Look<'_>) -> Next {
    match &look.record().current {
        None => look.nothing_open(),
        Some(current) => match (&current.withdrawal, &current.request.uid) {
            (Some(withdrawal), _) => look.taking_back(current, *withdrawal),
            (None, None) => look.no_request_yet(current),
            (None, Some(uid)) => look.following(current, uid),
        },
    }
}

impl Write {
    /// Its name. Two plans mean the same write when key and name are equal: what it says may
    /// differ by the moment at which it was decided, and the later one is right.
    pub const fn point(&self) -> WritePoint {
        match self {
            Self::CreateRotation => WritePoint::CreateRotation,
            Self::CreateRequest => WritePoint::CreateRequest,
            Self::Record { point, .. } | Self::DeleteRequest { point, .. } => *point,
        }
    }
}

impl Next {
    /// Nothing to write; of the slots it wants this.
    pub const fn wait(slot: SlotWish) -> Self {
        Self { write: None, slot, opens: false, changes: None }
    }

    fn until(mut self, at: Option<Time>) -> Self {
        soonest(&mut self.changes, at);
        self
    }

    fn write(write: Write, slot: SlotWish) -> Self {
        Self { write: Some(write), slot, opens: false, changes: None }
    }

    /// Write this record.
    pub fn record(point: WritePoint, record: Record, slot: SlotWish) -> Self {
        Self::write(Write::Record { point, record: Box::new(record) }, slot)
    }
}

impl<'a> Look<'a> {
    fn record(&self) -> &'a Record {
        self.situation.subject.record
    }

    fn database(&self) -> &'a Database {
        self.situation.subject.database
    }

    fn now(&self) -> Time {
        self.situation.subject.now
    }

    fn gates_open(&self) -> bool {
        self.gates.is_empty()
    }

    fn acts(&self) -> bool {
        self.situation.mode == Mode::Enforce
    }

    /// The `spec.apply` that a request made now would carry.
    fn apply(&self) -> Apply {
        if self.situation.not_ready_explained_by_tls() { Apply::Always } else { Apply::IfReady }
    }

    fn nothing_open(&self) -> Next {
        if let Some(next) = self.adoption() {
            return next;
        }
        let due = self.situation.findings.actionable().next().is_some();
        if !(due && self.gates_open() && self.database().selected) {
            return Next::wait(SlotWish::None);
        }
        let record = self.opened();
        Next { opens: true, ..Next::record(WritePoint::OpenRotation, record, SlotWish::None) }
    }
}

fn delete(point: WritePoint, name: &Text, request: &Request) -> Write {
    Write::DeleteRequest {
        point,
        name: Text::clone(name),
        uid: Text::clone(&request.uid),
        resource_version: Text::clone(&request.resource_version),
    }
}

#[cfg(test)]
mod tests;
