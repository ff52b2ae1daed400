//! What is to happen in one run.

use std::time::Duration;

use certrotor::core::time::{Span, Time};

use super::mutants::Mutant;

/// So long after noon that it is everybody's turn in the window, and early enough for a rotation.
pub(crate) const LATE: Span = Span::minutes(6 * 60 + 30);

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// For people.
    pub(crate) name: String,
    /// The databases, and how many servers each has.
    pub(crate) servers: Vec<usize>,
    /// How long after noon it begins.
    pub(crate) begins: Span,
    /// What the daemon is told, and what it is held to.
    pub(crate) promise: Promise,
    /// How many daemons are alive at once.
    pub(crate) daemons: usize,
    /// How many executors.
    pub(crate) executors: usize,
    /// Every daemon believes that it leads: each has a Lease of its own.
    pub(crate) all_lead: bool,
    /// The processes that die at one of their writes.
    pub(crate) crashes: Vec<Crash>,
    /// Requests that go wrong by chance.
    pub(crate) chance: Option<Chance>,
    /// The first request of each kind that each process sends is never answered.
    pub(crate) silent: bool,
    /// How far the clocks of executors are ahead.
    pub(crate) ahead: Span,
    /// How much later watches tell what happened.
    pub(crate) lag: Duration,
    /// What else happens, and when.
    pub(crate) happenings: Vec<(Duration, Happening)>,
    /// The bug.
    pub(crate) mutant: Option<Mutant>,
    /// The names of its writes are wanted.
    pub(crate) named: bool,
    /// How long everything must have been left alone in the end.
    pub(crate) quiet: Duration,
    /// How long it may take.
    pub(crate) patience: Duration,
}

impl Plan {
    /// The window closes while the first database is being rotated.
    pub(crate) fn evening() -> Self {
        let nap = |at| (Duration::from_secs(at), Happening::Sleep(Span::minutes(5)));
        Self {
            begins: Span::minutes(6 * 60 + 48),
            happenings: vec![nap(8), nap(10), nap(12)],
            ..Self::two("the window closes")
        }
    }

    /// The same with two databases.
    pub(crate) fn two(name: &str) -> Self {
        Self { servers: vec![1, 1], ..Self::calm(name) }
    }

    /// What a person sets to see this plan again.
    pub(crate) fn replay(&self) -> String {
        match self.chance {
            Some(chance) if self.name.starts_with("SEED=") => format!("SEED={}", chance.seed),
            _ => format!("PLAN={:?}", self.name),
        }
    }

    /// Nothing goes wrong.
    pub(crate) fn calm(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            servers: vec![1],
            begins: LATE,
            promise: Promise::ONE_AT_A_TIME,
            daemons: 1,
            executors: 1,
            all_lead: false,
            crashes: Vec::new(),
            chance: None,
            silent: false,
            ahead: Span::ZERO,
            lag: Duration::ZERO,
            happenings: Vec::new(),
            mutant: None,
            named: false,
            quiet: Duration::from_secs(70),
            patience: Duration::from_hours(2),
        }
    }
}

/// What the daemon is told, and what it is held to: written down twice, once for its config file and
/// once for the oracles, which share no code with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Promise {
    /// The config file.
    pub(crate) config: &'static str,
    /// From which to which second of the day (UTC) requests may be created.
    pub(crate) open: (i64, i64),
    /// How many requests of ours may be active at once.
    pub(crate) limit: usize,
    /// How long after a rotation of a database the next may begin.
    pub(crate) apart: Span,
    /// With less life left than this the window does not count.
    pub(crate) emergency: Span,
}

