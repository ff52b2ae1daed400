//! `certrotor status`: the fleet in a table.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use futures::StreamExt as _;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::choice::{Scope, key_of};
use super::follow::follow;
use super::reach::{Cluster, Reached};
use super::row::{Table, cells};
use crate::clock::{Clock as _, SystemClock};
use crate::core::fleet::Key;

#[derive(Debug, Args)]
pub(in crate::cli) struct Status {
    /// Only these databases [default: all in the namespace]
    #[arg(value_name = "DATABASE")]
    names: Vec<String>,
    #[command(flatten)]
    scope: Scope,
    /// How it is written
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Go on, with a line for each change
    #[arg(short, long)]
    watch: bool,
    #[command(flatten)]
    cluster: Cluster,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A line for each database; times are how far they are away
    Table,
    /// The same with the message
    Wide,
    /// A List of the Rotations, in JSON
    Json,
    /// A List of the Rotations, in YAML
    Yaml,
    /// Just their names
    Name,
}

impl Status {
    pub(in crate::cli) fn main(&self) -> anyhow::Result<ExitCode> {
        if self.watch && !matches!(self.output, Output::Table | Output::Wide) {
            anyhow::bail!("--watch prints a table: leave out -o, or use -o wide");
        }
        self.cluster.run(async |reached| self.run(&reached).await)
    }

    async fn run(&self, reached: &Reached) -> anyhow::Result<ExitCode> {
        let rotations = self.scope.rotations(reached, &self.names).await?;
        let mut out = anstream::stdout();
        match self.output {
            Output::Json => writeln!(out, "{:#}", list(&rotations))?,
            Output::Yaml => write!(out, "{}", serde_saphyr::to_string(&list(&rotations))?)?,
            Output::Name => {
                for rotation in &rotations {
                    let name = key_of(rotation).name;
                    writeln!(out, "rotation.certrotor.dev/{name}")?;
                }
            }
            Output::Table | Output::Wide => self.table(reached, &rotations).await?,
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn table(&self, reached: &Reached, rotations: &[DynamicObject]) -> anyhow::Result<()> {
        let mut out = anstream::stdout();
        if rotations.is_empty() {
            let place = self.scope.namespace(reached);
            let place =
                place.map_or("any namespace".to_owned(), |name| format!("namespace {name}"));
            anstream::eprintln!("No rotations found in {place}.");
            if !self.watch {
                return Ok(());
            }
        }
        let now = SystemClock.now();
        let rows: Vec<_> = rotations.iter().map(|rotation| cells(rotation, now)).collect();
        let everywhere = self.scope.is_everywhere() || self.names.iter().any(|it| it.contains('/'));
        let table = Table::new(&rows, everywhere, self.output == Output::Wide);
        writeln!(out, "{}", table.heading())?;
        for row in &rows {
            writeln!(out, "{}", table.row(row))?;
        }
        if self.watch { self.watch(reached, rotations, &table).await } else { Ok(()) }
    }

    /// A line for each Rotation that shows something else than before.
    async fn watch(
        &self,
        reached: &Reached,
        rotations: &[DynamicObject],
        table: &Table,
    ) -> anyhow::Result<()> {
        let mut shown: BTreeMap<Key, Value> =
            rotations.iter().map(|it| (key_of(it), it.data["status"].clone())).collect();
        let keys: BTreeSet<Key> = shown.keys().cloned().collect();
        let namespaces: BTreeSet<_> = keys.iter().map(|key| key.namespace.to_string()).collect();
        let namespace = match namespaces.first() {
            Some(only) if namespaces.len() == 1 => Some(only.clone()),
            _ => self.scope.namespace(reached),
        };
        let mut changes = std::pin::pin!(follow(reached, namespace.as_deref(), keys));
        while let Some(rotation) = changes.next().await {
            let rotation = rotation?;
            let status = rotation.data["status"].clone();
            if shown.insert(key_of(&rotation), status.clone()).as_ref() != Some(&status) {
                let row = cells(&rotation, SystemClock.now());
                writeln!(anstream::stdout(), "{}", table.row(&row))?;
            }
        }
        Ok(())
    }
}

/// As `kubectl get -o json` has it.
fn list(rotations: &[DynamicObject]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": rotations})
}
