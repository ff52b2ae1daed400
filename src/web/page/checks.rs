//! Every check of a decision, in its order.

use maud::{Markup, html};

use super::Shown;
use super::frame::{in_words, moment_in_full};
use crate::report::{Cause, Explanation, Gate};

pub(super) fn causes(shown: &Shown<'_>, explained: &Explanation) -> Markup {
    html! {
        section.checks aria-labelledby="causes" {
            h2 id="causes" { "Is a rotation due?" }
            p.hint { "In this order; the first that holds names the rotation." }
            ol { @for cause in &explained.causes { (cause_line(shown, cause)) } }
        }
    }
}

fn cause_line(shown: &Shown<'_>, cause: &Cause) -> Markup {
    let holds = !cause.held.is_empty();
    html! {
        li.holds[holds] {
            span.sign { (sign(holds, "M2 6.4 4.8 9.2 10 3.2")) }
            div {
                strong.word { (cause.cause) }
                span.verdict { @if holds { "yes" } @else { "no" } }
                p { (in_words(&cause.meaning)) }
                @if holds { (advice(&cause.advice)) }
                @for hold in &cause.held {
                    p.evidence { (hold.alias) ": " (hold.evidence)
                        @if let Some(gate) = hold.barred { " — reported only: " (gate) } }
                }
                @if let Some(from) = cause.from {
                    p.evidence { "from " (moment_in_full(from, shown.now)) }
                }
            }
        }
    }
}

pub(super) fn gates(shown: &Shown<'_>, explained: &Explanation) -> Markup {
    let due = explained.causes.iter().any(|cause| !cause.held.is_empty());
    let shut = explained.gates.iter().filter(|gate| gate.closed).count();
    html! {
        section.checks aria-labelledby="gates" {
            h2 id="gates" { "May it begin now?" }
            p.hint {
                @match (due, shut) {
                    (true, 0) => "Every gate is open.",
                    (true, _) => "In this order; it begins when all gates are open.",
                    (false, 0) => "Nothing is due. If it were, every gate would be open.",
                    (false, _) => "Nothing is due. If it were, these would be in its way.",
                }
            }
            ol { @for gate in explained.gates.iter().filter(|gate| gate.closed) { (gate_line(shown, gate)) } }
            details id="open-gates" {
                summary { (explained.gates.len() - shut) " gates are open" }
                ol { @for gate in explained.gates.iter().filter(|gate| !gate.closed) { (gate_line(shown, gate)) } }
            }
        }
    }
}

fn gate_line(shown: &Shown<'_>, gate: &Gate) -> Markup {
    html! {
        li.closed[gate.closed] {
            span.sign { (sign(gate.closed, "M3 3 9 9M9 3 3 9")) }
            div {
                strong.word { (gate.gate) }
                span.verdict { @if gate.closed { "closed" } @else { "open" } }
                p { (in_words(&gate.meaning)) }
                @if gate.closed { (advice(&gate.advice)) }
                @if let Some(detail) = &gate.detail { p.evidence { (detail) } }
                @if let Some(until) = gate.until {
                    p.evidence { "until " (moment_in_full(until, shown.now)) }
                }
            }
        }
    }
}

/// What to do.
fn advice(sentence: &str) -> Markup {
    html! { p.advice { span aria-hidden="true" { "→ " } span.hidden { "What to do: " } (in_words(sentence)) } }
}

/// A mark where something holds, a dot where it does not.
fn sign(holds: bool, mark: &str) -> Markup {
    html! {
        svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true" {
            @if holds { path d=(mark) {} } @else { circle cx="6" cy="6" r="1.8" {} }
        }
    }
}
