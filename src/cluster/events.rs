//! Kubernetes Events: what people see in `kubectl describe`.
//!
//! They are core/v1 Events, which `kubectl describe` asks for, with a count as the kubelet's. The
//! name of an Event follows from what it says, so saying it again is a patch of the same Event,
//! after a restart too, and nothing is said twice within [`QUIET`]. Events are a courtesy: they
//! never hold up the loop, are not repeated when they fail, and are dropped when too many wait.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time as MetaTime};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::client::Calls;
use super::failure::ApiFailure;
use crate::clock::Clock;
use crate::core::digest::Digest;

/// For how long the same thing is not said again.
pub const QUIET: Duration = Duration::from_secs(600);
/// How many events may wait to be written.
const QUEUE: usize = 256;
/// How many events are remembered, so as not to say them again.
const MEMORY: usize = 4_096;
/// The longest note that the apiserver takes.
const LONGEST_NOTE: usize = 1_024;

/// Where events that were not written are counted.
pub trait EventMetrics: Send + Sync {
    /// An event was dropped, or could not be written.
    fn dropped(&self);
}

/// Counts nothing.
impl EventMetrics for () {
    fn dropped(&self) {}
}

/// The object that an event is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Regarding {
    /// `kubedb.com/v1`
    pub api_version: String,
    /// `MySQL`
    pub kind: String,
    /// Its namespace; empty for an object that has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid; `kubectl describe` shows only events that have it.
    pub uid: String,
}

/// Something to tell people about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// The object.
    pub regarding: Regarding,
    /// Why, as one word of the vocabulary.
    pub reason: &'static str,
    /// What was done, as one word: `Rotate`.
    pub action: &'static str,
    /// The sentence that people read. May contain foreign text: it is cut and made printable.
    pub note: String,
    /// Whether it needs attention.
    pub warning: bool,
}

/// Who speaks.
#[derive(Clone, Debug)]
pub struct EventSettings {
    /// `certrotor`, `certrotor-executor`
    pub component: String,
    /// This process: the pod's name.
    pub instance: String,
}

/// Takes events; cheap to clone, never blocks.
#[derive(Clone)]
pub struct Events {
    queue: mpsc::Sender<EventRecord>,
    metrics: Arc<dyn EventMetrics>,
}

impl Events {
    /// Queues an event, or drops and counts it when too many wait.
    pub fn post(&self, event: EventRecord) {
        if self.queue.try_send(event).is_err() {
            self.metrics.dropped();
        }
    }
}

/// Writes the queued events, one after the other.
pub struct EventWriter {
    client: Client,
    settings: EventSettings,
    clock: Arc<dyn Clock>,
    calls: Calls,
    metrics: Arc<dyn EventMetrics>,
    queue: mpsc::Receiver<EventRecord>,
    said: BTreeMap<String, Said>,
}

/// An event that was written before.
struct Said {
    at: Instant,
    /// How often, as its Event says.
    count: i32,
    /// How often since, without writing it.
    unsaid: i32,
}

/// The two ends: where to post events, and what writes them.
pub fn event_writer(
    client: Client,
    settings: EventSettings,
    clock: Arc<dyn Clock>,
    calls: Calls,
    metrics: Arc<dyn EventMetrics>,
) -> (Events, EventWriter) {
    let (sender, queue) = mpsc::channel(QUEUE);
    let events = Events { queue: sender, metrics: Arc::clone(&metrics) };
    let said = BTreeMap::new();
    (events, EventWriter { client, settings, clock, calls, metrics, queue, said })
}

impl EventWriter {
    /// Writes events until `stop`; what still waits then is dropped.
    pub async fn run(mut self, stop: CancellationToken) {
        while let Some(Some(event)) = stop.run_until_cancelled(self.queue.recv()).await {
            self.say(event).await;
        }
    }

    async fn say(&mut self, mut event: EventRecord) {
        event.note = printable(&event.note, LONGEST_NOTE);
        let name = event_name(&event);
        if let Some(said) = self.said.get_mut(&name)
            && said.at.elapsed() < QUIET
        {
            said.unsaid = said.unsaid.saturating_add(1);
            return;
        }
        self.forget();
        match self.write(&event, &name).await {
            Ok(count) => {
                self.said.insert(name, Said { at: Instant::now(), count, unsaid: 0 });
            }
            Err(failure) => {
                debug!(%failure, reason = event.reason, "could not write an event");
                self.metrics.dropped();
            }
        }
    }

