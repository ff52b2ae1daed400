//! Refusals, as the API server words them.

use serde_json::{Map, Value, json};

/// Why a request is refused: a `Status` object with `status: Failure`.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The HTTP status code.
    pub code: u16,
    /// One word for programs, such as `AlreadyExists`.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
    details: Map<String, Value>,
    /// What the client is told besides.
    warnings: Vec<String>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// One word for programs, such as `FieldValueRequired`.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
    /// The path of the field, such as `spec.windows[0].open`.
    pub field: String,
}

/// Which object a refusal is about, in the words of its URL.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The API group; empty for the core one.
    pub group: &'a str,
    /// The plural, or in an `Invalid` the kind.
    pub resource: &'a str,
    /// The object's name.
    pub name: &'a str,
}

impl About<'_> {
    fn qualified(&self) -> String {
        match self.group {
            "" => self.resource.to_owned(),
            group => format!("{}.{group}", self.resource),
        }
    }

    fn details(&self) -> Map<String, Value> {
        let mut details = Map::new();
        for (key, value) in [("name", self.name), ("group", self.group), ("kind", self.resource)] {
            if !value.is_empty() {
                details.insert(key.to_owned(), json!(value));
            }
        }
        details
    }
}

impl Failure {
    /// A refusal that is about no object in particular.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: Map::new(), warnings: Vec::new() }
    }

    /// 400: the request makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 404: there is no such object.
    pub fn not_found(about: About<'_>) -> Self {
        let message = format!("{} {:?} not found", about.qualified(), about.name);
        Self::new(404, "NotFound", message).with(about)
    }

    /// 409: there is such an object already.
    pub fn already_exists(about: About<'_>) -> Self {
        let message = format!("{} {:?} already exists", about.qualified(), about.name);
        Self::new(409, "AlreadyExists", message).with(about)
    }

    /// 409: the object is not as the request assumes.
    pub fn conflict(about: About<'_>, why: &str) -> Self {
        let (resource, name) = (about.qualified(), about.name);
        let message = format!("Operation cannot be fulfilled on {resource} {name:?}: {why}");
        Self::new(409, "Conflict", message).with(about)
    }

    /// 409: somebody has changed the object since it was read.
    pub fn modified(about: About<'_>) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version \
            and try again";
        Self::conflict(about, why)
    }

    /// 403: admission or authorisation says no.
    pub fn forbidden(about: About<'_>, why: &str) -> Self {
        let resource = about.qualified();
        let message = match about.name {
            "" => format!("{resource} is forbidden: {why}"),
            name => format!("{resource} {name:?} is forbidden: {why}"),
        };
        Self::new(403, "Forbidden", message).with(about)
    }

    /// 422: the object breaks rules; `about` names its kind.
    pub fn invalid(about: About<'_>, causes: &[Cause]) -> Self {
        // What is said twice in the causes is said once in the sentence.
        let mut words: Vec<String> = Vec::new();
        for cause in causes {
            let cause = format!("{}: {}", cause.field, cause.message);
            if !words.contains(&cause) {
                words.push(cause);
            }
        }
        let why = match &words[..] {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let (kind, name) = (about.qualified(), about.name);
        Self::new(422, "Invalid", format!("{kind} {name:?} is invalid: {why}"))
            .with(about)
            .because(causes)
    }

    /// 410: the history that the request asks for is gone.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 405: the resource cannot do that.
    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message)
    }

    /// 415: a body, or a kind of patch, that is not understood.
    pub fn unsupported_media_type(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// 406: the client understands none of the forms that there are.
    pub fn not_acceptable() -> Self {
        let message = "only the following media types are accepted: application/json";
        Self::new(406, "NotAcceptable", message)
    }

    /// 401: nobody knows who asks.
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 413: the body of the request is larger than this many bytes.
    pub fn too_large(limit: usize) -> Self {
        let message = format!("Request entity too large: limit is {limit}");
        Self::new(413, "RequestEntityTooLarge", message)
    }

    /// 404: the path leads nowhere.
    pub fn no_such_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
    }

    /// Says which object it is about.
    #[must_use]
    pub fn with(mut self, about: About<'_>) -> Self {
        self.details.extend(about.details());
        self
    }

    /// Says what exactly is wrong.
    #[must_use]
    pub fn because(mut self, causes: &[Cause]) -> Self {
        let causes = causes.iter().map(|cause| {
            let mut fields = Map::new();
            fields.insert("reason".to_owned(), json!(cause.reason));
            fields.insert("message".to_owned(), json!(cause.message));
            if !cause.field.is_empty() {
                fields.insert("field".to_owned(), json!(cause.field));
            }
            Value::Object(fields)
        });
        let causes = causes.collect();
        self.details.insert("causes".to_owned(), causes);
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        let key = "retryAfterSeconds".to_owned();
        self.details.insert(key, json!(seconds));
        self
    }

    /// Says something besides.
    #[must_use]
    pub(super) fn warning(mut self, warnings: Vec<String>) -> Self {
        self.warnings.extend(warnings);
        self
    }

    /// What the client is told besides.
    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// After how many seconds to try again, if it says so.
    pub fn retries_after(&self) -> Option<u64> {
        self.details.get("retryAfterSeconds")?.as_u64()
    }

    /// The object that is sent.
    pub fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = json!(self.reason);
        }
        if !self.details.is_empty() {
            status["details"] = json!(self.details);
        }
        status
    }
}

impl Cause {
    /// A field that must be there.
    pub fn required(field: impl Into<String>) -> Self {
        Self {
            reason: "FieldValueRequired",
            message: "Required value".to_owned(),
            field: field.into(),
        }
    }

    /// A value that the field cannot have.
    pub fn invalid(field: impl Into<String>, value: &Value, why: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {value}: {why}"),
            field: field.into(),
        }
    }

    /// A field that may not be there, or may not change.
    pub fn forbidden(field: impl Into<String>, why: &str) -> Self {
        Self {
            reason: "FieldValueForbidden",
            message: format!("Forbidden: {why}"),
            field: field.into(),
        }
    }
}
