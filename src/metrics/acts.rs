//! What certrotor has done: counters and histograms.
//!
//! Every series that can be named beforehand exists at zero from the start, so that the first
//! failure already is an increase.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Error, Histogram, HistogramOpts, IntCounter, IntCounterVec, Opts, Registry, TextEncoder,
};

use super::names::{self, Metric};
use super::text::Page;
use crate::cluster::events::EventMetrics;
use crate::cluster::failure::ApiFailure;
use crate::cluster::meter::{self, ApiMetrics};
use crate::core::time::Span;
use crate::core::vocabulary::{Cause, Outcome, WritePoint};

/// What comes of a write: done, overtaken by somebody else's, failed.
pub const WRITE_RESULTS: &[&str] = &["ok", "overtaken", "failed"];

const RELOAD_RESULTS: &[&str] = &["ok", "rejected"];

const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;

const RECONFIGURE_BUCKETS: &[f64] = &[
    30.0,
    MINUTE,
    2.0 * MINUTE,
    3.0 * MINUTE,
    5.0 * MINUTE,
    7.5 * MINUTE,
    10.0 * MINUTE,
    15.0 * MINUTE,
    20.0 * MINUTE,
    30.0 * MINUTE,
    HOUR,
    2.0 * HOUR,
];
/// The first bucket holds certificates that had ended.
const LIFE_LEFT_BUCKETS: &[f64] = &[
    0.0,
    HOUR,
    6.0 * HOUR,
    DAY,
    3.0 * DAY,
    7.0 * DAY,
    14.0 * DAY,
    30.0 * DAY,
    45.0 * DAY,
    60.0 * DAY,
    90.0 * DAY,
    180.0 * DAY,
    365.0 * DAY,
];
const RATIO_BUCKETS: &[f64] =
    &[0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9];
/// The last is the deadline of a look.
const PROBE_BUCKETS: &[f64] = &[0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 5.0];
const PLAN_BUCKETS: &[f64] = &[0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0];

/// Words that only their owners know, for the series that exist from the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabulary {
    /// What can wake the loop.
    pub wakes: Vec<&'static str>,
    /// What is watched: the plurals.
    pub watched: Vec<&'static str>,
    /// What is asked of the apiserver: verb and resource.
    pub calls: Vec<(&'static str, &'static str)>,
    /// What may come of a look at a server.
    pub probes: Vec<&'static str>,
}

/// All counters and histograms of a process.
pub struct Acts {
    registry: Registry,
    rotations: IntCounterVec,
    reconfigure_duration: Histogram,
    life_left: Histogram,
    life_left_ratio: Histogram,
    writes: IntCounterVec,
    api_requests: IntCounterVec,
    api_errors: IntCounterVec,
    config_reloads: IntCounterVec,
    events_dropped: IntCounter,
    watch_restarts: IntCounterVec,
    plan_duration: Histogram,
    probes: IntCounterVec,
    probe_duration: Histogram,
    wakes: IntCounterVec,
    leader_transitions: IntCounter,
}

impl Acts {
    /// Nothing has happened yet. Fails only if two metrics have the same name.
    pub fn new(vocabulary: &Vocabulary) -> Result<Self, Error> {
        let registry = Registry::new();
        let acts = Self {
            rotations: counters(&registry, &names::ROTATIONS)?,
            reconfigure_duration: histogram(
                &registry,
                &names::RECONFIGURE_DURATION,
                RECONFIGURE_BUCKETS,
            )?,
            life_left: histogram(&registry, &names::LIFE_LEFT, LIFE_LEFT_BUCKETS)?,
            life_left_ratio: histogram(&registry, &names::LIFE_LEFT_RATIO, RATIO_BUCKETS)?,
            writes: counters(&registry, &names::WRITES)?,
            api_requests: counters(&registry, &names::API_REQUESTS)?,
            api_errors: counters(&registry, &names::API_ERRORS)?,
            config_reloads: counters(&registry, &names::CONFIG_RELOADS)?,
            events_dropped: counter(&registry, &names::EVENTS_DROPPED)?,
            watch_restarts: counters(&registry, &names::WATCH_RESTARTS)?,
            plan_duration: histogram(&registry, &names::PLAN_DURATION, PLAN_BUCKETS)?,
            probes: counters(&registry, &names::PROBES)?,
            probe_duration: histogram(&registry, &names::PROBE_DURATION, PROBE_BUCKETS)?,
            wakes: counters(&registry, &names::WAKES)?,
            leader_transitions: counter(&registry, &names::LEADER_TRANSITIONS)?,
            registry,
        };
        acts.begin_at_zero(vocabulary);
        Ok(acts)
    }

