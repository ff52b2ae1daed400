//! The fleet on one page.

use std::collections::BTreeMap;
use std::sync::Arc;

use maud::{Markup, html};

use super::axis::Axis;
use super::frame::{frame, moment, state};
use super::lane::{Calendars, Lane, freezes, scale};
use super::{Shown, Status, legend};
use crate::core::fleet::Key;
use crate::core::time::Span;
use crate::core::vocabulary::{Stage, State};
use crate::report::{Choice, Line, Outlook, Overview, Rotation, Sort, overview, rank};

/// Spans that the form offers, in days.
const SPANS: [i64; 5] = [1, 7, 30, 90, 365];
/// Without any certificate, so much is shown.
const USUAL_SPAN: Span = Span::days(90);

/// The page, as it was chosen; none before the first decision.
pub(super) fn page(status: &Status, shown: &Shown<'_>, choice: &Choice) -> Option<Markup> {
    let overview = overview(shown.view, choice)?;
    let axis = Axis::around(shown.now, choice.span.unwrap_or_else(|| fitting(&overview.databases)));
    let outlook = status.forecasts.of(shown.view, axis.to.since(axis.now))?;
    let main = html! {
        h1.hidden { "Databases and the life of their certificates" }
        (figures(shown, &overview, &outlook))
        (states(&overview, choice))
        (form(&overview, choice))
        @if overview.databases.is_empty() {
            (nothing(&overview, choice))
        } @else {
            (table(shown, &overview, &outlook, axis))
            (pages(&overview, choice))
        }
        (legend::legend())
    };
    let waiting = overview.states.get(&State::Stuck).copied().unwrap_or_default();
    let name = match waiting {
        0 => "certrotor".to_owned(),
        stuck => format!("({stuck} stuck) certrotor"),
    };
    Some(frame(shown, &overview.source, &name, &main))
}

/// As long as most lives that are shown are, or as far as anybody can look.
fn fitting(lines: &[Line]) -> Span {
    let watched = lines.iter().filter(|line| line.state != State::Unmanaged);
    let lives = watched.filter_map(|line| line.certificate);
    let mut lives: Vec<Span> = lives.map(|life| life.not_after.since(life.not_before)).collect();
    lives.sort_unstable();
    let most = lives.get(lives.len() / 2).copied();
    most.unwrap_or(USUAL_SPAN).clamp(Span::MINUTE, crate::core::forecast::LONGEST)
}

fn figures(shown: &Shown<'_>, overview: &Overview, outlook: &Outlook) -> Markup {
    let next = outlook.rotations.first();
    let expires = shown.view.plan.iter().flat_map(|plan| &plan.verdicts);
    let expires = expires.filter_map(|(key, verdict)| Some((verdict.expires?, key))).min();
    html! {
        dl.figures {
            div {
                dt { "Next rotation" }
                dd {
                    @match next {
                        Some(next) => {
                            strong { (moment(next.starts, shown.now)) }
                            " " (link(&next.namespace, &next.name))
                        },
                        None => span.faint { "none within " (outlook.until.since(shown.now)) },
                    }
                }
            }
            div {
                dt { "Expires first" }
                dd {
                    @match expires {
                        Some((at, key)) => {
                            strong { (moment(at, shown.now)) }
                            " " (link(&key.namespace, &key.name))
                        },
                        None => span.faint { "no certificate is known" },
                    }
                }
            }
            div {
                dt { "In flight" }
                dd { strong { (overview.in_flight) } " of " (overview.limits.total) }
            }
        }
    }
}

fn link(namespace: &str, name: &str) -> Markup {
    html! {
        a href=(path(namespace, name)) { span.namespace { (namespace) "/" } (name) }
    }
}

/// Names of Kubernetes need no escaping in a path; whatever is none is not one of its objects.
fn path(namespace: &str, name: &str) -> String {
    let part = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("/databases/{}/{}", part(namespace), part(name))
}

fn href(choice: &Choice) -> String {
    let query = choice.query();
    if query.is_empty() { "/".to_owned() } else { format!("/?{query}") }
}

fn states(overview: &Overview, choice: &Choice) -> Markup {
    let all: usize = overview.states.values().sum();
    let to = |state: Option<State>| href(&Choice { state, offset: 0, ..choice.clone() });
    let current = |chosen: bool| chosen.then_some("true");
    let mut states: Vec<(&State, &usize)> = overview.states.iter().collect();
    states.sort_by_key(|(state, _)| rank(**state));
    html! {
        nav.states aria-label="States" {
            a href=(to(None)) aria-current=[current(choice.state.is_none())] { "All " span.count { (all) } }
            @for (word, count) in states {
                @if *count > 0 || choice.state == Some(*word) {
                    a href=(to(Some(*word))) aria-current=[current(choice.state == Some(*word))] {
                        (state(*word)) " " span.count { (count) }
                    }
                }
            }
        }
    }
}

fn form(overview: &Overview, choice: &Choice) -> Markup {
    let automatic = choice.span.is_none();
    html! {
        form.choose id="choose" action="/" method="get" role="search" {
            @if let Some(state) = choice.state { input type="hidden" name="state" value=(state); }
            @if let Some(namespace) = &choice.namespace {
                input type="hidden" name="namespace" value=(namespace);
            }
            label { span { "Find" }
                input type="search" name="q" value=(choice.text) placeholder="namespace/name" autocomplete="off"
                    spellcheck="false" aria-keyshortcuts="/"; }
            label { span { "Sort by" }
                select name="sort" {
                    @for sort in Sort::ALL {
                        option value=(sort) selected[*sort == choice.sort] { (sort_in_words(*sort)) }
                    }
                }
            }
            label { span { "Show" }
                select name="span" {
                    option value="" selected[automatic] { "what fits" }
                    @for days in SPANS {
                        option value=(format!("{days}d")) selected[choice.span == Some(Span::days(days))] {
                            (days) @if days == 1 { " day" } @else { " days" }
                        }
                    }
                }
            }
            button type="submit" { "Show" }
            p.matching { (overview.matching) " " @if overview.matching == 1 { "database" } @else { "databases" } }
        }
    }
}

