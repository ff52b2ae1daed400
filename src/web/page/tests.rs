use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;
use crate::core::feasibility::feasibility;
use crate::core::fleet::{Alias, Issued};
use crate::core::plan::plan;
use crate::core::policy::Policy;
use crate::core::sample::{Db, NOW, crowd, fleet, policy, windows};

struct At(Time);

impl Clock for At {
    fn now(&self) -> Time {
        self.0
    }
}

fn view(fleet: crate::core::fleet::Fleet, policy: Policy) -> View {
    View {
        plan: Some(Arc::new(plan(&fleet, &policy, NOW))),
        feasibility: Some(Arc::new(feasibility(&fleet, &policy, NOW))),
        policy: Some(Arc::new(policy)),
        fleet: Arc::new(fleet),
        at: Some(NOW),
        config_loaded: Some(NOW),
    }
}

fn some() -> View {
    let windowed = policy(|_, rules| rules.windows = windows("0 2 * * *", "4h"));
    let due = Db::named("shop/orders").servers(2).lives("-70d..+20d");
    let dead = Db::named("web/blog").certificate(&Alias::Client, |certificate| {
        certificate.issued = Issued::Malformed("<script>alert(1)</script>".into());
    });
    view(fleet([due, dead, Db::named("web/fresh")]), windowed)
}

fn status(view: View) -> Status {
    let views = watch::Sender::new(Arc::new(view));
    Status { views: views.subscribe(), clock: Arc::new(At(NOW)), forecasts: Arc::default() }
}

struct Answer {
    code: u16,
    headers: HeaderMap,
    body: String,
}

