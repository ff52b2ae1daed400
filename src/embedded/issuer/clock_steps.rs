//! Steps of the clock: a host that was suspended, a time daemon that put it right.
//!
//! Timers run on tokio's clock, which does not notice (cert-manager#6341). So both are compared once
//! in a while, and whatever waits for a time is looked at again when they disagree.

use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use futures::stream::unfold;
use tokio::time::{Instant, sleep};

use crate::clock::Clock;
use crate::core::time::{Span, Time};

/// How often they are compared.
const OFTEN: Duration = Duration::from_secs(60);
/// Whole seconds and a busy machine.
const NOISE: Span = Span::seconds(5);

/// An item after each step.
pub(super) fn stream(clock: Arc<dyn Clock>) -> impl Stream<Item = ()> + Send + 'static {
    let began = (clock.now(), Instant::now());
    unfold((clock, began), |(clock, mut last)| async move {
        loop {
            sleep(OFTEN).await;
            let now = (clock.now(), Instant::now());
            let stepped = disagree(last, now);
            last = now;
            if stepped {
                return Some(((), (clock, last)));
            }
        }
    })
}

fn disagree((time, instant): (Time, Instant), (later, at): (Time, Instant)) -> bool {
    let elapsed = i64::try_from(at.duration_since(instant).as_secs()).unwrap_or(i64::MAX);
    (later.since(time) - Span::seconds(elapsed)).abs() > NOISE
}
