//! Waiting for what must come to pass: polling with a deadline, never a fixed sleep.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

/// How often to look.
const OFTEN: Duration = Duration::from_millis(100);

/// Looks until `look` is content; ends the test with what it saw last when `within` is over.
pub(crate) async fn eventually<T>(
    within: Duration,
    what: &str,
    look: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    match patiently(within, look).await {
        Ok(found) => found,
        Err(seen) => panic!("waited {within:?} for {what}; last seen: {seen}"),
    }
}

/// Looks until `look` is content, or says what it saw last.
pub(crate) async fn patiently<T>(
    within: Duration,
    mut look: impl AsyncFnMut() -> Result<T, String>,
) -> Result<T, String> {
    let deadline = Instant::now() + within;
    let mut seen = "nothing".to_owned();
    loop {
        match timeout_at(deadline, look()).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(now)) => seen = now,
            Err(_) => return Err(seen),
        }
        if timeout_at(deadline, sleep(OFTEN)).await.is_err() {
            return Err(seen);
        }
    }
}
