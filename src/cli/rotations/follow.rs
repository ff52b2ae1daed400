//! Rotations as they change.

use std::collections::BTreeSet;

use anyhow::anyhow;
use futures::{Stream, StreamExt as _, TryStreamExt as _, future};
use kube::api::DynamicObject;
use kube::runtime::watcher::{Error, Event};
use kube::runtime::{WatchStreamExt as _, watcher};

use super::choice::key_of;
use super::reach::{Reached, advise};
use crate::api::resources::ROTATION;
use crate::cluster::client::ApiFailure;
use crate::core::fleet::Key;

/// Each of these Rotations as it is, and again whenever it has changed. What the apiserver refuses
/// ends it; what is only out of reach is tried again.
pub(super) fn follow(
    reached: &Reached,
    namespace: Option<&str>,
    keys: BTreeSet<Key>,
) -> impl Stream<Item = anyhow::Result<DynamicObject>> {
    let events = watcher(reached.rotations(namespace), watcher::Config::default());
    let events = events.default_backoff().filter_map(|event| future::ready(changed(event)));
    events.try_filter(move |rotation| future::ready(keys.contains(&key_of(rotation))))
}

fn changed(event: Result<Event<DynamicObject>, Error>) -> Option<anyhow::Result<DynamicObject>> {
    match event {
        Ok(Event::Apply(rotation) | Event::InitApply(rotation)) => Some(Ok(rotation)),
        Err(Error::InitialListFailed(error) | Error::WatchStartFailed(error)) => {
            let failure = ApiFailure::from(error);
            let refused = matches!(failure, ApiFailure::Forbidden(_) | ApiFailure::NotFound);
            refused.then(|| Err(advise(&failure, &ROTATION)))
        }
        Ok(Event::Init | Event::InitDone | Event::Delete(_))
        | Err(Error::WatchError(_) | Error::WatchFailed(_)) => None,
        Err(Error::NoResourceVersion) => Some(Err(anyhow!("a list without a resourceVersion"))),
    }
}
