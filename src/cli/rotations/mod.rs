//! The commands about rotations: they read and write `Rotation` objects with the user's own rights,
//! and need nothing of the daemon but what it has written there.

mod choice;
mod explain;
mod follow;
mod reach;
mod row;
mod status;
mod wish;
mod words;

pub(super) use explain::Explain;
pub(super) use status::Status;
pub(super) use wish::{Resume, Rotate, Suspend};

#[cfg(test)]
mod tests;
