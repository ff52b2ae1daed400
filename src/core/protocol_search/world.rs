//! One state of the model.

/// Everything that the apiserver holds, what two daemons are about to write, and what may still
/// go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct World {
    pub(super) moment: u8,
    pub(super) dbs: [Db; 2],
    /// None: there is no ConfigMap.
    pub(super) slots: Option<Slots>,
    /// What each daemon has decided to write and has not sent yet.
    pub(super) pending: [Pending; 2],
    pub(super) troubles: Troubles,
}

/// The slots: for each database the name of the request that one is held for.
pub(super) type Slots = [Option<u16>; 2];

/// One database: everything by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Db {
    pub(super) record: u16,
    /// Every record that was ever written: what a stale cache may show.
    pub(super) past: u16,
    pub(super) facts: u16,
    /// The last request that it held a slot for.
    pub(super) held: Option<u16>,
}

/// What is not in the record.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Facts {
    pub(super) requests: Vec<Request>,
    /// Its certificates were replaced, and it serves them.
    pub(super) rotated: bool,
    /// It is not Ready for a while.
    pub(super) in_trouble: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Request {
    pub(super) name: u16,
    /// Tells requests of this name apart: the uid.
    pub(super) generation: u8,
    pub(super) phase: Phase,
    pub(super) created: u8,
    pub(super) started: Option<u8>,
    pub(super) ended: Option<u8>,
    /// The record that it was created for.
    pub(super) made_for: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    New,
    Running,
    Done,
    Failed,
    Skipped,
}

/// A write that was decided on what was read, and that the apiserver refuses if that has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pending {
    Nothing,
    Record {
        db: usize,
        record: u16,
    },
    Slots {
        slots: Slots,
    },
    Delete {
        db: usize,
        name: u16,
    },
    /// Of a process that was stopped between its last look and this.
    Create {
        db: usize,
        made_for: u16,
    },
}

/// How often each thing may still go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Troubles {
    /// The operator fails or skips a request.
    pub(super) failures: u8,
    /// A person deletes a request.
    pub(super) deletions: u8,
    /// A database is not Ready for a while.
    pub(super) unready: u8,
    /// Somebody deletes the slots' ConfigMap.
    pub(super) lost_slots: u8,
    /// Somebody deletes a Rotation.
    pub(super) lost_records: u8,
    /// A daemon is stopped between its last look and its create.
    pub(super) stops: u8,
}

impl Phase {
    pub(super) const fn is_live(self) -> bool {
        matches!(self, Self::New | Self::Running)
    }
}

impl Facts {
    pub(super) fn live(&self) -> usize {
        let live = self.requests.iter().filter(|request| request.phase.is_live());
        live.count()
    }

    pub(super) fn request(&self, name: u16) -> Option<&Request> {
        self.requests.iter().find(|request| request.name == name)
    }
}

impl Db {
    /// What the plan rests on.
    pub(super) const fn seen(self) -> (u16, u16) {
        (self.record, self.facts)
    }
}
