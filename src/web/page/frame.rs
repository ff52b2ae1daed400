//! What all pages have in common.

use maud::{DOCTYPE, Markup, html};

use super::Shown;
use super::axis::in_full;
use crate::core::time::Time;
use crate::core::vocabulary::State;
use crate::report::Source;

/// How often a page looks for news, in milliseconds.
const EVERY: u32 = 2_000;

/// A whole page. `name` is what the browser's tab says.
pub(super) fn frame(shown: &Shown<'_>, source: &Source, name: &str, main: &Markup) -> Markup {
    let role =
        if source.leader { "leader" } else { "follower: it says what it knows and does nothing" };
    page(
        name,
        &html! {
            header.top id="top" {
                a.brand href="/" { (logo()) "certrotor" }
                p.source {
                    @if let Some(installation) = &source.installation {
                        span.installation { (installation) }
                    }
                    span { (role) }
                    span { "mode " (source.mode) }
                }
                p.clock { time datetime=(shown.now) { (in_full(shown.now)) } }
            }
            p.lost id="lost" role="status" hidden {
                "The connection is lost. This is what was known last; it is asked for again and again."
            }
            main id="main" data-every=(EVERY) { (main) }
            footer.bottom id="bottom" {
                p { "certrotor " (env!("CARGO_PKG_VERSION")) }
                p { a href="/api/v1/databases" { "JSON" } " · " a href="/api/v1/schema" { "schema" } }
            }
        },
    )
}

fn page(name: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (name) }
                link rel="icon" type="image/svg+xml" href="/assets/icon.svg";
                link rel="stylesheet" href="/assets/style.css";
                script defer src="/assets/script.js" {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                (body)
            }
        }
    }
}

/// A page that says what went wrong. It looks again by itself.
pub(super) fn problem(heading: &str, told: &str) -> Markup {
    page(
        &format!("{heading} · certrotor"),
        &html! {
            header.top id="top" { a.brand href="/" { (logo()) "certrotor" } }
            p.lost id="lost" role="status" hidden { "The connection is lost." }
            main.problem id="main" data-every=(EVERY) {
                h1 { (heading) }
                p { (told) }
                p { a href="/" { "The fleet" } }
            }
        },
    )
}

fn logo() -> Markup {
    html! {
        svg.logo width="22" height="22" viewBox="0 0 22 22" aria-hidden="true" {
            path.ring d="M18.6 7.4A8.5 8.5 0 1 0 19.5 11" {}
            path.arrow d="M19.9 3.2v4.9H15" {}
            circle.core cx="11" cy="11" r="3" {}
        }
    }
}

/// A state: a shape of its own, and the word.
pub(super) fn state(state: State) -> Markup {
    let class = format!("state {}", state.as_str().to_lowercase());
    html! { span class=(class) title=(state.meaning()) { (shape(state)) (state) } }
}

fn shape(state: State) -> Markup {
    html! {
        svg.shape width="12" height="12" viewBox="0 0 12 12" aria-hidden="true" {
            @match state {
                State::Fresh => path d="M2 6.4 4.8 9.2 10 3.2" {},
                State::Waiting => { circle cx="6" cy="6" r="4.4" {} path d="M6 3.4V6l1.8 1.4" {} },
                State::Rotating => { path d="M9.9 4A4.4 4.4 0 1 0 10.4 6.6" {} path d="M10.3 1.4v2.9H7.4" {} },
                State::Verifying => { circle cx="5" cy="5" r="3.4" {} path d="M7.6 7.6 10.6 10.6" {} },
                State::Stuck => { path d="M6 1.6 11 10.4H1Z" {} path d="M6 4.8v2.4M6 8.9v.1" {} },
                State::Unknown => { path d="M3.9 4.2a2.1 2.1 0 1 1 3 1.9C6.2 6.5 6 6.9 6 7.6M6 9.8v.1" {} },
                State::Unmanaged => path d="M2.5 6h7" {},
            }
        }
    }
}

/// A sentence of the vocabulary: what stands in backticks is code.
pub(super) fn in_words(sentence: &str) -> Markup {
    html! {
        @for (index, part) in sentence.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// How far away a moment is, and in full for who points at it.
pub(super) fn moment(at: Time, now: Time) -> Markup {
    html! { time datetime=(at) title=(in_full(at)) { (away(at, now)) } }
}

/// `in 3h 12m`, `now`, `2d 4h ago`.
pub(super) fn away(at: Time, now: Time) -> String {
    let left = at.since(now);
    match left.as_seconds() {
        0 => "now".to_owned(),
        1.. => format!("in {left}"),
        _ => format!("{} ago", now.since(at)),
    }
}

/// A moment in full, and how far away it is.
pub(super) fn moment_in_full(at: Time, now: Time) -> Markup {
    html! { time datetime=(at) { (in_full(at)) } " " span.faint { (away(at, now)) } }
}