    /// Writes the event anew or counts it up, and returns its count.
    async fn write(&self, event: &EventRecord, name: &str) -> Result<i32, ApiFailure> {
        let api = self.api(event);
        if let Some(said) = self.said.get(name) {
            let count = said.count.saturating_add(said.unsaid).saturating_add(1);
            match self.repeat(&api, name, Some(count)).await {
                Err(ApiFailure::NotFound) => {} // Events live for an hour.
                answer => return answer,
            }
        }
        let create = self.event(event, name);
        match self.calls.run("create", api.create(&PostParams::default(), &create)).await {
            Ok(_) => Ok(1),
            // Said by this process before it was restarted, or by another replica.
            Err(ApiFailure::AlreadyExists) => self.repeat(&api, name, None).await,
            Err(failure) => Err(failure),
        }
    }

    async fn repeat(
        &self,
        api: &Api<Event>,
        name: &str,
        count: Option<i32>,
    ) -> Result<i32, ApiFailure> {
        let mut change = json!({ "lastTimestamp": MetaTime(self.clock.now().timestamp()) });
        if let Some(count) = count {
            change["count"] = json!(count);
        }
        let patch = Patch::Merge(change);
        let event =
            self.calls.run("patch", api.patch(name, &PatchParams::default(), &patch)).await?;
        Ok(event.count.unwrap_or(1))
    }

    fn api(&self, event: &EventRecord) -> Api<Event> {
        Api::namespaced(self.client.clone(), namespace(event))
    }

    fn event(&self, event: &EventRecord, name: &str) -> Event {
        let now = MetaTime(self.clock.now().timestamp());
        Event {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: Some(namespace(event).to_owned()),
                ..ObjectMeta::default()
            },
            involved_object: reference(&event.regarding),
            reason: Some(event.reason.to_owned()),
            action: Some(event.action.to_owned()),
            message: Some(event.note.clone()),
            type_: Some(if event.warning { "Warning" } else { "Normal" }.to_owned()),
            count: Some(1),
            first_timestamp: Some(now.clone()),
            last_timestamp: Some(now),
            source: Some(EventSource {
                component: Some(self.settings.component.clone()),
                host: None,
            }),
            reporting_component: Some(self.settings.component.clone()),
            reporting_instance: Some(self.settings.instance.clone()),
            ..Event::default()
        }
    }

    /// Keeps the memory bounded: what may be said again goes first, then what is oldest.
    fn forget(&mut self) {
        if self.said.len() < MEMORY {
            return;
        }
        self.said.retain(|_, said| said.at.elapsed() < QUIET);
        if self.said.len() >= MEMORY
            && let Some(oldest) =
                self.said.iter().min_by_key(|(_, said)| said.at).map(|(name, _)| name.clone())
        {
            self.said.remove(&oldest);
        }
    }
}

/// Events of objects without a namespace belong to `default`.
fn namespace(event: &EventRecord) -> &str {
    if event.regarding.namespace.is_empty() { "default" } else { &event.regarding.namespace }
}

fn reference(regarding: &Regarding) -> ObjectReference {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    ObjectReference {
        api_version: some(&regarding.api_version),
        kind: some(&regarding.kind),
        namespace: some(&regarding.namespace),
        name: some(&regarding.name),
        uid: some(&regarding.uid),
        ..ObjectReference::default()
    }
}

/// `<object>.<16 hex digits of what is said>`: the same for the same thing.
fn event_name(event: &EventRecord) -> String {
    let EventRecord { regarding, reason, action, note, warning } = event;
    let Regarding { api_version, kind, namespace, name, uid } = regarding;
    let warning = if *warning { "warning" } else { "" };
    let said = [api_version, kind, namespace, name, uid, *reason, *action, note, warning];
    let digest = Digest::of(said);
    // The longest name is 253, of which 17 are the suffix; Kubernetes names are ASCII.
    let name: String = name.chars().take(236).collect();
    format!("{}.{digest}", name.trim_end_matches(['.', '-']))
}

/// One line of at most `longest` bytes, without characters that act on a terminal.
fn printable(text: &str, longest: usize) -> String {
    let mut line = String::with_capacity(text.len().min(longest));
    for c in text.chars() {
        let c = if c.is_control() || turns_text(c) { ' ' } else { c };
        if line.len() + c.len_utf8() > longest - '…'.len_utf8() {
            line.push('…');
            break;
        }
        line.push(c);
    }
    line
}

/// Marks that change the direction of the text after them, and line separators.
const fn turns_text(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
