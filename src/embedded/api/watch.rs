//! Watches: every change after a resourceVersion, as long as the client listens.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Bytes;
use futures::stream::{self, Stream};
use serde_json::{Value, json};
use tokio::sync::futures::Notified;
use tokio::time::{Instant, sleep_until};

use super::call::{Call, Params};
use super::failure::{Cause, Failure};
use super::form;
use super::kind::Resource;
use super::read;
use super::render::{Form, View};
use super::selector::Filter;
use super::server::Inner;
use super::store::{Commit, Store};

/// What is watched, from when, and how it is told.
#[derive(Debug)]
pub(super) struct Wanted {
    filter: Filter,
    start: Start,
    bookmarks: bool,
    lasts: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// Changes after this revision.
    After(u64),
    /// First everything there is, as if it had just been added; whether its end is then marked.
    Existing { marked: bool },
}

impl Wanted {
    pub(super) fn read(resource: &Resource, call: &Call, params: &Params) -> Result<Self, Failure> {
        let by_name = match call.name.as_str() {
            "" => String::new(),
            name => format!("metadata.name={name}"),
        };
        let fields = params.text("fieldSelector");
        let fields = [by_name.as_str(), fields].join(",");
        let filter = Filter::read(params.text("labelSelector"), &fields, resource)?;
        let lasts = params.number("timeoutSeconds")?.filter(|seconds| *seconds > 0);
        Ok(Self {
            filter,
            start: start(resource, params)?,
            bookmarks: params.flag("allowWatchBookmarks"),
            lasts: lasts.map(Duration::from_secs),
        })
    }
}

fn start(resource: &Resource, params: &Params) -> Result<Start, Failure> {
    let version = read::revision(params.text("resourceVersion"))?;
    let refuse = |field: &str, why: &str| {
        let cause = Cause::forbidden(field, why);
        Err(Failure::invalid(resource.about_kind(""), &[cause]))
    };
    let rule = params.text("resourceVersionMatch");
    if !params.has("sendInitialEvents") {
        if !rule.is_empty() {
            let why =
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            return refuse("resourceVersionMatch", why);
        }
        return Ok(match version {
            None | Some(0) => Start::Existing { marked: false },
            Some(version) => Start::After(version),
        });
    }
    if rule != "NotOlderThan" {
        let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        return refuse("resourceVersionMatch", why);
    }
    if params.flag("sendInitialEvents") {
        return Ok(Start::Existing { marked: true });
    }
    Ok(Start::After(version.unwrap_or(0)))
}

/// One watch under way.
pub(super) struct Watch {
    inner: Arc<Inner>,
    resource: Resource,
    namespace: String,
    filter: Filter,
    form: Form,
    /// Something was told already.
    begun: bool,
    bookmarks: bool,
    /// What is ready to be sent.
    queue: VecDeque<Bytes>,
    /// Everything up to this revision has been told, or does not matter.
    cursor: u64,
    /// How often all watches had been cut off when it began.
    cuts: u64,
    /// Changes are told this much later than they happen.
    lag: Duration,
    /// When the next change may be told, if there is one already.
    next_due: Option<Instant>,
    bookmark_at: Instant,
    ends_at: Instant,
    ended: bool,
}

impl Watch {
    pub(super) fn begin(
        inner: Arc<Inner>,
        resource: Resource,
        call: &Call,
        form: Form,
        wanted: Wanted,
        lag: Duration,
    ) -> Self {
        let now = Instant::now();
        let options = &inner.options;
        let mut watch = Self {
            resource,
            namespace: call.namespace.clone(),
            filter: wanted.filter,
            form,
            begun: false,
            bookmarks: wanted.bookmarks,
            queue: VecDeque::new(),
            cursor: 0,
            cuts: inner.cuts.load(Ordering::Relaxed),
            lag,
            next_due: None,
            bookmark_at: now + options.bookmark_every,
            ends_at: now + wanted.lasts.unwrap_or(options.watch_lasts),
            ended: false,
            inner,
        };
        match wanted.start {
            Start::After(revision) => watch.cursor = revision,
            Start::Existing { marked } => watch.tell_existing(marked),
        }
        watch
    }

