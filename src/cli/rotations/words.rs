//! What the words mean: the sentences of the vocabulary.

use crate::core::vocabulary::{Cause, Gate, Outcome, State};

/// The sentence about a word that a Rotation shows.
pub(super) fn meaning(word: &str) -> Option<&'static str> {
    let state = || word.parse().ok().map(State::meaning);
    let cause = || word.parse().ok().map(Cause::meaning);
    let gate = || word.parse().ok().map(Gate::meaning);
    let outcome = || word.parse().ok().map(Outcome::meaning);
    state().or_else(cause).or_else(gate).or_else(outcome)
}

/// Whether a reason is a gate, and not a cause.
pub(super) fn is_gate(word: &str) -> bool {
    word.parse::<Gate>().is_ok()
}
