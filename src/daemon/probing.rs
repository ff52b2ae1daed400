//! The eyes of the daemon: which server is looked at when, and what is made of it.
//!
//! [`next_look`] says when. Nothing is remembered that losing would harm: after a restart every
//! server is looked at anew.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::View;
use crate::clock::Clock;
use crate::cluster::shared::Shared;
use crate::config::reload::Loaded;
use crate::core::fleet::{Database, Fleet, IssuedLeaf, Key, Missed, Pod, Sighting, Text};
use crate::core::probing::{LastLook, next_look};
use crate::core::time::{Span, Time};
use crate::metrics::acts::Acts;
use crate::probe::{
    Expected, Eyes, Failure, Login, Look, Manners, Subject, Trust, Unseen, Verdict, allowed, judge,
};

/// Where mysqld listens.
const PORT: u16 = 3306;
/// How long to wait at most before looking whether a look is due.
const AT_LEAST_EVERY: Duration = Duration::from_secs(60);
/// And at least: the fleet changes more often than that matters here.
const AT_MOST_EVERY: Duration = Duration::from_millis(250);

/// How the daemon looks.
#[derive(Clone)]
pub struct Probing {
    /// What looks.
    pub eyes: Arc<dyn Eyes>,
    /// Whether pods may be at loopback addresses: processes of this very host.
    pub loopback: bool,
}

/// The part of the daemon that looks.
pub(super) struct Prober {
    pub(super) probing: Probing,
    pub(super) shared: Arc<Shared>,
    pub(super) views: watch::Receiver<Arc<View>>,
    pub(super) loaded: watch::Receiver<Arc<Loaded>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) acts: Arc<Acts>,
}

/// A pod and what is remembered of it.
type Place = (Text, Text);

/// What is remembered of a server.
struct Memory {
    last: Option<LastLook>,
    /// None while a look is under way.
    manners: Option<Manners>,
    /// What was last said of it in the log.
    said: String,
}

/// A look to be had.
struct Target {
    place: Place,
    key: Key,
    uid: Text,
    started: Option<Time>,
    address: Result<SocketAddr, Unseen>,
    issued: Option<IssuedLeaf>,
    every: Span,
    /// The name by which clients inside of the cluster connect.
    host: String,
}

/// A look that was had.
struct Done {
    target: Target,
    began: Time,
    manners: Manners,
    trust: Option<Arc<Trust>>,
    look: Look,
}

