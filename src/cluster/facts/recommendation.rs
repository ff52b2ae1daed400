//! What is kept of a Supervisor Recommendation.

use super::Texts;
use crate::api::supervisor::{ApprovalStatus, Recommendation, RecommendationPhase};
use crate::core::fleet::Text;
use crate::core::time::{Span, Time};

/// How long after its window an approved one still counts: Supervisor looks every minute, and one
/// that is carried out takes its time to begin.
const GRACE: Span = Span::HOUR;

/// What is kept of a Recommendation.
#[derive(Clone, Debug, PartialEq)]
pub struct RecommendationFacts {
    /// The MySQL that it means to do something about TLS to; none: it is not about that.
    pub database: Option<Text>,
    /// How far it is.
    pub progress: Progress,
}

/// How far a Recommendation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not approved, rejected, outdated or over: it speaks for nothing.
    Idle,
    /// Approved, until that moment where its window is known.
    Approved(Option<Time>),
    /// Being carried out by that request; none where it does not say.
    InProgress(Option<Text>),
}

impl RecommendationFacts {
    /// Of this object.
    pub fn of(recommendation: &Recommendation, texts: &mut Texts) -> Self {
        let database = recommendation.tls_of_mysql();
        Self {
            database: database.map(|database| texts.text(database)),
            progress: progress(recommendation),
        }
    }
}

fn progress(recommendation: &Recommendation) -> Progress {
    let status = &recommendation.status;
    let approved = status.approval_status == Some(ApprovalStatus::Approved) && !status.outdated;
    match status.phase {
        Some(RecommendationPhase::InProgress) => {
            let request = status.created_operation_ref.name.as_str();
            Progress::InProgress((!request.is_empty()).then(|| request.into()))
        }
        Some(RecommendationPhase::Pending | RecommendationPhase::Waiting) | None if approved => {
            Progress::Approved(until(recommendation))
        }
        _ => Progress::Idle,
    }
}

/// A maintenance window by name, or the default one, cannot be dated from here.
fn until(recommendation: &Recommendation) -> Option<Time> {
    let status = &recommendation.status;
    let window = &status.approved_window;
    let end = match window.window.as_deref() {
        Some("Immediate") => status.review_timestamp,
        Some("SpecificDates") => window.dates.iter().map(|date| date.end).max(),
        _ => None,
    };
    end.map(|end| end + GRACE)
}
