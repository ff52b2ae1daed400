//! Moments, as tests read and write them.

use jiff::Timestamp;
use std::time::Duration;

/// The present moment. Tests run beside real programs, so they read the real clock: here only.
#[expect(clippy::disallowed_methods, reason = "the one place where tests read the wall clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// How far another moment is from now.
pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// So many minutes.
pub(crate) const fn minutes(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

/// So many days.
pub(crate) const fn days(days: u64) -> Duration {
    Duration::from_hours(24 * days)
}

/// A moment so long ago.
pub(crate) fn ago(span: Duration) -> Timestamp {
    now() - span
}

/// A moment so far ahead.
pub(crate) fn ahead(span: Duration) -> Timestamp {
    now() + span
}

/// As Kubernetes writes moments: RFC 3339, whole seconds.
pub(crate) fn rfc3339(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
