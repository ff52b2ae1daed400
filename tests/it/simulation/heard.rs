//! What the processes under test log: their errors, and the names of their writes.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::plan::Role;

/// What is said to servers themselves: no write that the apiserver counts.
const SAID: [&str; 2] = ["reloadTls", "switchPrimary"];

/// Keeps what is heard.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Log>>);

/// What was heard.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// What was logged as an error.
    pub(crate) errors: Vec<String>,
    /// The names of the writes that were done, by role, in their order.
    pub(crate) writes: [Vec<String>; 2],
}

impl Heard {
    /// Listens to this thread for as long as the guard lives; to the names of writes only if asked.
    pub(crate) fn listen(&self, names: bool) -> tracing::subscriber::DefaultGuard {
        let targets = Targets::new().with_default(Level::ERROR);
        let targets = if names { targets.with_target("certrotor", Level::DEBUG) } else { targets };
        let subscriber = tracing_subscriber::registry().with(self.clone().with_filter(targets));
        tracing::subscriber::set_default(subscriber)
    }

    pub(crate) fn take(&self) -> Log {
        std::mem::take(&mut *self.log())
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Layer<S> for Heard {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if *event.metadata().level() == Level::ERROR {
            self.log().errors.push(fields.all);
            return;
        }
        let target = event.metadata().target();
        let role = if target.starts_with("certrotor::executor") {
            Role::Executor
        } else if target.starts_with("certrotor::daemon") && fields.result.as_deref() == Some("ok")
        {
            Role::Daemon
        } else {
            return;
        };
        if let Some(write) = fields.write.filter(|write| !SAID.contains(&&**write)) {
            self.log().writes[role as usize].push(write);
        }
    }
}

#[derive(Default)]
struct Fields {
    all: String,
    write: Option<String>,
    result: Option<String>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        self.all.extend([field.name(), "=", &text, " "]);
        let text = text.trim_matches('"').to_owned();
        match field.name() {
            "write" => self.write = Some(text),
            "result" => self.result = Some(text),
            _ => {}
        }
    }
}
