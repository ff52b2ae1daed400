use std::convert::Infallible;
use std::sync::Mutex;

use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tower::service_fn;

use super::*;
use crate::clock::PausedClock;
use crate::core::time::Time;

/// How the apiserver behaves at the moment.
#[derive(Clone, Copy, Default, PartialEq)]
enum Mood {
    #[default]
    Well,
    /// Never answers, and does nothing.
    Silent,
    /// Does what it is asked and never answers.
    Mute,
    /// Answers 503.
    Unavailable,
}

/// One Lease, changed by compare-and-swap.
#[derive(Default)]
struct Server {
    mood: Mood,
    lease: Option<Value>,
    revision: u64,
    requests: usize,
}

type Shared = Arc<Mutex<Server>>;

impl Server {
    fn answer(&mut self, method: &Method, mut body: Value) -> (u16, Value) {
        self.requests += 1;
        let stored = self.lease.as_ref().map(|lease| lease["metadata"]["resourceVersion"].clone());
        match (method, stored) {
            (&Method::GET, Some(_)) => return (200, self.lease.clone().unwrap()),
            (&Method::POST, Some(_)) => return (409, failure(409, "AlreadyExists")),
            (&Method::POST, None) => {}
            (&Method::PUT, Some(stored)) if body["metadata"]["resourceVersion"] == stored => {}
            (&Method::PUT, Some(_)) => return (409, failure(409, "Conflict")),
            _ => return (404, failure(404, "NotFound")),
        }
        self.revision += 1;
        body["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        self.lease = Some(body.clone());
        (200, body)
    }

    fn spec(&self, field: &str) -> Value {
        self.lease.as_ref().unwrap()["spec"][field].clone()
    }
}

fn failure(code: u16, reason: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
        "reason": reason, "message": reason})
}

fn client(server: &Shared) -> Client {
    let server = Arc::clone(server);
    let api = service_fn(move |request: Request<Body>| {
        let server = Arc::clone(&server);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let body = serde_json::from_slice(&body).unwrap_or_default();
            let mood = server.lock().unwrap().mood;
            let (code, body) = match mood {
                Mood::Well => server.lock().unwrap().answer(&head.method, body),
                Mood::Unavailable => (503, failure(503, "ServiceUnavailable")),
                Mood::Silent => std::future::pending().await,
                Mood::Mute => {
                    server.lock().unwrap().answer(&head.method, body);
                    std::future::pending().await
                }
            };
            let body = Body::from(serde_json::to_vec(&body).unwrap());
            Ok::<_, Infallible>(Response::builder().status(code).body(body).unwrap())
        }
    });
    Client::new(api, "certrotor")
}

