//! The rotation table: (what the record says, what the cluster shows) → at most one write.
//!
//! | record | cluster | write |
//! |---|---|---|
//! | nothing open | a cause, every gate open, room | `openRotation`: names the request |
//! | nothing open | an unstarted request of ours that no record names | `withdrawRequest` |
//! | blank, or nothing open | a request of ours that says what the record should | `adoptRequest` |
//! | open, no request yet | the certificates are replaced and served, or no cause is left | `closeRotation` |
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
//! | request recorded | Successful | look; then `closeRotation` or `endAttempt` |
//!
//! Everything else: wait. A crash before or after any of these writes repeats or continues the
//! same row, because rows are chosen by what the cluster holds and by nothing else.

use super::causes::{Findings, issued_leaves};
use super::fleet::{Database, Key, Request, RequestContent, RequestPhase, Text};
use super::gates::{Closed, Situation};
use super::ladder::soonest;
use super::looking::{Looked, look, replaced};
use super::policy::Mode;
use super::record::{
    Apply, Attempt, Current, Last, OpenedCause, Record, RequestRef, Withdrawal, WithdrawalReason,
};
use super::time::{Span, Time};
use super::vocabulary::{Outcome, WritePoint};

/// How many finished requests of ours are kept for each database.
pub const FINISHED_KEPT: usize = 5;

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

impl Next {
    const fn wait(slot: SlotWish) -> Self {
        Self {
            write: None,
            slot,
            opens: false,
            changes: None,
        }
    }

    fn until(mut self, at: Option<Time>) -> Self {
        soonest(&mut self.changes, at);
        self
    }

    fn write(write: Write, slot: SlotWish) -> Self {
        Self {
            write: Some(write),
            slot,
            opens: false,
            changes: None,
        }
    }

    fn record(point: WritePoint, record: Record, slot: SlotWish) -> Self {
        Self::write(
            Write::Record {
                point,
                record: Box::new(record),
            },
            slot,
        )
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
        if self.situation.not_ready_explained_by_tls() {
            Apply::Always
        } else {
            Apply::IfReady
        }
    }

    fn nothing_open(&self) -> Next {
        if let Some(next) = self.stray() {
            return next;
        }
        let due = self.situation.findings.actionable().next().is_some();
        if !(due && self.gates_open() && self.database().selected) {
            return Next::wait(SlotWish::None);
        }
        let record = self.opened();
        Next {
            opens: true,
            ..Next::record(WritePoint::OpenRotation, record, SlotWish::None)
        }
    }

    /// A request of ours that the record does not name: the record was lost, or a process that was
    /// stopped between its last look and its create went on too late.
    fn stray(&self) -> Option<Next> {
        let record = self.record();
        let blank = record.last.is_none() && record.attempts.is_empty();
        let strays = self.database().requests.iter().filter(|(name, request)| {
            request.carried.as_ref().is_some_and(|carried| {
                Some(&carried.installation) == self.situation.subject.fleet.installation.as_ref()
                    && carried.database_uid == self.database().uid
            }) && !record.names_request(name)
                && (blank || !request.phase.is_terminal())
        });
        let newest = strays.max_by_key(|(_, request)| {
            request
                .carried
                .as_ref()
                .map(|carried| (carried.opened, carried.attempt))
        });
        let (name, request) = newest?;
        if blank || !request.phase.is_unstarted() {
            return self.adopted(name, request);
        }
        self.acts().then(|| {
            let slot = SlotWish::None;
            if request.deleting {
                Next::wait(slot)
            } else {
                Next::write(take_back(name, request), slot)
            }
        })
    }

    fn adopted(&self, name: &Text, request: &Request) -> Option<Next> {
        let carried = request.carried.as_ref()?;
        let current = Current {
            opened: carried.opened,
            causes: carried.causes.clone(),
            baseline: carried.baseline.clone(),
            attempt: carried.attempt,
            failures: 0,
            setbacks: 0,
            failed_stage: None,
            next_try: None,
            request: RequestRef {
                name: Text::clone(name),
                uid: Some(Text::clone(&request.uid)),
                created: Some(request.created),
                started: request.started,
                stage: self.situation.standing.stage,
                apply: self.apply(),
            },
            requested_at: self.situation.subject.wishes.requested_at.clone(),
            occurrence: self.situation.subject.schedule.latest,
            withdrawal: None,
        };
        let record = Record {
            current: Some(current),
            ..self.record().clone()
        };
        Some(Next::record(
            WritePoint::AdoptRequest,
            record,
            SlotWish::Hold,
        ))
    }

