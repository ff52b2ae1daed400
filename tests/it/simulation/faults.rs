//! What becomes of each request, and the journal of all of them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use certrotor::core::digest::Digest;
use certrotor::embedded::api::{Call, Failure, Fault, Verb};
use tokio::time::Instant;

use super::plan::{Chance, Crash, Moment, Plan, Role};

/// Every request in the order in which they were sent.
#[derive(Debug)]
pub(crate) struct Journal {
    began: Instant,
    lines: Mutex<Vec<String>>,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), lines: Mutex::default() }
    }

    pub(crate) fn note(&self, who: &str, call: &Call, fault: &Fault) {
        let at = self.began.elapsed().as_millis();
        let fault = if *fault == Fault::None { String::new() } else { format!("  {fault:?}") };
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(format!("{at:>9} ms {who} {call}{fault}"));
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Decides what becomes of requests.
#[derive(Debug)]
pub(crate) struct Faults {
    crashes: Vec<Crash>,
    chance: Option<Chance>,
    silent: bool,
    /// What has been asked already, if first requests are not answered.
    asked: Mutex<BTreeSet<String>>,
    began: Instant,
    calm: AtomicBool,
    drawn: AtomicU64,
    /// How many writes that move something each role has tried.
    writes: [AtomicUsize; 2],
    /// Which process has just died, and of what.
    dead: Mutex<Option<(Crash, usize)>>,
}

impl Faults {
    pub(crate) fn of(plan: &Plan) -> Self {
        Self {
            crashes: plan.crashes.clone(),
            chance: plan.chance,
            silent: plan.silent,
            asked: Mutex::default(),
            began: Instant::now(),
            calm: AtomicBool::new(false),
            drawn: AtomicU64::new(0),
            writes: Default::default(),
            dead: Mutex::default(),
        }
    }

    /// From now on nothing goes wrong.
    pub(crate) fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    /// Whether requests still go wrong by chance.
    pub(crate) fn is_stormy(&self) -> bool {
        let lasts = self.chance.map_or(Duration::ZERO, |chance| chance.lasts);
        self.began.elapsed() < lasts
    }

    /// How many writes that move something this role has tried.
    pub(crate) fn writes(&self, role: Role) -> usize {
        self.writes[role as usize].load(Ordering::Relaxed)
    }

    /// The process that the plan has let die since the last call.
    pub(crate) fn took_death(&self) -> Option<(Crash, usize)> {
        self.dead.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What becomes of a request of a process under test.
    pub(crate) fn of_request(&self, role: Role, index: usize, call: &Call) -> Fault {
        if self.calm.load(Ordering::Relaxed) {
            return Fault::None;
        }
        if moves(call) {
            let nth = self.writes[role as usize].fetch_add(1, Ordering::Relaxed) + 1;
            let mut crashes = self.crashes.iter();
            if let Some(crash) = crashes.find(|crash| crash.who == role && crash.nth == nth) {
                *self.dead.lock().unwrap_or_else(PoisonError::into_inner) = Some((*crash, index));
                return match crash.moment {
                    Moment::Before => Fault::HangBefore,
                    Moment::After => Fault::HangAfter,
                };
            }
        }
        if self.silent && self.is_first(role, index, call) {
            return Fault::HangBefore;
        }
        match self.chance {
            Some(chance) if self.is_stormy() => self.by_chance(chance, call),
            Some(_) | None => Fault::None,
        }
    }

    fn is_first(&self, role: Role, index: usize, call: &Call) -> bool {
        let what = format!("{role:?} {index} {} {}/{}", call.verb, call.resource, call.subresource);
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(what)
    }

    fn by_chance(&self, chance: Chance, call: &Call) -> Fault {
        if self.below(chance, chance.one_in) > 0 {
            return Fault::None;
        }
        let refuse = |code, reason| Fault::Refuse(Failure::new(code, reason, "by chance"));
        let reads = matches!(call.verb, Verb::Get | Verb::List | Verb::Watch);
        match self.below(chance, 11) {
            0 => Fault::LoseRequest,
            1 => Fault::LoseReply,
            // Shorter than the deadline of a call: what comes later than that is the one thing that
            // cannot be prevented.
            2 => Fault::Delay(Duration::from_millis(self.below(chance, 8_000))),
            3 => Fault::HangBefore,
            4 => Fault::HangAfter,
            5 if call.verb != Verb::Watch => Fault::Twice,
            6 => refuse(500, "InternalError"),
            7 => refuse(503, "ServiceUnavailable"),
            8 => refuse(504, "Timeout"),
            9 if reads => refuse(410, "Expired"),
            9 if call.verb != Verb::Create => refuse(409, "Conflict"),
            _ => Fault::Refuse(Failure::new(429, "TooManyRequests", "by chance").retry_after(1)),
        }
    }

    fn below(&self, chance: Chance, bound: u64) -> u64 {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        let number = Digest(chance.seed).and(drawn.cast_signed()).below(bound.cast_signed());
        number.cast_unsigned()
    }
}

/// Whether a request changes something that matters: Leases and Events are written at the clock's
/// pace, and are no part of a rotation.
pub(crate) fn moves(call: &Call) -> bool {
    call.verb.writes() && call.resource != "leases" && call.resource != "events"
}
