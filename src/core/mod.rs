//! The brain: pure functions over plain values.
//!
//! Nothing in this folder knows a clock, the network, Kubernetes types, randomness or the log.
//! `now` is an argument, decisions are data, and wherever an order can reach a decision the map is
//! a `BTreeMap`. `tests/it/tidy.rs` holds this.

pub mod budget;
pub mod calendar;
pub mod causes;
pub mod certificate;
pub mod digest;
pub mod election;
pub mod examine;
pub mod experience;
pub mod feasibility;
pub mod fleet;
pub mod forecast;
pub mod gates;
pub mod hours;
pub mod ladder;
pub mod looking;
pub mod plan;
pub mod policy;
pub mod probing;
pub mod record;
pub mod rotation;
pub mod sample;
pub mod selector;
pub mod serving;
pub mod show;
pub mod slots;
pub mod sorted;
pub mod time;
pub mod vocabulary;

#[cfg(test)]
mod protocol_search;
