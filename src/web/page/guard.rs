//! What every request and every answer is held to.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::problem;

/// Everything comes from here, nothing is inline, nothing is embedded, nothing is sent elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Only reading, only by a name of this machine where only this machine is served, and every answer
/// with what keeps a browser strict.
pub(super) async fn guard(loopback: bool, request: Request, next: Next) -> Response {
    let mut response = if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let allowed = [(ALLOW, HeaderValue::from_static("GET, HEAD"))];
        let told = "this is for reading only: GET and HEAD";
        (allowed, problem(StatusCode::METHOD_NOT_ALLOWED, told)).into_response()
    } else if loopback && !is_this_machine(&request) {
        let told = "open it as http://127.0.0.1 or http://localhost: another name could be a trick \
                    of a page elsewhere (DNS rebinding)";
        problem(StatusCode::MISDIRECTED_REQUEST, told)
    } else {
        next.run(request).await
    };
    let strict: [(HeaderName, &str); 7] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in strict {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether the browser was sent to this machine by a name that nobody else can own.
fn is_this_machine(request: &Request) -> bool {
    let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let host = header.or_else(|| request.uri().authority().map(Authority::as_str));
    host.is_some_and(names_this_machine)
}

fn names_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_nobody_else_can_own_are_this_machine() {
        for (host, ours) in [
            ("127.0.0.1:9441", true),
            ("127.0.0.1", true),
            ("localhost:9441", true),
            ("LOCALHOST", true),
            ("[::1]:9441", true),
            ("127.9.9.9:1", true),
            ("attacker.example:9441", false),
            ("127.0.0.1.attacker.example", false),
            ("localhost.attacker.example:9441", false),
            ("10.0.0.1:9441", false),
            ("[::2]:9441", false),
            ("", false),
        ] {
            assert_eq!(names_this_machine(host), ours, "{host}");
        }
    }
}
