//! The brain: pure functions over plain values.
//!
//! Nothing in this folder knows a clock, the network, Kubernetes types, randomness or the log.
//! `now` is an argument, decisions are data, and wherever an order can reach a decision the map is
//! a `BTreeMap`. `tests/it/tidy.rs` holds this.

pub mod election;
pub mod time;
pub mod vocabulary;
