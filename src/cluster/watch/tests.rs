use std::collections::VecDeque;
use std::sync::Mutex;

use futures::stream;
use http::{Request, Response};
use http_body_util::{BodyStream, StreamBody};
use kube::client::Body;
use tokio::time::timeout;
use tower::{BoxError, service_fn};

use super::*;
use crate::clock::PausedClock;
use crate::cluster::stores::{Settings, Stores};
use crate::core::time::{Span, Time};
use crate::daemon;
use crate::metrics::acts::Acts;

const STARTED: Time = Time::from_unix(1_800_000_000);
const LIST: &str =
    r#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}"#;
const BOOKMARK: &str = concat!(
    r#"{"type":"BOOKMARK","object":{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"2"},"#,
    r#""spec":{"containers":[]}}}"#,
    "\n"
);

/// What an apiserver does with one request.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// It never answers.
    Silent,
    /// It begins with this much of its answer, and says no more.
    Hangs(usize),
    /// It answers; to a watch, with a bookmark, and keeps it open.
    Answers,
}
use Manner::{Answers, Hangs, Silent};

/// A watcher of an apiserver that has no pods and goes by this script, then behaves.
fn watcher_of(script: Arc<Mutex<VecDeque<Manner>>>) -> Watcher {
    let service = service_fn(move |request: Request<Body>| {
        let watches = request.uri().query().is_some_and(|query| query.contains("watch=true"));
        let text = if watches { BOOKMARK } else { LIST };
        let manner = script.lock().unwrap().pop_front().unwrap_or(Answers);
        async move {
            let (length, ends) = match manner {
                Silent => std::future::pending().await,
                Hangs(length) => (length, false),
                Answers => (text.len(), !watches),
            };
            let begun = BodyStream::new(Body::from(text.as_bytes()[..length].to_vec()));
            let more = if ends { stream::empty().boxed() } else { stream::pending().boxed() };
            Ok::<_, BoxError>(Response::new(StreamBody::new(begun.chain(more))))
        }
    });
    let client = Client::new(service, "default");
    let acts = Arc::new(Acts::new(&daemon::vocabulary()).unwrap());
    let clock = Arc::new(PausedClock::new(STARTED));
    let shared = Arc::new(Shared::new(Stores::new(Settings::default()), clock, acts));
    let calls = Calls::new(Duration::from_secs(10), Arc::new(()));
    Watcher::new(&client, calls, shared)
}

#[tokio::test(start_paused = true)]
async fn an_apiserver_that_falls_silent_blinds_no_watch() {
    let cases: [(&str, &[Manner], u64); 5] = [
        ("the list is never answered", &[Silent], 60),
        ("three lists are never answered", &[Silent, Silent, Silent], 120),
        ("the list breaks off", &[Hangs(30)], 60),
        ("the watch is never answered", &[Answers, Silent], 60),
        ("the watch is answered and no more comes, not even its end", &[Answers, Hangs(0)], 400),
    ];
    for (case, script, bound) in cases {
        // The last one is taken by the request with which the watch goes on.
        let script: VecDeque<Manner> = script.iter().copied().chain([Answers]).collect();
        let script = Arc::new(Mutex::new(script));
        let watcher = watcher_of(Arc::clone(&script));
        let shared = Arc::clone(&watcher.shared);
        let watch = watcher.watch(Kind::Pod, POD, None).run::<Pod>();
        let _never_ends = timeout(Duration::from_secs(bound), watch).await;
        assert!(script.lock().unwrap().is_empty(), "{case}: it was waited for");
        let standings = shared.reports().into_values().map(|report| report.standing);
        assert_eq!(standings.collect::<Vec<_>>(), [Standing::Synced], "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_with_nothing_to_say_is_heard_by_its_bookmarks() {
    let watcher = watcher_of(Arc::new(Mutex::new(VecDeque::new())));
    let shared = Arc::clone(&watcher.shared);
    let watch = watcher.watch(Kind::Pod, POD, None).run::<Pod>();
    let _never_ends = timeout(Duration::from_secs(300), watch).await;
    let heard = shared.reports().into_values().map(|report| report.last_heard);
    // kube ends a watch that says no more after 295 s, and begins it again.
    assert_eq!(heard.collect::<Vec<_>>(), [Some(STARTED + Span::seconds(295))]);
}