    fn opened(&self) -> Record {
        let subject = &self.situation.subject;
        let now = self.now();
        let current = Current {
            opened: now,
            causes: actionable(self.situation.findings),
            baseline: issued_leaves(self.database()),
            attempt: 1,
            failures: 0,
            setbacks: 0,
            failed_stage: None,
            next_try: None,
            request: self.request_ref(now, 1),
            requested_at: subject.wishes.requested_at.clone(),
            occurrence: subject.schedule.latest,
            withdrawal: None,
        };
        Record {
            current: Some(current),
            ..self.record().clone()
        }
    }

    fn request_ref(&self, opened: Time, attempt: u32) -> RequestRef {
        RequestRef {
            name: request_name(self.situation.key, &self.database().uid, opened, attempt),
            uid: None,
            created: None,
            started: None,
            stage: self.situation.standing.stage,
            apply: self.apply(),
        }
    }

    fn no_request_yet(&self, current: &Current) -> Next {
        let found = self.database().requests.get(&current.request.name);
        if let Some(request) = found {
            return self.found_by_name(current, request);
        }
        if let Some(outcome) = self.settled(current) {
            return self.end(current, outcome, None);
        }
        let slot = if self.slot_held {
            SlotWish::Keep
        } else {
            SlotWish::None
        };
        if let Some(record) = self.asked_again(current) {
            return Next::record(WritePoint::MergeCauses, record, slot);
        }
        // A slot without a request is rolled forward while its gates are open, else freed.
        if !self.gates_open() || !self.acts() {
            return Next::wait(SlotWish::None);
        }
        if let Some(record) = self.merged(current) {
            return Next::record(WritePoint::MergeCauses, record, slot);
        }
        if self.slot_held {
            Next::write(Write::CreateRequest, SlotWish::Keep)
        } else {
            Next::wait(SlotWish::Take)
        }
    }

    fn found_by_name(&self, current: &Current, request: &Request) -> Next {
        if !self.is_ours(current, request) {
            return self.end(current, Outcome::ForeignRequest, Some(request));
        }
        let mut record = self.record().clone();
        if let Some(current) = &mut record.current {
            current.request.uid = Some(Text::clone(&request.uid));
            current.request.created = Some(request.created);
        }
        Next::record(WritePoint::NoteCreated, record, SlotWish::Hold)
    }

    /// Key, database and content must agree; timeout, apply and defaults may differ.
    fn is_ours(&self, current: &Current, request: &Request) -> bool {
        let fleet = self.situation.subject.fleet;
        request.content == RequestContent::Rotate
            && request.carried.as_ref().is_some_and(|carried| {
                Some(&carried.installation) == fleet.installation.as_ref()
                    && carried.database_uid == self.database().uid
                    && carried.opened == current.opened
                    && carried.attempt == current.attempt
            })
    }

    /// Before every attempt look again: somebody else may have rotated, or removed TLS.
    fn settled(&self, current: &Current) -> Option<Outcome> {
        let database = self.database();
        if database.tls && replaced(database, current) && database.servers().all_current() {
            Some(Outcome::Verified)
        } else if self.situation.findings.held.is_empty() {
            Some(Outcome::Moot)
        } else {
            None
        }
    }

    /// A person who asks again zeroes the failures.
    fn asked_again(&self, current: &Current) -> Option<Record> {
        let wish = self.situation.subject.wishes.requested_at.as_ref()?;
        let handled = self.record().handled_request.as_ref() == Some(wish);
        if handled || current.requested_at.as_ref() == Some(wish) {
            return None;
        }
        let mut record = self.record().clone();
        let current = record.current.as_mut()?;
        current.requested_at = Some(Text::clone(wish));
        current.failures = 0;
        current.setbacks = 0;
        current.failed_stage = None;
        current.next_try = None;
        current.causes = merge(&current.causes, self.situation.findings);
        Some(record)
    }

