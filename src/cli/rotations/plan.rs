//! `certrotor plan`: what will rotate when, and what another config would change.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::ask::{Ask, Unanswered};
use super::choice::owner_of;
use super::local;
use super::reach::{Cluster, Reached};
use crate::api::resources::ROTATION;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{self, Config, values};
use crate::core::forecast::LONGEST;
use crate::core::policy::Policy;
use crate::core::time::Span;
use crate::report::{Outlook, outlook};

mod compare;
mod ics;
mod table;

use compare::Difference;

#[derive(Debug, Args)]
pub(in crate::cli) struct Plan {
    /// Only this namespace [default: all that the daemon watches]
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    /// How far to look ahead, at most 400d
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = duration)]
    until: Span,
    /// Work it out here for this config, and say what it changes: once against what the daemon plans, twice
    /// the first against the second
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// How it is written
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(flatten)]
    ask: Ask,
    #[command(flatten)]
    cluster: Cluster,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A line for each rotation
    Table,
    /// What /api/v1/plan answers, in JSON
    Json,
    /// The same in YAML
    Yaml,
    /// A calendar (RFC 5545)
    Ics,
}

/// A forecast, and from whom it is.
struct Known {
    outlook: Outlook,
    from: String,
}

impl Plan {
    pub(in crate::cli) fn main(&self) -> anyhow::Result<ExitCode> {
        let policies =
            self.config.iter().map(|file| policy(file)).collect::<anyhow::Result<_>>()?;
        if let (Some(server), []) = (&self.ask.server, &*self.config) {
            let server = server.clone();
            let said = super::reach::block_on(async {
                let asked = Ask::server(&server, &self.path()).await;
                asked.map_err(|unanswered| why(unanswered, "the daemon cannot be asked"))
            })?;
            let from = format!("as the daemon at {server} plans it");
            return self.show(Known { outlook: said, from });
        }
        self.cluster.run(async |reached| self.run(&reached, policies).await)
    }

    async fn run(&self, reached: &Reached, policies: Vec<Policy>) -> anyhow::Result<ExitCode> {
        let mut policies = policies.into_iter();
        match (policies.next(), policies.next(), policies.next()) {
            (None, ..) => match self.daemon(reached).await {
                Ok(known) => self.show(known),
                Err(why) => bail!(
                    "{why:#}; --server URL asks it where you can reach it, and --config FILE works it \
                     out here"
                ),
            },
            (Some(new), None, _) => {
                let new = self.local(reached, new, 0).await?;
                match self.daemon(reached).await {
                    Ok(old) => self.show_difference(&old, &new),
                    Err(why) => {
                        eprint(&format!("{why:#}: this is {} alone", self.config[0].display()));
                        self.show(new)
                    }
                }
            }
            (Some(old), Some(new), None) => {
                let old = self.local(reached, old, 0).await?;
                let new = self.local(reached, new, 1).await?;
                self.show_difference(&old, &new)
            }
            (_, _, Some(_)) => bail!("--config is for one config or two"),
        }
    }

    fn path(&self) -> String {
        format!("/api/v1/plan?until={}s", self.until.as_seconds())
    }

    async fn daemon(&self, reached: &Reached) -> anyhow::Result<Known> {
        if let Some(server) = &self.ask.server {
            let said = Ask::server(server, &self.path()).await;
            let outlook =
                said.map_err(|unanswered| why(unanswered, "the daemon cannot be asked"))?;
            return Ok(Known { outlook, from: format!("the daemon at {server}") });
        }
        let rotations = reached.list(&ROTATION, self.namespace.as_deref(), None).await?;
        let owner = rotations.iter().find_map(owner_of);
        let owner = owner.ok_or_else(|| anyhow!("no Rotation names a daemon: does it run?"))?;
        let said = Ask::leader(reached, &owner, &self.path()).await;
        let outlook =
            said.map_err(|it| why(it, &format!("the leader of {owner} cannot be asked")))?;
        Ok(Known { outlook, from: format!("as the leader of {owner} plans it") })
    }

    async fn local(
        &self,
        reached: &Reached,
        policy: Policy,
        which: usize,
    ) -> anyhow::Result<Known> {
        let view = local::view(reached, policy).await?;
        let outlook = outlook(&view, self.until).ok_or_else(|| anyhow!("nothing is known"))?;
        let file = self.config[which].display();
        Ok(Known {
            outlook,
            from: format!(
                "worked out here for {file}, without what the daemon has seen on servers"
            ),
        })
    }

    fn chosen(&self, mut outlook: Outlook) -> Outlook {
        if let Some(namespace) = &self.namespace {
            outlook.rotations.retain(|rotation| rotation.namespace == *namespace);
            outlook.held.retain(|held| held.namespace == *namespace);
        }
        outlook
    }

    fn show(&self, known: Known) -> anyhow::Result<ExitCode> {
        let outlook = self.chosen(known.outlook);
        let mut out = anstream::stdout();
        match self.output {
            Output::Json => writeln!(out, "{:#}", json!(outlook))?,
            Output::Yaml => write!(out, "{}", serde_saphyr::to_string(&json!(outlook))?)?,
            Output::Ics => write!(out, "{}", ics::calendar(&outlook))?,
            Output::Table => {
                write!(out, "{}", table::table(&outlook, SystemClock.now()))?;
                eprint(&known.from);
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn show_difference(&self, old: &Known, new: &Known) -> anyhow::Result<ExitCode> {
        let (from, to) = (self.chosen(old.outlook.clone()), self.chosen(new.outlook.clone()));
        let difference = Difference::between(&from, &to);
        let mut out = anstream::stdout();
        match self.output {
            Output::Json => writeln!(out, "{:#}", json!(difference))?,
            Output::Yaml => write!(out, "{}", serde_saphyr::to_string(&json!(difference))?)?,
            Output::Ics => {
                bail!("-o ics is for one forecast: leave out --config, or a daemon to compare with")
            }
            Output::Table => {
                write!(out, "{}", difference.in_words())?;
                eprint(&format!("- {}\n+ {}", old.from, new.from));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What is about the answer and not part of it.
fn eprint(text: &str) {
    // Nobody is left to tell when stderr is closed.
    drop(writeln!(std::io::stderr(), "{text}"));
}

fn why(unanswered: Unanswered, what: &str) -> anyhow::Error {
    match unanswered {
        Unanswered::NotFound(told) => anyhow!("{what}: {told}"),
        Unanswered::Other(error) => error.context(what.to_owned()),
    }
}

fn policy(file: &Path) -> anyhow::Result<Policy> {
    let name = file.display().to_string();
    let text = config::read(file).map_err(|problems| anyhow!("{problems}"))?;
    let (config, _) = Config::parse(&text, &name).map_err(|problems| anyhow!("{problems}"))?;
    Ok((*config.policy).clone())
}

fn duration(text: &str) -> Result<Span, String> {
    values::duration(text, Span::MINUTE, LONGEST)
}
