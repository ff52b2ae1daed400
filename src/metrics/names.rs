//! Every metric that certrotor exports: name, type, labels and help, in one place.
//!
//! `docs/metrics.md` says the same with an example for each; a test holds the two equal.

/// What kind of metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows while the process runs.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often values fell into each of its buckets.
    Histogram,
}

impl Kind {
    /// The word for it in the text format.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric; its series have `N` labels.
#[derive(Clone, Copy, Debug)]
pub struct Metric<const N: usize> {
    /// Its full name.
    pub name: &'static str,
    /// What kind it is.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: [&'static str; N],
    /// What it says, in one sentence.
    pub help: &'static str,
}

/// A metric whatever the number of its labels.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its full name.
    pub name: &'static str,
    /// What kind it is.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it says, in one sentence.
    pub help: &'static str,
}

/// Declares metrics; the documentation of each is its help text.
macro_rules! metrics {
    ($(
        $(#[doc = $help:literal])+
        $constant:ident: $kind:ident $name:literal [$($label:ident),*];
    )+) => {
        $(
            $(#[doc = $help])+
            pub const $constant: Metric<{
                let labels: &[&str] = &[$(stringify!($label)),*];
                labels.len()
            }> = Metric {
                name: $name,
                kind: Kind::$kind,
                labels: [$(stringify!($label)),*],
                help: concat!($($help),+).trim_ascii(),
            };
        )+

        /// Every metric.
        pub const ALL: &[Row] = &[$(
            Row {
                name: $constant.name,
                kind: $constant.kind,
                labels: &$constant.labels,
                help: $constant.help,
            },
        )+];
    };
}

// Facts: read off the fleet at each scrape, exported by the leader alone.
metrics! {
    /// When the certificate issued last begins to be valid.
    CERTIFICATE_NOT_BEFORE: Gauge "certrotor_certificate_not_before_timestamp_seconds" [namespace, database, alias];
    /// When the certificate issued last ends.
    CERTIFICATE_NOT_AFTER: Gauge "certrotor_certificate_not_after_timestamp_seconds" [namespace, database, alias];
    /// How old the certificate issued last is at this scrape.
    CERTIFICATE_AGE: Gauge "certrotor_certificate_age_seconds" [namespace, database, alias];
    /// Always 1; the serial number and the issuer of the certificate issued last.
    CERTIFICATE_INFO: Gauge "certrotor_certificate_info" [namespace, database, alias, serial, issuer_kind, issuer_name];
    /// When the certificate that a pod was last seen to serve begins to be valid.
    SERVED_NOT_BEFORE: Gauge "certrotor_served_certificate_not_before_timestamp_seconds" [namespace, database, alias, pod];
    /// When the certificate that a pod was last seen to serve ends.
    SERVED_NOT_AFTER: Gauge "certrotor_served_certificate_not_after_timestamp_seconds" [namespace, database, alias, pod];
    /// Whether a pod was last seen to serve the certificate that was issued last; 0 without TLS too.
    SERVED_CURRENT: Gauge "certrotor_served_certificate_current" [namespace, database, alias, pod];
    /// Whether the chain that a pod was last seen to serve leads to the CA that is published.
    SERVED_TRUSTED: Gauge "certrotor_served_certificate_trusted" [namespace, database, alias, pod];
    /// When a look at a pod last showed what it serves.
    PROBE_LAST_SEEN: Gauge "certrotor_probe_last_seen_timestamp_seconds" [namespace, database, pod];
    /// Always 1; why the newest look at a pod showed nothing.
    PROBE_FAILING: Gauge "certrotor_probe_failing" [namespace, database, pod, failure];
    /// Always 1; what the database is doing.
    DATABASE_STATE: Gauge "certrotor_database_state" [namespace, database, state];
    /// Always 1; how pressing the rotation of a database is for which one is due.
    DATABASE_STAGE: Gauge "certrotor_database_stage" [namespace, database, stage];
    /// Always 1; a reason for which a rotation is due.
    CAUSE: Gauge "certrotor_cause" [namespace, database, cause];
    /// Always 1; a reason for which a rotation that is due does not begin now.
    GATE: Gauge "certrotor_gate" [namespace, database, reason];
    /// When the next rotation may begin.
    NEXT_ROTATION: Gauge "certrotor_next_rotation_timestamp_seconds" [namespace, database];
    /// When the last rotation ended, and how.
    LAST_ROTATION: Gauge "certrotor_last_rotation_timestamp_seconds" [namespace, database, outcome];
    /// Whether a rotation window of this database is open and nothing is frozen.
    WINDOW_OPEN: Gauge "certrotor_window_open" [namespace, database];
    /// When the next rotation window of this database opens.
    WINDOW_NEXT: Gauge "certrotor_window_next_timestamp_seconds" [namespace, database];
    /// Whether the rotation of this database fits into a window and the budget before its deadline.
    FEASIBLE: Gauge "certrotor_feasible" [namespace, database];
    /// From when on the rotation of this database does not fit any more.
    INFEASIBLE_FROM: Gauge "certrotor_infeasible_from_timestamp_seconds" [namespace, database];
    /// When the CA of an issuer ends.
    ISSUER_CA_NOT_AFTER: Gauge "certrotor_issuer_ca_not_after_timestamp_seconds" [namespace, kind, name];
    /// Whether the CA of an issuer that has one is not known, so that changes of it go unseen.
    ISSUER_CA_UNKNOWN: Gauge "certrotor_issuer_ca_unknown" [namespace, kind, name];
    /// Whether too many of the newest rotations by an issuer, or by the operator, have failed.
    BREAKER_OPEN: Gauge "certrotor_breaker_open" [scope, namespace, kind, name];
    /// How many rotations are in flight.
    IN_FLIGHT: Gauge "certrotor_in_flight" [];
    /// How many rotations may be in flight in each scope.
    BUDGET: Gauge "certrotor_budget" [scope];
    /// How many slots are taken.
    SLOTS: Gauge "certrotor_slots" [];

    // The process itself: exported by followers too.

    /// Whether this process leads.
    LEADER: Gauge "certrotor_leader" [];
    /// When the loop last made a plan.
    LAST_PLAN: Gauge "certrotor_last_plan_timestamp_seconds" [];
    /// When the config file was last loaded with success.
    CONFIG_LAST_SUCCESS: Gauge "certrotor_config_last_reload_success_timestamp_seconds" [];
    /// Whether the config file was good when it was last looked at.
    CONFIG_SUCCESSFUL: Gauge "certrotor_config_last_reload_successful" [];
    /// How far the clock of the apiserver is ahead of this host's.
    CLOCK_OFFSET: Gauge "certrotor_clock_offset_seconds" [];
    /// Whether a watch is current.
    WATCH_SYNCED: Gauge "certrotor_watch_synced" [group, resource, namespace];
    /// When a watch last heard from the apiserver.
    WATCH_LAST_EVENT: Gauge "certrotor_watch_last_event_timestamp_seconds" [group, resource, namespace];

    // Acts: counted when they happen.

    /// Rotation attempts that ended, by the cause that named them and how they ended.
    ROTATIONS: Counter "certrotor_rotations_total" [cause, outcome];
    /// How long a MySQLOpsRequest took from its start to its end.
    RECONFIGURE_DURATION: Histogram "certrotor_reconfigure_duration_seconds" [];
    /// What was left of the old certificate's life when its rotation closed.
    LIFE_LEFT: Histogram "certrotor_remaining_life_at_rotation_seconds" [];
    /// The same as a share of its whole life.
    LIFE_LEFT_RATIO: Histogram "certrotor_remaining_life_at_rotation_ratio" [];
    /// Writes, by their name and result.
    WRITES: Counter "certrotor_writes_total" [write_point, result];
    /// Requests to the apiserver, by the first digit of the answer's code, or why there was none.
    API_REQUESTS: Counter "certrotor_api_requests_total" [verb, resource, class];
    /// Calls to the apiserver that failed, by the kind of failure.
    API_ERRORS: Counter "certrotor_api_errors_total" [verb, class];
    /// Times that the config file was loaded, or rejected.
    CONFIG_RELOADS: Counter "certrotor_config_reloads_total" [result];
    /// Kubernetes Events that were not written.
    EVENTS_DROPPED: Counter "certrotor_events_dropped_total" [];
    /// Times that a watch failed and was begun anew.
    WATCH_RESTARTS: Counter "certrotor_watch_restarts_total" [resource];
    /// How long it took to make a plan.
    PLAN_DURATION: Histogram "certrotor_plan_duration_seconds" [];
    /// Looks at servers, by what came of them: `seen`, `noTls`, or why nothing was seen.
    PROBES: Counter "certrotor_probes_total" [result];
    /// How long a look at a server took.
    PROBE_DURATION: Histogram "certrotor_probe_duration_seconds" [];
    /// Times that the loop woke, by what woke it.
    WAKES: Counter "certrotor_wakes_total" [reason];
    /// Times that this process has seen the lease change hands.
    LEADER_TRANSITIONS: Counter "certrotor_leader_transitions_total" [];
    /// Writes of the executor that were carried out, by their name.
    EXECUTOR_WRITES: Counter "certrotor_executor_writes_total" [write];
    /// Requests that the executor ended, by how.
    EXECUTOR_REQUESTS: Counter "certrotor_executor_requests_total" [outcome];
    /// Whether another executor is at work, beside which this one begins nothing.
    EXECUTOR_RIVAL: Gauge "certrotor_executor_rival" [];
    /// Always 1; the version of this process.
    BUILD_INFO: Gauge "certrotor_build_info" [version];

    // The process as the system sees it, under the names that every dashboard knows.

    /// Processor time used, user and system.
    PROCESS_CPU: Counter "process_cpu_seconds_total" [];
    /// Resident memory.
    PROCESS_RESIDENT: Gauge "process_resident_memory_bytes" [];
    /// Virtual memory.
    PROCESS_VIRTUAL: Gauge "process_virtual_memory_bytes" [];
    /// Open file descriptors.
    PROCESS_FDS: Gauge "process_open_fds" [];
    /// The most file descriptors that may be open.
    PROCESS_MAX_FDS: Gauge "process_max_fds" [];
    /// When the process started.
    PROCESS_START: Gauge "process_start_time_seconds" [];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const DOCS: &str = include_str!("../../docs/metrics.md");

    /// The cells of every row of the page's tables that is about a metric.
    fn documented() -> Vec<Vec<&'static str>> {
        let rows = DOCS.lines().filter(|line| line.starts_with("| `"));
        // A `|` inside of an example is written `\|`.
        let cells =
            |line: &'static str| line.trim_matches('|').split(" | ").map(str::trim).collect();
        rows.map(cells).collect()
    }

    #[test]
    fn the_page_says_what_the_code_does() {
        let documented = documented();
        for (row, cells) in ALL.iter().zip(&documented) {
            let [name, kind, labels, meaning, example] = cells[..] else {
                panic!("docs/metrics.md: not five cells: {cells:?}");
            };
            let code = |text: &str| format!("`{text}`");
            assert_eq!(name, code(row.name), "docs/metrics.md: the order is that of names.rs");
            assert_eq!(kind, row.kind.as_str(), "{name}");
            let expected: Vec<String> = row.labels.iter().map(|label| code(label)).collect();
            let expected = if expected.is_empty() { "–".to_owned() } else { expected.join(", ") };
            assert_eq!(labels, expected, "{name}");
            assert!(!meaning.is_empty(), "{name} has no meaning");
            assert!(example.starts_with('`') && example.contains(row.name), "{name}: {example}");
        }
        assert_eq!(documented.len(), ALL.len(), "docs/metrics.md has rows too many or too few");
    }

    #[test]
    fn names_follow_the_conventions() {
        let mut seen = BTreeSet::new();
        for row in ALL {
            assert!(seen.insert(row.name), "{} is declared twice", row.name);
            let ours = row.name.starts_with("certrotor_") || row.name.starts_with("process_");
            assert!(ours, "{}", row.name);
            assert_eq!(row.kind == Kind::Counter, row.name.ends_with("_total"), "{}", row.name);
            assert!(row.help.ends_with('.') && !row.help.contains('\n'), "{}", row.name);
            let labels: BTreeSet<_> = row.labels.iter().collect();
            assert_eq!(labels.len(), row.labels.len(), "{}", row.name);
        }
    }
}