    /// What the request will be made for: the causes and the stage as they are now.
    fn merged(&self, current: &Current) -> Option<Record> {
        let causes = merge(&current.causes, self.situation.findings);
        let (stage, apply) = (self.situation.standing.stage, self.apply());
        let occurrence = self.situation.subject.schedule.latest;
        let request = &current.request;
        let same = causes == current.causes
            && (stage, apply, occurrence) == (request.stage, request.apply, current.occurrence);
        if same {
            return None;
        }
        let mut record = self.record().clone();
        let current = record.current.as_mut()?;
        current.causes = causes;
        current.occurrence = occurrence;
        current.request.stage = stage;
        current.request.apply = apply;
        Some(record)
    }

    fn taking_back(&self, current: &Current, withdrawal: Withdrawal) -> Next {
        let found = self.database().requests.get(&current.request.name);
        let found = found.filter(|request| Some(&request.uid) == current.request.uid.as_ref());
        match found {
            None => self.end(current, withdrawal.outcome, None),
            Some(request) if !request.phase.is_unstarted() => {
                let mut record = self.record().clone();
                if let Some(current) = &mut record.current {
                    current.withdrawal = None;
                }
                Next::record(WritePoint::ForgetWithdrawal, record, SlotWish::Hold)
            }
            Some(request) if request.deleting || !self.acts() => Next::wait(SlotWish::Hold),
            Some(request) => Next::write(take_back(&current.request.name, request), SlotWish::Hold),
        }
    }

    fn following(&self, current: &Current, uid: &Text) -> Next {
        let found = self.database().requests.get(&current.request.name);
        let Some(request) = found.filter(|request| request.uid == *uid) else {
            return self.end(current, Outcome::Vanished, None);
        };
        match request.phase {
            RequestPhase::New
            | RequestPhase::Pending
            | RequestPhase::WaitingForApproval
            | RequestPhase::Approved => self.unstarted(current, request),
            RequestPhase::Progressing | RequestPhase::Unknown => self.running(current, request),
            RequestPhase::Successful => match look(self.database(), current, request, self.now()) {
                Looked::Ended(outcome) => self.end(current, outcome, Some(request)),
                Looked::Waiting { until } => Next::wait(SlotWish::Hold).until(Some(until)),
            },
            RequestPhase::Failed => self.end(current, Outcome::Failed, Some(request)),
            RequestPhase::Denied => self.end(current, Outcome::Denied, Some(request)),
            RequestPhase::Skipped => self.end(current, Outcome::Skipped, Some(request)),
        }
    }

    fn unstarted(&self, current: &Current, request: &Request) -> Next {
        let pick_up_by = request.created + self.situation.subject.rules.pick_up_within;
        let hours = self.situation.hours;
        let window_ends = hours
            .left()
            .is_some_and(|left| left < self.situation.duration);
        let wait = Next::wait(SlotWish::Hold);
        if request.deleting || !self.acts() {
            return wait;
        }
        let (outcome, reason) = if self.situation.subject.wishes.suspend {
            (Outcome::Withdrawn, WithdrawalReason::Suspended)
        } else if !self.database().tls {
            (Outcome::Moot, WithdrawalReason::NoCauseLeft)
        } else if self.apply() != current.request.apply {
            (Outcome::Withdrawn, WithdrawalReason::StageChanged)
        } else if window_ends {
            (Outcome::Withdrawn, WithdrawalReason::WindowEnding)
        } else if pick_up_by <= self.now() {
            (Outcome::NotPickedUp, WithdrawalReason::NotPickedUp)
        } else {
            let too_short = hours
                .left()
                .map(|left| self.now() + left - self.situation.duration);
            let past_it = too_short.map(|at| at + Span::seconds(1));
            return wait.until(Some(pick_up_by)).until(past_it);
        };
        let mut record = self.record().clone();
        if let Some(current) = &mut record.current {
            current.withdrawal = Some(Withdrawal { outcome, reason });
        }
        Next::record(WritePoint::IntendWithdrawal, record, SlotWish::Hold)
    }

