//! New leaves without a restart, where that is enough: servers load their certificates anew, and what
//! they serve is looked at from outside.
//!
//! It is enough for a rotation of servers that are no group: a group's own connections keep what they
//! began with. Kubelets bring a Secret to its pods within a minute or two, so servers are asked again
//! until they serve the new leaf; after a while, or when a server will not do it, they are restarted.

use super::Write;
use super::notes::{Note, READY, RELOADED};
use super::seen::Serving;
use super::stages::{Run, Turn};
use super::waiting::Waiting;
use crate::core::fleet::Text;
use crate::core::time::Span;
use crate::executor::vocabulary::ExecutorWrite;

/// How long servers are asked before they are restarted instead.
const PATIENCE: Span = Span::minutes(3);

/// Where the stage is.
pub(super) fn look(run: &Run<'_>) -> Turn {
    let progress = &run.request.progress;
    if !run.seen.reloads || progress.0.contains_key(RELOADED) {
        return Turn::Done;
    }
    let todo = progress.evictions().filter(|eviction| !eviction.done);
    let todo = todo.filter_map(|eviction| Some((eviction.pod, run.seen.pods.get(eviction.pod)?)));
    let old = todo.into_iter().find(|(_, pod)| pod.serves != Serving::New);
    let Some((pod, _)) = old else {
        return Turn::Note(ExecutorWrite::NoteReloaded, vec![Note::reloaded(run.request)]);
    };
    let began = progress.step_began().unwrap_or(run.request.created);
    if run.now >= began + PATIENCE.min(run.timeout().scaled(1, 2)) {
        let why = format!("Pod {pod} does not serve the new certificate");
        return Turn::Note(ExecutorWrite::NoteReloaded, vec![Note::not_reloaded(&why)]);
    }
    Turn::Act(Write::Reload(Text::from(pod)))
}

/// A request does not end while a server was seen to serve another certificate than the one that its
/// Secret holds. A server that cannot be seen is taken at the API's word.
pub(super) fn verify(run: &Run<'_>) -> Turn {
    if run.request.progress.has(READY) {
        return Turn::Done;
    }
    let old = run.seen.servers().find(|(_, pod)| pod.serves == Serving::Old);
    old.map_or(Turn::Done, |(name, _)| Turn::Wait(Waiting::ServesOld(Text::clone(name))))
}
