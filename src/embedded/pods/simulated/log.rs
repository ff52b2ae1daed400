//! The error log of a server: its last lines.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Clock;

/// How many lines are kept.
const LINES: usize = 64;

/// The log.
pub(super) struct Log {
    clock: Arc<dyn Clock>,
    lines: Mutex<VecDeque<String>>,
}

/// How grave a line is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Priority {
    Error,
    System,
    Warning,
}

impl Log {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, lines: Mutex::default() }
    }

    /// Writes a line as mysqld does: time, thread, priority, code, subsystem, text.
    pub(super) fn write(&self, priority: Priority, code: &str, text: &str) {
        let now = self.clock.now();
        let line = format!("{now} 0 [{priority:?}] [{code}] [Server] {text}");
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// The last lines, the oldest first.
    pub(super) fn tail(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