impl Prober {
    /// Looks until it is stopped.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut memories: BTreeMap<Place, Memory> = BTreeMap::new();
        let mut looks: JoinSet<Done> = JoinSet::new();
        'looking: loop {
            let not_before = Instant::now() + AT_MOST_EVERY;
            let wake = self.begin_what_is_due(&mut memories, &mut looks);
            tokio::select! {
                () = stop.cancelled() => break,
                () = sleep_until(wake) => {}
                Ok(()) = self.views.changed() => {}
                Ok(()) = self.loaded.changed() => {}
                Some(done) = looks.join_next() => self.ended(done, &mut memories),
            }
            // What is due is looked for in the whole fleet: not for each look that ends.
            loop {
                tokio::select! {
                    () = stop.cancelled() => break 'looking,
                    () = sleep_until(not_before) => break,
                    Some(done) = looks.join_next() => self.ended(done, &mut memories),
                }
            }
        }
        looks.shutdown().await;
    }

    /// Begins what is due as far as there is room, and says when to come again.
    fn begin_what_is_due(
        &mut self,
        memories: &mut BTreeMap<Place, Memory>,
        looks: &mut JoinSet<Done>,
    ) -> Instant {
        let latest = Instant::now() + AT_LEAST_EVERY;
        let fleet = Arc::clone(&self.views.borrow_and_update().fleet);
        let config = self.loaded.borrow_and_update().config.clone();
        let Some(settings) = config.map(|config| config.probe.clone()) else {
            return latest;
        };
        self.shared.with_stores(|stores| stores.set_probed(settings.enabled));
        if !settings.enabled || !fleet.leader {
            return latest;
        }
        forget_what_is_gone(memories, &fleet);
        let now = self.clock.now();
        let mut due = due(&fleet, memories, settings.every);
        due.sort_by_key(|(at, ..)| *at);
        let room = usize::try_from(settings.concurrency).unwrap_or(usize::MAX);
        for (at, key, database, name, pod) in due {
            if at > now || looks.len() >= room {
                let rest = at.since(now).to_std();
                return latest.min(Instant::now() + rest.max(AT_MOST_EVERY));
            }
            let target = self.target((key, database), (name, pod), settings.every);
            let memory = memories.entry(target.place.clone()).or_insert_with(Memory::empty);
            let anew = memory
                .last
                .as_ref()
                .is_none_or(|last| last.pod_uid != target.uid || last.started != target.started);
            let manners = memory.manners.take().filter(|_| !anew);
            let manners = manners.unwrap_or_else(|| Manners::new(&format!("{:?}", target.place)));
            let login = settings.login.clone();
            let look = self.look(target, manners, login, now);
            looks.spawn(look);
        }
        latest
    }

    fn target(
        &self,
        (key, database): (&Key, &Database),
        (name, pod): (&Text, &Pod),
        every: Span,
    ) -> Target {
        let address = pod.address.unwrap_or(IpAddr::from([0, 0, 0, 0]));
        let allowed = allowed(address, pod.node, self.probing.loopback);
        Target {
            place: (Text::clone(&key.namespace), Text::clone(name)),
            key: key.clone(),
            uid: Text::clone(&pod.uid),
            started: pod.started,
            address: allowed
                .map(|()| SocketAddr::new(address, PORT))
                .map_err(|forbidden| Unseen::new(Failure::Forbidden, forbidden.to_string())),
            issued: database.issued_server_leaf().cloned(),
            every,
            host: format!("{name}.{}-pods.{}.svc", key.name, key.namespace),
        }
    }

    fn look(
        &self,
        target: Target,
        manners: Manners,
        login: Option<Login>,
        began: Time,
    ) -> impl Future<Output = Done> + Send + use<> {
        let eyes = Arc::clone(&self.probing.eyes);
        async move {
            let published = target.issued.as_ref().and_then(|issued| issued.ca.as_ref());
            let trust = published.and_then(|pem| Trust::from_pem(pem.as_bytes()).ok());
            let trust = trust.map(Arc::new);
            let (look, manners) = match &target.address {
                Ok(address) => {
                    let trust = trust.clone();
                    let subject = Subject { address: *address, manners, login, trust, now: began };
                    eyes.look(subject).await
                }
                Err(unseen) => {
                    (Look { took: Duration::ZERO, result: Err(unseen.clone()) }, manners)
                }
            };
            Done { target, began, manners, trust, look }
        }
    }

    fn ended(&self, done: Result<Done, JoinError>, memories: &mut BTreeMap<Place, Memory>) {
        match done {
            Ok(done) => self.take_in(done, memories),
            Err(error) => {
                tracing::error!(%error, "a look at a server did not end; it is had again");
                memories.retain(|_, memory| memory.manners.is_some());
            }
        }
    }

    /// Makes evidence of a look.
    fn take_in(&self, done: Done, memories: &mut BTreeMap<Place, Memory>) {
        let Done { target, began, manners, trust, look } = done;
        let memory = memories.entry(target.place.clone()).or_insert_with(Memory::empty);
        let failure = look.result.as_ref().err().map(|unseen| unseen.failure);
        memory.manners = Some(manners);
        let same = memory.last.take().filter(|last| last.pod_uid == target.uid);
        let misses = same.as_ref().map_or(0, |last| last.misses);
        // One that came sooner than usual is waited for.
        let usual = same.is_some_and(|last| began.since(last.began) > target.every.scaled(1, 2));
        memory.last = Some(LastLook {
            began,
            pod_uid: Text::clone(&target.uid),
            started: target.started,
            misses: if failure.is_some() { misses.saturating_add(1) } else { 0 },
            held_against_us: failure.is_some_and(Failure::counts_against_us),
        });
        self.acts.probed(result(&look), look.took);
        say(&target, &look, trust.as_deref(), began, memory);
        let (namespace, name) = &target.place;
        let news = self.shared.with_stores(|stores| match &look.result {
            Ok(seen) => {
                let tls = seen.tls.as_ref();
                let sighting = Sighting {
                    began,
                    pod_uid: target.uid,
                    leaf: tls.map(|tls| tls.presented.leaf()),
                    trusted: tls.and_then(|tls| trust.as_ref()?.holds(&tls.presented, began)),
                };
                stores.saw(namespace, name, sighting)
            }
            Err(unseen) => {
                let why = unseen.failure.as_str().into();
                stores.missed(namespace, name, Missed { pod_uid: target.uid, why })
            }
        });
        if news || !usual {
            self.shared.changed.notify_one();
        }
    }
}

