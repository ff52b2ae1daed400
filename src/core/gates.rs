//! Why a rotation that is due does not begin now: a list of gates, the most lasting first.

use super::causes::{Findings, Subject, ca_change_would_split};
use super::digest::Digest;
use super::experience::{Breaker, Breakers};
use super::fleet::{DatabasePhase, IssuerKey, Key, RecommendationProgress};
use super::hours::{Admission, Hours};
use super::ladder::Standing;
use super::policy::{BreakerRule, Mode};
use super::time::{Span, Time};
use super::vocabulary::{Cause, Gate, Outcome, Stage};

/// A difference between the clocks above which only emergencies begin.
pub const CLOCK_TOLERANCE: Span = Span::minutes(5);

/// Every gate in its order, but for the budget, which is a matter of the whole fleet.
const GATES: [fn(&Situation<'_>) -> Option<Closed>; 22] = [
    deleting,
    malformed,
    suspended,
    halted,
    other_installation,
    report_only,
    not_leader,
    nothing_to_act_on,
    ca_change_would_split_the_group,
    auto_ops_disabled,
    paused,
    clock_off,
    request_active,
    recommendation_active,
    backup_running,
    database_not_ready,
    issuer_not_ready,
    certificate_issuing,
    certificate_failing,
    attempts_exhausted,
    backing_off,
    rotated_recently,
];

/// The words of all gates in the order in which they are looked at. Where one check says one of
/// several words, they stand side by side; the budget's come last.
pub const ORDER: [Gate; 31] = [
    Gate::Deleting,
    Gate::DatabaseMalformed,
    Gate::Suspended,
    Gate::Halted,
    Gate::OtherInstallation,
    Gate::ReportOnly,
    Gate::NotLeader,
    Gate::Unsatisfiable,
    Gate::IssuerChangeReported,
    Gate::CaChangeReported,
    Gate::AutoOpsDisabled,
    Gate::Paused,
    Gate::ClockOff,
    Gate::RequestActive,
    Gate::RecommendationActive,
    Gate::BackupRunning,
    Gate::DatabaseNotReady,
    Gate::IssuerNotReady,
    Gate::CertificateIssuing,
    Gate::CertificateFailing,
    Gate::Stuck,
    Gate::BackingOff,
    Gate::RotatedRecently,
    Gate::BreakerOpen,
    Gate::WindowClosed,
    Gate::Freeze,
    Gate::WindowTooShort,
    Gate::Spread,
    Gate::BudgetTotal,
    Gate::BudgetNamespace,
    Gate::BudgetIssuer,
];

/// What the gates look at.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// What the checks looked at.
    pub subject: Subject<'a>,
    /// Which database.
    pub key: &'a Key,
    /// Why it is due.
    pub findings: &'a Findings,
    /// How pressing it is.
    pub standing: Standing,
    /// Whether to act at all.
    pub mode: Mode,
    /// The calendar that holds at this stage.
    pub hours: &'a Hours,
    /// Which issuers and operators fail.
    pub breakers: &'a Breakers,
    /// When they are considered to.
    pub breaker: &'a BreakerRule,
    /// How long a rotation of this database takes.
    pub duration: Span,
}

/// A gate that is closed.
#[derive(Clone, Debug, PartialEq)]
pub struct Closed {
    /// Which.
    pub gate: Gate,
    /// When it may open by itself; none: when something changes.
    pub until: Option<Time>,
    /// What it is about: a request, an issuer, a reason.
    pub detail: Option<String>,
}

impl Closed {
    const fn new(gate: Gate) -> Self {
        Self { gate, until: None, detail: None }
    }

    const fn until(gate: Gate, until: Time) -> Self {
        Self { gate, until: Some(until), detail: None }
    }

    fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// Every gate that is closed, in order.
pub fn closed(situation: &Situation<'_>) -> Vec<Closed> {
    let mut closed: Vec<Closed> = GATES.iter().filter_map(|gate| gate(situation)).collect();
    closed.extend(breakers_open(situation));
    closed.extend(hour(situation));
    closed
}

impl Situation<'_> {
    fn stage(&self) -> Stage {
        self.standing.stage
    }

    /// The stable digest of the database's uid: its turn in a window.
    pub fn turn(&self) -> Digest {
        Digest::quick(&self.subject.database.uid)
    }

