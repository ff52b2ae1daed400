//! How much of what there is to try is tried. The unit tests share this file.

/// Plain `cargo test` is for the minute between two edits; `tests/run` is for every change that
/// lands; `tests/run --full` takes its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effort {
    Quick,
    Whole,
    Full,
}

impl Effort {
    /// What `CERTROTOR_TEST` says.
    pub(crate) fn of_this_run() -> Self {
        match std::env::var("CERTROTOR_TEST").as_deref() {
            Err(_) => Self::Quick,
            Ok("whole") => Self::Whole,
            Ok("full") => Self::Full,
            Ok(other) => panic!("CERTROTOR_TEST={other:?} is neither `whole` nor `full`"),
        }
    }
}

/// One of three sizes.
pub(crate) fn sized<T>(quick: T, whole: T, full: T) -> T {
    match Effort::of_this_run() {
        Effort::Quick => quick,
        Effort::Whole => whole,
        Effort::Full => full,
    }
}
