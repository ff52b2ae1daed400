//! One database: the page that `certrotor explain` is in a terminal.

use maud::{Markup, html};

use super::axis::Axis;
use super::checks::{causes, gates};
use super::frame::{frame, in_words, moment, moment_in_full, state};
use super::lane::{Calendars, Lane, freezes, scale};
use super::{Shown, Status, legend};
use crate::core::fleet::Key;
use crate::core::time::{Span, Time};
use crate::report::{Certificate, Current, Explanation, Last, Rotation, Server, explanation};

/// The page of one database; none before the first decision, or if it has gone meanwhile.
pub(super) fn page(status: &Status, shown: &Shown<'_>, key: &Key) -> Option<Markup> {
    let explained = explanation(shown.view, key)?;
    let line = &explained.database;
    let main = html! {
        nav.trail aria-label="Where this is" { a href="/" { "Fleet" } " / " a href=(format!("/?namespace={}", key.namespace)) { (key.namespace) } }
        h1 { span.namespace { (key.namespace) "/" } (key.name) }
        p.verdict { (state(line.state)) " " (line.message) }
        (facts(shown, &explained))
        @if let Some(lane) = lane(status, shown, key, &explained) { (lane) }
        div.columns {
            div { (causes(shown, &explained)) }
            div { (gates(shown, &explained)) (story(shown, &explained)) (rules(&explained)) }
        }
        (certificates(shown, &explained.certificates))
        (servers(shown, &explained.servers))
        (legend::legend())
    };
    let name = format!("{key} · {} · certrotor", line.state);
    Some(frame(shown, &explained.source, &name, &main))
}

fn facts(shown: &Shown<'_>, explained: &Explanation) -> Markup {
    let line = &explained.database;
    let known = |at: Option<Time>, otherwise: &str| {
        html! {
            @match at { Some(at) => (moment_in_full(at, shown.now)), None => span.faint { (otherwise) } }
        }
    };
    html! {
        dl.facts {
            dt { "Expires" } dd { (known(line.expires, "no certificate is known")) }
            dt { "Next rotation" } dd { (known(line.next, "when something changes")) }
            dt { "Stage" } dd { (line.stage) ": " span.faint { (in_words(line.stage.meaning())) } }
            dt { "Window" } dd {
                @match line.window {
                    Some(window) if window.open => "open",
                    Some(window) => { "closed" @if let Some(at) = window.opens { ", opens " (moment_in_full(at, shown.now)) } },
                    None => span.faint { "none" },
                }
            }
            dt { "May change" } dd { (known(explained.changes, "when something happens")) }
            @if let Some(infeasible) = &line.infeasible {
                dt { "In time?" } dd.late { "no: " (infeasible.reason.meaning()) " Deadline " (moment_in_full(infeasible.deadline, shown.now)) }
            }
        }
    }
}

fn lane(status: &Status, shown: &Shown<'_>, key: &Key, explained: &Explanation) -> Option<Markup> {
    let line = &explained.database;
    let life = line.certificate.map(|life| life.not_after.since(life.not_before));
    let ahead = life.unwrap_or(Span::days(90)).clamp(Span::MINUTE, crate::core::forecast::LONGEST);
    let axis = Axis::around(shown.now, ahead);
    let outlook = status.forecasts.of(shown.view, ahead)?;
    let ours = |it: &&Rotation| (&*it.namespace, &*it.name) == (&*key.namespace, &*key.name);
    let planned: Vec<&Rotation> = outlook.rotations.iter().filter(ours).collect();
    let (policy, database) = (shown.view.policy.as_ref()?, shown.view.fleet.databases.get(key)?);
    let mut calendars = Calendars::default();
    let calendar = calendars.of(policy, key, database);
    let lane =
        Lane { line, planned: &planned, calendar, freezes: freezes(policy, key, database, axis) };
    Some(html! {
        (calendars.definitions(axis))
        div.one-lane { (scale(axis)) (lane.draw(axis)) }
        @if !planned.is_empty() {
            p.planned {
                "Planned: "
                @for (index, rotation) in planned.iter().take(3).enumerate() {
                    @if index > 0 { ", " }
                    (rotation.cause) " " (moment_in_full(rotation.starts, shown.now))
                }
            }
        }
    })
}

fn certificates(shown: &Shown<'_>, certificates: &[Certificate]) -> Markup {
    html! {
        section aria-labelledby="certificates" {
            h2 id="certificates" { "Certificates" }
            div.scroll tabindex="0" role="region" aria-labelledby="certificates" { table.plain {
                thead { tr { th scope="col" { "Alias" } th scope="col" { "Issued by" } th scope="col" { "From" } th scope="col" { "Ends" } th scope="col" { "Due" } th scope="col" { "Serial" } } }
                tbody {
                    @for certificate in certificates {
                        tr {
                            th scope="row" { (certificate.alias) span.under { (certificate.name) } }
                            td { (certificate.issuer) }
                            @match &certificate.life {
                                Some(life) => {
                                    td { (moment(life.not_before, shown.now)) }
                                    td { (moment(life.not_after, shown.now)) }
                                    td { (moment(life.due, shown.now)) }
                                },
                                None => td colspan="3" {},
                            }
                            td.mono {
                                (certificate.serial.as_deref().unwrap_or("–"))
                                @if let Some(problem) = &certificate.problem { span.under.late { (problem) } }
                                @if let Some(since) = certificate.issuing_since { span.under { "being issued, since " (moment(since, shown.now)) } }
                            }
                        }
                    }
                }
            } }
        }
    }
}