    /// An expired or distrusted certificate makes the operator's own health check fail.
    pub fn not_ready_explained_by_tls(&self) -> bool {
        let explains = |cause| match cause {
            Cause::Expired | Cause::Missing | Cause::Malformed | Cause::IssuerChanged => true,
            Cause::ServedStale
            | Cause::NamesChanged
            | Cause::RenewalDue
            | Cause::ScheduleDue
            | Cause::Requested => false,
        };
        self.stage() >= Stage::Emergency
            && self.findings.held.iter().any(|held| explains(held.opened.cause))
    }

    /// Whether a person asked for this rotation: it does not wait for its turn in the window.
    pub fn requested(&self) -> bool {
        self.findings.held.iter().any(|held| held.opened.cause == Cause::Requested)
    }
}

fn deleting(s: &Situation<'_>) -> Option<Closed> {
    s.subject.database.deleting.then(|| Closed::new(Gate::Deleting))
}

fn malformed(s: &Situation<'_>) -> Option<Closed> {
    let reason = s.subject.database.malformed.as_ref()?;
    Some(Closed::new(Gate::DatabaseMalformed).because(&**reason))
}

fn suspended(s: &Situation<'_>) -> Option<Closed> {
    s.subject.wishes.suspend.then(|| Closed::new(Gate::Suspended))
}

fn halted(s: &Situation<'_>) -> Option<Closed> {
    let database = s.subject.database;
    let halted = database.halted || database.phase == DatabasePhase::Halted;
    halted.then(|| Closed::new(Gate::Halted))
}

fn other_installation(s: &Situation<'_>) -> Option<Closed> {
    let owner = s.subject.fleet.owned_by_another(s.subject.record)?;
    Some(Closed::new(Gate::OtherInstallation).because(&**owner))
}

fn report_only(s: &Situation<'_>) -> Option<Closed> {
    (s.mode == Mode::Report).then(|| Closed::new(Gate::ReportOnly))
}

fn not_leader(s: &Situation<'_>) -> Option<Closed> {
    (!s.subject.fleet.leader).then(|| Closed::new(Gate::NotLeader))
}

/// Every cause that holds is barred, each by a gate of its own.
fn nothing_to_act_on(s: &Situation<'_>) -> Option<Closed> {
    if s.findings.actionable().next().is_some() {
        return None;
    }
    let first = s.findings.held.first()?;
    Some(Closed::new(first.barred?).because(first.opened.cause.as_str()))
}

/// Whatever the cause, a rotation would bring the new CA. Expiry would be worse.
fn ca_change_would_split_the_group(s: &Situation<'_>) -> Option<Closed> {
    let holds = s.stage() < Stage::Emergency && ca_change_would_split(&s.subject);
    let already_said = s.findings.actionable().next().is_none();
    (holds && !already_said).then(|| Closed::new(Gate::CaChangeReported))
}

fn auto_ops_disabled(s: &Situation<'_>) -> Option<Closed> {
    let honoured = s.subject.rules.honour_auto_ops_disabled && s.subject.database.auto_ops_disabled;
    honoured.then(|| Closed::new(Gate::AutoOpsDisabled))
}

fn paused(s: &Situation<'_>) -> Option<Closed> {
    s.subject.database.paused.then(|| Closed::new(Gate::Paused))
}

fn clock_off(s: &Situation<'_>) -> Option<Closed> {
    let offset = s.subject.fleet.clock_offset;
    let off = offset.abs() > CLOCK_TOLERANCE && s.stage() < Stage::Emergency;
    off.then(|| Closed::new(Gate::ClockOff).because(format!("by {offset}")))
}

/// `KubeDB` runs one request per database and silently skips the older of two of a type.
fn request_active(s: &Situation<'_>) -> Option<Closed> {
    let current = s.subject.record.current.as_ref();
    let mut requests = s.subject.database.requests.iter();
    requests
        .find(|(name, request)| {
            let ours = current.is_some_and(|current| current.request.is(name, &request.uid));
            !ours && !request.phase.is_terminal()
        })
        .map(|(name, _)| Closed::new(Gate::RequestActive).because(&**name))
}

fn recommendation_active(s: &Situation<'_>) -> Option<Closed> {
    let recommendation = s.subject.database.recommendation.as_ref()?;
    if s.stage() >= Stage::Urgent {
        return None;
    }
    let closed = Closed::new(Gate::RecommendationActive).because(&*recommendation.name);
    match recommendation.progress {
        RecommendationProgress::InProgress => Some(closed),
        RecommendationProgress::Approved { until } => {
            let passed = until.is_some_and(|until| until <= s.subject.now);
            (!passed).then_some(Closed { until, ..closed })
        }
    }
}

