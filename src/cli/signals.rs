//! Signals that ask a process to end.

use anyhow::Context as _;
use futures::future::select_all;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The first of these signals asks the process to end; it does within seconds.
pub(super) fn stop_on(
    kinds: &[SignalKind],
    stop: CancellationToken,
) -> anyhow::Result<JoinHandle<()>> {
    let signals: Result<Vec<_>, _> = kinds.iter().map(|kind| signal(*kind)).collect();
    let mut signals = signals.context("could not listen for signals")?;
    Ok(tokio::spawn(async move {
        select_all(signals.iter_mut().map(|signal| Box::pin(signal.recv()))).await;
        tracing::info!("asked to stop");
        stop.cancel();
    }))
}
