//! `certrotor check`: is this config file good?

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::config::{self, Format};

#[derive(Debug, Args)]
pub(super) struct Check {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How it is said
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

impl Check {
    pub(super) fn main(&self) -> anyhow::Result<ExitCode> {
        let good = config::check(&self.files, self.output, &mut io::stdout())?;
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
