//! One database on its way through time.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::core::calendar::Schedule;
use crate::core::digest::Digest;
use crate::core::fleet::{Alias, Certificate, IssuerKey, Key, LeafId};
use crate::core::gates::{Closed, Situation, closed};
use crate::core::hours::HoursOf;
use crate::core::ladder::{Leads, soonest};
use crate::core::policy::Rules;
use crate::core::record::Wishes;
use crate::core::time::{Span, Time};
use crate::core::vocabulary::{Cause, Gate, Stage};

/// One database and what is known of its rotations to come.
pub(super) struct Job {
    pub(super) key: Key,
    pub(super) issuer: Option<IssuerKey>,
    pub(super) duration: Span,
    /// What stands in its way and has no end of its own.
    pub(super) held: Option<Gate>,
    /// Its rotation is under way.
    pub(super) under_way_until: Option<Time>,
    rules: Arc<Rules>,
    wishes: Wishes,
    turn: Digest,
    leaves: Vec<LeafId>,
    /// What is due now, and since when it can be said.
    pending: Option<(Time, Cause)>,
    /// However young its certificates are.
    least: Stage,
    /// A person asked: it does not wait for its turn.
    requested: bool,
    not_before: Time,
    schedule: Option<Schedule>,
    occurrence: Option<Time>,
}

impl Job {
    pub(super) fn of(s: &Situation<'_>, rules: Arc<Rules>) -> Self {
        let subject = &s.subject;
        let database = subject.database;
        let current = subject.record.current.as_ref();
        let begun = current.filter(|current| current.request.uid.is_some());
        let under_way = begun.map(|current| {
            let started = current.request.started.or(current.request.created);
            (started.unwrap_or(subject.now) + s.duration).max(subject.now + Span::seconds(1))
        });
        let held_cause = s.findings.actionable().next().or(s.findings.held.first());
        let cause = held_cause.map(|held| held.opened.cause);
        let cause = cause.or_else(|| Some(current?.causes.first()?.cause));
        let shut = closed(s);
        let due = cause.is_some();
        let leaves = database.certificates.iter();
        let leaves = leaves
            .flat_map(|(alias, it): (&Alias, &Certificate)| database.leaves_in_use(alias, it));
        let rotated = subject.record.last_rotated.map(|at| at + subject.rules.min_interval);
        let ends = shut
            .iter()
            .filter(|_| due)
            .filter_map(|closed| Some(closed.until?).filter(|_| !is_hour(closed)));
        let not_before = ends.chain(rotated.filter(|_| current.is_none())).max();
        Self {
            key: s.key.clone(),
            issuer: database.server_issuer().cloned(),
            duration: s.duration,
            held: shut.iter().find(|closed| holds(closed, due)).map(|closed| closed.gate),
            under_way_until: under_way,
            rules,
            wishes: subject.wishes.clone(),
            turn: s.turn(),
            leaves: leaves.collect(),
            pending: cause.map(|cause| (subject.now, cause)),
            least: if due && s.standing.renew_at.is_none_or(|at| at > subject.now) {
                s.standing.stage
            } else {
                Stage::Normal
            },
            requested: s.requested(),
            not_before: not_before.unwrap_or(Time::MIN),
            schedule: subject.rules.schedule.clone(),
            occurrence: subject.schedule.next,
        }
    }

    /// When it is due, from a moment on, and why.
    pub(super) fn due(&self, from: Time) -> Option<(Time, Cause)> {
        if let Some((since, cause)) = self.pending {
            return Some((since.max(self.not_before), cause));
        }
        let by_age = self.renew_at().map(|at| (at, Cause::RenewalDue));
        let by_schedule = self.occurrence.map(|at| (at, Cause::ScheduleDue));
        let (at, cause) = by_age.into_iter().chain(by_schedule).min()?;
        Some((at.max(self.not_before).max(from), cause))
    }

    /// The same for one that begins at a moment: everything that is due by then counts.
    pub(super) fn due_by(&self, at: Time) -> Option<(Time, Cause)> {
        let (due, cause) = self.due(Time::MIN)?;
        let named = if self.pending.is_some() {
            cause
        } else if self.expires().is_some_and(|end| end <= at) {
            Cause::Expired
        } else if self.renew_at().is_some_and(|renew| renew <= at) {
            Cause::RenewalDue
        } else {
            cause
        };
        Some((due, named))
    }