impl Promise {
    /// One rotation at a time, between 11 and 19 o'clock.
    pub(crate) const ONE_AT_A_TIME: Self = Self {
        config: "rotation:\n  limits: {total: 1, perNamespace: 1, perIssuer: 1}\n  \
                 windows: [{open: '0 11 * * *', for: 8h, timezone: UTC}]\n  \
                 minInterval: 6h\n  emergency: {before: 72h}\n",
        open: (11 * 3_600, 19 * 3_600),
        limit: 1,
        apart: Span::hours(6),
        emergency: Span::hours(72),
    };
    /// The same, and a schedule.
    pub(crate) const ON_SCHEDULE: Self = Self {
        config: "rotation:\n  limits: {total: 1, perNamespace: 1, perIssuer: 1}\n  \
                 windows: [{open: '0 11 * * *', for: 8h, timezone: UTC}]\n  \
                 schedule: {cron: '0 12 1 */3 *', timezone: UTC}\n  \
                 minInterval: 6h\n  emergency: {before: 72h}\n",
        ..Self::ONE_AT_A_TIME
    };
    /// Two at a time.
    pub(crate) const TWO_AT_A_TIME: Self = Self {
        config: "rotation:\n  limits: {total: 2, perNamespace: 2, perIssuer: 2}\n  \
                 windows: [{open: '0 11 * * *', for: 8h, timezone: UTC}]\n  \
                 minInterval: 6h\n  emergency: {before: 72h}\n",
        limit: 2,
        ..Self::ONE_AT_A_TIME
    };

    /// Whether requests may be created at this moment.
    pub(crate) fn is_open(&self, at: Time) -> bool {
        let second = at.unix().rem_euclid(DAY);
        self.open.0 <= second && second < self.open.1
    }
}

const DAY: i64 = 86_400;

/// A process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crash {
    /// Which.
    pub(crate) who: Role,
    /// At which of its writes, counted from one over all processes of that role.
    pub(crate) nth: usize,
    /// Whether the apiserver has carried the write out.
    pub(crate) moment: Moment,
    /// The config that the next daemon finds.
    pub(crate) then: Option<&'static str>,
}

/// Who is under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Daemon,
    Executor,
}

/// When it dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The apiserver never sees the write.
    Before,
    /// It is carried out, and nobody hears of it.
    After,
}

/// Requests that go wrong by chance, in the first minutes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance {
    /// Makes the run this one.
    pub(crate) seed: u64,
    /// One of so many requests goes wrong.
    pub(crate) one_in: u64,
    /// For so long.
    pub(crate) lasts: Duration,
}

/// What else may happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    /// All watches end.
    CutWatches,
    /// All watches end, and the history that they would go on from is gone: 410.
    ForgetHistory,
    /// A process is killed, and started again ten seconds later.
    Kill(Role, usize),
    /// The clock of a daemon's host is set.
    SetClock(usize, Span),
    /// Time passes that timers do not see, as on hosts that sleep; little while a request is active.
    Sleep(Span),
    /// Somebody does something.
    Deed(Deed),
}

/// What people do; databases by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// An issuer has lost its authority: it signs nothing.
    BreakIssuer,
    /// It has it back.
    MendIssuer,
    /// A person asks for a rotation.
    Ask(usize),
    /// A person holds rotations of a database, or no longer.
    Suspend(usize, bool),
    /// A person deletes the newest request of ours for a database.
    DeleteRequest(usize),
    /// A person rotates by hand.
    RotateByHand(usize),
    /// A person asks for other certificates.
    ChangeCertificates(usize),
    /// A person has another issuer, with a CA of its own, sign from now on.
    ChangeIssuer(usize),
    /// A person asks for an end of TLS.
    RemoveTls(usize),
    /// And for its return.
    AddTls(usize),
    /// A person asks for nothing at all.
    AskNonsense(usize),
    /// A person writes the Rotation of a database before anybody else does.
    WriteRotation(usize),
    /// A database is deleted, and another made under its name.
    MakeAnew(usize),
    /// Requests of ours of long ago come back, as from a backup.
    Restore(usize),
    /// Somebody deletes the slots.
    LoseSlots,
    /// Somebody deletes the Rotation of a database.
    LoseRotation(usize),
}
