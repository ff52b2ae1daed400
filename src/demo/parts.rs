//! The parts of the system as tasks: they end together, and none ends unnoticed.

use std::any::Any;
use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long the parts may take to end when they are asked to.
const PATIENCE: Duration = Duration::from_secs(8);

/// What is running. Whatever gives an `E` has brought the whole to its end.
pub(super) struct Parts<E> {
    tasks: JoinSet<anyhow::Result<Option<E>>>,
    names: BTreeMap<Id, &'static str>,
    last: Option<Id>,
    stop: CancellationToken,
}

impl<E: Send + 'static> Parts<E> {
    /// Nothing yet; `stop` is what every part is stopped by.
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self { tasks: JoinSet::new(), names: BTreeMap::new(), last: None, stop }
    }

    /// Starts a part that runs until it is stopped.
    pub(super) fn start<F>(&mut self, name: &'static str, run: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let part = run(self.stop.child_token());
        self.spawn(name, async { part.await.map(|()| None) });
    }

    /// Starts the part that says when all is over.
    pub(super) fn start_last<F>(
        &mut self,
        name: &'static str,
        run: impl FnOnce(CancellationToken) -> F,
    ) where
        F: Future<Output = anyhow::Result<E>> + Send + 'static,
    {
        let part = run(self.stop.child_token());
        self.last = Some(self.spawn(name, async { part.await.map(Some) }));
    }

    /// Waits for the end, and for every part to have ended. An error is the first thing that went
    /// wrong.
    pub(super) async fn finish(mut self) -> anyhow::Result<E> {
        let first = self.next().await;
        self.stop.cancel();
        let rest = async {
            let mut rest = Ok(None);
            while let Some(ended) = self.next().await {
                rest = worse(rest, ended);
            }
            rest
        };
        let rest = timeout(PATIENCE, rest).await.unwrap_or_else(|_| {
            tracing::warn!("some parts did not end within {PATIENCE:?} and are cut off");
            Ok(None)
        });
        self.tasks.shutdown().await;
        let first = first.unwrap_or(Ok(None));
        worse(first, rest)?.context("the demo ended by itself")
    }

    fn spawn<F>(&mut self, name: &'static str, part: F) -> Id
    where
        F: Future<Output = anyhow::Result<Option<E>>> + Send + 'static,
    {
        let id = self.tasks.spawn(part).id();
        self.names.insert(id, name);
        id
    }

    async fn next(&mut self) -> Option<anyhow::Result<Option<E>>> {
        let ended = self.tasks.join_next_with_id().await?;
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let name = self.names.remove(&id).unwrap_or("nameless");
        let failed = || format!("the {name} failed, and with it all");
        Some(match ended {
            Ok((_, Ok(None))) if !self.stop.is_cancelled() => {
                Err(anyhow!("the {name} ended by itself, and with it all"))
            }
            // What the last one says is meant for people as it is.
            Ok((_, Err(error))) if Some(id) != self.last => Err(error.context(failed())),
            Ok((_, said)) => said,
            Err(error) => Err(panicked(error).context(failed())),
        })
    }
}

/// The first error, or else what was said.
fn worse<E>(
    one: anyhow::Result<Option<E>>,
    other: anyhow::Result<Option<E>>,
) -> anyhow::Result<Option<E>> {
    match (one, other) {
        (Err(error), _) | (Ok(_), Err(error)) => Err(error),
        (Ok(one), Ok(other)) => Ok(one.or(other)),
    }
}

fn panicked(error: JoinError) -> anyhow::Error {
    let Ok(panic) = error.try_into_panic() else { return anyhow!("it was cut off") };
    let text = |panic: &dyn Any| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| panic.downcast_ref::<String>().cloned())
    };
    anyhow!("it panicked: {}", text(&*panic).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn until(stop: CancellationToken) -> anyhow::Result<()> {
        stop.cancelled().await;
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_last_part_says_ends_all() {
        let mut parts = Parts::new(CancellationToken::new());
        parts.start("issuer", until);
        parts.start_last("screen", |_| async { Ok("done") });
        assert_eq!(parts.finish().await.unwrap(), "done");
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_ends_by_itself_is_the_reason() {
        let ends = |how: &'static str| async move {
            let mut parts = Parts::new(CancellationToken::new());
            parts.start("issuer", move |_| async move {
                match how {
                    "panics" => panic!("no key"),
                    "fails" => Err(anyhow!("no key")),
                    _ => Ok(()),
                }
            });
            parts.start("server", until);
            parts.start_last("screen", |stop| async move { until(stop).await });
            format!("{:#}", parts.finish().await.unwrap_err())
        };
        assert_eq!(ends("returns").await, "the issuer ended by itself, and with it all");
        assert_eq!(ends("fails").await, "the issuer failed, and with it all: no key");
        assert_eq!(ends("panics").await, "the issuer failed, and with it all: it panicked: no key");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_last_part_says_of_its_failure_is_told_as_it_is() {
        let mut parts: Parts<()> = Parts::new(CancellationToken::new());
        parts.start("server", until);
        parts.start_last("screen", |_| async { Err(anyhow!("not in time")) });
        assert_eq!(format!("{:#}", parts.finish().await.unwrap_err()), "not in time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_does_not_end_is_cut_off() {
        let mut parts = Parts::new(CancellationToken::new());
        parts.start("deaf one", |_| std::future::pending());
        parts.start_last("screen", |_| async { Ok(()) });
        assert!(parts.finish().await.is_ok());
    }
}