fn servers(shown: &Shown<'_>, servers: &[Server]) -> Markup {
    html! {
        section aria-labelledby="servers" {
            h2 id="servers" { "Servers" }
            div.scroll tabindex="0" role="region" aria-labelledby="servers" { table.plain {
                thead { tr { th scope="col" { "Pod" } th scope="col" { "Presents" } th scope="col" { "Newest look" } th scope="col" { "Its chain" } th scope="col" { "Started" } } }
                tbody {
                    @for server in servers {
                        @let look = server.looks.first();
                        tr {
                            th scope="row" { (server.pod) @if !server.ready { span.under.late { "not Ready" } } }
                            td {
                                @match server.presents.as_str() {
                                    "issued" => "the issued certificate",
                                    "other" => span.late { "another certificate" },
                                    _ => span.faint { "unknown" },
                                }
                                @if let Some(proof) = &server.proof { span.under { (proof) } }
                            }
                            td {
                                @match look { Some(look) => (moment(look.began, shown.now)), None => span.faint { "none" } }
                                @if let Some(missed) = &server.missed { span.under.late { "the newest showed nothing: " (missed) } }
                            }
                            td {
                                @match look.and_then(|look| look.trusted) {
                                    Some(true) => "holds against the published CA",
                                    Some(false) => span.late { "fails the published CA" },
                                    None => span.faint { "unknown" },
                                }
                            }
                            td { @match server.started { Some(at) => (moment(at, shown.now)), None => span.faint { "not running" } } }
                        }
                    }
                }
            } }
        }
    }
}

fn rules(explained: &Explanation) -> Markup {
    let rules = &explained.rules;
    html! {
        section aria-labelledby="rules" {
            h2 id="rules" { "Rules" }
            dl.facts {
                dt { "renewBefore" } dd { (rules.renew_before) }
                dt { "emergency.before" } dd { (rules.emergency_before) }
                dt { "windows" } dd { @if rules.windows.is_empty() { "always open" } @for window in &rules.windows { span.each { (window) } } }
                dt { "freezes" } dd { @if rules.freezes.is_empty() { "none" } @for freeze in &rules.freezes { span.each { (freeze) } } }
                dt { "schedule" } dd { (rules.schedule.as_deref().unwrap_or("none")) }
                dt { "minInterval" } dd { (Span::seconds(rules.min_interval_seconds)) }
                @if let Some(seconds) = rules.duration_seconds { dt { "Takes" } dd { (Span::seconds(seconds)) } }
                @if let Some(wishes) = &explained.wishes {
                    @if wishes.suspend { dt { "spec.suspend" } dd { "true" } }
                    @if let Some(at) = &wishes.requested_at { dt { "spec.requestedAt" } dd { (at) } }
                    @if let Some(lead) = &wishes.renew_before { dt { "spec.renewBefore" } dd { (lead) } }
                    @if !wishes.windows.is_empty() { dt { "spec.windows" } dd { @for window in &wishes.windows { span.each { (window) } } } }
                    @for problem in &wishes.problems { dt { "spec" } dd.late { (problem) } }
                }
            }
        }
    }
}

fn story(shown: &Shown<'_>, explained: &Explanation) -> Markup {
    html! {
        section aria-labelledby="story" {
            h2 id="story" { "Rotations" }
            @if let Some(current) = &explained.current { (open(shown, current)) }
            @if let Some(last) = &explained.last { (closed(shown, last)) }
            @if explained.attempts.is_empty() && explained.current.is_none() { p.faint { "None yet." } }
            @if !explained.attempts.is_empty() {
                h3 { "Attempts" }
                ul.attempts {
                    @for attempt in &explained.attempts {
                        li {
                            strong title=(attempt.outcome.meaning()) { (attempt.outcome) } " " (moment(attempt.ended, shown.now))
                            @if let Some(seconds) = attempt.duration_seconds { ", took " (Span::seconds(seconds)) }
                            span.under.mono { (attempt.request) }
                        }
                    }
                }
            }
        }
    }
}

fn open(shown: &Shown<'_>, current: &Current) -> Markup {
    html! {
        h3 { "Open" }
        dl.facts {
            dt { "Opened" } dd { (moment_in_full(current.opened, shown.now)) " for " (words(&current.causes)) }
            dt { "Attempt" } dd { (current.attempt) ", " (current.failures) " failed before" }
            @if let Some(at) = current.next_try { dt { "Next try" } dd { (moment_in_full(at, shown.now)) } }
            dt { "Request" } dd { span.mono { (current.request) }
                @match (current.created, current.started) {
                    (_, Some(at)) => { ", started " (moment(at, shown.now)) },
                    (Some(at), None) => { ", created " (moment(at, shown.now)) ", not started" },
                    (None, None) => ", not created yet",
                } }
            @if let Some(message) = &current.message { dt { "Its operator" } dd { (message) } }
        }
    }
}

fn closed(shown: &Shown<'_>, last: &Last) -> Markup {
    html! {
        h3 { "Last" }
        dl.facts {
            dt { "Outcome" } dd { (last.outcome) ": " span.faint { (in_words(last.outcome.meaning())) } }
            dt { "Closed" } dd { (moment_in_full(last.closed, shown.now)) ", opened " (moment(last.opened, shown.now)) " for " (words(&last.causes)) }
            @if let Some(seconds) = last.life_left_seconds { dt { "Life left" } dd { (Span::seconds(seconds)) " of the old certificate, when it began" } }
        }
    }
}

fn words(causes: &[crate::core::vocabulary::Cause]) -> String {
    causes.iter().map(|cause| cause.as_str()).collect::<Vec<_>>().join(", ")
}
