//! The status page and the JSON beside it: read-only, for whoever reaches the listener, which is
//! this machine alone unless the config says otherwise. Every replica serves what it knows and says
//! whether it leads.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use maud::Markup;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::core::fleet::Key;
use crate::core::time::{Span, Time};
use crate::daemon::View;
use crate::report::{self, Choice, Outlook, outlook};

mod axis;
mod checks;
mod database;
mod fleet;
mod frame;
mod guard;
mod lane;
mod legend;

/// How far the forecast looks where nobody says.
const USUAL_AHEAD: Span = Span::days(90);
/// A forecast is made anew for what has changed, but takes no more than a tenth of the time.
const REST_AFTER: u32 = 10;

/// What the page is made from.
#[derive(Clone)]
pub struct Status {
    /// What the loop decides, turn by turn.
    pub views: watch::Receiver<Arc<View>>,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// The newest forecast.
    pub forecasts: Arc<Forecasts>,
}

/// The newest forecast, for all who look at the page.
#[derive(Default)]
pub struct Forecasts(Mutex<Option<Known>>);

struct Known {
    view: Arc<View>,
    ahead: Span,
    outlook: Arc<Outlook>,
    made: Instant,
    took: Duration,
}

impl Forecasts {
    /// One that looks at least so far ahead.
    fn of(&self, view: &Arc<View>, ahead: Span) -> Option<Arc<Outlook>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.as_ref().filter(|known| known.ahead >= ahead) {
            let rests = known.made.elapsed() < known.took * REST_AFTER;
            if Arc::ptr_eq(&known.view, view) || rests {
                return Some(Arc::clone(&known.outlook));
            }
        }
        let made = Instant::now();
        let outlook = Arc::new(outlook(view, ahead)?);
        let (view, took) = (Arc::clone(view), made.elapsed());
        *known = Some(Known { view, ahead, outlook: Arc::clone(&outlook), made, took });
        Some(outlook)
    }

    /// One that looks exactly so far ahead. They are made one at a time: whoever asks often must not
    /// take the daemon's processors.
    fn exactly(&self, view: &View, ahead: Span) -> Option<Outlook> {
        let _turn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        outlook(view, ahead)
    }
}

/// What one page shows: the view, and the moment at which it is shown.
struct Shown<'a> {
    view: &'a Arc<View>,
    now: Time,
}

/// Serves until `stop`, then lets requests under way end, for a few seconds.
pub async fn serve(
    listener: TcpListener,
    status: Status,
    stop: CancellationToken,
) -> io::Result<()> {
    let loopback = listener.local_addr()?.ip().is_loopback();
    super::serve_router(listener, router(status, loopback), stop, super::DRAIN).await
}

/// Everything that is served. `loopback`: only for browsers that were sent to this machine.
pub fn router(status: Status, loopback: bool) -> Router {
    Router::new()
        .route("/", get(fleet_page))
        .route("/databases/{namespace}/{name}", get(database_page))
        .route("/api/v1/databases", get(databases))
        .route("/api/v1/databases/{namespace}/{name}", get(database_json))
        .route("/api/v1/plan", get(plan))
        .route("/api/v1/schema", get(async || json(&report::schema())))
        .route("/assets/style.css", get(async || asset("text/css", STYLE)))
        .route("/assets/script.js", get(async || asset("text/javascript", SCRIPT)))
        .route("/assets/icon.svg", get(async || asset("image/svg+xml", ICON)))
        .fallback(async || {
            problem(
                StatusCode::NOT_FOUND,
                "nothing is here: / is the page, /api/v1/databases the JSON",
            )
        })
        .layer(middleware::from_fn(move |request, next| guard::guard(loopback, request, next)))
        .with_state(status)
}

const STYLE: &str = include_str!("assets/style.css");
const SCRIPT: &str = include_str!("assets/script.js");
const ICON: &str = include_str!("assets/icon.svg");

fn asset(kind: &'static str, text: &'static str) -> Response {
    let kind = HeaderValue::from_static(kind);
    ([(CONTENT_TYPE, kind)], text).into_response()
}

async fn fleet_page(
    State(status): State<Status>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let choice = match Choice::parse(query.as_deref().unwrap_or_default()) {
        Ok(choice) => choice,
        Err(told) => {
            return page_problem(StatusCode::BAD_REQUEST, "This link means nothing", &told);
        }
    };
    answer(&status, &headers, move |status, shown| fleet::page(status, shown, &choice)).await
}

