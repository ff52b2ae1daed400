//! The command line: a file a command.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

mod check;
#[cfg(feature = "demo")]
mod demo;
mod operate;
mod probe;
mod rotations;
mod run;
mod runtime;
mod signals;

/// Keeps the TLS certificates of MySQL databases under KubeDB fresh, and proves it.
#[derive(Debug, Parser)]
#[command(name = "certrotor", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch certificates rotate, within a minute: the whole system in this process, with a
    /// Kubernetes API and MySQL servers of its own, and nothing to install
    #[cfg(feature = "demo")]
    Demo(demo::Demo),
    /// Run the daemon: watch, decide, create requests, follow them, report
    Run(run::Run),
    /// Run the executor: carry out MySQLOpsRequests of type ReconfigureTLS, where no Ops Manager does
    Operate(operate::Operate),
    /// The databases and their rotations in a table; -w follows
    Status(rotations::Status),
    /// Why a database is rotated, or not now, in words
    Explain(rotations::Explain),
    /// What will rotate when, and what another config would change
    Plan(rotations::Plan),
    /// Have databases rotated, through every gate
    Rotate(rotations::Rotate),
    /// Hold databases: they are not rotated, whatever happens to their certificates
    Suspend(rotations::Suspend),
    /// Let suspended databases go
    Resume(rotations::Resume),
    /// Look at a MySQL server from outside, without an account: which certificate does it serve?
    Probe(probe::Probe),
    /// Check config files: print everything that is wrong with them, and exit with 1 if anything is
    Check(check::Check),
    /// About the config file
    Config {
        #[command(subcommand)]
        what: About,
    },
    /// Print the definition of the Rotation kind, for `kubectl apply -f -`
    Crds,
    /// Print what completes this command line in a shell
    ///
    /// For bash: source <(certrotor completions bash)
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the version
    Version,
}

/// What there is to know about the config file.
#[derive(Debug, Subcommand)]
enum About {
    /// Print its JSON schema, for editors
    Schema,
}

impl Cli {
    /// Carries the command out. 0: all is well; 1: it failed; 2: the command line was wrong.
    pub fn main(self) -> ExitCode {
        let result = match self.command {
            #[cfg(feature = "demo")]
            Command::Demo(demo) => demo.main(),
            Command::Run(run) => run.main(),
            Command::Operate(operate) => operate.main(),
            Command::Status(status) => status.main(),
            Command::Explain(explain) => explain.main(),
            Command::Plan(plan) => plan.main(),
            Command::Rotate(rotate) => rotate.main(),
            Command::Suspend(suspend) => suspend.main(),
            Command::Resume(resume) => resume.main(),
            Command::Probe(probe) => probe.main(),
            Command::Check(check) => check.main(),
            Command::Config { what: About::Schema } => {
                print(Ok(format!("{:#}\n", crate::config::schema::json())))
            }
            Command::Crds => print(crate::api::rotation::crds_yaml().map_err(Into::into)),
            Command::Completions { shell } => {
                let mut text = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "certrotor", &mut text);
                print_bytes(&text)
            }
            Command::Version => print(Ok(format!("certrotor {}\n", env!("CARGO_PKG_VERSION")))),
        };
        match result {
            Ok(code) => code,
            // Whoever reads has seen enough, as with `| head`.
            Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
            Err(error) => {
                // Nobody is left to tell when stderr is closed too.
                drop(writeln!(io::stderr(), "certrotor: {error:#}"));
                ExitCode::FAILURE
            }
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

fn print(text: anyhow::Result<String>) -> anyhow::Result<ExitCode> {
    print_bytes(text?.as_bytes())
}

fn print_bytes(text: &[u8]) -> anyhow::Result<ExitCode> {
    io::stdout().write_all(text)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests;
