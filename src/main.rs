//! The `certrotor` program: see [`certrotor::cli`].

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    certrotor::cli::Cli::parse().main()
}