struct Candidate {
    leadership: watch::Receiver<Leadership>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Candidate {
    fn leads(&self) -> bool {
        let leadership = self.leadership.borrow();
        assert!(!leadership.leader || leadership.until.is_some());
        leadership.leads_now()
    }
}

fn candidate(server: &Shared, identity: &str) -> Candidate {
    candidate_whose_clock_shows(server, identity, "2026-11-23T22:00:00Z")
}

fn candidate_whose_clock_shows(server: &Shared, identity: &str, now: &str) -> Candidate {
    let settings = LeaseSettings {
        namespace: "certrotor".to_owned(),
        name: "certrotor".to_owned(),
        identity: identity.to_owned(),
        installation: "one".to_owned(),
        terms: Terms::default(),
    };
    let clock = Arc::new(PausedClock::new(now.parse::<Time>().unwrap()));
    let calls = Calls::new(Duration::from_secs(5), Arc::new(()));
    let (elector, leadership) = Elector::new(client(server), settings, clock, calls);
    let stop = CancellationToken::new();
    let task = tokio::spawn(elector.run(stop.clone()));
    Candidate { leadership, stop, task }
}

/// Waits until the candidate leads, or no longer does, and says how many seconds that took.
async fn seconds_until(candidate: &mut Candidate, leads: bool) -> u64 {
    let began = Instant::now();
    candidate.leadership.wait_for(|leadership| leadership.leader == leads).await.unwrap();
    began.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn the_first_candidate_creates_the_lease_and_keeps_it() {
    let server = Shared::default();
    let mut first = candidate(&server, "first");
    assert_eq!(seconds_until(&mut first, true).await, 0);
    assert_eq!(first.leadership.borrow_and_update().holder.as_deref(), Some("first"));

    sleep(Duration::from_secs(3_600)).await;
    assert!(first.leads());
    assert!(!first.leadership.has_changed().unwrap(), "a renewal wakes nobody");
    let server = server.lock().unwrap();
    let metadata = &server.lease.as_ref().unwrap()["metadata"];
    assert_eq!(metadata["labels"][NAME_LABEL], NAME);
    assert_eq!(metadata["annotations"][INSTALLATION], "one");
    assert_eq!(server.spec("leaseTransitions"), 1);
    assert_eq!(server.spec("leaseDurationSeconds"), 15);
    assert_eq!(server.spec("acquireTime"), "2026-11-23T22:00:00.000000Z");
    // A read and a create, then one write every two seconds.
    assert!((1_795..1_805).contains(&server.requests), "{} requests", server.requests);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_not_renewed_is_taken_over_whatever_the_clocks_say() {
    for clock in ["1990-01-01T00:00:00Z", "2026-11-23T22:00:00Z", "2100-01-01T00:00:00Z"] {
        let server = Shared::default();
        let mut first = candidate(&server, "first");
        seconds_until(&mut first, true).await;
        let mut second = candidate_whose_clock_shows(&server, "second", clock);
        sleep(Duration::from_secs(60)).await;
        assert!(first.leads() && !second.leads());
        assert_eq!(second.leadership.borrow().holder.as_deref(), Some("first"));

        first.task.abort();
        let waited = seconds_until(&mut second, true).await;
        assert!((13..=17).contains(&waited), "{waited} s with a clock at {clock}");
        assert_eq!(server.lock().unwrap().spec("leaseTransitions"), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn shutdown_hands_the_lease_over_at_once() {
    let server = Shared::default();
    let mut first = candidate(&server, "first");
    seconds_until(&mut first, true).await;
    let mut second = candidate(&server, "second");
    sleep(Duration::from_secs(5)).await;

    first.stop.cancel();
    first.task.await.unwrap();
    assert!(!first.leadership.borrow().leader);
    assert!(first.leadership.changed().await.is_ok(), "the last word is that it does not lead");
    assert!(first.leadership.changed().await.is_err(), "then the channel is closed");
    assert_eq!(server.lock().unwrap().spec("holderIdentity"), Value::Null);
    assert!(seconds_until(&mut second, true).await <= 2);
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_does_not_lead_releases_nothing() {
    let server = Shared::default();
    let mut first = candidate(&server, "first");
    seconds_until(&mut first, true).await;
    let second = candidate(&server, "second");
    sleep(Duration::from_secs(5)).await;
    second.stop.cancel();
    second.task.await.unwrap();
    assert_eq!(server.lock().unwrap().spec("holderIdentity"), "first");
    assert!(first.leads());
}

#[tokio::test(start_paused = true)]
async fn it_stops_leading_at_the_deadline_even_if_the_server_is_silent() {
    for mood in [Mood::Silent, Mood::Mute, Mood::Unavailable] {
        let server = Shared::default();
        let mut first = candidate(&server, "first");
        seconds_until(&mut first, true).await;
        sleep(Duration::from_secs(61)).await;

        server.lock().unwrap().mood = mood;
        let waited = seconds_until(&mut first, false).await;
        assert!((8..=10).contains(&waited), "{waited} s");

        server.lock().unwrap().mood = Mood::Well;
        assert!(seconds_until(&mut first, true).await <= 7);
        assert_eq!(server.lock().unwrap().spec("leaseTransitions"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_costs_nothing() {
    let server = Shared::default();
    let mut first = candidate(&server, "first");
    seconds_until(&mut first, true).await;
    first.leadership.mark_unchanged();
    for mood in [Mood::Silent, Mood::Mute, Mood::Unavailable] {
        sleep(Duration::from_secs(30)).await;
        server.lock().unwrap().mood = mood;
        sleep(Duration::from_secs(4)).await;
        server.lock().unwrap().mood = Mood::Well;
        sleep(Duration::from_secs(10)).await;
        assert!(first.leads());
    }
    assert!(!first.leadership.has_changed().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_deleted_lease_is_made_anew() {
    let server = Shared::default();
    let mut first = candidate(&server, "first");
    seconds_until(&mut first, true).await;
    server.lock().unwrap().lease = None;
    sleep(Duration::from_secs(10)).await;
    assert!(first.leads());
    assert_eq!(server.lock().unwrap().spec("holderIdentity"), "first");
}

#[tokio::test(start_paused = true)]
async fn two_candidates_and_a_moody_server_never_make_two_leaders() {
    let server = Shared::default();
    let both = [candidate(&server, "first"), candidate(&server, "second")];
    let moods = [Mood::Well, Mood::Silent, Mood::Well, Mood::Mute, Mood::Well, Mood::Unavailable];
    for step in 0..2_000_usize {
        // Lengths that share no factor with the periods of the lease.
        if step % 37 == 0 {
            server.lock().unwrap().mood = moods[step / 37 % moods.len()];
        }
        sleep(Duration::from_millis(307)).await;
        assert!(!(both[0].leads() && both[1].leads()), "at step {step}");
    }
    server.lock().unwrap().mood = Mood::Well;
    sleep(Duration::from_secs(20)).await;
    assert!(both[0].leads() || both[1].leads());
}