const fn sort_in_words(sort: Sort) -> &'static str {
    match sort {
        Sort::Urgency => "urgency",
        Sort::Name => "name",
        Sort::Expires => "what expires first",
        Sort::Next => "what rotates first",
    }
}

fn nothing(overview: &Overview, choice: &Choice) -> Markup {
    let all: usize = overview.states.values().sum();
    html! {
        p.nothing {
            @if all == 0 {
                "No MySQL is known in the watched namespaces."
            } @else {
                "None of " (all) " databases matches. "
                a href=(href(&Choice { span: choice.span, ..Choice::default() })) { "Show all" }
            }
        }
    }
}

type Planned<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a Rotation>>;

fn table(shown: &Shown<'_>, overview: &Overview, outlook: &Arc<Outlook>, axis: Axis) -> Markup {
    let mut planned = Planned::new();
    for rotation in &outlook.rotations {
        planned.entry((&rotation.namespace, &rotation.name)).or_default().push(rotation);
    }
    let mut calendars = Calendars::default();
    let rows: Vec<Markup> = overview
        .databases
        .iter()
        .map(|line| row(shown, line, &planned, &mut calendars, axis))
        .collect();
    html! {
        (calendars.definitions(axis))
        table.fleet role="table" {
            caption.hidden { "Databases, what each is doing, and the life of its certificate" }
            thead role="rowgroup" {
                tr role="row" {
                    th scope="col" role="columnheader" { "Database" }
                    th scope="col" role="columnheader" { "State" }
                    th.scale scope="col" role="columnheader" { span.hidden { "Life of the certificate" } (scale(axis)) }
                    th scope="col" role="columnheader" { "Expires" }
                    th scope="col" role="columnheader" { "Next" }
                    th scope="col" role="columnheader" { "Last" }
                }
            }
            tbody id="rows" role="rowgroup" { @for row in &rows { (row) } }
        }
    }
}

fn row(
    shown: &Shown<'_>,
    line: &Line,
    planned: &Planned<'_>,
    calendars: &mut Calendars,
    axis: Axis,
) -> Markup {
    let key = Key::new(&line.namespace, &line.name);
    let (mut calendar, mut frozen) = (None, Vec::new());
    if let (Some(policy), Some(database)) =
        (&shown.view.policy, shown.view.fleet.databases.get(&key))
    {
        calendar = calendars.of(policy, &key, database);
        frozen = freezes(policy, &key, database, axis);
    }
    let planned = planned.get(&(&*line.namespace, &*line.name)).map(Vec::as_slice);
    let lane = Lane { line, planned: planned.unwrap_or_default(), calendar, freezes: frozen };
    let last = line.attempts.first();
    html! {
        tr id=(format!("row-{}-{}", line.namespace, line.name)) role="row" {
            th.database scope="row" role="rowheader" { (link(&line.namespace, &line.name)) }
            td.doing role="cell" title=(line.message) {
                (state(line.state))
                @if let Some(reason) = reason(line) { " " span.reason { (reason) } }
                @if let Some(infeasible) = &line.infeasible {
                    " " span.late title=(infeasible.reason.meaning()) { "cannot be rotated in time" }
                }
            }
            td.life role="cell" { (lane.draw(axis)) }
            td.when role="cell" data-label="Expires" {
                @match line.expires { Some(at) => (moment(at, shown.now)), None => span.faint { "–" } }
            }
            td.when role="cell" data-label="Next" {
                @match line.next { Some(at) => (moment(at.max(shown.now), shown.now)), None => span.faint { "–" } }
            }
            td.last role="cell" data-label="Last" {
                @match last {
                    Some(last) => span title=(format!("{} {}", last.outcome.meaning(), super::axis::in_full(last.ended))) { (last.outcome) },
                    None => span.faint { "–" },
                }
            }
        }
    }
}

/// Why it is due, and what it waits for, in the words of the vocabulary.
fn reason(line: &Line) -> Option<String> {
    let pressing = line.stage > Stage::Normal;
    let stage = if pressing { format!("{}: ", line.stage) } else { String::new() };
    match (line.cause(), line.gate()) {
        (Some(cause), Some(gate)) => Some(format!("{stage}{cause}, waits for {gate}")),
        (Some(cause), None) => Some(format!("{stage}{cause}")),
        (None, Some(gate)) => Some(format!("waits for {gate}")),
        (None, None) => None,
    }
}

fn pages(overview: &Overview, choice: &Choice) -> Markup {
    let last = overview.offset + overview.databases.len();
    let to = |offset| href(&Choice { offset, ..choice.clone() });
    html! {
        @if overview.matching > overview.databases.len() {
            nav.pages aria-label="Pages" {
                @if overview.offset > 0 {
                    a rel="prev" href=(to(overview.offset.saturating_sub(choice.limit))) { "← Before" }
                }
                span { (overview.offset + 1) "–" (last) " of " (overview.matching) }
                @if last < overview.matching {
                    a rel="next" href=(to(last)) { "After →" }
                }
            }
        }
    }
}
