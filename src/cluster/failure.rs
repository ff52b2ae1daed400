//! What can come of a call to the apiserver: one variant for each way of reacting to it.

use std::fmt;
use std::time::Duration;

use kube::Error;
use kube::core::Status;

/// A call that did not succeed.
///
/// Told apart by HTTP code and by the machine-readable `reason`, never by the text of a message.
/// The texts are for people; they come from the server, so they are cut and made printable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiFailure {
    /// 409: a create found an object of that name.
    AlreadyExists,
    /// 409: the object has changed since it was read. Read again.
    Conflict,
    /// 429: a `PodDisruptionBudget` does not allow the eviction now. Wait for the pods.
    DisruptionBudget(String),
    /// 403: this service account may not, or a quota or a terminating namespace forbids it. The
    /// text names the verb and the resource.
    Forbidden(String),
    /// 410: what was asked for is no longer kept. List again.
    Gone,
    /// 404.
    NotFound,
    /// Anything else, for instance 401 or an answer that cannot be read.
    Other(String),
    /// The object was refused: by validation (400, 422) or by an admission webhook.
    Rejected(String),
    /// No answer within the deadline. A write may have been carried out all the same.
    Timeout,
    /// The apiserver cannot be reached, or cannot answer now (429, 5xx). Try later.
    Unavailable {
        /// What happened.
        message: String,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
}

impl ApiFailure {
    /// Every word that [`class`](Self::class) can be.
    pub const CLASSES: &'static [&'static str] = &[
        "already_exists",
        "conflict",
        "disruption_budget",
        "forbidden",
        "gone",
        "not_found",
        "other",
        "rejected",
        "timeout",
        "unavailable",
    ];

    /// The kind of failure in one word, for metrics.
    pub const fn class(&self) -> &'static str {
        match self {
            Self::AlreadyExists => "already_exists",
            Self::Conflict => "conflict",
            Self::DisruptionBudget(_) => "disruption_budget",
            Self::Forbidden(_) => "forbidden",
            Self::Gone => "gone",
            Self::NotFound => "not_found",
            Self::Other(_) => "other",
            Self::Rejected(_) => "rejected",
            Self::Timeout => "timeout",
            Self::Unavailable { .. } => "unavailable",
        }
    }

    /// Whether a write that failed so may have been carried out: look before repeating it.
    pub const fn may_have_happened(&self) -> bool {
        matches!(self, Self::Timeout | Self::Unavailable { .. } | Self::Other(_))
    }
}

impl From<Error> for ApiFailure {
    #[expect(clippy::wildcard_enum_match_arm, reason = "kube adds variants; most need no reaction")]
    fn from(error: Error) -> Self {
        match error {
            Error::Api(status) => Self::from_status(&status),
            Error::HyperError(_) | Error::Service(_) | Error::ReadEvents(_) => {
                Self::Unavailable { message: chain(&error), retry_after: None }
            }
            error => Self::Other(chain(&error)),
        }
    }
}

impl ApiFailure {
    fn from_status(status: &Status) -> Self {
        let message = printable(&status.message);
        match status.code {
            // Authorisation and the built-in admission always name the resource they speak of; a
            // webhook's answer is passed on as it is and does not.
            403 if names_resource(status) => Self::Forbidden(message),
            400 | 403 | 422 => Self::Rejected(message),
            404 => Self::NotFound,
            409 if status.is_already_exists() => Self::AlreadyExists,
            409 => Self::Conflict,
            410 => Self::Gone,
            429 if blocked_by_budget(status) => Self::DisruptionBudget(message),
            408 | 429 | 500.. => Self::Unavailable { message, retry_after: retry_after(status) },
            code => Self::Other(format!("HTTP {code}: {message}")),
        }
    }
}

impl fmt::Display for ApiFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyExists => f.write_str("an object of that name exists"),
            Self::Conflict => f.write_str("the object has changed since it was read"),
            Self::DisruptionBudget(text) => write!(f, "blocked by a disruption budget: {text}"),
            Self::Forbidden(text) => write!(f, "forbidden: {text}"),
            Self::Gone => f.write_str("no longer kept by the apiserver"),
            Self::NotFound => f.write_str("not found"),
            Self::Other(text) => f.write_str(text),
            Self::Rejected(text) => write!(f, "rejected: {text}"),
            Self::Timeout => f.write_str("no answer within the deadline"),
            Self::Unavailable { message, .. } => write!(f, "apiserver unavailable: {message}"),
        }
    }
}