    fn running(&self, current: &Current, request: &Request) -> Next {
        let Some(started) = current.request.started else {
            let mut record = self.record().clone();
            if let Some(current) = &mut record.current {
                current.request.started = Some(request.started.unwrap_or(self.now()));
            }
            return Next::record(WritePoint::NoteStarted, record, SlotWish::Hold);
        };
        let deadline = started + self.situation.longest_run();
        if deadline <= self.now() {
            return self.end(current, Outcome::TimedOut, Some(request));
        }
        Next::wait(SlotWish::Hold).until(Some(deadline))
    }

    /// Ends the attempt: closes the rotation, or names the next attempt.
    fn end(&self, current: &Current, outcome: Outcome, request: Option<&Request>) -> Next {
        let ending = Ending::of(self, current, outcome, request);
        let (point, record) = if outcome.closes() {
            (WritePoint::CloseRotation, self.closed(current, &ending))
        } else {
            (WritePoint::EndAttempt, self.bumped(current, &ending))
        };
        // A request that still runs keeps its slot's place by being counted as active.
        Next::record(point, record, SlotWish::Hold)
    }

    /// The attempt as the record remembers it; nothing when no request was ever made.
    fn remember(&self, current: &Current, ending: &Ending) -> Record {
        let mut record = self.record().clone();
        if current.request.uid.is_some() || ending.outcome == Outcome::Rejected {
            record.push_attempt(Attempt {
                request: Text::clone(&current.request.name),
                outcome: ending.outcome,
                ended: self.now(),
                duration: ending.duration,
                issuer: self.database().server_issuer().cloned(),
            });
        }
        if ending.started.is_some() {
            record.last_rotated = Some(ending.ended);
        }
        record
    }

    fn closed(&self, current: &Current, ending: &Ending) -> Record {
        let mut record = self.remember(current, ending);
        record.current = None;
        record.handled_request.clone_from(&current.requested_at);
        if let (Some(schedule), Some(occurrence)) = (&mut record.schedule, current.occurrence) {
            schedule.satisfied = schedule.satisfied.max(Some(occurrence));
        }
        let oldest = current.baseline.values().map(|leaf| leaf.not_after).min();
        record.last = Some(Last {
            opened: current.opened,
            closed: self.now(),
            causes: current.causes.clone(),
            attempt: current.attempt,
            failures: current.failures,
            outcome: ending.outcome,
            request: Text::clone(&current.request.name),
            produced: issued_leaves(self.database()),
            life_left: oldest.map(|end| end.since(ending.started.unwrap_or(current.opened))),
        });
        record
    }

    fn bumped(&self, current: &Current, ending: &Ending) -> Record {
        let mut record = self.remember(current, ending);
        let attempt = current.attempt.saturating_add(1);
        let counts = ending.outcome.counts_as_failure(ending.started.is_some());
        let failures = current.failures + u32::from(counts);
        let setbacks = current.setbacks + u32::from(!counts);
        record.current = Some(Current {
            attempt,
            failures,
            setbacks,
            failed_stage: if counts {
                Some(current.request.stage)
            } else {
                current.failed_stage
            },
            next_try: self.next_try(current, ending, failures.max(setbacks)),
            request: self.request_ref(current.opened, attempt),
            withdrawal: None,
            ..current.clone()
        });
        record
    }

    /// The pause doubles with each attempt. One that was taken back for the hour's, the stage's
    /// or a person's sake was nobody's fault, and waits for its gates only.
    fn next_try(&self, current: &Current, ending: &Ending, tries: u32) -> Option<Time> {
        let blameless = |reason| match reason {
            WithdrawalReason::WindowEnding
            | WithdrawalReason::StageChanged
            | WithdrawalReason::Suspended
            | WithdrawalReason::NoCauseLeft => true,
            WithdrawalReason::NotPickedUp => false,
        };
        let withdrawn = current
            .withdrawal
            .filter(|_| ending.outcome == Outcome::Withdrawn);
        if withdrawn.is_some_and(|withdrawal| blameless(withdrawal.reason)) {
            return None;
        }
        let retry = &self.situation.subject.rules.retry;
        let doublings = tries.saturating_sub(1).min(30);
        let pause = retry
            .backoff_from
            .scaled(1 << doublings, 1)
            .min(retry.backoff_to);
        Some(self.now() + pause)
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug)]
struct Ending {
    outcome: Outcome,
    started: Option<Time>,
    ended: Time,
    duration: Option<Span>,
}