async fn database_page(
    State(status): State<Status>,
    Path((namespace, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let key = Key::new(&namespace, &name);
    if status.views.borrow().plan.is_some()
        && !status.views.borrow().fleet.databases.contains_key(&key)
    {
        let told = format!("No database {key} is known here.");
        return page_problem(StatusCode::NOT_FOUND, "No such database", &told);
    }
    answer(&status, &headers, move |status, shown| database::page(status, shown, &key)).await
}

/// Renders on a thread that may take its time, and says nothing new to who knows it already.
async fn answer(
    status: &Status,
    headers: &HeaderMap,
    render: impl FnOnce(&Status, &Shown<'_>) -> Option<Markup> + Send + 'static,
) -> Response {
    let status = status.clone();
    let rendered = tokio::task::spawn_blocking(move || {
        let view = Arc::clone(&status.views.borrow());
        render(&status, &Shown { view: &view, now: status.clock.now() })
    });
    let Ok(Some(page)) = rendered.await else { return undecided_page() };
    let page = page.into_string();
    let tag = tag(page.as_bytes());
    if headers.get(IF_NONE_MATCH).is_some_and(|known| *known == tag) {
        return (StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response();
    }
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    ([(CONTENT_TYPE, kind), (ETAG, tag)], page).into_response()
}

fn tag(body: &[u8]) -> HeaderValue {
    let short = crate::core::certificate::Fingerprint::of(body).short();
    HeaderValue::from_str(&format!("\"{short}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

const UNDECIDED: &str = "certrotor has not decided anything yet: it reads the cluster first. /readyz of its metrics \
                         server says what is missing.";

fn undecided_page() -> Response {
    page_problem(StatusCode::SERVICE_UNAVAILABLE, "Not yet", UNDECIDED)
}

fn page_problem(code: StatusCode, heading: &str, told: &str) -> Response {
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    (code, [(CONTENT_TYPE, kind)], frame::problem(heading, told).into_string()).into_response()
}

async fn databases(State(status): State<Status>, RawQuery(query): RawQuery) -> Response {
    asked(&status, query, report::overview).await
}

async fn plan(State(status): State<Status>, RawQuery(query): RawQuery) -> Response {
    let forecasts = Arc::clone(&status.forecasts);
    let say = move |view: &View, choice: &Choice| {
        forecasts.exactly(view, choice.span.unwrap_or(USUAL_AHEAD))
    };
    asked(&status, query, say).await
}

async fn asked<T: serde::Serialize + Send + 'static>(
    status: &Status,
    query: Option<String>,
    say: impl FnOnce(&View, &Choice) -> Option<T> + Send + 'static,
) -> Response {
    let choice = match Choice::parse(query.as_deref().unwrap_or_default()) {
        Ok(choice) => choice,
        Err(told) => return problem(StatusCode::BAD_REQUEST, &told),
    };
    let view = Arc::clone(&status.views.borrow());
    match tokio::task::spawn_blocking(move || say(&view, &choice)).await {
        Ok(Some(said)) => json(&said),
        Ok(None) => problem(StatusCode::SERVICE_UNAVAILABLE, UNDECIDED),
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "the log says what went wrong"),
    }
}

async fn database_json(
    State(status): State<Status>,
    Path((namespace, name)): Path<(String, String)>,
) -> Response {
    let view = Arc::clone(&status.views.borrow());
    let key = Key::new(&namespace, &name);
    match report::explanation(&view, &key) {
        Some(said) => json(&said),
        None if view.plan.is_none() => problem(StatusCode::SERVICE_UNAVAILABLE, UNDECIDED),
        None => problem(StatusCode::NOT_FOUND, &format!("no database {key} is known here")),
    }
}

fn json(value: &impl serde::Serialize) -> Response {
    let kind = HeaderValue::from_static("application/json");
    match serde_json::to_string_pretty(value) {
        Ok(text) => ([(CONTENT_TYPE, kind)], text + "\n").into_response(),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// A JSON object with the one field `error`.
fn problem(code: StatusCode, told: &str) -> Response {
    (code, json(&serde_json::json!({"error": told}))).into_response()
}

#[cfg(test)]
mod tests;
