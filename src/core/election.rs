//! Who leads: the arithmetic of leases, as client-go does it, without clock or network.
//!
//! A candidate trusts no other host's clock. It takes a lease over when the record that it
//! observes has not changed for the lease's duration on its *own* monotonic clock. A holder stops
//! leading `renew_deadline` after it *began* its last successful write, and that is earlier than
//! anybody who saw the write can think it stale. So two never lead at once, as long as their
//! clocks run at about the same rate. Moments are durations since any origin of one's own.
//!
//! Election only saves work: a paused process may wake up believing that it leads. What keeps
//! rotations correct is the compare-and-swap of records and slots.

use std::time::Duration;

/// How long leases last and when they are renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    lease_duration: Duration,
    renew_deadline: Duration,
    retry_period: Duration,
}

/// Terms under which two could lead at once, or none for long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// A holder would go on leading when others may already take over.
    #[error("renewDeadline must be shorter than leaseDuration")]
    RenewDeadline,
    /// A single failed renewal would end the leadership.
    #[error("retryPeriod must be at most half of renewDeadline, and not zero")]
    RetryPeriod,
    /// Leases are written in whole seconds.
    #[error("leaseDuration must be from 1 s to 10 min")]
    LeaseDuration,
}

impl Terms {
    /// Nobody waits longer than this for a lease, whatever its record says.
    pub const LONGEST: Duration = Duration::from_secs(600);

    /// Terms, if they hold together.
    pub fn new(
        lease_duration: Duration,
        renew_deadline: Duration,
        retry_period: Duration,
    ) -> Result<Self, TermsError> {
        if lease_duration < Duration::from_secs(1) || lease_duration > Self::LONGEST {
            return Err(TermsError::LeaseDuration);
        }
        if renew_deadline >= lease_duration {
            return Err(TermsError::RenewDeadline);
        }
        if retry_period.is_zero() || retry_period > renew_deadline / 2 {
            return Err(TermsError::RetryPeriod);
        }
        Ok(Self { lease_duration, renew_deadline, retry_period })
    }

    /// How long others wait before they take over a lease that is not renewed.
    pub const fn lease_duration(&self) -> Duration {
        self.lease_duration
    }

    /// How long a holder leads without a successful renewal.
    pub const fn renew_deadline(&self) -> Duration {
        self.renew_deadline
    }

    /// How often a holder renews and a candidate looks.
    pub const fn retry_period(&self) -> Duration {
        self.retry_period
    }
}

impl Default for Terms {
    /// 15 s, 10 s and 2 s, as everywhere in Kubernetes.
    fn default() -> Self {
        Self {
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }
}

/// What a Lease says. Its stamps come from other hosts: they are compared, never computed with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Who holds it; nobody when it was released.
    pub holder: Option<String>,
    /// When the holder took it, in microseconds since 1970 by the holder's clock.
    pub acquired: Option<i64>,
    /// When the holder renewed it last, likewise.
    pub renewed: Option<i64>,
    /// How long the holder asks others to wait.
    pub duration: Option<Duration>,
    /// How often it has passed from one holder to another.
    pub transitions: i32,
}

impl Record {
    /// The record by which `me` takes this lease or renews it, with `stamp` as its renewal time.
    #[must_use]
    pub fn held_by(&self, me: &str, terms: &Terms, stamp: i64) -> Self {
        let mine = self.is_held_by(me);
        // Others see that a lease is alive by a change of its record, so two renewals must differ
        // even when this host's clock stands still.
        let stamp = if self.renewed == Some(stamp) { stamp + 1 } else { stamp };
        Self {
            holder: Some(me.to_owned()),
            acquired: if mine { self.acquired.or(Some(stamp)) } else { Some(stamp) },
            renewed: Some(stamp),
            duration: Some(terms.lease_duration),
            transitions: self.transitions.saturating_add(i32::from(!mine)),
        }
    }

    /// The record by which a holder hands the lease back: free for anybody at once.
    #[must_use]
    pub fn released(&self, stamp: i64) -> Self {
        Self {
            holder: None,
            acquired: None,
            renewed: Some(stamp),
            duration: Some(Duration::from_secs(1)),
            transitions: self.transitions,
        }
    }

    /// Whether `me` holds it.
    pub fn is_held_by(&self, me: &str) -> bool {
        self.holder.as_deref() == Some(me)
    }
}

/// What a candidate knows: the record it saw last, since when, and its own last success.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    record: Option<Record>,
    since: Duration,
    renewed: Option<Duration>,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Write a Lease that does not exist yet.
    Create,
    /// Take the lease: it is free, stale, or mine from before.
    Acquire,
    /// Write again what is held.
    Renew,
    /// Stop leading now: the lease is lost, or could not be renewed in time.
    StepDown,
    /// Somebody else holds it; look again later, and take it over at `until` if nothing changes.
    Wait {
        /// When the record that is known now becomes stale.
        until: Duration,
    },
}

impl Observed {
    /// Takes in what a read at `now` showed; none if there is no Lease.
    pub fn see(&mut self, record: Option<Record>, now: Duration) {
        if self.record != record {
            self.record = record;
            self.since = now;
        }
    }

    /// Takes in that a write begun at `began` succeeded.
    pub fn wrote(&mut self, record: Record, began: Duration) {
        self.record = Some(record);
        self.since = began;
        self.renewed = Some(began);
    }

    /// Takes in that this candidate has stopped leading.
    pub fn stepped_down(&mut self) {
        self.renewed = None;
    }

    /// The record seen last.
    pub const fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// Until when this candidate leads if nothing more succeeds; none if it does not lead.
    pub fn leads_until(&self, me: &str, terms: &Terms) -> Option<Duration> {
        let mine = self.record.as_ref().is_some_and(|record| record.is_held_by(me));
        self.renewed.filter(|_| mine).map(|renewed| renewed + terms.renew_deadline)
    }
}

/// What the candidate `me` does at `now`, given what it knows.
pub fn next(observed: &Observed, me: &str, terms: &Terms, now: Duration) -> Move {
    if observed.renewed.is_some() {
        return match observed.leads_until(me, terms) {
            Some(until) if now < until => Move::Renew,
            Some(_) | None => Move::StepDown,
        };
    }
    let Some(record) = &observed.record else {
        return Move::Create;
    };
    if record.holder.as_deref().unwrap_or_default().is_empty() || record.is_held_by(me) {
        return Move::Acquire;
    }
    let patience = record.duration.unwrap_or(terms.lease_duration).min(Terms::LONGEST);
    let until = observed.since + patience;
    if now < until { Move::Wait { until } } else { Move::Acquire }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
