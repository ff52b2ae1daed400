//! What the config file asks for, parsed: every value here is one that can be acted on.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::calendar::{Freezes, Schedule, Windows};
use super::selector::{NamespacePattern, Selector};
use super::time::Span;
use super::vocabulary::words;

/// The whole policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Whether to act or only to report.
    pub mode: Mode,
    /// Which databases it is about.
    pub watch: Match,
    /// What holds for a database that no override matches.
    pub rules: Arc<Rules>,
    /// Exceptions; all that match apply, the later wins, lists replace.
    pub overrides: Vec<Override>,
    /// How many rotations may be in flight.
    pub limits: Limits,
    /// When to stop because rotations fail.
    pub breaker: BreakerRule,
}

words! {
    /// Whether the daemon acts.
    Mode {
        /// Decide and act.
        Enforce = "enforce",
        /// Decide and report; create and delete no request.
        Report = "report",
    }
}

/// Which databases something is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// Namespaces by name or `*` pattern; none: every namespace.
    pub namespaces: Vec<NamespacePattern>,
    /// A label selector as `kubectl -l` takes it; empty: every label.
    pub selector: Selector,
}

/// What holds for one database.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Rotate when less than this is left.
    pub renew_before: Lead,
    /// The last rung before expiry.
    pub emergency: Emergency,
    /// When rotations may start and must have ended; empty: always.
    pub windows: Windows,
    /// Days on which windows stay closed.
    pub freezes: Freezes,
    /// Rotate at these times whatever is left of the certificate's life.
    pub schedule: Option<Schedule>,
    /// What to do when the issuer of a database is another than the one that signed.
    pub on_issuer_change: OnChange,
    /// What to do when the CA behind an issuer has another key.
    pub on_ca_change: OnCaChange,
    /// How long a rotation takes, until one has been seen.
    pub expected_duration: Span,
    /// At least so long between two rotations of a database.
    pub min_interval: Span,
    /// A request must be started by its operator within this.
    pub pick_up_within: Span,
    /// `spec.timeout` of the requests: KubeDB's limit for each step.
    pub timeout: Span,
    /// How often and how soon to try again.
    pub retry: Retry,
    /// Whether `spec.autoOps.disabled` of a MySQL stops certrotor too.
    pub honour_auto_ops_disabled: bool,
}

/// A share of a certificate's lifetime, or a length of time, before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lead {
    /// So many percent of the lifetime, 1 to 99.
    Percent(u8),
    /// So long.
    Length(Span),
}

/// What yields when a certificate is about to expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emergency {
    /// An emergency begins when less than this is left.
    pub before: Lead,
    /// Rotation windows yield to it.
    pub overrides_windows: bool,
    /// Freezes yield to it.
    pub overrides_freezes: bool,
}

words! {
    /// Act on a change or only say that there is one.
    OnChange {
        /// Rotate.
        Rotate = "rotate",
        /// Report it.
        Report = "report",
    }
}

words! {
    /// As [`OnChange`], with a default that depends on the topology.
    OnCaChange {
        /// Rotate, but report it for a group that verifies its members' CA, unless our executor
        /// runs.
        Auto = "auto",
        /// Rotate.
        Rotate = "rotate",
        /// Report it.
        Report = "report",
    }
}

/// How often and how soon to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// So many failures, then a person is asked.
    pub attempts: u32,
    /// The pause after the first one; it doubles each time. Two overrides that set one each may
    /// make it longer than `backoff_to`, which then holds.
    pub backoff_from: Span,
    /// The longest pause.
    pub backoff_to: Span,
}

/// How many rotations may be in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In the whole fleet.
    pub total: u32,
    /// In one namespace.
    pub per_namespace: u32,
    /// With one issuer.
    pub per_issuer: u32,
}

/// Open the breaker when `failures` of the newest `of` attempts failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerRule {
    /// So many failures …
    pub failures: u32,
    /// … among so many of the newest attempts.
    pub of: u32,
    /// So long after the newest of them, one rotation is let through to try.
    pub pause: Span,
}

/// An exception for some databases.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// For which.
    pub matches: Match,
    /// What is different for them; all else stays.
    pub rules: RulesPatch,
}

/// The part of [`Rules`] that an override sets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RulesPatch {
    /// See [`Rules::renew_before`].
    pub renew_before: Option<Lead>,
    /// See [`Emergency::before`].
    pub emergency_before: Option<Lead>,
    /// See [`Emergency`]: whether windows and whether freezes yield.
    pub emergency_overrides: Option<(bool, bool)>,
    /// See [`Rules::windows`].
    pub windows: Option<Windows>,
    /// See [`Rules::freezes`].
    pub freezes: Option<Freezes>,
    /// See [`Rules::schedule`]; `Some(None)` switches it off.
    pub schedule: Option<Option<Schedule>>,
    /// See [`Rules::on_issuer_change`].
    pub on_issuer_change: Option<OnChange>,
    /// See [`Rules::on_ca_change`].
    pub on_ca_change: Option<OnCaChange>,
    /// See [`Rules::expected_duration`].
    pub expected_duration: Option<Span>,
    /// See [`Rules::min_interval`].
    pub min_interval: Option<Span>,
    /// See [`Rules::pick_up_within`].
    pub pick_up_within: Option<Span>,
    /// See [`Rules::timeout`].
    pub timeout: Option<Span>,
    /// See [`Retry::attempts`].
    pub retry_attempts: Option<u32>,
    /// See [`Retry::backoff_from`].
    pub retry_backoff_from: Option<Span>,
    /// See [`Retry::backoff_to`].
    pub retry_backoff_to: Option<Span>,
    /// See [`Rules::honour_auto_ops_disabled`].
    pub honour_auto_ops_disabled: Option<bool>,
}