async fn ask(view: View, request: Request<Body>, loopback: bool) -> Answer {
    let response = router(status(view), loopback).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        code: head.status.as_u16(),
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

async fn get_from(view: View, path: &str) -> Answer {
    let request = Request::get(path).header("host", "127.0.0.1:9441").body(Body::empty()).unwrap();
    ask(view, request, true).await
}

#[tokio::test]
async fn every_address_answers_with_what_keeps_a_browser_strict() {
    for (path, code, kind, says) in [
        ("/", 200, "text/html; charset=utf-8", "shop/</span>orders"),
        ("/?q=orders&state=Waiting", 200, "text/html; charset=utf-8", "1 database"),
        ("/?state=Waitin", 400, "text/html; charset=utf-8", "did you mean Waiting?"),
        ("/?q=nobody", 200, "text/html; charset=utf-8", "None of 3 databases matches."),
        ("/databases/shop/orders", 200, "text/html; charset=utf-8", "RenewalDue"),
        ("/databases/shop/order", 404, "text/html; charset=utf-8", "No database shop/order"),
        ("/api/v1/databases", 200, "application/json", "\"matching\": 3"),
        ("/api/v1/databases?sort=age", 400, "application/json", "\"error\": \"sort: no"),
        ("/api/v1/databases/shop/orders", 200, "application/json", "\"WindowClosed\""),
        ("/api/v1/databases/shop/order", 404, "application/json", "\"error\""),
        ("/api/v1/plan?until=30d", 200, "application/json", "\"starts\""),
        ("/api/v1/plan?until=30", 400, "application/json", "lacks a unit"),
        ("/api/v1/schema", 200, "application/json", "\"$defs\""),
        ("/assets/style.css", 200, "text/css", "--ground"),
        ("/assets/script.js", 200, "text/javascript", "use strict"),
        ("/assets/icon.svg", 200, "image/svg+xml", "<svg"),
        ("/etc/passwd", 404, "application/json", "nothing is here"),
    ] {
        let answer = get_from(some(), path).await;
        assert_eq!(answer.code, code, "{path}: {}", answer.body);
        assert!(answer.body.contains(says), "{path}: {}", answer.body);
        let header = |name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("content-type"), Some(kind), "{path}");
        let policy = header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert_eq!(header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(header("cross-origin-resource-policy"), Some("same-origin"), "{path}");
    }
}

#[tokio::test]
async fn it_is_for_reading_and_for_those_who_were_sent_to_this_machine() {
    for (method, host, loopback, code) in [
        ("GET", "127.0.0.1:9441", true, 200),
        ("HEAD", "localhost:9441", true, 200),
        ("POST", "127.0.0.1:9441", true, 405),
        ("DELETE", "127.0.0.1:9441", true, 405),
        ("GET", "rebound.example:9441", true, 421),
        ("GET", "certrotor.example", false, 200),
    ] {
        let request = Request::builder().method(method).uri("/").header("host", host);
        let answer = ask(some(), request.body(Body::empty()).unwrap(), loopback).await;
        assert_eq!(answer.code, code, "{method} {host}");
    }
    let nameless = Request::get("/").body(Body::empty()).unwrap();
    assert_eq!(ask(some(), nameless, true).await.code, 421);
}

#[tokio::test]
async fn before_the_first_decision_it_says_so() {
    for path in
        ["/", "/databases/a/b", "/api/v1/databases", "/api/v1/databases/a/b", "/api/v1/plan"]
    {
        let answer = get_from(View::default(), path).await;
        assert_eq!(answer.code, 503, "{path}");
        assert!(answer.body.contains("has not decided anything yet"), "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn hostile_text_is_text() {
    for path in
        ["/", "/databases/web/blog", "/?q=%3Cscript%3Ealert(1)%3C/script%3E", "/?%3Cscript%3E=1"]
    {
        let page = get_from(some(), path).await.body;
        assert!(!page.contains("<script>"), "{path}: {page}");
    }
    let page = get_from(some(), "/databases/web/blog").await.body;
    assert!(page.contains("&lt;script&gt;alert(1)"), "{page}");
}

#[tokio::test]
async fn who_knows_the_page_is_not_sent_it_again() {
    let first = get_from(some(), "/").await;
    let tag = first.headers.get(ETAG).unwrap().clone();
    let ask_again = |view| {
        let request =
            Request::get("/").header("host", "localhost").header(IF_NONE_MATCH, tag.clone());
        ask(view, request.body(Body::empty()).unwrap(), true)
    };
    let again = ask_again(some()).await;
    assert_eq!((again.code, &*again.body), (304, ""));
    let changed = view(fleet([Db::named("shop/orders")]), Policy::default());
    assert_eq!(ask_again(changed).await.code, 200);
}

#[tokio::test]
async fn a_follower_says_that_it_is_one() {
    let mut follows = some();
    Arc::make_mut(&mut follows.fleet).leader = false;
    let page = get_from(follows.clone(), "/").await.body;
    assert!(page.contains("follower: it says what it knows"), "{page}");
    let json = get_from(follows, "/api/v1/databases").await.body;
    assert!(json.contains("\"leader\": false"), "{json}");
}

#[tokio::test]
async fn what_is_answered_is_what_the_schema_says() {
    let schema: Value =
        serde_json::from_str(&get_from(some(), "/api/v1/schema").await.body).unwrap();
    let explained = "/api/v1/databases/{namespace}/{name}";
    for (path, kind) in [
        ("/api/v1/databases", "/api/v1/databases"),
        ("/api/v1/databases/shop/orders", explained),
        ("/api/v1/databases/web/blog", explained),
        ("/api/v1/plan", "/api/v1/plan"),
    ] {
        let answer: Value = serde_json::from_str(&get_from(some(), path).await.body).unwrap();
        agrees(&schema, &schema["properties"][kind], &answer, path);
    }
}

/// The part of JSON schema that is used.
fn agrees(root: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/$defs/").unwrap();
        return agrees(root, &root["$defs"][name], value, place);
    }
    if let Some(any) = schema["anyOf"].as_array() {
        let chosen = any.iter().find(|it| (it["type"] == "null") == value.is_null());
        return agrees(root, chosen.unwrap(), value, place);
    }
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{place}: {value} is none of {words:?}");
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds = schema["type"].as_array().cloned();
    let kinds = kinds.unwrap_or_else(|| vec![schema["type"].clone()]);
    assert!(kinds.contains(&Value::from(kind)), "{place}: {kind} is none of {kinds:?}");
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        agrees(root, &schema["items"], item, &format!("{place}[{index}]"));
    }
    for (name, field) in value.as_object().into_iter().flatten() {
        let known = &schema["properties"][name];
        let of = if known.is_null() { &schema["additionalProperties"] } else { known };
        assert!(!of.is_null(), "{place}.{name} is not in the schema");
        agrees(root, of, field, &format!("{place}.{name}"));
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(required.as_str().unwrap()).is_some(), "{place} lacks {required}");
    }
}

#[tokio::test]
async fn a_thousand_databases_are_a_page_of_a_hundred_and_not_heavy() {
    let windowed = policy(|_, rules| rules.windows = windows("0 2 * * *", "4h"));
    let page = get_from(view(crowd(1_000), windowed), "/").await.body;
    assert_eq!(page.matches("<tr id=\"row-").count(), 100);
    assert!(page.contains("1–100</span>") || page.contains("1–100 of 1000"), "pages");
    assert!(page.len() < 300_000, "{} bytes", page.len());
}
