use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::Value;
use tokio::time::sleep;
use tower::service_fn;

use super::*;
use crate::clock::PausedClock;
use crate::core::time::Time;

/// Keeps events by path, and a log of what was asked.
#[derive(Default)]
struct Server {
    events: BTreeMap<String, Value>,
    log: Vec<String>,
    silent: bool,
}

impl Server {
    fn answer(&mut self, method: &Method, path: &str, body: &Value) -> (u16, Value) {
        let name = body["metadata"]["name"].as_str();
        let path = name.map_or_else(|| path.to_owned(), |name| format!("{path}/{name}"));
        let known = self.events.get_mut(&path);
        let (code, body) = match (method, known) {
            (&Method::POST, None) => {
                self.events.insert(path, body.clone());
                (201, body.clone())
            }
            (&Method::POST, Some(_)) => (409, failure(409, "AlreadyExists")),
            (_, Some(event)) => {
                for (field, value) in body.as_object().unwrap() {
                    event[field] = value.clone();
                }
                (200, event.clone())
            }
            (_, None) => (404, failure(404, "NotFound")),
        };
        self.log.push(format!("{method} {code}"));
        (code, body)
    }
}

fn failure(code: u16, reason: &str) -> Value {
    json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": ""})
}

type Shared = Arc<Mutex<Server>>;

fn client(server: &Shared) -> Client {
    let server = Arc::clone(server);
    let api = service_fn(move |request: Request<Body>| {
        let server = Arc::clone(&server);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let body = serde_json::from_slice(&body).unwrap_or_default();
            let silent = server.lock().unwrap().silent;
            if silent {
                std::future::pending::<()>().await;
            }
            let (code, body) = server.lock().unwrap().answer(&head.method, head.uri.path(), &body);
            let body = Body::from(serde_json::to_vec(&body).unwrap());
            Ok::<_, Infallible>(Response::builder().status(code).body(body).unwrap())
        }
    });
    Client::new(api, "certrotor")
}

#[derive(Default)]
struct Dropped(AtomicUsize);

