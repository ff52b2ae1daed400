//! Restarting the pods, one after the other: standbys first, the primary last, then routers. Before
//! the primary of a group is restarted its role is handed over ([`switch`](super::switch)).
//!
//! Which pods are to be restarted is noted, with their uids, at the moment at which the new
//! certificates are in place: whatever has another uid later has started with them. So no pod is
//! restarted twice, however often the executor itself is, and no two clocks are compared.
//!
//! Before a pod is evicted, that it is its turn is noted: a compare-and-swap on the request. Two
//! executors that see different primaries then still agree on one pod.

use std::cmp::Reverse;

use super::Write;
use super::notes::{Eviction, Note, RELOADED, RESTARTED, Status};
use super::seen::{Pod, Role};
use super::stages::{Run, Turn};
use super::waiting::Waiting;
use crate::core::fleet::Text;
use crate::executor::vocabulary::ExecutorWrite;

/// Where the stage is.
pub(super) fn look(run: &Run<'_>) -> Turn {
    if run.request.progress.has(RESTARTED) || run.request.progress.has(RELOADED) {
        return Turn::Done;
    }
    let under_way: Vec<Eviction<'_>> = run
        .request
        .progress
        .evictions()
        .filter(|eviction| !eviction.done && !run.is_scaled_away(eviction))
        .collect();
    let at = |status| under_way.iter().find(move |eviction| eviction.status == status);
    if let Some(evicted) = at(Status::True) {
        return run.come_back(evicted);
    }
    if let Some(turn) = at(Status::Unknown) {
        return run.evict(turn);
    }
    match run.first(&under_way) {
        None => run.missing().map_or_else(|| done(run), Turn::Wait),
        // Somebody else has restarted it.
        Some(todo) if run.pod(todo).is_none() => {
            note(ExecutorWrite::NoteEvicted, todo, Status::True)
        }
        Some(todo) => match run.unhealthy(&under_way, todo) {
            Some(why) => Turn::Wait(why),
            None => run
                .switch(todo, &under_way)
                .unwrap_or_else(|| note(ExecutorWrite::NoteEvicting, todo, Status::Unknown)),
        },
    }
}

impl Run<'_> {
    fn evict(&self, turn: &Eviction<'_>) -> Turn {
        match self.pod(turn) {
            None => note(ExecutorWrite::NoteEvicted, turn, Status::True),
            Some(pod) if pod.deleting => Turn::Wait(Waiting::Terminating(turn.pod.into())),
            Some(pod) => {
                Turn::Act(Write::Evict { pod: turn.pod.into(), uid: Text::clone(&pod.uid) })
            }
        }
    }

    fn come_back(&self, evicted: &Eviction<'_>) -> Turn {
        let successor = self.seen.pods.get(evicted.pod);
        if successor.is_some_and(|pod| &*pod.uid != evicted.uid && self.is_back(pod)) {
            let note = Note::pod_ready(evicted.pod);
            Turn::Note(ExecutorWrite::NotePodReady, vec![note])
        } else {
            Turn::Wait(Waiting::NotBack(evicted.pod.into()))
        }
    }

    /// The pod that is meant, with the uid that was noted.
    pub(super) fn pod(&self, eviction: &Eviction<'_>) -> Option<&Pod> {
        self.seen.pods.get(eviction.pod).filter(|pod| &*pod.uid == eviction.uid)
    }

    /// Whose turn it is. Of the standbys those that are not ready anyway go first, then the one
    /// with the highest number, as a `StatefulSet` does it. Whoever is gone already needs no turn.
    fn first<'e>(&self, todo: &'e [Eviction<'e>]) -> Option<&'e Eviction<'e>> {
        todo.iter().min_by_key(|eviction| {
            let pod = self.pod(eviction);
            let rank = pod.map(|pod| (pod.role, self.is_back(pod)));
            (rank, Reverse(ordinal(eviction.pod)))
        })
    }

    /// Why nothing may be taken away from the database now. With `apply: Always` a pod that still
    /// waits for its restart may be in any state: the restart may be what it needs.
    fn unhealthy(&self, todo: &[Eviction<'_>], next: &Eviction<'_>) -> Option<Waiting> {
        let waits_too = |name: &str| todo.iter().any(|eviction| eviction.pod == name);
        let pods = self.seen.pods.iter().filter(|(name, _)| &***name != next.pod);
        let mut excusable = pods.filter(|(name, _)| !(self.request.always && waits_too(name)));
        if let Some((name, _)) = excusable.find(|(_, pod)| !self.is_back(pod)) {
            return Some(Waiting::NotBack(Text::clone(name)));
        }
        self.missing().filter(|_| !self.request.always)
    }

    /// There are fewer servers than there should be.
    fn missing(&self) -> Option<Waiting> {
        let (are, should) = (self.seen.servers().count(), self.database.replicas);
        let complete = are >= usize::try_from(should).unwrap_or(usize::MAX);
        (!complete).then_some(Waiting::Servers { are, should })
    }

    /// It is Ready and, where servers are told their roles, has got one: it has joined the others.
    pub(super) fn is_back(&self, pod: &Pod) -> bool {
        let has_role = |pod: &Pod| matches!(pod.role, Role::Primary | Role::Standby | Role::Router);
        let roles_are_told = || self.seen.servers().any(|(_, server)| has_role(server));
        pod.ready && !pod.deleting && (has_role(pod) || !roles_are_told())
    }

    /// It is gone, and not because it is restarted: the database has fewer servers now.
    fn is_scaled_away(&self, eviction: &Eviction<'_>) -> bool {
        let name = eviction.pod;
        let server = name
            .strip_prefix(&*self.request.database)
            .and_then(|rest| rest.strip_prefix('-')?.parse::<u32>().ok());
        let too_many = server.is_some_and(|ordinal| ordinal >= self.database.replicas);
        too_many && !self.seen.pods.contains_key(name)
    }
}

fn done(run: &Run<'_>) -> Turn {
    Turn::Note(ExecutorWrite::NoteRestarted, vec![Note::restarted(run.request)])
}

fn note(point: ExecutorWrite, of: &Eviction<'_>, status: Status) -> Turn {
    Turn::Note(point, vec![Note::evict(of.pod, of.uid, status)])
}

/// The number at the end of a pod's name.
pub(super) fn ordinal(pod: &str) -> u32 {
    pod.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
