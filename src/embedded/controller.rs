//! How the actors of the embedded cluster that are kube controllers run and end.

use std::time::Duration;

use futures::{Stream, StreamExt as _};
use kube::runtime::controller::Error;
use kube::runtime::watcher;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// How long turns under way may go on after the stop. One that is cut off is made good by the
/// next, as after a crash.
const GRACE: Duration = Duration::from_secs(5);

/// Runs a controller, which must itself end gracefully on `stop`, and says what goes wrong.
pub(super) async fn drive<T, P: std::error::Error + 'static>(
    outcomes: impl Stream<Item = Result<T, Error<P, watcher::Error>>>,
    stop: CancellationToken,
) {
    let turns = outcomes.for_each(async |outcome| report(outcome.map(drop)));
    let overdue = async {
        stop.cancelled().await;
        // A controller that has not listed its objects yet does not end by itself.
        sleep(GRACE).await;
    };
    tokio::select! {
        () = turns => {}
        () = overdue => debug!("a controller was cut off"),
    }
}

fn report<P: std::error::Error + 'static>(outcome: Result<(), Error<P, watcher::Error>>) {
    match outcome {
        // The object has gone, or what names it only looked as if it belonged to one.
        Ok(()) | Err(Error::ObjectNotFound(_)) => {}
        Err(Error::ReconcilerFailed(problem, object)) => {
            warn!(object = %object, "not as it should be yet: {problem}");
        }
        Err(error @ (Error::QueueError(_) | Error::RunnerError(_))) => {
            debug!("a watch is being set up again: {error}");
        }
    }
}