impl Ending {
    fn of(look: &Look<'_>, current: &Current, outcome: Outcome, request: Option<&Request>) -> Self {
        let progressed = request.and_then(|request| request.started);
        let ran = request.is_some_and(|request| request.phase == RequestPhase::Successful);
        let started = current
            .request
            .started
            .or(progressed)
            .or_else(|| request.filter(|_| ran).map(|request| request.created));
        let ended = request.and_then(|request| request.ended);
        let duration = match (started, ended) {
            (Some(started), Some(ended)) if ended >= started => Some(ended.since(started)),
            _ => None,
        };
        Self {
            outcome,
            started,
            ended: ended.unwrap_or(look.now()),
            duration,
        }
    }
}

impl Situation<'_> {
    /// `KubeDB` applies `spec.timeout` to each step: five of its own and one for each replica.
    fn longest_run(&self) -> Span {
        let steps = 5 + i64::from(self.subject.database.replicas);
        self.subject.rules.timeout.scaled(steps, 1)
    }
}

/// What the record becomes when the apiserver refuses the request that it names.
pub fn rejected(look: &Look<'_>) -> Option<Next> {
    let current = look.record().current.as_ref()?;
    let unmade = current.request.uid.is_none() && current.withdrawal.is_none();
    unmade.then(|| look.end(current, Outcome::Rejected, None))
}

/// The oldest finished request of ours beyond those that are kept.
pub fn prunable(database: &Database, installation: Option<&Text>) -> Option<Write> {
    let record = &database.rotation.as_ref()?.record;
    let open = record.current.as_ref().map(|current| &current.request.name);
    let ours = database.requests.iter().filter(|(name, request)| {
        let carried = request.carried.as_ref();
        request.phase.is_terminal()
            && !request.deleting
            && Some(*name) != open
            && carried.is_some_and(|carried| Some(&carried.installation) == installation)
    });
    let mut ours: Vec<_> = ours.collect();
    if ours.len() <= FINISHED_KEPT {
        return None;
    }
    ours.sort_by_key(|(name, request)| (request.created, (*name).clone()));
    let (name, request) = ours.first()?;
    Some(delete(WritePoint::PruneRequest, name, request))
}

fn take_back(name: &Text, request: &Request) -> Write {
    delete(WritePoint::WithdrawRequest, name, request)
}

fn delete(point: WritePoint, name: &Text, request: &Request) -> Write {
    Write::DeleteRequest {
        point,
        name: Text::clone(name),
        uid: Text::clone(&request.uid),
        resource_version: Text::clone(&request.resource_version),
    }
}

fn actionable(findings: &Findings) -> Vec<OpenedCause> {
    findings
        .actionable()
        .map(|held| held.opened.clone())
        .collect()
}

/// Causes merge: what is known already, and what holds now.
fn merge(known: &[OpenedCause], findings: &Findings) -> Vec<OpenedCause> {
    let mut merged = known.to_vec();
    for opened in actionable(findings) {
        let same =
            |other: &OpenedCause| (other.cause, &other.alias) == (opened.cause, &opened.alias);
        match merged.iter_mut().find(|other| same(other)) {
            Some(other) => *other = opened,
            None => merged.push(opened),
        }
    }
    merged.sort();
    merged
}

/// `<db>-rotate-<8 hex digits>`: written into the record, never recomputed.
pub fn request_name(key: &Key, uid: &str, opened: Time, attempt: u32) -> Text {
    /// What Kubernetes allows for a label value, so that the name can be one.
    const LONGEST: usize = 63;
    let opened = opened.unix().to_string();
    let digest = super::digest::Digest::of([uid, &*opened, &*attempt.to_string()]).to_string();
    let suffix = format!("-rotate-{}", &digest[..8]);
    let kept = key.name.len().min(LONGEST - suffix.len());
    let stem = key
        .name
        .get(..kept)
        .unwrap_or_default()
        .trim_end_matches(['-', '.']);
    format!("{stem}{suffix}").into()
}