    fn begin_at_zero(&self, vocabulary: &Vocabulary) {
        for cause in Cause::ALL {
            for outcome in Outcome::ALL {
                self.rotations.with_label_values(&[cause.as_str(), outcome.as_str()]);
            }
        }
        for point in WritePoint::ALL {
            for result in WRITE_RESULTS {
                self.writes.with_label_values(&[point.as_str(), result]);
            }
        }
        for (verb, resource) in &vocabulary.calls {
            // The apiserver never redirects what certrotor asks for.
            for class in meter::CLASSES.iter().filter(|class| **class != "3xx") {
                self.api_requests.with_label_values(&[verb, resource, class]);
            }
            for class in ApiFailure::CLASSES {
                self.api_errors.with_label_values(&[verb, class]);
            }
        }
        for result in RELOAD_RESULTS {
            self.config_reloads.with_label_values(&[result]);
        }
        for resource in &vocabulary.watched {
            self.watch_restarts.with_label_values(&[resource]);
        }
        for result in &vocabulary.probes {
            self.probes.with_label_values(&[result]);
        }
        for reason in &vocabulary.wakes {
            self.wakes.with_label_values(&[reason]);
        }
    }

    /// An attempt at a rotation ended.
    pub fn rotation_ended(&self, cause: Cause, outcome: Outcome) {
        self.rotations.with_label_values(&[cause.as_str(), outcome.as_str()]).inc();
    }

    /// A request took so long from its start to its end.
    pub fn reconfigured(&self, took: Span) {
        self.reconfigure_duration.observe(seconds(took));
    }

    /// A rotation closed when so much of the old certificate's life was left.
    pub fn life_left(&self, remaining: Span, lifetime: Span) {
        self.life_left.observe(seconds(remaining));
        if lifetime > Span::ZERO {
            self.life_left_ratio.observe(seconds(remaining) / seconds(lifetime));
        }
    }

    /// A write was tried; `result` is one of [`WRITE_RESULTS`].
    pub fn write(&self, write_point: &str, result: &str) {
        self.writes.with_label_values(&[write_point, result]).inc();
    }

    /// The config file was loaded, or rejected.
    pub fn config_reloaded(&self, good: bool) {
        let result = if good { "ok" } else { "rejected" };
        self.config_reloads.with_label_values(&[result]).inc();
    }

    /// A watch failed and begins anew.
    pub fn watch_restarted(&self, resource: &str) {
        self.watch_restarts.with_label_values(&[resource]).inc();
    }

    /// A plan was made.
    pub fn planned(&self, took: Duration) {
        self.plan_duration.observe(took.as_secs_f64());
    }

    /// A server was looked at; `result` is what came of it.
    pub fn probed(&self, result: &str, took: Duration) {
        self.probes.with_label_values(&[result]).inc();
        self.probe_duration.observe(took.as_secs_f64());
    }

    /// The loop woke.
    pub fn woken(&self, reason: &str) {
        self.wakes.with_label_values(&[reason]).inc();
    }

    /// The lease has another holder.
    pub fn leader_changed(&self) {
        self.leader_transitions.inc();
    }

    /// Writes all of it to a page.
    pub(super) fn write_to(&self, page: &mut Page) {
        append(page, &self.registry);
    }
}

impl ApiMetrics for Acts {
    fn answered(&self, verb: &str, resource: &str, class: &str) {
        self.api_requests.with_label_values(&[verb, resource, class]).inc();
    }

    fn failed(&self, verb: &str, class: &str) {
        self.api_errors.with_label_values(&[verb, class]).inc();
    }
}

impl EventMetrics for Acts {
    fn dropped(&self) {
        self.events_dropped.inc();
    }
}

#[expect(clippy::cast_precision_loss, reason = "spans of a certificate's life are far below 2^52")]
fn seconds(span: Span) -> f64 {
    span.as_seconds() as f64
}

/// What was counted, and by which version.
pub(super) fn append(page: &mut Page, registry: &Registry) {
    match TextEncoder::new().encode_to_string(&registry.gather()) {
        Ok(text) => page.append(&text),
        Err(error) => tracing::error!(%error, "could not encode metrics"),
    }
    page.family(&names::BUILD_INFO).sample(&[env!("CARGO_PKG_VERSION")], true);
}

pub(super) fn counters<const N: usize>(
    registry: &Registry,
    metric: &Metric<N>,
) -> Result<IntCounterVec, Error> {
    registered(registry, IntCounterVec::new(Opts::new(metric.name, metric.help), &metric.labels)?)
}

pub(super) fn counter(registry: &Registry, metric: &Metric<0>) -> Result<IntCounter, Error> {
    registered(registry, IntCounter::new(metric.name, metric.help)?)
}

fn histogram(registry: &Registry, metric: &Metric<0>, buckets: &[f64]) -> Result<Histogram, Error> {
    let options = HistogramOpts::new(metric.name, metric.help).buckets(buckets.to_vec());
    registered(registry, Histogram::with_opts(options)?)
}

pub(super) fn registered<C>(registry: &Registry, collector: C) -> Result<C, Error>
where
    C: Collector + Clone + 'static,
{
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
