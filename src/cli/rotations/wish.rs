//! `certrotor rotate`, `suspend`, `resume`: what people wish, written into `Rotation.spec`. The
//! daemon acts on it, through every gate.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use futures::StreamExt as _;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::choice::{Scope, key_of};
use super::follow::follow;
use super::reach::{Cluster, Reached, advise};
use super::row::word;
use super::words::is_gate;
use crate::api::resources::ROTATION;
use crate::clock::{Clock as _, SystemClock};
use crate::config::values;
use crate::core::fleet::Key;
use crate::core::time::Span;
use crate::core::vocabulary::State;

/// Who writes, for `managedFields`.
const FIELD_MANAGER: &str = "certrotor-cli";
/// The longest that anybody waits.
const LONGEST: Span = Span::days(365);

/// Which databases, and whether to write at all.
#[derive(Debug, Args)]
struct Wish {
    /// The databases
    #[arg(value_name = "[NAMESPACE/]NAME")]
    names: Vec<String>,
    #[command(flatten)]
    scope: Scope,
    /// Let the apiserver check everything, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    cluster: Cluster,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Rotate {
    #[command(flatten)]
    wish: Wish,
    /// Wait until it is done, and say why it is not yet; exit with 1 when it does not work out
    #[arg(long, conflicts_with = "dry_run")]
    wait: bool,
    /// How long to wait at most
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    #[arg(requires = "wait")]
    timeout: Span,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Suspend {
    #[command(flatten)]
    wish: Wish,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Resume {
    #[command(flatten)]
    wish: Wish,
}

fn duration(text: &str) -> Result<Span, String> {
    values::duration(text, Span::seconds(1), LONGEST)
}

/// What to write into one Rotation, and what to say.
enum Deed {
    Write(Value, String),
    Leave(String),
}

impl Suspend {
    pub(in crate::cli) fn main(&self) -> anyhow::Result<ExitCode> {
        self.wish.carry_out(|rotation| {
            if is_suspended(rotation) {
                return Deed::Leave("is suspended already".to_owned());
            }
            let note = "suspended: nothing rotates it until certrotor resume";
            Deed::Write(json!({"suspend": true}), note.to_owned())
        })
    }
}

impl Resume {
    pub(in crate::cli) fn main(&self) -> anyhow::Result<ExitCode> {
        self.wish.carry_out(|rotation| {
            if is_suspended(rotation) {
                Deed::Write(json!({"suspend": null}), "resumed".to_owned())
            } else {
                Deed::Leave("is not suspended".to_owned())
            }
        })
    }
}

fn is_suspended(rotation: &DynamicObject) -> bool {
    rotation.data["spec"]["suspend"] == true
}

impl Rotate {
    pub(in crate::cli) fn main(&self) -> anyhow::Result<ExitCode> {
        self.wish.cluster.run(async |reached| {
            let rotations = self.wish.chosen(&reached).await?;
            let now = SystemClock.now().to_string();
            let deed = |rotation: &DynamicObject| {
                unhandled(rotation).map_or_else(
                    || Deed::Write(json!({"requestedAt": now}), requested(rotation)),
                    |asked| Deed::Leave(format!("was asked for already, with {asked}")),
                )
            };
            let written = self.wish.write(&reached, &rotations, deed).await?;
            let all = written.len() == rotations.len();
            let done = !self.wait || self.wait(&reached, &written).await?;
            Ok(if all && done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        })
    }

    /// Follows them until each is done; whether all ended well.
    async fn wait(&self, reached: &Reached, asked: &[DynamicObject]) -> anyhow::Result<bool> {
        let mut waiting = Waiting::new(asked);
        let watching = async {
            let keys: BTreeSet<Key> = waiting.asked.keys().cloned().collect();
            let namespaces: BTreeSet<_> = keys.iter().map(|key| key.namespace.clone()).collect();
            let only = namespaces.first().filter(|_| namespaces.len() == 1);
            let mut changes = std::pin::pin!(follow(reached, only.map(|name| &**name), keys));
            while !waiting.is_done() {
                let Some(rotation) = changes.next().await else { break };
                if let Some(line) = waiting.see(&rotation?) {
                    writeln!(anstream::stdout(), "{line}")?;
                }
            }
            anyhow::Ok(())
        };
        match timeout(self.timeout.to_std(), watching).await {
            Ok(ended) => ended?,
            Err(_) => bail!(
                "not done after {}: {}",
                self.timeout,
                waiting.asked.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            ),
        }
        Ok(!waiting.has_failed())
    }
}

fn requested(rotation: &DynamicObject) -> String {
    let but = if is_suspended(rotation) {
        ", but it is suspended: certrotor resume lets it go"
    } else {
        ""
    };
    format!("rotation requested{but}")
}

/// What was asked for and is not done yet.
fn unhandled(rotation: &DynamicObject) -> Option<String> {
    let asked = word(rotation, "/spec/requestedAt")?;
    (word(rotation, "/status/handledRequest").as_ref() != Some(&asked)).then_some(asked)
}

/// Who is waited for.
pub(super) struct Waiting {
    /// What each was asked for with.
    asked: BTreeMap<Key, String>,
    said: BTreeMap<Key, String>,
    failed: bool,
}

impl Waiting {
    pub(super) fn new(rotations: &[DynamicObject]) -> Self {
        let asked = rotations
            .iter()
            .filter_map(|rotation| Some((key_of(rotation), word(rotation, "/spec/requestedAt")?)));
        Self { asked: asked.collect(), said: BTreeMap::new(), failed: false }
    }

    pub(super) fn is_done(&self) -> bool {
        self.asked.is_empty()
    }

    pub(super) const fn has_failed(&self) -> bool {
        self.failed
    }

    /// What there is to say of a Rotation as it is now.
    pub(super) fn see(&mut self, rotation: &DynamicObject) -> Option<String> {
        let key = key_of(rotation);
        let asked = self.asked.get(&key)?;
        let state = word(rotation, "/status/state");
        let line = if word(rotation, "/status/handledRequest").as_ref() == Some(asked) {
            self.asked.remove(&key);
            let outcome = word(rotation, "/status/last/outcome").unwrap_or_default();
            let message = word(rotation, "/status/last/message");
            let message = message.map(|message| format!(": {message}")).unwrap_or_default();
            format!("{key}: {outcome}{message}")
        } else if state.as_deref() == Some(State::Stuck.as_str()) {
            self.asked.remove(&key);
            self.failed = true;
            format!("{key}: Stuck: {}", word(rotation, "/status/message").unwrap_or_default())
        } else {
            format!("{key}: {}", progress(rotation))
        };
        let news = self.said.insert(key, line.clone()).as_ref() != Some(&line);
        news.then_some(line)
    }
}

/// Its state, and the gate that it waits for.
fn progress(rotation: &DynamicObject) -> String {
    let Some(mut text) = word(rotation, "/status/state") else {
        return "the daemon has not looked at it yet".to_owned();
    };
    let reasons = rotation.data["status"]["reasons"].as_array().into_iter().flatten();
    let mut gates = reasons.filter_map(Value::as_str).filter(|word| is_gate(word));
    if let Some(gate) = gates.next() {
        text.push_str(" for ");
        text.push_str(gate);
        if let Some(next) = word(rotation, "/status/next") {
            text.push_str(" until ");
            text.push_str(&next);
        }
    } else if let Some(request) = word(rotation, "/status/current/request/name") {
        text.push_str(", request ");
        text.push_str(&request);
    }
    text
}

impl Wish {
    fn carry_out(&self, deed: impl Fn(&DynamicObject) -> Deed) -> anyhow::Result<ExitCode> {
        self.cluster.run(async |reached| {
            let rotations = self.chosen(&reached).await?;
            let written = self.write(&reached, &rotations, deed).await?;
            let all = written.len() == rotations.len();
            Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        })
    }

    /// Never everything by accident.
    async fn chosen(&self, reached: &Reached) -> anyhow::Result<Vec<DynamicObject>> {
        if self.names.is_empty() && !self.scope.is_wide() {
            bail!("which databases? Name them, or choose them by -l SELECTOR, or all by -A");
        }
        let rotations = self.scope.rotations(reached, &self.names).await?;
        if rotations.is_empty() {
            bail!("no rotation is meant by that; certrotor status -A lists all");
        }
        Ok(rotations)
    }

    /// The Rotations that are as they should be now. One that is refused does not keep the others.
    async fn write(
        &self,
        reached: &Reached,
        rotations: &[DynamicObject],
        deed: impl Fn(&DynamicObject) -> Deed,
    ) -> anyhow::Result<Vec<DynamicObject>> {
        let params = PatchParams { dry_run: self.dry_run, ..PatchParams::apply(FIELD_MANAGER) };
        let mut written = Vec::new();
        for rotation in rotations {
            let key = key_of(rotation);
            let (spec, note) = match deed(rotation) {
                Deed::Write(spec, note) => (spec, note),
                Deed::Leave(note) => {
                    writeln!(anstream::stdout(), "{key}: {note}")?;
                    written.push(rotation.clone());
                    continue;
                }
            };
            let api = reached.rotations(Some(&key.namespace));
            let patch = Patch::Merge(json!({"spec": spec}));
            match reached.call("patch", api.patch(&key.name, &params, &patch)).await {
                Ok(now) => {
                    let dry = if self.dry_run { " (dry run)" } else { "" };
                    writeln!(anstream::stdout(), "{key}: {note}{dry}")?;
                    written.push(now);
                }
                Err(failure) => {
                    writeln!(anstream::stderr(), "{key}: {:#}", advise(&failure, &ROTATION))?;
                }
            }
        }
        Ok(written)
    }
}