    /// When it may begin, from a moment on, and how pressing it is then.
    pub(super) fn start(&self, hours: &mut HoursOf, from: Time) -> Option<(Time, Stage)> {
        let mut begins = from;
        let mut stage = self.stage(from);
        loop {
            let turn = (stage == Stage::Normal && !self.requested).then_some(self.turn);
            let hours = hours.at(&self.rules, stage, self.wishes.windows.as_ref());
            let starts = hours.starts(begins, self.duration, turn).map(|starts| starts.first);
            let climbs = self.climbs_after(begins);
            match (starts, climbs) {
                (Some(starts), Some(climbs)) if starts >= climbs => begins = climbs,
                (None, Some(climbs)) => begins = climbs,
                (starts, _) => return starts.map(|starts| (starts, stage)),
            }
            stage = self.stage(begins);
        }
    }

    /// As `plan` shares out what room there is.
    pub(super) fn order(&self, at: Time) -> (Reverse<Stage>, Option<Time>, Digest, Key) {
        (Reverse(self.stage(at)), self.expires(), self.turn, self.key.clone())
    }

    /// Its rotation has begun: new certificates are issued, as long-lived as the old ones.
    pub(super) fn begin(&mut self, at: Time) {
        let anew = |leaf: &LeafId| LeafId {
            not_before: at,
            not_after: at + leaf.lifetime(),
            fingerprint: None,
        };
        self.leaves = self.leaves.iter().map(anew).collect();
        // One that passes while it is rotated is later than the new certificates: it is due again.
        self.occurrence = self.schedule.as_ref().and_then(|schedule| schedule.next_after(at));
    }

    /// Its rotation has ended.
    pub(super) fn end(&mut self, at: Time) {
        if self.under_way_until.take().is_some() {
            self.begin(at - self.duration);
        }
        self.pending = None;
        self.requested = false;
        self.least = Stage::Normal;
        self.not_before = at + self.rules.min_interval;
    }

    /// When the first of its certificates ends.
    pub(super) fn expires(&self) -> Option<Time> {
        self.leaves.iter().map(|leaf| leaf.not_after).min()
    }

    fn leads(&self, leaf: &LeafId) -> Leads {
        Leads::of(&self.rules, &self.wishes, leaf.lifetime())
    }

    fn renew_at(&self) -> Option<Time> {
        self.leaves.iter().map(|leaf| self.leads(leaf).renew_at(leaf)).min()
    }

    fn stage(&self, at: Time) -> Stage {
        let stages = self.leaves.iter().map(|leaf| self.leads(leaf).stage(leaf, at).0);
        stages.max().unwrap_or(Stage::Normal).max(self.least)
    }

    fn climbs_after(&self, at: Time) -> Option<Time> {
        let mut climbs = None;
        for leaf in &self.leaves {
            soonest(&mut climbs, self.leads(leaf).stage(leaf, at).1);
        }
        climbs
    }
}

/// Windows, freezes and turns are worked out anew for each moment.
const fn is_hour(closed: &Closed) -> bool {
    matches!(closed.gate, Gate::WindowClosed | Gate::Freeze | Gate::WindowTooShort | Gate::Spread)
}

/// Whether it is taken to stay closed. Who decides, and whether anything is done at all, is not a
/// matter of the forecast.
fn holds(closed: &Closed, due: bool) -> bool {
    match closed.gate {
        Gate::OtherInstallation
        | Gate::Deleting
        | Gate::DatabaseMalformed
        | Gate::Suspended
        | Gate::Halted
        | Gate::CaChangeReported
        | Gate::AutoOpsDisabled => true,
        Gate::NotLeader
        | Gate::ReportOnly
        | Gate::WindowClosed
        | Gate::Freeze
        | Gate::WindowTooShort
        | Gate::Spread => false,
        Gate::Paused
        | Gate::Unsatisfiable
        | Gate::IssuerChangeReported
        | Gate::ClockOff
        | Gate::RequestActive
        | Gate::BackupRunning
        | Gate::DatabaseNotReady
        | Gate::IssuerNotReady
        | Gate::CertificateIssuing
        | Gate::CertificateFailing
        | Gate::Stuck
        | Gate::BackingOff
        | Gate::BreakerOpen
        | Gate::RotatedRecently
        | Gate::RecommendationActive
        | Gate::BudgetTotal
        | Gate::BudgetNamespace
        | Gate::BudgetIssuer => due && closed.until.is_none(),
    }
}
