//! Which pod is looked at, and when: one look at a time for each, in an order that is the same in
//! each run of a simulation. (kube's `Controller` takes what is due in the order of its hashes.)

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt as _};
use tokio::time::{Instant, sleep_until};

/// Calls `look` for each key that is asked for, and again after the time that it returns. What is
/// asked for several times before its turn is looked at once; the end of `asked` is the end of it.
pub(super) async fn work_off<K, F>(asked: impl Stream<Item = K>, look: impl Fn(K) -> F)
where
    K: Clone + Ord,
    F: Future<Output = Option<Duration>>,
{
    let mut asked = pin!(asked);
    let mut queue: Queue<K> = Queue { due: BTreeMap::new(), busy: BTreeSet::new() };
    let mut looks = FuturesUnordered::new();
    loop {
        for key in queue.take_due() {
            let look = look(key.clone());
            looks.push(async move { (key, look.await) });
        }
        let next = queue.next();
        tokio::select! {
            biased;
            Some((key, again)) = looks.next() => {
                queue.busy.remove(&key);
                if let Some(again) = again {
                    queue.add(key, again);
                }
            }
            key = asked.next() => match key {
                Some(key) => queue.add(key, Duration::ZERO),
                None => return,
            },
            () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
        }
    }
}

/// What is to be looked at.
struct Queue<K> {
    due: BTreeMap<K, Instant>,
    /// What is being looked at: it has to wait for the end of that.
    busy: BTreeSet<K>,
}

impl<K: Clone + Ord> Queue<K> {
    /// Adds a key; the earlier time counts.
    fn add(&mut self, key: K, wait: Duration) {
        let at = Instant::now() + wait;
        let due = self.due.entry(key).or_insert(at);
        *due = at.min(*due);
    }

    fn take_due(&mut self) -> Vec<K> {
        let now = Instant::now();
        let due = self.due.iter().filter(|(key, at)| **at <= now && !self.busy.contains(key));
        let due: Vec<K> = due.map(|(key, _)| key.clone()).collect();
        for key in &due {
            self.due.remove(key);
            self.busy.insert(key.clone());
        }
        due
    }

    /// When the next one is due.
    fn next(&self) -> Option<Instant> {
        let waiting = self.due.iter().filter(|(key, _)| !self.busy.contains(key));
        waiting.map(|(_, at)| *at).min()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::channel::mpsc::unbounded;
    use tokio::time::{sleep, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_is_looked_at_once_at_a_time_and_again_when_it_says() {
        let (ask, asked) = unbounded();
        let seen = Mutex::new(Vec::new());
        let began = Instant::now();
        let look = |key: u32| {
            let seen = &seen;
            async move {
                seen.lock().unwrap().push((began.elapsed().as_secs(), key));
                sleep(Duration::from_secs(2)).await;
                (key == 1).then_some(Duration::from_secs(8))
            }
        };
        for key in [3, 1, 2, 3] {
            ask.unbounded_send(key).unwrap();
        }
        let asks = async {
            sleep(Duration::from_secs(1)).await;
            // It is being looked at: once more when that is over.
            ask.unbounded_send(3).unwrap();
            ask.unbounded_send(3).unwrap();
            sleep(Duration::from_secs(14)).await;
            // Sooner than it would be looked at again by itself.
            ask.unbounded_send(1).unwrap();
            std::future::pending::<()>().await;
        };
        let work = async { tokio::join!(work_off(asked, look), asks) };
        assert!(timeout(Duration::from_secs(30), work).await.is_err());
        let seen = seen.into_inner().unwrap();
        assert_eq!(seen, [(0, 3), (0, 1), (0, 2), (2, 3), (10, 1), (15, 1), (25, 1)]);
    }
}
