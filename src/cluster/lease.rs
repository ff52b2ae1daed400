//! Leading by a Lease: drives [`election`] against the apiserver.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::client::Calls;
use super::failure::ApiFailure;
use crate::clock::Clock;
use crate::core::election::{self, Move, Observed, Record, Terms};

/// The label by which leases of any installation are found.
pub const NAME_LABEL: &str = "app.kubernetes.io/name";
/// Its value.
pub const NAME: &str = "certrotor";
/// The annotation of a Lease that tells whose it is.
pub const INSTALLATION: &str = "certrotor.dev/installation";

/// Which Lease to hold, and as whom.
#[derive(Clone, Debug)]
pub struct LeaseSettings {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// This process: no two at a time may have the same. In a pod, the pod's name.
    pub identity: String,
    /// The installation that this process belongs to.
    pub installation: String,
    /// How long the lease lasts and when it is renewed.
    pub terms: Terms,
}

/// Who leads, as far as this process knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    /// Whether this process does.
    pub leader: bool,
    /// Who holds the lease.
    pub holder: Option<String>,
    /// Until when this process leads if the lease is not renewed before.
    pub until: Option<Instant>,
}

impl Leadership {
    /// Whether this process leads at this very moment: ask right before a write. It says no even
    /// when the process was stopped for so long that `leader` could not be updated.
    pub fn leads_now(&self) -> bool {
        self.leader && self.until.is_some_and(|until| Instant::now() < until)
    }
}

/// Holds a Lease, or waits for it, until told to stop.
pub struct Elector {
    api: Api<Lease>,
    settings: LeaseSettings,
    clock: Arc<dyn Clock>,
    calls: Calls,
    origin: Instant,
    observed: Observed,
    /// The Lease as it was read or written last; none when it must be read before a write.
    lease: Option<Lease>,
    failing: Option<&'static str>,
    leadership: watch::Sender<Leadership>,
}

impl Elector {
    /// A candidate, and where to see whether it leads. `clock` only stamps what people read.
    pub fn new(
        client: Client,
        settings: LeaseSettings,
        clock: Arc<dyn Clock>,
        calls: Calls,
    ) -> (Self, watch::Receiver<Leadership>) {
        let (leadership, receiver) = watch::channel(Leadership::default());
        let elector = Self {
            api: Api::namespaced(client, &settings.namespace),
            // A call that hangs must leave time for another before the deadline.
            calls: calls.at_most(settings.terms.renew_deadline() / 2),
            settings,
            clock,
            origin: Instant::now(),
            observed: Observed::default(),
            lease: None,
            failing: None,
            leadership,
        };
        (elector, receiver)
    }

    /// Takes part in the election until `stop`, then hands the lease back.
    ///
    /// Cancel `stop` when nothing acts any longer: another may lead as soon as it is handed back.
    /// It does not return before that. If it does, or panics, nobody renews the lease any longer:
    /// the process must end. Receivers then see their channel closed.
    pub async fn run(mut self, stop: CancellationToken) {
        while stop.run_until_cancelled(self.turn()).await.is_some() {}
        self.leadership.send_replace(Leadership::default());
        self.release().await;
    }

    /// One try, and the pause after it.
    async fn turn(&mut self) {
        if let Err(failure) = self.attempt().await {
            // Whether a write happened is not known, or it was refused: look before the next.
            self.lease = None;
            self.report(Some(&failure));
        } else {
            self.report(None);
        }
        self.publish();
        sleep(self.pause()).await;
    }

    async fn attempt(&mut self) -> Result<(), ApiFailure> {
        if self.next() == Move::StepDown {
            self.step_down();
        }
        if self.next() != Move::Renew || self.lease.is_none() {
            self.read().await?;
        }
        match self.next() {
            Move::Create | Move::Acquire | Move::Renew => self.write().await,
            Move::Wait { .. } => Ok(()),
            Move::StepDown => {
                self.step_down();
                Ok(())
            }
        }
    }

    async fn read(&mut self) -> Result<(), ApiFailure> {
        let read = self.api.get_opt(&self.settings.name);
        self.lease = self.calls_in_time().run("get", read).await?;
        let record = self.lease.as_ref().map(record_of);
        self.observed.see(record, self.now());
        Ok(())
    }

    async fn write(&mut self) -> Result<(), ApiFailure> {
        let began = self.now();
        let known = self.observed.record().cloned().unwrap_or_default();
        let held = known.held_by(&self.settings.identity, &self.settings.terms, self.stamp());
        let lease = self.put(&held, self.calls_in_time()).await?;
        self.observed.wrote(record_of(&lease), began);
        self.lease = Some(lease);
        Ok(())
    }

    /// Writes `record` over the Lease that was read, or creates one if there was none.
    async fn put(&self, record: &Record, calls: Calls) -> Result<Lease, ApiFailure> {
        let lease = self.lease_with(record);
        let params = PostParams::default();
        if self.lease.is_some() {
            let write = self.api.replace(&self.settings.name, &params, &lease);
            calls.run("update", write).await
        } else {
            calls.run("create", self.api.create(&params, &lease)).await
        }
    }

