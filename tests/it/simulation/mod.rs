//! The unmodified daemon and executor on a whole cluster in memory, on paused time: killed before
//! and after each of their writes, disturbed as chance has it, and judged by what the apiserver and
//! the servers saw.
//!
//! | file | what |
//! |---|---|
//! | `plan` | what is to happen in one run |
//! | `crashes`, `stories` | the tests: a process dies at its writes, in a calm rotation and in what leads to all the others |
//! | `seeds`, `mutation` | more of them: plans made by chance, plans with a bug |
//! | `scene`, `world`, `process` | the cluster that all begin with, a copy of it at work, the processes under test |
//! | `faults`, `people` | what becomes of each request, with the journal of all; what people do |
//! | `stage`, `settled` | a plan under way, and whether it is over |
//! | `runner`, `heard` | carries plans out, many at once; what was logged |
//! | `history` | what happened, read off the commit log and the servers |
//! | `oracles`, `biting` | what must hold; that it is seen when it does not |
//! | `mutants`, `twist` | bugs that a daemon is given from outside |
//!
//! What goes wrong prints how to see it again, with every request:
//! `SEED=17 cargo test --test it simulation -- --nocapture` for a plan made by chance, `PLAN='…'` for
//! those whose name contains that. A seed is the same run each time, to the millisecond of every
//! request of everybody. Plain `cargo test` runs few of them, `tests/run` the
//! 200 seeds and all mutants, `tests/run --full` every crash, 2 000 seeds and a whole day at rest.
//!
//! To add
//!
//! - **something that goes wrong with a request**: a line in `Faults::by_chance`, or a field of `Plan`
//!   that `Faults::of_request` looks at;
//! - **something that happens**: a variant of `Happening`, done in `Stage::happen` or `World::people`,
//!   and a line in `seeds::draw`;
//! - **an oracle**: a function of the requests, spells and so on of a `Run` in `oracles`, called by
//!   `judge`, with a test of a history that breaks it and of one that does not;
//! - **a mutant**: a variant of `Mutant`, what it does to the clock, the config or the requests, and in
//!   `mutation::plans` the plans in which it must be seen. These must be fine without it.
//!
//! What must be so for a seed to be one run: nothing under test, and nobody else, may go through a
//! hashed collection, wait in tokio's `watch` with others, or draw from unseeded chance.

mod biting;
mod crashes;
mod faults;
mod heard;
mod history;
mod mutants;
mod mutation;
mod oracles;
mod people;
mod plan;
mod process;
mod runner;
mod scene;
mod seeds;
mod settled;
mod stage;
mod stories;
mod twist;
mod world;