fn backup_running(s: &Situation<'_>) -> Option<Closed> {
    s.subject.database.backup_running.then(|| Closed::new(Gate::BackupRunning))
}

fn database_not_ready(s: &Situation<'_>) -> Option<Closed> {
    let phase = s.subject.database.phase;
    let opens = match phase {
        DatabasePhase::Ready => true,
        DatabasePhase::Critical | DatabasePhase::NotReady => s.not_ready_explained_by_tls(),
        // No certificate is to blame for these.
        DatabasePhase::Unknown
        | DatabasePhase::Provisioning
        | DatabasePhase::DataRestoring
        | DatabasePhase::Halted => false,
    };
    (!opens).then(|| Closed::new(Gate::DatabaseNotReady).because(format!("{phase:?}")))
}

fn issuer_not_ready(s: &Situation<'_>) -> Option<Closed> {
    let not_ready = |issuer: &&IssuerKey| match s.subject.fleet.issuers.get(issuer) {
        Some(facts) => facts.ready == Some(false),
        None => matches!(&*issuer.kind, "Issuer" | "ClusterIssuer"),
    };
    let issuer = s.subject.database.issuers().into_iter().find(not_ready)?;
    Some(Closed::new(Gate::IssuerNotReady).because(issuer.to_string()))
}

fn certificate_issuing(s: &Situation<'_>) -> Option<Closed> {
    let mut certificates = s.subject.database.certificates.values();
    let issuing = certificates.find(|certificate| certificate.issuing_since.is_some())?;
    Some(Closed::new(Gate::CertificateIssuing).because(&*issuing.name))
}

fn certificate_failing(s: &Situation<'_>) -> Option<Closed> {
    let mut certificates = s.subject.database.certificates.values();
    let failing = certificates.find(|certificate| certificate.failed_at.is_some())?;
    Some(Closed::new(Gate::CertificateFailing).because(&*failing.name))
}

/// Exhausted attempts leave one more for each rung of the ladder that is reached later.
fn attempts_exhausted(s: &Situation<'_>) -> Option<Closed> {
    let current = s.subject.record.current.as_ref()?;
    let exhausted = current.failures >= s.subject.rules.retry.attempts;
    let climbed = current.failed_stage.is_none_or(|failed| s.stage() > failed);
    (exhausted && !climbed)
        .then(|| Closed::new(Gate::Stuck).because(format!("after {} failures", current.failures)))
}

/// A cause that comes and goes must not open and close rotations as fast as the loop turns; what a
/// person asks for does not come and go.
fn backing_off(s: &Situation<'_>) -> Option<Closed> {
    let record = s.subject.record;
    let next_try = match (&record.current, &record.last) {
        (Some(current), _) => current.next_try?,
        (None, Some(last)) if last.outcome == Outcome::Moot && !s.requested() => {
            last.closed + s.subject.rules.retry.backoff_from
        }
        (None, _) => return None,
    };
    (s.subject.now < next_try).then(|| Closed::until(Gate::BackingOff, next_try))
}

/// Never yields: a tenant's one-hour certificates must not starve the fleet.
fn rotated_recently(s: &Situation<'_>) -> Option<Closed> {
    if s.subject.record.current.is_some() {
        return None;
    }
    let until = s.subject.record.last_rotated? + s.subject.rules.min_interval;
    (s.subject.now < until).then(|| Closed::until(Gate::RotatedRecently, until))
}

fn breakers_open(s: &Situation<'_>) -> Option<Closed> {
    if let Breaker::Open { until } = s.breakers.operator(s.breaker, s.subject.now) {
        return Some(Closed::until(Gate::BreakerOpen, until).because("operator"));
    }
    s.subject.database.issuers().into_iter().find_map(|issuer| {
        match s.breakers.issuer(issuer, s.breaker, s.subject.now) {
            Breaker::Open { until } => {
                Some(Closed::until(Gate::BreakerOpen, until).because(issuer.to_string()))
            }
            Breaker::Closed | Breaker::Probing => None,
        }
    })
}

/// Windows, freezes, and this database's turn.
fn hour(s: &Situation<'_>) -> Option<Closed> {
    let waits_for_turn = s.stage() == Stage::Normal && !s.requested();
    match s.hours.admit(s.duration, waits_for_turn.then(|| s.turn())) {
        Admission::Now => None,
        Admission::Later { gate, at, detail } => {
            Some(Closed { gate, until: at, detail: detail.map(|detail| detail.to_string()) })
        }
    }
}

#[cfg(test)]
mod tests;