    /// What is sent, piece by piece.
    pub(super) fn stream(self) -> impl Stream<Item = Bytes> + Send {
        stream::unfold(self, async |mut watch| {
            let event = watch.next().await?;
            Some((event, watch))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        let inner = Arc::clone(&self.inner);
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            // From before the look: what changes after it is not missed.
            let changed = inner.changed.notified();
            self.tell_changes();
            self.ended |= self.cuts != inner.cuts.load(Ordering::Relaxed);
            if self.queue.is_empty() && !self.ended {
                self.wait(changed).await;
            }
        }
    }

    async fn wait(&mut self, changed: Notified<'_>) {
        let next_due = self.next_due;
        tokio::select! {
            biased;
            () = changed => {}
            () = sleep_until(next_due.unwrap_or(self.ends_at)), if next_due.is_some() => {}
            () = sleep_until(self.ends_at) => self.end(),
            () = sleep_until(self.bookmark_at), if self.bookmarks => self.bookmark(false),
        }
    }

    /// A bookmark at the end lets the client resume where it was.
    fn end(&mut self) {
        self.ended = true;
        if self.bookmarks {
            self.bookmark(false);
        }
    }

    fn tell_existing(&mut self, marked: bool) {
        let inner = Arc::clone(&self.inner);
        let store = inner.store();
        for (_, object) in store.list(&self.resource.kind, &self.namespace) {
            let shown = form::present(&self.resource, &object);
            if self.filter.matches(&shown) {
                self.tell("ADDED", shown);
            }
        }
        self.cursor = store.revision();
        if marked && self.bookmarks {
            self.bookmark(true);
        }
    }

    fn tell_changes(&mut self) {
        let inner = Arc::clone(&self.inner);
        let store = inner.store();
        if self.cursor < store.compacted() {
            self.tell_too_old(&store);
            return;
        }
        self.next_due = None;
        let now = Instant::now();
        for commit in store.changes_after(self.cursor) {
            if commit.at + self.lag > now {
                self.next_due = Some(commit.at + self.lag);
                return;
            }
            self.cursor = commit.revision;
            if commit.key.resource == self.resource.kind.stored_as
                && (self.namespace.is_empty() || commit.key.namespace == self.namespace)
            {
                self.tell_change(commit);
            }
        }
    }

    fn tell_change(&mut self, commit: &Commit) {
        let shown = |object: &Option<Arc<Value>>| {
            let object = object.as_ref().map(|object| form::present(&self.resource, object));
            object.filter(|object| self.filter.matches(object))
        };
        match (shown(&commit.before), shown(&commit.after)) {
            (None, None) => {}
            (None, Some(after)) => self.tell("ADDED", after),
            (Some(_), Some(after)) => self.tell("MODIFIED", after),
            (Some(mut before), None) => {
                // It is gone, or no longer selected: as it was, but as of now.
                before["metadata"]["resourceVersion"] = json!(commit.revision.to_string());
                self.tell("DELETED", before);
            }
        }
    }

    fn tell_too_old(&mut self, store: &Store) {
        let (asked, oldest) = (self.cursor, store.compacted());
        let failure = Failure::expired(format!("too old resource version: {asked} ({oldest})"));
        self.push("ERROR", &failure.status());
        self.ended = true;
    }

    fn bookmark(&mut self, initial_end: bool) {
        let mut bookmark = json!({
            "kind": self.resource.kind.kind,
            "apiVersion": self.resource.api_version(),
            "metadata": {
                "creationTimestamp": null,
                "resourceVersion": self.cursor.to_string(),
            },
        });
        if initial_end {
            bookmark["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        self.bookmark_at = Instant::now() + self.inner.options.bookmark_every;
        self.tell("BOOKMARK", bookmark);
    }

    fn tell(&mut self, event: &str, object: Value) {
        let view = View {
            form: self.form,
            resource: &self.resource,
            now: self.inner.clock.now(),
            headers: !self.begun,
        };
        let object = view.of_object(object);
        self.begun = true;
        self.push(event, &object);
    }

    fn push(&mut self, event: &str, object: &Value) {
        let mut line = json!({"type": event, "object": object}).to_string();
        line.push('\n');
        self.queue.push_back(line.into());
    }
}
