//! Questions that look like objects but are not stored: who am I, and may I do this?
//!
//! Whoever is let in may do everything.

use serde_json::{Value, json};

use super::call::{Call, Verb};
use super::failure::Failure;

/// A kind of question.
pub(super) struct Review {
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) kind: &'static str,
    pub(super) plural: &'static str,
    answer: fn(user: &str) -> Value,
}

/// All kinds of them.
pub(super) const REVIEWS: [Review; 3] = [
    Review {
        group: "authentication.k8s.io",
        version: "v1",
        kind: "SelfSubjectReview",
        plural: "selfsubjectreviews",
        answer: who,
    },
    Review {
        group: "authorization.k8s.io",
        version: "v1",
        kind: "SelfSubjectAccessReview",
        plural: "selfsubjectaccessreviews",
        answer: |_| json!({"allowed": true}),
    },
    Review {
        group: "authorization.k8s.io",
        version: "v1",
        kind: "SelfSubjectRulesReview",
        plural: "selfsubjectrulesreviews",
        answer: |_| {
            json!({
                "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
                "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
                "incomplete": false,
            })
        },
    },
];

fn who(user: &str) -> Value {
    json!({"userInfo": {"username": user, "groups": ["system:masters", "system:authenticated"]}})
}

/// The kind of question that a request asks; none if it is about something else.
pub(super) fn find(call: &Call) -> Option<&'static Review> {
    REVIEWS.iter().find(|review| {
        (review.group, review.version, review.plural)
            == (call.group.as_str(), call.version.as_str(), call.resource.as_str())
    })
}

impl Review {
    /// Answers the question.
    pub(super) fn answer(
        &self,
        call: &Call,
        mut question: Value,
        user: &str,
    ) -> Result<Value, Failure> {
        if call.verb != Verb::Create || !call.name.is_empty() {
            return Err(Failure::method_not_allowed());
        }
        if !question.is_object() {
            return Err(Failure::bad_request("the question is no object"));
        }
        question["apiVersion"] = json!(format!("{}/{}", self.group, self.version));
        question["kind"] = json!(self.kind);
        question["status"] = (self.answer)(user);
        Ok(question)
    }
}