impl EventMetrics for Dropped {
    fn dropped(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Starts a writer, as a new process would.
fn start(server: &Shared) -> (Events, Arc<Dropped>) {
    let dropped = Arc::new(Dropped::default());
    let settings =
        EventSettings { component: "certrotor".to_owned(), instance: "pod-1".to_owned() };
    let clock = Arc::new(PausedClock::new("2026-11-23T22:00:00Z".parse::<Time>().unwrap()));
    let calls = Calls::new(Duration::from_secs(5), Arc::new(()));
    let metrics = Arc::<Dropped>::clone(&dropped);
    let (events, writer) = event_writer(client(server), settings, clock, calls, metrics);
    tokio::spawn(writer.run(CancellationToken::new()));
    (events, dropped)
}

fn event(note: &str) -> EventRecord {
    EventRecord {
        regarding: Regarding {
            api_version: "kubedb.com/v1".to_owned(),
            kind: "MySQL".to_owned(),
            namespace: "demo".to_owned(),
            name: "orders".to_owned(),
            uid: "u-1".to_owned(),
        },
        reason: "RenewalDue",
        action: "Rotate",
        note: note.to_owned(),
        warning: false,
    }
}

/// Lets the writer work, without a second passing.
async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

fn log(server: &Shared) -> Vec<String> {
    std::mem::take(&mut server.lock().unwrap().log)
}

#[tokio::test(start_paused = true)]
async fn an_event_is_what_kubectl_describe_shows() {
    let server = Shared::default();
    let (events, _) = start(&server);
    events.post(EventRecord { warning: true, ..event("45d left") });
    settle().await;

    let server = server.lock().unwrap();
    let (path, written) = server.events.first_key_value().unwrap();
    assert!(path.starts_with("/api/v1/namespaces/demo/events/orders."), "{path}");
    for (pointer, expected) in [
        ("/involvedObject/uid", "u-1"),
        ("/involvedObject/apiVersion", "kubedb.com/v1"),
        ("/involvedObject/kind", "MySQL"),
        ("/type", "Warning"),
        ("/reason", "RenewalDue"),
        ("/action", "Rotate"),
        ("/message", "45d left"),
        ("/firstTimestamp", "2026-11-23T22:00:00Z"),
        ("/lastTimestamp", "2026-11-23T22:00:00Z"),
        ("/source/component", "certrotor"),
        ("/reportingInstance", "pod-1"),
    ] {
        assert_eq!(written.pointer(pointer).unwrap(), expected, "{pointer}");
    }
    assert_eq!(written["count"], 1);
}

#[tokio::test(start_paused = true)]
async fn the_same_is_not_said_again_for_ten_minutes_and_then_counted() {
    let server = Shared::default();
    let (events, dropped) = start(&server);
    for _ in 0..59 {
        events.post(event("45d left"));
        settle().await;
        sleep(Duration::from_secs(10)).await;
    }
    assert_eq!(log(&server), ["POST 201"]);

    sleep(Duration::from_secs(10)).await;
    events.post(event("45d left"));
    settle().await;
    assert_eq!(log(&server), ["PATCH 200"]);
    let written = server.lock().unwrap().events.first_key_value().unwrap().1.clone();
    assert_eq!(written["count"], 60);
    assert_eq!(written["firstTimestamp"], "2026-11-23T22:00:00Z");
    assert_eq!(written["lastTimestamp"], "2026-11-23T22:10:00Z");
    assert_eq!(dropped.0.load(Ordering::Relaxed), 0);

    events.post(event("44d left"));
    events.post(EventRecord { reason: "ServedStale", ..event("45d left") });
    settle().await;
    assert_eq!(log(&server), ["POST 201", "POST 201"]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_with_the_same_event_and_an_expired_one_is_made_anew() {
    let server = Shared::default();
    let (events, _) = start(&server);
    events.post(event("45d left"));
    settle().await;
    let (events, dropped) = start(&server);
    events.post(event("45d left"));
    settle().await;
    assert_eq!(log(&server), ["POST 201", "POST 409", "PATCH 200"]);

    server.lock().unwrap().events.clear();
    sleep(QUIET).await;
    events.post(event("45d left"));
    settle().await;
    assert_eq!(log(&server), ["PATCH 404", "POST 201"]);
    assert_eq!(dropped.0.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_holds_nobody_up() {
    let server = Shared::default();
    server.lock().unwrap().silent = true;
    let (events, dropped) = start(&server);
    let began = Instant::now();
    for number in 0..QUEUE + 100 {
        events.post(event(&number.to_string()));
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(dropped.0.load(Ordering::Relaxed), 100);

    sleep(Duration::from_secs(11)).await;
    assert_eq!(dropped.0.load(Ordering::Relaxed), 102, "calls that end at their deadline");
    server.lock().unwrap().silent = false;
    sleep(Duration::from_secs(5)).await;
    assert_eq!(server.lock().unwrap().events.len(), QUEUE - 3);
}

#[tokio::test(start_paused = true)]
async fn objects_without_a_namespace_speak_in_default() {
    let server = Shared::default();
    let (events, _) = start(&server);
    let mut record = event("gone");
    record.regarding.namespace.clear();
    events.post(record);
    settle().await;
    let server = server.lock().unwrap();
    let (path, written) = server.events.first_key_value().unwrap();
    assert!(path.starts_with("/api/v1/namespaces/default/events/"), "{path}");
    assert_eq!(written["involvedObject"].get("namespace"), None);
}

#[test]
fn names_follow_from_what_is_said_and_fit() {
    let first = event("45d left");
    assert_eq!(event_name(&first), event_name(&first.clone()));
    let mut other = first.clone();
    other.regarding.uid = "u-2".to_owned();
    assert_ne!(event_name(&first), event_name(&other));

    let mut long = first;
    long.regarding.name = format!("{}.{}", "a".repeat(235), "b".repeat(17));
    let name = event_name(&long);
    assert!(name.len() <= 253 && !name.contains(".."), "{name}");
}

#[test]
fn notes_are_one_printable_line_of_at_most_a_kilobyte() {
    for (text, expected) in [
        ("plain", "plain"),
        ("two\nlines\r", "two lines "),
        ("\u{1b}[31mred", " [31mred"),
        ("right\u{202e}left\u{2066}", "right left "),
    ] {
        assert_eq!(printable(text, LONGEST_NOTE), expected);
    }
    for text in ["x".repeat(5_000), "ü€𐍈".repeat(1_000)] {
        let note = printable(&text, LONGEST_NOTE);
        assert!(note.len() <= LONGEST_NOTE && note.len() > LONGEST_NOTE - 8);
        assert!(note.ends_with('…'));
    }
}