impl Default for Policy {
    /// What an empty config file means; `config/certrotor.yaml` spells it out.
    fn default() -> Self {
        Self {
            mode: Mode::Enforce,
            watch: Match::default(),
            rules: Arc::new(Rules::default()),
            overrides: Vec::new(),
            limits: Limits { total: 2, per_namespace: 1, per_issuer: 2 },
            breaker: BreakerRule { failures: 3, of: 5, pause: Span::HOUR },
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            renew_before: Lead::Percent(45),
            emergency: Emergency {
                before: Lead::Length(Span::hours(72)),
                overrides_windows: true,
                overrides_freezes: true,
            },
            windows: Windows::default(),
            freezes: Freezes::default(),
            schedule: None,
            on_issuer_change: OnChange::Rotate,
            on_ca_change: OnCaChange::Auto,
            expected_duration: Span::minutes(10),
            min_interval: Span::hours(6),
            pick_up_within: Span::minutes(15),
            timeout: Span::minutes(10),
            retry: Retry {
                attempts: 3,
                backoff_from: Span::minutes(15),
                backoff_to: Span::hours(6),
            },
            honour_auto_ops_disabled: false,
        }
    }
}

impl Lead {
    /// How long before its end a certificate that lives `lifetime` is meant.
    pub fn of(self, lifetime: Span) -> Span {
        match self {
            Self::Percent(percent) => lifetime.scaled(i64::from(percent), 100),
            Self::Length(span) => span,
        }
    }
}

impl Match {
    /// Whether a database with these labels in this namespace is meant.
    pub fn matches(&self, namespace: &str, labels: &BTreeMap<Arc<str>, Arc<str>>) -> bool {
        let namespace_matches = self.namespaces.is_empty()
            || self.namespaces.iter().any(|pattern| pattern.matches(namespace));
        namespace_matches && self.selector.matches(labels)
    }
}

impl Policy {
    /// Which overrides match, as a bit each: databases with the same set share their rules.
    fn matching(&self, namespace: &str, labels: &BTreeMap<Arc<str>, Arc<str>>) -> Vec<u32> {
        let matching = |(index, candidate): (usize, &Override)| {
            let index = u32::try_from(index).ok()?;
            candidate.matches.matches(namespace, labels).then_some(index)
        };
        self.overrides.iter().enumerate().filter_map(matching).collect()
    }
}

/// Hands out each database's rules, merging every combination of overrides once.
#[derive(Debug)]
pub struct RulesOf<'a> {
    policy: &'a Policy,
    merged: BTreeMap<Vec<u32>, Arc<Rules>>,
}

impl<'a> RulesOf<'a> {
    /// For the decisions of one plan.
    pub fn new(policy: &'a Policy) -> Self {
        Self { policy, merged: BTreeMap::new() }
    }

    /// The rules of a database with these labels in this namespace.
    pub fn database(
        &mut self,
        namespace: &str,
        labels: &BTreeMap<Arc<str>, Arc<str>>,
    ) -> Arc<Rules> {
        let matching = self.policy.matching(namespace, labels);
        if matching.is_empty() {
            return Arc::clone(&self.policy.rules);
        }
        let policy = self.policy;
        let merge = |indices: &[u32]| {
            let mut rules = (*policy.rules).clone();
            for index in indices {
                rules.apply(&policy.overrides[*index as usize].rules);
            }
            Arc::new(rules)
        };
        Arc::clone(self.merged.entry(matching).or_insert_with_key(|indices| merge(indices)))
    }
}

impl Rules {
    /// Sets what an override sets.
    pub fn apply(&mut self, patch: &RulesPatch) {
        let RulesPatch {
            renew_before,
            emergency_before,
            emergency_overrides,
            windows,
            freezes,
            schedule,
            on_issuer_change,
            on_ca_change,
            expected_duration,
            min_interval,
            pick_up_within,
            timeout,
            retry_attempts,
            retry_backoff_from,
            retry_backoff_to,
            honour_auto_ops_disabled,
        } = patch.clone();
        set(&mut self.renew_before, renew_before);
        set(&mut self.emergency.before, emergency_before);
        if let Some((windows, freezes)) = emergency_overrides {
            self.emergency.overrides_windows = windows;
            self.emergency.overrides_freezes = freezes;
        }
        set(&mut self.windows, windows);
        set(&mut self.freezes, freezes);
        set(&mut self.schedule, schedule);
        set(&mut self.on_issuer_change, on_issuer_change);
        set(&mut self.on_ca_change, on_ca_change);
        set(&mut self.expected_duration, expected_duration);
        set(&mut self.min_interval, min_interval);
        set(&mut self.pick_up_within, pick_up_within);
        set(&mut self.timeout, timeout);
        set(&mut self.retry.attempts, retry_attempts);
        set(&mut self.retry.backoff_from, retry_backoff_from);
        set(&mut self.retry.backoff_to, retry_backoff_to);
        set(&mut self.honour_auto_ops_disabled, honour_auto_ops_disabled);
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}