impl std::error::Error for ApiFailure {}

/// Awaits `call` for at most `deadline`.
pub async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T, ApiFailure> {
    match tokio::time::timeout(deadline, call).await {
        Ok(answer) => answer.map_err(ApiFailure::from),
        Err(_) => Err(ApiFailure::Timeout),
    }
}

fn names_resource(status: &Status) -> bool {
    status.details.as_ref().is_some_and(|details| !details.kind.is_empty())
}

fn blocked_by_budget(status: &Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == "DisruptionBudget")
}

fn retry_after(status: &Status) -> Option<Duration> {
    let seconds = status.details.as_ref()?.retry_after_seconds;
    (seconds > 0).then(|| Duration::from_secs(seconds.into()))
}

/// An error with its causes, as one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // kube's own Display already ends with its source.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    printable(&text)
}

fn printable(text: &str) -> String {
    const LONGEST: usize = 512;
    text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use kube::core::response::{StatusCause, StatusDetails};

    use super::*;

    fn status(code: u16, reason: &str) -> Status {
        Status { code, reason: reason.to_owned(), message: "m".to_owned(), ..Status::default() }
    }

    fn detailed(code: u16, reason: &str, details: StatusDetails) -> Status {
        Status { details: Some(details), ..status(code, reason) }
    }

    fn details() -> StatusDetails {
        StatusDetails {
            name: String::new(),
            group: String::new(),
            kind: "pods".to_owned(),
            uid: String::new(),
            causes: Vec::new(),
            retry_after_seconds: 0,
        }
    }

    fn budget() -> StatusDetails {
        let cause = StatusCause {
            reason: "DisruptionBudget".to_owned(),
            message: String::new(),
            field: String::new(),
        };
        StatusDetails { causes: vec![cause], ..details() }
    }

    #[test]
    fn failures_are_told_apart_by_code_and_reason() {
        for (status, class) in [
            (status(400, "BadRequest"), "rejected"),
            (status(401, "Unauthorized"), "other"),
            (detailed(403, "Forbidden", details()), "forbidden"),
            (status(403, "Forbidden"), "rejected"),
            (status(404, "NotFound"), "not_found"),
            (status(408, ""), "unavailable"),
            (status(409, "AlreadyExists"), "already_exists"),
            (status(409, "Conflict"), "conflict"),
            (status(409, ""), "conflict"),
            (status(410, "Expired"), "gone"),
            (status(410, "Gone"), "gone"),
            (detailed(422, "Invalid", details()), "rejected"),
            (detailed(429, "TooManyRequests", budget()), "disruption_budget"),
            (status(429, "TooManyRequests"), "unavailable"),
            (status(500, "InternalError"), "unavailable"),
            (status(503, ""), "unavailable"),
            (status(504, "Timeout"), "unavailable"),
            (status(418, ""), "other"),
        ] {
            let failure = ApiFailure::from(Error::Api(status.clone().boxed()));
            assert_eq!(failure.class(), class, "{status:?}");
            assert!(ApiFailure::CLASSES.contains(&class));
        }
    }

    #[test]
    fn the_server_may_ask_for_patience() {
        let status =
            detailed(503, "", StatusDetails { retry_after_seconds: 7, ..details() }).boxed();
        assert_eq!(
            ApiFailure::from(Error::Api(status)),
            ApiFailure::Unavailable {
                message: "m".to_owned(),
                retry_after: Some(Duration::from_secs(7))
            }
        );
    }

    #[test]
    fn texts_of_the_server_are_cut_and_printable() {
        let hostile = format!("a\u{1b}[31m\nb{}", "x".repeat(4_096));
        let status = Status { message: hostile, ..status(422, "Invalid") };
        let ApiFailure::Rejected(text) = ApiFailure::from(Error::Api(status.boxed())) else {
            panic!("a 422 is a rejection");
        };
        assert!(text.starts_with("a [31m b"));
        assert_eq!(text.chars().count(), 512);
    }

    #[tokio::test(start_paused = true)]
    async fn every_call_ends_at_its_deadline() {
        let silent = std::future::pending::<kube::Result<()>>();
        let failure = within(Duration::from_secs(5), silent).await;
        assert_eq!(failure, Err(ApiFailure::Timeout));
    }
}
