//! What commands that stay run on.

use anyhow::Context as _;

/// Runs a command to its end, on two threads: one may be busy with a plan while the other answers.
pub(super) fn block_on<T>(run: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("could not start the runtime")?;
    runtime.block_on(run)
}