/// Says in the log what is new about a server, and nothing twice.
fn say(target: &Target, look: &Look, trust: Option<&Trust>, now: Time, memory: &mut Memory) {
    let (pod, database) = (&*target.place.1, target.key.to_string());
    let (words, bad) = match &look.result {
        Ok(seen) => {
            let issued = target.issued.as_ref().map(|issued| &issued.id);
            let expected = Expected { issued, trust, host: Some(&target.host) };
            let verdicts = judge(seen, &expected, now);
            let words: Vec<&str> = verdicts.iter().map(|verdict| verdict.as_str()).collect();
            (words.join(" "), verdicts.iter().any(|verdict| verdict.is_bad()))
        }
        Err(unseen) => (unseen.to_string(), true),
    };
    if memory.said == words {
        return;
    }
    if bad {
        tracing::warn!(database, pod, "looked at what is served: {words}");
    } else {
        tracing::debug!(database, pod, "looked at what is served: {words}");
    }
    memory.said = words;
}

impl Memory {
    fn empty() -> Self {
        Self { last: None, manners: None, said: String::new() }
    }
}

/// What came of a look, as the metric says it.
fn result(look: &Look) -> &'static str {
    match &look.result {
        Ok(seen) if seen.tls.is_some() => SEEN,
        Ok(_) => Verdict::NoTls.as_str(),
        Err(unseen) => unseen.failure.as_str(),
    }
}

const SEEN: &str = "seen";

/// All that may come of a look.
pub(super) fn results() -> Vec<&'static str> {
    let failures = Failure::ALL.iter().map(|failure| failure.as_str());
    [SEEN, Verdict::NoTls.as_str()].into_iter().chain(failures).collect()
}

type Due<'a> = (Time, &'a Key, &'a Database, &'a Text, &'a Pod);

/// When each server that is not being looked at is due.
fn due<'a>(fleet: &'a Fleet, memories: &BTreeMap<Place, Memory>, every: Span) -> Vec<Due<'a>> {
    let pods = fleet.databases.iter().flat_map(|(key, database)| {
        database.pods.iter().map(move |(name, pod)| (key, &**database, name, pod))
    });
    let due = pods.filter_map(|(key, database, name, pod)| {
        let place = (Text::clone(&key.namespace), Text::clone(name));
        let memory = memories.get(&place);
        let busy = memory.is_some_and(|memory| memory.manners.is_none());
        let last = memory.and_then(|memory| memory.last.as_ref());
        let at = next_look(database, pod, last, every).filter(|_| !busy)?;
        Some((at, key, database, name, pod))
    });
    due.collect()
}

fn forget_what_is_gone(memories: &mut BTreeMap<Place, Memory>, fleet: &Fleet) {
    let there: BTreeSet<(&Text, &Text)> = fleet
        .databases
        .iter()
        .flat_map(|(key, database)| database.pods.keys().map(|name| (&key.namespace, name)))
        .collect();
    memories.retain(|(namespace, name), _| there.contains(&(namespace, name)));
}
