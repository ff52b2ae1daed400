//! The commands about rotations: they read and write `Rotation` objects with the user's own rights.
//! `explain` and `plan` ask the daemon itself where it can be asked.

mod ask;
mod choice;
mod explain;
mod follow;
mod local;
mod plan;
mod reach;
mod row;
mod status;
mod told;
mod wish;
mod words;

pub(super) use explain::Explain;
pub(super) use plan::Plan;
pub(super) use status::Status;
pub(super) use wish::{Resume, Rotate, Suspend};

#[cfg(test)]
mod tests;