    /// Hands the lease back, so that another need not wait for it to become stale.
    async fn release(&mut self) {
        let calls = self.calls.clone().at_most(self.settings.terms.retry_period());
        // A write may have been cut off by the stop, so what is known may be old.
        match calls.run("get", self.api.get_opt(&self.settings.name)).await {
            Ok(lease) => self.lease = lease,
            Err(failure) => return warn!(%failure, "could not hand back the lease"),
        }
        let record = self.lease.as_ref().map(record_of).unwrap_or_default();
        if !record.is_held_by(&self.settings.identity) {
            return;
        }
        match self.put(&record.released(self.stamp()), calls).await {
            Ok(_) => info!(lease = %self.settings.name, "handed back the lease"),
            Err(failure) => warn!(%failure, "could not hand back the lease"),
        }
    }

    fn step_down(&mut self) {
        self.observed.stepped_down();
        // At once: whatever is tried next may take its time.
        self.publish();
    }

    fn next(&self) -> Move {
        let Self { observed, settings, .. } = self;
        election::next(observed, &settings.identity, &settings.terms, self.now())
    }

    /// Whoever leads must know in time that it does no longer.
    fn calls_in_time(&self) -> Calls {
        match self.leads_for() {
            Some(left) => self.calls.clone().at_most(left),
            None => self.calls.clone(),
        }
    }

    fn pause(&self) -> Duration {
        let retry = self.settings.terms.retry_period();
        self.leads_for().map_or(retry, |left| retry.min(left))
    }

    fn leads_for(&self) -> Option<Duration> {
        let Self { observed, settings, .. } = self;
        let until = observed.leads_until(&settings.identity, &settings.terms)?;
        Some(until.saturating_sub(self.now()))
    }

    fn publish(&self) {
        let left = self.leads_for().filter(|left| !left.is_zero());
        let holder = self.observed.record().and_then(|record| record.holder.clone());
        let new = Leadership {
            leader: left.is_some(),
            holder: holder.filter(|holder| !holder.is_empty()),
            until: left.map(|left| Instant::now() + left),
        };
        self.leadership.send_if_modified(|old| {
            let changed = (old.leader, &old.holder) != (new.leader, &new.holder);
            if changed {
                info!(leader = new.leader, holder = new.holder, "leadership changed");
            }
            *old = new;
            changed
        });
    }

    /// Tells of failures when they begin, change or end, not each time.
    fn report(&mut self, failure: Option<&ApiFailure>) {
        let class = failure.map(ApiFailure::class);
        let lease = &self.settings.name;
        match failure {
            // Another candidate was quicker.
            Some(ApiFailure::AlreadyExists | ApiFailure::Conflict) => {
                debug!(%lease, "another wrote the lease first");
                return;
            }
            Some(ApiFailure::NotFound) if class != self.failing => {
                let namespace = &self.settings.namespace;
                warn!(%lease, "no lease: create the namespace {namespace}, which does not exist");
            }
            Some(failure) if class != self.failing => warn!(%lease, %failure, "no lease"),
            None if self.failing.is_some() => info!(%lease, "the lease can be used again"),
            Some(_) | None => {}
        }
        self.failing = class;
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn stamp(&self) -> i64 {
        self.clock.now().unix().saturating_mul(1_000_000)
    }

    fn lease_with(&self, record: &Record) -> Lease {
        let mut lease = self.lease.clone().unwrap_or_else(|| self.new_lease());
        let labels = lease.metadata.labels.get_or_insert_with(BTreeMap::new);
        labels.insert(NAME_LABEL.to_owned(), NAME.to_owned());
        let annotations = lease.metadata.annotations.get_or_insert_with(BTreeMap::new);
        annotations.insert(INSTALLATION.to_owned(), self.settings.installation.clone());
        lease.spec = Some(spec_of(record, lease.spec.take().unwrap_or_default()));
        lease
    }

    fn new_lease(&self) -> Lease {
        let metadata = ObjectMeta {
            name: Some(self.settings.name.clone()),
            namespace: Some(self.settings.namespace.clone()),
            ..ObjectMeta::default()
        };
        Lease { metadata, spec: None }
    }
}

fn record_of(lease: &Lease) -> Record {
    let Some(spec) = &lease.spec else {
        return Record::default();
    };
    let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    Record {
        holder: spec.holder_identity.clone(),
        acquired: spec.acquire_time.as_ref().map(|time| time.0.as_microsecond()),
        renewed: spec.renew_time.as_ref().map(|time| time.0.as_microsecond()),
        duration: seconds.map(Duration::from_secs),
        transitions: spec.lease_transitions.unwrap_or_default(),
    }
}

fn spec_of(record: &Record, before: LeaseSpec) -> LeaseSpec {
    let time = |stamp| Timestamp::from_microsecond(stamp).ok().map(MicroTime);
    let seconds = record.duration.map(|duration| duration.as_secs());
    LeaseSpec {
        holder_identity: record.holder.clone(),
        acquire_time: record.acquired.and_then(time),
        renew_time: record.renewed.and_then(time),
        lease_duration_seconds: seconds.and_then(|seconds| i32::try_from(seconds).ok()),
        lease_transitions: Some(record.transitions),
        ..before
    }
}

#[cfg(test)]
mod tests;
