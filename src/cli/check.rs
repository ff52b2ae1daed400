//! `certrotor check`: is this config file good?

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

pub(super) fn main(files: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let good = crate::config::check(files, &mut io::stdout())?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
